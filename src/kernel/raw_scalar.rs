//! Single elements as lanes: what the element walk loads, and the ends of a contiguous run.
#![allow(unsafe_code, reason = "loads and stores through the pointers of the hot loops")]

use super::bodies::Lanes;
use super::data::Total;
use super::raw::Memory;

/// An element of `c16`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub(super) struct Complex {
    pub re: f64,
    pub im: f64,
}

impl Complex {
    pub(super) fn from_ne_bytes(bytes: [u8; 16]) -> Self {
        let [re, im] = bytemuck::cast::<_, [f64; 2]>(bytes);
        Self { re, im }
    }

    pub(super) fn to_ne_bytes(self) -> [u8; 16] {
        bytemuck::cast([self.re, self.im])
    }
}

impl Lanes for Complex {
    #[inline(always)]
    fn zero() -> Self {
        Self { re: 0.0, im: 0.0 }
    }

    #[inline(always)]
    fn three() -> Self {
        Self { re: 3.0, im: 3.0 }
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        Self { re: self.re + other.re, im: self.im + other.im }
    }

    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        Self { re: self.re - other.re, im: self.im - other.im }
    }

    #[inline(always)]
    fn times(self, other: Self) -> Self {
        Self { re: self.re * other.re - self.im * other.im, im: self.re * other.im + self.im * other.re }
    }
}

macro_rules! scalar {
    ($($type:ty: $three:expr, $plus:expr, $minus:expr, $times:expr;)*) => {$(
        impl Lanes for $type {
            #[inline(always)]
            fn zero() -> Self {
                Self::default()
            }

            #[inline(always)]
            fn three() -> Self {
                $three
            }

            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                $plus(self, other)
            }

            #[inline(always)]
            fn minus(self, other: Self) -> Self {
                $minus(self, other)
            }

            #[inline(always)]
            fn times(self, other: Self) -> Self {
                $times(self, other)
            }
        }
    )*};
}

scalar! {
    u8: 3, u8::wrapping_add, u8::wrapping_sub, u8::wrapping_mul;
    i16: 3, i16::wrapping_add, i16::wrapping_sub, i16::wrapping_mul;
    i32: 3, i32::wrapping_add, i32::wrapping_sub, i32::wrapping_mul;
    i64: 3, i64::wrapping_add, i64::wrapping_sub, i64::wrapping_mul;
    f32: 3.0, std::ops::Add::add, std::ops::Sub::sub, std::ops::Mul::mul;
    f64: 3.0, std::ops::Add::add, std::ops::Sub::sub, std::ops::Mul::mul;
}

/// A store past the caches, where there is an instruction for so few bytes.
///
/// # Safety
/// `to` must be valid for writes of a `T`.
#[inline(always)]
unsafe fn stream<T: Copy>(value: T, to: *mut u8) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_mm_stream_si32, _mm_stream_si64};
        let from = (&raw const value).cast::<u8>();
        // SAFETY: SSE2 belongs to the architecture; MOVNTI takes any address, and the caller vouches for the bytes.
        unsafe {
            match size_of::<T>() {
                4 => _mm_stream_si32(to.cast(), from.cast::<i32>().read_unaligned()),
                8 => _mm_stream_si64(to.cast(), from.cast::<i64>().read_unaligned()),
                16 => {
                    _mm_stream_si64(to.cast(), from.cast::<i64>().read_unaligned());
                    _mm_stream_si64(to.add(8).cast(), from.add(8).cast::<i64>().read_unaligned());
                }
                _ => to.cast::<T>().write_unaligned(value),
            }
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    // SAFETY: the caller's.
    unsafe {
        to.cast::<T>().write_unaligned(value);
    }
}

macro_rules! memory {
    ($($type:ty: |$total:ident, $value:ident| $add:expr;)*) => {$(
        impl Memory for $type {
            const BYTES: usize = size_of::<Self>();

            #[inline(always)]
            unsafe fn load(from: *const u8) -> Self {
                // SAFETY: the caller says that the bytes are readable; no alignment is assumed.
                unsafe { from.cast::<Self>().read_unaligned() }
            }

            #[inline(always)]
            unsafe fn store<const STREAM: bool>(self, to: *mut u8) {
                // SAFETY: the caller says that the bytes are writable; no alignment is assumed.
                unsafe { if STREAM { stream(self, to) } else { to.cast::<Self>().write_unaligned(self) } }
            }

            #[inline(always)]
            fn add_to(self, $total: &mut Total) {
                let $value = self;
                $add;
            }
        }
    )*};
}

memory! {
    u8: |total, value| total.whole = total.whole.wrapping_add(u64::from(value));
    i16: |total, value| total.whole = total.whole.wrapping_add(i64::from(value).cast_unsigned());
    i32: |total, value| total.whole = total.whole.wrapping_add(i64::from(value).cast_unsigned());
    i64: |total, value| total.whole = total.whole.wrapping_add(value.cast_unsigned());
    f32: |total, value| total.even += f64::from(value);
    f64: |total, value| total.even += value;
    Complex: |total, value| {
        total.even += value.re;
        total.odd += value.im;
    };
}

/// Lines as arrays of elements, for architectures without vectors of our own.
#[cfg(not(target_arch = "x86_64"))]
pub(super) struct Plain;

#[cfg(not(target_arch = "x86_64"))]
impl super::raw_select::Width for Plain {
    type U1 = super::raw::Join<u8, 16>;
    type I2 = super::raw::Join<i16, 8>;
    type I4 = super::raw::Join<i32, 4>;
    type I8 = super::raw::Join<i64, 2>;
    type F4 = super::raw::Join<f32, 4>;
    type F8 = super::raw::Join<f64, 2>;
    type C16 = Complex;

    unsafe fn line<B: super::bodies::Body, V: Memory, const STREAM: bool>(
        block: &super::raw::Block,
        passes: u64,
        total: &mut Total,
    ) {
        // SAFETY: the caller's.
        unsafe {
            super::raw_rows::strided::<B, super::raw::Join<V, 4>, 2, STREAM, { super::raw_rows::NONE }>(
                block, passes, total,
            )
        }
    }

    unsafe fn stream<B: super::bodies::Body, V: Memory, S: Memory, const STREAM: bool, const HOIST: usize>(
        block: &super::raw::Block,
        passes: u64,
        total: &mut Total,
    ) {
        // SAFETY: the caller's.
        unsafe { super::raw_rows::contiguous::<B, V, S, 8, STREAM, HOIST>(block, passes, total) }
    }
}
