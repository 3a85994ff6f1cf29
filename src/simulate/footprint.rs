//! How many distinct lines a nest touches.

use crate::nest::{LoopNest, Operand};
use rustc_hash::FxHashSet;

/// Accesses whose lines are listed at most, where no formula holds.
const MOST_LISTED: u64 = 1_000_000;

/// Distinct lines of one pass; `None` where they would have to be listed and are too many.
pub(super) fn lines(nest: &LoopNest, bases: &[u64], line: u64) -> Option<u64> {
    if nest.steps() == 0 {
        return Some(0);
    }
    let ranges: Option<Vec<[u64; 2]>> =
        nest.operands().iter().map(|operand| dense(nest, operand, bases, line)).collect();
    if let Some(mut ranges) = ranges {
        // Neighbours may share a line: count the union.
        ranges.sort_unstable();
        let (mut sum, mut next) = (0, 0);
        for [first, last] in ranges {
            let from = first.max(next);
            sum += (last + 1).saturating_sub(from);
            next = next.max(last + 1);
        }
        return Some(sum);
    }
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

/// First and last line of an operand whose steps leave out no line.
fn dense(nest: &LoopNest, operand: &Operand, bases: &[u64], line: u64) -> Option<[u64; 2]> {
    let mut axes: Vec<(u64, u64)> = nest
        .axes()
        .iter()
        .zip(&operand.steps)
        .map(|(&length, step)| (step.unsigned_abs(), length as u64 - 1))
        .filter(|&(_, more)| more > 0)
        .collect();
    axes.sort_unstable();
    let mut reach = operand.itemsize as u64;
    for (step, more) in axes {
        // Without gaps of bytes there are none of lines.
        if step > reach {
            return None;
        }
        reach = step.checked_mul(more)?.checked_add(reach)?;
    }
    let (low, _) = nest.byte_range(operand)?;
    let first = bases.get(operand.buffer)?.checked_add_signed(i64::try_from(low).ok()?)?;
    Some([first / line, first.checked_add(reach - 1)? / line])
}
