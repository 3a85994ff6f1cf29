//! What the catalogue needs to know of a machine.

use super::{Case, Item, Level};
use crate::host::Host;
use crate::kernel::Idiom;
use crate::memory::PagePolicy;
use crate::units::bytes_long;

/// Untimed passes at most before a sample that follows one of another walk, over arrays that only the last cache may hold. A
/// shared one takes lines in by what it saw of late: after a walk by columns the first passes of rows took 1.03, 0.82, 0.49 and
/// 0.34 ns per element of 32 MiB, and 0.76, 0.73, 0.64, 0.56, 0.50, 0.40, 0.39 and 0.36 of 64 MiB, and no less later (2026-11-30,
/// Intel Xeon with 480 MiB; medians of five to eight). After four by columns of 1024x1024 they took 0.89, 0.82, 0.70, 0.62, 0.54,
/// 0.44, 0.35, 0.33, 0.30, 0.28 and so on to 0.24 in the fourteenth pass (2026-11-30, AMD EPYC 7003 with 32 MiB; medians of 45); after
/// columns in tiles of 32 one array came back in eight passes and another in 26, and stood still at 0.67 meanwhile.
pub const SETTLING_PASSES: u32 = 40;
/// From here on a pass is long, nanoseconds, and untimed ones begin within this time: columns are steady after one.
pub const LONG_PASS_NS: f64 = 2e6;
/// The time in which those of a walk begin whose pass is short, nanoseconds. With 2 ms rows of 8 MiB took 0.6 to 0.9 ns per element
/// beside walks of 2 and 3 ns, with 10 ms half as much.
const PRIMING_NS: f64 = 1e7;
/// Or this share of the other walk's pass, if that is longer: what a long walk has driven out takes long to come back.
const PRIMING_SHARE: f64 = 1.0;

/// Nanoseconds within which untimed passes begin of a walk that takes `pass` of them, after one that takes `other`; see
/// [`Machine::priming`].
#[must_use]
pub fn priming_ns(pass: f64, other: f64) -> f64 {
    let own = if pass < LONG_PASS_NS { PRIMING_NS } else { LONG_PASS_NS };
    own.max(PRIMING_SHARE * other)
}

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

    /// Untimed passes after which the caches hold of `bytes` what further passes find, at most: none far beyond the caches, one in
    /// those of a core, and more in a last one, until they take no less time.
    #[must_use]
    pub fn priming(&self, bytes: u64) -> u32 {
        let own = self.caches.iter().rev().nth(1).copied().unwrap_or(u64::MAX);
        if bytes >= 2 * self.last() {
            0
        } else if bytes <= own {
            1
        } else {
            SETTLING_PASSES
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_are_walked_untimed_until_their_cache_has_them() {
        let of = |caches: &[u64]| Machine { caches: caches.to_vec(), memory: None, huge_pages: true, cpus: 1 };
        let three = of(&[48 << 10, 2 << 20, 32 << 20]);
        assert_eq!([4 << 10, 2 << 20].map(|bytes| three.priming(bytes)), [1, 1]);
        assert_eq!([3 << 20, 63 << 20].map(|bytes| three.priming(bytes)), [SETTLING_PASSES; 2]);
        assert_eq!(three.priming(64 << 20), 0);
        // The only cache is the core's own.
        assert_eq!(of(&[1 << 20]).priming(1 << 20), 1);
        // Of a pair the larger array tells.
        let pair = |id: &str| Item::against_baseline(id.parse().unwrap()).priming(&three);
        assert_eq!(pair("order/sum/f8/64x64/C/1,0"), 1);
        assert_eq!(pair("order/sum/f8/1024x1024/C/1,0"), SETTLING_PASSES);
        assert_eq!(pair("order/sum/f8/4096x4096/C/1,0"), 0);
    }
}
