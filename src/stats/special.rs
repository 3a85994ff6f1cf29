//! The few distribution functions that the intervals need.

/// Quantile of the standard normal distribution at `p` in `(0, 1)`, by bisection; infinite outside.
#[must_use]
pub fn normal_quantile(p: f64) -> f64 {
    bisect(p, normal_cdf)
}

/// Quantile of Student's t distribution with `freedom` degrees at `p` in `(0, 1)`; infinite outside.
#[must_use]
pub fn t_quantile(p: f64, freedom: f64) -> f64 {
    bisect(p, |x| t_cdf(x, freedom))
}

/// P(X ≤ k) for X of `n` fair coins.
#[must_use]
pub fn binomial_half_cdf(k: u64, n: u64) -> f64 {
    let mut log_term = -(n as f64) * std::f64::consts::LN_2;
    let mut sum = 0.0;
    for i in 0..=k.min(n) {
        sum += log_term.exp();
        log_term += ((n - i) as f64 / (i + 1) as f64).ln();
    }
    sum.min(1.0)
}

/// P(|T| > |x|) of Student's T with `freedom` degrees.
#[must_use]
pub fn two_sided_t(x: f64, freedom: f64) -> f64 {
    incomplete_beta(freedom / 2.0, 0.5, freedom / (freedom + x * x))
}

fn normal_cdf(x: f64) -> f64 {
    // P(|Z| < x) is the regularised incomplete gamma function P(1/2, x²/2), here by its series
    // (DLMF 8.7.1); beyond 38 the tail is below the smallest double.
    let z = x * x / 2.0;
    if z > 700.0 {
        return if x > 0.0 { 1.0 } else { 0.0 };
    }
    let (mut term, mut sum, mut n) = (1.0, 1.0, 0.0);
    while term > sum * 1e-17 {
        n += 1.0;
        term *= z / (n + 0.5);
        sum += term;
    }
    let inside = x.abs() * (2.0 / std::f64::consts::PI).sqrt() * (-z).exp() * sum;
    0.5 + inside.copysign(x) / 2.0
}

fn t_cdf(x: f64, freedom: f64) -> f64 {
    let tail = incomplete_beta(freedom / 2.0, 0.5, freedom / (freedom + x * x)) / 2.0;
    if x > 0.0 { 1.0 - tail } else { tail }
}

/// The regularised incomplete beta function by its continued fraction (DLMF 8.17.22), evaluated bottom-up with 200
/// levels: enough for every argument met here.
fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return if x <= 0.0 { 0.0 } else { 1.0 };
    }
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(b, a, 1.0 - x);
    }
    let mut fraction = 1.0;
    for level in (1..=200_u32).rev() {
        let m = f64::from(level / 2);
        let d = if level % 2 == 0 {
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m))
        } else {
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))
        };
        fraction = 1.0 + d / fraction;
    }
    let front = a * x.ln() + b * (1.0 - x).ln() - a.ln() - (ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b));
    front.exp() / fraction
}

/// ln Γ(x) for x > 0 by Stirling's series (DLMF 5.11.1) after shifting x above 15.
fn ln_gamma(x: f64) -> f64 {
    let mut at = x;
    let mut shift = 0.0;
    while at < 15.0 {
        shift += at.ln();
        at += 1.0;
    }
    let inverse = 1.0 / (at * at);
    let series = (1.0 / 12.0 - inverse * (1.0 / 360.0 - inverse * (1.0 / 1260.0 - inverse / 1680.0))) / at;
    (at - 0.5) * at.ln() - at + (2.0 * std::f64::consts::PI).ln() / 2.0 + series - shift
}

fn bisect(p: f64, cdf: impl Fn(f64) -> f64) -> f64 {
    if !(p > 0.0 && p < 1.0) {
        return if p >= 1.0 { f64::INFINITY } else { f64::NEG_INFINITY };
    }
    let (mut low, mut high) = (-1.0, 1.0);
    while cdf(low) > p {
        low *= 2.0;
    }
    while cdf(high) < p {
        high *= 2.0;
    }
    for _ in 0..100 {
        let middle = (low + high) / 2.0;
        if cdf(middle) < p { low = middle } else { high = middle }
    }
    (low + high) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values from SciPy 1.17: `stats.t.ppf`, `stats.norm.ppf`, `stats.binom.cdf`.
    #[test]
    fn quantiles_equal_scipys() {
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-11 * b.abs(), "{a} {b}");
        close(t_quantile(0.975, 1.0), 12.706_204_736_174_694);
        close(t_quantile(0.975, 5.0), 2.570_581_835_636_314_6);
        close(t_quantile(0.995, 2.0), 9.924_843_200_918_287);
        close(t_quantile(0.025, 30.0), -2.042_272_456_301_238);
        close(t_quantile(0.975, 1e4), 1.960_201_239_890_626);
        // 2 * stats.t.sf(x, freedom)
        close(two_sided_t(-2.570_581_835_636_314_6, 5.0), 0.05);
        close(two_sided_t(9.924_843_200_918_287, 2.0), 0.01);
        assert_eq!(two_sided_t(0.0, 3.0), 1.0);
        close(normal_quantile(0.975), 1.959_963_984_540_054);
        close(normal_quantile(1e-6), -4.753_424_308_822_899);
        close(binomial_half_cdf(3, 10), 0.171_875);
        close(binomial_half_cdf(400, 1000), 1.364_232_078_032_973_5e-10);
        assert_eq!(normal_quantile(1.0), f64::INFINITY);
    }
}
