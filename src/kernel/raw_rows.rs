//! The hot loops, generic over kernel, lanes, unrolling and the operand that is kept in a register.
#![allow(unsafe_code, reason = "bounds are checked once per nest, not per access")]

use super::bodies::{Body, READS};
use super::data::Total;
use super::raw::{Block, Memory, OPERANDS, opaque};
use super::reference::{reads, written};

/// No operand that is kept in a register.
pub(super) const NONE: usize = usize::MAX;

/// See [`opaque`].
#[inline(always)]
fn opaque_step(step: isize) -> isize {
    opaque(step.cast_unsigned()).cast_signed()
}

/// The end of a pass: memory counts as read and written, so that no pass is merged with the next.
#[inline(always)]
pub(super) fn pass_ends() {
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
    let mut read = [V::zero(); READS];
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

/// One step with operand `HOIST` in a register: `kept` is its value or, where it is what is written, becomes it.
///
/// # Safety
/// As [`step`] for all other operands.
#[inline(always)]
unsafe fn step_hoisted<B: Body, V: Memory, const HOIST: usize>(kept: &mut V, at: impl Fn(usize) -> *mut u8) {
    let mut read = [V::zero(); READS];
    for (k, value) in read.iter_mut().enumerate().take(reads::<B>()) {
        // SAFETY: the caller vouches for the addresses of the operands that are read.
        *value = if k == HOIST { *kept } else { unsafe { V::load(at(k)) } };
    }
    let (_, out) = B::step(V::zero(), read);
    match written::<B>() {
        Some(k) if k == HOIST => *kept = out,
        // SAFETY: likewise for the operand that is written.
        Some(k) => unsafe { out.store::<false>(at(k)) },
        None => {}
    }
}

/// A step of either kind.
///
/// # Safety
/// As [`step`].
#[inline(always)]
unsafe fn step_or_hoisted<B: Body, V: Memory, const STREAM: bool, const HOIST: usize>(
    total: &mut V,
    kept: &mut V,
    at: impl Fn(usize) -> *mut u8,
) {
    // SAFETY: the caller's.
    unsafe {
        if HOIST < B::ROLES.len() { step_hoisted::<B, V, HOIST>(kept, at) } else { step::<B, V, STREAM>(total, at) }
    }
}

/// What is kept of operand `HOIST` along a row: every chain its value or, where it is what is written, the first the old
/// value and the others parts to be added to it.
///
/// # Safety
/// `from` must be valid for reads of an `S`.
#[inline(always)]
unsafe fn keep<B: Body, V: Memory, S: Memory, const U: usize, const HOIST: usize>(from: *const u8) -> ([V; U], S) {
    // SAFETY: the caller's.
    let value = unsafe { S::load(from) };
    if written::<B>() == Some(HOIST) { ([V::zero(); U], value) } else { ([spread(value); U], value) }
}

/// A value in every lane.
#[inline(always)]
fn spread<V: Memory, S: Memory>(value: S) -> V {
    let mut bytes = [0_u8; 64];
    for at in (0..V::BYTES).step_by(S::BYTES) {
        // SAFETY: a vector has at most 64 bytes and a whole number of elements.
        unsafe { value.store::<false>(bytes.as_mut_ptr().wrapping_add(at)) };
    }
    // SAFETY: as many bytes as were written.
    unsafe { V::load(bytes.as_ptr()) }
}

/// The end of a row: what was kept of a written operand is added up and stored.
///
/// # Safety
/// If operand `HOIST` is written, `to` must be valid for writes of an `S`.
#[inline(always)]
unsafe fn settle<B: Body, V: Memory, S: Memory, const U: usize, const HOIST: usize>(
    kept: [V; U],
    mut value: S,
    to: *mut u8,
) {
    if written::<B>() == Some(HOIST) {
        let mut bytes = [0_u8; 64];
        for part in kept {
            // SAFETY: a vector has at most 64 bytes and a whole number of elements.
            unsafe { part.store::<false>(bytes.as_mut_ptr()) };
            for at in (0..V::BYTES).step_by(S::BYTES) {
                // SAFETY: as many bytes as were written.
                value = value.plus(unsafe { S::load(bytes.as_ptr().wrapping_add(at)) });
            }
        }
        // SAFETY: the caller's.
        unsafe { value.store::<false>(to) };
    }
}

/// Any strides; `U` (2, 4 or 8) steps at once, each with an accumulator of its own.
///
/// # Safety
/// As [`Entry`]; operand `HOIST` stands still in the inner loop.
#[inline(always)]
pub(super) unsafe fn strided<B: Body, V: Memory, const U: usize, const STREAM: bool, const HOIST: usize>(
    block: &Block,
    passes: u64,
    result: &mut Total,
) {
    let operands = B::ROLES.len();
    let (mut once, mut thrice) = ([0; OPERANDS], [0; OPERANDS]);
    for k in 0..operands {
        let alike = B::ALIKE && k > 0;
        once[k] = if alike { once[0] } else { opaque_step(block.inner[k]) };
        thrice[k] = if alike { thrice[0] } else { opaque_step(once[k].wrapping_mul(3)) };
    }
    let mut totals = [V::zero(); U];
    for _ in 0..passes {
        totals = [V::zero(); U];
        // SAFETY: the row lies in the block.
        block.each_run(|row| unsafe {
            strided_row::<B, V, U, STREAM, HOIST>(row, once, thrice, block.length, &mut totals);
        });
        pass_ends();
    }
    if B::REDUCES {
        totals.into_iter().for_each(|total| total.add_to(result));
    }
}

/// # Safety
/// `length` steps from `at` must be valid; operand `HOIST` stands still.
#[inline(always)]
unsafe fn strided_row<B: Body, V: Memory, const U: usize, const STREAM: bool, const HOIST: usize>(
    mut at: [*mut u8; OPERANDS],
    once: [isize; OPERANDS],
    thrice: [isize; OPERANDS],
    length: usize,
    totals: &mut [V; U],
) {
    let operands = B::ROLES.len();
    let offset = |k: usize, u: usize| [0, once[k], once[k].wrapping_mul(2), thrice[k]][u % 4];
    let hoists = HOIST < operands;
    let still = if hoists { at[HOIST] } else { at[0] };
    if hoists && length == 0 {
        return;
    }
    let (mut kept, value) = if hoists {
        // SAFETY: a row of at least one step accesses it.
        unsafe { keep::<B, V, V, U, HOIST>(still) }
    } else {
        ([V::zero(); U], V::zero())
    };
    let mut far = at;
    if U > 4 {
        for k in 0..operands {
            let ahead = opaque_step(once[k].wrapping_mul(4));
            far[k] = at[k].wrapping_offset(ahead);
        }
    }
    let mut left = length;
    while left >= U {
        for u in 0..U {
            let base = if u < 4 { at } else { far };
            let here = |k: usize| base[k].wrapping_offset(offset(k, u));
            // SAFETY: steps `length - left + u` of the row.
            unsafe { step_or_hoisted::<B, V, STREAM, HOIST>(&mut totals[u], &mut kept[u], here) };
        }
        for k in 0..operands {
            let ahead = once[k].wrapping_mul(U.cast_signed());
            at[k] = at[k].wrapping_offset(ahead);
            far[k] = far[k].wrapping_offset(ahead);
        }
        left -= U;
    }
    for u in 0..U {
        if u < left {
            let base = if u < 4 { at } else { far };
            let here = |k: usize| base[k].wrapping_offset(offset(k, u));
            // SAFETY: the `left` last steps of the row.
            unsafe { step_or_hoisted::<B, V, STREAM, HOIST>(&mut totals[u], &mut kept[u], here) };
        }
    }
    if hoists {
        // SAFETY: the row accesses it.
        unsafe { settle::<B, V, V, U, HOIST>(kept, value, still) };
    }
}

/// Side by side elements `S`, read as vectors `V`, `U` at once.
///
/// # Safety
/// As [`Entry`]; all inner steps are `S::BYTES` but that of operand `HOIST`, which stands still, and the written operand's
/// rows are aligned to `V::BYTES` if `STREAM`.
#[inline(always)]
pub(super) unsafe fn contiguous<B, V, S, const U: usize, const STREAM: bool, const HOIST: usize>(
    block: &Block,
    passes: u64,
    result: &mut Total,
) where
    B: Body,
    V: Memory,
    S: Memory,
{
    let (mut totals, mut ends) = ([V::zero(); U], S::zero());
    for _ in 0..passes {
        (totals, ends) = ([V::zero(); U], S::zero());
        // SAFETY: the row lies in the block.
        block.each_run(|row| unsafe {
            contiguous_row::<B, V, S, U, STREAM, HOIST>(row, block.length, &mut totals, &mut ends);
        });
        pass_ends();
    }
    if B::REDUCES {
        totals.into_iter().for_each(|total| total.add_to(result));
        ends.add_to(result);
    }
}

/// # Safety
/// `length` elements from `at` must be valid; operand `HOIST` stands still.
#[inline(always)]
unsafe fn contiguous_row<B: Body, V: Memory, S: Memory, const U: usize, const STREAM: bool, const HOIST: usize>(
    mut at: [*mut u8; OPERANDS],
    length: usize,
    totals: &mut [V; U],
    ends: &mut S,
) {
    let operands = B::ROLES.len();
    let hoists = HOIST < operands;
    let still = if hoists { at[HOIST] } else { at[0] };
    if hoists && length == 0 {
        return;
    }
    let (mut kept, mut one) = if hoists {
        // SAFETY: a row of at least one step accesses it.
        unsafe { keep::<B, V, S, U, HOIST>(still) }
    } else {
        ([V::zero(); U], S::zero())
    };
    let advance = |at: &mut [*mut u8; OPERANDS], bytes: usize| {
        for pointer in at.iter_mut().take(operands) {
            *pointer = pointer.wrapping_add(bytes);
        }
    };
    let mut left = length * S::BYTES;
    // Vectors that cross lines cost twice: single elements until the operand that counts is aligned.
    let counts = if HOIST == operands - 1 { operands - 2 } else { operands - 1 };
    let last = at[counts].addr();
    let mut head = (last.wrapping_neg() % V::BYTES).min(left);
    if last.is_multiple_of(S::BYTES) {
        left -= head;
        while head > 0 {
            // SAFETY: the first elements of the row.
            unsafe { step_or_hoisted::<B, S, false, HOIST>(ends, &mut one, |k| at[k]) };
            advance(&mut at, S::BYTES);
            head -= S::BYTES;
        }
    }
    while left >= U * V::BYTES {
        for u in 0..U {
            let here = |k: usize| at[k].wrapping_add(u * V::BYTES);
            // SAFETY: `U` vectors are left.
            unsafe { step_or_hoisted::<B, V, STREAM, HOIST>(&mut totals[u], &mut kept[u], here) };
        }
        advance(&mut at, U * V::BYTES);
        left -= U * V::BYTES;
    }
    while left > 0 {
        // SAFETY: the last elements of the row.
        unsafe { step_or_hoisted::<B, S, false, HOIST>(ends, &mut one, |k| at[k]) };
        advance(&mut at, S::BYTES);
        left -= S::BYTES;
    }
    if hoists {
        // SAFETY: the row accesses it.
        unsafe { settle::<B, V, S, U, HOIST>(kept, one, still) };
    }
}
