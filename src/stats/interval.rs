//! Confidence intervals and the correction for many tests.

use super::{binomial_half_cdf, median, t_quantile};

/// An estimate with its interval, all on one scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The estimate.
    pub estimate: f64,
    /// The lower end; minus infinity where the data are too few for the level.
    pub low: f64,
    /// The upper end; infinity where the data are too few for the level.
    pub high: f64,
}

impl Interval {
    /// The same interval through an increasing function, such as `exp`.
    #[must_use]
    pub fn map(self, f: impl Fn(f64) -> f64) -> Self {
        Self { estimate: f(self.estimate), low: f(self.low), high: f(self.high) }
    }

    /// Whether `value` lies inside, ends included.
    #[must_use]
    pub fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}

/// The median with the exact interval of the sign test: distribution-free, so skew does not spoil it. The interval
/// runs from the k-th smallest to the k-th largest value, k as large as the confidence `level` allows (Conover,
/// "Practical Nonparametric Statistics", 3rd ed., 3.2). `None` without values.
#[must_use]
pub fn sign_interval(values: &[f64], level: f64) -> Option<Interval> {
    let estimate = median(values)?;
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let tail = (1.0 - level) / 2.0;
    let n = sorted.len() as u64;
    // k - 1 is the largest count whose probability under a fair coin stays within the tail.
    let mut k = 0;
    while k < sorted.len() / 2 && binomial_half_cdf(k as u64, n) <= tail {
        k += 1;
    }
    let (low, high) = match k {
        0 => (f64::NEG_INFINITY, f64::INFINITY),
        k => (sorted[k - 1], sorted[sorted.len() - k]),
    };
    Some(Interval { estimate, low, high })
}

/// The confidence that the widest sign interval of `n` values has: `1 - 2^(1-n)`.
#[must_use]
pub fn sign_interval_level(n: usize) -> f64 {
    1.0 - 2.0_f64.powi(1 - i32::try_from(n).unwrap_or(i32::MAX))
}

/// The mean with Student's t interval, widened by a further variance `extra` of the mean (run-to-run, say). With one
/// value only `extra` is known; the interval is infinite if that is 0. `None` without values.
#[must_use]
pub fn t_interval(values: &[f64], level: f64, extra: f64) -> Option<Interval> {
    if values.is_empty() || values.iter().any(|v| !v.is_finite()) {
        return None;
    }
    let n = values.len() as f64;
    let estimate = values.iter().sum::<f64>() / n;
    let upper = 1.0 - (1.0 - level) / 2.0;
    let half = if values.len() > 1 {
        let variance = values.iter().map(|v| (v - estimate).powi(2)).sum::<f64>() / (n - 1.0) / n;
        let inside = t_quantile(upper, n - 1.0) * variance.sqrt();
        let between = super::normal_quantile(upper) * extra.sqrt();
        inside.hypot(between)
    } else if extra > 0.0 {
        super::normal_quantile(upper) * extra.sqrt()
    } else {
        f64::INFINITY
    };
    Some(Interval { estimate, low: estimate - half, high: estimate + half })
}

/// Benjamini and Hochberg's step-up correction (1995): which of the p-values are told if, of all that are told, at most
/// the share `rate` may be false on average; where nothing has changed, the chance that anything is told is `rate`.
#[must_use]
pub fn benjamini_hochberg(p_values: &[f64], rate: f64) -> Vec<bool> {
    let mut sorted = p_values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = p_values.len() as f64;
    let limit = (1_u32..).zip(&sorted).filter(|&(rank, &p)| p <= rate * f64::from(rank) / n).map(|(_, &p)| p).last();
    p_values.iter().map(|&p| limit.is_some_and(|limit| p <= limit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Rng;

    #[test]
    fn the_sign_interval_takes_the_textbook_ranks() {
        // n = 15 at 95 %: ranks 4 and 12 (Conover, table A3: 17 of 2^15 in each tail below 0.025).
        let values: Vec<f64> = (1..=15).map(f64::from).collect();
        let interval = sign_interval(&values, 0.95).unwrap();
        assert_eq!((interval.low, interval.estimate, interval.high), (4.0, 8.0, 12.0));
        let few = sign_interval(&[1.0, 2.0, 3.0], 0.95).unwrap();
        assert!(few.low.is_infinite() && few.high.is_infinite());
        assert!(sign_interval(&[], 0.95).is_none());
        assert!((sign_interval_level(6) - 0.96875).abs() < 1e-12);
    }

    #[test]
    fn the_t_interval_equals_scipys() {
        // scipy.stats.t.interval(0.95, 4, loc=mean, scale=sem) of these five.
        let interval = t_interval(&[1.0, 2.0, 4.0, 8.0, 9.0], 0.95, 0.0).unwrap();
        assert!(
            (interval.low - 0.375_074_638_784).abs() < 1e-9 && (interval.high - 9.224_925_361_215).abs() < 1e-9,
            "{interval:?}"
        );
        assert!(t_interval(&[1.0], 0.95, 0.0).unwrap().high.is_infinite());
        assert!((t_interval(&[1.0], 0.95, 0.01).unwrap().high - 1.195_996).abs() < 1e-5);
    }

    #[test]
    fn both_intervals_cover_as_often_as_they_say() {
        let mut rng = Rng::new(3);
        let (mut sign, mut t) = (0, 0);
        for _ in 0..2000 {
            // Sums of uniforms: near normal, median and mean 0.
            let values: Vec<f64> = (0..12).map(|_| (0..6).map(|_| rng.unit() - 0.5).sum()).collect();
            sign += u32::from(sign_interval(&values, 0.95).unwrap().contains(0.0));
            t += u32::from(t_interval(&values, 0.95, 0.0).unwrap().contains(0.0));
        }
        assert!(sign >= 1900, "{sign}");
        assert!((1860..1940).contains(&t), "{t}");
    }

    #[test]
    fn the_correction_steps_up() {
        // Table 1 of the paper (15 p-values, rate 0.05): the four smallest are told.
        let p = [
            0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528,
            0.7590, 1.0,
        ];
        let told = benjamini_hochberg(&p, 0.05);
        assert_eq!(told.iter().filter(|told| **told).count(), 4);
        assert!(told[..4].iter().all(|told| *told));
        assert_eq!(benjamini_hochberg(&[0.04, 0.03], 0.05), [true, true]);
        assert_eq!(benjamini_hochberg(&[], 0.05), [] as [bool; 0]);
    }
}
