//! The reference: every access by itself, in the plainest way, for every model.
//!
//! It shares nothing with the direct engine but the geometry and the form of the counts: it finds the order of accesses
//! by its own recursion over indices, keeps the time of each use instead of an order of lines, and searches one by one.

use super::Accesses;
use super::geometry::Geometry;
use super::model::{LastLevel, Model, Prefetch, Replacement, Writes};
use super::report::{LevelCounts, Pass, TlbCounts};
use crate::nest::{LoopNest, Operand, Role};
use std::collections::{BTreeMap, HashMap, HashSet};

#[derive(Clone, Copy, Debug)]
struct Slot {
    line: u64,
    dirty: bool,
    used: u64,
    filled: u64,
}

/// Slots of one set, and the bits of its tree: node `n` has the children `2n` and `2n + 1`, the root is 1.
#[derive(Clone, Debug)]
struct Set {
    slots: Vec<Option<Slot>>,
    tree: u64,
}

impl Set {
    fn find(&self, line: u64) -> Option<usize> {
        self.slots.iter().position(|slot| slot.is_some_and(|slot| slot.line == line))
    }

    /// Notes a use of a slot.
    fn touch(&mut self, way: usize, now: u64) {
        if let Some(slot) = &mut self.slots[way] {
            slot.used = now;
        }
        let mut node = 1;
        for depth in (0..self.slots.len().ilog2()).rev() {
            let side = (way >> depth) & 1;
            // The bit points to the other side.
            self.tree = if side == 1 { self.tree & !(1 << node) } else { self.tree | 1 << node };
            node = 2 * node + side;
        }
    }

    fn victim(&self, replacement: Replacement) -> usize {
        let oldest = |time: fn(&Slot) -> u64| {
            let times = self.slots.iter().enumerate().filter_map(|(way, slot)| Some((time(slot.as_ref()?), way)));
            times.min().map_or(0, |(_, way)| way)
        };
        match replacement {
            Replacement::Lru => oldest(|slot| slot.used),
            Replacement::Fifo => oldest(|slot| slot.filled),
            Replacement::Plru => {
                let mut node = 1_usize;
                while node < self.slots.len() {
                    node = 2 * node + usize::from(self.tree >> node & 1 == 1);
                }
                node - self.slots.len()
            }
        }
    }
}

/// A fully associative LRU cache of the same size, and the lines that were ever missed.
#[derive(Clone, Debug, Default)]
struct Shadow {
    capacity: usize,
    times: HashMap<u64, u64>,
    lines: BTreeMap<u64, u64>,
    ever: HashSet<u64>,
}

impl Shadow {
    fn access(&mut self, line: u64, now: u64) -> bool {
        let before = self.times.insert(line, now);
        if let Some(before) = before {
            self.lines.remove(&before);
        } else if self.lines.len() == self.capacity
            && let Some((_, oldest)) = self.lines.pop_first()
        {
            self.times.remove(&oldest);
        }
        self.lines.insert(now, line);
        before.is_some()
    }
}

#[derive(Clone, Debug)]
struct Level {
    sets: Vec<Set>,
    counts: LevelCounts,
    shadow: Option<Shadow>,
}

impl Level {
    fn set(&mut self, line: u64) -> &mut Set {
        let number = line % self.sets.len() as u64;
        &mut self.sets[usize::try_from(number).unwrap_or(0)]
    }

    /// Takes a line out.
    fn take(&mut self, line: u64) -> Option<Slot> {
        let set = self.set(line);
        let way = set.find(line)?;
        set.slots[way].take()
    }
}

#[derive(Clone, Debug)]
struct Tlb {
    sets: Vec<Vec<(u64, u64)>>,
    ways: usize,
    counts: TlbCounts,
}

/// Where an operand was, for the stride prefetcher.
#[derive(Clone, Copy, Debug, Default)]
struct Stream {
    line: Option<u64>,
    distance: i64,
}

/// Caches and TLBs with their state.
pub(super) struct Reference {
    levels: Vec<Level>,
    tlbs: Vec<Tlb>,
    model: Model,
    line: u64,
    page: u64,
    now: u64,
    streams: Vec<Stream>,
    prefetches: u64,
}

impl Reference {
    pub(super) fn new(geometry: &Geometry, model: Model, classify: bool) -> Self {
        let level = |level: &super::Level| {
            let set = Set { slots: vec![None; level.ways as usize], tree: 0 };
            let capacity = level.ways as usize * level.sets as usize;
            Level {
                sets: vec![set; level.sets as usize],
                counts: LevelCounts { name: level.name.clone(), ..LevelCounts::default() },
                shadow: classify.then(|| Shadow { capacity, ..Shadow::default() }),
            }
        };
        let tlb = |tlb: &super::TlbLevel| Tlb {
            sets: vec![Vec::new(); (tlb.entries / tlb.ways) as usize],
            ways: tlb.ways as usize,
            counts: TlbCounts { name: tlb.name.clone(), ..TlbCounts::default() },
        };
        Self {
            levels: geometry.levels.iter().map(level).collect(),
            tlbs: geometry.tlbs.iter().map(tlb).collect(),
            model,
            line: geometry.line(),
            page: geometry.page,
            now: 0,
            streams: Vec::new(),
            prefetches: 0,
        }
    }

    /// One pass; the state stays.
    pub(super) fn pass(&mut self, accesses: &Accesses<'_>) -> Pass {
        self.prefetches = 0;
        for level in &mut self.levels {
            let told = level.shadow.as_ref().map(|_| 0);
            let name = level.counts.name.clone();
            level.counts = LevelCounts { name, compulsory: told, capacity: told, ..LevelCounts::default() };
        }
        for tlb in &mut self.tlbs {
            tlb.counts = TlbCounts { name: tlb.counts.name.clone(), ..TlbCounts::default() };
        }
        match accesses {
            Accesses::Nest { nest, bases } => {
                self.streams.resize(nest.operands().len(), Stream::default());
                let mut blocks: Vec<(usize, usize)> = nest.axes().iter().map(|&length| (0, length)).collect();
                self.visit(nest, bases, 0, &mut blocks);
            }
            Accesses::Chase(addresses) => {
                self.streams.resize(1, Stream::default());
                addresses.iter().for_each(|&address| self.access(0, address, 8, Role::Read));
            }
        }
        let levels = self.levels.iter().map(|level| level.counts.clone()).collect();
        let mut pass = Pass::new(accesses.count(), levels, self.tlbs.iter().map(|tlb| tlb.counts.clone()).collect());
        pass.prefetches = (self.model.prefetch != Prefetch::None).then_some(self.prefetches);
        pass
    }

    /// The loops from `depth` inwards over the block of each axis that the outer loops have chosen.
    fn visit(&mut self, nest: &LoopNest, bases: &[u64], depth: usize, blocks: &mut Vec<(usize, usize)>) {
        let Some(one) = nest.loops().get(depth) else {
            for (number, operand) in nest.operands().iter().enumerate().filter(|&(k, _)| !nest.is_hoisted(k)) {
                self.access(number, at(operand, bases, blocks), operand.itemsize as u64, operand.role);
            }
            return;
        };
        let innermost = depth + 1 == nest.loops().len();
        if innermost {
            self.hoisted(nest, bases, blocks, Role::Read);
        }
        let (from, to) = blocks[one.axis];
        for start in (from..to).step_by(one.block) {
            blocks[one.axis] = (start, to.min(start.saturating_add(one.block)));
            self.visit(nest, bases, depth + 1, blocks);
        }
        blocks[one.axis] = (from, to);
        if innermost {
            self.hoisted(nest, bases, blocks, Role::Write);
        }
    }

    /// What a run does once: its loads before, its stores behind.
    fn hoisted(&mut self, nest: &LoopNest, bases: &[u64], blocks: &[(usize, usize)], role: Role) {
        if nest.steps() == 0 {
            return;
        }
        for (number, operand) in nest.operands().iter().enumerate().filter(|&(k, _)| nest.is_hoisted(k)) {
            if operand.role == role || operand.role == Role::Update {
                self.access(number, at(operand, bases, blocks), operand.itemsize as u64, role);
            }
        }
    }

    fn access(&mut self, operand: usize, address: u64, size: u64, role: Role) {
        if role != Role::Write {
            self.once(operand, address, size, false);
        }
        if role != Role::Read {
            self.once(operand, address, size, true);
        }
    }

    /// One load or one store.
    fn once(&mut self, operand: usize, address: u64, size: u64, write: bool) {
        let last = address.wrapping_add(size - 1);
        (address / self.page..=last / self.page).for_each(|page| self.translate(page));
        for line in address / self.line..=last / self.line {
            let misses = self.levels.first().map_or(0, |level| level.counts.misses);
            self.demand(0, line, write, true);
            let missed = self.levels.first().is_some_and(|level| level.counts.misses > misses);
            match self.model.prefetch {
                Prefetch::NextLine if missed => self.fetch(line.wrapping_add(1)),
                Prefetch::Stride => self.follow(operand, line),
                _ => {}
            }
        }
    }

    fn follow(&mut self, operand: usize, line: u64) {
        let stream = &mut self.streams[operand];
        let Some(before) = stream.line.replace(line) else { return };
        let distance = line.wrapping_sub(before).cast_signed();
        if distance != 0 && std::mem::replace(&mut stream.distance, distance) == distance {
            self.fetch(line.wrapping_add_signed(distance));
        }
    }

    /// Brings a line in ahead; no demand access, so not counted as one.
    fn fetch(&mut self, line: u64) {
        if self.levels.first_mut().is_some_and(|level| level.set(line).find(line).is_none()) {
            self.prefetches += 1;
            self.demand(0, line, false, false);
        }
    }

    fn translate(&mut self, page: u64) {
        self.now += 1;
        for tlb in &mut self.tlbs {
            tlb.counts.accesses += 1;
            let number = page % tlb.sets.len() as u64;
            let set = &mut tlb.sets[usize::try_from(number).unwrap_or(0)];
            if let Some(entry) = set.iter_mut().find(|entry| entry.0 == page) {
                entry.1 = self.now;
                return;
            }
            tlb.counts.misses += 1;
            if set.len() == tlb.ways {
                let oldest = set.iter().enumerate().min_by_key(|(_, entry)| entry.1).map_or(0, |(at, _)| at);
                set.swap_remove(oldest);
            }
            set.push((page, self.now));
        }
    }

    fn is_victim_cache(&self, level: usize) -> bool {
        self.model.last == LastLevel::Exclusive && level > 0 && level + 1 == self.levels.len()
    }

    /// Asks a level for a line; whether the line comes written from a level that gives it away.
    fn demand(&mut self, number: usize, line: u64, write: bool, counted: bool) -> bool {
        let victim_cache = self.is_victim_cache(number);
        self.now += 1;
        let now = self.now;
        let Some(level) = self.levels.get_mut(number) else { return false };
        level.counts.accesses += u64::from(counted);
        let held = level.shadow.as_mut().map(|shadow| shadow.access(line, now));
        if let Some(way) = level.set(line).find(line) {
            if victim_cache && !write {
                return level.take(line).is_some_and(|slot| slot.dirty);
            }
            level.set(line).touch(way, now);
            if let (true, Some(slot)) = (write, &mut level.set(line).slots[way]) {
                slot.dirty = true;
            }
            return false;
        }
        level.counts.misses += u64::from(counted);
        if let (Some(shadow), Some(held)) = (&mut level.shadow, held) {
            let new = shadow.ever.insert(line);
            let (counts, one) = (&mut level.counts, u64::from(counted));
            counts.compulsory = counts.compulsory.map(|n| n + one * u64::from(new));
            counts.capacity = counts.capacity.map(|n| n + one * u64::from(!new && !held));
        }
        if write && self.model.writes == Writes::NoAllocate {
            self.demand(number + 1, line, true, counted);
            return false;
        }
        if victim_cache {
            return self.demand(number + 1, line, false, counted);
        }
        // A victim cache gives the line away before it takes the victim: they change places.
        let swapped = self.is_victim_cache(number + 1).then(|| self.demand(number + 1, line, false, counted));
        self.make_room(number, line);
        let written = swapped.unwrap_or_else(|| self.demand(number + 1, line, false, counted));
        self.fill(number, line, write || written);
        false
    }

    /// Lets a line leave if the set of `line` is full.
    fn make_room(&mut self, number: usize, line: u64) {
        let (replacement, last) = (self.model.replacement, number + 1 == self.levels.len());
        let set = self.levels[number].set(line);
        if set.slots.iter().any(Option::is_none) {
            return;
        }
        let way = set.victim(replacement);
        let Some(mut victim) = set.slots[way].take() else { return };
        if last && self.model.last == LastLevel::Inclusive {
            for level in &mut self.levels[..number] {
                victim.dirty |= level.take(victim.line).is_some_and(|slot| slot.dirty);
            }
        }
        self.levels[number].counts.writebacks += u64::from(victim.dirty);
        if victim.dirty || self.is_victim_cache(number + 1) {
            self.receive(number + 1, victim.line, victim.dirty);
        }
    }

    /// A line arrives from the level before.
    fn receive(&mut self, number: usize, line: u64, dirty: bool) {
        self.now += 1;
        let now = self.now;
        let Some(level) = self.levels.get_mut(number) else { return };
        if let Some(shadow) = &mut level.shadow {
            shadow.access(line, now);
        }
        let set = level.set(line);
        if let Some(way) = set.find(line) {
            set.touch(way, now);
            if let Some(slot) = &mut set.slots[way] {
                slot.dirty |= dirty;
            }
            return;
        }
        self.make_room(number, line);
        self.fill(number, line, dirty);
    }

    /// Puts a line into a free place of its set.
    fn fill(&mut self, number: usize, line: u64, dirty: bool) {
        self.now += 1;
        let now = self.now;
        let set = self.levels[number].set(line);
        if let Some(way) = set.slots.iter().position(Option::is_none) {
            set.slots[way] = Some(Slot { line, dirty, used: now, filled: now });
            set.touch(way, now);
        }
    }
}

/// Where an operand's element lies, by the first index of the present block of every axis.
fn at(operand: &Operand, bases: &[u64], blocks: &[(usize, usize)]) -> u64 {
    let base = bases.get(operand.buffer).copied().unwrap_or(0).wrapping_add_signed(operand.start);
    blocks.iter().zip(&operand.steps).fold(base, |at, (&(index, _), &step)| {
        at.wrapping_add_signed(step.wrapping_mul(i64::try_from(index).unwrap_or(0)))
    })
}
