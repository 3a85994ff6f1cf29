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
use crate::units::Rng;
use std::collections::VecDeque;

/// The cache with ages of two bits: an LRU cache loses all of a cycle that is a line too long for its sets, which the
/// second caches of today's CPUs do not.
const MIDDLE: usize = 1;
/// The age of a line that may go.
const OLD: u8 = 3;
/// The age of a line that was just brought in; one that was met again has none.
const NEW: u8 = 1;
/// Fills that are remembered.
const RECENT: usize = 1024;
/// The lowest bit of a line's number that is hashed into a second cache's index, where some are: of an AMD EPYC 7003's chases
/// (2026-11-30) lines of one page whose numbers differ by 8, 16 or 32 share room, 1,024 lines between them; lines that differ by
/// 1 to 7 have as much each.
const FOLDED_FROM: u32 = 3;
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
    /// The same of the first cache.
    pub crowded_first: bool,
}

/// What differs between the caches of cores, and is told by none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caches {
    /// Of the index of the second of three or more caches so many bits, from the fourth on, are hashed with the bits above the index.
    pub folded_bits: u32,
    /// Whether the first cache gives its lines ages, too.
    pub first_by_age: bool,
    /// Whether the last of three or more caches is left out, since what it keeps is a matter of time.
    pub without_last: bool,
}

/// A machine with its state: true LRU, but of three or more caches the second gives its lines ages of two bits, and the last
/// draws what goes; write-back, levels neither inclusive nor exclusive.
#[derive(Clone, Debug)]
pub struct Placed {
    caches: Vec<Lru<u64>>,
    /// Of the lines of each cache that gives them ages; none of the others.
    ages: Vec<Vec<u8>>,
    crowds: Vec<Crowd>,
    line_bits: u32,
    page_bits: u32,
    seed: u64,
    /// Whether the last level is indexed by a hash of a line's number, and draws what goes.
    strewn: bool,
    /// Of the index of the cache number [`MIDDLE`] the bits that a hash of the bits above the index is folded into.
    folded: u64,
    /// The bits of that index.
    index_bits: u32,
    rng: Rng,
    /// The last page and where it lies.
    last: Option<(u64, u64)>,
}

impl Placed {
    /// Empty caches for pages of `page` bytes, a power of two of at least a line; `seed` decides where pages
    /// lie.
    #[must_use]
    pub fn new(geometry: &Geometry, page: u64, of: Caches, seed: u64) -> Self {
        let strewn = geometry.levels.len() > 2;
        let levels = geometry.levels.len() - usize::from(strewn && of.without_last);
        let caches: Vec<_> = geometry.levels[..levels].iter().map(|level| Lru::new(level.sets, level.ways)).collect();
        let index_bits = geometry.levels.get(MIDDLE).map_or(0, |level| level.sets.max(1).ilog2());
        let by_age = |index: usize| (index == MIDDLE && strewn) || (index == 0 && of.first_by_age);
        let ages = |(index, cache): (usize, &Lru<u64>)| vec![OLD; if by_age(index) { cache.lines.len() } else { 0 }];
        Self {
            crowds: caches.iter().map(|cache| Crowd::new(cache.sets())).collect(),
            ages: caches.iter().enumerate().map(ages).collect(),
            caches,
            line_bits: geometry.line().trailing_zeros(),
            page_bits: page.max(geometry.line()).trailing_zeros(),
            seed,
            strewn,
            // No more than the index has: what is folded is found again by the bits above it.
            folded: (((1 << of.folded_bits) - 1) << FOLDED_FROM) & ((1 << index_bits) - 1),
            index_bits,
            rng: Rng::new(seed),
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
        let last = self.caches.len().wrapping_sub(1);
        let (strewn, seed, folded, index_bits) = (self.strewn, self.seed, self.folded, self.index_bits);
        // A line's place in the cache of that number; done twice, the fold is undone.
        let at = |line: u64, index: usize| match index {
            MIDDLE if strewn => line ^ (frame_of(line >> index_bits, seed) & folded),
            _ if strewn && index == last => frame_of(line, seed),
            _ => line,
        };
        let line = place >> self.line_bits;
        let (ages, rng) = (&mut self.ages, &mut self.rng);
        let mut use_line = |level: &mut Lru<u64>, index: usize, line: u64, write: bool| {
            if !ages[index].is_empty() {
                use_by_age(level, &mut ages[index], line, write)
            } else if strewn && index == last {
                use_drawn(level, rng, line, write)
            } else {
                level.access::<Scalar>(line, write)
            }
        };
        let (mut cache, mut crowded, mut crowded_first, mut leaving) = (self.caches.len(), false, false, None);
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
            if index == 0 {
                crowded_first = crowded;
            }
            // What leaves the last goes to memory.
            leaving = met.written().or(next).map(|left| at(left, index));
        }
        Served { cache, crowded, crowded_first }
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
    if let Some(way) = hit.filter(|&way| ages[way] == 0) {
        // As young as can be: another is old already.
        set[way] = set[way].or_dirty(write);
        return Met::Hit;
    }
    let free = || set.iter().position(|held| held.clean() == u64::EMPTY);
    let old = || ages.iter().position(|&age| age == OLD);
    let way = hit.or_else(free).or_else(old).unwrap_or(0);
    ages[way] = if hit.is_some() { 0 } else { NEW };
    let oldest = (0..ways).filter(|&other| other != way).map(|other| ages[other]).max();
    let young = OLD - oldest.unwrap_or(OLD);
    if young > 0 {
        (0..ways).filter(|&other| other != way).for_each(|other| ages[other] += young);
    }
    if hit.is_some() {
        set[way] = set[way].or_dirty(write);
        return Met::Hit;
    }
    Met::Miss { victim: std::mem::replace(&mut set[way], line.or_dirty(write)) }
}

/// Uses a line of a cache that draws which of a set's lines goes. Of contiguous reads an AMD EPYC 7003's last cache has all of 8 MiB
/// again, a third to a half of 16 and 5 to 20 % of 32 (2026-11-30), where LRU would have all or nothing.
fn use_drawn(cache: &mut Lru<u64>, rng: &mut Rng, line: u64, write: bool) -> Met<u64> {
    let (set, ways) = (cache.set_of(line), cache.ways());
    let line = u64::of(line);
    let set = &mut cache.lines[set * ways..(set + 1) * ways];
    if let Some(held) = set.iter_mut().find(|held| held.clean() == line) {
        *held = held.or_dirty(write);
        return Met::Hit;
    }
    let free = set.iter().position(|held| held.clean() == u64::EMPTY);
    let way = free.unwrap_or_else(|| usize::try_from(rng.below(ways as u64)).unwrap_or(0));
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

/// The number of the frame that a page lies in: 38 bits that look random (the finaliser of SplitMix64).
pub(super) fn frame_of(page: u64, seed: u64) -> u64 {
    let mut z = page.wrapping_add(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) >> 26
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Caches = Caches { folded_bits: 0, first_by_age: false, without_last: false };

    fn zen3_of(page: u64, of: Caches) -> Placed {
        let caches = Geometry::parse_caches("l1=32K:8:64,l2=512K:8:64,l3=32M:16:64").unwrap();
        Placed::new(&Geometry::new(caches, Vec::new(), 4096, "test").unwrap(), page, of, 1)
    }

    fn zen3(page: u64) -> Placed {
        zen3_of(page, PLAIN)
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

    /// A column of 256 lines whose pitch is two pages: sixteen colours of eight ways lose most of it, and keep it if eight times as
    /// many sets are used.
    #[test]
    fn a_folded_index_spreads_columns_over_more_sets() {
        let column: Vec<u64> = (0..256).map(|row| row * 8192).collect();
        let folded = |folded_bits| served(&mut zen3_of(4096, Caches { folded_bits, ..PLAIN }), &column, 1);
        assert!(folded(0) < 0.3 && folded(3) > 0.9, "{} {}", folded(0), folded(3));
    }

    /// Two lines of each of 512 pages: as on the machine, half of them are there again if they are eight apart, and nearly all if they
    /// are neighbours.
    #[test]
    fn lines_of_a_page_share_the_room_of_a_hashed_index_but_for_neighbours() {
        let apart = |lines: u64| -> Vec<u64> { (0..1024).map(|n| n / 2 * 4096 + n % 2 * lines * 64).collect() };
        let kept = |lines| served(&mut zen3_of(4096, Caches { folded_bits: 3, ..PLAIN }), &apart(lines), 1);
        assert!((0.3..0.75).contains(&kept(8)) && kept(1) > 0.9, "{} {}", kept(8), kept(1));
    }

    /// 256 rows whose pitch is 128 lines and an element fill 32 sets, and leave each for the next one after another: LRU loses
    /// nearly all of them column by column, ages half.
    #[test]
    fn lines_that_move_on_from_full_sets_are_kept_by_age() {
        let columns: Vec<u64> = (0..64).flat_map(|column| (0..256).map(move |row| row * 8200 + column * 8)).collect();
        let first = |first_by_age| served(&mut zen3_of(4096, Caches { first_by_age, ..PLAIN }), &columns, 0);
        assert!(first(false) < 0.1 && first(true) > 0.4, "{} {}", first(false), first(true));
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
        // The first cache's set is crowded from wherever its lines come; the last one's sets are hashed.
        let mut machine = zen3(4096);
        (0..16_384).for_each(|row| _ = machine.access(row * 8192, false));
        let served: Vec<Served> = (0..256).map(|row| machine.access((row + 16_384) * 8192, false)).collect();
        assert!(served.iter().all(|served| served.cache == 3 && served.crowded_first && !served.crowded));
        assert_eq!(crowds(4096 + 64), 0);
    }
}
