//! One case: what is walked, how, and its canonical id.

use super::form::{self, Walked};
use super::{Edges, Options};
use crate::kernel::{Cycle, Kernel, KernelError, Walk};
use crate::layout::{DType, Order};
use crate::nest::{LoopNest, LoopOrder, NestError};
use std::fmt;
use std::str::FromStr;

/// Longest id that is written or read.
pub const LONGEST_ID: usize = 160;
/// Bytes of a line.
const LINE: usize = 64;
/// Most axes of an array.
pub const MOST_AXES: usize = 8;

/// A kernel on an array in a loop order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Case {
    /// The family it belongs to.
    pub family: String,
    /// What is done per element.
    pub kernel: Kernel,
    /// Element type.
    pub dtype: DType,
    /// Elements per axis.
    pub shape: Vec<usize>,
    /// Which axis is fastest.
    pub order: Order,
    /// Axis numbers, outermost first.
    pub loops: LoopOrder,
    /// What else is special.
    pub options: Options,
}

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
    /// A plain case of the family `order`.
    #[must_use]
    pub fn new(kernel: Kernel, dtype: DType, shape: &[usize], order: Order, loops: LoopOrder) -> Self {
        let family = "order".to_owned();
        Self { family, kernel, dtype, shape: shape.to_vec(), order, loops, options: Options::default() }
    }

    /// The same in another family.
    #[must_use]
    pub fn in_family(mut self, family: &str) -> Self {
        family.clone_into(&mut self.family);
        self
    }

    /// The same with other options.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(&mut self.options);
        self
    }

    /// The same array and kernel with its smallest stride innermost, without tiles: what a loop order is divided by.
    #[must_use]
    pub fn baseline(&self) -> Self {
        let axes = match self.order {
            Order::C => (0..self.axes()).collect(),
            Order::F => (0..self.axes()).rev().collect(),
        };
        let loops = LoopOrder::new(axes).unwrap_or_else(|_| LoopOrder::identity(self.axes()));
        Self { loops, ..self.clone() }.with(|options| {
            options.tile = Edges::default();
            options.leaf = 0;
        })
    }

    /// Whether this is its own baseline.
    #[must_use]
    pub fn is_baseline(&self) -> bool {
        *self == self.baseline()
    }

    /// The shape as in an id: `4096x4096`.
    #[must_use]
    pub fn shape_text(&self) -> String {
        let lengths: Vec<_> = self.shape.iter().map(ToString::to_string).collect();
        lengths.join("x")
    }

    /// The axis whose stride is smallest.
    #[must_use]
    pub fn fastest(&self) -> usize {
        match self.order {
            Order::C => self.shape.len().saturating_sub(1),
            Order::F => 0,
        }
    }

    /// Axes that are walked: those of the array and, with windows, those inside them behind.
    #[must_use]
    pub fn axes(&self) -> usize {
        self.shape.len() * if self.options.window.is_none() { 1 } else { 2 }
    }

    /// Byte stride of the first operand per axis that is walked, with the padding.
    ///
    /// # Errors
    /// As [`Case::walked`].
    pub fn strides(&self) -> Result<Vec<i64>, CaseError> {
        if self.kernel == Kernel::Chase {
            let pitch = form::chase(self)?.pitch;
            return Ok(vec![i64::try_from(pitch).map_err(|_| CaseError::TooBig(self.shape_text()))?]);
        }
        Ok(form::shaped(self)?.strides)
    }

    /// What a step of its nest counts for where times are given per step: the line of a block stands for its elements, so
    /// that a copy in blocks compares with one by elements; all others for one.
    #[must_use]
    pub fn elements_per_step(&self) -> u64 {
        if self.options.walk == Walk::Block { (LINE / self.dtype.itemsize()) as u64 } else { 1 }
    }

    /// Bytes of all arrays together: the working set.
    ///
    /// # Errors
    /// As [`Case::walked`].
    pub fn footprint(&self) -> Result<u64, CaseError> {
        let bytes = self.walked()?.buffers().into_iter().try_fold(0_u64, u64::checked_add);
        bytes.ok_or_else(|| CaseError::TooBig(self.shape_text()))
    }

    /// What this case walks.
    ///
    /// # Errors
    /// A shape that cannot be laid out, loops or options that do not fit it, or a line walk over no whole lines.
    pub fn walked(&self) -> Result<Walked, CaseError> {
        if self.kernel == Kernel::Chase { form::chase(self).map(Walked::Chase) } else { self.nest().map(Walked::Nest) }
    }

    /// The nest that this case walks.
    ///
    /// # Errors
    /// As [`Case::walked`], and for a kernel that walks none.
    pub fn nest(&self) -> Result<LoopNest, CaseError> {
        form::nest(self)
    }

    /// Whether the shape, the loops and the options fit each other.
    pub(super) fn check(&self) -> Result<(), CaseError> {
        if self.shape.is_empty() || self.axes() > MOST_AXES {
            return Err(CaseError::Axes(self.shape_text()));
        }
        if self.shape.contains(&0) {
            return Err(CaseError::Empty(self.shape_text()));
        }
        if self.loops.axes().len() != self.axes() {
            return Err(CaseError::Loops { found: self.loops.to_string(), axes: self.axes() });
        }
        self.check_shape()?;
        self.check_options()
    }

    /// Whether the kernel walks arrays of this shape.
    fn check_shape(&self) -> Result<(), CaseError> {
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
    fn check_options(&self) -> Result<(), CaseError> {
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

/// The id: `family/kernel/dtype/shape/order/loop[/option=value…]`.
impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut id = format!(
            "{}/{}/{}/{}/{}/{}",
            self.family,
            self.kernel.name(),
            self.dtype.name(),
            self.shape_text(),
            self.order,
            self.loops
        );
        for (key, value) in self.options.given() {
            id.push_str(&format!("/{key}={value}"));
        }
        f.pad(&id)
    }
}

/// Reads what is written; an id in any other spelling is refused.
impl FromStr for Case {
    type Err = String;

    fn from_str(id: &str) -> Result<Self, String> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_.,=/-".contains(c);
        if id.is_empty() || id.len() > LONGEST_ID || !id.chars().all(allowed) {
            return Err(format!("an id has 1 to {LONGEST_ID} of the characters A-Z a-z 0-9 _ . , = / -"));
        }
        let parts: Vec<&str> = id.split('/').collect();
        let [family, kernel, dtype, shape, order, loops, options @ ..] = parts.as_slice() else {
            return Err(format!("id {id:?}: expected family/kernel/dtype/shape/order/loop"));
        };
        let shape = shape.split('x').map(|n| n.parse().ok()).collect::<Option<Vec<usize>>>();
        let mut case = Self {
            family: (*family).to_owned(),
            kernel: kernel.parse()?,
            dtype: dtype.parse()?,
            shape: shape.ok_or_else(|| format!("id {id:?}: expected a shape such as 4096x4096"))?,
            order: order.parse()?,
            loops: loops.parse()?,
            options: Options::default(),
        };
        for option in options {
            let (key, value) = option.split_once('=').ok_or_else(|| format!("id {id:?}: expected option=value"))?;
            case.options.set(key, value)?;
        }
        if case.loops.axes().len() != case.axes() {
            return Err(format!("id {id:?}: {} loops for {} axes", case.loops.axes().len(), case.axes()));
        }
        case.check_shape().and_then(|()| case.check_options()).map_err(|error| format!("id {id:?}: {error}"))?;
        let canonical = case.to_string();
        if canonical == id { Ok(case) } else { Err(format!("id {id:?} is not canonical: expected {canonical:?}")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(id: &str) -> Case {
        id.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn ids_read_back_and_other_spellings_are_refused() {
        for id in [
            "order/sum/f8/4096x4096/C/1,0",
            "order/copy/u1/64x4x5/F/2,0,1/pad=64/pages=huge/walk=line",
            "transpose/copy/f8/64x64/C/0,1/dest=F/tile=16",
            "transpose/copy/f8/64x64/C/0,1/dest=F/leaf=16",
            "tile/sum/f8/64x64/C/1,0/tile=16,8",
            "record/sum/f4/1000x3/C/1,0/only=1",
            "window/sum/f8/100x100/C/0,1,2,3/dilate=2/form=dense/hop=2/window=3",
            "window/sum/f8/100x100/C/0,1,2,3/window=1,3",
            "latency/chase/f8/4096/C/0/pitch=4096",
            "ndim/reduce/f8/8x4x5/F/0,1,2/axis=1/pad=64",
            "ndim/reduce/f8/80/C/0/axis=0/walk=stream",
            "matmul/matmul/f4/8x4x5/C/0,2,1/a=F/tile=2",
            "matmul/matmul/f4/8x4x5/F/0,2,1/a=C/b=C",
            "stencil/stencil5/f8/8x9/C/1,0/tile=4",
            "stencil/stencil7/u1/8x9x3/F/1,0,2",
            "transpose/copy/f8/64x128/C/0,1/dest=F/tile=16/walk=block",
            "transpose/copy/c16/64x64/F/0,1/dest=C/leaf=8/pad=64/stores=nt/walk=block",
        ] {
            assert_eq!(case(id).to_string(), id);
            assert!(case(id).walked().is_ok(), "{id}: {:?}", case(id).walked());
        }
        for wrong in [
            "",
            "order/sum/f8/4096x4096/C",
            "order/sum/f8/4096x4096/c/1,0",
            "order/sum/f8/04x4/C/1,0",
            "order/sum/f8/4x4/C/0",
            "order/sum/f8/4x4/C/0,1/walk=element",
            "order/sum/f8/4x4/C/0,1/walk=line/pad=64",
            "order/sum/f8/4x4/C/0,1/colour=red",
            "order/sum/f8/4x4/C/0, 1",
            "order/sum/f8/4x4/C/0,1/dest=F",
            "order/copy/f8/4x4/C/0,1/dest=C",
            "order/sum/f8/4x4/C/0,1/tile=2,2",
            "order/sum/f8/4x4/C/0,1/tile=2,3,4",
            "order/sum/f8/4x4/C/0,1/leaf=2/tile=2",
            "order/sum/f8/4x4/C/0,1/only=4",
            "order/sum/f8/4x4/C/0,1/window=2",
            "order/sum/f8/4x4/C/0,1/hop=2",
            "order/sum/f8/4x4/C/0,1/form=dense",
            "order/sum/f8/4x4/C/0,1/pitch=4096",
            "order/sum/f8/4x4/C/0,1/axis=0",
            "order/sum/f8/4x4/C/0,1/a=F",
            "matmul/matmul/f4/8x4x5/C/0,2,1/a=C",
            "matmul/matmul/f4/8x4/C/0,1",
            "ndim/reduce/f8/8x4/C/0,1",
            "ndim/reduce/f8/8x4/C/0,1/axis=2",
            "ndim/reduce/f8/8x4/C/0,1/axis=0/walk=line",
            "stencil/stencil5/f8/8x2/C/1,0",
            "stencil/stencil5/f8/8x9x9/C/1,0,2",
            "transpose/copy/f8/64x128/C/0,1/dest=F/tile=12/walk=block",
            "transpose/copy/f8/64x128/C/0,1/walk=block",
            "transpose/sum/f8/64x128/C/0,1/walk=block",
            "latency/chase/f8/4096/C/0/pitch=4",
            "latency/chase/f8/4096/C/0/tile=4",
        ] {
            assert!(wrong.parse::<Case>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_baseline_has_the_smallest_stride_innermost() {
        assert_eq!(case("order/sum/f8/4x5x6/C/2,1,0").baseline().loops.to_string(), "0,1,2");
        assert_eq!(case("order/sum/f8/4x5x6/F/0,1,2/tile=2").baseline().to_string(), "order/sum/f8/4x5x6/F/2,1,0");
        assert!(case("order/sum/f8/4x5/F/1,0").is_baseline());
    }

    #[test]
    fn nests_have_the_strides_of_the_array() {
        let columns = case("order/sum/f8/4096x4096/C/1,0").nest().unwrap();
        assert_eq!((columns.inner_steps(), columns.steps()), (vec![32_768], 1 << 24));
        let padded = case("order/copy/f8/16x16/F/0,1/pad=64").nest().unwrap();
        assert_eq!((padded.inner_steps(), padded.buffers().to_vec()), (vec![192, 192], vec![192 * 16; 2]));
        let lines = case("order/sum/f8/8x64/C/1,0/walk=line").nest().unwrap();
        assert_eq!((lines.axes().to_vec(), lines.inner_steps()), (vec![8, 8], vec![512]));
        assert!(case("order/sum/f8/8x63/C/1,0/walk=line").nest().is_err());
        assert!(case("order/sum/f8/0x63/C/1,0").nest().is_err());
        assert!(case("order/sum/f8/4294967296x4294967296/C/1,0").nest().is_err());
        assert!(case("order/sum/f8/100x70/C/1,0/tile=16").nest().unwrap().is_tiled());
    }

    #[test]
    fn destinations_fields_and_windows_have_steps_of_their_own() {
        let transposed = case("transpose/copy/f8/16x8/C/0,1/dest=F").nest().unwrap();
        assert_eq!(transposed.operands().iter().map(|o| o.steps.clone()).collect::<Vec<_>>(), [[64, 8], [8, 128]]);
        let field = case("record/sum/f4/100x3/C/0,1/only=1").nest().unwrap();
        assert_eq!((field.axes().to_vec(), field.steps(), field.buffers()[0]), (vec![100, 1], 100, 1200));
        assert_eq!(field.operands()[0].steps, [12, 4]);
        let packed = case("record/copy/f4/100x3/C/0,1/only=1").nest().unwrap();
        assert_eq!((packed.buffers().to_vec(), packed.operands()[1].steps.clone()), (vec![1200, 400], vec![4, 4]));
        let windows = case("window/sum/f8/10x9/C/0,1,2,3/dilate=2/hop=3/window=3").nest().unwrap();
        assert_eq!((windows.axes().to_vec(), windows.buffers()[0]), (vec![2, 2, 3, 3], 720));
        assert_eq!(windows.operands()[0].steps, [216, 24, 144, 16]);
        let dense = case("window/sum/f8/10x9/C/0,1,2,3/dilate=2/form=dense/hop=3/window=3").nest().unwrap();
        assert_eq!((dense.axes(), dense.buffers()[0]), (windows.axes(), 2 * 2 * 9 * 8));
        let made = case("window/copy/f8/10x9/C/0,1,2,3/dilate=2/hop=3/window=3").nest().unwrap();
        assert_eq!((made.operands()[0].steps.clone(), made.buffers()[1]), (windows.operands()[0].steps.clone(), 288));
        assert!(case("window/sum/f8/10x4/C/0,1,2,3/dilate=2/window=3").nest().is_err());
    }

    #[test]
    fn halved_blocks_descend_to_the_leaf_and_visit_everything() {
        let nest = case("transpose/copy/f8/100x40/C/0,1/dest=F/leaf=16").nest().unwrap();
        let blocks: Vec<(usize, usize)> = nest.loops().iter().map(|l| (l.axis, l.block)).collect();
        assert_eq!(blocks, [(0, 64), (0, 32), (1, 32), (0, 16), (1, 16), (0, 1), (1, 1)]);
        let (mut runs, mut seen) = (nest.runs(), 0);
        while let Some(length) = runs.advance() {
            seen += length;
        }
        assert_eq!(seen, 4000);
    }

    #[test]
    fn a_chase_walks_nodes() {
        let chase = case("latency/chase/f8/4096/C/0/pitch=128");
        let walked = chase.walked().unwrap();
        assert_eq!((walked.steps(), walked.accesses(), walked.bytes_read_written()), (4096, 4096, (32_768, 0)));
        assert_eq!((chase.footprint().unwrap(), chase.strides().unwrap()), (4096 * 128, vec![128]));
        assert!(chase.nest().is_err());
    }
}
