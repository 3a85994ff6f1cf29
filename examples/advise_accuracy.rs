//! Predicted against measured penalties of a bundle, each case left out of the curves that it is predicted from;
//! `scripts/advise-accuracy.sh` runs it.
#![allow(clippy::print_stdout, reason = "an example shows its result")]
#![allow(clippy::cast_precision_loss, reason = "counts are small")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use stridewise::advise::{AS_GOOD, Measured, walk_name};
use stridewise::bundle::{self, Bundle, CaseInfo, PairRecord, Partial};
use stridewise::simulate::{Options, simulate};
use stridewise::stats;
use stridewise::suite::Case;

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

/// A pair that is predicted: one thread, a nest in both members, and no control or curve.
fn pairs(bundle: &Bundle) -> Vec<(&PairRecord, Case, Case)> {
    let case = |info: &CaseInfo| info.case().ok().filter(|case| case.nest().is_ok() && case.options.threads == 1);
    let of = |pair| {
        let pair: &PairRecord = pair;
        if pair.null || ["stride", "write", "idiom", "npy"].contains(&pair.contender.family.as_str()) {
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

fn rows(bundle: &Bundle, measured: &Measured) -> Vec<Row> {
    let mut costs = BTreeMap::new();
    let mut found = Vec::new();
    for (pair, baseline, contender) in pairs(bundle) {
        let Some(penalty) = pair.penalty() else { continue };
        let names = [walk_name(&baseline), walk_name(&contender)];
        // Only walks that are on the curves change the fit when they are left out.
        let without: Vec<String> = names.iter().filter(|name| measured.is_on_a_curve(name)).cloned().collect();
        let costs = costs.entry(without.clone()).or_insert_with(|| measured.costs(&without));
        let predict = |case: &Case| Some(costs.predict(&measured.traffic(case)?, measured.core(case)));
        let (Some(below), Some(above)) = (predict(&baseline), predict(&contender)) else { continue };
        let both = others(&baseline, measured).zip(others(&contender, measured));
        found.push(Row {
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
        });
    }
    found
}

/// How often the best of what was measured over one array was named first, and keeping a loop was right.
#[derive(Default)]
struct Choices {
    asked: u32,
    best: u32,
    keep: u32,
    keep_right: u32,
    wrong: Vec<String>,
}

/// A choice may lose this much against the best.
const LOSS: f64 = 1.05;

/// Every member of every pair as the present loop, against all that was measured over the same array.
fn choices(bundle: &Bundle, measured: &Measured) -> Choices {
    let mut arrays: BTreeMap<String, BTreeMap<String, (Case, Vec<f64>)>> = BTreeMap::new();
    for (pair, baseline, contender) in pairs(bundle) {
        for (case, member) in [(baseline, bundle::Member::Baseline), (contender, bundle::Member::Contender)] {
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
    let mut found = Choices::default();
    let mut costs = BTreeMap::new();
    for ways in arrays.values().filter(|ways| ways.len() > 1) {
        let without: Vec<String> = ways.keys().filter(|name| measured.is_on_a_curve(name)).cloned().collect();
        let costs = costs.entry(without.clone()).or_insert_with(|| measured.costs(&without));
        let told: Vec<(f64, f64, &Case)> = ways
            .values()
            .filter_map(|(case, ns)| {
                let predicted = costs.predict(&measured.traffic(case)?, measured.core(case)).ns.estimate;
                Some((predicted, stats::median(ns)?, case))
            })
            .collect();
        let least = told.iter().map(|told| told.1).fold(f64::INFINITY, f64::min);
        let Some(best) = told.iter().min_by(|a, b| a.0.total_cmp(&b.0)) else { continue };
        for present in &told {
            found.asked += 1;
            let keep = present.0 <= best.0 * AS_GOOD;
            let chosen = if keep { present } else { best };
            let right = chosen.1 <= least * LOSS;
            found.best += u32::from(right);
            if keep {
                found.keep += 1;
                found.keep_right += u32::from(right);
            }
            if !right {
                found
                    .wrong
                    .push(format!("{}: chose {} at {:.2} ns, {:.2} is best", present.2, chosen.2, chosen.1, least));
            }
        }
    }
    found
}

fn per(pair: &PairRecord) -> String {
    let ns = |member| pair.per_step(member).map_or(f64::NAN, |step| step.median);
    format!("{:.2} over {:.2}", ns(bundle::Member::Contender), ns(bundle::Member::Baseline))
}

/// Relative error of a prediction, the same for twice and for half.
fn error(predicted: f64, measured: f64) -> f64 {
    (predicted / measured).ln().abs().exp() - 1.0
}

fn print(what: &str, rows: &[Row], of: impl Fn(&Row) -> f64) -> Option<(f64, f64)> {
    let errors: Vec<f64> = rows.iter().map(|row| error(of(row), row.measured)).filter(|e| e.is_finite()).collect();
    let (median, ninth) = (stats::median(&errors)?, stats::quantile(&errors, 0.9)?);
    println!("{what:<22} {:>6} {:>12.1} % {:>16.1} %", errors.len(), median * 100.0, ninth * 100.0);
    Some((median, ninth))
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
    println!("costs from the curves: {:#?}", measured.costs(&[]));
    println!("simulated: {}", measured.geometry());
    let mut rows = rows(&bundle, &measured);
    println!("\n{:<22} {:>6} {:>14} {:>18}", "", "cases", "median error", "90th percentile");
    let model = print("model", &rows, |row| row.predicted);
    print("misses x latency", &rows, |row| row.latency);
    print("roofline", &rows, |row| row.roofline);
    rows.sort_by(|a, b| error(b.predicted, b.measured).total_cmp(&error(a.predicted, a.measured)));
    println!("\nworst ten");
    let all = std::env::args().any(|argument| argument == "--all");
    for row in rows.iter().take(if all { usize::MAX } else { 10 }) {
        println!(" {:<52} {:>7.2} predicted {:>7.2} measured  {}", row.id, row.predicted, row.measured, row.reason);
    }
    let Choices { asked, best, keep, keep_right, wrong } = choices(&bundle, &measured);
    let share = |part: u32, of: u32| 100.0 * f64::from(part) / f64::from(of.max(1));
    println!("\nchoices among what was measured over one array: {asked}");
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
