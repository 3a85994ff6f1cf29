//! Loads that wait for each other: what one access costs when nothing hides it.

use super::Family;
use crate::kernel::Kernel;
use crate::layout::{DType, Order};
use crate::memory::PagePolicy;
use crate::nest::{LINE, LoopOrder};
use crate::suite::{Case, Item, Level, Machine};

pub(super) const FAMILY: Family = Family {
    name: "latency",
    asks: "what a load costs that the next one waits for, one node per line and per page, in random order",
    baseline: "none: measured by itself",
    needs: "memory for eight times the last cache; huge pages for some cases",
    cases,
    item: |case| Item::Solo { case },
};

const PAGE: usize = 4096;
/// Smallest set.
const LEAST: u64 = 4 << 10;
/// Pages that a curve of a TLB runs through: from few to twice what second TLBs hold.
const FEWEST_PAGES: u64 = 8;
const MOST_PAGES: u64 = 4096;

fn cases(level: Level, machine: &Machine) -> Vec<Case> {
    let second = machine.caches.get(1).copied().unwrap_or(1 << 20);
    let huge = |case: Case| case.with(|options| options.pages = PagePolicy::Huge);
    let lines = |bytes: u64| chase(bytes, LINE);
    let pages = |bytes: u64| chase(bytes, PAGE);
    let near = [lines(machine.first() / 2), lines(second / 2)];
    let far = 2 * machine.last();
    // A page holds one node: the set takes few lines, and as many entries of the TLBs as pages.
    let cases: Vec<Case> = match level {
        Level::Quick => return near.to_vec(),
        Level::Standard => {
            let every = sizes(LEAST, far, 1).into_iter().step_by(2).map(lines);
            let curves = inference(machine, second);
            every.chain([huge(lines(far)), pages(second), pages(far), huge(pages(far))]).chain(curves).collect()
        }
        Level::Full => {
            let most = 8 * machine.last();
            // Where the first caches end every sixteenth of an octave is seen; beyond, a pass takes long.
            let every = sizes(LEAST, 2 * second, 16).into_iter().chain(sizes(2 * second, most, 2)).map(lines);
            let others = sizes(LEAST, most, 1).into_iter();
            every
                .chain(others.clone().map(lines).map(huge))
                .chain(others.flat_map(|b| [pages(b), huge(pages(b))]))
                .collect()
        }
    };
    near.into_iter().chain(cases).collect()
}

/// What the sizes of caches and TLBs are inferred from (`advise::infer`): one node per line, on huge pages where there
/// are some so that no TLB mixes in; and as many nodes on as many base pages, and beside one another.
fn inference(machine: &Machine, second: u64) -> impl Iterator<Item = Case> {
    let policy = if machine.huge_pages { PagePolicy::Huge } else { PagePolicy::Base };
    let on = |case: Case, pages: PagePolicy| case.with(|options| options.pages = pages);
    let dense = sizes(LEAST, 2 * second, 8).into_iter().chain(sizes(2 * second, 4 * machine.last(), 3));
    let nodes = sizes(FEWEST_PAGES, MOST_PAGES, 4);
    // A line further in every page, or all nodes would meet in one set of the first cache.
    let sparse = |&nodes: &u64| chase(nodes * (PAGE + LINE) as u64, PAGE + LINE);
    let beside = nodes.iter().map(|nodes| chase(nodes * LINE as u64, LINE)).collect::<Vec<_>>();
    let sparse: Vec<Case> = nodes.iter().map(sparse).collect();
    dense.map(move |bytes| on(chase(bytes, LINE), policy)).chain(beside).chain(sparse)
}

/// Sizes from `least` to `most`, so many per octave.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sizes")]
fn sizes(least: u64, most: u64, per_octave: u32) -> Vec<u64> {
    let octaves = (most as f64 / least as f64).log2();
    let points = (octaves * f64::from(per_octave) + 0.5) as u32;
    (0..=points).map(|k| (least as f64 * (f64::from(k) / f64::from(per_octave)).exp2()) as u64).collect()
}

/// A random cycle over `bytes`, one node in every `pitch`.
fn chase(bytes: u64, pitch: usize) -> Case {
    let nodes = usize::try_from(bytes).unwrap_or(usize::MAX) / pitch;
    let case = Case::new(Kernel::Chase, DType::I8, &[nodes.max(1)], Order::C, LoopOrder::identity(1));
    case.in_family("latency").with(|options| options.pitch = pitch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_run_evenly_from_the_first_to_the_last() {
        assert_eq!(sizes(4096, 16_384, 1), [4096, 8192, 16_384]);
        let sixteenths = sizes(4096, 8192, 16);
        assert_eq!((sixteenths.len(), sixteenths[16]), (17, 8192));
        assert!(sixteenths.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
