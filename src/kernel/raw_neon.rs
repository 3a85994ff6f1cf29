//! Vectors of NEON as lanes. There is no streaming store in Rust for it.
#![allow(unsafe_code, reason = "intrinsics; loads and stores through the pointers of the hot loops")]

use super::bodies::{Body, Lanes};
use super::data::Total;
use super::raw::{Block, Join, Memory, lanes_to};
use super::raw_rows::{NONE, contiguous, strided};
use super::raw_select::Width;
use super::raw_transpose::Shuffle;
use std::arch::aarch64::*;

/// One vector type: its element, lanes, addition, subtraction.
macro_rules! vector {
    ($name:ident, $raw:ty, $lane:ty, $lanes:literal, $three:literal, $plus:ident, $minus:ident) => {
        #[derive(Clone, Copy)]
        pub(super) struct $name($raw);

        impl Lanes for $name {
            #[inline(always)]
            fn zero() -> Self {
                // SAFETY: plain numbers of the same size; all zero bits are zero.
                unsafe { std::mem::transmute::<[$lane; $lanes], Self>(std::mem::zeroed()) }
            }

            #[inline(always)]
            fn three() -> Self {
                // SAFETY: plain numbers of the same size.
                unsafe { std::mem::transmute::<[$lane; $lanes], Self>([$three; $lanes]) }
            }

            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                // SAFETY: used only where the CPU was found to have NEON.
                Self(unsafe { $plus(self.0, other.0) })
            }

            #[inline(always)]
            fn minus(self, other: Self) -> Self {
                // SAFETY: as in `plus`.
                Self(unsafe { $minus(self.0, other.0) })
            }

            #[inline(always)]
            fn times(self, other: Self) -> Self {
                // SAFETY: plain numbers of the same size, both ways.
                unsafe {
                    let mut product = std::mem::transmute::<Self, [$lane; $lanes]>(self);
                    let other = std::mem::transmute::<Self, [$lane; $lanes]>(other);
                    // Few instruction sets have a product of every integer; the compiler finds those that they have.
                    for n in 0..$lanes {
                        product[n] = product[n].times(other[n]);
                    }
                    std::mem::transmute::<[$lane; $lanes], Self>(product)
                }
            }
        }

        impl Memory for $name {
            const BYTES: usize = size_of::<Self>();

            #[inline(always)]
            unsafe fn load(from: *const u8) -> Self {
                // SAFETY: the caller says that the bytes are readable; no alignment is assumed.
                unsafe { from.cast::<Self>().read_unaligned() }
            }

            #[inline(always)]
            unsafe fn store<const STREAM: bool>(self, to: *mut u8) {
                // SAFETY: the caller says that the bytes are writable; no alignment is assumed.
                unsafe { to.cast::<Self>().write_unaligned(self) }
            }

            #[inline(always)]
            fn add_to(self, total: &mut Total) {
                // SAFETY: plain numbers of the same size.
                let lanes = unsafe { std::mem::transmute::<Self, [$lane; $lanes]>(self) };
                lanes_to::<$lane>(&lanes, total);
            }
        }
    };
}

vector!(NeonU1, uint8x16_t, u8, 16, 3, vaddq_u8, vsubq_u8);
vector!(NeonI2, int16x8_t, i16, 8, 3, vaddq_s16, vsubq_s16);
vector!(NeonI4, int32x4_t, i32, 4, 3, vaddq_s32, vsubq_s32);
vector!(NeonI8, int64x2_t, i64, 2, 3, vaddq_s64, vsubq_s64);
vector!(NeonF4, float32x4_t, f32, 4, 3.0, vaddq_f32, vsubq_f32);
vector!(NeonF8, float64x2_t, f64, 2, 3.0, vaddq_f64, vsubq_f64);

pub(super) struct Neon;

impl Width for Neon {
    type U1 = NeonU1;
    type I2 = NeonI2;
    type I4 = NeonI4;
    type I8 = NeonI8;
    type F4 = NeonF4;
    type F8 = NeonF8;
    type C16 = NeonF8;

    #[target_feature(enable = "neon")]
    unsafe fn line<B: Body, V: Memory, const STREAM: bool>(block: &Block, passes: u64, total: &mut Total) {
        // SAFETY: the caller's.
        unsafe { strided::<B, Join<V, 4>, 2, STREAM, NONE>(block, passes, total) }
    }

    #[target_feature(enable = "neon")]
    unsafe fn stream<B: Body, V: Memory, S: Memory, const STREAM: bool, const HOIST: usize>(
        block: &Block,
        passes: u64,
        total: &mut Total,
    ) {
        // SAFETY: the caller's.
        unsafe { contiguous::<B, V, S, 8, STREAM, HOIST>(block, passes, total) }
    }
}

/// A vector is one lane: nothing is turned but elements.
impl Shuffle for NeonF8 {
    #[inline(always)]
    fn low_32(self, other: Self) -> Self {
        // SAFETY: used only where the CPU was found to have NEON.
        unsafe {
            let [a, b] = [self, other].map(|v| vreinterpretq_f32_f64(v.0));
            Self(vreinterpretq_f64_f32(vzip1q_f32(a, b)))
        }
    }

    #[inline(always)]
    fn high_32(self, other: Self) -> Self {
        // SAFETY: as in `low_32`.
        unsafe {
            let [a, b] = [self, other].map(|v| vreinterpretq_f32_f64(v.0));
            Self(vreinterpretq_f64_f32(vzip2q_f32(a, b)))
        }
    }

    #[inline(always)]
    fn low_64(self, other: Self) -> Self {
        // SAFETY: as in `low_32`.
        Self(unsafe { vzip1q_f64(self.0, other.0) })
    }

    #[inline(always)]
    fn high_64(self, other: Self) -> Self {
        // SAFETY: as in `low_32`.
        Self(unsafe { vzip2q_f64(self.0, other.0) })
    }

    #[inline(always)]
    fn turn_lanes(rows: [Self; 4]) -> [Self; 4] {
        rows
    }
}
