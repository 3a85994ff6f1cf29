//! How many distinct lines a nest touches.

use crate::nest::{LoopNest, Operand};
use rustc_hash::FxHashSet;

/// Accesses whose lines are listed at most, where no formula holds.
const MOST_LISTED: u64 = 1_000_000;

/// The lines, or pages, that a pass touches.
#[derive(Clone, Debug, Default)]
pub(super) struct Footprint {
    /// How many; `None` where they would have to be listed and are too many.
    pub(super) distinct: Option<u64>,
    /// First and last of ascending ranges that hold all of them; none if that is not known.
    ranges: Vec<[u64; 2]>,
}

impl Footprint {
    /// The lines of one pass.
    pub(super) fn of(nest: &LoopNest, bases: &[u64], line: u64) -> Self {
        if nest.steps() == 0 {
            return Self { distinct: Some(0), ranges: Vec::new() };
        }
        Self::dense(nest, bases, line).unwrap_or_else(|| Self {
            distinct: listed(nest, bases, line),
            ranges: nest
                .operands()
                .iter()
                .map(|operand| covered(nest, operand, bases, line))
                .collect::<Option<_>>()
                .map_or(Vec::new(), merged),
        })
    }

    /// The same without listing any: `None` where operands leave gaps.
    pub(super) fn dense(nest: &LoopNest, bases: &[u64], unit: u64) -> Option<Self> {
        let dense = |operand| is_dense(nest, operand).then(|| covered(nest, operand, bases, unit)).flatten();
        let ranges = merged(nest.operands().iter().map(dense).collect::<Option<_>>()?);
        Some(Self { distinct: Some(ranges.iter().map(|[first, last]| last - first + 1).sum()), ranges })
    }

    /// The first level that nothing ever leaves, of given sets and ways, and how many lines it then holds.
    pub(super) fn fitting(&self, levels: &[[u64; 2]]) -> Option<(usize, u64)> {
        let level =
            levels.iter().position(|&[sets, ways]| self.most_in_a_set(sets).is_some_and(|most| most <= ways))?;
        Some((level, self.distinct?))
    }

    /// Most lines of the ranges in one set.
    fn most_in_a_set(&self, sets: u64) -> Option<u64> {
        let whole: u64 = self.ranges.iter().map(|[first, last]| (last - first + 1) / sets).sum();
        // What is left of each range covers less than all sets: count where such pieces begin and end.
        let mut ends = Vec::new();
        for [first, last] in &self.ranges {
            let (from, left) = (first % sets, (last - first + 1) % sets);
            ends.push((from, 1_i64));
            ends.push(((from + left).min(sets), -1));
            if from + left > sets {
                ends.extend([(0, 1), (from + left - sets, -1)]);
            }
        }
        // Where one piece ends another may begin.
        ends.sort_unstable();
        let depth = |depth: &mut i64, &(_, change): &(u64, i64)| {
            *depth += change;
            Some(*depth)
        };
        let most = ends.iter().scan(0, depth).max()?;
        Some(whole + most.unsigned_abs())
    }
}

/// Ascending ranges without overlaps.
fn merged(mut ranges: Vec<[u64; 2]>) -> Vec<[u64; 2]> {
    ranges.sort_unstable();
    let mut merged: Vec<[u64; 2]> = Vec::new();
    for [first, last] in ranges {
        match merged.last_mut() {
            // Neighbours may share a line.
            Some(before) if first <= before[1] => before[1] = before[1].max(last),
            _ => merged.push([first, last]),
        }
    }
    merged
}

fn listed(nest: &LoopNest, bases: &[u64], line: u64) -> Option<u64> {
    if nest.steps().checked_mul(nest.operands().len() as u64)? > MOST_LISTED {
        return None;
    }
    let mut seen = FxHashSet::default();
    let (mut runs, steps) = (nest.runs(), nest.inner_steps());
    while let Some(length) = runs.advance() {
        for ((operand, step), at) in nest.operands().iter().zip(&steps).zip(runs.at()) {
            let start = bases.get(operand.buffer).copied().unwrap_or(0).wrapping_add_signed(*at);
            let address = |i: usize| start.wrapping_add_signed(step.wrapping_mul(i64::try_from(i).unwrap_or(0)));
            collect((0..length).map(address), operand.itemsize as u64, line, &mut seen);
        }
    }
    Some(seen.len() as u64)
}

/// Distinct lines of some accesses of one size.
pub(super) fn of_addresses(addresses: impl Iterator<Item = u64>, size: u64, line: u64) -> u64 {
    let mut seen = FxHashSet::default();
    collect(addresses, size, line, &mut seen);
    seen.len() as u64
}

fn collect(addresses: impl Iterator<Item = u64>, size: u64, line: u64, seen: &mut FxHashSet<u64>) {
    for address in addresses {
        seen.extend(address / line..=address.wrapping_add(size - 1) / line);
    }
}

/// Whether an operand's steps leave out no byte of its range, and so no line.
fn is_dense(nest: &LoopNest, operand: &Operand) -> bool {
    let axes = nest.axes().iter().zip(&operand.steps);
    let mut axes: Vec<(u64, u64)> = axes.map(|(&length, step)| (step.unsigned_abs(), length as u64)).collect();
    axes.retain(|&(_, length)| length > 1);
    axes.sort_unstable();
    let mut reach = operand.itemsize as u64;
    axes.into_iter().all(|(step, length)| {
        let joined = step <= reach;
        // Checked with the nest: its bytes fit.
        reach = reach.saturating_add(step.saturating_mul(length - 1));
        joined
    })
}

/// First and last line of an operand's range.
fn covered(nest: &LoopNest, operand: &Operand, bases: &[u64], unit: u64) -> Option<[u64; 2]> {
    let (low, high) = nest.byte_range(operand)?;
    let base = i128::from(*bases.get(operand.buffer)?);
    let unit_of = |byte: i128| Some(u64::try_from(byte).ok()? / unit);
    Some([unit_of(base + low)?, unit_of(base + high - 1)?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Rng;

    #[test]
    fn the_fullest_set_is_found_as_by_counting() {
        let mut rng = Rng::new(4);
        for _ in 0..2000 {
            let range = |_| {
                let first = rng.below(60);
                [first, first + rng.below(30)]
            };
            let ranges = merged((0..3).map(range).collect());
            let sets = 1 + rng.below(20);
            let footprint = Footprint { distinct: None, ranges };
            let in_set = |set: u64| {
                footprint
                    .ranges
                    .iter()
                    .flat_map(|[first, last]| *first..=*last)
                    .filter(|line| line % sets == set)
                    .count()
            };
            let most = (0..sets).map(in_set).max().unwrap() as u64;
            assert_eq!(footprint.most_in_a_set(sets), Some(most), "{footprint:?} in {sets} sets");
        }
    }
}
