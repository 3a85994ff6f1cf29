//! `stridewise plot`: one chart from bundles.

use super::exit::{Exit, Failure};
use super::warned::Warned;
use crate::bundle::{self, Bundle, Partial};
use crate::chart::{self, CHARTS, Picture, Theme};
use clap::{Args, ValueEnum};
use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};

/// How a picture is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Scales; its text stays text.
    Svg,
    /// Pixels, the same on every machine.
    Png,
}

/// What a picture stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Ground {
    /// White.
    Light,
    /// Nearly black.
    Dark,
}

/// One chart from result bundles, as SVG or PNG
#[derive(Args, Debug)]
pub(super) struct PlotArgs {
    /// Files or result folders
    #[arg(value_name = "BUNDLE", required_unless_present = "list")]
    bundles: Vec<PathBuf>,
    /// Which chart; --list names them
    #[arg(long, value_name = "NAME", required_unless_present = "list")]
    chart: Option<String>,
    /// Names every chart and what it shows; with bundles, which have data
    #[arg(long, conflicts_with = "chart")]
    list: bool,
    /// How to write [default: what --out ends with, else svg]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Pixels across, of a PNG
    #[arg(long, value_name = "N", default_value_t = 1920)]
    width: u32,
    /// Ground and colours
    #[arg(long, value_enum, default_value_t = Ground::Light)]
    theme: Ground,
    /// File to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write the numbers behind the chart as CSV
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Read runs that were cut off
    #[arg(long)]
    allow_partial: bool,
}

/// Every bundle that paths name, in order; what there is to warn of is said.
pub(super) fn read_all(paths: &[PathBuf], partial: Partial) -> Result<Vec<Bundle>, Failure> {
    let (mut bundles, warned) = (Vec::new(), Warned::default());
    for path in paths {
        for file in bundle::files(path)? {
            let bundle = bundle::read(&file, partial)?;
            warned.of(&file, &bundle);
            bundles.push(bundle);
        }
    }
    warned.print();
    Ok(bundles)
}

pub(super) fn run(args: &PlotArgs) -> Result<Exit, Failure> {
    let partial = if args.allow_partial { Partial::Allowed } else { Partial::Refused };
    let Some(name) = args.chart.as_deref() else {
        anstream::stdout().write_all(list(args, partial)?.as_bytes())?;
        return Ok(Exit::Fine);
    };
    let chart = chart::find(name).map_err(|error| Failure::usage(format!("--chart: {error}")))?;
    let bundles = read_all(&args.bundles, partial)?;
    let picture = chart.picture(&bundles).map_err(|why| {
        let with: Vec<&str> = CHARTS.iter().filter(|chart| chart.picture(&bundles).is_ok()).map(|c| c.name).collect();
        Failure::usage(format!("--chart {name}: {why}; these bundles have data for {}", with.join(" ")))
    })?;
    let bytes = bytes(args, &picture)?;
    if let Some(path) = &args.data {
        write(path, "--data", picture.data.csv().as_bytes())?;
    }
    match &args.out {
        Some(path) => write(path, "--out", &bytes)?,
        None => std::io::stdout().write_all(&bytes)?,
    }
    Ok(Exit::Fine)
}

/// Every chart and what it shows; of bundles, those that they have data for, and why not the others.
fn list(args: &PlotArgs, partial: Partial) -> Result<String, Failure> {
    let mut text = String::new();
    let widest = CHARTS.iter().map(|chart| chart.name.len()).max().unwrap_or(0);
    let bundles = read_all(&args.bundles, partial)?;
    for chart in CHARTS {
        let says = match chart.picture(&bundles) {
            Err(why) if !bundles.is_empty() => format!("no data: {why}"),
            _ => chart.shows.to_owned(),
        };
        let _ = writeln!(text, "{:widest$}  {says}", chart.name);
    }
    Ok(text)
}

/// The picture as it was asked for.
fn bytes(args: &PlotArgs, picture: &Picture) -> Result<Vec<u8>, Failure> {
    let ends = args.out.as_deref().and_then(Path::extension).and_then(|end| end.to_str());
    let by_name = if ends.is_some_and(|end| end.eq_ignore_ascii_case("png")) { Format::Png } else { Format::Svg };
    let theme = if args.theme == Ground::Dark { Theme::Dark } else { Theme::Light };
    match args.format.unwrap_or(by_name) {
        Format::Svg => Ok(picture.svg(theme, "chart").into_bytes()),
        Format::Png => picture.png(theme, args.width).map_err(|why| Failure::usage(format!("--width: {why}"))),
    }
}

pub(super) fn write(path: &Path, flag: &str, bytes: &[u8]) -> Result<(), Failure> {
    let failed = |error| Failure::new(Exit::Internal, format!("{flag} {}: {error}", path.display()));
    std::fs::write(path, bytes).map_err(failed)
}
