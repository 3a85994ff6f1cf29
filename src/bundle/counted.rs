//! What was counted beside what was simulated, per access and per line; recomputed from the totals of a line.

use super::model::{Bundle, CaseInfo, CaseRecord, PairRecord};
use super::summary::Member;
use crate::counters::{self, Derived, Event, Place, Reading, Total};
use serde::Deserialize;
use serde_json::Value;

/// Counted figures of one walk and, for the misses, the simulated ones.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counted {
    /// Cycles per access; absent where they were not counted.
    pub cycles: Option<f64>,
    /// Instructions per cycle.
    pub ipc: Option<f64>,
    /// Misses at each place that was counted, from the CPU outwards.
    pub misses: Vec<CountedMisses>,
}

/// Misses of one walk at one place.
#[derive(Clone, Debug, PartialEq)]
pub struct CountedMisses {
    /// Where.
    pub place: Place,
    /// Name of the event.
    pub event: String,
    /// Counted, per access of the program.
    pub per_access: f64,
    /// Counted, per distinct line of a pass; absent where the lines were not told.
    pub per_line: Option<f64>,
    /// Simulated, per access; absent where the walk was not simulated.
    pub simulated: Option<f64>,
    /// Whether the event shared its counter.
    pub estimated: bool,
}

/// Simulated misses per access at a place, of a pass over warm caches.
fn simulated(report: &Value, place: Place) -> Option<f64> {
    let warm = report.get("warm")?;
    let levels = warm.get("levels")?.as_array()?;
    let named = |name: &str| levels.iter().find(|level| level.get("name").and_then(Value::as_str) == Some(name));
    let misses = |level: Option<&Value>| level?.get("misses")?.as_u64();
    let misses = match place {
        Place::L1d => misses(levels.first()),
        Place::L2 => misses(named("L2")),
        Place::L3 => misses(named("L3")),
        Place::Llc => misses(levels.last()),
        Place::Dtlb => misses(warm.get("tlb")?.get(0)),
        Place::DtlbWalk => warm.get("page_walks").and_then(Value::as_u64),
    };
    counters::per(misses?, warm.get("accesses")?.as_u64()?)
}

/// The totals of a line: those that can be, and how many cannot.
fn possible(totals: &Value) -> (Vec<Total>, usize) {
    let mut totals = Vec::<Total>::deserialize(totals).unwrap_or_default();
    let all = totals.len();
    totals.retain(ran);
    let impossible = all - totals.len();
    (totals, impossible)
}

/// Whether its counter ran at all, and no longer than it was enabled: what else a file says was never counted.
fn ran(total: &Total) -> bool {
    !matches!(total.reading, Reading::Counted { enabled_ns, running_ns, .. } if running_ns == 0 || running_ns > enabled_ns)
}

fn of(totals: &Value, report: Option<&Value>, info: &CaseInfo) -> Counted {
    let (totals, _) = possible(totals);
    let events: Vec<Event> = totals.iter().filter_map(|total| counters::named(total.reading.event())).collect();
    let lines = report.and_then(|report| report.get("warm")?.get("lines")?.as_u64()).unwrap_or(0);
    let Derived { cycles_per_access, ipc, misses, .. } = counters::derive(&events, &totals, lines, info.accesses);
    let misses = misses.into_iter().map(|at| CountedMisses {
        simulated: report.and_then(|report| simulated(report, at.place)),
        place: at.place,
        event: at.event,
        per_access: at.per_access,
        per_line: at.per_line,
        estimated: at.estimated,
    });
    Counted { cycles: cycles_per_access, ipc, misses: misses.collect() }
}

impl PairRecord {
    /// What was counted of one member; `None` if nothing was.
    #[must_use]
    pub fn counted(&self, member: Member) -> Option<Counted> {
        let baseline = member == Member::Baseline;
        let totals = self.counted.as_ref().map(|figures| if baseline { &figures.baseline } else { &figures.contender });
        let report =
            self.simulated.as_ref().map(|figures| if baseline { &figures.baseline } else { &figures.contender });
        Some(of(totals?, report, if baseline { &self.baseline } else { &self.contender }))
    }
}

impl CaseRecord {
    /// What was counted; `None` if nothing was.
    #[must_use]
    pub fn counted(&self) -> Option<Counted> {
        Some(of(self.counted.as_ref()?, self.simulated.as_ref(), &self.case))
    }
}

impl Bundle {
    /// Counts that cannot be: they are left out everywhere, and their number is told.
    #[must_use]
    pub fn impossible_counts(&self) -> usize {
        let pairs = self.pairs.iter().filter_map(|pair| pair.counted.as_ref());
        let of_pairs = pairs.flat_map(|figures| [&figures.baseline, &figures.contender]);
        let totals = of_pairs.chain(self.cases.iter().filter_map(|case| case.counted.as_ref()));
        totals.map(|totals| possible(totals).1).sum()
    }
}

impl Counted {
    /// Misses at a place.
    #[must_use]
    pub fn at(&self, place: Place) -> Option<&CountedMisses> {
        self.misses.iter().find(|misses| misses.place == place)
    }
}
