//! Starts a command under a seccomp filter that denies a system call, as container engines do.
#![allow(unsafe_code, reason = "a filter is installed in the child between fork and exec")]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

const ALLOW: u32 = 0x7fff_0000;
const ERRNO: u32 = 0x0005_0000;
const KILL: u32 = 0x8000_0000;

/// Denies `perf_event_open` with `errno` in `command` and all it starts.
pub(crate) fn deny_perf_event_open(command: &mut Command, errno: i32) {
    deny(command, libc::SYS_perf_event_open, errno);
}

/// Denies a system call with `errno` in `command` and all it starts.
pub(crate) fn deny(command: &mut Command, call: libc::c_long, errno: i32) {
    answer(command, call, ERRNO | u32::try_from(errno).unwrap());
}

/// Ends `command`, and all it starts, at a system call.
pub(crate) fn forbid(command: &mut Command, call: libc::c_long) {
    answer(command, call, KILL);
}

fn answer(command: &mut Command, call: libc::c_long, action: u32) {
    let number = u32::try_from(call).unwrap();
    // SAFETY: the closure makes system calls only and allocates nothing, so it may run between fork and exec.
    unsafe { command.pre_exec(move || install(number, action)) };
}

/// Whether system calls can be denied here; an emulator of programs of another CPU has no filters.
#[allow(clippy::print_stderr, reason = "a test that is left out says so")]
pub(crate) fn is_there() -> bool {
    // SAFETY: an option without pointers.
    let there = unsafe { libc::prctl(libc::PR_GET_SECCOMP, 0, 0, 0, 0) } >= 0;
    if !there {
        eprintln!("not tried: this system has no seccomp");
    }
    there
}

fn install(number: u32, action: u32) -> io::Result<()> {
    let load = libc::sock_filter { code: 0x20, jt: 0, jf: 0, k: 0 };
    let is_it = libc::sock_filter { code: 0x15, jt: 0, jf: 1, k: number };
    let deny = libc::sock_filter { code: 0x06, jt: 0, jf: 0, k: action };
    let allow = libc::sock_filter { code: 0x06, jt: 0, jf: 0, k: ALLOW };
    let mut program = [load, is_it, deny, allow];
    let filter = libc::sock_fprog { len: 4, filter: program.as_mut_ptr() };
    // SAFETY: an option without pointers.
    if unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: `filter` and the program it points to live until the call returns; the kernel copies both.
    let failed = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const filter) };
    if failed == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
