//! What a block of work counted, and the arithmetic on it: pure, so that it needs no PMU to be tested.

use super::event::Event;
use super::reason::Reason;
use serde::{Deserialize, Serialize};

/// The state of one event when its group was read: totals since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Count.
    pub value: u64,
    /// Nanoseconds for which it was enabled.
    pub enabled_ns: u64,
    /// Nanoseconds for which it had a counter.
    pub running_ns: u64,
}

/// One event over one block: a count as it was read, never scaled, or the reason why there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Reading {
    /// It was counted.
    Counted {
        /// Name of the event.
        event: String,
        /// How the kernel was asked for it.
        raw: String,
        /// The count.
        value: u64,
        /// Nanoseconds for which it was enabled.
        enabled_ns: u64,
        /// Nanoseconds for which it had a counter; never 0.
        running_ns: u64,
    },
    /// It was not.
    Absent {
        /// Name of the event.
        event: String,
        /// How the kernel was asked for it.
        raw: String,
        /// Why.
        absent: Reason,
    },
}

impl Reading {
    /// From two states of an event; one that had no counter in between is absent.
    #[must_use]
    pub fn between(event: &Event, before: Totals, after: Totals) -> Self {
        let running_ns = after.running_ns.saturating_sub(before.running_ns);
        if running_ns == 0 {
            return Self::absent(event, Reason::NotScheduled);
        }
        Self::Counted {
            event: event.name.to_owned(),
            raw: event.raw(),
            value: after.value.saturating_sub(before.value),
            enabled_ns: after.enabled_ns.saturating_sub(before.enabled_ns),
            running_ns,
        }
    }

    /// An event that was not counted.
    #[must_use]
    pub fn absent(event: &Event, reason: Reason) -> Self {
        Self::Absent { event: event.name.to_owned(), raw: event.raw(), absent: reason }
    }

    /// Name of the event.
    #[must_use]
    pub fn event(&self) -> &str {
        match self {
            Self::Counted { event, .. } | Self::Absent { event, .. } => event,
        }
    }

    /// The count as it was read, if it was.
    #[must_use]
    pub const fn value(&self) -> Option<u64> {
        match self {
            Self::Counted { value, .. } => Some(*value),
            Self::Absent { .. } => None,
        }
    }

    /// Why it is absent, if it is.
    #[must_use]
    pub const fn reason(&self) -> Option<Reason> {
        match self {
            Self::Counted { .. } => None,
            Self::Absent { absent, .. } => Some(*absent),
        }
    }

    /// Whether it had a counter all the time, so that its value is a count and needs no estimate.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        matches!(self, Self::Counted { enabled_ns, running_ns, .. } if running_ns >= enabled_ns)
    }

    /// The count for the whole block: the value itself if it is exact, else an estimate to be labelled as one.
    #[must_use]
    pub fn estimate(&self) -> Option<u64> {
        match self {
            Self::Counted { value, enabled_ns, running_ns, .. } => Some(scale(*value, *enabled_ns, *running_ns)),
            Self::Absent { .. } => None,
        }
    }

    /// The same reading without what an empty block counts: never below zero, and 0 only if something was counted.
    #[must_use]
    pub fn less(&self, overhead: u64) -> Self {
        match self.clone() {
            Self::Counted { event, raw, value, enabled_ns, running_ns } => {
                Self::Counted { event, raw, value: value.saturating_sub(overhead), enabled_ns, running_ns }
            }
            absent @ Self::Absent { .. } => absent,
        }
    }
}

/// `value * enabled / running`, saturating; `value` itself if nothing is missing or nothing ran.
fn scale(value: u64, enabled_ns: u64, running_ns: u64) -> u64 {
    if running_ns == 0 || running_ns >= enabled_ns {
        return value;
    }
    let scaled = u128::from(value) * u128::from(enabled_ns) / u128::from(running_ns);
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

/// The sum of the workers' readings, event by event. An event that one worker lacks is absent with that reason: part
/// of a sum is no count.
#[must_use]
pub fn sum(workers: &[Vec<Reading>]) -> Vec<Reading> {
    let Some((first, others)) = workers.split_first() else { return Vec::new() };
    let column = |index: usize| others.iter().filter_map(move |worker| worker.get(index));
    first.iter().enumerate().map(|(index, reading)| column(index).fold(reading.clone(), |a, b| add(&a, b))).collect()
}

fn add(one: &Reading, other: &Reading) -> Reading {
    match (one, other) {
        (
            Reading::Counted { event, raw, value, enabled_ns, running_ns },
            Reading::Counted { value: value2, enabled_ns: enabled2, running_ns: running2, .. },
        ) => Reading::Counted {
            event: event.clone(),
            raw: raw.clone(),
            value: value.saturating_add(*value2),
            enabled_ns: enabled_ns.saturating_add(*enabled2),
            running_ns: running_ns.saturating_add(*running2),
        },
        (Reading::Absent { .. }, _) => one.clone(),
        (_, Reading::Absent { .. }) => other.clone(),
    }
}

/// One event summed over the blocks in which its group had its turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Total {
    /// The sum of the readings, or the reason why there is none.
    #[serde(flatten)]
    pub reading: Reading,
    /// Blocks that were counted.
    pub blocks: u32,
    /// Accesses of these blocks.
    pub accesses: u64,
    /// The same count by worker, where several counted; null for one that did not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub workers: Vec<Option<u64>>,
}

/// Sums blocks in which groups take turns: each event keeps the number of accesses that it saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    totals: Vec<Total>,
}

impl Tally {
    /// Adds a block of `accesses` accesses. Every block must list the same events.
    pub fn add(&mut self, readings: &[Reading], accesses: u64) {
        for reading in readings {
            let known = self.totals.iter_mut().find(|total| total.reading.event() == reading.event());
            let counted = reading.value().is_some();
            match known {
                Some(total) if counted && total.reading.value().is_some() => {
                    total.reading = add(&total.reading, reading);
                    total.blocks += 1;
                    total.accesses = total.accesses.saturating_add(accesses);
                }
                Some(total) => {
                    if counted || prefer(reading.reason(), total.reading.reason()) {
                        *total = one(reading, accesses);
                    }
                }
                None => self.totals.push(one(reading, accesses)),
            }
        }
    }

    /// Adds a block that several workers counted: their sum, and each one's part of it.
    pub fn add_workers(&mut self, workers: &[Vec<Reading>], accesses: u64) {
        let sums = sum(workers);
        self.add(&sums, accesses);
        for (index, total) in self.totals.iter_mut().enumerate() {
            total.workers.resize(workers.len(), None);
            // A block that is no part of the sum is no part of its parts.
            if total.reading.value().is_some() && sums[index].value().is_none() {
                continue;
            }
            for (all, readings) in total.workers.iter_mut().zip(workers) {
                if let Some(value) = readings.get(index).and_then(Reading::value) {
                    *all = Some(all.unwrap_or(0).saturating_add(value));
                }
            }
        }
    }

    /// The sums so far, in the order of the events.
    #[must_use]
    pub fn totals(&self) -> &[Total] {
        &self.totals
    }
}

fn one(reading: &Reading, accesses: u64) -> Total {
    let counted = reading.value().is_some();
    let accesses = if counted { accesses } else { 0 };
    Total { reading: reading.clone(), blocks: counted.into(), accesses, workers: Vec::new() }
}

/// That another group had its turn is the weakest reason.
fn prefer(new: Option<Reason>, old: Option<Reason>) -> bool {
    old == Some(Reason::OtherGroup) && new.is_some_and(|new| new != Reason::OtherGroup)
}

#[cfg(test)]
mod tests {
    use super::super::event::GENERIC;
    use super::*;

    fn event(name: &str) -> Event {
        *GENERIC.iter().find(|event| event.name == name).unwrap()
    }

    fn totals(value: u64, enabled_ns: u64, running_ns: u64) -> Totals {
        Totals { value, enabled_ns, running_ns }
    }

    fn counted(name: &str, value: u64) -> Reading {
        Reading::between(&event(name), Totals::default(), totals(value, 100, 100))
    }

    #[test]
    fn an_event_that_did_not_run_is_absent_and_never_zero() {
        let cycles = event("cycles");
        let reading = Reading::between(&cycles, totals(7, 100, 50), totals(7, 300, 50));
        assert_eq!(reading.reason(), Some(Reason::NotScheduled));
        assert_eq!((reading.value(), reading.estimate(), reading.is_exact()), (None, None, false));
        let ran = Reading::between(&cycles, totals(7, 100, 50), totals(7, 300, 51));
        assert_eq!(ran.value(), Some(0), "it ran, so zero means zero");
    }

    #[test]
    fn a_shared_counter_keeps_its_raw_value_beside_the_estimate() {
        let reading = Reading::between(&event("cycles"), totals(100, 10, 10), totals(600, 1010, 510));
        assert_eq!((reading.value(), reading.estimate(), reading.is_exact()), (Some(500), Some(1000), false));
        assert_eq!(scale(u64::MAX, u64::MAX, 1), u64::MAX);
        assert_eq!(scale(5, 10, 0), 5);
    }

    #[test]
    fn overhead_is_taken_off_without_going_below_zero() {
        assert_eq!(counted("cycles", 10).less(4).value(), Some(6));
        assert_eq!(counted("cycles", 3).less(4).value(), Some(0));
        let absent = Reading::absent(&event("cycles"), Reason::NotScheduled);
        assert_eq!(absent.less(4), absent);
    }

    #[test]
    fn part_of_a_sum_is_no_count() {
        let absent = Reading::absent(&event("cycles"), Reason::NotScheduled);
        let faults = counted("page-faults", 2);
        let workers = [
            vec![counted("cycles", 1), faults.clone()],
            vec![absent.clone(), faults.clone()],
            vec![counted("cycles", 5), faults],
        ];
        let sum = sum(&workers);
        assert_eq!(sum[0], absent);
        assert_eq!(sum[1].value(), Some(6));
        assert_eq!(super::sum(&[]), []);
    }

    #[test]
    fn workers_are_summed_and_kept_one_by_one() {
        let absent = Reading::absent(&event("cycles"), Reason::NotScheduled);
        let mut tally = Tally::default();
        for _ in 0..2 {
            tally.add_workers(
                &[
                    vec![counted("cycles", 1), counted("page-faults", 3)],
                    vec![absent.clone(), counted("page-faults", 4)],
                ],
                10,
            );
        }
        let [cycles, faults] = tally.totals() else { panic!("two events") };
        assert_eq!((cycles.reading.value(), cycles.workers.as_slice()), (None, &[Some(2), None][..]));
        assert_eq!((faults.reading.value(), faults.workers.as_slice()), (Some(14), &[Some(6), Some(8)][..]));
        assert_eq!((faults.blocks, faults.accesses), (2, 20));
    }

    #[test]
    fn a_reading_is_written_with_its_times_or_its_reason_and_reads_back() {
        let cases = [counted("cycles", 9), Reading::absent(&event("cycles"), Reason::NoPmu { errno: 2 })];
        let texts = cases.clone().map(|reading| serde_json::to_string(&reading).unwrap());
        assert_eq!(texts[0], r#"{"event":"cycles","raw":"hardware:0x0","value":9,"enabled_ns":100,"running_ns":100}"#);
        assert_eq!(texts[1], r#"{"event":"cycles","raw":"hardware:0x0","absent":{"code":"no_pmu","errno":2}}"#);
        for (text, reading) in texts.iter().zip(cases) {
            assert_eq!(serde_json::from_str::<Reading>(text).unwrap(), reading);
        }
    }
}
