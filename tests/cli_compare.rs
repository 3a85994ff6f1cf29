//! `compare`, `merge` and `export` as a user meets them: verdicts, gates, refusals, exit codes, limits.

use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use stridewise::host::MachineClass;

const REFERENCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/results/reference/amd-epyc-zen5/bundle.jsonl");
const CASE: &str = "order/sum/f8/1024x1024/C/1,0";

fn stridewise(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_stridewise")).args(arguments).env("COLUMNS", "80").output().unwrap()
}

fn code(arguments: &[&str]) -> i32 {
    stridewise(arguments).status.code().unwrap()
}

fn error(arguments: &[&str]) -> String {
    String::from_utf8(stridewise(arguments).stderr).unwrap()
}

/// The reference run under another identity, its lines changed; the digest is made anew.
fn made(folder: &Path, name: &str, number: usize, change: impl Fn(&mut Value)) -> String {
    let text = fs::read_to_string(REFERENCE).unwrap();
    let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    lines[0]["bundle_id"] = format!("{number:032x}").into();
    lines[0]["run_id"] = format!("made-{number}").into();
    lines.iter_mut().for_each(&change);
    let class: MachineClass = serde_json::from_value(lines[0]["machine"].clone()).unwrap();
    lines[0]["class_id"] = class.id().into();
    let mut end = lines.pop().unwrap();
    let body: String = lines.iter().map(|line| line.to_string() + "\n").collect();
    end["lines"] = (lines.len() - 1).into();
    end["sha256"] = Sha256::digest(&body).iter().map(|byte| format!("{byte:02x}")).collect::<String>().into();
    let path = folder.join(name);
    fs::write(&path, format!("{body}{end}\n")).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Contender times of some pairs multiplied.
fn slower(by: f64, which: impl Fn(&str) -> bool) -> impl Fn(&mut Value) {
    move |line| {
        if line["kind"] != "pair" || line["null"] == true || !which(line["id"].as_str().unwrap()) {
            return;
        }
        for block in line["blocks"].as_array_mut().unwrap() {
            for ns in block["contender_ns"].as_array_mut().unwrap() {
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "nanoseconds")]
                let longer = (ns.as_f64().unwrap() * by) as u64;
                *ns = longer.into();
            }
        }
    }
}

fn compared(arguments: &[&str]) -> Value {
    let output = stridewise(&[&["compare", "--format", "json"], arguments].concat());
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn a_regression_is_told_and_gates() {
    let folder = tempfile::tempdir().unwrap();
    let (base, same) = (made(folder.path(), "a.jsonl", 1, |_| ()), made(folder.path(), "b.jsonl", 2, |_| ()));
    let worse = made(folder.path(), "c.jsonl", 3, slower(1.4, |id| id == CASE));
    let gate = ["--fail-on", "regression", "--threshold", "5%"];
    assert_eq!(code(&[&["compare", &same, "--baseline", &base], &gate[..]].concat()), 0);
    assert_eq!(code(&[&["compare", &worse, "--baseline", &base], &gate[..]].concat()), 10);
    // Without a gate a regression is told and no more.
    assert_eq!(code(&["compare", &base, &worse]), 0);
    let document = compared(&[&worse, "--baseline", &base]);
    assert_eq!(document["regressions"], 1);
    let first = &document["cases"][0];
    assert_eq!((first["id"].as_str(), first["verdict"].as_str()), (Some(CASE), Some("slower")));
    assert!((first["change"].as_f64().unwrap() - 1.4).abs() < 0.01);
    // One run on either side cannot say that nothing changed within 5 %.
    assert_eq!(document["unchanged"], 0);
    assert_eq!(code(&["compare", &same, "--baseline", &base, "--require-conclusive"]), 12);
    let text = String::from_utf8(stridewise(&["compare", &base, &worse]).stdout).unwrap();
    assert!(text.starts_with("1 regression, the worst order/sum/f8/1024x1024/C/1,0 (+40.0 %)"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

/// Shards of a run: one is missing, one was cut off, and what there is has a regression.
#[test]
fn a_regression_stands_and_what_is_missing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let base = made(folder.path(), "base.jsonl", 1, |_| ());
    let shards = folder.path().join("now");
    for (n, by) in [(0, 1.5), (2, 1.0), (3, 1.0)] {
        let at = shards.join(format!("shard-{n}"));
        fs::create_dir_all(&at).unwrap();
        made(&at, "bundle.jsonl", 10 + n, slower(by, |id| id == CASE));
    }
    let whole = fs::read_to_string(shards.join("shard-3/bundle.jsonl")).unwrap();
    let kept: String = whole.split_inclusive('\n').take(3).collect();
    fs::write(shards.join("shard-3/bundle.jsonl"), kept).unwrap();
    let now = shards.to_str().unwrap();
    let arguments = ["compare", now, "--baseline", &base, "--expect", "4", "--filter", "^order/sum/f8/1024x"];
    let output = stridewise(&arguments);
    let text = String::from_utf8(output.stdout).unwrap().replace('\n', " ");
    assert!(text.contains("2 of 4 expected bundles are there and whole; missing: shard-1; cut off: "), "{text}");
    assert!(text.contains("shard-3/bundle.jsonl (2 of 94 cases)"), "{text}");
    assert_eq!(output.status.code(), Some(21));
    // Two runs, one of them half as slow again: no more can be told of the case than that.
    let page = folder.path().join("page.html");
    let gate = ["--fail-on", "regression,slowdown", "--html", page.to_str().unwrap()];
    let only = shards.join("shard-0");
    let arguments = [&["compare", only.to_str().unwrap(), "--baseline", &base, "--expect", "2"], &gate[..]].concat();
    assert_eq!(code(&arguments), 10);
    let html = fs::read_to_string(page).unwrap();
    assert!(html.contains("1 regression, the worst order/sum/f8/1024x1024/C/1,0 (+50.0 %), 1 slowdowns"), "headline");
    assert!(html.contains("1 of 2 expected bundles"), "what is missing");
    let merged = folder.path().join("merged.jsonl");
    let merge = ["merge", only.to_str().unwrap(), "--out", merged.to_str().unwrap(), "--expect", "4"];
    assert_eq!(code(&merge), 21);
    assert!(merged.exists(), "what is there is merged");
}

/// Both members slower: the penalty is as it was, and the time is not.
#[test]
fn a_slowdown_of_both_members_is_seen_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let base = made(folder.path(), "a.jsonl", 1, |_| ());
    let both = made(folder.path(), "b.jsonl", 2, |line| {
        if line["kind"] == "pair" && line["id"] == CASE {
            for block in line["blocks"].as_array_mut().unwrap() {
                for member in ["baseline_ns", "contender_ns"] {
                    for ns in block[member].as_array_mut().unwrap() {
                        *ns = (ns.as_u64().unwrap() * 3 / 2).into();
                    }
                }
            }
        }
    });
    assert_eq!(code(&["compare", &base, &both, "--fail-on", "regression"]), 0);
    assert_eq!(code(&["compare", &base, &both, "--fail-on", "slowdown"]), 10);
    let document = compared(&[&base, &both]);
    assert_eq!((document["regressions"].as_u64(), document["slowdowns"].as_u64()), (Some(0), Some(1)));
}

/// A change in a control spoils the verdicts of its size class; a change of other cases does not.
#[test]
fn a_failed_control_leaves_nothing_to_say() {
    let folder = tempfile::tempdir().unwrap();
    let base = made(folder.path(), "a.jsonl", 1, |_| ());
    let noisy = made(folder.path(), "b.jsonl", 2, |line| {
        if line["null"] == true {
            for block in line["blocks"].as_array_mut().unwrap() {
                for ns in block["contender_ns"].as_array_mut().unwrap() {
                    *ns = (ns.as_u64().unwrap() * 11 / 10).into();
                }
            }
        } else {
            slower(3.0, |id| id == CASE)(line);
        }
    });
    let document = compared(&[&noisy, "--baseline", &base]);
    let case = document["cases"].as_array().unwrap().iter().find(|one| one["id"] == CASE).unwrap();
    assert_eq!(case["verdict"], "inconclusive");
    assert!(case["why"].as_str().unwrap().contains("null control"));
}

#[test]
fn classes_that_differ_in_one_associativity_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let base = made(folder.path(), "a.jsonl", 1, |_| ());
    let other = made(folder.path(), "b.jsonl", 2, |line| {
        if line["kind"] == "bundle" {
            // Another number of sets keeps the cache as large as it was.
            let cache = line["machine"]["caches"].as_array_mut().unwrap().last_mut().unwrap();
            let (ways, sets) = (cache["ways"].as_u64().unwrap(), cache["sets"].as_u64().unwrap());
            (cache["ways"], cache["sets"]) = ((ways * 2).into(), (sets / 2).into());
        }
    });
    let arguments = ["compare", other.as_str(), "--baseline", base.as_str()];
    assert_eq!(code(&arguments), 11);
    let error = error(&arguments);
    assert!(error.contains("ways") && !error.contains("bytes"), "{error}");
    assert_eq!(code(&["compare", "--across", "class", &base, &other]), 0);
    assert_eq!(code(&["merge", &base, &other, "--out", folder.path().join("m.jsonl").to_str().unwrap()]), 11);
}

#[test]
fn gates_have_their_own_exit_codes() {
    let folder = tempfile::tempdir().unwrap();
    let base = made(folder.path(), "a.jsonl", 1, |_| ());
    let missing = folder.path().join("none");
    let missing = missing.to_str().unwrap();
    assert_eq!(code(&["compare", &base, "--baseline", missing, "--require-baseline"]), 13);
    assert_eq!(code(&["compare", &base, "--baseline", missing]), 0);
    assert_eq!(code(&["compare", &base, "--expect", "2"]), 21);
    // A rule that no case answers.
    assert_eq!(code(&["compare", &base, &base, "--filter", "^nothing/"]), 2);
    assert!(error(&["compare", &base, "--across", "class", "--filter", "^nothing/"]).contains("--filter"));
    assert_eq!(code(&["compare", missing]), 1);
    assert_eq!(code(&["compare", &base, "--max-bundles", "0"]), 2);
    let require = |rule: &str| code(&["compare", "--across", "class", &base, "--require", rule]);
    assert_eq!(require("penalty@4xL2<=1000"), 0);
    assert_eq!(require("penalty@4xL2<=1.001"), 14);
    // A rule that matches nothing is an error, not a pass.
    assert_eq!(require("penalty@100000xL3<=6"), 2);
    assert_eq!(require("speed@4xL2<=6"), 2);
    // The same identity with other content.
    let forged = made(folder.path(), "b.jsonl", 1, slower(1.5, |_| true));
    assert_eq!(code(&["compare", &base, &forged, "--baseline", &base]), 20);
    assert!(error(&["compare", &base, &forged, "--baseline", &base]).contains("conflicting bundles"));
}

#[test]
fn the_order_of_files_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = |n: usize| made(folder.path(), &format!("{n}.jsonl"), n, slower(1.0 + n as f64 / 100.0, |_| true));
    let files: Vec<String> = (1..=4).map(at).collect();
    for format in ["table", "markdown", "json", "csv"] {
        let of = |now: [usize; 2], base: [usize; 2]| {
            let [a, b] = now.map(|n| files[n].as_str());
            let [c, d] = base.map(|n| files[n].as_str());
            stridewise(&["compare", a, b, "--format", format, "--baseline", c, d]).stdout
        };
        assert_eq!(of([0, 1], [2, 3]), of([1, 0], [3, 2]), "{format}");
        assert!(!of([0, 1], [2, 3]).is_empty());
    }
}

#[test]
fn summaries_stay_small_and_say_what_they_leave_out() {
    let folder = tempfile::tempdir().unwrap();
    let base = made(folder.path(), "a.jsonl", 1, |_| ());
    let now = made(folder.path(), "b.jsonl", 2, |_| ());
    let (summary, verdict) = (folder.path().join("s.md"), folder.path().join("verdict.json"));
    let files = ["--summary", summary.to_str().unwrap(), "--verdict", verdict.to_str().unwrap()];
    assert_eq!(code(&[&["compare", &base, &now], &files[..]].concat()), 0);
    assert_eq!(code(&[&["compare", &base, &now], &files[..]].concat()), 0);
    let text = fs::read_to_string(&summary).unwrap();
    assert_eq!(text.matches("## stridewise: no regression").count(), 2, "appended");
    assert!(text.len() < 120_000 && text.contains("<details><summary>"), "{text}");
    let document: Value = serde_json::from_slice(&fs::read(&verdict).unwrap()).unwrap();
    let schema = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/schema/compare-1.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    assert_eq!(support::schema::violations(&schema, &document), [] as [String; 0]);
}

mod support;

#[test]
fn shards_merge_into_a_valid_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let half = |name: &str, number: usize, odd: bool| {
        let text = fs::read_to_string(REFERENCE).unwrap();
        let keep = |n: usize| n == 0 || (n % 2 == 1) == odd;
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let end = lines.last().unwrap().clone();
        let kept: Vec<Value> = lines[..lines.len() - 1]
            .iter()
            .enumerate()
            .filter(|(n, _)| keep(*n))
            .map(|(_, line)| line.clone())
            .collect();
        let mut kept = kept;
        kept[0]["bundle_id"] = format!("{number:032x}").into();
        kept[0]["run_id"] = format!("shard-{number}").into();
        let body: String = kept.iter().map(|line| line.to_string() + "\n").collect();
        let mut end = end;
        end["lines"] = (kept.len() - 1).into();
        end["sha256"] = Sha256::digest(&body).iter().map(|byte| format!("{byte:02x}")).collect::<String>().into();
        let path: PathBuf = folder.path().join(name);
        fs::write(&path, format!("{body}{end}\n")).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (a, b) = (half("a.jsonl", 1, true), half("b.jsonl", 2, false));
    let out = folder.path().join("merged.jsonl");
    let out = out.to_str().unwrap();
    let output = stridewise(&["merge", &a, &b, "--out", out, "--expect", "2"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(code(&["validate", out]), 0, "{}", error(&["validate", out]));
    let all = |file: &str| compared(&["--across", "class", file])["classes"][0]["penalty"].clone();
    assert_eq!(all(out), all(REFERENCE));
    // The same cases twice are two runs, not two shards; and nothing is overwritten.
    assert_eq!(code(&["merge", &a, REFERENCE, "--out", folder.path().join("x.jsonl").to_str().unwrap()]), 20);
    assert_ne!(code(&["merge", &a, &b, "--out", out]), 0);
    assert_eq!(code(&["merge", &a, "--out", folder.path().join("y.jsonl").to_str().unwrap(), "--expect", "2"]), 21);
}

#[test]
fn exports_are_flat_and_other_formats_have_their_form() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let base = made(folder.path(), "a.jsonl", 1, |line| {
        if line["kind"] == "bundle" {
            line["machine"]["model_name"] = "=HYPERLINK(\"x\")".into();
        }
    });
    for format in ["csv", "jsonl", "bmf", "gab", "benchfmt"] {
        let target = format!("{out}/{format}");
        assert_eq!(code(&["export", &base, "--format", format, "--out", &target]), 0, "{format}");
    }
    let find = |end: &str| {
        let mut folders = vec![folder.path().join(end)];
        while let Some(at) = folders.pop() {
            for entry in fs::read_dir(at).unwrap() {
                let path = entry.unwrap().path();
                if path.is_file() {
                    return path;
                }
                folders.push(path);
            }
        }
        unreachable!()
    };
    let csv = find("csv");
    assert!(csv.to_str().unwrap().contains("schema=1/arch=x86_64/class="), "{}", csv.display());
    let text = fs::read_to_string(csv).unwrap();
    assert!(text.starts_with("bundle_id,run_id,created,class_id,arch,cpu,"), "{text}");
    assert!(text.contains("'=HYPERLINK") && !text.contains(",=HYPERLINK") && !text.contains(",\"=HYPERLINK"), "{text}");
    let lines = fs::read_to_string(find("jsonl")).unwrap();
    let rows: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let row = rows.iter().find(|row| row["case_id"] == CASE).unwrap();
    let penalty = row["penalty"].as_f64().unwrap();
    assert!(
        penalty > 1.5
            && (penalty - row["contender_ns"].as_f64().unwrap() / row["baseline_ns"].as_f64().unwrap()).abs()
                < penalty / 4.0
    );
    let bmf: Value = serde_json::from_slice(&fs::read(find("bmf")).unwrap()).unwrap();
    assert_eq!(bmf[CASE]["penalty"]["value"], row["penalty"]);
    let gab: Value = serde_json::from_slice(&fs::read(find("gab")).unwrap()).unwrap();
    assert_eq!(gab.as_array().unwrap().len(), rows.len());
    // The grammar of https://go.dev/design/14313-benchmark-format: a key begins with a lower-case letter, a name goes on
    // after Benchmark without one, then the iterations and pairs of value and unit.
    let go = fs::read_to_string(find("benchfmt")).unwrap();
    let configuration = regex::Regex::new(r"^[a-z][^\sA-Z:]*: \S.*$").unwrap();
    let result = regex::Regex::new(r"^Benchmark([^a-z\s]\S*)? [1-9][0-9]* [0-9.eE+-]+ ns/op$").unwrap();
    let (first, rest): (Vec<&str>, Vec<&str>) = go.lines().partition(|line| !line.starts_with("Benchmark"));
    assert!(!first.is_empty() && first.iter().all(|line| configuration.is_match(line)), "{first:?}");
    let wrong = rest.iter().find(|line| !result.is_match(line));
    assert!(rest.len() > 100 && wrong.is_none(), "{wrong:?}");
    assert!(rest.iter().all(|line| line.split(' ').nth(2).unwrap().parse::<f64>().is_ok()));
}
