//! What runs a case: the seam between what is timed and how it is done.

use super::KernelError;
use super::data::{Checksum, prepare};
use super::program::Program;
use super::raw_team::Team;
use super::{Cycle, Idiomatic};
use crate::memory::Buffer;
use rayon::ThreadPool;

/// Passes over buffers. A program, a team, or whatever else computes something: who measures knows no more of it.
pub trait Runner {
    /// Fills the buffers with what is walked; everything follows from `seed`.
    fn prepare(&self, buffers: &mut [Buffer], seed: u64);

    /// Makes `passes` passes; the result is that of one.
    ///
    /// # Errors
    /// Buffers that are missing, too small or, where it matters, not aligned.
    fn run(&self, buffers: &mut [Buffer], passes: u64) -> Result<Checksum, KernelError>;

    /// What `run` returned together with what it left in the buffers. Not for timed code.
    fn checksum(&self, buffers: &[Buffer], ran: Checksum) -> Checksum;

    /// The workers, if there are several: events are counted on each.
    fn pool(&self) -> Option<&ThreadPool> {
        None
    }
}

impl Runner for Program {
    fn prepare(&self, buffers: &mut [Buffer], seed: u64) {
        prepare(buffers, self.dtype(), seed);
    }

    fn run(&self, buffers: &mut [Buffer], passes: u64) -> Result<Checksum, KernelError> {
        Self::run(self, buffers, passes)
    }

    fn checksum(&self, buffers: &[Buffer], ran: Checksum) -> Checksum {
        Self::checksum(self, buffers, ran)
    }
}

impl Runner for Cycle {
    /// Lays the cycle; its order has a seed of its own. A buffer that is too small is told by `run`.
    fn prepare(&self, buffers: &mut [Buffer], _: u64) {
        let _ = buffers.first_mut().map(|buffer| self.lay(buffer));
    }

    fn run(&self, buffers: &mut [Buffer], passes: u64) -> Result<Checksum, KernelError> {
        let needed = self.chase().buffer_bytes();
        let buffer = buffers.first().ok_or(KernelError::BufferSize { index: 0, found: 0, needed })?;
        Self::run(self, buffer, passes)
    }

    fn checksum(&self, buffers: &[Buffer], ran: Checksum) -> Checksum {
        buffers.first().map_or(ran, |buffer| Self::checksum(self, buffer, ran))
    }
}

impl Runner for Idiomatic {
    fn prepare(&self, buffers: &mut [Buffer], seed: u64) {
        Self::prepare(self, buffers, seed);
    }

    fn run(&self, buffers: &mut [Buffer], passes: u64) -> Result<Checksum, KernelError> {
        Self::run(self, buffers, passes)
    }

    fn checksum(&self, buffers: &[Buffer], ran: Checksum) -> Checksum {
        Self::checksum(self, buffers, ran)
    }

    fn pool(&self) -> Option<&ThreadPool> {
        Self::pool(self)
    }
}

impl Runner for Team {
    fn prepare(&self, buffers: &mut [Buffer], seed: u64) {
        self.program().prepare(buffers, seed);
    }

    fn run(&self, buffers: &mut [Buffer], passes: u64) -> Result<Checksum, KernelError> {
        Self::run(self, buffers, passes)
    }

    fn checksum(&self, buffers: &[Buffer], ran: Checksum) -> Checksum {
        self.program().checksum(buffers, ran)
    }

    fn pool(&self) -> Option<&ThreadPool> {
        Some(Self::pool(self))
    }
}
