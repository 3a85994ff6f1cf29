//! `stridewise host`: what this machine is, what it can count, and what would disturb a measurement.

use super::exit::{Exit, Failure};
use super::host_measure;
use super::output::{self, Format, push, table, wrapped};
use crate::counters::{self, EventStatus};
use crate::host::{Affinity, Cache, Check, Fact, Host, Level, MachineClass, MachineState, Tlb, pin};
use crate::measure::Trial;
use crate::units::{bytes_long, count, nanos};
use anstyle::{AnsiColor, Style};
use clap::Args;
use comfy_table::{CellAlignment, Table};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::{Display, Write as _};
use std::io::Write as _;

/// What this machine is, what it can count, and what would disturb a measurement
#[derive(Args, Debug)]
pub(super) struct HostArgs {
    /// Chase pointers through sets of all sizes (about a minute), and show the caches and TLBs that they find beside those
    /// that the machine names
    #[arg(long)]
    measure: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// `schema/host-1.json`.
#[derive(Serialize)]
struct Document {
    schema: &'static str,
    schema_version: [u32; 2],
    class_id: String,
    machine_class: MachineClass,
    machine_state: MachineState,
    host: Host,
    counters: Vec<EventStatus>,
    checks: Vec<Check>,
    /// What a fixed piece of work met; the last checks are drawn from it.
    trial: Trial,
    /// What --measure found; absent without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    measured: Option<host_measure::Facts>,
}

pub(super) fn run(args: &HostArgs) -> Result<Exit, Failure> {
    let host = Host::probe();
    let start = std::time::Instant::now();
    let clock = || u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
    let counters = counters::probe(&counters::catalogue(&host), clock);
    let trial = trial();
    let measured = args.measure.then(|| host_measure::measure(&host)).transpose()?;
    let text = match args.format {
        Format::Json => json(host, counters, trial, measured.as_ref().map(host_measure::facts))?,
        Format::Table => text(&host, &counters, &trial, measured.as_ref()),
    };
    anstream::stdout().write_all(text.as_bytes())?;
    Ok(Exit::Fine)
}

/// On the CPU that `run` would measure on, if the system lets a thread be pinned.
fn trial() -> Trial {
    let last = Affinity::at_start().cpus().last().copied();
    let _pinned = last.map(pin);
    Trial::now()
}

/// What the machine says of itself, and what a trial met.
fn all_checks(host: &Host, trial: &Trial) -> Vec<Check> {
    host.checks().into_iter().chain(trial.checks()).collect()
}

fn json(
    host: Host,
    counters: Vec<EventStatus>,
    trial: Trial,
    measured: Option<host_measure::Facts>,
) -> Result<String, Failure> {
    let class = host.machine_class();
    let document = Document {
        schema: "stridewise.host",
        schema_version: [1, 0],
        class_id: class.id(),
        machine_class: class,
        machine_state: host.machine_state(),
        checks: all_checks(&host, &trial),
        trial,
        host,
        counters,
        measured,
    };
    output::json(&document)
}

fn text(host: &Host, counters: &[EventStatus], trial: &Trial, measured: Option<&host_measure::Shown>) -> String {
    let mut text = String::new();
    heading(&mut text, &host.cpu.name.value().cloned().unwrap_or_else(|| format!("{} CPU", host.cpu.arch)));
    push(&mut text, facts(&identity(host)).lines());
    heading(&mut text, &format!("Caches of CPU {}", host.looked_at));
    caches(&mut text, host);
    heading(&mut text, "Data TLBs");
    tlbs(&mut text, host);
    if let Some(measured) = measured {
        heading(&mut text, "As a pointer chase finds them");
        host_measure::text(&mut text, measured);
    }
    heading(&mut text, "System");
    push(&mut text, facts(&system(host)).lines());
    heading(&mut text, "Counter events");
    events(&mut text, counters);
    heading(&mut text, "Before measuring");
    checks(&mut text, &all_checks(host, trial));
    text
}

fn heading(text: &mut String, title: &str) {
    let bold = Style::new().bold();
    let gap = if text.is_empty() { "" } else { "\n" };
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{gap}{bold}{title}{bold:#}");
}

type Row = (&'static str, String, String);

/// A row with the value's source, or with the reason for its absence.
fn row<T>(name: &'static str, fact: &Fact<T>, show: impl Fn(&T) -> String) -> Row {
    match fact {
        Fact::Known { value, source } => (name, show(value), source.to_string()),
        Fact::Absent { absent } => (name, "—".to_owned(), absent.to_string()),
    }
}

fn shown<T: Display>(name: &'static str, fact: &Fact<T>) -> Row {
    row(name, fact, ToString::to_string)
}

fn bytes(name: &'static str, fact: &Fact<u64>) -> Row {
    row(name, fact, |&bytes| bytes_long(bytes))
}

fn facts(rows: &[Row]) -> Table {
    let mut table = table(&["", "", "source, or why absent"], 9);
    for (name, value, source) in rows {
        table.add_row([*name, value, source]);
    }
    table
}

fn identity(host: &Host) -> Vec<Row> {
    let cpu = &host.cpu;
    let model = model(host);
    let source = cpu.model.source().map_or_else(|| cpu.model.to_string(), |source| source.to_string());
    vec![
        ("class", host.machine_class().id(), "computed".to_owned()),
        ("architecture", cpu.arch.clone(), "build".to_owned()),
        shown("vendor", &cpu.vendor),
        ("model", model, source),
        shown("microcode", &cpu.microcode),
        shown("CPUs online", &host.topology.online),
        row("cores", &host.topology.physical_cores, |&cores| {
            let smt = host.topology.smt.value().map_or("", |&smt| if smt { ", with SMT" } else { ", without SMT" });
            format!("{cores}{smt}")
        }),
        shown("hypervisor", &host.system.hypervisor),
    ]
}

/// Arm counts parts, variants and revisions: `part 0xd0c r3p1`.
fn model(host: &Host) -> String {
    let cpu = &host.cpu;
    if let (Some(part), Some(stepping), "aarch64") = (cpu.model.value(), cpu.stepping.value(), cpu.arch.as_str()) {
        return format!("part {part:#x} r{}p{}", stepping / 16, stepping % 16);
    }
    let number = |fact: &Fact<u32>| fact.value().map_or_else(|| "—".to_owned(), ToString::to_string);
    format!("family {} model {} stepping {}", number(&cpu.family), number(&cpu.model), number(&cpu.stepping))
}

fn system(host: &Host) -> Vec<Row> {
    let (memory, pages, system, frequency) = (&host.memory, &host.pages, &host.system, &host.frequency);
    let megahertz = |&khz: &u64| format!("{} MHz", khz / 1000);
    let switch = |&on: &bool| if on { "on" } else { "off" }.to_owned();
    vec![
        shown("kernel", &system.kernel),
        bytes("memory", &memory.total),
        bytes("available", &memory.available),
        bytes("control group's limit", &memory.cgroup_limit),
        row("NUMA nodes", &host.numa, |nodes| nodes.len().to_string()),
        row("NUMA balancing", &system.numa_balancing, switch),
        bytes("base page", &pages.base),
        bytes("huge page", &pages.huge),
        shown("transparent huge pages", &pages.transparent),
        row("explicit huge pages", &pages.pools, |pools| {
            let list = pools.iter().map(|pool| format!("{} × {}", count(pool.total), bytes_long(pool.page)));
            list.collect::<Vec<_>>().join(", ")
        }),
        shown("frequency driver", &frequency.driver),
        shown("governor", &frequency.governor),
        shown("energy preference", &frequency.preference),
        row("lowest frequency", &frequency.min_khz, megahertz),
        row("highest frequency", &frequency.max_khz, megahertz),
        row("boost", &frequency.boost, switch),
        row("CPU quota", &system.cpu_quota, |quota| format!("{quota:.2} CPUs")),
        shown("affinity mask", &host.affinity),
        shown("clock source", &system.clock_source),
        shown("address randomisation", &system.aslr),
        row("load", &system.load, |load| format!("{load:.2}")),
        row("mitigations", &system.mitigations, |list| format!("{} vulnerabilities", list.len())),
    ]
}

fn caches(text: &mut String, host: &Host) {
    if let Some(reason) = host.caches_absent {
        let _ = writeln!(text, " not known: {reason}; give them with --cache");
        return;
    }
    let mut table = table(&["", "size", "ways", "sets", "line", "CPUs", "source"], 1);
    for cache in &host.caches {
        table.add_row(cache_row(cache));
    }
    push(text, last_left(table).lines());
    for other in &host.disagreements {
        let (what, used, said) = (&other.what, bytes_long(other.used), bytes_long(other.other));
        let (source, other_source, why) = (other.used_source, &other.other_source, &other.why);
        remark(text, &format!("{what}: {used} ({source}) is used, not {said} ({other_source}): {why}"));
    }
}

/// The source stands at the end and is text.
fn last_left(mut table: Table) -> Table {
    let last = table.column_count() - 1;
    table.column_iter_mut().skip(last).for_each(|column| column.set_cell_alignment(CellAlignment::Left));
    table
}

fn cache_row(cache: &Cache) -> [String; 7] {
    let number = |value: Option<u32>| value.map_or_else(|| "—".to_owned(), |value| count(value.into()));
    let line = cache.line.map_or_else(|| "—".to_owned(), |line| bytes_long(line.into()));
    [
        cache.name(),
        bytes_long(cache.bytes),
        number(cache.ways),
        number(cache.sets),
        line,
        number(cache.shared_by),
        cache.source.to_string(),
    ]
}

fn tlbs(text: &mut String, host: &Host) {
    let known: Vec<&Tlb> = match &host.tlbs {
        Fact::Known { value, .. } => value.iter().filter(|tlb| tlb.kind != crate::host::Kind::Instruction).collect(),
        Fact::Absent { absent } => {
            let _ = writeln!(text, " not known: {absent}");
            return;
        }
    };
    let mut table = table(&["", "page", "entries", "ways", "reach", "source"], 1);
    for tlb in known {
        let ways = match tlb.ways {
            Some(ways) if ways == tlb.entries => "full".to_owned(),
            Some(ways) => ways.to_string(),
            None => "—".to_owned(),
        };
        let reach = bytes_long(tlb.page.saturating_mul(tlb.entries.into()));
        let (level, entries) = (format!("L{}", tlb.level), count(tlb.entries.into()));
        table.add_row([level, bytes_long(tlb.page), entries, ways, reach, tlb.source.to_string()]);
    }
    push(text, last_left(table).lines());
}

fn events(text: &mut String, counters: &[EventStatus]) {
    let mut table = table(&["", "asked as", "state"], 9);
    for status in counters {
        let empty = status.empty_count.filter(|&empty| empty > 0);
        let counts =
            || empty.map_or_else(|| "counts".to_owned(), |n| format!("counts; {} in an empty block", count(n)));
        table.add_row([
            status.event.clone(),
            status.raw.clone(),
            status.reason.map_or_else(counts, |reason| reason.to_string()),
        ]);
    }
    push(text, table.lines());
    if let Some(ns) = counters.iter().find_map(|status| status.empty_ns) {
        let ns = nanos(ns as f64);
        remark(
            text,
            &format!("counting a block costs {ns}, outside the timed part; what it counts itself is taken off"),
        );
    }
    let remedies: BTreeSet<String> =
        counters.iter().filter_map(|status| Some(format!("{}: {}", status.reason?, status.remedy.as_ref()?))).collect();
    remedies.iter().for_each(|remedy| remark(text, remedy));
}

fn checks(text: &mut String, checks: &[Check]) {
    let mut sorted: Vec<&Check> = checks.iter().collect();
    sorted.sort_by_key(|check| std::cmp::Reverse(check.level));
    for check in sorted {
        let (mark, color) = match check.level {
            Level::Warning => ("change", AnsiColor::Yellow),
            Level::Note => ("note", AnsiColor::Cyan),
            Level::Fine => ("fine", AnsiColor::Green),
        };
        let style = color.on_default();
        let _ = write!(text, " {style}{mark:6}{style:#}  {:10}  ", check.name);
        wrapped(text, &check.says, 21);
    }
}

fn remark(text: &mut String, line: &str) {
    text.push_str(" → ");
    wrapped(text, line, 3);
}
