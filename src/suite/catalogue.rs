//! Which cases a suite has: every family is one function and one line in [`FAMILIES`].

use super::{Case, Item, Machine, Pace};
use crate::kernel::{Kernel, Walk};
use crate::layout::{DType, Order};
use crate::memory::PagePolicy;
use crate::nest::LoopOrder;
use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

/// How much of the catalogue is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// At most a minute on two cores.
    Quick,
    /// At most five minutes.
    Standard,
    /// At most half an hour.
    Full,
}

impl Level {
    /// Every level, shortest first.
    pub const ALL: [Self; 3] = [Self::Quick, Self::Standard, Self::Full];

    /// The name of the suite.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Standard => "standard",
            Self::Full => "full",
        }
    }

    /// What the suite may take, nanoseconds: the promise less what simulation, counting and charts take.
    #[must_use]
    pub const fn budget_ns(self) -> u64 {
        match self {
            Self::Quick => 48_000_000_000,
            Self::Standard => 265_000_000_000,
            Self::Full => 1_620_000_000_000,
        }
    }

    /// How its items are paced; the placement length is the longest one.
    #[must_use]
    pub const fn pace(self) -> Pace {
        let (placements, placement_ns) = match self {
            Self::Quick => (3, 400_000_000),
            Self::Standard => (6, 600_000_000),
            Self::Full => (6, 600_000_000),
        };
        Pace { placements, placement_ns, sample_ns: 1_000_000, least_rounds: 4 }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Level {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|level| level.name() == text);
        found.ok_or_else(|| format!("unknown suite {text:?}: expected quick, standard or full"))
    }
}

/// A group of cases that answer one question.
#[derive(Clone, Copy)]
pub struct Family {
    /// Its name, the first part of its ids.
    pub name: &'static str,
    /// The question, in one line.
    pub asks: &'static str,
    items: fn(Level, &Machine) -> Vec<Item>,
}

impl fmt::Debug for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Every family. The controls come first: the others are read beside them.
pub const FAMILIES: &[Family] = &[
    Family { name: "floor", asks: "what a step costs when the data are in the first cache", items: floor },
    Family { name: "roof", asks: "how fast contiguous vectors read, per cache level", items: roof },
    Family { name: "null", asks: "how far two equal cases seem to differ here", items: null },
    Family {
        name: "order",
        asks: "what a loop order costs against the one with the smallest stride innermost",
        items: order,
    },
];

/// The plan of a suite: what fits into memory, every id once, in the order of the families.
#[must_use]
pub fn items(level: Level, machine: &Machine) -> Vec<Item> {
    let all = FAMILIES.iter().flat_map(|family| (family.items)(level, machine)).collect();
    tidy(all, machine)
}

/// A plan for cases of one's own: each with its controls.
#[must_use]
pub fn custom(cases: Vec<Item>, machine: &Machine) -> Vec<Item> {
    let mut controls = Vec::new();
    for item in &cases {
        let case = item.contender();
        let null = Item::Null { case: case.baseline().in_family("null").with(|options| options.walk = Walk::Element) };
        let class = |item: &Item| machine.size_class(item.contender().footprint().unwrap_or(0));
        let known = controls.iter().any(|control: &Item| class(control) == class(&null));
        if !known && !matches!(item, Item::Solo { .. }) {
            controls.push(null);
        }
    }
    controls.into_iter().chain(cases).collect()
}

/// Drops what does not fit into memory or cannot be walked, and repetitions.
fn tidy(items: Vec<Item>, machine: &Machine) -> Vec<Item> {
    let mut seen = HashSet::new();
    let fits = |item: &Item| {
        let case = item.contender();
        case.footprint().is_ok_and(|bytes| machine.fits(bytes)) && case.nest().is_ok()
    };
    items.into_iter().filter(fits).filter(|item| seen.insert(item.id())).collect()
}

fn orders(text: &str) -> LoopOrder {
    text.parse().unwrap_or_else(|_| LoopOrder::identity(2))
}

/// A 2-D case whose loop order is against its storage: columns of C, rows of F.
fn against(kernel: Kernel, dtype: DType, shape: [usize; 2], order: Order) -> Case {
    let loops = if order == Order::C { "1,0" } else { "0,1" };
    Case::new(kernel, dtype, &shape, order, orders(loops))
}

fn sum_columns(rows: usize, columns: usize) -> Case {
    against(Kernel::Sum, DType::F8, [rows, columns], Order::C)
}

/// Powers of two whose square of `f8` runs from the first cache to four times the last.
fn sides(machine: &Machine) -> Vec<usize> {
    let bytes = |side: usize| (side * side * 8) as u64;
    let fits = |side: &usize| bytes(*side) <= 4 * machine.last().max(8 << 20) && machine.fits(bytes(*side));
    (5..14).map(|power| 1_usize << power).filter(|&side| bytes(side) * 2 > machine.first()).filter(fits).collect()
}

fn floor(_: Level, machine: &Machine) -> Vec<Item> {
    // Half of the first cache, so that nothing else drives it out.
    let elements = usize::try_from(machine.first() / 2 / 8).unwrap_or(2048);
    let side = 1 << (elements.max(64).ilog2() / 2);
    let element = sum_columns(side, side).baseline().in_family("floor");
    let line = Case { shape: vec![(side / 4).max(2), side * 4], ..element.clone() }.with(|o| o.walk = Walk::Line);
    vec![Item::Solo { case: element }, Item::Solo { case: line }]
}

fn roof(level: Level, machine: &Machine) -> Vec<Item> {
    let mut bytes: Vec<u64> = machine.caches.iter().map(|cache| cache / 2).collect();
    // Of a shared last cache a quarter is sure to be ours.
    if let Some(last) = bytes.last_mut().filter(|_| machine.caches.len() > 2) {
        *last /= 2;
    }
    bytes.push(4 * machine.last());
    let kernels: &[Kernel] =
        if level == Level::Quick { &[Kernel::Sum] } else { &[Kernel::Sum, Kernel::Fill, Kernel::Copy] };
    let case = |kernel: Kernel, bytes: u64| {
        let lines = usize::try_from(bytes / 64 / kernel.roles().len() as u64).unwrap_or(1);
        let case = Case::new(kernel, DType::F8, &[lines.max(1) * 8], Order::C, LoopOrder::identity(1));
        Item::Solo { case: case.in_family("roof").with(|options| options.walk = Walk::Stream) }
    };
    kernels.iter().flat_map(|&kernel| bytes.iter().map(move |&bytes| case(kernel, bytes))).collect()
}

/// One pair of equal cases in every size class that the suite has.
fn null(_: Level, machine: &Machine) -> Vec<Item> {
    let mut classes = HashSet::new();
    let first_of_class =
        |side: &usize| classes.insert(machine.size_class(sum_columns(*side, *side).footprint().unwrap_or(0)));
    let sides: Vec<usize> = sides(machine).into_iter().filter(first_of_class).collect();
    sides.into_iter().map(|side| Item::Null { case: sum_columns(side, side).baseline().in_family("null") }).collect()
}

fn order(level: Level, machine: &Machine) -> Vec<Item> {
    let sides = sides(machine);
    let (Some(&largest), Some(&middle)) = (sides.last(), sides.get(sides.len() / 2)) else { return Vec::new() };
    let mut cases: Vec<Case> = sides.iter().map(|&side| sum_columns(side, side)).collect();
    cases.extend(sides.iter().filter_map(|&side| line_columns(side)));
    cases.extend(extremes(largest, middle, machine));
    let some = [Kernel::Fill, Kernel::Scale, Kernel::Copy, Kernel::Triad];
    cases.extend(some.map(|kernel| against(kernel, DType::F8, [middle * 2; 2], Order::C)));
    cases.extend([DType::U1, DType::F4].map(|dtype| against(Kernel::Sum, dtype, [middle * 2; 2], Order::C)));
    cases.push(Case::new(Kernel::Sum, DType::F8, &[128; 3], Order::C, orders("2,1,0")));
    cases.extend([(64, 4096), (4096, 64), (256, 1024), (1024, 256)].map(|(rows, columns)| sum_columns(rows, columns)));
    if level >= Level::Standard {
        cases.extend(neighbours(&sides, level));
        cases.extend(grid(machine, level));
        cases.extend(cubes(level));
        cases.extend(kernels_and_dtypes(&sides, level));
    }
    cases.into_iter().map(Item::against_baseline).collect()
}

/// The line walk over as many lines per axis as keep the bytes of a square of `side`.
fn line_columns(side: usize) -> Option<Case> {
    // R x 8R elements are R x R lines: the nearest power of two below side² / 8.
    let lines = 1 << ((side * side / 8).checked_ilog2()? / 2);
    (lines >= 8).then(|| sum_columns(lines, lines * 8).with(|options| options.walk = Walk::Line))
}

/// What changes the answer at the largest size: order, pages, padding, one element more or less.
fn extremes(largest: usize, middle: usize, machine: &Machine) -> Vec<Case> {
    let mut cases = vec![
        against(Kernel::Sum, DType::F8, [largest; 2], Order::F),
        against(Kernel::Sum, DType::F8, [middle; 2], Order::F),
    ];
    for side in [middle * 2, largest] {
        cases.push(sum_columns(side, side).with(|options| options.pad = 64));
    }
    cases.push(sum_columns(middle * 2 - 1, middle * 2 - 1));
    cases.push(sum_columns(middle * 2 + 1, middle * 2 + 1));
    if machine.huge_pages {
        let huge = |case: Case| case.with(|options| options.pages = PagePolicy::Huge);
        cases.push(huge(sum_columns(largest, largest)));
        cases.extend(line_columns(largest).map(huge));
    }
    cases
}

/// Squares one off a power of two, padded, and in F order.
fn neighbours(sides: &[usize], level: Level) -> Vec<Case> {
    let mut cases = Vec::new();
    for &side in sides.iter().skip(usize::from(level == Level::Standard)) {
        cases.push(sum_columns(side - 1, side - 1));
        cases.push(sum_columns(side + 1, side + 1));
        cases.push(sum_columns(side, side).with(|options| options.pad = 64));
        if level == Level::Full {
            cases.push(against(Kernel::Sum, DType::F8, [side; 2], Order::F));
            cases.extend(line_columns(side).map(|case| case.with(|options| options.pad = 64)));
        }
    }
    cases
}

/// Tall and wide arrays: the heatmap.
fn grid(machine: &Machine, level: Level) -> Vec<Case> {
    let lengths: &[usize] =
        if level == Level::Full { &[16, 64, 256, 1000, 1024, 4096, 16_384] } else { &[64, 256, 1024, 4096] };
    let limit = 4 * machine.last();
    let pairs = lengths.iter().flat_map(|&rows| lengths.iter().map(move |&columns| (rows, columns)));
    pairs.filter(|(rows, columns)| (rows * columns * 8) as u64 <= limit).map(|(r, c)| sum_columns(r, c)).collect()
}

/// Loop orders of three dimensions; 0,1,2 is the baseline of C, and 2,1,0 of F.
fn cubes(level: Level) -> Vec<Case> {
    let loops: &[&str] = if level == Level::Full {
        &["0,2,1", "1,0,2", "1,2,0", "2,0,1", "2,1,0"]
    } else {
        &["0,2,1", "1,0,2", "1,2,0"]
    };
    let shapes: &[[usize; 3]] = if level == Level::Full { &[[64; 3], [128; 3], [256; 3]] } else { &[[128; 3]] };
    let cases = shapes.iter().flat_map(|shape| loops.iter().map(move |loops| (shape, loops)));
    let mut cases: Vec<Case> =
        cases.map(|(shape, loops)| Case::new(Kernel::Sum, DType::F8, shape, Order::C, orders(loops))).collect();
    if level == Level::Full {
        cases.push(Case::new(Kernel::Sum, DType::F8, &[128; 3], Order::F, orders("0,1,2")));
    }
    cases
}

/// Every kernel and every dtype at one size per cache level (standard: kernels in f8, dtypes in sum).
fn kernels_and_dtypes(sides: &[usize], level: Level) -> Vec<Case> {
    let chosen: Vec<usize> = match level {
        Level::Full => sides.iter().copied().step_by(2).collect(),
        _ => sides.iter().copied().skip(2).step_by(3).collect(),
    };
    let mut cases = Vec::new();
    for side in chosen {
        for &kernel in Kernel::ALL {
            for dtype in DType::ALL {
                if level == Level::Full || dtype == DType::F8 || kernel == Kernel::Sum {
                    cases.push(against(kernel, dtype, [side; 2], Order::C));
                }
            }
        }
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Machine {
        Machine { caches: vec![32 << 10, 512 << 10, 32 << 20], memory: Some(16 << 30), huge_pages: true, cpus: 2 }
    }

    #[test]
    fn plans_grow_and_every_id_is_unique_canonical_and_walkable() {
        let counts = Level::ALL.map(|level| {
            let items = items(level, &machine());
            let ids: HashSet<String> = items.iter().map(Item::id).collect();
            assert_eq!(ids.len(), items.len());
            for id in &ids {
                assert_eq!(&id.parse::<Case>().unwrap().to_string(), id);
            }
            items.len()
        });
        assert!(counts[0] < counts[1] && counts[1] < counts[2], "{counts:?}");
        let quick: HashSet<String> = items(Level::Quick, &machine()).iter().map(Item::id).collect();
        for id in
            ["order/sum/f8/4096x4096/C/1,0", "order/sum/f8/4096x4096/F/0,1", "order/sum/f8/4096x4096/C/1,0/pad=64"]
        {
            assert!(quick.contains(id), "{id}");
        }
        let standard: HashSet<String> = items(Level::Standard, &machine()).iter().map(Item::id).collect();
        assert!(quick.is_subset(&standard));
    }

    #[test]
    fn what_does_not_fit_into_memory_is_left_out() {
        let small = Machine { memory: Some(64 << 20), huge_pages: false, ..machine() };
        let items = items(Level::Full, &small);
        assert!(!items.is_empty());
        assert!(items.iter().all(|item| item.contender().footprint().unwrap() <= 32 << 20));
        assert!(items.iter().all(|item| item.contender().options.pages == PagePolicy::Base));
    }

    #[test]
    fn cases_of_ones_own_bring_one_control_per_size_class() {
        let one = Item::against_baseline(sum_columns(64, 64));
        let other = Item::against_baseline(sum_columns(60, 64));
        let plan = custom(vec![one.clone(), other.clone()], &machine());
        assert_eq!(plan.len(), 3);
        assert!(matches!(plan[0], Item::Null { .. }) && plan[1..] == [one, other]);
    }
}
