//! A kernel bound to a nest: everything is checked once, so that running costs nothing but the loops.

use super::bodies::Kernel;
use super::data::Checksum;
use super::idiom::Idiom;
use super::isa::Isa;
use super::raw::Bound;
use super::raw_select::Wanted;
use crate::layout::DType;
use crate::memory::Buffer;
use crate::nest::{LoopNest, LoopOrder, NestError, Operand, Role};
use std::fmt;
use std::str::FromStr;

/// Bytes that the line walk takes per step.
const LINE: usize = 64;

/// How a nest is walked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Walk {
    /// The code as written: one element per step, several independent chains.
    #[default]
    Element,
    /// What the memory system does: one whole line of 64 bytes per step.
    Line,
    /// The roof: vectors along contiguous innermost loops.
    Stream,
}

/// How results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stores {
    /// Through the caches.
    #[default]
    Plain,
    /// Past the caches; only for whole lines.
    NonTemporal,
}

/// What each worker of a team gets of a nest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Split {
    /// A share of the outermost loop: rows where rows are walked.
    #[default]
    Outer,
    /// A share of the innermost loop: columns where rows are walked.
    Inner,
    /// Blocks: as many across and down as there are workers, dealt along the diagonals.
    Blocks,
}

macro_rules! named {
    ($type:ident, $what:literal, $($variant:ident $name:literal),*) => {
        impl $type {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name in case ids and bundles.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }

        impl FromStr for $type {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                Self::ALL.iter().copied().find(|one| one.name() == text).ok_or_else(|| {
                    crate::units::unknown($what, text, &[$($name),*])
                })
            }
        }
    };
}

named!(Walk, "walk", Element "element", Line "line", Stream "stream");
named!(Stores, "kind of stores", Plain "plain", NonTemporal "nt");
named!(Split, "split", Outer "outer", Inner "inner", Blocks "blocks");

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
        let wanted = Wanted { dtype, walk, stores, isa };
        check_item_sizes(wanted, nest)?;
        let nest = match walk {
            Walk::Element => nest.clone(),
            Walk::Line => check_lines(nest)?,
            Walk::Stream => check_stream(nest)?,
        };
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
        if self.wanted.walk == Walk::Line || self.wanted.stores == Stores::NonTemporal {
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
    let expected = if walk == Walk::Line { LINE } else { dtype.itemsize() };
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
        Some(operand) => Err(KernelError::Alignment { operand, what: "line walk" }),
    }
}

/// The nest with joined loops; its innermost loop goes over neighbours and its written operand shares no bytes.
fn check_stream(nest: &LoopNest) -> Result<LoopNest, KernelError> {
    let nest = joined(nest)?;
    let innermost = nest.inner_steps();
    for (operand, (&step, Operand { itemsize, .. })) in innermost.iter().zip(nest.operands()).enumerate() {
        if !nest.loops().is_empty() && usize::try_from(step) != Ok(*itemsize) {
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

/// Joins loops that together walk evenly spaced elements, so that a dense array becomes one loop. Tiles stay.
fn joined(nest: &LoopNest) -> Result<LoopNest, KernelError> {
    if nest.is_tiled() {
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
    let Some(operand) = written
        .filter(|&k| (walk != Walk::Element || nest.operands()[k].itemsize >= 4) && cfg!(target_arch = "x86_64"))
    else {
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
