//! The user's own file: its shape, order and values.

use super::Family;
use crate::suite::Item;

/// It has no cases of its own: `run --npy FILE` makes them.
pub(super) const FAMILY: Family = Family {
    name: "npy",
    asks: "what loop orders cost over the values of a .npy file",
    baseline: "the same array, its smallest stride innermost",
    needs: "a file: run --npy FILE",
    cases: |_, _| Vec::new(),
    item: Item::against_baseline,
};
