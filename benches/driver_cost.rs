//! What the nest driver costs: programs against loops written by hand, in pairs.
//!
//! `cargo bench --bench driver_cost` prints the ratio of every pair (time of the program / time of the loop) and ends
//! with 1 if the median of one is outside 0.95–1.05. In test mode (no `--bench`, or `--test`) every pair runs once.
//! The hand-written side has the same arithmetic and as many accumulators, in safe Rust for the baseline.
#![expect(clippy::print_stdout, reason = "a bench reports on its standard output")]

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;
use stridewise::kernel::{self, Isa, Kernel, Program, Stores, Walk};
use stridewise::layout::{DType, Layout, Order};
use stridewise::memory::{Buffer, PagePolicy};
use stridewise::nest::LoopNest;

/// Rows, steps per row, and the distances in elements (or lines) between rows and between steps.
#[derive(Clone, Copy)]
struct Shape {
    rows: usize,
    steps: usize,
    outer: usize,
    inner: usize,
}

struct Case {
    kernel: Kernel,
    dtype: DType,
    walk: Walk,
    /// Steps per axis of the square array.
    side: usize,
    order: &'static str,
    by_hand: fn(&mut [Buffer], Shape) -> f64,
}

/// Rows of `c16`, because a compiler would take two elements of a row of `f8` at once, and columns of `f8`. Sizes are
/// those where safe indexing is as fast as the loads: its bounds checks fill the CPU's window, so that it reads less far
/// ahead, which changes conflict-bound columns (2048²: 13 % faster than the same loop without checks, C included).
const CASES: &[Case] = &[
    Case { kernel: Kernel::Sum, dtype: DType::C16, walk: Walk::Element, side: 128, order: "0,1", by_hand: sum_rows },
    Case { kernel: Kernel::Sum, dtype: DType::C16, walk: Walk::Element, side: 1000, order: "0,1", by_hand: sum_rows },
    Case { kernel: Kernel::Sum, dtype: DType::F8, walk: Walk::Element, side: 128, order: "1,0", by_hand: sum_columns },
    Case { kernel: Kernel::Sum, dtype: DType::F8, walk: Walk::Element, side: 1000, order: "1,0", by_hand: sum_columns },
    Case { kernel: Kernel::Sum, dtype: DType::F8, walk: Walk::Element, side: 1024, order: "1,0", by_hand: sum_columns },
    Case {
        kernel: Kernel::Copy,
        dtype: DType::F8,
        walk: Walk::Element,
        side: 1024,
        order: "1,0",
        by_hand: copy_columns,
    },
    Case {
        kernel: Kernel::Copy,
        dtype: DType::F8,
        walk: Walk::Element,
        side: 2048,
        order: "1,0",
        by_hand: copy_columns,
    },
    Case { kernel: Kernel::Sum, dtype: DType::F8, walk: Walk::Line, side: 64, order: "0,1", by_hand: sum_lines },
    Case { kernel: Kernel::Sum, dtype: DType::F8, walk: Walk::Line, side: 250, order: "0,1", by_hand: sum_lines },
    Case { kernel: Kernel::Sum, dtype: DType::F8, walk: Walk::Line, side: 250, order: "1,0", by_hand: sum_lines },
    Case { kernel: Kernel::Sum, dtype: DType::F8, walk: Walk::Stream, side: 128, order: "0,1", by_hand: sum_stream },
    Case { kernel: Kernel::Sum, dtype: DType::F8, walk: Walk::Stream, side: 1000, order: "0,1", by_hand: sum_stream },
];

fn doubles(buffer: &Buffer) -> &[f64] {
    bytemuck::cast_slice(buffer.as_bytes())
}

/// Eight accumulators.
fn sum_columns(buffers: &mut [Buffer], shape: Shape) -> f64 {
    let (array, Shape { rows, steps, outer, inner }) = (doubles(&buffers[0]), black_box(shape));
    let mut totals = [0.0; 8];
    for row in 0..rows {
        let mut at = row * outer;
        for _ in 0..steps / 8 {
            for (chain, total) in totals.iter_mut().enumerate() {
                *total += array[at + chain * inner];
            }
            at += 8 * inner;
        }
        for _ in 0..steps % 8 {
            totals[0] += array[at];
            at += inner;
        }
    }
    totals.iter().sum()
}

/// Rows of complex numbers, eight accumulators of two reals.
fn sum_rows(buffers: &mut [Buffer], shape: Shape) -> f64 {
    let mut totals = [0.0; 16];
    for row in doubles(&buffers[0]).chunks_exact(2 * shape.steps) {
        let (blocks, rest) = row.as_chunks::<16>();
        for block in blocks {
            totals.iter_mut().zip(block).for_each(|(total, x)| *total += x);
        }
        totals.iter_mut().zip(rest).for_each(|(total, x)| *total += x);
    }
    totals.iter().sum()
}

/// Any strides, four steps at once.
fn copy_columns(buffers: &mut [Buffer], shape: Shape) -> f64 {
    let Shape { rows, steps, outer, inner } = black_box(shape);
    let [from, to] = buffers else { return 0.0 };
    let (from, to) = (doubles(from), bytemuck::cast_slice_mut::<u8, f64>(to.as_bytes_mut()));
    for row in 0..rows {
        let mut at = row * outer;
        for _ in 0..steps / 4 {
            for chain in 0..4 {
                to[at + chain * inner] = from[at + chain * inner];
            }
            at += 4 * inner;
        }
        for _ in 0..steps % 4 {
            to[at] = from[at];
            at += inner;
        }
    }
    0.0
}

/// Lines at any stride, two at once, sixteen lanes.
fn sum_lines(buffers: &mut [Buffer], shape: Shape) -> f64 {
    let (lines, Shape { rows, steps, outer, inner }) = (doubles(&buffers[0]).as_chunks::<8>().0, black_box(shape));
    let (mut even, mut odd) = ([0.0; 8], [0.0; 8]);
    let add = |total: &mut [f64; 8], line: &[f64; 8]| total.iter_mut().zip(line).for_each(|(t, x)| *t += x);
    for row in 0..rows {
        let mut at = row * outer;
        for _ in 0..steps / 2 {
            add(&mut even, &lines[at]);
            add(&mut odd, &lines[at + inner]);
            at += 2 * inner;
        }
        if steps % 2 == 1 {
            add(&mut even, &lines[at]);
        }
    }
    even.iter().chain(&odd).sum()
}

/// The whole array as one run, sixteen lanes.
fn sum_stream(buffers: &mut [Buffer], _: Shape) -> f64 {
    let (blocks, rest) = doubles(&buffers[0]).as_chunks::<16>();
    let mut totals = [0.0; 16];
    for block in blocks {
        totals.iter_mut().zip(block).for_each(|(total, x)| *total += x);
    }
    totals.iter().sum::<f64>() + rest.iter().sum::<f64>()
}

/// A case with its buffers: both sides, ready to be timed.
struct Pair {
    program: Program,
    buffers: Vec<Buffer>,
    shape: Shape,
    by_hand: fn(&mut [Buffer], Shape) -> f64,
}

fn pair(case: &Case) -> Result<Pair, Box<dyn std::error::Error>> {
    let item = if case.walk == Walk::Line { 64 } else { case.dtype.itemsize() };
    let layout = Layout::contiguous(&[case.side, case.side], item, Order::C)?;
    let layouts: Vec<_> = case.kernel.roles().iter().map(|&role| (&layout, role)).collect();
    let nest = LoopNest::of_layouts(&layouts, &case.order.parse()?)?;
    let program = Program::new(case.kernel, case.dtype, case.walk, Stores::Plain, Isa::Baseline, &nest)?;
    let map = |&bytes: &u64| Buffer::new(bytes, PagePolicy::Base, 0);
    let mut buffers = nest.buffers().iter().map(map).collect::<Result<Vec<_>, _>>()?;
    kernel::prepare(&mut buffers, case.dtype, 1);
    let (outer, inner) = if case.order == "0,1" { (case.side, 1) } else { (1, case.side) };
    let shape = Shape { rows: case.side, steps: case.side, outer, inner };
    Ok(Pair { program, buffers, shape, by_hand: case.by_hand })
}

impl Pair {
    /// Nanoseconds of the program for a number of passes.
    fn ours(&mut self, passes: u64) -> Result<f64, kernel::KernelError> {
        let start = Instant::now();
        black_box(self.program.run(&mut self.buffers, passes)?);
        Ok(start.elapsed().as_nanos() as f64)
    }

    fn theirs(&mut self, passes: u64) -> f64 {
        let start = Instant::now();
        for _ in 0..passes {
            black_box((self.by_hand)(black_box(&mut self.buffers), self.shape));
        }
        start.elapsed().as_nanos() as f64
    }

    /// Median of the ratios of `rounds` rounds, each ABBA.
    fn ratio(&mut self, rounds: usize, sample_ns: f64) -> Result<f64, kernel::KernelError> {
        let mut passes = 1;
        while self.ours(passes)? < sample_ns {
            passes *= 2;
        }
        let mut ratios = Vec::with_capacity(rounds);
        for _ in 0..rounds {
            let (first, second) = (self.ours(passes)?, self.theirs(passes));
            let (third, fourth) = (self.theirs(passes), self.ours(passes)?);
            ratios.push((first + fourth) / (second + third));
        }
        ratios.sort_by(f64::total_cmp);
        Ok(ratios[rounds / 2])
    }
}

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let timing = has("--bench") && !has("--test");
    let (rounds, sample_ns) = if timing { (41, 2e6) } else { (1, 0.0) };
    let mut outside = 0;
    for case in CASES {
        let ratio = pair(case)?.ratio(rounds, sample_ns)?;
        let fine = !timing || (0.95..=1.05).contains(&ratio);
        outside += u32::from(!fine);
        if timing {
            let Case { kernel, dtype, walk, side, order, .. } = case;
            let mark = if fine { "" } else { "  outside 0.95–1.05" };
            println!(
                "{kernel:<5} {dtype:<4} {walk:<8} {side:>5}² steps, loops {order}: driver / by hand {ratio:.3}{mark}"
            );
        }
    }
    Ok(if outside == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
