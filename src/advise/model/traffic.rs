//! What a nest asks of the memory system: lines per step, by the level that serves them and by how they come.

use crate::nest::{LoopNest, Role};
use crate::simulate::{Geometry, Placed};

/// Accesses that are walked and counted at most.
const COUNTED: u64 = 2_000_000;
/// Accesses that are walked before, so that what is counted meets caches as a repeated pass leaves them.
const WARMED: u64 = 2_000_000;
/// Pages whose last line a prefetcher remembers: between the 16 streams of older cores and the 64 of newer ones.
const STREAMS: usize = 32;
/// Accesses that a core has under way: a line that was asked for so shortly before is still on its way or in a buffer, even
/// if its set has been filled anew meanwhile. Some 500 instructions of reorder buffer, three to an access.
const UNDER_WAY: u64 = 150;
/// Lines whose last fetch is remembered, by a hash.
const FETCHES: usize = 4096;
/// Bytes of the pages that prefetchers stay in: they see physical addresses.
const PREFETCH_PAGE: u64 = 4096;
/// Banks of a second cache, by the lowest bits of a line's number. On an Intel Xeon (2026-11-30) independent loads of lines in
/// random order took 0.42 ns each from its second cache, 0.65 if they used two banks and 0.94 in one, whichever other bits
/// were the same, and 2.5, 3.5 and 6.7 from the third: each bank has its own misses under way.
const BANKS: usize = 4;
/// Lines that wait for each other's banks: some 16 are under way, and as many go before they are asked for.
const WAITING: u32 = 32;
/// Fewer than these are in one bank by chance.
const LEAST: u32 = 6;

/// How the lines of an operand follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Pattern {
    /// The neighbour of a line that this page gave shortly before: prefetchers run ahead.
    Stream,
    /// Another line of a page that gave one shortly before.
    Near,
    /// A page that gave none of late.
    Far,
    /// A line of a set that was filled several times of late, however it comes, in a bank that has more than its share: such
    /// lines wait for each other.
    Crowded,
}

impl Pattern {
    /// Every pattern.
    pub const ALL: [Self; 4] = [Self::Stream, Self::Near, Self::Far, Self::Crowded];
}

/// Lines and translations per step of a nest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Traffic {
    /// Lines per step that level number `1 + index` serves (0 is the second cache, the last one memory), by [`Pattern`].
    pub lines: Vec<[f64; 4]>,
    /// Those of them that are written, and so have to be given back: of sets that are not crowded, and of crowded ones.
    pub written: Vec<[f64; 2]>,
    /// Translations per step that TLB number `1 + index` has, and last those that are looked up in the page tables.
    pub translations: Vec<f64>,
    /// Executions of the innermost loop per step, or how many more than a floor has.
    pub runs: f64,
    /// Executions of the two innermost loops per step, or how many more; the loops around them are the slower part of a walk.
    pub blocks: f64,
}

/// The last lines of the pages that one operand used, the most recent first.
#[derive(Default)]
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

/// A walk over nests with the machine that it goes through.
struct Walker {
    machine: Placed,
    streams: Vec<Streams>,
    line: u64,
    /// Accesses so far, and the lines that were fetched with the access that did.
    now: u64,
    fetched: Vec<(u64, u64)>,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    steps: u64,
    lines: Vec<[f64; 4]>,
    written: Vec<[f64; 2]>,
    translations: Vec<u64>,
    /// Lines since the last time that crowds were told apart by banks.
    waiting: u32,
    crowds: Vec<Crowd>,
}

/// The lines of one level that no prefetcher brings, among the last ones.
#[derive(Clone, Copy, Default)]
struct Crowd {
    banks: [u32; BANKS],
    /// Of sets that were filled several times of late.
    lines: u32,
    /// Those of them that are written.
    written: u32,
}

impl Crowd {
    /// Share of the lines that are beyond what their bank has if all have alike: 0 then, and 1 if all are in one.
    fn beyond(&self) -> f64 {
        let (all, most) = (self.banks.iter().sum::<u32>(), self.banks.iter().max().copied().unwrap_or(0));
        let banks = BANKS as f64;
        if all < LEAST { 0.0 } else { (banks * f64::from(most) / f64::from(all) - 1.0) / (banks - 1.0) }
    }
}

impl Counts {
    fn of(geometry: &Geometry) -> Self {
        let levels = geometry.levels.len();
        Self {
            lines: vec![[0.0; 4]; levels],
            written: vec![[0.0; 2]; levels],
            translations: vec![0; geometry.tlbs.len()],
            crowds: vec![Crowd::default(); levels],
            ..Self::default()
        }
    }

    /// Counts a line that `level` serves, by its number.
    fn line(&mut self, level: usize, line: u64, pattern: Pattern, crowded: bool, written: bool) {
        let crowd = &mut self.crowds[level];
        if crowded {
            crowd.lines += 1;
            crowd.written += u32::from(written);
        } else {
            self.lines[level][pattern as usize] += 1.0;
            self.written[level][0] += f64::from(u8::from(written));
        }
        if crowded || pattern != Pattern::Stream {
            crowd.banks[line as usize % BANKS] += 1;
        }
        self.waiting += 1;
        if self.waiting >= WAITING {
            self.tell_apart();
        }
    }

    /// Of crowded sets' lines those wait that are more than their bank's share; the others are as far as any.
    fn tell_apart(&mut self) {
        for (level, crowd) in self.crowds.iter_mut().enumerate() {
            let beyond = crowd.beyond();
            for (pattern, share) in [(Pattern::Crowded, beyond), (Pattern::Far, 1.0 - beyond)] {
                self.lines[level][pattern as usize] += f64::from(crowd.lines) * share;
                self.written[level][usize::from(pattern == Pattern::Crowded)] += f64::from(crowd.written) * share;
            }
            *crowd = Crowd::default();
        }
        self.waiting = 0;
    }
}

impl Walker {
    /// Walks the runs of a nest until `most` accesses are done.
    fn walk(&mut self, nest: &LoopNest, bases: &[u64], most: u64) {
        let (mut runs, steps) = (nest.runs(), nest.inner_steps());
        let hoisted: Vec<bool> = (0..nest.operands().len()).map(|operand| nest.is_hoisted(operand)).collect();
        let mut left = most;
        while let Some(length) = runs.advance() {
            let length = u64::try_from(length).unwrap_or(u64::MAX);
            for i in 0..length {
                for (number, operand) in nest.operands().iter().enumerate() {
                    if hoisted[number] && i > 0 {
                        continue;
                    }
                    let ahead = runs.at()[number].wrapping_add(steps[number].wrapping_mul(i.cast_signed()));
                    let at = bases[operand.buffer].wrapping_add_signed(ahead);
                    self.touch(number, at, operand.itemsize as u64, operand.role);
                }
            }
            self.counts.steps += length;
            left = left.saturating_sub(length.saturating_mul(nest.operands().len() as u64));
            if left == 0 {
                break;
            }
        }
    }

    fn touch(&mut self, operand: usize, at: u64, size: u64, role: Role) {
        for line in at / self.line..=(at + size.max(1) - 1) / self.line {
            let served = self.machine.access(line * self.line, role != Role::Read);
            self.now += 1;
            // Stores are done in turn: a line that has left is fetched for the next one again.
            if let Some(level) = served.cache.checked_sub(1)
                && (self.fetch(line) || role != Role::Read)
            {
                let pattern = self.streams[operand].meet(line, PREFETCH_PAGE / self.line);
                self.counts.line(level, line, pattern, served.crowded, role != Role::Read);
            }
            if let Some(tlb) = served.tlb.checked_sub(1) {
                self.counts.translations[tlb] += 1;
            }
        }
    }

    /// Whether a line that the first cache lacks has to be fetched, or is under way.
    fn fetch(&mut self, line: u64) -> bool {
        // Lines are often a power of two apart (multiplicative hashing: Knuth, TAOCP 3, 6.4).
        let slot = usize::try_from(line.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40).unwrap_or(0) % FETCHES;
        let (known, at) = self.fetched[slot];
        let anew = known != line || self.now - at >= UNDER_WAY;
        if anew {
            self.fetched[slot] = (line, self.now);
        }
        anew
    }
}

/// Steps of the `count` innermost loops.
fn inner_steps(nest: &LoopNest, count: usize) -> f64 {
    let depth = nest.loops().len();
    (depth.saturating_sub(count)..depth).map(|inner| nest.max_extent(inner).max(1) as f64).product()
}

impl Traffic {
    /// Of a nest on caches of `geometry` in pages of `page` bytes, once passes repeat. Every buffer begins on a page.
    ///
    /// A long nest is not walked whole: a stretch in its middle is counted after the stretch before it was walked; if the
    /// arrays fit the last cache, their lines are put there first.
    #[must_use]
    pub fn of(nest: &LoopNest, geometry: &Geometry, page: u64) -> Self {
        let bases: Vec<u64> = (1_u64..).take(nest.buffers().len()).map(|buffer| buffer << 40).collect();
        let streams = nest.operands().iter().map(|_| Streams::default()).collect();
        let machine = Placed::new(geometry, page, 1);
        let fetched = vec![(u64::MAX, 0); FETCHES];
        let (line, counts) = (geometry.line(), Counts::of(geometry));
        let mut walker = Walker { machine, streams, line, now: 0, fetched, counts };
        let accesses = nest.steps().saturating_mul(nest.operands().len() as u64);
        if accesses <= COUNTED {
            // Two passes more than there are levels leave every level as all further ones do.
            for _ in 0..if accesses < COUNTED / 4 { geometry.levels.len() } else { 1 } {
                walker.walk(nest, &bases, u64::MAX);
            }
            walker.counts = Counts::of(geometry);
            walker.walk(nest, &bases, u64::MAX);
        } else {
            walker.fill(nest, geometry, &bases);
            let parts = usize::try_from(accesses / COUNTED + 1).unwrap_or(usize::MAX);
            let parts = nest.split(parts).unwrap_or_else(|_| vec![nest.clone()]);
            let middle = parts.len() / 2;
            walker.walk(&parts[middle.saturating_sub(1)], &bases, WARMED);
            walker.counts = Counts::of(geometry);
            walker.walk(&parts[middle], &bases, COUNTED);
        }
        walker.counts.tell_apart();
        let Counts { steps, lines, written, translations, .. } = walker.counts;
        let [runs, blocks] = Self::loops(nest);
        let per = |count: f64| count / steps.max(1) as f64;
        Self {
            lines: lines.into_iter().map(|level| level.map(per)).collect(),
            written: written.into_iter().map(|level| level.map(per)).collect(),
            translations: translations.into_iter().map(|count| per(count as f64)).collect(),
            runs,
            blocks,
        }
    }

    /// Executions of the innermost loop per step, and of the two innermost ones.
    #[must_use]
    pub fn loops(nest: &LoopNest) -> [f64; 2] {
        [1, 2].map(|count| 1.0 / inner_steps(nest, count))
    }

    /// The same per element, of a walk that takes so many at a step.
    #[must_use]
    pub fn per(mut self, elements: u64) -> Self {
        let all =
            self.lines.iter_mut().flatten().chain(self.written.iter_mut().flatten()).chain(&mut self.translations);
        all.chain([&mut self.runs, &mut self.blocks]).for_each(|count| *count /= elements.max(1) as f64);
        self
    }

    /// Lines per step that do not come from the first cache.
    #[must_use]
    pub fn misses(&self) -> f64 {
        self.lines.iter().flatten().sum()
    }
}

impl Walker {
    /// Every line of the arrays once, if the last cache holds them all.
    fn fill(&mut self, nest: &LoopNest, geometry: &Geometry, bases: &[u64]) {
        let last = geometry.levels.last().map_or(0, |level| level.bytes);
        if nest.buffers().iter().sum::<u64>() > last {
            return;
        }
        for (&base, &bytes) in bases.iter().zip(nest.buffers()) {
            for at in (base..base + bytes).step_by(usize::try_from(self.line).unwrap_or(64)) {
                self.machine.access(at, false);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::{Layout, Order};

    fn zen3() -> Geometry {
        let caches = Geometry::parse_caches("l1=32K:8:64,l2=512K:8:64,l3=32M:16:64").unwrap();
        Geometry::new(caches, Geometry::parse_tlbs("l1=64,l2=2048:8").unwrap(), 4096, "test").unwrap()
    }

    fn sum(rows: usize, columns: usize, order: &str) -> LoopNest {
        let array = Layout::contiguous(&[rows, columns], 8, Order::C).unwrap();
        LoopNest::of_layouts(&[(&array, Role::Read)], &order.parse().unwrap()).unwrap()
    }

    #[test]
    fn rows_stream_and_columns_are_far() {
        let rows = Traffic::of(&sum(4096, 4096, "0,1"), &zen3(), 4096);
        let [stream, near, far, _] = rows.lines[2];
        assert!((stream - 0.125).abs() < 0.002 && near < 0.001 && far < 0.001, "{rows:?}");
        let columns = Traffic::of(&sum(4096, 4096, "1,0"), &zen3(), 4096);
        // A line is used by eight columns: the last level keeps it, since its sets are strewn.
        assert!((columns.misses() - 1.0).abs() < 0.01 && columns.lines[1][3] > 0.8, "{columns:?}");
        // 4,096 pages, whose translations 2,048 entries keep a fifth of (e^-1.6).
        assert!((columns.translations[1] - 0.8).abs() < 0.02, "{columns:?}");
        let huge = Traffic::of(&sum(4096, 4096, "1,0"), &zen3(), 2 << 20);
        assert!(huge.translations[1] < 0.01, "{huge:?}");
    }

    #[test]
    fn what_fits_is_served_where_it_fits() {
        let small = Traffic::of(&sum(32, 64, "1,0"), &zen3(), 4096);
        assert!(small.misses() < 1e-12 && small.translations == [0.0, 0.0], "{small:?}");
        assert!((small.runs - 1.0 / 32.0).abs() < 1e-12);
        let second = Traffic::of(&sum(128, 128, "0,1"), &zen3(), 4096);
        assert!((second.lines[0][0] - 0.125).abs() < 0.02, "{second:?}");
        // Eight megabytes: filled into the third cache, though only a part is walked.
        let third = Traffic::of(&sum(2048, 2048, "1,0"), &zen3(), 2 << 20);
        assert!((third.lines[1].iter().sum::<f64>() - 1.0).abs() < 0.05, "{third:?}");
    }

    #[test]
    fn written_lines_are_told_of() {
        let array = Layout::contiguous(&[1024, 1024], 8, Order::C).unwrap();
        let nest = LoopNest::of_layouts(&[(&array, Role::Write)], &"0,1".parse().unwrap()).unwrap();
        let traffic = Traffic::of(&nest, &zen3(), 4096);
        assert!((traffic.written.iter().flatten().sum::<f64>() - 0.125).abs() < 0.01, "{traffic:?}");
    }

    /// A column of 32 rows, a power of two apart, overflows its set of the first cache; but the column after it comes while
    /// its lines are under way, the one after five of these does not.
    #[test]
    fn lines_under_way_are_not_fetched_again() {
        let column = |rows| Traffic::of(&sum(rows, 512, "1,0"), &zen3(), 2 << 20).misses();
        assert!((column(32) - 0.25).abs() < 0.01, "{}", column(32));
        assert!((column(256) - 1.0).abs() < 0.01, "{}", column(256));
    }

    /// Lines of one bank wait for each other, those of all banks do not, and two banks share what there is.
    #[test]
    fn crowds_are_told_apart_by_banks() {
        let crowded = |step: u64| {
            let mut counts = Counts::of(&zen3());
            (0..64).for_each(|line| counts.line(0, line * step, Pattern::Far, true, false));
            counts.tell_apart();
            assert!((counts.lines[0].iter().sum::<f64>() - 64.0).abs() < 1e-9);
            counts.lines[0][Pattern::Crowded as usize] / 64.0
        };
        assert!(crowded(1) < 1e-9 && (crowded(2) - 1.0 / 3.0).abs() < 1e-9 && (crowded(4) - 1.0).abs() < 1e-9);
        // Lines of sets that are not crowded keep their pattern, in whatever bank.
        let mut counts = Counts::of(&zen3());
        (0..64).for_each(|line| counts.line(1, line * 4, Pattern::Near, false, true));
        counts.tell_apart();
        assert!((counts.lines[1][Pattern::Near as usize] - 64.0).abs() < 1e-9);
        assert!((counts.written[1][0] - 64.0).abs() < 1e-9);
    }

    /// Sixteen rows walked by columns: sixteen streams that a prefetcher follows.
    #[test]
    fn a_few_pages_in_turn_are_streams() {
        let turns = Traffic::of(&sum(16, 65_536, "1,0"), &zen3(), 4096);
        let all: f64 = turns.misses();
        let streams: f64 = turns.lines.iter().map(|level| level[0]).sum();
        assert!(streams > 0.95 * all, "{turns:?}");
    }
}
