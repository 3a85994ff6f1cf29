//! Counts in passes of their own, so that counting never moves a timed sample.

use super::arena::{Arena, Arm};
use crate::counters::{EMPTY_BLOCKS, Event, EventStatus, Overhead, PoolSets, Reading, Set, Tally, Total};
use std::time::{Duration, Instant};

/// Turns that every group of events gets per case whose passes are short; a long one tells enough at one.
const TURNS: usize = 3;

/// The events of the measuring thread, with what an empty block of each costs.
pub(super) struct Counting {
    set: Set,
    overhead: Overhead,
    /// Why nothing at all counts; `None` if an event does. What one event lacks is told in its reading.
    pub(super) absent: Option<String>,
}

impl Counting {
    /// Opens the events on the calling thread, which must be pinned already.
    pub(super) fn open(events: &[Event]) -> Self {
        let mut set = Set::open(events);
        let start = Instant::now();
        let clock = || u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let overhead = Overhead::measure(&mut set, EMPTY_BLOCKS, clock);
        let absent = (!set.counts_anything()).then(|| {
            let reason = set.statuses().into_iter().find_map(|status| status.reason.filter(|_| !status.available));
            reason.map_or_else(|| "no event was asked for".to_owned(), |reason| reason.to_string())
        });
        Self { set, overhead, absent }
    }

    /// Each event's status, with what counting it costs.
    pub(super) fn statuses(&self) -> Vec<EventStatus> {
        self.overhead.on(self.set.statuses())
    }

    /// Runs a timed sample with the events whose turn it is counting around it. The clock is read inside, so what
    /// starting and stopping them costs is in no time.
    pub(super) fn around(&mut self, sample: impl FnOnce() -> u64) -> (u64, Vec<Reading>) {
        self.set.enable();
        let ns = sample();
        self.set.disable();
        let readings = self.overhead.taken_off(&self.set.read());
        self.set.rotate();
        (ns, readings)
    }

    /// Counts of one arm: each group sees as many blocks of `time` or a pass as it has turns.
    pub(super) fn count(&mut self, arm: &Arm, arena: &mut Arena, pass: Duration, time: Duration) -> Vec<Total> {
        let turns = if pass < time { TURNS } else { 1 };
        let passes = (time.as_nanos() / pass.as_nanos().max(1)).clamp(1, 1 << 30);
        let passes = u64::try_from(passes).unwrap_or(1);
        let accesses = arm.walked.accesses().saturating_mul(passes);
        let mut tally = Tally::default();
        if let Some(pool) = arm.pool() {
            let mut sets = PoolSets::open(pool, self.set.events());
            for _ in 0..turns * sets.groups().max(1) {
                sets.enable();
                arm.run(arena, passes);
                sets.disable();
                // Each worker switches and reads counters of its own, so each costs as much.
                let workers = sets.read().workers;
                let workers: Vec<_> = workers.iter().map(|readings| self.overhead.taken_off(readings)).collect();
                tally.add_workers(&workers, accesses);
                sets.rotate();
            }
        } else {
            for _ in 0..turns * self.set.groups().max(1) {
                self.set.enable();
                arm.run(arena, passes);
                self.set.disable();
                tally.add(&self.overhead.taken_off(&self.set.read()), accesses);
                self.set.rotate();
            }
        }
        tally.totals().to_vec()
    }
}
