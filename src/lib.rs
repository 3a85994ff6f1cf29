//! What a loop order costs on this CPU.
//!
//! Every measurement is an affine loop nest ([`nest::LoopNest`]): an extent per loop and, for each operand, a start
//! offset and one byte step per loop. The same nest object is executed by a kernel, replayed by the cache simulator,
//! counted by the performance counters and explained by the layout analysis, so what is simulated is what was run.
//!
//! The modules are rooms; each may use only rooms before it in this list (`tests/architecture.rs` enforces it):
//! units, layout, memory, host, nest, kernel, simulate, counters, stats, suite, measure, bundle, advise, compare,
//! chart, report, cli.

pub mod advise;
pub mod bundle;
pub mod chart;
pub mod cli;
pub mod compare;
pub mod counters;
pub mod host;
pub mod kernel;
pub mod layout;
pub mod measure;
pub mod memory;
pub mod nest;
pub mod report;
pub mod simulate;
pub mod stats;
pub mod suite;
pub mod units;

/// Tests the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
