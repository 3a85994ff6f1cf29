//! The lines that a walk brings into the first cache, by the level that serves them and by how they come.

use super::habit::Fetching;
use crate::nest::Role;
use crate::simulate::Served;

/// Lines whose last fetch is remembered, by a hash.
const FETCHES: usize = 4096;
/// Banks of a second cache, by the lowest bits of a line's number.
const BANKS: usize = 4;
/// Sets of a first cache, by the lowest bits of a line's number, as far as they are told apart.
pub(super) const SETS: usize = 64;
/// Share of the lines in the fullest set from which on it is waited for, as many as come together by chance, and the share of one of
/// eight sets: fewer sets than these take little longer.
const FEW_SETS: [f64; 2] = [1.0 / 16.0, 1.0 / 8.0];
/// Lines that are looked at together; for sets twice as many, since those just before count too. Some 16 are under way, and as many go
/// before they are asked for; but an AMD EPYC 7003 does not wait for sets that eight rows fill one after the other, as columns of
/// 128 lines and an element do. Where a column ends lines of two sets are under way: it takes 2.9 ns for a line of its second cache if
/// 64 lines are in one set before the next 64 are, 3.2 with 128 and 3.7 with 256 (2026-12-01).
const TOGETHER: u32 = 32;
/// Fewer than these are in one bank or set by chance.
const LEAST: u32 = 6;
/// A set that has less than this of the lines takes no longer than four together; the half is halfway to all: see
/// [`Waits::Sets`].
const ONE_SET: f64 = 0.25;
/// From beyond the second cache two sets take as long as one: of an AMD EPYC 7003's last cache lines in one or two take 6 ns, in four
/// and eight 2.7, and in more 2 (2026-11-30; a second cache's 4.1, 2.7, 1.5 and 0.5).
const FARTHER: f64 = 2.0;

/// What lines wait for that come from few places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waits {
    /// Banks of the second cache. On an Intel Xeon (2026-11-30) independent loads of lines in random order took 0.42 ns each
    /// from its second cache, 0.65 if they used two banks and 0.94 in one, whichever other bits were the same, and 2.5, 3.5
    /// and 6.7 from the third: each bank has its own misses under way.
    Banks,
    /// Sets of the first cache. On an AMD EPYC 7003 (2026-11-30) a column whose lines are all in one of them takes 4.2 ns per line
    /// that the second cache has, which is what a dependent load takes; 2.7 in two, 1.5 in four and in eight and 0.5 in more: a set
    /// has one miss under way.
    Sets,
}

/// How the lines of an operand follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Pattern {
    /// The neighbour of the last line, or of one that this page gave shortly before: prefetchers run ahead.
    Stream,
    /// The same while other lines come between: of several streams more is under way than of one. An AMD EPYC 7003 reads one array
    /// from memory in 7.4 ns a line, and copies it in 6.0 (2026-11-30).
    Among,
    /// Another line of a page that gave one shortly before.
    Near,
    /// A page that gave none of late.
    Far,
    /// A line of a set that was filled several times of late, however it comes, in a bank of the second cache that has more
    /// than its share, or in one of few sets of the first ([`Waits`]): such lines wait for each other.
    Few,
    /// The same in one set of the first cache that has more than a quarter of the lines.
    One,
}

impl Pattern {
    /// Every pattern.
    pub const ALL: [Self; 6] = [Self::Stream, Self::Among, Self::Near, Self::Far, Self::Few, Self::One];

    /// Whether prefetchers bring the line.
    #[must_use]
    pub const fn is_prefetched(self) -> bool {
        matches!(self, Self::Stream | Self::Among)
    }
}

/// Whether a prefetcher that saw one of two lines brings the other.
pub(super) fn is_near(line: u64, last: u64) -> bool {
    line.abs_diff(last) <= 2
}

/// The pages that one operand used, the most recent first, each with its last line and how many before it were neighbours.
#[derive(Clone, Default)]
struct Streams(Vec<(u64, u64, u32)>);

impl Streams {
    /// How a line comes to a core of these prefetchers.
    fn meet(&mut self, line: u64, per_page: u64, of: &Fetching) -> Pattern {
        let page = line / per_page;
        let near = |last: u64| is_near(line, last);
        // A stream may just have come from the neighbouring page.
        let found = self.0.iter().position(|&(known, last, _)| known == page || near(last));
        let (pattern, neighbours) = match found.map(|at| self.0.remove(at)) {
            Some((_, last, before)) if near(last) => {
                let neighbours = before.saturating_add(u32::from(line != last));
                (if neighbours >= of.starts { Pattern::Stream } else { Pattern::Far }, neighbours)
            }
            Some(_) => (Pattern::Near, 0),
            None => (Pattern::Far, 0),
        };
        self.0.insert(0, (page, line, neighbours));
        self.0.truncate(of.streams);
        pattern
    }
}

/// A line that the first cache lacks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Missed {
    /// The operand that asked for it.
    pub operand: usize,
    /// Its number.
    pub line: u64,
    /// The level that has it, 0 being the second cache.
    pub level: usize,
    /// See [`Fetches::crowded`].
    pub crowded: bool,
    /// What is done with it.
    pub role: Role,
}

/// A line that was fetched.
#[derive(Clone, Copy)]
struct Fetched {
    line: u64,
    /// The access that did.
    at: u64,
    /// The level that it comes from, if further loads of it have to wait.
    from: Option<usize>,
}

/// What is fetched of the lines that a walk asks for.
#[derive(Clone)]
pub(super) struct Fetches {
    of: Fetching,
    /// Lines of a page that prefetchers stay in.
    per_page: u64,
    fetched: Vec<Fetched>,
    streams: Vec<Streams>,
    /// The last line that was fetched.
    last: u64,
    pub(super) counts: Counts,
}

impl Fetches {
    pub(super) fn new(levels: usize, operands: usize, of: Fetching, per_page: u64) -> Self {
        let fetched = vec![Fetched { line: u64::MAX, at: 0, from: None }; FETCHES];
        let streams = vec![Streams::default(); operands];
        Self { of, per_page, fetched, streams, last: u64::MAX, counts: Counts::of(levels, of.waits) }
    }

    /// Whether a line's set was filled several times of late, of the cache that matters where such lines wait.
    pub(super) const fn crowded(&self, served: &Served) -> bool {
        match self.counts.waits {
            Waits::Banks => served.crowded,
            Waits::Sets => served.crowded_first,
        }
    }

    /// Counts anew.
    pub(super) fn begin(&mut self) {
        self.counts = Counts::of(self.counts.lines.len(), self.counts.waits);
    }

    /// Tells of a line that access number `now` lacked.
    pub(super) fn miss(&mut self, missed: Missed, now: u64) {
        let (slot, line) = (slot_of(missed.line), missed.line);
        let is_under_way = self.is_under_way(line, now);
        if is_under_way && missed.role == Role::Read {
            return self.meet(line, now);
        }
        // Stores are done in turn: a line that has left is fetched for the next one again.
        let last = std::mem::replace(&mut self.last, line);
        let pattern = match self.streams[missed.operand].meet(line, self.per_page, &self.of) {
            Pattern::Stream if !is_near(line, last) => Pattern::Among,
            pattern => pattern,
        };
        self.counts.line(missed, pattern);
        if !is_under_way {
            let takes_long = self.of.buffer_per_load && missed.level > 0 && !pattern.is_prefetched();
            let from = takes_long.then_some(missed.level);
            self.fetched[slot] = Fetched { line, at: now, from };
        }
    }

    /// Tells of a load of a line that was asked for before, as access number `now`.
    pub(super) fn meet(&mut self, line: u64, now: u64) {
        if self.is_under_way(line, now)
            && let Some(level) = self.fetched[slot_of(line)].from
        {
            self.counts.again[level] += 1.0;
        }
    }

    fn is_under_way(&self, line: u64, now: u64) -> bool {
        let Fetched { line: known, at, .. } = self.fetched[slot_of(line)];
        known == line && now - at < self.of.under_way
    }
}

/// Where a line's fetch is remembered. Lines are often a power of two apart (multiplicative hashing: Knuth, TAOCP 3, 6.4).
fn slot_of(line: u64) -> usize {
    usize::try_from(line.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40).unwrap_or(0) % FETCHES
}

/// Lines by level and [`Pattern`], and those of them that are written: see [`Traffic::written`](super::Traffic::written).
#[derive(Clone)]
pub(super) struct Counts {
    waits: Waits,
    pub(super) lines: Vec<[f64; 6]>,
    pub(super) written: Vec<[f64; 5]>,
    /// See [`Traffic::again`](super::Traffic::again).
    pub(super) again: Vec<f64>,
    /// Lines since the last time that crowds were told apart.
    waiting: u32,
    crowds: Vec<Crowd>,
    /// Those that no prefetcher brings, by sets of the first cache; and the ones of the time before.
    sets: [Shares<SETS>; 2],
}

/// How lines are spread.
#[derive(Clone, Copy)]
pub(super) struct Shares<const N: usize>([u32; N]);

impl<const N: usize> Default for Shares<N> {
    fn default() -> Self {
        Self([0; N])
    }
}

impl<const N: usize> Shares<N> {
    pub(super) fn add(&mut self, line: u64) {
        self.0[line as usize % N] += 1;
    }

    /// Those and others.
    fn and(&self, others: Self) -> Self {
        Self(std::array::from_fn(|place| self.0[place] + others.0[place]))
    }

    /// The share of the place that has most of the lines.
    fn most(&self) -> f64 {
        let (all, most) = (self.0.iter().sum::<u32>(), self.0.iter().max().copied().unwrap_or(0));
        if all < LEAST { 0.0 } else { f64::from(most) / f64::from(all) }
    }

    /// Where that is between two others: 0 below them, 1 above.
    pub(super) fn between(&self, [few, many]: [f64; 2]) -> f64 {
        ((self.most() - few) / (many - few)).clamp(0.0, 1.0)
    }

    /// Where that is between another share and all of the lines by the logarithm: 0 below it, 1 where all are in one place.
    fn log_between(&self, few: f64) -> f64 {
        (1.0 - self.most().max(f64::MIN_POSITIVE).ln() / few.ln()).clamp(0.0, 1.0)
    }
}

/// The lines of one level among the last ones.
#[derive(Clone, Copy, Default)]
struct Crowd {
    /// Those that no prefetcher brings.
    banks: Shares<BANKS>,
    /// Of sets that were filled several times of late, by [`Pattern`]: streams as what they are, if sets are waited for; all others as
    /// far.
    lines: [u32; 6],
    /// Those of them that are updated.
    updated: u32,
    /// Those of them that are stored to and not read before.
    stored: u32,
    /// Lines that prefetchers have brought into this cache from farther off, and that wait here.
    brought: u32,
}

impl Counts {
    pub(super) fn of(levels: usize, waits: Waits) -> Self {
        Self {
            waits,
            lines: vec![[0.0; 6]; levels],
            written: vec![[0.0; 5]; levels],
            again: vec![0.0; levels],
            waiting: 0,
            crowds: vec![Crowd::default(); levels],
            sets: [Shares::default(); 2],
        }
    }

    fn line(&mut self, missed: Missed, pattern: Pattern) {
        let Missed { line, level, crowded, role, .. } = missed;
        let waits_for_sets = crowded && self.waits == Waits::Sets;
        if waits_for_sets && pattern.is_prefetched() && level > 0 && role == Role::Read {
            self.lines[level][pattern as usize] += 1.0;
            self.crowds[0].brought += 1;
        } else if crowded {
            let crowd = &mut self.crowds[level];
            let pattern = if waits_for_sets && pattern.is_prefetched() { pattern } else { Pattern::Far };
            crowd.lines[pattern as usize] += 1;
            crowd.updated += u32::from(role == Role::Update);
            crowd.stored += u32::from(role == Role::Write);
        } else {
            self.lines[level][pattern as usize] += 1.0;
            self.written[level][0] += f64::from(u8::from(role != Role::Read));
        }
        if crowded || !pattern.is_prefetched() {
            self.crowds[level].banks.add(line);
            self.sets[0].add(line);
        }
        self.waiting += 1;
        if self.waiting >= TOGETHER {
            self.tell_apart();
        }
    }

    /// Of the lines of crowded sets those wait that are in fewer places than others; these stay streams, or are as far as any.
    pub(super) fn tell_apart(&mut self) {
        let [now, before] = self.sets;
        let sets = now.and(before);
        self.sets = [Shares::default(), now];
        let (one_set, few_sets) = match self.waits {
            Waits::Banks => (0.0, 0.0),
            Waits::Sets => (sets.log_between(ONE_SET), sets.between(FEW_SETS)),
        };
        for (level, crowd) in self.crowds.iter_mut().enumerate() {
            let one_set = if level == 0 { one_set } else { (FARTHER * one_set).min(1.0) };
            let few = match self.waits {
                Waits::Banks => crowd.banks.between([1.0 / BANKS as f64, 1.0]),
                Waits::Sets => few_sets - one_set,
            };
            let [lines, updated, stored] = [crowd.lines.iter().sum(), crowd.updated, crowd.stored].map(f64::from);
            let others = 1.0 - few - one_set;
            self.lines[level]
                .iter_mut()
                .zip(crowd.lines)
                .for_each(|(count, lines)| *count += f64::from(lines) * others);
            for (pattern, share) in [(Pattern::Few, few), (Pattern::One, one_set)] {
                self.lines[level][pattern as usize] += (lines + f64::from(crowd.brought)) * share;
            }
            let groups =
                [(updated + stored) * others, updated * few, stored * few, updated * one_set, stored * one_set];
            self.written[level].iter_mut().zip(groups).for_each(|(count, more)| *count += more);
            *crowd = Crowd::default();
        }
        self.waiting = 0;
    }
}

#[cfg(test)]
#[path = "lines_tests.rs"]
mod tests;
