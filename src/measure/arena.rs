//! One placement: freshly mapped arrays and what walks them.

use super::runner::runner;
use super::{Error, Values};
use crate::kernel::{Checksum, Isa, Runner};
use crate::memory::Buffer;
use crate::suite::{Case, Walked, share_arrays};
use crate::units::Rng;
use rayon::ThreadPool;
use std::rc::Rc;

/// Seed of what the arrays hold: the same in every run, so that checksums of two runs can be compared.
const DATA_SEED: u64 = 0x5eed;

/// A case bound to what it walks.
pub(super) struct Arm {
    runner: Box<dyn Runner>,
    pub(super) case: Case,
    pub(super) walked: Walked,
    /// What the arrays hold while samples are taken, if not what the runner prepares.
    values: Option<Values>,
}

impl Arm {
    pub(super) fn new(case: &Case, isa: Isa, cpus: &[u32], values: Option<&Values>) -> Result<Self, Error> {
        let wrong = |why: String| Error::Case { id: case.to_string(), why };
        let walked = case.walked().map_err(|error| wrong(error.to_string()))?;
        values.map_or(Ok(()), |values| values.fits(case)).map_err(wrong)?;
        let runner = runner(case, &walked, isa, cpus).map_err(wrong)?;
        Ok(Self { runner, case: case.clone(), walked, values: values.cloned() })
    }

    /// Makes `passes` passes.
    pub(super) fn run(&self, arena: &mut Arena, passes: u64) -> Checksum {
        let ran = self.runner.run(&mut arena.buffers, passes);
        // The buffers were made for this case; a checksum of nothing differs from every other.
        std::hint::black_box(ran.unwrap_or(Checksum(u128::MAX)))
    }

    /// The result of one pass over fresh data that are exact in every order: what two members are held against.
    pub(super) fn checksum(&self, arena: &mut Arena) -> Result<Checksum, Error> {
        self.runner.prepare(&mut arena.buffers, DATA_SEED);
        let ran = self.run(arena, 1);
        let checksum = self.runner.checksum(&arena.buffers, ran);
        self.fill(arena)?;
        Ok(checksum)
    }

    /// The result of one pass over the user's values, if there are any.
    pub(super) fn checksum_of_values(&self, arena: &mut Arena) -> Result<Option<Checksum>, Error> {
        if self.values.is_none() {
            return Ok(None);
        }
        self.fill(arena)?;
        let ran = self.run(arena, 1);
        let checksum = self.runner.checksum(&arena.buffers, ran);
        self.fill(arena)?;
        Ok(Some(checksum))
    }

    /// Whether both results over the user's values are one but for rounding.
    pub(super) fn values_agree(&self, one: Checksum, other: Checksum) -> Result<bool, Error> {
        // What is written is computed element by element: no order changes it.
        match &self.values {
            Some(values) if one != other && !self.case.kernel.writes() => {
                values.agree(self.case.dtype, one, other).map_err(|why| self.cannot(why))
            }
            _ => Ok(one == other),
        }
    }

    fn cannot(&self, why: String) -> Error {
        Error::Case { id: self.case.to_string(), why }
    }

    /// Puts into the arrays what they hold while samples are taken.
    fn fill(&self, arena: &mut Arena) -> Result<(), Error> {
        let Some(values) = &self.values else { return Ok(()) };
        self.runner.prepare(&mut arena.buffers, DATA_SEED);
        values.fill(&self.case, &self.walked, arena).map_err(|why| self.cannot(why))
    }

    /// The workers, or `None` where the measuring thread does all.
    pub(super) fn pool(&self) -> Option<&ThreadPool> {
        self.runner.pool()
    }
}

/// Freshly mapped, touched and filled arrays.
pub(super) struct Arena {
    pub(super) buffers: Vec<Buffer>,
}

impl Arena {
    fn new(arm: &Arm, rng: &mut Rng) -> Result<Self, Error> {
        let options = &arm.case.options;
        let base = usize::try_from(options.base).unwrap_or(usize::MAX);
        let map = |bytes: u64| Buffer::anywhere(bytes, options.pages, base, rng);
        let mut buffers = arm
            .walked
            .buffers()
            .into_iter()
            .map(map)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| arm.cannot(error.to_string()))?;
        arm.runner.prepare(&mut buffers, DATA_SEED);
        let mut arena = Self { buffers };
        arm.fill(&mut arena)?;
        Ok(arena)
    }
}

/// Which member of an item; a case by itself is a contender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Baseline,
    Contender,
}

/// Both members of an item with the arrays of one placement: the same ones where the cases allow it.
pub(super) struct Arms {
    arms: [Rc<Arm>; 2],
    arenas: Vec<Arena>,
}

impl Arms {
    /// Members with fresh arrays, as another start of the program would get them.
    pub(super) fn new(arms: [Rc<Arm>; 2], rng: &mut Rng) -> Result<Self, Error> {
        let [baseline, contender] = &arms;
        let mut arenas = vec![Arena::new(baseline, rng)?];
        if !share_arrays(&baseline.case, &contender.case) {
            arenas.push(Arena::new(contender, rng)?);
        }
        Ok(Self { arms, arenas })
    }

    pub(super) fn arm(&self, side: Side) -> &Arm {
        &self.arms[side as usize]
    }

    /// A member with the arrays that it walks.
    pub(super) fn at(&mut self, side: Side) -> (&Arm, &mut Arena) {
        let place = if self.arenas.len() > 1 { side as usize } else { 0 };
        (&self.arms[side as usize], &mut self.arenas[place])
    }

    /// Whether each member has arrays of its own.
    pub(super) fn apart(&self) -> bool {
        self.arenas.len() > 1
    }
}
