//! Every kind of hostile bundle through every command that reads bundles.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test")]

mod archive;
#[path = "../support/limits.rs"]
mod limits;
mod live;
mod make;

use limits::{Limits, limit};
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

/// What a reader may take: 64 MiB of memory of its own, two seconds of a CPU, and half a minute where the machine is busy.
const READER: Limits =
    Limits { data: Some(64 << 20), cpu: Some(2), clock: 30, file: None, stack: None, files: None, threads: None };
/// What measures may take longer.
const RUN: Limits = Limits { cpu: None, clock: 120, ..READER };

fn limited(folder: &Path, arguments: &[&str], limits: Limits) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stridewise"));
    limit(&mut command, limits);
    let output = command.args(arguments).current_dir(folder).env("RAYON_NUM_THREADS", "2").output().unwrap();
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    Ended { code: output.status.code(), text }
}

fn stridewise(folder: &Path, arguments: &[&str]) -> Ended {
    limited(folder, arguments, READER)
}

/// A bundle of one pair and its control, measured in a second.
fn measured(folder: &Path) -> Base {
    let arguments =
        ["run", "--shape", "64,64", "--dtype", "f8", "--loop", "1,0", "--budget", "1s", "--quiet", "--no-charts"];
    let ended = limited(folder, &[&arguments[..], &["--out", "base"]].concat(), RUN);
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

/// Runs every reader over files or folders; what each ended with.
fn readers(folder: &Path, inputs: &[&str]) -> Vec<(&'static str, Ended)> {
    let out = folder.join("out");
    _ = fs::remove_dir_all(&out);
    fs::create_dir(&out).unwrap();
    let run =
        |name: &'static str, arguments: &[&str]| (name, stridewise(folder, &[&[name], inputs, arguments].concat()));
    vec![
        run("validate", &[]),
        run("compare", &["--baseline", "base", "--format", "markdown"]),
        run("compare", &["--baseline", "base", "--format", "csv"]),
        run("report", &["--out", "out/report.html"]),
        run("report", &["--format", "markdown", "--out", "out/summary.md"]),
        run("report", &["--format", "table", "--out", "out/table.txt"]),
        run("plot", &["--chart", "penalty-curve", "--out", "out/chart.svg", "--data", "out/chart.csv"]),
        run("export", &["--format", "csv", "--out", "out/csv"]),
        run("export", &["--format", "benchfmt", "--out", "out/bench"]),
        run("export", &["--format", "bmf", "--out", "out/bmf"]),
        run("merge", &["--out", "out/merged.jsonl"]),
    ]
}

/// What is live in what the commands have printed and written.
fn alive(folder: &Path, ended: &[(&'static str, Ended)]) -> Vec<String> {
    let mut found = Vec::new();
    for (command, ended) in ended {
        found.extend(live::control(&ended.text).map(|what| format!("{command}: prints {what}")));
    }
    for path in files(&folder.join("out")) {
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        // JSON escapes controls by itself and is no page.
        let what = match path.extension().and_then(|end| end.to_str()) {
            Some("jsonl" | "json") => None,
            Some("html") => live::control(&text).or_else(|| live::in_page(&text, true)),
            Some("svg") => live::control(&text).or_else(|| live::in_page(&text, false)),
            Some("md") => live::control(&text).or_else(|| live::in_markdown(&text)),
            Some("csv") => live::control(&text).or_else(|| live::formula(&path, &text)),
            _ => live::control(&text),
        };
        found.extend(what.map(|what| format!("{}: {what}", path.display())));
    }
    found
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
            let all = readers(folder, &[&file]);
            for (command, ended) in &all {
                let fine = match (made.expected, *command, ended.code) {
                    // A penalty curve needs squares of several sizes, and other machines are not compared.
                    (Expected::Read, "plot" | "compare", Some(code)) => [0, 2, 11].contains(&code),
                    (Expected::Read, _, Some(code)) => code == 0,
                    (Expected::Refused(says), _, Some(code)) => {
                        code == 20 && ended.text.contains(&format!("stridewise: {file}: {says}"))
                    }
                    (Expected::Either, "plot" | "compare", Some(code)) => [0, 2, 11, 20].contains(&code),
                    (Expected::Either, _, Some(code)) => code == 0 || code == 20,
                    (_, _, None) => false,
                };
                let line = ended.text.lines().find(|line| line.starts_with("stridewise:")).unwrap_or(&ended.text);
                let shown: String = line.chars().take(300).collect();
                if !fine {
                    wrong.push(format!("{file} {command}: {:?} {shown:?}", ended.code));
                }
            }
            // What is read and still not to be believed.
            let summary = fs::read_to_string(folder.join("out/summary.md")).unwrap_or_default();
            let believed = match number {
                "37" => {
                    !summary.contains("| inconclusive |")
                        || summary.contains("| slower |")
                        || !summary.starts_with("# Insufficient samples")
                }
                "38" => !summary.contains("2 counts were dropped") || summary.contains("l1d-read-misses"),
                _ => false,
            };
            if believed {
                wrong.push(format!("{file}: is believed: {summary}"));
            }
            let warning: &[&str] = match (number, made.expected) {
                ("15", Expected::Read) => &["characters that are not seen or turn it", "line 1: machine.model_name"],
                ("48", _) => {
                    &["format 1.99 is newer", "line 1: not_known_yet", "line 3: blocks[0].phase, line 3: energy_j"]
                }
                _ => &[],
            };
            for (command, ended) in all.iter().filter(|(_, ended)| !warning.is_empty() && ended.code != Some(2)) {
                let warnings: Vec<&str> = ended
                    .text
                    .lines()
                    .filter(|line| line.contains(&file))
                    .filter(|line| line.contains(" warning: "))
                    .collect();
                if warnings.len() != 1 || warning.iter().any(|part| !warnings[0].contains(part)) {
                    wrong.push(format!("{file} {command}: warns {warnings:?}"));
                }
            }
            // Shown texts are cut: 128 characters, each of ten at most as an escape, and what is around them.
            let table = fs::read_to_string(folder.join("out/table.txt")).unwrap_or_default();
            if let Some(line) = table.lines().chain(all[0].1.text.lines()).find(|line| line.len() > 128 * 10 + 200) {
                wrong.push(format!("{file}: a line of {} bytes: {line}", line.len()));
            }
            if number == "48" {
                wrong.extend(lost(&folder.join("out/merged.jsonl")).map(|what| format!("{file}: merge lost {what}")));
            }
            wrong.extend(alive(folder, &all).into_iter().map(|what| format!("{file} {what}")));
            fs::remove_file(folder.join(&file)).unwrap();
        }
    }
    assert_eq!(seen, MANIFEST.lines().count() - 1 - 4, "42 is a pair, 69 and 70 are folders");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// 56 and 58: what there is of a run that was cut off is read on request, and said to be cut off.
#[test]
fn a_run_that_was_cut_off_is_read_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("cut.jsonl"), measured(folder).cut()).unwrap();
    let (validate, report) = (
        stridewise(folder, &["validate", "--allow-partial", "cut.jsonl"]),
        stridewise(folder, &["report", "--allow-partial", "--format", "markdown", "cut.jsonl"]),
    );
    assert_eq!((validate.code, report.code), (Some(0), Some(0)), "{} {}", validate.text, report.text);
    assert!(
        validate.text.contains("cut.jsonl: 1 of 2 cases, ") && validate.text.contains(", cut off"),
        "{}",
        validate.text
    );
    assert!(report.text.contains("The run was cut off after 1 of 2 cases."), "{}", report.text);
}

/// What a merge has lost of the fields that it did not know.
fn lost(merged: &Path) -> Option<String> {
    let text = fs::read_to_string(merged).unwrap_or_default();
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kept = [
        (0, "/schema_version", serde_json::json!([1, 99])),
        (0, "/not_known_yet", serde_json::json!({"a": 1})),
        (0, "/tool/linker", serde_json::json!("x")),
        (2, "/energy_j", serde_json::json!([1.5, null])),
        (2, "/blocks/0/phase", serde_json::json!("\u{202e}x")),
        (3, "/after", serde_json::json!(true)),
    ];
    let gone = |(line, at, value): &(usize, &str, serde_json::Value)| {
        lines.get(*line).and_then(|line| line.pointer(at)) != Some(value)
    };
    kept.iter().find(|one| gone(one)).map(|(line, at, _)| format!("line {}: {at}", line + 1))
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
    for (command, ended) in readers(folder, &["a.jsonl", "b.jsonl"]) {
        // Each by itself is whole, so what takes them one by one reads them.
        let wanted: &[i32] = match command {
            "compare" | "merge" => &[20],
            "plot" => &[0, 2, 20],
            _ => &[0, 20],
        };
        assert!(ended.code.is_some_and(|code| wanted.contains(&code)), "{command}: {:?} {}", ended.code, ended.text);
        let says = match command {
            "compare" => "stridewise: conflicting bundles: ",
            "merge" => " is in two shards; ",
            _ => "",
        };
        assert!(ended.text.contains(says), "{command}: {}", ended.text);
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
    let all = readers(folder, &["odd"]);
    for (command, ended) in &all {
        // What is no regular file is no bundle; a pipe would wait for ever, which the limits on time would end.
        let wanted: &[i32] = if *command == "plot" { &[0, 2, 20] } else { &[0, 20] };
        assert!(ended.code.is_some_and(|code| wanted.contains(&code)), "{command}: {:?} {}", ended.code, ended.text);
        assert!(!ended.text.contains("root:"), "{command}: {}", ended.text);
    }
    assert_eq!(alive(folder, &all), [] as [String; 0]);
    for path in files(&folder.join("out")) {
        assert!(!String::from_utf8_lossy(&fs::read(&path).unwrap()).contains("root:"), "{}", path.display());
    }
    // A name that is given is opened only if it is a file.
    for name in ["odd/fifo.jsonl", "odd/loop.jsonl", "odd/folder.jsonl"] {
        for (command, ended) in readers(folder, &[name]) {
            let refused = ended.code.is_some_and(|code| [1, 20].contains(&code));
            assert!(refused, "{command} {name}: {:?} {}", ended.code, ended.text);
        }
    }
    let names = folder.join("names");
    fs::create_dir(&names).unwrap();
    let odd_names = [
        "-rf.jsonl",
        "a\nb.jsonl",
        "\u{1b}[2Jx.jsonl",
        "\"><img src=x>'.jsonl",
        "\u{202e}gpj.jsonl",
        "@me `www.x.com` #1.jsonl",
    ];
    for name in odd_names {
        fs::write(names.join(name), base.sealed("\n")).unwrap();
    }
    fs::write(names.join("cut\u{1b}[2J\nbad.jsonl"), "nonsense").unwrap();
    let paths: Vec<String> = odd_names.iter().map(|name| format!("names/{name}")).collect();
    let mut inputs: Vec<&str> = paths.iter().map(String::as_str).collect();
    // Copies of one run are one run.
    let all = readers(folder, &inputs);
    for (command, ended) in &all {
        let wanted: &[i32] = if *command == "plot" { &[0, 2] } else { &[0] };
        assert!(ended.code.is_some_and(|code| wanted.contains(&code)), "{command}: {:?} {}", ended.code, ended.text);
    }
    assert_eq!(alive(folder, &all), [] as [String; 0]);
    inputs.push("names/cut\u{1b}[2J\nbad.jsonl");
    let all = readers(folder, &inputs);
    for (command, ended) in &all {
        assert_eq!(ended.code, Some(20), "{command}: {}", ended.text);
    }
    assert_eq!(alive(folder, &all), [] as [String; 0]);
    for (command, ended) in readers(folder, &["names"]) {
        assert_eq!(ended.code, Some(20), "{command}: {}", ended.text);
        assert_eq!(live::control(&ended.text), None, "{command}: {}", ended.text);
    }
}
