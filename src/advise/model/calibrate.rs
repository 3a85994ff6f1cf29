//! The costs of the model, fitted to the curves.

use super::habit::Habit;
use super::lines::Pattern;
use super::squares::least_squares;
use super::traffic::{Traffic, Traffics};
use crate::stats;
use rayon::prelude::*;

/// A point of a curve: a walk with its traffic and its time.
#[derive(Clone, Debug, PartialEq)]
pub struct Timed {
    /// Which walk it is: points with the same name are left out together.
    pub id: String,
    /// What it asks of the memory system, per [`Habit`].
    pub traffic: Traffics,
    /// Its arithmetic, nanoseconds per step.
    pub core: f64,
    /// What it took, nanoseconds per step.
    pub ns: f64,
}

/// What is known before the fit.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// Nanoseconds of a line that streams, per level, the second cache first and memory last.
    pub stream: Vec<f64>,
    /// Nanoseconds of a dependent load, per level; the chase's, where it was measured.
    pub latency: Vec<Option<f64>>,
    /// Data TLBs.
    pub tlbs: usize,
    /// Lines that the last cache has of contiguous reads.
    pub last: f64,
}

/// Nanoseconds per line, write-back and translation, and how far they overlap.
#[derive(Clone, Debug, PartialEq)]
pub struct Costs {
    /// The one of [`Habit::ALL`] that explains the curves best.
    pub habit: usize,
    /// Per level, the second cache first and memory last, and [`Pattern`].
    pub line: Vec<[f64; 6]>,
    /// What a line costs more if it is written and not crowded, by the level that serves it.
    pub written: Vec<f64>,
    /// What one of few places or of one set costs more if it is updated, and if it is stored to, as a share of [`Self::line`].
    pub written_crowd: [f64; 2],
    /// What a load of a line that no prefetcher brings takes at least, the first and further ones, as a share of a line that is far.
    pub load: f64,
    /// Lines that a last cache has room for that keeps them for a time, and lines of others that come into it per nanosecond
    /// ([`Traffic::kept`]).
    pub last: [f64; 2],
    /// A line that is stored past the caches, by the groups of [`Traffic::past`].
    pub past: [f64; 2],
    /// Per TLB beyond the first; last the page tables.
    pub translation: Vec<f64>,
    /// The same for a stream that goes on into the next page, where it begins anew.
    pub crossing: Vec<f64>,
    /// What a huge page costs that is split below, as a share of [`Self::translation`].
    pub split: f64,
    /// A store to another line than the one before.
    pub turn: f64,
    /// A further execution of the innermost loop, and of the two innermost ones.
    pub run: f64,
    /// See [`Self::run`].
    pub block: f64,
    /// By how much the exponents of the overlaps exceed 1: of streams with arithmetic, and of translations with other lines.
    pub overlap: [f64; 2],
    /// Standard deviation of the log of what is left over on the curves, and not told by their neighbours.
    pub deviation: f64,
    /// What is left over at each point of the fit.
    pub left: Vec<Left>,
}

/// What a fit leaves over at a point.
#[derive(Clone, Debug, PartialEq)]
pub struct Left {
    /// Square roots of the shares that the parts have in the time.
    parts: Vec<f64>,
    /// The log of the measured over the fitted time.
    log: f64,
}

/// Dependent loads that a core has under way at once, before the curves say more: ten to two dozen miss buffers.
const PARALLEL: f64 = 8.0;
/// A priori: a translation by the second TLB, and by the page tables, in nanoseconds.
const TRANSLATION: [f64; 2] = [1.0, 6.0];
/// A priori, beyond a line that is read: as an AMD EPYC 7003's columns in one set were measured (2026-11-30), 13 ns per element
/// updated and 5.3 stored to for 3.7 read. Nobody need wait for a store.
const WRITTEN_CROWD: [f64; 2] = [2.0, 0.6];
/// A priori: 24 loads are under way, where lines that are far take an eighth of the latency.
const LOAD: f64 = PARALLEL / 24.0;
/// Lines of others that come into the last cache per nanosecond, where it keeps lines for a time, and the lines that it has room for
/// over those that it has of contiguous reads: on an AMD EPYC 7003 room for 16 to 18 MiB explains the curves of four runs best, and 0.03
/// to 0.1 lines do alike (2026-12-01). Fitted beside everything else they take the blame for lines in one set.
const OTHERS: f64 = 0.04;
/// See [`OTHERS`].
const ROOM: f64 = 1.4;
/// A priori: huge pages are not split.
const SPLIT: f64 = 0.1;
/// A priori: a store to another line than the one before, in nanoseconds. In the first cache of an AMD EPYC 7003 a store takes 0.2 to 0.3
/// ns along a row and 0.34 to 0.42 down a column (2026-12-01).
const TURN: f64 = 0.1;
/// A priori: leaving the innermost loop and entering it again, in nanoseconds, which is a few instructions, and the two
/// innermost ones.
const RUN: f64 = 0.5;
/// See [`RUN`].
const BLOCK: f64 = 1.0;
/// Of the arithmetic by itself, that a floor's own loops do not take, at least.
const LEAST_CORE: f64 = 0.7;
/// Weight of what was known before against one point; a cost may well be off by a factor of e.
const PRIOR: f64 = 0.01;
/// A priori: overlaps have an exponent of 2.
const OVERLAP: f64 = 1.0;
/// Beyond this an exponent is as good as infinite.
const MOST_OVERLAP: f64 = 15.0;
/// Steps of the fit at most, and the share of what is left over that one has to gain, to tell habits apart and to settle the costs.
const ROUGH: (u32, f64) = (12, 1e-2);
/// See [`ROUGH`].
const FINE: (u32, f64) = (60, 1e-4);
/// Beyond this a residual counts linearly: single points may be spoilt.
const HUBER: f64 = 0.5;
/// Distance of two walks' [`Left::parts`] at which one tells three fifths of what it leaves over of the other.
const NEAR: f64 = 0.2;
/// A neighbour at no distance counts as two against this: that nothing is left over.
const NOTHING: f64 = 0.5;
/// What a point leaves over beyond this tells nothing of its neighbours.
const MOST_LEFT: f64 = 0.5;

impl Costs {
    fn start(known: &Known) -> Self {
        let line = |(&stream, latency): (&f64, &Option<f64>)| {
            let far = latency.map_or(3.0 * stream, |ns| ns / PARALLEL).max(stream);
            [stream, stream, (stream * far).sqrt(), far, far, far]
        };
        let last = known.tlbs.saturating_sub(1);
        let lines: Vec<[f64; 6]> = known.stream.iter().zip(&known.latency).map(line).collect();
        let [stream_of_memory, .., far_of_memory] = lines.last().copied().unwrap_or([1.0; 6]);
        let translations = |ns: [f64; 2]| (0..known.tlbs).map(|tlb| ns[usize::from(tlb == last)]).collect();
        Self {
            habit: 0,
            line: lines,
            written: known.stream.clone(),
            written_crowd: WRITTEN_CROWD,
            load: LOAD,
            last: [ROOM * known.last.max(1.0), OTHERS],
            past: [stream_of_memory, far_of_memory],
            translation: translations(TRANSLATION),
            crossing: translations(TRANSLATION),
            split: SPLIT,
            turn: TURN,
            run: RUN,
            block: BLOCK,
            overlap: [OVERLAP; 2],
            deviation: 0.0,
            left: Vec::new(),
        }
    }

    /// Nanoseconds of lines, by level: those that overlap with the arithmetic, and the others. The second cache is near enough for a
    /// core to go on meanwhile, unless lines crowd: columns of 127 rows of 127 take no longer than rows.
    pub(super) fn lines(&self, traffic: &Traffic) -> Vec<[f64; 2]> {
        let level = |index: usize| {
            let Some(costs) = self.line.get(index) else { return [0.0; 2] };
            let lines = &traffic.lines[index];
            let of = |pattern: Pattern| costs[pattern as usize] * lines[pattern as usize];
            let goes_on = |pattern: Pattern| {
                pattern.is_prefetched() || index == 0 && matches!(pattern, Pattern::Near | Pattern::Far)
            };
            let sum = |overlap: bool| -> f64 {
                Pattern::ALL.into_iter().filter(|&pattern| goes_on(pattern) == overlap).map(of).sum()
            };
            let back: f64 = self.back(traffic, index).iter().sum();
            let is_memory = index + 1 == traffic.lines.len();
            let past = [0, 1].map(|which| if is_memory { self.past[which] * traffic.past[which] } else { 0.0 });
            [sum(true) + past[0], sum(false) + self.again(traffic, index) + back + past[1]]
        };
        (0..traffic.lines.len()).map(level).collect()
    }

    /// What loads of lines that are under way from a level cost beyond the lines: all loads have a miss buffer each, of which there
    /// are so many.
    fn again(&self, traffic: &Traffic, index: usize) -> f64 {
        let again = traffic.again.get(index).copied().unwrap_or(0.0);
        let (Some(costs), Some(lines)) = (self.line.get(index), traffic.lines.get(index)) else { return 0.0 };
        if again <= 0.0 {
            return 0.0;
        }
        let waited =
            || Pattern::ALL.into_iter().filter(|pattern| !pattern.is_prefetched()).map(|pattern| pattern as usize);
        let loads = again + waited().map(|pattern| lines[pattern]).sum::<f64>();
        let waited: f64 = waited().map(|pattern| costs[pattern] * lines[pattern]).sum();
        (self.load * costs[Pattern::Far as usize] * loads - waited).max(0.0)
    }

    /// What lines of a level cost more because they are written, by the groups of [`Traffic::written`].
    fn back(&self, traffic: &Traffic, index: usize) -> [f64; 5] {
        let (Some(counts), Some(line)) = (traffic.written.get(index), self.line.get(index)) else { return [0.0; 5] };
        let [updated, stored] = self.written_crowd;
        let [few, one] = [Pattern::Few, Pattern::One].map(|pattern| line[pattern as usize]);
        let costs = [self.written[index], few * updated, few * stored, one * updated, one * stored];
        std::array::from_fn(|group| counts[group] * costs[group])
    }

    /// Nanoseconds of the parts together, of which some overlap.
    pub(super) fn together(&self, core: f64, lines: &[[f64; 2]], translations: &[[f64; 2]]) -> f64 {
        let sums = |parts: &[[f64; 2]]| [0, 1].map(|which| parts.iter().map(|part| part[which]).sum::<f64>());
        let ([streams, others], [translations, crossings]) = (sums(lines), sums(translations));
        let together = |a: f64, b: f64, excess: f64| {
            let exponent = 1.0 + excess.min(MOST_OVERLAP);
            (a.powf(exponent) + b.powf(exponent)).powf(1.0 / exponent)
        };
        together(core, streams, self.overlap[0]) + together(others, translations, self.overlap[1]) + crossings
    }

    /// Nanoseconds per step.
    fn time(&self, traffic: &Traffic, core: f64) -> f64 {
        self.together(self.core(traffic, core), &self.lines(traffic), &self.translations(traffic))
    }

    /// Nanoseconds of translations, by the TLB that answers, the second first; last the page tables: those that overlap, and those
    /// of streams.
    pub(super) fn translations(&self, traffic: &Traffic) -> Vec<[f64; 2]> {
        let of = |counts: &[f64], costs: &[f64], tlb: usize| {
            counts.get(tlb).zip(costs.get(tlb)).map_or(0.0, |(n, ns)| n * ns)
        };
        let tlb = |tlb: usize| {
            let whole = of(&traffic.translations, &self.translation, tlb);
            let split = self.split * of(&traffic.split, &self.translation, tlb);
            [whole + split, of(&traffic.crossings, &self.crossing, tlb)]
        };
        (0..self.translation.len()).map(tlb).collect()
    }

    /// The arithmetic with what the loops around the innermost one take beyond those that it was measured in, and stores that turn to
    /// another line.
    pub(super) fn core(&self, traffic: &Traffic, core: f64) -> f64 {
        let more = self.turn * traffic.turns + self.run * traffic.runs + self.block * traffic.blocks;
        (core + more).max(LEAST_CORE * core)
    }

    /// Every cost and overlap, for the fit; but for [`Self::last`], which is not fitted.
    fn every(&mut self) -> impl Iterator<Item = &mut f64> {
        let lines = self.line.iter_mut().flatten().chain(&mut self.written).chain(&mut self.written_crowd);
        let memory = lines.chain(&mut self.past).chain(&mut self.translation).chain(&mut self.crossing);
        memory
            .chain([&mut self.load, &mut self.split, &mut self.turn, &mut self.run, &mut self.block])
            .chain(&mut self.overlap)
    }

    /// The square roots of the shares that the parts have in the sum of all (Hellinger's distance is theirs).
    fn parts(&self, traffic: &Traffic, core: f64) -> Vec<f64> {
        let lines = self.line.iter().zip(&traffic.lines).flat_map(|(costs, counts)| costs.iter().zip(counts));
        let written = (0..self.line.len()).flat_map(|index| self.back(traffic, index));
        let again = (0..self.line.len()).map(|index| self.again(traffic, index));
        let whole = self.translation.iter().zip(&traffic.translations);
        let crossings = self.crossing.iter().zip(&traffic.crossings);
        let split = self.translation.iter().zip(&traffic.split).map(|(cost, count)| self.split * cost * count);
        let loops =
            [(&self.run, &traffic.runs), (&self.block, &traffic.blocks), (&self.turn, &traffic.turns), (&core, &1.0)];
        let past = self.past.iter().zip(&traffic.past);
        let all = lines.chain(past).chain(whole).chain(crossings).chain(loops);
        let all = all.map(|(cost, count)| cost * count).chain(written).chain(again).chain(split);
        let mut parts: Vec<f64> = all.map(|part| part.max(0.0)).collect();
        let sum: f64 = parts.iter().sum();
        parts.iter_mut().for_each(|part| *part = (*part / sum.max(f64::MIN_POSITIVE)).sqrt());
        parts
    }

    /// What the points near a walk leave over: their mean, the nearer the weightier, drawn towards nothing (Nadaraya,
    /// "On estimating regression", Theory of Probability and its Applications 9, 1964; Watson, Sankhyā A 26, 1964). With
    /// `own` the point of that number is left out.
    fn told(&self, parts: &[f64], own: Option<usize>) -> f64 {
        let (mut weights, mut sum) = (NOTHING, 0.0);
        for (_, left) in self.left.iter().enumerate().filter(|(number, _)| Some(*number) != own) {
            let distance: f64 = left.parts.iter().zip(parts).map(|(a, b)| (a - b).powi(2)).sum();
            let weight = (-distance / (2.0 * NEAR * NEAR)).exp();
            weights += weight;
            sum += weight * left.log.clamp(-MOST_LEFT, MOST_LEFT);
        }
        sum / weights
    }

    /// What a walk's time is multiplied by, as its neighbours on the curves tell.
    pub(super) fn correction(&self, traffic: &Traffic, core: f64) -> f64 {
        self.told(&self.parts(traffic, core), None).exp()
    }

    /// Fits the costs to the points: least squares of the logs, robust to single points, drawn towards what was known; with the
    /// habit that leaves least over.
    #[must_use]
    pub fn fit(known: &Known, points: &[Timed]) -> Self {
        let start = Self::start(known);
        let roughly = |habit: usize| Self { habit, ..start.clone() }.descended(&start, points, ROUGH);
        let fits: Vec<(Self, f64)> = (0..Habit::ALL.len()).into_par_iter().map(roughly).collect();
        let least = fits.into_iter().min_by(|(_, a), (_, b)| a.total_cmp(b));
        let (mut found, _) = least.map_or(start.clone(), |(costs, _)| costs).descended(&start, points, FINE);
        let left = |(point, traffic): (&Timed, &Traffic)| Left {
            parts: found.parts(traffic, point.core),
            log: (point.ns / found.time(traffic, point.core)).ln(),
        };
        found.left = points.iter().zip(&found.kept(points)).map(left).collect();
        let beyond = |(number, left): (usize, &Left)| (left.log - found.told(&left.parts, Some(number))).abs();
        let mut residuals: Vec<f64> = found.left.iter().enumerate().map(beyond).collect();
        residuals.sort_by(f64::total_cmp);
        // Two thirds of a normal's residuals lie within one deviation.
        found.deviation = stats::quantile(&residuals, 0.683).unwrap_or(1.0);
        found
    }

    /// The traffic of points with what the last cache keeps of them.
    fn kept(&self, points: &[Timed]) -> Vec<Traffic> {
        points.iter().map(|point| point.traffic[self.habit].kept(self.last, point.ns)).collect()
    }

    /// What is left over at the points, by the logarithm and robust to single ones, how far the costs are from what was known, and
    /// what contradicts their order: all to be squared.
    fn residuals(&mut self, start: &mut Self, points: &[Timed], traffics: &[Traffic]) -> Vec<f64> {
        let robust = |r: f64| if r.abs() <= HUBER { r } else { (HUBER * (2.0 * r.abs() - HUBER)).sqrt().copysign(r) };
        let left = |(point, traffic): (&Timed, &Traffic)| robust((self.time(traffic, point.core) / point.ns).ln());
        let fit: Vec<f64> = points.iter().zip(traffics).map(left).chain(self.disorder()).collect();
        let drawn = self.every().zip(start.every()).map(|(cost, prior)| PRIOR.sqrt() * (*cost / *prior).ln());
        fit.into_iter().chain(drawn).collect()
    }

    /// Farther levels and patterns cost no less: what contradicts that is noise.
    fn disorder(&self) -> Vec<f64> {
        let falls = |near: f64, far: f64| 2.0 * (near / far).ln().max(0.0);
        // Of lines that are near and far either may be dearer: a page's lines share a prefetcher, and banks. So may those that
        // stream, one after the other, and those of which many are under way.
        let dearer =
            |costs: &[f64; 6]| [(0, 2), (2, 4), (3, 4), (3, 5)].map(|(less, more)| falls(costs[less], costs[more]));
        let patterns = self.line.iter().flat_map(dearer);
        let levels =
            self.line.windows(2).flat_map(|pair| Pattern::ALL.map(|p| (pair[0][p as usize], pair[1][p as usize])));
        let levels = levels.map(|(near, far)| falls(near, far));
        let translations = self.translation.windows(2).map(|pair| falls(pair[0], pair[1]));
        patterns.chain(levels).chain(translations).collect()
    }

    /// The costs with these logarithms.
    fn at(&self, logs: &[f64]) -> Self {
        let mut costs = self.clone();
        costs.every().zip(logs).for_each(|(cost, log)| *cost = log.exp());
        costs
    }

    /// The costs that fit the points best, and what is left over of the squares.
    fn descended(mut self, start: &Self, points: &[Timed], (most, enough): (u32, f64)) -> (Self, f64) {
        // No step moves what the last cache keeps.
        let kept = self.kept(points);
        let logs: Vec<f64> = self.every().map(|cost| cost.ln()).collect();
        let residuals = |logs: &[f64]| self.at(logs).residuals(&mut start.clone(), points, &kept);
        let (logs, sum) = least_squares(logs, residuals, most, enough);
        (self.at(&logs), sum)
    }
}

#[cfg(test)]
#[path = "calibrate_tests.rs"]
mod tests;
