//! What the CPU really has, what a nest will cost on it, and what to change.
#![allow(clippy::cast_precision_loss, reason = "counts and sizes are far below 2^53")]

mod chases;
mod choices;
pub mod finding;
mod fleet;
pub mod infer;
mod measured;
pub mod model;
mod walks;
mod words;

pub use chases::{Beside, Chases, beside};
pub use choices::{AS_GOOD, Advice, Adviser, Change, Choice};
pub use fleet::{Agreement, agreement};
pub use measured::{CURVES, Measured, walk_name};
pub use walks::{Stored, stored};
pub use words::Lines;
