//! The lines that a walk brings into the first cache, by the level that serves them and by how they come.

/// Pages whose last line a prefetcher remembers: between the 16 streams of older cores and the 64 of newer ones.
const STREAMS: usize = 32;
/// Lines whose last fetch is remembered, by a hash.
const FETCHES: usize = 4096;
/// Banks of a second cache, by the lowest bits of a line's number. On an Intel Xeon (2026-11-30) independent loads of lines in
/// random order took 0.42 ns each from its second cache, 0.65 if they used two banks and 0.94 in one, whichever other bits
/// were the same, and 2.5, 3.5 and 6.7 from the third: each bank has its own misses under way.
const BANKS: usize = 4;
/// Sets of a first cache, by the lowest bits of a line's number, as far as they are told apart. On an AMD EPYC 7003
/// (2026-11-30) a column whose lines are all in one set of the first cache takes 3.4 ns per line that the second has, which is
/// what a dependent load takes; 1.3 over eight sets, 0.7 over sixteen and 0.5 over more: a set has one miss under way.
const SETS: usize = 64;
/// Lines that wait for each other: some 16 are under way, and as many go before they are asked for.
const WAITING: u32 = 32;
/// Fewer than these are in one bank or set by chance.
const LEAST: u32 = 6;
/// A set that has less than this of the lines is waited for no longer than all of them take.
const FEW: f64 = 0.25;

/// How the lines of an operand follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Pattern {
    /// The neighbour of a line that this page gave shortly before: prefetchers run ahead.
    Stream,
    /// Another line of a page that gave one shortly before.
    Near,
    /// A page that gave none of late.
    Far,
    /// A line of a set that was filled several times of late, however it comes, in a bank of the second cache that has more
    /// than its share: such lines wait for each other.
    Bank,
    /// The same in a set of the first cache that has more than a quarter of the lines, whatever level serves them.
    Set,
}

impl Pattern {
    /// Every pattern.
    pub const ALL: [Self; 5] = [Self::Stream, Self::Near, Self::Far, Self::Bank, Self::Set];
}

/// The last lines of the pages that one operand used, the most recent first.
#[derive(Clone, Default)]
struct Streams(Vec<(u64, u64)>);

impl Streams {
    fn meet(&mut self, line: u64, per_page: u64) -> Pattern {
        let page = line / per_page;
        let near = |last: u64| line.abs_diff(last) <= 2;
        // A stream may just have come from the neighbouring page.
        let found = self.0.iter().position(|&(known, last)| known == page || near(last));
        let pattern = match found.map(|at| self.0.remove(at)) {
            Some((_, last)) if near(last) => Pattern::Stream,
            Some(_) => Pattern::Near,
            None => Pattern::Far,
        };
        self.0.insert(0, (page, line));
        self.0.truncate(STREAMS);
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
    /// Whether its set was filled several times of late.
    pub crowded: bool,
    pub written: bool,
}

/// What is fetched if a line that was asked for so many accesses ago is still under way.
#[derive(Clone)]
pub(super) struct Fetches {
    under_way: u64,
    /// Lines of a page that prefetchers stay in.
    per_page: u64,
    /// The lines that were fetched, with the access that did.
    fetched: Vec<(u64, u64)>,
    streams: Vec<Streams>,
    pub(super) counts: Counts,
}

impl Fetches {
    pub(super) fn new(levels: usize, operands: usize, under_way: u64, per_page: u64) -> Self {
        let (fetched, streams) = (vec![(u64::MAX, 0); FETCHES], vec![Streams::default(); operands]);
        Self { under_way, per_page, fetched, streams, counts: Counts::of(levels) }
    }

    /// Tells of a line that access number `now` lacked.
    pub(super) fn miss(&mut self, missed: Missed, now: u64) {
        // Stores are done in turn: a line that has left is fetched for the next one again.
        if self.is_fetched(missed.line, now) || missed.written {
            let pattern = self.streams[missed.operand].meet(missed.line, self.per_page);
            self.counts.line(missed, pattern);
        }
    }

    /// Whether the line has to be fetched, or is under way.
    fn is_fetched(&mut self, line: u64, now: u64) -> bool {
        // Lines are often a power of two apart (multiplicative hashing: Knuth, TAOCP 3, 6.4).
        let slot = usize::try_from(line.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40).unwrap_or(0) % FETCHES;
        let (known, at) = self.fetched[slot];
        let anew = known != line || now - at >= self.under_way;
        if anew {
            self.fetched[slot] = (line, now);
        }
        anew
    }
}

/// Lines by level and [`Pattern`], and those of them that are written: of sets that are not crowded, and of those that wait for
/// banks and for sets.
#[derive(Clone, Default)]
pub(super) struct Counts {
    pub(super) lines: Vec<[f64; 5]>,
    pub(super) written: Vec<[f64; 3]>,
    /// Lines since the last time that crowds were told apart.
    waiting: u32,
    crowds: Vec<Crowd>,
    /// Those that no prefetcher brings, by sets of the first cache.
    sets: Shares<SETS>,
}

/// How lines are spread.
#[derive(Clone, Copy)]
struct Shares<const N: usize>([u32; N]);

impl<const N: usize> Default for Shares<N> {
    fn default() -> Self {
        Self([0; N])
    }
}

impl<const N: usize> Shares<N> {
    fn add(&mut self, line: u64) {
        self.0[line as usize % N] += 1;
    }

    /// By how much the place that has most of the lines has more than `few` of them: 0 then, and 1 if it has all.
    fn beyond(&self, few: f64) -> f64 {
        let (all, most) = (self.0.iter().sum::<u32>(), self.0.iter().max().copied().unwrap_or(0));
        if all < LEAST { 0.0 } else { ((f64::from(most) / f64::from(all) - few) / (1.0 - few)).max(0.0) }
    }
}

/// The lines of one level among the last ones.
#[derive(Clone, Copy, Default)]
struct Crowd {
    /// Those that no prefetcher brings.
    banks: Shares<BANKS>,
    /// Of sets that were filled several times of late.
    lines: u32,
    /// Those of them that are written.
    written: u32,
}

impl Counts {
    pub(super) fn of(levels: usize) -> Self {
        Self {
            lines: vec![[0.0; 5]; levels],
            written: vec![[0.0; 3]; levels],
            crowds: vec![Crowd::default(); levels],
            ..Self::default()
        }
    }

    fn line(&mut self, missed: Missed, pattern: Pattern) {
        let Missed { line, level, crowded, written, .. } = missed;
        let crowd = &mut self.crowds[level];
        if crowded {
            crowd.lines += 1;
            crowd.written += u32::from(written);
        } else {
            self.lines[level][pattern as usize] += 1.0;
            self.written[level][0] += f64::from(u8::from(written));
        }
        if crowded || pattern != Pattern::Stream {
            crowd.banks.add(line);
            self.sets.add(line);
        }
        self.waiting += 1;
        if self.waiting >= WAITING {
            self.tell_apart();
        }
    }

    /// Of crowded sets' lines those wait that are more than a quarter of all in their set, or than their bank's share of their level's; the others are as far as any.
    pub(super) fn tell_apart(&mut self) {
        let sets = std::mem::take(&mut self.sets).beyond(FEW);
        for (level, crowd) in self.crowds.iter_mut().enumerate() {
            let banks = (crowd.banks.beyond(1.0 / BANKS as f64) - sets).max(0.0);
            let (lines, written) = (f64::from(crowd.lines), f64::from(crowd.written));
            for (pattern, group, share) in
                [(Pattern::Far, 0, 1.0 - sets - banks), (Pattern::Bank, 1, banks), (Pattern::Set, 2, sets)]
            {
                self.lines[level][pattern as usize] += lines * share;
                self.written[level][group] += written * share;
            }
            *crowd = Crowd::default();
        }
        self.waiting = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missed(line: u64, level: usize, crowded: bool, written: bool) -> Missed {
        Missed { operand: 0, line, level, crowded, written }
    }

    /// Lines of one set or bank wait for each other, those of all banks do not, and two banks share what there is.
    #[test]
    fn crowds_are_told_apart_by_sets_and_banks() {
        let crowded = |step: u64| {
            let mut counts = Counts::of(3);
            (0..64).for_each(|line| counts.line(missed(line * step, 0, true, false), Pattern::Far));
            counts.tell_apart();
            assert!((counts.lines[0].iter().sum::<f64>() - 64.0).abs() < 1e-9);
            [Pattern::Bank, Pattern::Set].map(|pattern| counts.lines[0][pattern as usize] / 64.0)
        };
        let close = |[a, b]: [f64; 2], [c, d]: [f64; 2]| (a - c).abs() < 1e-9 && (b - d).abs() < 1e-9;
        assert!(close(crowded(1), [0.0, 0.0]), "{:?}", crowded(1));
        assert!(close(crowded(2), [1.0 / 3.0, 0.0]), "{:?}", crowded(2));
        assert!(close(crowded(4), [1.0, 0.0]), "{:?}", crowded(4));
        // Two sets of one bank.
        assert!(close(crowded(32), [2.0 / 3.0, 1.0 / 3.0]), "{:?}", crowded(32));
        assert!(close(crowded(64), [0.0, 1.0]), "{:?}", crowded(64));
        // Lines of sets that are not crowded keep their pattern, in whatever bank.
        let mut counts = Counts::of(3);
        (0..64).for_each(|line| counts.line(missed(line * 4, 1, false, true), Pattern::Near));
        counts.tell_apart();
        assert!((counts.lines[1][Pattern::Near as usize] - 64.0).abs() < 1e-9);
        assert!((counts.written[1][0] - 64.0).abs() < 1e-9);
    }
}
