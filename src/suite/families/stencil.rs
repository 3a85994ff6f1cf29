//! An element and its neighbours, in a plane and in space.

use super::{Family, orders};
use crate::kernel::Kernel;
use crate::layout::{DType, Order};
use crate::suite::{Case, Edges, Item, Level, Machine};

pub(super) const FAMILY: Family = Family {
    name: "stencil",
    asks: "what a loop order costs where every element needs its neighbours, of 5 and of 7 points, and what tiles change",
    baseline: "the same stencil, its smallest stride innermost, without tiles",
    needs: "memory for twice the last cache",
    cases,
    item: Item::against_baseline,
};

fn cases(level: Level, machine: &Machine) -> Vec<Case> {
    let second = machine.caches.get(1).copied().unwrap_or(1 << 20);
    let far = machine.last();
    let mut cases = vec![plane(DType::F8, second, Order::C, "1,0")];
    if level >= Level::Standard {
        cases.push(plane(DType::F8, far, Order::C, "1,0"));
        cases.push(plane(DType::F8, second, Order::F, "0,1"));
        cases.push(tiled(plane(DType::F8, second, Order::C, "1,0"), Edges::from(64)));
        cases.extend(["2,1,0", "1,0,2"].map(|loops| space(DType::F8, second, Order::C, loops)));
        cases.push(space(DType::F8, far, Order::C, "2,1,0"));
        // Rows whole, planes in bands: what a sweep needs again is still there.
        cases.push(tiled(
            space(DType::F8, far, Order::C, "0,1,2"),
            bands(&space(DType::F8, far, Order::C, "0,1,2"), 16),
        ));
    }
    if level == Level::Full {
        for bytes in [machine.first() / 2, second, far] {
            cases.extend([DType::F4, DType::F8].map(|dtype| plane(dtype, bytes, Order::C, "1,0")));
            cases.push(plane(DType::F8, bytes, Order::F, "0,1"));
            for edge in [16, 64, 256] {
                let each = |loops| tiled(plane(DType::F8, bytes, Order::C, loops), Edges::from(edge));
                cases.extend(["0,1", "1,0"].map(each));
            }
            let orders = ["0,2,1", "1,0,2", "1,2,0", "2,0,1", "2,1,0"];
            cases.extend(orders.map(|loops| space(DType::F8, bytes, Order::C, loops)));
            cases.extend([8, 32].map(|edge| tiled(space(DType::F8, bytes, Order::C, "0,1,2"), Edges::from(edge))));
        }
    }
    cases
}

/// A square; source and result together take about `bytes`. The borders make its rows two longer than a power of two.
fn plane(dtype: DType, bytes: u64, order: Order, loops: &str) -> Case {
    let side = usize::try_from(bytes / 2).unwrap_or(usize::MAX) / dtype.itemsize();
    let side = (side.isqrt() / 64).max(1) * 64 + 2;
    Case::new(Kernel::Stencil5, dtype, &[side; 2], order, orders(loops)).in_family("stencil")
}

/// A cube likewise.
fn space(dtype: DType, bytes: u64, order: Order, loops: &str) -> Case {
    let elements = bytes / 2 / dtype.itemsize() as u64;
    let side = (1..).find(|side: &u64| (side * 8).pow(3) > elements).unwrap_or(1);
    let side = usize::try_from((side - 1).max(1) * 8).unwrap_or(8) + 2;
    Case::new(Kernel::Stencil7, dtype, &[side; 3], order, orders(loops)).in_family("stencil")
}

/// Whole rows, in bands of so many of them.
fn bands(case: &Case, rows: usize) -> Edges {
    Edges::new(vec![case.shape[0], rows, case.shape[2]])
}

fn tiled(case: Case, tile: Edges) -> Case {
    case.with(|options| options.tile = tile)
}
