//! Samples on one placement: passes are calibrated, members take turns, every round's disturbances are kept.

use super::arena::{Arena, Arm, Arms, Side};
use super::count::Counting;
use super::samples::{Block, Obtained, SoloBlock};
use crate::host::{Noise, Pinned};
use crate::suite::{LONG_PASS_NS, priming_ns};
use crate::units::Rng;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Samples kept per member and placement at most; a line of a bundle stays far below its limit.
const MOST_ROUNDS: usize = 400;

/// A walk that takes this many times as long as another is not the faster of two.
const SLOWER: u64 = 4;
/// Untimed passes are over if this many in turn took no less than [`STEADY`] of the last one that did, of short ones and of long
/// ones: where lines come back into a last cache slowly, passes stand still now and then.
const STEADY_PASSES: [u32; 2] = [5, 2];
const STEADY: f64 = 0.97;
/// Those of a case by itself begin as if another walk had taken so many nanoseconds.
const SOLO_NS: f64 = 20e6;

/// How a placement is sampled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pacing {
    /// Rounds begin until this much time has gone.
    pub(super) placement: Duration,
    /// Least duration of a sample.
    pub(super) sample: Duration,
    /// Rounds there are at least.
    pub(super) least_rounds: u32,
    /// Untimed passes at most before each sample that does not follow one of the same member.
    pub(super) priming: u32,
}

/// The clock and the switch of a run.
pub(super) struct Watch<'a> {
    pub(super) started: Instant,
    pub(super) stop: &'a AtomicBool,
    pub(super) pinned: Option<&'a Pinned>,
}

impl Watch<'_> {
    pub(super) fn at_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(super) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// What disturbed the time since `before`, in one word; the first of several.
    fn disturbance(&self, before: &Noise, after: &Noise) -> Option<String> {
        let moved = self.pinned.is_some_and(|pinned| !pinned.verify());
        let words = after.since(before).disturbances();
        let first = if moved { Some("migration") } else { words.first().copied() };
        first.map(str::to_owned)
    }
}

/// Nanoseconds of `passes` passes; never 0.
pub(super) fn timed(arm: &Arm, arena: &mut Arena, passes: u64) -> u64 {
    let start = Instant::now();
    arm.run(arena, passes);
    u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX).max(1)
}

/// Passes for which the fastest of `sides` takes at least `sample`. One that takes long is not timed again.
pub(super) fn calibrate(arms: &mut Arms, sides: &[Side], sample: Duration) -> u64 {
    let wanted = u64::try_from(sample.as_nanos()).unwrap_or(u64::MAX);
    let mut sides = sides.to_vec();
    grown(wanted, |passes| {
        let mut time = |&side: &Side| {
            let (arm, arena) = arms.at(side);
            timed(arm, arena, passes)
        };
        let times: Vec<u64> = sides.iter().map(&mut time).collect();
        let least = times.iter().copied().min().unwrap_or(u64::MAX);
        let mut times = times.into_iter();
        sides.retain(|_| times.next().is_some_and(|time| time <= least.saturating_mul(SLOWER)));
        least
    })
}

/// The repetitions for which `time` gives at least `wanted` nanoseconds.
pub(super) fn grown(wanted: u64, mut time: impl FnMut(u64) -> u64) -> u64 {
    let (wanted, mut passes) = (wanted.max(1), 1);
    loop {
        let taken = time(passes).max(1);
        if taken >= wanted || passes >= 1 << 40 {
            return passes;
        }
        // Aim 10 % above; at most tenfold, since short times are imprecise.
        let scale = (wanted.saturating_add(wanted / 10)).div_ceil(taken).clamp(2, 10);
        // A last step may fall just short: the loop then grows by the remainder only.
        passes = if taken.saturating_mul(2) > wanted { passes + passes.div_ceil(4) } else { passes * scale };
    }
}

/// Rounds ABBA or BAAB until the placement's time is over.
pub(super) fn paired(arms: &mut Arms, pacing: Pacing, placement: u32, watch: &Watch<'_>, rng: &mut Rng) -> Block {
    let at_ms = watch.at_ms();
    let passes = calibrate(arms, &[Side::Baseline, Side::Contender], pacing.sample);
    let mut block = empty_block(arms, placement, at_ms, passes);
    let (begun, mut before) = (Instant::now(), Noise::now());
    while goes_on(block.rounds(), begun, pacing, watch) {
        let flipped = rng.coin();
        round(arms, pacing.priming, flipped, &mut block, None);
        let after = Noise::now();
        if let Some(word) = watch.disturbance(&before, &after) {
            block.disturbed.insert(u32::try_from(block.rounds() - 1).unwrap_or(u32::MAX), word);
        }
        before = after;
    }
    block
}

/// A block without rounds.
pub(super) fn empty_block(arms: &mut Arms, placement: u32, at_ms: u64, passes: u64) -> Block {
    let mut pages = |side| Obtained::of(&arms.at(side).1.buffers);
    let (pages, baseline_pages) = (pages(Side::Contender), pages(Side::Baseline));
    Block {
        placement,
        at_ms,
        passes,
        orders: String::new(),
        baseline_ns: Vec::new(),
        contender_ns: Vec::new(),
        disturbed: BTreeMap::new(),
        pages,
        baseline_pages: arms.apart().then_some(baseline_pages),
        counts: None,
    }
}

/// Walks untimed until the caches are as further passes find them: until passes take no less time, at most `most` times, and not
/// long, but for what a pass of `other` nanoseconds has driven out.
fn settle(arm: &Arm, arena: &mut Arena, most: u32, other: f64) {
    let (begun, mut until) = (Instant::now(), None);
    let mut pass = || {
        let ns = timed(arm, arena, 1);
        let until = until.get_or_insert_with(|| Duration::from_secs_f64(priming_ns(ns as f64, other) / 1e9));
        (begun.elapsed() < *until).then_some(ns)
    };
    let _ = steady_after((0..most).map_while(|_| pass()));
}

/// How many of `passes`, which are times, are made until they are steady.
fn steady_after(passes: impl Iterator<Item = u64>) -> u32 {
    let (mut known, mut made, mut no_less) = (f64::INFINITY, 0, 0);
    for pass in passes.map(|ns| ns as f64) {
        made += 1;
        (known, no_less) = if pass < STEADY * known { (pass, 0) } else { (known, no_less + 1) };
        if no_less == STEADY_PASSES[usize::from(known >= LONG_PASS_NS)] {
            break;
        }
    }
    made
}

/// Two samples of each member, in time order; events are counted around each sample where `counting` is given.
pub(super) fn round(
    arms: &mut Arms,
    priming: u32,
    flipped: bool,
    block: &mut Block,
    mut counting: Option<&mut Counting>,
) {
    // The sample of the same member just before left the caches as untimed passes would.
    let mut last = block.orders.chars().last().map(|flipped| flipped == '1');
    let mut sample = |contender: bool| {
        let (arm, arena) = arms.at(if contender { Side::Contender } else { Side::Baseline });
        if last != Some(contender) {
            let others = if contender { &block.baseline_ns } else { &block.contender_ns };
            let other = others.last().map_or(0.0, |&ns| ns as f64 / block.passes.max(1) as f64);
            settle(arm, arena, priming, other);
        }
        last = Some(contender);
        let ns = match counting.as_deref_mut() {
            None => timed(arm, arena, block.passes),
            Some(counting) => {
                let (ns, readings) = counting.around(|| timed(arm, arena, block.passes));
                let sample = if contender { block.contender_ns.len() } else { block.baseline_ns.len() };
                block.counts.get_or_insert_default().record(contender, sample, &readings);
                ns
            }
        };
        if contender { block.contender_ns.push(ns) } else { block.baseline_ns.push(ns) }
    };
    for contender in [flipped, !flipped, !flipped, flipped] {
        sample(contender);
    }
    block.orders.push(if flipped { '1' } else { '0' });
}

fn goes_on(rounds: usize, begun: Instant, pacing: Pacing, watch: &Watch<'_>) -> bool {
    let due = rounds < pacing.least_rounds as usize || begun.elapsed() < pacing.placement;
    due && rounds < MOST_ROUNDS && !watch.stopped()
}

/// Samples of one case until the placement's time is over, each of which finds what the one before has left, once the caches have
/// what they will. A disturbed sample is kept: medians bear it.
pub(super) fn solo(arms: &mut Arms, pacing: Pacing, placement: u32, watch: &Watch<'_>) -> SoloBlock {
    let at_ms = watch.at_ms();
    let passes = calibrate(arms, &[Side::Contender], pacing.sample);
    let (arm, arena) = arms.at(Side::Contender);
    // A cycle of loads takes long, and is not what the caches saw last when it was laid.
    if arm.walked.nest().is_some() {
        settle(arm, arena, pacing.priming, SOLO_NS);
    }
    let mut block = SoloBlock { placement, at_ms, passes, ns: Vec::new(), pages: Obtained::of(&arena.buffers) };
    let begun = Instant::now();
    while goes_on(block.ns.len(), begun, pacing, watch) {
        block.ns.push(timed(arm, arena, passes));
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn untimed_passes_end_where_they_take_no_less() {
        let after = |passes: &[u64]| steady_after(passes.iter().copied());
        // Rows that come back into a last cache, as they were seen.
        let coming = [
            79, 84, 75, 94, 85, 68, 74, 67, 67, 66, 63, 58, 57, 52, 50, 45, 41, 37, 37, 31, 32, 30, 28, 28, 25, 24, 24,
        ];
        assert_eq!(after(&[&coming[..], &[24; 9]].concat()), 31);
        assert_eq!(after(&[97, 96, 97, 97, 96, 97, 97, 97]), 6);
        assert_eq!(after(&[9_000_000; 8]), 3);
        // Those that were disturbed do not end it.
        assert_eq!(after(&[80, 90, 60, 70, 61, 50, 50, 50, 50, 50, 50]), 11);
        // Nor do those that fall slowly.
        assert_eq!(after(&[100, 99, 98, 97, 96, 95, 94, 93, 92, 91, 90, 90, 90, 90, 90, 90, 90]), 16);
        assert_eq!(after(&[80]), 1);
        assert_eq!(after(&[]), 0);
    }
}
