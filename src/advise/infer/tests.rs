//! Curves made by hand, whose caches are known.

use super::*;

/// A curve with the steps of `levels` (capacity, latency) and `beyond`, ramps of a fifth of an octave.
fn curve(levels: &[(f64, f64)], beyond: f64, seed: u64) -> Curve {
    let mut rng = Rng::new(seed);
    let last = levels.last().map_or(1.0, |level| level.0);
    let steps = (16.0 * (last * 8.0 / 8.0_f64).log2()) as i32;
    let point = |step: i32| {
        let size = 8.0 * 2_f64.powf(f64::from(step) / 16.0);
        let (mut ns, mut missed) = (0.0, 1.0);
        for &(capacity, latency) in levels {
            let misses = ((size / capacity).log2() / 0.2).clamp(0.0, 1.0);
            ns += missed * (1.0 - misses) * latency;
            missed *= misses;
        }
        ns += missed * beyond;
        Point { size, samples: (0..5).map(|_| ns * (1.0 + 0.04 * (rng.unit() - 0.5))).collect() }
    };
    Curve::new((0..steps).map(point).collect())
}

#[test]
fn three_caches_are_found_with_their_intervals() {
    let known = [(512.0, 1.3), (8192.0, 4.0), (200_000.0, 15.0)];
    let found = infer(&curve(&known, 90.0, 1)).unwrap();
    assert_eq!(found.levels.len(), 3);
    assert!(found.agreement > 0.9);
    for (level, (capacity, latency)) in found.levels.iter().zip(known) {
        assert!((level.capacity.estimate / capacity).log2().abs() < 0.125, "{level:?}");
        assert!(level.capacity.contains(capacity) && level.resolved, "{level:?}");
        assert!((level.latency.estimate / latency - 1.0).abs() < 0.1, "{level:?}");
    }
    assert!((found.beyond.estimate / 90.0 - 1.0).abs() < 0.1);
}

#[test]
fn a_flat_curve_has_no_level_and_a_short_one_no_fit() {
    let flat = infer(&curve(&[(4096.0, 5.0)], 5.0, 2)).unwrap();
    assert!(flat.levels.is_empty() && (flat.beyond.estimate / 5.0 - 1.0).abs() < 0.05);
    assert!(infer(&Curve::default()).is_none());
    // A point every other octave cannot tell where a step is.
    let dense = curve(&[(512.0, 1.3), (8192.0, 4.0)], 90.0, 3);
    let sparse = Curve::new(dense.points().iter().step_by(32).cloned().collect());
    assert!(infer(&sparse).is_none());
}

#[test]
fn the_caches_of_the_lines_make_no_tlb() {
    // 512 lines fit the first cache in both chases; only the pages know of 64 and 2048.
    let lines = [(512.0, 1.3), (8192.0, 4.0)];
    let dense = curve(&lines, 15.0, 3);
    let pages = dense.points().iter().map(|point| {
        let more = if point.size > 2048.0 {
            12.0
        } else if point.size > 64.0 {
            2.0
        } else {
            0.0
        };
        Point { size: point.size, samples: point.samples.iter().map(|ns| ns + more).collect() }
    });
    let found = infer(&translation(&Curve::new(pages.collect()), &dense).unwrap()).unwrap();
    assert_eq!(found.levels.len(), 2, "{found:?}");
    assert!((found.levels[0].capacity.estimate / 64.0).log2().abs() < 0.125);
    assert!((found.levels[1].capacity.estimate / 2048.0).log2().abs() < 0.125);
    assert!(translation(&dense, &Curve::default()).is_none());
}
