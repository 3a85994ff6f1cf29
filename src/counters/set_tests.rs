//! Sets on a made-up PMU, and on the real kernel with software events.

use super::super::event::{GENERIC, Kind};
use super::*;
use std::sync::{Arc, Mutex};

/// A PMU with so many counters; some events fail, some never count.
#[derive(Clone, Default)]
struct Fake {
    counters: usize,
    /// A watchdog takes one: a group that needs all of them opens but never runs.
    watchdog: bool,
    unknown: Vec<&'static str>,
    silent: Vec<&'static str>,
    opened: Arc<Mutex<usize>>,
}

struct FakeGroup {
    totals: Vec<Totals>,
    silent: Vec<bool>,
    runs: bool,
}

impl Backend for Fake {
    fn open(&self, events: &[Event]) -> Result<Box<dyn Group>, Option<i32>> {
        *self.opened.lock().unwrap() += 1;
        let hardware = events.iter().filter(|event| event.kind.needs_pmu()).count();
        if events.iter().any(|event| self.unknown.contains(&event.name)) {
            return Err(Some(2));
        }
        if hardware > self.counters {
            return Err(Some(22));
        }
        Ok(Box::new(FakeGroup {
            totals: vec![Totals::default(); events.len()],
            silent: events.iter().map(|event| self.silent.contains(&event.name)).collect(),
            runs: hardware + usize::from(self.watchdog && hardware > 0) <= self.counters,
        }))
    }
}

impl Group for FakeGroup {
    fn enable(&mut self) -> Result<(), i32> {
        Ok(())
    }

    fn disable(&mut self) -> Result<(), i32> {
        for (totals, silent) in self.totals.iter_mut().zip(&self.silent) {
            totals.enabled_ns += 100;
            if self.runs {
                totals.running_ns += 100;
                totals.value += if *silent { 0 } else { 10 };
            }
        }
        Ok(())
    }

    fn read(&mut self) -> Result<Vec<Totals>, i32> {
        Ok(self.totals.clone())
    }
}

fn open(fake: &Fake) -> Set {
    let surroundings = Surroundings { has_pmu: fake.counters > 0, ..Surroundings::default() };
    Set::open_on(fake, &surroundings, &GENERIC)
}

fn block(set: &mut Set) -> Vec<Reading> {
    set.enable();
    set.disable();
    set.read()
}

fn sizes(set: &Set) -> Vec<usize> {
    set.hardware.iter().map(|slot| slot.members.len()).collect()
}

#[test]
fn groups_are_as_large_as_the_pmu_and_a_watchdog_makes_them_smaller() {
    assert_eq!(sizes(&open(&Fake { counters: 4, ..Fake::default() })), [4, 4, 3]);
    assert_eq!(sizes(&open(&Fake { counters: 4, watchdog: true, ..Fake::default() })), [3, 3, 3, 2]);
    assert_eq!(sizes(&open(&Fake { counters: 100, ..Fake::default() })), [11]);
}

#[test]
fn one_missing_event_does_not_cost_the_others() {
    let fake = Fake { counters: 6, unknown: vec!["llc-reads", "llc-read-misses"], ..Fake::default() };
    let mut set = open(&fake);
    assert_eq!(sizes(&set), [6, 3]);
    let readings = block(&mut set);
    for (event, reading) in GENERIC.iter().zip(&readings) {
        if event.name.starts_with("llc") {
            assert_eq!(reading.reason(), Some(Reason::UnknownEvent { errno: 2 }));
        }
    }
    assert_eq!(readings.iter().filter(|reading| reading.value() == Some(10)).count(), 4 + 6);
}

#[test]
fn groups_take_turns_and_software_events_count_in_every_block() {
    let mut set = open(&Fake { counters: 4, ..Fake::default() });
    let mut seen = [0_u64; GENERIC.len()];
    for _ in 0..3 {
        for (seen, reading) in seen.iter_mut().zip(block(&mut set)) {
            assert!(matches!(reading.reason(), None | Some(Reason::OtherGroup)));
            *seen += reading.value().unwrap_or(0);
        }
        set.rotate();
    }
    assert_eq!(seen[..4], [30; 4]);
    assert_eq!(seen[4..], [10; 11]);
}

#[test]
fn without_a_pmu_every_hardware_event_says_so_and_none_is_zero() {
    let hardware: Vec<&str> = GENERIC.iter().filter(|event| event.kind.needs_pmu()).map(|event| event.name).collect();
    let mut set = open(&Fake { unknown: hardware.clone(), ..Fake::default() });
    assert_eq!(set.groups(), 0);
    for reading in block(&mut set) {
        if hardware.contains(&reading.event()) {
            assert_eq!(reading.reason(), Some(Reason::NoPmu { errno: 2 }));
        } else {
            assert_eq!(reading.value(), Some(10));
        }
    }
}

#[test]
fn a_counter_that_stays_at_zero_where_it_cannot_is_no_counter() {
    let set = open(&Fake { counters: 8, silent: vec!["cycles", "llc-read-misses"], ..Fake::default() });
    let reason = |name: &str| set.statuses().into_iter().find(|status| status.event == name).unwrap().reason;
    assert_eq!(reason("cycles"), Some(Reason::CountsNothing));
    assert_eq!(reason("llc-read-misses"), None, "no misses is a count");
}

#[test]
fn an_event_that_the_driver_does_not_list_is_absent_although_it_opens() {
    let raw = Event { listed_as: Some("ll_cache_rd"), kind: Kind::Raw(0x36), name: "arm-llc-reads", ..GENERIC[4] };
    let fake = Fake { counters: 4, ..Fake::default() };
    let listed = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<String>>();
    for (names, reason) in [
        (listed(&["cpu_cycles", "l1d_cache"]), Some(Reason::NotAdvertised)),
        (listed(&["cpu_cycles", "ll_cache_rd"]), None),
        (listed(&[]), None),
    ] {
        let surroundings = Surroundings { has_pmu: true, listed: names, ..Surroundings::default() };
        let set = Set::open_on(&fake, &surroundings, &[raw]);
        assert_eq!(set.statuses()[0].reason, reason);
    }
}

#[test]
fn a_watchdog_that_holds_the_only_counter_makes_events_absent() {
    let set = open(&Fake { counters: 1, watchdog: true, ..Fake::default() });
    assert_eq!(set.groups(), 0);
    let cycles = set.statuses().into_iter().find(|status| status.event == "cycles").unwrap();
    assert_eq!(cycles.reason, Some(Reason::NotScheduled));
    assert!(cycles.remedy.unwrap().contains("nmi_watchdog"));
}
