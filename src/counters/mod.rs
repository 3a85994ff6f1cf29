//! Events, groups, and the reason where an event is absent.
//!
//! A count is what the kernel read, never scaled and never zero for "not counted". [`Set`] is opened once on a pinned
//! thread; a block is `enable`, clock, work, clock, `disable`, `read`, `rotate`.

mod backend;
mod derive;
mod event;
mod overhead;
mod pool;
mod reading;
mod reason;
mod set;
mod vendor;

pub use derive::{Derived, Misses, derive, disturbs, per};
pub use event::{Counts, Event, GENERIC, Kind, Place, Scope};
pub use overhead::{EMPTY_BLOCKS, Overhead, probe};
pub use pool::{PoolReadings, PoolSets};
pub use reading::{Reading, Tally, Total, Totals, sum};
pub use reason::{Reason, Surroundings};
pub use set::{EventStatus, Set};

use crate::host::Host;

/// Every event worth asking for on `host`: the generic ones, then those of the CPU's manual.
#[must_use]
pub fn catalogue(host: &Host) -> Vec<Event> {
    GENERIC.into_iter().chain(vendor::for_host(host)).collect()
}

/// The event of that name, of any CPU.
#[must_use]
pub fn named(name: &str) -> Option<Event> {
    GENERIC.into_iter().find(|event| event.name == name).or_else(|| vendor::named(name))
}
