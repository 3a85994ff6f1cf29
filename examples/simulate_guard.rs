//! What the automatic engine takes beside the direct one on random nests: the ratios' spread and the worst of them.
//!
//! usage: `simulate_guard [NESTS [SEED]]`, 400 nests unless said. Both are timed in turns until each has taken 5 ms, the
//! best of each is compared; the figure to stay below is 1.2.
#![allow(clippy::print_stdout, reason = "an example shows its result")]

use std::time::Instant;
use stridewise::nest::{LoopNest, LoopOrder, Operand, Role};
use stridewise::simulate::{Engine, Geometry, Options, simulate};
use stridewise::units::Rng;

/// Up to some million steps: one to four axes, strides of both signs and 0, offsets off the line, elements in two lines,
/// tiles with remainders, up to three operands, hoisted or not.
fn nest(rng: &mut Rng) -> LoopNest {
    let mut below = |n: u64| usize::try_from(rng.below(n)).unwrap_or(0);
    let dims = 1 + below(4);
    let most = [500_000, 900, 100, 30][dims - 1];
    let axes: Vec<usize> = (0..dims).map(|_| 1 + below(most)).collect();
    let regular = below(2) == 0;
    let operands: Vec<Operand> = (0..=below(3))
        .map(|buffer| {
            let itemsize = [4, 8, 8, 16][below(4)];
            let mut step = i64::try_from(itemsize).unwrap_or(8);
            let mut steps: Vec<i64> = Vec::new();
            for &length in axes.iter().rev() {
                // An array with padding, or anything.
                steps.push(if regular {
                    step
                } else {
                    [0, 8, 24, 64, 4096, 777][below(6)] + i64::try_from(below(200)).unwrap_or(0)
                });
                step = step * i64::try_from(length).unwrap_or(1) + [0, 0, 8, 64][below(4)];
            }
            steps.reverse();
            let mut start = i64::try_from(below(64)).unwrap_or(0);
            for (axis, step) in steps.iter_mut().enumerate().filter(|_| below(6) == 0) {
                start += *step * i64::try_from(axes[axis] - 1).unwrap_or(0);
                *step = -*step;
            }
            let role = [Role::Read, Role::Read, Role::Write, Role::Update][below(4)];
            Operand { role, buffer, itemsize, start, steps }
        })
        .collect();
    let buffers = vec![1 << 42; operands.len()];
    let orders = LoopOrder::all(dims);
    let order = &orders[below(orders.len() as u64)];
    let tile = 2 + below(60);
    let (tiled, hoisted) = (below(3) == 0, below(2) == 0);
    let made = LoopNest::new(axes, operands, buffers, order);
    let Ok(nest) = made else { return nest(rng) };
    let nest =
        if tiled { nest.tiled(&(0..dims).map(|axis| (axis, tile)).collect::<Vec<_>>()).unwrap_or(nest) } else { nest };
    if hoisted { nest.hoisting() } else { nest }
}

/// The best nanoseconds of the automatic and of the direct engine, in turns.
fn timed(nest: &LoopNest, bases: &[u64], geometry: &Geometry) -> Result<[f64; 2], Box<dyn std::error::Error>> {
    let (mut best, mut taken, mut rounds) = ([f64::INFINITY; 2], [0.0; 2], 0);
    while rounds < 2 || (taken[1] < 5e6 && rounds < 50) {
        let mut reports = Vec::new();
        for (slot, engine) in [Engine::Automatic, Engine::Direct].into_iter().enumerate() {
            let start = Instant::now();
            reports.push(simulate(nest, bases, geometry, &Options { engine, ..Options::default() })?);
            let nanoseconds = start.elapsed().as_secs_f64() * 1e9;
            best[slot] = f64::min(best[slot], nanoseconds);
            taken[slot] += nanoseconds;
        }
        assert_eq!(reports[0], reports[1], "{nest:?}");
        rounds += 1;
    }
    Ok(best)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<u64> = std::env::args().skip(1).map(|text| text.parse()).collect::<Result<_, _>>()?;
    let (nests, seed) = (arguments.first().copied().unwrap_or(400), arguments.get(1).copied().unwrap_or(1));
    let caches = Geometry::parse_caches("l1=32K:8:64,l2=512K:8:64,l3=32M:16:64")?;
    let geometry = Geometry::new(caches, Geometry::parse_tlbs("l1=64,l2=2048:8")?, 4096, "example")?;
    let mut rng = Rng::new(seed);
    let mut found = Vec::new();
    for _ in 0..nests {
        let nest = nest(&mut rng);
        let bases: Vec<u64> = (1..=nest.buffers().len() as u64).map(|buffer| buffer << 44).collect();
        let [automatic, direct] = timed(&nest, &bases, &geometry)?;
        found.push((automatic / direct, direct, nest));
    }
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    let at = |share: f64| found[((found.len() - 1) as f64 * share) as usize].0;
    println!(
        "automatic / direct over {nests} nests: median {:.3}, 95 % below {:.3}, worst {:.3}",
        at(0.5),
        at(0.95),
        at(1.0)
    );
    println!("above 1.2: {}", found.iter().filter(|one| one.0 > 1.2).count());
    for (ratio, direct, nest) in found.iter().rev().take(5) {
        println!(
            "{ratio:.3}  direct {:.2} ms, {} steps, loops {:?}, operands {}",
            direct / 1e6,
            nest.steps(),
            nest.loops(),
            nest.operands().len()
        );
    }
    Ok(())
}
