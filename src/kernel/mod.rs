//! What is done per element: the kernels, and the loops that run them on any nest.
//!
//! A [`Program`] is a kernel bound to a checked nest. Its loops hold two levels of the nest, the repetition and the
//! accumulators in registers, so that a row-wise and a column-wise nest run one function with other strides.
//! All unsafe code is in `raw*.rs`.

mod bodies;
mod data;
mod error;
mod idiom;
mod isa;
mod program;
mod raw;
mod raw_chase;
#[cfg(target_arch = "aarch64")]
mod raw_neon;
mod raw_rows;
mod raw_scalar;
mod raw_select;
mod raw_team;
mod raw_transpose;
#[cfg(target_arch = "x86_64")]
mod raw_x86;
mod reference;
mod runner;
mod walk;

pub use bodies::Kernel;
pub use data::{Checksum, checksum, prepare};
pub use error::KernelError;
pub use idiom::{Idiom, Idiomatic, Path};
pub use isa::Isa;
pub use program::Program;
pub use raw_chase::Cycle;
pub use raw_team::Team;
pub use reference::reference;
pub use runner::Runner;
pub use walk::{Split, Stores, Walk};
