//! Paired rounds: log ratios, the penalty with its intervals, the verdict of one run.

use super::{Interval, median, sign_interval, t_interval};

/// Standard deviation of a log ratio from run to run on one host, where fewer than three runs tell it. Measured at
/// 2.4 to 2.8 % for column over row (see docs on measuring).
pub const RUN_TO_RUN_RATIO: f64 = 0.03;
/// The same for nanoseconds.
pub const RUN_TO_RUN_NANOS: f64 = 0.05;
/// A change smaller than this is never called one.
pub const CHANGE_FLOOR: f64 = 0.02;
/// Rounds that an interval of 99 % by the sign test takes: 2 · 2⁻⁷ is more than 1 %.
pub const LEAST_ROUNDS: usize = 8;
/// Two arms are the same if the 95 % interval of their ratio lies within this of 1.
pub const SAME_MARGIN: f64 = 0.03;

/// One log ratio (contender over baseline) per round; a round is two samples of each member. The order ABBA makes the
/// mean of the four logs free of linear drift. A trailing half round is left out.
#[must_use]
pub fn log_ratios(baseline_ns: &[u64], contender_ns: &[u64]) -> Vec<f64> {
    let rounds = baseline_ns.chunks_exact(2).zip(contender_ns.chunks_exact(2));
    rounds.map(|(a, b)| log_ratio([a[0], a[1]], [b[0], b[1]])).collect()
}

/// The log ratio of one round: half the logarithm of the products' ratio.
#[must_use]
pub fn log_ratio(baseline_ns: [u64; 2], contender_ns: [u64; 2]) -> f64 {
    let product = |[a, b]: [u64; 2]| a.max(1) as f64 * b.max(1) as f64;
    (product(contender_ns) / product(baseline_ns)).ln() / 2.0
}

/// What a pair costs, as ratios: 1 is no difference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Penalty {
    /// 95 % over the placements of this run.
    pub run: Interval,
    /// 95 % for another run on this host: adds the run-to-run deviation.
    pub host: Interval,
    /// 99 % by the sign test over the rounds of all placements: what is true of these very arrays.
    pub rounds: Interval,
}

/// The penalty from the log ratios of each placement's rounds; `None` if no placement has a round.
#[must_use]
pub fn penalty(placements: &[Vec<f64>]) -> Option<Penalty> {
    let medians: Vec<f64> = placements.iter().filter_map(|rounds| median(rounds)).collect();
    let run = t_interval(&medians, 0.95, 0.0)?;
    let host = t_interval(&medians, 0.95, RUN_TO_RUN_RATIO.powi(2))?;
    let rounds = sign_interval(&placements.concat(), 0.99)?;
    Some(Penalty { run: run.map(f64::exp), host: host.map(f64::exp), rounds: rounds.map(f64::exp) })
}

/// What one run says about two arms on the same arrays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The contender takes longer.
    Slower,
    /// The contender takes less time.
    Faster,
    /// The interval lies inside the margin.
    Same,
    /// Neither can be said.
    Inconclusive,
}

/// Changed if the 99 % sign interval of the rounds excludes 1 and the change is above [`CHANGE_FLOOR`]; same if the
/// 95 % interval lies within [`SAME_MARGIN`]; inconclusive else, and always where the null control was `noisy`.
#[must_use]
pub fn verdict(log_ratios: &[f64], noisy: bool) -> Verdict {
    let both = sign_interval(log_ratios, 0.99).zip(sign_interval(log_ratios, 0.95));
    let Some((wide, narrow)) = both.filter(|_| !noisy) else { return Verdict::Inconclusive };
    let change = wide.estimate.exp_m1();
    if !wide.contains(0.0) && change.abs() > CHANGE_FLOOR {
        return if change > 0.0 { Verdict::Slower } else { Verdict::Faster };
    }
    let margin = SAME_MARGIN.ln_1p();
    if narrow.low >= -margin && narrow.high <= margin { Verdict::Same } else { Verdict::Inconclusive }
}

/// A null control whose interval comes this near to 1 disturbs no verdict: it is a quarter of [`CHANGE_FLOOR`].
pub const NULL_MARGIN: f64 = 0.005;

/// Whether a null control disqualifies the verdicts of its size class: its whole 99 % interval is further from 1 than
/// [`NULL_MARGIN`]. With fewer rounds than [`LEAST_ROUNDS`] there is no such interval; then it may be off by
/// [`CHANGE_FLOOR`]. An interval that is wide and holds 1 shows noise, which the pairs of the class have in theirs too.
#[must_use]
pub fn null_is_noisy(log_ratios: &[f64]) -> bool {
    let margin = NULL_MARGIN.ln_1p();
    let few = log_ratios.len() < LEAST_ROUNDS;
    let off = |null: Interval| few && null.estimate.exp_m1().abs() > CHANGE_FLOOR;
    sign_interval(log_ratios, 0.99).is_none_or(|null| null.low > margin || null.high < -margin || off(null))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Rng;

    #[test]
    fn linear_drift_cancels_in_a_round() {
        // Time grows by 10 % per sample; ABBA sees 1.0, 1.1, 1.2, 1.3 of the base.
        let ratios = log_ratios(&[1000, 1300], &[2200, 2400]);
        assert_eq!(ratios.len(), 1);
        assert!((ratios[0].exp() - 2.0).abs() < 0.02, "{}", ratios[0].exp());
        assert_eq!(log_ratios(&[1, 2, 3], &[1, 2, 3]).len(), 1);
        assert!(log_ratios(&[0, 0], &[5, 5])[0].is_finite());
    }

    #[test]
    fn placements_that_differ_widen_the_interval() {
        let calm = penalty(&vec![vec![1.0, 1.001, 0.999]; 6]).unwrap();
        assert!(calm.run.high / calm.run.low < 1.001);
        assert!(calm.host.high / calm.host.low > 1.1, "{calm:?}");
        let lucky: Vec<_> = (0..6).map(|p| vec![1.0 + 0.02 * f64::from(p); 3]).collect();
        assert!(penalty(&lucky).unwrap().run.high / calm.run.high > 1.05);
        assert!(penalty(&[vec![], vec![]]).is_none());
    }

    #[test]
    fn verdicts_follow_the_stated_rule() {
        let mut rng = Rng::new(11);
        let mut around = |center: f64, n: usize| -> Vec<f64> {
            (0..n).map(|_| center + 0.02 * (rng.unit() + rng.unit() - 1.0)).collect()
        };
        assert_eq!(verdict(&around(0.05, 30), false), Verdict::Slower);
        assert_eq!(verdict(&around(-0.05, 30), false), Verdict::Faster);
        assert_eq!(verdict(&around(0.0, 30), false), Verdict::Same);
        assert_eq!(verdict(&around(0.05, 3), false), Verdict::Inconclusive);
        assert_eq!(verdict(&around(0.05, 30), true), Verdict::Inconclusive);
        assert_eq!(verdict(&around(0.015, 200), false), Verdict::Same);
        assert_eq!(verdict(&[], false), Verdict::Inconclusive);
        assert_eq!(verdict(&around(0.5, LEAST_ROUNDS), false), Verdict::Slower);
        assert_eq!(verdict(&around(0.5, LEAST_ROUNDS - 1), false), Verdict::Inconclusive);
        assert!(null_is_noisy(&around(0.04, 30)) && !null_is_noisy(&around(0.0, 30)));
        // Wide around 1 is noise and no bias; too few rounds tell nothing of either.
        let wide: Vec<f64> = (0..9).map(|round| 0.02 * f64::from(round) - 0.05).collect();
        assert!(median(&wide).unwrap() > 0.02 && !null_is_noisy(&wide) && null_is_noisy(&wide[3..]));
        assert!(null_is_noisy(&[]));
    }
}
