//! A kernel bound to a nest: everything is checked once, so that running costs nothing but the loops.

use super::bodies::Kernel;
use super::data::Checksum;
use super::isa::Isa;
use super::raw::Bound;
use super::raw_select::Wanted;
use super::raw_transpose::turns;
use super::{KernelError, Stores, Walk};
use crate::layout::DType;
use crate::memory::Buffer;
use crate::nest::{LINE, LoopNest, LoopOrder, Operand, Role};

/// A kernel, dtype, walk, kind of stores and instruction set bound to a nest.
///
/// ```
/// use stridewise::kernel::{self, Isa, Kernel, Program, Stores, Walk};
/// use stridewise::layout::{DType, Layout, Order};
/// use stridewise::memory::{Buffer, PagePolicy};
/// use stridewise::nest::{LoopNest, Role};
///
/// let array = Layout::contiguous(&[30, 40], 8, Order::C)?;
/// let mut buffers = [Buffer::new(array.buffer_bytes(), PagePolicy::Base, 0)?];
/// kernel::prepare(&mut buffers, DType::F8, 1);
/// let mut sums = Vec::new();
/// for order in ["0,1", "1,0"] {
///     let nest = LoopNest::of_layouts(&[(&array, Role::Read)], &order.parse()?)?;
///     let program = Program::new(Kernel::Sum, DType::F8, Walk::Element, Stores::Plain, Isa::best(), &nest)?;
///     sums.push(program.run(&mut buffers, 3)?);
/// }
/// assert_eq!(sums[0], sums[1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Program {
    bound: Bound,
    kernel: Kernel,
    wanted: Wanted,
}

impl Program {
    /// Binds and checks. The element walk loads single elements, for which wider instructions have nothing to add: it
    /// is always [`Isa::Baseline`].
    ///
    /// # Errors
    /// A nest that the kernel or the walk cannot take, stores or an instruction set that are not there.
    pub fn new(
        kernel: Kernel,
        dtype: DType,
        walk: Walk,
        stores: Stores,
        isa: Isa,
        nest: &LoopNest,
    ) -> Result<Self, KernelError> {
        if !isa.is_available() {
            return Err(KernelError::NoSuchIsa { isa, has: Isa::available() });
        }
        check_roles(kernel, nest)?;
        let isa = if walk == Walk::Element { Isa::Baseline } else { isa };
        let hoisted = check_hoisted(kernel, walk, stores, nest)?;
        let wanted = Wanted { dtype, walk, stores, isa, hoisted };
        check_item_sizes(wanted, nest)?;
        check_alike(kernel, nest)?;
        if kernel == Kernel::Product && dtype == DType::C16 && walk != Walk::Element {
            return Err(KernelError::NoProduct { kernel, dtype });
        }
        let nest = match walk {
            Walk::Element => nest.clone(),
            Walk::Line => check_lines(nest)?,
            Walk::Stream => check_stream(nest)?,
            Walk::Block => check_block(kernel, dtype, nest)?,
        };
        if walk == Walk::Line && !kernel.has_lines() {
            return Err(KernelError::NoLines { kernel });
        }
        if stores == Stores::NonTemporal {
            check_non_temporal(kernel, walk, &nest)?;
        }
        Ok(Self { bound: Bound::new(kernel, wanted, nest), kernel, wanted })
    }

    /// Runs the whole nest `passes` times. The result is that of one pass, and only of kernels that reduce; what others
    /// wrote is in the buffers, see [`Program::checksum`]. Nothing is read or written outside the buffers.
    ///
    /// # Errors
    /// Buffers that are missing, too small or, where it matters, not aligned.
    pub fn run(&self, buffers: &mut [Buffer], passes: u64) -> Result<Checksum, KernelError> {
        self.check_alignment(buffers)?;
        Ok(self.bound.run(buffers, passes)?.checksum(self.wanted.dtype))
    }

    /// Whether no access of whole lines splits one.
    pub(super) fn check_alignment(&self, buffers: &[Buffer]) -> Result<(), KernelError> {
        if matches!(self.wanted.walk, Walk::Line | Walk::Block) || self.wanted.stores == Stores::NonTemporal {
            let split = buffers.iter().position(|buffer| !buffer.address().is_multiple_of(LINE as u64));
            if let Some(index) = split {
                return Err(KernelError::BufferAlignment { index, address: buffers[index].address() });
            }
        }
        Ok(())
    }

    /// The nest as it is run: the stream walk joins loops.
    pub(super) fn nest(&self) -> &LoopNest {
        self.bound.nest()
    }

    /// The same loop over a part of the nest, whose steps are those of the whole.
    pub(super) fn bind(&self, part: LoopNest) -> Bound {
        Bound::new(self.kernel, self.wanted, part)
    }

    /// What `run` returned together with what lies in the written buffer. Reads that buffer; not for timed code.
    #[must_use]
    pub fn checksum(&self, buffers: &[Buffer], ran: Checksum) -> Checksum {
        let written = self.bound.nest().operands().iter().find(|operand| operand.role != Role::Read);
        let buffer = written.and_then(|operand| buffers.get(operand.buffer));
        buffer.map_or(ran, |buffer| Checksum(ran.0 ^ super::checksum(buffer, self.wanted.dtype).0))
    }

    /// The kernel.
    #[must_use]
    pub fn kernel(&self) -> Kernel {
        self.kernel
    }

    /// The element type.
    #[must_use]
    pub fn dtype(&self) -> DType {
        self.wanted.dtype
    }

    /// The walk.
    #[must_use]
    pub fn walk(&self) -> Walk {
        self.wanted.walk
    }

    /// The kind of stores.
    #[must_use]
    pub fn stores(&self) -> Stores {
        self.wanted.stores
    }

    /// The instruction set in use, as it is recorded.
    #[must_use]
    pub fn isa(&self) -> Isa {
        self.wanted.isa
    }
}

/// The nest has the operands of the kernel.
pub(super) fn check_roles(kernel: Kernel, nest: &LoopNest) -> Result<(), KernelError> {
    if kernel == Kernel::Chase {
        return Err(KernelError::NoNest { kernel });
    }
    let found: Vec<Role> = nest.operands().iter().map(|operand| operand.role).collect();
    let expected = kernel.roles().to_vec();
    if found == expected { Ok(()) } else { Err(KernelError::Operands { kernel, expected, found }) }
}

/// Every buffer of the nest is there.
pub(super) fn check_buffers(nest: &LoopNest, buffers: &[Buffer]) -> Result<(), KernelError> {
    for (index, &needed) in nest.buffers().iter().enumerate() {
        let found = buffers.get(index).map_or(0, |buffer| buffer.len() as u64);
        if found < needed || index >= buffers.len() {
            return Err(KernelError::BufferSize { index, found, needed });
        }
    }
    Ok(())
}

fn check_item_sizes(wanted: Wanted, nest: &LoopNest) -> Result<(), KernelError> {
    let Wanted { dtype, walk, .. } = wanted;
    let expected = if matches!(walk, Walk::Line | Walk::Block) { LINE } else { dtype.itemsize() };
    match nest.operands().iter().position(|operand| operand.itemsize != expected) {
        None => Ok(()),
        Some(operand) => {
            let found = nest.operands()[operand].itemsize;
            Err(KernelError::ItemSize { operand, walk, dtype, expected, found })
        }
    }
}

/// Whether no access of an operand of whole lines splits a line.
fn on_lines(operand: &Operand) -> bool {
    let whole = |bytes: i64| bytes % LINE.cast_signed() as i64 == 0;
    whole(operand.start) && operand.steps.iter().all(|&step| whole(step))
}

fn check_lines(nest: &LoopNest) -> Result<LoopNest, KernelError> {
    match nest.operands().iter().position(|operand| !on_lines(operand)) {
        None => Ok(nest.clone()),
        Some(operand) => Err(KernelError::Alignment { operand, what: "walk of whole lines" }),
    }
}

/// The innermost loop counts the lines of a block, and no other does.
fn check_block(kernel: Kernel, dtype: DType, nest: &LoopNest) -> Result<LoopNest, KernelError> {
    let expected = LINE / dtype.itemsize();
    let inner = nest.loops().last().map(|inner| inner.axis);
    let whole = inner.is_some_and(|axis| nest.loops().iter().filter(|one| one.axis == axis).count() == 1);
    let found = inner.map_or(0, |axis| nest.axes()[axis]);
    if kernel != Kernel::Copy || !turns(dtype) || !whole || found != expected {
        return Err(KernelError::Block { kernel, dtype, expected, found });
    }
    if share(nest, 0, 1) {
        return Err(KernelError::Overlap { operand: 1 });
    }
    check_lines(nest)
}

/// The operand that is kept in a register, if the nest says that one is.
fn check_hoisted(kernel: Kernel, walk: Walk, stores: Stores, nest: &LoopNest) -> Result<Option<usize>, KernelError> {
    let mut still = (0..nest.operands().len()).filter(|&operand| nest.is_hoisted(operand));
    let (first, second) = (still.next(), still.next());
    let can = kernel.hoists() && matches!(walk, Walk::Element | Walk::Stream) && stores == Stores::Plain;
    match second.or(first.filter(|_| !can)) {
        Some(operand) => Err(KernelError::Hoisted { operand, kernel, walk, stores }),
        None => Ok(first),
    }
}

/// One index serves all operands of a stencil.
fn check_alike(kernel: Kernel, nest: &LoopNest) -> Result<(), KernelError> {
    let Some(first) = nest.operands().first().filter(|_| kernel.is_alike()) else { return Ok(()) };
    let unlike = nest.operands().iter().position(|operand| operand.steps != first.steps);
    unlike.map_or(Ok(()), |operand| Err(KernelError::Unlike { operand, kernel }))
}

/// The nest with joined loops; its innermost loop goes over neighbours and its written operand shares no bytes.
fn check_stream(nest: &LoopNest) -> Result<LoopNest, KernelError> {
    let nest = joined(nest)?;
    let innermost = nest.inner_steps();
    for (operand, (&step, Operand { itemsize, .. })) in innermost.iter().zip(nest.operands()).enumerate() {
        let still = nest.is_hoisted(operand);
        if !still && !nest.loops().is_empty() && usize::try_from(step) != Ok(*itemsize) {
            return Err(KernelError::NotContiguous { operand, step });
        }
    }
    let written = nest.operands().iter().rposition(|operand| operand.role != Role::Read);
    let shared =
        written.filter(|&one| (0..nest.operands().len()).any(|other| other != one && share(&nest, one, other)));
    shared.map_or(Ok(nest), |operand| Err(KernelError::Overlap { operand }))
}

/// Whether the byte ranges of two operands meet.
fn share(nest: &LoopNest, one: usize, other: usize) -> bool {
    let [a, b] = [one, other].map(|k| &nest.operands()[k]);
    let range = |operand| nest.byte_range(operand).unwrap_or((0, 0));
    let ((a_low, a_high), (b_low, b_high)) = (range(a), range(b));
    a.buffer == b.buffer && a_low < b_high && b_low < a_high
}

/// Joins loops that together walk evenly spaced elements, so that a dense array becomes one loop. Tiles stay, and runs
/// whose ends load or store something.
fn joined(nest: &LoopNest) -> Result<LoopNest, KernelError> {
    if nest.is_tiled() || (0..nest.operands().len()).any(|operand| nest.is_hoisted(operand)) {
        return Ok(nest.clone());
    }
    let mut operands = nest.operands().to_vec();
    operands.iter_mut().for_each(|operand| operand.steps.clear());
    let mut axes: Vec<usize> = Vec::new();
    for (depth, here) in nest.loops().iter().enumerate() {
        let extent = nest.axes()[here.axis];
        let steps: Vec<i64> = (0..operands.len()).map(|k| nest.loop_step(k, depth)).collect();
        let whole = |step: i64| i64::try_from(extent).ok().and_then(|extent| step.checked_mul(extent));
        let fits = operands.iter().zip(&steps).all(|(o, &step)| o.steps.last().copied() == whole(step));
        let outer = axes.last().copied().filter(|_| fits);
        if let Some(product) = outer.and_then(|outer| outer.checked_mul(extent)) {
            axes.pop();
            axes.push(product);
            operands.iter_mut().for_each(|operand| operand.steps.truncate(axes.len() - 1));
        } else {
            axes.push(extent);
        }
        operands.iter_mut().zip(steps).for_each(|(operand, step)| operand.steps.push(step));
    }
    let order = LoopOrder::identity(axes.len());
    Ok(LoopNest::new(axes, operands, nest.buffers().to_vec(), &order)?)
}

fn check_non_temporal(kernel: Kernel, walk: Walk, nest: &LoopNest) -> Result<(), KernelError> {
    let written = nest.operands().iter().rposition(|operand| operand.role != Role::Read);
    let Some(operand) = written.filter(|&k| {
        kernel.stores_past()
            && (walk != Walk::Element || nest.operands()[k].itemsize >= 4)
            && cfg!(target_arch = "x86_64")
    }) else {
        return Err(KernelError::NoNonTemporal { kernel, walk });
    };
    // The innermost axis of a stream walks through lines, it need not start on one at each step.
    let innermost = nest.loops().last().map(|inner| inner.axis);
    let mut outer = nest.operands()[operand].clone();
    if walk == Walk::Element {
        // A store of one element takes any address.
        return Ok(());
    }
    if let (Walk::Stream, Some(axis)) = (walk, innermost) {
        outer.steps[axis] = 0;
    }
    let what = "non-temporal store";
    if on_lines(&outer) { Ok(()) } else { Err(KernelError::Alignment { operand, what }) }
}
