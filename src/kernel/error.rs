//! Why a kernel does not run.

use super::{Idiom, Isa, Kernel, Stores, Walk};
use crate::layout::DType;
use crate::nest::{NestError, Role};

/// Why a kernel does not run on a nest or on buffers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KernelError {
    /// Other operands than the kernel has.
    #[error("{kernel} takes operands {expected:?}, the nest has {found:?}")]
    Operands {
        /// The kernel.
        kernel: Kernel,
        /// Its roles.
        expected: Vec<Role>,
        /// The nest's.
        found: Vec<Role>,
    },
    /// An access that is not one element, or one line in a line walk.
    #[error("operand {operand}: the {walk} walk of {dtype} takes {expected} bytes per step, the nest says {found}")]
    ItemSize {
        /// Position of the operand.
        operand: usize,
        /// The walk.
        walk: Walk,
        /// The element type.
        dtype: DType,
        /// Bytes per step.
        expected: usize,
        /// Bytes the nest has.
        found: usize,
    },
    /// A line walk, or a non-temporal store, that would touch two lines at once.
    #[error("operand {operand}: starts and steps must be multiples of 64 bytes for a {what}")]
    Alignment {
        /// Position of the operand.
        operand: usize,
        /// What needs it.
        what: &'static str,
    },
    /// Something else than a copy of whole lines in blocks.
    #[error(
        "the block walk copies elements of 4, 8 or 16 bytes, {expected} lines to the innermost loop: not {kernel} of {dtype}, {found} steps"
    )]
    Block {
        /// The kernel.
        kernel: Kernel,
        /// The element type.
        dtype: DType,
        /// Elements of a line.
        expected: usize,
        /// Steps of the innermost loop.
        found: usize,
    },
    /// Operands that stand still in the innermost loop of a nest that keeps them in registers.
    #[error(
        "operand {operand} is to be kept in a register, which {kernel} does not do with the {walk} walk, {stores} stores, or with two operands"
    )]
    Hoisted {
        /// Position of the operand.
        operand: usize,
        /// The kernel.
        kernel: Kernel,
        /// The walk.
        walk: Walk,
        /// The kind of stores.
        stores: Stores,
    },
    /// Steps that differ between the operands of a kernel that has one index for all.
    #[error("operand {operand}: {kernel} walks arrays of equal strides, but this one steps otherwise than the first")]
    Unlike {
        /// Position of the operand.
        operand: usize,
        /// The kernel.
        kernel: Kernel,
    },
    /// A line walk of a kernel that does more than one thing per element.
    #[error("the line walk is for kernels that do one thing per element, not for {kernel}")]
    NoLines {
        /// The kernel.
        kernel: Kernel,
    },
    /// Products of complex numbers in vectors.
    #[error("{kernel} of {dtype} takes the element walk: its vectors have no complex product")]
    NoProduct {
        /// The kernel.
        kernel: Kernel,
        /// The element type.
        dtype: DType,
    },
    /// A kernel whose accesses no nest describes.
    #[error("{kernel} walks no nest of loops")]
    NoNest {
        /// The kernel.
        kernel: Kernel,
    },
    /// The stream walk on a nest whose innermost loop skips bytes.
    #[error("operand {operand}: the stream walk needs an innermost loop over neighbours, but it steps {step} bytes")]
    NotContiguous {
        /// Position of the operand.
        operand: usize,
        /// Its innermost byte step.
        step: i64,
    },
    /// The stream walk on operands that share bytes, one of them written.
    #[error("operand {operand} is written and shares bytes with another: the stream walk cannot keep the order")]
    Overlap {
        /// Position of the written operand.
        operand: usize,
    },
    /// Non-temporal stores where there are none.
    #[error(
        "non-temporal stores are for writing kernels on x86-64, of 4 bytes or more at a time: not for {kernel}, {walk}"
    )]
    NoNonTemporal {
        /// The kernel.
        kernel: Kernel,
        /// The walk.
        walk: Walk,
    },
    /// An instruction set that this CPU does not have.
    #[error("this CPU has no {isa}; it has {}", .has.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    NoSuchIsa {
        /// What was asked for.
        isa: Isa,
        /// What there is.
        has: Vec<Isa>,
    },
    /// Buffers that are not those of the nest.
    #[error("buffer {index} has {found} bytes, the nest needs {needed}")]
    BufferSize {
        /// Position of the buffer.
        index: usize,
        /// Bytes it has; 0 if it is missing.
        found: u64,
        /// Bytes the nest says.
        needed: u64,
    },
    /// A buffer at an address that splits lines.
    #[error("buffer {index} starts at {address:#x}, not on a line of 64 bytes")]
    BufferAlignment {
        /// Position of the buffer.
        index: usize,
        /// Its first byte.
        address: u64,
    },
    /// No cycle for so many chains.
    #[error(
        "a cycle of {nodes} nodes, one per {pitch} bytes, for {chains} chains: expected 1, 2, 4 or 8 chains, as many nodes at least, and a pitch of 8 bytes at least, less than 2^63 bytes together"
    )]
    Cycle {
        /// Nodes.
        nodes: usize,
        /// Bytes from one to the next.
        pitch: usize,
        /// Chains.
        chains: usize,
    },
    /// A buffer in which a cycle was not laid, or which was written to since.
    #[error("the buffer does not hold the cycle: it was not laid there, or the buffer was written to since")]
    Astray,
    /// An idiom that is not written for this.
    #[error("idiom {idiom}: {why}")]
    Idiom {
        /// The idiom.
        idiom: Idiom,
        /// What is wrong.
        why: String,
    },
    /// The nest without the loops that the stream walk joins was refused.
    #[error(transparent)]
    Nest(#[from] NestError),
}
