//! The table that `run`, `cargo bench` and `validate` print.

use super::output;
use crate::counters::Place;
use crate::report::{Row, counted_places};
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
    header.push("");
    let mut table = output::table(&header, 2);
    table.set_width(width);
    for row in rows {
        let [low, high] = row.this_run.unwrap_or(row.this_host);
        let interval = if high < 100.0 { format!("{low:.2}–{high:.2}") } else { format!("{low:.0}–{high:.0}") };
        let mut cells = vec![
            row.case.clone(),
            if row.orders_only { row.loops.clone() } else { format!("{} / {}", row.loops, row.baseline_loops) },
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
    let quotient = |row: &Row| row.contender_ns / row.baseline_ns;
    let off = rows.iter().any(|row| (quotient(row) / row.penalty - 1.0).abs() > VISIBLE);
    let notes = notes.into_iter().chain([(off, RATIOS)]);
    for (_, note) in notes.filter(|(shown, _)| *shown) {
        text.push_str(&format!(" {note}\n"));
    }
    counted(&mut text, rows, width);
    text
}

/// Hardware counts beside the simulated figures; nothing where nothing was counted.
fn counted(text: &mut String, rows: &[Row], width: u16) {
    let rows: Vec<&Row> = rows.iter().filter(|row| row.has_counts()).collect();
    if rows.is_empty() {
        return;
    }
    let all = counted_places(rows.iter().copied());
    // The first cache, the last and the translations, as far as they fit; what is left out stands in the page.
    let last = all.iter().rfind(|place| place.is_cache());
    let translations = all.iter().rfind(|place| !place.is_cache());
    let room = if width < WIDE { 1 } else { usize::from(width - 55) / 26 };
    let mut places: Vec<Place> = all.first().into_iter().chain(last).chain(translations).copied().collect();
    places.dedup();
    places.truncate(room);
    let mut header = vec!["array", "loop", "cycles", "IPC"];
    header.extend(places.iter().flat_map(|place| [place.name(), "simulated"]));
    let mut table = output::table(&header, 2);
    table.set_width(width);
    let arrow = |figures: Option<[f64; 2]>| figures.map_or_else(|| "–".to_owned(), |[a, b]| format!("{a:.3}→{b:.3}"));
    for row in &rows {
        let short =
            |figures: Option<[f64; 2]>| figures.map_or_else(|| "–".to_owned(), |[a, b]| format!("{a:.2}→{b:.2}"));
        let mut cells = vec![row.case.clone(), row.loops.clone(), short(row.cycles), short(row.ipc)];
        for &place in &places {
            let at = row.counted_at(place);
            let about = if at.is_some_and(|at| at.estimated) { "≈" } else { "" };
            cells.push(format!("{about}{}", arrow(at.map(|at| at.per_access))));
            cells.push(arrow(at.and_then(|at| at.simulated_per_access)));
        }
        table.add_row(cells);
    }
    text.push('\n');
    output::push(text, table.lines());
    let named = |place: &Place| {
        let at = rows.iter().find_map(|row| row.counted_at(*place))?;
        Some(format!("{}: {}", place.name(), at.event))
    };
    let events: Vec<String> = places.iter().filter_map(named).collect();
    let about = if rows.iter().any(|row| row.counted.iter().any(|at| at.estimated)) { "; ≈ an estimate" } else { "" };
    text.push(' ');
    output::wrapped(text, &format!("counted per access, baseline→this order; {}{about}", events.join(", ")), 1);
}

const RATIOS: &str = "penalty: the median of the rounds' own ratios, not → divided by ns/step";

/// So far apart, a reader who divides the columns would take the penalty for a mistake.
const VISIBLE: f64 = 0.01;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::CountedRow;

    fn row(counts: bool) -> Row {
        let at = |place: Place, event: &str, estimated: bool| CountedRow {
            place,
            event: event.to_owned(),
            per_access: [0.13, 1.04],
            per_line: Some([1.04, 8.32]),
            simulated_per_access: Some([0.125, 1.0]),
            estimated,
        };
        let counted = [at(Place::L1d, "l1d-read-misses", false), at(Place::L2, "l2", false), at(Place::L3, "l3", true)];
        Row {
            id: "order/sum/f8/4096x4096/C/1,0/pad=64".to_owned(),
            case: "sum f8 4096x4096 C pad=64".to_owned(),
            loops: "1,0".to_owned(),
            baseline_loops: "0,1".to_owned(),
            orders_only: true,
            footprint_bytes: 1 << 27,
            baseline_ns: 0.21,
            contender_ns: 1.56,
            penalty: 7.26,
            this_run: Some([6.86, 7.69]),
            this_host: [6.5, 8.0],
            verdict: "slower",
            rounds: 100,
            of_roof: Some(71.0),
            at_floor: Some(false),
            simulated_l1: Some([0.125, 1.0]),
            simulated_last: Some([0.125, 1.0]),
            cycles: counts.then_some([0.6, 5.0]),
            ipc: counts.then_some([2.5, 0.3]),
            counted: if counts {
                counted.into_iter().chain([at(Place::DtlbWalk, "walks", false)]).collect()
            } else {
                Vec::new()
            },
        }
    }

    #[test]
    fn counts_stand_beside_the_simulated_figures_with_their_events() {
        for (width, events) in [
            (80, &["L1d: l1d-read-misses"][..]),
            (120, &["L1d: l1d-read-misses", "L3: l3", "≈0.130→1.040", "≈ an estimate"]),
            (140, &["page walks: walks"]),
        ] {
            let text = table(&[row(true)], width);
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            for part in ["cycles", "IPC", "0.60→5.00", "2.50→0.30", "0.130→1.040", "0.125→1.000"].iter().chain(events)
            {
                assert!(text.contains(part), "{part} at {width}:\n{text}");
            }
        }
    }

    #[test]
    fn where_the_columns_do_not_divide_to_the_penalty_a_note_says_why() {
        let note = "median of the rounds' own ratios";
        let other = Row { contender_ns: 1.525, ..row(false) };
        assert!(table(&[row(false), other.clone()], 80).contains(note), "1.56 / 0.21 is 7.43, not 7.26");
        assert!(!table(&[other], 80).contains(note), "1.525 / 0.21 is 7.26");
    }

    #[test]
    fn nothing_is_shown_of_counts_that_are_not_there() {
        let text = table(&[row(false)], 120);
        assert!(!text.contains("cycles") && !text.contains("counted"), "{text}");
    }
}
