//! Two closures in turn: the paired design for code that is not a kernel of ours.

use crate::stats::{self, Penalty, Verdict};
use crate::suite::Pace;
use crate::units::Rng;
use std::hint::black_box;
use std::time::Instant;

/// What two closures took, each in the order of the samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// Calls per sample, by placement.
    pub calls: Vec<u64>,
    /// Nanoseconds of the baseline's samples, by placement.
    pub baseline_ns: Vec<Vec<u64>>,
    /// Nanoseconds of the contender's samples, by placement.
    pub contender_ns: Vec<Vec<u64>>,
}

impl Pair {
    fn log_ratios(&self) -> Vec<Vec<f64>> {
        self.baseline_ns.iter().zip(&self.contender_ns).map(|(a, b)| stats::log_ratios(a, b)).collect()
    }

    /// Contender over baseline with its intervals.
    ///
    /// # Panics
    /// Never: a placement has at least one round.
    #[must_use]
    pub fn penalty(&self) -> Penalty {
        stats::penalty(&self.log_ratios()).expect("every placement has a round")
    }

    /// Whether the contender is slower; a change below 2 % never counts as one.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        stats::verdict(&self.log_ratios().concat(), false)
    }
}

/// Times two closures in turn on data from `set_up`, which is called once per placement (where its data lie
/// is the allocator's choice, often the same place again): rounds of ABBA or BAAB, the same
/// number of calls per sample on both sides, each sample at least `pace.sample_ns`. What a closure returns is kept from the
/// optimiser. The calling thread is not pinned here; see [`pin`](crate::host::pin).
///
/// ```
/// use stridewise::{measure, suite::Pace};
///
/// let pace = Pace { placements: 2, placement_ns: 1_000_000, sample_ns: 10_000, least_rounds: 3, settling: 0 };
/// let sum = |data: &mut Vec<u64>| data.iter().sum::<u64>();
/// let found = measure::pair(pace, || vec![1; 1000], sum, |data| sum(data) + sum(data));
/// assert_eq!(found.baseline_ns.len(), 2);
/// assert!(found.penalty().run.estimate > 0.0);
/// ```
#[must_use]
pub fn pair<T, A, B>(
    pace: Pace,
    mut set_up: impl FnMut() -> T,
    mut baseline: impl FnMut(&mut T) -> A,
    mut contender: impl FnMut(&mut T) -> B,
) -> Pair {
    let mut rng = Rng::new(0);
    let mut found = Pair { calls: Vec::new(), baseline_ns: Vec::new(), contender_ns: Vec::new() };
    for _ in 0..pace.placements.max(1) {
        let mut data = set_up();
        let mut sample = |of_contender: bool, calls: u64| {
            let start = Instant::now();
            for _ in 0..calls {
                if of_contender {
                    black_box(contender(black_box(&mut data)));
                } else {
                    black_box(baseline(black_box(&mut data)));
                }
            }
            u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX).max(1)
        };
        let calls = super::rounds::grown(pace.sample_ns, |calls| sample(false, calls).min(sample(true, calls)));
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        let begun = Instant::now();
        while ours.len() < 2 * pace.least_rounds.max(1) as usize
            || begun.elapsed().as_nanos() < u128::from(pace.placement_ns)
        {
            let flipped = rng.coin();
            for of_contender in [flipped, !flipped, !flipped, flipped] {
                let ns = sample(of_contender, calls);
                if of_contender { theirs.push(ns) } else { ours.push(ns) }
            }
        }
        found.calls.push(calls);
        found.baseline_ns.push(ours);
        found.contender_ns.push(theirs);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_are_called_as_often_on_fresh_data_per_placement() {
        let pace = Pace { placements: 3, placement_ns: 0, sample_ns: 1, least_rounds: 4, settling: 0 };
        let (mut set_ups, mut calls) = (0, [0_u64; 2]);
        let found = pair(
            pace,
            || {
                set_ups += 1;
                [0_u64; 2]
            },
            |data| data[0] += 1,
            |data| data[1] += 1,
        );
        assert_eq!(set_ups, 3);
        for placement in 0..3 {
            assert_eq!(found.baseline_ns[placement].len(), 8);
            assert_eq!(found.contender_ns[placement].len(), 8);
        }
        let [a, b] = &mut calls;
        let counted = pair(pace, || (), |()| *a += 1, |()| *b += 1);
        assert_eq!(calls[0], calls[1]);
        assert!(calls[0] >= counted.calls.iter().map(|calls| calls * 8).sum::<u64>());
    }

    /// A sleep is never shorter than asked, however busy the machine is.
    #[test]
    fn samples_are_kept_with_the_arm_that_took_them() {
        let pace = Pace { placements: 1, placement_ns: 0, sample_ns: 1, least_rounds: 2, settling: 0 };
        let least = std::time::Duration::from_millis(2);
        let found = pair(pace, || (), |()| (), |()| std::thread::sleep(least));
        let each = u128::from(found.calls[0]) * least.as_nanos();
        assert!(found.contender_ns[0].iter().all(|&ns| u128::from(ns) >= each), "{found:?}");
    }

    #[test]
    fn the_verdict_is_of_the_contender_over_the_baseline() {
        let (short, long): (Vec<u64>, Vec<u64>) = (0..24).map(|n| (1_000 + n, 2_000 + 2 * n)).unzip();
        let of = |a: &Vec<u64>, b: &Vec<u64>| Pair {
            calls: vec![1],
            baseline_ns: vec![a.clone()],
            contender_ns: vec![b.clone()],
        };
        let slower = of(&short, &long);
        assert_eq!(slower.verdict(), Verdict::Slower);
        assert!((slower.penalty().run.estimate - 2.0).abs() < 1e-9, "{:?}", slower.penalty());
        assert_eq!(of(&long, &short).verdict(), Verdict::Faster);
        assert_eq!(of(&short, &short).verdict(), Verdict::Same);
    }
}
