//! Set-associative caches and TLBs, exact and fast: demand misses of any nest on every machine.
//!
//! The model unless another [`Model`] is asked for: true LRU, write-back with write-allocate, levels neither inclusive
//! nor exclusive, one core, virtual addresses, no prefetch. An access is counted once per line it touches. These are no
//! hardware counts: see [`Report`] and the words that stand beside every figure.

mod cache;
mod chains;
mod cpus;
mod engine;
mod footprint;
mod geometry;
mod levels;
mod model;
mod place;
mod placed;
mod raw;
mod reference;
mod report;
mod shortcut;
mod state;
mod translations;
mod walker;
mod warp;

pub use cpus::{CPUS, Cpu};
pub use geometry::{Geometry, GeometryError, Level, TlbLevel};
pub use model::{LastLevel, Model, Prefetch, Replacement, Writes};
pub use place::apart;
pub use placed::{Caches, Placed, Served};
pub use report::{LevelCounts, Pass, Report, TlbCounts};
pub use translations::{Translations, Victims};

use crate::nest::{Chase, LoopNest};
use footprint::Footprint;

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

impl Options {
    /// Whether only the reference engine will do.
    fn is_plain(&self) -> bool {
        self.engine == Engine::Plain || self.model != Model::default()
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
    if options.is_plain() {
        let accesses = Accesses::Nest { nest, bases: addresses };
        let mut report = by_reference(&accesses, touches(nest, geometry.line()), geometry, options)?;
        let distinct = Footprint::of(nest, addresses, geometry.line()).distinct;
        (report.cold.lines, report.warm.lines) = (distinct, distinct);
        return Ok(report);
    }
    match place::together(nest, addresses, geometry) {
        Some(bases) => chains::nest::<u32>(nest, &bases, geometry, options),
        None => chains::nest::<u64>(nest, addresses, geometry, options),
    }
}

/// Replays a chase through a buffer at `address`: a node is one load of 8 bytes.
///
/// # Errors
/// As [`simulate`].
pub fn simulate_chase(chase: &Chase, address: u64, geometry: &Geometry, options: &Options) -> Result<Report, Error> {
    let visits = chase.visits();
    let touches = visits.len() as u64;
    let placed = place::one(address, chase.buffer_bytes(), geometry).filter(|_| !options.is_plain());
    let start = placed.unwrap_or(address);
    let at = |node: usize| start.wrapping_add(chase.offset(node));
    let visits: Vec<u64> = visits.into_iter().map(at).collect();
    let accesses = Accesses::Chase(&visits);
    let mut report = match placed {
        _ if options.is_plain() => by_reference(&accesses, touches, geometry, options)?,
        Some(_) => chains::chase::<u32>(&accesses, touches, geometry, options)?,
        None => chains::chase::<u64>(&accesses, touches, geometry, options)?,
    };
    let distinct = footprint::of_addresses(visits.iter().copied(), 8, geometry.line());
    (report.cold.lines, report.warm.lines) = (Some(distinct), Some(distinct));
    Ok(report)
}

/// Refuses what would take longer than the options allow.
fn within(touches: u64, options: &Options) -> Result<(), Error> {
    match options.most_touches {
        Some(limit) if touches > limit => Err(Error::TooLong { touches, limit }),
        _ => Ok(()),
    }
}

/// Every access by itself, for every model.
fn by_reference(
    accesses: &Accesses<'_>,
    touches: u64,
    geometry: &Geometry,
    options: &Options,
) -> Result<Report, Error> {
    within(touches, options)?;
    if options.model.replacement == Replacement::Plru
        && let Some(level) = geometry.levels.iter().find(|level| !level.ways.is_power_of_two() || level.ways > 32)
    {
        let text = format!("{}: ways {}: plru needs a power of two up to 32; use lru or fifo", level.name, level.ways);
        return Err(Error::Model(text));
    }
    let lru = options.model == Model::default();
    let most = |levels: usize| if lru { levels + 2 } else { 8 };
    let mut machine = reference::Reference::new(geometry, options.model, options.classify);
    let passes = [most(geometry.levels.len()), most(geometry.tlbs.len())];
    let [cold, warm] = repeat(passes, false, || machine.pass(accesses));
    Ok(Report { policy: options.model.to_string(), cold, warm })
}

/// The first pass, and one in which the caches and the TLBs, each for themselves, count what they counted in the pass
/// before; at most so many passes of each. `differ`: what is not in the counts differs in the first two passes.
fn repeat(most: [usize; 2], differ: bool, mut pass: impl FnMut() -> Pass) -> [Pass; 2] {
    let cold = pass();
    let (mut warm, mut before, mut settled) = (pass(), cold.clone(), [false; 2]);
    for number in 2.. {
        let may = number > 2 || !differ;
        settled[0] |= number >= most[0] || (may && cache_counts(&warm) == cache_counts(&before));
        settled[1] |= number >= most[1] || (may && warm.tlb == before.tlb);
        if settled == [true; 2] {
            break;
        }
        let mut next = pass();
        if settled[0] {
            next.levels.clone_from(&warm.levels);
        }
        if settled[1] {
            (next.tlb, next.page_walks) = (warm.tlb.clone(), warm.page_walks);
        }
        before = std::mem::replace(&mut warm, next);
    }
    [cold, warm]
}

/// What must be equal for passes over the caches to repeat.
fn cache_counts(pass: &Pass) -> Vec<[u64; 2]> {
    pass.levels.iter().map(|level| [level.misses, level.writebacks]).collect()
}

#[cfg(test)]
mod tests;
