//! `stridewise list`: what would run, and for how long.

use super::exit::{Exit, Failure};
use super::output::{self, Format, table};
use super::selection::{Planned, Selection};
use crate::host::Host;
use crate::suite::{self, FAMILIES, Family, Item, Level, Machine};
use crate::units::{bytes_long, nanos, several};
use clap::Args;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write;

/// What `run` would measure: ids, sizes and the time it takes
#[derive(Args, Debug)]
pub(super) struct ListArgs {
    #[command(flatten)]
    selection: Selection,
    /// Name the families only: what each asks, and how many cases it has
    #[arg(long)]
    families: bool,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
    families: Vec<About>,
    cases: Vec<Line>,
    left_out: Vec<LeftOut>,
}

/// A family of which something would run, or is left out.
#[derive(Serialize)]
struct About {
    name: &'static str,
    asks: &'static str,
    baseline: &'static str,
    needs: &'static str,
    /// Cases that would run.
    cases: usize,
    /// Cases of the full suite.
    of: usize,
}

/// A case that this machine cannot measure.
#[derive(Serialize)]
struct LeftOut {
    id: String,
    reason: String,
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
    let document = document(planned, &machine);
    let text = match args.format {
        Format::Json => output::json(&document)?,
        Format::Table => text(&document, args.families),
    };
    anstream::stdout().write_all(text.as_bytes())?;
    Ok(Exit::Fine)
}

fn document(planned: Planned, machine: &Machine) -> Document {
    let (mut cases, mut left_out) = (Vec::new(), Vec::new());
    for item in &planned.items {
        match item.skipped() {
            Some(why) => left_out.push(LeftOut { id: item.id(), reason: why.to_owned() }),
            None => cases.push(Line {
                id: item.id(),
                family: item.contender().family.clone(),
                baseline: item.baseline().map(ToString::to_string),
                footprint_bytes: item.footprint(),
                estimated_seconds: seconds(suite::estimate_ns(std::slice::from_ref(item), machine, planned.pace)),
            }),
        }
    }
    let full = suite::items(Level::Full, machine);
    let named = |item: &&Item, name: &str| item.contender().family == name;
    let mut families = Vec::new();
    for family in FAMILIES {
        if !planned.items.iter().any(|item| named(&item, family.name)) {
            continue;
        }
        let of = full.iter().filter(|item| named(item, family.name)).count();
        let here = cases.iter().filter(|line| line.family == family.name).count();
        let Family { name, asks, baseline, needs, .. } = *family;
        families.push(About { name, asks, baseline, needs, cases: here, of: of.max(here) });
    }
    Document {
        schema: "stridewise.list",
        schema_version: [1, 1],
        suite: planned.suite,
        estimated_seconds: seconds(planned.estimate_ns),
        warning: planned.warning,
        families,
        cases,
        left_out,
    }
}

fn text(list: &Document, families_only: bool) -> String {
    let mut text = String::new();
    for About { name, asks, baseline, needs, cases, of } in &list.families {
        output::wrapped(&mut text, &format!("{name}: {asks}"), 2);
        let counts = if list.suite == "custom" { several(*cases, "case") } else { format!("{cases} of {of} cases") };
        text.push_str("  ");
        output::wrapped(&mut text, &format!("against {baseline}; needs {needs}; {counts}"), 2);
        let mut table = table(&["id", "bytes", "time"], 1);
        for line in list.cases.iter().filter(|line| line.family == *name) {
            let time = format!("{:.1} s", line.estimated_seconds);
            table.add_row([format!("  {}", line.id), bytes_long(line.footprint_bytes), time]);
        }
        if *cases > 0 && !families_only {
            output::push(&mut text, table.lines().skip(1));
        }
        text.push('\n');
    }
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for one in &list.left_out {
        reasons.entry(&one.reason).or_default().push(&one.id);
    }
    for (reason, ids) in reasons.into_iter().filter(|_| !families_only) {
        output::wrapped(&mut text, &format!("left out here: {}: {reason}", ids.join(", ")), 2);
    }
    let total = nanos(list.estimated_seconds * 1e9);
    let full = if list.suite == "full" || list.suite == "custom" { "" } else { "; --suite full takes all" };
    let line = format!("{} of the {} suite, about {total}{full}", several(list.cases.len(), "case"), list.suite);
    output::wrapped(&mut text, &line, 0);
    if let Some(warning) = &list.warning {
        output::wrapped(&mut text, warning, 0);
    }
    text
}
