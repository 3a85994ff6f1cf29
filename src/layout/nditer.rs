//! The order in which NumPy's nditer walks arrays (`order='K'`): what its element-wise functions really do.

use super::Layout;

/// A walk of one or more arrays of one shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walk {
    /// Axes of a length other than 1, outermost first.
    pub axes: Vec<usize>,
    /// Axes that are walked backwards, ascending.
    pub flipped: Vec<usize>,
    /// Lengths after merging, outermost first.
    pub shape: Vec<usize>,
    /// Strides after flipping and merging, outermost first: one list per array.
    pub strides: Vec<Vec<i64>>,
}

/// How nditer walks arrays together; `None` if they are empty or their shapes differ. Broadcast an array first.
#[must_use]
pub fn nditer(arrays: &[&Layout]) -> Option<Walk> {
    let first = arrays.first()?;
    if arrays.iter().any(|array| array.shape != first.shape) || first.size() == 0 {
        return None;
    }
    let shape = &first.shape;
    // An axis of length 1 has stride 0.
    let stride = |array: &Layout, axis: usize| if shape[axis] == 1 { 0 } else { array.strides[axis] };
    let order = fastest_first(arrays, shape.len(), stride);
    let backwards = |axis: &usize| {
        let mut strides = arrays.iter().map(|array| stride(array, *axis));
        strides.clone().any(|s| s < 0) && !strides.any(|s| s > 0)
    };
    let flipped: Vec<usize> = (0..shape.len()).filter(backwards).collect();
    let walked = |array: &Layout, axis: usize| {
        let stride = stride(array, axis);
        if flipped.contains(&axis) { stride.wrapping_neg() } else { stride }
    };
    let space: Vec<(usize, Vec<i64>)> =
        order.iter().map(|&axis| (shape[axis], arrays.iter().map(|array| walked(array, axis)).collect())).collect();
    let merged = merge(space);
    Some(Walk {
        axes: order.iter().rev().copied().filter(|&axis| shape[axis] != 1).collect(),
        flipped,
        shape: merged.iter().rev().map(|(n, _)| *n).collect(),
        strides: (0..arrays.len()).map(|at| merged.iter().rev().map(|(_, strides)| strides[at]).collect()).collect(),
    })
}

/// `nditer_constr.c:npyiter_find_best_axis_ordering`: insertion sort from C order; where a stride is 0 the comparison
/// says nothing and neither swaps nor stops, and of several arrays one that prefers C order decides.
fn fastest_first(arrays: &[&Layout], ndim: usize, stride: impl Fn(&Layout, usize) -> i64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..ndim).rev().collect();
    for at in 1..ndim {
        let axis = order[at];
        let mut to = at;
        for before in (0..at).rev() {
            let (mut ambiguous, mut swap) = (true, false);
            for array in arrays {
                let (own, other) = (stride(array, axis).unsigned_abs(), stride(array, order[before]).unsigned_abs());
                if own == 0 || other == 0 {
                    continue;
                }
                swap = if other <= own { false } else { swap || ambiguous };
                ambiguous = false;
            }
            if !ambiguous {
                if !swap {
                    break;
                }
                to = before;
            }
        }
        order[to..=at].rotate_right(1);
    }
    order
}

/// `nditer_api.c:npyiter_coalesce_axes`, fastest first.
fn merge(space: Vec<(usize, Vec<i64>)>) -> Vec<(usize, Vec<i64>)> {
    let mut merged: Vec<(usize, Vec<i64>)> = Vec::new();
    for (length, strides) in space {
        let fits = merged.last().is_some_and(|(inner, inner_strides)| {
            inner_strides.iter().zip(&strides).all(|(&inner_stride, &outer)| {
                let unit = *inner == 1 && inner_stride == 0 || length == 1 && outer == 0;
                unit || i128::from(inner_stride) * *inner as i128 == i128::from(outer)
            })
        });
        match merged.last_mut().filter(|_| fits) {
            Some((inner, inner_strides)) => {
                *inner = inner.saturating_mul(length);
                for (inner_stride, outer) in inner_strides.iter_mut().zip(&strides) {
                    if *inner_stride == 0 {
                        *inner_stride = *outer;
                    }
                }
            }
            None => merged.push((length, strides)),
        }
    }
    merged
}
