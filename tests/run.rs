//! `run`, `list` and `validate` as a user meets them: results, interruption, resumption, wrong flags, damaged bundles.

mod support;

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn stridewise(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_stridewise")).args(arguments).output().unwrap()
}

/// A short run of one small pair; its folder.
fn small_run(folder: &Path) -> Output {
    let out = folder.to_str().unwrap();
    stridewise(&["run", "--shape", "96,96", "--loop", "1,0", "--budget", "1s", "--quiet", "--out", out])
}

fn lines(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join("bundle.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn error(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim().to_owned()
}

#[test]
fn a_run_leaves_a_valid_bundle_and_a_summary() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("results");
    let output = small_run(&out);
    assert_eq!(output.status.code(), Some(0), "{}", error(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("sum f8 96x96 C") && text.contains("null control"), "{text}");
    let records = lines(&out);
    let kinds: Vec<&str> = records.iter().map(|line| line["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["bundle", "pair", "pair", "end"]);
    assert!(records[1]["null"].as_bool().unwrap());
    assert_eq!(records[2]["id"], "order/sum/f8/96x96/C/1,0");
    assert_eq!(records[2]["baseline"]["checksum"], records[2]["contender"]["checksum"]);
    let schema = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/schema/stridewise.bundle-1.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    for record in &records {
        assert_eq!(support::schema::violations(&schema, record), [] as [String; 0]);
    }
    assert!(fs::read_to_string(out.join("summary.md")).unwrap().starts_with("# "));
    let checked = stridewise(&["validate", out.to_str().unwrap()]);
    assert_eq!(checked.status.code(), Some(0), "{}", error(&checked));
    // Nothing of this machine's names or paths is in it.
    let whole = fs::read_to_string(out.join("bundle.jsonl")).unwrap();
    assert!(!whole.contains(folder.path().to_str().unwrap()));
}

#[test]
fn a_finished_run_is_not_overwritten_and_further_ones_are_numbered() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(small_run(folder.path()).status.code(), Some(0));
    let before = fs::read(folder.path().join("bundle.jsonl")).unwrap();
    let again = small_run(folder.path());
    assert_eq!(again.status.code(), Some(2));
    assert!(error(&again).contains("finished run") && error(&again).contains("--append"), "{}", error(&again));
    assert_eq!(fs::read(folder.path().join("bundle.jsonl")).unwrap(), before);
    let out = folder.path().to_str().unwrap();
    let arguments = ["run", "--shape", "96,96", "--loop", "1,0", "--budget", "1s", "--quiet", "--append", "--out", out];
    assert_eq!(stridewise(&arguments).status.code(), Some(0));
    assert!(folder.path().join("bundle-2.jsonl").exists());
    assert_eq!(stridewise(&["validate", out]).status.code(), Some(0));
}

#[test]
#[cfg(unix)]
fn an_interrupted_run_keeps_what_was_finished_and_can_be_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_stridewise"))
        .args([
            "run",
            "--suite",
            "quick",
            "--filter",
            "^order/sum/f8/(64|128|256|512)x",
            "--budget",
            "8s",
            "--out",
            out,
        ])
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let bundle = folder.path().join("bundle.jsonl");
    let finished = || fs::read_to_string(&bundle).map_or(0, |text| text.lines().count());
    let begun = std::time::Instant::now();
    while finished() < 3 && begun.elapsed().as_secs() < 60 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let interrupted = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let records = lines(folder.path());
    assert!(records.len() >= 3 && records.last().unwrap()["kind"] != "end", "{}", records.len());
    let refused = stridewise(&["validate", out]);
    assert_eq!(refused.status.code(), Some(20));
    assert!(error(&refused).contains("cut off"), "{}", error(&refused));
    assert_eq!(stridewise(&["validate", "--allow-partial", out]).status.code(), Some(0));

    // Half a line, as a power cut leaves it.
    let mut text = fs::read_to_string(&bundle).unwrap();
    text.push_str("{\"kind\":\"pair\",\"id\":");
    fs::write(&bundle, text).unwrap();
    let resumed = stridewise(&["run", "--resume", out, "--quiet"]);
    assert_eq!(resumed.status.code(), Some(0), "{}", error(&resumed));
    let after = lines(folder.path());
    let ids: Vec<&str> = after.iter().filter_map(|line| line["id"].as_str()).collect();
    let planned: Vec<&str> =
        after[0]["plan"]["ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    assert_eq!(ids, planned);
    assert_eq!(after[..records.len()], records);
    assert_eq!(stridewise(&["validate", out]).status.code(), Some(0));
    let finished = stridewise(&["run", "--resume", out]);
    assert_eq!(finished.status.code(), Some(20));
    assert!(error(&finished).contains("finished"), "{}", error(&finished));
}

#[test]
fn wrong_flags_are_named_with_what_would_be_right() {
    let cases: [(&[&str], i32, &[&str]); 17] = [
        (&["run", "--shape", "64,64", "--dtype", "f16"], 2, &["--dtype", "f16", "f8"]),
        (&["run", "--shape", "64,64", "--order", "X"], 2, &["--order", "expected C"]),
        (&["run", "--shape", "64,64", "--loop", "0,0"], 2, &["--loop", "permutation"]),
        (&["run", "--shape", "64,64", "--loop", "0,1,2"], 2, &["--loop 0,1,2", "2 axes"]),
        (&["run", "--shape", "64,0"], 2, &["--shape", "at least one element"]),
        (&["run", "--shape", "1099511627776"], 2, &["--shape", "memory", "fits"]),
        (&["run", "--shape", "4294967296,4294967296"], 2, &["--shape", "2^63"]),
        (&["run", "--shape", "a,b"], 2, &["--shape", "4096,4096"]),
        (&["run", "--loop", "1,0"], 2, &["--loop", "--shape"]),
        (&["run", "--npy", "/nonexistent.npy"], 1, &["/nonexistent.npy"]),
        (&["run", "--family", "orders"], 2, &["--family", "\"orders\"", "did you mean order?"]),
        (&["run", "--filter", "nothing-like-this"], 2, &["--filter", "stridewise list"]),
        (&["run", "--filter", "("], 2, &["--filter", "unclosed"]),
        (&["run", "--suite", "quik"], 2, &["--suite", "quick"]),
        (&["run", "--shape", "64,64", "--budget", "soon"], 2, &["--budget"]),
        (&["run", "--shape", "64,64", "--cpu", "4999"], 2, &["--cpu", "4999"]),
        (&["run", "--resume", "/nonexistent"], 1, &["/nonexistent"]),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (arguments, code, parts) in cases {
        let output =
            Command::new(env!("CARGO_BIN_EXE_stridewise")).args(arguments).current_dir(folder.path()).output().unwrap();
        let message = error(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {message}");
        for part in parts {
            assert!(message.contains(part), "{arguments:?}: {message:?} does not name {part:?}");
        }
        assert!(!message.contains("panicked"), "{message}");
        assert!(!folder.path().join("results").exists(), "{arguments:?} left results");
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "x").unwrap();
    let out = file.join("below");
    let output = small_run(&out);
    assert_eq!(output.status.code(), Some(1));
    assert!(error(&output).contains("--out") && error(&output).contains("below"), "{}", error(&output));
}

#[test]
fn list_names_every_case_with_its_time() {
    let output = stridewise(&["list", "--suite", "quick", "--format", "json"]);
    let list: Value = serde_json::from_slice(&output.stdout).unwrap();
    let cases = list["cases"].as_array().unwrap();
    let sum: f64 = cases.iter().map(|case| case["estimated_seconds"].as_f64().unwrap()).sum();
    let total = list["estimated_seconds"].as_f64().unwrap();
    assert!((sum - total).abs() < 0.02 * total + 0.5 && total <= 60.0, "{sum} {total}");
    assert!(cases.iter().any(|case| case["id"] == "order/sum/f8/1024x1024/C/1,0"));
    let one = stridewise(&["list", "--suite", "quick", "--filter", "/1024x1024/C/1,0$", "--family", "order"]);
    let text = String::from_utf8(one.stdout).unwrap();
    assert!(text.lines().count() >= 2 && !text.contains("roof/"), "{text}");
}

#[test]
fn several_threads_give_the_result_of_one() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let counts = if std::thread::available_parallelism().unwrap().get() > 1 { "1,2" } else { "1" };
    let arguments = ["run", "--shape", "512,512", "--loop", "1,0", "--threads", counts, "--kernel", "copy"];
    let output = stridewise(&[&arguments[..], &["--budget", "2s", "--quiet", "--out", out]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", error(&output));
    let pairs: Vec<Value> =
        lines(folder.path()).into_iter().filter(|line| line["contender"]["family"] == "order").collect();
    assert_eq!(pairs.len(), counts.split(',').count());
    let threads: Vec<u64> = pairs.iter().map(|pair| pair["contender"]["threads"].as_u64().unwrap()).collect();
    assert_eq!(threads, (1..=pairs.len() as u64).collect::<Vec<_>>());
    for pair in &pairs {
        assert_eq!(pair["contender"]["checksum"], pairs[0]["baseline"]["checksum"]);
    }
}

/// A program that maps such a file is ended by the system with a bus error.
#[test]
fn a_npy_file_that_is_shortened_during_a_run_is_told_in_the_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (folder.path().join("secret-name.npy"), folder.path().join("out"));
    let header = stridewise::layout::NpyHeader::encode(
        stridewise::layout::DType::F8,
        stridewise::layout::Order::C,
        &[1024, 1024],
    );
    fs::write(&file, [header, vec![0; 8 << 20]].concat()).unwrap();
    let mut run = Command::new(env!("CARGO_BIN_EXE_stridewise"))
        .args(["run", "--budget", "6s", "--quiet", "--no-charts", "--npy"])
        .arg(&file)
        .arg("--out")
        .arg(&out)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    // The file is open before the header is written, and is read anew for each of many placements after that.
    let begun = || fs::read(out.join("bundle.jsonl")).is_ok_and(|bytes| bytes.ends_with(b"\n"));
    while !begun() {
        assert!(run.try_wait().unwrap().is_none(), "ended without a header");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(4 << 20).unwrap();
    let code = run.wait().unwrap().code();
    assert!(code.is_some_and(|code| [0, 3].contains(&code)), "{code:?}");
    let text = fs::read_to_string(out.join("bundle.jsonl")).unwrap();
    assert!(text.contains("the .npy file was changed while it was measured"), "{text}");
    assert!(!text.contains("secret-name"), "{text}");
}
