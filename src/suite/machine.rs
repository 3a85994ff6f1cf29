//! What the catalogue needs to know of a machine.

use crate::host::Host;

/// Sizes that the catalogue follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Bytes of the data caches, from the CPU outwards; never empty.
    pub caches: Vec<u64>,
    /// Bytes that a run may take, if the system tells.
    pub memory: Option<u64>,
    /// Whether huge pages can be asked for.
    pub huge_pages: bool,
    /// CPUs that may be used.
    pub cpus: u32,
}

/// Where a working set lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SizeClass {
    /// In the cache of this number, 0 being the first level.
    Cache(usize),
    /// Beyond the last cache.
    Memory,
}

impl SizeClass {
    /// The smallest of `caches`, from the CPU outwards, that holds `bytes`.
    #[must_use]
    pub fn of(bytes: u64, mut caches: impl Iterator<Item = u64>) -> Self {
        caches.position(|cache| bytes <= cache).map_or(Self::Memory, Self::Cache)
    }
}

impl Machine {
    /// Of this host. Where no cache is known, 32 KiB, 1 MiB and 32 MiB are taken to choose sizes; no result uses them.
    #[must_use]
    pub fn of_host(host: &Host) -> Self {
        let caches: Vec<u64> = host.data_caches().iter().map(|cache| cache.bytes).collect();
        let caches = if caches.is_empty() { vec![32 << 10, 1 << 20, 32 << 20] } else { caches };
        let thp = host.pages.transparent.value().map(String::as_str);
        let huge_pages = matches!(thp, Some("madvise" | "always"));
        let cpus = host.topology.cpus.value().copied().unwrap_or(1);
        Self { caches, memory: host.available_memory(), huge_pages, cpus }
    }

    /// Bytes of the first cache.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.caches.first().copied().unwrap_or(32 << 10)
    }

    /// Bytes of the last cache.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.caches.last().copied().unwrap_or(32 << 20)
    }

    /// The smallest cache that holds `bytes`.
    #[must_use]
    pub fn size_class(&self, bytes: u64) -> SizeClass {
        SizeClass::of(bytes, self.caches.iter().copied())
    }

    /// Whether a working set fits, with as much left for everything else.
    #[must_use]
    pub fn fits(&self, bytes: u64) -> bool {
        self.memory.is_none_or(|memory| bytes <= memory / 2)
    }
}
