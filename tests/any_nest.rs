//! No argument of a safe function makes a kernel leave its buffers: nests are drawn without any care, and what is accepted
//! runs between guard pages that begin right before the first byte and right behind the last one. One byte too far faults.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test")]

use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use stridewise::kernel::{Cycle, Isa, Kernel, Program, Split, Stores, Team, Walk};
use stridewise::layout::DType;
use stridewise::memory::{Buffer, PagePolicy};
use stridewise::nest::{Chase, Loop, LoopNest, LoopOrder, Operand, Role};

/// Numbers that are fine, and numbers at the ends of what there is.
fn any_step() -> impl Strategy<Value = i64> {
    prop_oneof![12 => -80_i64..81, 8 => (-12_i64..13).prop_map(|n| n * 8), 6 => (-4_i64..5).prop_map(|n| n * 64),
        1 => Just(i64::MAX), 1 => Just(i64::MIN), 1 => any::<i64>()]
}

fn any_length() -> impl Strategy<Value = usize> {
    prop_oneof![20 => 0_usize..9, 4 => 9_usize..70, 1 => Just(usize::MAX), 1 => any::<usize>()]
}

#[derive(Clone, Debug)]
struct Drawn {
    axes: Vec<usize>,
    operands: Vec<(Role, usize, usize, i64, Vec<i64>)>,
    buffers: Vec<u64>,
    order: usize,
    loops: Vec<(usize, usize)>,
    tiles: Vec<(usize, usize)>,
    slice: Option<(usize, usize, usize)>,
    /// As many operands as a kernel has, in its roles, of one size: or nothing would ever run.
    like: Option<usize>,
    /// A last axis of so many lines, innermost, and everything else on lines: or nothing would ever be turned.
    block: Option<usize>,
    /// The operand that stands still in the innermost loop, and whether the others go from neighbour to neighbour there.
    inner: (Option<usize>, bool),
}

/// Every kernel that walks a nest.
fn kernels() -> Vec<Kernel> {
    Kernel::ALL.iter().copied().filter(|&kernel| kernel != Kernel::Chase).collect()
}

fn drawn() -> impl Strategy<Value = Drawn> {
    (0_usize..4, 0_usize..=4, 0_usize..4).prop_flat_map(|(rank, operands, buffers)| {
        let role = prop_oneof![Just(Role::Read), Just(Role::Write), Just(Role::Update)];
        let itemsize = prop_oneof![1 => Just(0), 2 => Just(1), 2 => Just(2), 2 => Just(4), 8 => Just(8), 2 => Just(16), 3 => Just(64)];
        let start = prop_oneof![8 => 0_i64..200, 2 => -70_i64..0, 1 => any::<i64>()];
        let steps = prop::collection::vec(any_step(), rank..=rank);
        let operand = (role, 0..buffers + 1, itemsize, start, steps);
        let pairs = || prop::collection::vec((0_usize..4, 0_usize..9), 0..4);
        (
            prop::collection::vec(any_length(), rank),
            prop::collection::vec(operand, operands),
            prop::collection::vec(0_u64..5000, buffers),
            0_usize..24,
            pairs(),
            pairs(),
            prop::option::of((0..rank.max(1), 0_usize..9, 0_usize..9)),
            prop::option::weighted(0.8, 0_usize..kernels().len()),
            prop::option::weighted(0.15, prop_oneof![Just(4_usize), Just(8), Just(16), 0_usize..70]),
            (prop::option::weighted(0.3, 0_usize..4), prop::bool::weighted(0.3)),
        )
            .prop_map(|(axes, operands, buffers, order, loops, tiles, slice, like, block, inner)| Drawn {
                axes,
                operands,
                buffers,
                order,
                loops,
                tiles,
                slice,
                like,
                block,
                inner,
            })
    })
}

impl Drawn {
    /// Whatever can be made of it.
    fn nests(&self) -> Vec<LoopNest> {
        let mut operands: Vec<Operand> = self
            .operands
            .iter()
            .map(|(role, buffer, itemsize, start, steps)| Operand {
                role: *role,
                buffer: *buffer,
                itemsize: *itemsize,
                start: *start,
                steps: steps.clone(),
            })
            .collect();
        if let (Some(like), Some(first)) = (self.like, operands.first().cloned()) {
            // Only a copy is turned.
            let like = if self.block.is_some() { Kernel::Copy } else { kernels()[like] };
            let roles = like.roles();
            operands.resize(roles.len(), first.clone());
            for (operand, &role) in operands.iter_mut().zip(roles.iter()) {
                (operand.role, operand.itemsize) = (role, first.itemsize);
                // One index serves all operands of a stencil.
                if matches!(like, Kernel::Stencil5 | Kernel::Stencil7) {
                    operand.steps.clone_from(&first.steps);
                }
            }
        }
        let mut axes = self.axes.clone();
        let orders = LoopOrder::all(axes.len());
        let mut order = orders[self.order % orders.len()].clone();
        if let (Some(_), Some(&axis)) = (self.like, order.axes().last()) {
            let (still, dense) = self.inner;
            for (index, operand) in operands.iter_mut().enumerate() {
                if still == Some(index) {
                    operand.steps[axis] = 0;
                } else if dense {
                    operand.steps[axis] = operand.itemsize as i64;
                }
            }
        }
        if let Some(lines) = self.block {
            order = LoopOrder::new(order.axes().iter().copied().chain([axes.len()]).collect()).unwrap();
            axes.push(lines);
            for (index, operand) in operands.iter_mut().enumerate() {
                operand.itemsize = 64;
                operand.start = operand.start.rem_euclid(8) * 64;
                operand.steps.iter_mut().for_each(|step| *step = step.rem_euclid(12) * 64);
                operand.steps.push((1 + (self.order + index) as i64 % 5) * 64);
            }
        }
        let order = &order;
        let Ok(nest) = LoopNest::new(axes, operands, self.buffers.clone(), order) else {
            return Vec::new();
        };
        let loops = self.loops.iter().map(|&(axis, block)| Loop { axis, block });
        let inner = order.axes().iter().map(|&axis| Loop { axis, block: 1 });
        let looped = nest.with_loops(loops.chain(inner).collect()).ok();
        let tiled = nest.tiled(&self.tiles).ok();
        let cut = self.slice.filter(|&(axis, ..)| axis < self.axes.len());
        let sliced = cut.and_then(|(axis, from, length)| nest.slice(axis, from, length).ok());
        [Some(nest), looped, tiled, sliced].into_iter().flatten().filter(|nest| nest.steps() < 100_000).collect()
    }
}

/// Buffers of exactly those sizes, with the guard page right before their first byte or right behind their last one.
fn between_guards(sizes: &[u64], behind: bool) -> Vec<Buffer> {
    let page = 4096;
    let of = |&bytes: &u64| {
        let gap = if behind { usize::try_from(bytes.next_multiple_of(page) - bytes).unwrap() } else { 0 };
        Buffer::new(bytes, PagePolicy::Base, gap).unwrap()
    };
    sizes.iter().map(of).collect()
}

/// Runs of programs and teams, by kernel, walk, and whether an operand was kept in a register.
type Ran = BTreeMap<(Kernel, Walk, bool), u32>;

fn run_all(nest: &LoopNest, pool: &Arc<rayon::ThreadPool>, all: &mut Ran) {
    let hoisting = nest.clone().hoisting();
    let walked = |walk: &Walk| [(*walk, Stores::Plain), (*walk, Stores::NonTemporal)];
    let like_this = |kernel: &Kernel| kernel.roles().iter().eq(nest.operands().iter().map(|operand| &operand.role));
    for (kernel, nest) in
        kernels().into_iter().filter(like_this).flat_map(|kernel| [(kernel, nest), (kernel, &hoisting)])
    {
        for dtype in [DType::U1, DType::I2, DType::F4, DType::F8, DType::C16] {
            for (walk, stores) in Walk::ALL.iter().flat_map(walked) {
                for isa in Isa::available() {
                    let Ok(program) = Program::new(kernel, dtype, walk, stores, isa, nest) else { continue };
                    let hoisted = (0..nest.operands().len()).any(|operand| nest.is_hoisted(operand));
                    let ran = all.entry((kernel, walk, hoisted)).or_default();
                    for behind in [false, true] {
                        let mut buffers = between_guards(nest.buffers(), behind);
                        // Streaming and lines may refuse where a buffer begins; that is an answer too.
                        *ran += u32::from(program.run(&mut buffers, 2).is_ok());
                        for split in [Split::Outer, Split::Inner, Split::Blocks] {
                            if let Ok(team) = Team::divided(&program, Arc::clone(pool), split) {
                                *ran += u32::from(team.run(&mut buffers, 2).is_ok());
                            }
                        }
                        // Too few buffers, and too small ones.
                        buffers.pop();
                        assert!(program.run(&mut buffers, 1).is_err() || nest.buffers().is_empty());
                    }
                }
            }
        }
    }
}

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

#[test]
fn every_nest_that_is_accepted_stays_in_its_buffers() {
    let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap());
    let accepted = RefCell::new((0, Ran::new()));
    // Always the same draws, which are known to reach every kernel and walk, unless a number of new ones is asked for.
    let asked = std::env::var("STRIDEWISE_NESTS").ok().and_then(|n| n.parse().ok());
    let cases = asked.unwrap_or(2000);
    let config = ProptestConfig { cases, ..config() };
    let mut runner = match asked {
        Some(_) => TestRunner::new(config),
        None => TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha)),
    };
    runner
        .run(&drawn(), |drawn| {
            for nest in drawn.nests() {
                let (nests, ran) = &mut *accepted.borrow_mut();
                *nests += 1;
                run_all(&nest, &pool, ran);
            }
            Ok(())
        })
        .unwrap();
    let (nests, ran) = accepted.into_inner();
    for ((kernel, walk, hoisted), runs) in &ran {
        println!("{kernel} by {walk}{}: {runs}", if *hoisted { ", one operand in a register" } else { "" });
    }
    let runs: u32 = ran.values().sum();
    println!("{nests} nests of {cases} draws were accepted; {runs} runs of programs and teams stayed in their buffers");
    if asked.is_none_or(|cases| cases >= 20_000) {
        let reached =
            |found: &dyn Fn(&(Kernel, Walk, bool)) -> bool| ran.iter().any(|(key, runs)| found(key) && *runs > 0);
        for kernel in kernels() {
            assert!(reached(&|key| key.0 == kernel), "{kernel} never ran");
            assert!(!kernel.hoists() || reached(&|key| key.0 == kernel && key.2), "{kernel} never kept an operand");
        }
        for &walk in Walk::ALL {
            assert!(reached(&|key| key.1 == walk), "walk={walk} never ran");
        }
    }
    assert!(nests > 0 && runs > 0);
}

#[test]
fn every_cycle_that_is_accepted_stays_in_its_buffer() {
    let mut runner = TestRunner::new(ProptestConfig { cases: 200, ..config() });
    let cycles = (0_usize..300, prop_oneof![0_usize..200, Just(4096), Just(usize::MAX)], 0_usize..10, any::<u64>());
    runner
        .run(&(cycles, prop::collection::vec(any::<u8>(), 64)), |((nodes, pitch, chains, seed), noise)| {
            let chase = Chase { nodes, pitch, seed };
            let Ok(cycle) = Cycle::new(chase, chains) else { return Ok(()) };
            for behind in [false, true] {
                let mut buffers = between_guards(&[chase.buffer_bytes()], behind);
                // Not laid: whatever is in the buffer leads nowhere.
                let _ = cycle.run(&buffers[0], 2);
                cycle.lay(&mut buffers[0]).unwrap();
                cycle.run(&buffers[0], 3).unwrap();
                for (byte, noise) in buffers[0].as_bytes_mut().iter_mut().step_by(7).zip(noise.iter().cycle()) {
                    *byte ^= noise;
                }
                let _ = cycle.run(&buffers[0], 2);
            }
            Ok(())
        })
        .unwrap();
}
