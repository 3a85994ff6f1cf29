//! Copies to the other order: by rows, by columns, in tiles, by halves, and in blocks that are turned in registers.

use super::{Family, orders};
use crate::kernel::{Kernel, Stores, Walk};
use crate::layout::{DType, Order};
use crate::suite::{Case, Edges, Item, Level, Machine};

pub(super) const FAMILY: Family = Family {
    name: "transpose",
    asks: "what copying a matrix to the other order costs: by rows, by columns, in tiles, by halves, in registers",
    baseline: "the plain copy of the same matrix, with vectors where the contender has them",
    needs: "memory for twice the last cache",
    cases,
    item,
};

/// Whether making a copy in the other order pays.
pub(super) const VIEW: Family = Family {
    name: "view",
    asks: "whether a transposed view is better walked as it lies or copied first, and after how many passes",
    baseline: "the copy, walked as it lies",
    needs: "memory for three times the last cache",
    cases: views,
    item: view,
};

/// The edge of tiles that fit the first cache and keep few pages open.
const TILE: usize = 64;

fn cases(level: Level, machine: &Machine) -> Vec<Case> {
    let side = side(machine);
    let naive = |loops: &str| case(DType::F8, side, loops);
    let tiled = |edge: usize| naive("0,1").with(|options| options.tile = Edges::from(edge));
    // Eight rows at a time, from end to end: they are fetched ahead, and every line of the result is written once, whole.
    let best = |dtype: DType| past(block(case(dtype, same_bytes(side, dtype), "0,1"), 0));
    let mut cases = vec![naive("0,1"), best(DType::F8)];
    if level >= Level::Standard {
        cases.push(naive("1,0"));
        cases.extend([8, 32].map(tiled));
        cases.push(naive("0,1").with(|options| options.leaf = 16));
        cases.push(block(case(DType::F8, side, "0,1"), TILE));
        cases.extend([DType::F4, DType::C16].map(best));
        cases.push(padded(best(DType::F8)));
    }
    if level == Level::Full {
        cases.extend([4, 16, 64, 128, 256, 512].map(tiled));
        for leaf in [4, 8, 32, 64] {
            cases.push(naive("0,1").with(|options| options.leaf = leaf));
        }
        for dtype in [DType::F4, DType::F8, DType::C16] {
            for edge in [0, 32, 128] {
                for loops in ["0,1", "1,0"] {
                    let one = block(case(dtype, same_bytes(side, dtype), loops), edge);
                    cases.extend([past(one.clone()), one]);
                }
            }
            cases.push(block(case(dtype, same_bytes(side, dtype), "0,1"), 0).with(|options| options.leaf = 16));
            cases.push(case(dtype, same_bytes(side, dtype), "0,1"));
            cases.push(case(dtype, same_bytes(side, dtype), "1,0"));
        }
        cases.push(Case { order: Order::F, ..naive("1,0") }.with(|options| options.dest = Some(Order::C)));
    }
    cases
}

/// A square of `f8` of a power of two; source and result together take twice the last cache at most, and more than it.
fn side(machine: &Machine) -> usize {
    1 << ((machine.last() / 8).max(4096).ilog2() / 2)
}

/// The side of a square of as many bytes, a whole number of tiles.
fn same_bytes(side: usize, dtype: DType) -> usize {
    ((side * side * 8 / dtype.itemsize()).isqrt() / TILE).max(1) * TILE
}

fn case(dtype: DType, side: usize, loops: &str) -> Case {
    let case = Case::new(Kernel::Copy, dtype, &[side; 2], Order::C, orders(loops)).in_family("transpose");
    case.with(|options| options.dest = Some(Order::F))
}

fn block(case: Case, tile: usize) -> Case {
    case.with(|options| {
        options.walk = Walk::Block;
        options.tile = Edges::from(tile);
    })
}

/// A line behind every row, so that a column is not all in one set.
fn padded(case: Case) -> Case {
    case.with(|options| options.pad = 64)
}

/// The result goes past the caches.
fn past(case: Case) -> Case {
    case.with(|options| options.stores = Stores::NonTemporal)
}

fn item(case: Case) -> Item {
    let baseline = case.baseline().with(|options| {
        options.dest = None;
        options.walk = if options.walk == Walk::Block { Walk::Stream } else { options.walk };
    });
    if case == baseline { Item::Solo { case } } else { Item::Pair { baseline, contender: case } }
}

fn views(level: Level, machine: &Machine) -> Vec<Case> {
    let second = machine.caches.get(1).copied().unwrap_or(1 << 20);
    let near = 1 << ((second / 16).max(4096).ilog2() / 2);
    let sides: &[usize] = match level {
        Level::Quick => return Vec::new(),
        Level::Standard => &[side(machine)],
        Level::Full => &[near, side(machine)],
    };
    let each = |&side: &usize| {
        // The view's rows are the columns of what lies in memory.
        let seen = Case::new(Kernel::Sum, DType::F8, &[side; 2], Order::C, orders("1,0"));
        let copies = [past(block(case(DType::F8, side, "0,1"), 0)), case(DType::F8, side, "0,1")];
        let taken = if level == Level::Full { 2 } else { 1 };
        [seen].into_iter().chain(copies.into_iter().take(taken)).map(|case| case.in_family("view"))
    };
    sides.iter().flat_map(each).collect()
}

/// View and copy are both divided by the sum over the copy, so that their ratios tell when it pays.
fn view(case: Case) -> Item {
    let dense = Case { kernel: Kernel::Sum, ..case.baseline() }.with(|options| {
        options.dest = None;
        options.walk = Walk::Element;
        options.stores = Stores::Plain;
    });
    if case == dense { Item::Solo { case } } else { Item::Pair { baseline: dense, contender: case } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_divided_by_plain_ones_and_those_of_views_by_a_pass() {
        let pair = |id: &str| {
            let item = Item::of(id.parse().unwrap_or_else(|error| panic!("{error}")));
            item.baseline().map(ToString::to_string).unwrap()
        };
        assert_eq!(pair("transpose/copy/f8/64x64/C/1,0/dest=F/tile=16"), "transpose/copy/f8/64x64/C/0,1");
        assert_eq!(
            pair("transpose/copy/f8/64x64/C/0,1/dest=F/stores=nt/tile=16/walk=block"),
            "transpose/copy/f8/64x64/C/0,1/stores=nt/walk=stream"
        );
        for copy in
            ["copy/f8/64x64/C/0,1/dest=F", "copy/f8/64x64/C/0,1/dest=F/tile=64/walk=block", "sum/f8/64x64/C/1,0"]
        {
            assert_eq!(pair(&format!("view/{copy}")), "view/sum/f8/64x64/C/0,1");
        }
    }
}
