//! What a nest asks of the memory system: lines per step, by the level that serves them and by how they come.

use super::aged::{Aged, Ages, CLASSES, aged};
use super::habit::{FETCHING, Fetching, Habit, VICTIMS};
use super::lines::{Counts, Fetches, Missed, is_near};
use super::past::Past;
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
    /// [`Pattern`](super::Pattern); but for [`Self::aged`].
    pub lines: Vec<[f64; 6]>,
    /// Those of them that are written, and so have to be given back: of sets that are not crowded; of a few places that are waited
    /// for, updated and stored to; and of one set, updated and stored to.
    pub written: Vec<[f64; 5]>,
    /// Further loads per step of lines that are still under way from the level and that no prefetcher brings, where each has a miss
    /// buffer; none of the second cache's lines, which are there soon.
    pub again: Vec<f64>,
    /// Lines that the last cache or memory serves, where that is a matter of time; see [`Self::kept`].
    pub aged: Vec<Aged>,
    /// Lines that are stored past the caches: whole ones that follow others or are spread, and others.
    pub past: [f64; 2],
    /// Translations per step that TLB number `1 + index` has, and last those that are looked up in the page tables; but for those of
    /// streams, see [`Self::crossings`].
    pub translations: Vec<f64>,
    /// The same of streams that go on into the next page.
    pub crossings: Vec<f64>,
    /// Those of no stream in base pages, if the walk is in huge ones: a hypervisor whose own pages are small splits them.
    pub split: Vec<f64>,
    /// Stores per step that go to another line than the one before, and not past the caches; or how many more than a floor has.
    pub turns: f64,
    /// Executions of the innermost loop per step, or how many more than a floor has.
    pub runs: f64,
    /// Executions of the two innermost loops per step, or how many more.
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
    /// Accesses that were counted.
    counted: u64,
    /// The last line of each operand.
    last: Vec<u64>,
    /// Stores to another line than the last one.
    turns: u64,
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
    /// Of lines that the last cache or memory serves, where that is a matter of time; and the first level of those.
    ages: Option<(Ages, usize)>,
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
            self.counted += 1;
            if let Some(past) = self.past.as_mut().filter(|_| role == Role::Write) {
                past.store(line, size);
            } else {
                self.bring(operand, line, role);
            }
            let last = std::mem::replace(&mut self.last[operand], line);
            self.turns += u64::from(role == Role::Write && self.past.is_none() && line != last);
            let goes_on = is_near(line, last);
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
        for Core { machine, fetches, ages } in &mut self.cores {
            let served = machine.access(line * self.line, role != Role::Read);
            if let Some(mut level) = served.cache.checked_sub(1) {
                if let Some((ages, _)) = ages.as_mut().filter(|(_, first)| *first == level) {
                    level += ages.class(line, self.now);
                }
                let missed = Missed { operand, line, level, crowded: fetches.crowded(&served), role };
                fetches.miss(missed, self.now);
            } else if role != Role::Write {
                fetches.meet(line, self.now);
            }
        }
    }

    /// Counts anew, in caches as they are.
    fn begin(&mut self) {
        (self.steps, self.counted, self.turns) = (0, 0, 0);
        self.cores.iter_mut().for_each(|core| core.fetches.begin());
        self.past.iter_mut().for_each(Past::begin);
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
        for aged in &mut self.aged {
            aged.steps *= elements.max(1) as f64;
            let counts = aged.lines.iter_mut().chain(&mut aged.written).chain([&mut aged.again]);
            counts.for_each(|count| *count /= elements.max(1) as f64);
        }
        lines
            .chain(&mut self.again)
            .chain(translations)
            .chain([&mut self.turns, &mut self.runs, &mut self.blocks])
            .for_each(|count| *count /= elements.max(1) as f64);
        self
    }

    /// The same if lines that are stored past the caches come in so many pieces.
    #[must_use]
    pub fn in_pieces(mut self, pieces: f64) -> Self {
        if pieces > 1.0 {
            self.past = [0.0, pieces * self.past.iter().sum::<f64>()];
        }
        self
    }

    /// Lines per step that do not come from the first cache.
    #[must_use]
    pub fn misses(&self) -> f64 {
        self.lines.iter().chain(self.aged.iter().map(|aged| &aged.lines)).flatten().sum()
    }
}

impl Walker {
    /// Walks what is counted.
    fn walk_middle(&mut self, nest: &LoopNest, geometry: &Geometry) {
        let bases: Vec<u64> = (1_u64..).take(nest.buffers().len()).map(|buffer| buffer << 40).collect();
        let accesses = nest.steps().saturating_mul(nest.operands().len() as u64);
        self.cores.iter_mut().flat_map(|core| &mut core.ages).for_each(|(ages, _)| ages.pass = accesses);
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
        self.past.iter_mut().for_each(Past::tell_apart);
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
        let core = |&of: &Fetching| {
            let first = levels.saturating_sub(2);
            let by_time = of.caches.without_last && first > 0;
            Core {
                machine: Placed::new(geometry, page, of.caches, 1),
                fetches: Fetches::new(if by_time { first + CLASSES } else { levels }, operands, of, per_page),
                ages: by_time.then(|| (Ages::default(), first)),
            }
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
            counted: 0,
            last: vec![u64::MAX; operands],
            turns: 0,
            past: (stores == Stores::NonTemporal).then(|| Past::new(geometry.line())),
            whole: answered(page),
            split: if page > geometry.page { answered(geometry.page) } else { Vec::new() },
        }
    }

    /// What was counted, per step, on the core and by the TLBs of these numbers.
    fn traffic(&self, core: usize, victims: usize, [runs, blocks]: [f64; 2]) -> Traffic {
        let per = |count: f64| count / self.steps.max(1) as f64;
        let Core { fetches, ages, .. } = &self.cores[core];
        let Counts { lines, written, again, .. } = &fetches.counts;
        let all = |counts: &[f64]| -> Vec<f64> { counts.iter().copied().map(per).collect() };
        let (whole, split) = (&self.whole[victims], self.split.get(victims));
        // The levels by themselves, and those that are told apart by time.
        let (own, levels) = ages.as_ref().map_or((lines.len(), lines.len()), |(_, first)| (*first, first + 2));
        let level = |level: usize| Aged {
            lines: lines[level].map(per),
            written: written[level].map(per),
            again: per(again[level]),
            ..Aged::default()
        };
        let known = |index: usize| if index < own { level(index) } else { Aged::default() };
        let of: Vec<Aged> = (0..levels).map(known).collect();
        Traffic {
            lines: of.iter().map(|level| level.lines).collect(),
            written: of.iter().map(|level| level.written).collect(),
            again: of.iter().map(|level| level.again).collect(),
            aged: aged((own..lines.len()).map(level), per(self.counted as f64), !self.split.is_empty()),
            past: self.past.as_ref().map_or([0.0; 2], |past| past.counts.map(per)),
            translations: all(&whole.counts),
            crossings: all(&whole.crossings),
            split: split.map_or_else(|| vec![0.0; whole.counts.len()], |split| all(&split.counts)),
            turns: per(self.turns as f64),
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
                let whole = self.cores.iter_mut().filter(|core| core.ages.is_none());
                whole.for_each(|core| _ = core.machine.access(base + at, false));
            }
        }
    }
}

#[cfg(test)]
#[path = "traffic_tests.rs"]
mod tests;
