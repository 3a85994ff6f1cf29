//! One row per pair: what every table of a bundle shows.

use crate::bundle::{Bundle, CaseInfo, Counted, CountedMisses, Member, PairRecord, rate};
use crate::counters::Place;
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
    /// The baseline's loop order, and what else is special about it: `0,1 pages=huge`.
    pub baseline_loops: String,
    /// Whether both differ in nothing but the loop order and tiles.
    #[serde(skip)]
    pub orders_only: bool,
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
    /// Counted cycles per access: baseline and contender.
    pub cycles: Option<[f64; 2]>,
    /// Counted instructions per cycle: baseline and contender.
    pub ipc: Option<[f64; 2]>,
    /// Counted misses at each place where both members were counted, from the CPU outwards.
    pub counted: Vec<CountedRow>,
}

/// Misses at one place, of baseline and contender.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CountedRow {
    /// Where.
    pub place: Place,
    /// Name of the event.
    pub event: String,
    /// Counted misses per access.
    pub per_access: [f64; 2],
    /// Counted misses per distinct line of a pass; absent where the lines were not told.
    pub per_line: Option<[f64; 2]>,
    /// Simulated misses per access; absent where the walk was not simulated.
    pub simulated_per_access: Option<[f64; 2]>,
    /// Whether the event shared its counter, so that the figures are estimates.
    pub estimated: bool,
}

impl Row {
    /// Counted misses at a place.
    #[must_use]
    pub fn counted_at(&self, place: Place) -> Option<&CountedRow> {
        self.counted.iter().find(|counted| counted.place == place)
    }

    /// Whether hardware events were counted.
    #[must_use]
    pub fn has_counts(&self) -> bool {
        self.cycles.is_some() || !self.counted.is_empty()
    }
}

/// The places at which any row has counts, from the CPU outwards.
#[must_use]
pub fn counted_places<'a>(rows: impl Iterator<Item = &'a Row>) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    for counted in rows.flat_map(|row| &row.counted) {
        if !places.contains(&counted.place) {
            places.push(counted.place);
        }
    }
    places
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

/// What a baseline has that the contender has not, loop order and tiles aside.
fn differing(baseline: &CaseInfo, contender: &CaseInfo) -> String {
    let mut text = String::new();
    if baseline.kernel != contender.kernel {
        text += &format!(" {}", baseline.kernel);
    }
    if baseline.shape != contender.shape {
        text += &format!(" {}", baseline.shape.iter().map(ToString::to_string).collect::<Vec<_>>().join("x"));
    }
    if baseline.order != contender.order {
        text += &format!(" {}", baseline.order);
    }
    let all = |info: &CaseInfo| info.options.iter().map(|(k, v)| (k.clone(), v.clone())).collect::<Vec<_>>();
    let own = all(baseline).into_iter().filter(|one| !all(contender).contains(one));
    let left = |key: &str| !["tile", "leaf"].contains(&key) && !baseline.options.contains_key(key);
    let without = contender.options.keys().filter(|key| left(key)).map(|key| format!(" no {key}"));
    text + &own.map(|(key, value)| format!(" {}", short(&key, &value))).chain(without).collect::<String>()
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
    let [one, other] = [Member::Baseline, Member::Contender].map(|member| pair.counted(member).unwrap_or_default());
    let both = |pick: fn(&Counted) -> Option<f64>| Some([pick(&one)?, pick(&other)?]);
    Some(Row {
        id: pair.id.clone(),
        case: format!("{} {} {} {}{options}", info.kernel, info.dtype, shape.join("x"), info.order),
        loops: loops(&info.loop_order),
        baseline_loops: loops(&pair.baseline.loop_order) + &differing(&pair.baseline, info),
        orders_only: differing(&pair.baseline, info).is_empty(),
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
        cycles: both(|counted| counted.cycles),
        ipc: both(|counted| counted.ipc),
        counted: counted(&one, &other),
    })
}

fn counted(baseline: &Counted, contender: &Counted) -> Vec<CountedRow> {
    let both = |at: &CountedMisses| {
        let other = contender.at(at.place)?;
        let pair = |pick: fn(&CountedMisses) -> Option<f64>| Some([pick(at)?, pick(other)?]);
        Some(CountedRow {
            place: at.place,
            event: at.event.clone(),
            per_access: [at.per_access, other.per_access],
            per_line: pair(|at| at.per_line),
            simulated_per_access: pair(|at| at.simulated),
            estimated: at.estimated || other.estimated,
        })
    };
    baseline.misses.iter().filter_map(both).collect()
}
