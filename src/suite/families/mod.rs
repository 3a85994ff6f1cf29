//! Which cases a suite has: every family is a file here and one line in [`FAMILIES`].

mod conflict;
mod controls;
mod idiom;
mod latency;
mod matmul;
mod ndim;
mod npy;
mod order;
mod pages;
mod probe;
mod record;
mod stencil;
mod stride;
mod threads;
mod tile;
mod transpose;
mod window;
mod write;

use super::{Case, Item, Level, Machine};
use crate::kernel::{Kernel, Walk};
use crate::layout::{DType, Order};
use crate::nest::LoopOrder;
use std::collections::HashSet;
use std::fmt;

/// A group of cases that answer one question.
#[derive(Clone, Copy)]
pub struct Family {
    /// Its name, the first part of its ids.
    pub name: &'static str,
    /// The question, in one line.
    pub asks: &'static str,
    /// What its cases are divided by, in words.
    pub baseline: &'static str,
    /// What it takes beside time, in words.
    pub needs: &'static str,
    /// Its cases, whether or not they can be run here; their sizes follow the machine's caches.
    cases: fn(Level, &Machine) -> Vec<Case>,
    /// A case with what it is divided by. It follows from the case alone, so that an id is enough to go on with a run.
    item: fn(Case) -> Item,
}

impl fmt::Debug for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Every family. The controls come first: the others are read beside them.
pub const FAMILIES: &[Family] = &[
    controls::FLOOR,
    controls::ROOF,
    controls::NULL,
    order::FAMILY,
    stride::FAMILY,
    conflict::FAMILY,
    ndim::FAMILY,
    transpose::FAMILY,
    transpose::VIEW,
    tile::FAMILY,
    window::FAMILY,
    matmul::FAMILY,
    stencil::FAMILY,
    record::FAMILY,
    pages::FAMILY,
    probe::FAMILY,
    npy::FAMILY,
    latency::FAMILY,
    write::FAMILY,
    threads::FAMILY,
    idiom::FAMILY,
];

/// The family of that name.
#[must_use]
pub fn family(name: &str) -> Option<&'static Family> {
    FAMILIES.iter().find(|family| family.name == name)
}

impl Item {
    /// A case with what its family divides it by; of a family that is not known, by its loop order's baseline.
    #[must_use]
    pub fn of(case: Case) -> Self {
        let item = family(&case.family).map_or(Self::against_baseline as fn(Case) -> Self, |family| family.item);
        item(case)
    }

    /// The same, or why it cannot be measured on `machine`.
    #[must_use]
    pub fn checked(self, machine: &Machine) -> Self {
        match machine.lacks(&self) {
            Some(why) => Self::Skip { case: self.contender().clone(), why },
            None => self,
        }
    }
}

/// The plan of a suite, every id once, in the order of the families; what the machine cannot do is a [`Item::Skip`].
#[must_use]
pub fn items(level: Level, machine: &Machine) -> Vec<Item> {
    let mut seen = HashSet::new();
    // A longer suite also has what a shorter one has, whose sizes may follow a smaller cache.
    let levels: Vec<Level> = Level::ALL.into_iter().filter(|other| *other <= level).rev().collect();
    let of = |family: &Family| -> Vec<Item> {
        let sized = |level: Level| {
            // Large squares by rows and columns are what a suite is read for first: the shortest has them beyond the last cache.
            let whole =
                level == Level::Quick && family.name == order::FAMILY.name && machine.last() <= Level::HUGE_CACHE;
            if whole { machine.clone() } else { machine.sized_for(level) }
        };
        let cases = levels.iter().flat_map(|&level| (family.cases)(level, &sized(level)));
        cases.map(family.item).collect()
    };
    let cases = FAMILIES.iter().flat_map(of);
    cases.filter(|item| seen.insert(item.id())).map(|item| item.checked(machine)).collect()
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
    let reaches = |side: &usize| bytes(*side) <= 4 * machine.last().max(8 << 20);
    (5..14).map(|power| 1_usize << power).filter(|&side| bytes(side) * 2 > machine.first()).filter(reaches).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::PagePolicy;

    fn machine() -> Machine {
        Machine { caches: vec![32 << 10, 512 << 10, 32 << 20], memory: Some(16 << 30), huge_pages: true, cpus: 2 }
    }

    /// Machines with other caches, and one with next to nothing.
    fn machines() -> Vec<Machine> {
        let of = |caches: &[u64]| Machine { caches: caches.to_vec(), ..machine() };
        vec![
            machine(),
            of(&[48 << 10, 2 << 20, 105 << 20]),
            of(&[48 << 10, 2 << 20, 480 << 20]),
            of(&[64 << 10, 1 << 20]),
            of(&[48 << 10, 1280 << 10, 12 << 20]),
            Machine { memory: Some(64 << 20), huge_pages: false, cpus: 1, ..machine() },
        ]
    }

    #[test]
    fn every_id_is_unique_canonical_and_walkable_and_tells_its_item() {
        for machine in machines() {
            for level in Level::ALL {
                let items = items(level, &machine);
                let ids: HashSet<String> = items.iter().map(Item::id).collect();
                assert_eq!(ids.len(), items.len());
                for item in &items {
                    let case: Case = item.id().parse().unwrap_or_else(|error| panic!("{error}"));
                    assert_eq!(&Item::of(case.clone()).checked(&machine), item);
                    let walked = case.walked().unwrap_or_else(|error| panic!("{}: {error}", item.id()));
                    let Some(baseline) = item.baseline() else { continue };
                    assert_eq!(baseline.to_string().parse().as_ref(), Ok(baseline));
                    let other = baseline.walked().unwrap_or_else(|error| panic!("{baseline}: {error}"));
                    assert_eq!(
                        walked.steps() * case.elements_per_step(),
                        other.steps(),
                        "{} against {baseline}",
                        item.id()
                    );
                }
            }
        }
    }

    #[test]
    fn plans_grow_and_hold_what_the_reports_are_read_for() {
        let plans = Level::ALL.map(|level| items(level, &machine()).iter().map(Item::id).collect::<HashSet<String>>());
        assert!(plans[0].is_subset(&plans[1]) && plans[0].len() < plans[1].len() && plans[1].len() < plans[2].len());
        for machine in machines() {
            let plans =
                Level::ALL.map(|level| items(level, &machine).iter().map(Item::id).collect::<HashSet<String>>());
            assert!(plans[0].is_subset(&plans[1]) && plans[1].is_subset(&plans[2]), "{machine:?}");
        }
        for id in
            ["order/sum/f8/4096x4096/C/1,0", "order/sum/f8/4096x4096/F/0,1", "order/sum/f8/4096x4096/C/1,0/pad=64"]
        {
            assert!(plans[0].contains(id), "{id}");
        }
        for family in FAMILIES {
            let words = [family.asks, family.baseline, family.needs];
            assert!(words.iter().all(|words| !words.is_empty() && !words.ends_with('.')), "{family:?}");
        }
    }

    #[test]
    fn what_the_machine_cannot_do_is_left_out_with_the_reason() {
        let small = Machine { memory: Some(64 << 20), huge_pages: false, cpus: 1, ..machine() };
        let items = items(Level::Full, &small);
        let (skipped, rest): (Vec<_>, Vec<_>) = items.iter().partition(|item| item.skipped().is_some());
        assert!(rest.iter().all(|item| item.footprint() <= 32 << 20));
        assert!(rest.iter().all(|item| item.contender().options.pages == PagePolicy::Base));
        assert!(skipped.iter().filter_map(|item| item.skipped()).any(|why| why.starts_with("memory: needs 128 MiB")));
        let why = |id: &str| Item::of(id.parse().unwrap()).checked(&small).skipped().map(str::to_owned);
        let plain = "order/sum/f8/64x64/C/1,0";
        assert_eq!(why(plain), None);
        assert!(why(&format!("{plain}/threads=2")).unwrap().starts_with("threads=2: this process may use 1"));
        assert!(why(&format!("{plain}/pages=huge")).unwrap().starts_with("pages=huge"));
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
