//! One case: what is walked, how, and its canonical id.

use super::case_check::CaseError;
use super::form::{self, Walked};
use super::{Edges, Options};
use crate::kernel::{Kernel, Walk};
use crate::layout::{DType, Order};
use crate::nest::{LINE, LoopNest, LoopOrder};
use std::fmt;
use std::str::FromStr;

/// Longest id that is written or read.
pub const LONGEST_ID: usize = 160;
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
