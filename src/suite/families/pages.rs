//! What address translation costs: the same walk on base and on huge pages.

use super::{Family, sides, sum_columns};
use crate::kernel::{Kernel, Walk};
use crate::layout::{DType, Order};
use crate::memory::PagePolicy;
use crate::nest::LoopOrder;
use crate::suite::{Case, Item, Level, Machine};

pub(super) const FAMILY: Family = Family {
    name: "pages",
    asks: "what base pages cost against huge pages, by columns and in random order",
    baseline: "the same walk on huge pages",
    needs: "transparent huge pages, and twice the memory of four times the last cache",
    cases,
    item,
};

fn cases(level: Level, machine: &Machine) -> Vec<Case> {
    let sides = sides(machine);
    let Some(&largest) = sides.last() else { return Vec::new() };
    let columns = |side: usize| sum_columns(side, side).in_family("pages");
    let padded = |side: usize| columns(side).with(|options| options.pad = 64);
    // A line per step: nothing but translation and lines is left.
    let lines = |side: usize| {
        let lines = 1 << ((side * side / 8).max(1).ilog2() / 2);
        sum_columns(lines, lines * 8).in_family("pages").with(|options| options.walk = Walk::Line)
    };
    // One node per line; eight chains keep as many walks of the page table in flight as a loop would.
    let random = |bytes: u64, chains: usize| {
        let nodes = usize::try_from(bytes / 64).unwrap_or(usize::MAX).max(chains);
        let case = Case::new(Kernel::Chase, DType::I8, &[nodes], Order::C, LoopOrder::identity(1));
        case.in_family("pages").with(|options| options.chains = chains)
    };
    let last = machine.last();
    match level {
        Level::Quick => vec![padded(largest)],
        Level::Standard => {
            vec![padded(largest), columns(largest), lines(largest), padded(largest / 4), random(2 * last, 8)]
        }
        Level::Full => {
            let every = sides.iter().filter(|&&side| side >= 256);
            let walks = every.flat_map(|&side| [columns(side), padded(side), lines(side)]);
            let sizes = [last / 16, last / 4, last, 2 * last];
            walks.chain(sizes.into_iter().flat_map(|bytes| [1, 8].map(|chains| random(bytes, chains)))).collect()
        }
    }
}

fn item(case: Case) -> Item {
    let baseline = case.clone().with(|options| options.pages = PagePolicy::Huge);
    if case == baseline { Item::Solo { case } } else { Item::Pair { baseline, contender: case } }
}
