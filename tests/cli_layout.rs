//! `stridewise layout` as a user meets it.

mod support;

use serde_json::{Value, json};
use std::process::{Command, Output};

fn layout(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_stridewise")).arg("layout").args(arguments).output().unwrap()
}

fn document(arguments: &[&str]) -> Value {
    let output = layout(&[arguments, &["--format", "json"]].concat());
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let schema = include_str!("../schema/layout-1.json");
    let broken = support::schema::violations(&serde_json::from_str(schema).unwrap(), &document);
    assert_eq!(broken, [] as [String; 0]);
    document
}

#[test]
fn columns_of_a_power_of_two_have_the_known_figures() {
    let columns = ["--shape", "4096,4096", "--dtype", "f8", "--order", "C", "--loop", "1,0"];
    let found = document(&[&columns[..], &["--cache", "l1=32K:8:64,l2=512K:8:64"]].concat());
    assert_eq!(found["strides"], json!([32768, 8]));
    let facts = &found["loops"][0];
    assert_eq!(facts["inner_step"], 32768);
    assert_eq!(facts["lines_per_element"], 1.0);
    assert_eq!(facts["fetch_amplification"], 8.0);
    assert_eq!((&facts["sweep_lines"], &facts["sweep_pages"]), (&json!(4096), &json!(4096)));
    assert_eq!((&facts["sets"][0]["reached"], &facts["sets"][0]["of"]), (&json!(1), &json!(64)));
    assert_eq!((&facts["sets"][1]["reached"], &facts["sets"][1]["of"]), (&json!(2), &json!(1024)));
    assert!(facts["advice"].as_str().unwrap().starts_with("Use --loop 0,1"));
}

#[test]
fn views_are_told_from_copies() {
    let base = ["--shape", "4096,4096", "--then", "T"];
    let copy = document(&[&base[..], &["--then", "reshape(-1)"]].concat());
    assert_eq!(copy["copies"], json!([{ "operation": 1, "bytes": 134_217_728 }]));
    let view = document(&[&base[..], &["--then", "reshape(-1, order=F)"]].concat());
    assert_eq!(view["copies"], json!([]));
    let windows = document(&["--shape", "2000000", "--then", "sliding_window_view(64)"]);
    assert_eq!((&windows["elements"], &windows["overlaps_itself"]), (&json!("127995968"), &json!(true)));
    let huge = document(&["--shape", "1", "--then", "broadcast_to(1048576,1048576,1048575)"]);
    assert_eq!(huge["byte_bounds"], json!([0, 8]));
    let element = document(&["--shape", "4,5", "--then", "[::-1, 1:3]", "--index", "1,1"]);
    assert_eq!(element["index"]["byte_offset"], 96);
}

#[test]
fn a_view_beyond_the_buffer_is_refused_with_both_ranges() {
    let output = layout(&["--shape", "2", "--then", "as_strided((3,),(8,))"]);
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains("bytes 0 to 24") && message.contains("bytes 0 to 16"), "{message}");
}

#[test]
fn wrong_flags_are_named() {
    for (arguments, part) in [
        (&["--shape", "2,2", "--then", "shape(1)"][..], "unknown operation"),
        (&["--shape", "2,2", "--then", "reshape(3,-1)"], "reshaped"),
        (&["--shape", "2,2", "--loop", "0"], "2 axes"),
        (&["--shape", "2,2", "--index", "2,0"], "--index 2,0"),
        (&["--shape", "9223372036854775807,2"], "2^63"),
        (&["--shape", "100,100", "--draw"], "--draw"),
        (&[], "--shape or --npy"),
    ] {
        let output = layout(arguments);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
        assert!(message.contains(part), "{arguments:?}: {message}");
    }
}

#[test]
fn an_array_without_its_flag_gets_the_flag_as_a_tip() {
    let said = |arguments: &[&str]| {
        let output = layout(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    // A file that is there needs no ending.
    for (word, flag) in [("a.npy", "--npy"), ("Cargo.toml", "--npy"), ("30x20", "--shape"), ("(3, 2)", "--shape")] {
        let error = said(&[word]);
        assert!(error.starts_with("stridewise: unexpected argument"), "{error}");
        assert!(error.contains(&format!("tip: an array is given with a flag: {flag} '{word}'")), "{error}");
    }
    assert!(!said(&["elsewhere"]).contains("tip:"));
    let other = Command::new(env!("CARGO_BIN_EXE_stridewise")).args(["completions", "bash", "a.npy"]).output().unwrap();
    assert!(!String::from_utf8(other.stderr).unwrap().contains("--npy"), "it has no such flag");
}

#[test]
fn a_small_array_is_drawn_with_the_order_of_the_walk() {
    let output = layout(&["--shape", "2,3", "--dtype", "u1", "--loop", "1,0", "--draw"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("0·0  1·2  2·4") && text.contains("3·1  4·3  5·5"), "{text}");
}

#[test]
fn a_file_is_explained_and_its_transposed_copy_written() {
    let folder = tempfile::tempdir().unwrap();
    let written = folder.path().join("b.npy");
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/layout/npy/");
    let manifest: Value =
        serde_json::from_str(&std::fs::read_to_string(format!("{data}manifest.json")).unwrap()).unwrap();
    let two_axes = |file: &&Value| {
        file["must"] == "accept"
            && file["expect"]["shape"].as_array().is_some_and(|shape| shape.len() == 2)
            && file["expect"]["c"] != file["expect"]["f"]
    };
    let entry = manifest["files"].as_array().unwrap().iter().find(two_axes).unwrap();
    let file = format!("{data}{}", entry["file"].as_str().unwrap());
    let op = if entry["expect"]["c"] == true { "asfortranarray" } else { "ascontiguousarray" };
    let out = written.to_str().unwrap();
    let found = document(&["--npy", &file, "--then", op, "--write", out]);
    assert_eq!(found["shape"], entry["expect"]["shape"]);
    let again = document(&["--npy", out]);
    assert_eq!(again["f_contiguous"], entry["expect"]["c"]);
    assert_eq!(again["shape"], entry["expect"]["shape"]);
    // Back again: the same bytes as the first file's data.
    let back = folder.path().join("c.npy");
    let other = if op == "asfortranarray" { "ascontiguousarray" } else { "asfortranarray" };
    document(&["--npy", out, "--then", other, "--write", back.to_str().unwrap()]);
    let tail = |path: &str, bytes: usize| {
        let all = std::fs::read(path).unwrap();
        all[all.len() - bytes..].to_vec()
    };
    let bytes = usize::try_from(entry["expect"]["data_bytes"].as_u64().unwrap()).unwrap();
    let at = usize::try_from(entry["expect"]["data_offset"].as_u64().unwrap()).unwrap();
    assert_eq!(tail(back.to_str().unwrap(), bytes), std::fs::read(&file).unwrap()[at..at + bytes]);
    // Nothing is overwritten.
    assert_eq!(layout(&["--npy", &file, "--write", out]).status.code(), Some(1));
}

#[test]
fn a_damaged_file_is_named_in_one_line() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/layout/npy/bad_data_short__huge_claim.npy");
    let output = layout(&["--npy", file]);
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(20), "{message}");
    assert!(message.contains("huge_claim.npy") && message.trim_end().lines().count() == 1, "{message}");
}
