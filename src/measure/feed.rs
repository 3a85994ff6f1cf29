//! What `benches/` needs to feed Criterion: it asks for passes and is given times, while every round is kept here.

use super::Error;
use super::arena::{Arms, Side};
use super::rounds::{empty_block, round, timed};
use super::samples::{Block, Obtained, SoloBlock};
use super::session::{Measured, Session, Shots, gather};
use crate::host::Noise;
use crate::suite::Item;
use std::time::Duration;

/// An item whose contender someone else's harness samples; the baseline is measured beside it in every call.
pub struct Feed {
    item: Item,
    arms: Arms,
    shots: Shots,
    /// One per number of passes that was asked for: a harness warms up with growing numbers.
    blocks: Vec<Block>,
    solos: Vec<SoloBlock>,
    priming: u32,
}

impl Feed {
    pub(super) fn new(session: &mut Session<'_>, item: &Item) -> Result<Self, Error> {
        let mut arms = session.arms(item)?;
        let shots = session.shots(item, &mut arms)?;
        let priming = session.settings().pace.settling_of(item, session.machine());
        Ok(Self { item: item.clone(), arms, shots, blocks: Vec::new(), solos: Vec::new(), priming })
    }

    /// Passes for which both members take at least `sample`.
    pub fn calibrate(&mut self, sample: Duration) -> u64 {
        super::rounds::calibrate(&mut self.arms, &[Side::Baseline, Side::Contender], sample)
    }

    /// A round of `passes` passes per sample; returns the time of `passes` passes of the contender, the mean of its two
    /// samples.
    pub fn sample(&mut self, session: &mut Session<'_>, passes: u64) -> Duration {
        let passes = passes.max(1);
        if self.item.baseline().is_none() {
            return self.solo(session, passes);
        }
        if self.blocks.last().is_none_or(|block| block.passes != passes) {
            let placement = u32::try_from(self.blocks.len()).unwrap_or(u32::MAX);
            self.blocks.push(empty_block(&mut self.arms, placement, session.at_ms(), passes));
        }
        let flipped = session.flip();
        let before = Noise::now();
        let Some(block) = self.blocks.last_mut() else { return Duration::ZERO };
        // Workers have sets of their own, which only the counting passes open.
        let alone = [Side::Baseline, Side::Contender].iter().all(|&side| self.arms.arm(side).pool().is_none());
        let counting = session.counting_samples().filter(|_| alone);
        round(&mut self.arms, self.priming, flipped, block, counting);
        let last = block.rounds().saturating_sub(1);
        if let Some(word) = Noise::now().since(&before).disturbances().first() {
            block.disturbed.insert(u32::try_from(last).unwrap_or(u32::MAX), (*word).to_owned());
        }
        let sum = block.contender_ns[2 * last] + block.contender_ns[2 * last + 1];
        Duration::from_nanos(sum.div_ceil(2))
    }

    fn solo(&mut self, session: &Session<'_>, passes: u64) -> Duration {
        if self.solos.last().is_none_or(|block| block.passes != passes) {
            let pages = Obtained::of(&self.arms.at(Side::Contender).1.buffers);
            let placement = u32::try_from(self.solos.len()).unwrap_or(u32::MAX);
            self.solos.push(SoloBlock { placement, at_ms: session.at_ms(), passes, ns: Vec::new(), pages });
        }
        let (arm, arena) = self.arms.at(Side::Contender);
        if self.priming > 0 {
            arm.run(arena, 1);
        }
        let ns = timed(arm, arena, passes);
        if let Some(block) = self.solos.last_mut() {
            block.ns.push(ns);
        }
        Duration::from_nanos(ns)
    }

    /// What was measured. Samples below `least` nanoseconds, from the harness' warm-up, are left out unless nothing
    /// else is there; blocks are numbered anew.
    #[must_use]
    pub fn finish(self, least_ns: u64) -> Measured {
        let long = |samples: &[u64]| samples.iter().min().is_some_and(|&ns| ns >= least_ns);
        let (mut blocks, mut solos) = (self.blocks, self.solos);
        if blocks.iter().any(|block| long(&block.contender_ns)) {
            blocks.retain(|block| long(&block.contender_ns));
        }
        if solos.iter().any(|block| long(&block.ns)) {
            solos.retain(|block| long(&block.ns));
        }
        for (number, block) in (0..).zip(&mut blocks) {
            block.placement = number;
            let samples = block.contender_ns.len();
            block.counts.iter_mut().for_each(|counts| counts.complete(samples));
        }
        for (number, block) in (0..).zip(&mut solos) {
            block.placement = number;
        }
        Measured { id: self.item.id(), members: Ok(gather(&self.item, self.shots, blocks, solos)) }
    }
}
