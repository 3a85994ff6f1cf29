//! The table that `run`, `cargo bench` and `validate` print.

use super::output;
use crate::report::Row;
use crate::units::ratio;

/// Columns of a terminal from which the roof and the simulated misses are shown too.
const WIDE: u16 = 110;

/// Three significant digits of nanoseconds.
fn ns(value: f64) -> String {
    match value {
        v if v < 1.0 => format!("{v:.3}"),
        v if v < 10.0 => format!("{v:.2}"),
        v => format!("{v:.1}"),
    }
}

/// One line per pair; fitted to `width` columns.
pub(super) fn table(rows: &[Row], width: u16) -> String {
    let wide = width >= WIDE;
    let mut header = vec!["array", "loop", "ns/step", "→", "penalty", "95 %"];
    if wide {
        header.extend(["of roof", "L1 misses*"]);
    }
    // Hardware counts stand in a column of their own, with the event's name.
    let counted = wide && rows.iter().any(|row| row.counted_l1.is_some());
    if counted {
        header.push("l1d-read-misses");
    }
    header.push("");
    let mut table = output::table(&header, 2);
    for row in rows {
        let [low, high] = row.this_run.unwrap_or(row.this_host);
        let interval = if high < 100.0 { format!("{low:.2}–{high:.2}") } else { format!("{low:.0}–{high:.0}") };
        let mut cells = vec![
            row.case.clone(),
            row.loops.clone(),
            ns(row.baseline_ns),
            ns(row.contender_ns),
            ratio(row.penalty),
            interval,
        ];
        if wide {
            cells.push(row.of_roof.map_or_else(String::new, |roof| format!("{roof:.0} %")));
            let misses = row.simulated_l1;
            cells.push(misses.map_or_else(String::new, |[one, other]| format!("{one:.3} → {other:.3}")));
        }
        if counted {
            let misses = row.counted_l1;
            cells.push(misses.map_or_else(String::new, |[one, other]| format!("{one:.3} → {other:.3}")));
        }
        cells.push(mark(row).to_owned());
        table.add_row(cells);
    }
    let mut text = String::new();
    output::push(&mut text, table.lines());
    let notes = [
        (wide && rows.iter().any(|row| row.simulated_l1.is_some()), SIMULATED),
        (
            rows.iter().any(|row| mark(row) == "f"),
            "f  the baseline costs what it costs inside L1: the core bounds it, not memory",
        ),
        (rows.iter().any(|row| mark(row) == "="), "=  the same within 3 %"),
        (
            rows.iter().any(|row| mark(row) == "?"),
            "?  inconclusive: few rounds, or the null control of this size failed",
        ),
    ];
    for (_, note) in notes.into_iter().filter(|(shown, _)| *shown) {
        text.push_str(&format!(" {note}\n"));
    }
    text
}

const SIMULATED: &str = "*  misses per step, simulated: demand misses of an LRU model without prefetch, caches warm";

/// Nothing where there is nothing to remark.
fn mark(row: &Row) -> &'static str {
    match (row.verdict, row.at_floor) {
        ("inconclusive", _) => "?",
        ("same", _) => "=",
        (_, Some(true)) => "f",
        _ => "",
    }
}
