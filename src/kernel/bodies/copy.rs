//! `b[i] = a[i]`.

use super::{Body, Lanes, Read};
use crate::nest::Role;

/// Reads one array, writes another.
pub(in crate::kernel) struct Copy;

impl Body for Copy {
    const ROLES: &'static [Role] = &[Role::Read, Role::Write];

    #[inline(always)]
    fn step<V: Lanes>(total: V, [a, ..]: Read<V>) -> (V, V) {
        (total, a)
    }
}
