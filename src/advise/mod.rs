//! What the CPU really has, what a nest will cost on it, and what to change.
#![allow(clippy::cast_precision_loss, reason = "counts and sizes are far below 2^53")]

pub mod infer;
mod measured;
pub mod model;

pub use measured::{Beside, CURVES, Measured, beside, caches, latency_curve, tlbs, walk_name};
