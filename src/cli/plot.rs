//! `stridewise plot`: one chart from bundles.

use super::exit::{Exit, Failure};
use crate::bundle::{self, Bundle, Partial};
use crate::chart::{self, CHARTS};
use clap::Args;
use std::io::Write;
use std::path::PathBuf;

/// One chart from result bundles, as SVG
#[derive(Args, Debug)]
pub(super) struct PlotArgs {
    /// Files or result folders
    #[arg(value_name = "BUNDLE", required = true)]
    bundles: Vec<PathBuf>,
    /// penalty-curve, staircase or shape-heatmap
    #[arg(long, value_name = "NAME")]
    chart: String,
    /// File to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Read runs that were cut off
    #[arg(long)]
    allow_partial: bool,
}

/// Every bundle that paths name, in order.
pub(super) fn read_all(paths: &[PathBuf], partial: Partial) -> Result<Vec<Bundle>, Failure> {
    let mut bundles = Vec::new();
    for path in paths {
        for file in bundle::files(path)? {
            bundles.push(bundle::read(&file, partial)?);
        }
    }
    Ok(bundles)
}

pub(super) fn run(args: &PlotArgs) -> Result<Exit, Failure> {
    let chart = chart::find(&args.chart).map_err(|error| Failure::usage(format!("--chart: {error}")))?;
    let partial = if args.allow_partial { Partial::Allowed } else { Partial::Refused };
    let bundles = read_all(&args.bundles, partial)?;
    let picture = chart.svg(&bundles).map_err(|why| {
        let names: Vec<&str> = CHARTS.iter().map(|chart| chart.name).collect();
        Failure::usage(format!("--chart {}: {why} (there are {})", args.chart, names.join(" ")))
    })?;
    match &args.out {
        Some(path) => std::fs::write(path, picture)
            .map_err(|error| Failure::new(Exit::Internal, format!("--out {}: {error}", path.display())))?,
        None => std::io::stdout().write_all(picture.as_bytes())?,
    }
    Ok(Exit::Fine)
}
