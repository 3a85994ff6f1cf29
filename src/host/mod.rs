//! CPU identity, cache and TLB geometry with its source, memory, NUMA, pinning, noise checks.
//!
//! Nothing here names the machine or its user: no host name, user, path or machine id.

mod affinity;
mod cgroup;
mod checks;
mod class;
mod cpuid;
mod fact;
mod geometry;
mod identity;
mod noise;
mod root;
mod sys;
mod system;

pub use affinity::{Affinity, PinError, Pinned, current_cpu, pin, pinned_pool, verify_pool};
pub use checks::{Check, Level};
pub use class::{ClassCache, MachineClass, MachineState};
pub use cpuid::{Cpuid, CpuidIdentity};
pub use fact::{Absence, Fact, Source};
pub use geometry::{Cache, CpuidGeometry, Disagreement, Kind, Tlb};
pub use identity::Cpu;
pub use noise::{FrequencyProbe, Noise, NoiseDelta, dependent_adds, frequency_probe};
pub use root::{Root, cpu_list};
pub use sys::errors_instead_of_signals;
pub use system::{Frequency, HugePool, Memory, NumaNode, Pages, System, Topology};

use serde::{Deserialize, Serialize};

/// All that is known of this machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Host {
    /// The CPU that was looked at: the first of the affinity mask.
    pub looked_at: u32,
    /// Its identity.
    pub cpu: Cpu,
    /// Its caches, from the CPU outwards.
    pub caches: Vec<Cache>,
    /// Why there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caches_absent: Option<Absence>,
    /// Sources that disagree about a cache.
    pub disagreements: Vec<Disagreement>,
    /// CPUs whose caches differ from these (hybrid machines), as `0-3,8`; empty if none does.
    pub other_caches_on: String,
    /// Its TLBs.
    pub tlbs: Fact<Vec<Tlb>>,
    /// Memory.
    pub memory: Memory,
    /// NUMA nodes.
    pub numa: Fact<Vec<NumaNode>>,
    /// Pages.
    pub pages: Pages,
    /// Frequency.
    pub frequency: Frequency,
    /// CPUs, cores and threads.
    pub topology: Topology,
    /// The affinity mask at start, as `0-3,8`.
    pub affinity: Fact<String>,
    /// Kernel, hypervisor, limits, load.
    pub system: System,
    /// Whether this program was built without optimisation or with checks.
    pub debug_build: bool,
}

/// What a probe sees besides /sys and /proc, so that a test can show it another machine.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Architecture.
    pub arch: String,
    /// CPUID, empty elsewhere than on x86.
    pub cpuid: Cpuid,
    /// Bytes of a base page.
    pub page_bytes: Option<u64>,
    /// The affinity mask at start.
    pub affinity: Vec<u32>,
}

impl Seen {
    /// This machine. CPUID is asked on `cpu`, since the cores of a hybrid machine answer differently.
    fn live() -> Self {
        let affinity = Affinity::at_start().cpus().to_vec();
        let first = affinity.first().copied();
        let read = move || {
            let _pinned = first.and_then(|cpu| pin(cpu).ok());
            cpuid::read()
        };
        // In a thread of its own, which no one misses if it cannot go back; in this one where no thread may be started.
        let asked = std::thread::Builder::new().spawn(read);
        Self {
            arch: std::env::consts::ARCH.to_owned(),
            cpuid: asked.map_or_else(|_| read(), |thread| thread.join().unwrap_or_default()),
            page_bytes: Pages::live_base(),
            affinity,
        }
    }
}

impl Host {
    /// Looks at this machine. Call it before anything is pinned.
    #[must_use]
    pub fn probe() -> Self {
        Self::probe_at(&Root::live(), &Seen::live())
    }

    /// Looks at the tree below `root`.
    #[must_use]
    pub fn probe_at(root: &Root, seen: &Seen) -> Self {
        let cpu = seen.affinity.first().copied().unwrap_or(0);
        let (topology, online) = Topology::probe(root, cpu);
        let (caches, disagreements) = geometry::caches(root, cpu, &seen.cpuid.geometry);
        let no_tlbs = if seen.arch == "x86_64" { Absence::NotReported } else { Absence::NotThisArch };
        let mask = if seen.affinity.is_empty() { Err(Absence::NotLinux) } else { Ok(cpu_list(&seen.affinity)) };
        Self {
            looked_at: cpu,
            cpu: Cpu::probe(root, cpu, &seen.arch, &seen.cpuid.identity),
            caches_absent: caches.as_ref().err().copied(),
            caches: caches.unwrap_or_default(),
            disagreements,
            other_caches_on: cpu_list(&geometry::differing_cpus(root, cpu, &online)),
            tlbs: Fact::of(seen.cpuid.geometry.tlbs.clone().ok_or(no_tlbs), Source::Cpuid),
            memory: Memory::probe(root),
            numa: system::numa(root),
            pages: Pages::probe(root, seen.page_bytes),
            frequency: Frequency::probe(root, cpu),
            topology,
            affinity: Fact::of(mask, Source::Syscall),
            system: System::probe(root, &seen.cpuid.identity),
            debug_build: cfg!(debug_assertions),
        }
    }

    /// The caches that data go through, from the CPU outwards: L1d, L2, L3.
    #[must_use]
    pub fn data_caches(&self) -> Vec<Cache> {
        self.caches.iter().copied().filter(Cache::holds_data).collect()
    }

    /// Bytes of the outermost data cache, if any is known.
    #[must_use]
    pub fn last_level_bytes(&self) -> Option<u64> {
        self.data_caches().last().map(|cache| cache.bytes)
    }

    /// Bytes that a run may take, if the system tells.
    #[must_use]
    pub fn available_memory(&self) -> Option<u64> {
        self.memory.usable()
    }

    /// Data TLBs for pages of `page` bytes, from the CPU outwards.
    #[must_use]
    pub fn data_tlbs(&self, page: u64) -> Vec<&Tlb> {
        let serves = |tlb: &&Tlb| tlb.page == page && tlb.kind != Kind::Instruction;
        self.tlbs.value().into_iter().flatten().filter(serves).collect()
    }
}
