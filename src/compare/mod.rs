//! What may be compared with what, and what the comparison says: changes on one class of machine, or classes side by
//! side. Bundles are reduced to [`Run`]s as they are read, and runs to a [`Tally`] or to [`Brief`]s, so that ten thousand of them
//! take little memory.

mod across;
mod change;
mod run;
mod tally;

pub use across::{Across, At, Brief, Class, PLACES, Point, Require, across};
pub use change::{Change, Judged, Rule, Said, changes};
pub use run::{Cell, Estimate, Run, differing_fields};
pub use tally::{Conflict, Identities, Named, Tally};
