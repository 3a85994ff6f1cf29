//! A layout: shape, byte strides, byte offset and the buffer they lie in.

use super::LayoutError;
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

/// The half-open range of bytes that elements of `itemsize` bytes touch, the first at `offset`, along axes of a length
/// and a byte step; `None` if an axis has no element. Saturates, so that absurd steps still leave every buffer.
#[must_use]
pub fn byte_range(offset: i64, itemsize: usize, axes: impl Iterator<Item = (usize, i64)>) -> Option<(i128, i128)> {
    let mut low = i128::from(offset);
    let mut high = low.saturating_add(itemsize as i128);
    for (length, step) in axes {
        let reach = (length.checked_sub(1)? as i128).saturating_mul(i128::from(step));
        low = low.saturating_add(reach.min(0));
        high = high.saturating_add(reach.max(0));
    }
    Some((low, high))
}

/// Where the elements of an array lie in a buffer: all offsets and strides in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    pub(super) shape: Vec<usize>,
    pub(super) strides: Vec<i64>,
    pub(super) offset: i64,
    pub(super) itemsize: usize,
    pub(super) buffer_bytes: u64,
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

    /// [`Layout::contiguous`] for lengths that may be wrong.
    ///
    /// # Errors
    /// [`LayoutError::NegativeDim`], [`LayoutError::TooManyAxes`], or as [`Layout::contiguous`].
    pub fn dense(shape: &[i64], itemsize: usize, order: Order) -> Result<Self, LayoutError> {
        Self::contiguous(&super::op::lengths(shape)?, itemsize, order)
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

    /// Number of axes.
    #[must_use]
    pub fn ndim(&self) -> usize {
        self.shape.len()
    }

    /// Number of elements; the product of the shape, which a view with strides of 0 may make as large as 2^63.
    #[must_use]
    pub fn size(&self) -> u128 {
        if self.shape.contains(&0) { 0 } else { self.shape.iter().map(|&n| n as u128).product() }
    }

    /// Whether the elements lie densely with the last axis fastest (`flagsobject.c`: axes of length 1 do not count, and an
    /// empty array always does).
    #[must_use]
    pub fn is_c_contiguous(&self) -> bool {
        self.is_dense((0..self.ndim()).rev())
    }

    /// The same with the first axis fastest.
    #[must_use]
    pub fn is_f_contiguous(&self) -> bool {
        self.is_dense(0..self.ndim())
    }

    /// Whether the strides are those of a dense array whose axes, fastest first, are `axes`.
    fn is_dense(&self, axes: impl Iterator<Item = usize>) -> bool {
        if self.shape.contains(&0) {
            return true;
        }
        let mut expected = self.itemsize as i128;
        for axis in axes.filter(|&axis| self.shape[axis] != 1) {
            if i128::from(self.strides[axis]) != expected {
                return false;
            }
            expected *= self.shape[axis] as i128;
        }
        true
    }

    /// The half-open range of bytes that the elements touch, relative to the buffer (`byte_bounds`); `None` if there are
    /// none.
    #[must_use]
    pub fn byte_bounds(&self) -> Option<(i128, i128)> {
        byte_range(self.offset, self.itemsize, self.shape.iter().copied().zip(self.strides.iter().copied()))
    }

    /// Byte offset of an element from the start of the buffer; `None` for an index that is not there.
    #[must_use]
    pub fn byte_offset(&self, index: &[usize]) -> Option<i128> {
        if index.len() != self.ndim() || index.iter().zip(&self.shape).any(|(i, n)| i >= n) {
            return None;
        }
        let steps = index.iter().zip(&self.strides).map(|(&i, &stride)| i as i128 * i128::from(stride));
        Some(i128::from(self.offset) + steps.sum::<i128>())
    }

    /// The axis whose step is smallest: smallest non-zero stride without its sign among axes of two elements or more, the
    /// last of equals. `None` for an empty array.
    #[must_use]
    pub fn min_stride_axis(&self) -> Option<usize> {
        if self.shape.contains(&0) {
            return None;
        }
        let steps = |&axis: &usize| self.shape[axis] > 1 && self.strides[axis] != 0;
        (0..self.ndim()).filter(steps).min_by_key(|&axis| (self.strides[axis].unsigned_abs(), std::cmp::Reverse(axis)))
    }
}
