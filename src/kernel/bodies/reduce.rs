//! `b[j] += a[i, j]`: a sum along one axis.

use super::{Body, Lanes, Read};
use crate::nest::Role;

/// Reads an array of more axes than the one it adds to.
pub(in crate::kernel) struct Reduce;

impl Body for Reduce {
    const ROLES: &'static [Role] = &[Role::Read, Role::Update];
    const HOISTS: bool = true;

    #[inline(always)]
    fn step<V: Lanes>(total: V, [a, b, ..]: Read<V>) -> (V, V) {
        (total, b.plus(a))
    }
}
