//! `stridewise simulate` as a user meets it.

use serde_json::Value;
use std::process::{Command, Output};

fn simulate(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_stridewise")).arg("simulate").args(arguments).output().unwrap()
}

fn misses(arguments: &[&str]) -> Vec<u64> {
    let output = simulate(&[arguments, &["--format", "json"]].concat());
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    document["levels"].as_array().unwrap().iter().map(|level| level["misses"].as_u64().unwrap()).collect()
}

const CACHES: [&str; 2] = ["--cache", "l1=32K:8:64,l2=512K:8:64,l3=32M:16:64"];

#[test]
fn arrays_and_raw_nests_have_the_known_misses() {
    let of = |arguments: &[&str]| misses(&[arguments, &CACHES].concat());
    assert_eq!(of(&["--shape", "2048,2048", "--loop", "1,0"]), [4_194_304, 4_194_304, 524_288]);
    assert_eq!(of(&["--shape", "2048,2048"]), [524_288; 3]);
    assert_eq!(of(&["--shape", "600,600", "--offset", "24"]), [45_001; 3]);
    assert_eq!(of(&["--nest", "1000:8,1000:8000", "--itemsize", "8"]), [1_000_000, 125_000, 125_000]);
    assert_eq!(of(&["--nest", "r:64:8,64:512; w:64:512,64:8"]), of(&["--nest", "64:8,64:512;w:64:512,64:8"]));
    assert_eq!(of(&["--shape", "32,64", "--op", "scale", "--warm"]), [0; 3]);
    assert_eq!(misses(&["--shape", "64,64", "--cpu", "zen4"]).len(), 3);
}

#[test]
fn misses_are_told_apart() {
    let output = simulate(&["--nest", "40:0,16:4096", "--format", "json", CACHES[0], CACHES[1]]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let first = &document["levels"][0];
    assert_eq!([&first["misses"], &first["compulsory"], &first["capacity"], &first["conflict"]], [640, 16, 0, 624]);
    assert!(document["note"].as_str().unwrap().contains("not hardware counts"));
}

#[test]
fn wrong_flags_name_the_field() {
    for (arguments, part) in [
        (&["--shape", "64,64", "--cache", "l1=32K:8:63"][..], "line 63"),
        (&["--shape", "64,64", "--cache", "l1=32K:0:64"], "ways 0"),
        (&["--shape", "64,64", "--cache", "l1=4194304T:8:64"], "size"),
        (&["--shape", "64,64", "--cpu", "zen9"], "zen4"),
        (&["--shape", "64,64", "--loop", "1"], "--loop"),
        (&["--nest", "64:x"], "EXTENT:STEP"),
        (&["--nest", "64:8;w:32:8"], "same extents"),
        (&["--nest", "64:8", "--itemsize", "0"], "itemsize"),
        (&["--nest", "9223372036854775807:9223372036854775807"], "2^63"),
        (&["--shape", "64,64", "--offset", "18446744073709551615"], "--offset"),
        (&[], "--shape"),
    ] {
        let output = simulate(arguments);
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
        assert!(message.contains(part), "{arguments:?}: {message}");
    }
}

/// L1 misses of the columns of 500x500 f8 under each policy, as independent simulators count them; a chase; the limit.
#[test]
fn models_are_chosen_and_named() {
    let columns = ["--shape", "500,500", "--loop", "1,0"];
    let of = |extra: &[&str]| misses(&[&columns, extra, &CACHES].concat())[0];
    assert_eq!(of(&["--replacement", "plru"]), 31_643);
    assert_eq!(of(&["--replacement", "fifo"]), 62_446);
    assert!(of(&["--prefetch", "next-line"]) > 200_000);
    let text = simulate(&[&columns[..], &["--replacement", "fifo", "--last-level", "exclusive"], &CACHES].concat());
    let text = String::from_utf8(text.stdout).unwrap();
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("Simulated demand misses (fifo, exclusive last level, write-back, no prefetch"), "{text}");
    assert_eq!(misses(&[&["--chase", "4096:64:1", "--warm"][..], &CACHES].concat()), [4096, 0, 0]);
    for (wrong, says) in [
        (&["--shape", "9,9", "--replacement", "mru"][..], "expected one of lru plru fifo"),
        (&["--shape", "9,9", "--replacement", "plru", "--cache", "l1=48K:12"], "ways 12: plru needs a power of two"),
        (&["--chase", "0:64"], "0 nodes: expected 1 to"),
        (&["--chase", "10:4"], "pitch 4: expected 8 bytes"),
        (&["--nest", "1000000:8,1000000:8,100:1"], "a larger --limit walks on"),
    ] {
        let output = simulate(wrong);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{wrong:?}: {error}");
        assert!(error.contains(says), "{wrong:?}: {error}");
    }
}

#[test]
fn operations_on_several_arrays_are_those_of_their_nests() {
    let of = |arguments: &[&str]| misses(&[arguments, &CACHES].concat());
    let transpose = ["--shape", "300,300", "--op", "transpose", "--tile", "32"];
    // As counted by a few lines of Python with ordered dictionaries; the last level holds both arrays.
    assert_eq!(of(&transpose), [24_150, 22_650, 22_500]);
    assert_eq!(of(&["--shape", "64,128", "--op", "transpose"]), of(&["--nest", "64:1024,128:8; w:64:8,128:512"]));
    let product = "40:320,40:0,40:8; 40:0,40:8,40:320; u:40:320,40:8,40:0";
    assert_eq!(of(&["--shape", "40,40,40", "--op", "matmul"]), of(&["--nest", product, "--hoist"]));
    assert_eq!(of(&["--shape", "66,50", "--op", "window:3,2"]), of(&["--nest", "64:400,49:8,3:400,2:8"]));
    let wrong = simulate(&["--shape", "9,9", "--op", "matmul"]);
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("matmul takes three extents I,J,K"));
}

#[test]
fn sets_are_drawn_and_both_states_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let columns = ["--shape", "256,256", "--loop", "1,0", CACHES[0], CACHES[1]];
    for name in ["sets.svg", "sets.png"] {
        let path = folder.path().join(name);
        let output = simulate(&[&columns[..], &["--sets", path.to_str().unwrap()]].concat());
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("L1d: one run of the innermost loop reaches 2 of 64 sets"), "{text}");
        // The rows are 32 lines apart: 128 of them in either set.
        assert!(text.contains("up to 128 lines in one"), "{text}");
        assert!(text.contains("Steady state of repeated passes, misses: L1d 65,536"), "{text}");
        let bytes = std::fs::read(&path).unwrap();
        assert!(bytes.starts_with(if name.ends_with("svg") { b"<svg" } else { b"\x89PNG" }));
    }
}
