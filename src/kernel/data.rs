//! What buffers hold before timing, and what is compared after it.

use crate::layout::DType;
use crate::memory::Buffer;
use crate::units::Rng;
use std::fmt;

/// A result to compare bit by bit: equal for every loop order and instruction set on data from [`prepare`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Checksum(pub u128);

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// What a reducing kernel has added up; per dtype either the whole numbers or the reals are used.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Total {
    /// Wrapped whole numbers.
    pub whole: u64,
    /// Reals; of an `f8` and a `c16` those in even lanes.
    pub even: f64,
    /// Those in odd lanes: the imaginary parts of a `c16`.
    pub odd: f64,
}

impl Total {
    pub(super) fn plus(self, other: Self) -> Self {
        let whole = self.whole.wrapping_add(other.whole);
        Self { whole, even: self.even + other.even, odd: self.odd + other.odd }
    }

    pub(super) fn checksum(self, dtype: DType) -> Checksum {
        // Adding 0.0 turns a negative zero into a positive one.
        let bits = |value: f64| u128::from((value + 0.0).to_bits());
        Checksum(match dtype {
            DType::U1 => u128::from(self.whole & 0xff),
            DType::I2 => u128::from(self.whole & 0xffff),
            DType::I4 => u128::from(self.whole & 0xffff_ffff),
            DType::I8 => u128::from(self.whole),
            DType::F4 | DType::F8 => bits(self.even + self.odd),
            DType::C16 => bits(self.even) << 64 | bits(self.odd),
        })
    }
}

/// Elements after which the data repeat: a prime, so that no stride of an array keeps meeting the same value.
const PERIOD: usize = 16_381;

/// Fills buffers with random whole numbers from −4 to 4 without 0; everything follows from `seed`.
///
/// Sums of them stay small in every order, so that they are exact in `f4` too. Nothing is zero, because processors
/// and kernels of operating systems treat zeros specially.
pub fn prepare(buffers: &mut [Buffer], dtype: DType, seed: u64) {
    for (number, buffer) in buffers.iter_mut().enumerate() {
        let mut rng = Rng::new(seed.wrapping_add(number as u64));
        let parts = if dtype == DType::C16 { 2 } else { 1 };
        let mut pattern = Vec::with_capacity(PERIOD * dtype.itemsize());
        for _ in 0..PERIOD * parts {
            let value = [-4, -3, -2, -1, 1, 2, 3, 4][usize::try_from(rng.below(8)).unwrap_or(0)];
            push(&mut pattern, dtype, value);
        }
        for block in buffer.as_bytes_mut().chunks_mut(pattern.len()) {
            block.copy_from_slice(&pattern[..block.len()]);
        }
    }
}

fn push(bytes: &mut Vec<u8>, dtype: DType, value: i8) {
    match dtype {
        DType::U1 => bytes.extend(value.to_ne_bytes()),
        DType::I2 => bytes.extend(i16::from(value).to_ne_bytes()),
        DType::I4 => bytes.extend(i32::from(value).to_ne_bytes()),
        DType::I8 => bytes.extend(i64::from(value).to_ne_bytes()),
        DType::F4 => bytes.extend(f32::from(value).to_ne_bytes()),
        DType::F8 | DType::C16 => bytes.extend(f64::from(value).to_ne_bytes()),
    }
}

/// A checksum of all bytes and their places: what a writing kernel left. Reads the whole buffer; not for timed code.
#[must_use]
pub fn checksum(buffer: &Buffer, dtype: DType) -> Checksum {
    const PRIME: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut state = [1_u64, 2, 3, 4].map(|lane| (lane + dtype as u64) | 1 << 40);
    let mix = |state: u64, word: u64| (state.rotate_left(23) ^ word).wrapping_mul(PRIME);
    let mut blocks = buffer.as_bytes().chunks_exact(32);
    for block in blocks.by_ref() {
        for (lane, word) in state.iter_mut().zip(block.as_chunks::<8>().0) {
            *lane = mix(*lane, u64::from_le_bytes(*word));
        }
    }
    let last = blocks.remainder().iter().fold(buffer.len() as u64, |last, &byte| mix(last, u64::from(byte)));
    let [a, b, c, d] = state;
    Checksum(u128::from(mix(mix(a, b), last)) << 64 | u128::from(mix(mix(c, d), last)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::PagePolicy;

    #[test]
    fn data_follow_from_the_seed_and_hold_no_zero() {
        let mut buffers: Vec<_> =
            (0..3).map(|_| Buffer::new((PERIOD as u64 + 7) * 8, PagePolicy::Base, 0).unwrap()).collect();
        prepare(&mut buffers, DType::F8, 9);
        let values: Vec<f64> =
            buffers[0].as_bytes().as_chunks::<8>().0.iter().map(|bytes| f64::from_ne_bytes(*bytes)).collect();
        assert!(values.iter().all(|value| *value != 0.0 && value.abs() <= 4.0 && value.fract() == 0.0));
        assert_eq!(values[..7], values[PERIOD..]);
        let first = checksum(&buffers[0], DType::F8);
        assert_ne!(first, checksum(&buffers[1], DType::F8));
        prepare(&mut buffers[2..], DType::F8, 9);
        assert_eq!(first, checksum(&buffers[2], DType::F8));
    }

    #[test]
    fn a_checksum_sees_every_byte_and_its_place() {
        let mut buffer = Buffer::new(101, PagePolicy::Base, 0).unwrap();
        prepare(std::slice::from_mut(&mut buffer), DType::U1, 1);
        let mut seen = vec![checksum(&buffer, DType::U1)];
        for at in 0..101 {
            buffer.as_bytes_mut()[at] ^= 0x80;
            seen.push(checksum(&buffer, DType::U1));
            buffer.as_bytes_mut()[at] ^= 0x80;
        }
        let all = seen.len();
        seen.sort_by_key(|sum| sum.0);
        seen.dedup();
        assert_eq!(seen.len(), all);
    }
}
