//! One array read in a plain nest: which iterations of the outermost loop meet in a unit, and what a pass touches.

use super::super::place::greatest_common_divisor as gcd;
use super::Budget;
use crate::nest::{LoopNest, Role};

/// The walk: one operand, loops from outside to inside.
pub(super) struct Walk {
    pub(super) base: u64,
    pub(super) size: u64,
    /// Extent and byte step.
    pub(super) outer: (u64, i64),
    pub(super) inner: Vec<(u64, i64)>,
}

impl Walk {
    /// `None` unless it is a plain nest of two or three loops that reads one array.
    pub(super) fn of(nest: &LoopNest, bases: &[u64]) -> Option<Self> {
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

    /// Accesses of an iteration of the outermost loop.
    pub(super) fn steps(&self) -> u64 {
        self.inner.iter().map(|(extent, _)| extent).product()
    }

    /// First byte of every access of iteration `i`, as offsets from the base, in order.
    pub(super) fn iteration(&self, i: u64, mut visit: impl FnMut(u64)) {
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
    pub(super) fn grid(&self) -> u64 {
        self.inner.iter().fold(0, |sum, (_, step)| gcd(sum, step.unsigned_abs()))
    }

    /// Whether the inner loops step over whole units and no access lies in two.
    pub(super) fn whole_units(&self, unit: u64) -> bool {
        self.grid().is_multiple_of(unit)
            && self.grid() > 0
            && unit.is_multiple_of(self.size)
            && self.outer.1.unsigned_abs().is_multiple_of(self.size)
            && self.base.is_multiple_of(self.size)
    }

    /// D and F of the shortcut's argument; `None` if too many differences would have to be tried.
    pub(super) fn meeting(&self, unit: u64, budget: Budget) -> Option<[u64; 2]> {
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
    pub(super) fn totals(&self, unit: u64, sets: u64) -> Option<[u64; 3]> {
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
