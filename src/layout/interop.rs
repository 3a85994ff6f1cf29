//! Layouts of `ndarray` views, and views of layouts (feature `ndarray`).

use super::{Layout, LayoutError};
use ndarray::{ArrayView, ArrayViewD, Dimension, IxDyn, ShapeBuilder};

impl Layout {
    /// The layout of a view: its buffer is the range of bytes that it touches.
    ///
    /// # Errors
    /// [`LayoutError::TooBig`] for strides whose bytes leave 63 bits.
    pub fn of_view<T, D: Dimension>(view: &ArrayView<'_, T, D>) -> Result<Self, LayoutError> {
        let (shape, itemsize) = (view.shape().to_vec(), size_of::<T>());
        let too_big = || LayoutError::TooBig { shape: shape.clone(), itemsize };
        let bytes = |steps: &isize| i64::try_from(*steps).ok()?.checked_mul(i64::try_from(itemsize).ok()?);
        let strides = view.strides().iter().map(bytes).collect::<Option<Vec<i64>>>().ok_or_else(too_big)?;
        let mut layout = Self { shape: shape.clone(), strides, offset: 0, itemsize, buffer_bytes: 0 };
        if let Some((low, high)) = layout.byte_bounds() {
            layout.offset = i64::try_from(-low).map_err(|_| too_big())?;
            layout.buffer_bytes = u64::try_from(high - low).map_err(|_| too_big())?;
        }
        Ok(layout)
    }

    /// A view of `data` with this layout: `data` is the buffer, element by element. `None` if the layout has negative
    /// strides, strides or an offset that are no whole elements, elements of another size, or leaves the buffer.
    #[must_use]
    pub fn view<'a, T>(&self, data: &'a [T]) -> Option<ArrayViewD<'a, T>> {
        let item = size_of::<T>();
        let elements = |bytes: i64| {
            let bytes = usize::try_from(bytes).ok()?;
            bytes.is_multiple_of(item).then(|| bytes / item)
        };
        if item == 0 || item != self.itemsize || self.overlaps_itself() != Some(false) {
            return None;
        }
        let strides = self.strides.iter().map(|&stride| elements(stride)).collect::<Option<Vec<usize>>>()?;
        let data = data.get(elements(self.offset)?..)?;
        ArrayView::from_shape(IxDyn(&self.shape).strides(IxDyn(&strides)), data).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, s};

    #[test]
    fn views_and_layouts_describe_each_other() {
        let array = Array2::from_shape_fn((4, 6), |(row, column)| (row * 6 + column) as f64);
        let view = array.slice(s![..;-1, 1..5;2]);
        let layout = Layout::of_view(&view).unwrap();
        assert_eq!((layout.shape(), layout.strides(), layout.offset()), (&[4, 2][..], &[-48, 16][..], 144));
        assert_eq!(layout.buffer_bytes(), 168);

        let dense = Layout::contiguous(&[4, 6], 8, crate::layout::Order::C).unwrap();
        let columns = dense.apply(&crate::layout::Op::Transpose { axes: None }).unwrap().layout;
        let seen = columns.view(array.as_slice().unwrap()).unwrap();
        assert_eq!(seen, array.t().into_dyn());
        assert!(layout.view(array.as_slice().unwrap()).is_none(), "negative strides");
        assert!(dense.view(&[0.0_f64; 23]).is_none(), "too short");
    }
}
