//! Runs of one side added up as they are read. Sums are of whole numbers on a fine grid: exact, so that neither the order
//! of files nor the number of threads shows in any figure; and ten thousand runs take no more memory than one.

use super::run::{Cell, Estimate, Run};
use crate::host::MachineClass;
use crate::suite::SizeClass;
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

/// Steps of the grid per unit, of logarithms and of nanoseconds: 1e-12, far below what is printed. Logarithms of 64 bit
/// times are below 2^6, so that squares of 10^5 runs stay below 2^109.
const GRID: f64 = (1_u64 << 40) as f64;
/// Steps per unit of variances, which are small.
const FINE: f64 = (1_u64 << 60) as f64;

/// On the grid.
#[expect(clippy::cast_possible_truncation, reason = "what is summed is far below 2^127 / GRID")]
fn exact(value: f64, grid: f64) -> i128 {
    (value * grid).round() as i128
}

#[expect(clippy::cast_precision_loss, reason = "back from the grid")]
fn inexact(sum: i128, grid: f64) -> f64 {
    sum as f64 / grid
}

/// What is kept of one quantity of one case: enough for its mean, the spread of runs, and the spread inside them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    sum: i128,
    squares: i128,
    within: i128,
    freedom: u64,
}

/// Mean, mean variance inside runs, sum of squares around the mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Moments {
    pub(super) mean: f64,
    pub(super) within: f64,
    pub(super) squares: f64,
    /// Degrees of freedom of the variance inside runs, all runs together.
    pub(super) freedom: f64,
}

impl Sum {
    fn add(&mut self, one: Estimate, without: f64) {
        let value = exact(one.log, GRID);
        self.sum += value;
        self.squares += value * value;
        // A single placement tells nothing of its variance; that of a run holds it.
        self.within += exact(one.variance.unwrap_or(without), FINE);
        self.freedom += u64::from(one.freedom);
    }

    fn merge(&mut self, other: &Self) {
        self.sum += other.sum;
        self.squares += other.squares;
        self.within += other.within;
        self.freedom += other.freedom;
    }

    #[expect(clippy::cast_precision_loss, reason = "runs are few, and the difference is small")]
    pub(super) fn moments(&self, runs: usize) -> Moments {
        let n = runs as i128;
        let around = inexact(n * self.squares - self.sum * self.sum, GRID * GRID);
        let runs = runs as f64;
        let (mean, within) = (inexact(self.sum, GRID) / runs, inexact(self.within, FINE) / runs);
        Moments { mean, within, squares: around / runs, freedom: self.freedom as f64 }
    }
}

/// One case over the runs of a side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Runs {
    pub(super) runs: usize,
    pub(super) penalty: Sum,
    pub(super) contender: Sum,
    nanos: i128,
}

impl Runs {
    fn add(&mut self, cell: &Cell) {
        self.runs += 1;
        self.penalty.add(cell.penalty, crate::stats::RUN_TO_RUN_RATIO.powi(2));
        self.contender.add(cell.contender, crate::stats::RUN_TO_RUN_NANOS.powi(2));
        self.nanos += exact(cell.nanos, GRID);
    }

    fn merge(&mut self, other: &Self) {
        self.runs += other.runs;
        self.penalty.merge(&other.penalty);
        self.contender.merge(&other.contender);
        self.nanos += other.nanos;
    }

    /// Mean nanoseconds per step of the contender.
    #[expect(clippy::cast_precision_loss, reason = "runs are few")]
    pub(super) fn nanos(&self) -> f64 {
        inexact(self.nanos, GRID) / self.runs as f64
    }
}

/// One case: runs whose null control was calm, and the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Case {
    /// Where its arrays lie; every run of a class of machine says the same.
    pub(super) class: Option<SizeClass>,
    pub(super) calm: Runs,
    pub(super) noisy: Runs,
}

/// A class of machine, as its earliest run names it.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    created: String,
    /// The earliest run.
    pub run_id: String,
    /// The CPU's name, safe to show.
    pub cpu: String,
    /// What the class is made of.
    pub machine: MachineClass,
}

impl Named {
    fn key(&self) -> (&str, &str) {
        (&self.created, &self.run_id)
    }
}

/// The runs of one side.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    /// Runs that were added.
    pub runs: usize,
    /// Runs of debug builds.
    pub debug: usize,
    /// Runs that were cut off.
    pub cut: usize,
    /// Classes of machine by id.
    pub classes: BTreeMap<String, Named>,
    /// Hashes of their plans.
    pub plans: BTreeSet<String>,
    pub(super) cases: FxHashMap<String, Case>,
}

impl Tally {
    /// Of runs at hand.
    #[must_use]
    pub fn of(runs: &[Run]) -> Self {
        let mut tally = Self::default();
        runs.iter().for_each(|run| tally.add(run));
        tally
    }

    /// Adds a run.
    pub fn add(&mut self, run: &Run) {
        self.runs += 1;
        self.debug += usize::from(run.debug);
        self.cut += usize::from(!run.whole);
        if !self.plans.contains(&run.plan) {
            self.plans.insert(run.plan.clone());
        }
        let earlier = self.classes.get(&run.class_id).is_none_or(|named| (&*run.created, &*run.run_id) < named.key());
        if earlier {
            let named = Named {
                created: run.created.clone(),
                run_id: run.run_id.clone(),
                cpu: run.cpu.clone(),
                machine: run.machine.clone(),
            };
            self.classes.insert(run.class_id.clone(), named);
        }
        for (id, cell) in &run.cells {
            if !self.cases.contains_key(id) {
                self.cases.insert(id.clone(), Case::default());
            }
            if let Some(case) = self.cases.get_mut(id) {
                case.class = case.class.max(Some(cell.class));
                if cell.noisy { case.noisy.add(cell) } else { case.calm.add(cell) }
            }
        }
    }

    /// Adds what another thread has added up.
    #[must_use]
    pub fn merged(mut self, other: Self) -> Self {
        self.runs += other.runs;
        self.debug += other.debug;
        self.cut += other.cut;
        self.plans.extend(other.plans);
        for (id, named) in other.classes {
            match self.classes.get(&id) {
                Some(known) if known.key() <= named.key() => {}
                _ => drop(self.classes.insert(id, named)),
            }
        }
        for (id, case) in other.cases {
            let mine = self.cases.entry(id).or_default();
            mine.class = mine.class.max(case.class);
            mine.calm.merge(&case.calm);
            mine.noisy.merge(&case.noisy);
        }
        self
    }

    /// Ids of the cases.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.cases.keys().map(String::as_str)
    }
}

/// Two different bundles under one identity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("conflicting bundles: run {run_id} is there twice with different content")]
pub struct Conflict {
    /// The run.
    pub run_id: String,
}

/// Which bundles were seen: each counts once, whoever reads it.
#[derive(Debug, Default)]
pub struct Identities(Mutex<FxHashMap<String, String>>);

impl Identities {
    /// Whether the run is new.
    ///
    /// # Errors
    /// [`Conflict`] if another run has its bundle's identity, or its name on its class, and differs.
    pub fn claim(&self, run: &Run) -> Result<bool, Conflict> {
        // What a thread that panicked has left behind is whole: each name goes in at once.
        let mut seen = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut new = true;
        for name in [run.bundle_id.clone(), format!("{}/{}", run.class_id, run.run_id)] {
            match seen.get(&name) {
                Some(digest) if *digest != run.digest => return Err(Conflict { run_id: run.run_id.clone() }),
                Some(_) => new = false,
                None => drop(seen.insert(name, run.digest.clone())),
            }
        }
        Ok(new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Rng;

    #[test]
    fn sums_do_not_depend_on_the_order_and_moments_are_those_of_floats() {
        let mut rng = Rng::new(5);
        let values: Vec<f64> = (0..1000).map(|_| 3.0 + rng.unit()).collect();
        let sum = |values: &[f64]| {
            let mut sum = Sum::default();
            values.iter().for_each(|&log| sum.add(Estimate { log, variance: Some(log * 1e-6), freedom: 5 }, 0.0));
            sum
        };
        let (mut backwards, half) = (values.clone(), values.split_at(300));
        backwards.reverse();
        let mut halves = sum(half.1);
        halves.merge(&sum(half.0));
        assert_eq!(sum(&values), sum(&backwards));
        assert_eq!(sum(&values), halves);
        let mean = values.iter().sum::<f64>() / 1000.0;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let moments = sum(&values).moments(1000);
        assert!((moments.mean - mean).abs() < 1e-11 && (moments.squares - squares).abs() < 1e-8, "{moments:?}");
        assert!((moments.within - mean * 1e-6).abs() < 1e-12);
        assert!(sum(&[2.5; 3]).moments(3).squares.abs() < 1e-12);
    }
}
