//! How long a plan takes, before it is run: rough times per access by where the working set lies.
//!
//! The figures are middling ones of server CPUs of the 2020s; only `list` and the budget use them, never a result.

use super::{Case, Item, Level, Machine, SizeClass, priming_ns};
use crate::kernel::Walk;
use crate::memory::PagePolicy;

/// How a plan is paced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Placements (fresh arrays elsewhere) per item.
    pub placements: u32,
    /// Aim for the measured part of one placement, nanoseconds.
    pub placement_ns: u64,
    /// Least duration of a sample, nanoseconds.
    pub sample_ns: u64,
    /// Least number of rounds of a placement.
    pub least_rounds: u32,
    /// Untimed passes before a sample at most, where an item asks for as many: see [`Machine::priming`]. Closures, which have no item,
    /// make none.
    pub settling: u32,
}

impl Pace {
    /// How long a placement of `item` lasts, nanoseconds: samples of one case alone take a quarter, since they are divided
    /// by nothing.
    #[must_use]
    pub fn placement_of(&self, item: &Item) -> u64 {
        if item.baseline().is_some() { self.placement_ns } else { self.placement_ns / 4 }
    }

    /// Untimed passes at most before a sample of a member of `item` that follows one of the other.
    #[must_use]
    pub fn settling_of(&self, item: &Item, machine: &Machine) -> u32 {
        item.priming(machine).min(self.settling)
    }
}

/// Nanoseconds to map, touch and fill one byte.
const SET_UP_PER_BYTE: f64 = 0.9;
/// Nanoseconds of a placement whatever its size: mapping, calibration, reading the noise counts.
const SET_UP: f64 = 1_500_000.0;

/// Nanoseconds of a line from memory that follows its neighbour.
const STREAMED: f64 = 5.0;

/// Untimed passes after which a last cache has come to rest, mostly.
const SETTLED: f64 = 4.0;

/// Where a working set will be. Of a shared last cache a quarter is sure to be ours; those of hundreds of megabytes are taken
/// as they are named, since they are as far away as memory.
fn class_of(machine: &Machine, bytes: u64) -> SizeClass {
    let class = machine.size_class(bytes);
    let last = machine.caches.len().saturating_sub(1);
    let shared = last > 1 && machine.last() <= Level::HUGE_CACHE && class == SizeClass::Cache(last);
    if shared && bytes > machine.last() / 4 { SizeClass::Memory } else { class }
}

/// A pass of `case`, nanoseconds.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
pub fn pass_ns(case: &Case, machine: &Machine) -> f64 {
    let (Ok(walked), Ok(bytes)) = (case.walked(), case.footprint()) else { return 0.0 };
    let Some(nest) = walked.nest() else {
        return walked.steps() as f64 * latency(class_of(machine, bytes)) / case.options.chains as f64;
    };
    let operands = nest.operands().len() as f64;
    let item = nest.operands().first().map_or(8, |operand| operand.itemsize) as f64;
    let class = class_of(machine, bytes);
    // Contiguous: bytes per nanosecond.
    let rate = match class {
        SizeClass::Cache(0) => 60.0,
        SizeClass::Cache(1) => 45.0,
        SizeClass::Cache(_) => 30.0,
        SizeClass::Memory => 10.0,
    };
    let huge = case.options.pages == PagePolicy::Huge;
    // One line per access.
    let line: f64 = match class {
        SizeClass::Cache(0) => 0.3,
        SizeClass::Cache(1) => 0.8,
        SizeClass::Cache(_) if machine.last() > Level::HUGE_CACHE && bytes > 8 << 20 => {
            if huge {
                9.0
            } else {
                13.5
            }
        }
        SizeClass::Cache(_) => 2.0,
        SizeClass::Memory if huge => 7.0,
        SizeClass::Memory => 9.0,
    };
    let steps = nest.steps() as f64 * operands / f64::from(case.options.threads.max(1));
    let core = 0.13 * steps;
    let inner = nest.inner_steps().iter().map(|step| step.unsigned_abs()).max().unwrap_or(0) as f64;
    let memory = if case.options.walk != Walk::Line && inner <= item { steps * item / rate } else { 0.0 };
    // Lines beside each other are prefetched.
    let line = if inner <= 128.0 { line.min(STREAMED) } else { line };
    let strided = if memory > 0.0 { 0.0 } else { steps * line * (inner / 64.0).min(1.0) };
    core.max(memory).max(strided)
}

/// A dependent load, nanoseconds.
fn latency(class: SizeClass) -> f64 {
    match class {
        SizeClass::Cache(0) => 1.5,
        SizeClass::Cache(1) => 5.0,
        SizeClass::Cache(_) => 60.0,
        SizeClass::Memory => 180.0,
    }
}

/// Mapping, filling and calibrating one placement, nanoseconds.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
pub fn set_up_ns(item: &Item) -> f64 {
    SET_UP + item.footprint() as f64 * SET_UP_PER_BYTE
}

/// The shortest that one placement of an item can take: its least number of rounds.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn least_ns(item: &Item, machine: &Machine, pace: Pace) -> f64 {
    let sample = pace.sample_ns as f64;
    let contender = pass_ns(item.contender(), machine);
    let rounds = f64::from(pace.least_rounds);
    let Some(other) = item.baseline() else { return rounds * contender.max(sample) };
    let baseline = pass_ns(other, machine);
    let passes = (sample / baseline.min(contender).max(1.0)).ceil().max(1.0);
    // Two samples of each, and where the arrays are not far beyond the caches untimed passes before each first one of a member:
    // two or three times in a round.
    // They end where they take no less time: a few, and a dozen and more if the other walk took long.
    let most = f64::from(pace.settling_of(item, machine)).min(SETTLED);
    let primed = |pass: f64, other: f64| 1.25 * (priming_ns(pass, other) / pass.max(1.0)).ceil().min(most);
    let member = |pass: f64, other: f64| pass * (2.0 * passes + primed(pass, other));
    rounds * (member(baseline, contender) + member(contender, baseline))
}

/// What a plan takes, nanoseconds.
#[must_use]
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an estimate")]
pub fn estimate_ns(items: &[Item], machine: &Machine, pace: Pace) -> u64 {
    let one = |item: &Item| set_up_ns(item) + least_ns(item, machine, pace).max(pace.placement_of(item) as f64);
    (items.iter().filter(|item| item.skipped().is_none()).map(one).sum::<f64>() * f64::from(pace.placements)) as u64
}

/// The placement length with which a plan takes `budget_ns`: between 10 ms and `most_ns`.
#[must_use]
pub fn fit_placement(items: &[Item], machine: &Machine, pace: Pace, budget_ns: u64, most_ns: u64) -> u64 {
    let (mut low, mut high) = (10_000_000, most_ns.max(10_000_000));
    // The estimate grows with the length: bisect to a millisecond.
    while high - low > 1_000_000 {
        let middle = low + (high - low) / 2;
        let fits = estimate_ns(items, machine, Pace { placement_ns: middle, ..pace }) <= budget_ns;
        if fits { low = middle } else { high = middle }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::items;

    #[test]
    fn the_placement_fills_the_budget() {
        let of = |caches: &[u64]| Machine { caches: caches.to_vec(), memory: None, huge_pages: true, cpus: 2 };
        let machines = [of(&[48 << 10, 1 << 20, 32 << 20]), of(&[48 << 10, 2 << 20, 480 << 20])];
        // The whole of a suite follows the last cache, whatever its size.
        let promised = |level: Level, machine: &Machine| level != Level::Full || machine.last() < 100 << 20;
        let each = Level::ALL.into_iter().flat_map(|level| machines.iter().map(move |machine| (level, machine)));
        for (level, machine) in each.filter(|(level, machine)| promised(*level, machine)) {
            let items = items(level, machine);
            let pace = level.pace();
            let placement_ns = fit_placement(&items, machine, pace, level.budget_ns(), pace.placement_ns);
            let estimate = estimate_ns(&items, machine, Pace { placement_ns, ..pace });
            assert!(
                estimate <= level.budget_ns(),
                "{level:?}: {estimate} ns of {}, {} items",
                level.budget_ns(),
                items.len()
            );
            // The shortest has its least rounds and little more.
            let least = match level {
                Level::Quick => 10_000_000,
                Level::Standard => 18_000_000,
                Level::Full => 20_000_000,
            };
            assert!(placement_ns >= least, "{level:?}: {placement_ns}, {} items", items.len());
        }
    }
}
