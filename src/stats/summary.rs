//! Order statistics.

/// The quantile `p` in `[0, 1]` of `values` by linear interpolation (type 7 of Hyndman and Fan 1996, NumPy's
/// default); `None` if there are no values or one is not a number.
#[must_use]
pub fn quantile(values: &[f64], p: f64) -> Option<f64> {
    if values.is_empty() || values.iter().any(|v| v.is_nan()) {
        return None;
    }
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    #[expect(clippy::cast_precision_loss, reason = "sample counts are small")]
    let position = p.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the length")]
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    Some(sorted[below] + (sorted[above] - sorted[below]) * position.fract())
}

/// The median; `None` as [`quantile`].
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// The median of values whose order may be lost: [`median`] without a copy; `None` without values. None of them may be
/// not a number.
pub fn median_in_place(values: &mut [f64]) -> Option<f64> {
    let middle = values.len().checked_sub(1)? / 2;
    let even = values.len().is_multiple_of(2);
    let (_, &mut low, above) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let high = if even { above.iter().copied().min_by(f64::total_cmp)? } else { low };
    Some(low + (high - low) * 0.5)
}

/// The mean of the middle half of the values: no more moved by single ones than the median, but where there are two groups it is
/// between them (the interquartile mean). Of fewer than four values it is the mean of all; `None` without any.
#[must_use]
pub fn midmean(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let quarter = sorted.len() / 4;
    let middle = sorted.get(quarter..sorted.len() - quarter).filter(|middle| !middle.is_empty())?;
    #[expect(clippy::cast_precision_loss, reason = "sample counts are small")]
    let count = middle.len() as f64;
    Some(middle.iter().sum::<f64>() / count)
}

/// The median absolute deviation from the median, unscaled; `None` as [`quantile`].
#[must_use]
pub fn mad(values: &[f64]) -> Option<f64> {
    let middle = median(values)?;
    median(&values.iter().map(|v| (v - middle).abs()).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_equal_numpys() {
        let values = [3.0, 1.0, 4.0, 1.5, 9.0];
        assert_eq!(median(&values), Some(3.0));
        assert_eq!(quantile(&values, 0.1), Some(1.2));
        assert_eq!(quantile(&values, 1.0), Some(9.0));
        assert_eq!(mad(&values), Some(1.5));
        assert_eq!(median(&[]), None);
        for n in 0..values.len() {
            assert_eq!(median_in_place(&mut values[..n].to_vec()), median(&values[..n]), "{n}");
        }
        assert_eq!(median(&[1.0, f64::NAN]), None);
        assert_eq!(median(&[7.0]), Some(7.0));
        // Two groups, and one value far off.
        assert_eq!(midmean(&[1.0, 2.0, 1.0, 2.0, 90.0]), Some(5.0 / 3.0));
        assert_eq!([midmean(&[4.0, 2.0]), midmean(&[7.0]), midmean(&[])], [Some(3.0), Some(7.0), None]);
    }
}
