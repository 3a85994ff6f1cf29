//! What simulating takes: one line per walk and engine, with the misses of a cold pass.
//!
//! `cargo run --release --example simulate_speed [WALK…]` uses 32K/8, 512K/8, 32M/16 and TLBs of 64 and 2048 entries;
//! WALK is the beginning of a line it prints, such as `2047x2047 1,0`.
#![allow(clippy::print_stdout, reason = "an example shows its result")]

use std::time::Instant;
use stridewise::layout::{Layout, Order};
use stridewise::nest::{LoopNest, Role};
use stridewise::simulate::{Engine, Geometry, Options, simulate};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let caches = || Geometry::parse_caches("l1=32K:8:64,l2=512K:8:64,l3=32M:16:64");
    let only_caches = Geometry::new(caches()?, Vec::new(), 4096, "example")?;
    let with_tlbs = Geometry::new(caches()?, Geometry::parse_tlbs("l1=64,l2=2048:8")?, 4096, "example")?;
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    println!("{:28} {:>10} {:>12} {:>14}  cold misses", "f8, C order", "engine", "two passes", "M accesses/s");
    for (side, order) in
        [(2048, "0,1"), (2048, "1,0"), (2047, "0,1"), (2047, "1,0"), (4096, "0,1"), (4096, "1,0"), (8192, "1,0")]
    {
        let array = Layout::contiguous(&[side, side], 8, Order::C)?;
        let nest = LoopNest::of_layouts(&[(&array, Role::Read)], &order.parse()?)?;
        for (geometry, what) in [(&only_caches, ""), (&with_tlbs, " and TLBs")] {
            let name = format!("{side}x{side} {order}{what}");
            if !wanted.is_empty() && !wanted.iter().any(|walk| name.starts_with(walk)) {
                continue;
            }
            for engine in [Engine::Automatic, Engine::Direct] {
                if engine == Engine::Direct && side > 4096 {
                    continue;
                }
                let start = Instant::now();
                let report = simulate(&nest, &[1 << 30], geometry, &Options { engine, ..Options::default() })?;
                let took = start.elapsed().as_secs_f64();
                let misses: Vec<u64> = report.cold.levels.iter().map(|level| level.misses).collect();
                // The direct engine walks at least two passes.
                #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
                let rate = 2.0 * nest.steps() as f64 / took / 1e6;
                println!("{name:28} {:>10} {:>9.2} ms {rate:>14.0}  {misses:?}", format!("{engine:?}"), took * 1e3);
            }
        }
    }
    Ok(())
}
