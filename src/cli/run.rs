//! `stridewise run`: measure, simulate, chart.

use super::exit::{Exit, Failure};
use super::output::{self, Format};
use super::progress::Progress;
use super::results::Results;
use super::resume::{self, Here};
use super::selection::{Planned, Selection};
use crate::bundle::{About, Bundle, Config, Header, Place};
use crate::host::Host;
use crate::kernel::Isa;
use crate::measure::{Error, Measured, Observer, Session, Settings};
use crate::report;
use crate::suite::{self, Item, Machine, Pace};
use clap::Args;
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

/// Measure, simulate and chart; leaves a folder with the bundle, charts and a summary
#[derive(Args, Debug)]
pub(super) struct RunArgs {
    #[command(flatten)]
    pub(super) selection: Selection,
    /// Folder for the results [default: results/<run-id>]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Add a further run to --out: ratios from run to run get an interval of their own
    #[arg(long, requires = "out", conflicts_with = "resume")]
    append: bool,
    /// Go on with a run that was cut off, with its plan and its pace; one on the values of a file needs --npy again
    #[arg(long, value_name = "DIR", conflicts_with_all = ["out", "suite", "shape", "filter", "family", "budget", "seed"])]
    resume: Option<PathBuf>,
    /// CPU to measure on [default: the last this process may use]
    #[arg(long, value_name = "N")]
    pub(super) cpu: Option<u32>,
    /// Seed of every random choice [default: 1]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Instruction set of the line and stream walks [default: the widest of this CPU]
    #[arg(long, value_name = "NAME")]
    isa: Option<Isa>,
    /// No progress, only the result
    #[arg(long)]
    quiet: bool,
    /// Draw no charts and no page
    #[arg(long)]
    no_charts: bool,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

static STOP: AtomicBool = AtomicBool::new(false);

pub(super) fn run(args: &RunArgs) -> Result<Exit, Failure> {
    let host = Host::probe();
    let machine = Machine::of_host(&host);
    let isa = args.isa.unwrap_or_else(Isa::best);
    if !isa.is_available() {
        let has: Vec<&str> = Isa::available().iter().map(|isa| isa.name()).collect();
        return Err(Failure::usage(format!("--isa {isa}: this CPU has {}", has.join(" "))));
    }
    match &args.resume {
        Some(folder) => {
            let (results, bundle) = Results::resume(folder)?;
            let values = args.selection.values()?;
            let left = resume::left(folder, &bundle, Here { host: &host, machine: &machine, isa }, args)?;
            note(&format!("{} of {} cases are left", left.items.len(), bundle.header.plan.ids.len()), args.quiet);
            let settings = Settings { values, ..Settings::of_host(&host, left.seed, left.pace, left.cpu, isa) };
            measure(args, session(settings, &host)?, results, &left.items, &machine, left.pace)
        }
        None => fresh(args, &host, &machine, isa),
    }
}

fn session(settings: Settings, host: &Host) -> Result<Session<'static>, Failure> {
    Session::new(settings, host, &STOP).map_err(failure)
}

fn failure(error: Error) -> Failure {
    let exit = match &error {
        Error::Case { .. } | Error::Checksum { .. } | Error::Kept(_) => Exit::Internal,
        Error::Pin(crate::host::PinError::Outside { .. }) => Exit::Usage,
        Error::Pin(_) => Exit::Impossible,
    };
    Failure::new(exit, error)
}

fn fresh(args: &RunArgs, host: &Host, machine: &Machine, isa: Isa) -> Result<Exit, Failure> {
    let planned = args.selection.plan(machine)?;
    if let Some(warning) = &planned.warning {
        note(warning, args.quiet);
    }
    let seed = args.seed.unwrap_or(1);
    let Planned { suite, items, pace, .. } = planned;
    let values = args.selection.values()?;
    let session = session(Settings { values, ..Settings::of_host(host, seed, pace, args.cpu, isa) }, host)?;
    let header = header(host, suite, &items, "paired", &session);
    let place = if args.append { Place::Append } else { Place::New };
    let results = Results::create(args.out.as_deref(), place, header)?;
    measure(args, session, results, &items, machine, pace)
}

/// The first line of a run: `engine` is `paired` or `criterion`.
pub(super) fn header(host: &Host, suite: String, items: &[Item], engine: &str, session: &Session<'_>) -> Header {
    let Settings { seed, pace, isa, geometry, values, .. } = session.settings();
    let config = Config {
        engine: engine.to_owned(),
        seed: *seed,
        placements: pace.placements,
        placement_ns: pace.placement_ns,
        sample_ns: pace.sample_ns,
        cpu: session.cpu(),
        args: arguments(),
        data: values.is_some().then(|| "file".to_owned()),
    };
    let (counters, geometry, trial) = (session.events(), geometry.clone(), session.trial().clone());
    Header::new(host, About { suite, items, config, isa: isa.to_string(), counters, geometry, trial })
}

/// The command line without what may be a path.
fn arguments() -> Vec<String> {
    hidden(std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()))
}

/// Flags whose value is a path, and one whose value never is, whatever it looks like.
const PATHS: [&str; 3] = ["--out", "--resume", "--npy"];
const PATTERN: &str = "--filter";

fn hidden(arguments: impl Iterator<Item = String>) -> Vec<String> {
    let mut before = String::new();
    let keep = |argument: String| {
        let (flag, value) =
            argument.split_once('=').map_or((argument.as_str(), None), |(flag, value)| (flag, Some(value)));
        let kept = match value {
            Some(_) if PATHS.contains(&flag) => format!("{flag}=(path)"),
            _ if PATHS.contains(&before.as_str()) => "(path)".to_owned(),
            _ if before == PATTERN || flag == PATTERN => argument.clone(),
            _ if argument.contains(['/', '\\']) => "(path)".to_owned(),
            _ => argument.clone(),
        };
        before = argument;
        kept
    };
    arguments.map(keep).collect()
}

struct Keeper<'a> {
    results: &'a mut Results,
    progress: Progress,
}

impl Observer for Keeper<'_> {
    fn started(&mut self, index: usize, id: &str) {
        self.progress.started(index, id);
    }

    fn finished(&mut self, _: usize, measured: Measured) -> std::io::Result<()> {
        self.results.keep(measured)
    }
}

fn measure(
    args: &RunArgs,
    mut session: Session<'_>,
    mut results: Results,
    items: &[Item],
    machine: &Machine,
    pace: Pace,
) -> Result<Exit, Failure> {
    // If the handler cannot be set, an interrupt ends the process; the journal has every finished case all the same.
    let _ = ctrlc::set_handler(|| STOP.store(true, Ordering::Relaxed));
    let estimates = items.iter().map(|item| suite::estimate_ns(std::slice::from_ref(item), machine, pace)).collect();
    let mut keeper = Keeper { progress: Progress::new(estimates, args.quiet), results: &mut results };
    let ran = session.run(items, &mut keeper);
    keeper.progress.finish();
    if !ran.map_err(failure)? {
        let folder = results.folder().display();
        let message =
            format!("interrupted; what was finished is in {folder}; go on with: stridewise run --resume {folder}");
        return Err(Failure::new(Exit::Interrupted, message));
    }
    let noise = serde_json::to_value(session.disturbance()).unwrap_or_default();
    // The mask comes back before charts are drawn.
    drop(session);
    let (bundle, text) = results.finish(noise, !args.no_charts)?;
    let text = match args.format {
        Format::Table => text,
        Format::Json => json(&bundle)?,
    };
    anstream::stdout().write_all(text.as_bytes())?;
    let compared = bundle.pairs.len() + bundle.cases.len();
    if compared == 0 {
        let reason = bundle.skipped.first().map_or_else(String::new, |skipped| skipped.reason.clone());
        return Err(Failure::new(Exit::Impossible, format!("nothing could be measured: {reason}")));
    }
    Ok(Exit::Fine)
}

fn json(bundle: &Bundle) -> Result<String, Failure> {
    let document = serde_json::json!({
        "schema": "stridewise.run",
        "schema_version": [1, 0],
        "run_id": bundle.header.run_id,
        "class_id": bundle.header.class_id,
        "finding": report::finding(bundle),
        "trust": report::trust(bundle),
        "rows": report::rows(bundle),
        "copies": report::pays(bundle),
    });
    output::json(&document)
}

#[expect(clippy::print_stderr, reason = "a remark, no result")]
fn note(text: &str, quiet: bool) {
    if !quiet {
        eprintln!("stridewise: {text}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_is_kept_and_every_pattern_is() {
        let kept = |text: &str| hidden(text.split(' ').map(str::to_owned)).join(" ");
        assert_eq!(kept("run --out a --quiet"), "run --out (path) --quiet");
        assert_eq!(kept("run --out=a --npy=b.npy --resume=c"), "run --out=(path) --npy=(path) --resume=(path)");
        assert_eq!(kept("run --suite quick /home/me"), "run --suite quick (path)");
        assert_eq!(
            kept("run --filter /64x64/ --filter=a/b --out x/y"),
            "run --filter /64x64/ --filter=a/b --out (path)"
        );
    }
}
