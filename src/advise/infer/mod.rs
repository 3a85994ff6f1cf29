//! What a CPU really has: sizes and latencies of its caches and TLBs, from latency curves.
//!
//! A curve is the time of a dependent load over the size of the set that a random cycle of loads runs through. While
//! the set fits a cache, the time is that cache's; beyond, ever more loads are served by the next one. `Curve` makes
//! the medians monotone, `knees` finds the steps, and what a step says is told with an interval: samples are drawn anew
//! from each point's own, and the whole fit is repeated.
//!
//! Methods that were tried and given up: change points with BIC, which split every ramp; plateaus as stretches under a
//! tenth per octave, which lose levels whose plateau slopes because a TLB fills or a neighbour takes part of a cache.

mod curve;
mod knees;

pub use curve::{Curve, Point, isotonic};

use crate::stats::{self, Interval};
use crate::units::Rng;
use knees::Steps;

/// Fits on samples drawn anew, for the intervals.
const RESAMPLES: usize = 100;
/// Fewer resampled fits than this share with as many levels: how many there are is not certain.
const AGREE: f64 = 0.8;
/// A step that takes more octaves than this has no size, only a range.
const VAGUE: f64 = 1.5;

/// A cache or a TLB as the curve shows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// Its capacity in the curve's sizes, with 95 %.
    pub capacity: Interval,
    /// From where a tenth of the accesses miss it to where nine tenths do.
    pub range: [f64; 2],
    /// Nanoseconds of an access that it serves, with 95 %.
    pub latency: Interval,
    /// Whether the step is sharp enough to be a size, and found in most resampled fits.
    pub resolved: bool,
}

/// The levels that a curve shows, from the CPU outwards.
#[derive(Clone, Debug, PartialEq)]
pub struct Inferred {
    /// Levels that end inside the curve.
    pub levels: Vec<Level>,
    /// Nanoseconds beyond the last of them, with 95 %.
    pub beyond: Interval,
    /// Share of resampled fits with as many levels.
    pub agreement: f64,
}

/// Fits a latency curve; `None` if it has too few points.
///
/// ```
/// use stridewise::advise::infer::{Curve, Point, infer};
///
/// let point = |step: u32| {
///     let size = 4096.0 * 2_f64.powf(f64::from(step) / 16.0);
///     Point { size, samples: vec![if size <= 32768.0 { 1.25 } else { 4.0 }; 3] }
/// };
/// let found = infer(&Curve::new((0..100).map(point).collect())).unwrap();
/// assert_eq!(found.levels.len(), 1);
/// assert!((found.levels[0].capacity.estimate / 32768.0 - 1.0).abs() < 0.05);
/// ```
#[must_use]
pub fn infer(curve: &Curve) -> Option<Inferred> {
    let fit = knees::steps(curve)?;
    let mut rng = Rng::new(1);
    let again = (0..RESAMPLES).filter_map(|_| knees::steps(&curve.resampled(&mut rng)));
    let same: Vec<Steps> = again.filter(|steps| steps.knees.len() == fit.knees.len()).collect();
    let agreement = same.len() as f64 / RESAMPLES as f64;
    let octaves = curve.octaves();
    // Between two sizes of the curve nothing was measured.
    let spacing = |at: f64| {
        let after = octaves.partition_point(|octave| *octave <= at).clamp(1, octaves.len() - 1);
        octaves[after] - octaves[after - 1]
    };
    let interval = |of: &dyn Fn(&Steps) -> f64, margin: f64| {
        let values: Vec<f64> = same.iter().map(of).collect();
        let estimate = of(&fit);
        let [low, high] = [0.025, 0.975].map(|p| stats::quantile(&values, p).unwrap_or(estimate));
        Interval { estimate, low: low.min(estimate) - margin, high: high.max(estimate) + margin }
    };
    let level = |i: usize| {
        let knee = fit.knees[i];
        Level {
            capacity: interval(&|steps| steps.knees[i].capacity, spacing(knee.capacity)).map(f64::exp2),
            range: [knee.begin.exp2(), knee.end.exp2()],
            latency: interval(&|steps| steps.latencies[i], 0.0),
            resolved: agreement >= AGREE && knee.end - knee.begin <= VAGUE,
        }
    };
    let levels: Vec<Level> = (0..fit.knees.len()).map(level).collect();
    let beyond = interval(&|steps| steps.latencies[fit.knees.len()], 0.0);
    Some(Inferred { levels, beyond, agreement })
}

/// What translations cost: the page chase (one node a page) less the dense chase through as many lines, so that the
/// lines' own caches show no knee. Sizes are nodes in both; the result's latencies have that of the first dense point
/// in them. `None` if the curves share too few sizes.
#[must_use]
pub fn translation(pages: &Curve, dense: &Curve) -> Option<Curve> {
    let known: Vec<(f64, f64)> = dense.octaves().into_iter().zip(dense.medians()).collect();
    let floor = known.first()?.1;
    let at = |octave: f64| {
        let after = known.iter().position(|(at, _)| *at >= octave - 1e-9)?;
        let (x1, y1) = known[after];
        let (x0, y0) = known[after.saturating_sub(1)];
        let share = if x1 > x0 { (octave - x0) / (x1 - x0) } else { 1.0 };
        // Sizes before the first dense one have nothing to be compared with.
        (share >= -1e-9).then_some(y0 + share * (y1 - y0))
    };
    let points = pages.points().iter().filter_map(|point| {
        let lines = at(point.size.log2())?;
        // A difference below nothing is noise.
        let samples = point.samples.iter().map(|ns| floor + (ns - lines).max(0.0)).collect();
        Some(Point { size: point.size, samples })
    });
    let curve = Curve::new(points.collect());
    (curve.points().len() >= 8).then_some(curve)
}

#[cfg(test)]
mod tests;
