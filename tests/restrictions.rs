//! The program under real restrictions: one clear line and the right exit code, or a run as if nothing were.
//!
//! What a test needs beyond the program (taskset, prlimit, unshare as root) may be missing: it then says so by name.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test")]

use std::path::Path;
use std::process::{Command, Output};

const PROGRAM: &str = env!("CARGO_BIN_EXE_stridewise");
/// A run of a second.
const SMALL: [&str; 10] =
    ["run", "--shape", "64,64", "--dtype", "f8", "--budget", "1s", "--quiet", "--no-charts", "--out"];

fn output(command: &mut Command) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code(), format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
}

fn stridewise(arguments: &[&str]) -> (Option<i32>, String) {
    output(Command::new(PROGRAM).args(arguments))
}

/// A launcher before the program, if it works here.
fn launcher(words: &[&str]) -> Option<Command> {
    let tried = Command::new(words[0]).args(&words[1..]).arg("true").output();
    if !tried.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: {} does not work here", words.join(" "));
        return None;
    }
    let mut command = Command::new(words[0]);
    command.args(&words[1..]);
    Some(command)
}

/// A shell in a mount namespace of its own, for root.
fn in_namespace(script: &str) -> Option<(Option<i32>, String)> {
    Some(output(launcher(&["unshare", "-m"])?.args(["sh", "-c", script])))
}

#[test]
fn one_cpu_is_enough_and_more_threads_than_cpus_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    if let Some(mut command) = launcher(&["taskset", "-c", "0"]) {
        let (code, text) = output(command.arg(PROGRAM).args(SMALL).arg(folder.path().join("one")));
        assert_eq!(code, Some(0), "{text}");
    }
    let out = folder.path().join("many");
    let (code, text) = stridewise(&[&SMALL[..], &[out.to_str().unwrap(), "--threads", "4000"]].concat());
    assert_eq!(code, Some(3), "{text}");
    assert!(text.contains("threads=4000: this process may use"), "{text}");
    let (code, text) = stridewise(&[&SMALL[..], &[out.to_str().unwrap(), "--cpu", "99999"]].concat());
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("--cpu: CPU 99999 is not among the CPUs"), "{text}");
}

#[test]
fn shapes_that_cannot_be_are_refused_by_name() {
    for (shape, why) in [
        ("9223372036854775807", "more than 2^63-1 bytes"),
        ("4294967296,4294967296", "more than 2^63-1 bytes"),
        ("0,4", "there is nothing to walk"),
        ("1000000,10000000", "beyond the"),
    ] {
        let (code, text) = stridewise(&["run", "--shape", shape, "--dtype", "f8", "--out", "never"]);
        assert_eq!(code, Some(2), "{shape}: {text}");
        assert!(text.contains("--shape") && text.contains(why), "{shape}: {text}");
        assert!(!Path::new("never").exists());
    }
}

#[test]
fn a_limit_of_the_process_is_known_before_anything_is_mapped() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut command) = launcher(&["prlimit", "--as=600000000"]) else { return };
    let out = folder.path().join("out");
    let asked = ["run", "--shape", "10000,10000", "--dtype", "f8", "--quiet", "--out"];
    let (code, text) = output(command.arg(PROGRAM).args(asked).arg(&out));
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("of memory that may be used; up to ") && text.contains("fits"), "{text}");
    assert!(!out.exists(), "nothing was begun");
}

/// Addresses count under such a limit, so none may be taken that are not used.
#[test]
fn arrays_fit_under_a_limit_of_addresses() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    for limit in ["600000000", "2300000000"] {
        let Some(mut command) = launcher(&["prlimit", &format!("--as={limit}")]) else { return };
        let asked =
            ["run", "--shape", "500,500", "--kernel", "triad", "--budget", "2s", "--quiet", "--no-charts", "--out"];
        let (code, text) = output(command.arg(PROGRAM).args(asked).arg(out.join(limit)));
        assert_eq!(code, Some(0), "{limit}: {text}");
    }
}

#[test]
fn folders_that_cannot_be_written_are_named() {
    let run = format!("{PROGRAM} {}", SMALL.join(" "));
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().to_str().unwrap();
    if let Some((code, text)) = in_namespace(&format!("mount -t tmpfs -o ro none {at} && {run} {at}/out")) {
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains("cannot be written: Read-only file system"), "{text}");
    }
    if let Some((code, text)) = in_namespace(&format!("mount -t tmpfs -o size=16k none {at} && {run} {at}/out")) {
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains("bundle.jsonl: No space left on device"), "{text}");
    }
    let taken = folder.path().join("file");
    std::fs::write(&taken, "").unwrap();
    let (code, text) = stridewise(&[&SMALL[..], &[taken.join("out").to_str().unwrap()]].concat());
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("--out") && text.contains("Not a directory"), "{text}");
}

#[test]
fn without_proc_and_sys_it_runs() {
    let run = format!("{PROGRAM} {}", SMALL.join(" "));
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let script = format!("mount -t tmpfs none /sys && mount -t tmpfs none /proc && {run} {}", out.display());
    let Some((code, text)) = in_namespace(&script) else { return };
    assert_eq!(code, Some(0), "{text}");
    let (code, text) = stridewise(&["validate", out.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{text}");
}

/// Nothing is written but in the folder of `--out`: nothing else can be, and the run is as it was before.
#[test]
fn with_every_other_file_system_read_only_it_runs() {
    let run = format!("{PROGRAM} {}", SMALL.join(" "));
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().to_str().unwrap();
    // Every mount of the namespace but the one that results go to; some cannot be mounted anew, and are not written to either.
    let closed = "for m in $(cut -d' ' -f5 /proc/self/mountinfo); do mount -o remount,bind,ro $m 2>/dev/null; done";
    let open = format!("mount -t tmpfs none {at} && cd {at}");
    let tried = format!(
        "! touch {} 2>/dev/null && ! touch /tmp/never-written 2>/dev/null",
        concat!(env!("CARGO_MANIFEST_DIR"), "/never-written")
    );
    let Some((code, text)) = in_namespace(&format!(
        "{closed}; {open} && {tried} && {run} out && {PROGRAM} validate out && test \"$(ls -A)\" = out && ls out"
    )) else {
        return;
    };
    assert_eq!(code, Some(0), "{text}");
    assert!(text.trim_end().ends_with("bundle.jsonl\nsummary.md"), "{text}");
}

/// Whoever reads a bundle learns the machine's class and nothing of who ran it where.
#[test]
fn a_bundle_names_no_host_no_user_and_no_folder() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("a-folder-with-a-name-to-look-for");
    std::fs::create_dir(&inside).unwrap();
    let out = inside.join("out");
    let mut command = Command::new(PROGRAM);
    command.env("USER", "a-user-to-look-for").env("LOGNAME", "a-user-to-look-for").current_dir(&inside);
    let (code, text) = output(command.args(SMALL).arg(&out));
    assert_eq!(code, Some(0), "{text}");
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&inside).unwrap().chain(std::fs::read_dir(&out).unwrap()) {
        files.push(entry.unwrap().path());
    }
    // Nothing beside the folder that was asked for.
    assert_eq!(files.iter().filter(|path| path.parent() == Some(&inside)).count(), 1, "{files:?}");
    for path in files.iter().filter(|path| path.is_file()) {
        let text = std::fs::read_to_string(path).unwrap();
        for word in ["a-folder-with-a-name-to-look-for", "a-user-to-look-for", host.trim()] {
            assert!(word.len() < 3 || !text.contains(word), "{}: {word}", path.display());
        }
    }
}
