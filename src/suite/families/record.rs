//! One field of many records: an array of structures against a structure of arrays.

use super::{Family, orders};
use crate::kernel::Kernel;
use crate::layout::{DType, Order};
use crate::suite::{Case, Item, Level, Machine};

pub(super) const FAMILY: Family = Family {
    name: "record",
    asks: "what one field costs in an array of structures, one channel of an image stored by pixels, the real part of a complex array",
    baseline: "the field by itself, as in a structure of arrays",
    needs: "memory for four times the last cache",
    cases,
    item,
};

fn cases(level: Level, machine: &Machine) -> Vec<Case> {
    let second = machine.caches.get(1).copied().unwrap_or(1 << 20);
    let (near, far) = (second / 2, 4 * machine.last());
    let mut cases = vec![field(Kernel::Sum, DType::F8, 8, far)];
    if level == Level::Quick {
        return cases;
    }
    // Two f8 are a complex number; four bytes a pixel with its opacity.
    cases.extend([2, 4, 16].map(|fields| field(Kernel::Sum, DType::F8, fields, far)));
    cases.push(field(Kernel::Sum, DType::F8, 8, near));
    cases.push(channel(DType::U1, 3, far));
    if level == Level::Full {
        for bytes in [machine.first() / 2, near, machine.last() / 2, far] {
            for fields in [2, 3, 4, 8, 16, 32] {
                cases.push(field(Kernel::Sum, DType::F8, fields, bytes));
                cases.push(field(Kernel::Copy, DType::F8, fields, bytes));
            }
            for dtype in [DType::U1, DType::F4] {
                cases.extend([3, 4].map(|channels| channel(dtype, channels, bytes)));
            }
        }
    }
    cases
}

/// The first of `fields` fields of as many records as take `bytes`.
fn field(kernel: Kernel, dtype: DType, fields: usize, bytes: u64) -> Case {
    let records = usize::try_from(bytes).unwrap_or(usize::MAX) / dtype.itemsize() / fields;
    first(Case::new(kernel, dtype, &[records.max(1), fields], Order::C, orders("1,0")))
}

/// The first channel of an image that keeps the channels of a pixel together.
fn channel(dtype: DType, channels: usize, bytes: u64) -> Case {
    let pixels = usize::try_from(bytes).unwrap_or(usize::MAX) / dtype.itemsize() / channels;
    let side = pixels.isqrt().max(1);
    first(Case::new(Kernel::Sum, dtype, &[side, side, channels], Order::C, orders("2,0,1")))
}

fn first(case: Case) -> Case {
    case.in_family("record").with(|options| options.only = 1)
}

/// The same elements without the others between them.
fn item(case: Case) -> Item {
    if case.options.only == 0 {
        return Item::against_baseline(case);
    }
    let mut shape = case.shape.clone();
    shape[case.fastest()] = case.options.only;
    let baseline = Case { shape, ..case.clone() }.with(|options| options.only = 0);
    Item::Pair { baseline, contender: case }
}
