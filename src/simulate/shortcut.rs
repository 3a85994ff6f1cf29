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

use super::cache::{Search, Tag};
use super::engine::Machine;
use super::geometry::Geometry;
use super::place::greatest_common_divisor as gcd;
use super::raw::Vectors;
use crate::nest::{LoopNest, Role};
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

/// The walk: one operand, loops from outside to inside.
struct Walk {
    base: u64,
    size: u64,
    /// Extent and byte step.
    outer: (u64, i64),
    inner: Vec<(u64, i64)>,
}

impl Walk {
    fn of(nest: &LoopNest, bases: &[u64]) -> Option<Self> {
        let [operand] = nest.operands() else { return None };
        if operand.role != Role::Read || nest.is_tiled() || nest.is_hoisted(0) || nest.steps() == 0 {
            return None;
        }
        let base = bases.get(operand.buffer)?.checked_add_signed(operand.start)?;
        let loops = nest.loops().iter().enumerate();
        let mut loops =
            loops.map(|(depth, one)| (nest.axes()[one.axis] as u64, nest.loop_step(0, depth))).collect::<Vec<_>>();
        // Loops of one iteration do nothing.
        loops.retain(|&(extent, _)| extent > 1);
        if loops.len() < 2 || loops.len() > 3 {
            return None;
        }
        let outer = loops.remove(0);
        Some(Self { base, size: operand.itemsize as u64, outer, inner: loops })
    }

    fn steps(&self) -> u64 {
        self.inner.iter().map(|(extent, _)| extent).product()
    }

    /// First byte of every access of iteration `i`, as offsets from the base, in order.
    fn iteration(&self, i: u64, mut visit: impl FnMut(u64)) {
        let start = self.base.wrapping_add_signed(self.outer.1.wrapping_mul(i.cast_signed()));
        let (first, second) = (self.inner[0], self.inner.get(1).copied().unwrap_or((1, 0)));
        for a in 0..first.0 {
            let row = start.wrapping_add_signed(first.1.wrapping_mul(a.cast_signed()));
            for b in 0..second.0 {
                visit(row.wrapping_add_signed(second.1.wrapping_mul(b.cast_signed())));
            }
        }
    }

    /// The greatest common divisor of the inner steps.
    fn grid(&self) -> u64 {
        self.inner.iter().fold(0, |sum, (_, step)| gcd(sum, step.unsigned_abs()))
    }

    /// Whether the inner loops step over whole units and no access lies in two.
    fn whole_units(&self, unit: u64) -> bool {
        self.grid().is_multiple_of(unit)
            && self.grid() > 0
            && unit.is_multiple_of(self.size)
            && self.outer.1.unsigned_abs().is_multiple_of(self.size)
            && self.base.is_multiple_of(self.size)
    }

    /// D and F of this room's argument; `None` if too many differences would have to be tried.
    fn meeting(&self, unit: u64, budget: Budget) -> Option<[u64; 2]> {
        let (extent, step) = self.outer;
        let rows = if self.inner.len() > 1 { 2 * self.inner[0].0 - 1 } else { 1 };
        if self.whole_units(unit) {
            // Units shift as a whole: from the first iteration to the last by less than the inner loops' grid is wide,
            // so only iterations in the same units meet.
            let at = |i: u64| self.base.wrapping_add_signed(step.wrapping_mul(i.cast_signed())) / unit;
            let grid = self.grid() / unit;
            if at(extent - 1).abs_diff(at(0)) < grid && step != 0 {
                let near = (unit - 1) / step.unsigned_abs();
                return (near < extent / 2).then_some([near, extent]);
            }
        }
        if extent.checked_mul(rows)? > budget.differences {
            return None;
        }
        let near = i128::from(unit + self.size - 2);
        let (last_extent, last_step) = *self.inner.last()?;
        let reach = i128::from(last_extent) - 1;
        let meets = |apart: i128| {
            if last_step == 0 {
                return apart.abs() <= near;
            }
            // The nearest multiple of the step that the loop has; beside it, since the division rounds down.
            let around = apart.div_euclid(i128::from(last_step)).clamp(-reach, reach);
            let left = |delta: i128| (apart - delta * i128::from(last_step)).abs();
            left(around).min(left((around + 1).min(reach))).min(left((around - 1).max(-reach))) <= near
        };
        let (mut nearest, mut furthest) = (0, extent);
        for distance in 1..extent {
            let apart = i128::from(step) * i128::from(distance);
            let met = if self.inner.len() > 1 {
                let (first_extent, first_step) = self.inner[0];
                let reach = i128::from(first_extent) - 1;
                (-reach..=reach).any(|delta| meets(apart - delta * i128::from(first_step)))
            } else {
                meets(apart)
            };
            if met && distance < extent / 2 {
                nearest = distance;
            } else if met {
                furthest = furthest.min(distance);
            }
        }
        Some([nearest, furthest])
    }

    /// Whether the walk covers a byte range without gaps; then its first byte and its length.
    fn dense(&self) -> Option<(u64, u64)> {
        let mut loops: Vec<(u64, i64)> = self.inner.iter().copied().chain([self.outer]).collect();
        loops.sort_by_key(|(_, step)| step.unsigned_abs());
        let (mut bytes, mut low) = (self.size, 0_i64);
        for (extent, step) in loops {
            if step.unsigned_abs() > bytes {
                return None;
            }
            low += step.min(0).checked_mul(i64::try_from(extent - 1).ok()?)?;
            bytes = step.unsigned_abs().checked_mul(extent - 1)?.checked_add(bytes)?;
        }
        Some((self.base.checked_add_signed(low)?, bytes))
    }

    /// Fewest and most units of a pass in one of `sets`, and their number.
    fn totals(&self, unit: u64, sets: u64) -> Option<[u64; 3]> {
        if let Some((first, bytes)) = self.dense() {
            let units = (first + bytes - 1) / unit - first / unit + 1;
            return Some([units / sets, units.div_ceil(sets), units]);
        }
        // Rows with gaps: the runs of the smallest step, one after the other, in the order of their addresses.
        let mut loops: Vec<(u64, i64)> = self.inner.iter().copied().chain([self.outer]).collect();
        loops.sort_by_key(|(_, step)| std::cmp::Reverse(step.unsigned_abs()));
        let (run, run_step) = loops.pop()?;
        let length = run_step.unsigned_abs() * (run - 1) + self.size;
        if run_step.unsigned_abs() > self.size || loops.iter().any(|(_, step)| step.unsigned_abs() < length) {
            return None;
        }
        let low: i64 =
            loops.iter().chain([&(run, run_step)]).map(|(n, step)| step.min(&0) * (n.cast_signed() - 1)).sum();
        let base = self.base.checked_add_signed(low)?;
        let mut counts = vec![0_u64; usize::try_from(sets).ok()?];
        let (mut units, mut last) = (0, None);
        let (outer, middle) = if loops.len() > 1 { (loops[0], loops[1]) } else { ((1, 0), loops[0]) };
        // Ascending only if the middle rows do not reach past the next outer one.
        if outer.0 > 1 && outer.1.unsigned_abs() < middle.1.unsigned_abs() * (middle.0 - 1) + length {
            return None;
        }
        for a in 0..outer.0 {
            for b in 0..middle.0 {
                let start = base + a * outer.1.unsigned_abs() + b * middle.1.unsigned_abs();
                for one in start / unit..=(start + length - 1) / unit {
                    if last.is_none_or(|last| one > last) {
                        counts[usize::try_from(one % sets).ok()?] += 1;
                        units += 1;
                        last = Some(one);
                    }
                }
            }
        }
        Some([*counts.iter().min()?, *counts.iter().max()?, units])
    }
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
