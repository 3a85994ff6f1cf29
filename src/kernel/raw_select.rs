//! From names to a loop: kernel, dtype, walk, stores and instruction set choose one function.
#![allow(unsafe_code, reason = "the loops are unsafe functions; nothing is called here")]

use super::bodies::{Body, Visitor};
use super::data::Total;
use super::raw::{Block, Entry, Memory, strided};
use super::raw_scalar::Complex;
use super::{Isa, Kernel, Stores, Walk};
use crate::layout::DType;

/// A vector width: its vector per element type and the loops compiled for it.
pub(super) trait Width {
    type U1: Memory;
    type I2: Memory;
    type I4: Memory;
    type I8: Memory;
    type F4: Memory;
    type F8: Memory;
    type C16: Memory;

    /// A whole line per step.
    ///
    /// # Safety
    /// As [`Entry`].
    unsafe fn line<B: Body, V: Memory, const STREAM: bool>(block: &Block, passes: u64, total: &mut Total);

    /// Contiguous runs.
    ///
    /// # Safety
    /// As [`super::raw::contiguous`].
    unsafe fn stream<B: Body, V: Memory, S: Memory, const STREAM: bool>(block: &Block, passes: u64, total: &mut Total);
}

/// What a program wants; every field is already known to be available.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub dtype: DType,
    pub walk: Walk,
    pub stores: Stores,
    pub isa: Isa,
}

/// The loop for a kernel.
pub(super) fn entry(kernel: Kernel, wanted: Wanted) -> Entry {
    kernel.visit(wanted)
}

impl Visitor for Wanted {
    type Out = Entry;

    fn visit<B: Body>(self) -> Entry {
        match (self.walk, self.isa) {
            (Walk::Element, _) => self.element::<B>(),
            #[cfg(target_arch = "x86_64")]
            (_, Isa::Avx512) => self.wide::<B, super::raw_x86::Avx512>(),
            #[cfg(target_arch = "x86_64")]
            (_, Isa::Avx2) => self.wide::<B, super::raw_x86::Avx2>(),
            #[cfg(target_arch = "x86_64")]
            _ => self.wide::<B, super::raw_x86::Sse2>(),
            #[cfg(target_arch = "aarch64")]
            (_, Isa::Neon) => self.wide::<B, super::raw_neon::Neon>(),
            #[cfg(not(target_arch = "x86_64"))]
            _ => self.wide::<B, super::raw_scalar::Plain>(),
        }
    }
}

impl Wanted {
    /// Single elements: wider instructions have nothing to add, so there is one function for all CPUs.
    fn element<B: Body>(self) -> Entry {
        match self.dtype {
            DType::U1 => self.chains::<B, u8>(),
            DType::I2 => self.chains::<B, i16>(),
            DType::I4 => self.chains::<B, i32>(),
            DType::I8 => self.chains::<B, i64>(),
            DType::F4 => self.chains::<B, f32>(),
            DType::F8 => self.chains::<B, f64>(),
            DType::C16 => self.chains::<B, Complex>(),
        }
    }

    /// Eight accumulators hide the latency of an addition; without accumulators four steps are enough.
    fn chains<B: Body, S: Memory>(self) -> Entry {
        match (B::REDUCES, self.stores) {
            (true, _) => strided::<B, S, 8, false>,
            (false, Stores::Plain) => strided::<B, S, 4, false>,
            (false, Stores::NonTemporal) => strided::<B, S, 4, true>,
        }
    }

    fn wide<B: Body, W: Width>(self) -> Entry {
        match self.dtype {
            DType::U1 => self.loops::<B, W, W::U1, u8>(),
            DType::I2 => self.loops::<B, W, W::I2, i16>(),
            DType::I4 => self.loops::<B, W, W::I4, i32>(),
            DType::I8 => self.loops::<B, W, W::I8, i64>(),
            DType::F4 => self.loops::<B, W, W::F4, f32>(),
            DType::F8 => self.loops::<B, W, W::F8, f64>(),
            DType::C16 => self.loops::<B, W, W::C16, Complex>(),
        }
    }

    fn loops<B: Body, W: Width, V: Memory, S: Memory>(self) -> Entry {
        match (self.walk == Walk::Line, self.stores) {
            (true, Stores::Plain) => W::line::<B, V, false>,
            (true, Stores::NonTemporal) => W::line::<B, V, true>,
            (false, Stores::Plain) => W::stream::<B, V, S, false>,
            (false, Stores::NonTemporal) => W::stream::<B, V, S, true>,
        }
    }
}
