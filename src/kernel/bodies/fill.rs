//! `a[i] = 3`.

use super::{Body, Lanes, Read};
use crate::nest::Role;

/// Writes.
pub(in crate::kernel) struct Fill;

impl Body for Fill {
    const ROLES: &'static [Role] = &[Role::Write];

    #[inline(always)]
    fn step<V: Lanes>(total: V, _: Read<V>) -> (V, V) {
        (total, V::three())
    }
}
