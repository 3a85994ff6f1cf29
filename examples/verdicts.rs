//! One run with changes built in, to learn how often verdicts are right; `scripts/verdicts.py` drives it.
//!
//! `verdicts DIR NAME [SECONDS] [SEED] [PLACEMENTS] [sweep|case|within]` measures seven cases, SECONDS per pair and placement
//! (0.04) on PLACEMENTS placements (12), a placement of every case and then the next, as `stridewise run` does, or case by
//! case. It leaves three bundles: `DIR/base/NAME.jsonl`, and `DIR/plus10/` and `DIR/plus20/` whose contenders walk a tenth
//! or a fifth of their columns once more in every pass. `DIR/same/NAME.json` has what one run says of a case
//! against itself, and against itself with 5 % more; `within` measures this alone.
use std::cell::Cell;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};
use stridewise::bundle::{About, Config, Header, Record, Writer};
use stridewise::host::{Affinity, Host, Noise, pin};
use stridewise::kernel::{self, Checksum, Isa, Program};
use stridewise::measure::{Block, Measured, Members, Obtained, Shot, Trial};
use stridewise::memory::Buffer;
use stridewise::nest::LoopNest;
use stridewise::stats::{log_ratios, median, null_is_noisy, verdict};
use stridewise::suite::{Case, Item, Machine, Options};
use stridewise::units::Rng;

type Failure = Box<dyn std::error::Error>;

/// The null control's arms, and those of a case: itself and 5 % more in one run; base, 10 % and 20 % more.
const NULL: [[usize; 2]; 1] = [[0, 0]];
const PAIRS: [[usize; 2]; 5] = [[1, 4], [1, 5], [0, 1], [0, 2], [0, 3]];
/// The first of them, which one run says all of.
const WITHIN: usize = 2;
const LEAST_ROUNDS: usize = 5;
/// Parts that a pass is walked in: one of them is 5 %. Columns are so many that none ends within a line.
const PARTS: usize = 20;
const CASES: [&str; 7] = [
    "order/sum/f8/16x160/C/1,0",
    "order/sum/f8/240x160/C/1,0",
    "order/sum/f8/512x480/C/1,0/pad=256",
    "order/fill/f8/480x480/C/1,0",
    "order/sum/f4/960x960/C/1,0",
    "order/sum/f8/960x960/C/1,0",
    "order/sum/f8/2560x2560/C/1,0/walk=line",
];

/// A case in equal parts of its outermost loop, some of which are walked once more in every pass.
struct Arm {
    parts: Vec<Program>,
    /// Parts that a pass walks once more.
    more: usize,
    /// The first of them.
    next: Cell<usize>,
}

impl Arm {
    /// The case in `count` parts, and `more` of them once more: in each pass others, so that over all passes everything was
    /// once more what it costs, wherever a cache has kept it.
    fn new(case: &Case, count: usize, more: usize) -> Result<Self, Failure> {
        let parts = case.nest()?.split(count)?;
        let parts: Vec<Program> = parts.iter().map(|nest| program(case, nest)).collect::<Result<_, _>>()?;
        if parts.len() != count {
            return Err(format!("{case} cannot be divided by {count}").into());
        }
        Ok(Self { parts, more, next: Cell::new(0) })
    }

    /// Nanoseconds of `passes` passes.
    fn timed(&self, buffers: &mut [Buffer], passes: u64) -> Result<u64, Failure> {
        let (start, count) = (Instant::now(), self.parts.len());
        for _ in 0..passes {
            let again = self.next.replace((self.next.get() + self.more) % count);
            for at in 0..count {
                black_box(self.parts[at].run(buffers, 1)?);
                // Half a pass after its turn a part lies as far off as any.
                let opposite = (at + count / 2) % count;
                if (opposite + count - again) % count < self.more {
                    black_box(self.parts[opposite].run(buffers, 1)?);
                }
            }
        }
        Ok(u64::try_from(start.elapsed().as_nanos())?.max(1))
    }
}

fn program(case: &Case, nest: &LoopNest) -> Result<Program, Failure> {
    let Options { walk, stores, .. } = case.options;
    Ok(Program::new(case.kernel, case.dtype, walk, stores, Isa::best(), nest)?)
}

/// What every pair of a run shares.
struct Bench {
    started: Instant,
    time: Duration,
    prime: bool,
    rng: Rng,
}

impl Bench {
    /// Rounds ABBA or BAAB on arrays that are there.
    fn block(&mut self, arms: [&Arm; 2], buffers: &mut [Buffer], placement: u32) -> Result<Block, Failure> {
        let mut passes = 1;
        while arms[0].timed(buffers, passes)?.min(arms[1].timed(buffers, passes)?) < 1_000_000 {
            passes += passes.div_ceil(2);
        }
        let mut block = Block {
            placement,
            at_ms: u64::try_from(self.started.elapsed().as_millis())?,
            passes,
            orders: String::new(),
            baseline_ns: Vec::new(),
            contender_ns: Vec::new(),
            disturbed: BTreeMap::new(),
            pages: Obtained::of(buffers),
            baseline_pages: None,
            counts: None,
        };
        let (begun, mut before) = (Instant::now(), Noise::now());
        while block.orders.len() < LEAST_ROUNDS || begun.elapsed() < self.time {
            let flipped = self.rng.coin();
            for contender in [flipped, !flipped, !flipped, flipped] {
                if self.prime {
                    arms[usize::from(contender)].timed(buffers, 1)?;
                }
                let ns = arms[usize::from(contender)].timed(buffers, passes)?;
                if contender { block.contender_ns.push(ns) } else { block.baseline_ns.push(ns) }
            }
            block.orders.push(if flipped { '1' } else { '0' });
            let after = Noise::now();
            if let Some(word) = after.since(&before).disturbances().first() {
                block.disturbed.insert(u32::try_from(block.orders.len() - 1)?, (*word).to_owned());
            }
            before = after;
        }
        Ok(block)
    }
}

fn map(case: &Case, rng: &mut Rng) -> Result<Vec<Buffer>, Failure> {
    let nest = case.nest()?;
    let mut buffers = Vec::new();
    for &bytes in nest.buffers() {
        buffers.push(Buffer::anywhere(bytes, case.options.pages, 0, rng)?);
    }
    kernel::prepare(&mut buffers, case.dtype, 1);
    Ok(buffers)
}

fn shot(case: &Case) -> Result<Box<Shot>, Failure> {
    let mut buffers = map(case, &mut Rng::new(0))?;
    let program = program(case, &case.nest()?)?;
    let ran: Checksum = program.run(&mut buffers, 1)?;
    let checksum = program.checksum(&buffers, ran);
    let none = "not asked for".to_owned();
    Ok(Box::new(Shot {
        case: case.clone(),
        walked: case.walked()?,
        checksum,
        simulated: Err(none.clone()),
        counted: Err(none),
    }))
}

/// The rounds of one placement, for each pair of `arms` that is named.
fn placed(
    case: &Case,
    arms: &[Arm],
    pairs: &[[usize; 2]],
    placement: u32,
    machine: &Machine,
    bench: &mut Bench,
) -> Result<Vec<Block>, Failure> {
    bench.prime = case.footprint()? < 2 * machine.last();
    let mut buffers = map(case, &mut bench.rng)?;
    let mut order: Vec<usize> = (0..pairs.len()).collect();
    bench.rng.shuffle(&mut order);
    let mut blocks = Vec::new();
    for at in order {
        let [a, b] = pairs[at];
        blocks.push((at, bench.block([&arms[a], &arms[b]], &mut buffers, placement)?));
    }
    blocks.sort_by_key(|(at, _)| *at);
    Ok(blocks.into_iter().map(|(_, block)| block).collect())
}

/// The log ratios of the rounds that are used.
fn ratios(blocks: &[Block]) -> Vec<f64> {
    let of = |block: &Block| {
        let (baseline, contender) = block.used_samples();
        log_ratios(&baseline, &contender)
    };
    blocks.iter().flat_map(of).collect()
}

fn null_item(case: &Case) -> Item {
    Item::Null { case: case.baseline().in_family("null").with(|options| options.walk = kernel::Walk::Element) }
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, name, rest @ ..] = arguments.as_slice() else {
        return Err("usage: verdicts DIR NAME [SECONDS] [SEED] [PLACEMENTS] [sweep|case|within]".into());
    };
    let folder = Path::new(folder);
    let time = Duration::from_secs_f64(rest.first().map_or(Ok(0.04), |text| text.parse())?);
    let seed = rest.get(1).map_or(Ok(1), |text| text.parse())?;
    let placements: u32 = rest.get(2).map_or(Ok(12), |text| text.parse())?;
    let mode = rest.get(3).map_or("sweep", String::as_str);
    if !["sweep", "case", "within"].contains(&mode) {
        return Err(format!("{mode}: expected sweep, case or within").into());
    }
    let host = Host::probe();
    let machine = Machine::of_host(&host);
    let cpu = Affinity::at_start().cpus().last().copied().ok_or("no CPU is known")?;
    let _pinned = pin(cpu)?;
    let trial = Trial::now();
    let mut bench = Bench { started: Instant::now(), time, prime: false, rng: Rng::new(seed) };

    let cases: Vec<Case> = CASES.iter().map(|id| id.parse()).collect::<Result<_, _>>()?;
    let mut items: Vec<Item> = Vec::new();
    // A null control per size class, as every run has.
    for case in &cases {
        let (null, class) =
            (null_item(case), |item: &Item| item.contender().footprint().map(|b| machine.size_class(b)));
        if !items.iter().any(|item| class(item) == class(&null)) {
            items.push(null);
        }
    }
    let nulls = items.len();
    items.extend(cases.iter().cloned().map(Item::against_baseline));

    let within = mode == "within";
    let variants: &[&str] = if within { &[] } else { &["base", "plus10", "plus20"] };
    let mut writers = Vec::new();
    for variant in variants {
        std::fs::create_dir_all(folder.join(variant))?;
        let config = Config {
            engine: "paired".into(),
            seed,
            placements,
            placement_ns: u64::try_from(time.as_nanos())?,
            sample_ns: 1_000_000,
            cpu: Some(cpu),
            args: vec![format!("verdicts {variant}")],
            data: None,
        };
        let about = About {
            suite: "verdicts".into(),
            items: &items,
            config,
            isa: Isa::best().to_string(),
            counters: Vec::new(),
            geometry: Err("not asked for".into()),
            trial: trial.clone(),
        };
        let path = folder.join(variant).join(format!("{name}.jsonl"));
        writers.push(Writer::create_file(&path, Header::new(&host, about), &[])?);
    }
    let pairs =
        |at: usize| if at < nulls { NULL.as_slice() } else { &PAIRS[..if within { WITHIN } else { PAIRS.len() }] };
    let mut all_arms: Vec<Vec<Arm>> = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let case = item.contender();
        let mut arms = vec![Arm::new(&if at < nulls { case.clone() } else { case.baseline() }, 1, 0)?];
        let more: &[usize] = if at < nulls { &[] } else { &[0, 10, 20, 0, 5] };
        for &percent in more {
            arms.push(Arm::new(case, PARTS, percent * PARTS / 100)?);
        }
        all_arms.push(arms);
    }
    let mut blocks: Vec<Vec<Vec<Block>>> = (0..items.len()).map(|at| vec![Vec::new(); pairs(at).len()]).collect();
    let measured = if within { nulls..items.len() } else { 0..items.len() };
    let mut visits: Vec<(u32, usize)> = (0..placements).flat_map(|n| measured.clone().map(move |at| (n, at))).collect();
    if mode == "case" {
        visits.sort_by_key(|&(n, at)| (at, n));
    }
    for (placement, at) in visits {
        let new = placed(items[at].contender(), &all_arms[at], pairs(at), placement, &machine, &mut bench)?;
        blocks[at].iter_mut().zip(new).for_each(|(all, one)| all.push(one));
    }
    for (item, blocks) in items[..nulls].iter().zip(&blocks) {
        for writer in &mut writers {
            let (baseline, contender) = (shot(item.contender())?, shot(item.contender())?);
            let members = Members::Pair { baseline, contender, null: true, blocks: blocks[0].clone() };
            writer.push(&Record::of(Measured { id: item.id(), members: Ok(members) }))?;
        }
    }
    let mut told = Vec::new();
    for (item, mut blocks) in items[nulls..].iter().zip(blocks.into_iter().skip(nulls)) {
        let (case, baseline) = (item.contender(), item.contender().baseline());
        let (five, same) = (ratios(&blocks.remove(1)), ratios(&blocks.remove(0)));
        let noisy = null_is_noisy(&same);
        told.push(serde_json::json!({
            "case": item.id(),
            "same": median(&same).unwrap_or(0.0).exp(), "same_verdict": format!("{:?}", verdict(&same, false)),
            "five": median(&five).unwrap_or(0.0).exp(), "five_verdict": format!("{:?}", verdict(&five, false)),
            "rounds": five.len(), "same_would_fail_a_null_control": noisy,
        }));
        for (writer, blocks) in writers.iter_mut().zip(blocks) {
            let members = Members::Pair { baseline: shot(&baseline)?, contender: shot(case)?, null: false, blocks };
            writer.push(&Record::of(Measured { id: item.id(), members: Ok(members) }))?;
        }
    }
    for writer in writers {
        writer.finish(serde_json::Value::Null)?;
    }
    std::fs::create_dir_all(folder.join("same"))?;
    std::fs::write(folder.join("same").join(format!("{name}.json")), serde_json::to_string_pretty(&told)? + "\n")?;
    Ok(())
}
