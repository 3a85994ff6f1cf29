//! The caches of the direct engine, one after the other.
//!
//! Levels are neither inclusive nor exclusive: the state of one depends on nothing but what it was asked for, in order.
//! So requests are collected, and a level takes thousands of them at once and leaves what the next one is asked for. Its
//! sets, constants and branches stay at hand meanwhile, and no request waits for the levels before.
//!
//! A request is a tag. Marked as written it is a store to the first level; behind that a written line on its way from
//! the level before, which is no demand and fetches nothing.

use super::cache::{Full, Lru, Met, Search, Tag};
use super::geometry::Level;
use super::report::LevelCounts;
use rustc_hash::FxHashSet;

/// Requests that are collected: few enough to stay in the first level of the CPU that simulates.
pub(super) const BATCH: usize = 2048;

/// One level with its counts and, if misses are classified, its fully associative twin.
pub(super) struct Stage<T> {
    pub(super) cache: Lru<T>,
    pub(super) counts: LevelCounts,
    twin: Option<Twin>,
}

/// What tells misses apart.
struct Twin {
    cache: Full,
    /// Lines that the level was asked for.
    seen: FxHashSet<u64>,
}

/// Caches from the CPU outwards.
pub(super) struct Levels<T> {
    pub(super) stages: Vec<Stage<T>>,
    /// What the first level is still to be asked for.
    waiting: Vec<T>,
    /// What a level is asked for, and what it leaves to the next: each twice as long as what goes in, for a written line
    /// and a fetched one.
    passed: [Vec<T>; 2],
}

impl<T: Tag> Levels<T> {
    pub(super) fn new(levels: &[Level], classify: bool) -> Self {
        let twin = |level: &Level| {
            classify.then(|| Twin {
                cache: Full::new(level.ways as usize * level.sets as usize),
                seen: FxHashSet::default(),
            })
        };
        let stage = |level: &Level| Stage {
            cache: Lru::new(level.sets, level.ways),
            counts: LevelCounts { name: level.name.clone(), ..LevelCounts::default() },
            twin: twin(level),
        };
        Self { stages: levels.iter().map(stage).collect(), waiting: Vec::new(), passed: [Vec::new(), Vec::new()] }
    }

    /// Asks for what `fill` writes: of at most so many requests, the number that it returns.
    #[inline(always)]
    pub(super) fn ask_some<S: Search<T>>(&mut self, most: usize, fill: impl FnOnce(&mut [T]) -> usize) {
        let start = self.waiting.len();
        self.waiting.resize(start + most, T::EMPTY);
        let count = fill(&mut self.waiting[start..]);
        self.waiting.truncate(start + count);
        if self.waiting.len() >= BATCH {
            self.settle::<S>();
        }
    }

    /// What a line's number is masked with for its set of the first level, where there is such a mask.
    #[inline(always)]
    pub(super) fn first_mask(&self) -> Option<u64> {
        self.stages.first().and_then(|stage| stage.cache.mask())
    }

    /// Whether misses are told apart.
    #[inline(always)]
    pub(super) fn are_told(&self) -> bool {
        self.stages.first().is_some_and(|stage| stage.twin.is_some())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.stages.is_empty()
    }

    /// Counts from 0, with nothing waiting; the lines stay.
    pub(super) fn reset(&mut self) {
        for stage in &mut self.stages {
            let name = std::mem::take(&mut stage.counts.name);
            // Classified misses are counted from 0: none of a kind is no missing figure.
            let told = stage.twin.as_ref().map(|_| 0);
            stage.counts = LevelCounts { name, compulsory: told, capacity: told, ..LevelCounts::default() };
        }
    }

    /// Asks the first level for a line; counting the access is the caller's.
    #[inline(always)]
    pub(super) fn ask<S: Search<T>>(&mut self, line: u64, write: bool) {
        self.waiting.push(T::of(line).or_dirty(write));
        if self.waiting.len() >= BATCH {
            self.settle::<S>();
        }
    }

    /// Asks for some lines in turn.
    #[inline(always)]
    pub(super) fn ask_all<S: Search<T>>(&mut self, mut lines: impl ExactSizeIterator<Item = u64>, write: bool) {
        while lines.len() > 0 {
            self.waiting.extend(lines.by_ref().take(BATCH).map(|line| T::of(line).or_dirty(write)));
            self.settle::<S>();
        }
    }

    /// Hands everything that waits through all levels: counts and states are whole only then.
    #[inline(always)]
    pub(super) fn settle<S: Search<T>>(&mut self) {
        let levels = self.stages.len();
        let [asked, left] = &mut self.passed;
        let mut count = self.waiting.len();
        for (level, stage) in self.stages.iter_mut().enumerate() {
            if left.len() < count * 2 {
                left.resize(count * 2, T::EMPTY);
            }
            let place = Place { first: level == 0, last: level + 1 == levels };
            let asked_now = if level == 0 { &self.waiting[..] } else { &asked[..count] };
            count = stage.take::<S>(asked_now, left, place);
            std::mem::swap(asked, left);
        }
        self.waiting.clear();
    }

    pub(super) fn misses(&self) -> Vec<u64> {
        self.stages.iter().map(|stage| stage.counts.misses).collect()
    }

    pub(super) fn counts(&self) -> Vec<LevelCounts> {
        let mut asked = None;
        let counts = self.stages.iter().map(|stage| {
            let mut counts = stage.counts.clone();
            // A level is asked for what the one before does not have.
            counts.accesses = asked.unwrap_or(counts.accesses);
            asked = Some(counts.misses);
            counts
        });
        counts.collect()
    }
}

/// Where a level stands.
#[derive(Clone, Copy)]
struct Place {
    first: bool,
    last: bool,
}

/// What a level leaves to the next.
struct Left<'a, T> {
    requests: &'a mut [T],
    count: usize,
    /// Of the last level, nothing.
    none: bool,
}

impl<T: Tag> Left<'_, T> {
    #[inline(always)]
    fn add(&mut self, request: T) {
        if !self.none {
            self.requests[self.count] = request;
            self.count += 1;
        }
    }
}

impl<T: Tag> Stage<T> {
    /// Takes all requests in order; how many it leaves to the next level. By the usual numbers of ways, so that the
    /// compiler knows them.
    #[inline(always)]
    fn take<S: Search<T>>(&mut self, asked: &[T], next: &mut [T], place: Place) -> usize {
        if self.twin.is_some() {
            return self.take_told::<S>(asked, next, place);
        }
        match self.cache.ways() {
            8 => self.take_ways::<S, 8>(asked, next, place),
            12 => self.take_ways::<S, 12>(asked, next, place),
            16 => self.take_ways::<S, 16>(asked, next, place),
            _ => self.take_ways::<S, 0>(asked, next, place),
        }
    }

    /// All requests in order; `WAYS` is 0 for any number.
    #[inline(always)]
    fn take_ways<S: Search<T>, const WAYS: usize>(&mut self, asked: &[T], next: &mut [T], place: Place) -> usize {
        let (mut misses, mut writebacks) = (0, 0);
        let mut left = Left { requests: next, count: 0, none: place.last };
        for &request in asked {
            if let Met::Miss { victim } = self.cache.access_ways::<S, WAYS>(request.clean(), request.is_dirty()) {
                // The written line that goes comes first, then the line is fetched.
                if victim.is_dirty() {
                    writebacks += 1;
                    left.add(victim);
                }
                if place.first || !request.is_dirty() {
                    misses += 1;
                    left.add(request.clean());
                }
            }
        }
        self.counts.misses += misses;
        self.counts.writebacks += writebacks;
        left.count
    }

    /// The same with misses told apart.
    #[inline(never)]
    fn take_told<S: Search<T>>(&mut self, asked: &[T], next: &mut [T], place: Place) -> usize {
        let Some(twin) = &mut self.twin else { return 0 };
        let mut left = Left { requests: next, count: 0, none: place.last };
        for &request in asked {
            let demand = place.first || !request.is_dirty();
            let held = twin.cache.access(request.line());
            let met = self.cache.access_ways::<S, 0>(request.clean(), request.is_dirty());
            let Met::Miss { victim } = met else { continue };
            let counts = &mut self.counts;
            if victim.is_dirty() {
                counts.writebacks += 1;
                left.add(victim);
            }
            if demand {
                let new = twin.seen.insert(request.line());
                counts.misses += 1;
                counts.compulsory = counts.compulsory.map(|n| n + u64::from(new));
                counts.capacity = counts.capacity.map(|n| n + u64::from(!new && !held));
                left.add(request.clean());
            }
        }
        left.count
    }
}
