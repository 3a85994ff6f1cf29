//! One's own closure over one's own nest in Criterion, with simulated misses in its name.
//! `cargo run --release --example own_closure -- --bench`

use criterion::{Criterion, Throughput};
use stridewise::host::Host;
use stridewise::layout::{Layout, Order};
use stridewise::nest::{LoopNest, Role};
use stridewise::simulate::{Geometry, Options, simulate};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut criterion = Criterion::default().configure_from_args();
    let caches = Geometry::of_host(&Host::probe())?;
    let (array, data) = (Layout::contiguous(&[1024, 1024], 8, Order::C)?, vec![1.0_f64; 1024 * 1024]);
    let mut group = criterion.benchmark_group("mine");
    for order in ["0,1", "1,0"] {
        let nest = LoopNest::of_layouts(&[(&array, Role::Read)], &order.parse()?)?;
        let warm = simulate(&nest, &[data.as_ptr().addr() as u64], &caches, &Options::default())?.warm;
        let name = format!("loop {order}, {} L1 misses simulated", warm.levels[0].misses);
        group.throughput(Throughput::Elements(nest.steps()));
        group.bench_function(name, |bencher| {
            bencher.iter(|| nest.offsets(0).map(|at| data[at / 8].sqrt()).sum::<f64>());
        });
    }
    group.finish();
    criterion.final_summary();
    Ok(())
}
