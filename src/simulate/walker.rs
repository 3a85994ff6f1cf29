//! One operand as the direct engine steps it: where it is, and how long it stays in a line.

use crate::nest::{LoopNest, Role};

/// What a run accesses before its steps, in each of them and behind them: operands and what is done with them.
pub(super) fn parts(nest: &LoopNest) -> [Vec<(usize, Role)>; 3] {
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
    pub(super) base: u64,
    pub(super) step: i64,
    pub(super) size: u64,
    pub(super) role: Role,
    /// The exponent of a step that is a power of two: a shift is faster than a division.
    shift: Option<u32>,
}

impl Walker {
    pub(super) fn new(base: u64, step: i64, size: u64, role: Role) -> Self {
        let shift = step.unsigned_abs().is_power_of_two().then(|| step.unsigned_abs().trailing_zeros());
        Self { base, step, size, role, shift }
    }

    /// Whether no element from here on lies in two lines: what a line's bytes begin with modulo the step's largest power
    /// of two repeats, so the last place inside a line that an element can have is known.
    #[inline(always)]
    pub(super) fn is_whole(&self, address: u64, line_bits: u32) -> bool {
        let grain = 1 << self.step.trailing_zeros().min(line_bits);
        (address & (grain - 1)) + self.size <= grain
    }

    /// Steps from here, this one included, that touch the same single line.
    #[inline(always)]
    pub(super) fn stays(&self, address: u64, line_bits: u32) -> u64 {
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
