//! From a case to what is walked: where each operand's elements lie, and in which order they are visited.
//!
//! A kernel whose operands are not all of the array's shape adds its arm in `shaped`.

use super::{Case, CaseError, Form};
use crate::kernel::{Kernel, Walk};
use crate::layout::Order;
use crate::nest::{Chase, LINE, Loop, LoopNest, LoopOrder, NestError, Operand, Role};

/// Seed of a chase's cycle: the same in every run, so that all machines visit the nodes in one order.
const CYCLE_SEED: u64 = 0x5eed;
/// Bytes of a chase's load: an address, or what counts for one.
const NODE: u64 = 8;

/// What a case walks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Walked {
    /// An affine nest.
    Nest(LoopNest),
    /// Dependent loads over a random cycle.
    Chase(Chase),
}

impl Walked {
    /// Innermost steps of one pass.
    #[must_use]
    pub fn steps(&self) -> u64 {
        match self {
            Self::Nest(nest) => nest.steps(),
            Self::Chase(chase) => chase.nodes as u64,
        }
    }

    /// Loads and stores of one pass.
    #[must_use]
    pub fn accesses(&self) -> u64 {
        match self {
            Self::Nest(nest) => nest.accesses(),
            Self::Chase(chase) => chase.nodes as u64,
        }
    }

    /// Bytes that the program reads and writes in one pass.
    #[must_use]
    pub fn bytes_read_written(&self) -> (u64, u64) {
        match self {
            Self::Nest(nest) => nest.bytes_read_written(),
            Self::Chase(chase) => ((chase.nodes as u64).saturating_mul(NODE), 0),
        }
    }

    /// Size of each buffer in bytes.
    #[must_use]
    pub fn buffers(&self) -> Vec<u64> {
        match self {
            Self::Nest(nest) => nest.buffers().to_vec(),
            Self::Chase(chase) => vec![chase.buffer_bytes()],
        }
    }

    /// The nest, if it is one.
    #[must_use]
    pub fn nest(&self) -> Option<&LoopNest> {
        match self {
            Self::Nest(nest) => Some(nest),
            Self::Chase(_) => None,
        }
    }

    /// Which elements are visited, whatever the order: the axes of a nest with the steps of every operand, joined where
    /// they follow each other. Two walks of equal elements by one kernel give equal results on equal data.
    pub(super) fn elements(&self) -> Elements {
        match self {
            Self::Nest(nest) => Elements::of(nest),
            Self::Chase(chase) => Elements { chase: Some(*chase), ..Elements::default() },
        }
    }
}

/// A nest without its order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Elements {
    chase: Option<Chase>,
    buffers: Vec<u64>,
    /// Buffer, bytes per access and first byte of every operand.
    operands: Vec<(usize, usize, i64)>,
    /// Steps of all operands along an axis, and its length; largest steps first.
    axes: Vec<(Vec<i64>, usize)>,
}

impl Elements {
    fn of(nest: &LoopNest) -> Self {
        let steps = |axis: usize| nest.operands().iter().map(|operand| operand.steps[axis]).collect::<Vec<_>>();
        let mut axes: Vec<(Vec<i64>, usize)> =
            nest.axes().iter().enumerate().filter(|(_, n)| **n != 1).map(|(axis, &n)| (steps(axis), n)).collect();
        axes.sort_by(|a, b| b.cmp(a));
        let mut joined: Vec<(Vec<i64>, usize)> = Vec::new();
        for (steps, length) in axes {
            let whole = |step: &i64| i64::try_from(length).ok().and_then(|n| step.checked_mul(n));
            match joined.last_mut() {
                Some(last) if last.0.iter().zip(&steps).all(|(outer, step)| Some(*outer) == whole(step)) => {
                    *last = (steps, last.1.saturating_mul(length));
                }
                _ => joined.push((steps, length)),
            }
        }
        let operands = nest.operands().iter().map(|o| (o.buffer, o.itemsize, o.start)).collect();
        Self { chase: None, buffers: nest.buffers().to_vec(), operands, axes: joined }
    }
}

/// An array in a buffer of its own.
struct Array {
    strides: Vec<i64>,
    bytes: u64,
}

/// What a nest is made of, before its loops.
pub(super) struct Shaped {
    axes: Vec<usize>,
    operands: Vec<Operand>,
    buffers: Vec<u64>,
    /// Byte strides of the first operand, in elements also where lines are walked.
    pub(super) strides: Vec<i64>,
    /// Elements of the case's axes that one index of `axes` stands for, where blocks are walked.
    unit: usize,
}

impl Shaped {
    fn new(axes: Vec<usize>, operands: Vec<Operand>, buffers: Vec<u64>, strides: Vec<i64>) -> Self {
        Self { axes, operands, buffers, strides, unit: 1 }
    }
}

/// Axes of an array's elements as they are visited, with one byte step each.
type View = (Vec<usize>, Vec<i64>);

/// Where the operands of a case lie.
pub(super) fn shaped(case: &Case) -> Result<Shaped, CaseError> {
    case.check()?;
    match case.kernel {
        Kernel::Chase => Err(CaseError::NoNest(case.kernel)),
        Kernel::Reduce => reduction(case),
        Kernel::Product => product(case),
        Kernel::Stencil5 | Kernel::Stencil7 => stencil(case),
        _ => elementwise(case),
    }
}

/// The chase of a case: a node per element.
pub(super) fn chase(case: &Case) -> Result<Chase, CaseError> {
    case.check()?;
    let chase = Chase { nodes: case.shape[0], pitch: case.options.pitch, seed: CYCLE_SEED };
    let bytes = (chase.nodes as u128) * (chase.pitch as u128);
    i64::try_from(bytes).map(|_| chase).map_err(|_| CaseError::TooBig(case.shape_text()))
}

/// The loops of a case around what it walks.
pub(super) fn nest(case: &Case) -> Result<LoopNest, CaseError> {
    let Shaped { mut axes, mut operands, buffers, unit, .. } = shaped(case)?;
    if case.options.repeat > 1 {
        // The innermost loop stays where it is.
        axes.push(case.options.repeat);
        operands.iter_mut().for_each(|operand| operand.steps.push(0));
    }
    // What comes behind the case's own axes is walked inside of them.
    let own = case.axes();
    let order = LoopOrder::new(case.loops.axes().iter().copied().chain(own..axes.len()).collect())
        .map_err(|_| CaseError::Loops { found: case.loops.to_string(), axes: own })?;
    let nest = LoopNest::new(axes, operands, buffers, &order)?;
    let nest = if case.options.leaf > 0 {
        halved(&nest, own, case.options.leaf / unit)?
    } else {
        let tiles = (0..own).filter_map(|axis| Some((axis, case.options.tile.at(axis)? / unit)));
        nest.tiled(&tiles.collect::<Vec<_>>())?
    };
    Ok(if case.kernel.hoists() { nest.hoisting() } else { nest })
}

/// Blocks of `leaf`, in blocks twice as wide, and so on up to the whole: the order of a recursive division, as nested
/// loops over the first `axes` axes (Frigo, Leiserson, Prokop and Ramachandran, "Cache-oblivious algorithms", 1999, divide
/// alike).
fn halved(nest: &LoopNest, axes: usize, leaf: usize) -> Result<LoopNest, NestError> {
    let longest = nest.axes().iter().take(axes).copied().max().unwrap_or(0);
    let doubling = std::iter::successors(Some(leaf), |block| block.checked_mul(2));
    // A block of one element is the innermost loop itself.
    let blocks: Vec<usize> = doubling.take_while(|&block| block < longest).filter(|&block| block > 1).collect();
    let level = |&block: &usize| {
        let longer = move |l: &&Loop| l.axis < axes && block < nest.axes()[l.axis];
        nest.loops().iter().filter(longer).map(move |l| Loop { axis: l.axis, block })
    };
    let loops = blocks.iter().rev().flat_map(level).chain(nest.loops().iter().copied());
    nest.with_loops(loops.collect())
}

/// Dense but for the padding behind every run of the fastest axis.
fn array(case: &Case, shape: &[usize], order: Order, pad: u64) -> Result<Array, CaseError> {
    let too_big = || CaseError::TooBig(case.shape_text());
    let mut strides = vec![0; shape.len()];
    let mut step = i64::try_from(case.dtype.itemsize()).map_err(|_| too_big())?;
    let axes: Vec<usize> = match order {
        Order::C => (0..shape.len()).rev().collect(),
        Order::F => (0..shape.len()).collect(),
    };
    for (place, &axis) in axes.iter().enumerate() {
        strides[axis] = step;
        let length = i64::try_from(shape[axis]).map_err(|_| too_big())?;
        let pad = if place == 0 { i64::try_from(pad).map_err(|_| too_big())? } else { 0 };
        step = step.checked_mul(length).and_then(|bytes| bytes.checked_add(pad)).ok_or_else(too_big)?;
    }
    Ok(Array { strides, bytes: step.unsigned_abs() })
}

/// What is visited of the case's array: all of it, the first indices of its fastest axis, or windows.
fn view(case: &Case, source: &Array) -> Result<View, CaseError> {
    let options = &case.options;
    let (mut axes, mut steps) = (case.shape.clone(), source.strides.clone());
    if options.only > 0 {
        axes[case.fastest()] = options.only;
    }
    if !options.window.is_none() {
        let mut edges = Vec::new();
        for (axis, length) in axes.iter_mut().enumerate() {
            let edge = options.window.at(axis).unwrap_or(1);
            let reach = (edge - 1).saturating_mul(options.dilate);
            let room = length.checked_sub(1).and_then(|last| last.checked_sub(reach));
            *length = room.ok_or(CaseError::Window { axis, reach: reach.saturating_add(1), length: *length })?
                / options.hop
                + 1;
            edges.push(edge);
        }
        let times = |steps: &[i64], by: usize| -> Option<Vec<i64>> {
            steps.iter().map(|step| step.checked_mul(i64::try_from(by).ok()?)).collect()
        };
        let too_big = || CaseError::TooBig(case.shape_text());
        let inside = times(&steps, options.dilate).ok_or_else(too_big)?;
        steps = times(&steps, options.hop).ok_or_else(too_big)?;
        axes.extend(edges);
        steps.extend(inside);
    }
    Ok((axes, steps))
}

/// A kernel that does one thing per element: what it reads has the case's form; a result that is not written back lies
/// in an array of its own, dense over what is visited.
fn elementwise(case: &Case) -> Result<Shaped, CaseError> {
    let options = &case.options;
    let mut source = array(case, &case.shape, case.order, options.pad)?;
    let (axes, mut steps) = view(case, &source)?;
    if options.form == Form::Dense {
        source = array(case, &axes, case.order, options.pad)?;
        steps.clone_from(&source.strides);
    }
    let strides = steps.clone();
    let (mut operands, mut buffers) = (Vec::new(), Vec::new());
    for (buffer, &role) in case.kernel.roles().iter().enumerate() {
        let separate = role == Role::Write && buffer > 0;
        let made = separate.then(|| array(case, &axes, options.dest.unwrap_or(case.order), options.pad)).transpose()?;
        let (steps, bytes) = made.map_or((steps.clone(), source.bytes), |array| (array.strides, array.bytes));
        operands.push(Operand { role, buffer, itemsize: case.dtype.itemsize(), start: 0, steps });
        buffers.push(bytes);
    }
    let shaped = Shaped::new(axes, operands, buffers, strides);
    match options.walk {
        Walk::Line => lines(case, shaped),
        Walk::Block => blocks(case, shaped),
        Walk::Element | Walk::Stream => Ok(shaped),
    }
}

/// An array's operand over axes of a nest: `steps` names for each of them the array's axis, or none.
fn operand(role: Role, buffer: usize, itemsize: usize, array: &Array, steps: &[Option<usize>]) -> Operand {
    let steps = steps.iter().map(|axis| axis.map_or(0, |axis| array.strides[axis])).collect();
    Operand { role, buffer, itemsize, start: 0, steps }
}

/// A sum along an axis into a dense array of the others, in the order of the case.
fn reduction(case: &Case) -> Result<Shaped, CaseError> {
    let axis = case.options.axis.unwrap_or(case.shape.len());
    let kept: Vec<usize> = (0..case.shape.len()).filter(|&other| other != axis).collect();
    let rest: Vec<usize> = kept.iter().map(|&axis| case.shape[axis]).collect();
    let source = array(case, &case.shape, case.order, case.options.pad)?;
    let sums = array(case, &rest, case.order, 0)?;
    let item = case.dtype.itemsize();
    let all: Vec<Option<usize>> = (0..case.shape.len()).map(Some).collect();
    let places: Vec<Option<usize>> =
        (0..case.shape.len()).map(|axis| kept.iter().position(|&other| other == axis)).collect();
    let operands = vec![operand(Role::Read, 0, item, &source, &all), operand(Role::Update, 1, item, &sums, &places)];
    Ok(Shaped::new(case.shape.clone(), operands, vec![source.bytes, sums.bytes], source.strides))
}

/// `c[i, j] += a[i, k] * b[k, j]`; the case's shape is `i` by `j` by `k`.
fn product(case: &Case) -> Result<Shaped, CaseError> {
    let (shape, options, item) = (&case.shape, &case.options, case.dtype.itemsize());
    let of = |rows: usize, columns: usize, order: Option<Order>| {
        array(case, &[shape[rows], shape[columns]], order.unwrap_or(case.order), options.pad)
    };
    let (a, b, c) = (of(0, 2, options.a)?, of(2, 1, options.b)?, of(0, 1, None)?);
    let operands = vec![
        operand(Role::Read, 0, item, &a, &[Some(0), None, Some(1)]),
        operand(Role::Read, 1, item, &b, &[None, Some(1), Some(0)]),
        operand(Role::Update, 2, item, &c, &[Some(0), Some(1), None]),
    ];
    let strides = operands[0].steps.clone();
    Ok(Shaped::new(shape.clone(), operands, vec![a.bytes, b.bytes, c.bytes], strides))
}

/// Every element that has all its neighbours; the result lies as its source does.
fn stencil(case: &Case) -> Result<Shaped, CaseError> {
    let item = case.dtype.itemsize();
    let source = array(case, &case.shape, case.order, case.options.pad)?;
    let all: Vec<Option<usize>> = (0..case.shape.len()).map(Some).collect();
    let middle: i64 = source.strides.iter().sum();
    let at = |role: Role, buffer: usize, start: i64| Operand { start, ..operand(role, buffer, item, &source, &all) };
    let mut operands = vec![at(Role::Read, 0, middle)];
    operands
        .extend(source.strides.iter().flat_map(|stride| [-stride, *stride]).map(|by| at(Role::Read, 0, middle + by)));
    operands.push(at(Role::Write, 1, middle));
    let axes = case.shape.iter().map(|length| length - 2).collect();
    Ok(Shaped::new(axes, operands, vec![source.bytes; 2], source.strides))
}

/// A copy to the other order in blocks of a line by a line: an index of the array's axes is a block, and the last axis
/// counts the lines of a block, those of the source and those of the result.
fn blocks(case: &Case, mut shaped: Shaped) -> Result<Shaped, CaseError> {
    let edge = LINE / case.dtype.itemsize();
    let uneven = |bytes: &i64| bytes % LINE.cast_signed() as i64 != 0;
    for (axis, length) in shaped.axes.iter_mut().enumerate() {
        if !length.is_multiple_of(edge) || !case.options.pad.is_multiple_of(LINE as u64) {
            return Err(CaseError::NoWholeBlocks { edge, axis, length: *length, pad: case.options.pad });
        }
        *length /= edge;
    }
    shaped.axes.push(edge);
    let [fast, slow] = [case.fastest(), 1 - case.fastest()];
    for (operand, line) in shaped.operands.iter_mut().zip([slow, fast]) {
        let step = operand.steps[line];
        operand.steps.iter_mut().for_each(|step| *step = step.saturating_mul(edge.cast_signed() as i64));
        operand.steps.push(step);
        operand.itemsize = LINE;
        if operand.steps.iter().any(uneven) {
            return Err(CaseError::NoWholeBlocks { edge, axis: line, length: 0, pad: case.options.pad });
        }
    }
    Ok(Shaped { unit: edge, ..shaped })
}

/// The same in whole lines: a step is a line of the fastest axis.
fn lines(case: &Case, mut shaped: Shaped) -> Result<Shaped, CaseError> {
    let (fast, itemsize) = (case.fastest(), case.dtype.itemsize());
    let run = (shaped.axes[fast] * itemsize) as u64;
    if !run.is_multiple_of(LINE as u64) || !case.options.pad.is_multiple_of(LINE as u64) {
        return Err(CaseError::NoWholeLines { bytes: run, pad: case.options.pad });
    }
    shaped.axes[fast] = shaped.axes[fast] * itemsize / LINE;
    for operand in &mut shaped.operands {
        operand.steps[fast] = LINE.cast_signed() as i64;
        operand.itemsize = LINE;
    }
    Ok(shaped)
}
