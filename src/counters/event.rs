//! What can be counted: the generic events of Linux, in the order in which they are grouped.

use serde::{Deserialize, Serialize};

/// How the kernel is asked for an event; the numbers are those of `linux/perf_event.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `PERF_TYPE_HARDWARE`.
    Hardware(u64),
    /// `PERF_TYPE_SOFTWARE`.
    Software(u64),
    /// `PERF_TYPE_HW_CACHE`: cache | operation << 8 | result << 16.
    Cache(u64),
    /// `PERF_TYPE_RAW`: the number of the CPU's manual.
    Raw(u64),
}

impl Kind {
    /// `type` and `config` of `perf_event_attr`.
    #[must_use]
    pub const fn code(self) -> (u32, u64) {
        match self {
            Self::Hardware(config) => (0, config),
            Self::Software(config) => (1, config),
            Self::Cache(config) => (3, config),
            Self::Raw(config) => (4, config),
        }
    }

    /// Whether the CPU counts it, and not the kernel.
    #[must_use]
    pub const fn needs_pmu(self) -> bool {
        !matches!(self, Self::Software(_))
    }
}

/// Where it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// In user space only.
    User,
    /// In the kernel too: what happens only there would otherwise read as zero.
    UserAndKernel,
}

/// A place that accesses and misses are counted at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// First-level data cache.
    L1d,
    /// Second-level cache.
    L2,
    /// Third-level cache.
    L3,
    /// What the kernel calls the last-level cache; on AMD since Zen it is not offered.
    Llc,
    /// First-level data TLB.
    Dtlb,
    /// Both levels of the data TLB, so that a page-table walk follows.
    DtlbWalk,
}

impl Place {
    /// As tables name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::L1d => "L1d",
            Self::L2 => "L2",
            Self::L3 => "L3",
            Self::Llc => "last cache",
            Self::Dtlb => "dTLB",
            Self::DtlbWalk => "page walks",
        }
    }

    /// Whether it holds data, and not translations.
    #[must_use]
    pub const fn is_cache(self) -> bool {
        !matches!(self, Self::Dtlb | Self::DtlbWalk)
    }
}

/// What one count stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "what", content = "place")]
pub enum Counts {
    /// Cycles of the core.
    Cycles,
    /// Instructions retired.
    Instructions,
    /// Demand reads that looked a place up.
    Accesses(Place),
    /// Demand reads that a place could not serve.
    Misses(Place),
    /// Lines brought into a place, for reads and writes alike.
    Refills(Place),
    /// Lines filled into L1d from a place further out.
    Fills(Place),
    /// Lines filled into L1d from memory.
    FillsFromMemory,
    /// Branches mispredicted.
    BranchMisses,
    /// What the vendor means by "cache references" and "cache misses".
    Vendor,
    /// Nanoseconds of CPU time.
    Nanoseconds,
    /// Page faults.
    Faults,
    /// Context switches.
    Switches,
    /// Moves to another CPU.
    Migrations,
}

/// An event that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Event {
    /// Stable name.
    pub name: &'static str,
    /// How the kernel is asked.
    pub kind: Kind,
    /// Where it is counted.
    pub scope: Scope,
    /// What one count stands for.
    pub counts: Counts,
    /// Whether the trial's loads and additions make it count on every CPU, so that a zero after it is no count.
    pub always_moves: bool,
    /// The name under which the driver of an Arm PMU lists it, if the CPU implements it.
    pub listed_as: Option<&'static str>,
    /// The manual that defines it.
    pub source: &'static str,
}

impl Event {
    /// `hardware:0x1`, `cache:0x10000`, `software:0x2`, `raw:0x8d1`.
    #[must_use]
    pub fn raw(&self) -> String {
        let word = match self.kind {
            Kind::Hardware(_) => "hardware",
            Kind::Software(_) => "software",
            Kind::Cache(_) => "cache",
            Kind::Raw(_) => "raw",
        };
        format!("{word}:{:#x}", self.kind.code().1)
    }
}

const ABI: &str = "linux/perf_event.h";
/// Caches, operations and results of `PERF_TYPE_HW_CACHE`.
const L1D: u64 = 0;
const LL: u64 = 2;
const DTLB: u64 = 3;
const READ: u64 = 0;
const ACCESS: u64 = 0;
const MISS: u64 = 1 << 16;

const fn generic(name: &'static str, kind: Kind, counts: Counts, always_moves: bool) -> Event {
    Event { name, kind, scope: Scope::User, counts, always_moves, listed_as: None, source: ABI }
}

const fn kernel(name: &'static str, config: u64, counts: Counts) -> Event {
    let scope = Scope::UserAndKernel;
    Event { name, kind: Kind::Software(config), scope, counts, always_moves: false, listed_as: None, source: ABI }
}

/// The events that Linux defines for every CPU. What is read together stands together.
pub const GENERIC: [Event; 15] = [
    generic("task-clock", Kind::Software(1), Counts::Nanoseconds, true),
    generic("page-faults", Kind::Software(2), Counts::Faults, false),
    kernel("context-switches", 3, Counts::Switches),
    kernel("migrations", 4, Counts::Migrations),
    generic("cycles", Kind::Hardware(0), Counts::Cycles, true),
    generic("instructions", Kind::Hardware(1), Counts::Instructions, true),
    generic("l1d-reads", Kind::Cache(L1D | READ | ACCESS), Counts::Accesses(Place::L1d), true),
    generic("l1d-read-misses", Kind::Cache(L1D | READ | MISS), Counts::Misses(Place::L1d), true),
    generic("llc-reads", Kind::Cache(LL | READ | ACCESS), Counts::Accesses(Place::Llc), false),
    generic("llc-read-misses", Kind::Cache(LL | READ | MISS), Counts::Misses(Place::Llc), false),
    generic("dtlb-reads", Kind::Cache(DTLB | READ | ACCESS), Counts::Accesses(Place::Dtlb), false),
    generic("dtlb-read-misses", Kind::Cache(DTLB | READ | MISS), Counts::Misses(Place::Dtlb), false),
    generic("cache-references", Kind::Hardware(2), Counts::Vendor, false),
    generic("cache-misses", Kind::Hardware(3), Counts::Vendor, false),
    generic("branch-misses", Kind::Hardware(5), Counts::BranchMisses, false),
];
