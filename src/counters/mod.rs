//! Events, groups, and the reason where an event is absent.
//!
//! A count is what the kernel read, never scaled and never zero for "not counted". [`Set`] is opened once on a pinned
//! thread; a block is `enable`, clock, work, clock, `disable`, `read`, `rotate`.

mod backend;
mod event;
mod overhead;
mod pool;
mod reading;
mod reason;
mod set;
mod vendor;

pub use event::{Counts, Event, GENERIC, Kind, Place, Scope};
pub use overhead::Overhead;
pub use pool::{PoolReadings, PoolSets};
pub use reading::{Derived, Reading, Tally, Total, Totals, derive, disturbs, per, sum};
pub use reason::{Reason, Surroundings};
pub use set::{EventStatus, Set, probe};

use crate::host::Host;

/// Every event worth asking for on `host`: the generic ones, then those of the CPU's manual.
#[must_use]
pub fn catalogue(host: &Host) -> Vec<Event> {
    GENERIC.into_iter().chain(vendor::for_host(host)).collect()
}
