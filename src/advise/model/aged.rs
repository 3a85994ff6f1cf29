//! Lines that the caches of a core lack, by how long ago they were asked for, and what of them a last cache keeps that others use.
//!
//! Of 8 MiB an AMD EPYC 7003's last cache has rows again, at 1.2 ns a line, and hardly any of columns in one set, at 50 ns a line; 6
//! MiB in short bursts stay at 9.5 ns a line and are lost at 58 (2026-11-30): others fill it meanwhile. A line is there again if those
//! that its own walk asked for since, and so many of others' per nanosecond, are fewer than the cache has room for.

use super::traffic::Traffic;
use rustc_hash::FxHashMap;

/// Classes of age, two to the octave of accesses.
pub(super) const CLASSES: usize = 40;
/// Half octaves of accesses below which all are of one class: a core's own caches keep them.
const YOUNGEST: f64 = 13.0;
/// How sharply a last cache ends: the exponent of what came since over its room.
const SHARPNESS: i32 = 4;
/// In huge pages it keeps this many times as much.
const ROOM_IN_HUGE: f64 = 1.3;

/// Lines of one class of age.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Aged {
    /// Steps since they were asked for; in huge pages fewer, as if the last cache were as much larger.
    pub steps: f64,
    /// Lines that their own walk asked for since, in huge pages fewer too.
    pub since: f64,
    /// Per step, by [`Pattern`](super::Pattern).
    pub lines: [f64; 6],
    /// See [`Traffic::written`].
    pub written: [f64; 5],
    /// See [`Traffic::again`].
    pub again: f64,
}

/// When lines were asked for that the caches of a core lacked.
#[derive(Default)]
pub(super) struct Ages {
    asked: FxHashMap<u64, u64>,
    /// Accesses of a pass, which is the age of a line that was not seen.
    pub(super) pass: u64,
}

impl Ages {
    /// The class of a line that access number `now` asks for.
    pub(super) fn class(&mut self, line: u64, now: u64) -> usize {
        let age = self.asked.insert(line, now).map_or(self.pass, |at| now - at);
        let class = ((age.max(1) as f64).log2() * 2.0 - YOUNGEST).max(0.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative, and few")]
        (class as usize).min(CLASSES - 1)
    }
}

/// Accesses that the middle of a class is away.
fn accesses(class: usize) -> f64 {
    ((class as f64 + YOUNGEST + 0.5) / 2.0).exp2()
}

/// Puts the counts of classes together, of which a step makes so many accesses, in huge pages or not.
pub(super) fn aged(counts: impl Iterator<Item = Aged>, accesses_per_step: f64, huge: bool) -> Vec<Aged> {
    let classes = counts.enumerate();
    let mut all: Vec<Aged> =
        classes.map(|(class, of)| Aged { steps: accesses(class) / accesses_per_step.max(1e-9), ..of }).collect();
    all.retain(|of| of.lines.iter().sum::<f64>() > 0.0);
    let asked: Vec<(f64, f64)> = all.iter().map(|of| (of.lines.iter().sum(), of.steps)).collect();
    let room = if huge { ROOM_IN_HUGE } else { 1.0 };
    for of in &mut all {
        // Of what came meanwhile each line counts once: one that comes back sooner came several times.
        of.since = asked.iter().map(|(lines, steps)| lines * steps.min(of.steps)).sum::<f64>() / room;
        of.steps /= room;
    }
    all
}

impl Traffic {
    /// The same with [`Self::aged`] shared among the last cache and memory, if a step takes `ns` nanoseconds and the last cache
    /// has room for `room` lines, of which others take so many per nanosecond.
    #[must_use]
    pub fn kept(&self, [room, others]: [f64; 2], ns: f64) -> Self {
        let mut found = Self { aged: Vec::new(), ..self.clone() };
        let Some(memory) = found.lines.len().checked_sub(1).filter(|_| !self.aged.is_empty()) else { return found };
        for of in &self.aged {
            let came = (of.since + others * ns * of.steps) / room;
            let kept = 1.0 / (1.0 + came.powi(SHARPNESS));
            for (level, share) in [(memory - 1, kept), (memory, 1.0 - kept)] {
                found.lines[level].iter_mut().zip(of.lines).for_each(|(count, lines)| *count += share * lines);
                found.written[level].iter_mut().zip(of.written).for_each(|(count, lines)| *count += share * lines);
                found.again[level] += share * of.again;
            }
        }
        found
    }
}
