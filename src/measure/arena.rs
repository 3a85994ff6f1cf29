//! One placement: freshly mapped arrays and the programs that walk them.

use super::Error;
use crate::host::pinned_pool;
use crate::kernel::{self, Checksum, Isa, Program, Team};
use crate::memory::Buffer;
use crate::nest::LoopNest;
use crate::suite::Case;
use std::sync::Arc;

/// Seed of what the arrays hold: the same in every run, so that checksums of two runs can be compared.
const DATA_SEED: u64 = 0x5eed;

/// What runs a case: one thread, or a team of pinned workers.
enum Runner {
    Alone(Program),
    Team(Team),
}

/// A case bound to its nest.
pub(super) struct Arm {
    runner: Runner,
    pub(super) case: Case,
    pub(super) nest: LoopNest,
}

impl Arm {
    pub(super) fn new(case: &Case, isa: Isa, cpus: &[u32]) -> Result<Self, Error> {
        let wrong = |why: String| Error::Case { id: case.to_string(), why };
        let nest = case.nest().map_err(|error| wrong(error.to_string()))?;
        let options = &case.options;
        let program = Program::new(case.kernel, case.dtype, options.walk, options.stores, isa, &nest)
            .map_err(|error| wrong(error.to_string()))?;
        let runner = if options.threads <= 1 {
            Runner::Alone(program)
        } else {
            let workers = usize::try_from(options.threads).unwrap_or(usize::MAX);
            let cpus = cpus
                .get(..workers)
                .ok_or_else(|| wrong(format!("threads={workers}: this process may use {} CPUs", cpus.len())))?;
            let pool = pinned_pool(cpus).map_err(|error| wrong(error.to_string()))?;
            Runner::Team(Team::new(&program, Arc::new(pool)).map_err(|error| wrong(error.to_string()))?)
        };
        Ok(Self { runner, case: case.clone(), nest })
    }

    /// Walks the whole nest `passes` times.
    pub(super) fn run(&self, buffers: &mut [Buffer], passes: u64) -> Checksum {
        let ran = match &self.runner {
            Runner::Alone(program) => program.run(buffers, passes),
            Runner::Team(team) => team.run(buffers, passes),
        };
        // The buffers were made for this nest; a checksum of nothing differs from every other.
        std::hint::black_box(ran.unwrap_or(Checksum(u128::MAX)))
    }

    /// The result of one pass over fresh data.
    pub(super) fn checksum(&self, arena: &mut Arena) -> Checksum {
        kernel::prepare(&mut arena.buffers, self.case.dtype, DATA_SEED);
        let ran = self.run(&mut arena.buffers, 1);
        match &self.runner {
            Runner::Alone(program) => program.checksum(&arena.buffers, ran),
            Runner::Team(team) => team.program().checksum(&arena.buffers, ran),
        }
    }

    /// The pool's name for what counts: workers, or `None` for the measuring thread.
    pub(super) fn team(&self) -> Option<&Team> {
        match &self.runner {
            Runner::Alone(_) => None,
            Runner::Team(team) => Some(team),
        }
    }
}

/// Freshly mapped, touched and filled arrays.
pub(super) struct Arena {
    pub(super) buffers: Vec<Buffer>,
}

impl Arena {
    pub(super) fn new(case: &Case, nest: &LoopNest) -> Result<Self, Error> {
        let base = usize::try_from(case.options.base).unwrap_or(usize::MAX);
        let map = |&bytes: &u64| Buffer::new(bytes, case.options.pages, base);
        let mut buffers = nest
            .buffers()
            .iter()
            .map(map)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| Error::Case { id: case.to_string(), why: error.to_string() })?;
        kernel::prepare(&mut buffers, case.dtype, DATA_SEED);
        Ok(Self { buffers })
    }

    /// Virtual address of each buffer.
    pub(super) fn addresses(&self) -> Vec<u64> {
        self.buffers.iter().map(Buffer::address).collect()
    }
}
