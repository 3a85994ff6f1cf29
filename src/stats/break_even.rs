//! After how many passes a copy has paid for itself.

use super::Interval;

/// Passes over a view after which making a copy first is cheaper: `copy / (view - 1)`, where `view` is what a pass over
/// the view costs and `copy` what making the copy costs, both as multiples of a pass over the copy. The ends combine
/// the unfavourable ends of both; the upper one is infinite where the view may be no dearer at all. `None` where the
/// view is no dearer: a copy never pays.
#[must_use]
pub fn break_even(view: Interval, copy: Interval) -> Option<Interval> {
    let passes = |copy: f64, view: f64| if view > 1.0 { copy.max(0.0) / (view - 1.0) } else { f64::INFINITY };
    let estimate = passes(copy.estimate, view.estimate);
    estimate.is_finite().then(|| Interval {
        estimate,
        low: if view.high.is_finite() { passes(copy.low, view.high) } else { 0.0 },
        high: passes(copy.high, view.low),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_pays_after_its_cost_over_what_each_pass_saves() {
        let of = |estimate, low, high| Interval { estimate, low, high };
        // A pass over the view costs 3, over the copy 1; the copy costs 4: equal after 2 passes.
        let even = break_even(of(3.0, 2.0, 5.0), of(4.0, 3.0, 6.0)).unwrap();
        assert_eq!((even.estimate, even.low, even.high), (2.0, 0.75, 6.0));
        assert_eq!(break_even(of(1.5, 0.9, 2.0), of(4.0, 3.0, 6.0)).unwrap().high, f64::INFINITY);
        assert_eq!(break_even(of(1.0, 0.9, 2.0), of(4.0, 3.0, 6.0)), None);
    }
}
