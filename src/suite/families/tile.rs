//! Tiles: walking against storage in blocks that a cache holds.

use super::{Family, against};
use crate::kernel::Kernel;
use crate::layout::{DType, Order};
use crate::suite::{Case, Edges, Item, Level, Machine};

pub(super) const FAMILY: Family = Family {
    name: "tile",
    asks: "which tile makes a column-wise sum or copy bearable, against none and against the best loop order",
    baseline: "the same array by rows, without tiles",
    needs: "memory for twice the last cache",
    cases,
    item: Item::against_baseline,
};

fn cases(level: Level, machine: &Machine) -> Vec<Case> {
    // One array as large as the last cache: two of them never fit.
    let side = 1 << ((machine.last() / 8).max(4096).ilog2() / 2);
    let of = |kernel: Kernel, order: Order| against(kernel, DType::F8, [side; 2], order).in_family("tile");
    let tiled = |kernel: Kernel, order: Order, tile: Edges| of(kernel, order).with(|options| options.tile = tile);
    let (kernels, edges): (&[Kernel], &[usize]) = match level {
        Level::Quick => (&[Kernel::Copy], &[32]),
        Level::Standard => (&[Kernel::Sum, Kernel::Copy], &[8, 32, 128, 512]),
        Level::Full => (&[Kernel::Sum, Kernel::Copy], &[4, 8, 16, 32, 64, 128, 256, 512]),
    };
    let mut cases = Vec::new();
    for &kernel in kernels {
        cases.push(of(kernel, Order::C));
        cases.extend(edges.iter().map(|&edge| tiled(kernel, Order::C, Edges::from(edge))));
        if level == Level::Full {
            cases.push(of(kernel, Order::F));
            cases.extend([16, 64].map(|edge| tiled(kernel, Order::F, Edges::from(edge))));
            // High and narrow, one line wide: each line is fetched once for all its elements.
            cases.extend([64, 512].map(|high| tiled(kernel, Order::C, Edges::new(vec![high, 8]))));
        }
    }
    cases
}
