//! `cargo bench`: every pair of the suite through Criterion, and at the end the same folder as `stridewise run`.
//!
//! One benchmark per pair: its time is the contender's; the baseline is measured beside it in rounds ABBA, so that the
//! ratio holds on a noisy machine. Criterion's filters, `--save-baseline`, `--quick` and `--test` work as always.
//! `STRIDEWISE_SUITE` is quick (the default), standard or full.
#![expect(clippy::print_stderr, reason = "errors")]

use criterion::{BenchmarkGroup, Criterion, Throughput, measurement::WallTime};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use stridewise::cli::bench::Bench;
use stridewise::suite::{Item, Level};

/// Warm-up, sampling and number of samples of one benchmark.
const WARM_UP: Duration = Duration::from_millis(150);
const SAMPLING: Duration = Duration::from_millis(1200);
const SAMPLES: usize = 12;
/// Samples below this come from Criterion's warm-up and are too short.
const LEAST_NS: u64 = 500_000;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("locality: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let suite = std::env::var("STRIDEWISE_SUITE").unwrap_or_else(|_| "quick".to_owned());
    let level: Level = suite.parse().map_err(|error| format!("STRIDEWISE_SUITE: {error}"))?;
    let mut criterion = Criterion::default()
        .warm_up_time(WARM_UP)
        .measurement_time(SAMPLING)
        .sample_size(SAMPLES)
        .nresamples(2000)
        .configure_from_args();
    // In test mode, and where only names are asked for, nothing is left behind.
    let arguments: Vec<String> = std::env::args().collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let measuring = has("--bench") && !has("--test") && !has("--list");
    let mut bench = Bench::new(level)?;
    for item in bench.items() {
        one(&mut criterion, &mut bench, &item, measuring)?;
    }
    criterion.final_summary();
    if measuring {
        let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
        bench.finish(&results)?;
    }
    Ok(())
}

/// The group is the first two parts of the id, the benchmark the rest: Criterion's report then has a page per family.
fn one(criterion: &mut Criterion, bench: &mut Bench, item: &Item, measuring: bool) -> Result<(), String> {
    let id = item.id();
    let Some((group_name, name)) = id.match_indices('/').nth(1).map(|(at, _)| (&id[..at], &id[at + 1..])) else {
        return Err(format!("id {id}: has no parts"));
    };
    let mut group: BenchmarkGroup<'_, WallTime> = criterion.benchmark_group(group_name);
    let walked = item.contender().walked().map_err(|error| format!("{id}: {error}"))?;
    let (read, written) = walked.bytes_read_written();
    group.throughput(Throughput::Bytes(read + written));
    let mut feed = None;
    group.bench_function(name, |bencher| {
        // Mapped on the first call, so that what a filter leaves out costs nothing.
        let (feed, unit) = feed.get_or_insert_with(|| {
            let mut feed = bench.session().feed(item).unwrap_or_else(|error| panic!("{error}"));
            let unit = feed.calibrate(Duration::from_millis(1));
            (feed, unit)
        });
        // An iteration is as many passes as take a millisecond; Criterion is told the time of one pass.
        let unit = if measuring { *unit } else { 1 };
        bencher.iter_custom(|iterations| {
            let mut sum = Duration::ZERO;
            for _ in 0..iterations {
                sum += feed.sample(bench.session(), unit);
            }
            sum / u32::try_from(unit).unwrap_or(u32::MAX)
        });
    });
    group.finish();
    if let Some((feed, _)) = feed {
        bench.keep(feed, LEAST_NS);
    }
    Ok(())
}
