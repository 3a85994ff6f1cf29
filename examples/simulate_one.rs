//! One walk, simulated: nanoseconds per pass, then the cold misses per level; what scripts compare with.
//!
//! usage: `simulate_one WALK SIDE CACHES [TILE]`, such as `simulate_one columns 2048 l1=32K:8:64,l2=512K:8:64`; walks are
//! rows, columns, transpose, and matmul's loop orders ijk ikj jik jki kij kji
#![allow(clippy::print_stdout, reason = "an example shows its result")]

use std::time::Instant;
use stridewise::layout::{Layout, Order};
use stridewise::nest::{LoopNest, LoopOrder, Operand, Role};
use stridewise::simulate::{Geometry, Options, simulate};

type Fallible<T> = Result<T, Box<dyn std::error::Error>>;

fn nest(walk: &str, side: usize, tile: usize) -> Fallible<LoopNest> {
    let of = |order| Layout::contiguous(&[side, side], 8, order);
    let (c, f) = (of(Order::C)?, of(Order::F)?);
    let nest = match walk {
        "rows" => LoopNest::of_layouts(&[(&c, Role::Read)], &"0,1".parse()?)?,
        "columns" => LoopNest::of_layouts(&[(&c, Role::Read)], &"1,0".parse()?)?,
        "transpose" => LoopNest::of_layouts(&[(&c, Role::Read), (&f, Role::Write)], &"0,1".parse()?)?,
        _ => matmul(walk, side)?,
    };
    let axes = nest.axes().len();
    Ok(if tile > 1 { nest.tiled(&(0..axes).map(|axis| (axis, tile)).collect::<Vec<_>>())? } else { nest })
}

/// `c[i,j] += a[i,k] * b[k,j]`, invariants of the innermost loop in registers.
fn matmul(order: &str, side: usize) -> Fallible<LoopNest> {
    let axis = |letter: char| "ijk".find(letter).ok_or_else(|| format!("unknown walk {order:?}"));
    let order = LoopOrder::new(order.chars().map(axis).collect::<Result<_, _>>()?)?;
    let row = i64::try_from(side)? * 8;
    let operand =
        |role, buffer, steps: [i64; 3]| Operand { role, buffer, itemsize: 8, start: 0, steps: steps.to_vec() };
    let operands = vec![
        operand(Role::Read, 0, [row, 0, 8]),
        operand(Role::Read, 1, [0, 8, row]),
        operand(Role::Update, 2, [row, 8, 0]),
    ];
    Ok(LoopNest::new(vec![side; 3], operands, vec![(side * side * 8) as u64; 3], &order)?.hoisting())
}

fn main() -> Fallible<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (walk, side, caches, tile) = match arguments.as_slice() {
        [walk, side, caches] => (walk, side, caches, 0),
        [walk, side, caches, tile] => (walk, side, caches, tile.parse()?),
        _ => return Err("usage: simulate_one WALK SIDE CACHES [TILE]".into()),
    };
    let geometry = Geometry::new(Geometry::parse_caches(caches)?, Vec::new(), 4096, "example")?;
    let nest = nest(walk, side.parse()?, tile)?;
    // One array behind the other, as the other program has them.
    let bases: Vec<u64> =
        nest.buffers().iter().scan(1 << 30, |next, bytes| Some(std::mem::replace(next, *next + bytes))).collect();
    let start = Instant::now();
    let report = simulate(&nest, &bases, &geometry, &Options::default())?;
    // At least two passes are counted.
    print!("{}", start.elapsed().as_nanos() / 2);
    report.cold.levels.iter().for_each(|level| print!(" {}", level.misses));
    println!();
    Ok(())
}
