//! Every kind of hostile bundle through every command that reads bundles.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test")]

mod make;

use make::{Base, Expected, make};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const MANIFEST: &str = include_str!("../data/hostile/manifest.tsv");

/// What a command ended with and everything that it wrote.
struct Ended {
    code: Option<i32>,
    text: String,
}

/// Bytes of heap, stacks of threads and other private memory that a reader may have: with more, it dies.
const MEMORY: u64 = 64 << 20;

fn stridewise(folder: &Path, arguments: &[&str]) -> Ended {
    // Where there is no prlimit, memory is not limited and the rest is tested all the same.
    let limits = Command::new("prlimit").arg("--version").output().is_ok();
    let mut command = Command::new(if limits { "prlimit" } else { env!("CARGO_BIN_EXE_stridewise") });
    if limits {
        command.arg(format!("--data={MEMORY}")).arg(env!("CARGO_BIN_EXE_stridewise"));
    }
    let output = command.args(arguments).current_dir(folder).env("RAYON_NUM_THREADS", "2").output().unwrap();
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    Ended { code: output.status.code(), text }
}

/// A bundle of one pair and its control, measured in a second.
fn measured(folder: &Path) -> Base {
    let arguments =
        ["run", "--shape", "64,64", "--dtype", "f8", "--loop", "1,0", "--budget", "1s", "--quiet", "--no-charts"];
    let ended = stridewise(folder, &[&arguments[..], &["--out", "base"]].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.text);
    let base = Base::parse(&fs::read_to_string(folder.join("base/bundle.jsonl")).unwrap());
    assert_eq!(base.0.len(), 4);
    base
}

/// Files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// What must not stand in a text of this kind: controls nowhere, markup in no page.
fn live(text: &str, page: bool) -> Option<&'static str> {
    const CONTROLS: [&str; 4] = ["\u{1b}", "\u{9b}", "\u{202e}", "\n::error"];
    const MARKUP: [&str; 4] = ["<script>window", "<img src=x", "</title></text></svg><", "<style>*{"];
    CONTROLS.into_iter().chain(MARKUP.into_iter().filter(|_| page)).find(|word| text.contains(word))
}

/// Runs every reader over a file; what each ended with.
fn readers(folder: &Path, file: &str) -> Vec<(&'static str, Ended)> {
    let out = folder.join("out");
    _ = fs::remove_dir_all(&out);
    fs::create_dir(&out).unwrap();
    let run = |name: &'static str, arguments: &[&str]| (name, stridewise(folder, arguments));
    vec![
        run("validate", &["validate", file]),
        run("compare", &["compare", file, "--baseline", "base", "--format", "markdown"]),
        run("report", &["report", file, "--out", "out/report.html"]),
        run("report", &["report", file, "--format", "markdown", "--out", "out/summary.md"]),
        run("plot", &["plot", file, "--chart", "penalty-curve", "--out", "out/chart.svg"]),
        run("export", &["export", file, "--format", "csv", "--out", "out/csv"]),
        run("merge", &["merge", file, "--out", "out/merged.jsonl"]),
    ]
}

#[test]
fn every_kind_of_the_manifest_is_met_as_expected() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let base = measured(folder);
    let (mut seen, mut wrong) = (0, Vec::new());
    for line in MANIFEST.lines().skip(1) {
        let name = line.split('\t').next().unwrap();
        let number = &name[..2];
        let made = make(number, &base);
        if matches!(number, "42" | "69" | "70") {
            continue;
        }
        assert!(!made.is_empty(), "{line}");
        seen += 1;
        for (variant, made) in made.iter().enumerate() {
            let file = format!("{number}-{variant}.jsonl");
            fs::write(folder.join(&file), &made.bytes).unwrap();
            for (command, ended) in readers(folder, &file) {
                let fine = match (made.expected, command, ended.code) {
                    // A penalty curve needs squares of several sizes, and other machines are not compared.
                    (Expected::Read, "plot" | "compare", Some(code)) => [0, 2, 11, 20].contains(&code) && code != 20,
                    (Expected::Read, _, Some(code)) => code == 0,
                    (Expected::Refused, _, Some(code)) => code == 20 && ended.text.contains(&file),
                    (Expected::Either, "plot" | "compare", Some(code)) => [0, 2, 11, 20].contains(&code),
                    (Expected::Either, _, Some(code)) => code == 0 || code == 20,
                    (_, _, None) => false,
                };
                let line = ended.text.lines().find(|line| line.starts_with("stridewise:")).unwrap_or(&ended.text);
                let shown: String = line.chars().take(300).collect();
                if !fine {
                    wrong.push(format!("{file} {command}: {:?} {shown:?}", ended.code));
                }
                if let Some(word) = live(&ended.text, false) {
                    wrong.push(format!("{file} {command}: prints {word:?}"));
                }
            }
            for path in files(&folder.join("out")) {
                let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
                // JSON escapes controls by itself and is no page; its quotes keep the rest.
                let ends = |end: &str| path.extension().is_some_and(|found| found == end);
                let is_page = ["html", "svg", "md"].into_iter().any(ends);
                if let Some(word) = live(&text, is_page).filter(|_| !ends("jsonl")) {
                    wrong.push(format!("{file}: {} has {word:?}", path.display()));
                }
                if ends("csv") {
                    let formula = |cell: &str| cell.trim_start_matches('"').starts_with(['=', '@', '\t', '\r']);
                    if text.lines().any(|line| line.split(',').any(formula)) {
                        wrong.push(format!("{file}: {} has a formula", path.display()));
                    }
                }
            }
            fs::remove_file(folder.join(&file)).unwrap();
        }
    }
    assert_eq!(seen, MANIFEST.lines().count() - 1 - 4, "42 is a pair, 69 and 70 are folders");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// 42: one run cannot have measured two things.
#[test]
fn two_files_that_claim_to_be_one_run_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let base = measured(folder);
    let mut other = base.clone();
    other.0[2]["blocks"][0]["baseline_ns"][0] = serde_json::json!(123_456_789);
    fs::write(folder.join("a.jsonl"), base.sealed("\n")).unwrap();
    fs::write(folder.join("b.jsonl"), other.sealed("\n")).unwrap();
    for arguments in [
        &["compare", "a.jsonl", "b.jsonl", "--baseline", "base"][..],
        &["merge", "a.jsonl", "b.jsonl", "--out", "merged.jsonl"],
    ] {
        let ended = stridewise(folder, arguments);
        assert_eq!(ended.code, Some(20), "{arguments:?}: {}", ended.text);
        assert!(ended.text.starts_with("stridewise: "), "{arguments:?}: {}", ended.text);
    }
}

/// 69 and 70: a folder is searched for regular files; what else is there is no bundle, and names are data.
#[test]
fn folders_hold_anything_and_names_are_escaped() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let base = measured(folder);
    let odd = folder.join("odd");
    fs::create_dir_all(odd.join("folder.jsonl")).unwrap();
    let made = Command::new("mkfifo").arg(odd.join("fifo.jsonl")).status().unwrap();
    assert!(made.success());
    std::os::unix::fs::symlink("loop.jsonl", odd.join("loop.jsonl")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", odd.join("out.jsonl")).unwrap();
    fs::write(odd.join("good.jsonl"), base.sealed("\n")).unwrap();
    for arguments in
        [&["validate", "odd"][..], &["compare", "odd", "--baseline", "base"], &["merge", "odd", "--out", "m"]]
    {
        let mut command = Command::new("timeout");
        command.arg("20").arg(env!("CARGO_BIN_EXE_stridewise")).args(arguments).current_dir(folder);
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        assert!(matches!(output.status.code(), Some(0 | 20)), "{arguments:?}: {:?} {text}", output.status);
        assert!(!text.contains("root:"), "{arguments:?}: {text}");
    }
    let names = folder.join("names");
    fs::create_dir(&names).unwrap();
    for name in ["-rf.jsonl", "a\nb.jsonl", "\u{1b}[2Jx.jsonl", "\"><img src=x>'.jsonl"] {
        fs::write(names.join(name), base.sealed("\n")).unwrap();
    }
    fs::write(names.join("cut\u{1b}[2J\nbad.jsonl"), "nonsense").unwrap();
    for arguments in [&["validate", "names"][..], &["report", "names", "--out", "names.html"]] {
        let ended = stridewise(folder, arguments);
        assert_eq!(ended.code, Some(20), "{arguments:?}: {}", ended.text);
        assert_eq!(live(&ended.text, false), None, "{arguments:?}: {}", ended.text);
    }
}
