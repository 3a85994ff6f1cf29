//! `stridewise advise`: what to change about a loop, what it will save on this CPU, and the proof.

use super::advise_proof::{self, Proof};
use super::advise_text;
use super::array::{ArrayArgs, Given};
use super::exit::{Exit, Failure};
use super::output::{self, Format};
use super::warned::Warned;
use crate::advise::{self, Advice, Adviser, Agreement, Measured, Stored};
use crate::bundle::{self, Bundle, Partial};
use crate::host::Host;
use crate::kernel::Kernel;
use crate::layout::Order;
use crate::memory::PagePolicy;
use crate::nest::LoopOrder;
use crate::suite::{Case, Edges};
use clap::Args;
use serde::Serialize;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Folder that runs go to unless --out says otherwise.
const RESULTS: &str = "results";

/// What to change about a loop and what it will save, ranked: order, tiles, padding, pages, copies
#[derive(Args, Debug)]
pub(super) struct AdviseArgs {
    #[command(flatten)]
    array: ArrayArgs,
    /// The present loop order, outermost first [default: the smallest stride innermost]
    #[arg(long = "loop", value_name = "ORDER", conflicts_with = "walks")]
    loops: Option<LoopOrder>,
    /// What is done per element: a kernel (sum fill scale copy triad …), transpose (a copy to the other order), or window
    #[arg(long, visible_alias = "kernel", value_name = "OP", default_value = "sum")]
    op: String,
    /// Edges of the window of --op window, such as 3,3
    #[arg(long, value_name = "N,…", value_parser = edges)]
    window: Option<Edges>,
    /// Only the first indices of the fastest axis: a field of a record, a channel of a picture
    #[arg(long, value_name = "N")]
    only: Option<usize>,
    /// How often the loop runs over the array: what is copied once is paid off by many passes
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    passes: u64,
    /// Pages that the array lies in now
    #[arg(long, value_name = "POLICY", default_value_t)]
    pages: PagePolicy,
    /// Bytes that pad every run of the fastest axis now
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    pad: u64,
    /// Several walks over one array instead of one loop: which storage order serves them best; may be repeated
    #[arg(long = "walk", value_name = "ORDER")]
    walks: Vec<LoopOrder>,
    /// How often each --walk runs, such as 3,1 [default: equally often]
    #[arg(long, value_name = "W,…", value_delimiter = ',', requires = "walks")]
    weights: Vec<f64>,
    /// Measured curves to predict from, of one or several CPUs [default: the newest below results/ of this class of machine]
    #[arg(long = "bundle", value_name = "DIR")]
    bundles: Vec<PathBuf>,
    /// Measure the present loop and the best changes in turn, and print predicted beside measured
    #[arg(long, conflicts_with = "walks")]
    prove: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

fn edges(text: &str) -> Result<Edges, String> {
    text.parse()
}

/// What one CPU says.
pub(super) struct Said {
    pub(super) cpu: String,
    pub(super) file: PathBuf,
    pub(super) measured: Measured,
    pub(super) advice: Option<Advice>,
    pub(super) stored: Vec<Stored>,
    pub(super) proof: Vec<Proof>,
}

/// `schema/advise-1.json`.
#[derive(Serialize)]
struct Document {
    schema: &'static str,
    schema_version: [u32; 2],
    /// The case as it is now, as an id.
    case: String,
    passes: u64,
    cpus: Vec<Cpu>,
    /// The change to make on all of several CPUs.
    agreement: Option<AgreementFacts>,
    /// What was not modelled.
    note: &'static str,
}

#[derive(Serialize)]
struct Cpu {
    cpu: String,
    class_id: String,
    choices: Vec<ChoiceFacts>,
    walks: Vec<StoredFacts>,
}

#[derive(Serialize)]
struct ChoiceFacts {
    change: String,
    case: String,
    ns_per_step: [f64; 3],
    pass_ns: f64,
    once_ns: f64,
    total_ns: f64,
    /// Against the same array with its smallest stride innermost: estimate, low, high.
    penalty: [f64; 3],
    /// Present time / time after the change, of all passes.
    gain: f64,
    limit: String,
    extra_bytes: u64,
    break_even_passes: Option<u64>,
    numpy: Option<String>,
    ndarray: Option<String>,
    c: Option<String>,
    measured: Option<MeasuredFacts>,
}

#[derive(Serialize)]
struct MeasuredFacts {
    ns_per_step: f64,
    /// Present time / time after the change, of one pass: estimate, low, high.
    gain: [f64; 3],
}

#[derive(Serialize)]
struct StoredFacts {
    order: String,
    tile: usize,
    pass_ns: Vec<f64>,
    weighted_ns: f64,
}

#[derive(Serialize)]
struct AgreementFacts {
    change: String,
    worst_loss: f64,
    everywhere: bool,
}

/// What no figure of this command takes into account.
pub(super) const NOTE: &str = "Predicted from the bundle's own curves, with pages strewn over memory; not modelled: other \
                               threads, stores past the caches, what the compiler does to your loop.";

pub(super) fn run(args: &AdviseArgs) -> Result<Exit, Failure> {
    let case = case(args)?;
    let walks = walks(args, &case)?;
    let mut said = Vec::new();
    for (file, bundle) in bundles(args)? {
        let measured = Measured::of(&bundle)
            .map_err(|why| Failure::new(Exit::NotComparable, format!("{}: {why}", file.display())))?;
        let mut one = Said {
            cpu: bundle::shown(&bundle.cpu_name()),
            file,
            measured,
            advice: None,
            stored: Vec::new(),
            proof: Vec::new(),
        };
        let mut adviser = Adviser::new(&one.measured);
        if walks.is_empty() {
            one.advice = Some(adviser.advise(&case, args.passes).map_err(Failure::usage)?);
        } else {
            one.stored = advise::stored(&mut adviser, &case, &walks).map_err(Failure::usage)?;
        }
        said.push((one, bundle.header.class_id.clone()));
    }
    if args.prove {
        prove(&mut said)?;
    }
    let all: Vec<Advice> = said.iter().filter_map(|(one, _)| one.advice.clone()).collect();
    let agreement = if all.len() > 1 { advise::agreement(&all) } else { None };
    let text = match args.format {
        Format::Json => json(&case, args.passes, &said, agreement.as_ref())?,
        Format::Table => {
            let said: Vec<&Said> = said.iter().map(|(one, _)| one).collect();
            advise_text::text(&case, args.passes, &walks, &said, agreement.as_ref())
        }
    };
    anstream::stdout().write_all(text.as_bytes())?;
    Ok(Exit::Fine)
}

/// The loop as it is.
fn case(args: &AdviseArgs) -> Result<Case, Failure> {
    let Some(Given { shape, dtype, order, flag }) = args.array.given()? else {
        return Err(Failure::usage("give an array with --shape or --npy"));
    };
    let other = if order == Order::C { Order::F } else { Order::C };
    let (kernel, dest) = match args.op.as_str() {
        "transpose" => (Kernel::Copy, Some(other)),
        "window" => (Kernel::Sum, None),
        name => (name.parse().map_err(|error| Failure::usage(format!("--op: {error}, or transpose, window")))?, None),
    };
    if (args.op == "window") != args.window.is_some() {
        return Err(Failure::usage("--window: belongs to --op window, which needs it, such as --window 3,3"));
    }
    let plain = Case::new(kernel, dtype, &shape, order, LoopOrder::identity(shape.len())).with(|options| {
        options.dest = dest;
        options.window = args.window.clone().unwrap_or_default();
        options.only = args.only.unwrap_or(0);
        options.pages = args.pages;
        options.pad = args.pad;
    });
    let loops = match (&args.loops, args.walks.first()) {
        (Some(loops), _) | (None, Some(loops)) => loops.clone(),
        (None, None) => plain.baseline().loops,
    };
    let axes = plain.axes();
    if loops.axes().len() != axes {
        return Err(Failure::usage(format!("--loop {loops}: expected the {axes} axes that are walked, in some order")));
    }
    let case = Case { loops, ..plain };
    case.nest().map_err(|error| Failure::usage(format!("{flag}: {error}")))?;
    Ok(case)
}

fn walks(args: &AdviseArgs, case: &Case) -> Result<Vec<(LoopOrder, f64)>, Failure> {
    if !args.weights.is_empty() && args.weights.len() != args.walks.len() {
        let (weights, walks) = (args.weights.len(), args.walks.len());
        return Err(Failure::usage(format!("--weights: {weights} weights for {walks} walks; expected one each")));
    }
    if let Some(wrong) = args.weights.iter().find(|weight| !weight.is_finite() || **weight < 0.0) {
        return Err(Failure::usage(format!("--weights {wrong}: expected numbers of at least 0")));
    }
    if let Some(wrong) = args.walks.iter().find(|walk| walk.axes().len() != case.axes()) {
        return Err(Failure::usage(format!("--walk {wrong}: expected the {} axes of the array", case.axes())));
    }
    let weights = args.weights.iter().copied().chain(std::iter::repeat(1.0));
    Ok(args.walks.iter().cloned().zip(weights).collect())
}

/// The bundles to predict from.
fn bundles(args: &AdviseArgs) -> Result<Vec<(PathBuf, Bundle)>, Failure> {
    let warned = Warned::default();
    let open = |path: &PathBuf| -> Result<(PathBuf, Bundle), Failure> {
        // Of several runs in a folder the last one counts.
        let file = bundle::files(path)?.pop().unwrap_or_else(|| path.clone());
        let read = bundle::read(&file, Partial::Allowed)?;
        warned.of(&file, &read);
        Ok((file, read))
    };
    if args.bundles.is_empty() {
        let class = Host::probe().machine_class().id();
        return newest(&class).map(|found| vec![found]).ok_or_else(|| {
            let message = format!(
                "no bundle of this class of machine ({class}) below {RESULTS}/ has the curves to predict from; measure one \
                 with: stridewise run --suite standard (5 minutes), or name one with --bundle"
            );
            Failure::new(Exit::NoBaseline, message)
        });
    }
    let read = args.bundles.iter().map(open).collect();
    warned.print();
    read
}

/// The newest bundle of this class in a folder of runs that has the curves. Published ones of other machines never
/// match the class.
fn newest(class: &str) -> Option<(PathBuf, Bundle)> {
    let folders = std::fs::read_dir(Path::new(RESULTS)).ok()?;
    let mut found: Vec<(PathBuf, Bundle)> = Vec::new();
    for folder in folders.flatten() {
        let Ok(files) = bundle::files(&folder.path()) else { continue };
        for file in files {
            // A file that cannot be read is not the one that is looked for; validate says what is wrong with it.
            let Ok(read) = bundle::read(&file, Partial::Allowed) else { continue };
            if read.header.class_id == class && !read.header.tool.debug {
                found.push((file, read));
            }
        }
    }
    found.sort_by(|a, b| b.1.header.created.cmp(&a.1.header.created));
    found.into_iter().find(|(_, read)| Measured::of(read).is_ok())
}

/// Measures on this machine; a bundle of another class cannot be proven here.
fn prove(said: &mut [(Said, String)]) -> Result<(), Failure> {
    let host = Host::probe();
    let class = host.machine_class().id();
    let Some((one, _)) = said.iter_mut().find(|(_, of)| *of == class) else {
        let message = format!(
            "--prove: no bundle is of this class of machine ({class}); what it predicts cannot be measured here"
        );
        return Err(Failure::new(Exit::NotComparable, message));
    };
    if let Some(advice) = &one.advice {
        one.proof = advise_proof::prove(&host, advice)?;
    }
    Ok(())
}

fn interval(interval: crate::stats::Interval) -> [f64; 3] {
    [interval.estimate, interval.low, interval.high]
}

fn json(case: &Case, passes: u64, said: &[(Said, String)], agreement: Option<&Agreement>) -> Result<String, Failure> {
    let cpu = |(one, class): &(Said, String)| Cpu {
        cpu: one.cpu.clone(),
        class_id: class.clone(),
        choices: one.advice.iter().flat_map(|advice| facts(one, advice)).collect(),
        walks: one
            .stored
            .iter()
            .map(|stored| StoredFacts {
                order: stored.order.to_string(),
                tile: stored.tile,
                pass_ns: stored.passes.clone(),
                weighted_ns: stored.weighted,
            })
            .collect(),
    };
    let document = Document {
        schema: "stridewise.advise",
        schema_version: [1, 0],
        case: case.to_string(),
        passes,
        cpus: said.iter().map(cpu).collect(),
        agreement: agreement.map(|agreement| AgreementFacts {
            change: agreement.change.words(),
            worst_loss: agreement.worst,
            everywhere: agreement.everywhere,
        }),
        note: NOTE,
    };
    output::json(&document)
}

fn facts(one: &Said, advice: &Advice) -> Vec<ChoiceFacts> {
    let fact = |choice: &crate::advise::Choice| {
        let lines = choice.lines();
        let proof = one.proof.iter().find(|proof| proof.change == choice.change);
        ChoiceFacts {
            change: choice.change.words(),
            case: choice.case.to_string(),
            ns_per_step: interval(choice.prediction.ns),
            pass_ns: choice.prediction.ns.estimate * choice.steps as f64,
            once_ns: choice.once,
            total_ns: choice.total,
            penalty: interval(choice.prediction.over(&advice.baseline)),
            gain: advice.present.total / choice.total,
            limit: choice.prediction.limit.words(one.measured.geometry()),
            extra_bytes: choice.memory,
            break_even_passes: choice.break_even,
            numpy: lines.as_ref().map(|lines| lines.numpy.clone()),
            ndarray: lines.as_ref().map(|lines| lines.ndarray.clone()),
            c: lines.map(|lines| lines.c),
            measured: proof.map(|proof| MeasuredFacts { ns_per_step: proof.ns, gain: interval(proof.gain) }),
        }
    };
    advice.choices.iter().map(fact).collect()
}
