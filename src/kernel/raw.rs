//! What the hot loops load and store, and the driver that feeds them the blocks of a nest.
#![allow(unsafe_code, reason = "bounds are checked once per nest, not per access")]

use super::Kernel;
use super::KernelError;
use super::bodies::{Lanes, READS};
use super::data::Total;
use super::program::check_buffers;
use super::raw_select::{Wanted, entry};
use crate::memory::Buffer;
use crate::nest::LoopNest;
use std::marker::PhantomData;

/// Operands a kernel has at most.
pub(super) const OPERANDS: usize = READS + 1;

/// Lanes that can be loaded, stored and added up.
pub(super) trait Memory: Lanes {
    /// Bytes of one load.
    const BYTES: usize;

    /// # Safety
    /// `from` must be valid for reads of `BYTES` bytes, and the CPU must have the instructions.
    unsafe fn load(from: *const u8) -> Self;

    /// Stores past the caches where `STREAM` asks for it and there is an instruction for it.
    ///
    /// # Safety
    /// `to` must be valid for writes of `BYTES` bytes and, for `STREAM`, a multiple of `BYTES`; the CPU must have the
    /// instructions.
    unsafe fn store<const STREAM: bool>(self, to: *mut u8);

    /// Adds every lane to the total.
    fn add_to(self, total: &mut Total);
}

/// Several vectors as one: a line.
#[derive(Clone, Copy)]
pub(super) struct Join<V, const N: usize>(pub(super) [V; N]);

impl<V: Lanes, const N: usize> Lanes for Join<V, N> {
    #[inline(always)]
    fn zero() -> Self {
        Self([V::zero(); N])
    }

    #[inline(always)]
    fn three() -> Self {
        Self([V::three(); N])
    }

    #[inline(always)]
    fn plus(mut self, other: Self) -> Self {
        for n in 0..N {
            self.0[n] = self.0[n].plus(other.0[n]);
        }
        self
    }

    #[inline(always)]
    fn minus(mut self, other: Self) -> Self {
        for n in 0..N {
            self.0[n] = self.0[n].minus(other.0[n]);
        }
        self
    }

    #[inline(always)]
    fn times(mut self, other: Self) -> Self {
        for n in 0..N {
            self.0[n] = self.0[n].times(other.0[n]);
        }
        self
    }
}

impl<V: Memory, const N: usize> Memory for Join<V, N> {
    const BYTES: usize = N * V::BYTES;

    #[inline(always)]
    unsafe fn load(from: *const u8) -> Self {
        let mut line = [V::zero(); N];
        for (n, part) in line.iter_mut().enumerate() {
            // SAFETY: the parts lie side by side in the bytes the caller vouches for.
            *part = unsafe { V::load(from.wrapping_add(n * V::BYTES)) };
        }
        Self(line)
    }

    #[inline(always)]
    unsafe fn store<const STREAM: bool>(self, to: *mut u8) {
        for n in 0..N {
            // SAFETY: as in `load`; a part of an aligned whole is aligned.
            unsafe { self.0[n].store::<STREAM>(to.wrapping_add(n * V::BYTES)) }
        }
    }

    #[inline(always)]
    fn add_to(self, total: &mut Total) {
        self.0.into_iter().for_each(|part| part.add_to(total));
    }
}

/// Adds lanes to a total; the reals in even and in odd lanes apart, as `c16` needs it.
pub(super) fn lanes_to<T: Memory>(lanes: &[T], total: &mut Total) {
    for (index, lane) in lanes.iter().enumerate() {
        let mut one = Total::default();
        lane.add_to(&mut one);
        total.whole = total.whole.wrapping_add(one.whole);
        if index % 2 == 0 { total.even += one.even } else { total.odd += one.even }
    }
}

/// Loops around the innermost one that a kernel keeps in registers, and does not come back here for.
pub(super) const OUTER: usize = 3;

/// A loop around the innermost one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around {
    pub(super) count: usize,
    /// Bytes from iteration to iteration of each operand.
    pub(super) steps: [isize; OPERANDS],
}

/// The innermost loops of a nest: runs of `length` steps, and the loops around them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    /// First byte of each operand.
    pub(super) base: [*mut u8; OPERANDS],
    /// The outermost first.
    pub(super) outer: [Around; OUTER],
    /// Bytes from step to step.
    pub(super) inner: [isize; OPERANDS],
    pub(super) length: usize,
}

impl Block {
    /// Every run, by the first byte of each operand.
    #[inline(always)]
    pub(super) fn each_run(&self, mut run: impl FnMut([*mut u8; OPERANDS])) {
        let [outermost, middle, inner] = &self.outer;
        let mut far = self.base;
        for _ in 0..outermost.count {
            let mut near = far;
            for _ in 0..middle.count {
                let mut at = near;
                for _ in 0..inner.count {
                    // What a run adds to its addresses is added anew in each, and not carried along by all loops around it.
                    run(at.map(|address| address.with_addr(opaque(address.addr()))));
                    at = inner.next(at);
                }
                near = middle.next(near);
            }
            far = outermost.next(far);
        }
    }
}

/// Hides a value from the optimiser, which would otherwise turn independent addresses into one chain of additions.
#[inline(always)]
pub(super) fn opaque(mut value: usize) -> usize {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    // SAFETY: no instruction at all.
    unsafe {
        std::arch::asm!("/* {0} */", inout(reg) value, options(pure, nomem, nostack, preserves_flags));
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        value = std::hint::black_box(value);
    }
    value
}

impl Around {
    /// Where the next iteration begins. Unused operands have steps of 0 and cost nothing.
    #[inline(always)]
    fn next(&self, at: [*mut u8; OPERANDS]) -> [*mut u8; OPERANDS] {
        std::array::from_fn(|k| at[k].wrapping_offset(self.steps[k]))
    }
}

/// A loop for one kernel, dtype, walk and instruction set.
///
/// # Safety
/// Every access of the block must be valid, and the CPU must have the instructions.
pub(super) type Entry = unsafe fn(&Block, u64, &mut Total);

/// Waits until streaming stores are visible in order, as plain stores are.
fn stores_settle() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE2 belongs to the architecture.
    unsafe {
        std::arch::x86_64::_mm_sfence();
    }
}

/// The first byte of each buffer, for workers that share them.
pub(super) struct Shared<'a> {
    starts: Vec<*mut u8>,
    borrowed: PhantomData<&'a mut [Buffer]>,
}

// SAFETY: only addresses are shared; whoever follows them, in `Bound::run_shared`, answers for the accesses.
unsafe impl Sync for Shared<'_> {}

impl<'a> Shared<'a> {
    pub(super) fn of(buffers: &'a mut [Buffer]) -> Self {
        let starts = buffers.iter_mut().map(|buffer| buffer.as_bytes_mut().as_mut_ptr()).collect();
        Self { starts, borrowed: PhantomData }
    }
}

/// A loop bound to the nest whose accesses it may do.
#[derive(Clone, Debug)]
pub(super) struct Bound {
    entry: Entry,
    nest: LoopNest,
}

impl Bound {
    /// Chooses the loop. The caller has checked the nest for the walk, the stores and the instruction set.
    pub(super) fn new(kernel: Kernel, wanted: Wanted, nest: LoopNest) -> Self {
        Self { entry: entry(kernel, wanted), nest }
    }

    /// The nest as it is run.
    pub(super) fn nest(&self) -> &LoopNest {
        &self.nest
    }

    /// All passes; the total is that of one pass.
    pub(super) fn run(&self, buffers: &mut [Buffer], passes: u64) -> Result<Total, KernelError> {
        check_buffers(&self.nest, buffers)?;
        // SAFETY: the buffers are borrowed exclusively, and large enough for the nest.
        Ok(unsafe { self.run_shared(&Shared::of(buffers), passes) })
    }

    /// All passes on buffers that others may use at the same time.
    ///
    /// # Safety
    /// The buffers must be those of the nest in number and size, and nobody else may write what this nest accesses or
    /// access what it writes.
    pub(super) unsafe fn run_shared(&self, buffers: &Shared<'_>, passes: u64) -> Total {
        let starts = &buffers.starts;
        let (steps, strides) = (self.nest.steps(), self.strides());
        let mut total = Total::default();
        let mut left = if steps == 0 { 0 } else { passes };
        while left > 0 {
            total = Total::default();
            let (mut runs, mut done) = (self.nest.runs(), 1);
            while let Some(extents) = runs.advance_block(OUTER + 1) {
                let mut block = strides;
                let in_block: u64 = extents.iter().map(|&count| count as u64).product();
                if let [outer @ .., length] = extents {
                    block.length = *length;
                    let inner = block.outer.iter_mut().rev().zip(outer.iter().rev());
                    inner.for_each(|(around, &count)| around.count = count);
                }
                for ((base, operand), &at) in block.base.iter_mut().zip(self.nest.operands()).zip(runs.at()) {
                    *base = starts[operand.buffer].wrapping_offset(bytes(at));
                }
                // A nest that is one block keeps the repetition in registers too.
                done = if in_block == steps { left } else { 1 };
                // SAFETY: a nest's accesses lie in its buffers, which were checked to be there; see `new`.
                unsafe { (self.entry)(&block, done, &mut total) };
            }
            left -= done;
        }
        stores_settle();
        total
    }

    /// What all blocks share: the steps of the innermost loops, each of one iteration.
    fn strides(&self) -> Block {
        let (loops, operands) = (self.nest.loops().len(), self.nest.operands().len());
        // Of the loop that has so many others in it.
        let of = |inner: usize| {
            let depth = loops.checked_sub(inner + 1);
            let step =
                |k: usize| depth.filter(|_| k < operands).map_or(0, |depth| bytes(self.nest.loop_step(k, depth)));
            std::array::from_fn(step)
        };
        let outer = std::array::from_fn(|number| Around { count: 1, steps: of(OUTER - number) });
        Block { base: [std::ptr::null_mut(); OPERANDS], outer, inner: of(0), length: 1 }
    }
}

/// A byte offset inside a buffer, which fits.
fn bytes(offset: i64) -> isize {
    isize::try_from(offset).unwrap_or(0)
}
