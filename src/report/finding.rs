//! What a bundle says, in sentences.

use super::rows::{Row, rows};
use crate::advise::finding::{disagreements, is_plain_square};
use crate::bundle::{Bundle, shown};
use crate::stats;
use crate::units::{bytes_long, percent, ratio, several};
use std::cmp::Ordering;

/// The headline: the largest plain penalty, where it is, and whether it can be believed.
#[must_use]
pub fn finding(bundle: &Bundle) -> String {
    finding_of(bundle, &rows(bundle))
}

/// The same from rows that are there already.
pub(super) fn finding_of(bundle: &Bundle, rows: &[Row]) -> String {
    let cpu = shown(&bundle.cpu_name());
    let sure = |row: &&Row| row.verdict != "inconclusive";
    // The largest square of the plain walk: what a programmer meets; else the dearest pair.
    let largest = rows.iter().filter(sure).filter(|row| is_plain_square(&row.id)).max_by_key(|row| row.footprint_bytes);
    let dearest = || {
        rows.iter().filter(sure).max_by(|a, b| {
            (a.orders_only, a.penalty).partial_cmp(&(b.orders_only, b.penalty)).unwrap_or(Ordering::Equal)
        })
    };
    let Some(row) = largest.or_else(dearest) else {
        return match rows.len() {
            0 => format!("Nothing was compared on {cpu}."),
            n if few_rounds(bundle) == n => {
                format!("Insufficient samples: none of {n} pairs on {cpu} has {} rounds.", stats::LEAST_ROUNDS)
            }
            n => format!("Too noisy to answer: all {n} pairs on {cpu} are inconclusive."),
        };
    };
    let Row { case, loops, baseline_loops, footprint_bytes, penalty, .. } = row;
    let [low, high] = row.this_run.unwrap_or(row.this_host);
    let (costs, size) = (format!("{} ({low:.1}-{high:.1})", ratio(*penalty)), bytes_long(*footprint_bytes));
    let mut text = if row.orders_only {
        format!("Loop order {loops} instead of {baseline_loops} costs {costs} over {case} ({size}) on {cpu}.")
    } else {
        format!("{case} ({size}) in loop order {loops} costs {costs} of its baseline, {baseline_loops}, on {cpu}.")
    };
    let top = rows.iter().filter(sure).filter(|row| row.orders_only).max_by(|a, b| a.penalty.total_cmp(&b.penalty));
    if let Some(top) = top.filter(|top| top.penalty > 1.2 * penalty) {
        text.push_str(&format!(" The dearest pair is {}, order {}: {}.", top.case, top.loops, ratio(top.penalty)));
    }
    text
}

/// What a bundle says of copies that pay, and of what bounds threads and stores, a sentence each.
#[must_use]
pub fn copies(bundle: &Bundle) -> Vec<String> {
    super::break_even::sentences(bundle).into_iter().chain(super::limits::sentences(bundle)).collect()
}

/// Pairs with fewer rounds than any verdict takes.
fn few_rounds(bundle: &Bundle) -> usize {
    bundle.pairs.iter().filter(|pair| !pair.null && pair.rounds() < stats::LEAST_ROUNDS).count()
}

/// How far the figures can be trusted: the null controls, and what disturbed the run.
#[must_use]
pub fn trust(bundle: &Bundle) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut controls, mut noisy, mut widest) = (0, Vec::new(), 0.0_f64);
    for (pair, interval) in bundle.nulls() {
        controls += 1;
        widest = widest.max((interval.estimate - 1.0).abs());
        if stats::null_is_noisy(&pair.log_ratios().concat()) {
            let [low, high] = [interval.low - 1.0, interval.high - 1.0].map(percent);
            noisy.push(format!("{} ({low} to {high})", bytes_long(pair.contender.footprint_bytes)));
        }
    }
    match (controls, noisy.as_slice()) {
        (0, _) => lines.push("No null control was measured: how noisy this run was is not known.".to_owned()),
        (n, []) => lines.push(format!(
            "{} (a case against itself): {:.1} % apart at most.",
            several(n, "null control"),
            widest * 100.0
        )),
        (n, some) => lines.push(format!(
            "This machine was too noisy for some verdicts: {} of {n} null controls fail, at {}; pairs of that size read \
             inconclusive.",
            some.len(),
            some.join(", ")
        )),
    }
    let (mut all, mut disturbed) = (0, 0);
    for block in bundle.pairs.iter().flat_map(|pair| &pair.blocks) {
        all += block.rounds();
        disturbed += block.disturbed.len();
    }
    if disturbed > 0 {
        lines.push(format!(
            "{disturbed} of {all} rounds were disturbed (steal, switches, faults); they are left out where most were not."
        ));
    }
    let few = few_rounds(bundle);
    if few > 0 {
        let least = stats::LEAST_ROUNDS;
        lines.push(format!("{few} pairs have insufficient samples, fewer than {least} rounds, and read inconclusive."));
    }
    for (reason, events) in bundle.uncounted() {
        lines.push(format!("{events} hardware events were not counted: {reason}."));
    }
    let impossible = bundle.impossible_counts();
    if impossible > 0 {
        lines.push(format!(
            "{impossible} counts were dropped: their counter ran not at all, or for longer than it was enabled."
        ));
    }
    lines.extend(disagreements(bundle));
    if bundle.header.tool.debug {
        lines.push("Measured with a debug build: these times mean nothing.".to_owned());
    }
    if !bundle.skipped.is_empty() {
        lines.push(format!("{} planned cases were not measured; the bundle says why.", bundle.skipped.len()));
    }
    if bundle.end.is_none() {
        let done = bundle.pairs.len() + bundle.cases.len() + bundle.skipped.len();
        lines.push(format!("The run was cut off after {done} of {} cases.", bundle.header.plan.ids.len()));
    }
    lines
}
