//! The controls: what a step costs at least, how fast memory is at best, and how far equal cases seem to differ.

use super::{Family, orders, sides, sum_columns};
use crate::kernel::{Kernel, Walk};
use crate::layout::{DType, Order};
use crate::memory::PagePolicy;
use crate::nest::LoopOrder;
use crate::suite::{Case, Item, Level, Machine};
use std::collections::HashSet;

pub(super) const FLOOR: Family = Family {
    name: "floor",
    asks: "what a step costs when the data are in the first cache",
    baseline: "none: measured by itself",
    needs: "nothing",
    cases: floor,
    item: |case| Item::Solo { case },
};

pub(super) const ROOF: Family = Family {
    name: "roof",
    asks: "how fast contiguous vectors read, per cache level",
    baseline: "none: measured by itself",
    needs: "memory for four times the last cache",
    cases: roof,
    item: |case| Item::Solo { case },
};

pub(super) const NULL: Family = Family {
    name: "null",
    asks: "how far two equal cases seem to differ here",
    baseline: "the case itself",
    needs: "memory for four times the last cache",
    cases: null,
    item: |case| Item::Null { case },
};

fn floor(level: Level, machine: &Machine) -> Vec<Case> {
    // Half of the first cache, so that nothing else drives it out.
    let elements = usize::try_from(machine.first() / 2 / 8).unwrap_or(2048);
    let side = 1 << (elements.max(64).ilog2() / 2);
    let element = sum_columns(side, side).baseline().in_family("floor");
    let line = Case { shape: vec![(side / 4).max(2), side * 4], ..element.clone() }.with(|o| o.walk = Walk::Line);
    let mut cases = vec![element.clone(), line];
    if level >= Level::Standard {
        // What leaving a short loop costs, and the loops around two short ones.
        for shape in [vec![side * 4, side / 4], vec![side / 2, side / 2, 4], vec![side / 4, side / 4, 4, 4]] {
            let loops = LoopOrder::identity(shape.len());
            cases.push(Case { shape, loops, ..element.clone() });
        }
        cases.push(Case { kernel: Kernel::Copy, shape: vec![side * 2, side / 4], ..element.clone() });
        // The arithmetic of every kernel and dtype, which a predicted time begins with: long loops, so that it is all.
        let kernels = Kernel::ALL.iter().map(|&kernel| (kernel, DType::F8));
        let dtypes = DType::ALL.into_iter().map(|dtype| (Kernel::Sum, dtype));
        for (kernel, dtype) in kernels.chain(dtypes) {
            let rows = if kernel.roles().len() * dtype.itemsize() > 8 { side / 8 } else { side / 4 };
            let plane = Case { kernel, dtype, shape: vec![rows, side * 4], ..element.clone() };
            let space =
                |shape: [usize; 3], loops: &str| Case { shape: shape.into(), loops: orders(loops), ..plane.clone() };
            let along = |axis: usize| plane.clone().with(|options| options.axis = Some(axis));
            // What keeps an operand in a register, and what does not, are different arithmetic.
            let floors = match kernel {
                Kernel::Reduce => vec![along(0), along(1)],
                Kernel::Product => {
                    vec![space([side / 8, side * 4, side / 8], "0,2,1"), space([side / 8, side / 8, side * 4], "0,1,2")]
                }
                Kernel::Stencil7 => vec![space([3, side / 8, side * 4], "0,1,2")],
                _ => vec![plane],
            };
            for case in floors {
                if case.nest().is_ok() && !cases.contains(&case) {
                    cases.push(case);
                }
            }
        }
    }
    cases
}

fn roof(level: Level, machine: &Machine) -> Vec<Case> {
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
        case.in_family("roof").with(|options| options.walk = Walk::Stream)
    };
    let mut cases: Vec<Case> =
        kernels.iter().flat_map(|&kernel| bytes.iter().map(move |&bytes| case(kernel, bytes))).collect();
    if level >= Level::Standard {
        // Where a last cache that others use too ends, of the size that the suite follows.
        let last = machine.last();
        cases.extend([last / 2, last, 2 * last].map(|bytes| case(Kernel::Sum, bytes)));
        // What a stream loses at the end of a page: it goes on in huge ones.
        let huge = |bytes: u64| case(Kernel::Sum, bytes).with(|options| options.pages = PagePolicy::Huge);
        cases.extend([last / 4, 2 * last, 4 * last].map(huge));
    }
    cases
}

/// One pair of equal cases in every size class that the suite has.
fn null(_: Level, machine: &Machine) -> Vec<Case> {
    let mut classes = HashSet::new();
    let first_of_class =
        |side: &usize| classes.insert(machine.size_class(sum_columns(*side, *side).footprint().unwrap_or(0)));
    let sides: Vec<usize> = sides(machine).into_iter().filter(first_of_class).collect();
    sides.into_iter().map(|side| sum_columns(side, side).baseline().in_family("null")).collect()
}
