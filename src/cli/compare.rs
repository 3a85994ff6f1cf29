//! `stridewise compare`: runs of one class with verdicts and gates, or classes side by side.

use super::exit::{Exit, Failure};
use super::output::{self, table};
use crate::bundle::{self, Partial, markdown, shown};
use crate::compare::{self, Across, Change, Require, Rule, Run, Said};
use crate::units::{bytes_tick, nanos, ratio};
use clap::{Args, ValueEnum};
use rayon::prelude::*;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Bytes of a Markdown summary at most: above a mebibyte CI drops it whole, a comment holds 65,536 characters.
const MOST_MARKDOWN: usize = 60_000;
/// Rows before the rest is folded away.
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
    /// End with exit code 10 on a regression
    #[arg(long, value_enum, value_name = "RULE", conflicts_with = "across")]
    fail_on: Option<FailOn>,
    /// Growth of a penalty that is none yet
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
    /// End with exit code 21 unless there are this many bundles, the baseline's not counted
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
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).trim().parse::<f64>();
    let fraction = number.map(|value| value / 100.0).ok().filter(|value| (0.0..=10.0).contains(value));
    fraction.ok_or_else(|| "expected a percentage such as 5%".to_owned())
}

/// Bundles of paths, read on all CPUs, each reduced before the next is read.
pub(super) fn read_runs(paths: &[PathBuf], partial: Partial, most: usize) -> Result<Vec<Run>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        files.extend(tree(path)?);
    }
    if files.len() > most {
        return Err(Failure::usage(format!("--max-bundles {most}: {} bundles were given", files.len())));
    }
    let read: Result<Vec<Run>, bundle::BundleError> =
        files.par_iter().map(|file| bundle::read(file, partial).map(|bundle| Run::of(&bundle))).collect();
    compare::distinct(read?).map_err(|conflict| Failure::new(Exit::Invalid, conflict))
}

/// The bundles of a path: a file, a result folder, or a folder of such at any depth; links are not followed.
pub(super) fn tree(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let is_folder = std::fs::metadata(path).is_ok_and(|meta| meta.is_dir());
    match bundle::files(path) {
        Ok(files) if !is_folder => return Ok(files),
        Err(error) if !is_folder => return Err(error.into()),
        _ => {}
    }
    let (mut found, mut folders) = (Vec::new(), vec![path.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() && entry.path().extension().is_some_and(|end| end == "jsonl") {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    if found.is_empty() {
        let text = format!("{}: no bundle (*.jsonl) in this folder", path.display());
        return Err(Failure::new(Exit::Invalid, text));
    }
    Ok(found)
}

pub(super) fn run(args: &CompareArgs) -> Result<Exit, Failure> {
    let partial = if args.allow_partial { Partial::Allowed } else { Partial::Refused };
    if args.across.is_some() {
        let runs = read_runs(&args.now, partial, args.max_bundles)?;
        expected(args, runs.len())?;
        return classes(args, &compare::across(&runs));
    }
    let (now, baseline) = match (args.baseline.as_slice(), args.now.as_slice()) {
        ([], [first, rest @ ..]) if !rest.is_empty() => (rest, std::slice::from_ref(first)),
        (baseline, now) => (now, baseline),
    };
    let runs = read_runs(now, partial, args.max_bundles)?;
    expected(args, runs.len())?;
    let there: Vec<PathBuf> = baseline.iter().filter(|path| path.exists()).cloned().collect();
    if there.is_empty() {
        let named = baseline.first().map_or_else(String::new, |path| format!("{}: not there; ", path.display()));
        if args.require_baseline {
            return Err(Failure::new(Exit::NoBaseline, format!("{named}no baseline to compare with")));
        }
        let text = format!("{named}no baseline: nothing to compare {} runs with\n", runs.len());
        anstream::stdout().write_all(output::escaped(text.trim_end()).as_bytes())?;
        anstream::stdout().write_all(b"\n")?;
        return Ok(Exit::Fine);
    }
    let before = read_runs(&there, partial, args.max_bundles)?;
    one_class(&runs, &before)?;
    let changes = compare::changes(&runs, &before, Rule { threshold: args.threshold });
    if changes.is_empty() {
        let text = "the bundles share no case; give runs of one suite";
        return Err(Failure::new(Exit::NotComparable, text));
    }
    let told = Told::new(args, &runs, &before, changes);
    let document = told.json();
    let text = match args.format {
        Format::Table => told.table(),
        Format::Markdown => told.markdown(),
        Format::Json => output::json(&document)?,
        Format::Csv => told.csv()?,
    };
    leave(args, &told.markdown(), &document)?;
    anstream::stdout().write_all(text.as_bytes())?;
    Ok(told.exit(args))
}

fn expected(args: &CompareArgs, found: usize) -> Result<(), Failure> {
    match args.expect {
        Some(expected) if expected != found => {
            Err(Failure::new(Exit::Missing, format!("--expect {expected}: {found} bundles were given")))
        }
        _ => Ok(()),
    }
}

/// Writes what was asked for beside standard output.
fn leave(args: &CompareArgs, markdown: &str, document: &Value) -> Result<(), Failure> {
    if let Some(path) = &args.summary {
        let at = |error| Failure::new(Exit::Internal, format!("--summary {}: {error}", path.display()));
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).map_err(at)?;
        file.write_all(markdown.as_bytes()).map_err(at)?;
    }
    if let Some(path) = &args.verdict {
        super::plot::write(path, "--verdict", output::json(document)?.as_bytes())?;
    }
    Ok(())
}

/// All runs are of one class, or the fields that differ are named.
fn one_class(now: &[Run], before: &[Run]) -> Result<(), Failure> {
    let Some(first) = before.first().or(now.first()) else { return Ok(()) };
    let Some(other) = before.iter().chain(now).find(|run| run.class_id != first.class_id) else { return Ok(()) };
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

/// A comparison of runs of one class.
struct Told {
    changes: Vec<Change>,
    cpu: String,
    class_id: String,
    runs: [usize; 2],
    threshold: f64,
    notes: Vec<String>,
}

impl Told {
    fn new(args: &CompareArgs, now: &[Run], before: &[Run], changes: Vec<Change>) -> Self {
        let mut notes = Vec::new();
        let all = || now.iter().chain(before);
        let plans: std::collections::BTreeSet<&str> = all().map(|run| run.plan.as_str()).collect();
        if plans.len() > 1 {
            notes.push(format!(
                "{} different plans: only the {} cases they share are compared",
                plans.len(),
                changes.len()
            ));
        }
        if all().any(|run| run.debug) && all().any(|run| !run.debug) {
            notes.push("some runs are of debug builds: their times are no measure".to_owned());
        }
        if all().any(|run| run.digest.is_empty()) {
            notes.push("some runs were cut off: their finished cases are used".to_owned());
        }
        let first = all().next();
        Self {
            changes,
            cpu: first.map_or_else(String::new, |run| run.cpu.clone()),
            class_id: first.map_or_else(String::new, |run| run.class_id.clone()),
            runs: [before.len(), now.len()],
            threshold: args.threshold,
            notes,
        }
    }

    fn number(&self, said: Said) -> usize {
        self.changes.iter().filter(|one| one.said == said).count()
    }

    fn regressions(&self) -> usize {
        self.changes.iter().filter(|one| one.regression).count()
    }

    fn exit(&self, args: &CompareArgs) -> Exit {
        if args.fail_on.is_some() && self.regressions() > 0 {
            Exit::Regression
        } else if args.require_conclusive && self.number(Said::Inconclusive) > 0 {
            Exit::Inconclusive
        } else {
            Exit::Fine
        }
    }

    fn headline(&self) -> String {
        let worst = self
            .changes
            .iter()
            .find(|one| one.regression)
            .map_or_else(String::new, |one| format!(", the worst {} ({})", one.id, change(one.change.estimate)));
        let what = match self.regressions() {
            0 => "no regression".to_owned(),
            1 => format!("1 regression{worst}"),
            n => format!("{n} regressions{worst}"),
        };
        let of = |said: Said| format!("{} {}", self.number(said), said.word());
        let said = [Said::Slower, Said::Faster, Said::Unchanged, Said::Inconclusive].map(of).join(", ");
        format!("{what}: {} cases, {said}", self.changes.len())
    }

    fn about(&self) -> String {
        let [before, now] = self.runs;
        format!(
            "{}, class {}; {before} baseline and {now} new runs. Judged is each pair's penalty, with its 95 % interval; a change \
             is told beyond 3 % and after Benjamini and Hochberg's correction over {} cases; a regression is one beyond {} %.",
            self.cpu,
            self.class_id,
            self.changes.len(),
            (self.threshold * 1e5).round() / 1e3
        )
    }

    fn table(&self) -> String {
        let mut text = String::new();
        output::wrapped(&mut text, &self.headline(), 0);
        output::wrapped(&mut text, &self.about(), 0);
        self.notes.iter().for_each(|note| output::wrapped(&mut text, note, 0));
        text.push('\n');
        let mut rows = table(&["case", "penalty", "now", "change", "95 %", "verdict"], 1);
        for one in &self.changes {
            let [before, now] = one.penalties.map(ratio);
            rows.add_row([
                one.id.clone(),
                before,
                now,
                change(one.change.estimate),
                interval(one),
                one.said.word().to_owned(),
            ]);
        }
        output::push(&mut text, rows.lines());
        text
    }

    fn markdown(&self) -> String {
        let mark = if self.regressions() > 0 { "regression" } else { "no regression" };
        let mut text =
            format!("## stridewise: {mark}\n\n{}\n\n{}\n\n", markdown(&self.headline()), markdown(&self.about()));
        self.notes.iter().for_each(|note| text.push_str(&format!("Note: {}.\n\n", markdown(note))));
        let head = "| case | penalty | now | change | 95 % | verdict |\n|---|--:|--:|--:|--:|---|\n";
        let row = |one: &Change| {
            let [before, now] = one.penalties.map(ratio);
            let id = markdown(&one.id);
            format!(
                "| {id} | {before} | {now} | {} | {} | {} |\n",
                change(one.change.estimate),
                interval(one),
                one.said.word()
            )
        };
        text.push_str(head);
        let (first, rest) = self.changes.split_at(self.changes.len().min(SHOWN_ROWS));
        first.iter().for_each(|one| text.push_str(&row(one)));
        if rest.is_empty() {
            return text + "\n";
        }
        let _ = write!(text, "\n<details><summary>{} further cases</summary>\n\n{head}", rest.len());
        let end = "\n</details>\n\n";
        let mut left = rest.len();
        for one in rest {
            let row = row(one);
            if text.len() + row.len() + end.len() + 120 > MOST_MARKDOWN {
                break;
            }
            text.push_str(&row);
            left -= 1;
        }
        if left > 0 {
            let _ = write!(text, "\n{left} more cases are left out here; `--format json` has them all.\n");
        }
        text + end
    }

    fn json(&self) -> Value {
        let case = |one: &Change| {
            json!({
                "id": one.id,
                "baseline_penalty": one.penalties[0],
                "penalty": one.penalties[1],
                "change": one.change.estimate,
                "low": one.change.low,
                "high": one.change.high,
                "verdict": one.said.word(),
                "regression": one.regression,
                "why": one.why,
                "baseline_ns": one.nanos[0],
                "ns": one.nanos[1],
                "baseline_runs": one.runs[0],
                "runs": one.runs[1],
            })
        };
        json!({
            "schema": "stridewise.compare",
            "schema_version": [1, 0],
            "question": "same-class",
            "class_id": self.class_id,
            "cpu": self.cpu,
            "baseline_runs": self.runs[0],
            "runs": self.runs[1],
            "threshold": self.threshold,
            "correction": "benjamini-hochberg 10 %",
            "regressions": self.regressions(),
            "slower": self.number(Said::Slower),
            "faster": self.number(Said::Faster),
            "unchanged": self.number(Said::Unchanged),
            "inconclusive": self.number(Said::Inconclusive),
            "notes": self.notes,
            "cases": self.changes.iter().map(case).collect::<Vec<_>>(),
        })
    }

    fn csv(&self) -> Result<String, Failure> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let wrong = |error: csv::Error| Failure::new(Exit::Internal, error);
        writer
            .write_record(["case", "baseline_penalty", "penalty", "change", "low", "high", "verdict", "regression"])
            .map_err(wrong)?;
        for one in &self.changes {
            let numbers = [one.penalties[0], one.penalties[1], one.change.estimate, one.change.low, one.change.high];
            let mut fields = vec![one.id.clone()];
            fields.extend(numbers.map(|value| value.to_string()));
            fields.extend([one.said.word().to_owned(), one.regression.to_string()]);
            writer.write_record(&fields).map_err(wrong)?;
        }
        text_of(writer)
    }
}

pub(super) fn text_of(writer: csv::Writer<Vec<u8>>) -> Result<String, Failure> {
    let bytes = writer.into_inner().map_err(|error| Failure::new(Exit::Internal, error))?;
    String::from_utf8(bytes).map_err(|error| Failure::new(Exit::Internal, error))
}

fn change(ratio: f64) -> String {
    format!("{:+.1} %", (ratio - 1.0) * 100.0)
}

fn interval(one: &Change) -> String {
    format!("{:+.1} to {:+.1}", (one.change.low - 1.0) * 100.0, (one.change.high - 1.0) * 100.0)
}

fn classes(args: &CompareArgs, across: &Across) -> Result<Exit, Failure> {
    let places: Vec<String> = compare::PLACES.iter().map(ToString::to_string).collect();
    let mut failed = Vec::new();
    for rule in &args.require {
        let checked: Vec<_> = across.classes.iter().filter_map(|class| Some((class, rule.check(class)?))).collect();
        if checked.is_empty() {
            return Err(Failure::usage(format!("--require {}: no class was measured there", rule.text)));
        }
        let broken = checked.iter().filter(|(_, (_, holds))| !holds);
        failed.extend(broken.map(|(class, (value, _))| {
            format!("{}: {} on {}, class {}", rule.text, ratio(*value), class.cpu, class.class_id)
        }));
    }
    let class = |class: &compare::Class| {
        let at = |(place, values): (&String, &Option<[f64; 3]>)| {
            let value =
                values.map_or(Value::Null, |[median, low, high]| json!({ "median": median, "p10": low, "p90": high }));
            (place.clone(), value)
        };
        let penalties: serde_json::Map<String, Value> = places.iter().zip(&class.penalties).map(at).collect();
        let ns: serde_json::Map<String, Value> = compare::PLACES
            .iter()
            .map(|&place| (place.to_string(), json!(class.read(place).map(|[_, ns]| ns))))
            .collect();
        json!({ "class_id": class.class_id, "cpu": class.cpu, "runs": class.runs, "penalty": penalties, "ns": ns,
            "onset_bytes": class.onset_bytes,
            "caches": class.caches.iter().map(|(name, bytes)| json!({ "name": name, "bytes": bytes })).collect::<Vec<_>>() })
    };
    let document = json!({
        "schema": "stridewise.compare", "schema_version": [1, 0], "question": "across-classes",
        "classes": across.classes.iter().map(class).collect::<Vec<_>>(), "requirements_not_met": failed,
    });
    let cells = |class: &compare::Class| {
        let mut cells = vec![class.cpu.clone(), class.runs.to_string()];
        cells.extend(class.penalties.iter().map(|value| {
            value.map_or_else(
                || "–".to_owned(),
                |[median, low, high]| match class.runs {
                    1 => ratio(median),
                    _ => format!("{} ({}–{})", ratio(median), ratio(low), ratio(high)),
                },
            )
        }));
        let ns = class.read(compare::PLACES[1]).map_or_else(|| "–".to_owned(), |[_, ns]| nanos(ns));
        cells.extend([ns, class.onset_bytes.map_or_else(|| "–".to_owned(), bytes_tick)]);
        cells
    };
    let mut header: Vec<&str> = vec!["CPU", "runs"];
    header.extend(places.iter().map(String::as_str));
    header.extend(["ns at 4xL2", "onset"]);
    let note = "Penalty of walking a C-order f8 square by columns, at working sets in multiples of each CPU's own caches, the mildest \
        at 4xL2 first; – where nothing was measured. Onset: from there on the penalty stays above 1.5. A description, not a verdict.";
    let mut page = format!(
        "## stridewise: {} classes of machines\n\n| {} |\n|{}\n",
        across.classes.len(),
        header.join(" | "),
        "---|".repeat(header.len())
    );
    for class in across.classes.iter().take(SHOWN_ROWS) {
        let _ =
            writeln!(page, "| {} |", cells(class).iter().map(|cell| markdown(cell)).collect::<Vec<_>>().join(" | "));
    }
    if across.classes.len() > SHOWN_ROWS {
        let _ = writeln!(
            page,
            "\n{} more classes are left out here; `--format json` has them all.",
            across.classes.len() - SHOWN_ROWS
        );
    }
    let _ = write!(page, "\n{}\n\n", markdown(note));
    let text = match args.format {
        Format::Json => output::json(&document)?,
        Format::Markdown => page.clone(),
        Format::Csv => {
            let mut writer = csv::Writer::from_writer(Vec::new());
            let wrong = |error: csv::Error| Failure::new(Exit::Internal, error);
            writer.write_record(["class_id", "runs", "place", "penalty", "p10", "p90"]).map_err(wrong)?;
            for class in &across.classes {
                for (place, values) in places.iter().zip(&class.penalties) {
                    if let Some(values) = values {
                        let [a, b, c] = values.map(|value| value.to_string());
                        writer
                            .write_record([&class.class_id, &class.runs.to_string(), place, &a, &b, &c])
                            .map_err(wrong)?;
                    }
                }
            }
            text_of(writer)?
        }
        Format::Table => {
            let mut rows = table(&header, 1);
            across.classes.iter().for_each(|class| {
                rows.add_row(cells(class));
            });
            let mut text = String::new();
            output::push(&mut text, rows.lines());
            text.push('\n');
            output::wrapped(&mut text, note, 0);
            text
        }
    };
    leave(args, &page, &document)?;
    anstream::stdout().write_all(text.as_bytes())?;
    match failed.first() {
        None => Ok(Exit::Fine),
        Some(first) => Err(Failure::new(Exit::RequireNotMet, format!("--require {first}"))),
    }
}
