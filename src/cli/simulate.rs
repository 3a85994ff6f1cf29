//! `stridewise simulate`: misses per level of a nest, exact, on this CPU or another.

use super::array::{ArrayArgs, Given};
use super::exit::{Exit, Failure};
use super::output::{self, Format, table};
use crate::bundle::{self, Partial};
use crate::host::Host;
use crate::kernel::Kernel;
use crate::nest::{Chase, LoopNest, LoopOrder};
use crate::simulate::{self, Geometry, LastLevel, Model, Options, Pass, Prefetch, Replacement, Report, Writes};
use crate::suite::Case;
use crate::units::{bytes_long, bytes_tick, count};
use clap::Args;
use serde::Serialize;
use std::fmt::Write as _;
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
    /// What is done per element: sum fill scale copy triad [default: sum]
    #[arg(long, value_name = "KERNEL")]
    op: Option<Kernel>,
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
    /// Which sets of each cache one pass of the innermost loop reaches
    #[arg(long)]
    sets: bool,
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

/// The sets that the first run of the innermost loop reaches.
#[derive(Clone, Serialize)]
struct SetsReached {
    level: String,
    reached: u64,
    of: u32,
    /// Lines per set at most.
    most_lines: u64,
    #[serde(skip)]
    strip: String,
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
            let base = 1_u64 << 40;
            let base = base.checked_add(args.offset).filter(|base| base.checked_add(chase.buffer_bytes()).is_some());
            let base = base.ok_or_else(|| Failure::usage(format!("--offset {}: leaves 64 bits", args.offset)))?;
            (Walk::Chase(*chase, base), format!("random cycle of {nodes} nodes, {pitch} apart, seed {}", chase.seed))
        }
        None => {
            let (nest, what) = nest(args)?;
            let bases = bases(&nest, args.offset)?;
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
            Walk::Nest(nest, bases) if args.sets => {
                Some(geometry.levels.iter().map(|level| sets_of(nest, bases, level)).collect())
            }
            _ => None,
        };
        simulations.push(Simulation { cpu, geometry, report, sets });
    }
    let text = match args.format {
        Format::Json => json(args, model, simulations)?,
        Format::Table => text(args, &walk, &what, model, &simulations),
    };
    anstream::stdout().write_all(text.as_bytes())?;
    Ok(Exit::Fine)
}

/// Buffers one behind the other with a gap, each on a multiple of 1 TiB, plus the offset.
fn bases(nest: &LoopNest, offset: u64) -> Result<Vec<u64>, Failure> {
    const APART: u64 = 1 << 40;
    let mut next = APART;
    let mut place = |&bytes: &u64| {
        let base = next.checked_add(offset)?;
        next = base.checked_add(bytes)?.checked_next_multiple_of(APART)?.checked_add(APART)?;
        Some(base)
    };
    let all: Option<Vec<u64>> = nest.buffers().iter().map(&mut place).collect();
    all.ok_or_else(|| Failure::usage(format!("--offset {offset}: the arrays leave the 64 bits of an address")))
}

fn chosen(report: &Report, warm: bool) -> &Pass {
    if warm { &report.warm } else { &report.cold }
}

fn nest(args: &SimulateArgs) -> Result<(LoopNest, String), Failure> {
    if let Some(text) = &args.nest {
        let nest = LoopNest::parse(text, args.itemsize)
            .map_err(|error| Failure::usage(format!("--nest {text:?}: {error}")))?;
        return Ok((nest, format!("nest {text}, {} bytes per element", args.itemsize)));
    }
    let Some(Given { shape, dtype, order, flag }) = args.array.given()? else {
        return Err(Failure::usage("give an array with --shape or --npy, a raw nest with --nest, or a --chase"));
    };
    let kernel = args.op.unwrap_or(Kernel::Sum);
    let plain = Case::new(kernel, dtype, &shape, order, LoopOrder::identity(shape.len())).with(|options| {
        options.tile = args.tile.unwrap_or(0).into();
        options.pad = args.pad.unwrap_or(0);
    });
    let loops = args.loops.clone().unwrap_or_else(|| plain.baseline().loops);
    if loops.axes().len() != shape.len() {
        return Err(Failure::usage(format!(
            "--loop {loops}: expected the {} axes of the array in some order",
            shape.len()
        )));
    }
    let case = Case { loops, ..plain };
    let nest = case.nest().map_err(|error| Failure::usage(format!("{flag}: {error}")))?;
    let bytes = bytes_long(case.footprint().unwrap_or(0));
    let tile = args.tile.map_or_else(String::new, |tile| format!(", tiles of {tile}"));
    let what =
        format!("{kernel} over {} {dtype}, {order} order, {bytes}, loop order {}{tile}", case.shape_text(), case.loops);
    Ok((nest, what))
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

/// The first run of the innermost loop, operand by operand.
fn sets_of(nest: &LoopNest, bases: &[u64], level: &simulate::Level) -> SetsReached {
    let mut lines = std::collections::BTreeSet::new();
    let mut runs = nest.runs();
    if let Some(length) = runs.advance() {
        for ((operand, step), &at) in nest.operands().iter().zip(nest.inner_steps()).zip(runs.at()) {
            for i in 0..length.min(1 << 20) as i64 {
                let address = bases[operand.buffer].wrapping_add_signed(at + i * step);
                lines.insert(address / u64::from(level.line));
            }
        }
    }
    let mut counts = vec![0_u64; level.sets as usize];
    for line in &lines {
        counts[usize::try_from(line % u64::from(level.sets)).unwrap_or(0)] += 1;
    }
    let most_lines = counts.iter().copied().max().unwrap_or(0);
    // One character stands for some sets: how full the fullest of them is, in ways.
    let group = counts.len().div_ceil(64);
    let strip = counts
        .chunks(group)
        .map(|sets| match sets.iter().max().copied().unwrap_or(0) {
            0 => '·',
            n if n * 2 <= u64::from(level.ways) => '░',
            n if n <= u64::from(level.ways) => '▒',
            _ => '█',
        })
        .collect();
    let reached = counts.iter().filter(|&&n| n > 0).count() as u64;
    SetsReached { level: level.name.clone(), reached, of: level.sets, most_lines, strip }
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

fn text(args: &SimulateArgs, walk: &Walk, what: &str, model: Model, simulations: &[Simulation]) -> String {
    let state = if args.warm { "steady state of repeated passes" } else { "first pass, from empty caches" };
    let lines = simulations.first().and_then(|one| chosen(&one.report, args.warm).lines);
    let lines = lines.map_or_else(String::new, |lines| format!(" of {} distinct lines", count(lines)));
    let mut text = format!("{what}\n{} accesses{lines}; {state}\n\n", count(walk.accesses()));
    match simulations {
        [one] => {
            let _ = writeln!(text, "{}: {}", one.cpu, one.geometry);
            output::push(&mut text, levels(chosen(&one.report, args.warm), walk.steps()).lines());
        }
        several => {
            output::push(&mut text, cpus(several, args.warm, walk.steps()).lines());
            text.push_str("\nMisses per innermost step; caches from the CPU outwards.\n");
        }
    }
    for sets in simulations.iter().flat_map(|one| one.sets.iter().flatten()) {
        let SetsReached { level, reached, of, most_lines, strip } = sets;
        let _ = writeln!(
            text,
            "\n{level}: one run of the innermost loop reaches {} of {} sets, up to {most_lines} lines in one",
            count(*reached),
            count((*of).into())
        );
        let _ = writeln!(text, "  {strip}");
    }
    if simulations.iter().any(|one| one.sets.is_some()) {
        text.push_str("  · no line  ░ up to half the ways  ▒ up to all ways  █ more lines than ways\n");
    }
    for ahead in simulations.iter().filter_map(|one| chosen(&one.report, args.warm).prefetches) {
        let _ = writeln!(text, "\n{} lines fetched ahead.", count(ahead));
    }
    let mut note = note(model);
    note[..1].make_ascii_uppercase();
    text.push('\n');
    output::wrapped(&mut text, &format!("{note}."), 0);
    text.push('\n');
    text
}

#[expect(clippy::cast_precision_loss, reason = "shown with four digits")]
fn per(count: u64, steps: u64) -> String {
    format!("{:.4}", count as f64 / steps.max(1) as f64)
}

fn levels(pass: &Pass, steps: u64) -> comfy_table::Table {
    let told = pass.levels.iter().any(|level| level.compulsory.is_some());
    let mut header = vec!["", "accesses", "misses", "per step"];
    if told {
        header.extend(["first", "capacity", "conflict"]);
    }
    header.push("written back");
    let mut table = table(&header, 1);
    let cell = |n: Option<u64>| n.map_or_else(|| "-".to_owned(), count);
    for level in &pass.levels {
        let mut row = vec![level.name.clone(), count(level.accesses), count(level.misses), per(level.misses, steps)];
        if told {
            row.extend([cell(level.compulsory), cell(level.capacity), cell(level.conflict)]);
        }
        row.push(count(level.writebacks));
        table.add_row(row);
    }
    for tlb in &pass.tlb {
        let mut row = vec![tlb.name.clone(), count(tlb.accesses), count(tlb.misses), per(tlb.misses, steps)];
        row.resize(header.len(), String::new());
        table.add_row(row);
    }
    table
}

fn cpus(simulations: &[Simulation], warm: bool, steps: u64) -> comfy_table::Table {
    let most = simulations.iter().map(|one| one.geometry.levels.len()).max().unwrap_or(0);
    let names: Vec<String> = (1..=most).map(|level| format!("L{level} misses")).collect();
    let mut header = vec!["CPU", "caches"];
    header.extend(names.iter().map(String::as_str));
    let mut table = table(&header, 2);
    for one in simulations {
        let pass = chosen(&one.report, warm);
        let sizes: Vec<String> = one.geometry.levels.iter().map(|level| bytes_tick(level.bytes)).collect();
        let mut row = vec![one.cpu.clone(), sizes.join(" ")];
        row.extend(pass.levels.iter().map(|level| per(level.misses, steps)));
        row.resize(header.len(), "-".to_owned());
        table.add_row(row);
    }
    table
}
