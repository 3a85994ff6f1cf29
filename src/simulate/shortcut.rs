//! An exact shortcut for reading one array in a plain nest: most iterations of the outermost loop behave alike.
//!
//! Call the lines (or pages) of an iteration its units. Iterations of the outermost loop are translates of each other by
//! a step; they meet in a unit only at distances in a set C, of which a superset follows from the index differences.
//! Let N be the number of iterations, D the largest element of C below N / 2 and F the smallest one above (N if there is
//! none: a row that ends in the middle of a line meets the next one there). Let T be the iterations after which the step
//! is a whole number of units.
//!
//! In time, that is over repeated passes, uses of a unit are at most E = max(D, N - F) iterations apart, or at least
//! min(F, N - D). *Under LRU* a hit depends on what a level was asked for since the last use of the unit. If that use is
//! near, iteration i at level k depends on the last k·E iterations; inside a pass on the last k·D, whose pattern is a
//! translate of that of i + T. For uses that are further back one of these must hold in every set of the level:
//!
//! - *fits*: no set is given more units in a whole pass than it has ways. Misses are the distinct units, once.
//! - *flushed*: a set is given at least as many other units as it has ways between the two uses, so the use misses.
//!   Either the units of a pass less those of any E + 1 + T neighbouring iterations (twice, where they may lie at both
//!   ends of a pass) are enough, or, where iterations that meet are equal and visit no unit twice, those of a single one
//!   less the unit.
//!
//! A warm pass differs from a cold one in its first k·E iterations only, where F < N: those are walked again behind the
//! end of a pass.
//!
//! Levels behind one that fits see every unit once. What satisfies none of this is left to the direct engine.

mod walk;

use self::walk::Walk;
use super::cache::{Search, Tag};
use super::engine::Machine;
use super::geometry::Geometry;
use super::place::greatest_common_divisor as gcd;
use super::raw::Vectors;
use crate::nest::LoopNest;
use std::collections::HashMap;

/// What looking for the shortcut may take, so that it costs little where it is not found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    /// Index differences that are tried at most.
    differences: u64,
    /// Units of a few iterations that are listed at most.
    units: u64,
}

impl Budget {
    /// Whatever it takes, within reason.
    pub(super) const ANY: Self = Self { differences: 8_000_000, units: 4_000_000 };

    /// A tenth of what walking takes; nothing for a nest that is walked in a moment.
    pub(super) fn of(nest: &LoopNest) -> Option<Self> {
        let steps = nest.steps();
        (steps > 100_000).then(|| Self {
            differences: (steps / 8).min(Self::ANY.differences),
            units: (steps / 32).min(Self::ANY.units),
        })
    }
}

/// One chain: caches with the line as unit, or TLBs with the page.
#[derive(Clone, Debug)]
struct Chain {
    unit: u64,
    /// Sets and ways per level.
    levels: Vec<[u64; 2]>,
}

/// The misses of every level of a chain, in a cold and in a warm pass.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Misses {
    cold: Vec<u64>,
    warm: Vec<u64>,
}

/// Distinct units per set over some iterations: fewest in a set that has any, most, and whether none came twice.
fn spread(walk: &Walk, chain: &Chain, sets: u64, iterations: u64, budget: Budget) -> Option<[u64; 2]> {
    if walk.steps().checked_mul(iterations)? > budget.units {
        return None;
    }
    let mut units = Vec::new();
    for i in 0..iterations.min(walk.outer.0) {
        walk.iteration(i, |at| {
            let (first, last) = (at / chain.unit, (at + walk.size - 1) / chain.unit);
            for unit in first..=last {
                if units.last() != Some(&unit) {
                    units.push(unit);
                }
            }
        });
    }
    units.sort_unstable();
    units.dedup();
    let mut counts: HashMap<u64, u64> = HashMap::new();
    for unit in units {
        *counts.entry(unit % sets).or_default() += 1;
    }
    Some([*counts.values().min()?, *counts.values().max()?])
}

/// Whether iterations that meet are equal and visit no unit twice: then they are as many units apart as an iteration has.
fn equal_or_apart(walk: &Walk, unit: u64, furthest: u64) -> bool {
    let near = furthest.saturating_mul(walk.outer.1.unsigned_abs()) < unit;
    // No unit twice: the inner loops do not fold back on themselves.
    let mut inner = walk.inner.clone();
    inner.sort_by_key(|(_, step)| step.unsigned_abs());
    let mut reach = 0;
    let unfolded = inner.iter().all(|(extent, step)| {
        let apart = step.unsigned_abs() > reach;
        reach += step.unsigned_abs() * (extent - 1);
        apart
    });
    walk.whole_units(unit) && walk.grid() >= 2 * unit && near && unfolded
}

/// How a level behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Fits {
        units: u64,
    },
    /// Iterations up to `back` before one decide it.
    Flushed {
        back: u64,
    },
}

/// What the levels of a chain do.
struct Behaviour {
    levels: Vec<Level>,
    /// T, or 1 where all iterations are equal.
    period: u64,
    /// E where a warm pass differs from a cold one in its first iterations.
    around: Option<u64>,
}

fn levels(walk: &Walk, chain: &Chain, budget: Budget) -> Option<Behaviour> {
    let [near, far] = walk.meeting(chain.unit, budget)?;
    let (iterations, step) = (walk.outer.0, walk.outer.1.unsigned_abs());
    let around = (far < iterations).then(|| near.max(iterations - far));
    let ends = if around.is_some() { 2 } else { 1 };
    let period = chain.unit / gcd(step, chain.unit);
    let mut all_equal = around.is_none() && equal_or_apart(walk, chain.unit, near);
    let mut found = Vec::new();
    for &[sets, ways] in &chain.levels {
        let [fewest, most, units] = walk.totals(chain.unit, sets)?;
        if most <= ways {
            found.push(Level::Fits { units });
            break;
        }
        let alone = if all_equal { spread(walk, chain, sets, 1, budget) } else { None };
        if alone.is_some_and(|[fewest, _]| fewest > ways) {
            found.push(Level::Flushed { back: 0 });
            continue;
        }
        all_equal = false;
        let [_, excluded] = spread(walk, chain, sets, around.unwrap_or(near) + 1 + period, budget)?;
        if fewest.checked_sub(ends * excluded)? < ways {
            return None;
        }
        found.push(Level::Flushed { back: near });
    }
    // Equal iterations that find nothing of each other's miss alike, wherever they start.
    Some(Behaviour { levels: found, period: if all_equal { 1 } else { period }, around })
}

/// The misses of a chain; `walked` runs iterations through its first levels, from empty ones, and returns the sums of
/// their misses after each.
fn misses(
    walk: &Walk,
    chain: &Chain,
    budget: Budget,
    walked: impl Fn(&mut dyn Iterator<Item = u64>, usize) -> Vec<Vec<u64>>,
) -> Option<Misses> {
    let Behaviour { levels, period, around } = levels(walk, chain, budget)?;
    let flushed = levels.iter().filter(|level| matches!(level, Level::Flushed { .. })).count();
    let head: u64 = levels.iter().map(|level| if let Level::Flushed { back } = level { *back } else { 0 }).sum();
    let iterations = walk.outer.0;
    // Iterations that differ in a warm pass, and as many before them that decide how.
    let again = around.map_or(0, |around| around * flushed as u64);
    let needed = (head + period).max(again);
    if (needed + again) * 2 > iterations {
        return None;
    }
    let sums = walked(&mut (0..needed), flushed);
    let at = |i: u64| &sums[usize::try_from(i).unwrap_or(0)];
    let mut cold: Vec<u64> = (0..flushed)
        .map(|k| {
            let per_period = at(head + period)[k] - at(head)[k];
            let left = iterations - head;
            let rest = at(head + left % period)[k] - at(head)[k];
            at(head)[k] + left / period * per_period + rest
        })
        .collect();
    let mut warm = cold.clone();
    if again > 0 {
        let sums = walked(&mut (iterations - again..iterations).chain(0..again), flushed);
        let between = |k: usize| sums.last().map_or(0, |last| last[k] - sums[usize::try_from(again).unwrap_or(0)][k]);
        warm = (0..flushed).map(|k| cold[k] - at(again)[k] + between(k)).collect();
    }
    if let Some(Level::Fits { units }) = levels.last() {
        cold.resize(chain.levels.len(), *units);
        warm.resize(chain.levels.len(), 0);
    }
    Some(Misses { cold, warm })
}

/// What the shortcut found of one chain in a cold and in a warm pass.
pub(super) struct Found {
    /// Units touched by all accesses.
    pub(super) touches: u64,
    /// Misses per level.
    pub(super) misses: [Vec<u64>; 2],
}

/// The caches and the TLBs, each by the shortcut, or `None` where it does not hold or gains nothing.
pub(super) fn find<T: Tag>(nest: &LoopNest, bases: &[u64], geometry: &Geometry, budget: Budget) -> [Option<Found>; 2]
where
    Vectors: Search<T>,
{
    let Some(walk) = Walk::of(nest, bases) else { return [None, None] };
    let [mut caches, mut tlbs] = [geometry.clone(), geometry.clone()];
    caches.tlbs.clear();
    tlbs.levels.clear();
    let [caches, tlbs] = [caches, tlbs].map(|chain| Chain { unit: chain.unit(), levels: chain.sets() });
    [(caches, false), (tlbs, true)].map(|(chain, page)| {
        if chain.levels.is_empty() {
            return None;
        }
        let touches = crossings(&walk, chain.unit, budget)?;
        let walked = |iterations: &mut dyn Iterator<Item = u64>, flushed: usize| {
            prefix::<T>(&walk, geometry, iterations, flushed, page)
        };
        let Misses { cold, warm } = misses(&walk, &chain, budget, walked)?;
        Some(Found { touches, misses: [cold, warm] })
    })
}

/// Units touched by all accesses together: an access that lies in two counts twice. `None` if they are too many to tell.
fn crossings(walk: &Walk, unit: u64, budget: Budget) -> Option<u64> {
    let steps = walk.steps() * walk.outer.0;
    let aligned = unit.is_multiple_of(walk.size)
        && walk.base.is_multiple_of(walk.size)
        && walk.inner.iter().chain([&walk.outer]).all(|(_, step)| step.unsigned_abs().is_multiple_of(walk.size));
    if aligned {
        return Some(steps);
    }
    // Straddling follows the address modulo the unit, which repeats with the period of the outer step.
    let period = unit / gcd(walk.outer.1.unsigned_abs(), unit);
    if walk.steps().checked_mul(period)? > budget.units {
        return None;
    }
    let per = |i: u64| {
        let mut sum = 0;
        walk.iteration(i, |at| sum += (at + walk.size - 1) / unit - at / unit + 1);
        sum
    };
    let sums: Vec<u64> = (0..period.min(walk.outer.0)).map(per).collect();
    Some((0..walk.outer.0).map(|i| sums[usize::try_from(i % period).unwrap_or(0)]).sum())
}

/// Sums of the misses of the first `flushed` levels after 0, 1, … iterations from empty levels.
fn prefix<T: Tag>(
    walk: &Walk,
    geometry: &Geometry,
    iterations: &mut dyn Iterator<Item = u64>,
    flushed: usize,
    page: bool,
) -> Vec<Vec<u64>>
where
    Vectors: Search<T>,
{
    let mut part = geometry.clone();
    if page {
        part.levels.clear();
        part.tlbs.truncate(flushed.max(1));
    } else {
        part.levels.truncate(flushed.max(1));
        part.tlbs.clear();
    }
    let mut machine = Machine::<T>::new(&part, false);
    let mut sums = vec![vec![0; flushed]];
    for i in iterations {
        if flushed > 0 {
            let start = walk.base.wrapping_add_signed(walk.outer.1.wrapping_mul(i.cast_signed()));
            machine.iteration(start, walk.size, &walk.inner);
        }
        let misses = if page { machine.tlb_misses() } else { machine.misses() };
        sums.push(misses.into_iter().take(flushed).collect());
    }
    sums
}
