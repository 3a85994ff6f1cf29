//! Changes between runs on one class of machine.
//!
//! What is judged is the penalty of each pair: both members were measured in turn, so what a run has of its own cancels.
//! With `m` the mean of the log penalties of a side's runs, the change is `d = m_now - m_base`. Its variance is
//!
//! ```text
//! V = (v_now + s²) / n_now + (v_base + s²) / n_base
//! ```
//!
//! `v` is the mean variance over placements inside a run, `s` the deviation from run to run:
//! `s² = (f·e² + 8·p²) / (f + 8)`, where `e²` is what the runs show beyond `v`, with `f = n_now + n_base - 2` degrees
//! of freedom, and `p` is what one case is expected to move by, weighed as eight observations. It is 3 %, measured for ratios of
//! one pair on one host, or more where the comparison itself shows more: most cases have not changed, so with
//! eight of a size class (those that live in the same cache) `p² = (c² MAD² - median of v_now / n_now + v_base / n_base) /
//! (1 / n_now + 1 / n_base)`, where MAD is the median of `|d - median of d|` over the class of `k` and
//! `c = 1.4826 (1 - 1.16 / √k)`, a standard error below the deviation that it is for normal values. A third cache whose other
//! tenants have come or gone moves all that live in it, each in its own way. The
//! interval is Student's with Welch and Satterthwaite's degrees of freedom, in which only `v` counts as estimated: with three
//! placements that disagree it is wide, with placements that agree it is the normal one.
//!
//! A change is told if it exceeds 3 % and its p-value passes Benjamini and Hochberg's correction at 10 % over all cases
//! compared: of the changes that are told at most a tenth is false on average, and where nothing has changed nine
//! comparisons of ten tell of none. (Holm's correction would find a change of 20 % between single runs in a quarter of the
//! cases only.) Unchanged is only what has its whole 95 % interval inside the margin.

use super::tally::{Moments, Runs, Sum, Tally};
use crate::stats::{
    Interval, RUN_TO_RUN_NANOS, RUN_TO_RUN_RATIO, SAME_MARGIN, benjamini_hochberg, mad, median, t_quantile, two_sided_t,
};
use crate::suite::SizeClass;
use std::collections::BTreeMap;

/// Observations that the deviation measured beforehand counts as.
const PRIOR: f64 = 8.0;
/// Cases of a size class that tell together what one of them is expected to move by.
const NEIGHBOURS: usize = 8;
/// The standard deviation of a normal distribution over its median absolute deviation.
const NORMAL_MAD: f64 = 1.4826;
/// The relative standard error of a deviation found that way from one value, which shrinks with their square root.
const MAD_ERROR: f64 = 1.16;
/// Degrees of freedom beyond which Student's distribution is taken for the normal one.
const MOST_FREEDOM: f64 = 1e4;
/// The share of false alarms among what is told.
const RATE: f64 = 0.1;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// Changes up to this are no regression, and an interval inside it is no change: 0.05 is 5 %.
    pub threshold: f64,
}

/// What is said of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Said {
    /// The penalty has grown.
    Slower,
    /// The penalty has shrunk.
    Faster,
    /// Neither can be told.
    Inconclusive,
    /// The interval lies inside the margin.
    Unchanged,
}

impl Said {
    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Slower => "slower",
            Self::Faster => "faster",
            Self::Inconclusive => "inconclusive",
            Self::Unchanged => "unchanged",
        }
    }
}

/// One quantity of one case on both sides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judged {
    /// Now over before, with its 95 % interval; 1 is no change.
    pub change: Interval,
    /// The verdict.
    pub said: Said,
    /// Whether it has grown, by more than the threshold.
    pub beyond: bool,
}

/// One case on both sides.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The case.
    pub id: String,
    /// Penalty of the baseline and of now.
    pub penalties: [f64; 2],
    /// Of the penalty; beyond the threshold it is a regression.
    pub penalty: Judged,
    /// Nanoseconds per step of the contender, before and now.
    pub nanos: [f64; 2],
    /// Of the contender's time; beyond the threshold it is a slowdown. Whatever slows a run as a whole is in it too.
    pub time: Judged,
    /// Runs on either side.
    pub runs: [usize; 2],
    /// Why it is inconclusive, where that is not the width of the interval.
    pub why: Option<&'static str>,
}

/// One quantity of one case: its moments now and before, with how many runs they are of.
struct Difference {
    class: Option<SizeClass>,
    /// Whether it counts for what its class is expected to move by.
    calm: bool,
    sides: [(Moments, f64); 2],
}

impl Difference {
    #[expect(clippy::cast_precision_loss, reason = "runs are few")]
    fn new(class: Option<SizeClass>, calm: bool, sides: [&Runs; 2], of: impl Fn(&Runs) -> Sum) -> Self {
        Self { class, calm, sides: sides.map(|runs| (of(runs).moments(runs.runs), runs.runs as f64)) }
    }

    /// By how much the logarithm has grown.
    fn grown(&self) -> f64 {
        let [(now, _), (before, _)] = self.sides;
        now.mean - before.mean
    }

    /// The variance that placements explain.
    fn within(&self) -> f64 {
        self.sides.iter().map(|(side, n)| side.within / n).sum()
    }

    /// What a variance from run to run is multiplied by.
    fn share(&self) -> f64 {
        self.sides.iter().map(|(_, n)| 1.0 / n).sum()
    }

    /// The change, not judged yet, and its p-value, if it is expected to move by `prior` from run to run.
    fn estimated(&self, prior: f64) -> (Judged, f64) {
        let [(a, n), (b, n0)] = self.sides;
        let freedom = n + n0 - 2.0;
        let shown = if freedom > 0.0 { (a.squares + b.squares) / freedom } else { 0.0 };
        let extra = (shown - f64::midpoint(a.within, b.within)).max(0.0);
        let between = (freedom * extra + PRIOR * prior.powi(2)) / (freedom + PRIOR);
        let variance = self.within() + between * self.share();
        // Welch and Satterthwaite: only what the placements have shown is uncertain itself.
        let uncertain: f64 = self.sides.iter().map(|(side, n)| (side.within / n).powi(2) / side.freedom.max(1.0)).sum();
        let freedom = (variance.powi(2) / uncertain.max(f64::MIN_POSITIVE)).min(MOST_FREEDOM);
        let (d, deviation) = (self.grown(), variance.sqrt());
        let half = t_quantile(0.975, freedom) * deviation;
        let change = Interval { estimate: d, low: d - half, high: d + half }.map(f64::exp);
        (Judged { change, said: Said::Inconclusive, beyond: false }, two_sided_t(d / deviation, freedom))
    }
}

/// What a case of `class` is expected to move by from run to run: `least`, or what its neighbours show.
#[expect(clippy::cast_precision_loss, reason = "cases are few")]
fn expected(class: Option<SizeClass>, all: &[Difference], least: f64) -> f64 {
    let class: Vec<&Difference> = all.iter().filter(|one| one.calm && one.class == class).collect();
    if class.len() < NEIGHBOURS {
        return least;
    }
    let middle = |of: &dyn Fn(&Difference) -> f64| {
        median(&class.iter().map(|&one| of(one)).collect::<Vec<_>>()).unwrap_or_default()
    };
    let grown: Vec<f64> = class.iter().map(|one| one.grown()).collect();
    // Less its own standard error: what the class shows has to be more than chance.
    let spread = NORMAL_MAD * mad(&grown).unwrap_or_default() * (1.0 - MAD_ERROR / (grown.len() as f64).sqrt());
    let beyond = (spread.powi(2) - middle(&Difference::within)).max(0.0) / middle(&Difference::share);
    beyond.sqrt().max(least)
}

/// The changes of one quantity and their p-values.
fn estimates(all: &[Difference], least: f64) -> Vec<(Judged, f64)> {
    let mut known = BTreeMap::new();
    let mut prior = |class| *known.entry(class).or_insert_with(|| expected(class, all, least));
    all.iter().map(|one| one.estimated(prior(one.class))).collect()
}

/// Judges one quantity of all cases, those that may be.
fn judge<'a>(of: impl Iterator<Item = (&'a mut Judged, bool)>, p_values: &[f64], rule: Rule) {
    let significant = benjamini_hochberg(p_values, RATE);
    for ((one, may), significant) in of.zip(significant) {
        if !may {
            continue;
        }
        let change = one.change.estimate - 1.0;
        if significant && change.abs() > SAME_MARGIN {
            one.said = if change > 0.0 { Said::Slower } else { Said::Faster };
            one.beyond = change > rule.threshold;
        } else if one.change.low > 1.0 / (1.0 + rule.threshold) && one.change.high < 1.0 + rule.threshold {
            one.said = Said::Unchanged;
        }
    }
}

/// Every case that both sides have, the worst first; runs of either side are pooled.
#[must_use]
pub fn changes(now: &Tally, baseline: &Tally, rule: Rule) -> Vec<Change> {
    let mut ids: Vec<&String> = now.cases.keys().filter(|id| baseline.cases.contains_key(*id)).collect();
    ids.sort_unstable();
    let (mut penalties, mut times, mut found) = (Vec::new(), Vec::new(), Vec::new());
    for id in &ids {
        let sides = [&now.cases[*id], &baseline.cases[*id]];
        // A run whose control failed says nothing here, unless there is no other to show.
        let calm = sides.iter().all(|side| side.calm.runs > 0);
        let runs = sides.map(|side| if side.calm.runs > 0 { &side.calm } else { &side.noisy });
        penalties.push(Difference::new(sides[0].class, calm, runs, |runs| runs.penalty));
        times.push(Difference::new(sides[0].class, calm, runs, |runs| runs.contender));
        found.push((runs, calm));
    }
    let penalties = estimates(&penalties, RUN_TO_RUN_RATIO);
    let times = estimates(&times, RUN_TO_RUN_NANOS);
    let [p_penalties, p_times] = [&penalties, &times].map(|all| all.iter().map(|(_, p)| *p).collect::<Vec<_>>());
    let judged = penalties.into_iter().zip(times);
    let mut found: Vec<Change> = ids
        .into_iter()
        .zip(found)
        .zip(judged)
        .map(|((id, ([ours, theirs], calm)), ((penalty, _), (time, _)))| Change {
            id: id.clone(),
            penalties: [theirs, ours].map(|runs| runs.penalty.moments(runs.runs).mean.exp()),
            penalty,
            nanos: [theirs.nanos(), ours.nanos()],
            time,
            runs: [theirs.runs, ours.runs],
            why: (!calm).then_some("the null control of its size class failed"),
        })
        .collect();
    judge(found.iter_mut().map(|one| (&mut one.penalty, one.why.is_none())), &p_penalties, rule);
    judge(found.iter_mut().map(|one| (&mut one.time, one.why.is_none())), &p_times, rule);
    found.sort_by(|a, b| {
        let worse = b.penalty.change.estimate.total_cmp(&a.penalty.change.estimate);
        a.penalty.said.cmp(&b.penalty.said).then(worse).then_with(|| a.id.cmp(&b.id))
    });
    found
}

#[cfg(test)]
mod tests {
    use super::super::run::{Cell, Estimate, Run};
    use super::*;
    use crate::units::Rng;

    fn run(number: usize, penalties: impl Iterator<Item = f64>) -> Run {
        let cell = |log_penalty| Cell {
            penalty: Estimate { log: log_penalty, variance: Some(1e-4), freedom: 5 },
            contender: Estimate { log: log_penalty, variance: Some(1e-4), freedom: 5 },
            nanos: f64::exp(log_penalty),
            footprint_bytes: 1 << 20,
            class: SizeClass::Cache(1),
            noisy: false,
            simulated_l1: None,
        };
        Run {
            bundle_id: number.to_string(),
            run_id: number.to_string(),
            created: String::new(),
            digest: String::new(),
            whole: true,
            class_id: String::new(),
            machine: serde_json::from_str(
                r#"{"arch":"x86_64","vendor":null,"family":null,"model":null,"stepping":null,
                "model_name":null,"caches":[],"page_bytes":null,"smt":null,"physical_cores":null,"hypervisor":null}"#,
            )
            .unwrap(),
            cpu: String::new(),
            plan: String::new(),
            planned: [0, 0],
            debug: false,
            caches: vec![],
            cells: penalties.enumerate().map(|(case, value)| (format!("case{case}"), cell(value))).collect(),
        }
    }

    fn told(now: &[Run], baseline: &[Run], rule: Rule) -> Vec<Change> {
        changes(&Tally::of(now), &Tally::of(baseline), rule)
    }

    /// Runs of 30 cases that differ by 2.8 % from one to the next: how often something is said, nothing having changed,
    /// and how often what has changed is found.
    #[test]
    fn alarms_are_rare_and_changes_are_found() {
        let mut rng = Rng::new(7);
        let mut normal = move || 0.028 * ((0..12).map(|_| rng.unit()).sum::<f64>() - 6.0);
        for (runs, change, least_found) in [(1, 0.2_f64, 0.95), (4, 0.1, 0.95)] {
            let (mut alarms, mut found, mut compared) = (0, 0, 0);
            for trial in 0..40 {
                let mut side = |by: f64| -> Vec<Run> {
                    (0..runs)
                        .map(|n| {
                            run(
                                trial * 100 + n,
                                (0..30)
                                    .map(|c| if c < 3 { 1.0 + by } else { 1.0 } + normal())
                                    .collect::<Vec<_>>()
                                    .into_iter(),
                            )
                        })
                        .collect()
                };
                let (same, base, worse) = (side(0.0), side(0.0), side(change.ln_1p()));
                let rule = Rule { threshold: 0.05 };
                alarms += told(&same, &base, rule).iter().filter(|one| one.penalty.said < Said::Inconclusive).count();
                let told = told(&worse, &base, rule);
                found += told
                    .iter()
                    .filter(|one| one.penalty.beyond && one.id.len() == 5 && one.id.as_str() < "case3")
                    .count();
                compared += 1;
            }
            assert!(alarms <= 40 * 30 * 3 / 100, "{alarms} of {}", 40 * 30);
            assert!(
                f64::from(u32::try_from(found).unwrap()) >= least_found * f64::from(3 * compared),
                "{runs}: {found}"
            );
        }
    }

    /// Between two single runs the cases of a size class show how far one moves.
    #[test]
    fn a_class_that_moves_as_a_whole_hides_no_change_and_one_that_scatters_tells_none() {
        let mut rng = Rng::new(5);
        let mut around = |by: f64| (0..30).map(|_| by * (rng.unit() - 0.5)).collect::<Vec<f64>>();
        let compared = |now: Vec<f64>| {
            let (base, rule) = (run(0, std::iter::repeat_n(0.0, 30)), Rule { threshold: 0.05 });
            told(&[run(1, now.into_iter())], &[base], rule)
        };
        // Up to 20 % either way: a change of 20 % may be nothing, one of 70 % is none of these.
        let mut scattered = around(0.4);
        assert!(compared(scattered.clone()).iter().all(|one| one.penalty.said >= Said::Inconclusive));
        scattered[3] = 0.7_f64.ln_1p();
        let found = compared(scattered);
        assert!(found[0].id == "case3" && found[0].penalty.beyond && found[1].penalty.said >= Said::Inconclusive);
        // All dearer by 20 %, give or take 2: that is no scatter.
        let dearer = around(0.04).into_iter().map(|by| by + 0.2_f64.ln_1p()).collect();
        assert!(compared(dearer).iter().all(|one| one.penalty.beyond));
    }

    #[test]
    fn one_run_each_cannot_say_unchanged() {
        let (a, b) = ([run(0, [1.0].into_iter())], [run(1, [1.0].into_iter())]);
        let found = told(&a, &b, Rule { threshold: 0.05 });
        assert_eq!(found[0].penalty.said, Said::Inconclusive);
        let found = told(&a, &b, Rule { threshold: 0.2 });
        assert_eq!(found[0].penalty.said, Said::Unchanged);
    }
}
