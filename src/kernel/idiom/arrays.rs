//! Idioms over `ndarray` views.

use super::slices::looped;
use super::{Idiom, Matrix, Number};
use ndarray::{ArrayView2, ArrayViewMut2, Axis, ShapeBuilder, Zip};

/// The sum of a matrix.
pub(super) fn sum<T: Number>(idiom: Idiom, matrix: &Matrix, a: &[T]) -> T {
    let shape = matrix.shape.strides(matrix.strides);
    // A bound matrix lies in its buffer; no sum at all would differ from the kernel's.
    let Ok(a) = ArrayView2::from_shape(shape, a) else { return T::default() };
    match idiom {
        Idiom::NdIndex => index(matrix, &a),
        Idiom::NdIter => a.iter().copied().sum(),
        Idiom::NdRows => a.rows().into_iter().map(|row| row.sum()).sum(),
        Idiom::NdColumns => a.columns().into_iter().map(|column| column.sum()).sum(),
        Idiom::NdAxis0 => a.sum_axis(Axis(0)).sum(),
        Idiom::NdAxis1 => a.sum_axis(Axis(1)).sum(),
        _ => a.sum(),
    }
}

fn index<T: Number>(matrix: &Matrix, a: &ArrayView2<'_, T>) -> T {
    let [rows, columns] = matrix.shape;
    let mut sum = T::default();
    match matrix.outer {
        0 => looped!(i < rows, j < columns, sum = sum + a[[i, j]]),
        _ => looped!(j < columns, i < rows, sum = sum + a[[i, j]]),
    }
    sum
}

/// Copies a matrix.
pub(super) fn copy<T: Number>(idiom: Idiom, matrix: &Matrix, a: &[T], b: &mut [T]) {
    let shape = || matrix.shape.strides(matrix.strides);
    let views = (ArrayView2::from_shape(shape(), a), ArrayViewMut2::from_shape(shape(), b));
    let (Ok(a), Ok(mut b)) = views else { return };
    let [rows, columns] = matrix.shape;
    match (idiom, matrix.outer) {
        (Idiom::NdIndex, 0) => looped!(i < rows, j < columns, b[[i, j]] = a[[i, j]]),
        (Idiom::NdIndex, _) => looped!(j < columns, i < rows, b[[i, j]] = a[[i, j]]),
        (Idiom::NdZip, _) => Zip::from(&mut b).and(&a).for_each(|b, a| *b = *a),
        _ => b.assign(&a),
    }
}
