//! The versioned result file, its journal, and validation of what others wrote.
//!
//! A bundle is JSON Lines: a header, one line per finished pair or case, an end with a digest of all before it. It is
//! append-only, so a file without an end is a run that was cut off. Samples are kept raw, in integer nanoseconds;
//! every summary is recomputed from them.

mod model;

pub use model::{
    Block, Bundle, CaseInfo, CaseRecord, Config, End, Figures, Header, Obtained, PairRecord, Plan, Record, SCHEMA,
    SCHEMA_VERSION, Skipped, SoloBlock, Tool,
};
