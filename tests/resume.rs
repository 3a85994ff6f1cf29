//! A journal has one writer, and a run goes on only where it was begun: same machine, same program, same plan.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test")]

use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use stridewise::bundle::plan_hash;
use stridewise::host::MachineClass;

const PROGRAM: &str = env!("CARGO_BIN_EXE_stridewise");

fn stridewise(arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = Command::new(PROGRAM).args(arguments).output().unwrap();
    (status.code(), format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A run of some seconds that goes on by itself.
fn live(out: &Path) -> Child {
    let arguments =
        ["run", "--suite", "quick", "--filter", "^order/sum/f8/(64|128|256)x", "--budget", "20s", "--quiet"];
    let mut command = Command::new(PROGRAM);
    command.args(arguments).args(["--no-charts", "--out"]).arg(out).stderr(Stdio::null()).stdout(Stdio::null());
    command.spawn().unwrap()
}

/// Waits until the bundle has so many lines.
fn until_lines(bundle: &Path, lines: usize) {
    let begun = Instant::now();
    while fs::read_to_string(bundle).map_or(0, |text| text.lines().count()) < lines {
        assert!(begun.elapsed() < Duration::from_secs(60), "{} never had {lines} lines", bundle.display());
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_bundle_that_is_being_written_has_no_second_writer() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let bundle = out.join("bundle.jsonl");
    let refused = |arguments: &[&str]| {
        let (code, said) = stridewise(arguments);
        assert_eq!(code, Some(1), "{arguments:?}: {said}");
        let wanted = format!("stridewise: {}: a run in progress is writing it; wait for its end", bundle.display());
        assert!(said.starts_with(&wanted) && said.trim_end().lines().count() == 1, "{arguments:?}: {said}");
    };
    let mut child = live(&out);
    until_lines(&bundle, 1);
    let small = ["run", "--shape", "64,64", "--budget", "1s", "--quiet", "--no-charts", "--out", text(&out)];
    refused(&["run", "--resume", text(&out), "--quiet"]);
    refused(&small);
    refused(&[&small[..], &["--append"]].concat());
    // Readers read on.
    assert_eq!(stridewise(&["validate", "--allow-partial", text(&out)]).0, Some(0));
    // The lock dies with its holder: nothing is left to be removed by hand.
    child.kill().unwrap();
    child.wait().unwrap();
    let before = fs::read(&bundle).unwrap();
    let resume = ["run", "--resume", text(&out), "--quiet", "--no-charts"];
    let mut first = Command::new(PROGRAM).args(resume).stdout(Stdio::null()).spawn().unwrap();
    // It holds the lock once its first line is there at the latest.
    until_lines(&bundle, before.iter().filter(|&&b| b == b'\n').count() + 1);
    refused(&resume);
    assert_eq!(first.wait().unwrap().code(), Some(0));
    assert!(fs::read(&bundle).unwrap().starts_with(&before), "what was finished is as it was");
    assert_eq!(stridewise(&["validate", text(&out)]).0, Some(0));
}

/// A small run without its end and its last line, after `change` of its header.
fn cut(folder: &Path, change: impl Fn(&mut Value)) -> PathBuf {
    let out = folder.join("cut");
    _ = fs::remove_dir_all(&out);
    fs::create_dir(&out).unwrap();
    let whole = fs::read_to_string(folder.join("whole/bundle.jsonl")).unwrap();
    let mut lines: Vec<Value> = whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    lines.truncate(lines.len() - 2);
    change(&mut lines[0]);
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(out.join("bundle.jsonl"), text).unwrap();
    out
}

fn hashed(header: &mut Value) {
    let ids: Vec<String> = serde_json::from_value(header["plan"]["ids"].clone()).unwrap();
    header["plan"]["hash"] = json!(plan_hash(&ids));
}

/// Another machine with these fields.
fn machine(header: &mut Value, change: impl Fn(&mut Value)) {
    change(&mut header["machine"]);
    let class: MachineClass = serde_json::from_value(header["machine"].clone()).unwrap();
    header["class_id"] = json!(class.id());
}

#[test]
fn a_run_goes_on_only_where_and_as_it_was_begun() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let whole = folder.join("whole");
    let run = ["run", "--suite", "quick", "--filter", "/(64x64|128x128)/C", "--budget", "1s", "--quiet", "--no-charts"];
    let (code, said) = stridewise(&[&run[..], &["--out", text(&whole)]].concat());
    assert_eq!(code, Some(0), "{said}");
    let resume = |out: &Path| stridewise(&["run", "--resume", text(out), "--quiet", "--no-charts"]);
    let refused = |wanted: &[&str], change: &dyn Fn(&mut Value)| {
        let out = cut(folder, change);
        let before = fs::read(out.join("bundle.jsonl")).unwrap();
        let (code, said) = resume(&out);
        assert_eq!(code, Some(11), "{wanted:?}: {said}");
        assert!(said.trim_end().lines().count() == 1 && said.contains("--resume"), "{said}");
        for word in wanted {
            assert!(said.contains(word), "{wanted:?}: {said}");
        }
        assert_eq!(fs::read(out.join("bundle.jsonl")).unwrap(), before, "{wanted:?}: was changed");
    };

    refused(&["class of machine", "model_name Another CPU / "], &|header| {
        machine(header, |machine| machine["model_name"] = json!("Another CPU"));
    });
    refused(&["class of machine", "page_bytes 32768 / ", "stepping 77 / "], &|header| {
        machine(header, |machine| {
            machine["page_bytes"] = json!(32768);
            machine["stepping"] = json!(77);
        });
    });
    refused(&["another program", "tool.version 0.0.9 / "], &|header| header["tool"]["version"] = json!("0.0.9"));
    let commit = "0123456789012345678901234567890123456789";
    refused(&["another program", "tool.commit 0123"], &|header| header["tool"]["commit"] = json!(commit));
    refused(&["--isa nothing"], &|header| header["tool"]["isa"] = json!("nothing"));
    refused(&["criterion"], &|header| header["config"]["engine"] = json!("criterion"));
    refused(&["CPU 4999", "--cpu"], &|header| header["config"]["cpu"] = json!(4999));
    refused(&["--npy"], &|header| header["config"]["data"] = json!("file"));
    // Edited plans: another case, a case less, another order, the arguments of another run.
    refused(&["another plan", "order/sum/f8/72x72/C/1,0 is not in the plan"], &|header| {
        header["plan"]["ids"].as_array_mut().unwrap().push(json!("order/sum/f8/72x72/C/1,0"));
        hashed(header);
    });
    refused(&["another plan", "cases, its command line gives"], &|header| {
        header["plan"]["ids"].as_array_mut().unwrap().pop();
        hashed(header);
    });
    refused(&["another plan", "stands elsewhere in the plan"], &|header| {
        let ids = header["plan"]["ids"].as_array_mut().unwrap();
        let last = ids.len() - 1;
        ids.swap(last - 1, last);
        hashed(header);
    });
    refused(&["suite full", "that of quick"], &|header| header["plan"]["suite"] = json!("full"));
    refused(&["another plan"], &|header| header["config"]["args"][4] = json!("/64x64/C"));
    refused(&["command line"], &|header| header["config"]["args"][4] = json!("--no-such-flag"));

    // A plan whose hash is not its own is a damaged file.
    let out = cut(folder, |header| _ = header["plan"]["ids"].as_array_mut().unwrap().pop());
    let (code, said) = resume(&out);
    assert_eq!(code, Some(20), "{said}");
    assert!(said.contains("plan.hash"), "{said}");
    // A filter that was too long for the header leaves the ids and their order to be compared.
    let out = cut(folder, |header| header["config"]["args"][4] = json!("x".repeat(128)));
    assert_eq!(resume(&out).0, Some(0));
    let out = cut(folder, |_| ());
    let (code, said) = resume(&out);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(stridewise(&["validate", text(&out)]).0, Some(0));
}

#[test]
fn a_run_that_never_wrote_its_header_is_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let small = ["run", "--shape", "64,64", "--budget", "1s", "--quiet", "--no-charts", "--out", text(&out)];
    fs::create_dir(&out).unwrap();
    for left in ["", "{\"kind\":\"bundle\",\"schema\":\"stridew"] {
        fs::write(out.join("bundle.jsonl"), left).unwrap();
        let (code, said) = stridewise(&["run", "--resume", text(&out)]);
        assert_eq!(code, Some(20), "{said}");
        assert!(said.contains("before its header; begin it again"), "{said}");
        let (code, said) = stridewise(&small);
        assert_eq!(code, Some(0), "{said}");
        assert_eq!(stridewise(&["validate", text(&out)]).0, Some(0));
    }
    // What is no bundle of ours stays.
    fs::write(out.join("bundle.jsonl"), "my notes").unwrap();
    assert_eq!(stridewise(&small).0, Some(2));
    assert_eq!(fs::read_to_string(out.join("bundle.jsonl")).unwrap(), "my notes");
}
