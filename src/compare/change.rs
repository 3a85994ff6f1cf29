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
//! `s² = (f·e² + 8·0.03²) / (f + 8)`, where `e²` is what the runs show beyond `v`, with `f = n_now + n_base - 2` degrees
//! of freedom, and 3 % is what was measured for ratios of one pair on one host, weighed as eight observations. The
//! interval is Student's with Welch and Satterthwaite's degrees of freedom, in which only `v` counts as estimated: with three
//! placements that disagree it is wide, with placements that agree it is the normal one.
//!
//! A change is told if it exceeds 3 % and its p-value passes Benjamini and Hochberg's correction at 10 % over all cases
//! compared: of the changes that are told at most a tenth is false on average, and where nothing has changed nine
//! comparisons of ten tell of none. (Holm's correction would find a change of 20 % between single runs in a quarter of the
//! cases only.) Unchanged is only what has its whole 95 % interval inside the margin.

use super::tally::{Moments, Runs, Sum, Tally};
use crate::stats::{
    Interval, RUN_TO_RUN_NANOS, RUN_TO_RUN_RATIO, SAME_MARGIN, benjamini_hochberg, t_quantile, two_sided_t,
};

/// Observations that the deviation measured beforehand counts as.
const PRIOR: f64 = 8.0;
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

/// The change of a quantity that moves by `prior` from run to run, not judged yet, and its p-value.
#[expect(clippy::cast_precision_loss, reason = "runs are few")]
fn estimated([now, before]: [&Runs; 2], of: impl Fn(&Runs) -> Sum, prior: f64) -> (Judged, f64) {
    let (n, n0) = (now.runs as f64, before.runs as f64);
    let [a, b]: [Moments; 2] = [now, before].map(|runs| of(runs).moments(runs.runs));
    let freedom = n + n0 - 2.0;
    let shown = if freedom > 0.0 { (a.squares + b.squares) / freedom } else { 0.0 };
    let extra = (shown - f64::midpoint(a.within, b.within)).max(0.0);
    let between = (freedom * extra + PRIOR * prior.powi(2)) / (freedom + PRIOR);
    let variance = (a.within + between) / n + (b.within + between) / n0;
    // Welch and Satterthwaite: only what the placements have shown is uncertain itself.
    let share = |of: Moments, n: f64| (of.within / n).powi(2) / of.freedom.max(1.0);
    let freedom = variance.powi(2) / (share(a, n) + share(b, n0)).max(f64::MIN_POSITIVE);
    let (d, deviation) = (a.mean - b.mean, variance.sqrt());
    let half = t_quantile(0.975, freedom.min(MOST_FREEDOM)) * deviation;
    let change = Interval { estimate: d, low: d - half, high: d + half }.map(f64::exp);
    let p = two_sided_t(d / deviation, freedom.min(MOST_FREEDOM));
    (Judged { change, said: Said::Inconclusive, beyond: false }, p)
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
    let mut found = Vec::new();
    let (mut penalties, mut times) = (Vec::new(), Vec::new());
    for id in ids {
        let sides = [&now.cases[id], &baseline.cases[id]];
        // A run whose control failed says nothing here, unless there is no other to show.
        let noisy = sides.iter().any(|side| side.calm.runs == 0);
        let runs = sides.map(|side| if side.calm.runs > 0 { &side.calm } else { &side.noisy });
        let (penalty, p) = estimated(runs, |runs| runs.penalty, RUN_TO_RUN_RATIO);
        penalties.push(p);
        let (time, p) = estimated(runs, |runs| runs.contender, RUN_TO_RUN_NANOS);
        times.push(p);
        let [ours, theirs] = runs;
        found.push(Change {
            id: id.clone(),
            penalties: [theirs, ours].map(|runs| runs.penalty.moments(runs.runs).mean.exp()),
            penalty,
            nanos: [theirs.nanos(), ours.nanos()],
            time,
            runs: [theirs.runs, ours.runs],
            why: noisy.then_some("the null control of its size class failed"),
        });
    }
    judge(found.iter_mut().map(|one| (&mut one.penalty, one.why.is_none())), &penalties, rule);
    judge(found.iter_mut().map(|one| (&mut one.time, one.why.is_none())), &times, rule);
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

    #[test]
    fn one_run_each_cannot_say_unchanged() {
        let (a, b) = ([run(0, [1.0].into_iter())], [run(1, [1.0].into_iter())]);
        let found = told(&a, &b, Rule { threshold: 0.05 });
        assert_eq!(found[0].penalty.said, Said::Inconclusive);
        let found = told(&a, &b, Rule { threshold: 0.2 });
        assert_eq!(found[0].penalty.said, Said::Unchanged);
    }
}
