//! What a bundle says, in sentences: the one place of the words that the report, its charts and `advise` have in common.

use super::chases::{Beside, Chases, beside};
use super::infer::Point;
use crate::bundle::{Bundle, shown};
use crate::stats;
use crate::suite::SizeClass;
use crate::units::{bytes_long, nanos, ratio};
use std::collections::BTreeMap;

/// Columns of a C-order square of `f8` whose side is a power of two, nothing special: what a programmer meets.
#[must_use]
pub fn is_plain_square(id: &str) -> bool {
    let shape = id.strip_prefix("order/sum/f8/").and_then(|rest| rest.strip_suffix("/C/1,0"));
    let sides = shape.and_then(|shape| shape.split_once('x'));
    sides.is_some_and(|(rows, columns)| rows == columns && rows.parse().is_ok_and(u64::is_power_of_two))
}

/// The penalty of the largest plain square in each cache that the run is sure of, the nearest cache first: name of the
/// place, penalty.
#[must_use]
pub fn staircase(bundle: &Bundle) -> Vec<(String, f64)> {
    let caches = bundle.data_caches();
    let mut found: BTreeMap<usize, (u64, f64)> = BTreeMap::new();
    for pair in bundle.pairs.iter().filter(|pair| is_plain_square(&pair.id) && bundle.is_sure(pair)) {
        let Some(penalty) = pair.penalty() else { continue };
        let bytes = pair.contender.footprint_bytes;
        let at = match bundle.size_class(bytes) {
            SizeClass::Cache(level) => level,
            SizeClass::Memory => caches.len(),
        };
        let entry = found.entry(at).or_insert((0, 0.0));
        if bytes > entry.0 {
            *entry = (bytes, penalty.run.estimate);
        }
    }
    let name = |at: usize| caches.get(at).map_or_else(|| "memory".to_owned(), |(name, _)| shown(name));
    found.into_iter().map(|(at, (_, penalty))| (name(at), penalty)).collect()
}

/// The staircase in words; `None` where it has fewer than two steps.
#[must_use]
pub fn columns(bundle: &Bundle) -> Option<String> {
    let steps: Vec<String> =
        staircase(bundle).iter().map(|(name, penalty)| format!("{} in {name}", ratio(*penalty))).collect();
    let (last, before) = steps.split_last().filter(|(_, before)| !before.is_empty())?;
    Some(format!(
        "On {} a column-wise walk of a C-order f64 array costs {} and {last} what a row-wise walk costs.",
        shown(&bundle.cpu_name()),
        before.join(", ")
    ))
}

/// The dearest plain square, in words.
#[must_use]
pub fn dearest(penalty: f64, bytes: u64) -> String {
    format!("Columns cost up to {} what rows cost, at {}", ratio(penalty), bytes_long(bytes))
}

/// Each cache of the machine beside what the chase shows of it.
#[must_use]
pub fn caches_beside(bundle: &Bundle) -> Vec<Beside> {
    beside(&bundle.data_caches(), Chases::of(bundle).caches().as_ref(), bytes_long)
}

/// The TLBs for base pages beside what the page chase shows, in pages.
#[must_use]
pub fn tlbs_beside(bundle: &Bundle) -> Vec<Beside> {
    let tlbs = bundle.header.geometry.get("tlbs").and_then(|tlbs| serde_json::from_value(tlbs.clone()).ok());
    let tlbs: Vec<crate::simulate::TlbLevel> = tlbs.unwrap_or_default();
    let nominal: Vec<(String, u64)> = tlbs.into_iter().map(|tlb| (shown(&tlb.name), tlb.entries.into())).collect();
    beside(&nominal, Chases::of(bundle).tlbs().as_ref(), |pages| format!("{pages} pages"))
}

/// The caches that the chase shows, in words.
#[must_use]
pub fn caches(bundle: &Bundle) -> String {
    let known = caches_beside(bundle);
    let seen = known.iter().filter_map(|row| {
        let level = row.found?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size is below 2^53")]
        let bytes = bytes_long((level.capacity.estimate / 1024.0).round() as u64 * 1024);
        Some(format!("{} {bytes} at {}", row.name, nanos(level.latency.estimate)))
    });
    let seen: Vec<String> = seen.collect();
    if !seen.is_empty() {
        return format!("A chase shows {}", seen.join(", "));
    }
    // Too few sizes to tell caches by: what the ends cost.
    let curves = ["base", "huge"].map(|pages| Chases::of(bundle).curve(pages, false));
    let curve = curves.iter().max_by_key(|curve| curve.points().len());
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size is below 2^53")]
    let end = |point: &Point| Some((bytes_long(point.size as u64), nanos(stats::median(&point.samples)?)));
    let ends = curve.and_then(|curve| Some((end(curve.points().first()?)?, end(curve.points().last()?)?)));
    match ends {
        Some(((small, near), (large, far))) => format!("A dependent load takes {near} in {small}, {far} in {large}"),
        None => "No chase was measured".to_owned(),
    }
}

/// Where the machine and its curves disagree, one sentence each; nothing where no chase was measured.
#[must_use]
pub fn disagreements(bundle: &Bundle) -> Vec<String> {
    let remarks = caches_beside(bundle).into_iter().chain(tlbs_beside(bundle)).filter_map(|row| row.remark);
    remarks
        .map(|remark| {
            let mut chars = remark.chars();
            chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).chain(['.']).collect())
        })
        .collect()
}
