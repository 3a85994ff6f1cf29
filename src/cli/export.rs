//! `stridewise export`: flat tables for data engines, and the formats of other dashboards.

use super::exit::{Exit, Failure};
use super::output;
use super::warned::Warned;
use crate::bundle::{self, Bundle, Member, Partial, shown};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One row per pair, in folders schema=/arch=/class=/month=.
    Csv,
    /// The same as JSON Lines.
    Jsonl,
    /// Bencher Metric Format.
    Bmf,
    /// github-action-benchmark, customSmallerIsBetter.
    Gab,
    /// Go's benchmark text, for benchstat.
    Benchfmt,
}

/// Flat tables for DuckDB, Polars and Spark, or other dashboards' formats; scripts/to-parquet.sql makes Parquet of them
#[derive(Args, Debug)]
pub(super) struct ExportArgs {
    /// Files or folders of bundles
    #[arg(value_name = "BUNDLE", required = true)]
    bundles: Vec<PathBuf>,
    /// What to write
    #[arg(long, value_enum)]
    format: Format,
    /// Folder to write into
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Read runs that were cut off
    #[arg(long)]
    allow_partial: bool,
}

/// Columns of the flat tables: frozen within schema 1, to which new ones may be added at the end.
const COLUMNS: [&str; 29] = [
    "bundle_id",
    "run_id",
    "created",
    "class_id",
    "arch",
    "cpu",
    "suite",
    "engine",
    "case_id",
    "family",
    "kernel",
    "dtype",
    "shape",
    "order",
    "loop",
    "threads",
    "footprint_bytes",
    "steps",
    "rounds",
    "baseline_ns",
    "contender_ns",
    "penalty",
    "penalty_low",
    "penalty_high",
    "verdict",
    "simulated_l1_misses_per_step",
    "l1d_bytes",
    "l2_bytes",
    "l3_bytes",
];

/// One row per pair that is no null control.
fn rows(bundle: &Bundle) -> Vec<Vec<Value>> {
    let header = &bundle.header;
    let caches = bundle.data_caches();
    let cache = |name: &str| caches.iter().find(|(of, _)| of == name).map(|(_, bytes)| *bytes);
    let row = |pair: &bundle::PairRecord| {
        let (case, penalty) = (&pair.contender, pair.penalty()?);
        let ns = |member| pair.per_step(member).map(|ns| ns.median);
        let words = |list: &[u64]| list.iter().map(ToString::to_string).collect::<Vec<_>>().join("x");
        let loops: Vec<String> = case.loop_order.iter().map(ToString::to_string).collect();
        Some(vec![
            json!(header.bundle_id),
            json!(header.run_id),
            json!(header.created),
            json!(header.class_id),
            json!(shown(&header.machine.arch)),
            json!(shown(&bundle.cpu_name())),
            json!(shown(&header.plan.suite)),
            json!(shown(&header.config.engine)),
            json!(pair.id),
            json!(case.family),
            json!(case.kernel),
            json!(case.dtype),
            json!(words(&case.shape)),
            json!(case.order),
            json!(loops.join(",")),
            json!(case.threads),
            json!(case.footprint_bytes),
            json!(case.steps),
            json!(pair.rounds()),
            json!(ns(Member::Baseline)),
            json!(ns(Member::Contender)),
            json!(penalty.host.estimate),
            json!(penalty.host.low),
            json!(penalty.host.high),
            json!(format!("{:?}", bundle.verdict(pair)).to_lowercase()),
            json!(pair.simulated_misses(Member::Contender, 0)),
            json!(cache("L1d")),
            json!(cache("L2")),
            json!(cache("L3")),
        ])
    };
    bundle.pairs.iter().filter(|pair| !pair.null).filter_map(row).collect()
}

/// A field of CSV: only text can be a formula, so numbers stay, with whatever sign.
fn field(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => bundle::cell(text),
        other => other.to_string(),
    }
}

/// Letters, digits, `.`, `_` and `-`: what a folder may be called anywhere.
fn slug(text: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    text.chars().map(safe).take(64).collect()
}

pub(super) fn run(args: &ExportArgs) -> Result<Exit, Failure> {
    let partial = if args.allow_partial { Partial::Allowed } else { Partial::Refused };
    let (mut written, warned) = (Vec::new(), Warned::default());
    for path in &args.bundles {
        for file in super::compare::tree(path)? {
            let bundle = bundle::read(&file, partial)?;
            warned.of(&file, &bundle);
            written.push(one(args, &bundle)?);
        }
    }
    warned.print();
    let text = format!("{} files in {}", written.len(), args.out.display());
    anstream::stdout().write_all(output::escaped(&text).as_bytes())?;
    anstream::stdout().write_all(b"\n")?;
    Ok(Exit::Fine)
}

fn one(args: &ExportArgs, bundle: &Bundle) -> Result<PathBuf, Failure> {
    let header = &bundle.header;
    let rows = rows(bundle);
    let named = |end: &str| args.out.join(format!("{}.{end}", slug(&header.run_id)));
    let hive = |end: &str| {
        let month: String = header.created.chars().take(7).collect();
        args.out
            .join("schema=1")
            .join(format!("arch={}", slug(&header.machine.arch)))
            .join(format!("class={}", slug(&header.class_id)))
            .join(format!("month={}", slug(&month)))
            .join(format!("part-{}.{end}", slug(&header.bundle_id)))
    };
    let get = |row: &[Value], name: &str| {
        let at = COLUMNS.iter().position(|column| *column == name).unwrap_or(0);
        row[at].clone()
    };
    let (path, text) = match args.format {
        Format::Csv => {
            let mut writer = csv::Writer::from_writer(Vec::new());
            let wrong = |error: csv::Error| Failure::new(Exit::Internal, error);
            writer.write_record(COLUMNS).map_err(wrong)?;
            for row in &rows {
                writer.write_record(row.iter().map(field)).map_err(wrong)?;
            }
            (hive("csv"), super::compare::text_of(writer)?)
        }
        Format::Jsonl => {
            let line = |row: &Vec<Value>| {
                let object: serde_json::Map<String, Value> =
                    COLUMNS.iter().map(|name| (*name).to_owned()).zip(row.iter().cloned()).collect();
                Value::Object(object).to_string() + "\n"
            };
            (hive("jsonl"), rows.iter().map(line).collect())
        }
        Format::Bmf => {
            let measures: serde_json::Map<String, Value> = rows
                .iter()
                .map(|row| {
                    let penalty = json!({ "value": get(row, "penalty"), "lower_value": get(row, "penalty_low"),
                        "upper_value": get(row, "penalty_high") });
                    let id = field(&get(row, "case_id"));
                    (id, json!({ "penalty": penalty, "latency": { "value": get(row, "contender_ns") } }))
                })
                .collect();
            (named("bmf.json"), output::json(&measures)?)
        }
        Format::Gab => {
            let entries: Vec<Value> = rows
                .iter()
                .map(|row| {
                    let range = format!("{} to {}", field(&get(row, "penalty_low")), field(&get(row, "penalty_high")));
                    json!({ "name": get(row, "case_id"), "unit": "x", "value": get(row, "penalty"), "range": range })
                })
                .collect();
            (named("gab.json"), output::json(&entries)?)
        }
        Format::Benchfmt => (named("bench.txt"), benchfmt(bundle)),
    };
    write_new(&path, &text)?;
    Ok(path)
}

/// <https://go.dev/design/14313-benchmark-format>: configuration lines, then one line per sample.
fn benchfmt(bundle: &Bundle) -> String {
    let mut text = format!("cpu: {}\nclass: {}\n", shown(&bundle.cpu_name()), bundle.header.class_id);
    for pair in bundle.pairs.iter().filter(|pair| !pair.null) {
        let name: String = pair.id.split('/').map(|part| part.replace(['=', ','], "_")).collect::<Vec<_>>().join("/");
        for block in &pair.blocks {
            for ns in block.used_samples().1 {
                #[expect(clippy::cast_precision_loss, reason = "nanoseconds of a sample are below 2^53")]
                let per = ns as f64 / block.passes.max(1) as f64;
                let _ = writeln!(text, "Benchmark_{name} {} {per} ns/op", block.passes);
            }
        }
    }
    text
}

fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let at = |error| Failure::new(Exit::Internal, format!("--out {}: {error}", path.display()));
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(at)?;
    }
    std::fs::write(path, text).map_err(at)
}
