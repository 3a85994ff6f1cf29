//! Pinning: to a CPU inside the mask that was inherited, verified, and undone afterwards.

use super::root::cpu_list;
use super::sys;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::marker::PhantomData;
use std::sync::OnceLock;
use thiserror::Error;

/// Why a thread could not be pinned.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PinError {
    /// The CPU is outside the mask that this process was started with.
    #[error("CPU {cpu} is not among the CPUs this process may use: {inside}")]
    Outside {
        /// The CPU asked for.
        cpu: u32,
        /// The CPUs inside, as `0-3,8`.
        inside: String,
    },
    /// The same CPU was asked for twice.
    #[error("CPU {cpu} is named twice; each worker needs a CPU of its own")]
    Twice {
        /// The CPU.
        cpu: u32,
    },
    /// No CPU was asked for.
    #[error("no CPU is named; a pool needs at least one")]
    None,
    /// The kernel refused, or the thread is not where it was sent.
    #[error("the system did not move the thread to CPU {cpu}")]
    Refused {
        /// The CPU asked for.
        cpu: u32,
    },
    /// This system cannot pin, or cannot tell where a thread runs.
    #[error("threads cannot be pinned on {}", std::env::consts::OS)]
    Unsupported,
    /// The threads of the pool could not be started.
    #[error("the pool's threads could not be started: {0}")]
    Pool(String),
}

/// The CPUs that this process was started with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Affinity {
    cpus: Vec<u32>,
}

impl Affinity {
    /// The mask of the first thread that asks, kept for good: ask once before anything is pinned, since a pinned
    /// thread knows nothing but its own CPU. Empty where the system cannot tell.
    pub fn at_start() -> &'static Self {
        static START: OnceLock<Affinity> = OnceLock::new();
        START.get_or_init(|| {
            // core_affinity knows the first 1,024 CPUs only.
            let ids = core_affinity::get_core_ids().unwrap_or_default();
            let known = ids.into_iter().filter_map(|core| u32::try_from(core.id).ok()).collect();
            Self { cpus: sys::affinity().unwrap_or(known) }
        })
    }

    /// The CPUs, ascending.
    #[must_use]
    pub fn cpus(&self) -> &[u32] {
        &self.cpus
    }

    /// Whether `cpu` is inside; the error names those that are.
    ///
    /// # Errors
    /// [`PinError::Outside`], or [`PinError::Unsupported`] where the system cannot tell.
    pub fn check(&self, cpu: u32) -> Result<(), PinError> {
        match self.cpus.binary_search(&cpu) {
            Ok(_) => Ok(()),
            Err(_) if self.cpus.is_empty() => Err(PinError::Unsupported),
            Err(_) => Err(PinError::Outside { cpu, inside: cpu_list(&self.cpus) }),
        }
    }
}

/// A thread that is pinned; its former mask returns when this is dropped.
#[derive(Debug)]
#[must_use = "the thread is released when this is dropped"]
pub struct Pinned {
    cpu: u32,
    before: Vec<u32>,
    /// It belongs to the thread that was pinned.
    not_send: PhantomData<*const ()>,
}

impl Pinned {
    /// The CPU.
    #[must_use]
    pub fn cpu(&self) -> u32 {
        self.cpu
    }

    /// Whether the thread runs on that CPU now.
    #[must_use]
    pub fn verify(&self) -> bool {
        sys::current_cpu() == Some(self.cpu)
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // Nothing can be done if the mask may no longer be widened: the thread then stays where it is.
        let _ = sys::set_affinity(&self.before);
    }
}

/// Pins the calling thread to `cpu` until the guard is dropped.
///
/// # Errors
/// If `cpu` is outside the inherited mask, or the system refuses.
pub fn pin(cpu: u32) -> Result<Pinned, PinError> {
    Affinity::at_start().check(cpu)?;
    let before = sys::affinity().map_err(|_| PinError::Unsupported)?;
    let pinned = Pinned { cpu, before, not_send: PhantomData };
    move_to(cpu)?;
    Ok(pinned)
}

/// The CPU must have been checked: core_affinity aborts on numbers beyond its mask.
fn move_to(cpu: u32) -> Result<(), PinError> {
    let moved = if cpu < 1024 {
        core_affinity::set_for_current(core_affinity::CoreId { id: cpu as usize })
    } else {
        sys::set_affinity(&[cpu]).is_ok()
    };
    if moved && sys::current_cpu() == Some(cpu) { Ok(()) } else { Err(PinError::Refused { cpu }) }
}

/// The CPU that the calling thread runs on, where the system tells.
#[must_use]
pub fn current_cpu() -> Option<u32> {
    sys::current_cpu()
}

/// A pool with one worker per CPU: worker `i` is pinned to `cpus[i]` for good, which has been verified.
///
/// # Errors
/// If a CPU is outside the inherited mask or named twice, or a worker could not be moved.
pub fn pinned_pool(cpus: &[u32]) -> Result<ThreadPool, PinError> {
    if cpus.is_empty() {
        return Err(PinError::None);
    }
    for (index, &cpu) in cpus.iter().enumerate() {
        Affinity::at_start().check(cpu)?;
        if cpus[..index].contains(&cpu) {
            return Err(PinError::Twice { cpu });
        }
    }
    let pool = ThreadPoolBuilder::new().num_threads(cpus.len()).thread_name(|index| format!("worker {index}"));
    let pool = pool.build().map_err(|error| PinError::Pool(error.to_string()))?;
    let moved: Result<Vec<()>, PinError> = pool.broadcast(|worker| move_to(cpus[worker.index()])).into_iter().collect();
    moved.map(|_| pool)
}

/// Whether every worker of a pool made by [`pinned_pool`] for the same `cpus` runs where it was sent.
#[must_use]
pub fn verify_pool(pool: &ThreadPool, cpus: &[u32]) -> bool {
    let here = pool.broadcast(|worker| sys::current_cpu().is_some_and(|cpu| cpus.get(worker.index()) == Some(&cpu)));
    here.len() == cpus.len() && here.into_iter().all(|is_here| is_here)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_pinned_thread_is_where_it_was_sent_and_gets_its_mask_back() {
        std::thread::spawn(|| {
            let before = sys::affinity().unwrap();
            for &cpu in Affinity::at_start().cpus() {
                let pinned = pin(cpu).unwrap();
                assert!(pinned.verify());
                assert_eq!(sys::affinity().unwrap(), [cpu]);
                drop(pinned);
                assert_eq!(sys::affinity().unwrap(), before);
            }
        })
        .join()
        .unwrap();
    }

    #[test]
    fn a_cpu_outside_the_mask_is_refused_by_name() {
        let start = Affinity::at_start();
        for cpu in [5_000, 70_000, u32::MAX] {
            let error = pin(cpu).unwrap_err();
            assert_eq!(error, PinError::Outside { cpu, inside: cpu_list(start.cpus()) });
            assert!(error.to_string().ends_with(&cpu_list(start.cpus())));
        }
    }

    #[test]
    fn a_pinned_thread_can_still_reach_the_cpus_of_the_start() {
        std::thread::spawn(|| {
            let cpus = Affinity::at_start().cpus();
            let first = pin(cpus[0]).unwrap();
            let last = pin(cpus[cpus.len() - 1]).unwrap();
            assert!(last.verify());
            drop(last);
            assert!(first.verify());
        })
        .join()
        .unwrap();
    }

    #[test]
    fn workers_are_pinned_one_to_a_cpu_even_if_the_caller_is_pinned() {
        let cpus = Affinity::at_start().cpus().to_vec();
        let _pinned = pin(cpus[0]).unwrap();
        let pool = pinned_pool(&cpus).unwrap();
        assert_eq!(pool.current_num_threads(), cpus.len());
        for _ in 0..50 {
            assert!(verify_pool(&pool, &cpus));
        }
        assert_eq!(pool.broadcast(|_| sys::affinity().unwrap()).concat(), cpus);
    }

    #[test]
    fn a_pool_refuses_cpus_it_cannot_have() {
        let cpu = Affinity::at_start().cpus()[0];
        assert_eq!(pinned_pool(&[]).unwrap_err(), PinError::None);
        assert_eq!(pinned_pool(&[cpu, cpu]).unwrap_err(), PinError::Twice { cpu });
        assert!(matches!(pinned_pool(&[cpu, 9_999]).unwrap_err(), PinError::Outside { cpu: 9_999, .. }));
    }
}
