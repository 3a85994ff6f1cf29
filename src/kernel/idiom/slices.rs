//! Idioms over slices, alone and with rayon.

use super::{Idiom, Matrix, Number};
use rayon::prelude::*;

/// Two loops, spelt out as they are written.
macro_rules! looped {
    ($i:ident < $rows:expr, $j:ident < $columns:expr, $body:expr) => {
        for $i in 0..$rows {
            for $j in 0..$columns {
                $body;
            }
        }
    };
}
pub(super) use looped;

/// The sum of a matrix.
pub(super) fn sum<T: Number>(idiom: Idiom, matrix: &Matrix, a: &[T]) -> T {
    let (lines, length, pitch) = matrix.lines();
    match idiom {
        Idiom::Index => index(matrix, a),
        Idiom::Chunks => a.chunks(pitch).take(lines).map(|line| line[..length].iter().copied().sum::<T>()).sum(),
        Idiom::StepBy => (0..length).map(|k| a[k..].iter().step_by(pitch).take(lines).copied().sum::<T>()).sum(),
        Idiom::ParIter => a[..lines * length].par_iter().copied().sum(),
        Idiom::ParChunks => {
            let line = |line: &[T]| line[..length].iter().copied().sum::<T>();
            a.par_chunks(pitch).take(lines).map(line).sum()
        }
        _ => a[..lines * length].iter().copied().sum(),
    }
}

/// Two loops and an index, each term as it is written where the stride is one.
fn index<T: Number>(matrix: &Matrix, a: &[T]) -> T {
    let ([rows, columns], [down, along]) = (matrix.shape, matrix.strides);
    let mut sum = T::default();
    match (matrix.outer, along) {
        (0, 1) => looped!(i < rows, j < columns, sum = sum + a[i * down + j]),
        (0, _) => looped!(i < rows, j < columns, sum = sum + a[i + j * along]),
        (_, 1) => looped!(j < columns, i < rows, sum = sum + a[i * down + j]),
        _ => looped!(j < columns, i < rows, sum = sum + a[i + j * along]),
    }
    sum
}

/// Copies a matrix.
pub(super) fn copy<T: Number>(idiom: Idiom, matrix: &Matrix, a: &[T], b: &mut [T]) {
    let (lines, length, _) = matrix.lines();
    let all = lines * length;
    match idiom {
        Idiom::Index => copy_by_index(matrix, a, b),
        Idiom::Slice => b[..all].copy_from_slice(&a[..all]),
        _ => b[..all].iter_mut().zip(&a[..all]).for_each(|(to, from)| *to = *from),
    }
}

fn copy_by_index<T: Number>(matrix: &Matrix, a: &[T], b: &mut [T]) {
    let ([rows, columns], [down, along]) = (matrix.shape, matrix.strides);
    match (matrix.outer, along) {
        (0, 1) => looped!(i < rows, j < columns, b[i * down + j] = a[i * down + j]),
        (0, _) => looped!(i < rows, j < columns, b[i + j * along] = a[i + j * along]),
        (_, 1) => looped!(j < columns, i < rows, b[i * down + j] = a[i * down + j]),
        _ => looped!(j < columns, i < rows, b[i + j * along] = a[i + j * along]),
    }
}
