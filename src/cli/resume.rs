//! What is left of a run that was cut off, if this program on this machine is the one that began it.

use super::exit::{Exit, Failure};
use super::run::RunArgs;
use super::selection::Selection;
use crate::bundle::{Bundle, Header, LONGEST_TEXT, Tool, shown};
use crate::compare::differing_fields;
use crate::host::{Affinity, Host};
use crate::kernel::Isa;
use crate::suite::{self, Case, Item, Machine, Pace};
use clap::Parser;
use std::collections::HashSet;
use std::path::Path;

/// Where it would go on.
#[derive(Clone, Copy)]
pub(super) struct Here<'a> {
    pub(super) host: &'a Host,
    pub(super) machine: &'a Machine,
    pub(super) isa: Isa,
}

/// What is left.
pub(super) struct Left {
    pub(super) items: Vec<Item>,
    pub(super) pace: Pace,
    pub(super) seed: u64,
    /// The CPU that the header names.
    pub(super) cpu: Option<u32>,
}

/// The items of `bundle` that have no line yet. `args` has the file, if the run was of one.
///
/// # Errors
/// 11 with the reason, if lines measured here would not belong into that bundle.
pub(super) fn left(folder: &Path, bundle: &Bundle, here: Here<'_>, args: &RunArgs) -> Result<Left, Failure> {
    let given = &args.selection;
    let header = &bundle.header;
    let refuse = |why: String| Failure::new(Exit::NotComparable, format!("--resume {}: {why}", folder.display()));
    same_machine(header, here.host).map_err(refuse)?;
    same_program(header, here.isa).map_err(refuse)?;
    match (header.config.data.is_some(), given.npy().is_some()) {
        (true, false) => return Err(refuse("was measured on the values of a file; give it with --npy".to_owned())),
        (false, true) => return Err(refuse("was not measured on the values of a file: --npy".to_owned())),
        _ => {}
    }
    // Cores of one machine may be of two kinds.
    let cpu = args.cpu.or(header.config.cpu);
    if let Some(cpu) = cpu.filter(|cpu| args.cpu.is_none() && !Affinity::at_start().cpus().contains(cpu)) {
        let why = "which this process may not use; let it, or say with --cpu which one is like it";
        return Err(refuse(format!("was measured on CPU {cpu}, {why}")));
    }
    same_plan(header, here.machine, given).map_err(refuse)?;
    let parse = |id: &String| -> Result<Item, Failure> {
        let case: Case = id.parse().map_err(|error| refuse(format!("plan: {error}")))?;
        Ok(Item::of(case).checked(here.machine))
    };
    let items: Vec<Item> = header.plan.ids.iter().map(parse).collect::<Result<_, _>>()?;
    let pairs = bundle.pairs.iter().map(|pair| &pair.id);
    let cases = bundle.cases.iter().map(|case| &case.case.id);
    let done: HashSet<&String> = pairs.chain(cases).chain(bundle.skipped.iter().map(|skipped| &skipped.id)).collect();
    let config = &header.config;
    let level = header.plan.suite.parse().unwrap_or(suite::Level::Standard);
    let pace = Pace {
        placements: config.placements,
        placement_ns: config.placement_ns,
        sample_ns: config.sample_ns,
        ..level.pace()
    };
    // Another seed than the finished part had: the same one would repeat its random choices.
    let seed = config.seed.wrapping_add(done.len() as u64);
    Ok(Left { items: items.into_iter().filter(|item| !done.contains(&item.id())).collect(), pace, seed, cpu })
}

/// At most a handful of differences, in one line.
fn listed(fields: &[(String, String, String)]) -> String {
    const MOST: usize = 6;
    let told =
        fields.iter().take(MOST).map(|(name, then, now)| format!("{} {} / {}", shown(name), shown(then), shown(now)));
    let mut told = told.collect::<Vec<_>>().join(", ");
    if fields.len() > MOST {
        told += &format!(" and {} more", fields.len() - MOST);
    }
    told
}

fn same_machine(header: &Header, host: &Host) -> Result<(), String> {
    let fields = differing_fields(&header.machine, &host.machine_class());
    if fields.is_empty() {
        return Ok(());
    }
    Err(format!("was begun on another class of machine (then / here): {}", listed(&fields)))
}

/// One program per bundle: its header names one.
fn same_program(header: &Header, isa: Isa) -> Result<(), String> {
    if header.config.engine != "paired" {
        return Err(format!("was measured with the {} engine, which cannot go on", header.config.engine));
    }
    let (then, now) = (&header.tool, Tool::this(isa.to_string()));
    if then.isa != now.isa {
        return Err(format!("was begun with --isa {}, this is {isa}", shown(&then.isa)));
    }
    let text = |value: Option<&String>| value.cloned().unwrap_or_else(|| "absent".to_owned());
    let flag = |value: Option<bool>| value.map_or_else(|| "absent".to_owned(), |value| value.to_string());
    let fields = [
        ("name", then.name.clone(), now.name),
        ("version", then.version.clone(), now.version),
        ("commit", text(then.commit.as_ref()), text(now.commit.as_ref())),
        ("dirty", flag(then.dirty), flag(now.dirty)),
        ("rustc", then.rustc.clone(), now.rustc),
        ("target", then.target.clone(), now.target),
        ("debug", then.debug.to_string(), now.debug.to_string()),
    ];
    let differ = fields.into_iter().filter(|(_, then, now)| then != now);
    let fields: Vec<_> = differ.map(|(name, then, now)| (format!("tool.{name}"), then, now)).collect();
    if fields.is_empty() {
        return Ok(());
    }
    Err(format!("was begun by another program (then / here): {}", listed(&fields)))
}

#[derive(Parser)]
#[command(no_binary_name = true)]
struct Asked {
    #[command(flatten)]
    run: RunArgs,
}

/// The plan that the header's command line gives here and now must be the header's.
fn same_plan(header: &Header, machine: &Machine, given: &Selection) -> Result<(), String> {
    let arguments = &header.config.args;
    // A text that was too long for the header is not the one that was given.
    let cut = arguments.iter().any(|argument| argument.chars().count() >= LONGEST_TEXT);
    let asked = Asked::try_parse_from(arguments.iter().skip(1));
    let asked =
        asked.map_err(|_| format!("its command line is none of this program: {}", shown(&arguments.join(" "))))?;
    let selection = asked.run.selection.instead(given.npy().map(Path::to_owned), cut);
    let planned = selection.plan(machine).map_err(|failure| format!("its plan cannot be made here: {failure}"))?;
    let now: Vec<String> = planned.items.iter().map(Item::id).collect();
    let then = &header.plan.ids;
    if planned.suite != header.plan.suite {
        return Err(format!(
            "has the plan of suite {}, its command line that of {}",
            shown(&header.plan.suite),
            planned.suite
        ));
    }
    let mut rest = now.iter();
    if let Some(odd) = then.iter().find(|&id| !rest.any(|one| one == id)) {
        let why = if now.contains(odd) { "stands elsewhere in" } else { "is not in" };
        return Err(format!("has another plan: {} {why} the plan that its command line gives here", shown(odd)));
    }
    if !cut && then.len() != now.len() {
        return Err(format!("has another plan: {} cases, its command line gives {} here", then.len(), now.len()));
    }
    Ok(())
}
