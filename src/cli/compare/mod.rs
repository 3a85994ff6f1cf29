//! `stridewise compare`: runs of one class with verdicts and gates, or classes side by side.

mod classes;
mod read;
mod told;

use super::exit::{Exit, Failure};
use super::output;
use crate::bundle::{Partial, shown};
use crate::compare::{self, Brief, Require, Rule, Tally};
use crate::suite::Filter;
use clap::{Args, ValueEnum};
use read::{Found, Reading};
pub(super) use read::{missing, tree};
use serde_json::Value;
use std::io::Write as _;
use std::path::PathBuf;

/// Bytes of a Markdown summary at most: above a mebibyte CI drops it whole, a comment holds 65,536 characters.
const MOST_MARKDOWN: usize = 60_000;
/// Rows before the rest is folded away or left out.
const SHOWN_ROWS: usize = 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Table,
    /// For a CI job's summary.
    Markdown,
    /// For programs.
    Json,
    /// One row per case or class.
    Csv,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum AcrossWhat {
    /// Classes of machines.
    Class,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// A penalty that has grown by more than the threshold.
    Regression,
    /// A contender's time that has grown by more than the threshold, whatever its baseline did.
    Slowdown,
}

/// Runs of one class of machine with verdicts, or classes side by side
#[derive(Args, Debug)]
pub(super) struct CompareArgs {
    /// Files or folders of bundles; without --baseline the first is the baseline
    #[arg(value_name = "BUNDLE", required = true)]
    now: Vec<PathBuf>,
    /// What to compare with: files or folders of bundles
    #[arg(long, value_name = "BUNDLE", num_args = 1.., conflicts_with = "across")]
    baseline: Vec<PathBuf>,
    /// Compare classes of machines: descriptive, without a verdict
    #[arg(long, value_enum)]
    across: Option<AcrossWhat>,
    /// Only cases whose id matches a regular expression
    #[arg(long, value_name = "REGEX")]
    filter: Option<Filter>,
    /// End with exit code 10 on a regression, or a slowdown
    #[arg(long, value_enum, value_name = "RULE,…", value_delimiter = ',', conflicts_with = "across")]
    fail_on: Vec<FailOn>,
    /// Growth that is none yet
    #[arg(long, value_name = "PERCENT", default_value = "5%", value_parser = percent)]
    threshold: f64,
    /// What every class must satisfy, such as penalty@4xL2<=6; exit code 14 if one does not
    #[arg(long, value_name = "RULE", requires = "across")]
    require: Vec<Require>,
    /// End with exit code 13 without a baseline
    #[arg(long)]
    require_baseline: bool,
    /// End with exit code 12 if a case is inconclusive
    #[arg(long)]
    require_conclusive: bool,
    /// End with exit code 21 unless there are this many whole bundles, the baseline's not counted
    #[arg(long, value_name = "N")]
    expect: Option<usize>,
    /// Bundles read at most
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    max_bundles: usize,
    /// Read runs that were cut off
    #[arg(long)]
    allow_partial: bool,
    /// File that the Markdown summary is appended to
    #[arg(long, value_name = "FILE")]
    summary: Option<PathBuf>,
    /// File that the JSON verdict is written to
    #[arg(long, value_name = "FILE")]
    verdict: Option<PathBuf>,
    /// File that the page is written to
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).trim().parse::<f64>();
    let fraction = number.map(|value| value / 100.0).ok().filter(|value| (0.0..=10.0).contains(value));
    fraction.ok_or_else(|| "expected a percentage such as 5%".to_owned())
}

impl CompareArgs {
    fn reading(&self) -> Reading<'_> {
        Reading {
            partial: if self.allow_partial || self.expect.is_some() { Partial::Allowed } else { Partial::Refused },
            most: self.max_bundles,
            filter: self.filter.as_ref(),
        }
    }

    /// The rule's name for a message, where one was given that matches nothing.
    fn matches_something(&self, ids: usize) -> Result<(), Failure> {
        match &self.filter {
            Some(_) if ids == 0 => Err(Failure::usage("--filter: no case of the bundles matches")),
            _ => Ok(()),
        }
    }

    /// Where all of what a text leaves out can be found.
    fn elsewhere(&self) -> String {
        match &self.verdict {
            Some(path) => format!("{} has them all", shown(&path.display().to_string())),
            None => "--format json has them all".to_owned(),
        }
    }
}

pub(super) fn run(args: &CompareArgs) -> Result<Exit, Failure> {
    if args.across.is_some() {
        let found: Found<Vec<Brief>> = read::briefs(&args.now, args.reading())?;
        let missing = found.missing(args.expect);
        args.matches_something(found.cases)?;
        return classes::tell(args, &compare::across(&found.runs), &found.files, missing);
    }
    let (now, baseline) = match (args.baseline.as_slice(), args.now.as_slice()) {
        ([], [first, rest @ ..]) if !rest.is_empty() => (rest, std::slice::from_ref(first)),
        (baseline, now) => (now, baseline),
    };
    let found: Found<Tally> = read::tally(now, args.reading())?;
    let missing = found.missing(args.expect);
    let there: Vec<PathBuf> = baseline.iter().filter(|path| path.exists()).cloned().collect();
    let before = if there.is_empty() {
        None
    } else {
        let partial = if args.allow_partial { Partial::Allowed } else { Partial::Refused };
        Some(read::tally(&there, Reading { partial, ..args.reading() })?)
    };
    one_class(before.iter().map(|before| &before.runs).chain([&found.runs]))?;
    args.matches_something(found.cases)?;
    let Some(before) = before else { return without_baseline(args, baseline, &found, missing) };
    let changes = compare::changes(&found.runs, &before.runs, Rule { threshold: args.threshold });
    if changes.is_empty() {
        let text = "the bundles share no case; give runs of one suite";
        return Err(Failure::new(Exit::NotComparable, text));
    }
    let told = told::Told::new(args, &found.runs, &before.runs, changes, missing);
    let document = told.json();
    let text = match args.format {
        Format::Table => told.table(),
        Format::Markdown => told.markdown(),
        Format::Json => output::json(&document)?,
        Format::Csv => told.csv()?,
    };
    let page = || {
        let files: Vec<PathBuf> = before.files.iter().chain(&found.files).cloned().collect();
        read::page(&files, &told.headline(), told.about(), &told.notes, Some(&told.changes))
    };
    leave(args, &told.markdown(), &document, page)?;
    anstream::stdout().write_all(text.as_bytes())?;
    Ok(told.exit(args))
}

/// Nothing to compare with is told, and no more unless it was required.
fn without_baseline(
    args: &CompareArgs,
    baseline: &[PathBuf],
    found: &Found<Tally>,
    missing: Option<String>,
) -> Result<Exit, Failure> {
    let named = baseline.first().map_or_else(String::new, |path| format!("{}: not there; ", path.display()));
    if args.require_baseline {
        return Err(Failure::new(Exit::NoBaseline, format!("{named}no baseline to compare with")));
    }
    let mut text = format!("{named}no baseline: nothing to compare {} runs with\n", found.runs.runs);
    let exit = if missing.is_some() { Exit::Missing } else { Exit::Fine };
    missing.iter().for_each(|missing| text.push_str(&format!("{missing}\n")));
    for line in text.lines() {
        anstream::stdout().write_all((output::escaped(line) + "\n").as_bytes())?;
    }
    if let Some(path) = &args.summary {
        append(path, &format!("## stridewise: no baseline\n\n{}\n", crate::bundle::markdown(&shown_lines(&text))))?;
    }
    Ok(exit)
}

fn shown_lines(text: &str) -> String {
    text.lines().map(|line| output::escaped(line) + "\n\n").collect()
}

fn append(path: &std::path::Path, text: &str) -> Result<(), Failure> {
    let at = |error| Failure::new(Exit::Internal, format!("--summary {}: {error}", path.display()));
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).map_err(at)?;
    file.write_all(text.as_bytes()).map_err(at)
}

/// Writes what was asked for beside standard output.
fn leave(
    args: &CompareArgs,
    markdown: &str,
    document: &Value,
    page: impl FnOnce() -> Result<String, Failure>,
) -> Result<(), Failure> {
    if let Some(path) = &args.summary {
        append(path, markdown)?;
    }
    if let Some(path) = &args.verdict {
        super::plot::write(path, "--verdict", output::json(document)?.as_bytes())?;
    }
    if let Some(path) = &args.html {
        super::plot::write(path, "--html", page()?.as_bytes())?;
    }
    Ok(())
}

/// All runs are of one class, or the fields that differ are named.
fn one_class<'a>(sides: impl Iterator<Item = &'a Tally>) -> Result<(), Failure> {
    let mut classes = sides.flat_map(|side| &side.classes);
    let Some((first_id, first)) = classes.next() else { return Ok(()) };
    let Some((_, other)) = classes.find(|(id, _)| *id != first_id) else { return Ok(()) };
    let fields = compare::differing_fields(&first.machine, &other.machine);
    let fields: Vec<String> =
        fields.iter().map(|(name, a, b)| format!("{} {} / {}", shown(name), shown(a), shown(b))).collect();
    let text = format!(
        "runs {} and {} are of different classes of machine: {}; --across class compares classes",
        first.run_id,
        other.run_id,
        fields.join(", ")
    );
    Err(Failure::new(Exit::NotComparable, text))
}

/// A change as a percentage with its sign.
fn change(ratio: f64) -> String {
    format!("{:+.1} %", (ratio - 1.0) * 100.0)
}

pub(super) fn text_of(writer: csv::Writer<Vec<u8>>) -> Result<String, Failure> {
    let bytes = writer.into_inner().map_err(|error| Failure::new(Exit::Internal, error))?;
    String::from_utf8(bytes).map_err(|error| Failure::new(Exit::Internal, error))
}
