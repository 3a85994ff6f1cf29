//! Loop orders against the one whose innermost stride is smallest.

use super::{Family, against, orders, sides, sum_columns};
use crate::kernel::{Kernel, Walk};
use crate::layout::{DType, Order};
use crate::memory::PagePolicy;
use crate::suite::{Case, Item, Level, Machine};

pub(super) const FAMILY: Family = Family {
    name: "order",
    asks: "what a loop order costs against the one with the smallest stride innermost",
    baseline: "the same array, its smallest stride innermost",
    needs: "memory for four times the last cache; huge pages for some cases",
    cases,
    item: Item::against_baseline,
};

fn cases(level: Level, machine: &Machine) -> Vec<Case> {
    let sides = sides(machine);
    let (Some(&largest), Some(&middle)) = (sides.last(), sides.get(sides.len() / 2)) else { return Vec::new() };
    let mut cases: Vec<Case> = sides.iter().map(|&side| sum_columns(side, side)).collect();
    cases.extend(sides.iter().filter_map(|&side| line_columns(side)));
    cases.extend(extremes(largest, middle));
    let some = [Kernel::Fill, Kernel::Scale, Kernel::Copy, Kernel::Triad];
    cases.extend(some.map(|kernel| against(kernel, DType::F8, [middle * 2; 2], Order::C)));
    cases.extend([DType::U1, DType::F4].map(|dtype| against(Kernel::Sum, dtype, [middle * 2; 2], Order::C)));
    cases.push(Case::new(Kernel::Sum, DType::F8, &[128; 3], Order::C, orders("2,1,0")));
    cases.extend([(64, 4096), (4096, 64), (256, 1024), (1024, 256)].map(|(rows, columns)| sum_columns(rows, columns)));
    if level >= Level::Standard {
        cases.push(huge(sum_columns(largest, largest)));
        cases.extend(neighbours(&sides, level));
        cases.extend(grid(machine, level));
        cases.extend(cubes(level));
        cases.extend(kernels_and_dtypes(&sides, level));
    }
    cases
}

fn huge(case: Case) -> Case {
    case.with(|options| options.pages = PagePolicy::Huge)
}

/// The line walk over as many lines per axis as keep the bytes of a square of `side`.
fn line_columns(side: usize) -> Option<Case> {
    // R x 8R elements are R x R lines: the nearest power of two below side² / 8.
    let lines = 1 << ((side * side / 8).checked_ilog2()? / 2);
    (lines >= 8).then(|| sum_columns(lines, lines * 8).with(|options| options.walk = Walk::Line))
}

/// What changes the answer at the largest size: order, pages, padding, one element more or less.
fn extremes(largest: usize, middle: usize) -> Vec<Case> {
    let mut cases = vec![
        against(Kernel::Sum, DType::F8, [largest; 2], Order::F),
        against(Kernel::Sum, DType::F8, [middle; 2], Order::F),
    ];
    for side in [middle * 2, largest] {
        cases.push(sum_columns(side, side).with(|options| options.pad = 64));
    }
    cases.push(sum_columns(middle * 2 - 1, middle * 2 - 1));
    cases.push(sum_columns(middle * 2 + 1, middle * 2 + 1));
    cases.extend(line_columns(largest).map(huge));
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

/// Every kernel and every dtype at one size per cache level (standard: kernels in f8, dtypes in sum, one array of at
/// most 8 bytes an element at the largest).
fn kernels_and_dtypes(sides: &[usize], level: Level) -> Vec<Case> {
    let chosen: Vec<usize> = match level {
        Level::Full => sides.iter().copied().step_by(2).collect(),
        _ => sides.iter().copied().skip(2).step_by(3).collect(),
    };
    let mut cases = Vec::new();
    for side in chosen {
        for &kernel in Kernel::ELEMENTWISE {
            for dtype in DType::ALL {
                // Columns of several large arrays take most of a minute, and so do long elements.
                let small = Some(&side) != sides.last() || kernel.roles().len() == 1 && dtype.itemsize() <= 8;
                let told = small && (dtype == DType::F8 || kernel == Kernel::Sum);
                if level == Level::Full || told {
                    cases.push(against(kernel, dtype, [side; 2], Order::C));
                }
            }
        }
    }
    cases
}
