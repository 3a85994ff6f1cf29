//! Strides over one working set: the memory mountain, with its knees at the line and the page.

use super::{Family, orders};
use crate::kernel::{Kernel, Walk};
use crate::layout::{DType, Order};
use crate::suite::{Case, Item, Level, Machine};

pub(super) const FAMILY: Family = Family {
    name: "stride",
    asks: "what an access costs over the distance to the one before, for working sets from 4 KiB to beyond the last cache",
    baseline: "the same elements side by side; with only=1 as many elements side by side as are visited",
    needs: "memory for four times the last cache",
    cases,
    item,
};

/// Elements of 8 bytes.
const ITEM: usize = 8;
/// Accesses between two wraps at least, or the stride is not what is measured.
const LEAST: usize = 16;
/// Elements between two accesses at most.
const FARTHEST: usize = 4096;

fn cases(level: Level, machine: &Machine) -> Vec<Case> {
    let elements = |bytes: u64| 1 << (usize::try_from(bytes).unwrap_or(usize::MAX) / ITEM).max(1).ilog2();
    let largest: usize = elements(4 * machine.last());
    // One working set well inside each cache, and one beyond the last. Of a shared last cache a quarter is sure to be ours,
    // but what is no larger than four times the one before is in part there.
    let mut sizes: Vec<usize> = machine.caches.iter().map(|cache| elements(cache / 2)).collect();
    if let [_, .., own, last] = machine.caches[..] {
        sizes[machine.caches.len() - 1] = elements((last / 4).max(4 * own).min(last / 2));
    }
    sizes.push(largest);
    let mut cases = Vec::new();
    let strides: &[usize] = match level {
        Level::Quick => {
            return [8, 512].map(|stride| strided(largest, stride)).into();
        }
        Level::Standard => &[1, 2, 8, 64, 512, FARTHEST],
        Level::Full => {
            sizes.extend((9..).step_by(2).map(|power| 1 << power).take_while(|&size| size <= largest));
            &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, FARTHEST]
        }
    };
    // What a power of two costs is also what its few sets cost; these spread over all, and come in a page or leave it. By
    // the odd one some rows begin a line at every column, by the others all at every eighth.
    let spread: &[usize] = &[72, 1000, 1001];
    // A store asks for its line first and gives it back later. In memory a line each is enough, and takes long enough.
    let stores: &[usize] = if level == Level::Full { strides } else { &[8, 512, 1000] };
    for &size in &sizes {
        let stores = stores.iter().filter(|&&stride| size / stride >= LEAST && (size < largest || stride == 8));
        cases.extend(stores.map(|&stride| Case { kernel: Kernel::Fill, ..strided(size, stride) }));
        let spread = spread.iter().filter(|&&stride| size / stride >= LEAST && (size < largest || stride == 72));
        cases.extend(spread.map(|&stride| strided(size, stride)));
        // In memory the columns of a large array are as far apart, and among the family order; those of eight to a page take
        // long, and lie between the others.
        let known = |stride| level != Level::Full && size == largest && [64, FARTHEST].contains(&stride);
        let short = strides.iter().filter(|&&stride| (stride == 1 || size / stride >= LEAST) && !known(stride));
        cases.extend(short.map(|&stride| strided(size, stride)));
    }
    // Walks that do more at a line, or less, and columns whose lines are still in the first cache for the next ones, in the
    // caches between the first and memory.
    let rows = usize::try_from(machine.first() / 128).unwrap_or(256);
    for &size in &sizes[1..machine.caches.len().max(1)] {
        let wide = (size / rows).saturating_sub(1).max(2);
        cases.push(strided(rows * wide, wide));
        for kernel in [Kernel::Scale, Kernel::Copy] {
            let of_each = size / kernel.roles().len();
            cases.extend([512, 1000].map(|stride| Case { kernel, ..strided(of_each, stride) }));
        }
        if size == sizes[1] {
            // Two rows to a page: columns in two sets of the first cache.
            cases.extend([Kernel::Fill, Kernel::Scale].map(|kernel| Case { kernel, ..strided(size, 256) }));
        }
        cases.extend([256, 512, 1000].map(|stride| strided(size, stride).with(|options| options.walk = Walk::Line)));
    }
    // Between the share of the last cache and memory, where a column's next lines come from either.
    if level == Level::Standard {
        let between = [largest / 8, largest / 4].into_iter().filter(|&size| size > sizes[machine.caches.len() - 1]);
        cases.extend(between.flat_map(|size| [512, 1000].map(|stride| strided(size, stride))));
        cases.push(strided(largest / 4, 1000).with(|options| options.walk = Walk::Line));
    }
    // Lines of memory without the elements beside them, which columns leave in the caches.
    cases.extend([512, 1000].map(|stride| strided(largest, stride).with(|options| options.walk = Walk::Line)));
    let sparse: &[usize] = if level == Level::Full { &[2, 4, 8, 16, 64, 512] } else { &[8, 512] };
    cases.extend(sparse.iter().map(|&stride| strided(largest, stride).with(|options| options.only = 1)));
    cases
}

/// All of `size` elements, every one once, `stride` apart: the columns of rows as long as the stride.
fn strided(size: usize, stride: usize) -> Case {
    let shape = if stride == 1 { [1, size] } else { [size / stride, stride] };
    let loops = if stride == 1 { "0,1" } else { "1,0" };
    Case::new(Kernel::Sum, DType::F8, &shape, Order::C, orders(loops)).in_family("stride")
}

fn item(case: Case) -> Item {
    let visited = match (case.shape.as_slice(), case.options.only) {
        ([rows, columns], 0) => rows.saturating_mul(*columns),
        ([rows, _], only) => rows.saturating_mul(only),
        _ => return Item::against_baseline(case),
    };
    let baseline = Case { shape: vec![1, visited], loops: orders("0,1"), ..case.clone() };
    let baseline = baseline.with(|options| options.only = 0);
    if case == baseline { Item::Solo { case } } else { Item::Pair { baseline, contender: case } }
}
