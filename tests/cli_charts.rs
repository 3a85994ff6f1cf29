//! `plot` and `report` as a user meets them, on a short run of two squares.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::LazyLock;

fn stridewise(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_stridewise")).args(arguments).output().unwrap()
}

/// A run of two squares; made once.
static RUN: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let filter = "^order/sum/f8/(64x64|128x128)/C/1,0$";
    let out = folder.path().join("run");
    let out = out.to_str().unwrap();
    let ran = stridewise(&["run", "--filter", filter, "--budget", "1s", "--quiet", "--out", out]);
    assert!(ran.status.success(), "{}", error(&ran));
    folder
});

fn run() -> String {
    RUN.path().join("run").to_str().unwrap().to_owned()
}

fn error(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim().to_owned()
}

#[test]
fn a_run_leaves_its_page_and_its_charts() {
    let folder = run();
    let page = fs::read_to_string(Path::new(&folder).join("report.html")).unwrap();
    assert!(page.contains("Content-Security-Policy") && page.contains("id=\"penalty-curve-0-t\""));
    for chart in ["penalty-curve", "staircase", "where-served"] {
        let svg = fs::read_to_string(Path::new(&folder).join(format!("charts/{chart}.svg"))).unwrap();
        roxmltree::Document::parse(&svg).unwrap();
    }
    assert!(!Path::new(&folder).join("charts/fleet.svg").exists(), "one bundle is no fleet");
}

#[test]
fn plot_writes_what_the_name_of_the_file_says() {
    let (run, folder) = (run(), tempfile::tempdir().unwrap());
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let plot = |more: &[&str]| stridewise(&[&["plot", &run, "--chart", "staircase"], more].concat());
    assert!(plot(&["--out", &path("a.png"), "--width", "320", "--data", &path("a.csv")]).status.success());
    let png = fs::read(path("a.png")).unwrap();
    assert_eq!((&png[1..4], &png[16..20]), (&b"PNG"[..], &[0, 0, 1, 64][..]));
    let csv = fs::read_to_string(path("a.csv")).unwrap();
    assert_eq!(csv.lines().next(), Some("walk,shape,bytes,ns_per_element,p10,p90"));
    assert_eq!(csv.lines().count(), 5, "{csv}");
    let [light, dark] = ["light", "dark"].map(|theme| plot(&["--theme", theme]).stdout);
    assert!(light.starts_with(b"<svg ") && dark.starts_with(b"<svg ") && light != dark);
    assert!(plot(&["--format", "png"]).stdout.starts_with(b"\x89PNG"));
}

#[test]
fn wrong_flags_of_plot_are_told() {
    let run = run();
    let list = stridewise(&["plot", "--list"]);
    let names = String::from_utf8(list.stdout).unwrap();
    assert!(names.lines().count() >= 10 && names.contains("penalty-curve  "), "{names}");
    let cases: [(&[&str], &str); 4] = [
        (&["--chart", "pie"], "--chart: unknown chart \"pie\": expected one of penalty-curve"),
        (
            &["--chart", "stride-curve"],
            "--chart stride-curve: no case of the family stride was measured; these bundles",
        ),
        (&["--chart", "staircase", "--format", "png", "--width", "9000"], "--width: 9000"),
        (&["--chart", "fleet"], "the fleet needs two bundles"),
    ];
    for (flags, message) in cases {
        let output = stridewise(&[&["plot", run.as_str()], flags].concat());
        assert_eq!(output.status.code(), Some(2), "{flags:?}");
        assert!(error(&output).contains(message), "{flags:?}: {}", error(&output));
    }
    assert_eq!(stridewise(&["plot", &run]).status.code(), Some(2));
}

#[test]
fn report_of_two_bundles_puts_them_side_by_side() {
    let (run, folder) = (run(), tempfile::tempdir().unwrap());
    let out = folder.path().join("two.html");
    let output = stridewise(&["report", &run, &run, "--out", out.to_str().unwrap()]);
    assert!(output.status.success() && output.stdout.is_empty(), "{}", error(&output));
    let page = fs::read_to_string(&out).unwrap();
    assert!(page.contains("CPUs side by side") && page.contains("id=\"staircase-1-t\""));
    let markdown = stridewise(&["report", &run, "--format", "markdown"]);
    assert!(markdown.stdout.starts_with(b"# "));
    let table = stridewise(&["report", &run]);
    assert!(String::from_utf8_lossy(&table.stdout).contains("null controls") || !table.stdout.is_empty());
}
