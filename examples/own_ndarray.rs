//! One's own `ndarray` code, row against column, measured in turn: `cargo run --release --example own_ndarray`
#![allow(clippy::print_stdout, reason = "an example shows its result")]

use ndarray::{Array2, Axis};
use stridewise::host::{Affinity, pin};
use stridewise::{measure, suite::Level};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let _pinned = pin(*Affinity::at_start().cpus().last().ok_or("no CPU")?)?;
    let found = measure::pair(
        Level::Quick.pace(),
        || Array2::<f64>::ones((2048, 2048)),
        |a| a.axis_iter(Axis(0)).map(|row| row.sum()).sum::<f64>(),
        |a| a.axis_iter(Axis(1)).map(|column| column.sum()).sum::<f64>(),
    );
    let penalty = found.penalty().run;
    println!("columns / rows: {:.2}x ({:.2} to {:.2})", penalty.estimate, penalty.low, penalty.high);
    Ok(())
}
