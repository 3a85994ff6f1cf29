//! `stridewise report`: a bundle as text.

use super::exit::{Exit, Failure};
use super::output::width;
use super::plot::read_all;
use super::results::told;
use super::run_table;
use crate::bundle::Partial;
use crate::report;
use clap::{Args, ValueEnum};
use std::io::Write;
use std::path::PathBuf;

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The table that `run` prints.
    Table,
    /// What `run` leaves as summary.md.
    Markdown,
}

/// Bundles as a table or as Markdown, computed anew from their samples
#[derive(Args, Debug)]
pub(super) struct ReportArgs {
    /// Files or result folders
    #[arg(value_name = "BUNDLE", required = true)]
    bundles: Vec<PathBuf>,
    /// How to write
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Charts to name in the Markdown, as paths relative to it
    #[arg(long, value_name = "FILE,…", value_delimiter = ',')]
    charts: Vec<String>,
    /// Read runs that were cut off
    #[arg(long)]
    allow_partial: bool,
}

pub(super) fn run(args: &ReportArgs) -> Result<Exit, Failure> {
    let partial = if args.allow_partial { Partial::Allowed } else { Partial::Refused };
    let mut text = String::new();
    for bundle in read_all(&args.bundles, partial)? {
        match args.format {
            Format::Markdown => text.push_str(&report::summary(&bundle, &args.charts)),
            Format::Table => {
                text.push_str(&run_table::table(&report::rows(&bundle), width()));
                text.push('\n');
                text.push_str(&told(&bundle));
            }
        }
    }
    anstream::stdout().write_all(text.as_bytes())?;
    Ok(Exit::Fine)
}
