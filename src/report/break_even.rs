//! When a copy pays, in sentences.

use crate::bundle::{BreakEven, Bundle};
use crate::units::bytes_long;
use serde::Serialize;

/// A view against its copy, summarised.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pays {
    /// The id of the walk over the view.
    pub view: String,
    /// The id of the making of the copy.
    pub copy: String,
    /// Bytes of the array that is viewed.
    pub view_bytes: u64,
    /// Bytes of the copy.
    pub copy_bytes: u64,
    /// Passes after which the copy has paid; absent where it never does.
    pub passes: Option<f64>,
    /// 95 %, from the intervals of this run; the upper end is absent where the view may be no dearer.
    pub interval: Option<(f64, Option<f64>)>,
}

/// Every view whose copy was measured too.
#[must_use]
pub fn pays(bundle: &Bundle) -> Vec<Pays> {
    let of = |even: BreakEven<'_>| {
        let finite = |value: f64| Some(value).filter(|value| value.is_finite());
        Pays {
            view: even.view.id.clone(),
            copy: even.copy.id.clone(),
            view_bytes: even.view.contender.footprint_bytes,
            copy_bytes: even.view.baseline.footprint_bytes,
            passes: even.passes.map(|passes| passes.estimate),
            interval: even.passes.map(|passes| (passes.low, finite(passes.high))),
        }
    };
    bundle.break_evens().into_iter().map(of).collect()
}

/// The same, a sentence each.
pub(super) fn sentences(bundle: &Bundle) -> Vec<String> {
    let of = |pays: Pays| {
        let Pays { view, view_bytes, copy_bytes, passes, interval, .. } = pays;
        let sizes = format!("{view}: the view takes {}, a copy {}", bytes_long(view_bytes), bytes_long(copy_bytes));
        match (passes, interval) {
            (Some(passes), Some((low, Some(high)))) => {
                format!("{sizes}; copying pays after {passes:.1} passes ({low:.1}-{high:.1}).")
            }
            (Some(passes), _) => format!("{sizes}; copying pays after {passes:.1} passes, if at all."),
            _ => format!("{sizes}; copying never pays: a pass over the view is no dearer."),
        }
    };
    pays(bundle).into_iter().map(of).collect()
}
