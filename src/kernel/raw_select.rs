//! From names to a loop: kernel, dtype, walk, stores and instruction set choose one function.
#![allow(unsafe_code, reason = "the loops are unsafe functions; nothing is called here")]

use super::bodies::{Body, Visitor};
use super::data::Total;
use super::raw::{Block, Entry, Memory};
use super::raw_rows::{NONE, strided};
use super::raw_scalar::Complex;
use super::raw_transpose::transpose;
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
    /// As [`super::raw_rows::contiguous`].
    unsafe fn stream<B, V, S, const STREAM: bool, const HOIST: usize>(block: &Block, passes: u64, total: &mut Total)
    where
        B: Body,
        V: Memory,
        S: Memory;
}

/// What a program wants; every field is already known to be available.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub dtype: DType,
    pub walk: Walk,
    pub stores: Stores,
    pub isa: Isa,
    /// The operand that stands still in the innermost loop and is kept in a register.
    pub hoisted: Option<usize>,
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
            (Walk::Block, isa) => transpose(self.dtype, isa, self.stores),
            _ => {
                if B::VECTORS {
                    self.vectors::<B>()
                } else {
                    self.element::<B>()
                }
            }
        }
    }
}

impl Wanted {
    fn vectors<B: Body>(self) -> Entry {
        match self.isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => self.wide::<B, super::raw_x86::Avx512>(),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => self.wide::<B, super::raw_x86::Avx2>(),
            #[cfg(target_arch = "x86_64")]
            _ => self.wide::<B, super::raw_x86::Sse2>(),
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => self.wide::<B, super::raw_neon::Neon>(),
            #[cfg(not(target_arch = "x86_64"))]
            _ => self.wide::<B, super::raw_scalar::Plain>(),
        }
    }

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
        // What is added up in a register waits for the addition before, as an accumulator does. Every choice that is one of
        // the kernel alone comes first, so that loops that it never takes are not compiled.
        if B::HOISTS {
            match (self.hoisted, B::ROLES.len() - 1) {
                (Some(0), _) => return strided::<B, S, 4, false, 0>,
                (Some(1), 1) => return strided::<B, S, 8, false, 1>,
                (Some(1), _) => return strided::<B, S, 4, false, 1>,
                _ => {}
            }
        }
        if B::HOISTS_THIRD && self.hoisted == Some(2) {
            return strided::<B, S, 8, false, 2>;
        }
        if B::REDUCES {
            return strided::<B, S, 8, false, NONE>;
        }
        if B::PAST && self.stores == Stores::NonTemporal {
            return strided::<B, S, 4, true, NONE>;
        }
        strided::<B, S, 4, false, NONE>
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
        if B::HOISTS {
            match self.hoisted {
                Some(0) => return W::stream::<B, V, S, false, 0>,
                Some(1) => return W::stream::<B, V, S, false, 1>,
                _ => {}
            }
        }
        if B::HOISTS_THIRD && self.hoisted == Some(2) {
            return W::stream::<B, V, S, false, 2>;
        }
        let (line, past) = (self.walk == Walk::Line, self.stores == Stores::NonTemporal);
        if B::PAST {
            match (line, past) {
                (true, true) => return W::line::<B, V, true>,
                (false, true) => return W::stream::<B, V, S, true, NONE>,
                _ => {}
            }
        }
        if B::LINES && line {
            return W::line::<B, V, false>;
        }
        W::stream::<B, V, S, false, NONE>
    }
}
