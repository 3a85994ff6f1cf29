//! A copy to the other order in blocks of whole lines: a square of elements is loaded as rows, turned in registers, and
//! stored as rows of the other array.
//!
//! A vector has lanes of 128 bits. Squares of one lane are turned within the lanes, then the lanes among each other.
#![allow(unsafe_code, reason = "loads and stores through the pointers of the hot loops")]

use super::data::Total;
use super::raw::{Block, Entry, Memory};
use super::raw_rows::pass_ends;
use super::{Isa, Stores};
use crate::layout::DType;
use crate::nest::LINE;

/// Bytes of a lane.
const LANE: usize = 16;

/// Vectors whose elements change places; numbers are halves of lanes.
pub(super) trait Shuffle: Memory {
    /// Per lane: the first 32 bits of both, then the second 32 bits of both.
    fn low_32(self, other: Self) -> Self;
    /// Per lane: the third and the fourth.
    fn high_32(self, other: Self) -> Self;
    /// Per lane: the first half of both.
    fn low_64(self, other: Self) -> Self;
    /// Per lane: the second half of both.
    fn high_64(self, other: Self) -> Self;
    /// Lane `l` of row `g` becomes lane `g` of row `l`; only as many rows as there are lanes count.
    fn turn_lanes(rows: [Self; 4]) -> [Self; 4];
}

/// Turns a square of `E` by `E` elements in each lane.
#[inline(always)]
fn turn_within<V: Shuffle, const E: usize>(rows: &mut [V]) {
    match *rows {
        [a, b] if E == 2 => rows.copy_from_slice(&[a.low_64(b), a.high_64(b)]),
        [a, b, c, d] if E == 4 => {
            let [left, right] = [(a.low_32(b), c.low_32(d)), (a.high_32(b), c.high_32(d))];
            rows.copy_from_slice(&[
                left.0.low_64(left.1),
                left.0.high_64(left.1),
                right.0.low_64(right.1),
                right.0.high_64(right.1),
            ]);
        }
        _ => {}
    }
}

/// Turns `N` by `N` elements: as many as a vector has, `E` of them in a lane.
///
/// # Safety
/// `N` rows of a vector must be valid at both places, and the CPU must have the instructions; see [`Memory::store`] for
/// `STREAM`.
#[inline(always)]
unsafe fn square<V: Shuffle, const E: usize, const N: usize, const STREAM: bool>(
    from: (*const u8, isize),
    to: (*mut u8, isize),
) {
    let lanes = N / E;
    let mut rows = [V::zero(); N];
    for (n, row) in rows.iter_mut().enumerate() {
        // SAFETY: a row of the square.
        *row = unsafe { V::load(from.0.wrapping_offset(from.1.wrapping_mul(n.cast_signed()))) };
    }
    for lane in 0..lanes {
        turn_within::<V, E>(&mut rows[lane * E..(lane + 1) * E]);
    }
    for k in 0..E {
        let turned = V::turn_lanes(std::array::from_fn(|lane| rows[(lane % lanes) * E + k]));
        for (lane, row) in turned.into_iter().take(lanes).enumerate() {
            let place = to.1.wrapping_mul((lane * E + k).cast_signed());
            // SAFETY: a row of the other square.
            unsafe { row.store::<STREAM>(to.0.wrapping_offset(place)) };
        }
    }
}

/// Blocks of a line by a line, one for each run; `E` elements to a lane, `N` to a vector.
///
/// # Safety
/// As [`Entry`]; the inner loop has as many steps as a line has elements, and every row of a block starts on a line.
#[inline(always)]
pub(super) unsafe fn blocks<V: Shuffle, const E: usize, const N: usize, const STREAM: bool>(
    block: &Block,
    passes: u64,
) {
    const { assert!(V::BYTES == N / E * LANE) };
    for _ in 0..passes {
        block.each_run(|row| {
            // A line of the written array is whole before the next is begun, which streaming stores need.
            for (down, across) in (0..LINE / V::BYTES).flat_map(|d| (0..LINE / V::BYTES).map(move |a| (d, a))) {
                let ahead = |step: isize, by: usize| step.wrapping_mul((by * N).cast_signed());
                let from = row[0].wrapping_offset(ahead(block.inner[0], across)).wrapping_add(down * V::BYTES);
                let to = row[1].wrapping_offset(ahead(block.inner[1], down)).wrapping_add(across * V::BYTES);
                // SAFETY: a square of the block.
                unsafe { square::<V, E, N, STREAM>((from, block.inner[0]), (to, block.inner[1])) };
            }
        });
        pass_ends();
    }
}

/// The loops of one instruction set, for 1, 2 or 4 elements to a lane.
macro_rules! turning {
    ($name:ident, $vector:ty, $features:meta, $lanes:literal, $n2:literal, $n4:literal) => {
        mod $name {
            use super::*;

            #[$features]
            unsafe fn run<const E: usize, const N: usize, const STREAM: bool>(
                block: &Block,
                passes: u64,
                _: &mut Total,
            ) {
                // SAFETY: the caller's.
                unsafe { blocks::<$vector, E, N, STREAM>(block, passes) }
            }

            pub(super) fn entry(itemsize: usize, stores: Stores) -> Entry {
                match (itemsize, stores) {
                    (16, Stores::Plain) => run::<1, $lanes, false>,
                    (16, Stores::NonTemporal) => run::<1, $lanes, true>,
                    (8, Stores::Plain) => run::<2, $n2, false>,
                    (8, Stores::NonTemporal) => run::<2, $n2, true>,
                    (_, Stores::Plain) => run::<4, $n4, false>,
                    (_, Stores::NonTemporal) => run::<4, $n4, true>,
                }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
turning!(avx512, crate::kernel::raw_x86::Avx512F8, target_feature(enable = "avx512f"), 4, 8, 16);
#[cfg(target_arch = "x86_64")]
turning!(avx2, crate::kernel::raw_x86::Avx2F8, target_feature(enable = "avx2"), 2, 4, 8);
#[cfg(target_arch = "x86_64")]
turning!(sse2, crate::kernel::raw_x86::Sse2F8, target_feature(enable = "sse2"), 1, 2, 4);
#[cfg(target_arch = "aarch64")]
turning!(neon, crate::kernel::raw_neon::NeonF8, target_feature(enable = "neon"), 1, 2, 4);
#[cfg(not(target_arch = "x86_64"))]
turning!(plain, crate::kernel::raw::Join<f64, 2>, inline, 1, 2, 4);

/// Whether elements of this type are turned in registers.
pub(super) fn turns(dtype: DType) -> bool {
    matches!(dtype.itemsize(), 4 | 8 | 16)
}

/// The loop for a type of 4, 8 or 16 bytes.
pub(super) fn transpose(dtype: DType, isa: Isa, stores: Stores) -> Entry {
    let itemsize = dtype.itemsize();
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => avx512::entry(itemsize, stores),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => avx2::entry(itemsize, stores),
        #[cfg(target_arch = "x86_64")]
        _ => sse2::entry(itemsize, stores),
        #[cfg(target_arch = "aarch64")]
        Isa::Neon => neon::entry(itemsize, stores),
        #[cfg(not(target_arch = "x86_64"))]
        _ => plain::entry(itemsize, stores),
    }
}

/// Without vectors of our own: two numbers of 64 bits are a lane.
#[cfg(not(target_arch = "x86_64"))]
impl Shuffle for super::raw::Join<f64, 2> {
    #[inline(always)]
    fn low_32(self, other: Self) -> Self {
        Self::words(self, other, 0)
    }

    #[inline(always)]
    fn high_32(self, other: Self) -> Self {
        Self::words(self, other, 1)
    }

    #[inline(always)]
    fn low_64(self, other: Self) -> Self {
        Self([self.0[0], other.0[0]])
    }

    #[inline(always)]
    fn high_64(self, other: Self) -> Self {
        Self([self.0[1], other.0[1]])
    }

    #[inline(always)]
    fn turn_lanes(rows: [Self; 4]) -> [Self; 4] {
        rows
    }
}

#[cfg(not(target_arch = "x86_64"))]
impl super::raw::Join<f64, 2> {
    /// The two words of a half of both, in turn.
    #[inline(always)]
    fn words(one: Self, other: Self, half: usize) -> Self {
        let [a, b] = [one, other].map(|v| bytemuck::cast::<f64, [u32; 2]>(v.0[half]));
        Self([[a[0], b[0]], [a[1], b[1]]].map(bytemuck::cast::<[u32; 2], f64>))
    }
}
