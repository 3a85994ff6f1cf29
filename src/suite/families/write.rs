//! Stores through the caches against stores past them.

use super::{Family, orders};
use crate::kernel::{Kernel, Stores, Walk};
use crate::layout::{DType, Order};
use crate::nest::LoopOrder;
use crate::suite::{Case, Item, Level, Machine};

pub(super) const FAMILY: Family = Family {
    name: "write",
    asks: "what non-temporal stores cost or save against plain ones, which read every line before they write it back",
    baseline: "the same walk with plain stores",
    needs: "x86-64, and memory for four times the last cache",
    cases,
    item,
};

fn cases(level: Level, machine: &Machine) -> Vec<Case> {
    let far = 4 * machine.last();
    let near = machine.caches.get(1).copied().unwrap_or(1 << 20) / 2;
    let mut cases = vec![stream(Kernel::Fill, far), stream(Kernel::Copy, far)];
    if level == Level::Quick {
        return cases;
    }
    // In a cache the stores go all the way out and come back in.
    cases.push(stream(Kernel::Copy, near));
    cases.push(columns(Kernel::Fill, far));
    cases.extend(["0,1", "1,0"].map(|loops| transposed(loops, machine.last() / 2)));
    if level == Level::Full {
        let sizes = [machine.first() / 2, near, machine.last() / 2, far];
        for kernel in [Kernel::Fill, Kernel::Scale, Kernel::Copy, Kernel::Triad] {
            cases.extend(sizes.map(|bytes| stream(kernel, bytes)));
            cases.extend(sizes.map(|bytes| columns(kernel, bytes)));
        }
        cases.extend(sizes.iter().flat_map(|&bytes| ["0,1", "1,0"].map(|loops| transposed(loops, bytes))));
    }
    cases
}

fn past(case: Case) -> Case {
    case.in_family("write").with(|options| options.stores = Stores::NonTemporal)
}

/// Whole vectors along a dense array; all arrays together take `bytes`.
fn stream(kernel: Kernel, bytes: u64) -> Case {
    let lines = usize::try_from(bytes / 64 / kernel.roles().len() as u64).unwrap_or(1);
    let case = Case::new(kernel, DType::F8, &[lines.max(1) * 8], Order::C, LoopOrder::identity(1));
    past(case).with(|options| options.walk = Walk::Stream)
}

/// The side of a square of so many elements, a power of two.
fn side(elements: u64) -> usize {
    1 << (elements.max(64).ilog2() / 2)
}

/// Whole lines, column after column of a matrix of lines.
fn columns(kernel: Kernel, bytes: u64) -> Case {
    let lines = side(bytes / 64 / kernel.roles().len() as u64);
    let case = Case::new(kernel, DType::F8, &[lines, lines * 8], Order::C, orders("1,0"));
    past(case).with(|options| options.walk = Walk::Line)
}

/// A copy into an array of the other order, element by element: `0,1` scatters the stores, `1,0` the loads.
fn transposed(loops: &str, bytes: u64) -> Case {
    let side = side(bytes / 16);
    let case = Case::new(Kernel::Copy, DType::F8, &[side; 2], Order::C, orders(loops));
    past(case).with(|options| options.dest = Some(Order::F))
}

fn item(case: Case) -> Item {
    let baseline = case.clone().with(|options| options.stores = Stores::Plain);
    if case == baseline { Item::Solo { case } } else { Item::Pair { baseline, contender: case } }
}
