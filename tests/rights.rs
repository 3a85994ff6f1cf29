//! The program where the system denies it something: memory of a control group, system calls, threads, files, rights. It runs
//! all the same, or refuses with one clear line and the right exit code.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test")]

mod support;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use stridewise::host::{Host, Root, Seen};
use stridewise::suite::{Item, Machine};
use support::limits::{Limits, limit};
use support::seccomp::{deny, forbid};

/// A run of a second.
const SMALL: [&str; 9] = ["run", "--shape", "64,64", "--dtype", "f8", "--budget", "1s", "--quiet", "--no-charts"];
const NOBODY: u32 = 65_534;

fn output(command: &mut Command) -> (Option<i32>, String) {
    // A child of another test may hold a program that was just copied, until it starts its own.
    let busy = |found: &std::io::Result<Output>| {
        found.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::ExecutableFileBusy)
    };
    let mut found = command.output();
    for _ in 0..100 {
        if !busy(&found) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
        found = command.output();
    }
    let Output { status, stdout, stderr } = found.unwrap();
    (status.code(), format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
}

fn stridewise(arguments: &[&str]) -> (Option<i32>, String) {
    output(Command::new(env!("CARGO_BIN_EXE_stridewise")).args(arguments))
}

/// Ended with that code, and with one line that has all the words.
fn refused((code, text): &(Option<i32>, String), wanted: i32, words: &[&str]) {
    assert_eq!(*code, Some(wanted), "{text}");
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("stridewise: ")).collect();
    assert_eq!(lines.len(), 1, "{text}");
    assert!(!text.contains("panicked"), "{text}");
    for word in words {
        assert!(lines[0].contains(word), "{word}: {text}");
    }
}

/// Ran to its end and left a valid bundle.
fn ran((code, text): &(Option<i32>, String), out: &Path) {
    assert_eq!(*code, Some(0), "{text}");
    let (code, text) = stridewise(&["validate", out.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{text}");
}

fn header(out: &Path) -> serde_json::Value {
    let text = fs::read_to_string(out.join("bundle.jsonl")).unwrap();
    serde_json::from_str(text.lines().next().unwrap()).unwrap()
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// The program where every user may start it, and a folder that every user may write.
fn open_to_all() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let program = folder.path().join("stridewise");
    fs::copy(env!("CARGO_BIN_EXE_stridewise"), &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    (folder, program)
}

#[test]
fn arrays_without_axes_or_elements_have_nothing_to_walk() {
    let folder = tempfile::tempdir().unwrap();
    let npy = |name: &str, shape: &str, bytes: usize| {
        let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}");
        let header = format!("{header:117}\n");
        let length = u16::try_from(header.len()).unwrap().to_le_bytes();
        let path = folder.path().join(name);
        fs::write(&path, [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), &vec![0; bytes]].concat()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (scalar, empty) = (npy("scalar.npy", "()", 8), npy("empty.npy", "(0, 4)", 0));
    let out = folder.path().join("out");
    for (file, why) in [(&scalar, "shape (): expected 1 to 8 axes"), (&empty, "shape 0x4: there is nothing to walk")] {
        for command in [&["run", "--out", out.to_str().unwrap()][..], &["list"], &["simulate"], &["advise"]] {
            refused(&stridewise(&[command, &["--npy", file]].concat()), 2, &["--npy: ", why]);
        }
        // What it is can be told all the same.
        assert_eq!(stridewise(&["layout", "--npy", file]).0, Some(0));
    }
    assert!(!out.exists());
}

#[test]
fn a_control_groups_limit_is_what_there_is() {
    let root = tempfile::tempdir().unwrap();
    let put = |path: &str, text: &str| {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    put("proc/meminfo", "MemTotal: 16777216 kB\nMemAvailable: 16000000 kB\n");
    let machine = || {
        let seen = Seen { arch: "x86_64".to_owned(), affinity: vec![0], ..Seen::default() };
        Machine::of_host(&Host::probe_at(&Root::at(root.path()), &seen))
    };
    assert_eq!(machine().memory, Some(16_000_000 << 10));
    put("proc/self/cgroup", "0::/job/step\n");
    put("sys/fs/cgroup/job/memory.max", "104857600\n");
    put("sys/fs/cgroup/job/memory.current", "20971520\n");
    put("sys/fs/cgroup/job/step/memory.max", "max\n");
    assert_eq!(machine().memory, Some(80 << 20));
    let item = |id: &str| Item::of(id.parse().unwrap());
    let lacks = machine().lacks(&item("order/sum/f8/4096x2048/C/1,0")).unwrap();
    assert_eq!(lacks, "memory: needs 64 MiB; arrays may take half of the 80 MiB there are");
    assert_eq!(machine().lacks(&item("order/sum/f8/2048x2048/C/1,0")), None);
    put("proc/self/cgroup", "4:memory:/old\n");
    put("sys/fs/cgroup/memory/old/memory.limit_in_bytes", "8388608\n");
    put("sys/fs/cgroup/memory/old/memory.usage_in_bytes", "0\n");
    assert_eq!(machine().memory, Some(8 << 20));
}

/// A group of its own below the root of the memory controller, if this user may make one.
struct Group(PathBuf, &'static str);

impl Group {
    fn new() -> Option<Self> {
        let name = format!("stridewise-test-{}", std::process::id());
        let second = fs::read_to_string("/sys/fs/cgroup/cgroup.subtree_control").unwrap_or_default().contains("memory");
        let (parent, file) =
            if second { ("/sys/fs/cgroup", "memory.max") } else { ("/sys/fs/cgroup/memory", "memory.limit_in_bytes") };
        let group = Self(Path::new(parent).join(name), file);
        let made = fs::create_dir(&group.0).is_ok() && group.0.join(file).exists();
        made.then_some(group)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        _ = fs::remove_dir(&self.0);
    }
}

#[test]
fn a_real_control_group_is_known_before_it_kills() {
    let Some(group) = Group::new() else {
        eprintln!("skipped a_real_control_group: no memory control group can be made here");
        return;
    };
    fs::write(group.0.join(group.1), "200M").unwrap();
    let inside = |arguments: &[&str]| {
        let join = format!("echo $$ >{}/cgroup.procs && exec \"$0\" \"$@\"", group.0.display());
        output(Command::new("sh").args(["-c", &join, env!("CARGO_BIN_EXE_stridewise")]).args(arguments))
    };
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let at = out.to_str().unwrap();
    let large = inside(&["run", "--shape", "8192,8192", "--dtype", "f8", "--quiet", "--out", at]);
    refused(
        &large,
        2,
        &["--shape 8192x8192: 512 MiB with 1 array is beyond the", "of memory that may be used; up to", "fits"],
    );
    assert!(!out.exists());
    ran(&inside(&[&SMALL[..], &["--out", at]].concat()), &out);
    // A suite goes on without what does not fit, and says so.
    let (code, text) = inside(&["list", "--suite", "full", "--format", "json"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("arrays may take half of the"), "what does not fit is listed");
}

#[test]
fn denied_system_calls_leave_a_run_or_a_reason() {
    if !support::seccomp::is_there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let denied = |call: libc::c_long, errno: i32, name: &str, more: &[&str]| {
        let out = folder.path().join(name);
        let mut command = Command::new(env!("CARGO_BIN_EXE_stridewise"));
        deny(&mut command, call, errno);
        (output(command.args(SMALL).args(more).arg("--out").arg(&out)), out)
    };
    for (errno, name) in [(libc::EPERM, "container"), (libc::EACCES, "paranoid"), (libc::ENOSYS, "none")] {
        let (ended, out) = denied(libc::SYS_perf_event_open, errno, name, &[]);
        ran(&ended, &out);
        let events = header(&out)["counters"].clone();
        let events = events.as_array().unwrap();
        assert!(!events.is_empty() && events.iter().all(|event| event["available"] == false), "{events:?}");
        assert!(events.iter().all(|event| event["reason"]["code"].is_string()), "{events:?}");
        assert!(ended.1.contains("counted"), "the run says that nothing was counted: {}", ended.1);
    }
    // Where nothing was asked for it goes on unpinned, and its header names no CPU.
    let (ended, out) = denied(libc::SYS_sched_setaffinity, libc::EPERM, "unpinned", &[]);
    ran(&ended, &out);
    assert!(header(&out)["config"]["cpu"].is_null(), "{}", header(&out)["config"]);
    let cpu = stridewise::host::Affinity::at_start().cpus()[0].to_string();
    let (ended, out) = denied(libc::SYS_sched_setaffinity, libc::EPERM, "asked", &["--cpu", &cpu]);
    refused(&ended, 3, &["--cpu: the system did not move the thread to CPU"]);
    assert!(!out.exists());
    // Workers that cannot be pinned are no result of so many threads.
    if stridewise::host::Affinity::at_start().cpus().len() > 1 {
        let (ended, _) = denied(libc::SYS_sched_setaffinity, libc::EPERM, "workers", &["--threads", "2"]);
        refused(&ended, 3, &["nothing could be measured: the system did not move the thread to CPU"]);
    }
    for (call, name) in [(libc::SYS_sched_getaffinity, "no mask"), (libc::SYS_getrusage, "no usage")] {
        let (ended, out) = denied(call, libc::EPERM, name, &[]);
        ran(&ended, &out);
    }
}

/// Nothing is sent anywhere: the first socket would end the process.
#[test]
fn no_socket_is_opened() {
    if !support::seccomp::is_there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let forbidden = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        forbid(&mut command, libc::SYS_socket);
        output(command.args(arguments).env("RAYON_NUM_THREADS", "2").current_dir(folder.path()))
    };
    let ended = forbidden(env!("CARGO_BIN_EXE_stridewise"), &[&SMALL[..], &["--out", "out"]].concat());
    ran(&ended, &out);
    for command in [&["validate", "out"][..], &["compare", "out", "out"], &["report", "out"], &["host"]] {
        let (code, text) = forbidden(env!("CARGO_BIN_EXE_stridewise"), command);
        assert_eq!(code, Some(0), "{command:?}: {text}");
    }
    // The filter itself: what opens a socket does not come far.
    let (code, _) = forbidden("bash", &["-c", "exec 3<>/dev/udp/127.0.0.1/9; exit 0"]);
    assert_eq!(code, None, "a signal ended it");
}

#[test]
fn limits_of_files_and_threads_are_errors_and_no_crash() {
    let (folder, program) = open_to_all();
    // As nobody: root has no limit on processes.
    let limited = |limits: Limits, arguments: &[&str]| {
        let mut command = Command::new(&program);
        if is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        limit(&mut command, limits);
        output(command.args(arguments).current_dir(folder.path()))
    };
    let run = |out: &'static str, more: &[&'static str]| [&SMALL[..], more, &["--out", out]].concat();
    let small = limited(Limits { file: Some(4096), ..Limits::default() }, &run("size", &[]));
    refused(&small, 1, &["--out size/bundle.jsonl: cannot be written: File too large"]);
    ran(&limited(Limits { files: Some(6), ..Limits::default() }, &run("files", &[])), &folder.path().join("files"));
    ran(
        &limited(Limits { stack: Some(200 << 10), ..Limits::default() }, &run("stack", &[])),
        &folder.path().join("stack"),
    );
    if !is_root() {
        eprintln!("skipped: a limit on processes of another user takes root");
        return;
    }
    let none = Limits { threads: Some(1), ..Limits::default() };
    let (_, version) = limited(none, &["--version"]);
    if version.contains("qemu_thread_create") {
        eprintln!("skipped: the emulator takes threads of its own");
        return;
    }
    ran(&limited(none, &run("threads", &[])), &folder.path().join("threads"));
    for reader in [
        &["compare", "threads", "--baseline", "files"][..],
        &["report", "threads", "--out", "page.html"],
        &["plot", "threads", "--list"],
        &["host"],
    ] {
        let (code, text) = limited(none, reader);
        assert_eq!(code, Some(0), "{reader:?}: {text}");
    }
    if stridewise::host::Affinity::at_start().cpus().len() > 1 {
        refused(&limited(none, &run("two", &["--threads", "2"])), 3, &["the pool's threads could not be started"]);
    }
}

#[test]
fn a_user_without_rights_measures_and_is_told_what_may_not_be_written() {
    if !is_root() {
        eprintln!("skipped a_user_without_rights: another user's rights take root");
        return;
    }
    let (folder, program) = open_to_all();
    let at = folder.path();
    let closed = at.join("closed");
    fs::create_dir(&closed).unwrap();
    let nobody = |arguments: &[&str]| {
        output(Command::new(&program).args(arguments).current_dir(at).uid(NOBODY).gid(NOBODY).env_clear())
    };
    let run = |out: &'static str| [&SMALL[..], &["--out", out]].concat();
    ran(&nobody(&run("own")), &at.join("own"));
    refused(&nobody(&run("closed/below")), 1, &["--out closed/below: cannot be written: Permission denied"]);
    // A run of root's, cut off: others may read it and not go on with it.
    let theirs = at.join("theirs");
    let (code, text) = stridewise(&[&SMALL[..], &["--out", theirs.to_str().unwrap()]].concat());
    assert_eq!(code, Some(0), "{text}");
    let bundle = theirs.join("bundle.jsonl");
    let whole = fs::read_to_string(&bundle).unwrap();
    let cut: String = whole.lines().take(2).map(|line| format!("{line}\n")).collect();
    fs::write(&bundle, cut).unwrap();
    assert_eq!(nobody(&["validate", "--allow-partial", "theirs"]).0, Some(0));
    refused(&nobody(&["run", "--resume", "theirs", "--quiet"]), 1, &["theirs/bundle.jsonl: Permission denied"]);
    assert_eq!(nobody(&["host"]).0, Some(0));
}

#[test]
fn time_and_memory_of_a_command_are_bounded_without_a_program_for_it() {
    // The limits of these tests themselves work: what takes more dies.
    let mut command = Command::new("sh");
    limit(&mut command, Limits { cpu: Some(1), clock: 30, ..Limits::default() });
    let (code, _) = output(command.args(["-c", "while :; do :; done"]));
    assert_eq!(code, None, "ended by a signal");
}
