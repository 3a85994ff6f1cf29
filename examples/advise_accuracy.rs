//! Predicted against measured penalties of a bundle, each case left out of the curves that it is predicted from;
//! `scripts/advise-accuracy.sh` runs it. What is chosen is measured against its rivals in turn, if this is the machine.
#![allow(clippy::print_stdout, reason = "an example shows its result")]
#![allow(clippy::cast_precision_loss, reason = "counts are small")]

use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use stridewise::advise::model::{Costs, Habit};
use stridewise::advise::{AS_GOOD, Measured, walk_name};
use stridewise::bundle::{self, Bundle, CaseInfo, Member, PairRecord, Partial, Record};
use stridewise::host::Host;
use stridewise::kernel::Isa;
use stridewise::measure::{Session, Settings};
use stridewise::simulate::{Options, simulate};
use stridewise::stats;
use stridewise::suite::{Case, Item, Pace, SETTLING_PASSES};

/// One case with all that was said of it.
struct Row {
    id: String,
    measured: f64,
    predicted: f64,
    /// Misses times latency, each level's by itself.
    latency: f64,
    roofline: f64,
    reason: String,
}

/// Families that are not predicted: other stores, other code, other pages of a file.
const OTHERS: [&str; 3] = ["write", "idiom", "npy"];
/// The family that the costs are found from.
const CURVE: &str = "stride";

/// A pair that is predicted: one thread, a nest in both members, and no control.
fn pairs(bundle: &Bundle) -> Vec<(&PairRecord, Case, Case)> {
    let case = |info: &CaseInfo| info.case().ok().filter(|case| case.nest().is_ok() && case.options.threads == 1);
    let of = |pair| {
        let pair: &PairRecord = pair;
        if pair.null || OTHERS.contains(&pair.contender.family.as_str()) {
            return None;
        }
        Some((pair, case(&pair.baseline)?, case(&pair.contender)?))
    };
    bundle.pairs.iter().filter_map(of).collect()
}

/// Nanoseconds per step by simulated LRU misses times the chase's latencies, and by a roofline.
fn others(case: &Case, measured: &Measured) -> Option<(f64, f64)> {
    let nest = case.nest().ok()?;
    let bases: Vec<u64> = (1_u64..).take(nest.buffers().len()).map(|buffer| buffer << 40).collect();
    let limit = Options { most_touches: Some(100_000_000), ..Options::default() };
    let report = simulate(&nest, &bases, measured.geometry(), &limit).ok()?;
    let steps = nest.steps().max(1) as f64;
    let misses: Vec<f64> = report.warm.levels.iter().map(|level| level.misses as f64 / steps).collect();
    let latency: Option<Vec<f64>> = measured.latency().iter().copied().collect();
    let served = (0..misses.len()).map(|k| misses[k] - misses.get(k + 1).copied().unwrap_or(0.0));
    let core = measured.core(case);
    let by_latency = core + latency?.iter().zip(served).map(|(ns, lines)| ns * lines.max(0.0)).sum::<f64>();
    let memory = misses.last()? * measured.stream().last()?;
    Some((by_latency, core.max(memory)))
}

/// Those of `names` that are on the curves: no other changes a fit that it is left out of.
fn on_curves(measured: &Measured, names: impl IntoIterator<Item = String>) -> Vec<String> {
    names.into_iter().filter(|name| measured.is_on_a_curve(name)).collect()
}

/// A fit without each of these sets of walks.
fn fits(measured: &Measured, left_out: impl Iterator<Item = Vec<String>>) -> BTreeMap<Vec<String>, Costs> {
    let fit = |without: Vec<String>| {
        let costs = measured.costs(&without);
        (without, costs)
    };
    left_out.collect::<BTreeSet<_>>().into_par_iter().map(fit).collect()
}

fn rows(bundle: &Bundle, measured: &Measured, model_only: bool) -> Vec<Row> {
    let pairs = pairs(bundle);
    let without = |one: &Case, other: &Case| on_curves(measured, [one, other].map(walk_name));
    let costs = fits(measured, pairs.iter().map(|(_, one, other)| without(one, other)));
    let row = |(pair, baseline, contender): &(&PairRecord, Case, Case)| {
        let penalty = pair.penalty()?;
        let costs = &costs[&without(baseline, contender)];
        let [below, above] = [baseline, contender].map(|case| measured.predicted(costs, case));
        let (below, above) = below.zip(above)?;
        let both = if model_only { None } else { others(baseline, measured).zip(others(contender, measured)) };
        Some(Row {
            id: pair.id.clone(),
            measured: penalty.run.estimate,
            predicted: above.over(&below).estimate,
            latency: both.map_or(f64::NAN, |(a, b)| b.0 / a.0),
            roofline: both.map_or(f64::NAN, |(a, b)| b.1 / a.1),
            reason: format!(
                "{:?} over {:?}; {:.2} over {:.2} ns predicted, {} measured",
                above.limit,
                below.limit,
                above.ns.estimate,
                below.ns.estimate,
                per(pair)
            ),
        })
    };
    pairs.par_iter().filter_map(row).collect()
}

/// How often the best of what was measured over one array was named first, and keeping a loop was right.
#[derive(Default)]
struct Choices {
    asked: u32,
    best: u32,
    keep: u32,
    keep_right: u32,
    wrong: Vec<String>,
    /// Pairs that were measured for this.
    measured: usize,
}

/// A choice may lose this much against the best.
const LOSS: f64 = 1.05;
/// What took longer than the best by more than this is no rival.
const RIVAL: f64 = 1.5;
/// Four placements of a tenth of a second per rival.
const PACE: Pace =
    Pace { placements: 4, placement_ns: 100_000_000, sample_ns: 1_000_000, least_rounds: 4, settling: SETTLING_PASSES };

/// A way to walk an array: nanoseconds per step predicted, and measured in the run.
struct Way {
    case: Case,
    predicted: f64,
    ns: f64,
}

/// The ways of every array that has several, the best predicted first.
fn arrays(bundle: &Bundle, measured: &Measured) -> Vec<Vec<Way>> {
    let mut arrays: BTreeMap<String, BTreeMap<String, (Case, Vec<f64>)>> = BTreeMap::new();
    for (pair, baseline, contender) in pairs(bundle).into_iter().filter(|(pair, ..)| pair.contender.family != CURVE) {
        for (case, member) in [(baseline, Member::Baseline), (contender, Member::Contender)] {
            let Some(step) = pair.per_step(member) else { continue };
            let options = &case.options;
            let array = format!(
                "{} {} {} {} {} {} {:?}",
                case.kernel,
                case.dtype,
                case.shape_text(),
                case.order,
                options.walk,
                options.only,
                options.dest
            );
            let steps = case.nest().map_or(0, |nest| nest.steps());
            let ways = arrays.entry(format!("{array} {steps}")).or_default();
            ways.entry(walk_name(&case)).or_insert_with(|| (case, Vec::new())).1.push(step.median);
        }
    }
    let several: Vec<_> = arrays.into_values().filter(|ways| ways.len() > 1).collect();
    let without = |ways: &BTreeMap<String, _>| on_curves(measured, ways.keys().cloned());
    let costs = fits(measured, several.iter().map(without));
    several
        .into_par_iter()
        .map(|ways| {
            let costs = &costs[&without(&ways)];
            let way = |(case, ns): (Case, Vec<f64>)| {
                let predicted = measured.predicted(costs, &case)?.ns.estimate;
                Some(Way { case, predicted, ns: stats::median(&ns)? })
            };
            let mut ways: Vec<Way> = ways.into_values().filter_map(way).collect();
            ways.sort_by(|a, b| a.predicted.total_cmp(&b.predicted));
            ways
        })
        .collect()
}

/// Puts the rivals of every choice into its rounds: one case in two pairs of a run differs by a tenth and more, as the
/// other member leaves other lines in the caches. Returns how many pairs that took; none on another machine.
fn turn_about(bundle: &Bundle, arrays: &mut [Vec<Way>]) -> Result<usize, String> {
    let host = Host::probe();
    if host.machine_class().id() != bundle.header.class_id {
        return Ok(0);
    }
    let mut items = Vec::new();
    let mut places = Vec::new();
    for (array, ways) in arrays.iter().enumerate() {
        let least = ways.iter().map(|way| way.ns).fold(f64::INFINITY, f64::min);
        for (number, way) in ways.iter().enumerate().skip(1) {
            if way.ns <= least * RIVAL || way.predicted <= ways[0].predicted * AS_GOOD {
                items.push(Item::Pair { baseline: ways[0].case.clone(), contender: way.case.clone() });
                places.push((array, number));
            }
        }
    }
    let stop = AtomicBool::new(false);
    let settings = Settings::of_host(&host, 1, PACE, None, Isa::best());
    let mut found = Vec::new();
    let mut session = Session::new(settings, &host, &stop).map_err(|error| error.to_string())?;
    session.run(&items, &mut found).map_err(|error| error.to_string())?;
    for ((array, number), measured) in places.into_iter().zip(found) {
        if let Record::Pair(pair) = Record::of(measured)
            && let Some(penalty) = pair.penalty()
        {
            arrays[array][number].ns = arrays[array][0].ns * penalty.run.estimate;
        }
    }
    Ok(items.len())
}

/// Every way of every array as the present loop, against all that was measured over the same array.
fn choices(bundle: &Bundle, measured: &Measured) -> Result<Choices, String> {
    let mut arrays = arrays(bundle, measured);
    let mut found = Choices { measured: turn_about(bundle, &mut arrays)?, ..Choices::default() };
    for ways in &arrays {
        let (best, least) = (&ways[0], ways.iter().map(|way| way.ns).fold(f64::INFINITY, f64::min));
        for present in ways {
            found.asked += 1;
            let keep = present.predicted <= best.predicted * AS_GOOD;
            let chosen = if keep { present } else { best };
            let right = chosen.ns <= least * LOSS;
            found.best += u32::from(right);
            if keep {
                found.keep += 1;
                found.keep_right += u32::from(right);
            }
            if !right {
                found.wrong.push(format!(
                    "{}: chose {} at {:.2} ns, {:.2} is best",
                    present.case, chosen.case, chosen.ns, least
                ));
            }
        }
    }
    Ok(found)
}

fn per(pair: &PairRecord) -> String {
    let ns = |member| pair.per_step(member).map_or(f64::NAN, |step| step.median);
    format!("{:.2} over {:.2}", ns(Member::Contender), ns(Member::Baseline))
}

/// Relative error of a prediction, the same for twice and for half.
fn error(predicted: f64, measured: f64) -> f64 {
    (predicted / measured).ln().abs().exp() - 1.0
}

fn print<'a>(what: &str, rows: impl IntoIterator<Item = &'a Row>, of: impl Fn(&Row) -> f64) -> Option<(f64, f64)> {
    let errors: Vec<f64> = rows.into_iter().map(|row| error(of(row), row.measured)).filter(|e| e.is_finite()).collect();
    let (median, ninth) = (stats::median(&errors)?, stats::quantile(&errors, 0.9)?);
    println!("{what:<22} {:>6} {:>12.1} % {:>16.1} %", errors.len(), median * 100.0, ninth * 100.0);
    Some((median, ninth))
}

fn tell(costs: &Costs) {
    let rounded = |costs: &[f64]| costs.iter().map(|ns| format!("{ns:.2}")).collect::<Vec<_>>().join(" ");
    println!("costs from {} points of the curves, ns; {:?}", costs.left.len(), Habit::ALL[costs.habit]);
    for (level, (line, written)) in costs.line.iter().zip(&costs.written).enumerate() {
        let (line, written) = (rounded(line), rounded(&[*written]));
        println!("  L{} stream, among, near, far, few, one: {line}; written more: {written}", level + 2);
    }
    println!("  of few and one more, as a share, updated and stored to: {}", rounded(&costs.written_crowd));
    println!("  a load of a line under way, of far as a share: {}", rounded(&[costs.load]));
    println!(
        "  the last cache has room for {:.1} MiB, others bring {:.3} lines per ns",
        costs.last[0] / 16384.0,
        costs.last[1]
    );
    println!("  stored past the caches: {}", rounded(&costs.past));
    println!("  translations: {}", rounded(&costs.translation));
    println!("  of streams that go on into the next page: {}", rounded(&costs.crossing));
    println!("  of huge pages split below, as a share: {}", rounded(&[costs.split]));
    println!("  run, block: {}", rounded(&[costs.run, costs.block]));
    println!("  overlaps: {}; left over: {:.3}", rounded(&costs.overlap.map(|excess| 1.0 + excess)), costs.deviation);
}

fn main() -> ExitCode {
    let Some(path) = std::env::args().nth(1) else {
        println!("usage: advise_accuracy BUNDLE");
        return ExitCode::FAILURE;
    };
    let file = match bundle::files(Path::new(&path)) {
        Ok(files) => files[0].clone(),
        Err(error) => {
            println!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let bundle = match bundle::read(&file, Partial::Allowed) {
        Ok(bundle) => bundle,
        Err(error) => {
            println!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let measured = match Measured::of(&bundle) {
        Ok(measured) => measured,
        Err(why) => {
            println!("{}: {why}", file.display());
            return ExitCode::FAILURE;
        }
    };
    tell(&measured.costs(&[]));
    println!("simulated: {}", measured.geometry());
    let has = |flag: &str| std::env::args().any(|argument| argument == flag);
    let (all, model_only) = (has("--all"), has("--model"));
    let mut rows = rows(&bundle, &measured, model_only);
    println!("\n{:<22} {:>6} {:>14} {:>18}", "", "cases", "median error", "90th percentile");
    let model = print("model", &rows, |row| row.predicted);
    print("misses x latency", &rows, |row| row.latency);
    print("roofline", &rows, |row| row.roofline);
    let of_curve = |row: &&Row| row.id.starts_with(CURVE);
    print("model, no curve", rows.iter().filter(|row| !of_curve(row)), |row| row.predicted);
    print("model, a curve", rows.iter().filter(of_curve), |row| row.predicted);
    rows.sort_by(|a, b| error(b.predicted, b.measured).total_cmp(&error(a.predicted, a.measured)));
    println!("\nworst ten");
    for row in rows.iter().take(if all { usize::MAX } else { 10 }) {
        println!(" {:<52} {:>7.2} predicted {:>7.2} measured  {}", row.id, row.predicted, row.measured, row.reason);
    }
    if model_only {
        return ExitCode::SUCCESS;
    }
    let Choices { asked, best, keep, keep_right, wrong, measured: turns } = match choices(&bundle, &measured) {
        Ok(choices) => choices,
        Err(why) => {
            println!("{why}");
            return ExitCode::FAILURE;
        }
    };
    let share = |part: u32, of: u32| 100.0 * f64::from(part) / f64::from(of.max(1));
    let how =
        if turns > 0 { format!("{turns} rivals measured in turn") } else { "by their times in the run".to_owned() };
    println!("\nchoices among what was measured over one array: {asked}, {how}");
    println!(" first is best or within 5 %   {best:>5} of {asked:>5}  {:>5.1} %  (goal 90 %)", share(best, asked));
    println!(
        " change nothing, rightly       {keep_right:>5} of {keep:>5}  {:>5.1} %  (goal 95 %)",
        share(keep_right, keep)
    );
    for line in wrong.iter().take(if all { usize::MAX } else { 10 }) {
        println!("  {line}");
    }
    let chosen = share(best, asked) >= 90.0 && share(keep_right, keep) >= 95.0;
    let good = chosen && model.is_some_and(|(median, ninth)| median <= 0.15 && ninth <= 0.40);
    println!("\ngoal: median <= 15 %, 90th percentile <= 40 %, over 200 cases or more");
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
