//! `stridewise report`: bundles as a page or as text.

use super::exit::{Exit, Failure};
use super::output::width;
use super::plot::{read_all, write};
use super::results::told;
use super::run_table;
use crate::bundle::Partial;
use crate::report;
use clap::{Args, ValueEnum};
use std::io::Write;
use std::path::{Path, PathBuf};

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The table that `run` prints.
    Table,
    /// What `run` leaves as summary.md.
    Markdown,
    /// One self-contained page; several bundles side by side.
    Html,
}

/// Bundles as a page, a table or Markdown, computed anew from their samples
#[derive(Args, Debug)]
pub(super) struct ReportArgs {
    /// Files or result folders
    #[arg(value_name = "BUNDLE", required = true)]
    bundles: Vec<PathBuf>,
    /// How to write [default: what --out ends with, else table]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// File to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Charts to name in the Markdown, as paths relative to it
    #[arg(long, value_name = "FILE,…", value_delimiter = ',')]
    charts: Vec<String>,
    /// Read runs that were cut off
    #[arg(long)]
    allow_partial: bool,
}

pub(super) fn run(args: &ReportArgs) -> Result<Exit, Failure> {
    let partial = if args.allow_partial { Partial::Allowed } else { Partial::Refused };
    let bundles = read_all(&args.bundles, partial)?;
    let text = match args.format.unwrap_or_else(|| by_name(args.out.as_deref())) {
        Format::Html => report::page(&bundles, &report::nonce()),
        Format::Markdown => bundles.iter().map(|bundle| report::summary(bundle, &args.charts)).collect(),
        Format::Table => {
            let table = |bundle| format!("{}\n{}", run_table::table(&report::rows(bundle), width()), told(bundle));
            bundles.iter().map(table).collect()
        }
    };
    match &args.out {
        Some(path) => write(path, "--out", text.as_bytes())?,
        None => anstream::stdout().write_all(text.as_bytes())?,
    }
    Ok(Exit::Fine)
}

/// The format that a file's name ends with.
fn by_name(out: Option<&Path>) -> Format {
    match out.and_then(Path::extension).and_then(|end| end.to_str()) {
        Some("html" | "htm") => Format::Html,
        Some("md") => Format::Markdown,
        _ => Format::Table,
    }
}
