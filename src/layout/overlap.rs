//! Whether elements share bytes, exactly: bounded linear equations, with a cap on the work.

use super::Layout;

/// Values of a variable tried at most before the answer is "unknown".
const MOST_WORK: u64 = 20_000_000;

/// `coefficient * x` for `x` from `low` to `high`; the coefficient is positive.
#[derive(Clone, Copy, Debug)]
struct Term {
    coefficient: i128,
    low: i128,
    high: i128,
}

/// Whether the terms can add up to a value of a range; `None` if that takes too much work. The problem is NP-hard in
/// general; reach and divisibility leave few values for each variable in practice.
fn solvable(terms: &mut [Term], target: (i128, i128), work: &mut u64) -> Option<bool> {
    terms.sort_by_key(|term| std::cmp::Reverse(term.coefficient));
    search(terms, target, work)
}

fn search(terms: &[Term], (low, high): (i128, i128), work: &mut u64) -> Option<bool> {
    let Some((first, rest)) = terms.split_first() else { return Some(low <= 0 && 0 <= high) };
    let least: i128 = rest.iter().map(|term| term.coefficient * term.low).sum();
    let most: i128 = rest.iter().map(|term| term.coefficient * term.high).sum();
    let gcd = terms.iter().fold(0, |sum, term| gcd(sum, term.coefficient));
    if high.div_euclid(gcd) * gcd < low {
        return Some(false);
    }
    let from = (low - most).div_euclid(first.coefficient) + i128::from((low - most).rem_euclid(first.coefficient) != 0);
    let to = (high - least).div_euclid(first.coefficient);
    for x in from.max(first.low)..=to.min(first.high) {
        *work += 1;
        if *work > MOST_WORK {
            return None;
        }
        let part = first.coefficient * x;
        if search(rest, (low - part, high - part), work)? {
            return Some(true);
        }
    }
    Some(false)
}

pub(super) fn gcd(a: i128, b: i128) -> i128 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Whether every step, without its sign, reaches past all that the smaller ones reach together: then different indices
/// are different bytes. Axes are length and byte step; those of one element do not count. Sufficient, not necessary.
#[must_use]
pub fn is_nested(itemsize: usize, axes: impl Iterator<Item = (usize, i64)>) -> bool {
    let mut axes: Vec<(u64, u64)> =
        axes.filter(|(n, _)| *n > 1).map(|(n, step)| (step.unsigned_abs(), n as u64)).collect();
    axes.sort_unstable();
    let mut reach = itemsize as u64;
    axes.into_iter().all(|(step, n)| {
        let apart = step >= reach;
        reach = reach.saturating_add(step.saturating_mul(n - 1));
        apart
    })
}

impl Layout {
    /// Length and stride without its sign of the axes that lead somewhere; `None` if two indices are one element.
    fn moving(&self) -> Option<Vec<(i128, i128)>> {
        let long = self.shape.iter().zip(&self.strides).filter(|(n, _)| **n > 1);
        let moving: Vec<(i128, i128)> = long.map(|(&n, &stride)| (n as i128, i128::from(stride).abs())).collect();
        moving.iter().all(|(_, stride)| *stride != 0).then_some(moving)
    }

    /// Whether two different indices share a byte; `None` if finding out takes too much work.
    #[must_use]
    pub fn overlaps_itself(&self) -> Option<bool> {
        if self.size() == 0 {
            return Some(false);
        }
        let item = self.itemsize as i128;
        let Some(mut axes) = self.moving() else { return Some(true) };
        if is_nested(self.itemsize, self.shape.iter().copied().zip(self.strides.iter().copied())) {
            return Some(false);
        }
        // More bytes than there are in the range.
        let range = self.byte_bounds().map_or(0, |(low, high)| high.saturating_sub(low).unsigned_abs());
        if self.size().saturating_mul(self.itemsize as u128) > range {
            return Some(true);
        }
        axes.sort_by_key(|axis| axis.1);
        // Two indices differ by d: the first axis in which they do is `lead`, and there the difference is positive.
        let mut work = 0;
        for lead in 0..axes.len() {
            let mut terms: Vec<Term> = axes[lead..]
                .iter()
                .enumerate()
                .map(|(at, &(n, coefficient))| Term { coefficient, low: if at == 0 { 1 } else { 1 - n }, high: n - 1 })
                .collect();
            if solvable(&mut terms, (1 - item, item - 1), &mut work)? {
                return Some(true);
            }
        }
        Some(false)
    }

    /// Whether the byte ranges of two layouts of one buffer meet (`np.may_share_memory`).
    #[must_use]
    pub fn may_share(&self, other: &Self) -> bool {
        let both = self.byte_bounds().zip(other.byte_bounds());
        both.is_some_and(|((low, high), (other_low, other_high))| low < other_high && other_low < high)
    }

    /// Whether two layouts of one buffer share a byte (`np.shares_memory`); `None` if finding out takes too much work.
    #[must_use]
    pub fn shares(&self, other: &Self) -> Option<bool> {
        if !self.may_share(other) {
            return Some(false);
        }
        // a - b of two elements lies between 1 - itemsize(a) and itemsize(b) - 1. Negative coefficients are turned round.
        let (mut terms, mut shift) = (Vec::new(), i128::from(self.offset) - i128::from(other.offset));
        for (layout, sign) in [(self, 1), (other, -1)] {
            for (&n, &stride) in layout.shape.iter().zip(&layout.strides).filter(|(n, s)| **n > 1 && **s != 0) {
                let (coefficient, high) = (i128::from(stride) * sign, n as i128 - 1);
                if coefficient < 0 {
                    shift += coefficient * high;
                }
                terms.push(Term { coefficient: coefficient.abs(), low: 0, high });
            }
        }
        // Equal strides are one variable.
        terms.sort_by_key(|term| term.coefficient);
        terms.dedup_by(|next, kept| {
            let same = next.coefficient == kept.coefficient;
            if same {
                kept.high += next.high;
            }
            same
        });
        let (low, high) = (1 - self.itemsize as i128 - shift, other.itemsize as i128 - 1 - shift);
        solvable(&mut terms, (low, high), &mut 0)
    }
}

#[cfg(test)]
mod tests {
    use crate::layout::{Layout, Op, Order};

    #[test]
    fn a_far_axis_beside_interleaved_ones_is_no_overlap() {
        // Offsets 8i + 12j are 0, 8, 12, 16, 20, 28: apart for four bytes, though not nested. The third axis is far away.
        let bytes = Layout::contiguous(&[100_100], 4, Order::C).unwrap();
        let shape = |third: i64| Op::AsStrided { shape: vec![3, 2, third], strides: vec![8, 12, 1000] };
        for third in [1, 100] {
            assert_eq!(bytes.apply(&shape(third)).unwrap().layout.overlaps_itself(), Some(false), "{third}");
        }
        let four = Op::AsStrided { shape: vec![4, 3, 100], strides: vec![8, 12, 1000] };
        assert_eq!(bytes.apply(&four).unwrap().layout.overlaps_itself(), Some(true));
    }
}
