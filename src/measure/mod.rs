//! Calibration, paired interleaved sampling and its stop rule, progress events.
//!
//! A pair's members walk the same arrays in rounds ABBA or BAAB; a placement has them at another address on other pages. Timed
//! samples contain neither counting nor simulation. Nothing is printed here: an [`Observer`] is told.

mod arena;
mod closures;
mod count;
mod feed;
mod rounds;
mod runner;
mod samples;
mod session;
mod sweep;
mod trial;
mod values;

pub use closures::{Pair, pair};
pub use feed::Feed;
pub use samples::{Block, Obtained, SampleCounts, SoloBlock};
pub use session::{Disturbance, Measured, Members, Observer, Session, Settings, Shot};
pub use trial::{NullPair, Trial};
pub use values::Values;

/// Why an item could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// This case cannot be run here; the others can.
    #[error("{id}: {why}")]
    Case {
        /// Its id.
        id: String,
        /// Why.
        why: String,
    },
    /// Two loop orders of one kernel gave different results: nothing that this program measures can be trusted.
    #[error("{id}: the result {found} differs from {expected} of {baseline}; this is a bug, please report it")]
    Checksum {
        /// The contender.
        id: String,
        /// Its result.
        found: String,
        /// The baseline.
        baseline: String,
        /// Its result.
        expected: String,
    },
    /// The thread cannot be pinned where it was asked to be.
    #[error("--cpu: {0}")]
    Pin(#[from] crate::host::PinError),
    /// The observer could not keep what was measured.
    #[error(transparent)]
    Kept(#[from] std::io::Error),
}
