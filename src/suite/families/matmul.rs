//! Matrix products in every loop order and with factors of either order.

use super::{Family, orders};
use crate::kernel::{Kernel, Walk};
use crate::layout::{DType, Order};
use crate::nest::LoopOrder;
use crate::suite::{Case, Edges, Item, Level, Machine};

pub(super) const FAMILY: Family = Family {
    name: "matmul",
    asks: "what the six loop orders of a matrix product cost, with factors in C or F order, and what tiles save",
    baseline: "the same product of C-order matrices in the order i, k, j (loops 0,2,1), without tiles",
    needs: "memory for three matrices",
    cases,
    item,
};

fn cases(level: Level, machine: &Machine) -> Vec<Case> {
    // All three are in the second cache, but a column, whose elements meet in few sets, is not in the first.
    let second = machine.caches.get(1).copied().unwrap_or(1 << 20);
    let near = (1 << ((second / 24).max(64 * 64).ilog2() / 2)).min(128);
    let of = |dtype: DType, side: usize, loops: &LoopOrder| {
        Case::new(Kernel::Product, dtype, &[side; 3], Order::C, loops.clone()).in_family("matmul")
    };
    let all = |dtype: DType, side: usize| LoopOrder::all(3).into_iter().map(move |loops| of(dtype, side, &loops));
    let tiled = |dtype: DType, side: usize, edge: usize| {
        of(dtype, side, &orders("0,2,1")).with(|options| options.tile = Edges::from(edge))
    };
    let worst = orders("1,2,0");
    let mut cases = vec![of(DType::F8, near, &worst)];
    if level >= Level::Standard {
        cases.extend(all(DType::F8, near));
        cases.extend([factors(of(DType::F8, near, &orders("0,1,2")), None, Some(Order::F))]);
        cases.extend([factors(of(DType::F8, near, &worst), Some(Order::F), None)]);
        cases.push(of(DType::F4, near, &worst));
        cases.push(tiled(DType::F8, near, 64));
    }
    if level == Level::Full {
        for case in all(DType::F8, near) {
            cases.push(factors(case.clone(), None, Some(Order::F)));
            cases.push(factors(case, Some(Order::F), None));
        }
        cases.extend(all(DType::F4, near));
        cases.extend(all(DType::F8, 2 * near));
        for dtype in [DType::F4, DType::F8] {
            cases.extend([16, 32, 64].map(|edge| tiled(dtype, 2 * near, edge)));
            // With vectors along the rows, as compilers make them of this order.
            let vectors = of(dtype, 2 * near, &orders("0,2,1")).with(|options| options.walk = Walk::Stream);
            cases.extend([vectors.clone(), vectors.with(|options| options.tile = Edges::from(64))]);
        }
    }
    cases.into_iter().filter(|case| *case != baseline(case)).collect()
}

fn factors(case: Case, a: Option<Order>, b: Option<Order>) -> Case {
    case.with(|options| (options.a, options.b) = (a, b))
}

fn baseline(case: &Case) -> Case {
    let plain = Case { order: Order::C, loops: orders("0,2,1"), ..case.baseline() };
    plain.with(|options| (options.a, options.b, options.walk) = (None, None, Walk::Element))
}

fn item(case: Case) -> Item {
    let baseline = if case.shape.len() == 3 { baseline(&case) } else { case.baseline() };
    if case == baseline { Item::Solo { case } } else { Item::Pair { baseline, contender: case } }
}
