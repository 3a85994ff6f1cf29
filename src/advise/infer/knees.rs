//! Knees of a latency curve: where it leaves one plateau for the next.

use super::curve::{Curve, isotonic};
use crate::stats;

/// Points per octave that a fit needs: with fewer a step lies anywhere between two of them.
const DENSE: f64 = 4.0;
/// Octaves over which the curve is smoothed before its slope is taken (standard deviation of the kernel).
const SMOOTH: f64 = 0.14;
/// Slope of the log latency per octave above which a curve is on its way to the next level.
const RISING: f64 = 0.22;
/// Latencies of two levels differ by this factor at least.
const APART: f64 = 1.35;
/// A rise is cut in two where its slope falls below this share of the lower of its two peaks.
const VALLEY: f64 = 0.5;
/// Octaves that a plateau takes at least.
const PLATEAU: f64 = 0.25;
/// Quantile of a plateau that is its latency.
const PLATEAU_AT: f64 = 0.3;
/// Ramps up to this many octaves (from 10 to 90 % of misses) begin at the capacity: sets that fill one by one.
const SHARP: f64 = 0.25;
/// Ramps of this many octaves and more have the capacity in their middle: lines strewn over the sets.
const WIDE: f64 = 0.50;

/// A step of the curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Knee {
    /// Capacity of the level that is left, in octaves (binary logarithm of the size).
    pub(super) capacity: f64,
    /// Where a tenth of the accesses miss it, octaves.
    pub(super) begin: f64,
    /// Where nine tenths do, octaves.
    pub(super) end: f64,
}

/// Knees, and the latency of each plateau: one more than there are knees.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Steps {
    pub(super) knees: Vec<Knee>,
    pub(super) latencies: Vec<f64>,
}

/// Gaussian smoothing of `y` at `x`; the kernel is cut at three standard deviations.
fn smooth(x: &[f64], y: &[f64]) -> Vec<f64> {
    let at = |i: usize| {
        let (mut sum, mut weights) = (0.0, 0.0);
        for j in 0..x.len() {
            let distance = (x[j] - x[i]) / SMOOTH;
            if distance.abs() <= 3.0 {
                let weight = (-0.5 * distance * distance).exp();
                sum += weight * y[j];
                weights += weight;
            }
        }
        sum / weights
    };
    (0..x.len()).map(at).collect()
}

/// Central differences per octave.
fn slopes(x: &[f64], y: &[f64]) -> Vec<f64> {
    let last = x.len() - 1;
    let at = |i: usize| {
        let (low, high) = (i.saturating_sub(1), (i + 1).min(last));
        (y[high] - y[low]) / (x[high] - x[low]).max(f64::EPSILON)
    };
    (0..x.len()).map(at).collect()
}

/// Half-open ranges in which `slope` is above [`RISING`], cut at deep valleys.
fn rises(x: &[f64], slope: &[f64]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut begin = None;
    for i in 0..=slope.len() {
        let rising = slope.get(i).is_some_and(|slope| *slope > RISING);
        match (rising, begin) {
            (true, None) => begin = Some(i),
            (false, Some(from)) => {
                cut(x, slope, (from, i), &mut found);
                begin = None;
            }
            _ => {}
        }
    }
    found
}

/// Cuts a rise at its deepest valley between two peaks, and the parts again.
fn cut(x: &[f64], slope: &[f64], (from, to): (usize, usize), found: &mut Vec<(usize, usize)>) {
    let best = (from + 1..to.saturating_sub(1))
        .map(|i| {
            let peak = |range: std::ops::Range<usize>| slope[range].iter().copied().fold(0.0, f64::max);
            (slope[i] / peak(from..i).min(peak(i + 1..to)), i)
        })
        .min_by(|a, b| a.0.total_cmp(&b.0));
    match best {
        Some((depth, at)) if depth < VALLEY && x[to - 1] - x[from] > PLATEAU => {
            cut(x, slope, (from, at), found);
            cut(x, slope, (at, to), found);
        }
        _ => found.push((from, to)),
    }
}

/// Where `y` first reaches `level` between `from` and `to`, octaves.
fn crossing(x: &[f64], y: &[f64], (from, to): (usize, usize), level: f64) -> f64 {
    let reached = (from..to).find(|&i| y[i] >= level).unwrap_or(to - 1);
    if reached == 0 || y[reached] <= y[reached - 1] {
        return x[reached];
    }
    let share = ((level - y[reached - 1]) / (y[reached] - y[reached - 1])).clamp(0.0, 1.0);
    x[reached - 1] + share * (x[reached] - x[reached - 1])
}

/// Median of `values[from..to]`; of the nearest value if the range is empty.
fn level_of(values: &[f64], from: usize, to: usize) -> f64 {
    let (from, to) = if from < to { (from, to) } else { (from.min(values.len() - 1), from.min(values.len() - 1) + 1) };
    stats::median(&values[from..to]).unwrap_or(0.0)
}

/// The steps of a curve; `None` for fewer than eight points, or fewer than [`DENSE`] per octave.
///
/// The medians are made monotone, smoothed and differentiated in log-log scale. A knee is a stretch of steep slope that
/// multiplies the latency by [`APART`]; plateaus are what lies between. The share of misses at a size is read from the
/// latency, which is a mix of both plateaus' in that share; the capacity is where half the accesses miss, or where
/// misses begin if the ramp is as sharp as that of sets that fill one after the other.
pub(super) fn steps(curve: &Curve) -> Option<Steps> {
    let x = curve.octaves();
    let span = x.last()? - x.first()?;
    if x.len() < 8 || (x.len() as f64) < DENSE * span {
        return None;
    }
    let logs: Vec<f64> = curve.medians().iter().map(|ns| ns.ln()).collect();
    let monotone = isotonic(&logs);
    let smoothed = smooth(&x, &monotone);
    let slope = slopes(&x, &smoothed);
    let rises: Vec<(usize, usize)> = merged(rises(&x, &slope), &x, &smoothed);
    Some(measured(&x, &monotone, &rises))
}

/// Drops rises that are no step: too low, or a stretch of a step whose plateau is too short to be one.
fn merged(rises: Vec<(usize, usize)>, x: &[f64], y: &[f64]) -> Vec<(usize, usize)> {
    let mut kept: Vec<(usize, usize)> = Vec::new();
    let rise = |(from, to): (usize, usize)| (y[to - 1] - y[from]).exp();
    for one in rises {
        match kept.last_mut() {
            Some(last) if x[one.0] - x[last.1 - 1] < PLATEAU && (rise(one) < APART || rise(*last) < APART) => {
                last.1 = one.1;
            }
            _ => kept.push(one),
        }
    }
    kept.retain(|&one| rise(one) >= APART);
    kept
}

/// Latencies of the plateaus between rises, and the knees.
fn measured(x: &[f64], y: &[f64], rises: &[(usize, usize)]) -> Steps {
    let bounds: Vec<(usize, usize)> = (0..=rises.len())
        .map(|i| {
            let from = i.checked_sub(1).map_or(0, |before| rises[before].1);
            let to = rises.get(i).map_or(x.len(), |rise| rise.0);
            (from, to)
        })
        .collect();
    // The near end of a plateau that slopes: what is beyond it has other reasons.
    let low = |&(from, to): &(usize, usize)| {
        stats::quantile(&y[from..to], PLATEAU_AT).unwrap_or_else(|| level_of(y, from, to))
    };
    let levels: Vec<f64> = bounds.iter().map(low).collect();
    let knee = |(i, &(from, to)): (usize, &(usize, usize))| {
        // Plateaus may slope: what counts is their height beside the knee.
        let near = (0.5 * 16.0) as usize;
        let below = level_of(y, from.saturating_sub(near).max(bounds[i].0), from).exp();
        let above = level_of(y, to, (to + near).min(bounds[i + 1].1)).exp();
        let range = (from.saturating_sub(near).max(bounds[i].0), (to + near).min(bounds[i + 1].1.max(to)));
        let at = |misses: f64| crossing(x, y, range, (below + misses * (above - below)).ln());
        let [begin, middle, end] = [0.1, 0.5, 0.9].map(at);
        let wide = ((end - begin - SHARP) / (WIDE - SHARP)).clamp(0.0, 1.0);
        Knee { capacity: begin + wide * (middle - begin), begin, end }
    };
    let knees = rises.iter().enumerate().map(knee).collect();
    Steps { knees, latencies: levels.into_iter().map(f64::exp).collect() }
}
