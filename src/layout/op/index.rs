//! Indices of integers, slices, `None` and `...`: the one operation that also moves the start.

use super::{Layout, LayoutError, MOST_AXES, Result, wrapped};

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

impl Layout {
    pub(super) fn index(&self, items: &[Item]) -> Result<Self> {
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
}
