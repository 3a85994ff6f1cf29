//! Why a layout operation is refused, in NumPy's terms.

/// What NumPy refuses, and an access that would leave the buffer, which NumPy lets pass.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the fields are named in the messages")]
pub enum LayoutError {
    /// The dense size in bytes leaves 63 bits; an axis of length 0 counts as 1 (`ctors.c`).
    #[error("an array of shape {shape:?} with {itemsize}-byte elements is larger than 2^63-1 bytes")]
    TooBig { shape: Vec<usize>, itemsize: usize },
    /// A negative length.
    #[error("length {length} of axis {axis}: expected 0 or more")]
    NegativeDim { axis: usize, length: i64 },
    /// An axis that is not there.
    #[error("axis {axis}: expected {} to {} for {ndim} axes", -(*ndim as i64), *ndim as i64 - 1)]
    AxisOutOfRange { axis: i64, ndim: usize },
    /// One axis named twice.
    #[error("axis {axis} is named twice")]
    RepeatedAxis { axis: usize },
    /// A permutation of another number of axes.
    #[error("{given} axes given for an array of {ndim}")]
    AxesMismatch { given: usize, ndim: usize },
    /// Two lists that belong together differ in length.
    #[error("{what} have {left} and {right} entries: expected as many")]
    LengthMismatch { what: &'static str, left: usize, right: usize },
    /// An index outside its axis.
    #[error("index {index} is outside axis {axis} of length {length}")]
    IndexOutOfRange { index: i64, axis: usize, length: usize },
    /// More indices than axes.
    #[error("{given} indices for {ndim} axes")]
    TooManyIndices { given: usize, ndim: usize },
    /// More than one `...`.
    #[error("an index has one ... at most")]
    MultipleEllipsis,
    /// A slice of step 0.
    #[error("a slice cannot have step 0")]
    ZeroStep,
    /// Squeezing an axis that is longer than 1.
    #[error("axis {axis} has length {length}: only axes of length 1 can be squeezed")]
    NotSizeOne { axis: usize, length: usize },
    /// Shapes that do not broadcast.
    #[error("shape {from:?} cannot be broadcast to {to:?}")]
    NotBroadcastable { from: Vec<usize>, to: Vec<usize> },
    /// Another number of elements.
    #[error("{size} elements cannot be reshaped to {shape:?}")]
    SizeMismatch { size: u128, shape: Vec<i64> },
    /// More than one unknown length.
    #[error("a shape has one unknown (negative) length at most")]
    MultipleUnknown,
    /// Only a copy has this shape.
    #[error(
        "a view of this shape is not possible: its elements are not evenly spaced; a copy of {bytes} bytes is needed"
    )]
    CopyNeeded { bytes: u128 },
    /// Elements outside the owning buffer.
    #[error("would touch bytes {low} to {high} of a buffer that has bytes 0 to {buffer_bytes}")]
    OutOfBounds { low: i128, high: i128, buffer_bytes: u64 },
    /// A negative window.
    #[error("window length {length}: expected 0 or more")]
    NegativeWindow { length: i64 },
    /// A window longer than its axis.
    #[error("window of {window} over axis {axis} of length {length}")]
    WindowTooLarge { window: i64, axis: usize, length: usize },
    /// A diagonal of less than two axes.
    #[error("a diagonal needs two axes, the array has {ndim}")]
    NdimTooSmall { ndim: usize },
    /// More axes than are supported.
    #[error("{ndim} axes: at most {} are supported, as in NumPy", super::MOST_AXES)]
    TooManyAxes { ndim: usize },
}

impl LayoutError {
    /// One word per kind: stable, for JSON and tests.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::TooBig { .. } => "too_big",
            Self::NegativeDim { .. } => "negative_dim",
            Self::AxisOutOfRange { .. } => "axis_out_of_range",
            Self::RepeatedAxis { .. } => "repeated_axis",
            Self::AxesMismatch { .. } => "axes_mismatch",
            Self::LengthMismatch { .. } => "length_mismatch",
            Self::IndexOutOfRange { .. } => "index_out_of_range",
            Self::TooManyIndices { .. } => "too_many_indices",
            Self::MultipleEllipsis => "multiple_ellipsis",
            Self::ZeroStep => "zero_step",
            Self::NotSizeOne { .. } => "not_size_one",
            Self::NotBroadcastable { .. } => "not_broadcastable",
            Self::SizeMismatch { .. } => "size_mismatch",
            Self::MultipleUnknown => "multiple_unknown",
            Self::CopyNeeded { .. } => "copy_needed",
            Self::OutOfBounds { .. } => "out_of_bounds",
            Self::NegativeWindow { .. } => "negative_window",
            Self::WindowTooLarge { .. } => "window_too_large",
            Self::NdimTooSmall { .. } => "ndim_too_small",
            Self::TooManyAxes { .. } => "too_many_axes",
        }
    }
}
