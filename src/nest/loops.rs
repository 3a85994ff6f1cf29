//! The loop nest and its invariants.

use super::{LoopOrder, NestError};
use crate::layout::{Layout, byte_range};

/// What an operand's access does with the element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// A load.
    Read,
    /// A store.
    Write,
    /// A load and then a store of the same element; counted as two accesses.
    Update,
}

/// One array as the nest sees it: which buffer, where it starts, how far each axis steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operand {
    /// What is done with the element.
    pub role: Role,
    /// Index into [`LoopNest::buffers`]; several operands may lie in one buffer.
    pub buffer: usize,
    /// Bytes touched per access.
    pub itemsize: usize,
    /// Byte offset of the element at index `[0, 0, …]` from the start of its buffer.
    pub start: i64,
    /// Byte step per *axis* (not per loop); 0 where the index does not occur.
    pub steps: Vec<i64>,
}

impl Operand {
    /// The whole of `layout` in buffer number `buffer`.
    #[must_use]
    pub fn of_layout(layout: &Layout, role: Role, buffer: usize) -> Self {
        let (itemsize, start) = (layout.itemsize(), layout.offset());
        Self { role, buffer, itemsize, start, steps: layout.strides().to_vec() }
    }
}

/// One loop: walks `axis` in blocks of `block` indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loop {
    /// The axis it walks.
    pub axis: usize,
    /// Indices of the axis that one iteration covers; 1 for the innermost loop of an axis.
    pub block: usize,
}

/// An affine loop nest over `k` operands, checked: every index is visited once and every access lies in its buffer.
///
/// ```
/// use stridewise::{layout::{Layout, Order}, nest::{LoopNest, Role}};
///
/// let array = Layout::contiguous(&[4, 3], 8, Order::C)?;
/// let columns = LoopNest::of_layouts(&[(&array, Role::Read)], &"1,0".parse()?)?;
/// let mut runs = columns.runs();
/// let mut starts = Vec::new();
/// while let Some(length) = runs.advance() {
///     assert_eq!(length, 4);
///     starts.push(runs.at()[0]);
/// }
/// assert_eq!(starts, [0, 8, 16]);
/// assert_eq!(columns.inner_steps(), [24]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoopNest {
    axes: Vec<usize>,
    operands: Vec<Operand>,
    buffers: Vec<u64>,
    loops: Vec<Loop>,
    hoisting: bool,
}

impl LoopNest {
    /// A nest over axes of the given lengths; `buffers` are sizes in bytes.
    ///
    /// # Errors
    /// (1) `order` is a permutation of the axes; (2) every operand has one step per axis; (3) it names a buffer;
    /// (4) all its accesses lie in that buffer; (5) the number of steps fits in 63 bits.
    pub fn new(
        axes: Vec<usize>,
        operands: Vec<Operand>,
        buffers: Vec<u64>,
        order: &LoopOrder,
    ) -> Result<Self, NestError> {
        let loops = order.axes().iter().map(|&axis| Loop { axis, block: 1 }).collect();
        let nest = Self { axes, operands, buffers, loops, hoisting: false };
        nest.check_loops()?;
        nest.check_operands()?;
        Ok(nest)
    }

    /// A nest that walks layouts of one shape together, each in a buffer of its own.
    ///
    /// # Errors
    /// As [`LoopNest::new`], and if the shapes differ.
    pub fn of_layouts(layouts: &[(&Layout, Role)], order: &LoopOrder) -> Result<Self, NestError> {
        let axes = layouts.first().map_or(Vec::new(), |(layout, _)| layout.shape().to_vec());
        if let Some((other, _)) = layouts.iter().find(|(layout, _)| layout.shape() != axes) {
            return Err(NestError::ShapeMismatch(axes, other.shape().to_vec()));
        }
        let operand = |(buffer, (layout, role)): (usize, &(&Layout, Role))| Operand::of_layout(layout, *role, buffer);
        let operands = layouts.iter().enumerate().map(operand).collect();
        let buffers = layouts.iter().map(|(layout, _)| layout.buffer_bytes()).collect();
        Self::new(axes, operands, buffers, order)
    }

    /// The same accesses in another loop structure.
    ///
    /// # Errors
    /// [`NestError::NotAPermutation`] unless, for every axis, the blocks of its loops descend from outside to inside
    /// and end in 1.
    pub fn with_loops(&self, loops: Vec<Loop>) -> Result<Self, NestError> {
        let nest = Self { loops, ..self.clone() };
        nest.check_loops()?;
        Ok(nest)
    }

    /// Tiles axes: the loops over tiles become the outermost ones, in the present order; the loops inside a tile
    /// follow in the present order. A tile that covers its axis changes nothing.
    ///
    /// # Errors
    /// [`NestError::BadTile`] for a size of 0 or an axis that is not there.
    pub fn tiled(&self, tiles: &[(usize, usize)]) -> Result<Self, NestError> {
        if let Some(&(axis, size)) = tiles.iter().find(|&&(axis, size)| axis >= self.axes.len() || size == 0) {
            return Err(NestError::BadTile { axis, size, axes: self.axes.len() });
        }
        let tile_of = |axis| tiles.iter().find(|tile| tile.0 == axis).map(|tile| tile.1);
        let outer = self.loops.iter().filter_map(|&Loop { axis, block }| {
            let size = tile_of(axis)?;
            (block == 1 && size > 1 && size < self.axes[axis]).then_some(Loop { axis, block: size })
        });
        self.with_loops(outer.chain(self.loops.iter().copied()).collect())
    }

    /// The same nest with its innermost invariants in registers, as compilers keep them: an operand whose innermost step
    /// is 0 is accessed once per run, loaded before it if it is read and stored behind it if it is written.
    #[must_use]
    pub fn hoisting(mut self) -> Self {
        self.hoisting = true;
        self
    }

    /// Whether an operand is accessed once per run, not at every step.
    #[must_use]
    pub fn is_hoisted(&self, operand: usize) -> bool {
        self.hoisting && self.loops.len().checked_sub(1).is_some_and(|depth| self.loop_step(operand, depth) == 0)
    }

    /// Divides the axis of the outermost loop that has more than one iteration into at most `parts` nests over the same buffers,
    /// whole blocks of that loop each (of 64 indices if it is the innermost); together they do the accesses of this nest. Workers
    /// take one each.
    /// Parts of a single loop load and store what is hoisted once each.
    ///
    /// # Errors
    /// None for a nest that was checked; the parts are checked again.
    pub fn split(&self, parts: usize) -> Result<Vec<Self>, NestError> {
        let Some(first) = (0..self.loops.len()).find(|&depth| self.max_extent(depth) > 1) else {
            return Ok(vec![self.clone()]);
        };
        let Loop { axis, block } = self.loops[first];
        let unit = if first + 1 == self.loops.len() { block.saturating_mul(64) } else { block };
        self.split_axis(axis, unit, parts)
    }

    /// The same along any axis, cut at multiples of `unit` indices.
    ///
    /// # Errors
    /// As [`LoopNest::split`].
    ///
    /// # Panics
    /// If there is no such axis.
    pub fn split_axis(&self, axis: usize, unit: usize, parts: usize) -> Result<Vec<Self>, NestError> {
        let length = self.axes[axis];
        let share = length.div_ceil(unit.max(1)).div_ceil(parts.max(1)).max(1).saturating_mul(unit);
        let part = |from: usize| self.slice(axis, from, share.min(length - from));
        (0..length).step_by(share).map(part).collect()
    }

    /// The accesses of `length` indices of an axis from `from` on, in the same loops over the same buffers. Parts that
    /// begin at whole blocks of the outermost loop do, one after the other, what this nest does.
    ///
    /// # Errors
    /// [`NestError::OutOfBounds`] if the axis has fewer indices.
    pub fn slice(&self, axis: usize, from: usize, length: usize) -> Result<Self, NestError> {
        let mut nest = self.clone();
        nest.axes[axis] = length;
        for operand in &mut nest.operands {
            // Both stay inside the buffer, as the whole axis does.
            let ahead = operand.steps[axis].saturating_mul(i64::try_from(from).unwrap_or(i64::MAX));
            operand.start = operand.start.saturating_add(ahead);
        }
        nest.check_operands().map(|()| nest)
    }

    /// Condition (1): per axis the blocks descend strictly and end in 1.
    fn check_loops(&self) -> Result<(), NestError> {
        let refuse = |text| Err(NestError::NotAPermutation(text));
        let mut last = vec![usize::MAX; self.axes.len()];
        for &Loop { axis, block } in &self.loops {
            let Some(previous) = last.get_mut(axis) else {
                return refuse(format!("loop over axis {axis}, but the nest has {} axes", self.axes.len()));
            };
            if block == 0 || block >= *previous {
                return refuse(format!("axis {axis}: a loop of block {block} inside one of block {previous}"));
            }
            *previous = block;
        }
        match last.iter().position(|&block| block != 1) {
            Some(axis) => refuse(format!("no loop visits every index of axis {axis}")),
            None => Ok(()),
        }
    }

    /// Conditions (2) to (5).
    fn check_operands(&self) -> Result<(), NestError> {
        let steps = self.axes.iter().try_fold(1_i64, |steps, &n| steps.checked_mul(i64::try_from(n).ok()?));
        if steps.is_none() && !self.axes.contains(&0) {
            return Err(NestError::TooManySteps);
        }
        for (index, operand) in self.operands.iter().enumerate() {
            if operand.steps.len() != self.axes.len() {
                let (steps, axes) = (operand.steps.len(), self.axes.len());
                return Err(NestError::StepCount { operand: index, steps, axes });
            }
            let Some(&buffer_bytes) = self.buffers.get(operand.buffer) else {
                let (buffer, buffers) = (operand.buffer, self.buffers.len());
                return Err(NestError::NoSuchBuffer { operand: index, buffer, buffers });
            };
            let Some((low, high)) = self.byte_range(operand) else {
                continue;
            };
            if low < 0 || high > i128::from(buffer_bytes) {
                return Err(NestError::OutOfBounds { operand: index, low, high, buffer_bytes });
            }
        }
        Ok(())
    }

    /// The half-open byte range an operand touches; `None` for an empty nest. Saturates, so that absurd strides are
    /// still refused.
    #[must_use]
    pub fn byte_range(&self, operand: &Operand) -> Option<(i128, i128)> {
        byte_range(operand.start, operand.itemsize, self.axes.iter().copied().zip(operand.steps.iter().copied()))
    }

    /// Length per axis.
    #[must_use]
    pub fn axes(&self) -> &[usize] {
        &self.axes
    }

    /// The operands, in the order in which one innermost step touches them (see [`LoopNest::hoisting`]).
    #[must_use]
    pub fn operands(&self) -> &[Operand] {
        &self.operands
    }

    /// Size of each buffer in bytes.
    #[must_use]
    pub fn buffers(&self) -> &[u64] {
        &self.buffers
    }

    /// The loops, outermost first.
    #[must_use]
    pub fn loops(&self) -> &[Loop] {
        &self.loops
    }

    /// Whether some axis is walked by more than one loop.
    #[must_use]
    pub fn is_tiled(&self) -> bool {
        self.loops.len() > self.axes.len()
    }

    /// Innermost steps of one pass: the product of the axes.
    #[must_use]
    pub fn steps(&self) -> u64 {
        if self.axes.contains(&0) { 0 } else { self.axes.iter().map(|&n| n as u64).product() }
    }

    /// Executions of the innermost loop in one pass; 1 for a nest without loops.
    #[must_use]
    pub fn run_count(&self) -> u64 {
        if self.axes.contains(&0) {
            return 0;
        }
        let Some(&Loop { axis, .. }) = self.loops.last() else { return 1 };
        let others = self.axes.iter().enumerate().filter(|&(other, _)| other != axis).map(|(_, &n)| n as u64);
        let coarser = self.loops[..self.loops.len() - 1].iter().filter(|l| l.axis == axis).map(|l| l.block);
        others.product::<u64>().saturating_mul(blocks(self.axes[axis], &coarser.collect::<Vec<_>>()))
    }

    /// Times that an operand's element is visited in one pass: at every step, or in every run if it is hoisted.
    #[must_use]
    pub fn visits(&self, operand: usize) -> u64 {
        if self.is_hoisted(operand) { self.run_count() } else { self.steps() }
    }

    /// Loads and stores of one pass; an update counts twice.
    #[must_use]
    pub fn accesses(&self) -> u64 {
        let per_visit = |operand: &Operand| if operand.role == Role::Update { 2 } else { 1 };
        let each = self.operands.iter().enumerate().map(|(k, o)| self.visits(k).saturating_mul(per_visit(o)));
        each.fold(0, u64::saturating_add)
    }

    /// Bytes read and bytes written by the program in one pass (not what the memory system moves).
    #[must_use]
    pub fn bytes_read_written(&self) -> (u64, u64) {
        let total = |unwanted: Role| {
            let wanted = self.operands.iter().enumerate().filter(|(_, o)| o.role != unwanted);
            let each = wanted.map(|(k, o)| self.visits(k).saturating_mul(o.itemsize as u64));
            each.fold(0_u64, u64::saturating_add)
        };
        (total(Role::Write), total(Role::Read))
    }

    /// Largest number of iterations of a loop: whole and partial blocks of its axis inside the next coarser one.
    #[must_use]
    pub fn max_extent(&self, depth: usize) -> usize {
        let Loop { axis, block } = self.loops[depth];
        let coarser = self.loops[..depth].iter().rev().find(|l| l.axis == axis).map_or(usize::MAX, |l| l.block);
        coarser.min(self.axes[axis]).div_ceil(block)
    }

    /// Byte step of `operand` per iteration of the loop at `depth`: the axis' step times the block.
    #[must_use]
    pub fn loop_step(&self, operand: usize, depth: usize) -> i64 {
        let Loop { axis, block } = self.loops[depth];
        // A block spans at most the axis, whose reach was checked to lie in the buffer; with a larger one the loop
        // runs once and the step is never taken.
        let block = i64::try_from(block).unwrap_or(i64::MAX);
        self.operands[operand].steps[axis].wrapping_mul(block)
    }

    /// Byte step of each operand along the innermost loop; zeros for a nest without loops.
    #[must_use]
    pub fn inner_steps(&self) -> Vec<i64> {
        let depth = self.loops.len().checked_sub(1);
        (0..self.operands.len()).map(|operand| depth.map_or(0, |depth| self.loop_step(operand, depth))).collect()
    }

    /// Byte offset of `operand` in its buffer at every innermost step, in the order of the steps; nothing for an operand
    /// that is not there.
    pub fn offsets(&self, operand: usize) -> impl Iterator<Item = usize> + '_ {
        let step = self.inner_steps().get(operand).copied();
        let mut runs = self.runs();
        let next = move || runs.advance().and_then(|length| Some((*runs.at().get(operand)?, length, step?)));
        // Every access lies in its buffer, so an offset is never negative.
        let offset = |at: i64| usize::try_from(at).unwrap_or(0);
        std::iter::from_fn(next)
            .flat_map(move |(at, length, step)| (0_i64..).take(length).map(move |i| offset(at + i * step)))
    }

    /// The innermost runs in the order in which a kernel executes them.
    #[must_use]
    pub fn runs(&self) -> super::Runs<'_> {
        super::Runs::new(self)
    }
}

/// Blocks into which loops of descending block sizes divide `length` indices; 1 without a loop.
fn blocks(length: usize, sizes: &[usize]) -> u64 {
    let Some((&size, finer)) = sizes.split_first() else { return 1 };
    let rest = if length.is_multiple_of(size) { 0 } else { blocks(length % size, finer) };
    ((length / size) as u64).saturating_mul(blocks(size, finer)).saturating_add(rest)
}
