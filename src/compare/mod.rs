//! What may be compared with what, and what the comparison says: changes on one class of machine, or classes side by
//! side. Bundles are reduced to [`Run`]s as they are read, so that ten thousand of them take little memory.

mod across;
mod change;
mod run;

pub use across::{Across, At, Class, PLACES, Require, across};
pub use change::{Change, Rule, Said, changes};
pub use run::{Cell, Conflict, Run, differing_fields, distinct};
