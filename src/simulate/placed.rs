//! Caches asked access by access, with pages where a system puts them: anywhere.
//!
//! Caches beyond the first are indexed by physical addresses. With base pages the bits above a page are as good as
//! random, so that lines which would meet in one set of a virtually indexed cache are strewn over its page colours, and
//! sets overflow before the cache is full (Kessler and Hill, "Page placement algorithms for large real-indexed caches",
//! ACM TOCS 10(4), 1992). The last of three or more levels is indexed by a hash of the address in today's CPUs (Maurice,
//! Le Scouarnec, Neumann, Heen and Francillon, "Reverse engineering Intel last-level cache complex addressing using
//! performance counters", RAID 2015), so that it is treated as strewn in any pages.

use super::cache::{Lru, Met, Scalar, Tag};
use super::geometry::Geometry;
use std::collections::VecDeque;

/// Bytes that a hashed index keeps together here.
const HASHED: u32 = 12;

/// The cache with ages of two bits: an LRU cache loses all of a cycle that is a line too long for its sets, which the
/// second caches of today's CPUs do not.
const MIDDLE: usize = 1;
/// The age of a line that may go.
const OLD: u8 = 3;
/// The age of a line that was just brought in; one that was met again has none.
const NEW: u8 = 1;
/// Fills that are remembered.
const RECENT: usize = 1024;
/// So many fills of one set among as many as there are sets, or [`RECENT`], make a crowd; strewn evenly each set has one.
const CROWDED: u16 = 4;

/// What one access to a line met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Served {
    /// Cache that had the line, 0 being the first; as many as there are caches if none had.
    pub cache: usize,
    /// Whether the last cache that lacked the line had to fill its set several times shortly before: lines some power of
    /// two apart crowd in few sets.
    pub crowded: bool,
}

/// A machine with its state: true LRU but for the second of three or more caches, whose lines have ages of two bits;
/// write-back, levels neither inclusive nor exclusive.
#[derive(Clone, Debug)]
pub struct Placed {
    caches: Vec<Lru<u64>>,
    /// Of the lines of the cache number [`MIDDLE`].
    ages: Vec<u8>,
    crowds: Vec<Crowd>,
    line_bits: u32,
    page_bits: u32,
    seed: u64,
    /// Whether the last level is indexed by a hash.
    hashed: bool,
    /// The last page and where it lies.
    last: Option<(u64, u64)>,
}

impl Placed {
    /// Empty caches for pages of `page` bytes, a power of two of at least a line; `seed` decides where pages
    /// lie.
    #[must_use]
    pub fn new(geometry: &Geometry, page: u64, seed: u64) -> Self {
        let caches: Vec<_> = geometry.levels.iter().map(|level| Lru::new(level.sets, level.ways)).collect();
        Self {
            crowds: caches.iter().map(|cache| Crowd::new(cache.sets())).collect(),
            ages: caches.get(MIDDLE).map_or_else(Vec::new, |cache| vec![OLD; cache.lines.len()]),
            caches,
            line_bits: geometry.line().trailing_zeros(),
            page_bits: page.max(geometry.line()).trailing_zeros(),
            seed,
            hashed: geometry.levels.len() > 2,
            last: None,
        }
    }

    /// Uses the line at `address`.
    pub fn access(&mut self, address: u64, write: bool) -> Served {
        let page = address >> self.page_bits;
        let frame = match self.last {
            Some((last, frame)) if last == page => frame,
            _ => {
                let frame = frame_of(page, self.seed);
                self.last = Some((page, frame));
                frame
            }
        };
        let within = address & ((1 << self.page_bits) - 1);
        let place = (frame << self.page_bits) | within;
        let (last, chunk_bits) = (self.caches.len().wrapping_sub(1), HASHED - self.line_bits.min(HASHED));
        let (hashed, seed) = (self.hashed, self.seed);
        // A line's place in the cache of that number.
        let at = |line: u64, index: usize| {
            if !hashed || index != last {
                return line;
            }
            (frame_of(line >> chunk_bits, seed) << chunk_bits) | (line & ((1 << chunk_bits) - 1))
        };
        let line = place >> self.line_bits;
        let ages = &mut self.ages;
        let mut use_line = |level: &mut Lru<u64>, index: usize, line: u64, write: bool| {
            if index != MIDDLE || last <= MIDDLE {
                return level.access::<Scalar>(line, write);
            }
            use_by_age(level, ages, line, write)
        };
        let (mut cache, mut crowded, mut leaving) = (self.caches.len(), false, None);
        for (index, level) in self.caches.iter_mut().enumerate() {
            // What left the level before is written here first.
            let next = match leaving.take() {
                Some(left) => use_line(level, index, at(left, index), true).written(),
                None => None,
            };
            let own = at(line, index);
            let met = use_line(level, index, own, write && index == 0);
            if met == Met::Hit {
                // What leaves this level now is not followed further: nobody waits for it.
                cache = index;
                break;
            }
            crowded = self.crowds[index].fill(level.set_of(own));
            leaving = met.written().or(next);
        }
        Served { cache, crowded }
    }
}

/// Uses a line of a cache that gives its lines ages of two bits: a line that is met again is young, one that is brought in a
/// little older, and where none is old all others age until one is; the first old one goes. It is the policy
/// QLRU_H00_M1_R0_U1 that Abel and Reineke found in the second caches of Intel's cores ("nanoBench: a low-overhead tool for
/// running microbenchmarks on x86 systems", ISPASS 2020). A cycle that is too long for a set loses most of its lines,
/// as by LRU; of one that is a line too long some stay.
fn use_by_age(cache: &mut Lru<u64>, ages: &mut [u8], line: u64, write: bool) -> Met<u64> {
    let ways = cache.ways();
    let set = cache.set_of(line) * ways..(cache.set_of(line) + 1) * ways;
    let (line, ages) = (u64::of(line), &mut ages[set.clone()]);
    let set = &mut cache.lines[set];
    let hit = set.iter().position(|held| held.clean() == line);
    let free = || set.iter().position(|held| held.clean() == u64::EMPTY);
    let old = || ages.iter().position(|&age| age == OLD);
    let way = hit.or_else(free).or_else(old).unwrap_or(0);
    ages[way] = if hit.is_some() { 0 } else { NEW };
    let oldest = (0..ways).filter(|&other| other != way).map(|other| ages[other]).max().unwrap_or(OLD);
    for other in (0..ways).filter(|&other| other != way) {
        ages[other] += OLD - oldest;
    }
    if hit.is_some() {
        set[way] = set[way].or_dirty(write);
        return Met::Hit;
    }
    Met::Miss { victim: std::mem::replace(&mut set[way], line.or_dirty(write)) }
}

/// The sets that a cache was filled at of late: as many as it has, or [`RECENT`].
#[derive(Clone, Debug)]
struct Crowd {
    recent: VecDeque<usize>,
    most: usize,
    /// How often each set is among the recent ones.
    fills: Vec<u16>,
}

impl Crowd {
    fn new(sets: u64) -> Self {
        let sets = usize::try_from(sets).unwrap_or(0);
        Self { recent: VecDeque::new(), most: sets.min(RECENT), fills: vec![0; sets] }
    }

    /// Tells of a fill; whether the set had several of late.
    fn fill(&mut self, set: usize) -> bool {
        self.fills[set] += 1;
        self.recent.push_back(set);
        if self.recent.len() > self.most
            && let Some(old) = self.recent.pop_front()
        {
            self.fills[old] -= 1;
        }
        self.fills[set] >= CROWDED
    }
}

/// The number of the frame that a page lies in: 46 bits that look random (the finaliser of SplitMix64).
fn frame_of(page: u64, seed: u64) -> u64 {
    let mut z = page.wrapping_add(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) >> 26
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zen3(page: u64) -> Placed {
        let caches = Geometry::parse_caches("l1=32K:8:64,l2=512K:8:64,l3=32M:16:64").unwrap();
        Placed::new(&Geometry::new(caches, Vec::new(), 4096, "test").unwrap(), page, 1)
    }

    /// Share of accesses that cache number `level` serves in the second pass over `addresses`.
    fn served(machine: &mut Placed, addresses: &[u64], level: usize) -> f64 {
        addresses.iter().for_each(|&address| _ = machine.access(address, false));
        let found = addresses.iter().filter(|&&address| machine.access(address, false).cache == level).count();
        found as f64 / addresses.len() as f64
    }

    #[test]
    fn pages_strewn_over_colours_overflow_sets_before_the_cache_is_full() {
        let lines: Vec<u64> = (0..512 << 10).step_by(64).collect();
        let strewn = served(&mut zen3(4096), &lines, 1);
        assert!((0.3..0.5).contains(&strewn), "{strewn}");
        assert!((served(&mut zen3(2 << 20), &lines, 1) - 1.0).abs() < 1e-12);
        let half: Vec<u64> = (0..256 << 10).step_by(64).collect();
        assert!(served(&mut zen3(4096), &half, 1) > 0.9);
    }

    #[test]
    fn columns_of_a_power_of_two_keep_the_first_caches_sets_and_spread_over_colours() {
        // One set of L1; two sets of L2 by virtual addresses, one in each of 16 colours by physical ones.
        let column: Vec<u64> = (0..64).map(|row| row * 32_768).collect();
        let mut machine = zen3(4096);
        assert!(served(&mut machine, &column, 0) < 1e-12);
        assert!(served(&mut machine, &column, 1) > 0.8);
        // Four times what fits: hardly any is there again.
        assert!(served(&mut zen3(2 << 20), &column, 1) < 0.1);
    }

    /// Nine lines of one set of the second cache, which has eight ways: LRU would lose all of them.
    #[test]
    fn a_cycle_that_is_a_line_too_long_for_a_set_keeps_some() {
        let cycle = |lines: u64| -> Vec<u64> { (0..lines).map(|line| line << 16).collect() };
        let kept = |lines: u64| {
            let (mut machine, cycle) = (zen3(2 << 20), cycle(lines));
            (0..20).for_each(|_| _ = served(&mut machine, &cycle, 1));
            served(&mut machine, &cycle, 1)
        };
        assert!((0.4..0.7).contains(&kept(9)), "{}", kept(9));
        assert!(kept(16) < 1e-12, "{}", kept(16));
    }

    #[test]
    fn lines_that_meet_in_few_sets_are_told() {
        let crowds = |pitch: u64| {
            let mut machine = zen3(4096);
            let mut pass = || (0..256).filter(|row| machine.access(row * pitch, false).crowded).count();
            pass();
            pass()
        };
        // One set of the first cache, and few of the second; then every set in turn, which fits.
        assert!(crowds(4096) > 240, "{}", crowds(4096));
        assert_eq!(crowds(4096 + 64), 0);
    }
}
