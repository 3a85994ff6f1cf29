//! Sets searched with AVX2: the only unsafe code of this room.
//!
//! A set is read and written as whole vectors: a store of one line and a load of the vector around it would wait for
//! each other, and the next access is to the same set as often as not.
#![allow(unsafe_code, reason = "instructions beyond the baseline, after asking whether the CPU has them")]

use super::cache::{Scalar, Search, Tag};
use super::engine::Machine;
use super::walker::Walker;

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

/// [`super::levels::Levels::settle`], in the same way.
pub(super) fn settle<T: Tag>(machine: &mut Machine<T>)
where
    Scalar: Search<T>,
    Vectors: Search<T>,
{
    #[cfg(target_arch = "x86_64")]
    if machine.vectors {
        // SAFETY: as above.
        return unsafe { settle_avx2(machine) };
    }
    machine.levels.settle::<Scalar>();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn settle_avx2<T: Tag>(machine: &mut Machine<T>)
where
    Avx2: Search<T>,
{
    machine.levels.settle::<Avx2>();
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
        fn promote(set: &mut [u32], line: u32, write: bool) -> Met<u32> {
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
        fn promote(set: &mut [u64], line: u64, write: bool) -> Met<u64> {
            Scalar::promote(set, line, write)
        }
    }

    /// For every way, where each lane comes from so that this way goes to the front and those before it move on by one.
    const fn to_front<const LANES: usize>() -> [[i32; LANES]; LANES] {
        let mut table = [[0; LANES]; LANES];
        let mut way = 0;
        while way < LANES {
            let mut lane = 1;
            table[way][0] = way as i32;
            while lane < LANES {
                table[way][lane] = if lane <= way { lane as i32 - 1 } else { lane as i32 };
                lane += 1;
            }
            way += 1;
        }
        table
    }

    macro_rules! promote {
        ($name:ident, $lanes:literal, $vector:ident, $load:ident, $store:ident, $all:ident, $zero:ident, $and:ident, $or:ident, $equal:ident,
         $mask:expr, $first:ident, $low:expr, $set_low:expr, $permute:expr) => {
            #[doc = concat!("A set of some times ", stringify!($lanes), " ways.")]
            #[inline]
            #[target_feature(enable = "avx2")]
            fn $name<const VECTORS: usize>(set: &mut [u32], line: u32, write: bool) -> Met<u32> {
                static TO_FRONT: [[i32; $lanes]; $lanes] = to_front();
                assert_eq!(set.len(), $lanes * VECTORS);
                let at = set.as_mut_ptr().cast::<$vector>();
                // SAFETY: a row of the table is as many numbers as the vector has lanes.
                let to_front = |way: usize| unsafe { $load(TO_FRONT[way].as_ptr().cast()) };
                let last_to_front = to_front($lanes - 1);
                let wanted = $all(line.cast_signed());
                let clean = $all(i32::MAX);
                let mut old = [$zero(); VECTORS];
                let mut found = 0_u32;
                for (v, vector) in old.iter_mut().enumerate() {
                    // SAFETY: vector `v` is as many lines of the set from line v times lanes on; its length was checked.
                    *vector = unsafe { $load(at.add(v)) };
                    found |= $mask($equal($and(*vector, clean), wanted)).cast_unsigned() << ($lanes * v);
                }
                // The branch lets a guess run ahead of the comparison: requests of one set follow each other closely.
                if found == 0 {
                    let mut carried = $set_low(line.or_dirty(write).cast_signed());
                    for (v, vector) in old.iter().enumerate() {
                        let moved = $permute(*vector, last_to_front);
                        // SAFETY: as the load above.
                        unsafe { $store(at.add(v), $first::<1>(moved, carried)) };
                        carried = moved;
                    }
                    return Met::Miss { victim: $low(carried).cast_unsigned() };
                }
                let way = found.trailing_zeros() as usize;
                let to_front = to_front(way % $lanes);
                // Every place is known when the code is made, so that no later load waits to learn where a store goes.
                for own in 0..VECTORS {
                    if way / $lanes != own {
                        continue;
                    }
                    let turned = $permute(old[own], to_front);
                    let mut carried = $or(turned, $set_low(0_u32.or_dirty(write).cast_signed()));
                    for (v, vector) in old[..own].iter().enumerate() {
                        let moved = $permute(*vector, last_to_front);
                        // SAFETY: as the load above.
                        unsafe { $store(at.add(v), $first::<1>(moved, carried)) };
                        carried = moved;
                    }
                    // SAFETY: as the load above.
                    unsafe { $store(at.add(own), $first::<1>(turned, carried)) };
                }
                Met::Hit
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
        _mm256_or_si256,
        _mm256_cmpeq_epi32,
        |v| _mm256_movemask_ps(_mm256_castsi256_ps(v)),
        _mm256_blend_epi32,
        |v| _mm256_cvtsi256_si32(v),
        |n| _mm256_zextsi128_si256(_mm_cvtsi32_si128(n)),
        |v, from| _mm256_permutevar8x32_epi32(v, from)
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
        _mm_or_si128,
        _mm_cmpeq_epi32,
        |v| _mm_movemask_ps(_mm_castsi128_ps(v)),
        _mm_blend_epi32,
        |v| _mm_cvtsi128_si32(v),
        |n| _mm_cvtsi32_si128(n),
        |v, from| _mm_castps_si128(_mm_permutevar_ps(_mm_castsi128_ps(v), from))
    );
}
