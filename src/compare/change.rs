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
//! interval is that of a normal distribution.
//!
//! A change is told if it exceeds 3 % and its p-value passes Benjamini and Hochberg's correction at 10 % over all cases
//! compared: of the changes that are told at most a tenth is false on average, and where nothing has changed nine
//! comparisons of ten tell of none. (Holm's correction would find a change of 20 % between single runs in a quarter of the
//! cases only.) Unchanged is only what has its whole 95 % interval inside the margin.

use super::run::{Cell, Run};
use crate::stats::{Interval, RUN_TO_RUN_RATIO, SAME_MARGIN, benjamini_hochberg, normal_quantile, two_sided};
use std::collections::BTreeMap;

/// Observations that the deviation measured beforehand counts as.
const PRIOR: f64 = 8.0;
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

/// One case on both sides.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The case.
    pub id: String,
    /// Penalty of the baseline and of now.
    pub penalties: [f64; 2],
    /// Penalty now over penalty before, with its 95 % interval; 1 is no change.
    pub change: Interval,
    /// Nanoseconds per step of the contender, before and now: advisory.
    pub nanos: [f64; 2],
    /// Runs on either side.
    pub runs: [usize; 2],
    /// The verdict.
    pub said: Said,
    /// Whether it is a regression by the rule: slower, by more than the threshold.
    pub regression: bool,
    /// Why it is inconclusive, where that is not the width of the interval.
    pub why: Option<&'static str>,
}

#[expect(clippy::cast_precision_loss, reason = "runs are few")]
fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = values.len() as f64;
    values.sum::<f64>() / n
}

/// Mean, mean variance inside runs, sum of squares around the mean.
fn moments(cells: &[&Cell]) -> [f64; 3] {
    let m = mean(cells.iter().map(|cell| cell.log_penalty));
    // A single placement tells nothing of its variance; that of a run holds it.
    let v = mean(cells.iter().map(|cell| cell.variance.unwrap_or(RUN_TO_RUN_RATIO.powi(2))));
    [m, v, cells.iter().map(|cell| (cell.log_penalty - m).powi(2)).sum()]
}

/// Every case that both sides have, the worst first; runs of either side are pooled.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "runs are few")]
pub fn changes(now: &[Run], baseline: &[Run], rule: Rule) -> Vec<Change> {
    let gather = |runs: &'_ [Run]| -> BTreeMap<String, Vec<Cell>> {
        let mut cells: BTreeMap<String, Vec<Cell>> = BTreeMap::new();
        for run in runs {
            for (id, cell) in &run.cells {
                cells.entry(id.clone()).or_default().push(cell.clone());
            }
        }
        cells
    };
    let (now, before) = (gather(now), gather(baseline));
    let mut found = Vec::new();
    let mut p_values = Vec::new();
    for (id, ours) in &now {
        let Some(theirs) = before.get(id) else { continue };
        let (ours, theirs): (Vec<&Cell>, Vec<&Cell>) = (ours.iter().collect(), theirs.iter().collect());
        let ([m, v, squares], [m0, v0, squares0]) = (moments(&ours), moments(&theirs));
        let (n, n0) = (ours.len() as f64, theirs.len() as f64);
        let freedom = n + n0 - 2.0;
        let extra = if freedom > 0.0 { ((squares + squares0) / freedom - f64::midpoint(v, v0)).max(0.0) } else { 0.0 };
        let between = (freedom * extra + PRIOR * RUN_TO_RUN_RATIO.powi(2)) / (freedom + PRIOR);
        let deviation = ((v + between) / n + (v0 + between) / n0).sqrt();
        let (d, half) = (m - m0, normal_quantile(0.975) * deviation);
        p_values.push(two_sided(d / deviation));
        let nanos = |cells: &[&Cell]| mean(cells.iter().map(|cell| cell.nanos[1]));
        let noisy = ours.iter().chain(&theirs).any(|cell| cell.noisy);
        found.push(Change {
            id: id.clone(),
            penalties: [m0.exp(), m.exp()],
            change: Interval { estimate: d, low: d - half, high: d + half }.map(f64::exp),
            nanos: [nanos(&theirs), nanos(&ours)],
            runs: [theirs.len(), ours.len()],
            said: Said::Inconclusive,
            regression: false,
            why: noisy.then_some("the null control of its size class failed"),
        });
    }
    let significant = benjamini_hochberg(&p_values, RATE);
    for (one, significant) in found.iter_mut().zip(significant) {
        if one.why.is_some() {
            continue;
        }
        let change = one.change.estimate - 1.0;
        if significant && change.abs() > SAME_MARGIN {
            one.said = if change > 0.0 { Said::Slower } else { Said::Faster };
            one.regression = change > rule.threshold;
        } else if one.change.low > 1.0 / (1.0 + rule.threshold) && one.change.high < 1.0 + rule.threshold {
            one.said = Said::Unchanged;
        }
    }
    found.sort_by(|a, b| {
        let worse = b.change.estimate.total_cmp(&a.change.estimate);
        a.said.cmp(&b.said).then(worse).then_with(|| a.id.cmp(&b.id))
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Rng;

    fn run(number: usize, penalties: impl Iterator<Item = f64>) -> Run {
        let cell = |log_penalty| Cell {
            log_penalty,
            variance: Some(1e-4),
            nanos: [1.0, log_penalty.exp()],
            footprint_bytes: 1 << 20,
            noisy: false,
            simulated_l1: None,
        };
        Run {
            bundle_id: number.to_string(),
            run_id: number.to_string(),
            created: String::new(),
            digest: String::new(),
            class_id: String::new(),
            machine: serde_json::from_str(
                r#"{"arch":"x86_64","vendor":null,"family":null,"model":null,"stepping":null,
                "model_name":null,"caches":[],"page_bytes":null,"smt":null,"physical_cores":null,"hypervisor":null}"#,
            )
            .unwrap(),
            cpu: String::new(),
            plan: String::new(),
            debug: false,
            caches: vec![],
            cells: penalties.enumerate().map(|(case, value)| (format!("case{case}"), cell(value))).collect(),
        }
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
                alarms += changes(&same, &base, rule).iter().filter(|one| one.said < Said::Inconclusive).count();
                let told = changes(&worse, &base, rule);
                found +=
                    told.iter().filter(|one| one.regression && one.id.len() == 5 && one.id.as_str() < "case3").count();
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
        let told = changes(&a, &b, Rule { threshold: 0.05 });
        assert_eq!(told[0].said, Said::Inconclusive);
        let told = changes(&a, &b, Rule { threshold: 0.2 });
        assert_eq!(told[0].said, Said::Unchanged);
    }
}
