//! What a nest will take, from curves that the same CPU was measured with.
//!
//! A step of a nest takes
//!
//! ```text
//! T = e [ (C^q + S^q)^(1/q) + (L^p + W^p)^(1/p) + X ]    nanoseconds per innermost step
//! C = the arithmetic: the same walk inside the first cache (family `floor`)  +  o turns per step  +  r runs per step  +  b blocks per step
//! S = sum over levels k of  n(k,stream) c(k,stream) + n(k,among) c(k,among)  +  n(0,near) c(0,near) + n(0,far) c(0,far)
//! L = sum over levels k of  max( sum over the other patterns of  n(k,pattern) c(k,pattern),  (n(k) + a(k)) g c(k,far) )
//!     +  sum over k of  w(k) d(k)  +  sum over k, few and one, and updates and stores a of  w(k,pattern,a) v(a) c(k,pattern)
//! X = sum over TLBs j of  x(j) u(j)
//! W = sum over TLBs j of  ( m(j) + s h(j) ) t(j)
//! ```
//!
//! `n(k,pattern)` are the lines per step that level `k` serves in a pattern: the neighbour of the line before, or of a recent
//! line of its page, another line of such a page, a page without recent lines, and, however it comes, a line of a set that
//! was filled several times of late (a column whose rows are a power of two apart) which is in few banks of the second cache
//! or sets of the first, or in one. `n(k)` are those that no prefetcher brings, `a(k)` further loads of them while they are under
//! way. What the last cache keeps may be a matter of time ([`Traffic::kept`]). `w` are those of them that are written, in sets
//! without such a crowd and with one,
//! updated and stored to; stores past the caches count as lines of memory with costs of their own; `m(j)` the translations
//! that TLB `j` answers, or that are looked up in the page tables, `x(j)` those of streams that go on into the next page, and
//! `h(j)` those of a walk in huge pages that there are if something below splits them: all by [`Traffic`], a simulation on
//! [`Placed`](crate::simulate::Placed) with pages strewn over memory, in which a line that was asked for a short time ago is
//! not asked for again by a load, since it is under way. How long that is, and which translations a TLB gives up, differs
//! from core to core: of each [`Habit`] the one is taken that the curves are explained by best. A run is one execution of the
//! innermost loop, a block one of the two innermost, a turn a store to another line than the one before, beyond those of the floor.
//! `c`, `d`, `u`, `t`, `o`, `r`, `b` are nanoseconds,
//! `v`, `g` and `s` shares. `q` says how far the arithmetic overlaps with lines that prefetchers bring or the second cache (level 0) has,
//! `p` translations with other lines: 1 is not at all, large is wholly. Lines from farther off that no prefetcher brings are waited for,
//! and crowded ones. `e` is what the walks on the
//! curves whose parts have about the same shares left over. The form is that of the execution-cache-memory model (Stengel,
//! Treibig, Hager and Wellein, "Quantifying performance bottlenecks of stencil computations using the execution-cache-memory
//! model", ICS 2015), whose rules for what overlaps differ from core to core and are therefore fitted here; a roofline
//! (Williams, Waterman and Patterson, CACM 52(4), 2009) is `C` and `S` with an infinite `q`.
//!
//! The costs are found from the bundle's own curves and from nothing else: contiguous vectors (`roof`, `write`) give the streams,
//! the stride family, which reads, writes, updates and copies, the other patterns, the pointer chase (`latency`) a start for
//! both. A case that is predicted is left out of the curves if it is on them.

mod aged;
mod calibrate;
mod habit;
mod lines;
mod past;
mod squares;
mod traffic;

pub use aged::Aged;
pub use calibrate::{Costs, Known, Left, Timed};
pub use habit::Habit;
pub use lines::{Pattern, Waits};
pub use past::LINES_BEGUN;
pub use traffic::{Traffic, Traffics};

use crate::stats::Interval;

/// What limits a nest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Limit {
    /// The arithmetic: the data are near enough.
    Core,
    /// Lines from the level of this number, 0 being the second cache; as many as there are caches less one is memory.
    Lines(usize),
    /// Translations: those that TLB of this number, 0 being the second one, answers; the last is the page tables.
    Translations(usize),
}

/// What a nest will take.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// Nanoseconds per step, with 95 %.
    pub ns: Interval,
    /// The arithmetic by itself.
    pub core: f64,
    /// Lines by the level that serves them, the second cache first.
    pub lines: Vec<f64>,
    /// Translations by the TLB that answers, the second first; last the page tables.
    pub translations: Vec<f64>,
    /// The largest of these.
    pub limit: Limit,
}

/// Rounds in which time and what a last cache keeps agree.
const ROUNDS: u32 = 12;

impl Costs {
    /// Nanoseconds per step of a nest with this traffic on a core of [`Self::habit`], and `core` nanoseconds of arithmetic per step.
    #[must_use]
    pub fn predict(&self, traffic: &Traffic, core: f64) -> Prediction {
        let traffic = &self.settled(traffic, core);
        // What the walks near this one on the curves took more or less goes to all parts alike.
        let correction = self.correction(traffic, core);
        let parts: Vec<[f64; 2]> =
            self.lines(traffic).into_iter().map(|level| level.map(|ns| ns * correction)).collect();
        let translations: Vec<[f64; 2]> =
            self.translations(traffic).into_iter().map(|tlb| tlb.map(|ns| ns * correction)).collect();
        let core = self.core(traffic, core) * correction;
        let estimate = self.together(core, &parts, &translations);
        let [lines, translations] =
            [parts, translations].map(|parts| parts.iter().map(|[a, b]| a + b).collect::<Vec<f64>>());
        let largest =
            |parts: &[f64]| (0..parts.len()).max_by(|&a, &b| parts[a].total_cmp(&parts[b])).unwrap_or_default();
        let (level, tlb) = (largest(&lines), largest(&translations));
        let (all_lines, all_translations): (f64, f64) = (lines.iter().sum(), translations.iter().sum());
        let limit = if core >= all_lines.max(all_translations) {
            Limit::Core
        } else if all_lines >= all_translations {
            Limit::Lines(level)
        } else {
            Limit::Translations(tlb)
        };
        let spread = (1.96 * self.deviation).exp();
        let ns = Interval { estimate, low: estimate / spread, high: estimate * spread };
        Prediction { ns, core, lines, translations, limit }
    }

    /// The traffic with what the last cache keeps in the time that the walk takes with it.
    fn settled(&self, traffic: &Traffic, core: f64) -> Traffic {
        let takes = |ns: f64| {
            let kept = traffic.kept(self.last, ns);
            self.together(self.core(&kept, core), &self.lines(&kept), &self.translations(&kept))
                * self.correction(&kept, core)
        };
        let rounds = if traffic.aged.is_empty() { 0 } else { ROUNDS };
        // A walk that takes longer finds less, and takes longer: halfway each time, or it may swing.
        let ns = (0..rounds).fold(takes(0.0), |ns, _| (ns * takes(ns)).sqrt());
        traffic.kept(self.last, ns)
    }
}

impl Prediction {
    /// This nest's time over another's, with 95 %: both err alike in part, so the errors are taken as independent, which
    /// is the wider of the two.
    #[must_use]
    pub fn over(&self, other: &Self) -> Interval {
        let estimate = self.ns.estimate / other.ns.estimate;
        let spread = (self.ns.high / self.ns.estimate).ln().hypot((other.ns.high / other.ns.estimate).ln()).exp();
        Interval { estimate, low: estimate / spread, high: estimate * spread }
    }
}
