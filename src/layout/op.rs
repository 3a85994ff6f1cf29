//! NumPy's view operations, applied to a layout.

use super::error::LayoutError;
use super::{Layout, MOST_AXES, Order};

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

/// One entry of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// An integer: the axis goes.
    At(i64),
    /// `start:stop:step`.
    Slice(Option<i64>, Option<i64>, Option<i64>),
    /// `None`: a new axis of length 1.
    NewAxis,
    /// `...`: all axes that are not named.
    Ellipsis,
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

/// The slice of an axis of `n`: first index, step and count (`PySlice_Unpack`, `PySlice_AdjustIndices`).
fn clamp(n: usize, start: Option<i64>, stop: Option<i64>, step: Option<i64>) -> Result<(i128, i128, usize)> {
    let step = step.unwrap_or(1).max(-i64::MAX);
    if step == 0 {
        return Err(LayoutError::ZeroStep);
    }
    let n = n as i128;
    let adjust = |bound: i64| {
        let (low, high) = if step < 0 { (-1, n - 1) } else { (0, n) };
        let bound = i128::from(bound);
        if bound < 0 { (bound + n).max(low) } else { bound.min(high) }
    };
    let start = start.map_or(if step < 0 { n - 1 } else { 0 }, adjust);
    let stop = stop.map_or(if step < 0 { -1 } else { n }, adjust);
    let step = i128::from(step);
    let count = match step {
        s if s < 0 && stop < start => (start - stop - 1) / -s + 1,
        s if s > 0 && start < stop => (stop - start - 1) / s + 1,
        _ => 0,
    };
    Ok((start, step, usize::try_from(count).unwrap_or(0)))
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

    fn index(&self, items: &[Item]) -> Result<Self> {
        if items.iter().filter(|item| **item == Item::Ellipsis).count() > 1 {
            return Err(LayoutError::MultipleEllipsis);
        }
        let named = items.iter().filter(|item| matches!(item, Item::At(_) | Item::Slice(..))).count();
        if named > self.ndim() {
            return Err(LayoutError::TooManyIndices { given: named, ndim: self.ndim() });
        }
        let (mut shape, mut strides) = (Vec::new(), Vec::new());
        let (mut offset, mut axis) = (i128::from(self.offset), 0);
        let rest = [Item::Ellipsis];
        let tail = if items.contains(&Item::Ellipsis) { &[][..] } else { &rest[..] };
        for item in items.iter().chain(tail) {
            match *item {
                Item::NewAxis => {
                    shape.push(1);
                    strides.push(0);
                    continue;
                }
                Item::Ellipsis => {
                    let kept = axis..axis + self.ndim() - named;
                    axis = kept.end;
                    shape.extend_from_slice(&self.shape[kept.clone()]);
                    strides.extend_from_slice(&self.strides[kept]);
                    continue;
                }
                Item::At(index) => {
                    let length = self.shape[axis];
                    let at = if index < 0 { i128::from(index) + length as i128 } else { i128::from(index) };
                    if at < 0 || at >= length as i128 {
                        return Err(LayoutError::IndexOutOfRange { index, axis, length });
                    }
                    offset += at * i128::from(self.strides[axis]);
                }
                Item::Slice(start, stop, step) => {
                    let (start, step, count) = clamp(self.shape[axis], start, stop, step)?;
                    shape.push(count);
                    strides.push(wrapped(i128::from(self.strides[axis]) * step));
                    offset += start * i128::from(self.strides[axis]);
                }
            }
            axis += 1;
        }
        if shape.len() > MOST_AXES {
            return Err(LayoutError::TooManyAxes { ndim: shape.len() });
        }
        Ok(Self { offset: wrapped(offset), ..self.with(shape, strides) })
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

    /// C or F for A and, where the array is either, for K.
    fn resolve(&self, order: OrderArg) -> Option<Order> {
        match order {
            OrderArg::C => Some(Order::C),
            OrderArg::F => Some(Order::F),
            OrderArg::A if self.is_f_contiguous() && !self.is_c_contiguous() => Some(Order::F),
            OrderArg::A => Some(Order::C),
            OrderArg::K if self.is_c_contiguous() => Some(Order::C),
            OrderArg::K if self.is_f_contiguous() => Some(Order::F),
            OrderArg::K => None,
        }
    }

    /// C or F for A, K only where the array is neither C- nor F-contiguous; C and F as they are.
    #[must_use]
    pub fn resolved(&self, order: OrderArg) -> OrderArg {
        self.resolve(order).map_or(OrderArg::K, OrderArg::from)
    }

    /// The axes in which `reshape`, `ravel` and `copy` count elements, outermost first. K is as nditer walks.
    #[must_use]
    pub fn axes_in(&self, order: OrderArg) -> Vec<usize> {
        match self.resolve(order) {
            Some(Order::C) => (0..self.ndim()).collect(),
            Some(Order::F) => (0..self.ndim()).rev().collect(),
            None => {
                let walked = super::nditer(&[self]).map(|walk| walk.axes).unwrap_or_default();
                let units = (0..self.ndim()).filter(|axis| !walked.contains(axis));
                units.chain(walked.iter().copied()).collect()
            }
        }
    }

    fn is_contiguous(&self, order: Order) -> bool {
        match order {
            Order::C => self.is_c_contiguous(),
            Order::F => self.is_f_contiguous(),
        }
    }

    /// `shape.c:PyArray_Newshape`.
    fn reshape(&self, shape: &[i64], order: OrderArg, may_copy: bool) -> Result<Applied> {
        let order = self.resolve(order).unwrap_or(Order::C);
        if shape.len() > MOST_AXES {
            return Err(LayoutError::TooManyAxes { ndim: shape.len() });
        }
        if shape.len() == self.ndim() && shape.iter().zip(&self.shape).all(|(&new, &old)| i64::try_from(old) == Ok(new))
        {
            return Ok(Applied::view(self.clone()));
        }
        let shape = self.resolved_shape(shape)?;
        let dense = |buffer_bytes: u64, offset: i64| -> Result<Self> {
            let dense = Self::contiguous(&shape, self.itemsize, order)?;
            Ok(Self { buffer_bytes, offset, ..dense })
        };
        if self.is_contiguous(order) {
            return Ok(Applied::view(dense(self.buffer_bytes, self.offset)?));
        }
        if let Some(strides) = self.fused(&shape, order) {
            return Ok(Applied::view(self.with(shape, strides)));
        }
        let bytes = self.size() * self.itemsize as u128;
        if !may_copy {
            return Err(LayoutError::CopyNeeded { bytes });
        }
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        Ok(Applied { layout: dense(bytes, 0)?, copied: Some(bytes) })
    }

    /// The shape with its unknown length filled in.
    fn resolved_shape(&self, shape: &[i64]) -> Result<Vec<usize>> {
        let mismatch = || LayoutError::SizeMismatch { size: self.size(), shape: shape.to_vec() };
        if shape.iter().filter(|length| **length < 0).count() > 1 {
            return Err(LayoutError::MultipleUnknown);
        }
        let known = shape.iter().filter_map(|&length| u128::try_from(length).ok());
        let known = known.into_iter().try_fold(1_u128, u128::checked_mul);
        let zero = shape.contains(&0);
        let known = if zero { 0 } else { known.ok_or_else(mismatch)? };
        let size = self.size();
        let unknown = shape.iter().any(|length| *length < 0);
        if unknown && (known == 0 || !size.is_multiple_of(known)) || !unknown && known != size {
            return Err(mismatch());
        }
        let one = |&length: &i64| {
            let length = u128::try_from(length).unwrap_or_else(|_| size / known.max(1));
            usize::try_from(length).map_err(|_| mismatch())
        };
        shape.iter().map(one).collect()
    }

    /// Strides of a view of another shape, if there are any (`shape.c:_attempt_nocopy_reshape`): groups of old and new
    /// axes of equal product, each of whose old axes must be evenly spaced.
    fn fused(&self, shape: &[usize], order: Order) -> Option<Vec<i64>> {
        let old: Vec<(usize, i64)> =
            self.shape.iter().copied().zip(self.strides.iter().copied()).filter(|(n, _)| *n != 1).collect();
        let mut strides = vec![0_i64; shape.len()];
        let (mut old_from, mut new_from) = (0, 0);
        while new_from < shape.len() && old_from < old.len() {
            let (mut old_to, mut new_to) = (old_from + 1, new_from + 1);
            let (mut new_size, mut old_size) = (shape[new_from] as u128, old[old_from].0 as u128);
            while new_size != old_size {
                if new_size < old_size {
                    new_size *= *shape.get(new_to)? as u128;
                    new_to += 1;
                } else {
                    old_size *= old.get(old_to)?.0 as u128;
                    old_to += 1;
                }
            }
            let even = |pair: &[(usize, i64)]| match order {
                Order::C => i128::from(pair[0].1) == pair[1].0 as i128 * i128::from(pair[1].1),
                Order::F => i128::from(pair[1].1) == pair[0].0 as i128 * i128::from(pair[0].1),
            };
            if !old[old_from..old_to].windows(2).all(even) {
                return None;
            }
            let step = |stride: i64, n: usize| stride.wrapping_mul(i64::try_from(n).unwrap_or(i64::MAX));
            match order {
                Order::C => {
                    strides[new_to - 1] = old[old_to - 1].1;
                    for axis in (new_from + 1..new_to).rev() {
                        strides[axis - 1] = step(strides[axis], shape[axis]);
                    }
                }
                Order::F => {
                    strides[new_from] = old[old_from].1;
                    for axis in new_from + 1..new_to {
                        strides[axis] = step(strides[axis - 1], shape[axis - 1]);
                    }
                }
            }
            (old_from, new_from) = (old_to, new_to);
        }
        // Axes of length 1 that are left take the last stride.
        let item = i64::try_from(self.itemsize).unwrap_or(i64::MAX);
        let mut last = new_from.checked_sub(1).map_or(item, |axis| strides[axis]);
        if let (Order::F, Some(axis)) = (order, new_from.checked_sub(1)) {
            last = last.wrapping_mul(i64::try_from(shape[axis]).unwrap_or(i64::MAX));
        }
        strides[new_from..].fill(last);
        Some(strides)
    }

    /// `multiarray/shape.c:PyArray_Ravel`.
    fn ravel(&self, order: OrderArg) -> Result<Applied> {
        if let Some(order) = self.resolve(order).filter(|&order| self.is_contiguous(order)) {
            return self.reshape(&[-1], order.into(), false);
        }
        let size = usize::try_from(self.size()).unwrap_or(usize::MAX);
        let flat = Self::contiguous(&[size], self.itemsize, Order::C)?;
        if order == OrderArg::K {
            let mut sorted = self.by_stride();
            sorted.reverse();
            let mut expected = self.itemsize as i128;
            let dense = sorted.iter().all(|&axis| {
                let fits = i128::from(self.strides[axis]) == expected;
                expected *= self.shape[axis] as i128;
                fits
            });
            if dense {
                return Ok(Applied::view(Self { buffer_bytes: self.buffer_bytes, offset: self.offset, ..flat }));
            }
        }
        let copied = Some(flat.buffer_bytes);
        Ok(Applied { layout: flat, copied })
    }

    /// Axes by descending stride without its sign, equals by number: `copy('K')`, not the rule of nditer.
    fn by_stride(&self) -> Vec<usize> {
        let mut axes: Vec<usize> = (0..self.ndim()).collect();
        axes.sort_by_key(|&axis| std::cmp::Reverse(self.strides[axis].unsigned_abs()));
        axes
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

    /// A 0-d array becomes 1-d, as `ndmin=1` asks for.
    fn as_dense(&self, order: Order) -> Result<Applied> {
        if self.ndim() == 0 {
            let item = i64::try_from(self.itemsize).unwrap_or(i64::MAX);
            return Ok(Applied::view(self.with(vec![1], vec![item])));
        }
        if self.is_contiguous(order) {
            return Ok(Applied::view(self.clone()));
        }
        self.copy(order.into())
    }

    fn copy(&self, order: OrderArg) -> Result<Applied> {
        let layout = if let Some(order) = self.resolve(order) {
            Self::contiguous(&self.shape, self.itemsize, order)?
        } else {
            // Dense, with the axes in the order of their strides.
            let axes = self.by_stride();
            let dense = Self::contiguous(&self.permuted(&axes).shape, self.itemsize, Order::C)?;
            let mut strides = vec![0; self.ndim()];
            for (&axis, &stride) in axes.iter().zip(&dense.strides) {
                strides[axis] = stride;
            }
            Self { shape: self.shape.clone(), strides, ..dense }
        };
        let copied = Some(layout.buffer_bytes);
        Ok(Applied { layout, copied })
    }
}
