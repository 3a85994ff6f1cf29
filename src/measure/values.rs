//! The values of a user's file in place of prepared ones.

use super::arena::Arena;
use crate::kernel::Checksum;
use crate::layout::DType;
use crate::memory::{NpyFile, NpyFileError};
use crate::nest::Role;
use crate::suite::{Case, Walked};
use std::sync::Arc;

/// The elements of a `.npy` file, which every array that is read holds.
#[derive(Clone, Debug)]
pub struct Values {
    file: Arc<NpyFile>,
}

impl Values {
    /// Of a file that was opened.
    #[must_use]
    pub fn new(file: NpyFile) -> Self {
        Self { file: Arc::new(file) }
    }

    /// Whether the case walks the file's array as it is, but for padding.
    pub(super) fn fits(&self, case: &Case) -> Result<(), String> {
        let header = self.file.header();
        if (&case.shape, case.dtype, case.order) != (&header.shape, header.dtype, header.order) {
            let shape: Vec<_> = header.shape.iter().map(ToString::to_string).collect();
            return Err(format!("the file has {} of shape {}, {} order", header.dtype, shape.join("x"), header.order));
        }
        let as_it_is = case.options.window.is_none() && case.options.only == 0;
        if as_it_is { Ok(()) } else { Err("a file is walked whole, without windows".to_owned()) }
    }

    /// Copies the elements into every buffer that is read, in this machine's byte order, with the case's padding. Why not,
    /// where that fails: a line of a bundle, so without the file's name.
    pub(super) fn fill(&self, case: &Case, walked: &Walked, arena: &mut Arena) -> Result<(), String> {
        let Some(nest) = walked.nest() else { return Ok(()) };
        let run = case.shape.get(case.fastest()).copied().unwrap_or(1) * case.dtype.itemsize();
        let pitch = run + usize::try_from(case.options.pad).unwrap_or(0);
        let swapped = self.file.header().big_endian != cfg!(target_endian = "big");
        let width = component(case.dtype);
        for operand in nest.operands().iter().filter(|operand| operand.role != Role::Write) {
            let Some(buffer) = arena.buffers.get_mut(operand.buffer) else { continue };
            let mut rows = buffer.as_bytes_mut().chunks_mut(pitch);
            let copied = self.file.each(run, |piece| {
                for (from, to) in piece.chunks_exact(run).zip(&mut rows) {
                    to[..run].copy_from_slice(from);
                    if swapped {
                        to[..run].chunks_exact_mut(width).for_each(<[u8]>::reverse);
                    }
                }
            });
            copied.map_err(nameless)?;
        }
        Ok(())
    }

    /// Whether two sums of the elements differ by no more than rounding can explain: any two orders of adding `n`
    /// numbers differ by at most 2 (n - 1) u times the sum of their absolute values, u being half the type's epsilon
    /// (Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed., 4.2). Whole numbers wrap and must be equal;
    /// with a NaN or an infinity among the elements every sum has none of its own.
    pub(super) fn agree(&self, dtype: DType, one: Checksum, other: Checksum) -> Result<bool, String> {
        let Some(epsilon) = epsilon(dtype) else { return Ok(one == other) };
        let parts = |sum: Checksum| [sum.0 >> 64, sum.0].map(|bits| f64::from_bits(low_bits(bits)));
        let (magnitude, elements) = self.magnitude(dtype)?;
        let most = elements * epsilon * magnitude;
        Ok(!magnitude.is_finite() || parts(one).iter().zip(parts(other)).all(|(a, b)| (a - b).abs() <= most))
    }

    /// The sum of the absolute values of all components, and how many there are.
    #[expect(clippy::cast_precision_loss, reason = "a bound")]
    fn magnitude(&self, dtype: DType) -> Result<(f64, f64), String> {
        let swapped = self.file.header().big_endian != cfg!(target_endian = "big");
        let width = component(dtype);
        let value = |bytes: &[u8]| {
            let mut word = [0; 8];
            word[..width].copy_from_slice(bytes);
            if swapped {
                word[..width].reverse();
            }
            match width {
                4 => f64::from(f32::from_ne_bytes([word[0], word[1], word[2], word[3]])),
                _ => f64::from_ne_bytes(word),
            }
        };
        let (mut sum, mut numbers) = (0.0, 0);
        let add = |piece: &[u8]| {
            sum += piece.chunks_exact(width).map(|bytes| value(bytes).abs()).sum::<f64>();
            numbers += piece.len() / width;
        };
        self.file.each(width, add).map_err(nameless)?;
        Ok((sum, numbers as f64))
    }
}

fn nameless(error: NpyFileError) -> String {
    match error {
        NpyFileError::Io { source, .. } => format!("the .npy file cannot be read: {source}"),
        _ => "the .npy file was changed while it was measured".to_owned(),
    }
}

/// Bytes of a number: a complex one has two.
fn component(dtype: DType) -> usize {
    if dtype == DType::C16 { 8 } else { dtype.itemsize() }
}

/// The spacing of numbers at 1; `None` for whole numbers.
fn epsilon(dtype: DType) -> Option<f64> {
    match dtype {
        DType::F4 => Some(f64::from(f32::EPSILON)),
        DType::F8 | DType::C16 => Some(f64::EPSILON),
        _ => None,
    }
}

fn low_bits(bits: u128) -> u64 {
    u64::try_from(bits & u128::from(u64::MAX)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::{NpyHeader, Order};
    use std::io::Write;

    fn values(dtype: DType, shape: &[usize], big: bool, data: &[u8]) -> Values {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let mut start = NpyHeader::encode(dtype, Order::C, shape);
        if big {
            let mark = start.iter().position(|&byte| byte == b'<').unwrap();
            start[mark] = b'>';
        }
        file.write_all(&start).unwrap();
        file.write_all(data).unwrap();
        Values::new(NpyFile::open(file.path()).unwrap())
    }

    #[test]
    fn elements_arrive_in_the_machine_s_byte_order_with_padding() {
        let numbers = [1.5_f64, -2.0, 3.25, 4.0, 5.0, -6.5];
        for big in [false, true] {
            let bytes = |n: &f64| if big { n.to_be_bytes() } else { n.to_le_bytes() };
            let data: Vec<u8> = numbers.iter().flat_map(bytes).collect();
            let values = values(DType::F8, &[2, 3], big, &data);
            let case: Case = "npy/sum/f8/2x3/C/1,0/pad=8".parse().unwrap();
            values.fits(&case).unwrap();
            let walked = case.walked().unwrap();
            let map = |bytes: u64| crate::memory::Buffer::new(bytes, case.options.pages, 0).unwrap();
            let mut arena = Arena { buffers: walked.buffers().into_iter().map(map).collect() };
            values.fill(&case, &walked, &mut arena).unwrap();
            let held = arena.buffers[0].as_bytes().as_chunks::<8>().0.iter().map(|b| f64::from_ne_bytes(*b));
            assert_eq!(held.collect::<Vec<_>>(), [1.5, -2.0, 3.25, 0.0, 4.0, 5.0, -6.5, 0.0]);
            assert!(values.fits(&"npy/sum/f8/3x2/C/1,0".parse().unwrap()).is_err());
        }
    }

    #[test]
    fn sums_agree_within_rounding_and_no_further() {
        let data: Vec<u8> = (0..1000).flat_map(|n: u32| (0.1 + f64::from(n)).to_le_bytes()).collect();
        let values = values(DType::F8, &[1000], false, &data);
        let sum = |value: f64| Checksum(u128::from(value.to_bits()));
        let (total, bound) = (499_600.0, 1000.0 * f64::EPSILON * 499_600.0);
        assert!(values.agree(DType::F8, sum(total), sum(total + 0.9 * bound)).unwrap());
        assert!(!values.agree(DType::F8, sum(total), sum(total + 1.2 * bound)).unwrap());
        assert!(!values.agree(DType::I4, Checksum(1), Checksum(2)).unwrap());
    }
}
