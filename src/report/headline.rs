//! The first sentence of a page: what columns cost in each cache.

use super::finding::finding;
use crate::advise::finding::{columns, staircase};
use crate::bundle::Bundle;
use crate::units::ratio;
use std::collections::BTreeMap;

/// What the page of a bundle begins with.
#[must_use]
pub fn headline(bundle: &Bundle) -> String {
    columns(bundle).unwrap_or_else(|| finding(bundle))
}

/// The same of several CPUs: from the least to the most in each place that all have.
pub(super) fn headline_of_many(bundles: &[Bundle]) -> String {
    let found: Vec<Vec<(String, f64)>> = bundles.iter().map(staircase).collect();
    let mut places: BTreeMap<&str, (usize, usize, f64, f64)> = BTreeMap::new();
    for (at, (name, penalty)) in found.iter().flat_map(|steps| steps.iter().enumerate()) {
        let entry = places.entry(name).or_insert((at, 0, f64::INFINITY, 0.0));
        *entry = (entry.0.max(at), entry.1 + 1, entry.2.min(*penalty), entry.3.max(*penalty));
    }
    let mut steps: Vec<(usize, String)> = places
        .into_iter()
        .filter(|(_, (_, count, ..))| *count == bundles.len())
        .map(|(name, (at, _, low, high))| (at, range(low, high, name)))
        .collect();
    steps.sort();
    let steps: Vec<String> = steps.into_iter().map(|(_, words)| words).collect();
    match steps.split_last() {
        Some((last, [])) => format!(
            "On {} CPUs a column-wise walk of a C-order f64 array costs {last} what a row-wise walk costs.",
            bundles.len()
        ),
        Some((last, before)) => format!(
            "On {} CPUs a column-wise walk of a C-order f64 array costs {} and {last} what a row-wise walk costs.",
            bundles.len(),
            before.join(", ")
        ),
        None => format!("{} CPUs side by side; they share no square of f64 by columns.", bundles.len()),
    }
}

fn range(low: f64, high: f64, place: &str) -> String {
    let [low, high] = [low, high].map(ratio);
    if low == high { format!("{low} in {place}") } else { format!("{low} to {high} in {place}") }
}
