//! Whether pairs can be trusted: A/A pairs that must not alarm, and pairs whose contender does 5 % more work.
//!
//! `trust PAIRS [SECONDS]`: PAIRS of each kind in turn, SECONDS each (2). Same arrays, a sum of f8 over 256 KiB by rows;
//! the contender of a changed pair walks 5 % more rows. One line per pair, then how many alarmed and were found.
#![allow(clippy::print_stdout, reason = "an example shows its result")]

use std::hint::black_box;
use std::time::{Duration, Instant};
use stridewise::host::{Affinity, pin};
use stridewise::kernel::{self, Isa, Kernel, Program, Stores, Walk};
use stridewise::layout::DType;
use stridewise::memory::{Buffer, PagePolicy};
use stridewise::nest::{LoopNest, Operand, Role};
use stridewise::stats::{Verdict, log_ratios, verdict};
use stridewise::units::Rng;

type Failure = Box<dyn std::error::Error>;

fn program(rows: usize) -> Result<Program, Failure> {
    let operand = Operand { role: Role::Read, buffer: 0, itemsize: 8, start: 0, steps: vec![1600, 8] };
    let nest = LoopNest::new(vec![rows, 200], vec![operand], vec![1600 * 210], &"0,1".parse()?)?;
    Ok(Program::new(Kernel::Sum, DType::F8, Walk::Element, Stores::Plain, Isa::best(), &nest)?)
}

fn pair(extra: bool, time: Duration, rng: &mut Rng) -> Result<(f64, Verdict), Failure> {
    let arms = [program(200)?, program(if extra { 210 } else { 200 })?];
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        let mut buffers = [Buffer::new(1600 * 210, PagePolicy::Base, 0)?];
        kernel::prepare(&mut buffers, DType::F8, 1);
        let mut sample = |arm: usize, passes: u64| -> Result<u64, Failure> {
            let start = Instant::now();
            black_box(arms[arm].run(&mut buffers, passes)?);
            Ok(u64::try_from(start.elapsed().as_nanos())?.max(1))
        };
        let mut passes = 1;
        while sample(0, passes)? < 1_000_000 {
            passes *= 2;
        }
        let begun = Instant::now();
        while begun.elapsed() < time / 4 {
            let flipped = usize::from(rng.coin());
            for arm in [flipped, 1 - flipped, 1 - flipped, flipped] {
                let ns = sample(arm, passes)?;
                if arm == 0 { a.push(ns) } else { b.push(ns) }
            }
        }
    }
    let ratios = log_ratios(&a, &b);
    let median = stridewise::stats::median(&ratios).unwrap_or(0.0).exp();
    Ok((median, verdict(&ratios, false)))
}

fn main() -> Result<(), Failure> {
    let argument = |at: usize| std::env::args().nth(at).and_then(|text| text.parse::<f64>().ok());
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small count")]
    let pairs = argument(1).unwrap_or(40.0) as usize;
    let time = Duration::from_secs_f64(argument(2).unwrap_or(2.0));
    let cpu = Affinity::at_start().cpus().last().copied().ok_or("no CPU is known")?;
    let _pinned = pin(cpu)?;
    let (mut rng, mut alarms, mut found) = (Rng::new(7), 0, 0);
    for number in 1..=pairs {
        let (same, quiet) = pair(false, time, &mut rng)?;
        let (changed, loud) = pair(true, time, &mut rng)?;
        let alarm = matches!(quiet, Verdict::Slower | Verdict::Faster);
        alarms += usize::from(alarm);
        found += usize::from(loud == Verdict::Slower);
        println!("{number:3}  A/A {same:.4} {quiet:?}   +5 % {changed:.4} {loud:?}");
    }
    println!("alarms in A/A pairs: {alarms} of {pairs}; changes of 5 % found: {found} of {pairs}");
    Ok(())
}
