//! What is wrong with a nest.

/// Why a nest is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NestError {
    /// The loops do not visit every index exactly once.
    #[error("{0}")]
    NotAPermutation(String),
    /// Steps and axes differ in number.
    #[error("operand {operand} has {steps} steps for {axes} axes")]
    StepCount {
        /// Position of the operand.
        operand: usize,
        /// Steps it has.
        steps: usize,
        /// Axes of the nest.
        axes: usize,
    },
    /// An operand names a buffer that is not there.
    #[error("operand {operand} names buffer {buffer}, but there are {buffers}")]
    NoSuchBuffer {
        /// Position of the operand.
        operand: usize,
        /// The buffer it names.
        buffer: usize,
        /// Buffers of the nest.
        buffers: usize,
    },
    /// An access would leave the operand's buffer.
    #[error("operand {operand} would touch bytes {low}..{high} of a buffer of {buffer_bytes} bytes")]
    OutOfBounds {
        /// Position of the operand.
        operand: usize,
        /// First byte touched.
        low: i128,
        /// One past the last byte touched.
        high: i128,
        /// Size of its buffer.
        buffer_bytes: u64,
    },
    /// The number of innermost steps leaves 63 bits.
    #[error("the nest has more than 2^63-1 steps")]
    TooManySteps,
    /// A tile of size 0 or of an axis that is not there.
    #[error("cannot tile axis {axis} by {size}: the nest has {axes} axes and a tile has at least one index")]
    BadTile {
        /// The axis named.
        axis: usize,
        /// The size asked for.
        size: usize,
        /// Axes of the nest.
        axes: usize,
    },
    /// Layouts of different shapes walked together.
    #[error("operands of shapes {0:?} and {1:?} cannot be walked together")]
    ShapeMismatch(Vec<usize>, Vec<usize>),
}
