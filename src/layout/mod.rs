//! Memory layout as NumPy defines it: dtype, shape, byte strides, byte offset. Pure integer arithmetic.

mod array;
mod dtype;

pub use array::{Layout, LayoutError, Order};
pub use dtype::DType;
