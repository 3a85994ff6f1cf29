//! A latency curve: samples per working set, and the isotonic fit of its log medians.

use crate::stats;
use crate::units::Rng;

/// One working set of a curve.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Size of the working set, bytes (or another measure that doubles: pages).
    pub size: f64,
    /// Nanoseconds per access, one or more samples.
    pub samples: Vec<f64>,
}

/// Latency over the size of the working set, sizes ascending.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curve {
    points: Vec<Point>,
}

impl Curve {
    /// The points that have a size and a sample above zero, by size; samples of one size are put together.
    #[must_use]
    pub fn new(points: Vec<Point>) -> Self {
        let mut points: Vec<Point> = points
            .into_iter()
            .map(|Point { size, samples }| {
                let samples = samples.into_iter().filter(|ns| ns.is_finite() && *ns > 0.0).collect();
                Point { size, samples }
            })
            .filter(|point| point.size.is_finite() && point.size > 0.0 && !point.samples.is_empty())
            .collect();
        points.sort_by(|a, b| a.size.total_cmp(&b.size));
        let mut merged: Vec<Point> = Vec::new();
        for point in points {
            match merged.last_mut().filter(|last| last.size >= point.size) {
                Some(last) => last.samples.extend(point.samples),
                None => merged.push(point),
            }
        }
        Self { points: merged }
    }

    /// Its points.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// The median of each point, nanoseconds.
    #[must_use]
    pub fn medians(&self) -> Vec<f64> {
        self.points.iter().filter_map(|point| stats::median(&point.samples)).collect()
    }

    /// Binary logarithm of each size.
    pub(super) fn octaves(&self) -> Vec<f64> {
        self.points.iter().map(|point| point.size.log2()).collect()
    }

    /// The same sizes with samples drawn anew, with replacement, from each point's own.
    pub(super) fn resampled(&self, rng: &mut Rng) -> Self {
        let draw = |point: &Point| {
            let n = point.samples.len() as u64;
            let pick = |_| point.samples[usize::try_from(rng.below(n)).unwrap_or(0)];
            Point { size: point.size, samples: (0..n).map(pick).collect() }
        };
        Self { points: self.points.iter().map(draw).collect() }
    }
}

/// The non-decreasing sequence nearest to `values` in least squares: neighbours that fall are pooled to their mean
/// until none do (Barlow, Bartholomew, Bremner and Brunk, "Statistical Inference under Order Restrictions", 1972).
#[must_use]
pub fn isotonic(values: &[f64]) -> Vec<f64> {
    let mut pools: Vec<(f64, usize)> = Vec::with_capacity(values.len());
    for &value in values {
        let (mut sum, mut count) = (value, 1);
        while let Some(&(before, n)) = pools.last() {
            if before * count as f64 <= sum * n as f64 {
                break;
            }
            pools.pop();
            sum += before;
            count += n;
        }
        pools.push((sum, count));
    }
    pools.into_iter().flat_map(|(sum, count)| std::iter::repeat_n(sum / count as f64, count)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn falling_neighbours_are_pooled() {
        assert_eq!(isotonic(&[1.0, 3.0, 2.0, 2.0, 5.0]), [1.0, 7.0 / 3.0, 7.0 / 3.0, 7.0 / 3.0, 5.0]);
        assert_eq!(isotonic(&[3.0, 2.0, 1.0]), [2.0; 3]);
        assert_eq!(isotonic(&[]), [] as [f64; 0]);
    }

    #[test]
    fn a_curve_is_sorted_and_without_nonsense() {
        let point = |size, samples: &[f64]| Point { size, samples: samples.to_vec() };
        let curve = Curve::new(vec![
            point(64.0, &[2.0, f64::NAN]),
            point(32.0, &[1.0]),
            point(64.0, &[4.0, -1.0]),
            point(128.0, &[0.0]),
            point(f64::INFINITY, &[1.0]),
        ]);
        assert_eq!(curve.points(), [point(32.0, &[1.0]), point(64.0, &[2.0, 4.0])]);
        assert_eq!(curve.medians(), [1.0, 3.0]);
        let again = curve.resampled(&mut Rng::new(1));
        assert!(again.points()[1].samples.iter().all(|ns| [2.0, 4.0].contains(ns)));
    }
}
