//! Tests of the fit and of what neighbours tell.

use super::*;
use crate::units::Rng;

/// What one kind of walk takes beyond the form is told by the others of its kind, and not of other kinds.
#[test]
fn neighbours_tell_what_is_left_over() {
    let walk = |streams: f64, far: f64, ns: f64| {
        let lines = vec![[streams, 0.0, 0.0, far, 0.0, 0.0]];
        let traffic = Traffic { lines, written: vec![[0.0; 5]], translations: vec![0.0], ..Traffic::default() };
        Timed { id: format!("{streams} {far}"), traffic: std::array::from_fn(|_| traffic.clone()), core: 0.1, ns }
    };
    let mut costs = Costs::start(&Known { stream: vec![1.0], latency: vec![Some(16.0)], tlbs: 1, last: 1e5 });
    let [streams, far] = [walk(1.0, 0.0, 1.0), walk(0.0, 1.0, 2.0)];
    let parts = [&streams, &far].map(|walk| costs.parts(&walk.traffic[0], walk.core));
    let left = |kind: usize, log| Left { parts: parts[kind].clone(), log };
    let told = |costs: &Costs, walk: &Timed| costs.correction(&walk.traffic[0], walk.core).ln();
    costs.left = vec![left(0, 0.3), left(0, 0.3), left(1, -0.2)];
    assert!((told(&costs, &streams) - 0.6 / 2.5).abs() < 1e-9, "{}", told(&costs, &streams));
    assert!((told(&costs, &far) + 0.2 / 1.5).abs() < 1e-9, "{}", told(&costs, &far));
    // One that is spoilt tells no more than the most that is believed.
    costs.left = vec![left(0, 9.0)];
    assert!((told(&costs, &streams) - MOST_LEFT / 1.5).abs() < 1e-9, "{}", told(&costs, &streams));
}

/// Points made with known costs and one habit give them back.
#[test]
fn the_fit_finds_the_costs_and_the_habit_that_made_the_points() {
    const HABIT: usize = 2;
    let lines_of = |index: usize| {
        let mut lines = vec![[0.0; 6]; 3];
        lines[index % 3][index / 3 % 6] = [0.125, 1.0][index / 18 % 2];
        lines
    };
    let truth = Costs {
        habit: HABIT,
        line: vec![[1.0, 0.9, 1.5, 2.0, 3.0, 4.0], [1.5, 1.3, 3.0, 6.0, 8.0, 10.0], [4.0, 3.0, 6.0, 9.0, 12.0, 15.0]],
        written: vec![1.0, 1.5, 4.0],
        written_crowd: [1.2, 0.3],
        load: 0.5,
        last: [1.6e5, 0.06],
        past: [3.0, 12.0],
        translation: vec![1.0, 7.0],
        crossing: vec![1.0, 7.0],
        split: 0.6,
        turn: 0.3,
        run: 1.0,
        block: 5.0,
        overlap: [2.0; 2],
        deviation: 0.0,
        left: vec![],
    };
    let mut rng = Rng::new(1);
    let point = |index: usize| {
        let lines = lines_of(index);
        let far = if index % 3 == 2 && index / 36 % 2 == 1 { 1.0 } else { 0.0 };
        let [translations, split] = if index.is_multiple_of(2) { [far, 0.0] } else { [0.0, far] };
        let (translations, split) = (vec![0.0, translations], vec![0.0, split]);
        let past = if index % 10 == 9 { [0.0, 1.0] } else { [0.0; 2] };
        let mut written = vec![[0.0; 5]; 3];
        written[index % 3][index / 3 % 5] = [0.0, 1.0][index % 7 / 6];
        let again = (0..3).map(|level| if index % 11 == level { 2.0 } else { 0.0 }).collect();
        let turns = if index % 5 == 4 { 3.0 } else { 0.0 };
        let traffic = Traffic { lines, written, again, past, translations, split, turns, ..Traffic::default() };
        let ns = truth.time(&traffic, 0.2) * (1.0 + 0.02 * (rng.unit() - 0.5));
        // On cores of other habits the lines would be others.
        let other = Traffic { lines: lines_of((index * 7 + 3) % 72), ..traffic.clone() };
        let traffic = std::array::from_fn(|habit| if habit == HABIT { traffic.clone() } else { other.clone() });
        Timed { id: index.to_string(), traffic, core: 0.2, ns }
    };
    let points: Vec<Timed> = (0..216).map(point).collect();
    let known =
        Known { stream: vec![1.2, 1.3, 5.0], latency: vec![Some(4.0), Some(15.0), Some(90.0)], tlbs: 2, last: 1e5 };
    let found = Costs::fit(&known, &points);
    assert!(found.habit == HABIT && found.deviation < 0.05, "{found:?}");
    for (cost, known) in found.line.iter().flatten().zip(truth.line.iter().flatten()) {
        assert!((cost / known).ln().abs() < 0.15, "{found:?}");
    }
    assert!((found.translation[1] / 7.0).ln().abs() < 0.15, "{found:?}");
    assert!((found.past[1] / 12.0).ln().abs() < 0.15, "{found:?}");
    assert!((found.split / 0.6).ln().abs() < 0.15, "{found:?}");
    assert!((found.turn / 0.3).ln().abs() < 0.2, "{found:?}");
    assert!((found.load / 0.5).ln().abs() < 0.2, "{found:?}");
    for (share, known) in found.written_crowd.iter().zip(truth.written_crowd) {
        assert!((share / known).ln().abs() < 0.2, "{found:?}");
    }
}
