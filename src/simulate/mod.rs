//! Set-associative caches and TLBs, exact and fast: demand misses of any nest on every machine.
//!
//! The model unless another [`Model`] is asked for: true LRU, write-back with write-allocate, levels neither inclusive
//! nor exclusive, one core, virtual addresses, no prefetch. An access is counted once per line it touches. These are no
//! hardware counts: see [`Report`] and the words that stand beside every figure.

mod cache;
mod cpus;
mod engine;
mod footprint;
mod geometry;
mod model;
mod placed;
mod raw;
mod reference;
mod report;
mod shortcut;

pub use cpus::{CPUS, Cpu};
pub use geometry::{Geometry, GeometryError, Level, TlbLevel};
pub use model::{LastLevel, Model, Prefetch, Replacement, Writes};
pub use placed::{Placed, Served};
pub use report::{LevelCounts, Pass, Report, TlbCounts};

use crate::nest::{Chase, LoopNest};

/// How a nest is simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Touched lines of a pass beyond which a nest is refused; `None` for no limit.
    pub most_touches: Option<u64>,
    /// Whether misses are told apart as compulsory, capacity and conflict: slower, and takes memory per line.
    pub classify: bool,
    /// Which engine counts; the result is the same.
    pub engine: Engine,
    /// What is modelled. Any but the default is counted by the plain engine.
    pub model: Model,
}

/// How the counts are found. All engines give equal reports; property tests hold them to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Engine {
    /// The fastest that holds for the nest.
    #[default]
    Automatic,
    /// Every touched line, steps inside a line at once.
    Direct,
    /// As automatic, but the shortcut wherever it holds, also where looking for it takes longer than walking.
    Shortcut,
    /// Every access by itself, written separately: the reference.
    Plain,
}

impl Default for Options {
    fn default() -> Self {
        Self { most_touches: None, classify: false, engine: Engine::Automatic, model: Model::default() }
    }
}

/// Why a nest is not simulated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It would take too long.
    #[error("not simulated: {touches} touched lines per pass, the limit is {limit}")]
    TooLong {
        /// Touched lines of a pass, roughly.
        touches: u64,
        /// The limit.
        limit: u64,
    },
    /// The model does not hold for the geometry.
    #[error("{0}")]
    Model(String),
}

/// Touched lines of a pass, where steps inside a line count once: what simulating costs.
#[must_use]
pub fn touches(nest: &LoopNest, line: u64) -> u64 {
    let steps = nest.inner_steps();
    let inside = || steps.iter().enumerate().filter(|&(operand, _)| !nest.is_hoisted(operand));
    let share = inside().map(|(_, step)| step.unsigned_abs().clamp(1, line)).max().unwrap_or(line);
    let groups = u128::from(nest.steps()) * u128::from(share) / u128::from(line.max(1));
    let walked = u64::try_from(groups).unwrap_or(u64::MAX).saturating_mul(inside().count() as u64);
    let hoisted = (steps.len() - inside().count()) as u64;
    walked.saturating_add(nest.run_count().saturating_mul(hoisted))
}

/// What is replayed.
enum Accesses<'a> {
    Nest {
        nest: &'a LoopNest,
        bases: &'a [u64],
    },
    /// Dependent loads of 8 bytes.
    Chase(&'a [u64]),
}

impl Accesses<'_> {
    fn count(&self) -> u64 {
        match self {
            Self::Nest { nest, .. } => nest.accesses(),
            Self::Chase(addresses) => addresses.len() as u64,
        }
    }
}

/// Replays a nest whose buffers start at `addresses`: one pass from empty caches, and further ones until two in a row
/// have equal counts.
///
/// With LRU a level's state after a pass follows from the lines it was asked for in that pass, so passes repeat after
/// at most one more than there are levels. Other models may go on changing; eight passes are walked at most.
///
/// # Errors
/// [`Error::TooLong`] beyond the limit of the options; [`Error::Model`] for PLRU with ways that are no power of two.
pub fn simulate(nest: &LoopNest, addresses: &[u64], geometry: &Geometry, options: &Options) -> Result<Report, Error> {
    let budget = match options.engine {
        Engine::Automatic => shortcut::Budget::of(nest),
        Engine::Shortcut => Some(shortcut::Budget::ANY),
        Engine::Direct | Engine::Plain => None,
    };
    let wanted = budget.filter(|_| !options.classify && options.model == Model::default());
    let found = wanted.map_or([None, None], |budget| shortcut::find(nest, addresses, geometry, budget));
    let accesses = Accesses::Nest { nest, bases: addresses };
    let mut report = walk(&accesses, touches(nest, geometry.line()), &left(geometry, &found), options)?;
    let [lines, pages] = found;
    let distinct = footprint::lines(nest, addresses, geometry.line());
    for (pass, number) in [(&mut report.cold, 0), (&mut report.warm, 1)] {
        pass.lines = distinct;
        if let Some(found) = &lines {
            let names = geometry.levels.iter().map(|level| level.name.clone());
            pass.set_levels(names, found.touches, &found.misses[number]);
        }
        if let Some(found) = &pages {
            let names = geometry.tlbs.iter().map(|tlb| tlb.name.clone());
            pass.set_tlbs(names, found.touches, &found.misses[number]);
        }
    }
    Ok(report)
}

/// Replays a chase through a buffer at `address`: a node is one load of 8 bytes.
///
/// # Errors
/// As [`simulate`].
pub fn simulate_chase(chase: &Chase, address: u64, geometry: &Geometry, options: &Options) -> Result<Report, Error> {
    let at = |node: usize| address.wrapping_add(chase.offset(node));
    let visits: Vec<u64> = chase.visits().into_iter().map(at).collect();
    let mut report = walk(&Accesses::Chase(&visits), visits.len() as u64, geometry, options)?;
    let distinct = footprint::of_addresses(visits.iter().copied(), 8, geometry.line());
    (report.cold.lines, report.warm.lines) = (Some(distinct), Some(distinct));
    Ok(report)
}

/// What the shortcut left to be walked.
fn left(geometry: &Geometry, found: &[Option<shortcut::Found>; 2]) -> Geometry {
    let mut left = geometry.clone();
    if found[0].is_some() {
        left.levels.clear();
    }
    if found[1].is_some() {
        left.tlbs.clear();
    }
    left
}

/// Walks passes until two in a row are equal; nothing if there is neither a cache nor a TLB.
fn walk(accesses: &Accesses<'_>, touches: u64, geometry: &Geometry, options: &Options) -> Result<Report, Error> {
    let policy = options.model.to_string();
    if geometry.levels.is_empty() && geometry.tlbs.is_empty() {
        let pass = Pass { accesses: accesses.count(), ..Pass::default() };
        return Ok(Report { policy, cold: pass.clone(), warm: pass });
    }
    if let Some(limit) = options.most_touches.filter(|&limit| touches > limit) {
        return Err(Error::TooLong { touches, limit });
    }
    if options.model.replacement == Replacement::Plru
        && let Some(level) = geometry.levels.iter().find(|level| !level.ways.is_power_of_two() || level.ways > 32)
    {
        let text = format!("{}: ways {}: plru needs a power of two up to 32; use lru or fifo", level.name, level.ways);
        return Err(Error::Model(text));
    }
    let levels = geometry.levels.len().max(geometry.tlbs.len());
    Ok(if options.engine == Engine::Plain || options.model != Model::default() {
        let most = if options.model == Model::default() { levels + 2 } else { 8 };
        let mut machine = reference::Reference::new(geometry, options.model, options.classify);
        passes(policy, most, || machine.pass(accesses))
    } else {
        let mut machine = engine::Machine::new(geometry, options.classify);
        passes(policy, levels + 2, || machine.pass(accesses))
    })
}

fn passes(policy: String, most: usize, mut pass: impl FnMut() -> Pass) -> Report {
    let cold = pass();
    let mut warm = pass();
    let mut before = cold.clone();
    for _ in 2..most {
        if counts(&warm) == counts(&before) {
            break;
        }
        before = std::mem::replace(&mut warm, pass());
    }
    Report { policy, cold, warm }
}

/// What must be equal for passes to repeat.
fn counts(pass: &Pass) -> Vec<u64> {
    let levels = pass.levels.iter().flat_map(|level| [level.misses, level.writebacks]);
    levels.chain(pass.tlb.iter().map(|tlb| tlb.misses)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::{Layout, Order};
    use crate::nest::{LoopOrder, Operand, Role};
    use crate::units::Rng;

    fn zen3() -> Geometry {
        let caches = Geometry::parse_caches("l1=32K:8:64,l2=512K:8:64,l3=32M:16:64").unwrap();
        Geometry::new(caches, Geometry::parse_tlbs("l1=64,l2=2048:8").unwrap(), 4096, "test").unwrap()
    }

    fn misses(rows: usize, columns: usize, order: &str, offset: u64) -> Vec<u64> {
        let array = Layout::contiguous(&[rows, columns], 8, Order::C).unwrap();
        let nest = LoopNest::of_layouts(&[(&array, Role::Read)], &order.parse().unwrap()).unwrap();
        let report = simulate(&nest, &[(1 << 30) + offset], &zen3(), &Options::default()).unwrap();
        report.cold.levels.iter().map(|level| level.misses).collect()
    }

    #[test]
    fn known_counts() {
        assert_eq!(misses(2048, 2048, "0,1", 0), [524_288, 524_288, 524_288]);
        assert_eq!(misses(2048, 2048, "1,0", 0), [4_194_304, 4_194_304, 524_288]);
        assert_eq!(misses(2047, 2047, "1,0", 0), [4_190_209, 525_568, 523_777]);
        assert_eq!(misses(1000, 1000, "1,0", 0), [1_000_000, 125_000, 125_000]);
        assert_eq!(misses(600, 600, "0,1", 24), [45_001, 45_001, 45_001]);
    }

    #[test]
    fn warm_passes_of_what_fits_miss_nothing() {
        let array = Layout::contiguous(&[32, 64], 8, Order::C).unwrap();
        let nest = LoopNest::of_layouts(&[(&array, Role::Update)], &"1,0".parse().unwrap()).unwrap();
        let report = simulate(&nest, &[1 << 20], &zen3(), &Options { classify: true, ..Options::default() }).unwrap();
        let (cold, warm) = (&report.cold.levels[0], &report.warm.levels[0]);
        assert_eq!((cold.accesses, cold.misses, cold.compulsory, cold.conflict), (4096, 256, Some(256), Some(0)));
        assert_eq!((warm.accesses, warm.misses, warm.writebacks), (4096, 0, 0));
        assert_eq!((warm.compulsory, warm.capacity, warm.conflict), (Some(0), Some(0), Some(0)));
    }

    #[test]
    fn conflicts_are_told_from_capacity() {
        // 16 lines in one set of 8 ways: all conflict, since 512 lines would fit.
        let array = Layout::contiguous(&[16, 512], 8, Order::C).unwrap();
        let operand = Operand { steps: vec![4096], ..Operand::of_layout(&array, Role::Read, 0) };
        let nest = LoopNest::new(vec![16], vec![operand], vec![65_536], &"0".parse().unwrap()).unwrap();
        let report = simulate(&nest, &[0], &zen3(), &Options { classify: true, ..Options::default() }).unwrap();
        let warm = &report.warm.levels[0];
        assert_eq!((warm.misses, warm.capacity, warm.conflict), (16, Some(0), Some(16)));
    }

    /// L1 misses of the columns of 500x500 f8 under each policy, as independent simulators count them.
    #[test]
    fn policies_have_the_published_counts() {
        let array = Layout::contiguous(&[500, 500], 8, Order::C).unwrap();
        let run = |order: &str, model: Model| {
            let nest = LoopNest::of_layouts(&[(&array, Role::Read)], &order.parse().unwrap()).unwrap();
            let options = Options { model, ..Options::default() };
            simulate(&nest, &[1 << 30], &zen3(), &options).unwrap().cold.levels[0].misses
        };
        let of = |replacement| run("1,0", Model { replacement, ..Model::default() });
        assert_eq!([Replacement::Lru, Replacement::Plru, Replacement::Fifo].map(of), [31_500, 31_643, 62_446]);
        // A next line halves the misses of rows and throws out what columns come back for.
        let ahead = Model { prefetch: Prefetch::NextLine, ..Model::default() };
        assert_eq!(run("0,1", Model::default()), 31_250);
        assert_eq!(run("0,1", ahead), 15_625);
        assert!(run("1,0", ahead) > 200_000);
        let stride = Model { prefetch: Prefetch::Stride, ..Model::default() };
        // Two equal distances show after three lines.
        assert_eq!(run("0,1", stride), 3);
    }

    #[test]
    fn the_last_level_may_include_or_exclude_the_others() {
        let caches = || Geometry::parse_caches("l1=256:4:64,l2=512:8:64").unwrap();
        let geometry = Geometry::new(caches(), vec![], 4096, "test").unwrap();
        let array = Layout::contiguous(&[12, 8], 8, Order::C).unwrap();
        let nest = LoopNest::of_layouts(&[(&array, Role::Read)], &"0,1".parse().unwrap()).unwrap();
        let warm = |last, lines: usize| {
            let nest = LoopNest::new(
                vec![lines, 8],
                nest.operands().to_vec(),
                nest.buffers().to_vec(),
                &"0,1".parse().unwrap(),
            );
            let options = Options { model: Model { last, ..Model::default() }, ..Options::default() };
            simulate(&nest.unwrap(), &[0], &geometry, &options).unwrap().warm.levels[1].misses
        };
        // 12 lines: 4 + 8 places hold them only if none is held twice.
        assert_eq!(warm(LastLevel::NonInclusive, 12), 12);
        assert_eq!(warm(LastLevel::Exclusive, 12), 0);
        assert_eq!(warm(LastLevel::Inclusive, 8), 0);
        // A line that leaves the last level leaves the first: 0 is used all the time, so L2 never sees it again.
        let hot = Operand { steps: vec![0, 0], ..Operand::of_layout(&array, Role::Read, 0) };
        let cold = Operand { start: 64, steps: vec![64, 0], ..hot.clone() };
        let pair = LoopNest::new(vec![11, 1], vec![hot, cold], vec![768], &"0,1".parse().unwrap()).unwrap();
        let first = |last| {
            let options = Options { model: Model { last, ..Model::default() }, ..Options::default() };
            simulate(&pair, &[0], &geometry, &options).unwrap().cold.levels[0].misses
        };
        assert_eq!(first(LastLevel::NonInclusive), 12);
        assert_eq!(first(LastLevel::Inclusive), 13);
    }

    #[test]
    fn stores_that_do_not_allocate_go_on() {
        let array = Layout::contiguous(&[64, 8], 8, Order::C).unwrap();
        let nest = LoopNest::of_layouts(&[(&array, Role::Write)], &"0,1".parse().unwrap()).unwrap();
        let model = Model { writes: Writes::NoAllocate, ..Model::default() };
        let report = simulate(&nest, &[0], &zen3(), &Options { model, ..Options::default() }).unwrap();
        let misses: Vec<u64> = report.warm.levels.iter().map(|level| level.misses).collect();
        assert_eq!(misses, [512, 512, 512]);
        assert_eq!(report.policy, "lru, no write-allocate");
    }

    #[test]
    fn a_chase_misses_where_it_does_not_fit() {
        let chase = |nodes| Chase { nodes, pitch: 64, seed: 3 };
        let geometry = zen3();
        for engine in [Engine::Automatic, Engine::Plain] {
            let options = Options { engine, ..Options::default() };
            let report = simulate_chase(&chase(512), 1 << 20, &geometry, &options).unwrap();
            assert_eq!((report.cold.levels[0].misses, report.warm.levels[0].misses), (512, 0));
            let report = simulate_chase(&chase(4096), 1 << 20, &geometry, &options).unwrap();
            assert_eq!((report.cold.accesses, report.warm.levels[1].misses, report.cold.lines), (4096, 0, Some(4096)));
            assert_eq!(report.warm.levels[0].misses, 4096);
        }
    }

    /// Random nests of up to three operands with strides of both signs and 0, straddling elements, tiles.
    #[test]
    fn all_engines_count_the_same() {
        let mut rng = Rng::new(77);
        let small = Geometry::parse_caches("l1=1K:4:64,l2=6K:6:64").unwrap();
        let geometry = Geometry::new(small, Geometry::parse_tlbs("l1=4,l2=12:3").unwrap(), 256, "test").unwrap();
        for number in 0..std::env::var("STRIDEWISE_NESTS").ok().and_then(|n| n.parse().ok()).unwrap_or(3000) {
            let nest = random_nest(&mut rng);
            let bases: Vec<u64> = nest.buffers().iter().map(|_| (1 << 20) + rng.below(300)).collect();
            let classify = number % 4 == 0;
            let [plain, direct, automatic] = [Engine::Plain, Engine::Direct, Engine::Shortcut].map(|engine| {
                simulate(&nest, &bases, &geometry, &Options { engine, classify, ..Options::default() }).unwrap()
            });
            assert_eq!(plain, direct, "nest {number}: {nest:?} at {bases:?}");
            assert_eq!(plain, automatic, "nest {number}: {nest:?} at {bases:?}");
            // Every line is fetched once at least: what the first level misses first are the lines touched.
            let compulsory = plain.cold.levels[0].compulsory;
            assert!(compulsory.is_none() || compulsory == plain.cold.lines, "nest {number}: {nest:?} at {bases:?}");
        }
    }

    #[expect(clippy::print_stderr, reason = "how many were compared")]
    /// Walks of the kind that the shortcut is for, on caches small enough that many of them take it.
    #[test]
    fn the_shortcut_counts_what_every_access_counts() {
        let mut rng = Rng::new(9);
        let mut below = |n: u64| usize::try_from(rng.below(n)).unwrap();
        // A hundred thousand in release take half a minute.
        let all = std::env::var("STRIDEWISE_NESTS").ok().and_then(|n| n.parse().ok()).unwrap_or(4000);
        let mut taken = 0;
        for number in 0..all {
            let caches = ["l1=512:2:64,l2=2K:4:64", "l1=1K:4:64,l2=6K:6:64,l3=32K:8:64", "l1=256:1:64"][below(3)];
            let tlbs = Geometry::parse_tlbs(["l1=4,l2=12:3", "l1=8:2"][below(2)]).unwrap();
            let geometry =
                Geometry::new(Geometry::parse_caches(caches).unwrap(), tlbs, [128, 512][below(2)], "t").unwrap();
            let (rows, columns) = (2 + below(120), 2 + below(120));
            let item = [4, 8, 16][below(3)];
            let shape =
                if below(4) == 0 { vec![2 + below(20), rows.min(40), columns.min(30)] } else { vec![rows, columns] };
            let pad = [0, 0, 8, 64, 20, 3][below(6)];
            let mut steps = vec![0; shape.len()];
            let mut step = item;
            for axis in (0..shape.len()).rev() {
                steps[axis] = i64::try_from(step).unwrap();
                step = step * shape[axis] + if axis + 1 == shape.len() { pad } else { 0 };
            }
            let mut start = 0;
            for (axis, length) in shape.iter().enumerate() {
                if below(6) == 0 {
                    start += steps[axis] * i64::try_from(length - 1).unwrap();
                    steps[axis] = -steps[axis];
                }
            }
            let orders = LoopOrder::all(shape.len());
            let order = &orders[below(orders.len() as u64)];
            let operand = Operand { role: Role::Read, buffer: 0, itemsize: item, start, steps };
            let nest = LoopNest::new(shape, vec![operand], vec![step as u64 + 64], order).unwrap();
            let bases = [(1 << 20) + [0, 0, 8, 24, 3][below(5)]];
            let plain = Options { engine: Engine::Plain, ..Options::default() };
            let expected = simulate(&nest, &bases, &geometry, &plain).unwrap();
            let any = shortcut::Budget::ANY;
            taken += usize::from(shortcut::find(&nest, &bases, &geometry, any).iter().all(Option::is_some));
            let shortcut = Options { engine: Engine::Shortcut, ..Options::default() };
            let automatic = simulate(&nest, &bases, &geometry, &shortcut).unwrap();
            assert_eq!(automatic, expected, "{number}: {nest:?} at {bases:?} on {geometry:?}");
        }
        assert!(taken > all / 8, "{taken} of {all}");
        eprintln!("the shortcut took {taken} of {all} nests");
    }

    fn random_nest(rng: &mut Rng) -> LoopNest {
        let axes: Vec<usize> = (0..=rng.below(3)).map(|_| 1 + usize::try_from(rng.below(9)).unwrap()).collect();
        let operands: Vec<Operand> = (0..=rng.below(2))
            .map(|buffer| {
                let itemsize = [1, 4, 8, 16, 64][usize::try_from(rng.below(5)).unwrap()];
                let mut step = || if rng.below(5) == 0 { 0 } else { rng.below(401).cast_signed() - 200 };
                let steps: Vec<i64> = axes.iter().map(|_| step()).collect();
                let role = [Role::Read, Role::Write, Role::Update][usize::try_from(rng.below(3)).unwrap()];
                Operand { role, buffer: usize::try_from(buffer).unwrap(), itemsize, start: 8000, steps }
            })
            .collect();
        let mut order: Vec<usize> = (0..axes.len()).collect();
        rng.shuffle(&mut order);
        let order = LoopOrder::new(order).unwrap();
        let buffers = vec![16_400; operands.len()];
        let nest = LoopNest::new(axes.clone(), operands, buffers, &order).unwrap();
        let tile = 1 + usize::try_from(rng.below(4)).unwrap();
        let nest = if rng.coin() { nest.tiled(&[(0, tile)]).unwrap() } else { nest };
        if rng.coin() { nest.hoisting() } else { nest }
    }
}
