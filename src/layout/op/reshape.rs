//! Operations that may have to copy: `reshape`, `ravel`, `copy` and what they share, the order in which elements count.

use super::{Applied, Layout, LayoutError, MOST_AXES, Order, OrderArg, Result};

impl Layout {
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
                let walked = super::super::nditer(&[self]).map(|walk| walk.axes).unwrap_or_default();
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
    pub(super) fn reshape(&self, shape: &[i64], order: OrderArg, may_copy: bool) -> Result<Applied> {
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
    pub(super) fn ravel(&self, order: OrderArg) -> Result<Applied> {
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

    /// A 0-d array becomes 1-d, as `ndmin=1` asks for.
    pub(super) fn as_dense(&self, order: Order) -> Result<Applied> {
        if self.ndim() == 0 {
            let item = i64::try_from(self.itemsize).unwrap_or(i64::MAX);
            return Ok(Applied::view(self.with(vec![1], vec![item])));
        }
        if self.is_contiguous(order) {
            return Ok(Applied::view(self.clone()));
        }
        self.copy(order.into())
    }

    pub(super) fn copy(&self, order: OrderArg) -> Result<Applied> {
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
