//! The tables of a page: cases, CPUs side by side, what was measured by itself, what was not measured.

use super::{scrolling, shown_long};
use crate::bundle::{Bundle, rate, shown};
use crate::report::{Row, counted_places};
use crate::units::{bytes_long, nanos, ratio};
use maud::{Markup, html};
use std::collections::{BTreeMap, BTreeSet};

/// A field to filter a table by, and how many rows are left; shown by the script, which makes it work.
fn filter(id: &str, label: &str, count: usize) -> Markup {
    html! {
        p.filter hidden {
            label for={ (id) "-f" } { (label) }
            input #{ (id) "-f" } type="search" data-table=(id) autocomplete="off" spellcheck="false";
            output for={ (id) "-f" } { (count) " of " (count) " rows" }
        }
    }
}

/// Baseline → contender, sorted by the contender; an estimate is marked as one.
fn figures(value: Option<[f64; 2]>, estimated: bool) -> Markup {
    html! {
        @match value {
            Some([one, other]) => td { @if estimated { "≈ " } (format!("{one:.3} → {other:.3}")) },
            None => td { "–" },
        }
    }
}

/// The option-laden loop order of a row: `1,0 / 0,1`.
fn loops(row: &Row) -> String {
    shown(&format!("{} / {}", row.loops, row.baseline_loops))
}

/// Every pair of every bundle.
pub(super) fn cases(bundles: &[Bundle], names: &[String], rows: &[Vec<Row>]) -> Markup {
    let all: Vec<(&String, &Row)> =
        rows.iter().zip(names).flat_map(|(rows, name)| rows.iter().map(move |row| (name, row))).collect();
    let counted = all.iter().any(|(_, row)| row.has_counts());
    let places = counted_places(all.iter().map(|(_, row)| *row));
    let many = bundles.len() > 1;
    let table = html! {
        table #t-cases.sortable {
            thead { tr {
                @if many { th scope="col" { "CPU" } }
                th scope="col" { "Array" } th scope="col" { "Loop / baseline" }
                th scope="col" { "Bytes" } th scope="col" { "Baseline, ns per step" } th scope="col" { "This order" }
                th scope="col" { "Penalty" } th scope="col" { "95 %, this run" } th scope="col" { "Verdict" }
                th scope="col" { "L1 misses per step, simulated" } th scope="col" { "Last cache, simulated" }
                @if counted {
                    th scope="col" { "Cycles per access" } th scope="col" { "IPC" }
                    @for place in &places {
                        th scope="col" { (place.name()) " misses per access, counted" } th scope="col" { "Simulated" }
                        th scope="col" { (place.name()) " misses per line, counted" }
                    }
                }
            } }
            tbody {
                @for (name, row) in &all {
                    tr {
                        @if many { td.w { (name) } }
                        td.w { (shown(&row.case)) } td.w { (loops(row)) }
                        td data-v=(row.footprint_bytes) { (bytes_long(row.footprint_bytes)) }
                        td data-v=(format!("{:.4}", row.baseline_ns)) { (nanos(row.baseline_ns)) }
                        td data-v=(format!("{:.4}", row.contender_ns)) { (nanos(row.contender_ns)) }
                        td { strong { (ratio(row.penalty)) } }
                        @match row.this_run {
                            Some([low, high]) => td { (format!("{low:.2}–{high:.2}")) },
                            None => td { "–" },
                        }
                        td.w { (row.verdict) }
                        (figures(row.simulated_l1, false)) (figures(row.simulated_last, false))
                        @if counted {
                            (figures(row.cycles, false)) (figures(row.ipc, false))
                            @for &place in &places {
                                @let at = row.counted_at(place);
                                @let about = at.is_some_and(|at| at.estimated);
                                (figures(at.map(|at| at.per_access), about))
                                (figures(at.and_then(|at| at.simulated_per_access), false))
                                (figures(at.and_then(|at| at.per_line), about))
                            }
                        }
                    }
                }
            }
        }
    };
    html! {
        section #cases aria-labelledby="cases-h" {
            h2 #cases-h { "Cases" }
            @if !counted { (why_not_counted(bundles, names)) }
            @if all.is_empty() { p { "No pair was measured." } } @else {
                (filter("t-cases", "Show rows with", all.len()))
                (scrolling("Table of cases", &table))
                @if counted { (events(&all)) }
            }
        }
    }
}

/// Which event stands for the misses of which place.
fn events(all: &[(&String, &Row)]) -> Markup {
    let named = all.iter().flat_map(|(_, row)| &row.counted).map(|at| (at.place.name(), at.event.as_str()));
    let named: BTreeSet<(&str, &str)> = named.collect();
    let estimated = all.iter().any(|(_, row)| row.counted.iter().any(|at| at.estimated));
    html! {
        p {
            "Counted in user space, in passes of their own: baseline → this order."
            @for (place, event) in named { " " (place) " misses: " code { (shown(event)) } "." }
            @if estimated { " ≈: the event shared its counter, so the figure is an estimate." }
        }
    }
}

fn why_not_counted(bundles: &[Bundle], names: &[String]) -> Markup {
    let mut reasons: BTreeMap<String, Vec<&String>> = BTreeMap::new();
    for (bundle, name) in bundles.iter().zip(names) {
        let whole = bundle.uncounted().into_iter().map(|(why, _)| why);
        let single = bundle.pairs.iter().filter_map(|pair| pair.counted_absent.clone()).take(1);
        let why = whole.chain(single).next().unwrap_or_else(|| "no reason was recorded".to_owned());
        reasons.entry(shown_long(&why)).or_default().push(name);
    }
    html! {
        @for (why, names) in reasons {
            p { "No misses were counted"
                @if bundles.len() > 1 { " on " (names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ")) }
                ": " (why) ". The simulated ones stand alone." }
        }
    }
}

/// The penalty of every case on every CPU.
pub(super) fn comparison(rows: &[Vec<Row>], names: &[String]) -> Markup {
    let mut order: Vec<String> = Vec::new();
    let mut found: BTreeMap<String, Vec<Option<&Row>>> = BTreeMap::new();
    for (index, of_one) in rows.iter().enumerate() {
        for row in of_one {
            let cells = found.entry(row.id.clone()).or_insert_with(|| {
                order.push(row.id.clone());
                vec![None; rows.len()]
            });
            cells[index] = Some(row);
        }
    }
    let table = html! {
        table #t-comparison.sortable {
            thead { tr { th scope="col" { "Case" } @for name in names { th scope="col" { (name) } } } }
            tbody {
                @for id in &order {
                    tr {
                        td.w { (shown(id)) }
                        @for cell in &found[id] {
                            @match cell {
                                Some(row) if row.verdict == "inconclusive" => td data-v=(format!("{:.4}", row.penalty)) {
                                    (ratio(row.penalty)) " ?"
                                },
                                Some(row) => td { (ratio(row.penalty)) },
                                None => td { "–" },
                            }
                        }
                    }
                }
            }
        }
    };
    html! {
        section #comparison aria-labelledby="comparison-h" {
            h2 #comparison-h { "CPUs side by side" }
            p { "Penalty of each case; – was not measured there, ? is inconclusive there." }
            (filter("t-comparison", "Show cases with", order.len()))
            (scrolling("Penalties by CPU", &table))
        }
    }
}

/// Floors, roofs, and families that are measured by themselves.
pub(super) fn alone(bundles: &[Bundle], names: &[String]) -> Markup {
    let all: Vec<_> = bundles
        .iter()
        .zip(names)
        .flat_map(|(bundle, name)| bundle.cases.iter().map(move |case| (name, case)))
        .collect();
    let many = bundles.len() > 1;
    let table = html! {
        table #t-alone.sortable {
            thead { tr {
                @if many { th scope="col" { "CPU" } }
                th scope="col" { "Case" } th scope="col" { "Bytes" } th scope="col" { "Time per step" } th scope="col" { "GB/s" }
            } }
            tbody {
                @for (name, case) in &all {
                    @let step = case.per_step().map(|step| step.median);
                    @let rate = step.and_then(|ns| rate(&case.case, ns));
                    tr {
                        @if many { td.w { (name) } }
                        td.w { (shown(&case.case.id)) }
                        td data-v=(case.case.footprint_bytes) { (bytes_long(case.case.footprint_bytes)) }
                        @match step {
                            Some(ns) => td data-v=(format!("{ns:.4}")) { (nanos(ns)) },
                            None => td { "–" },
                        }
                        @match rate {
                            Some(rate) => td { (format!("{rate:.2}")) },
                            None => td { "–" },
                        }
                    }
                }
            }
        }
    };
    html! {
        @if !all.is_empty() {
            section #alone aria-labelledby="alone-h" {
                h2 #alone-h { "Measured by themselves" }
                details {
                    summary { (all.len()) " floors, roofs and single cases" }
                    (scrolling("Cases measured by themselves", &table))
                }
            }
        }
    }
}

/// What was planned and is not there, and the charts without data.
pub(super) fn not_measured(bundles: &[Bundle], names: &[String], undrawn: &[(&str, String)]) -> Markup {
    html! {
        section #missing aria-labelledby="missing-h" {
            h2 #missing-h { "What was not measured" }
            @for (bundle, name) in bundles.iter().zip(names) {
                @let done = bundle.pairs.len() + bundle.cases.len() + bundle.skipped.len();
                @let planned = bundle.header.plan.ids.len();
                @if bundles.len() > 1 { h3 { (name) } }
                @if bundle.end.is_none() { p { "The run was cut off: " (done) " of " (planned) " cases were reached." } }
                @if bundle.skipped.is_empty() && bundle.end.is_some() { p { "Every planned case was measured." } }
                @if !bundle.skipped.is_empty() {
                    ul { @for skipped in &bundle.skipped {
                        li { code { (shown(&skipped.id)) } ": " (shown_long(&skipped.reason)) }
                    } }
                }
            }
            @if !undrawn.is_empty() {
                p { "Charts without data:" }
                ul { @for (name, why) in undrawn { li { (name) ": " (shown_long(why)) } } }
            }
        }
    }
}
