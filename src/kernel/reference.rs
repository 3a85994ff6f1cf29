//! The plain interpretation of a kernel on a nest: slow, safe, and what every program must equal.

use super::bodies::{Body, Lanes, READS, Visitor};
use super::data::Total;
use super::program::{check_buffers, check_roles};
use super::raw_scalar::Complex;
use super::{Checksum, Kernel, KernelError};
use crate::layout::DType;
use crate::memory::Buffer;
use crate::nest::LoopNest;

/// Runs one pass element by element in the order of the nest, with one accumulator. An access of more bytes than an
/// element (a line) is done element by element.
///
/// # Errors
/// As [`super::Program::new`] and [`super::Program::run`] for operands that do not fit the kernel or the buffers.
pub fn reference(
    kernel: Kernel,
    dtype: DType,
    nest: &LoopNest,
    buffers: &mut [Buffer],
) -> Result<Checksum, KernelError> {
    check_roles(kernel, nest)?;
    check_buffers(nest, buffers)?;
    Ok(kernel.visit(Interpret { dtype, nest, buffers }).checksum(dtype))
}

struct Interpret<'a> {
    dtype: DType,
    nest: &'a LoopNest,
    buffers: &'a mut [Buffer],
}

impl Visitor for Interpret<'_> {
    type Out = Total;

    fn visit<B: Body>(self) -> Total {
        match self.dtype {
            DType::U1 => self.interpret::<B, u8>(),
            DType::I2 => self.interpret::<B, i16>(),
            DType::I4 => self.interpret::<B, i32>(),
            DType::I8 => self.interpret::<B, i64>(),
            DType::F4 => self.interpret::<B, f32>(),
            DType::F8 => self.interpret::<B, f64>(),
            DType::C16 => self.interpret::<B, Complex>(),
        }
    }
}

impl Interpret<'_> {
    fn interpret<B: Body, T: Element>(self) -> Total {
        let (mut total, mut runs) = (T::zero(), self.nest.runs());
        let (steps, operands) = (self.nest.inner_steps(), self.nest.operands());
        let parts = operands.first().map_or(0, |operand| operand.itemsize / self.dtype.itemsize());
        while let Some(length) = runs.advance() {
            for i in 0..length {
                for part in 0..parts {
                    let at = |k: usize| {
                        let step = steps[k] * i64::try_from(i).unwrap_or(0);
                        usize::try_from(runs.at()[k] + step).unwrap_or(usize::MAX) + part * self.dtype.itemsize()
                    };
                    let mut read = [T::zero(); READS];
                    for (k, value) in read.iter_mut().enumerate().take(reads::<B>()) {
                        *value = T::read(&self.buffers[operands[k].buffer].as_bytes()[at(k)..]);
                    }
                    let (sum, out) = B::step(total, read);
                    total = sum;
                    if let Some(k) = written::<B>() {
                        out.write(&mut self.buffers[operands[k].buffer].as_bytes_mut()[at(k)..]);
                    }
                }
            }
        }
        total.total(B::REDUCES)
    }
}

/// How many operands a step reads.
pub(super) const fn reads<B: Body>() -> usize {
    let last = B::ROLES.len() - 1;
    if matches!(B::ROLES[last], crate::nest::Role::Write) { last } else { last + 1 }
}

/// The operand a step writes.
pub(super) const fn written<B: Body>() -> Option<usize> {
    let last = B::ROLES.len() - 1;
    if matches!(B::ROLES[last], crate::nest::Role::Read) { None } else { Some(last) }
}

/// One element of a dtype, read and written through slices.
trait Element: Lanes {
    fn read(bytes: &[u8]) -> Self;
    fn write(self, bytes: &mut [u8]);
    fn total(self, reduces: bool) -> Total;
}

macro_rules! element {
    ($($type:ty: |$value:ident| $total:expr;)*) => {$(
        impl Element for $type {
            fn read(bytes: &[u8]) -> Self {
                bytes.first_chunk().map_or(Self::zero(), |bytes| Self::from_ne_bytes(*bytes))
            }

            fn write(self, bytes: &mut [u8]) {
                bytes[..size_of::<Self>()].copy_from_slice(&self.to_ne_bytes());
            }

            fn total(self, reduces: bool) -> Total {
                let $value = self;
                if reduces { $total } else { Total::default() }
            }
        }
    )*};
}

element! {
    u8: |sum| Total { whole: u64::from(sum), ..Total::default() };
    i16: |sum| Total { whole: i64::from(sum).cast_unsigned(), ..Total::default() };
    i32: |sum| Total { whole: i64::from(sum).cast_unsigned(), ..Total::default() };
    i64: |sum| Total { whole: sum.cast_unsigned(), ..Total::default() };
    f32: |sum| Total { even: f64::from(sum), ..Total::default() };
    f64: |sum| Total { even: sum, ..Total::default() };
    Complex: |sum| Total { even: sum.re, odd: sum.im, ..Total::default() };
}
