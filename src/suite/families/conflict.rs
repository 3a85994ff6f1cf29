//! Row lengths one by one: where rows lie a power of two apart, their lines share a few sets of the caches.

use super::{Family, sum_columns};
use crate::suite::{Case, Item, Level, Machine};
use std::ops::RangeInclusive;

pub(super) const FAMILY: Family = Family {
    name: "conflict",
    asks: "which row lengths drive lines out of their sets, and how much padding cures them",
    baseline: "the same array by rows",
    needs: "nothing",
    cases,
    item: Item::against_baseline,
};

/// Powers of two with the row lengths around them.
const WINDOWS: [(usize, RangeInclusive<usize>); 2] = [(1024, 960..=1088), (2048, 2016..=2080)];

fn cases(level: Level, machine: &Machine) -> Vec<Case> {
    // So many rows that their lines fill half of the first cache: by columns they are used again, unless they share sets.
    let rows = usize::try_from(machine.first() / 64 / 2).unwrap_or(256).max(64);
    let of = |columns: usize| sum_columns(rows, columns).in_family("conflict");
    let padded = |columns: usize, pad: u64| of(columns).with(|options| options.pad = pad);
    let mut cases = Vec::new();
    for (power, window) in WINDOWS {
        match level {
            Level::Quick if power > 1024 => {}
            Level::Quick => cases.extend([of(power - 4), of(power), padded(power, 64)]),
            // Every eighth length around the power of two is a multiple of a line.
            Level::Standard => {
                cases.extend((power - 8..=power + 8).map(of));
                cases.extend([8, 64].map(|pad| padded(power, pad)));
            }
            Level::Full => {
                cases.extend(window.map(of));
                cases.extend([8, 64, 128, 192].map(|pad| padded(power, pad)));
            }
        }
    }
    cases
}
