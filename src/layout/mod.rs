//! Memory layout as NumPy defines it: shape, byte strides, byte offset, and every view operation on them. Pure integer
//! arithmetic: nothing is allocated in proportion to a view's size, nothing panics.

mod array;
mod dtype;
mod error;
#[cfg(any(feature = "ndarray", test))]
mod interop;
mod locality;
mod nditer;
mod npy;
mod op;
mod overlap;
mod parse;

pub use array::{Layout, Order, byte_range};
pub use dtype::DType;
pub use error::LayoutError;
pub use locality::{Locality, Sets, SetsReached};
pub use nditer::{Walk, nditer};
pub use npy::{LONGEST_HEADER, NpyError, NpyHeader, PREFIX};
pub use op::{Applied, Item, Op, OrderArg};
pub use overlap::is_nested;
pub use parse::Ops;

/// Axes of an array at most: `NPY_MAXDIMS` of NumPy 2.
pub const MOST_AXES: usize = 64;
