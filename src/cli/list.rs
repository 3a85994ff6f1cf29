//! `stridewise list`: what would run, and for how long.

use super::exit::{Exit, Failure};
use super::output::{self, Format, table};
use super::selection::{Planned, Selection};
use crate::host::Host;
use crate::suite::{self, Machine};
use crate::units::{bytes_long, nanos};
use clap::Args;
use serde::Serialize;
use std::io::Write;

/// What `run` would measure: ids, sizes and the time it takes
#[derive(Args, Debug)]
pub(super) struct ListArgs {
    #[command(flatten)]
    selection: Selection,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    schema_version: [u32; 2],
    suite: String,
    estimated_seconds: f64,
    cases: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    id: String,
    family: String,
    baseline: Option<String>,
    footprint_bytes: u64,
    estimated_seconds: f64,
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn seconds(ns: u64) -> f64 {
    (ns as f64 / 1e7).round() / 100.0
}

pub(super) fn run(args: &ListArgs) -> Result<Exit, Failure> {
    let machine = Machine::of_host(&Host::probe());
    let planned = args.selection.plan(&machine)?;
    let lines: Vec<Line> = planned
        .items
        .iter()
        .map(|item| Line {
            id: item.id(),
            family: item.contender().family.clone(),
            baseline: item.baseline().map(ToString::to_string),
            footprint_bytes: item.contender().footprint().unwrap_or(0),
            estimated_seconds: seconds(suite::estimate_ns(std::slice::from_ref(item), &machine, planned.pace)),
        })
        .collect();
    let text = match args.format {
        Format::Json => json(planned, lines)?,
        Format::Table => text(&planned, &lines),
    };
    anstream::stdout().write_all(text.as_bytes())?;
    Ok(Exit::Fine)
}

fn json(planned: Planned, cases: Vec<Line>) -> Result<String, Failure> {
    let document = Document {
        schema: "stridewise.list",
        schema_version: [1, 0],
        suite: planned.suite,
        estimated_seconds: seconds(planned.estimate_ns),
        cases,
    };
    output::json(&document)
}

fn text(planned: &Planned, lines: &[Line]) -> String {
    let mut table = table(&["id", "bytes", "time"], 1);
    for line in lines {
        table.add_row([line.id.clone(), bytes_long(line.footprint_bytes), format!("{:.1} s", line.estimated_seconds)]);
    }
    let mut text = String::new();
    output::push(&mut text, table.lines());
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let total = nanos(planned.estimate_ns as f64);
    text.push_str(&format!("{} cases of the {} suite, about {total}\n", lines.len(), planned.suite));
    if let Some(warning) = &planned.warning {
        text.push_str(&format!("{warning}\n"));
    }
    text
}
