//! One cold and one warm pass: half the nanoseconds taken, then the cold misses per level; what scripts compare with.
//!
//! usage: simulate_one SIDE COLUMNS CACHES, such as `simulate_one 2048 1 l1=32K:8:64,l2=512K:8:64`
#![allow(clippy::print_stdout, reason = "an example shows its result")]

use std::time::Instant;
use stridewise::layout::{Layout, Order};
use stridewise::nest::{LoopNest, Role};
use stridewise::simulate::{Geometry, Options, simulate};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [side, columns, caches] = arguments.as_slice() else {
        return Err("usage: simulate_one SIDE COLUMNS CACHES".into());
    };
    let side: usize = side.parse()?;
    let geometry = Geometry::new(Geometry::parse_caches(caches)?, Vec::new(), 4096, "example")?;
    let array = Layout::contiguous(&[side, side], 8, Order::C)?;
    let order = if columns == "1" { "1,0" } else { "0,1" };
    let nest = LoopNest::of_layouts(&[(&array, Role::Read)], &order.parse()?)?;
    let start = Instant::now();
    let report = simulate(&nest, &[1 << 30], &geometry, &Options::default())?;
    // At least two passes are counted.
    print!("{}", start.elapsed().as_nanos() / 2);
    report.cold.levels.iter().for_each(|level| print!(" {}", level.misses));
    println!();
    Ok(())
}
