//! What `advise` says, for people.

use super::advise::{NOTE, Said};
use super::output::{push, table, width, wrapped};
use crate::advise::{AS_GOOD, Advice, Agreement, Change, Choice};
use crate::nest::LoopOrder;
use crate::suite::Case;
use crate::units::{bytes_long, count, nanos, ratio};
use comfy_table::Table;
use std::fmt::Write as _;

/// Columns of a terminal from which on intervals are shown.
const WIDE: u16 = 100;
/// Changes whose lines of code are printed.
const MOST_LINES: usize = 3;

pub(super) fn text(
    case: &Case,
    passes: u64,
    walks: &[(LoopOrder, f64)],
    said: &[&Said],
    agreement: Option<&Agreement>,
) -> String {
    let mut text = heading(case, passes, walks);
    for one in said {
        let _ = writeln!(text, "\n{}, from {}", one.cpu, one.file.display());
        if let Some(advice) = &one.advice {
            push(&mut text, choices(one, advice).lines());
            text.push('\n');
            wrapped(&mut text, &sentence(one, advice, passes), 0);
            lines(&mut text, advice);
            proof(&mut text, one, advice);
        } else {
            stored(&mut text, one, walks);
        }
    }
    if let Some(agreement) = agreement {
        text.push('\n');
        wrapped(&mut text, &agreed(agreement, said), 0);
    }
    text.push('\n');
    wrapped(&mut text, NOTE, 0);
    text
}

fn heading(case: &Case, passes: u64, walks: &[(LoopOrder, f64)]) -> String {
    let bytes = bytes_long(case.footprint().unwrap_or(0));
    let (shape, order, kernel, dtype) = (case.shape_text(), case.order, case.kernel, case.dtype);
    let what = format!("{kernel} over {shape} {dtype}, {bytes}");
    if !walks.is_empty() {
        let listed: Vec<String> = walks.iter().map(|(walk, weight)| format!("{walk} ({weight} times)")).collect();
        return format!("{what}; walks {}\n", listed.join(", "));
    }
    let times = if passes == 1 { "one pass".to_owned() } else { format!("{} passes", count(passes)) };
    format!("{what}, {order} order, loop order {}, {times}\n", case.loops)
}

fn choices(one: &Said, advice: &Advice) -> Table {
    let wide = width() >= WIDE;
    let mut header = vec!["", "ns/step", "penalty", "total", "gain", "limited by", "memory"];
    if wide {
        header.insert(2, "95 %");
    }
    let mut table = table(&header, 1);
    for choice in &advice.choices {
        let ns = choice.prediction.ns;
        let penalty = choice.prediction.over(&advice.baseline);
        let memory = if choice.memory == 0 { "-".to_owned() } else { format!("+{}", bytes_long(choice.memory)) };
        let mut row = vec![
            choice.change.words(),
            format!("{:.2}", ns.estimate),
            ratio(penalty.estimate),
            nanos(choice.total),
            ratio(advice.present.total / choice.total),
            choice.prediction.limit.words(one.measured.geometry()),
            memory,
        ];
        if wide {
            row.insert(2, format!("{:.2}-{:.2}", ns.low, ns.high));
        }
        table.add_row(row);
    }
    table
}

/// What to do and why.
pub(super) fn sentence(one: &Said, advice: &Advice, passes: u64) -> String {
    let (best, present) = (&advice.choices[0], &advice.present);
    let limit = |choice: &Choice| choice.prediction.limit.words(one.measured.geometry());
    let after = limit(best);
    if best.change == Change::Nothing {
        let least = (AS_GOOD - 1.0) * 100.0;
        return format!("Change nothing: no change here gains {least:.0} %; the limit is {after}.");
    }
    let mut text = format!(
        "{}: {} ({} to {}) instead of {} for {}, {} as fast. The present loop is limited by {}, then by {}.",
        capital(&best.change.words()),
        nanos(best.total),
        nanos(best.total * best.prediction.ns.low / best.prediction.ns.estimate),
        nanos(best.total * best.prediction.ns.high / best.prediction.ns.estimate),
        nanos(present.total),
        if passes == 1 { "a pass".to_owned() } else { format!("{} passes", count(passes)) },
        ratio(present.total / best.total),
        limit(present),
        after
    );
    if let Some(passes) = best.break_even {
        text.push_str(&format!(" It pays from pass {} on.", count(passes)));
    }
    let alone = |wanted: &dyn Fn(&Change) -> bool| advice.choices.iter().find(|choice| wanted(&choice.change));
    let both = alone(&|change| matches!(change, Change::PadAndHuge(_)));
    let pad = alone(&|change| matches!(change, Change::Pad(_)));
    if let Some((both, pad)) = both.zip(pad).filter(|(both, pad)| both.total < 0.8 * pad.total) {
        text.push_str(&format!(
            " Padding alone gains {}: the limit is then {}; with huge pages too it gains {}.",
            ratio(present.total / pad.total),
            limit(pad),
            ratio(present.total / both.total)
        ));
    }
    text
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn lines(text: &mut String, advice: &Advice) {
    let better = advice.choices.iter().take_while(|choice| choice.change != Change::Nothing).take(MOST_LINES);
    for choice in better {
        let Some(lines) = choice.lines() else { continue };
        let _ = writeln!(text, "\n{}", capital(&choice.change.words()));
        for (language, line) in [("NumPy  ", &lines.numpy), ("ndarray", &lines.ndarray), ("C      ", &lines.c)] {
            let _ = write!(text, "  {language}  ");
            wrapped(text, line, 11);
        }
    }
}

fn proof(text: &mut String, one: &Said, advice: &Advice) {
    if one.proof.is_empty() {
        return;
    }
    text.push_str("\nMeasured, each change in turn with the present loop\n");
    let mut table = table(&["", "ns/step", "present", "gain", "95 %", "predicted"], 1);
    for proof in &one.proof {
        let predicted = advice.choices.iter().find(|choice| choice.change == proof.change);
        let predicted = predicted.map_or_else(String::new, |choice| {
            ratio(advice.present.prediction.ns.estimate / choice.prediction.ns.estimate)
        });
        table.add_row([
            proof.change.words(),
            format!("{:.3}", proof.ns),
            format!("{:.3}", proof.present_ns),
            ratio(proof.gain.estimate),
            format!("{:.2}-{:.2}", proof.gain.low, proof.gain.high),
            predicted,
        ]);
    }
    push(text, table.lines());
}

fn stored(text: &mut String, one: &Said, walks: &[(LoopOrder, f64)]) {
    let names: Vec<String> = walks.iter().map(|(walk, _)| format!("walk {walk}")).collect();
    let mut header = vec!["stored"];
    header.extend(names.iter().map(String::as_str));
    header.push("weighted");
    let mut table = table(&header, 1);
    let name = |tile: usize| if tile == 0 { String::new() } else { format!(", blocked by {tile}") };
    for way in &one.stored {
        let mut row = vec![format!("{} order{}", way.order, name(way.tile))];
        row.extend(way.passes.iter().map(|&ns| nanos(ns)));
        row.push(nanos(way.weighted));
        table.add_row(row);
    }
    push(text, table.lines());
    if let [best, rest @ ..] = one.stored.as_slice() {
        let other = rest.iter().find(|way| way.order != best.order);
        let gain = other.map_or_else(String::new, |other| {
            format!(", {} as fast as {} order{}", ratio(other.weighted / best.weighted), other.order, name(other.tile))
        });
        text.push('\n');
        wrapped(text, &format!("Store it in {} order{}{gain}.", best.order, name(best.tile)), 0);
    }
}

fn agreed(agreement: &Agreement, said: &[&Said]) -> String {
    let words = agreement.change.words();
    if agreement.everywhere {
        return format!("Best on all {} CPUs: {words}.", said.len());
    }
    let own: Vec<String> = said
        .iter()
        .filter_map(|one| Some(format!("{}: {}", one.cpu, one.advice.as_ref()?.choices.first()?.change.words())))
        .collect();
    format!(
        "The CPUs part: {}. The change that loses least is to {words}: at most {:.0} % on any of them.",
        own.join("; "),
        (agreement.worst - 1.0) * 100.0
    )
}
