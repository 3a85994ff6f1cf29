//! The system calls of this room. All of its `unsafe` is here.
#![allow(unsafe_code, reason = "affinity, the current CPU and this thread's usage are only to be had from libc")]

/// What the kernel counted for the calling thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ThreadUsage {
    /// Page faults served without input or output.
    pub(super) minor_faults: u64,
    /// Page faults that needed input or output.
    pub(super) major_faults: u64,
    /// Times the thread gave up its CPU.
    pub(super) voluntary: u64,
    /// Times its CPU was taken away.
    pub(super) involuntary: u64,
}

/// Has a write beyond the limit on the size of files (`ulimit -f`) fail with an error, which can be told, as one on a full
/// disk does, instead of ending the process.
pub fn errors_instead_of_signals() {
    #[cfg(unix)]
    // SAFETY: a number and a constant; no handler of ours is installed.
    let _ = unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

#[cfg(target_os = "linux")]
pub(super) use linux::{affinity, current_cpu, page_bytes, set_affinity, thread_usage};
#[cfg(not(target_os = "linux"))]
pub(super) use other::{affinity, current_cpu, page_bytes, set_affinity, thread_usage};

#[cfg(target_os = "linux")]
mod linux {
    use super::ThreadUsage;
    use std::io;
    use std::mem;

    const WORD: usize = u64::BITS as usize;
    /// Room for 8,192 CPUs, the most that Linux can be built for; `cpu_set_t` ends at 1,024.
    type Mask = [u64; 128];

    /// The CPUs that the calling thread may run on.
    pub(in crate::host) fn affinity() -> io::Result<Vec<u32>> {
        let mut mask: Mask = [0; 128];
        // SAFETY: the kernel writes at most `size_of_val(&mask)` bytes into `mask`, any bits are valid in it, and the
        // raw call is used because it does not assume the size of `cpu_set_t`.
        let wrote =
            unsafe { libc::syscall(libc::SYS_sched_getaffinity, 0, mem::size_of_val(&mask), mask.as_mut_ptr()) };
        if wrote < 0 {
            return Err(io::Error::last_os_error());
        }
        let bits = (0_u32..).zip((0..mask.len() * WORD).map(|bit| mask[bit / WORD] >> (bit % WORD) & 1));
        Ok(bits.filter(|&(_, set)| set == 1).map(|(cpu, _)| cpu).collect())
    }

    /// Lets the calling thread run on exactly `cpus` (those that exist).
    pub(in crate::host) fn set_affinity(cpus: &[u32]) -> io::Result<()> {
        let mut mask: Mask = [0; 128];
        for &cpu in cpus {
            if let Some(word) = mask.get_mut(cpu as usize / WORD) {
                *word |= 1 << (cpu as usize % WORD);
            }
        }
        // SAFETY: the kernel reads exactly `size_of_val(&mask)` bytes of `mask`, which outlives the call.
        let failed = unsafe { libc::syscall(libc::SYS_sched_setaffinity, 0, mem::size_of_val(&mask), mask.as_ptr()) };
        if failed == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// The CPU that the calling thread runs on now.
    pub(in crate::host) fn current_cpu() -> Option<u32> {
        // SAFETY: takes no arguments and touches no memory of ours.
        u32::try_from(unsafe { libc::sched_getcpu() }).ok()
    }

    /// Bytes of a base page.
    pub(in crate::host) fn page_bytes() -> Option<u64> {
        // SAFETY: reads a constant of the system; no memory of ours is touched.
        u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).ok()
    }

    /// Faults and switches of the calling thread since it started.
    pub(in crate::host) fn thread_usage() -> Option<ThreadUsage> {
        // SAFETY: `rusage` consists of integers, for which all bits zero is a valid value.
        let mut usage: libc::rusage = unsafe { mem::zeroed() };
        // SAFETY: the kernel writes one `rusage` into `usage`, which is a valid place for it.
        let failed = unsafe { libc::getrusage(libc::RUSAGE_THREAD, &raw mut usage) };
        let count = |value: libc::c_long| u64::try_from(value).unwrap_or(0);
        (failed == 0).then(|| ThreadUsage {
            minor_faults: count(usage.ru_minflt),
            major_faults: count(usage.ru_majflt),
            voluntary: count(usage.ru_nvcsw),
            involuntary: count(usage.ru_nivcsw),
        })
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    use super::ThreadUsage;
    use std::io;

    pub(in crate::host) fn affinity() -> io::Result<Vec<u32>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(in crate::host) fn set_affinity(_cpus: &[u32]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(in crate::host) fn current_cpu() -> Option<u32> {
        None
    }

    pub(in crate::host) fn page_bytes() -> Option<u64> {
        None
    }

    pub(in crate::host) fn thread_usage() -> Option<ThreadUsage> {
        None
    }
}
