//! What the catalogue needs to know of a machine.

use super::{Case, Item, Level};
use crate::host::Host;
use crate::kernel::Idiom;
use crate::memory::PagePolicy;
use crate::units::bytes_long;

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

    /// The machine whose caches a suite's sizes follow: the last one no larger than the suite's time allows.
    #[must_use]
    pub fn sized_for(&self, level: Level) -> Self {
        let most = level.follows(self.last());
        Self { caches: self.caches.iter().map(|&cache| cache.min(most)).collect(), ..self.clone() }
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

    /// Whether an untimed pass over `bytes` changes what the caches hold for the next one.
    #[must_use]
    pub fn primes(&self, bytes: u64) -> bool {
        bytes < 2 * self.last()
    }

    /// What an item needs that this machine does not have, in words.
    #[must_use]
    pub fn lacks(&self, item: &Item) -> Option<String> {
        let cases: Vec<&Case> = item.baseline().into_iter().chain([item.contender()]).collect();
        let bytes = item.footprint();
        if let Some(memory) = self.memory.filter(|memory| bytes > memory / 2) {
            let (needs, has) = (bytes_long(bytes), bytes_long(memory));
            return Some(format!("memory: needs {needs}; arrays may take half of the {has} there are"));
        }
        if let Some(case) = cases.iter().find(|case| case.options.threads > self.cpus) {
            return Some(format!("threads={}: this process may use {} of the CPUs", case.options.threads, self.cpus));
        }
        if let Some(why) = cases.iter().filter_map(|case| case.options.idiom).find_map(Idiom::missing) {
            return Some(why.to_owned());
        }
        if !self.huge_pages && cases.iter().any(|case| case.options.pages == PagePolicy::Huge) {
            return Some("pages=huge: the system gives no transparent huge pages".to_owned());
        }
        None
    }
}
