//! What a nest asks of the memory system: lines per step, by the level that serves them and by how they come.

use super::habit::{FETCHING, Fetching, Habit, VICTIMS};
use super::lines::{Counts, Fetches, Missed, Past, is_near};
use crate::kernel::Stores;
use crate::nest::{LoopNest, Role};
use crate::simulate::{Geometry, Placed, Translations, Victims};

/// Accesses that are walked and counted at most.
const COUNTED: u64 = 1_000_000;
/// Accesses that are walked before, so that what is counted meets caches as a repeated pass leaves them.
const WARMED: u64 = 1_000_000;
/// Bytes of the pages that prefetchers stay in: they see physical addresses.
const PREFETCH_PAGE: u64 = 4096;

/// What a nest asks of the memory system on a core of each [`Habit`].
pub type Traffics = [Traffic; Habit::ALL.len()];

/// Lines and translations per step of a nest on a core of one [`Habit`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Traffic {
    /// Lines per step that level number `1 + index` serves (0 is the second cache, the last one memory), by
    /// [`Pattern`](super::Pattern).
    pub lines: Vec<[f64; 6]>,
    /// Those of them that are written, and so have to be given back: of sets that are not crowded; of a few places that are waited
    /// for, updated and stored to; and of one set, updated and stored to.
    pub written: Vec<[f64; 5]>,
    /// Lines that are stored past the caches: those that follow the one before, and others.
    pub past: [f64; 2],
    /// Translations per step that TLB number `1 + index` has, and last those that are looked up in the page tables; but for those of
    /// streams, see [`Self::crossings`].
    pub translations: Vec<f64>,
    /// The same of streams that go on into the next page.
    pub crossings: Vec<f64>,
    /// Those of no stream in base pages, if the walk is in huge ones: a hypervisor whose own pages are small splits them.
    pub split: Vec<f64>,
    /// Executions of the innermost loop per step, or how many more than a floor has.
    pub runs: f64,
    /// Executions of the two innermost loops per step, or how many more; the loops around them are the slower part of a walk.
    pub blocks: f64,
}

/// A walk over nests with the machines that it goes through.
struct Walker {
    /// A first half of a [`Habit`] each.
    cores: Vec<Core>,
    line: u64,
    /// Accesses so far.
    now: u64,
    steps: u64,
    /// The last line of each operand.
    last: Vec<u64>,
    /// Of stores past the caches, if that is how it stores.
    past: Option<Past>,
    /// A second half of a [`Habit`] each.
    whole: Vec<Answered>,
    /// The same in base pages, if the walk is in huge ones.
    split: Vec<Answered>,
}

/// Caches, and what is fetched from them.
struct Core {
    machine: Placed,
    fetches: Fetches,
}

/// Translations by the TLB that answers.
struct Answered {
    tlbs: Translations,
    counts: Vec<f64>,
    /// Those of streams that go on into the next page; elsewhere.
    crossings: Vec<f64>,
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
        for line in at / self.line..=(at + size.max(1) - 1) / self.line {
            self.now += 1;
            if let Some(past) = self.past.as_mut().filter(|_| role == Role::Write) {
                past.store(line);
            } else {
                self.bring(operand, line, role);
            }
            let goes_on = is_near(line, std::mem::replace(&mut self.last[operand], line));
            for answered in self.whole.iter_mut().chain(&mut self.split) {
                if let Some(tlb) = answered.tlbs.access(line * self.line).checked_sub(1) {
                    let counts = if goes_on { &mut answered.crossings } else { &mut answered.counts };
                    counts[tlb] += 1.0;
                }
            }
        }
    }

    /// Brings a line into the first cache.
    fn bring(&mut self, operand: usize, line: u64, role: Role) {
        for Core { machine, fetches } in &mut self.cores {
            let served = machine.access(line * self.line, role != Role::Read);
            if let Some(level) = served.cache.checked_sub(1) {
                let missed = Missed { operand, line, level, crowded: fetches.crowded(&served), role };
                fetches.miss(missed, self.now);
            }
        }
    }

    /// Counts anew, in caches as they are.
    fn begin(&mut self) {
        self.steps = 0;
        self.cores.iter_mut().for_each(|core| core.fetches.begin());
        self.past.iter_mut().for_each(|past| past.counts = [0.0; 2]);
        let answered = self.whole.iter_mut().chain(&mut self.split);
        answered
            .flat_map(|answered| answered.counts.iter_mut().chain(&mut answered.crossings))
            .for_each(|count| *count = 0.0);
    }
}

/// Steps of the `count` innermost loops.
fn inner_steps(nest: &LoopNest, count: usize) -> f64 {
    let depth = nest.loops().len();
    (depth.saturating_sub(count)..depth).map(|inner| nest.max_extent(inner).max(1) as f64).product()
}

impl Traffic {
    /// Of a nest that so stores, on caches of `geometry` in pages of `page` bytes, once passes repeat, per [`Habit`]. Every buffer
    /// begins on a page.
    ///
    /// A long nest is not walked whole: a stretch in its middle is counted after the stretch before it was walked, and after the
    /// arrays' lines were put into the last cache if it holds them.
    #[must_use]
    pub fn of(nest: &LoopNest, stores: Stores, geometry: &Geometry, page: u64) -> Traffics {
        let mut walker = Walker::new(geometry, page, nest.operands().len(), stores, &FETCHING, &VICTIMS);
        walker.walk_middle(nest, geometry);
        std::array::from_fn(|habit| walker.traffic(habit / VICTIMS.len(), habit % VICTIMS.len(), Self::loops(nest)))
    }

    /// The same on a core of the [`Habit`] of this number.
    #[must_use]
    pub fn on(nest: &LoopNest, stores: Stores, geometry: &Geometry, page: u64, habit: usize) -> Self {
        let (fetching, victims) = (FETCHING[habit / VICTIMS.len()], VICTIMS[habit % VICTIMS.len()]);
        let mut walker = Walker::new(geometry, page, nest.operands().len(), stores, &[fetching], &[victims]);
        walker.walk_middle(nest, geometry);
        walker.traffic(0, 0, Self::loops(nest))
    }

    /// Executions of the innermost loop per step, and of the two innermost ones.
    #[must_use]
    pub fn loops(nest: &LoopNest) -> [f64; 2] {
        [1, 2].map(|count| 1.0 / inner_steps(nest, count))
    }

    /// The same per element, of a walk that takes so many at a step.
    #[must_use]
    pub fn per(mut self, elements: u64) -> Self {
        let lines = self.lines.iter_mut().flatten().chain(self.written.iter_mut().flatten()).chain(&mut self.past);
        let translations = self.translations.iter_mut().chain(&mut self.crossings).chain(&mut self.split);
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
    /// Walks what is counted.
    fn walk_middle(&mut self, nest: &LoopNest, geometry: &Geometry) {
        let bases: Vec<u64> = (1_u64..).take(nest.buffers().len()).map(|buffer| buffer << 40).collect();
        let accesses = nest.steps().saturating_mul(nest.operands().len() as u64);
        if accesses <= COUNTED {
            // As many passes as there are levels, and the one that is counted, leave every level as all further ones do.
            for _ in 0..if accesses < COUNTED / 4 { geometry.levels.len() } else { 1 } {
                self.walk(nest, &bases, u64::MAX);
            }
            self.begin();
            self.walk(nest, &bases, u64::MAX);
        } else {
            self.fill(nest, geometry, &bases);
            let parts = usize::try_from(accesses / COUNTED + 1).unwrap_or(usize::MAX);
            let parts = nest.split(parts).unwrap_or_else(|_| vec![nest.clone()]);
            let middle = parts.len() / 2;
            self.walk(&parts[middle.saturating_sub(1)], &bases, WARMED);
            self.begin();
            self.walk(&parts[middle], &bases, COUNTED);
        }
        self.cores.iter_mut().for_each(|core| core.fetches.counts.tell_apart());
    }

    fn new(
        geometry: &Geometry,
        page: u64,
        operands: usize,
        stores: Stores,
        fetching: &[Fetching],
        victims: &[Victims],
    ) -> Self {
        let (levels, per_page) = (geometry.levels.len(), PREFETCH_PAGE / geometry.line());
        let core = |&Fetching { under_way, waits, caches }: &Fetching| Core {
            machine: Placed::new(geometry, page, caches, 1),
            fetches: Fetches::new(levels, operands, under_way, waits, per_page),
        };
        let answered = |page: u64| {
            let of = |&victims: &Victims| Answered {
                tlbs: Translations::new(&geometry.tlbs, page, victims, 1),
                counts: vec![0.0; geometry.tlbs.len()],
                crossings: vec![0.0; geometry.tlbs.len()],
            };
            victims.iter().map(of).collect()
        };
        Self {
            cores: fetching.iter().map(core).collect(),
            line: geometry.line(),
            now: 0,
            steps: 0,
            last: vec![u64::MAX; operands],
            past: (stores == Stores::NonTemporal).then(Past::default),
            whole: answered(page),
            split: if page > geometry.page { answered(geometry.page) } else { Vec::new() },
        }
    }

    /// What was counted, per step, on the core and by the TLBs of these numbers.
    fn traffic(&self, core: usize, victims: usize, [runs, blocks]: [f64; 2]) -> Traffic {
        let per = |count: f64| count / self.steps.max(1) as f64;
        let Counts { lines, written, .. } = &self.cores[core].fetches.counts;
        let all = |counts: &[f64]| -> Vec<f64> { counts.iter().copied().map(per).collect() };
        let (whole, split) = (&self.whole[victims], self.split.get(victims));
        Traffic {
            lines: lines.iter().map(|level| level.map(per)).collect(),
            written: written.iter().map(|level| level.map(per)).collect(),
            past: self.past.as_ref().map_or([0.0; 2], |past| past.counts.map(per)),
            translations: all(&whole.counts),
            crossings: all(&whole.crossings),
            split: split.map_or_else(|| vec![0.0; whole.counts.len()], |split| all(&split.counts)),
            runs,
            blocks,
        }
    }

    /// Every line of the arrays once, all arrays at once, if the last cache holds them. Of larger ones it might keep a part; beside
    /// another walk it does not.
    fn fill(&mut self, nest: &LoopNest, geometry: &Geometry, bases: &[u64]) {
        let last = geometry.levels.last().map_or(0, |level| level.bytes);
        let is_past = |buffer: usize| {
            self.past.is_some() && nest.operands().iter().any(|of| of.buffer == buffer && of.role == Role::Write)
        };
        let kept: Vec<(u64, u64)> = (0..bases.len())
            .filter(|&buffer| !is_past(buffer))
            .map(|buffer| (bases[buffer], nest.buffers()[buffer]))
            .collect();
        if kept.iter().map(|(_, bytes)| bytes).sum::<u64>() > last {
            return;
        }
        let most = kept.iter().map(|(_, bytes)| *bytes).max().unwrap_or(0);
        for at in (0..most).step_by(usize::try_from(self.line).unwrap_or(64)) {
            for (base, _) in kept.iter().filter(|(_, bytes)| at < *bytes) {
                self.cores.iter_mut().for_each(|core| _ = core.machine.access(base + at, false));
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
        let [first, ..] = Traffic::of(nest, Stores::Plain, &zen3(), page);
        first
    }

    #[test]
    fn rows_stream_and_columns_are_far() {
        let rows = traffic(&sum(4096, 4096, "0,1"), 4096);
        let [stream, among, near, far, ..] = rows.lines[2];
        assert!((stream - 0.125).abs() < 0.002 && among < 0.001 && near < 0.001 && far < 0.001, "{rows:?}");
        // Every page is looked up, by a stream that comes from the one before.
        assert!((rows.crossings[1] - 1.0 / 512.0).abs() < 2e-4 && rows.translations[1] < 1e-4, "{rows:?}");
        let columns = traffic(&sum(4096, 4096, "1,0"), 4096);
        assert!(columns.crossings.iter().all(|&count| count < 1e-12), "{columns:?}");
        // A line is used by eight columns: the last level keeps it, since its sets are strewn.
        assert!((columns.misses() - 1.0).abs() < 0.01 && columns.lines[1][Pattern::Few as usize] > 0.8, "{columns:?}");
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

    /// Stores past the caches go to memory a line each in order, and none is brought in or given back.
    #[test]
    fn stores_past_the_caches_bring_no_lines() {
        let array = Layout::contiguous(&[512, 512], 8, Order::C).unwrap();
        let nest = LoopNest::of_layouts(&[(&array, Role::Write)], &"0,1".parse().unwrap()).unwrap();
        let [traffic, ..] = Traffic::of(&nest, Stores::NonTemporal, &zen3(), 4096);
        assert!((traffic.past[0] - 0.125).abs() < 1e-3 && traffic.past[1] < 1e-3, "{traffic:?}");
        assert!(traffic.misses() < 1e-12 && traffic.written.iter().flatten().all(|&count| count < 1e-12));
    }

    /// A column of 32 rows, a power of two apart, overflows its set of the first cache; but the column after it comes while
    /// its lines are under way, the one after five of these does not.
    #[test]
    fn lines_under_way_are_not_fetched_again() {
        let column =
            |rows, habit: usize| Traffic::of(&sum(rows, 512, "1,0"), Stores::Plain, &zen3(), 2 << 20)[habit].misses();
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
        let oldest = &Traffic::of(&sum(4096, 4096, "1,0"), Stores::Plain, &zen3(), 4096)[1];
        assert!((oldest.translations[1] - 1.0).abs() < 0.01, "{oldest:?}");
    }

    /// Sixteen rows walked by columns: sixteen streams that a prefetcher follows.
    #[test]
    fn a_few_pages_in_turn_are_streams() {
        let turns = traffic(&sum(16, 65_536, "1,0"), 4096);
        let all: f64 = turns.misses();
        let streams: f64 = turns.lines.iter().map(|level| level[0] + level[1]).sum();
        assert!(streams > 0.94 * all, "{turns:?}");
    }
}
