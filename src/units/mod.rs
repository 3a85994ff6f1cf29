//! Bytes, nanoseconds and the one formatter of each; the one seeded generator.

mod format;
mod rng;
mod unknown;

pub use format::{bytes_long, bytes_tick, count, nanos, parse_bytes, percent, ratio, several};
pub use rng::Rng;
pub use unknown::{nearest, unknown};
