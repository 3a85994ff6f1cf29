//! A program on several pinned workers: the outermost loop's axis is divided, the buffers are shared.
#![allow(unsafe_code, reason = "workers share buffers whose parts they were proven to own")]

use super::data::Total;
use super::program::{KernelError, Program, check_buffers};
use super::raw::Bound;
use super::{Checksum, raw::Shared};
use crate::layout::is_nested;
use crate::memory::Buffer;
use crate::nest::{LoopNest, Operand, Role};
use rayon::ThreadPool;
use std::sync::Arc;

/// A program divided among the workers of a pool.
#[derive(Debug)]
pub struct Team {
    program: Program,
    parts: Vec<Option<Bound>>,
    pool: Arc<ThreadPool>,
}

impl Team {
    /// Divides the outermost loop among the workers. A loop of fewer iterations than workers leaves some idle.
    ///
    /// # Errors
    /// [`KernelError::Overlap`] if a written operand's elements may coincide, so that workers would meet; a part that
    /// the walk cannot take.
    pub fn new(program: &Program, pool: Arc<ThreadPool>) -> Result<Self, KernelError> {
        let nest = program.nest();
        if let Some(operand) = nest.operands().iter().position(|o| o.role != Role::Read && !injective(nest, o)) {
            return Err(KernelError::Overlap { operand });
        }
        let workers = pool.current_num_threads();
        let parts = nest.split(workers)?;
        let mut bound = Vec::with_capacity(workers);
        for part in parts {
            bound.push((part.steps() > 0).then(|| program.bind(part)));
        }
        bound.resize_with(workers, || None);
        Ok(Self { program: program.clone(), parts: bound, pool })
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
            let mut total = Total::default();
            if let Some(Some(part)) = self.parts.get(worker.index()) {
                // SAFETY: the buffers are borrowed exclusively for this call and large enough (checked above for the
                // whole nest, of which every part walks a share); `injective` showed that no two workers write one
                // element, and an operand that is written lies in a buffer that no other operand reads elsewhere.
                total = unsafe { part.run_shared(&shared, passes) };
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

/// Whether different indices are different bytes, and no other operand shares the buffer.
fn injective(nest: &LoopNest, operand: &Operand) -> bool {
    let apart = is_nested(operand.itemsize, nest.axes().iter().copied().zip(operand.steps.iter().copied()));
    apart && nest.operands().iter().filter(|other| other.buffer == operand.buffer).count() == 1
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
        let pool = Arc::new(pinned_pool(&Affinity::at_start().cpus()[..1]).unwrap());
        let operand = Operand { role: Role::Write, buffer: 0, itemsize: 8, start: 0, steps: vec![8, 8] };
        let nest = LoopNest::new(vec![4, 4], vec![operand], vec![64], &"0,1".parse().unwrap()).unwrap();
        let program = Program::new(Kernel::Fill, DType::F8, Walk::Element, Stores::Plain, Isa::best(), &nest).unwrap();
        assert!(matches!(Team::new(&program, pool), Err(KernelError::Overlap { operand: 0 })));
    }
}
