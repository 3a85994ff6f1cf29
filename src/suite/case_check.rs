//! What a case must keep to before it can be walked, and why it is refused.

use super::case::MOST_AXES;
use super::{Case, Options};
use crate::kernel::{Cycle, Kernel, KernelError, Walk};
use crate::layout::Order;
use crate::nest::{LINE, NestError};

/// Why a case cannot be walked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaseError {
    /// Bytes that 63 bits cannot count.
    #[error("shape {0}: the array has more than 2^63-1 bytes")]
    TooBig(String),
    /// An array without elements.
    #[error("shape {0}: there is nothing to walk; every axis needs at least one element")]
    Empty(String),
    /// More axes than are supported, or none.
    #[error("shape {}: expected 1 to {MOST_AXES} axes", if .0.is_empty() { "()" } else { .0 })]
    Axes(String),
    /// The fastest axis is no whole number of lines.
    #[error("walk=line takes 64 bytes per step: the fastest axis has {bytes} bytes and the padding {pad}")]
    NoWholeLines {
        /// Bytes of a run of the fastest axis.
        bytes: u64,
        /// Bytes of padding.
        pad: u64,
    },
    /// An axis that is no whole number of blocks.
    #[error(
        "walk=block takes blocks of {edge} by {edge} elements, and padding of whole lines: axis {axis} has {length}, the padding {pad} bytes"
    )]
    NoWholeBlocks {
        /// Elements along the edge of a block.
        edge: usize,
        /// The axis.
        axis: usize,
        /// Its elements.
        length: usize,
        /// Bytes of padding.
        pad: u64,
    },
    /// An axis that a reduction lacks, or a shape that its kernel does not walk.
    #[error("{kernel} over shape {shape}: expected {expected}")]
    Shape {
        /// The kernel.
        kernel: Kernel,
        /// The shape.
        shape: String,
        /// What it walks.
        expected: &'static str,
    },
    /// Windows that reach over an axis.
    #[error("window: {reach} elements of axis {axis}, which has {length}")]
    Window {
        /// The axis.
        axis: usize,
        /// Elements from a window's first to its last.
        reach: usize,
        /// Elements of the axis.
        length: usize,
    },
    /// An option that the case has no use for, or whose value does not fit it.
    #[error("{key}={value}: {why}")]
    Option {
        /// The option.
        key: &'static str,
        /// Its value.
        value: String,
        /// What is wrong.
        why: String,
    },
    /// Loops that are not one per axis.
    #[error("loop order {found} for {axes} axes")]
    Loops {
        /// The order.
        found: String,
        /// Axes there are.
        axes: usize,
    },
    /// A kernel that walks no nest.
    #[error("{0} walks no nest of loops")]
    NoNest(Kernel),
    /// Loops that do not fit the array.
    #[error(transparent)]
    Nest(#[from] NestError),
    /// A kernel that cannot take the nest.
    #[error(transparent)]
    Kernel(#[from] KernelError),
}
impl Case {
    /// Whether the kernel walks arrays of this shape.
    pub(super) fn check_shape(&self) -> Result<(), CaseError> {
        let (rank, least) = (self.shape.len(), self.shape.iter().copied().min().unwrap_or(0));
        let (fits, expected) = match self.kernel {
            Kernel::Chase => (rank == 1, "one axis of nodes"),
            Kernel::Reduce => (self.options.axis.is_some(), "the axis to add up along, such as axis=0"),
            Kernel::Product => (rank == 3, "rows, columns and the axis that is added up: 512x512x512"),
            Kernel::Stencil5 => (rank == 2 && least > 2, "two axes of 3 elements or more"),
            Kernel::Stencil7 => (rank == 3 && least > 2, "three axes of 3 elements or more"),
            _ => (true, ""),
        };
        let shape = || self.shape_text();
        if fits { Ok(()) } else { Err(CaseError::Shape { kernel: self.kernel, shape: shape(), expected }) }
    }

    /// Whether nothing but its order, its padding and its threads is special about a matrix.
    fn is_plain_matrix(&self) -> bool {
        const ALLOWED: [&str; 5] = ["base", "idiom", "pad", "pages", "threads"];
        self.shape.len() == 2 && self.options.given().keys().all(|key| ALLOWED.contains(&key.as_str()))
    }

    /// Every option that is given must change something, or one case would have several ids.
    pub(super) fn check_options(&self) -> Result<(), CaseError> {
        let (options, plain) = (&self.options, Options::default());
        let given = options.given();
        let windows = !options.window.is_none();
        let elementwise = Kernel::ELEMENTWISE.contains(&self.kernel);
        let copies = elementwise && self.kernel.roles().len() > 1 && self.kernel.writes();
        let nest = self.kernel != Kernel::Chase;
        let (line, block) = (options.walk == Walk::Line, options.walk == Walk::Block);
        let product = |order: Option<Order>| self.kernel == Kernel::Product && order != Some(self.order);
        let edge = if block { LINE / self.dtype.itemsize().min(LINE) } else { 1 };
        let tiles = (0..self.axes()).filter_map(|axis| options.tile.at(axis)).all(|tile| tile.is_multiple_of(edge));
        let fast = self.shape.get(self.fastest()).copied().unwrap_or(0);
        let rules = [
            ("a", product(options.a), "another order than the case's, of a matrix product"),
            (
                "axis",
                self.kernel == Kernel::Reduce && options.axis.is_some_and(|axis| axis < self.shape.len()),
                "one of the array's axes, of a reduction",
            ),
            ("b", product(options.b), "another order than the case's, of a matrix product"),
            (
                "dest",
                copies && options.dest != Some(self.order),
                "another order than the case's, of a kernel that copies",
            ),
            ("chains", !nest && Cycle::CHAINS.contains(&options.chains), "a chase's: 1, 2, 4 or 8"),
            ("dest", !line, "a line walk needs arrays of one order"),
            ("dilate", windows && options.dilate > 0, "belongs to a window; 1 or more"),
            ("form", windows, "belongs to a window"),
            ("hop", windows && options.hop > 0, "belongs to a window; 1 or more"),
            (
                "idiom",
                options.idiom.is_some_and(|idiom| idiom.kernels().contains(&self.kernel)) && self.is_plain_matrix(),
                "of another kernel, or not for a matrix that is walked an element at a time",
            ),
            (
                "leaf",
                nest && options.leaf > 1 && options.tile == plain.tile && options.leaf.is_multiple_of(edge),
                "2 or more, without tile; whole blocks where they are walked",
            ),
            (
                "only",
                elementwise && !windows && !line && !block && options.only < fast,
                "less than the fastest axis, an element at a time",
            ),
            ("pad", nest, "a chase has a pitch instead"),
            ("pitch", !nest && options.pitch.is_multiple_of(8) && options.pitch > 0, "a chase's, a multiple of 8"),
            (
                "repeat",
                nest && !windows && !line && options.repeat > 0 && self.kernel.roles().len() == 1,
                "belongs to a nest of one array",
            ),
            ("split", options.threads > 1 && options.idiom.is_none(), "divides among several threads"),
            (
                "tile",
                nest && options.tile.fits(self.axes()) && tiles,
                "a length of 1 or more, or one per axis; whole blocks where they are walked",
            ),
            ("walk", nest && (elementwise || !line), "a chase has no walk, and lines are for one thing per element"),
            (
                "walk",
                !block || (copies && options.dest.is_some() && self.shape.len() == 2 && !windows),
                "blocks are for a matrix that is copied to the other order",
            ),
            (
                "window",
                elementwise && !line && options.window.fits(self.shape.len()),
                "1 or more, an element at a time",
            ),
        ];
        let wrong = rules.into_iter().find(|(key, fits, _)| !fits && given.contains_key(*key));
        wrong.map_or(Ok(()), |(key, _, why)| {
            Err(CaseError::Option { key, value: given[key].clone(), why: why.to_owned() })
        })
    }
}
