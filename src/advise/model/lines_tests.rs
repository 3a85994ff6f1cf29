//! Tests of which lines are counted, and how they are told apart.

use super::super::habit::FETCHING;
use super::*;

fn missed(line: u64, level: usize, crowded: bool, role: Role) -> Missed {
    Missed { operand: 0, line, level, crowded, role }
}

/// Lines that are stored in order are one each; those that come back before four others are gathered, later ones are not.
#[test]
fn stores_past_the_caches_are_gathered() {
    let counts = |lines: &mut dyn Iterator<Item = u64>| {
        let mut past = Past::default();
        lines.for_each(|line| past.store(line));
        past.counts
    };
    let rows = |rows: u64| (0..8).flat_map(move |_| (0..rows).map(|row| row * 100));
    assert_eq!(counts(&mut (0..64).flat_map(|line| [line; 8])), [63.0, 1.0]);
    assert_eq!(counts(&mut rows(4)), [0.0, 4.0]);
    assert_eq!(counts(&mut rows(5)), [0.0, 40.0]);
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
    // Streams that meet in many sets are streams, and what is written goes with the lines.
    let written = |step: u64, role: Role| {
        let mut counts = Counts::of(3, Waits::Sets);
        (0..64).for_each(|line| counts.line(missed(line * step, 2, true, role), Pattern::Among));
        (counts.lines[2].map(|count| count / 64.0), counts.written[2].map(|count| count / 64.0))
    };
    assert_eq!(written(4, Role::Update), ([0.0, 1.0, 0.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0, 0.0]));
    assert_eq!(written(32, Role::Update), ([0.0, 0.0, 0.0, 0.0, 0.5, 0.5], [0.0, 0.5, 0.0, 0.5, 0.0]));
    assert_eq!(written(8, Role::Write), ([0.0, 0.0, 0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 1.0, 0.0, 0.0]));
    assert_eq!(written(64, Role::Write), ([0.0, 0.0, 0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 0.0, 1.0]));
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
