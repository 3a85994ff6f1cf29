//! What a nest asks of the memory system: lines per step, by the level that serves them and by how they come.

use super::lines::{Counts, Fetches, Missed};
use crate::nest::{LoopNest, Role};
use crate::simulate::{Geometry, Placed, Translations, Victims};

/// Accesses that are walked and counted at most.
const COUNTED: u64 = 2_000_000;
/// Accesses that are walked before, so that what is counted meets caches as a repeated pass leaves them.
const WARMED: u64 = 2_000_000;
/// Bytes of the pages that prefetchers stay in: they see physical addresses.
const PREFETCH_PAGE: u64 = 4096;
/// What differs between cores and is told by none of them: the curves choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Habit {
    /// Accesses that a core has under way: a line that was asked for so shortly before is still on its way or in a buffer, even
    /// if its set has been filled anew meanwhile. With some 500 instructions of reorder buffer and three to an access 150; 48
    /// on an AMD EPYC 7003, where of the lines of a column that is 16 rows high, all in one set, a third is asked for again,
    /// of one of 32 the half, and all of one of 48 (2026-11-30).
    pub under_way: u64,
    /// Which translations TLBs give up.
    pub victims: Victims,
}

impl Habit {
    /// Every combination: number `2 i + j` has the `i`th of the accesses under way and the `j`th of the victims.
    pub const ALL: [Self; UNDER_WAY.len() * VICTIMS.len()] = {
        let [many, few] = UNDER_WAY;
        let [drawn, oldest] = VICTIMS;
        [
            Self { under_way: many, victims: drawn },
            Self { under_way: many, victims: oldest },
            Self { under_way: few, victims: drawn },
            Self { under_way: few, victims: oldest },
        ]
    };
}

/// See [`Habit::under_way`].
const UNDER_WAY: [u64; 2] = [150, 48];
/// See [`Habit::victims`].
const VICTIMS: [Victims; 2] = [Victims::Drawn, Victims::Oldest];

/// What a nest asks of the memory system on a core of each [`Habit`].
pub type Traffics = [Traffic; Habit::ALL.len()];

/// Lines and translations per step of a nest on a core of one [`Habit`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Traffic {
    /// Lines per step that level number `1 + index` serves (0 is the second cache, the last one memory), by
    /// [`Pattern`](super::Pattern).
    pub lines: Vec<[f64; 5]>,
    /// Those of them that are written, and so have to be given back: of sets that are not crowded, and of those that wait for
    /// banks and for sets.
    pub written: Vec<[f64; 3]>,
    /// Translations per step that TLB number `1 + index` has, and last those that are looked up in the page tables.
    pub translations: Vec<f64>,
    /// The same in base pages, if the walk is in huge ones: a hypervisor whose own pages are small splits them.
    pub split: Vec<f64>,
    /// Executions of the innermost loop per step, or how many more than a floor has.
    pub runs: f64,
    /// Executions of the two innermost loops per step, or how many more; the loops around them are the slower part of a walk.
    pub blocks: f64,
}

/// A walk over nests with the machine that it goes through.
struct Walker {
    machine: Placed,
    line: u64,
    /// Accesses so far.
    now: u64,
    steps: u64,
    /// By [`UNDER_WAY`].
    fetches: [Fetches; 2],
    /// By [`VICTIMS`].
    whole: [Answered; 2],
    /// The same in base pages, asked if the walk is in huge ones.
    split: [Answered; 2],
    is_split: bool,
}

/// Translations by the TLB that answers.
struct Answered {
    tlbs: Translations,
    counts: Vec<f64>,
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
            self.steps += length;
            left = left.saturating_sub(length.saturating_mul(nest.operands().len() as u64));
            if left == 0 {
                break;
            }
        }
    }

    fn touch(&mut self, operand: usize, at: u64, size: u64, role: Role) {
        let written = role != Role::Read;
        for line in at / self.line..=(at + size.max(1) - 1) / self.line {
            let served = self.machine.access(line * self.line, written);
            self.now += 1;
            if let Some(level) = served.cache.checked_sub(1) {
                let missed = Missed { operand, line, level, crowded: served.crowded, written };
                self.fetches.iter_mut().for_each(|fetches| fetches.miss(missed, self.now));
            }
            let split = self.split.iter_mut().filter(|_| self.is_split);
            for answered in self.whole.iter_mut().chain(split) {
                if let Some(tlb) = answered.tlbs.access(line * self.line).checked_sub(1) {
                    answered.counts[tlb] += 1.0;
                }
            }
        }
    }

    /// Counts anew, in caches as they are.
    fn begin(&mut self, levels: usize) {
        self.steps = 0;
        self.fetches.iter_mut().for_each(|fetches| fetches.counts = Counts::of(levels));
        let answered = self.whole.iter_mut().chain(&mut self.split);
        answered.flat_map(|answered| &mut answered.counts).for_each(|count| *count = 0.0);
    }
}

/// Steps of the `count` innermost loops.
fn inner_steps(nest: &LoopNest, count: usize) -> f64 {
    let depth = nest.loops().len();
    (depth.saturating_sub(count)..depth).map(|inner| nest.max_extent(inner).max(1) as f64).product()
}

impl Traffic {
    /// Of a nest on caches of `geometry` in pages of `page` bytes, once passes repeat, per [`Habit`]. Every buffer begins on a
    /// page.
    ///
    /// A long nest is not walked whole: a stretch in its middle is counted after the stretch before it was walked; if the
    /// arrays fit the last cache, their lines are put there first.
    #[must_use]
    pub fn of(nest: &LoopNest, geometry: &Geometry, page: u64) -> Traffics {
        let bases: Vec<u64> = (1_u64..).take(nest.buffers().len()).map(|buffer| buffer << 40).collect();
        let levels = geometry.levels.len();
        let mut walker = Walker::new(geometry, page, nest.operands().len());
        let accesses = nest.steps().saturating_mul(nest.operands().len() as u64);
        if accesses <= COUNTED {
            // As many passes as there are levels, and the one that is counted, leave every level as all further ones do.
            for _ in 0..if accesses < COUNTED / 4 { levels } else { 1 } {
                walker.walk(nest, &bases, u64::MAX);
            }
            walker.begin(levels);
            walker.walk(nest, &bases, u64::MAX);
        } else {
            walker.fill(nest, geometry, &bases);
            let parts = usize::try_from(accesses / COUNTED + 1).unwrap_or(usize::MAX);
            let parts = nest.split(parts).unwrap_or_else(|_| vec![nest.clone()]);
            let middle = parts.len() / 2;
            walker.walk(&parts[middle.saturating_sub(1)], &bases, WARMED);
            walker.begin(levels);
            walker.walk(&parts[middle], &bases, COUNTED);
        }
        walker.fetches.iter_mut().for_each(|fetches| fetches.counts.tell_apart());
        let loops = Self::loops(nest);
        std::array::from_fn(|habit| walker.traffic(habit, loops))
    }

    /// Executions of the innermost loop per step, and of the two innermost ones.
    #[must_use]
    pub fn loops(nest: &LoopNest) -> [f64; 2] {
        [1, 2].map(|count| 1.0 / inner_steps(nest, count))
    }

    /// The same per element, of a walk that takes so many at a step.
    #[must_use]
    pub fn per(mut self, elements: u64) -> Self {
        let lines = self.lines.iter_mut().flatten().chain(self.written.iter_mut().flatten());
        let translations = self.translations.iter_mut().chain(&mut self.split);
        lines
            .chain(translations)
            .chain([&mut self.runs, &mut self.blocks])
            .for_each(|count| *count /= elements.max(1) as f64);
        self
    }

    /// Lines per step that do not come from the first cache.
    #[must_use]
    pub fn misses(&self) -> f64 {
        self.lines.iter().flatten().sum()
    }
}

impl Walker {
    fn new(geometry: &Geometry, page: u64, operands: usize) -> Self {
        let (levels, per_page) = (geometry.levels.len(), PREFETCH_PAGE / geometry.line());
        let answered = |page: u64| {
            VICTIMS.map(|victims| Answered {
                tlbs: Translations::new(&geometry.tlbs, page, victims, 1),
                counts: vec![0.0; geometry.tlbs.len()],
            })
        };
        Self {
            machine: Placed::new(geometry, page, 1),
            line: geometry.line(),
            now: 0,
            steps: 0,
            fetches: UNDER_WAY.map(|under_way| Fetches::new(levels, operands, under_way, per_page)),
            whole: answered(page),
            split: answered(geometry.page),
            is_split: page > geometry.page,
        }
    }

    /// What was counted, per step, on a core of the [`Habit`] of this number.
    fn traffic(&self, habit: usize, [runs, blocks]: [f64; 2]) -> Traffic {
        let per = |count: f64| count / self.steps.max(1) as f64;
        let Counts { lines, written, .. } = &self.fetches[habit / VICTIMS.len()].counts;
        let [translations, split] = [&self.whole, &self.split]
            .map(|answered| answered[habit % VICTIMS.len()].counts.iter().copied().map(per).collect());
        Traffic {
            lines: lines.iter().map(|level| level.map(per)).collect(),
            written: written.iter().map(|level| level.map(per)).collect(),
            translations,
            split,
            runs,
            blocks,
        }
    }

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
    use super::super::Pattern;
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

    /// On a core that has much under way and whose TLBs draw.
    fn traffic(nest: &LoopNest, page: u64) -> Traffic {
        let [first, ..] = Traffic::of(nest, &zen3(), page);
        first
    }

    #[test]
    fn rows_stream_and_columns_are_far() {
        let rows = traffic(&sum(4096, 4096, "0,1"), 4096);
        let [stream, near, far, ..] = rows.lines[2];
        assert!((stream - 0.125).abs() < 0.002 && near < 0.001 && far < 0.001, "{rows:?}");
        let columns = traffic(&sum(4096, 4096, "1,0"), 4096);
        // A line is used by eight columns: the last level keeps it, since its sets are strewn.
        assert!((columns.misses() - 1.0).abs() < 0.01 && columns.lines[1][Pattern::Set as usize] > 0.8, "{columns:?}");
        // 4,096 pages, whose translations 2,048 entries keep a fifth of (e^-1.6).
        assert!((columns.translations[1] - 0.8).abs() < 0.02, "{columns:?}");
        let huge = traffic(&sum(4096, 4096, "1,0"), 2 << 20);
        assert!(huge.translations[1] < 0.01, "{huge:?}");
    }

    #[test]
    fn what_fits_is_served_where_it_fits() {
        let small = traffic(&sum(32, 64, "1,0"), 4096);
        assert!(small.misses() < 1e-12 && small.translations == [0.0, 0.0], "{small:?}");
        assert!((small.runs - 1.0 / 32.0).abs() < 1e-12);
        let second = traffic(&sum(128, 128, "0,1"), 4096);
        assert!((second.lines[0][0] - 0.125).abs() < 0.02, "{second:?}");
        // Eight megabytes: filled into the third cache, though only a part is walked.
        let third = traffic(&sum(2048, 2048, "1,0"), 2 << 20);
        assert!((third.lines[1].iter().sum::<f64>() - 1.0).abs() < 0.05, "{third:?}");
    }

    #[test]
    fn written_lines_are_told_of() {
        let array = Layout::contiguous(&[1024, 1024], 8, Order::C).unwrap();
        let nest = LoopNest::of_layouts(&[(&array, Role::Write)], &"0,1".parse().unwrap()).unwrap();
        let traffic = traffic(&nest, 4096);
        assert!((traffic.written.iter().flatten().sum::<f64>() - 0.125).abs() < 0.01, "{traffic:?}");
    }

    /// A column of 32 rows, a power of two apart, overflows its set of the first cache; but the column after it comes while
    /// its lines are under way, the one after five of these does not.
    #[test]
    fn lines_under_way_are_not_fetched_again() {
        let column = |rows, habit: usize| Traffic::of(&sum(rows, 512, "1,0"), &zen3(), 2 << 20)[habit].misses();
        let close = |rows, habit, misses: f64| {
            let found = column(rows, habit);
            assert!((found - misses).abs() < 0.01, "{rows} {habit}: {found}");
        };
        close(32, 0, 0.25);
        close(256, 0, 1.0);
        // With 48 accesses under way, of eight columns the first, the fourth and the seventh.
        close(16, 2, 3.0 / 8.0);
        close(32, 2, 0.5);
        close(48, 2, 1.0);
    }

    /// Of 4,096 pages in huge ones none is looked up, unless what lies below splits them.
    #[test]
    fn huge_pages_may_be_split_below() {
        let huge = traffic(&sum(4096, 4096, "1,0"), 2 << 20);
        assert!(huge.translations[1] < 0.01 && (huge.split[1] - 0.8).abs() < 0.02, "{huge:?}");
        let base = traffic(&sum(4096, 4096, "1,0"), 4096);
        assert!(base.split == [0.0, 0.0], "{base:?}");
        // Where the oldest goes, a cycle of twice the entries finds none.
        let oldest = &Traffic::of(&sum(4096, 4096, "1,0"), &zen3(), 4096)[1];
        assert!((oldest.translations[1] - 1.0).abs() < 0.01, "{oldest:?}");
    }

    /// Sixteen rows walked by columns: sixteen streams that a prefetcher follows.
    #[test]
    fn a_few_pages_in_turn_are_streams() {
        let turns = traffic(&sum(16, 65_536, "1,0"), 4096);
        let all: f64 = turns.misses();
        let streams: f64 = turns.lines.iter().map(|level| level[0]).sum();
        assert!(streams > 0.95 * all, "{turns:?}");
    }
}
