//! `i = a[i]`: dependent loads. Where the next element lies is known only from this one, so no nest describes it.

use super::{Body, Lanes, Read};
use crate::nest::Role;

/// Reads a node.
pub(in crate::kernel) struct Chase;

impl Body for Chase {
    const ROLES: &'static [Role] = &[Role::Read];
    const VECTORS: bool = false;

    /// What is done with a node's value; a program over a nest refuses this kernel.
    #[inline(always)]
    fn step<V: Lanes>(_: V, [next, ..]: Read<V>) -> (V, V) {
        (next, next)
    }
}
