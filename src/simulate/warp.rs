//! Fast-forwarding: when the state of all levels repeats up to a move of the lines, whole periods are multiplied.
//!
//! Let iterations of the outermost loop move operand k by s(k) bytes each. A *period* is a number of iterations in which
//! every s(k) becomes a whole number of lines, all of them equal modulo the number of sets of every level. Let φ be the
//! map of lines that moves those of operand k by what k moves in some periods. It is a function if operands that move
//! differently share no line in the whole nest (refused otherwise), and it is one to one. Lines that share a set share
//! one after φ, since all of them go on by one number of sets; lines that do not, do not.
//!
//! Claim: if the state after iteration j is φ of the state after an earlier iteration i, in every level, order of use and
//! written marks included, then iterations i + n and j + n count the same and end in states of which one is φ of the
//! other, for every n as long as there are whole iterations. A machine asks of a line only whether it equals another,
//! which set it is in, and whether it is written: all of this is the same for lines and their images, so one access
//! leads from states that correspond to states that correspond, with the same hits, victims and write-backs.
//!
//! So what is counted from i to j is multiplied, the state is moved by as many times φ, and the iterations that are less
//! than j - i, and a shorter last block of tiles, are walked. Nothing is assumed of the state before: it holds for warm
//! passes as for cold ones. States are compared whole, never by a hash. Which are compared follows Brent ("An improved
//! Monte Carlo factorization algorithm", 1980): one state is kept, renewed after 1, 2, 4, … comparisons.
//!
//! TLBs are the same with pages for lines; a table that holds any page in any place has one set.

use super::cache::{Search, Tag};
use super::engine::Machine;
use super::place::{greatest_common_divisor, least_common_multiple};
use super::raw::Vectors;
use super::state::{Kept, Range, Shift};
use crate::nest::{Loop, LoopNest};

/// Steps that are walked before states are compared again, so that both cost little beside them.
const STEPS: u64 = 4096;
/// Touched lines that are walked for one line that is compared or copied.
const WALKED_PER_COMPARED: u64 = 4;

/// Whether states are compared as soon as they may be equal, or only when that costs little beside walking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effort {
    Little,
    Any,
}

/// How a nest is cut into pieces after which states may repeat.
pub(super) struct Plan {
    axis: usize,
    /// Indices of the axis that a piece takes.
    length: usize,
    /// Pieces of that length.
    pieces: u64,
    /// What one piece moves.
    shift: Shift,
    /// Lines or pages that it touches, roughly.
    piece_touches: u64,
    effort: Effort,
}

impl Plan {
    /// `None` where too few periods fit into the outermost loop, or operands that move differently share lines.
    pub(super) fn of(nest: &LoopNest, bases: &[u64], unit: u64, sets: &[u64], effort: Effort) -> Option<Self> {
        let depth = (0..nest.loops().len()).find(|&depth| nest.max_extent(depth) > 1)?;
        let Loop { axis, block } = nest.loops()[depth];
        // Cutting the innermost loop would load and store what is hoisted more often.
        if depth + 1 == nest.loops().len() && (0..nest.operands().len()).any(|operand| nest.is_hoisted(operand)) {
            return None;
        }
        let steps: Vec<i64> = (0..nest.operands().len()).map(|operand| nest.loop_step(operand, depth)).collect();
        let iterations = (nest.axes()[axis] / block) as u64;
        let period = period(&steps, unit, sets).filter(|period| period.saturating_mul(3) <= iterations)?;
        let per_period = (nest.steps() / (nest.axes()[axis] as u64)).saturating_mul(period * block as u64).max(1);
        let together = if effort == Effort::Any { 1 } else { STEPS.div_ceil(per_period) };
        let taken = period.checked_mul(together)?;
        let pieces = iterations / taken;
        if pieces < 3 {
            return None;
        }
        let mut ranges = Vec::new();
        for (operand, step) in nest.operands().iter().zip(&steps) {
            let base = i128::from(*bases.get(operand.buffer)?);
            let (low, high) = nest.byte_range(operand)?;
            let unit_of = |byte: i128| u64::try_from(byte).ok().map(|byte| byte / unit);
            let shift = i64::try_from(i128::from(*step) * i128::from(taken) / i128::from(unit)).ok()?;
            // All moves taken together stay within what a number can hold.
            shift.checked_mul(i64::try_from(pieces).ok()?)?;
            ranges.push(Range { first: unit_of(base + low)?, last: unit_of(base + high - 1)?, shift });
        }
        let apart = |a: &Range, b: &Range| a.shift == b.shift || a.last < b.first || b.last < a.first;
        if !ranges.iter().enumerate().all(|(k, a)| ranges[..k].iter().all(|b| apart(a, b))) {
            return None;
        }
        let length = usize::try_from(taken).ok()?.checked_mul(block)?;
        let piece_touches = super::touches(&nest.slice(axis, 0, length).ok()?, unit);
        Some(Self { axis, length, pieces, shift: Shift(ranges), piece_touches, effort })
    }
}

/// Fewest iterations in which all steps are whole units, and equal modulo all numbers of sets.
fn period(steps: &[i64], unit: u64, sets: &[u64]) -> Option<u64> {
    let to_whole = |step: u64, modulus: u64| modulus / greatest_common_divisor(step, modulus);
    let mut period = 1;
    for (k, step) in steps.iter().enumerate() {
        period = least_common_multiple(period, to_whole(step.unsigned_abs(), unit))?;
        for other in &steps[..k] {
            for &sets in sets {
                let apart = step.checked_sub(*other)?.unsigned_abs();
                period = least_common_multiple(period, to_whole(apart, sets.checked_mul(unit)?))?;
            }
        }
    }
    Some(period)
}

/// Walks one pass of a nest, whole periods at once where states repeat.
pub(super) fn walk<T: Tag>(machine: &mut Machine<T>, nest: &LoopNest, bases: &[u64], plan: &Plan)
where
    Vectors: Search<T>,
{
    let mut from = 0;
    let mut walk = |machine: &mut Machine<T>, length: usize, skipped: usize| {
        from += skipped;
        // Slices of a nest that was checked are not refused.
        if let Ok(piece) = nest.slice(plan.axis, from, length) {
            machine.walk(&piece, bases);
        }
        from += length;
    };
    let mut search = Repeats::new(machine, plan);
    let mut left = plan.pieces;
    while left > 0 {
        walk(machine, plan.length, 0);
        left -= 1;
        if let Some(leap) = search.after_piece(machine, left) {
            left -= leap;
            walk(machine, 0, usize::try_from(leap).unwrap_or(0) * plan.length);
        }
    }
    let rest = nest.axes()[plan.axis] - plan.length * usize::try_from(plan.pieces).unwrap_or(0);
    walk(machine, rest, 0);
}

/// The search for a state that repeats.
struct Repeats<'a, T> {
    plan: &'a Plan,
    kept: Kept<T>,
    /// Pieces since what is kept, and after how many it is renewed.
    lag: u64,
    renew: u64,
    /// Touched lines walked, lines compared and copied.
    walked: u64,
    compared: u64,
    piece_touches: u64,
    hints: Vec<usize>,
    found: bool,
}

impl<'a, T: Tag> Repeats<'a, T>
where
    Vectors: Search<T>,
{
    fn new(machine: &Machine<T>, plan: &'a Plan) -> Self {
        let (kept, piece_touches) = (machine.keep(), plan.piece_touches);
        Self { plan, kept, lag: 0, renew: 1, walked: 0, compared: 0, piece_touches, hints: Vec::new(), found: false }
    }

    /// Pieces that the machine leaps over, of those `left`, if its state is one that was kept.
    fn after_piece(&mut self, machine: &mut Machine<T>, left: u64) -> Option<u64> {
        (self.lag, self.walked) = (self.lag + 1, self.walked.saturating_add(self.piece_touches));
        let affordable = self.walked / WALKED_PER_COMPARED >= self.compared + self.kept.len();
        if self.found || (self.plan.effort == Effort::Little && !affordable) {
            // The distance to what is kept grows.
            return None;
        }
        let (looked, same) = machine.is_moved(&self.kept, &self.plan.shift.times(self.lag), &mut self.hints);
        self.compared += looked;
        let leap = left - left % self.lag;
        if same && leap > 0 && machine.leap(&self.kept, leap / self.lag, &self.plan.shift.times(leap)) {
            // Fewer pieces than the period are left.
            self.found = true;
            return Some(leap);
        }
        if self.lag >= self.renew {
            self.compared += self.kept.len();
            (self.kept, self.lag, self.renew) = (machine.keep(), 0, self.renew * 2);
        }
        None
    }
}
