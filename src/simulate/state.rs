//! The state of levels and TLBs, kept, compared and moved: what fast-forwarding needs.

use super::cache::{Entries, Full, Lru, Tag};
use super::engine::Machine;
use std::iter::zip;

/// How far the lines of an operand's range go in some iterations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) shift: i64,
}

/// A move of all lines that the nest touches; ranges that move differently share no line.
#[derive(Clone, Debug)]
pub(super) struct Shift(pub(super) Vec<Range>);

impl Shift {
    /// The same move some times.
    pub(super) fn times(&self, times: u64) -> Self {
        let times = times.cast_signed();
        Self(self.0.iter().map(|range| Range { shift: range.shift * times, ..range.clone() }).collect())
    }

    /// Where a line goes; `None` for one that no operand touches.
    #[inline]
    fn of(&self, line: u64) -> Option<u64> {
        let range = match self.0.as_slice() {
            [range] => range,
            ranges => ranges.iter().find(|range| (range.first..=range.last).contains(&line))?,
        };
        line.checked_add_signed(range.shift)
    }

    #[inline]
    fn of_tag<T: Tag>(&self, tag: T) -> Option<T> {
        if tag == T::EMPTY {
            return Some(tag);
        }
        self.of(tag.line()).filter(|&line| line < T::END).map(|line| T::of(line).or_dirty(tag.is_dirty()))
    }

    /// By how many sets every line moves on; the ranges agree in it.
    fn rotation(&self, sets: u64) -> u64 {
        let sets = sets.cast_signed();
        self.0.first().map_or(0, |range| range.shift.rem_euclid(sets)).cast_unsigned()
    }
}

/// A level's or a TLB's state as it was.
#[derive(Clone, Debug)]
pub(super) enum Saved<T> {
    Sets(Vec<T>),
    Full(Vec<u64>),
}

impl<T> Saved<T> {
    /// Lines that comparing looks at.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Sets(lines) => lines.len(),
            Self::Full(lines) => lines.len(),
        }
    }
}

impl<T: Tag> Lru<T> {
    pub(super) fn save(&self) -> Saved<T> {
        Saved::Sets(self.lines.clone())
    }

    /// Lines that were compared, and whether this state is the old one moved. `hint` is a set that differed before.
    pub(super) fn is_moved(&self, old: &[T], shift: &Shift, hint: &mut usize) -> (usize, bool) {
        let (ways, sets) = (self.ways(), self.sets());
        let (count, rotation) = (self.lines.len() / ways, shift.rotation(sets));
        let mut at = *hint;
        for looked in 0..count {
            let (from, target) = (self.place(at as u64), self.place((at as u64 + rotation) % sets));
            let (old, new) = (&old[from * ways..][..ways], &self.lines[target * ways..][..ways]);
            if zip(old, new).any(|(&old, &new)| shift.of_tag(old) != Some(new)) {
                *hint = at;
                return ((looked + 1) * ways, false);
            }
            at = if at + 1 == count { 0 } else { at + 1 };
        }
        (count * ways, true)
    }

    /// Moves every line; `None` if one would leave the numbers there are.
    pub(super) fn moved(&self, shift: &Shift) -> Option<Vec<T>> {
        let (ways, sets) = (self.ways(), self.sets());
        let rotation = shift.rotation(sets);
        let mut new = vec![T::EMPTY; self.lines.len()];
        for set in 0..sets {
            let (from, target) = (self.place(set), self.place((set + rotation) % sets));
            for (new, &old) in zip(&mut new[target * ways..], &self.lines[from * ways..][..ways]) {
                *new = shift.of_tag(old)?;
            }
        }
        Some(new)
    }
}

impl Full {
    fn save<T>(&self) -> Saved<T> {
        Saved::Full(self.held().collect())
    }

    fn is_moved(&self, old: &[u64], shift: &Shift) -> (usize, bool) {
        let same = self.held().map(Some).eq(old.iter().map(|&line| shift.of(line)));
        (old.len(), same)
    }
}

impl<T: Tag> Entries<T> {
    pub(super) fn save(&self) -> Saved<T> {
        match self {
            Self::Sets(sets) => sets.save(),
            Self::Full(full) => full.save(),
        }
    }

    /// As [`Lru::is_moved`].
    pub(super) fn is_moved(&self, old: &Saved<T>, shift: &Shift, hint: &mut usize) -> (usize, bool) {
        match (self, old) {
            (Self::Sets(sets), Saved::Sets(old)) => sets.is_moved(old, shift, hint),
            (Self::Full(full), Saved::Full(old)) => full.is_moved(old, shift),
            _ => (0, false),
        }
    }

    /// As [`Lru::moved`].
    pub(super) fn moved(&self, shift: &Shift) -> Option<Self> {
        Some(match self {
            Self::Sets(sets) => {
                let mut new = sets.clone();
                new.lines = sets.moved(shift)?;
                Self::Sets(new)
            }
            Self::Full(full) => {
                Self::Full(full.holding(&full.held().map(|line| shift.of(line)).collect::<Option<Vec<_>>>()?))
            }
        })
    }
}

/// What a machine held and had counted at some time.
pub(super) struct Kept<T> {
    caches: Vec<Saved<T>>,
    tlbs: Vec<Saved<T>>,
    counts: Vec<u64>,
}

impl<T> Kept<T> {
    /// Lines that comparing looks at.
    pub(super) fn len(&self) -> u64 {
        self.caches.iter().chain(&self.tlbs).map(|saved| saved.len() as u64).sum()
    }
}

impl<T: Tag> Machine<T> {
    pub(super) fn keep(&self) -> Kept<T> {
        Kept {
            caches: self.levels.stages.iter().map(|stage| stage.cache.save()).collect(),
            tlbs: self.tlbs.iter().map(|tlb| tlb.entries.save()).collect(),
            counts: self.counts(),
        }
    }

    fn counts(&self) -> Vec<u64> {
        let caches = self.levels.stages.iter().flat_map(|s| [s.counts.accesses, s.counts.misses, s.counts.writebacks]);
        caches.chain(self.tlbs.iter().flat_map(|tlb| [tlb.counts.accesses, tlb.counts.misses])).collect()
    }

    /// Lines that were compared, and whether the state is the kept one moved. `hints` keeps where levels differed.
    pub(super) fn is_moved(&self, kept: &Kept<T>, shift: &Shift, hints: &mut Vec<usize>) -> (u64, bool) {
        hints.resize(self.levels.stages.len() + self.tlbs.len(), 0);
        let (cache_hints, tlb_hints) = hints.split_at_mut(self.levels.stages.len());
        let mut compared = 0;
        for ((stage, old), hint) in zip(zip(&self.levels.stages, &kept.caches), cache_hints) {
            let Saved::Sets(old) = old else { return (compared, false) };
            let (looked, same) = stage.cache.is_moved(old, shift, hint);
            compared += looked as u64;
            if !same {
                return (compared, false);
            }
        }
        for ((tlb, old), hint) in zip(zip(&self.tlbs, &kept.tlbs), tlb_hints) {
            let (looked, same) = tlb.entries.is_moved(old, shift, hint);
            compared += looked as u64;
            if !same {
                return (compared, false);
            }
        }
        (compared, true)
    }

    /// Counts what was counted since the kept state `times` more often, and moves all lines; whether that was possible.
    pub(super) fn leap(&mut self, kept: &Kept<T>, times: u64, shift: &Shift) -> bool {
        let caches: Option<Vec<Vec<T>>> = self.levels.stages.iter().map(|stage| stage.cache.moved(shift)).collect();
        let tlbs: Option<Vec<Entries<T>>> = self.tlbs.iter().map(|tlb| tlb.entries.moved(shift)).collect();
        let (Some(caches), Some(tlbs)) = (caches, tlbs) else { return false };
        let now = self.counts();
        let mut more = zip(now, &kept.counts).map(|(now, before)| (now - before) * times);
        let mut add = |count: &mut u64| *count += more.next().unwrap_or(0);
        for (stage, lines) in zip(&mut self.levels.stages, caches) {
            let counts = &mut stage.counts;
            [&mut counts.accesses, &mut counts.misses, &mut counts.writebacks].into_iter().for_each(&mut add);
            stage.cache.lines = lines;
        }
        for (tlb, entries) in zip(&mut self.tlbs, tlbs) {
            [&mut tlb.counts.accesses, &mut tlb.counts.misses].into_iter().for_each(&mut add);
            tlb.entries = entries;
        }
        (self.last_page, self.leapt) = (None, self.leapt + times);
        true
    }
}
