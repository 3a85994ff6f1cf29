//! What users write, beside the kernel that walks the same arrays in the same order.

use super::{Family, orders};
use crate::kernel::{Idiom, Kernel, Path};
use crate::layout::{DType, Order};
use crate::suite::{Case, Item, Level, Machine};

pub(super) const FAMILY: Family = Family {
    name: "idiom",
    asks: "what indexed loops, iterators, ndarray and rayon cost on top of locality",
    baseline: "the kernel in the same loop order on the same arrays",
    needs: "the feature ndarray for the idioms that are written with it",
    cases,
    item,
};

fn cases(level: Level, machine: &Machine) -> Vec<Case> {
    let near = machine.caches.get(1).copied().unwrap_or(1 << 20) / 2;
    match level {
        Level::Quick => vec![case(Idiom::Index, Kernel::Sum, DType::F8, Order::C, "0,1", near)],
        // At a size where the loop decides, not memory.
        Level::Standard => Idiom::ALL.iter().flat_map(|&idiom| written(idiom, DType::F8, &[Order::C], near)).collect(),
        // Where memory decides, an idiom costs little: the family `order` is there for it.
        Level::Full => {
            let every = [near, machine.last() / 2].map(|bytes| [DType::F8, DType::I8].map(|dtype| (bytes, dtype)));
            let all = |(bytes, dtype)| {
                Idiom::ALL.iter().flat_map(move |&idiom| written(idiom, dtype, &[Order::C, Order::F], bytes))
            };
            every.into_iter().flatten().flat_map(all).collect()
        }
    }
}

/// An idiom with every kernel that it is written for, in the loop orders that are its own.
fn written(idiom: Idiom, dtype: DType, storage: &[Order], bytes: u64) -> Vec<Case> {
    let mut cases = Vec::new();
    for &order in storage {
        let (memory, against) = if order == Order::C { ("0,1", "1,0") } else { ("1,0", "0,1") };
        let loops: &[&str] = match idiom.path() {
            Path::Written => &["0,1", "1,0"],
            Path::Memory => &[memory],
            Path::Against => &[against],
            Path::Rows => &["0,1"],
            Path::Columns => &["1,0"],
        };
        for &kernel in idiom.kernels() {
            cases.extend(loops.iter().map(|loops| case(idiom, kernel, dtype, order, loops, bytes)));
        }
    }
    cases
}

/// A square matrix; its arrays take about `bytes`.
fn case(idiom: Idiom, kernel: Kernel, dtype: DType, order: Order, loops: &str, bytes: u64) -> Case {
    let elements = bytes / (dtype.itemsize() * kernel.roles().len()) as u64;
    let side = 1 << (elements.max(64).ilog2() / 2);
    let case = Case::new(kernel, dtype, &[side; 2], order, orders(loops)).in_family("idiom");
    case.with(|options| {
        options.idiom = Some(idiom);
        // What rayon adds shows with workers; two are there on almost every machine.
        options.threads = if idiom.is_parallel() { 2 } else { 1 };
    })
}

fn item(case: Case) -> Item {
    let baseline = case.clone().with(|options| options.idiom = None);
    if case == baseline { Item::Solo { case } } else { Item::Pair { baseline, contender: case } }
}
