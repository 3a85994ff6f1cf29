//! Figures per access and per line from totals: pure arithmetic.

use super::event::{Counts, Event, Place};
use super::reading::Total;
use serde::{Deserialize, Serialize};

/// Misses at one place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Misses {
    /// Where.
    pub place: Place,
    /// Name of the event.
    pub event: String,
    /// Per access of the program.
    pub per_access: f64,
    /// Per distinct line that a pass touches; absent where the lines are not known.
    pub per_line: Option<f64>,
    /// Whether the event shared its counter, so that the figure is an estimate.
    pub estimated: bool,
}

/// Figures per access and per line, each absent if one of its counts is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Derived {
    /// Cycles per access.
    pub cycles_per_access: Option<f64>,
    /// Instructions per cycle.
    pub ipc: Option<f64>,
    /// Misses at each place that is counted, from the CPU outwards; one event each.
    pub misses: Vec<Misses>,
    /// Events whose counts are estimates, since they shared their counter.
    pub estimated: Vec<String>,
}

impl Derived {
    /// Misses at a place.
    #[must_use]
    pub fn at(&self, place: Place) -> Option<&Misses> {
        self.misses.iter().find(|misses| misses.place == place)
    }
}

/// Places in the order of the figures.
const PLACES: [Place; 6] = [Place::L1d, Place::L2, Place::L3, Place::Llc, Place::Dtlb, Place::DtlbWalk];

/// What may stand for the misses of a place, the best first: of several the last, since events of the CPU's own manual
/// stand behind the generic ones.
fn stand_for(place: Place) -> [Option<Counts>; 3] {
    // A line that a demand read brings from memory missed the cache before it.
    let memory = (place == Place::L3).then_some(Counts::FillsFromMemory);
    [Some(Counts::Misses(place)), Some(Counts::Refills(place)), memory]
}

/// Figures from totals; `lines` are the distinct lines that one pass of `accesses` touches, 0 where that is not known.
#[must_use]
pub fn derive(events: &[Event], totals: &[Total], lines: u64, accesses: u64) -> Derived {
    let total = |event: &Event| totals.iter().find(|total| total.reading.event() == event.name);
    let per_access = |event: &Event| per(total(event)?.reading.estimate()?, total(event)?.accesses);
    let find = |counts: Counts| events.iter().find(|event| event.counts == counts).and_then(per_access);
    let accesses_per_line = per(accesses, lines);
    let at = |place: Place| {
        let counted = |counts: Counts| {
            let same = events.iter().rev().filter(move |event| event.counts == counts);
            same.filter_map(|event| Some((event, per_access(event)?))).next()
        };
        let (event, per_access) = stand_for(place).into_iter().flatten().find_map(counted)?;
        Some(Misses {
            place,
            event: event.name.to_owned(),
            per_access,
            per_line: accesses_per_line.map(|per_line| per_access * per_line),
            estimated: total(event).is_some_and(|total| !total.reading.is_exact()),
        })
    };
    let cycles_per_access = find(Counts::Cycles);
    let ipc = find(Counts::Instructions).zip(cycles_per_access).filter(|(_, cycles)| *cycles > 0.0);
    let inexact = totals.iter().filter(|total| total.reading.value().is_some() && !total.reading.is_exact());
    Derived {
        cycles_per_access,
        ipc: ipc.map(|(instructions, cycles)| instructions / cycles),
        misses: PLACES.into_iter().filter_map(at).collect(),
        estimated: inexact.map(|total| total.reading.event().to_owned()).collect(),
    }
}

/// `count / by`; nothing if `by` is 0.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts stay below 2^53 for months of counting")]
pub fn per(count: u64, by: u64) -> Option<f64> {
    (by > 0).then(|| count as f64 / by as f64)
}

/// Whether counting moved the time of a case by more than 1 %, so that it has to be counted in passes of its own.
/// Both are medians in nanoseconds.
#[must_use]
pub fn disturbs(with_counters: f64, without: f64) -> bool {
    without > 0.0 && ((with_counters - without) / without).abs() > 0.01
}

#[cfg(test)]
mod tests {
    use super::super::event::GENERIC;
    use super::super::reading::{Reading, Tally, Totals};
    use super::super::reason::Reason;
    use super::super::vendor;
    use super::*;

    fn event(name: &str) -> Event {
        super::super::named(name).unwrap()
    }

    fn counted(name: &str, value: u64) -> Reading {
        let ran = Totals { value, enabled_ns: 100, running_ns: 100 };
        Reading::between(&event(name), Totals::default(), ran)
    }

    #[test]
    fn events_that_take_turns_are_divided_by_the_accesses_they_saw() {
        let mut tally = Tally::default();
        let other = |name: &str| Reading::absent(&event(name), Reason::OtherGroup);
        for turn in 0..4 {
            let block = if turn % 2 == 0 {
                [counted("cycles", 2000), counted("instructions", 6000), other("l1d-read-misses")]
            } else {
                [other("cycles"), other("instructions"), counted("l1d-read-misses", 125)]
            };
            tally.add(&block, 1000);
        }
        let derived = derive(&GENERIC, tally.totals(), 125, 1000);
        assert_eq!(derived.cycles_per_access, Some(2.0));
        assert_eq!(derived.ipc, Some(3.0));
        let l1 = derived.at(Place::L1d).unwrap();
        assert_eq!((l1.event.as_str(), l1.per_access, l1.per_line), ("l1d-read-misses", 0.125, Some(1.0)));
        assert!(!l1.estimated && derived.estimated.is_empty());
        assert_eq!(tally.totals()[0].blocks, 2);
    }

    #[test]
    fn figures_are_absent_where_a_count_is() {
        let mut tally = Tally::default();
        tally.add(&[Reading::absent(&event("cycles"), Reason::OtherGroup), counted("instructions", 5)], 10);
        tally.add(&[Reading::absent(&event("cycles"), Reason::NotScheduled), counted("instructions", 5)], 10);
        assert_eq!(tally.totals()[0].reading.reason(), Some(Reason::NotScheduled));
        let derived = derive(&GENERIC, tally.totals(), 0, 10);
        assert_eq!((derived.cycles_per_access, derived.ipc), (None, None));
        assert!(derived.misses.is_empty());
    }

    /// Totals of 1,000 accesses each.
    fn totals(counts: &[(&str, u64)]) -> Vec<Total> {
        let mut tally = Tally::default();
        let readings: Vec<Reading> = counts.iter().map(|&(name, value)| counted(name, value)).collect();
        tally.add(&readings, 1000);
        tally.totals().to_vec()
    }

    #[test]
    fn each_place_has_one_figure_and_the_manuals_event_goes_before_the_generic_one() {
        let found = |arch: &str, vendor: &str, family: u32, model: u32, counts: &[(&str, u64)]| {
            let events: Vec<Event> = GENERIC.into_iter().chain(vendor::events(arch, vendor, family, model)).collect();
            let derived = derive(&events, &totals(counts), 125, 1000);
            derived.misses.iter().map(|at| (at.place, at.event.clone(), at.per_access)).collect::<Vec<_>>()
        };
        let intel = [("l1d-read-misses", 300), ("intel-l1-load-misses", 125), ("intel-l3-load-misses", 20)];
        let is = |place, name: &str, per_access| (place, name.to_owned(), per_access);
        assert_eq!(
            found("x86_64", "GenuineIntel", 6, 0x6a, &intel),
            [is(Place::L1d, "intel-l1-load-misses", 0.125), is(Place::L3, "intel-l3-load-misses", 0.02)]
        );
        let amd = [("l1d-read-misses", 125), ("amd-l2-misses-from-l1d", 60), ("amd-demand-fills-from-memory", 30)];
        assert_eq!(
            found("x86_64", "AuthenticAMD", 0x19, 1, &amd),
            [
                is(Place::L1d, "l1d-read-misses", 0.125),
                is(Place::L2, "amd-l2-misses-from-l1d", 0.06),
                is(Place::L3, "amd-demand-fills-from-memory", 0.03)
            ]
        );
        let arm =
            [("arm-l1d-refills", 120), ("arm-l2d-refills", 40), ("arm-llc-read-misses", 9), ("arm-dtlb-walks", 1)];
        let places = found("aarch64", "Arm", 0, 0xd0c, &arm).into_iter().map(|(place, ..)| place);
        assert_eq!(places.collect::<Vec<_>>(), [Place::L1d, Place::L2, Place::Llc, Place::DtlbWalk]);
    }

    #[test]
    fn a_figure_of_a_shared_counter_is_marked_as_an_estimate() {
        let mut tally = Tally::default();
        let shared = Totals { value: 50, enabled_ns: 100, running_ns: 50 };
        tally.add(&[Reading::between(&event("l1d-read-misses"), Totals::default(), shared)], 1000);
        let derived = derive(&GENERIC, tally.totals(), 0, 0);
        let l1 = derived.at(Place::L1d).unwrap();
        assert_eq!((l1.per_access, l1.per_line, l1.estimated), (0.1, None, true));
        assert_eq!(derived.estimated, ["l1d-read-misses"]);
    }

    #[test]
    fn one_per_cent_is_the_limit_of_disturbance() {
        assert!(!disturbs(101.0, 100.0));
        assert!(disturbs(101.1, 100.0));
        assert!(disturbs(98.0, 100.0));
        assert!(!disturbs(1.0, 0.0));
    }
}
