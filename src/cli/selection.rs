//! The selection flags of `run` and `list`: which cases, on what, for how long.

use super::array::{ArrayArgs, Given};
use super::exit::Failure;
use crate::kernel::{Kernel, Walk};
use crate::measure::Values;
use crate::memory::PagePolicy;
use crate::nest::LoopOrder;
use crate::suite::{self, Case, FAMILIES, Filter, Item, Level, Machine, Pace};
use crate::units::{bytes_long, several};
use clap::Args;
use std::time::Duration;

/// Which cases.
#[derive(Args, Clone, Debug)]
pub(super) struct Selection {
    /// quick (about a minute), standard (five) or full (half an hour) [default: standard]
    #[arg(long, value_name = "NAME", conflicts_with_all = ["shape", "npy"])]
    suite: Option<Level>,
    /// Only cases of this family; may be repeated
    #[arg(long, value_name = "NAME")]
    family: Vec<String>,
    /// Only cases whose id matches; see `stridewise list`
    #[arg(long, value_name = "REGEX")]
    filter: Option<String>,
    #[command(flatten)]
    array: ArrayArgs,
    /// Loop order of a case of one's own, outermost first; may be repeated [default: all but the baseline]
    #[arg(long = "loop", value_name = "ORDER")]
    loops: Vec<LoopOrder>,
    /// Kernel of a case of one's own: sum fill scale copy triad [default: sum]
    #[arg(long, value_name = "NAME")]
    kernel: Option<Kernel>,
    /// Walk of a case of one's own: element or line [default: element]
    #[arg(long, value_name = "WALK")]
    walk: Option<Walk>,
    /// Bytes added behind every run of the fastest axis
    #[arg(long, value_name = "BYTES")]
    pad: Option<u64>,
    /// Tile edge of all loops of a case of one's own
    #[arg(long, value_name = "N")]
    tile: Option<usize>,
    /// Worker threads, each on a CPU of its own; several counts separated by commas
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    threads: Vec<u32>,
    /// Page policies: base, huge or both
    #[arg(long, value_name = "POLICY,…", value_delimiter = ',')]
    pages: Vec<PagePolicy>,
    /// Time the whole run may take, such as 60s or 5m [default: the suite's]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    budget: Option<Duration>,
}

/// What will be measured, and how it is paced.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    pub(super) suite: String,
    pub(super) items: Vec<Item>,
    pub(super) pace: Pace,
    /// What that takes, nanoseconds.
    pub(super) estimate_ns: u64,
    /// Why the budget will not be kept, or what the suite's time leaves out.
    pub(super) warning: Option<String>,
}

impl Selection {
    /// The same, of another file, and of every family and id if `all`.
    pub(super) fn instead(self, npy: Option<std::path::PathBuf>, all: bool) -> Self {
        let Self { array, filter, family, .. } = self;
        let (filter, family) = if all { (None, Vec::new()) } else { (filter, family) };
        Self { array: ArrayArgs { npy, ..array }, filter, family, ..self }
    }

    /// The file that the arrays hold the values of.
    pub(super) fn npy(&self) -> Option<&std::path::Path> {
        self.array.npy.as_deref()
    }

    /// The plan on this machine.
    pub(super) fn plan(&self, machine: &Machine) -> Result<Planned, Failure> {
        let custom = self.custom(machine)?;
        let level = self.suite.unwrap_or(Level::Standard);
        let own = custom.is_some();
        let suite = if own { "custom".to_owned() } else { level.name().to_owned() };
        let mut items = custom.unwrap_or_else(|| self.varied(suite::items(level, machine), machine));
        self.keep(&mut items)?;
        let base = if own { Pace { placement_ns: 1_500_000_000, ..Level::Standard.pace() } } else { level.pace() };
        let asked = self.budget.map(|budget| u64::try_from(budget.as_nanos()).unwrap_or(u64::MAX));
        // Simulating, counting and drawing take a little too.
        let usable = asked.map_or(level.budget_ns(), |budget| budget - budget / 10);
        let most = if asked.is_some() { 20_000_000_000 } else { base.placement_ns };
        let placement_ns = suite::fit_placement(&items, machine, base, usable, most);
        let pace = Pace { placement_ns, ..base };
        let estimate_ns = suite::estimate_ns(&items, machine, pace);
        let late = asked.filter(|&budget| estimate_ns > budget + budget / 4).map(|budget| {
            let seconds = |ns: u64| ns.div_ceil(1_000_000_000);
            format!(
                "--budget {} s: these {} cases take {} s at least; --filter or --suite quick makes them fewer",
                seconds(budget),
                items.len(),
                seconds(estimate_ns)
            )
        });
        let [last, follows] = [machine.last(), level.follows(machine.last())];
        let capped = (!own && follows < last).then(|| {
            let beyond = items.iter().any(|item| item.contender().footprint().is_ok_and(|bytes| bytes > 4 * follows));
            let but = if beyond { ", but for a few squares" } else { "" };
            let [last, most, beyond] = [last, 4 * follows, 4 * last].map(bytes_long);
            format!(
                "the last cache is named as {last}: the {level} suite stays at {most} to keep its time{but}; --suite \
                 full goes to {beyond}"
            )
        });
        let warning = late.or(capped);
        Ok(Planned { suite, items, pace, estimate_ns, warning })
    }

    /// `--family` and `--filter`.
    fn keep(&self, items: &mut Vec<Item>) -> Result<(), Failure> {
        for name in &self.family {
            if !FAMILIES.iter().any(|family| family.name == name) {
                let known: Vec<&str> = FAMILIES.iter().map(|family| family.name).collect();
                return Err(Failure::usage(format!("--family: {}", crate::units::unknown("family", name, &known))));
            }
        }
        if !self.family.is_empty() {
            items.retain(|item| self.family.contains(&item.contender().family));
        }
        if let Some(pattern) = &self.filter {
            let filter: Filter =
                pattern.parse().map_err(|error| Failure::usage(format!("--filter {pattern:?}: {error}")))?;
            items.retain(|item| filter.keeps(item));
        }
        if items.is_empty() && self.family.iter().all(|name| name == "npy") && !self.family.is_empty() {
            return Err(Failure::usage("--family npy: needs a file; give one with --npy FILE"));
        }
        if items.is_empty() {
            let flag = self.filter.as_ref().map_or_else(|| "--family".to_owned(), |f| format!("--filter {f:?}"));
            return Err(Failure::usage(format!("{flag}: matches no case; stridewise list shows their ids")));
        }
        Ok(())
    }

    /// What `--npy` has the arrays hold.
    pub(super) fn values(&self) -> Result<Option<Values>, Failure> {
        self.array.npy.as_deref().map(|path| super::array::open(path).map(Values::new)).transpose()
    }

    /// `--threads` and `--pages` on a suite: the cases once per value; the plain ones stay only if asked for.
    fn varied(&self, items: Vec<Item>, machine: &Machine) -> Vec<Item> {
        if self.threads.is_empty() && self.pages.is_empty() {
            return items;
        }
        let threads = if self.threads.is_empty() { vec![1] } else { self.threads.clone() };
        let pages = if self.pages.is_empty() { vec![PagePolicy::Base] } else { self.pages.clone() };
        let mut seen = std::collections::HashSet::new();
        let mut out = Vec::new();
        for item in items {
            for &threads in &threads {
                for &pages in &pages {
                    let change = |case: &Case| {
                        case.clone().with(|options| {
                            options.threads = threads;
                            options.pages = pages;
                        })
                    };
                    let item = match &item {
                        Item::Pair { baseline, contender } => {
                            Item::Pair { baseline: change(baseline), contender: change(contender) }
                        }
                        Item::Null { case } => Item::Null { case: change(case) },
                        Item::Solo { case } => Item::Solo { case: change(case) },
                        Item::Skip { case, .. } => Item::of(change(case)),
                    };
                    let item = item.checked(machine);
                    if seen.insert(item.id()) {
                        out.push(item);
                    }
                }
            }
        }
        out
    }

    /// Flags that say more about an array need one.
    fn nothing_of_ones_own(&self) -> Result<Option<Vec<Item>>, Failure> {
        let flags = [
            ("--loop", !self.loops.is_empty()),
            ("--kernel", self.kernel.is_some()),
            ("--walk", self.walk.is_some()),
            ("--pad", self.pad.is_some()),
            ("--tile", self.tile.is_some()),
            ("--dtype", self.array.dtype.is_some()),
            ("--order", self.array.order.is_some()),
        ];
        match flags.into_iter().find(|(_, given)| *given) {
            Some((flag, _)) => {
                Err(Failure::usage(format!("{flag}: belongs to an array; give one with --shape or --npy")))
            }
            None => Ok(None),
        }
    }

    /// Cases of one's own with their controls; `None` without `--shape`.
    fn custom(&self, machine: &Machine) -> Result<Option<Vec<Item>>, Failure> {
        let Some(Given { shape, dtype, order, flag }) = self.array.given()? else { return self.nothing_of_ones_own() };
        let kernel = self.kernel.unwrap_or(Kernel::Sum);
        let walk = self.walk.unwrap_or(Walk::Element);
        let family = if flag == "--npy" { "npy" } else { "order" };
        let plain = Case::new(kernel, dtype, &shape, order, LoopOrder::identity(shape.len())).in_family(family);
        let wrong = |case: &Case| case.nest().err().map(|error| Failure::usage(format!("{flag}: {error}")));
        if let Some(failure) = wrong(&plain) {
            return Err(failure);
        }
        let loops = if self.loops.is_empty() { default_loops(&plain) } else { self.loops.clone() };
        let (threads, pages) = (non_empty(&self.threads, 1), non_empty(&self.pages, PagePolicy::Base));
        let mut items = Vec::new();
        for loops in loops {
            if loops.axes().len() != shape.len() {
                let axes = shape.len();
                return Err(Failure::usage(format!(
                    "--loop {loops}: expected the {axes} axes of the array in some order"
                )));
            }
            for &threads in &threads {
                for &pages in &pages {
                    let case = Case { loops: loops.clone(), ..plain.clone() }.with(|options| {
                        options.walk = walk;
                        options.pad = self.pad.unwrap_or(0);
                        options.tile = self.tile.unwrap_or(0).into();
                        options.threads = threads;
                        options.pages = pages;
                    });
                    if let Some(failure) = wrong(&case) {
                        return Err(failure);
                    }
                    let item = Item::of(case);
                    check_memory(&item, machine)?;
                    items.push(item);
                }
            }
        }
        Ok(Some(suite::custom(items, machine)))
    }
}

fn non_empty<T: Clone>(given: &[T], otherwise: T) -> Vec<T> {
    if given.is_empty() { vec![otherwise] } else { given.to_vec() }
}

/// All orders but the baseline up to three axes, beyond them the reversed one; a 1-D array has only its baseline.
fn default_loops(case: &Case) -> Vec<LoopOrder> {
    let baseline = case.baseline().loops;
    if case.shape.len() > 3 {
        let reversed = baseline.axes().iter().rev().copied().collect();
        return LoopOrder::new(reversed).into_iter().collect();
    }
    let all = LoopOrder::all(case.shape.len());
    let others: Vec<LoopOrder> = all.into_iter().filter(|loops| *loops != baseline).collect();
    if others.is_empty() { vec![baseline] } else { others }
}

fn check_memory(item: &Item, machine: &Machine) -> Result<(), Failure> {
    let (bytes, case) = (item.footprint(), item.contender());
    let Some(memory) = machine.memory.filter(|memory| bytes > memory - memory / 8) else { return Ok(()) };
    let long = crate::units::bytes_long;
    let arrays = several(case.kernel.roles().len(), "array");
    Err(Failure::usage(format!(
        "--shape {}: {} with {arrays} is beyond the {} of memory that may be used; up to {} fits",
        case.shape_text(),
        long(bytes),
        long(memory),
        long(memory - memory / 8)
    )))
}
