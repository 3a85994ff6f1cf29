//! Bytes, nanoseconds and the one formatter of each; the one seeded generator.

mod format;
mod rng;

pub use format::{bytes_long, bytes_tick, count, nanos, parse_bytes, percent, ratio};
pub use rng::Rng;
