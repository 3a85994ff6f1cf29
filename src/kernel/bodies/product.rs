//! `c[i, j] += a[i, k] * b[k, j]`: a matrix product, whatever the order of its three loops.

use super::{Body, Lanes, Read};
use crate::nest::Role;

/// Reads two matrices and adds to a third.
pub(in crate::kernel) struct Product;

impl Body for Product {
    const ROLES: &'static [Role] = &[Role::Read, Role::Read, Role::Update];
    const HOISTS: bool = true;

    #[inline(always)]
    fn step<V: Lanes>(total: V, [a, b, c, ..]: Read<V>) -> (V, V) {
        (total, c.plus(a.times(b)))
    }
}
