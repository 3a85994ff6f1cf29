//! Sets searched with AVX2: the only unsafe code of this room.
//!
//! A set is read and written as whole vectors: a store of one line and a load of the vector around it would wait for
//! each other, and the next access is to the same set as often as not.
#![allow(unsafe_code, reason = "instructions beyond the baseline, after asking whether the CPU has them")]

use super::cache::Scalar;
use super::engine::{Machine, Walker};

/// [`Machine::run`] with the widest instructions that the CPU has.
#[inline]
pub(super) fn run(machine: &mut Machine, operands: &[Walker], at: &mut [u64], length: u64, grouped: bool) {
    #[cfg(target_arch = "x86_64")]
    if has_avx2() {
        // SAFETY: the CPU has AVX2, as was just asked; nothing else is required.
        return unsafe { run_avx2(machine, operands, at, length, grouped) };
    }
    machine.run::<Scalar>(operands, at, length, grouped);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn run_avx2(machine: &mut Machine, operands: &[Walker], at: &mut [u64], length: u64, grouped: bool) {
    machine.run::<Avx2>(operands, at, length, grouped);
}

#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Avx2, has_avx2};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::super::cache::{DIRTY, Met, Scalar, Search};
    use std::arch::x86_64::*;

    pub(in super::super) fn has_avx2() -> bool {
        std::arch::is_x86_feature_detected!("avx2")
    }

    /// Four lines at a time; only where [`has_avx2`].
    pub(in super::super) struct Avx2;

    impl Search for Avx2 {
        #[inline(always)]
        fn promote(set: &mut [u64], line: u64, flag: u64) -> Met {
            // SAFETY: this type is used in code that runs only where `has_avx2`.
            unsafe {
                match set.len() {
                    8 => promote::<2>(set, line, flag),
                    16 => promote::<4>(set, line, flag),
                    4 => promote::<1>(set, line, flag),
                    12 => promote::<3>(set, line, flag),
                    20 => promote::<5>(set, line, flag),
                    _ => Scalar::promote(set, line, flag),
                }
            }
        }
    }

    /// A set of `4 * VECTORS` ways.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn promote<const VECTORS: usize>(set: &mut [u64], line: u64, flag: u64) -> Met {
        assert_eq!(set.len(), 4 * VECTORS);
        let at = set.as_mut_ptr().cast::<__m256i>();
        let wanted = _mm256_set1_epi64x(line.cast_signed());
        let clean = _mm256_set1_epi64x((!DIRTY).cast_signed());
        let mut old = [_mm256_setzero_si256(); VECTORS];
        let mut found = 0_u32;
        for (v, vector) in old.iter_mut().enumerate() {
            // SAFETY: vector `v` is lines 4v to 4v + 3 of the set, whose length was checked.
            *vector = unsafe { _mm256_loadu_si256(at.add(v)) };
            let equal = _mm256_cmpeq_epi64(_mm256_and_si256(*vector, clean), wanted);
            found |= _mm256_movemask_pd(_mm256_castsi256_pd(equal)).cast_unsigned() << (4 * v);
        }
        // Where nothing is found, the last way gives its place up.
        let way = if found == 0 { 4 * VECTORS - 1 } else { found.trailing_zeros() as usize };
        let held = set[way];
        let first = if found == 0 { line | flag } else { held | flag };
        let way = _mm256_set1_epi64x(way as i64);
        // Lines before the way move on by one, those behind it stay.
        let mut carried = _mm256_set1_epi64x(first.cast_signed());
        let mut number = _mm256_set_epi64x(3, 2, 1, 0);
        for (v, vector) in old.iter().enumerate() {
            let turned = _mm256_permute4x64_epi64::<0b10_01_00_11>(*vector);
            let moved = _mm256_blend_epi32::<0b11>(turned, carried);
            let stays = _mm256_cmpgt_epi64(number, way);
            let new = _mm256_blendv_epi8(moved, *vector, stays);
            // SAFETY: as the load above.
            unsafe { _mm256_storeu_si256(at.add(v), new) };
            carried = turned;
            number = _mm256_add_epi64(number, _mm256_set1_epi64x(4));
        }
        if found == 0 { Met::missed(held) } else { Met::Hit }
    }
}
