//! Views that were measured beside their copies.

use super::model::{Bundle, CaseInfo, PairRecord};
use crate::stats::{self, Interval};

/// A view, the same elements copied, and the making of that copy: measured against one baseline.
#[derive(Clone, Debug, PartialEq)]
pub struct BreakEven<'a> {
    /// The walk of the view; its baseline walks the copy.
    pub view: &'a PairRecord,
    /// The making of the copy, against the same baseline.
    pub copy: &'a PairRecord,
    /// Passes after which the copy has paid (95 %, from the intervals of this run); `None` where it never does.
    pub passes: Option<Interval>,
}

impl Bundle {
    /// Every view whose copy was measured too: two pairs of one baseline, where the contender of the one does what the
    /// baseline does, and that of the other copies the same view.
    #[must_use]
    pub fn break_evens(&self) -> Vec<BreakEven<'_>> {
        let views = self.pairs.iter().filter(|pair| !pair.null && pair.contender.kernel == pair.baseline.kernel);
        let even = |view: &'_ PairRecord| {
            let copy = self.pairs.iter().find(|copy| copies(copy, view))?;
            let passes = stats::break_even(view.penalty()?.run, copy.penalty()?.run);
            Some((copy, passes))
        };
        views.filter_map(|view| even(view).map(|(copy, passes)| BreakEven { view, copy, passes })).collect()
    }
}

/// Whether `copy` makes what the baseline of `view` walks.
fn copies(copy: &PairRecord, view: &PairRecord) -> bool {
    let seen = |info: &CaseInfo| {
        let mut options = info.options.clone();
        // How the copy is written does not change what is copied.
        for key in ["dest", "tile", "leaf", "stores", "walk"] {
            options.remove(key);
        }
        (info.shape.clone(), info.dtype.clone(), info.order.clone(), options)
    };
    copy.contender.kernel == "copy"
        && copy.baseline.kernel != "copy"
        && copy.baseline.id == view.baseline.id
        && seen(&copy.contender) == seen(&view.contender)
}
