//! `summary.md`: what one would paste into a pull request.

use super::{Row, copies, counted_places, finding, rows, trust};
use crate::bundle::{Bundle, markdown, shown_in_markdown};
use crate::units::{bytes_long, nanos, ratio};
use std::collections::BTreeSet;
use std::fmt::Write;

/// A Markdown summary; `charts` are paths relative to the file.
#[must_use]
pub fn summary(bundle: &Bundle, charts: &[String]) -> String {
    let mut text = String::new();
    let header = &bundle.header;
    // Writing to a String cannot fail.
    let _ = writeln!(text, "# {}\n", markdown(&finding(bundle)));
    for line in trust(bundle) {
        let _ = writeln!(text, "- {}", markdown(&line));
    }
    for line in copies(bundle) {
        let _ = writeln!(text, "- {}", markdown(&line));
    }
    let caches: Vec<String> =
        bundle.data_caches().iter().map(|(name, bytes)| format!("{name} {}", bytes_long(*bytes))).collect();
    let _ = writeln!(
        text,
        "- {}, class `{}`, {}; stridewise {}, {} engine, suite {}, {}\n",
        shown_in_markdown(&bundle.cpu_name()),
        header.class_id,
        caches.join(", "),
        shown_in_markdown(&header.tool.version),
        header.config.engine,
        shown_in_markdown(&header.plan.suite),
        header.created
    );
    let rows = rows(bundle);
    table(&mut text, &rows);
    counted(&mut text, &rows);
    for chart in charts {
        let name = chart.rsplit('/').next().unwrap_or(chart).trim_end_matches(".svg").replace('-', " ");
        let _ = writeln!(text, "\n![{name}]({chart})");
    }
    text
}

/// Counted beside simulated, for the rows that have counts.
fn counted(text: &mut String, rows: &[Row]) {
    if !rows.iter().any(Row::has_counts) {
        return;
    }
    let places = counted_places(rows.iter());
    text.push_str("\n| array | loop order | cycles per access | IPC |");
    for place in &places {
        let name = place.name();
        let _ = write!(text, " {name} misses per access, counted | simulated | {name} misses per line, counted |");
    }
    let _ = writeln!(text, "\n|---|---|{}", "---:|".repeat(2 + 3 * places.len()));
    let pair = |value: Option<[f64; 2]>| value.map_or_else(|| "-".to_owned(), |[a, b]| format!("{a:.3} → {b:.3}"));
    for row in rows.iter().filter(|row| row.has_counts()) {
        let mut cells = vec![pair(row.cycles), pair(row.ipc)];
        for &place in &places {
            let at = row.counted_at(place);
            let about = if at.is_some_and(|at| at.estimated) { "≈ " } else { "" };
            cells.push(format!("{about}{}", pair(at.map(|at| at.per_access))));
            cells.push(pair(at.and_then(|at| at.simulated_per_access)));
            cells.push(format!("{about}{}", pair(at.and_then(|at| at.per_line))));
        }
        let _ = writeln!(text, "| {} | {} / {} | {} |", row.case, row.loops, row.baseline_loops, cells.join(" | "));
    }
    let events: BTreeSet<String> = rows
        .iter()
        .flat_map(|row| &row.counted)
        .map(|at| format!("{} misses are `{}`", at.place.name(), shown_in_markdown(&at.event)))
        .collect();
    let events: Vec<String> = events.into_iter().collect();
    let _ = writeln!(text, "\nCounted in user space: baseline → this order. {}.", events.join("; "));
}

fn table(text: &mut String, rows: &[Row]) {
    text.push_str(
        "| array | loop order | bytes | ns per step, baseline | contender | penalty | 95 %, this run | 95 %, this host | verdict | simulated L1 misses per step |\n\
         |---|---|---:|---:|---:|---:|---:|---:|---|---:|\n",
    );
    for row in rows {
        let interval = |[low, high]: [f64; 2]| format!("{low:.2}–{high:.2}");
        let simulated = row.simulated_l1.map_or_else(String::new, |[a, b]| format!("{a:.3} → {b:.3}"));
        let _ = writeln!(
            text,
            "| {} | {} / {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            row.case,
            row.loops,
            row.baseline_loops,
            bytes_long(row.footprint_bytes),
            nanos(row.baseline_ns),
            nanos(row.contender_ns),
            ratio(row.penalty),
            row.this_run.map_or_else(String::new, interval),
            interval(row.this_host),
            row.verdict,
            simulated
        );
    }
    text.push_str(
        "\nPenalty: time of the loop order / time of the baseline order after the slash, whose innermost axis has the \
         smallest stride, on the same arrays. Simulated: demand misses of an LRU model without prefetch, caches warm.\n",
    );
}
