//! A layout: shape, byte strides, byte offset and the buffer they lie in.

use std::fmt;
use std::str::FromStr;

/// Which axis of a dense array is fastest: the last (C) or the first (F).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are NumPy's")]
pub enum Order {
    C,
    F,
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::C => "C",
            Self::F => "F",
        })
    }
}

impl FromStr for Order {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "C" | "c" => Ok(Self::C),
            "F" | "f" => Ok(Self::F),
            _ => Err(format!("unknown order {text:?}: expected C (last axis fastest) or F (first axis fastest)")),
        }
    }
}

/// Why a layout cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// The dense size in bytes leaves 63 bits.
    #[error("an array of shape {shape:?} with {itemsize}-byte elements is larger than 2^63-1 bytes")]
    TooBig {
        /// Length per axis.
        shape: Vec<usize>,
        /// Bytes of one element.
        itemsize: usize,
    },
}

/// Where the elements of an array lie in a buffer: all offsets and strides in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    shape: Vec<usize>,
    strides: Vec<i64>,
    offset: i64,
    itemsize: usize,
    buffer_bytes: u64,
}

impl Layout {
    /// A dense array of `shape` at the start of a buffer of its own size.
    ///
    /// # Errors
    /// [`LayoutError::TooBig`] if `itemsize * product(max(n, 1))` exceeds 2^63-1, as NumPy's constructor tests it
    /// (`ctors.c`; an axis of length 0 counts as 1).
    pub fn contiguous(shape: &[usize], itemsize: usize, order: Order) -> Result<Self, LayoutError> {
        let too_big = || LayoutError::TooBig { shape: shape.to_vec(), itemsize };
        let mut strides = vec![0_i64; shape.len()];
        let mut step = i64::try_from(itemsize).map_err(|_| too_big())?;
        let mut grow = |axis: usize| {
            strides[axis] = step;
            let length = i64::try_from(shape[axis].max(1)).ok();
            step = length.and_then(|n| step.checked_mul(n)).ok_or_else(too_big)?;
            Ok(())
        };
        match order {
            Order::C => (0..shape.len()).rev().try_for_each(&mut grow)?,
            Order::F => (0..shape.len()).try_for_each(&mut grow)?,
        }
        let buffer_bytes = if shape.contains(&0) { 0 } else { step.unsigned_abs() };
        Ok(Self { shape: shape.to_vec(), strides, offset: 0, itemsize, buffer_bytes })
    }

    /// Length per axis.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Byte stride per axis.
    #[must_use]
    pub fn strides(&self) -> &[i64] {
        &self.strides
    }

    /// Byte offset of element `[0, 0, …]` from the start of the buffer.
    #[must_use]
    pub fn offset(&self) -> i64 {
        self.offset
    }

    /// Bytes of one element.
    #[must_use]
    pub fn itemsize(&self) -> usize {
        self.itemsize
    }

    /// Bytes of the buffer that owns the elements.
    #[must_use]
    pub fn buffer_bytes(&self) -> u64 {
        self.buffer_bytes
    }
}
