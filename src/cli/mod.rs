//! Arguments, progress bar, exit codes: the only room that prints.

mod advise;
mod advise_proof;
mod advise_text;
mod array;
pub mod bench;
mod compare;
mod examples;
mod exit;
mod export;
mod host;
mod host_measure;
mod layout;
mod list;
mod manual;
mod merge;
mod output;
mod plot;
mod progress;
mod report;
mod results;
mod resume;
mod run;
mod run_table;
mod selection;
mod simulate;
mod validate;
mod warned;
mod workers;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
pub use exit::Exit;
use exit::Failure;
use std::process::ExitCode;

/// What a loop order costs on this CPU.
#[derive(Debug, Parser)]
#[command(name = "stridewise", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// One variant, one file: `Args` with its flags, and `run`.
#[derive(Debug, Subcommand)]
enum Command {
    Advise(Box<advise::AdviseArgs>),
    Compare(Box<compare::CompareArgs>),
    Export(export::ExportArgs),
    Merge(merge::MergeArgs),
    Host(host::HostArgs),
    Layout(Box<layout::LayoutArgs>),
    List(Box<list::ListArgs>),
    Plot(plot::PlotArgs),
    Report(report::ReportArgs),
    Run(Box<run::RunArgs>),
    Simulate(Box<simulate::SimulateArgs>),
    Validate(validate::ValidateArgs),
    Completions(manual::CompletionsArgs),
    /// The manual page in roff, on standard output
    Man,
}

/// Runs the command line and returns its exit code: errors go to standard error as one line.
#[must_use]
pub fn main() -> ExitCode {
    crate::host::errors_instead_of_signals();
    let command = || examples::with_examples(Cli::command());
    let parsed = command().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return exit::usage(&array::hinted(error, &command()).format(&mut command())),
    };
    match dispatch(cli.command) {
        Ok(exit) => exit.into(),
        Err(failure) => failure.print(),
    }
}

fn dispatch(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Advise(args) => advise::run(&args),
        Command::Compare(args) => {
            workers::workers();
            compare::run(&args)
        }
        Command::Export(args) => export::run(&args),
        Command::Merge(args) => merge::run(&args),
        Command::Host(args) => host::run(&args),
        Command::Layout(args) => layout::run(&args),
        Command::List(args) => list::run(&args),
        Command::Plot(args) => plot::run(&args),
        Command::Report(args) => {
            workers::workers();
            report::run(&args)
        }
        Command::Run(args) => run::run(&args),
        Command::Simulate(args) => simulate::run(&args),
        Command::Validate(args) => validate::run(&args),
        Command::Completions(args) => manual::completions(&args, Cli::command()),
        Command::Man => manual::man(examples::with_examples(Cli::command())),
    }
}
