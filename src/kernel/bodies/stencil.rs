//! `b[i] = 2d a[i] - (the neighbours of a[i])` in `d` axes: the Laplacian of finite differences but for its sign and scale.
//! Doublings are additions, exact in every type.

use super::{Body, Lanes, Read};
use crate::nest::Role;

/// An element and its neighbours in a plane: the middle, then those before and behind it along each axis.
pub(in crate::kernel) struct Stencil5;

/// The same in space.
pub(in crate::kernel) struct Stencil7;

impl Body for Stencil5 {
    const ROLES: &'static [Role] = &[Role::Read, Role::Read, Role::Read, Role::Read, Role::Read, Role::Write];
    const ALIKE: bool = true;

    #[inline(always)]
    fn step<V: Lanes>(total: V, [middle, up, down, left, right, ..]: Read<V>) -> (V, V) {
        let twice = middle.plus(middle);
        (total, twice.plus(twice).minus(up.plus(down).plus(left.plus(right))))
    }
}

impl Body for Stencil7 {
    const ROLES: &'static [Role] =
        &[Role::Read, Role::Read, Role::Read, Role::Read, Role::Read, Role::Read, Role::Read, Role::Write];
    const ALIKE: bool = true;

    #[inline(always)]
    fn step<V: Lanes>(total: V, [middle, up, down, left, right, front, back]: Read<V>) -> (V, V) {
        let twice = middle.plus(middle);
        let around = up.plus(down).plus(left.plus(right)).plus(front.plus(back));
        (total, twice.plus(twice).plus(twice).minus(around))
    }
}
