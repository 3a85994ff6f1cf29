//! What is replayed: an array and an operation, or a raw nest.

use super::super::array::Given;
use super::super::exit::Failure;
use super::SimulateArgs;
use crate::kernel::Kernel;
use crate::layout::{DType, Layout, Order};
use crate::nest::{LoopNest, LoopOrder, Operand, Role};
use crate::suite::Case;
use crate::units::bytes_long;
use std::str::FromStr;

/// Edge of a window unless one is given.
const WINDOW: usize = 3;

/// What is done with the array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Op {
    /// A kernel per element.
    Kernel(Kernel),
    /// The sum of each window; its extents, or none for the default.
    Window(Vec<usize>),
    /// A copy into an array of the other order.
    Transpose,
    /// `c[i,j] += a[i,k] * b[k,j]`, what the innermost loop does not move held in a register.
    Matmul,
}

impl FromStr for Op {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(extents) = text.strip_prefix("window:") {
            let extents: Option<Vec<usize>> =
                extents.split(',').map(|n| n.trim().parse().ok().filter(|&n| n > 0)).collect();
            let wrong = || format!("{text:?}: expected window:EXTENT,… such as window:3,3");
            return extents.map(Self::Window).ok_or_else(wrong);
        }
        match text {
            "window" => Ok(Self::Window(Vec::new())),
            "transpose" => Ok(Self::Transpose),
            "matmul" => Ok(Self::Matmul),
            _ => text.parse().map(Self::Kernel).map_err(|error| format!("{error} window transpose matmul")),
        }
    }
}

/// The nest that the flags describe, and how it is called.
pub(super) fn nest(args: &SimulateArgs) -> Result<(LoopNest, String), Failure> {
    if let Some(text) = &args.nest {
        let nest = LoopNest::parse(text, args.itemsize)
            .map_err(|error| Failure::usage(format!("--nest {text:?}: {error}")))?;
        let (nest, hoisted) = if args.hoist { (nest.hoisting(), ", hoisted") } else { (nest, "") };
        return Ok((nest, format!("nest {text}, {} bytes per element{hoisted}", args.itemsize)));
    }
    let Some(given) = args.array.given()? else {
        return Err(Failure::usage("give an array with --shape or --npy, a raw nest with --nest, or a --chase"));
    };
    match args.op.clone().unwrap_or(Op::Kernel(Kernel::Sum)) {
        Op::Kernel(kernel) => of_kernel(args, &given, kernel),
        op => of_arrays(args, &given, &op),
    }
}

fn of_kernel(args: &SimulateArgs, given: &Given, kernel: Kernel) -> Result<(LoopNest, String), Failure> {
    let Given { shape, dtype, order, flag } = given;
    let plain = Case::new(kernel, *dtype, shape, *order, LoopOrder::identity(shape.len())).with(|options| {
        options.tile = args.tile.unwrap_or(0).into();
        options.pad = args.pad.unwrap_or(0);
    });
    let loops = args.loops.clone().unwrap_or_else(|| plain.baseline().loops);
    let loops = checked(loops, shape.len())?;
    let case = Case { loops, ..plain };
    let nest = case.nest().map_err(|error| Failure::usage(format!("{flag}: {error}")))?;
    let bytes = bytes_long(case.footprint().unwrap_or(0));
    let what = format!("{kernel} over {} {dtype}, {order} order, {bytes}", case.shape_text());
    Ok((nest, format!("{what}, loop order {}{}", case.loops, tiles(args))))
}

fn checked(loops: LoopOrder, axes: usize) -> Result<LoopOrder, Failure> {
    if loops.axes().len() == axes {
        return Ok(loops);
    }
    Err(Failure::usage(format!("--loop {loops}: expected the {axes} axes of the array in some order")))
}

fn tiles(args: &SimulateArgs) -> String {
    args.tile.map_or_else(String::new, |tile| format!(", tiles of {tile}"))
}

/// Operations on more than one array, or on windows of one.
fn of_arrays(args: &SimulateArgs, given: &Given, op: &Op) -> Result<(LoopNest, String), Failure> {
    let Given { shape, dtype, order, flag } = given;
    if args.pad.is_some() {
        return Err(Failure::usage("--pad: only with --op sum, fill, scale, copy or triad"));
    }
    let loops = checked(args.loops.clone().unwrap_or_else(|| LoopOrder::identity(shape.len())), shape.len())?;
    let refuse = |error: String| Failure::usage(format!("{flag}: {error}"));
    let (nest, name) = match op {
        Op::Window(extents) => window(shape, extents, *dtype, *order, &loops).map_err(refuse)?,
        Op::Transpose => (transpose(shape, *dtype, *order, &loops).map_err(refuse)?, "transpose".to_owned()),
        _ => (matmul(shape, *dtype, *order, &loops).map_err(refuse)?, "matmul".to_owned()),
    };
    let tiled: Vec<(usize, usize)> = args.tile.map_or(Vec::new(), |tile| (0..shape.len()).map(|a| (a, tile)).collect());
    let nest = nest.tiled(&tiled).map_err(|error| Failure::usage(format!("--tile: {error}")))?;
    let bytes = bytes_long(nest.buffers().iter().fold(0, |sum, bytes| sum.saturating_add(*bytes)));
    let extents: Vec<String> = shape.iter().map(ToString::to_string).collect();
    let what = format!("{name} over {} {dtype}, {order} order, {bytes}", extents.join("x"));
    Ok((nest, format!("{what}, loop order {loops}{}", tiles(args))))
}

fn layout(shape: &[usize], dtype: DType, order: Order) -> Result<Layout, String> {
    Layout::contiguous(shape, dtype.itemsize(), order).map_err(|error| error.to_string())
}

/// Loops over the windows' positions, then over a window's elements in the array's axis order.
fn window(
    shape: &[usize],
    extents: &[usize],
    dtype: DType,
    order: Order,
    loops: &LoopOrder,
) -> Result<(LoopNest, String), String> {
    let extents = if extents.is_empty() { vec![WINDOW; shape.len()] } else { extents.to_vec() };
    if extents.len() != shape.len() || extents.iter().zip(shape).any(|(window, length)| window > length) {
        return Err(format!("a window of {extents:?} does not lie in an array of {shape:?}"));
    }
    let array = layout(shape, dtype, order)?;
    let mut operand = Operand::of_layout(&array, Role::Read, 0);
    operand.steps.extend_from_within(..);
    let positions = shape.iter().zip(&extents).map(|(length, window)| length - window + 1);
    let axes: Vec<usize> = positions.chain(extents.iter().copied()).collect();
    let all = LoopOrder::new(loops.axes().iter().copied().chain(shape.len()..axes.len()).collect())?;
    let nest =
        LoopNest::new(axes, vec![operand], vec![array.buffer_bytes()], &all).map_err(|error| error.to_string())?;
    let name: Vec<String> = extents.iter().map(ToString::to_string).collect();
    Ok((nest, format!("sums of windows of {}", name.join("x"))))
}

fn transpose(shape: &[usize], dtype: DType, order: Order, loops: &LoopOrder) -> Result<LoopNest, String> {
    let other = if order == Order::C { Order::F } else { Order::C };
    let (from, to) = (layout(shape, dtype, order)?, layout(shape, dtype, other)?);
    LoopNest::of_layouts(&[(&from, Role::Read), (&to, Role::Write)], loops).map_err(|error| error.to_string())
}

fn matmul(shape: &[usize], dtype: DType, order: Order, loops: &LoopOrder) -> Result<LoopNest, String> {
    let [i, j, k] = *shape else {
        return Err(format!("matmul takes three extents I,J,K, not {}", shape.len()));
    };
    // Which of the loops' axes each array has.
    let arrays = [(Role::Read, [i, k], [0, 2]), (Role::Read, [k, j], [2, 1]), (Role::Update, [i, j], [0, 1])];
    let (mut operands, mut buffers) = (Vec::new(), Vec::new());
    for (buffer, (role, extents, axes)) in arrays.into_iter().enumerate() {
        let array = layout(&extents, dtype, order)?;
        let mut operand = Operand::of_layout(&array, role, buffer);
        operand.steps =
            (0..3).map(|axis| axes.iter().position(|&a| a == axis).map_or(0, |at| array.strides()[at])).collect();
        operands.push(operand);
        buffers.push(array.buffer_bytes());
    }
    let nest = LoopNest::new(vec![i, j, k], operands, buffers, loops).map_err(|error| error.to_string())?;
    Ok(nest.hoisting())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_read_back_and_others_list_what_there_is() {
        assert_eq!("window:5, 7".parse(), Ok(Op::Window(vec![5, 7])));
        assert_eq!("copy".parse(), Ok(Op::Kernel(Kernel::Copy)));
        assert!("window:0".parse::<Op>().unwrap_err().contains("window:3,3"));
        let error = "transposed".parse::<Op>().unwrap_err();
        assert!(error.contains("sum") && error.ends_with("window transpose matmul"), "{error}");
    }

    #[test]
    fn each_array_of_a_product_steps_with_its_own_axes() {
        let float: DType = "f8".parse().unwrap();
        let nest = matmul(&[3, 5, 7], float, Order::C, &"0,1,2".parse().unwrap()).unwrap();
        let steps: Vec<&[i64]> = nest.operands().iter().map(|operand| operand.steps.as_slice()).collect();
        assert_eq!(steps, [[56, 0, 8], [0, 8, 40], [40, 8, 0]]);
        // Two reads per step; a load and a store of c per run.
        assert_eq!(nest.accesses(), 2 * 105 + 2 * 15);
        let (window, _) = window(&[6, 5], &[], float, Order::C, &"0,1".parse().unwrap()).unwrap();
        assert_eq!((window.axes(), window.steps()), (&[4, 3, 3, 3][..], 108));
        assert!(matmul(&[3, 5], float, Order::C, &"0,1".parse().unwrap()).is_err());
    }
}
