//! Events opened once and read around blocks: each event is tried alone, then grouped within the PMU's size; groups
//! take turns over the blocks.

use super::backend::{Backend, Group, Kernel};
use super::event::{Event, Scope};
use super::reading::{Reading, Totals};
use super::reason::{Reason, Surroundings};
use crate::host::{Root, dependent_adds};
use serde::{Deserialize, Serialize};

/// Whether an event can be counted here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventStatus {
    /// Name of the event.
    pub event: String,
    /// How the kernel is asked for it.
    pub raw: String,
    /// Where it is counted.
    pub scope: Scope,
    /// The manual that defines it.
    pub source: String,
    /// Whether it counts.
    pub available: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// What can be done about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// What an empty block counts; it is taken off every figure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub empty_count: Option<u64>,
    /// Nanoseconds that switching it on, off and reading it take, with its group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub empty_ns: Option<u64>,
}

impl EventStatus {
    fn new(event: &Event, reason: Option<Reason>) -> Self {
        Self {
            event: event.name.to_owned(),
            raw: event.raw(),
            scope: event.scope,
            source: event.source.to_owned(),
            available: reason.is_none(),
            reason,
            remedy: reason.map(Reason::remedy),
            empty_count: None,
            empty_ns: None,
        }
    }
}

/// Why each event is absent, or nothing if it counts.
fn reasons(backend: &dyn Backend, surroundings: &Surroundings, events: &[Event]) -> Vec<Option<Reason>> {
    let memory = Memory::new();
    let try_one = |event: &Event| match alone(backend, &memory, event) {
        // Unlisted, it may be opened all the same and then counts nothing.
        Ok(()) | Err(Failure::Reason(_)) if surroundings.leaves_out(event) => {
            Err(Failure::Reason(Reason::NotAdvertised))
        }
        tried => tried,
    };
    let tried: Vec<Result<(), Failure>> = events.iter().map(try_one).collect();
    // A hypervisor may hide /sys; a counter that works is the better witness.
    let works = events.iter().zip(&tried).any(|(event, tried)| event.kind.needs_pmu() && tried.is_ok());
    let surroundings = Surroundings { has_pmu: surroundings.has_pmu || works, ..surroundings.clone() };
    let reason = |event: &Event, failure: Failure| match failure {
        Failure::Errno(errno) => surroundings.classify(event, errno),
        Failure::Reason(reason) => reason,
    };
    events.iter().zip(tried).map(|(event, tried)| tried.err().map(|failure| reason(event, failure))).collect()
}

enum Failure {
    Errno(i32),
    Reason(Reason),
}

fn alone(backend: &dyn Backend, memory: &Memory, event: &Event) -> Result<(), Failure> {
    let refused = |errno: Option<i32>| errno.map_or(Failure::Reason(Reason::NotLinux), Failure::Errno);
    let mut group = backend.open(std::slice::from_ref(event)).map_err(refused)?;
    let totals = trial(group.as_mut(), || memory.walk()).map_err(|errno| Failure::Reason(Reason::Failed { errno }))?;
    let totals = totals.first().copied().unwrap_or_default();
    match totals {
        Totals { running_ns: 0, .. } => Err(Failure::Reason(Reason::NotScheduled)),
        Totals { value: 0, .. } if event.always_moves => Err(Failure::Reason(Reason::CountsNothing)),
        _ => Ok(()),
    }
}

/// What the trial loads: more lines than a first-level cache holds, one in each page.
struct Memory(Vec<u64>);

impl Memory {
    /// Words from one load to the next: a page and a line, so that all sets are used.
    const STEP: usize = (4096 + 64) / 8;
    const LOADS: usize = 4096;

    fn new() -> Self {
        // Zeroed memory would be one shared page until it is written.
        Self(vec![1; Self::STEP * Self::LOADS])
    }

    fn walk(&self) -> u64 {
        (0..Self::LOADS).map(|load| std::hint::black_box(&self.0)[load * Self::STEP]).sum()
    }
}

/// Adds and whatever else for some 20 µs, so that what can count does.
fn trial(group: &mut dyn Group, work: impl Fn() -> u64) -> Result<Vec<Totals>, i32> {
    group.enable()?;
    std::hint::black_box(dependent_adds(50_000) + work());
    group.disable()?;
    group.read()
}

struct Slot {
    /// Indices into the events.
    members: Vec<usize>,
    group: Box<dyn Group>,
    last: Vec<Totals>,
    /// An error since the last reading.
    failed: Option<i32>,
}

/// A set of events on the thread that opened it. It may be switched and read from another thread.
pub struct Set {
    events: Vec<Event>,
    reasons: Vec<Option<Reason>>,
    /// Software events, which need no counter and are always on.
    software: Option<Slot>,
    /// Groups of hardware events, which take turns.
    hardware: Vec<Slot>,
    turn: usize,
}

impl std::fmt::Debug for Set {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Set").field("events", &self.events).field("groups", &self.groups()).finish_non_exhaustive()
    }
}

impl Set {
    /// Opens what can be opened on the calling thread; what cannot is absent in every reading, with its reason.
    #[must_use]
    pub fn open(events: &[Event]) -> Self {
        Self::open_on(&Kernel, &Surroundings::read(&Root::live()), events)
    }

    fn open_on(backend: &dyn Backend, surroundings: &Surroundings, events: &[Event]) -> Self {
        let mut reasons = reasons(backend, surroundings, events);
        let usable = |pmu: bool| {
            let wanted = |&index: &usize| reasons[index].is_none() && events[index].kind.needs_pmu() == pmu;
            (0..events.len()).filter(wanted).collect::<Vec<_>>()
        };
        let (software, hardware) = (usable(false), usable(true));
        let slots = pack(backend, events, &software);
        let hardware = pack(backend, events, &hardware);
        let grouped: Vec<usize> = slots.iter().chain(&hardware).flat_map(|slot| slot.members.clone()).collect();
        for (index, reason) in reasons.iter_mut().enumerate() {
            if reason.is_none() && !grouped.contains(&index) {
                *reason = Some(Reason::NotScheduled);
            }
        }
        Self { events: events.to_vec(), reasons, software: slots.into_iter().next(), hardware, turn: 0 }
    }

    /// Number of groups of hardware events: so many blocks see each of them once.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.hardware.len()
    }

    /// The events, in the order of the readings.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Each event's status.
    #[must_use]
    pub fn statuses(&self) -> Vec<EventStatus> {
        self.events.iter().zip(&self.reasons).map(|(event, reason)| EventStatus::new(event, *reason)).collect()
    }

    /// Whether anything is counted at all.
    #[must_use]
    pub fn counts_anything(&self) -> bool {
        self.reasons.iter().any(Option::is_none)
    }

    fn active(&mut self) -> impl Iterator<Item = &mut Slot> {
        let turn = self.turn;
        self.software.iter_mut().chain(self.hardware.get_mut(turn))
    }

    /// Starts a block: call it before the clock is read.
    pub fn enable(&mut self) {
        self.active().for_each(|slot| slot.failed = slot.failed.or(slot.group.enable().err()));
    }

    /// Ends a block: call it after the clock is read.
    pub fn disable(&mut self) {
        // The hardware group first, so that it does not count the software group's system call.
        let turn = self.turn;
        for slot in self.hardware.get_mut(turn).into_iter().chain(self.software.iter_mut()) {
            slot.failed = slot.failed.or(slot.group.disable().err());
        }
    }

    /// What was counted since the last reading, one entry per event.
    pub fn read(&mut self) -> Vec<Reading> {
        let mut readings: Vec<Reading> = self
            .events
            .iter()
            .zip(&self.reasons)
            .map(|(event, reason)| Reading::absent(event, reason.unwrap_or(Reason::OtherGroup)))
            .collect();
        let events = self.events.clone();
        for slot in self.active() {
            slot.read_into(&events, &mut readings);
        }
        readings
    }

    /// Gives the next group its turn.
    pub fn rotate(&mut self) {
        self.turn = (self.turn + 1) % self.hardware.len().max(1);
    }
}

impl Slot {
    fn read_into(&mut self, events: &[Event], readings: &mut [Reading]) {
        let read = self.failed.take().map_or_else(|| self.group.read(), Err);
        for (position, &index) in self.members.iter().enumerate() {
            readings[index] = match &read {
                Ok(now) => Reading::between(&events[index], self.last[position], now[position]),
                Err(errno) => Reading::absent(&events[index], Reason::Failed { errno: *errno }),
            };
        }
        if let Ok(now) = read {
            self.last = now;
        }
    }
}

/// Groups as large as the PMU runs at once, in the order of the events. A group that opens may still never run (the
/// NMI watchdog holds a counter), so each is tried.
fn pack(backend: &dyn Backend, events: &[Event], wanted: &[usize]) -> Vec<Slot> {
    let mut slots: Vec<Slot> = Vec::new();
    for &index in wanted {
        let larger = slots.last().and_then(|slot| {
            let members: Vec<usize> = slot.members.iter().copied().chain([index]).collect();
            open(backend, events, members)
        });
        match larger {
            Some(larger) => {
                slots.pop();
                slots.push(larger);
            }
            None => slots.extend(open(backend, events, vec![index])),
        }
    }
    slots
}

/// A group that opens and runs; it is discarded otherwise.
fn open(backend: &dyn Backend, events: &[Event], members: Vec<usize>) -> Option<Slot> {
    let chosen: Vec<Event> = members.iter().map(|&index| events[index]).collect();
    let mut group = backend.open(&chosen).ok()?;
    let last = trial(group.as_mut(), || 0).ok()?;
    let runs = last.len() == members.len() && last.iter().all(|totals| totals.running_ns > 0);
    runs.then_some(Slot { members, group, last, failed: None })
}

#[cfg(test)]
#[path = "set_tests.rs"]
mod tests;
