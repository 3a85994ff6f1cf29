//! Affine loop nests: the only definition of access order.
//!
//! A nest has *axes* (index variables with a length), *operands* (a start offset and one byte step per axis) and
//! *loops*. A loop walks one axis in blocks; the innermost loop of an axis has block 1. One loop per axis is a plain
//! nest, two or more per axis are a tiled one, and remainders come out exact: every index is visited once.

mod chase;
mod error;
mod iterate;
mod loops;
mod order;
mod parse;

pub use chase::{Chase, LINE};
pub use error::NestError;
pub use iterate::Runs;
pub use loops::{Loop, LoopNest, Operand, Role};
pub use order::LoopOrder;
