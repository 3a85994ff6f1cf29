//! Starts a command with limits of its own, so that no test needs a program for them.
#![allow(unsafe_code, reason = "limits are set in the child between fork and exec")]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// What a command may use; with more it dies.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    /// Bytes of heap, stacks of threads and other private memory.
    pub(crate) data: Option<u64>,
    /// Bytes of a file that is written.
    pub(crate) file: Option<u64>,
    /// Bytes of the first thread's stack.
    pub(crate) stack: Option<u64>,
    /// Open files.
    pub(crate) files: Option<u64>,
    /// Processes and threads of the user; root has no limit.
    pub(crate) threads: Option<u64>,
    /// Seconds of all its threads together on CPUs: a test of time that no other load disturbs.
    pub(crate) cpu: Option<u64>,
    /// Seconds on the clock, against waiting for ever; 0 is for ever.
    pub(crate) clock: u32,
}

/// Sets the limits in `command` and all it starts.
pub(crate) fn limit(command: &mut Command, limits: Limits) {
    // SAFETY: the closure makes system calls only and allocates nothing, so it may run between fork and exec.
    unsafe { command.pre_exec(move || set(limits)) };
}

fn set(limits: Limits) -> io::Result<()> {
    let kinds = [
        (libc::RLIMIT_DATA, limits.data),
        (libc::RLIMIT_FSIZE, limits.file),
        (libc::RLIMIT_STACK, limits.stack),
        (libc::RLIMIT_NOFILE, limits.files),
        (libc::RLIMIT_NPROC, limits.threads),
        (libc::RLIMIT_CPU, limits.cpu),
    ];
    for (kind, most) in kinds {
        let Some(most) = most else { continue };
        let limit = libc::rlimit { rlim_cur: most, rlim_max: most };
        // SAFETY: the kernel reads one `rlimit`, which lives until the call returns.
        if unsafe { libc::setrlimit(kind, &raw const limit) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    // SAFETY: a number; the alarm outlives exec and ends whatever ignores the other limits by sleeping.
    unsafe { libc::alarm(limits.clock) };
    Ok(())
}
