//! The versioned result file, its journal, and validation of what others wrote.
//!
//! A bundle is JSON Lines: a header, one line per finished pair or case, an end with a digest of all before it. It is
//! append-only, so a file without an end is a run that was cut off. Samples are kept raw, in integer nanoseconds;
//! every summary is recomputed from them.

mod break_even;
mod check;
mod counted;
mod error;
mod header;
mod held;
mod known;
mod lean;
mod model;
mod plain;
mod read;
mod record;
mod remark;
mod strict;
mod summary;
mod text;
mod writer;

pub use crate::measure::{Block, Obtained, SampleCounts, SoloBlock};
pub use break_even::BreakEven;
pub use check::{is_run_id, plan_hash};
pub use counted::{Counted, CountedMisses};
pub use error::BundleError;
pub use header::About;
pub use model::{
    Bundle, CaseInfo, CaseRecord, Config, End, Figures, Header, PairRecord, Plan, Record, SCHEMA, SCHEMA_VERSION,
    Skipped, Tool,
};
pub use read::{Partial, files, parse, read};
pub use remark::{Pointer, Remark, Unknown};
pub use summary::{Member, PerStep, rate, simulated_misses};
pub use text::{LONGEST_TEXT, cell, hides, markdown, shown, shown_in_markdown};
pub use writer::{Place, Writer};
