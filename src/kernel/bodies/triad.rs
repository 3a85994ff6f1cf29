//! `c[i] = a[i] + 2 b[i]`; the doubling is an addition, exact in every type.

use super::{Body, Lanes, Read};
use crate::nest::Role;

/// Reads two arrays, writes a third.
pub(in crate::kernel) struct Triad;

impl Body for Triad {
    const ROLES: &'static [Role] = &[Role::Read, Role::Read, Role::Write];

    #[inline(always)]
    fn step<V: Lanes>(total: V, [a, b, ..]: Read<V>) -> (V, V) {
        (total, a.plus(b.plus(b)))
    }
}
