//! The direct engine: every line that the nest touches, in the order in which a kernel touches it.
//!
//! Steps in which no operand changes its line are counted at once: after the first of them the touched lines are the
//! most recent of their sets, so the others hit and leave the order as it is. That needs no more touched lines than
//! the first level has ways.

use super::Accesses;
use super::cache::{Entries, Full, Lru, Met, Scalar, Search, Tag};
use super::geometry::Geometry;
use super::raw;
use super::report::{LevelCounts, Pass, TlbCounts};
use super::warp::{self, Plan};
use crate::nest::{LoopNest, Role};
use rustc_hash::FxHashSet;

/// One level with its counts and, if misses are classified, its fully associative twin.
pub(super) struct Stage<T> {
    pub(super) cache: Lru<T>,
    pub(super) counts: LevelCounts,
    twin: Option<Full>,
    /// Misses of lines never seen before by this level.
    seen: FxHashSet<u64>,
}

pub(super) struct TlbStage<T> {
    pub(super) entries: Entries<T>,
    pub(super) counts: TlbCounts,
}

/// Caches and TLBs with their state.
pub(super) struct Machine<T> {
    pub(super) stages: Vec<Stage<T>>,
    pub(super) tlbs: Vec<TlbStage<T>>,
    /// Whether the CPU searches sets by vectors.
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
        let stage = |level: &super::Level| Stage {
            cache: Lru::new(level.sets, level.ways),
            counts: LevelCounts { name: level.name.clone(), ..LevelCounts::default() },
            twin: classify.then(|| Full::new(level.ways as usize * level.sets as usize)),
            seen: FxHashSet::default(),
        };
        let tlb = |tlb: &super::TlbLevel| TlbStage {
            entries: Entries::new(tlb.entries, tlb.ways),
            counts: TlbCounts { name: tlb.name.clone(), ..TlbCounts::default() },
        };
        Self {
            stages: geometry.levels.iter().map(stage).collect(),
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
        for stage in &mut self.stages {
            let name = std::mem::take(&mut stage.counts.name);
            // Classified misses are counted from 0: none of a kind is no missing figure.
            let told = stage.twin.as_ref().map(|_| 0);
            stage.counts = LevelCounts { name, compulsory: told, capacity: told, ..LevelCounts::default() };
        }
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
            }
        }
        let levels = self.stages.iter().map(|stage| stage.counts.clone()).collect();
        Pass::new(accesses.count(), levels, self.tlbs.iter().map(|tlb| tlb.counts.clone()).collect())
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
    }

    pub(super) fn misses(&self) -> Vec<u64> {
        self.stages.iter().map(|stage| stage.counts.misses).collect()
    }

    pub(super) fn tlb_misses(&self) -> Vec<u64> {
        self.tlbs.iter().map(|tlb| tlb.counts.misses).collect()
    }

    /// Every run of a nest, one after the other.
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
        let most = self.stages.first().map_or(usize::MAX, |stage| stage.cache.ways());
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
    }

    /// One innermost run. Always inlined, so that it is compiled once per instruction set.
    #[inline(always)]
    pub(super) fn run<S: Search<T>>(&mut self, operands: &[Walker], at: &mut [u64], length: u64, grouped: bool) {
        if let ([operand], [address], true) = (operands, &mut *at, grouped)
            && operand.role == Role::Read
        {
            return self.run_read::<S>(operand, address, length);
        }
        let mut left = length;
        while left > 0 {
            let mut group = if grouped { left } else { 1 };
            let mut touches = 0;
            for (operand, &address) in operands.iter().zip(at.iter()) {
                let (first, last) = self.lines(address, operand.size);
                self.touch::<S>(operand, address, first, last);
                touches += (last - first + 1) * operand.role.touches();
                group = group.min(if first == last { operand.stays(address, self.line_bits) } else { 1 });
            }
            if group > 1 {
                if let Some(stage) = self.stages.first_mut() {
                    stage.counts.accesses += touches * (group - 1);
                }
                if let Some(tlb) = self.tlbs.first_mut() {
                    // No line changes, so no page does.
                    tlb.counts.accesses += operands.iter().map(|o| o.role.touches()).sum::<u64>() * (group - 1);
                }
            }
            for (operand, address) in operands.iter().zip(at.iter_mut()) {
                *address = address.wrapping_add_signed(operand.step.wrapping_mul(group.cast_signed()));
            }
            left -= group;
        }
    }

    /// The same for one operand that is read: what most nests are.
    #[inline(always)]
    fn run_read<S: Search<T>>(&mut self, operand: &Walker, at: &mut u64, length: u64) {
        let (mut left, mut extra, mut address) = (length, 0, *at);
        let mut accesses = vec![0; self.stages.len()];
        while left > 0 {
            let (first, last) = self.lines(address, operand.size);
            if !self.tlbs.is_empty() {
                self.translate_all::<S>(address, operand.size, 1);
            }
            let mut line = first;
            loop {
                self.read::<S>(line, &mut accesses);
                if line == last {
                    break;
                }
                line += 1;
            }
            let group = if first == last { operand.stays(address, self.line_bits).min(left) } else { 1 };
            extra += group - 1;
            address = address.wrapping_add_signed(operand.step.wrapping_mul(group.cast_signed()));
            left -= group;
        }
        for (stage, accesses) in self.stages.iter_mut().zip(accesses) {
            stage.counts.accesses += accesses;
        }
        if let Some(stage) = self.stages.first_mut() {
            stage.counts.accesses += extra;
        }
        if let Some(tlb) = self.tlbs.first_mut() {
            tlb.counts.accesses += extra;
        }
        *at = address;
    }

    #[inline(always)]
    fn lines(&self, address: u64, size: u64) -> (u64, u64) {
        (address >> self.line_bits, address.wrapping_add(size - 1) >> self.line_bits)
    }

    #[inline(always)]
    fn touch<S: Search<T>>(&mut self, operand: &Walker, address: u64, first: u64, last: u64) {
        if !self.tlbs.is_empty() {
            self.translate_all::<S>(address, operand.size, operand.role.touches());
        }
        if first != last {
            return self.straddle(operand.role, first, last);
        }
        self.access::<S>(first, operand.role != Role::Read);
        // An update's store finds what its load has brought in: the same as a store, asked for twice.
        if let (Role::Update, Some(stage)) = (operand.role, self.stages.first_mut()) {
            stage.counts.accesses += 1;
        }
    }

    /// An element in several lines: all of them are loaded, then all of them are stored.
    #[inline(never)]
    fn straddle(&mut self, role: Role, first: u64, last: u64) {
        for write in [false, true] {
            let wanted = if write { role != Role::Read } else { role != Role::Write };
            for line in (first..=last).filter(|_| wanted) {
                self.access::<Scalar>(line, write);
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

    /// A read that may take the short way: levels without a twin.
    #[inline(always)]
    fn read<S: Search<T>>(&mut self, line: u64, accesses: &mut [u64]) {
        for (level, accesses) in accesses.iter_mut().enumerate() {
            *accesses += 1;
            if self.ask::<S>(level, line, false) {
                return;
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

    #[inline(always)]
    fn access<S: Search<T>>(&mut self, line: u64, write: bool) {
        for level in 0..self.stages.len() {
            self.stages[level].counts.accesses += 1;
            // Only the first level sees the store; the others see the line being fetched.
            if self.ask::<S>(level, line, write && level == 0) {
                return;
            }
        }
    }

    /// Whether a level has a line; if not, it is brought in, and a written victim goes to the next level.
    #[inline(always)]
    fn ask<S: Search<T>>(&mut self, level: usize, line: u64, write: bool) -> bool {
        let stage = &mut self.stages[level];
        let Met::Miss { written_back } = stage.cache.access::<S>(line, write) else {
            if let Some(twin) = &mut stage.twin {
                twin.access(line);
            }
            return true;
        };
        stage.counts.misses += 1;
        if stage.twin.is_some() {
            stage.classify(line);
        }
        if let Some(victim) = written_back {
            stage.counts.writebacks += 1;
            self.write_back::<S>(level + 1, victim);
        }
        false
    }

    /// A written line arrives from the level before: it is held here as written. No demand access, so not counted as one.
    #[inline(always)]
    fn write_back<S: Search<T>>(&mut self, from: usize, line: u64) {
        let mut line = line;
        let mut level = from;
        while let Some(stage) = self.stages.get_mut(level) {
            if let Some(twin) = &mut stage.twin {
                twin.access(line);
            }
            let Met::Miss { written_back: Some(victim) } = stage.cache.access::<S>(line, true) else { return };
            stage.counts.writebacks += 1;
            (line, level) = (victim, level + 1);
        }
    }
}

impl<T> Stage<T> {
    /// What kind of miss it is.
    #[inline(never)]
    fn classify(&mut self, line: u64) {
        let Some(held) = self.twin.as_mut().map(|twin| twin.access(line)) else { return };
        let new = self.seen.insert(line);
        let counts = &mut self.counts;
        counts.compulsory = counts.compulsory.map(|n| n + u64::from(new));
        counts.capacity = counts.capacity.map(|n| n + u64::from(!new && !held));
    }
}

/// What a run accesses before its steps, in each of them and behind them: operands and what is done with them.
fn parts(nest: &LoopNest) -> [Vec<(usize, Role)>; 3] {
    let mut parts = [const { Vec::new() }; 3];
    for (k, operand) in nest.operands().iter().enumerate() {
        if !nest.is_hoisted(k) {
            parts[1].push((k, operand.role));
            continue;
        }
        if operand.role != Role::Write {
            parts[0].push((k, Role::Read));
        }
        if operand.role != Role::Read {
            parts[2].push((k, Role::Write));
        }
    }
    parts
}

/// One operand of a run.
pub(super) struct Walker {
    base: u64,
    step: i64,
    size: u64,
    role: Role,
    /// The exponent of a step that is a power of two: a shift is faster than a division.
    shift: Option<u32>,
}

impl Walker {
    pub(super) fn new(base: u64, step: i64, size: u64, role: Role) -> Self {
        let shift = step.unsigned_abs().is_power_of_two().then(|| step.unsigned_abs().trailing_zeros());
        Self { base, step, size, role, shift }
    }

    /// Steps from here, this one included, that touch the same single line.
    #[inline(always)]
    fn stays(&self, address: u64, line_bits: u32) -> u64 {
        let inside = address & ((1 << line_bits) - 1);
        let room = match self.step {
            0 => return u64::MAX,
            step if step > 0 => (1 << line_bits) - self.size - inside,
            _ => inside,
        };
        let step = self.step.unsigned_abs();
        // A step over the rest of the line needs no division either.
        match self.shift {
            Some(shift) => (room >> shift) + 1,
            None if step > room => 1,
            None => room / step + 1,
        }
    }
}

trait Touches {
    fn touches(self) -> u64;
}

impl Touches for Role {
    fn touches(self) -> u64 {
        if self == Role::Update { 2 } else { 1 }
    }
}
