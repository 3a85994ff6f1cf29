//! Walks that are neither rows nor whole columns, each by itself: further points of the time model.

use super::{Family, against, orders, sum_columns};
use crate::kernel::{Kernel, Stores, Walk};
use crate::layout::{DType, Order};
use crate::memory::PagePolicy;
use crate::suite::{Case, Edges, Item, Level, Machine};

pub(super) const FAMILY: Family = Family {
    name: "probe",
    asks: "what blocks, short runs, narrow elements and several arrays at once cost: points of the time model",
    baseline: "none: measured by itself",
    needs: "memory for the last cache",
    cases,
    item: |case| Item::Solo { case },
};

/// Columns of 8 bytes of which every row begins at the same place of a page: columns lie in one set of the first cache.
const ONE_SET: usize = 1536;
/// Columns whose rows begin everywhere.
const SPREAD: usize = 1000;
/// Rows are a whole number of these.
const STEP: usize = 32;

fn cases(level: Level, machine: &Machine) -> Vec<Case> {
    if level == Level::Quick {
        return Vec::new();
    }
    let last = machine.last();
    // Of a shared last cache a quarter is sure to be ours; half of it may be, all of it is not.
    let [near, middle, far] = [last / 4, last / 2, last].map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX) / 8);
    let sum = |elements: usize, columns: usize| sum_columns(rows(elements, columns), columns);
    let of = |kernel: Kernel, elements: usize, columns: usize| {
        against(kernel, DType::F8, [rows(elements / kernel.roles().len(), columns), columns], Order::C)
    };
    let tiled = |case: Case, edge: usize| case.with(|options| options.tile = Edges::from(edge));
    let line = |case: Case| case.with(|options| options.walk = Walk::Line);
    let mut cases = vec![sum(near, ONE_SET), sum(middle, ONE_SET)];
    cases.extend([8, 32].map(|edge| tiled(sum(middle, ONE_SET), edge)));
    cases.extend([8, 32].map(|edge| tiled(of(Kernel::Copy, middle, ONE_SET), edge)));
    cases.push(tiled(sum(far, ONE_SET), 16));
    cases.push(tiled(sum(middle, SPREAD), 8));
    // To the other order: row after row, and turned in registers, written through the caches and past them.
    let turned = |columns: usize| {
        let copy = of(Kernel::Copy, middle, columns);
        Case { loops: orders("0,1"), ..copy }.with(|options| options.dest = Some(Order::F))
    };
    cases.push(turned(ONE_SET));
    for columns in [ONE_SET, SPREAD] {
        let block = turned(columns).with(|options| options.walk = Walk::Block);
        cases.extend([block.clone(), block.with(|options| options.stores = Stores::NonTemporal)]);
    }
    // Runs of a kilobyte and less, and columns of planes.
    let space = |shape: &[usize], loops: &str| Case::new(Kernel::Sum, DType::F8, shape, Order::C, orders(loops));
    let deep = |run: usize| [rows(far, 96 * run), 96, run];
    cases.extend([space(&deep(128), "1,0,2"), space(&deep(48), "1,0,2"), space(&deep(128), "0,2,1")]);
    cases.extend(["3,2,1,0", "0,1,3,2"].map(|loops| space(&[32, 24, 40, 28], loops)));
    // Narrow and wide elements, and several arrays.
    let typed = |dtype: DType, bytes: usize, columns: usize| {
        against(Kernel::Sum, dtype, [rows(bytes / dtype.itemsize(), columns), columns], Order::C)
    };
    cases.extend([
        typed(DType::U1, 8 * near, 4096),
        typed(DType::U1, 8 * near, 3000),
        typed(DType::C16, 4 * near, 512),
    ]);
    cases.extend([
        of(Kernel::Copy, near / 2, 256),
        of(Kernel::Triad, near / 2, 512),
        of(Kernel::Triad, middle, SPREAD),
    ]);
    // More at each line.
    cases.extend([line(sum(near, 1024)), line(sum(near, SPREAD)), line(sum(middle, ONE_SET))]);
    // In the caches of a core; and rows of nine lines.
    let small = 3 * near / 64;
    cases.extend([sum(small, 64), line(sum(2 * small, 512)), line(sum(small, 256))]);
    cases.extend(
        [(small / 8, 8), (near / 16, 500), (2 * small, 512)].map(|(of_all, columns)| of(Kernel::Fill, of_all, columns)),
    );
    cases.push(of(Kernel::Copy, near / 16, 500));
    cases.extend(
        [(3 * near / 4, 72), (2 * far, 72), (7 * far / 4, 8)].map(|(elements, columns)| sum(elements, columns)),
    );
    cases.push(typed(DType::U1, 6 * near, 2048));
    // A page to each row, in both kinds of page.
    let paged = sum(2 * far, ONE_SET + 8);
    cases.extend([paged.clone(), paged.with(|options| options.pages = PagePolicy::Huge)]);
    cases.into_iter().map(|case| case.in_family(FAMILY.name)).collect()
}

/// Rows of `columns` that have some `elements` together.
fn rows(elements: usize, columns: usize) -> usize {
    (elements / columns / STEP).max(1) * STEP
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::items;

    /// What is predicted from them is none of them.
    #[test]
    fn probes_are_walks_of_no_other_family() {
        for caches in [[32 << 10, 512 << 10, 32 << 20], [48 << 10, 2 << 20, 480 << 20]] {
            let machine = Machine { caches: caches.to_vec(), memory: None, huge_pages: true, cpus: 2 };
            let items = items(Level::Standard, &machine);
            let plain = |case: &Case| case.clone().in_family("");
            let (probes, others): (Vec<&Item>, Vec<&Item>) =
                items.iter().partition(|item| item.contender().family == FAMILY.name);
            assert!(probes.len() >= 30 && probes.iter().all(|item| matches!(item, Item::Solo { .. })), "{probes:?}");
            let others: Vec<Case> = others
                .iter()
                .flat_map(|item| item.baseline().into_iter().chain([item.contender()]))
                .map(plain)
                .collect();
            for probe in probes {
                assert!(probe.contender().nest().is_ok(), "{}", probe.id());
                assert!(!others.contains(&plain(probe.contender())), "{}", probe.id());
                assert!(probe.footprint() <= 2 * machine.sized_for(Level::Standard).last(), "{}", probe.id());
            }
        }
    }
}
