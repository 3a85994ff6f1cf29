//! The direct engine: every line that the nest touches, in the order in which a kernel touches it.
//!
//! Steps in which no operand changes its line are counted at once: after the first of them the touched lines are the
//! most recent of their sets, so the others hit and leave the order as it is. That needs no more touched lines than
//! the first level has ways.

use super::Accesses;
use super::cache::{Entries, Scalar, Search, Tag};
use super::geometry::Geometry;
use super::levels::{self, Levels};
use super::raw;
use super::report::{Pass, TlbCounts};
use super::walker::{Walker, parts};
use super::warp::{self, Plan};
use crate::nest::{LoopNest, Role};

pub(super) struct TlbStage<T> {
    pub(super) entries: Entries<T>,
    pub(super) counts: TlbCounts,
}

/// Caches and TLBs with their state.
pub(super) struct Machine<T> {
    pub(super) levels: Levels<T>,
    pub(super) tlbs: Vec<TlbStage<T>>,
    /// Whether the CPU searches sets by vectors.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "elsewhere there is nothing to choose"))]
    pub(super) vectors: bool,
    line_bits: u32,
    page_bits: u32,
    /// The page of the last translation: it is the most recent of every TLB.
    pub(super) last_page: Option<u64>,
    /// Pieces of the outermost loop that were multiplied, not walked.
    pub(super) leapt: u64,
}

impl<T: Tag> Machine<T>
where
    raw::Vectors: Search<T>,
{
    pub(super) fn new(geometry: &Geometry, classify: bool) -> Self {
        let tlb = |tlb: &super::TlbLevel| TlbStage {
            entries: Entries::new(tlb.entries, tlb.ways),
            counts: TlbCounts { name: tlb.name.clone(), ..TlbCounts::default() },
        };
        Self {
            levels: Levels::new(&geometry.levels, classify),
            tlbs: geometry.tlbs.iter().map(tlb).collect(),
            vectors: raw::has_vectors(),
            line_bits: geometry.unit().trailing_zeros(),
            page_bits: geometry.page.trailing_zeros(),
            last_page: None,
            leapt: 0,
        }
    }

    /// One pass, fast-forwarded by a plan; the state stays.
    pub(super) fn pass(&mut self, accesses: &Accesses<'_>, plan: Option<&Plan>) -> Pass {
        self.levels.reset();
        for tlb in &mut self.tlbs {
            tlb.counts = TlbCounts { name: std::mem::take(&mut tlb.counts.name), ..TlbCounts::default() };
        }
        match accesses {
            Accesses::Nest { nest, bases } => match plan {
                Some(plan) => warp::walk(self, nest, bases, plan),
                None => self.walk(nest, bases),
            },
            Accesses::Chase(addresses) => {
                let node = [Walker::new(0, 0, 8, Role::Read)];
                addresses.iter().for_each(|&address| raw::run(self, &node, &mut [address], 1, true));
                raw::settle(self);
            }
        }
        Pass::new(accesses.count(), self.levels.counts(), self.tlbs.iter().map(|tlb| tlb.counts.clone()).collect())
    }

    /// Reads of one operand from `start` on through at most two loops.
    pub(super) fn iteration(&mut self, start: u64, size: u64, loops: &[(u64, i64)]) {
        let (outer, inner) = match loops {
            [outer, inner] => (*outer, *inner),
            [inner] => ((1, 0), *inner),
            _ => ((1, 0), (1, 0)),
        };
        let operand = Walker::new(0, inner.1, size, Role::Read);
        for row in 0..outer.0 {
            let mut at = start.wrapping_add_signed(outer.1.wrapping_mul(row.cast_signed()));
            raw::run(self, std::slice::from_ref(&operand), std::slice::from_mut(&mut at), inner.0, true);
        }
        raw::settle(self);
    }

    pub(super) fn misses(&self) -> Vec<u64> {
        self.levels.misses()
    }

    pub(super) fn tlb_misses(&self) -> Vec<u64> {
        self.tlbs.iter().map(|tlb| tlb.counts.misses).collect()
    }

    /// Every run of a nest, one after the other, through all levels.
    pub(super) fn walk(&mut self, nest: &LoopNest, bases: &[u64]) {
        let steps = nest.inner_steps();
        let of = |part: &[(usize, Role)]| -> Vec<Walker> {
            let walker = |&(k, role): &(usize, Role)| {
                let operand = &nest.operands()[k];
                let base = bases.get(operand.buffer).copied().unwrap_or(0);
                Walker::new(base, steps[k], operand.itemsize as u64, role)
            };
            part.iter().map(walker).collect()
        };
        let numbers = parts(nest);
        let walkers = numbers.each_ref().map(|part| of(part));
        let most = self.levels.stages.first().map_or(usize::MAX, |stage| stage.cache.ways());
        // A TLB's most recent page is that of the last operand: with several, each group starts with all of them.
        let few = walkers[1].len();
        let grouped = few <= most && self.tlbs.iter().all(|tlb| few <= tlb.entries.ways());
        let mut at = Vec::new();
        let mut runs = nest.runs();
        while let Some(length) = runs.advance() {
            for (part, (numbers, walkers)) in numbers.iter().zip(&walkers).enumerate() {
                if numbers.is_empty() {
                    continue;
                }
                at.clear();
                at.extend(numbers.iter().zip(walkers).map(|(&(k, _), w)| w.base.wrapping_add_signed(runs.at()[k])));
                raw::run(self, walkers, &mut at, if part == 1 { length as u64 } else { 1 }, grouped);
            }
        }
        raw::settle(self);
    }

    /// One innermost run. Always inlined, so that it is compiled once per instruction set.
    #[inline(always)]
    pub(super) fn run<S: Search<T>>(&mut self, operands: &[Walker], at: &mut [u64], length: u64, grouped: bool) {
        match (operands, &mut *at) {
            ([operand], [address]) if grouped && self.tlbs.is_empty() && operand.is_whole(*address, self.line_bits) => {
                self.run_whole::<S>(operand, address, length);
            }
            ([a, b], [x, y]) if self.is_spread(operands, &[*x, *y]) => {
                [*x, *y] = self.run_spread::<S, 2>([a, b], [*x, *y], length);
            }
            ([a, b, c], [x, y, z]) if self.is_spread(operands, &[*x, *y, *z]) => {
                [*x, *y, *z] = self.run_spread::<S, 3>([a, b, c], [*x, *y, *z], length);
            }
            _ => self.run_any::<S>(operands, at, &mut vec![NONE; operands.len()], length, grouped),
        }
    }

    /// One operand of which no element lies in two lines: its lines need no look at every step.
    #[inline(always)]
    fn run_whole<S: Search<T>>(&mut self, operand: &Walker, at: &mut u64, length: u64) {
        let Some(last_step) = length.checked_sub(1) else { return };
        let (start, bits, write) = (*at, self.line_bits, operand.role != Role::Read);
        let last = start.wrapping_add_signed(operand.step.wrapping_mul(last_step.cast_signed()));
        if operand.step.unsigned_abs() >> bits > 0 {
            let line = |step: usize| start.wrapping_add_signed(operand.step.wrapping_mul(step as i64)) >> bits;
            self.levels.ask_all::<S>((0..usize::try_from(length).unwrap_or(0)).map(line), write);
        } else {
            // Every line between the first and the last, once.
            let (from, to) = (start >> bits, last >> bits);
            let count = usize::try_from(from.abs_diff(to) + 1).unwrap_or(0);
            if from <= to {
                self.levels.ask_all::<S>((0..count).map(|n| from + n as u64), write);
            } else {
                self.levels.ask_all::<S>((0..count).map(|n| from - n as u64), write);
            }
        }
        self.count_first(length * operand.role.touches());
        *at = last.wrapping_add_signed(operand.step);
    }

    /// Whether [`Machine::run_spread`] may run: no element in two lines, a line changed at every step, caches only.
    #[inline(always)]
    fn is_spread(&self, operands: &[Walker], at: &[u64]) -> bool {
        let whole = operands.iter().zip(at).all(|(operand, &address)| operand.is_whole(address, self.line_bits));
        let spread = operands.iter().any(|operand| operand.step.unsigned_abs() >> self.line_bits > 0);
        whole && spread && self.tlbs.is_empty() && !self.levels.are_told() && self.levels.first_mask().is_some()
    }

    /// The same as [`Machine::run_any`] with nothing to ask at a step; the addresses behind the last one.
    #[inline(always)]
    fn run_spread<S: Search<T>, const N: usize>(
        &mut self,
        operands: [&Walker; N],
        mut at: [u64; N],
        length: u64,
    ) -> [u64; N] {
        let (bits, mask) = (self.line_bits, self.levels.first_mask().unwrap_or(0));
        let steps = operands.map(|operand| operand.step);
        let writes = operands.map(|operand| operand.role != Role::Read);
        let mut before = [NONE; N];
        let mut left = usize::try_from(length).unwrap_or(0);
        while left > 0 {
            let chunk = left.min(levels::BATCH);
            self.levels.ask_some::<S>(chunk * N, |requests| {
                let mut count = 0;
                for _ in 0..chunk {
                    for k in 0..N {
                        let line = at[k] >> bits;
                        at[k] = at[k].wrapping_add_signed(steps[k]);
                        let still = is_first_still(&before, k, line, mask);
                        before[k] = line;
                        // Without a branch: what is not asked for is written over.
                        requests[count] = T::of(line).or_dirty(writes[k]);
                        count += usize::from(!still);
                    }
                }
                count
            });
            left -= chunk;
        }
        self.count_first(length * operands.iter().map(|operand| operand.role.touches()).sum::<u64>());
        at
    }

    /// Any operands, step by step. `before` holds the line that each touched last, or [`NONE`].
    #[inline(always)]
    fn run_any<S: Search<T>>(
        &mut self,
        operands: &[Walker],
        at: &mut [u64],
        before: &mut [u64],
        length: u64,
        grouped: bool,
    ) {
        let (mut left, mut touched) = (length, 0);
        // To tell misses apart, all sets together are one: their order counts as well.
        let mask = self.levels.first_mask().filter(|_| !self.levels.are_told());
        while left > 0 {
            let mut group = if grouped { left } else { 1 };
            let mut touches = 0;
            for (k, (operand, &address)) in operands.iter().zip(at.iter()).enumerate() {
                let (first, last) = self.lines(address, operand.size);
                if !self.tlbs.is_empty() {
                    self.translate_all::<S>(address, operand.size, operand.role.touches());
                }
                if first == last {
                    group = group.min(operand.stays(address, self.line_bits));
                    touches += operand.role.touches();
                    if !mask.is_some_and(|mask| is_first_still(before, k, first, mask)) {
                        self.ask::<S>(first, operand.role != Role::Read);
                    }
                    before[k] = first;
                } else {
                    group = 1;
                    touches += (last - first + 1) * operand.role.touches();
                    // Nothing is known of the sets that it went to.
                    before.fill(NONE);
                    self.straddle(operand.role, first, last);
                }
            }
            touched += touches * group;
            if group > 1
                && let Some(tlb) = self.tlbs.first_mut()
            {
                // No line changes, so no page does.
                tlb.counts.accesses += operands.iter().map(|o| o.role.touches()).sum::<u64>() * (group - 1);
            }
            for (operand, address) in operands.iter().zip(at.iter_mut()) {
                *address = address.wrapping_add_signed(operand.step.wrapping_mul(group.cast_signed()));
            }
            left -= group;
        }
        self.count_first(touched);
    }

    #[inline(always)]
    fn count_first(&mut self, accesses: u64) {
        if let Some(first) = self.levels.stages.first_mut() {
            first.counts.accesses += accesses;
        }
    }

    #[inline(always)]
    fn ask<S: Search<T>>(&mut self, line: u64, write: bool) {
        if !self.levels.is_empty() {
            self.levels.ask::<S>(line, write);
        }
    }

    #[inline(always)]
    fn lines(&self, address: u64, size: u64) -> (u64, u64) {
        (address >> self.line_bits, address.wrapping_add(size - 1) >> self.line_bits)
    }

    /// An element in several lines: all of them are loaded, then all of them are stored.
    #[inline(never)]
    fn straddle(&mut self, role: Role, first: u64, last: u64) {
        for write in [false, true] {
            let wanted = if write { role != Role::Read } else { role != Role::Write };
            for line in (first..=last).filter(|_| wanted) {
                self.ask::<Scalar>(line, write);
            }
        }
    }

    #[inline(always)]
    fn translate_all<S: Search<T>>(&mut self, address: u64, size: u64, times: u64) {
        let (first, last) = (address >> self.page_bits, address.wrapping_add(size - 1) >> self.page_bits);
        if first == last {
            return self.translate::<S>(first, times);
        }
        // An update asks for all its pages to load, and for all of them again to store.
        for _ in 0..times {
            let mut page = first;
            while page <= last {
                self.translate::<S>(page, 1);
                page += 1;
            }
        }
    }

    #[inline(always)]
    fn translate<S: Search<T>>(&mut self, page: u64, times: u64) {
        self.tlbs[0].counts.accesses += times;
        if self.last_page == Some(page) {
            return;
        }
        self.last_page = Some(page);
        for (index, tlb) in self.tlbs.iter_mut().enumerate() {
            if index > 0 {
                tlb.counts.accesses += 1;
            }
            if tlb.entries.access::<S>(page) {
                return;
            }
            tlb.counts.misses += 1;
        }
    }
}

/// Whether operand `k` touched this line last, and the others since then only that line or lines of other sets: it is
/// the most recent of its set and written if `k` writes, so touching it again changes nothing. `before` has the lines
/// touched last; `mask` gives a line's set.
#[inline(always)]
fn is_first_still(before: &[u64], k: usize, line: u64, mask: u64) -> bool {
    let apart = |&other: &u64| (other == line) | ((other ^ line) & mask != 0);
    before[k] == line && before.iter().all(apart)
}

/// No line, in the place of one: nothing yet, or an element in two lines.
const NONE: u64 = u64::MAX;

trait Touches {
    fn touches(self) -> u64;
}

impl Touches for Role {
    fn touches(self) -> u64 {
        if self == Role::Update { 2 } else { 1 }
    }
}
