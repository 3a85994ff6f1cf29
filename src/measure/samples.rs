//! Raw samples, as a bundle keeps them.

use crate::counters::Reading;
use crate::memory::Buffer;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Rounds on one placement. A round is two samples of each member, in the order ABBA or BAAB.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Number of the placement (fresh arrays elsewhere), from 0.
    pub placement: u32,
    /// Milliseconds since the run began.
    pub at_ms: u64,
    /// Passes per sample, the same for both members.
    pub passes: u64,
    /// One digit per round: 0 for ABBA (A is the baseline), 1 for BAAB.
    pub orders: String,
    /// Nanoseconds per sample of the baseline, two per round, in time order.
    pub baseline_ns: Vec<u64>,
    /// Nanoseconds per sample of the contender, two per round, in time order.
    pub contender_ns: Vec<u64>,
    /// Rounds that were disturbed and are left out of the summary, with the word that says how.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub disturbed: BTreeMap<u32, String>,
    /// What pages the arrays lay in: those of both members, or the contender's.
    pub pages: Obtained,
    /// What pages the baseline's arrays lay in, where it has arrays of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline_pages: Option<Obtained>,
    /// Events counted around each sample, where a run asked for them; the clock is read inside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<SampleCounts>,
}

/// Events per sample, by name: one value per sample in time order, null where the event had no turn or no counter of
/// its own for the whole sample. Never scaled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleCounts {
    /// Of the baseline's samples.
    pub baseline: BTreeMap<String, Vec<Option<u64>>>,
    /// Of the contender's samples.
    pub contender: BTreeMap<String, Vec<Option<u64>>>,
}

impl SampleCounts {
    /// Adds what was read around sample number `sample` of a member.
    pub(super) fn record(&mut self, contender: bool, sample: usize, readings: &[Reading]) {
        let events = if contender { &mut self.contender } else { &mut self.baseline };
        for reading in readings {
            let exact = reading.value().filter(|_| reading.is_exact());
            if exact.is_none() && !events.contains_key(reading.event()) {
                continue;
            }
            let values = events.entry(reading.event().to_owned()).or_default();
            values.resize(sample, None);
            values.push(exact);
        }
    }

    /// Every event has as many values as there are samples.
    pub(super) fn complete(&mut self, samples: usize) {
        self.baseline.values_mut().chain(self.contender.values_mut()).for_each(|values| values.resize(samples, None));
    }
}

impl Block {
    /// Complete rounds.
    #[must_use]
    pub fn rounds(&self) -> usize {
        self.orders.len().min(self.baseline_ns.len() / 2).min(self.contender_ns.len() / 2)
    }

    /// The rounds that a summary uses: those that nothing disturbed, or all if those are fewer than three quarters: then
    /// disturbances belong to this machine, and few rounds would prove less than many.
    pub fn used_rounds(&self) -> impl Iterator<Item = usize> {
        let disturbed = |round: usize| u32::try_from(round).is_ok_and(|round| self.disturbed.contains_key(&round));
        let rounds = 0..self.rounds();
        let calm = rounds.clone().filter(|&round| !disturbed(round)).count();
        let all = calm * 4 < self.rounds() * 3;
        rounds.filter(move |&round| all || !disturbed(round))
    }

    /// The baseline's samples of a round.
    #[must_use]
    pub fn baseline_of(&self, round: usize) -> [u64; 2] {
        [self.baseline_ns[2 * round], self.baseline_ns[2 * round + 1]]
    }

    /// The contender's samples of a round.
    #[must_use]
    pub fn contender_of(&self, round: usize) -> [u64; 2] {
        [self.contender_ns[2 * round], self.contender_ns[2 * round + 1]]
    }

    /// The samples of the rounds that are used: baseline and contender, in time order.
    #[must_use]
    pub fn used_samples(&self) -> (Vec<u64>, Vec<u64>) {
        let baseline = self.used_rounds().flat_map(|round| self.baseline_of(round)).collect();
        (baseline, self.used_rounds().flat_map(|round| self.contender_of(round)).collect())
    }
}

/// Samples of one case on one placement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoloBlock {
    /// Number of the placement, from 0.
    pub placement: u32,
    /// Milliseconds since the run began.
    pub at_ms: u64,
    /// Passes per sample.
    pub passes: u64,
    /// Nanoseconds per sample.
    pub ns: Vec<u64>,
    /// What pages the arrays lay in.
    pub pages: Obtained,
}

/// The pages that a mapping really had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Obtained {
    /// `base` or `huge`: what was asked for.
    pub policy: String,
    /// Bytes in base pages; absent where the system does not tell.
    pub base_bytes: Option<u64>,
    /// Bytes in huge pages; absent where the system does not tell.
    pub huge_bytes: Option<u64>,
    /// Why figures are absent or the pages are not what was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Obtained {
    /// Of all buffers together.
    #[must_use]
    pub fn of(buffers: &[Buffer]) -> Self {
        let reports: Vec<_> = buffers.iter().map(Buffer::pages).collect();
        let policy = buffers.first().map_or("base", |buffer| buffer.policy().name()).to_owned();
        Self {
            policy,
            base_bytes: reports.iter().map(|report| report.base_bytes).sum(),
            huge_bytes: reports.iter().map(|report| report.huge_bytes).sum(),
            reason: reports.into_iter().find_map(|report| report.reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disturbed_rounds_are_left_out_while_most_are_calm() {
        let pages = Obtained { policy: "base".into(), base_bytes: None, huge_bytes: None, reason: None };
        let (ns, disturbed) = ((1..=8).collect::<Vec<u64>>(), BTreeMap::from([(1, "steal".to_owned())]));
        let mut block = Block {
            placement: 0,
            at_ms: 0,
            passes: 1,
            orders: "0101".into(),
            baseline_ns: ns.clone(),
            contender_ns: ns,
            disturbed,
            pages,
            baseline_pages: None,
            counts: None,
        };
        assert_eq!(block.used_samples().0, [1, 2, 5, 6, 7, 8]);
        block.disturbed.insert(0, "migration".into());
        assert!(block.used_rounds().eq(0..4));
    }
}
