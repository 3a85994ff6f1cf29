//! Tests of which lines are counted, and how they are told apart.

use super::super::habit::FETCHING;
use super::*;

fn missed(line: u64, level: usize, crowded: bool, role: Role) -> Missed {
    Missed { operand: 0, line, level, crowded, role }
}

/// Lines of few sets or banks wait for each other, those of all do not.
#[test]
fn crowds_are_told_apart_by_sets_or_banks() {
    let crowded = |step: u64, waits: Waits| {
        let mut counts = Counts::of(3, waits);
        (0..64).for_each(|line| counts.line(missed(line * step, 0, true, Role::Read), Pattern::Far));
        counts.tell_apart();
        assert!((counts.lines[0].iter().sum::<f64>() - 64.0).abs() < 1e-9);
        [Pattern::Few, Pattern::One].map(|pattern| counts.lines[0][pattern as usize] / 64.0)
    };
    let told = |step: u64, waits: Waits, [few, one]: [f64; 2]| {
        let found = crowded(step, waits);
        assert!((found[0] - few).abs() < 1e-9 && (found[1] - one).abs() < 1e-9, "{step} {waits:?}: {found:?}");
    };
    for (step, few) in [(1, 0.0), (2, 1.0 / 3.0), (4, 1.0), (64, 1.0)] {
        told(step, Waits::Banks, [few, 0.0]);
    }
    // Every set of sixteen and more, eight, four, two and one.
    for (step, few) in [(4, [0.0; 2]), (8, [1.0, 0.0]), (16, [1.0, 0.0]), (32, [0.5, 0.5]), (64, [0.0, 1.0])] {
        told(step, Waits::Sets, few);
    }
    // Where a column of one set ends another set's lines are under way: half of them see two sets, which wait half as long.
    let columns = |rows: u64| {
        let mut counts = Counts::of(3, Waits::Sets);
        let lines = (0..16 * rows).map(|n| (n % rows) * 64 + n / rows);
        lines.for_each(|line| counts.line(missed(line, 0, true, Role::Read), Pattern::Far));
        counts.tell_apart();
        counts.lines[0][Pattern::One as usize] / (16 * rows) as f64
    };
    for (rows, one) in [(64, 0.75), (128, 0.875), (256, 0.9375)] {
        assert!((columns(rows) - one).abs() < 0.02, "{rows}: {}", columns(rows));
    }
    // Streams that meet in many sets are streams, and what is written goes with the lines.
    let among = |step: u64, role: Role| {
        let mut counts = Counts::of(3, Waits::Sets);
        (0..64).for_each(|line| counts.line(missed(line * step, 2, true, role), Pattern::Among));
        counts
    };
    let written = |step: u64, role: Role| {
        let counts = among(step, role);
        (counts.lines[2].map(|count| count / 64.0), counts.written[2].map(|count| count / 64.0))
    };
    assert_eq!(written(4, Role::Update), ([0.0, 1.0, 0.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0, 0.0]));
    // Two sets of the second cache's lines are half of one, of others' all.
    assert_eq!(written(32, Role::Update), ([0.0, 0.0, 0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 1.0, 0.0]));
    assert_eq!(written(8, Role::Write), ([0.0, 0.0, 0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 1.0, 0.0, 0.0]));
    assert_eq!(written(64, Role::Write), ([0.0, 0.0, 0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 0.0, 1.0]));
    // Those that are read are brought into the second cache, and wait there.
    let read = among(8, Role::Read);
    assert_eq!((read.lines[2][Pattern::Among as usize], read.lines[0][Pattern::Few as usize]), (64.0, 64.0));
    assert_eq!(among(4, Role::Read).lines[0], [0.0; 6]);
    let served = Served { cache: 3, crowded: false, crowded_first: true };
    let crowded = |waits: Waits| Fetches::new(3, 1, Fetching { waits, ..FETCHING[1] }, 64).crowded(&served);
    assert!(crowded(Waits::Sets) && !crowded(Waits::Banks));
    // Lines of sets that are not crowded keep their pattern, in whatever bank.
    let mut counts = Counts::of(3, Waits::Banks);
    (0..64).for_each(|line| counts.line(missed(line * 4, 1, false, Role::Write), Pattern::Near));
    counts.tell_apart();
    assert!((counts.lines[1][Pattern::Near as usize] - 64.0).abs() < 1e-9);
    assert!((counts.written[1][0] - 64.0).abs() < 1e-9);
}
