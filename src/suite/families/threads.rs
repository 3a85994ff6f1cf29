//! Several pinned workers on one array: what each gets, how the work scales, and lines that two of them write.

use super::{Family, orders};
use crate::kernel::{Kernel, Split, Walk};
use crate::layout::{DType, Order};
use crate::nest::LoopOrder;
use crate::suite::{Case, Item, Level, Machine};

pub(super) const FAMILY: Family = Family {
    name: "threads",
    asks: "how work scales over pinned workers, rows, columns and blocks per worker, and what it costs to share a line",
    baseline: "one thread; for columns and blocks rows per worker; for neighbouring accumulators padded ones",
    needs: "two CPUs, and memory for four times the last cache",
    cases,
    item,
};

/// Bytes from accumulator to accumulator that share nothing: two lines, since some CPUs fetch them in pairs.
const APART: u64 = 128;
/// Updates of an accumulator in a pass.
const UPDATES: usize = 1 << 16;

fn cases(level: Level, machine: &Machine) -> Vec<Case> {
    let bytes = 4 * machine.last();
    // Also on a machine with one CPU, where they are skipped with the reason.
    let all = machine.cpus.max(2);
    let workers = |case: Case, threads: u32| case.with(|options| options.threads = threads);
    let mut cases = vec![workers(stream(Kernel::Sum, bytes), all), accumulators(all)];
    if level == Level::Quick {
        return cases;
    }
    let counts: Vec<u32> = counts(all, level);
    for &threads in &counts {
        cases.push(workers(stream(Kernel::Sum, bytes), threads));
        cases.push(workers(stream(Kernel::Copy, bytes), threads));
        cases.push(accumulators(threads));
        for kernel in if level == Level::Full { &[Kernel::Sum, Kernel::Copy, Kernel::Fill][..] } else { &[Kernel::Sum] }
        {
            cases.push(workers(matrix(*kernel, bytes, "0,1"), threads));
            cases.push(workers(matrix(*kernel, bytes, "1,0"), threads));
            for split in [Split::Inner, Split::Blocks] {
                cases.push(workers(matrix(*kernel, bytes, "0,1"), threads).with(|options| options.split = split));
            }
        }
    }
    if level == Level::Full {
        let last = machine.last() / 2;
        cases.extend(counts.iter().map(|&threads| workers(stream(Kernel::Sum, last), threads)));
    }
    cases
}

/// Numbers of workers up to all: doubling, and all of them.
fn counts(all: u32, level: Level) -> Vec<u32> {
    if level == Level::Full && all <= 16 {
        return (2..=all).collect();
    }
    let doubling = std::iter::successors(Some(2_u32), |count| count.checked_mul(2)).take_while(|&count| count < all);
    doubling.chain([all]).collect()
}

/// Vectors along a dense array: what bandwidth allows.
fn stream(kernel: Kernel, bytes: u64) -> Case {
    let lines = usize::try_from(bytes / 64 / kernel.roles().len() as u64).unwrap_or(1);
    let case = Case::new(kernel, DType::F8, &[lines.max(1) * 8], Order::C, LoopOrder::identity(1));
    case.in_family("threads").with(|options| options.walk = Walk::Stream)
}

/// An element per step of a square matrix.
fn matrix(kernel: Kernel, bytes: u64, loops: &str) -> Case {
    let elements = bytes / 8 / kernel.roles().len() as u64;
    let side = 1 << (elements.max(64).ilog2() / 2);
    Case::new(kernel, DType::F8, &[side; 2], Order::C, orders(loops)).in_family("threads")
}

/// One accumulator per worker, updated in memory at each step: 8 bytes apart, so that all lie in a line or two.
fn accumulators(threads: u32) -> Case {
    let workers = usize::try_from(threads).unwrap_or(usize::MAX);
    let case = Case::new(Kernel::Scale, DType::F8, &[workers, 1], Order::C, orders("0,1")).in_family("threads");
    case.with(|options| {
        options.repeat = UPDATES;
        options.threads = threads;
    })
}

fn item(case: Case) -> Item {
    let plain = case.baseline();
    let baseline = if case.options.repeat > 1 {
        case.clone().with(|options| options.pad = APART - case.dtype.itemsize() as u64)
    } else if case.options.split != Split::Outer || case.loops != plain.loops {
        plain.with(|options| options.split = Split::Outer)
    } else {
        case.clone().with(|options| options.threads = 1)
    };
    if case == baseline { Item::Solo { case } } else { Item::Pair { baseline, contender: case } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(id: &str) -> [String; 2] {
        let item = item(id.parse().unwrap());
        [item.baseline().unwrap().to_string(), item.id()]
    }

    #[test]
    fn each_question_has_its_baseline() {
        let matrix = "threads/sum/f8/4096x4096/C";
        assert_eq!(pair(&format!("{matrix}/0,1/threads=4"))[0], format!("{matrix}/0,1"));
        for other in ["1,0/threads=4", "0,1/split=inner/threads=4", "0,1/split=blocks/threads=4"] {
            assert_eq!(pair(&format!("{matrix}/{other}"))[0], format!("{matrix}/0,1/threads=4"));
        }
        assert_eq!(
            pair("threads/scale/f8/2x1/C/0,1/repeat=65536/threads=2")[0],
            "threads/scale/f8/2x1/C/0,1/pad=120/repeat=65536/threads=2"
        );
        assert_eq!((counts(8, Level::Standard), counts(6, Level::Standard)), (vec![2, 4, 8], vec![2, 4, 6]));
        assert_eq!(counts(2, Level::Full), [2]);
    }

    #[test]
    fn accumulators_are_neighbours_and_those_of_the_baseline_share_no_line() {
        let item = item(accumulators(3));
        let nest = item.contender().nest().unwrap();
        assert_eq!((nest.operands()[0].steps.clone(), nest.accesses()), (vec![8, 8, 0], 3 * 2 * UPDATES as u64));
        assert_eq!(item.baseline().unwrap().nest().unwrap().operands()[0].steps, [128, 8, 0]);
    }
}
