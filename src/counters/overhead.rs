//! What the counting itself costs: an empty block, measured.

use super::event::Event;
use super::reading::Reading;
use super::set::{EventStatus, Set};
use serde::{Deserialize, Serialize};

/// Empty blocks of every group that a measurement takes.
pub const EMPTY_BLOCKS: u32 = 15;

/// Opens `events` on the calling thread and tells of each whether it counts and what counting costs; `clock` returns
/// nanoseconds.
#[must_use]
pub fn probe(events: &[Event], clock: impl FnMut() -> u64) -> Vec<EventStatus> {
    let mut set = Set::open(events);
    let overhead = Overhead::measure(&mut set, EMPTY_BLOCKS, clock);
    overhead.on(set.statuses())
}

/// The cost of counting one block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overhead {
    /// Empty blocks that were measured, over all groups.
    pub blocks: u32,
    /// Median nanoseconds of switching on, switching off and reading.
    pub ns: u64,
    /// Median count of each event that an empty block shows: name, count.
    pub counts: Vec<(String, u64)>,
}

impl Overhead {
    /// Measures `rounds` empty blocks of every group; `clock` returns nanoseconds.
    pub fn measure(set: &mut Set, rounds: u32, mut clock: impl FnMut() -> u64) -> Self {
        let blocks = rounds.max(1) * u32::try_from(set.groups().max(1)).unwrap_or(1);
        let mut times = Vec::new();
        let mut counts: Vec<Vec<u64>> = vec![Vec::new(); set.events().len()];
        for _ in 0..blocks {
            let start = clock();
            set.enable();
            set.disable();
            let readings = set.read();
            times.push(clock().saturating_sub(start));
            for (counts, reading) in counts.iter_mut().zip(&readings) {
                counts.extend(reading.value());
            }
            set.rotate();
        }
        let names = set.events().iter().map(|event| event.name.to_owned());
        let counts = names.zip(&mut counts).filter_map(|(name, counts)| Some((name, median(counts)?))).collect();
        Self { blocks, ns: median(&mut times).unwrap_or(0), counts }
    }

    /// The events' statuses with what counting costs.
    #[must_use]
    pub fn on(&self, statuses: Vec<EventStatus>) -> Vec<EventStatus> {
        let cost = |status: &EventStatus| self.counts.iter().find(|(name, _)| *name == status.event);
        let with = |status: EventStatus| match cost(&status) {
            Some(&(_, count)) => EventStatus { empty_count: Some(count), empty_ns: Some(self.ns), ..status },
            None => status,
        };
        statuses.into_iter().map(with).collect()
    }

    /// Readings without what an empty block counts.
    #[must_use]
    pub fn taken_off(&self, readings: &[Reading]) -> Vec<Reading> {
        let cost = |reading: &Reading| self.counts.iter().find(|(name, _)| name == reading.event());
        readings
            .iter()
            .map(|reading| cost(reading).map_or_else(|| reading.clone(), |(_, cost)| reading.less(*cost)))
            .collect()
    }
}

fn median(values: &mut [u64]) -> Option<u64> {
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}
