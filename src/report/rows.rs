//! One row per pair: what every table of a bundle shows.

use crate::bundle::{Bundle, Counted, Member, PairRecord, rate};
use crate::stats::{Interval, Verdict};
use serde::Serialize;

/// A pair, summarised.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The contender's id.
    pub id: String,
    /// `sum f8 4096x4096 C`, then its options.
    pub case: String,
    /// The contender's loop order.
    pub loops: String,
    /// The baseline's loop order.
    pub baseline_loops: String,
    /// Bytes of all arrays.
    pub footprint_bytes: u64,
    /// Nanoseconds per step of the baseline.
    pub baseline_ns: f64,
    /// Nanoseconds per step of the contender.
    pub contender_ns: f64,
    /// Contender / baseline, in this run.
    pub penalty: f64,
    /// 95 % over the placements of this run; absent with fewer than two.
    pub this_run: Option<[f64; 2]>,
    /// 95 % for another run on this host.
    pub this_host: [f64; 2],
    /// `slower`, `faster`, `same`, `inconclusive`.
    pub verdict: &'static str,
    /// Rounds that are used.
    pub rounds: usize,
    /// The baseline's bandwidth in hundredths of the roof; absent where no roof was measured.
    pub of_roof: Option<f64>,
    /// Whether the baseline costs less than 1.25 times the floor: the core bounds it, not memory.
    pub at_floor: Option<bool>,
    /// Simulated misses per step of the first cache: baseline and contender.
    pub simulated_l1: Option<[f64; 2]>,
    /// Simulated misses per step of the last cache: baseline and contender.
    pub simulated_last: Option<[f64; 2]>,
    /// Counted misses per access of the first data cache; absent where the event was not counted.
    pub counted_l1: Option<[f64; 2]>,
    /// Counted misses per access of the last cache.
    pub counted_last: Option<[f64; 2]>,
    /// Counted misses per access of the data TLB.
    pub counted_tlb: Option<[f64; 2]>,
    /// Counted cycles per access.
    pub cycles: Option<[f64; 2]>,
    /// Counted instructions per cycle.
    pub ipc: Option<[f64; 2]>,
}

/// A baseline this close to its floor is bound by the core.
const AT_FLOOR: f64 = 1.25;

fn finite(interval: Interval) -> Option<[f64; 2]> {
    (interval.low.is_finite() && interval.high.is_finite()).then_some([interval.low, interval.high])
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Slower => "slower",
        Verdict::Faster => "faster",
        Verdict::Same => "same",
        Verdict::Inconclusive => "inconclusive",
    }
}

/// An option as tables name it; the id has it in full.
fn short(key: &str, value: &str) -> String {
    match (key, value) {
        ("walk", "line") => "lines".to_owned(),
        ("pages", "huge") => "huge".to_owned(),
        _ => format!("{key}={value}"),
    }
}

/// The rows of a bundle in its order, null controls left out.
#[must_use]
pub fn rows(bundle: &Bundle) -> Vec<Row> {
    bundle.pairs.iter().filter(|pair| !pair.null).filter_map(|pair| row(bundle, pair)).collect()
}

fn row(bundle: &Bundle, pair: &PairRecord) -> Option<Row> {
    let penalty = pair.penalty()?;
    let baseline_ns = pair.per_step(Member::Baseline)?.median;
    let info = &pair.contender;
    let shape: Vec<String> = info.shape.iter().map(ToString::to_string).collect();
    let options: String = info.options.iter().map(|(key, value)| format!(" {}", short(key, value))).collect();
    let loops = |order: &[u32]| order.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let misses = |level: usize| {
        let [one, other] = [Member::Baseline, Member::Contender].map(|member| pair.simulated_misses(member, level));
        Some([one?, other?])
    };
    let levels = bundle.data_caches().len();
    let counted = |pick: fn(Counted) -> Option<f64>| {
        let [one, other] = [Member::Baseline, Member::Contender].map(|member| pair.counted(member).and_then(pick));
        Some([one?, other?])
    };
    Some(Row {
        id: pair.id.clone(),
        case: format!("{} {} {} {}{options}", info.kernel, info.dtype, shape.join("x"), info.order),
        loops: loops(&info.loop_order),
        baseline_loops: loops(&pair.baseline.loop_order),
        footprint_bytes: info.footprint_bytes,
        baseline_ns,
        contender_ns: pair.per_step(Member::Contender)?.median,
        penalty: penalty.run.estimate,
        this_run: finite(penalty.run),
        this_host: finite(penalty.host)?,
        verdict: word(bundle.verdict(pair)),
        rounds: pair.rounds(),
        of_roof: bundle
            .roof(&pair.baseline)
            .zip(rate(&pair.baseline, baseline_ns))
            .map(|(roof, rate)| rate / roof * 100.0),
        at_floor: bundle.floor(&pair.baseline).map(|floor| baseline_ns < AT_FLOOR * floor),
        simulated_l1: misses(0),
        simulated_last: levels.checked_sub(1).and_then(misses),
        counted_l1: counted(|counted| counted.l1_misses),
        counted_last: counted(|counted| counted.last_misses),
        counted_tlb: counted(|counted| counted.tlb_misses),
        cycles: counted(|counted| counted.cycles),
        ipc: counted(|counted| counted.ipc),
    })
}
