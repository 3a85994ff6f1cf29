//! The kinds of core that a bundle may be of.

use super::lines::Waits;
use crate::simulate::{Caches, Victims};

/// What differs between cores and is told by none of them: the curves choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Habit {
    /// Accesses that a core has under way: a line that was asked for so shortly before is still on its way or in a buffer, even
    /// if its set has been filled anew meanwhile. With some 500 instructions of reorder buffer and three to an access 150; 48
    /// on an AMD EPYC 7003, where of the lines of a column that is 16 rows high, all in one set, a third is asked for again,
    /// of one of 32 the half, and all of one of 48 (2026-11-30).
    pub under_way: u64,
    /// What lines wait for.
    pub waits: Waits,
    /// Lines of a page that follow each other before prefetchers run ahead. On an AMD EPYC 7003 the first six of a run in memory
    /// take some 35 ns each and the further ones 9, of its last cache 4.6 and 2.4 (2026-11-30).
    pub starts: u32,
    /// Pages whose last line a prefetcher remembers: between the 16 streams of older cores and the 64 of newer ones. On an AMD EPYC
    /// 7003 columns of 64 rows take 1.8 ns a line from memory one beside the other and 4.7 in random order, of 128 7.6 and 8.2
    /// (2026-11-30).
    pub streams: usize,
    /// Whether each load of a line that is under way takes a miss buffer, and not each line: on an AMD EPYC 7003 a line of memory
    /// takes 11 ns in random order, and 28 to 38 if all of its eight elements are loaded at once; 1.6 and 5 in its last cache
    /// (2026-11-30). That is a 24th of the latency per load.
    pub buffer_per_load: bool,
    /// How its caches find and keep lines, the last one by time ([`Aged`](super::Aged)) or not. On an AMD EPYC 7003 a chase through lines that are one page or two apart has all of
    /// 384 again in a second cache of 16 page colours and eight ways, and half of 1,024: three bits of its index are taken as
    /// hashed; and 256 rows whose pitch is 128 lines and an element stay in its first cache (2026-11-30).
    pub caches: Caches,
    /// Which translations TLBs give up.
    pub victims: Victims,
}

impl Habit {
    /// Every combination: number `2 i + j` has the `i`th way to have lines under way and the `j`th of the victims.
    pub const ALL: [Self; FETCHING.len() * VICTIMS.len()] = {
        let [many, few] = FETCHING;
        let [drawn, oldest] = VICTIMS;
        [many.and(drawn), many.and(oldest), few.and(drawn), few.and(oldest)]
    };
}

/// How a core brings lines: the first half of a [`Habit`].
#[derive(Clone, Copy)]
pub(super) struct Fetching {
    pub under_way: u64,
    pub waits: Waits,
    pub starts: u32,
    pub streams: usize,
    pub buffer_per_load: bool,
    pub caches: Caches,
}

impl Fetching {
    const fn and(&self, victims: Victims) -> Habit {
        let Self { under_way, waits, starts, streams, buffer_per_load, caches } = *self;
        Habit { under_way, waits, starts, streams, buffer_per_load, caches, victims }
    }
}

/// Those of the cores that were measured for this, an Intel Xeon and an AMD EPYC 7003.
pub(super) const FETCHING: [Fetching; 2] = [
    Fetching {
        under_way: 150,
        waits: Waits::Banks,
        starts: 1,
        streams: 32,
        buffer_per_load: false,
        caches: Caches { folded_bits: 0, first_by_age: false, without_last: false },
    },
    Fetching {
        under_way: 48,
        waits: Waits::Sets,
        starts: 6,
        streams: 64,
        buffer_per_load: true,
        caches: Caches { folded_bits: 3, first_by_age: true, without_last: true },
    },
];
/// See [`Habit::victims`].
pub(super) const VICTIMS: [Victims; 2] = [Victims::Drawn, Victims::Oldest];
