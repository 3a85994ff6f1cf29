//! Sliding windows: the view against an array that holds every window, and what making that array costs.

use super::{Family, orders};
use crate::kernel::Kernel;
use crate::layout::{DType, Order};
use crate::suite::{Case, Edges, Form, Item, Level, Machine};

pub(super) const FAMILY: Family = Family {
    name: "window",
    asks: "whether sliding windows are better walked as a view or copied into an array first, and after how many passes",
    baseline: "the array of all windows, walked as it lies",
    needs: "memory for the view and the array of its windows",
    cases,
    item,
};

fn cases(level: Level, machine: &Machine) -> Vec<Case> {
    // Eight windows of eight make the dense array of the far size four times the last cache.
    let second = machine.caches.get(1).copied().unwrap_or(1 << 20);
    let (near, far) = (second / 16, machine.last() / 2);
    let line = |bytes: u64, edge: usize| one_axis(bytes, edge, "0,1");
    let dilated = |bytes: u64| line(bytes, 8).with(|options| options.dilate = 2);
    let hopping = |bytes: u64| line(bytes, 8).with(|options| options.hop = 4);
    let mut cases = vec![line(far, 8), copied(line(far, 8))];
    if level >= Level::Standard {
        cases.extend([line(near, 8), copied(line(near, 8)), one_axis(near, 8, "1,0"), two_axes(near, 3, "2,3,0,1")]);
        cases.extend([
            two_axes(near, 3, "0,1,2,3"),
            copied(two_axes(near, 3, "0,1,2,3")),
            dilated(near),
            hopping(near),
        ]);
    }
    if level == Level::Full {
        for bytes in [machine.first() / 16, near, far / 4, far] {
            for edge in [3, 8, 16] {
                cases.extend([line(bytes, edge), copied(line(bytes, edge)), one_axis(bytes, edge, "1,0")]);
            }
            for edge in [3, 5] {
                cases.extend(["0,1,2,3", "2,3,0,1"].map(|loops| two_axes(bytes, edge, loops)));
                cases.push(copied(two_axes(bytes, edge, "0,1,2,3")));
            }
            cases.extend([dilated(bytes), copied(dilated(bytes)), hopping(bytes), copied(hopping(bytes))]);
        }
    }
    cases
}

/// Windows of `edge` elements over one axis of about `bytes`.
fn one_axis(bytes: u64, edge: usize, loops: &str) -> Case {
    let elements = usize::try_from(bytes / 8).unwrap_or(usize::MAX).max(2 * edge);
    windows(&[elements], edge, loops)
}

/// Windows of `edge` by `edge` elements over a square of about `bytes`.
fn two_axes(bytes: u64, edge: usize, loops: &str) -> Case {
    let side = usize::try_from(bytes / 8).unwrap_or(usize::MAX).isqrt().max(2 * edge);
    windows(&[side; 2], edge, loops)
}

fn windows(shape: &[usize], edge: usize, loops: &str) -> Case {
    let case = Case::new(Kernel::Sum, DType::F8, shape, Order::C, orders(loops)).in_family("window");
    case.with(|options| options.window = Edges::from(edge))
}

/// Making the array of all windows.
fn copied(case: Case) -> Case {
    Case { kernel: Kernel::Copy, ..case }
}

/// View and copy are both divided by the sum over the dense array, so that their ratios tell when the copy pays.
fn item(case: Case) -> Item {
    if case.options.window.is_none() {
        return Item::against_baseline(case);
    }
    let dense = Case { kernel: Kernel::Sum, ..case.clone() }.baseline().with(|options| options.form = Form::Dense);
    if case == dense { Item::Solo { case } } else { Item::Pair { baseline: dense, contender: case } }
}
