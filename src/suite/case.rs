//! One case: what is walked, how, and its canonical id.

use crate::kernel::{Kernel, KernelError, Stores, Walk};
use crate::layout::{DType, Order};
use crate::memory::PagePolicy;
use crate::nest::{LoopNest, LoopOrder, NestError, Operand, Role};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// Bytes that a step of the line walk takes.
const LINE: usize = 64;
/// Longest id that is written or read.
pub const LONGEST_ID: usize = 160;
/// Most axes of an array.
pub const MOST_AXES: usize = 8;

/// What differs from the plain case: one place per key of an id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Options {
    /// `walk=`: how a nest is walked.
    pub walk: Walk,
    /// `pages=`: the page policy of the arrays.
    pub pages: PagePolicy,
    /// `pad=`: bytes added behind every run of the fastest axis.
    pub pad: u64,
    /// `base=`: bytes between a page's start and the first element.
    pub base: u64,
    /// `tile=`: tile edge of every loop; 0 for none.
    pub tile: usize,
    /// `stores=`: how results are written.
    pub stores: Stores,
    /// `threads=`: workers, each on a CPU of its own.
    pub threads: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            walk: Walk::Element,
            pages: PagePolicy::Base,
            pad: 0,
            base: 0,
            tile: 0,
            stores: Stores::Plain,
            threads: 1,
        }
    }
}

impl Options {
    /// The options that differ from the plain case, by key; their order is that of an id.
    #[must_use]
    pub fn given(&self) -> BTreeMap<String, String> {
        let plain = Self::default();
        let all = [
            ("base", self.base.to_string(), self.base != plain.base),
            ("pad", self.pad.to_string(), self.pad != plain.pad),
            ("pages", self.pages.to_string(), self.pages != plain.pages),
            ("stores", self.stores.to_string(), self.stores != plain.stores),
            ("threads", self.threads.to_string(), self.threads != plain.threads),
            ("tile", self.tile.to_string(), self.tile != plain.tile),
            ("walk", self.walk.to_string(), self.walk != plain.walk),
        ];
        all.into_iter().filter_map(|(key, value, differs)| differs.then(|| (key.to_owned(), value))).collect()
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        let number = || value.parse::<u64>().map_err(|_| format!("{key}={value}: expected a whole number"));
        match key {
            "base" => self.base = number()?,
            "pad" => self.pad = number()?,
            "pages" => self.pages = value.parse()?,
            "stores" => self.stores = value.parse()?,
            "threads" => self.threads = u32::try_from(number()?).map_err(|error| error.to_string())?,
            "tile" => self.tile = usize::try_from(number()?).map_err(|error| error.to_string())?,
            "walk" => self.walk = value.parse()?,
            _ => {
                return Err(format!(
                    "unknown option {key:?}: expected base, pad, pages, stores, threads, tile or walk"
                ));
            }
        }
        Ok(())
    }
}

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
    #[error("shape {0}: expected 1 to {MOST_AXES} axes")]
    Axes(String),
    /// The fastest axis is no whole number of lines.
    #[error("walk=line takes 64 bytes per step: the fastest axis has {bytes} bytes and the padding {pad}")]
    NoWholeLines {
        /// Bytes of a run of the fastest axis.
        bytes: u64,
        /// Bytes of padding.
        pad: u64,
    },
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

    /// The same array and kernel with its smallest stride innermost: what others are divided by. Tiles are left out.
    #[must_use]
    pub fn baseline(&self) -> Self {
        let rank = self.shape.len();
        let axes = match self.order {
            Order::C => (0..rank).collect(),
            Order::F => (0..rank).rev().collect(),
        };
        let loops = LoopOrder::new(axes).unwrap_or_else(|_| LoopOrder::identity(rank));
        Self { loops, ..self.clone() }.with(|options| options.tile = 0)
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
    fn fastest(&self) -> usize {
        match self.order {
            Order::C => self.shape.len().saturating_sub(1),
            Order::F => 0,
        }
    }

    /// Byte stride per axis, with the padding.
    ///
    /// # Errors
    /// An array without elements, of too many axes, or whose bytes 63 bits cannot count.
    pub fn strides(&self) -> Result<Vec<i64>, CaseError> {
        Ok(self.place()?.0)
    }

    /// Bytes of one array, with the padding.
    ///
    /// # Errors
    /// As [`Case::strides`].
    pub fn array_bytes(&self) -> Result<u64, CaseError> {
        Ok(self.place()?.1.unsigned_abs())
    }

    /// Bytes of all arrays together: the working set.
    ///
    /// # Errors
    /// As [`Case::strides`].
    pub fn footprint(&self) -> Result<u64, CaseError> {
        let bytes = self.array_bytes()?.checked_mul(self.kernel.roles().len() as u64);
        bytes.ok_or_else(|| CaseError::TooBig(self.shape_text()))
    }

    fn place(&self) -> Result<(Vec<i64>, i64), CaseError> {
        if self.shape.is_empty() || self.shape.len() > MOST_AXES {
            return Err(CaseError::Axes(self.shape_text()));
        }
        if self.shape.contains(&0) {
            return Err(CaseError::Empty(self.shape_text()));
        }
        let too_big = || CaseError::TooBig(self.shape_text());
        let mut strides = vec![0; self.shape.len()];
        let mut step = i64::try_from(self.dtype.itemsize()).map_err(|_| too_big())?;
        let axes: Vec<usize> = match self.order {
            Order::C => (0..self.shape.len()).rev().collect(),
            Order::F => (0..self.shape.len()).collect(),
        };
        for (place, &axis) in axes.iter().enumerate() {
            strides[axis] = step;
            let length = i64::try_from(self.shape[axis]).map_err(|_| too_big())?;
            let pad = if place == 0 { i64::try_from(self.options.pad).map_err(|_| too_big())? } else { 0 };
            step = step.checked_mul(length).and_then(|bytes| bytes.checked_add(pad)).ok_or_else(too_big)?;
        }
        Ok((strides, step))
    }

    /// The nest that this case walks: one buffer per operand of the kernel.
    ///
    /// # Errors
    /// A shape that cannot be laid out, loops that do not fit it, or a line walk over no whole lines.
    pub fn nest(&self) -> Result<LoopNest, CaseError> {
        let (mut steps, bytes) = self.place()?;
        let (mut axes, mut itemsize) = (self.shape.clone(), self.dtype.itemsize());
        if self.options.walk == Walk::Line {
            let fast = self.fastest();
            let run = (axes[fast] * itemsize) as u64;
            if !run.is_multiple_of(LINE as u64) || !self.options.pad.is_multiple_of(LINE as u64) {
                return Err(CaseError::NoWholeLines { bytes: run, pad: self.options.pad });
            }
            axes[fast] = axes[fast] * itemsize / LINE;
            steps[fast] = LINE.cast_signed() as i64;
            itemsize = LINE;
        }
        let roles = self.kernel.roles();
        let operand =
            |(buffer, &role): (usize, &Role)| Operand { role, buffer, itemsize, start: 0, steps: steps.clone() };
        let operands = roles.iter().enumerate().map(operand).collect();
        let nest = LoopNest::new(axes.clone(), operands, vec![bytes.unsigned_abs(); roles.len()], &self.loops)?;
        if self.options.tile == 0 {
            return Ok(nest);
        }
        let tiles: Vec<_> = (0..axes.len()).map(|axis| (axis, self.options.tile)).collect();
        Ok(nest.tiled(&tiles)?)
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
        if case.loops.axes().len() != case.shape.len() {
            return Err(format!("id {id:?}: {} loops for {} axes", case.loops.axes().len(), case.shape.len()));
        }
        for option in options {
            let (key, value) = option.split_once('=').ok_or_else(|| format!("id {id:?}: expected option=value"))?;
            case.options.set(key, value)?;
        }
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
        for id in ["order/sum/f8/4096x4096/C/1,0", "order/copy/u1/3x4x5/F/2,0,1/pad=64/pages=huge/walk=line"] {
            assert_eq!(case(id).to_string(), id);
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
}
