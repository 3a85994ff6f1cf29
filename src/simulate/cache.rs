//! One set-associative cache with true LRU, and the fully associative one that conflicts are told by.

use std::collections::HashMap;

/// No line is in this way.
const EMPTY: u64 = u64::MAX >> 1;
/// The line was written and the next level has not seen it.
const DIRTY: u64 = 1 << 63;

/// Lines in order of their last use, set by set: the first is the most recent.
#[derive(Clone, Debug)]
pub(super) struct Lru {
    ways: usize,
    sets: u64,
    /// `sets - 1` if that is a mask.
    mask: Option<u64>,
    lines: Vec<u64>,
}

/// What an access met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Met {
    Hit,
    /// The line was brought in; a written one may have had to leave.
    Miss {
        written_back: Option<u64>,
    },
}

impl Lru {
    pub(super) fn new(sets: u32, ways: u32) -> Self {
        let sets = u64::from(sets);
        let mask = sets.is_power_of_two().then(|| sets - 1);
        let ways = ways as usize;
        // The geometry was checked: a few gigabytes of cache at most.
        Self { ways, sets, mask, lines: vec![EMPTY; usize::try_from(sets).unwrap_or(0) * ways] }
    }

    pub(super) fn ways(&self) -> usize {
        self.ways
    }

    /// The set that a line belongs to.
    #[inline]
    pub(super) fn set_of(&self, line: u64) -> usize {
        let set = self.mask.map_or_else(|| line % self.sets, |mask| line & mask);
        usize::try_from(set).unwrap_or(0)
    }

    /// Uses a line: it becomes the most recent of its set.
    #[inline]
    pub(super) fn access(&mut self, line: u64, write: bool) -> Met {
        let start = self.set_of(line) * self.ways;
        let set = &mut self.lines[start..start + self.ways];
        let flag = if write { DIRTY } else { 0 };
        if set[0] & !DIRTY == line {
            set[0] |= flag;
            return Met::Hit;
        }
        if let Some(way) = set.iter().position(|&held| held & !DIRTY == line) {
            let held = set[way];
            set.copy_within(..way, 1);
            set[0] = held | flag;
            return Met::Hit;
        }
        let last = set[self.ways - 1];
        set.copy_within(..self.ways - 1, 1);
        set[0] = line | flag;
        let written_back = (last & DIRTY != 0 && last & !DIRTY != EMPTY).then_some(last & !DIRTY);
        Met::Miss { written_back }
    }
}

/// A fully associative LRU cache, only to tell capacity misses from conflicts.
#[derive(Clone, Debug)]
pub(super) struct Full {
    capacity: usize,
    /// Where a line's entry is.
    places: HashMap<u64, usize>,
    /// Line, more recent and less recent entry, as a ring through entry 0.
    entries: Vec<(u64, usize, usize)>,
}

impl Full {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, places: HashMap::new(), entries: vec![(EMPTY, 0, 0)] }
    }

    fn unlink(&mut self, at: usize) {
        let (_, newer, older) = self.entries[at];
        self.entries[newer].2 = older;
        self.entries[older].1 = newer;
    }

    fn link_first(&mut self, at: usize) {
        let first = self.entries[0].2;
        self.entries[at].1 = 0;
        self.entries[at].2 = first;
        self.entries[first].1 = at;
        self.entries[0].2 = at;
    }

    /// Uses a line; whether it was there.
    pub(super) fn access(&mut self, line: u64) -> bool {
        if let Some(&at) = self.places.get(&line) {
            self.unlink(at);
            self.link_first(at);
            return true;
        }
        let at = if self.places.len() < self.capacity {
            self.entries.push((line, 0, 0));
            self.entries.len() - 1
        } else {
            let last = self.entries[0].1;
            self.unlink(last);
            self.places.remove(&self.entries[last].0);
            self.entries[last].0 = line;
            last
        };
        self.link_first(at);
        self.places.insert(line, at);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Rng;

    #[test]
    fn the_least_recent_line_leaves_and_dirty_ones_are_written_back() {
        let mut cache = Lru::new(1, 2);
        assert_eq!(cache.access(1, true), Met::Miss { written_back: None });
        assert_eq!(cache.access(2, false), Met::Miss { written_back: None });
        assert_eq!(cache.access(1, false), Met::Hit);
        assert_eq!(cache.access(3, false), Met::Miss { written_back: None });
        assert_eq!(cache.access(4, false), Met::Miss { written_back: Some(1) });
        assert_eq!(cache.access(2, false), Met::Miss { written_back: None });
    }

    #[test]
    fn one_set_is_fully_associative() {
        let (mut set, mut full, mut rng) = (Lru::new(1, 7), Full::new(7), Rng::new(5));
        for _ in 0..20_000 {
            let line = rng.below(12);
            assert_eq!(set.access(line, false) == Met::Hit, full.access(line));
        }
    }
}
