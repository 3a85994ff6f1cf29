//! One set of events per worker of a rayon pool.

use super::event::Event;
use super::reading::{Reading, sum};
use super::set::Set;
use rayon::ThreadPool;

/// The readings of a pool over one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolReadings {
    /// One list per worker, by worker number.
    pub workers: Vec<Vec<Reading>>,
    /// Their sum; an event that one worker lacks is absent.
    pub sum: Vec<Reading>,
}

/// One set per worker, switched and read from outside the pool, so that no worker has to be woken.
#[derive(Debug)]
pub struct PoolSets {
    sets: Vec<Set>,
}

impl PoolSets {
    /// Opens the events on every worker.
    #[must_use]
    pub fn open(pool: &ThreadPool, events: &[Event]) -> Self {
        Self { sets: pool.broadcast(|_| Set::open(events)) }
    }

    /// The sets, by worker number.
    #[must_use]
    pub fn sets(&self) -> &[Set] {
        &self.sets
    }

    /// Number of groups: so many blocks see each event once.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.sets.iter().map(Set::groups).max().unwrap_or(0)
    }

    /// Starts a block on every worker.
    pub fn enable(&mut self) {
        self.sets.iter_mut().for_each(Set::enable);
    }

    /// Ends a block on every worker.
    pub fn disable(&mut self) {
        self.sets.iter_mut().for_each(Set::disable);
    }

    /// What every worker counted since the last reading, and the sum.
    pub fn read(&mut self) -> PoolReadings {
        let workers: Vec<Vec<Reading>> = self.sets.iter_mut().map(Set::read).collect();
        PoolReadings { sum: sum(&workers), workers }
    }

    /// Gives the next group of every worker its turn.
    pub fn rotate(&mut self) {
        self.sets.iter_mut().for_each(Set::rotate);
    }
}
