//! Simulated figures as text.

use super::super::output::{self, table};
use super::{SimulateArgs, Simulation, Walk, chosen, note, sets};
use crate::simulate::{Model, Pass, Report};
use crate::units::{bytes_tick, count};
use std::fmt::Write as _;

pub(super) fn text(args: &SimulateArgs, walk: &Walk, what: &str, model: Model, simulations: &[Simulation]) -> String {
    let state = if args.warm { "steady state of repeated passes" } else { "first pass, from empty caches" };
    let lines = simulations.first().and_then(|one| chosen(&one.report, args.warm).lines);
    let lines = lines.map_or_else(String::new, |lines| format!(" of {} distinct lines", count(lines)));
    let mut text = format!("{what}\n{} accesses{lines}; {state}\n\n", count(walk.accesses()));
    match simulations {
        [one] => {
            let _ = writeln!(text, "{}: {}", one.cpu, one.geometry);
            output::push(&mut text, levels(chosen(&one.report, args.warm), walk.steps()).lines());
            text.push('\n');
            output::wrapped(&mut text, &other(&one.report, args.warm), 0);
        }
        several => {
            output::push(&mut text, cpus(several, args.warm, walk.steps()).lines());
            text.push_str("\nMisses per innermost step; caches from the CPU outwards.\n");
        }
    }
    sets::push(&mut text, simulations.iter().flat_map(|one| one.sets.iter().flatten()));
    for ahead in simulations.iter().filter_map(|one| chosen(&one.report, args.warm).prefetches) {
        let _ = writeln!(text, "\n{} lines fetched ahead.", count(ahead));
    }
    let mut note = note(model);
    note[..1].make_ascii_uppercase();
    text.push('\n');
    output::wrapped(&mut text, &format!("{note}."), 0);
    text.push('\n');
    text
}

/// The state that the table does not show.
fn other(report: &Report, warm: bool) -> String {
    let state = if warm { "First pass, from empty caches" } else { "Steady state of repeated passes" };
    let pass = chosen(report, !warm);
    let caches = pass.levels.iter().map(|level| {
        let back =
            if level.writebacks > 0 { format!(" ({} written back)", count(level.writebacks)) } else { String::new() };
        format!("{} {}{back}", level.name, count(level.misses))
    });
    let misses: Vec<String> =
        caches.chain(pass.tlb.iter().map(|tlb| format!("{} {}", tlb.name, count(tlb.misses)))).collect();
    format!("{state}, misses: {}.", misses.join(", "))
}

#[expect(clippy::cast_precision_loss, reason = "shown with four digits")]
fn per(count: u64, steps: u64) -> String {
    format!("{:.4}", count as f64 / steps.max(1) as f64)
}

fn levels(pass: &Pass, steps: u64) -> comfy_table::Table {
    let told = pass.levels.iter().any(|level| level.compulsory.is_some());
    let mut header = vec!["", "accesses", "misses", "per step"];
    if told {
        header.extend(["first", "capacity", "conflict"]);
    }
    header.push("written back");
    let mut table = table(&header, 1);
    let cell = |n: Option<u64>| n.map_or_else(|| "-".to_owned(), count);
    for level in &pass.levels {
        let mut row = vec![level.name.clone(), count(level.accesses), count(level.misses), per(level.misses, steps)];
        if told {
            row.extend([cell(level.compulsory), cell(level.capacity), cell(level.conflict)]);
        }
        row.push(count(level.writebacks));
        table.add_row(row);
    }
    for tlb in &pass.tlb {
        let mut row = vec![tlb.name.clone(), count(tlb.accesses), count(tlb.misses), per(tlb.misses, steps)];
        row.resize(header.len(), String::new());
        table.add_row(row);
    }
    table
}

fn cpus(simulations: &[Simulation], warm: bool, steps: u64) -> comfy_table::Table {
    let most = simulations.iter().map(|one| one.geometry.levels.len()).max().unwrap_or(0);
    let names: Vec<String> = (1..=most).map(|level| format!("L{level} misses")).collect();
    let mut header = vec!["CPU", "caches"];
    header.extend(names.iter().map(String::as_str));
    let mut table = table(&header, 2);
    for one in simulations {
        let pass = chosen(&one.report, warm);
        let sizes: Vec<String> = one.geometry.levels.iter().map(|level| bytes_tick(level.bytes)).collect();
        let mut row = vec![one.cpu.clone(), sizes.join(" ")];
        row.extend(pass.levels.iter().map(|level| per(level.misses, steps)));
        row.resize(header.len(), "-".to_owned());
        table.add_row(row);
    }
    table
}
