//! Three and four axes in every loop order, and sums along one axis.

use super::Family;
use crate::kernel::{Kernel, Walk};
use crate::layout::{DType, Order};
use crate::nest::LoopOrder;
use crate::suite::{Case, Item, Level, Machine};

pub(super) const FAMILY: Family = Family {
    name: "ndim",
    asks: "which of the 6 loop orders of three axes, and of the 24 of four, cost how much; the same for sums along each axis",
    baseline: "the same array, its smallest stride innermost",
    needs: "memory for the last cache",
    cases,
    item: Item::against_baseline,
};

fn cases(level: Level, machine: &Machine) -> Vec<Case> {
    let mut cases = Vec::new();
    for rank in [3_usize, 4] {
        for bytes in [machine.last() / 2, machine.caches.get(1).map_or(512 << 10, |second| second / 2)] {
            for order in [Order::C, Order::F] {
                cases.extend(all(rank, bytes, order, level));
            }
            if level < Level::Full {
                break;
            }
        }
    }
    cases.extend(reductions(level, machine));
    cases
}

/// Sums along each axis of two and of three, the smallest stride innermost and outermost, and with vectors.
fn reductions(level: Level, machine: &Machine) -> Vec<Case> {
    let bytes = machine.last() / 2;
    let of = |rank: usize, order: Order, axis: usize, loops: LoopOrder| {
        let power = (bytes / 8).max(1).ilog2() as usize / rank;
        let case = Case::new(Kernel::Reduce, DType::F8, &vec![1 << power; rank], order, loops).in_family("ndim");
        case.with(|options| options.axis = Some(axis))
    };
    let against = |rank: usize, order: Order| {
        let loops = match order {
            Order::C => (0..rank).rev().collect(),
            Order::F => (0..rank).collect(),
        };
        LoopOrder::new(loops).unwrap_or_else(|_| LoopOrder::identity(rank))
    };
    if level == Level::Quick {
        return vec![of(2, Order::C, 0, against(2, Order::C))];
    }
    let mut cases = Vec::new();
    for rank in [2, 3] {
        // Against storage the last axis of two costs what the first one does.
        let axes = if rank == 2 && level < Level::Full { 1 } else { rank };
        cases.extend((0..axes).map(|axis| of(rank, Order::C, axis, against(rank, Order::C))));
        if level == Level::Full {
            for order in [Order::C, Order::F] {
                let all = |axis: usize| LoopOrder::all(rank).into_iter().map(move |loops| of(rank, order, axis, loops));
                cases.extend((0..rank).flat_map(all));
                // With vectors along the smallest stride, as libraries add up.
                let vectors = |axis: usize| of(rank, order, axis, LoopOrder::identity(rank)).baseline();
                cases.extend((0..rank).map(vectors).map(|case| case.with(|options| options.walk = Walk::Stream)));
            }
        }
    }
    cases
}

/// The loop orders of a cube of powers of two in at most `bytes` that a level takes.
fn all(rank: usize, bytes: u64, order: Order, level: Level) -> Vec<Case> {
    let power = (bytes / 8).max(1).ilog2() as usize / rank;
    let case =
        |loops: LoopOrder| Case::new(Kernel::Sum, DType::F8, &vec![1 << power; rank], order, loops).in_family("ndim");
    let taken = |loops: &LoopOrder| {
        let axes = loops.axes();
        // Reversed, and, for the standard suite, one axis at a time moved innermost.
        let moved = axes[..rank - 1].windows(2).all(|pair| pair[0] < pair[1]);
        let reversed = axes.windows(2).all(|pair| pair[0] > pair[1]);
        match level {
            Level::Quick => order == Order::C && rank == 4 && reversed,
            Level::Standard if order == Order::C => moved || reversed,
            Level::Standard => rank == 3 && axes == [0, 1, 2],
            Level::Full => true,
        }
    };
    let orders = LoopOrder::all(rank).into_iter().filter(taken).map(case);
    orders.filter(|case| !case.is_baseline()).collect()
}
