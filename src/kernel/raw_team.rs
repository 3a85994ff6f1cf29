//! A program on several pinned workers: the outermost loop's axis is divided, the buffers are shared.
#![allow(unsafe_code, reason = "workers share buffers whose parts they were proven to own")]

use super::KernelError;
use super::data::Total;
use super::program::{Program, check_buffers};
use super::raw::Bound;
use super::{Checksum, Split, raw::Shared};
use crate::layout::is_nested;
use crate::memory::Buffer;
use crate::nest::{LoopNest, NestError, Operand, Role};
use rayon::ThreadPool;
use std::sync::Arc;

/// A program divided among the workers of a pool.
#[derive(Debug)]
pub struct Team {
    program: Program,
    /// What each worker does, one after the other.
    parts: Vec<Vec<Bound>>,
    pool: Arc<ThreadPool>,
}

impl Team {
    /// Divides the outermost loop among the workers. A loop of fewer iterations than workers leaves some idle.
    ///
    /// # Errors
    /// [`KernelError::Overlap`] if a written operand's elements may coincide, so that workers would meet; a part that
    /// the walk cannot take.
    pub fn new(program: &Program, pool: Arc<ThreadPool>) -> Result<Self, KernelError> {
        Self::divided(program, pool, Split::Outer)
    }

    /// The same with another division.
    ///
    /// # Errors
    /// As [`Team::new`].
    pub fn divided(program: &Program, pool: Arc<ThreadPool>, split: Split) -> Result<Self, KernelError> {
        let nest = program.nest();
        let shares = shares(nest, pool.current_num_threads(), split)?;
        let meets = |(k, o): (usize, &Operand)| o.role != Role::Read && !injective(nest, o) && !apart(&shares, k);
        if let Some(operand) = nest.operands().iter().enumerate().position(meets) {
            return Err(KernelError::Overlap { operand });
        }
        let bind = |share: Vec<LoopNest>| {
            share.into_iter().filter(|part| part.steps() > 0).map(|part| program.bind(part)).collect::<Vec<_>>()
        };
        Ok(Self { program: program.clone(), parts: shares.into_iter().map(bind).collect(), pool })
    }

    /// Runs all parts `passes` times at once; returns when the last worker is done. The result is that of one pass.
    ///
    /// # Errors
    /// As [`Program::run`].
    pub fn run(&self, buffers: &mut [Buffer], passes: u64) -> Result<Checksum, KernelError> {
        check_buffers(self.program.nest(), buffers)?;
        self.program.check_alignment(buffers)?;
        let shared = Shared::of(buffers);
        let totals = self.pool.broadcast(|worker| {
            let parts = self.parts.get(worker.index()).map_or(&[][..], Vec::as_slice);
            // One part repeats itself at no cost; of several each pass makes all.
            let (rounds, passes) = if parts.len() == 1 { (1, passes) } else { (passes, 1) };
            let mut total = Total::default();
            for _ in 0..rounds {
                total = Total::default();
                for part in parts {
                    // SAFETY: the buffers are borrowed exclusively for this call and large enough (checked above for
                    // the whole nest, of which every part walks a share); `injective` or `apart` showed that no two
                    // workers write one element, and an operand that is written lies in a buffer that no other operand
                    // reads.
                    total = total.plus(unsafe { part.run_shared(&shared, passes) });
                }
            }
            total
        });
        let sum = totals.into_iter().fold(Total::default(), |sum, part| sum.plus(part));
        Ok(sum.checksum(self.program.dtype()))
    }

    /// The whole program.
    #[must_use]
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// The workers.
    #[must_use]
    pub fn pool(&self) -> &ThreadPool {
        &self.pool
    }
}

/// The parts of a nest that each worker gets; an inner loop is cut at every 64th step, so that workers share no line.
fn shares(nest: &LoopNest, workers: usize, split: Split) -> Result<Vec<Vec<LoopNest>>, NestError> {
    let one = |parts: Vec<LoopNest>| parts.into_iter().map(|part| vec![part]).collect();
    let Some(inner) = nest.loops().last().map(|inner| inner.axis) else { return Ok(vec![vec![nest.clone()]]) };
    match split {
        Split::Outer => nest.split(workers).map(one),
        Split::Inner => nest.split_axis(inner, 64, workers).map(one),
        Split::Blocks => {
            let mut shares = vec![Vec::new(); workers];
            for (down, band) in nest.split(workers)?.iter().enumerate() {
                for (across, block) in band.split_axis(inner, 64, workers)?.into_iter().enumerate() {
                    shares[(down + across) % workers].push(block);
                }
            }
            Ok(shares)
        }
    }
}

/// Whether the bytes that one worker writes through an operand are none that another one writes, and no other operand
/// shares the buffer.
fn apart(shares: &[Vec<LoopNest>], operand: usize) -> bool {
    let mut ranges: Vec<(i128, i128, usize)> = Vec::new();
    for (worker, part) in shares.iter().enumerate().flat_map(|(worker, parts)| parts.iter().map(move |p| (worker, p))) {
        if alone(part, &part.operands()[operand]) {
            let bytes = part.byte_range(&part.operands()[operand]);
            ranges.extend(bytes.map(|(low, high)| (low, high, worker)));
        } else {
            return false;
        }
    }
    ranges.sort_unstable();
    // Sorted by where they begin: neighbours of different workers must not meet, nor any with one that reaches far.
    let mut reach = (i128::MIN, usize::MAX);
    ranges.into_iter().all(|(low, high, worker)| {
        let fits = low >= reach.0 || worker == reach.1;
        reach = if high > reach.0 { (high, worker) } else { reach };
        fits
    })
}

/// Whether no other operand lies in its buffer.
fn alone(nest: &LoopNest, operand: &Operand) -> bool {
    nest.operands().iter().filter(|other| other.buffer == operand.buffer).count() == 1
}

/// Whether different indices are different bytes, and no other operand shares the buffer.
fn injective(nest: &LoopNest, operand: &Operand) -> bool {
    let apart = is_nested(operand.itemsize, nest.axes().iter().copied().zip(operand.steps.iter().copied()));
    apart && alone(nest, operand)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{Affinity, pinned_pool};
    use crate::kernel::{Isa, Kernel, Stores, Walk, prepare};
    use crate::layout::{DType, Layout, Order};
    use crate::memory::PagePolicy;

    #[test]
    fn a_team_computes_what_one_thread_computes() {
        let pool = Arc::new(pinned_pool(Affinity::at_start().cpus()).unwrap());
        for kernel in Kernel::ELEMENTWISE.iter().copied() {
            for (shape, order) in [([37, 64], "0,1"), ([37, 64], "1,0"), ([1, 64], "0,1")] {
                let array = Layout::contiguous(&shape, 8, Order::C).unwrap();
                let operands: Vec<_> = kernel.roles().iter().map(|&role| (&array, role)).collect();
                let nest = LoopNest::of_layouts(&operands, &order.parse().unwrap()).unwrap();
                let program =
                    Program::new(kernel, DType::F8, Walk::Element, Stores::Plain, Isa::best(), &nest).unwrap();
                let team = Team::new(&program, Arc::clone(&pool)).unwrap();
                let both = [false, true].map(|together| {
                    let map = |&bytes: &u64| Buffer::new(bytes, PagePolicy::Base, 0).unwrap();
                    let mut buffers: Vec<_> = nest.buffers().iter().map(map).collect();
                    prepare(&mut buffers, DType::F8, 3);
                    let ran = if together { team.run(&mut buffers, 1) } else { program.run(&mut buffers, 1) };
                    program.checksum(&buffers, ran.unwrap())
                });
                assert_eq!(both[0], both[1], "{kernel} {order}");
            }
        }
    }

    #[test]
    fn overlapping_writes_are_refused() {
        let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap());
        let operand = Operand { role: Role::Write, buffer: 0, itemsize: 8, start: 0, steps: vec![8, 8] };
        let nest = LoopNest::new(vec![4, 4], vec![operand], vec![64], &"0,1".parse().unwrap()).unwrap();
        let program = Program::new(Kernel::Fill, DType::F8, Walk::Element, Stores::Plain, Isa::best(), &nest).unwrap();
        assert!(matches!(Team::new(&program, pool), Err(KernelError::Overlap { operand: 0 })));
    }

    #[test]
    fn every_division_computes_the_same_and_accumulators_are_kept_apart() {
        let pool = Arc::new(rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap());
        let array = Layout::contiguous(&[50, 300], 8, Order::C).unwrap();
        let nest = LoopNest::of_layouts(&[(&array, Role::Update)], &"0,1".parse().unwrap()).unwrap();
        // Accumulators of 16 updates each: no two workers meet, although an element is visited again.
        let updates = Operand { role: Role::Update, buffer: 0, itemsize: 8, start: 0, steps: vec![8, 0] };
        let updates = LoopNest::new(vec![7, 17], vec![updates], vec![56], &"0,1".parse().unwrap()).unwrap();
        for nest in [nest, updates] {
            let program = Program::new(Kernel::Scale, DType::F8, Walk::Element, Stores::Plain, Isa::Baseline, &nest);
            let program = program.unwrap();
            let result = |run: &dyn Fn(&mut [Buffer]) -> Checksum| {
                let mut buffers = [Buffer::new(nest.buffers()[0], PagePolicy::Base, 0).unwrap()];
                prepare(&mut buffers, DType::F8, 3);
                let ran = run(&mut buffers);
                program.checksum(&buffers, ran)
            };
            let alone = result(&|buffers| program.run(buffers, 3).unwrap());
            for &split in Split::ALL {
                match Team::divided(&program, Arc::clone(&pool), split) {
                    Ok(team) => assert_eq!(result(&|buffers| team.run(buffers, 3).unwrap()), alone, "{split}"),
                    Err(error) => panic!("{split}: {error}"),
                }
            }
        }
    }
}
