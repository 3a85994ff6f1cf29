//! `advise` and `host --measure` as a user meets them, on a short run of the curves.

mod support;

use serde_json::Value;
use std::process::{Command, Output};
use std::sync::LazyLock;

fn stridewise(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_stridewise")).args(arguments).output().unwrap()
}

/// The curves of a few seconds; measured once. No assertion depends on their times.
static RUN: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let filter = "^(floor/sum/f8/|roof/sum|stride/sum/f8/[0-9]{1,4}x[0-9]{1,3}/C/1,0$)";
    let ran = stridewise(&[
        "run",
        "--suite",
        "standard",
        "--filter",
        filter,
        "--budget",
        "4s",
        "--quiet",
        "--no-charts",
        "--out",
        out.to_str().unwrap(),
    ]);
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    folder
});

fn bundle() -> String {
    RUN.path().join("run").to_str().unwrap().to_owned()
}

fn json(arguments: &[&str]) -> Value {
    let ran = stridewise(&[arguments, &["--format", "json"]].concat());
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    serde_json::from_slice(&ran.stdout).unwrap()
}

fn schema() -> Value {
    serde_json::from_str(include_str!("../schema/advise-1.json")).unwrap()
}

#[test]
fn changes_are_ranked_and_each_has_its_lines() {
    let bundle = bundle();
    let said = json(&["advise", "--shape", "1024,1024", "--loop", "1,0", "--passes", "5", "--bundle", &bundle]);
    assert_eq!(support::schema::violations(&schema(), &said), Vec::<String>::new());
    assert_eq!(said["case"], "order/sum/f8/1024x1024/C/1,0");
    let choices = said["cpus"][0]["choices"].as_array().unwrap();
    let find = |words: &str| choices.iter().find(|choice| choice["change"].as_str().unwrap().starts_with(words));
    for words in ["change nothing", "loop order 0,1", "tiles of", "pad ", "copy to F order first"] {
        assert!(find(words).is_some(), "{words} is missing in {choices:#?}");
    }
    let order = find("loop order 0,1").unwrap();
    assert_eq!(order["numpy"], "for i in range(a.shape[0]): work(a[i, :])");
    assert_eq!(order["penalty"][0], 1.0);
    let totals: Vec<f64> = choices.iter().map(|choice| choice["total_ns"].as_f64().unwrap()).collect();
    let best = totals.iter().copied().fold(f64::INFINITY, f64::min);
    // What is as good as the best may stand first if it is less work.
    assert!(totals[0] <= best * 1.03 + 1.0, "{totals:?}");
    let copy = find("copy to F order first").unwrap();
    assert!(copy["once_ns"].as_f64().unwrap() > 0.0 && copy["extra_bytes"] == 8 << 20);
}

#[test]
fn walks_are_weighed_and_windows_and_fields_are_known() {
    let bundle = bundle();
    let walks = ["--walk", "0,1", "--walk", "1,0", "--weights", "3,1", "--bundle", &bundle];
    let said = json(&[&["advise", "--shape", "512,512"], &walks[..]].concat());
    assert_eq!(support::schema::violations(&schema(), &said), Vec::<String>::new());
    let ways = said["cpus"][0]["walks"].as_array().unwrap();
    assert!(ways.len() >= 2);
    for way in ways {
        let passes = way["pass_ns"].as_array().unwrap();
        let sum = 3.0 * passes[0].as_f64().unwrap() + passes[1].as_f64().unwrap();
        assert!((way["weighted_ns"].as_f64().unwrap() / sum - 1.0).abs() < 1e-9);
    }
    for (arguments, wanted) in [
        (["--shape", "100000", "--op", "window", "--window", "16"], "write windows out first"),
        (["--shape", "1000,3", "--dtype", "u1", "--only", "1"], "split the field off first"),
    ] {
        let said = json(&[&["advise", "--bundle", &bundle], &arguments[..]].concat());
        let choices = said["cpus"][0]["choices"].as_array().unwrap();
        assert!(choices.iter().any(|choice| choice["change"] == wanted), "{wanted}");
    }
}

#[test]
fn several_bundles_agree_or_part() {
    let bundle = bundle();
    let said = json(&["advise", "--shape", "512,512", "--loop", "1,0", "--bundle", &bundle, "--bundle", &bundle]);
    assert_eq!(support::schema::violations(&schema(), &said), Vec::<String>::new());
    assert_eq!(said["agreement"]["everywhere"], true);
    assert_eq!(said["agreement"]["change"], said["cpus"][0]["choices"][0]["change"]);
}

#[test]
fn what_cannot_be_answered_is_told_with_what_to_run() {
    let empty = tempfile::tempdir().unwrap();
    let ran = Command::new(env!("CARGO_BIN_EXE_stridewise"))
        .args(["advise", "--shape", "64,64", "--loop", "1,0"])
        .current_dir(empty.path())
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(13), "{error}");
    assert!(error.contains("stridewise run --suite standard"), "{error}");
    let bundle = bundle();
    for (arguments, exit, words) in [
        (&["--shape", "64,64", "--loop", "0"][..], 2, "--loop 0: expected the 2 axes"),
        (&["--loop", "1,0"], 2, "--shape or --npy"),
        (&["--shape", "64,64", "--op", "nonsense"], 2, "--op: unknown kernel \"nonsense\""),
        (&["--shape", "64,64", "--op", "window"], 2, "--window"),
        (&["--shape", "64,64", "--walk", "0,1", "--weights", "1,2"], 2, "2 weights for 1 walks"),
    ] {
        let ran = stridewise(&[&["advise", "--bundle", &bundle], arguments].concat());
        let error = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(exit), "{arguments:?}: {error}");
        assert!(error.contains(words), "{arguments:?}: {error}");
    }
    // A published run without the curves says what it lacks.
    let old = concat!(env!("CARGO_MANIFEST_DIR"), "/results/reference/amd-epyc-zen5");
    let ran = stridewise(&["advise", "--shape", "64,64", "--bundle", old]);
    let error = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success() || (ran.status.code() == Some(11) && error.contains("stridewise run")), "{error}");
}
