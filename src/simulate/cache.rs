//! One set-associative cache with true LRU, and the fully associative one that conflicts are told by.

/// A line as the sets hold it: its number and, in the highest bit, whether it was written and the next level has not
/// seen that. 32 bits wherever the numbers fit, since half as many bytes are searched in half the time.
pub(super) trait Tag: Copy + Eq + std::fmt::Debug + 'static {
    /// No line is in this way.
    const EMPTY: Self;
    /// Line numbers are below this.
    const END: u64;

    /// A clean line.
    fn of(line: u64) -> Self;
    /// Its number.
    fn line(self) -> u64;
    fn is_dirty(self) -> bool;
    /// The same line, dirty if it was or `dirty` says so.
    fn or_dirty(self, dirty: bool) -> Self;
    /// The same line, not dirty.
    fn clean(self) -> Self;
}

macro_rules! tag {
    ($int:ident) => {
        impl Tag for $int {
            const EMPTY: Self = $int::MAX >> 1;
            const END: u64 = ($int::MAX >> 1) as u64;

            #[inline(always)]
            fn of(line: u64) -> Self {
                debug_assert!(line < Self::END);
                line as $int
            }

            #[inline(always)]
            fn line(self) -> u64 {
                u64::from(self & ($int::MAX >> 1))
            }

            #[inline(always)]
            fn is_dirty(self) -> bool {
                self > $int::MAX >> 1
            }

            #[inline(always)]
            fn or_dirty(self, dirty: bool) -> Self {
                self | $int::from(dirty) << ($int::BITS - 1)
            }

            #[inline(always)]
            fn clean(self) -> Self {
                self & ($int::MAX >> 1)
            }
        }
    };
}

tag!(u32);
tag!(u64);

/// Lines in order of their last use, set by set: the first is the most recent.
#[derive(Clone, Debug)]
pub(super) struct Lru<T> {
    ways: usize,
    sets: u64,
    /// `sets - 1` if that is a mask.
    mask: Option<u64>,
    /// The bits of a set's number that its place is mixed in: those of whole groups of sets.
    mixed: u64,
    /// Set by set.
    pub(super) lines: Vec<T>,
}

/// What an access met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Met<T> {
    Hit,
    /// The line was brought in for another, or for [`Tag::EMPTY`]; the next level has to hear of it if it is dirty.
    Miss {
        victim: T,
    },
}

impl<T: Tag> Lru<T> {
    pub(super) fn new(sets: u32, ways: u32) -> Self {
        let sets = u64::from(sets);
        let mask = sets.is_power_of_two().then(|| sets - 1);
        let ways = ways as usize;
        let mixed = if sets.is_multiple_of(64) { 63 } else { 0 };
        // The geometry was checked: a few gigabytes of cache at most.
        Self { ways, sets, mask, mixed, lines: vec![T::EMPTY; usize::try_from(sets).unwrap_or(0) * ways] }
    }

    pub(super) fn ways(&self) -> usize {
        self.ways
    }

    pub(super) fn sets(&self) -> u64 {
        self.sets
    }

    /// What a line's number is masked with for its set, if sets are a power of two.
    pub(super) fn mask(&self) -> Option<u64> {
        self.mask
    }

    /// The set that a line belongs to.
    #[inline]
    pub(super) fn set_of(&self, line: u64) -> usize {
        self.place(self.mask.map_or_else(|| line % self.sets, |mask| line & mask))
    }

    /// Where a set stands. Sets some power of two apart are asked for in turn by the walks that this is for; one after
    /// the other in memory they would fall into few sets of the cache of the CPU that simulates.
    #[inline]
    pub(super) fn place(&self, set: u64) -> usize {
        usize::try_from(set ^ (((set >> 6) ^ (set >> 12)) & self.mixed)).unwrap_or(0)
    }

    /// Uses a line: it becomes the most recent of its set. `S` says how a set is searched.
    #[inline(always)]
    pub(super) fn access<S: Search<T>>(&mut self, line: u64, write: bool) -> Met<T> {
        self.access_ways::<S, 0>(T::of(line), write)
    }

    /// The same of a clean tag in a cache that is known to have so many ways; 0 for any.
    #[inline(always)]
    pub(super) fn access_ways<S: Search<T>, const WAYS: usize>(&mut self, line: T, write: bool) -> Met<T> {
        let ways = if WAYS == 0 { self.ways } else { WAYS };
        let start = self.set_of(line.line()) * ways;
        let set = &mut self.lines[start..start + ways];
        if set[0].clean() == line {
            set[0] = set[0].or_dirty(write);
            return Met::Hit;
        }
        S::promote(set, line, write)
    }
}

/// How the lines of a set are searched and moved.
pub(super) trait Search<T> {
    /// Makes `line`, which is clean, the first of a set whose first line is another, and dirty if it is written.
    fn promote(set: &mut [T], line: T, write: bool) -> Met<T>;
}

/// One line after the other.
pub(super) struct Scalar;

impl<T: Tag> Search<T> for Scalar {
    #[inline(always)]
    fn promote(set: &mut [T], line: T, write: bool) -> Met<T> {
        let mut carried = std::mem::replace(&mut set[0], line.or_dirty(write));
        // Every line moves on by one until the place of the line is found.
        for held in &mut set[1..] {
            let here = std::mem::replace(held, carried);
            if here.clean() == line {
                set[0] = here.or_dirty(write);
                return Met::Hit;
            }
            carried = here;
        }
        Met::Miss { victim: carried }
    }
}

impl<T: Tag> Met<T> {
    /// The line that the next level has to be told of.
    pub(super) fn written(self) -> Option<u64> {
        match self {
            Self::Miss { victim } if victim.is_dirty() => Some(victim.line()),
            _ => None,
        }
    }
}

/// A fully associative LRU cache of any size: the twin that conflicts are told by, and the usual first TLB.
#[derive(Clone, Debug)]
pub(super) struct Full {
    capacity: usize,
    /// Hash table with linear probing: positions in `entries`, 0 where it is free. Grows with the lines held.
    table: Vec<u32>,
    /// Line, more recent and less recent entry, as a ring through entry 0.
    entries: Vec<(u64, u32, u32)>,
}

impl Full {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, table: vec![0; 64], entries: vec![(u64::MAX, 0, 0)] }
    }

    /// Where a line is looked for first (multiplicative hashing: Knuth, TAOCP 3, 6.4).
    #[inline(always)]
    fn home(&self, line: u64) -> usize {
        let bits = self.table.len().trailing_zeros();
        usize::try_from(line.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - bits)).unwrap_or(0)
    }

    /// The slot that holds a line, or the free one where it would go.
    #[inline(always)]
    fn slot(&self, line: u64) -> usize {
        let mask = self.table.len() - 1;
        let mut slot = self.home(line);
        loop {
            let entry = self.table[slot & mask];
            if entry == 0 || self.entries[entry as usize].0 == line {
                return slot & mask;
            }
            slot += 1;
        }
    }

    /// Frees a slot; those behind that were pushed on move back.
    #[inline(always)]
    fn free(&mut self, slot: usize) {
        let mask = self.table.len() - 1;
        let (mut hole, mut next) = (slot, slot);
        loop {
            next = (next + 1) & mask;
            let entry = self.table[next];
            if entry == 0 {
                break;
            }
            let home = self.home(self.entries[entry as usize].0);
            // It may move if its home is not between the hole and itself.
            if (next.wrapping_sub(home) & mask) >= (next.wrapping_sub(hole) & mask) {
                self.table[hole] = entry;
                hole = next;
            }
        }
        self.table[hole] = 0;
    }

    fn grow(&mut self) {
        self.table = vec![0; self.table.len() * 2];
        for entry in 1..self.entries.len() {
            let slot = self.slot(self.entries[entry].0);
            self.table[slot] = u32::try_from(entry).unwrap_or(0);
        }
    }

    #[inline(always)]
    fn unlink(&mut self, at: u32) {
        let (_, newer, older) = self.entries[at as usize];
        self.entries[newer as usize].2 = older;
        self.entries[older as usize].1 = newer;
    }

    #[inline(always)]
    fn link_first(&mut self, at: u32) {
        let first = self.entries[0].2;
        let entry = &mut self.entries[at as usize];
        (entry.1, entry.2) = (0, first);
        self.entries[first as usize].1 = at;
        self.entries[0].2 = at;
    }

    /// The lines held, the most recent first.
    pub(super) fn held(&self) -> impl Iterator<Item = u64> {
        let older = |&at: &u32| Some(self.entries[at as usize].2).filter(|&at| at != 0);
        std::iter::successors(older(&0), older).map(|at| self.entries[at as usize].0)
    }

    /// The cache that holds these lines, the most recent first.
    pub(super) fn holding(&self, lines: &[u64]) -> Self {
        let mut full = Self::new(self.capacity);
        for &line in lines.iter().rev() {
            full.access(line);
        }
        full
    }

    /// Uses a line; whether it was there.
    #[inline(always)]
    pub(super) fn access(&mut self, line: u64) -> bool {
        let slot = self.slot(line);
        let at = self.table[slot];
        if at != 0 {
            if self.entries[0].2 != at {
                self.unlink(at);
                self.link_first(at);
            }
            return true;
        }
        if self.entries.len() <= self.capacity {
            // The geometry allows fewer lines than 2^32.
            let at = u32::try_from(self.entries.len()).unwrap_or(0);
            self.entries.push((line, 0, 0));
            self.link_first(at);
            self.table[slot] = at;
            if self.entries.len() * 2 > self.table.len() {
                self.grow();
            }
        } else {
            let last = self.entries[0].1;
            self.unlink(last);
            self.free(self.slot(self.entries[last as usize].0));
            self.entries[last as usize].0 = line;
            self.link_first(last);
            let slot = self.slot_for_new(line);
            self.table[slot] = last;
        }
        false
    }

    /// The first free slot for a line that is not in the table.
    #[inline(always)]
    fn slot_for_new(&self, line: u64) -> usize {
        let mask = self.table.len() - 1;
        let mut slot = self.home(line);
        while self.table[slot & mask] != 0 {
            slot += 1;
        }
        slot & mask
    }
}

/// The entries of a TLB: by sets where they are few per set, by a table where one set has them all.
#[derive(Clone, Debug)]
pub(super) enum Entries<T> {
    Sets(Lru<T>),
    Full(Full),
}

impl<T: Tag> Entries<T> {
    pub(super) fn new(entries: u32, ways: u32) -> Self {
        if ways == entries && ways > 20 {
            Self::Full(Full::new(entries as usize))
        } else {
            Self::Sets(Lru::new(entries / ways, ways))
        }
    }

    pub(super) fn ways(&self) -> usize {
        match self {
            Self::Sets(sets) => sets.ways(),
            Self::Full(full) => full.capacity,
        }
    }

    /// Uses a page; whether it was there.
    #[inline(always)]
    pub(super) fn access<S: Search<T>>(&mut self, page: u64) -> bool {
        match self {
            Self::Sets(sets) => sets.access::<S>(page, false) == Met::Hit,
            Self::Full(full) => full.access(page),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Rng;

    #[test]
    fn the_least_recent_line_leaves_and_dirty_ones_are_written_back() {
        let mut cache = Lru::<u32>::new(1, 2);
        assert_eq!(cache.access::<Scalar>(1, true), Met::Miss { victim: Tag::EMPTY });
        assert_eq!(cache.access::<Scalar>(2, false), Met::Miss { victim: Tag::EMPTY });
        assert_eq!(cache.access::<Scalar>(1, false), Met::Hit);
        assert_eq!(cache.access::<Scalar>(3, false), Met::Miss { victim: 2 });
        assert_eq!(cache.access::<Scalar>(4, false), Met::Miss { victim: 1_u32.or_dirty(true) });
        assert_eq!(cache.access::<Scalar>(2, false), Met::Miss { victim: 3 });
    }

    /// Searching by vectors, one by one, in either width, and by the table agree.
    #[test]
    fn one_set_is_fully_associative() {
        for ways in [1, 2, 4, 7, 8, 11, 12, 16, 20, 33, 400] {
            let (mut set, mut wide, mut full) =
                (Lru::<u64>::new(1, ways), Lru::<u32>::new(1, ways), Full::new(ways as usize));
            let mut rng = Rng::new(5);
            for _ in 0..20_000 {
                let (line, write) = (rng.below(u64::from(ways) * 3 / 2 + 2), rng.coin());
                let met = set.access::<Scalar>(line, write);
                let other = searched(&mut wide, line, write);
                assert_eq!((met == Met::Hit, met.written()), (other == Met::Hit, other.written()), "{ways} ways");
                assert_eq!(met == Met::Hit, full.access(line), "{ways} ways");
            }
            let held = |line: u64, dirty: bool| (line != u64::EMPTY.line()).then_some((line, dirty));
            let narrow = |tag: &u32| (*tag != u32::EMPTY).then(|| (tag.line(), tag.is_dirty()));
            assert!(set.lines.iter().map(|tag| held(tag.line(), tag.is_dirty())).eq(wide.lines.iter().map(narrow)));
        }
    }

    fn searched(cache: &mut Lru<u32>, line: u64, write: bool) -> Met<u32> {
        #[cfg(target_arch = "x86_64")]
        if super::super::raw::has_vectors() {
            return cache.access::<super::super::raw::Avx2>(line, write);
        }
        cache.access::<Scalar>(line, write)
    }
}
