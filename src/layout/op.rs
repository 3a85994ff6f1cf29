//! NumPy's view operations, applied to a layout.

mod index;
mod reshape;

use super::error::LayoutError;
use super::{Layout, MOST_AXES, Order};
pub use index::Item;

/// The order argument of `reshape`, `ravel` and `copy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderArg {
    /// Last axis fastest.
    C,
    /// First axis fastest.
    F,
    /// `F` if the array is F- and not C-contiguous, else `C`.
    A,
    /// As the elements lie.
    K,
}

impl From<Order> for OrderArg {
    fn from(order: Order) -> Self {
        match order {
            Order::C => Self::C,
            Order::F => Self::F,
        }
    }
}

/// One operation. Axes may be negative, as in NumPy.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are NumPy's arguments")]
pub enum Op {
    /// `a.transpose(axes)`, `a.T`.
    Transpose { axes: Option<Vec<i64>> },
    /// `np.swapaxes`.
    SwapAxes { a: i64, b: i64 },
    /// `np.moveaxis`.
    MoveAxis { source: Vec<i64>, destination: Vec<i64> },
    /// `a[items]`; always a view, as if `...` stood at its end.
    Index { items: Vec<Item> },
    /// `np.flip`.
    Flip { axes: Option<Vec<i64>> },
    /// `np.expand_dims`; axes count in the result.
    ExpandDims { axes: Vec<i64> },
    /// `np.squeeze`.
    Squeeze { axes: Option<Vec<i64>> },
    /// `np.broadcast_to`.
    BroadcastTo { shape: Vec<i64> },
    /// `np.reshape`; without `may_copy` as `copy=False`.
    Reshape { shape: Vec<i64>, order: OrderArg, may_copy: bool },
    /// `a.ravel(order)`.
    Ravel { order: OrderArg },
    /// `np.lib.stride_tricks.as_strided` from the view's first element, held to the owning buffer.
    AsStrided { shape: Vec<i64>, strides: Vec<i64> },
    /// `np.lib.stride_tricks.sliding_window_view`.
    SlidingWindowView { window: Vec<i64>, axes: Option<Vec<i64>> },
    /// `np.diagonal`.
    Diagonal { offset: i64, axis1: i64, axis2: i64 },
    /// `np.ascontiguousarray`.
    AsContiguousArray,
    /// `np.asfortranarray`.
    AsFortranArray,
    /// `a.copy(order)`.
    Copy { order: OrderArg },
}

/// What an operation gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The layout; after a copy in a buffer of its own.
    pub layout: Layout,
    /// Bytes that were copied; `None` for a view.
    pub copied: Option<u64>,
}

impl Applied {
    fn view(layout: Layout) -> Self {
        Self { layout, copied: None }
    }
}

type Result<T> = std::result::Result<T, LayoutError>;

/// The axis that a possibly negative number names.
fn axis_of(axis: i64, ndim: usize) -> Result<usize> {
    let n = i64::try_from(ndim).unwrap_or(i64::MAX);
    let from_start = if axis < 0 { axis.saturating_add(n) } else { axis };
    match usize::try_from(from_start) {
        Ok(found) if found < ndim => Ok(found),
        _ => Err(LayoutError::AxisOutOfRange { axis, ndim }),
    }
}

/// Different axes.
fn axes_of(axes: &[i64], ndim: usize) -> Result<Vec<usize>> {
    let found = axes.iter().map(|&axis| axis_of(axis, ndim)).collect::<Result<Vec<usize>>>()?;
    for (index, &axis) in found.iter().enumerate() {
        if found[..index].contains(&axis) {
            return Err(LayoutError::RepeatedAxis { axis });
        }
    }
    Ok(found)
}

pub(super) fn lengths(shape: &[i64]) -> Result<Vec<usize>> {
    let one =
        |(axis, &length): (usize, &i64)| usize::try_from(length).map_err(|_| LayoutError::NegativeDim { axis, length });
    if shape.len() > MOST_AXES {
        return Err(LayoutError::TooManyAxes { ndim: shape.len() });
    }
    shape.iter().enumerate().map(one).collect()
}

/// An offset or stride that is used fits; one that is not may wrap, as NumPy's does.
#[expect(clippy::cast_possible_truncation, reason = "wraps as NumPy's C code does where the value is never used")]
fn wrapped(value: i128) -> i64 {
    value as i64
}

impl Layout {
    /// Applies one operation.
    ///
    /// # Errors
    /// As NumPy, by kind; and [`LayoutError::OutOfBounds`] for `as_strided` beyond the owning buffer.
    pub fn apply(&self, op: &Op) -> Result<Applied> {
        Ok(Applied::view(match op {
            Op::Transpose { axes } => self.transpose(axes.as_deref())?,
            Op::SwapAxes { a, b } => {
                let (a, b) = (axis_of(*a, self.ndim())?, axis_of(*b, self.ndim())?);
                let mut axes: Vec<usize> = (0..self.ndim()).collect();
                axes.swap(a, b);
                self.permuted(&axes)
            }
            Op::MoveAxis { source, destination } => self.move_axis(source, destination)?,
            Op::Index { items } => self.index(items)?,
            Op::Flip { axes } => self.flip(axes.as_deref())?,
            Op::ExpandDims { axes } => return self.expand_dims(axes),
            Op::Squeeze { axes } => self.squeeze(axes.as_deref())?,
            Op::BroadcastTo { shape } => self.broadcast_to(shape)?,
            Op::Reshape { shape, order, may_copy } => return self.reshape(shape, *order, *may_copy),
            Op::Ravel { order } => return self.ravel(*order),
            Op::AsStrided { shape, strides } => self.as_strided(shape, strides)?,
            Op::SlidingWindowView { window, axes } => self.sliding_window_view(window, axes.as_deref())?,
            Op::Diagonal { offset, axis1, axis2 } => self.diagonal(*offset, *axis1, *axis2)?,
            Op::AsContiguousArray => return self.as_dense(Order::C),
            Op::AsFortranArray => return self.as_dense(Order::F),
            Op::Copy { order } => return self.copy(*order),
        }))
    }

    fn with(&self, shape: Vec<usize>, strides: Vec<i64>) -> Self {
        Self { shape, strides, ..self.clone() }
    }

    fn permuted(&self, axes: &[usize]) -> Self {
        self.with(
            axes.iter().map(|&axis| self.shape[axis]).collect(),
            axes.iter().map(|&axis| self.strides[axis]).collect(),
        )
    }

    fn check_size(&self) -> Result<()> {
        let bytes = self.shape.iter().try_fold(self.itemsize as u128, |bytes, &n| bytes.checked_mul(n.max(1) as u128));
        match bytes {
            Some(bytes) if bytes <= i64::MAX as u128 => Ok(()),
            _ => Err(LayoutError::TooBig { shape: self.shape.clone(), itemsize: self.itemsize }),
        }
    }

    fn transpose(&self, axes: Option<&[i64]>) -> Result<Self> {
        let Some(axes) = axes else {
            return Ok(self.permuted(&(0..self.ndim()).rev().collect::<Vec<_>>()));
        };
        if axes.len() != self.ndim() {
            return Err(LayoutError::AxesMismatch { given: axes.len(), ndim: self.ndim() });
        }
        Ok(self.permuted(&axes_of(axes, self.ndim())?))
    }

    /// Sources are taken out first, then put in by ascending destination.
    fn move_axis(&self, source: &[i64], destination: &[i64]) -> Result<Self> {
        let (from, to) = (axes_of(source, self.ndim())?, axes_of(destination, self.ndim())?);
        if from.len() != to.len() {
            let what = "source and destination";
            return Err(LayoutError::LengthMismatch { what, left: from.len(), right: to.len() });
        }
        let mut order: Vec<usize> = (0..self.ndim()).filter(|axis| !from.contains(axis)).collect();
        let mut moves: Vec<(usize, usize)> = to.into_iter().zip(from).collect();
        moves.sort_unstable();
        for (at, axis) in moves {
            order.insert(at, axis);
        }
        Ok(self.permuted(&order))
    }

    fn flip(&self, axes: Option<&[i64]>) -> Result<Self> {
        let axes = match axes {
            Some(axes) => axes_of(axes, self.ndim())?,
            None => (0..self.ndim()).collect(),
        };
        let mut out = self.clone();
        for axis in axes {
            let last = self.shape[axis].saturating_sub(1) as i128;
            out.offset = wrapped(i128::from(out.offset) + last * i128::from(self.strides[axis]));
            out.strides[axis] = self.strides[axis].wrapping_neg();
        }
        Ok(out)
    }

    /// A reshape in NumPy: strides of new axes follow its rules.
    fn expand_dims(&self, axes: &[i64]) -> Result<Applied> {
        let ndim = self.ndim() + axes.len();
        let new = axes_of(axes, ndim)?;
        let mut old = self.shape.iter();
        let length = |axis| if new.contains(&axis) { 1 } else { old.next().copied().unwrap_or(1) };
        let shape: Vec<i64> = (0..ndim).map(length).map(|n| i64::try_from(n).unwrap_or(i64::MAX)).collect();
        self.reshape(&shape, OrderArg::C, false)
    }

    fn squeeze(&self, axes: Option<&[i64]>) -> Result<Self> {
        let gone = match axes {
            Some(axes) => axes_of(axes, self.ndim())?,
            None => (0..self.ndim()).filter(|&axis| self.shape[axis] == 1).collect(),
        };
        if let Some(&axis) = gone.iter().find(|&&axis| self.shape[axis] != 1) {
            return Err(LayoutError::NotSizeOne { axis, length: self.shape[axis] });
        }
        Ok(self.permuted(&(0..self.ndim()).filter(|axis| !gone.contains(axis)).collect::<Vec<_>>()))
    }

    /// New axes and those of length 1 get stride 0.
    fn broadcast_to(&self, shape: &[i64]) -> Result<Self> {
        let shape = lengths(shape)?;
        let refuse = || LayoutError::NotBroadcastable { from: self.shape.clone(), to: shape.clone() };
        let new = shape.len().checked_sub(self.ndim()).ok_or_else(refuse)?;
        let mut strides = vec![0; shape.len()];
        for (axis, (&n, &stride)) in self.shape.iter().zip(&self.strides).enumerate() {
            match (n, shape[new + axis]) {
                (1, _) => {}
                (n, wanted) if n == wanted => strides[new + axis] = stride,
                _ => return Err(refuse()),
            }
        }
        let out = self.with(shape.clone(), strides);
        out.check_size()?;
        Ok(out)
    }

    fn as_strided(&self, shape: &[i64], strides: &[i64]) -> Result<Self> {
        if shape.len() != strides.len() {
            let what = "shape and strides";
            return Err(LayoutError::LengthMismatch { what, left: shape.len(), right: strides.len() });
        }
        let out = self.with(lengths(shape)?, strides.to_vec());
        out.check_size()?;
        match out.byte_bounds() {
            Some((low, high)) if low < 0 || high > i128::from(self.buffer_bytes) => {
                Err(LayoutError::OutOfBounds { low, high, buffer_bytes: self.buffer_bytes })
            }
            _ => Ok(out),
        }
    }

    fn sliding_window_view(&self, window: &[i64], axes: Option<&[i64]>) -> Result<Self> {
        if let Some(&length) = window.iter().find(|length| **length < 0) {
            return Err(LayoutError::NegativeWindow { length });
        }
        // An axis may come twice.
        let axes = match axes {
            Some(axes) => axes.iter().map(|&axis| axis_of(axis, self.ndim())).collect::<Result<Vec<usize>>>()?,
            None => (0..self.ndim()).collect(),
        };
        if axes.len() != window.len() {
            return Err(LayoutError::LengthMismatch { what: "window and axes", left: window.len(), right: axes.len() });
        }
        let (mut shape, mut strides) = (self.shape.clone(), self.strides.clone());
        for (&axis, &window) in axes.iter().zip(window) {
            let length = shape[axis];
            let left = i64::try_from(length).unwrap_or(i64::MAX) - window;
            let left = usize::try_from(left).map_err(|_| LayoutError::WindowTooLarge { window, axis, length })?;
            shape[axis] = left + 1;
        }
        for (&axis, &window) in axes.iter().zip(window) {
            shape.push(usize::try_from(window).unwrap_or(0));
            strides.push(self.strides[axis]);
        }
        if shape.len() > MOST_AXES {
            return Err(LayoutError::TooManyAxes { ndim: shape.len() });
        }
        let out = self.with(shape, strides);
        out.check_size()?;
        Ok(out)
    }

    fn diagonal(&self, offset: i64, axis1: i64, axis2: i64) -> Result<Self> {
        if self.ndim() < 2 {
            return Err(LayoutError::NdimTooSmall { ndim: self.ndim() });
        }
        let (one, other) = (axis_of(axis1, self.ndim())?, axis_of(axis2, self.ndim())?);
        if one == other {
            return Err(LayoutError::RepeatedAxis { axis: one });
        }
        let (mut rows, mut columns) = (self.shape[one] as i128, self.shape[other] as i128);
        let step = i128::from(offset.unsigned_abs());
        let stride = if offset >= 0 {
            columns -= step;
            self.strides[other]
        } else {
            rows -= step;
            self.strides[one]
        };
        let length = usize::try_from(rows.min(columns).max(0)).unwrap_or(0);
        let kept: Vec<usize> = (0..self.ndim()).filter(|&axis| axis != one && axis != other).collect();
        let mut out = self.permuted(&kept);
        out.shape.push(length);
        out.strides.push(self.strides[one].wrapping_add(self.strides[other]));
        if length > 0 {
            out.offset = wrapped(i128::from(self.offset) + step * i128::from(stride));
        }
        Ok(out)
    }
}
