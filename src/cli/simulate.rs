//! `stridewise simulate`: misses per level of a nest, exact, on this CPU or another.

mod nest;
mod sets;
mod table;

use super::array::ArrayArgs;
use super::exit::{Exit, Failure};
use super::output::{self, Format};
use super::warned::Warned;
use crate::bundle::{self, Partial};
use crate::host::Host;
use crate::nest::{Chase, LoopNest, LoopOrder};
use crate::simulate::{self, Geometry, LastLevel, Model, Options, Pass, Prefetch, Replacement, Report, Writes};
use crate::units::{bytes_long, count};
use clap::Args;
use nest::Op;
use serde::Serialize;
use sets::SetsReached;
use std::io::Write as _;
use std::path::PathBuf;

/// Nodes of a chase at most: their order is held in memory.
const MOST_NODES: u64 = 1 << 27;
/// Accesses up to which misses are told apart unasked: half a second of hashing.
const CLASSIFIED_UNASKED: u64 = 3_000_000;

/// Misses per cache level and TLB of a loop order, exact, on this CPU or another
#[derive(Args, Debug)]
pub(super) struct SimulateArgs {
    #[command(flatten)]
    array: ArrayArgs,
    /// Loop order, outermost first [default: the smallest stride innermost]
    #[arg(long = "loop", value_name = "ORDER")]
    loops: Option<LoopOrder>,
    /// Tile edge of all loops
    #[arg(long, value_name = "N")]
    tile: Option<usize>,
    /// What is done: a kernel (sum fill scale copy triad …) per element; `window` or `window:3,3` (sums over sliding
    /// windows); `transpose` (a copy in the other order); `matmul` (--shape I,J,K) [default: sum]
    #[arg(long, visible_alias = "kernel", value_name = "OP")]
    op: Option<Op>,
    /// Bytes added behind every run of the fastest axis
    #[arg(long, value_name = "BYTES")]
    pad: Option<u64>,
    /// A raw nest instead of an array: EXTENT:STEP per loop, outermost first; operands separated by `;`, each with
    /// r: (read, the default), w: or u: (update) before it
    #[arg(long, value_name = "NEST", conflicts_with_all = ["shape", "npy", "loops"])]
    nest: Option<String>,
    /// A random cycle of dependent loads: nodes, bytes from node to node, seed of the cycle, such as 4096:64
    #[arg(long, value_name = "NODES:PITCH[:SEED]", conflicts_with_all = ["shape", "npy", "loops", "nest", "sets"], value_parser = chase)]
    chase: Option<Chase>,
    /// Operands of --nest whose innermost step is 0 are accessed once per run, as compilers keep them in registers
    #[arg(long, requires = "nest")]
    hoist: bool,
    /// Bytes of an element of --nest
    #[arg(long, value_name = "B", default_value_t = 8)]
    itemsize: usize,
    /// Bytes between a page's start and the first element
    #[arg(long, value_name = "B", default_value_t = 0)]
    offset: u64,
    /// Caches as name=size:ways[:line],… such as l1=32K:8:64,l2=512K:8:64 [default: this machine's]
    #[arg(long, value_name = "SPEC", conflicts_with_all = ["host", "cpu"])]
    cache: Option<String>,
    /// TLBs as name=entries[:ways],… such as l1=64,l2=2048:8
    #[arg(long, value_name = "SPEC", conflicts_with_all = ["host", "cpu"])]
    tlb: Option<String>,
    /// Bytes of a page [default: 4096]
    #[arg(long, value_name = "B", requires = "tlb")]
    page: Option<u64>,
    /// The caches of the machine that a bundle was measured on
    #[arg(long, value_name = "BUNDLE", conflicts_with = "cpu")]
    host: Option<PathBuf>,
    /// A CPU by name, several separated by commas, or `all`
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    cpu: Vec<String>,
    /// Which line leaves a full set: lru plru fifo
    #[arg(long, value_name = "POLICY", default_value_t)]
    replacement: Replacement,
    /// What a store does that misses: allocate no-allocate
    #[arg(long, value_name = "POLICY", default_value_t)]
    writes: Writes,
    /// What the last level holds: non-inclusive inclusive exclusive
    #[arg(long, value_name = "KIND", default_value_t)]
    last_level: LastLevel,
    /// What-if with lines fetched ahead: none next-line stride
    #[arg(long, value_name = "KIND", default_value_t)]
    prefetch: Prefetch,
    /// Touched lines of a pass beyond which nothing is walked (a minute for some thousand millions)
    #[arg(long, value_name = "N", default_value_t = 5_000_000_000)]
    limit: u64,
    /// Show the steady state of repeated passes instead of the first pass from empty caches
    #[arg(long)]
    warm: bool,
    /// Tell compulsory, capacity and conflict misses apart, however long it takes
    #[arg(long)]
    classify: bool,
    /// Which sets of each cache one run of the innermost loop reaches; with a file also as a chart (.svg or .png)
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    sets: Option<Option<PathBuf>>,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    schema_version: [u32; 2],
    /// What these figures are.
    note: String,
    simulations: Vec<Simulation>,
    /// The first simulation's figures of the state asked for, for short scripts.
    state: &'static str,
    accesses: u64,
    levels: Vec<simulate::LevelCounts>,
    tlb: Vec<simulate::TlbCounts>,
}

#[derive(Serialize)]
struct Simulation {
    cpu: String,
    geometry: Geometry,
    #[serde(flatten)]
    report: Report,
    #[serde(skip_serializing_if = "Option::is_none")]
    sets: Option<Vec<SetsReached>>,
}

/// What every figure is, with the model it was counted with.
fn note(model: Model) -> String {
    let prefetch = if model.prefetch == Prefetch::None { "no prefetch" } else { "prefetch as a what-if" };
    format!(
        "simulated demand misses ({model}, write-back, {prefetch}, virtual addresses, one core); not hardware counts"
    )
}

fn chase(text: &str) -> Result<Chase, String> {
    let wrong = || "expected NODES:PITCH or NODES:PITCH:SEED, such as 4096:64".to_owned();
    let numbers: Vec<u64> = text.split(':').map(|part| part.parse().map_err(|_| wrong())).collect::<Result<_, _>>()?;
    let (nodes, pitch, seed) = match *numbers.as_slice() {
        [nodes, pitch] => (nodes, pitch, 0),
        [nodes, pitch, seed] => (nodes, pitch, seed),
        _ => return Err(wrong()),
    };
    if nodes == 0 || nodes > MOST_NODES {
        return Err(format!("{nodes} nodes: expected 1 to {MOST_NODES}"));
    }
    if !(8..=1 << 30).contains(&pitch) {
        return Err(format!("pitch {pitch}: expected 8 bytes, the size of a pointer, to 2^30"));
    }
    let wide = |value| usize::try_from(value).map_err(|_| wrong());
    Ok(Chase { nodes: wide(nodes)?, pitch: wide(pitch)?, seed })
}

/// What is replayed.
enum Walk {
    Nest(LoopNest, Vec<u64>),
    Chase(Chase, u64),
}

impl Walk {
    fn accesses(&self) -> u64 {
        match self {
            Self::Nest(nest, _) => nest.accesses(),
            Self::Chase(chase, _) => chase.nodes as u64,
        }
    }

    fn steps(&self) -> u64 {
        match self {
            Self::Nest(nest, _) => nest.steps(),
            Self::Chase(chase, _) => chase.nodes as u64,
        }
    }
}

pub(super) fn run(args: &SimulateArgs) -> Result<Exit, Failure> {
    let (walk, what) = match &args.chase {
        Some(chase) => {
            let (nodes, pitch) = (count(chase.nodes as u64), bytes_long(chase.pitch as u64));
            let bases = bases(&[chase.buffer_bytes()], args.offset)?;
            (
                Walk::Chase(*chase, bases[0]),
                format!("random cycle of {nodes} nodes, {pitch} apart, seed {}", chase.seed),
            )
        }
        None => {
            let (nest, what) = nest::nest(args)?;
            let bases = bases(nest.buffers(), args.offset)?;
            (Walk::Nest(nest, bases), what)
        }
    };
    let classify = args.classify || walk.accesses() <= CLASSIFIED_UNASKED;
    let model =
        Model { replacement: args.replacement, writes: args.writes, last: args.last_level, prefetch: args.prefetch };
    let mut simulations = Vec::new();
    for (cpu, geometry) in geometries(args)? {
        let options = Options { classify, model, most_touches: Some(args.limit), ..Options::default() };
        let report = match &walk {
            Walk::Nest(nest, bases) => simulate::simulate(nest, bases, &geometry, &options),
            Walk::Chase(chase, base) => simulate::simulate_chase(chase, *base, &geometry, &options),
        };
        let report = report.map_err(|error| match error {
            simulate::Error::TooLong { .. } => Failure::usage(format!("{error}; a larger --limit walks on")),
            error => Failure::usage(format!("--replacement: {error}")),
        })?;
        let sets = match &walk {
            Walk::Nest(nest, bases) if args.sets.is_some() => {
                Some(geometry.levels.iter().map(|level| SetsReached::of(nest, bases, level)).collect())
            }
            _ => None,
        };
        simulations.push(Simulation { cpu, geometry, report, sets });
    }
    if let (Some(Some(path)), Some(Simulation { cpu, sets: Some(sets), .. })) = (&args.sets, simulations.first()) {
        sets::write(path, &what, cpu, sets)?;
    }
    let text = match args.format {
        Format::Json => json(args, model, simulations)?,
        Format::Table => table::text(args, &walk, &what, model, &simulations),
    };
    anstream::stdout().write_all(text.as_bytes())?;
    Ok(Exit::Fine)
}

/// Where buffers of these sizes begin.
fn bases(bytes: &[u64], offset: u64) -> Result<Vec<u64>, Failure> {
    let bases = simulate::apart(bytes, offset);
    bases.ok_or_else(|| Failure::usage(format!("--offset {offset}: the arrays leave the 64 bits of an address")))
}

fn chosen(report: &Report, warm: bool) -> &Pass {
    if warm { &report.warm } else { &report.cold }
}

fn geometries(args: &SimulateArgs) -> Result<Vec<(String, Geometry)>, Failure> {
    let usage = |flag: &str| {
        let flag = flag.to_owned();
        move |error: simulate::GeometryError| Failure::usage(format!("{flag}: {error}"))
    };
    if !args.cpu.is_empty() {
        let all = args.cpu.iter().any(|name| name == "all");
        let names: Vec<String> =
            if all { simulate::CPUS.iter().map(|cpu| cpu.name.to_owned()).collect() } else { args.cpu.clone() };
        let one = |name: String| Ok((name.clone(), Geometry::of_cpu(&name).map_err(usage("--cpu"))?));
        return names.into_iter().map(one).collect();
    }
    if let Some(path) = &args.host {
        let file = bundle::files(path)?.remove(0);
        let bundle = bundle::read(&file, Partial::Allowed)?;
        let warned = Warned::default();
        warned.of(&file, &bundle);
        warned.print();
        let geometry: Geometry = serde_json::from_value(bundle.header.geometry.clone()).map_err(|_| {
            Failure::new(Exit::Invalid, format!("{}: has no cache geometry; give one with --cache", file.display()))
        })?;
        let Geometry { levels, tlbs, page, .. } = geometry;
        let checked =
            Geometry::new(levels, tlbs, page, "bundle").map_err(|error| Failure::new(Exit::Invalid, error))?;
        return Ok(vec![(bundle::shown(&bundle.cpu_name()), checked)]);
    }
    let tlbs = args.tlb.as_deref().map(Geometry::parse_tlbs).transpose().map_err(usage("--tlb"))?;
    if let Some(text) = &args.cache {
        let levels = Geometry::parse_caches(text).map_err(usage("--cache"))?;
        let geometry = Geometry::new(levels, tlbs.unwrap_or_default(), args.page.unwrap_or(4096), "--cache");
        return Ok(vec![("--cache".to_owned(), geometry.map_err(usage("--cache"))?)]);
    }
    let host = Host::probe();
    let mut geometry = Geometry::of_host(&host).map_err(|error| Failure::new(Exit::Impossible, error))?;
    if let Some(tlbs) = tlbs {
        let page = args.page.unwrap_or(geometry.page);
        geometry = Geometry::new(geometry.levels, tlbs, page, "host").map_err(usage("--tlb"))?;
    }
    let name = host.cpu.name.value().map_or_else(|| "this machine".to_owned(), |name| bundle::shown(name));
    Ok(vec![(name, geometry)])
}

fn json(args: &SimulateArgs, model: Model, simulations: Vec<Simulation>) -> Result<String, Failure> {
    let first = simulations.first().map(|one| chosen(&one.report, args.warm).clone()).unwrap_or_default();
    let document = Document {
        schema: "stridewise.simulate",
        schema_version: [1, 0],
        note: note(model),
        state: if args.warm { "warm" } else { "cold" },
        accesses: first.accesses,
        levels: first.levels,
        tlb: first.tlb,
        simulations,
    };
    output::json(&document)
}
