//! The hot loops, generic over kernel, lanes and unrolling, and the driver that feeds them the blocks of a nest.
#![allow(unsafe_code, reason = "bounds are checked once per nest, not per access")]

use super::Kernel;
use super::bodies::{Body, Lanes};
use super::data::Total;
use super::program::{KernelError, check_buffers};
use super::raw_select::{Wanted, entry};
use super::reference::{reads, written};
use crate::memory::Buffer;
use crate::nest::LoopNest;
use std::marker::PhantomData;

/// Operands a kernel has at most.
pub(super) const OPERANDS: usize = 3;

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
pub(super) struct Join<V, const N: usize>([V; N]);

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

/// Two loops of a nest: `rows` runs of `length` steps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    /// First byte of each operand.
    base: [*mut u8; OPERANDS],
    /// Bytes from run to run.
    outer: [isize; OPERANDS],
    /// Bytes from step to step.
    inner: [isize; OPERANDS],
    rows: usize,
    length: usize,
}

#[inline(always)]
fn next_row(row: [*mut u8; OPERANDS], block: &Block) -> [*mut u8; OPERANDS] {
    // Unused operands have steps of 0 and cost nothing.
    std::array::from_fn(|k| row[k].wrapping_offset(block.outer[k]))
}

/// A loop for one kernel, dtype, walk and instruction set.
///
/// # Safety
/// Every access of the block must be valid, and the CPU must have the instructions.
pub(super) type Entry = unsafe fn(&Block, u64, &mut Total);

/// Hides a value from the optimiser, which would otherwise turn independent addresses into one chain of additions.
#[inline(always)]
fn opaque(mut value: usize) -> usize {
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

/// The end of a pass: memory counts as read and written, so that no pass is merged with the next.
#[inline(always)]
fn pass_ends() {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    // SAFETY: no instruction at all.
    unsafe {
        std::arch::asm!("", options(nostack, preserves_flags));
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    std::hint::black_box(());
}

/// One step at the given addresses.
///
/// # Safety
/// As [`Memory::load`] and [`Memory::store`] for each operand's address.
#[inline(always)]
unsafe fn step<B: Body, V: Memory, const STREAM: bool>(total: &mut V, at: impl Fn(usize) -> *mut u8) {
    let mut read = [V::zero(); 2];
    for (k, value) in read.iter_mut().enumerate().take(reads::<B>()) {
        // SAFETY: the caller vouches for the addresses of the operands that are read.
        *value = unsafe { V::load(at(k)) };
    }
    let (sum, out) = B::step(*total, read);
    *total = sum;
    if let Some(k) = written::<B>() {
        // SAFETY: likewise for the operand that is written.
        unsafe { out.store::<STREAM>(at(k)) }
    }
}

/// Any strides; `U` (2, 4 or 8) steps at once, each with an accumulator of its own.
///
/// # Safety
/// As [`Entry`].
#[inline(always)]
pub(super) unsafe fn strided<B: Body, V: Memory, const U: usize, const STREAM: bool>(
    block: &Block,
    passes: u64,
    result: &mut Total,
) {
    let operands = B::ROLES.len();
    let (mut once, mut thrice) = ([0; OPERANDS], [0; OPERANDS]);
    for k in 0..operands {
        once[k] = opaque(block.inner[k].cast_unsigned()).cast_signed();
        thrice[k] = opaque(once[k].wrapping_mul(3).cast_unsigned()).cast_signed();
    }
    let mut totals = [V::zero(); U];
    for _ in 0..passes {
        totals = [V::zero(); U];
        let mut row = block.base;
        for _ in 0..block.rows {
            // SAFETY: the row lies in the block.
            unsafe { strided_row::<B, V, U, STREAM>(row, once, thrice, block.length, &mut totals) };
            row = next_row(row, block);
        }
        pass_ends();
    }
    if B::REDUCES {
        totals.into_iter().for_each(|total| total.add_to(result));
    }
}

/// # Safety
/// `length` steps from `at` must be valid.
#[inline(always)]
unsafe fn strided_row<B: Body, V: Memory, const U: usize, const STREAM: bool>(
    mut at: [*mut u8; OPERANDS],
    once: [isize; OPERANDS],
    thrice: [isize; OPERANDS],
    length: usize,
    totals: &mut [V; U],
) {
    let operands = B::ROLES.len();
    let offset = |k: usize, u: usize| [0, once[k], once[k].wrapping_mul(2), thrice[k]][u % 4];
    let mut far = at;
    if U > 4 {
        for k in 0..operands {
            let ahead = opaque(once[k].wrapping_mul(4).cast_unsigned()).cast_signed();
            far[k] = at[k].wrapping_offset(ahead);
        }
    }
    let mut left = length;
    while left >= U {
        for (u, total) in totals.iter_mut().enumerate() {
            let base = if u < 4 { at } else { far };
            // SAFETY: steps `length - left + u` of the row.
            unsafe { step::<B, V, STREAM>(total, |k| base[k].wrapping_offset(offset(k, u))) };
        }
        for k in 0..operands {
            let ahead = once[k].wrapping_mul(U.cast_signed());
            at[k] = at[k].wrapping_offset(ahead);
            far[k] = far[k].wrapping_offset(ahead);
        }
        left -= U;
    }
    for (u, total) in totals.iter_mut().enumerate() {
        if u < left {
            let base = if u < 4 { at } else { far };
            // SAFETY: the `left` last steps of the row.
            unsafe { step::<B, V, STREAM>(total, |k| base[k].wrapping_offset(offset(k, u))) };
        }
    }
}

/// Side by side elements `S`, read as vectors `V`, `U` at once.
///
/// # Safety
/// As [`Entry`]; all inner steps are `S::BYTES`, and the written operand's rows are aligned to `V::BYTES` if `STREAM`.
#[inline(always)]
pub(super) unsafe fn contiguous<B: Body, V: Memory, S: Memory, const U: usize, const STREAM: bool>(
    block: &Block,
    passes: u64,
    result: &mut Total,
) {
    let (mut totals, mut ends) = ([V::zero(); U], S::zero());
    for _ in 0..passes {
        (totals, ends) = ([V::zero(); U], S::zero());
        let mut row = block.base;
        for _ in 0..block.rows {
            // SAFETY: the row lies in the block.
            unsafe { contiguous_row::<B, V, S, U, STREAM>(row, block.length, &mut totals, &mut ends) };
            row = next_row(row, block);
        }
        pass_ends();
    }
    if B::REDUCES {
        totals.into_iter().for_each(|total| total.add_to(result));
        ends.add_to(result);
    }
}

/// # Safety
/// `length` elements from `at` must be valid.
#[inline(always)]
unsafe fn contiguous_row<B: Body, V: Memory, S: Memory, const U: usize, const STREAM: bool>(
    mut at: [*mut u8; OPERANDS],
    length: usize,
    totals: &mut [V; U],
    ends: &mut S,
) {
    let advance = |at: &mut [*mut u8; OPERANDS], bytes: usize| {
        for pointer in at.iter_mut().take(B::ROLES.len()) {
            *pointer = pointer.wrapping_add(bytes);
        }
    };
    let mut left = length * S::BYTES;
    // Vectors that cross lines cost twice: single elements until the operand that counts is aligned.
    let last = at[B::ROLES.len() - 1].addr();
    let mut head = (last.wrapping_neg() % V::BYTES).min(left);
    if last.is_multiple_of(S::BYTES) {
        left -= head;
        while head > 0 {
            // SAFETY: the first elements of the row.
            unsafe { step::<B, S, false>(ends, |k| at[k]) };
            advance(&mut at, S::BYTES);
            head -= S::BYTES;
        }
    }
    while left >= U * V::BYTES {
        for (u, total) in totals.iter_mut().enumerate() {
            // SAFETY: `U` vectors are left.
            unsafe { step::<B, V, STREAM>(total, |k| at[k].wrapping_add(u * V::BYTES)) };
        }
        advance(&mut at, U * V::BYTES);
        left -= U * V::BYTES;
    }
    while left > 0 {
        // SAFETY: the last elements of the row.
        unsafe { step::<B, S, false>(ends, |k| at[k]) };
        advance(&mut at, S::BYTES);
        left -= S::BYTES;
    }
}

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
            while let Some((rows, length)) = runs.advance_block() {
                let mut block = Block { rows, length, ..strides };
                for ((base, operand), &at) in block.base.iter_mut().zip(self.nest.operands()).zip(runs.at()) {
                    *base = starts[operand.buffer].wrapping_offset(bytes(at));
                }
                // A nest that is one block keeps the repetition in registers too.
                done = if (rows as u64).saturating_mul(length as u64) == steps { left } else { 1 };
                // SAFETY: a nest's accesses lie in its buffers, which were checked to be there; see `new`.
                unsafe { (self.entry)(&block, done, &mut total) };
            }
            left -= done;
        }
        stores_settle();
        total
    }

    /// What all blocks share: the steps of the two innermost loops.
    fn strides(&self) -> Block {
        let loops = self.nest.loops().len();
        let step = |k: usize, depth: Option<usize>| depth.map_or(0, |depth| bytes(self.nest.loop_step(k, depth)));
        let of = |depth: Option<usize>| {
            std::array::from_fn(|k| if k < self.nest.operands().len() { step(k, depth) } else { 0 })
        };
        let (outer, inner) = (of(loops.checked_sub(2)), of(loops.checked_sub(1)));
        Block { base: [std::ptr::null_mut(); OPERANDS], outer, inner, rows: 0, length: 0 }
    }
}

/// A byte offset inside a buffer, which fits.
fn bytes(offset: i64) -> isize {
    isize::try_from(offset).unwrap_or(0)
}
