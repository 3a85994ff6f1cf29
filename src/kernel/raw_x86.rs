//! Vectors of SSE2, AVX2 and AVX-512 as lanes.
#![allow(unsafe_code, reason = "intrinsics; loads and stores through the pointers of the hot loops")]

use super::bodies::{Body, Lanes};
use super::data::Total;
use super::raw::{Block, Join, Memory, lanes_to};
use super::raw_rows::{NONE, contiguous, strided};
use super::raw_select::Width;
use super::raw_transpose::Shuffle;
use std::arch::x86_64::*;

/// One vector type: bytes, its element, addition, subtraction, streaming store and what it takes.
macro_rules! vector {
    ($name:ident, $raw:ty, $lane:ty, $lanes:literal, $three:literal, $plus:ident, $minus:ident, $stream:ident, $cast:path) => {
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
                // SAFETY: vectors of this width are used only where the CPU was found to have them.
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
                // SAFETY: the caller says that the bytes are writable and, for a streaming store, aligned.
                unsafe {
                    if STREAM {
                        $stream(to.cast(), $cast(self.0));
                    } else {
                        to.cast::<Self>().write_unaligned(self);
                    }
                }
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

vector!(Sse2U1, __m128i, u8, 16, 3, _mm_add_epi8, _mm_sub_epi8, _mm_stream_si128, std::convert::identity);
vector!(Sse2I2, __m128i, i16, 8, 3, _mm_add_epi16, _mm_sub_epi16, _mm_stream_si128, std::convert::identity);
vector!(Sse2I4, __m128i, i32, 4, 3, _mm_add_epi32, _mm_sub_epi32, _mm_stream_si128, std::convert::identity);
vector!(Sse2I8, __m128i, i64, 2, 3, _mm_add_epi64, _mm_sub_epi64, _mm_stream_si128, std::convert::identity);
vector!(Sse2F4, __m128, f32, 4, 3.0, _mm_add_ps, _mm_sub_ps, _mm_stream_si128, _mm_castps_si128);
vector!(Sse2F8, __m128d, f64, 2, 3.0, _mm_add_pd, _mm_sub_pd, _mm_stream_si128, _mm_castpd_si128);
vector!(Avx2U1, __m256i, u8, 32, 3, _mm256_add_epi8, _mm256_sub_epi8, _mm256_stream_si256, std::convert::identity);
vector!(Avx2I2, __m256i, i16, 16, 3, _mm256_add_epi16, _mm256_sub_epi16, _mm256_stream_si256, std::convert::identity);
vector!(Avx2I4, __m256i, i32, 8, 3, _mm256_add_epi32, _mm256_sub_epi32, _mm256_stream_si256, std::convert::identity);
vector!(Avx2I8, __m256i, i64, 4, 3, _mm256_add_epi64, _mm256_sub_epi64, _mm256_stream_si256, std::convert::identity);
vector!(Avx2F4, __m256, f32, 8, 3.0, _mm256_add_ps, _mm256_sub_ps, _mm256_stream_si256, _mm256_castps_si256);
vector!(Avx2F8, __m256d, f64, 4, 3.0, _mm256_add_pd, _mm256_sub_pd, _mm256_stream_si256, _mm256_castpd_si256);
vector!(Avx512U1, __m512i, u8, 64, 3, _mm512_add_epi8, _mm512_sub_epi8, _mm512_stream_si512, std::convert::identity);
vector!(Avx512I2, __m512i, i16, 32, 3, _mm512_add_epi16, _mm512_sub_epi16, _mm512_stream_si512, std::convert::identity);
vector!(Avx512I4, __m512i, i32, 16, 3, _mm512_add_epi32, _mm512_sub_epi32, _mm512_stream_si512, std::convert::identity);
vector!(Avx512I8, __m512i, i64, 8, 3, _mm512_add_epi64, _mm512_sub_epi64, _mm512_stream_si512, std::convert::identity);
vector!(Avx512F4, __m512, f32, 16, 3.0, _mm512_add_ps, _mm512_sub_ps, _mm512_stream_si512, _mm512_castps_si512);
vector!(Avx512F8, __m512d, f64, 8, 3.0, _mm512_add_pd, _mm512_sub_pd, _mm512_stream_si512, _mm512_castpd_si512);

/// One width: its vectors, and the two loops compiled for it. A line is read with as many accumulators at every width.
macro_rules! width {
    ($name:ident, $features:literal, $parts:literal, $steps:literal, $u1:ty, $i2:ty, $i4:ty, $i8:ty, $f4:ty, $f8:ty) => {
        pub(super) struct $name;

        impl Width for $name {
            type U1 = $u1;
            type I2 = $i2;
            type I4 = $i4;
            type I8 = $i8;
            type F4 = $f4;
            type F8 = $f8;
            // Two lanes to an element.
            type C16 = $f8;

            #[target_feature(enable = $features)]
            unsafe fn line<B: Body, V: Memory, const STREAM: bool>(block: &Block, passes: u64, total: &mut Total) {
                // SAFETY: the caller's.
                unsafe { strided::<B, Join<V, $parts>, $steps, STREAM, NONE>(block, passes, total) }
            }

            #[target_feature(enable = $features)]
            unsafe fn stream<B: Body, V: Memory, S: Memory, const STREAM: bool, const HOIST: usize>(
                block: &Block,
                passes: u64,
                total: &mut Total,
            ) {
                // SAFETY: the caller's.
                unsafe { contiguous::<B, V, S, 8, STREAM, HOIST>(block, passes, total) }
            }
        }
    };
}

width!(Sse2, "sse2", 4, 2, Sse2U1, Sse2I2, Sse2I4, Sse2I8, Sse2F4, Sse2F8);
width!(Avx2, "avx2", 2, 4, Avx2U1, Avx2I2, Avx2I4, Avx2I8, Avx2F4, Avx2F8);
width!(Avx512, "avx512f,avx512bw", 1, 8, Avx512U1, Avx512I2, Avx512I4, Avx512I8, Avx512F4, Avx512F8);

/// Shuffles within lanes, which every width has, and of the lanes, which each has its own way to do.
macro_rules! shuffle {
    ($name:ident, $to_ps:path, $to_pd:path, $low_32:ident, $high_32:ident, $low_64:ident, $high_64:ident, $turn:path) => {
        impl Shuffle for $name {
            #[inline(always)]
            fn low_32(self, other: Self) -> Self {
                // SAFETY: vectors of this width are used only where the CPU was found to have them.
                Self(unsafe { $to_pd($low_32($to_ps(self.0), $to_ps(other.0))) })
            }

            #[inline(always)]
            fn high_32(self, other: Self) -> Self {
                // SAFETY: as in `low_32`.
                Self(unsafe { $to_pd($high_32($to_ps(self.0), $to_ps(other.0))) })
            }

            #[inline(always)]
            fn low_64(self, other: Self) -> Self {
                // SAFETY: as in `low_32`.
                Self(unsafe { $low_64(self.0, other.0) })
            }

            #[inline(always)]
            fn high_64(self, other: Self) -> Self {
                // SAFETY: as in `low_32`.
                Self(unsafe { $high_64(self.0, other.0) })
            }

            #[inline(always)]
            fn turn_lanes(rows: [Self; 4]) -> [Self; 4] {
                $turn(rows)
            }
        }
    };
}

/// Two lanes to a vector.
#[inline(always)]
fn turn_two([a, b, ..]: [Avx2F8; 4]) -> [Avx2F8; 4] {
    // SAFETY: as in `low_32`.
    let [low, high] =
        unsafe { [Avx2F8(_mm256_permute2f128_pd::<0x20>(a.0, b.0)), Avx2F8(_mm256_permute2f128_pd::<0x31>(a.0, b.0))] };
    [low, high, low, high]
}

/// Four lanes to a vector: first pairs of lanes, then single ones.
#[inline(always)]
fn turn_four([a, b, c, d]: [Avx512F8; 4]) -> [Avx512F8; 4] {
    // SAFETY: as in `low_32`.
    unsafe {
        let [ab_low, ab_high] = [_mm512_shuffle_f64x2::<0x44>(a.0, b.0), _mm512_shuffle_f64x2::<0xee>(a.0, b.0)];
        let [cd_low, cd_high] = [_mm512_shuffle_f64x2::<0x44>(c.0, d.0), _mm512_shuffle_f64x2::<0xee>(c.0, d.0)];
        [
            Avx512F8(_mm512_shuffle_f64x2::<0x88>(ab_low, cd_low)),
            Avx512F8(_mm512_shuffle_f64x2::<0xdd>(ab_low, cd_low)),
            Avx512F8(_mm512_shuffle_f64x2::<0x88>(ab_high, cd_high)),
            Avx512F8(_mm512_shuffle_f64x2::<0xdd>(ab_high, cd_high)),
        ]
    }
}

shuffle!(
    Sse2F8,
    _mm_castpd_ps,
    _mm_castps_pd,
    _mm_unpacklo_ps,
    _mm_unpackhi_ps,
    _mm_unpacklo_pd,
    _mm_unpackhi_pd,
    std::convert::identity
);
shuffle!(
    Avx2F8,
    _mm256_castpd_ps,
    _mm256_castps_pd,
    _mm256_unpacklo_ps,
    _mm256_unpackhi_ps,
    _mm256_unpacklo_pd,
    _mm256_unpackhi_pd,
    turn_two
);
shuffle!(
    Avx512F8,
    _mm512_castpd_ps,
    _mm512_castps_pd,
    _mm512_unpacklo_ps,
    _mm512_unpackhi_ps,
    _mm512_unpacklo_pd,
    _mm512_unpackhi_pd,
    turn_four
);
