//! Summaries, always recomputed from the raw samples.

use super::model::{Bundle, CaseInfo, CaseRecord, PairRecord};
use crate::counters::EventStatus;
use crate::host::{ClassCache, Kind};
use crate::measure::{Block, SoloBlock};
use crate::stats::{self, Interval, Penalty, Verdict};
use crate::suite::SizeClass;
use serde_json::Value;

/// Nanoseconds per innermost step over all samples that are used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PerStep {
    /// The median.
    pub median: f64,
    /// The 10 % quantile.
    pub low: f64,
    /// The 90 % quantile.
    pub high: f64,
}

/// Which member of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Member {
    /// What the other is divided by.
    Baseline,
    /// Whose cost is asked for.
    Contender,
}

#[expect(clippy::cast_precision_loss, reason = "nanoseconds of a sample and steps of a pass are below 2^53")]
fn per_step(samples: &[(u64, u64)], steps: u64) -> Option<PerStep> {
    let mut values: Vec<f64> =
        samples.iter().map(|(ns, passes)| *ns as f64 / *passes as f64 / steps.max(1) as f64).collect();
    // Three quantiles of sorted values take one sort.
    values.sort_unstable_by(f64::total_cmp);
    let quantile = |q| stats::quantile(&values, q);
    Some(PerStep { median: quantile(0.5)?, low: quantile(0.1)?, high: quantile(0.9)? })
}

/// Each sample of a placement, with the passes that it took.
fn samples(block: &SoloBlock) -> impl Iterator<Item = (u64, u64)> {
    block.ns.iter().map(|&ns| (ns, block.passes))
}

impl PairRecord {
    /// The log ratios of the rounds that are used, per placement.
    #[must_use]
    pub fn log_ratios(&self) -> Vec<Vec<f64>> {
        let of = |block: &Block| {
            let (baseline, contender) = block.used_samples();
            stats::log_ratios(&baseline, &contender)
        };
        self.blocks.iter().map(of).collect()
    }

    /// What the contender costs; `None` without samples.
    #[must_use]
    pub fn penalty(&self) -> Option<Penalty> {
        stats::penalty(&self.log_ratios())
    }

    /// Rounds that are used.
    #[must_use]
    pub fn rounds(&self) -> usize {
        self.blocks.iter().map(|block| block.used_rounds().count()).sum()
    }

    /// Nanoseconds per step of one member.
    #[must_use]
    pub fn per_step(&self, member: Member) -> Option<PerStep> {
        let mut samples = Vec::new();
        for block in &self.blocks {
            let (baseline, contender) = block.used_samples();
            let one = if member == Member::Baseline { baseline } else { contender };
            samples.extend(one.into_iter().map(|ns| (ns, block.passes)));
        }
        per_step(&samples, self.baseline.steps)
    }

    /// Simulated misses per step of one member at level `level` (0 is the first cache), of a pass over warm caches.
    #[must_use]
    pub fn simulated_misses(&self, member: Member, level: usize) -> Option<f64> {
        let figures = self.simulated.as_ref()?;
        let value = if member == Member::Baseline { &figures.baseline } else { &figures.contender };
        simulated_misses(value, level, self.baseline.steps)
    }
}

/// Simulated misses per step at a level, of a pass over warm caches.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts are below 2^53, as the reader checks")]
pub fn simulated_misses(report: &Value, level: usize, steps: u64) -> Option<f64> {
    let misses = report.get("warm")?.get("levels")?.get(level)?.get("misses")?.as_u64()?;
    Some(misses as f64 / steps.max(1) as f64)
}

impl CaseRecord {
    /// Nanoseconds per step.
    #[must_use]
    pub fn per_step(&self) -> Option<PerStep> {
        per_step(&self.blocks.iter().flat_map(samples).collect::<Vec<_>>(), self.case.steps)
    }

    /// Nanoseconds per step, the mean of the middle half of the placements' medians: what a core shares with another thread is there
    /// in some placements and not in others.
    #[must_use]
    pub fn midmean_per_step(&self) -> Option<f64> {
        let of = |block| per_step(&samples(block).collect::<Vec<_>>(), self.case.steps).map(|step| step.median);
        stats::midmean(&self.blocks.iter().filter_map(of).collect::<Vec<f64>>())
    }

    /// Bytes per nanosecond (GB/s) that the program reads and writes.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        rate(&self.case, self.per_step()?.median)
    }
}

/// Bytes per nanosecond (GB/s) that the program reads and writes at `ns` per step.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "bytes of a pass are below 2^53, as the reader checks")]
pub fn rate(case: &CaseInfo, ns: f64) -> Option<f64> {
    let bytes = (case.bytes_read + case.bytes_written) as f64 / case.steps.max(1) as f64;
    (ns > 0.0).then(|| bytes / ns)
}

impl Bundle {
    /// Why hardware events were not counted: each reason with the number of events; empty if all were.
    #[must_use]
    pub fn uncounted(&self) -> Vec<(String, usize)> {
        let events: Vec<EventStatus> = serde_json::from_value(self.header.counters.clone()).unwrap_or_default();
        let mut reasons: Vec<(String, usize)> = Vec::new();
        for reason in events.iter().filter(|event| !event.raw.starts_with("software:")).filter_map(|event| event.reason)
        {
            let words = reason.to_string();
            match reasons.iter_mut().find(|(known, _)| *known == words) {
                Some((_, number)) => *number += 1,
                None => reasons.push((words, 1)),
            }
        }
        reasons
    }

    /// The CPU's name, as it was written; see [`super::shown`] before it is shown.
    #[must_use]
    pub fn cpu_name(&self) -> String {
        let machine = &self.header.machine;
        machine.model_name.clone().unwrap_or_else(|| format!("{} CPU", machine.arch))
    }

    fn caches(&self) -> impl Iterator<Item = &ClassCache> {
        self.header.machine.caches.iter().filter(|cache| cache.kind != Kind::Instruction)
    }

    /// Data caches: name and bytes, from the CPU outwards.
    #[must_use]
    pub fn data_caches(&self) -> Vec<(String, u64)> {
        let suffix = |cache: &ClassCache| if cache.kind == Kind::Data { "d" } else { "" };
        self.caches().map(|cache| (format!("L{}{}", cache.level, suffix(cache)), cache.bytes)).collect()
    }

    /// Where a working set lies on that machine.
    #[must_use]
    pub fn size_class(&self, bytes: u64) -> SizeClass {
        SizeClass::of(bytes, self.caches().map(|cache| cache.bytes))
    }

    /// Null controls: each with the interval of its rounds, as a ratio (99 %).
    pub fn nulls(&self) -> impl Iterator<Item = (&PairRecord, Interval)> {
        let of = |pair: &PairRecord| stats::sign_interval(&pair.log_ratios().concat(), 0.99);
        self.pairs.iter().filter(|pair| pair.null).filter_map(move |pair| Some((pair, of(pair)?.map(f64::exp))))
    }

    /// Whether the null control of the class of `bytes` disqualifies its verdicts.
    #[must_use]
    pub fn is_noisy(&self, bytes: u64) -> bool {
        let class = self.size_class(bytes);
        let of_class = |pair: &&PairRecord| pair.null && self.size_class(pair.contender.footprint_bytes) == class;
        self.pairs.iter().filter(of_class).any(|pair| stats::null_is_noisy(&pair.log_ratios().concat()))
    }

    /// What this run says of a pair: whether the contender costs more on these arrays.
    #[must_use]
    pub fn verdict(&self, pair: &PairRecord) -> Verdict {
        stats::verdict(&pair.log_ratios().concat(), self.is_noisy(pair.contender.footprint_bytes))
    }

    /// Whether this run says anything of a pair: a figure of one that it does not may stand in no sentence.
    #[must_use]
    pub fn is_sure(&self, pair: &PairRecord) -> bool {
        self.verdict(pair) != Verdict::Inconclusive
    }

    /// Null controls that failed.
    #[must_use]
    pub fn noisy_nulls(&self) -> usize {
        let nulls = self.pairs.iter().filter(|pair| pair.null);
        nulls.filter(|pair| stats::null_is_noisy(&pair.log_ratios().concat())).count()
    }

    /// The floor of a walk, nanoseconds per step: the same walk inside the first cache.
    #[must_use]
    pub fn floor(&self, case: &CaseInfo) -> Option<f64> {
        let same = |record: &&CaseRecord| {
            record.case.family == "floor"
                && record.case.kernel == case.kernel
                && record.case.dtype == case.dtype
                && record.case.options.get("walk") == case.options.get("walk")
        };
        self.cases.iter().find(same)?.per_step().map(|per_step| per_step.median)
    }

    /// The roof of a working set, GB/s: contiguous vectors of the same kernel in the same size class; `None` where that
    /// was not measured.
    #[must_use]
    pub fn roof(&self, case: &CaseInfo) -> Option<f64> {
        let class = self.size_class(case.footprint_bytes);
        let same = |record: &&CaseRecord| {
            let roof = &record.case;
            let like = roof.kernel == case.kernel && roof.is_in_base_pages();
            roof.family == "roof" && like && self.size_class(roof.footprint_bytes) == class
        };
        self.cases.iter().find(same)?.rate()
    }
}
