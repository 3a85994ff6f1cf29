//! Sets searched with AVX2: the only unsafe code of this room.
//!
//! A set is read and written as whole vectors: a store of one line and a load of the vector around it would wait for
//! each other, and the next access is to the same set as often as not.
#![allow(unsafe_code, reason = "instructions beyond the baseline, after asking whether the CPU has them")]

use super::cache::{Scalar, Search, Tag};
use super::engine::{Machine, Walker};

/// [`Machine::run`] with the widest instructions that the CPU has.
#[inline]
pub(super) fn run<T: Tag>(machine: &mut Machine<T>, operands: &[Walker], at: &mut [u64], length: u64, grouped: bool)
where
    Scalar: Search<T>,
    Vectors: Search<T>,
{
    #[cfg(target_arch = "x86_64")]
    if machine.vectors {
        // SAFETY: the CPU has AVX2, as was asked when the machine was made; nothing else is required.
        return unsafe { run_avx2(machine, operands, at, length, grouped) };
    }
    machine.run::<Scalar>(operands, at, length, grouped);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn run_avx2<T: Tag>(machine: &mut Machine<T>, operands: &[Walker], at: &mut [u64], length: u64, grouped: bool)
where
    Avx2: Search<T>,
{
    machine.run::<Avx2>(operands, at, length, grouped);
}

/// What searches sets by vectors, if anything does.
#[cfg(target_arch = "x86_64")]
pub(super) type Vectors = Avx2;
/// What searches sets by vectors, if anything does.
#[cfg(not(target_arch = "x86_64"))]
pub(super) type Vectors = Scalar;

#[cfg(target_arch = "x86_64")]
pub(super) use x86::has_avx2 as has_vectors;

/// Whether sets are searched by vectors here.
#[cfg(not(target_arch = "x86_64"))]
pub(super) fn has_vectors() -> bool {
    false
}

#[cfg(target_arch = "x86_64")]
pub(super) use x86::Avx2;

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::super::cache::{Met, Scalar, Search, Tag};
    use std::arch::x86_64::*;

    pub(in super::super) fn has_avx2() -> bool {
        std::arch::is_x86_feature_detected!("avx2")
    }

    /// Eight lines at a time, or four; only where [`has_avx2`].
    pub(in super::super) struct Avx2;

    impl Search<u32> for Avx2 {
        #[inline(always)]
        fn promote(set: &mut [u32], line: u32, write: bool) -> Met {
            // SAFETY: this type is used in code that runs only where `has_avx2`.
            unsafe {
                match set.len() {
                    8 => eights::<1>(set, line, write),
                    16 => eights::<2>(set, line, write),
                    4 => fours::<1>(set, line, write),
                    12 => fours::<3>(set, line, write),
                    20 => fours::<5>(set, line, write),
                    _ => Scalar::promote(set, line, write),
                }
            }
        }
    }

    /// Numbers that leave 32 bits are rare and searched one by one.
    impl Search<u64> for Avx2 {
        #[inline(always)]
        fn promote(set: &mut [u64], line: u64, write: bool) -> Met {
            Scalar::promote(set, line, write)
        }
    }

    /// The way that gives its place up: that of the line, or else the last; and whether the line was found.
    #[inline(always)]
    fn leaving(found: u32, ways: usize) -> (usize, bool) {
        // Without the line the last way is taken.
        let way = (found | 1 << (ways - 1)).trailing_zeros() as usize;
        (way, found != 0)
    }

    macro_rules! promote {
        ($name:ident, $lanes:literal, $vector:ident, $load:ident, $store:ident, $all:ident, $zero:ident, $and:ident, $equal:ident, $mask:expr,
         $turned:expr, $first:expr, $greater:ident, $choose:ident, $numbers:expr, $add:ident) => {
            #[doc = concat!("A set of some times ", stringify!($lanes), " ways.")]
            #[inline]
            #[target_feature(enable = "avx2")]
            fn $name<const VECTORS: usize>(set: &mut [u32], line: u32, write: bool) -> Met {
                let ways = $lanes * VECTORS;
                assert_eq!(set.len(), ways);
                let at = set.as_mut_ptr().cast::<$vector>();
                let wanted = $all(line.cast_signed());
                let clean = $all(i32::MAX);
                let mut old = [$zero(); VECTORS];
                let mut found = 0_u32;
                for (v, vector) in old.iter_mut().enumerate() {
                    // SAFETY: vector `v` is as many lines of the set from line v times lanes on; its length was checked.
                    *vector = unsafe { $load(at.add(v)) };
                    found |= $mask($equal($and(*vector, clean), wanted)).cast_unsigned() << ($lanes * v);
                }
                let (way, hit) = leaving(found, ways);
                let held = set[way];
                let first = if hit { held.or_dirty(write) } else { line.or_dirty(write) };
                let way = $all(way as i32);
                // Lines before the way move on by one, those behind it stay.
                let mut carried = $all(first.cast_signed());
                let mut number = $numbers;
                for (v, vector) in old.iter().enumerate() {
                    let turned = $turned(*vector);
                    let moved = $first(turned, carried);
                    let new = $choose(moved, *vector, $greater(number, way));
                    // SAFETY: as the load above.
                    unsafe { $store(at.add(v), new) };
                    carried = turned;
                    number = $add(number, $all($lanes));
                }
                if hit { Met::Hit } else { Met::missed(held) }
            }
        };
    }

    promote!(
        eights,
        8,
        __m256i,
        _mm256_loadu_si256,
        _mm256_storeu_si256,
        _mm256_set1_epi32,
        _mm256_setzero_si256,
        _mm256_and_si256,
        _mm256_cmpeq_epi32,
        |v| _mm256_movemask_ps(_mm256_castsi256_ps(v)),
        |v| _mm256_permutevar8x32_epi32(v, _mm256_setr_epi32(7, 0, 1, 2, 3, 4, 5, 6)),
        _mm256_blend_epi32::<1>,
        _mm256_cmpgt_epi32,
        _mm256_blendv_epi8,
        _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7),
        _mm256_add_epi32
    );
    promote!(
        fours,
        4,
        __m128i,
        _mm_loadu_si128,
        _mm_storeu_si128,
        _mm_set1_epi32,
        _mm_setzero_si128,
        _mm_and_si128,
        _mm_cmpeq_epi32,
        |v| _mm_movemask_ps(_mm_castsi128_ps(v)),
        |v| _mm_shuffle_epi32::<0b10_01_00_11>(v),
        _mm_blend_epi32::<1>,
        _mm_cmpgt_epi32,
        _mm_blendv_epi8,
        _mm_setr_epi32(0, 1, 2, 3),
        _mm_add_epi32
    );
}
