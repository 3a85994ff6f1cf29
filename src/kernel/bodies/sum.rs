//! `s += a[i]`.

use super::{Body, Lanes, Read};
use crate::nest::Role;

/// Reads; every lane of every chain is its own accumulator.
pub(in crate::kernel) struct Sum;

impl Body for Sum {
    const ROLES: &'static [Role] = &[Role::Read];
    const REDUCES: bool = true;

    #[inline(always)]
    fn step<V: Lanes>(total: V, [a, ..]: Read<V>) -> (V, V) {
        (total.plus(a), a)
    }
}
