//! Where buffers lie that no mapping places; and buffers moved together, so that the numbers of their lines fit in 32 bits.
//!
//! A move by a multiple of line × sets of every level, and of page × sets of every TLB, changes nothing that a machine
//! can tell, as long as what shares a page goes together.

use super::cache::Tag;
use super::geometry::Geometry;
use crate::nest::LoopNest;

/// Addresses for buffers of these sizes, the same on every machine and in every run: each `offset` bytes behind a multiple of
/// 1 TiB, so that all begin in the same set of every level; `None` if they leave 64 bits.
#[must_use]
pub fn apart(bytes: &[u64], offset: u64) -> Option<Vec<u64>> {
    const APART: u64 = 1 << 40;
    let mut next = APART;
    let place = |&bytes: &u64| {
        let base = next.checked_add(offset)?;
        next = base.checked_add(bytes)?.checked_next_multiple_of(APART)?.checked_add(APART)?;
        Some(base)
    };
    bytes.iter().map(place).collect()
}

/// Addresses for the buffers of a nest that give the same counts; `None` if they do not fit.
pub(super) fn together(nest: &LoopNest, addresses: &[u64], geometry: &Geometry) -> Option<Vec<u64>> {
    let (grain, end) = (grain(geometry)?, u32::END.checked_mul(geometry.line())?);
    // First and last page of what is touched, per buffer.
    let mut ranges = Vec::new();
    for (buffer, &address) in addresses.iter().enumerate() {
        let operands = nest.operands().iter().filter(|operand| operand.buffer == buffer);
        let touched = operands.filter_map(|operand| nest.byte_range(operand));
        let Some((low, high)) = touched.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))) else { continue };
        let page = |byte: i128| u64::try_from(i128::from(address) + byte).ok().map(|byte| byte / geometry.page);
        ranges.push((page(low)?, page(high - 1)?, buffer));
    }
    ranges.sort_unstable();
    let mut placed = vec![0; addresses.len()];
    let (mut next, mut from, mut to): (u64, _, Option<u64>) = (0, 0, None);
    let mut moved = 0_u64;
    for (first, last, buffer) in ranges {
        if to.is_none_or(|to| first > to) {
            if let Some(to) = to {
                next = next.checked_add((to + 1 - from).checked_mul(geometry.page)?)?;
            }
            let start = first * geometry.page;
            // The first address from `next` on that is as good as the old one.
            let wanted = next.checked_add((start % grain + grain - next % grain) % grain)?;
            (moved, next, from) = (start.wrapping_sub(wanted), wanted, first);
        }
        to = Some(to.map_or(last, |to| to.max(last)));
        if next.checked_add((last + 1 - from).checked_mul(geometry.page)?)? > end {
            return None;
        }
        placed[buffer] = addresses[buffer].wrapping_sub(moved);
    }
    Some(placed)
}

/// The same for `bytes` from one address on.
pub(super) fn one(address: u64, bytes: u64, geometry: &Geometry) -> Option<u64> {
    let placed = address % grain(geometry)?;
    (placed.checked_add(bytes)? <= u32::END.checked_mul(geometry.line())?).then_some(placed)
}

/// The bytes that all sets of all levels and TLBs repeat after.
fn grain(geometry: &Geometry) -> Option<u64> {
    let caches = geometry.levels.iter().map(|level| u64::from(level.sets) * u64::from(level.line));
    let tlbs = geometry.tlbs.iter().map(|tlb| u64::from(tlb.entries / tlb.ways).checked_mul(geometry.page));
    caches.map(Some).chain(tlbs).chain([Some(geometry.page)]).try_fold(1, |sum, one| least_common_multiple(sum, one?))
}

/// `None` beyond 64 bits.
pub(super) fn least_common_multiple(a: u64, b: u64) -> Option<u64> {
    (a / greatest_common_divisor(a, b).max(1)).checked_mul(b)
}

/// 0 only of 0 and 0.
pub(super) fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nest::{LoopOrder, Operand, Role};

    #[test]
    fn buffers_lie_apart_or_leave_64_bits() {
        const TIB: u64 = 1 << 40;
        assert_eq!(apart(&[800, 2 * TIB, 1], 64), Some(vec![TIB + 64, 3 * TIB + 64, 7 * TIB + 64]));
        assert_eq!(apart(&[8], u64::MAX - TIB), None);
        assert_eq!(apart(&[u64::MAX], 0), None);
    }

    #[test]
    fn buffers_move_by_whole_grains_and_neighbours_go_together() {
        let caches = Geometry::parse_caches("l1=1K:4:64,l2=6K:6:64").unwrap();
        let geometry = Geometry::new(caches, Geometry::parse_tlbs("l1=4,l2=12:4").unwrap(), 256, "test").unwrap();
        let operand = |buffer| Operand { role: Role::Read, buffer, itemsize: 8, start: 0, steps: vec![8] };
        let nest =
            LoopNest::new(vec![100], vec![operand(0), operand(1), operand(2)], vec![800; 3], &LoopOrder::identity(1));
        let nest = nest.unwrap();
        let old = [1 << 50, (1 << 45) + 7, (1 << 50) + 808];
        let placed = together(&nest, &old, &geometry).unwrap();
        assert_eq!(placed[2] - placed[0], 808);
        for (new, old) in placed.iter().zip(old) {
            assert!(*new < 10_000 && old.abs_diff(*new).is_multiple_of(3 * 1024), "{placed:?}");
        }
        assert!(placed[1] + 800 <= placed[0] || placed[2] + 800 <= placed[1]);
        // 2^33 lines do not fit, and leave 64 bits do not either.
        let far = Operand { steps: vec![1 << 38], ..operand(0) };
        let far = LoopNest::new(vec![2], vec![far], vec![1 << 40], &LoopOrder::identity(1)).unwrap();
        assert_eq!(together(&far, &[0], &geometry), None);
        assert_eq!(together(&nest, &[u64::MAX - 9, 0, 0], &geometry), None);
        assert_eq!(one(1 << 50, 800, &geometry), Some((1 << 50) % 3072));
    }
}
