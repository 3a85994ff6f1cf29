//! `a[i] = -a[i]`: a scaling by −1, the only one that stays exact for any number of passes.

use super::{Body, Lanes, Read};
use crate::nest::Role;

/// Reads and writes back.
pub(in crate::kernel) struct Scale;

impl Body for Scale {
    const ROLES: &'static [Role] = &[Role::Update];

    #[inline(always)]
    fn step<V: Lanes>(total: V, [a, ..]: Read<V>) -> (V, V) {
        (total, V::zero().minus(a))
    }
}
