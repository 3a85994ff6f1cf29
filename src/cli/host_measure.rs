//! `stridewise host --measure`: the caches and TLBs that a pointer chase shows, beside those that the machine names.

use super::exit::{Exit, Failure};
use super::output::{push, table, wrapped};
use crate::advise::infer::{Inferred, Level};
use crate::advise::{Beside, Chases, beside};
use crate::bundle::{CaseRecord, Record};
use crate::host::Host;
use crate::kernel::{Isa, Kernel};
use crate::layout::{DType, Order};
use crate::measure::{Measured, Observer, Session, Settings};
use crate::memory::PagePolicy;
use crate::nest::LoopOrder;
use crate::stats::Interval;
use crate::suite::{Case, Item, Machine, Pace, SETTLING_PASSES};
use crate::units::{bytes_long, count, nanos};
use serde::Serialize;
use std::sync::atomic::AtomicBool;

/// Points per octave: as far as the private caches reach, in the shared last cache, and beyond, where setting up a cycle
/// takes longer than measuring it.
const PER_OCTAVE: [f64; 3] = [16.0, 8.0, 4.0];
/// Up to this size there are most points.
const PRIVATE: f64 = 2_097_152.0;
/// Smallest set of a dense chase, bytes, and of a page chase, pages.
const SMALLEST: [f64; 2] = [4096.0, 8.0];
/// The largest dense chase against the last cache: far enough beyond that a plateau shows.
const BEYOND: f64 = 4.0;
/// Bytes up to which a chase goes at first. Last caches of hundreds of megabytes are shared, and a tenant's part mostly
/// ends far below; a pass over two gigabytes takes seconds.
const AT_FIRST: f64 = 134_217_728.0;
/// Pages that are chased at most against the entries of the last TLB.
const BEYOND_TLB: f64 = 4.0;
/// Entries of the last TLB where the machine does not tell.
const ENTRIES: u32 = 2048;
/// One placement of 15 ms per point, a quarter of a pair's: some five hundred points take a minute.
const PACE: Pace =
    Pace { placements: 1, placement_ns: 60_000_000, sample_ns: 1_000_000, least_rounds: 5, settling: SETTLING_PASSES };
/// Where a pass takes longer than that its loads are so many that one is enough.
const FAR_PACE: Pace = Pace { least_rounds: 1, ..PACE };

/// What the chases show of the machine.
pub(super) struct Shown {
    caches: Vec<Beside>,
    tlbs: Vec<Beside>,
    beyond: Option<Interval>,
}

/// What was measured, and why something was not.
#[derive(Default)]
struct Keeper {
    cases: Vec<CaseRecord>,
    why: Option<String>,
}

impl Observer for Keeper {
    fn started(&mut self, _: usize, _: &str) {}

    fn finished(&mut self, _: usize, measured: Measured) -> std::io::Result<()> {
        match Record::of(measured) {
            Record::Case(record) => self.cases.push(record),
            Record::Skipped(skipped) => self.why = Some(format!("{}: {}", skipped.id, skipped.reason)),
            _ => {}
        }
        Ok(())
    }
}

/// Chases through sets of all sizes: about a minute; more if the last cache reaches far.
pub(super) fn measure(host: &Host) -> Result<Shown, Failure> {
    let page = host.pages.base.value().copied().unwrap_or(4096);
    let line: u64 = host.data_caches().iter().find_map(|cache| cache.line).unwrap_or(64).into();
    let stop = AtomicBool::new(false);
    let failed = |error: crate::measure::Error| Failure::new(Exit::Impossible, format!("--measure: {error}"));
    let mut keeper = Keeper::default();
    let run = |items: &[Item], pace: Pace, keeper: &mut Keeper| {
        Session::new(Settings::of_host(host, 1, pace, None, Isa::best()), host, &stop)?.run(items, keeper)
    };
    let (first, far) = items(host, page, line);
    run(&first, PACE, &mut keeper).map_err(failed)?;
    let mut found = Chases { cases: &keeper.cases, page, line }.caches();
    let left = found.as_ref().is_some_and(|found| has_left(found, host.data_caches().len()));
    if !left && !far.is_empty() {
        run(&far, FAR_PACE, &mut keeper).map_err(failed)?;
        found = Chases { cases: &keeper.cases, page, line }.caches();
    }
    if let Some(why) = keeper.why.filter(|_| keeper.cases.is_empty()) {
        return Err(Failure::new(Exit::Impossible, format!("--measure: nothing could be measured: {why}")));
    }
    let found_tlbs = Chases { cases: &keeper.cases, page, line }.tlbs();
    let caches: Vec<(String, u64)> = host.data_caches().iter().map(|cache| (cache.name(), cache.bytes)).collect();
    let tlbs: Vec<(String, u64)> =
        host.data_tlbs(page).iter().map(|tlb| (format!("L{} dTLB", tlb.level), tlb.entries.into())).collect();
    Ok(Shown {
        caches: beside(&caches, found.as_ref(), bytes_long),
        tlbs: beside(&tlbs, found_tlbs.as_ref(), pages),
        beyond: found.map(|Inferred { beyond, .. }| beyond),
    })
}

fn pages(pages: u64) -> String {
    format!("{} pages", count(pages))
}

/// Whole numbers from `from` to `to`, `per` to an octave, no number twice.
fn sizes(from: f64, to: f64, per: f64) -> Vec<usize> {
    let step = |i: i32| from * 2_f64.powf(f64::from(i) / per);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "numbers of nodes")]
    let mut sizes: Vec<usize> =
        (0..).map(step).take_while(|size| *size <= to).map(|size| size.round() as usize).collect();
    sizes.dedup();
    sizes
}

/// Nodes of the dense chase.
fn dense(line: f64, last: f64) -> Vec<usize> {
    let ends = [SMALLEST[0], PRIVATE.min(last), last, last * BEYOND];
    let part = |i: usize| sizes(ends[i] / line, ends[i + 1] / line, PER_OCTAVE[i]);
    let mut nodes: Vec<usize> = (0..3).flat_map(part).collect();
    nodes.dedup();
    nodes
}

/// Whether the first chases have left all `caches` behind, by an octave and more.
fn has_left(found: &Inferred, caches: usize) -> bool {
    found.levels.len() >= caches && found.levels.last().is_some_and(|last| 2.0 * last.range[1] < AT_FIRST)
}

/// The dense chase on huge pages where there are some, and both chases on base pages as far as the TLBs need them; and
/// the dense chases that are needed only if the last cache reaches so far.
fn items(host: &Host, page: u64, line: u64) -> (Vec<Item>, Vec<Item>) {
    let machine = Machine::of_host(host);
    let entries = host.data_tlbs(page).iter().map(|tlb| tlb.entries).max().unwrap_or(ENTRIES);
    let most_pages = f64::from(entries) * BEYOND_TLB;
    let chase = |nodes: usize, pitch: u64, pages: PagePolicy| {
        let case = Case::new(Kernel::Chase, DType::F8, &[nodes], Order::C, LoopOrder::identity(1)).in_family("latency");
        let pitch = usize::try_from(pitch).unwrap_or(64);
        Item::Solo { case: case.with(|options| (options.pitch, options.pages) = (pitch, pages)) }
    };
    let dense_policy = if machine.huge_pages { PagePolicy::Huge } else { PagePolicy::Base };
    let dense = dense(line as f64, machine.last() as f64);
    let mut items: Vec<Item> = dense.iter().map(|&nodes| chase(nodes, line, dense_policy)).collect();
    for nodes in sizes(SMALLEST[1], most_pages, PER_OCTAVE[0]) {
        if dense_policy == PagePolicy::Huge {
            items.push(chase(nodes, line, PagePolicy::Base));
        }
        // A line further in every page, or all nodes would meet in one set of the first cache.
        items.push(chase(nodes, page + line, PagePolicy::Base));
    }
    items.retain(|item| machine.lacks(item).is_none());
    items.into_iter().partition(|item| item.footprint() as f64 <= AT_FIRST)
}

/// For people.
pub(super) fn text(text: &mut String, shown: &Shown) {
    let mut rows = table(&["", "named", "measured", "95 %", "left from … to", "latency"], 1);
    for (level, unit) in shown
        .caches
        .iter()
        .map(|row| (row, bytes_long as fn(u64) -> String))
        .chain(shown.tlbs.iter().map(|row| (row, pages as fn(u64) -> String)))
    {
        rows.add_row(row(level, unit));
    }
    if let Some(beyond) = shown.beyond {
        let dash = || "-".to_owned();
        rows.add_row(["memory".to_owned(), dash(), dash(), dash(), dash(), nanos(beyond.estimate)]);
    }
    push(text, rows.lines());
    for remark in shown.caches.iter().chain(&shown.tlbs).filter_map(|row| row.remark.as_ref()) {
        text.push_str(" → ");
        wrapped(text, remark, 3);
    }
}

fn row(row: &Beside, unit: fn(u64) -> String) -> [String; 6] {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size")]
    let size = |size: f64| unit(rounded(size) as u64);
    let dash = || "-".to_owned();
    let named = row.nominal.map_or_else(dash, unit);
    let Some(Level { capacity, range, latency, resolved }) = row.found else {
        return [row.name.clone(), named, "unresolved".to_owned(), dash(), dash(), dash()];
    };
    let estimate = if resolved { size(capacity.estimate) } else { format!("unresolved, ~{}", size(capacity.estimate)) };
    [
        row.name.clone(),
        named,
        estimate,
        format!("{} to {}", size(capacity.low), size(capacity.high)),
        format!("{} to {}", size(range[0]), size(range[1])),
        nanos(latency.estimate),
    ]
}

/// Three digits of a size in binary units.
fn rounded(size: f64) -> f64 {
    let unit = if size >= 1_048_576.0 {
        65_536.0
    } else if size >= 8192.0 {
        256.0
    } else {
        1.0
    };
    (size / unit).round() * unit
}

/// A level in `schema/host-1.json`.
#[derive(Serialize)]
pub(super) struct LevelFacts {
    name: String,
    /// Bytes, or pages of a TLB.
    nominal: Option<u64>,
    /// Estimate, low, high; null where the curve shows no such level.
    capacity: Option<[f64; 3]>,
    /// From a tenth of the accesses missing to nine tenths.
    range: Option<[f64; 2]>,
    latency_ns: Option<[f64; 3]>,
    resolved: bool,
    remark: Option<String>,
}

/// What `--measure` adds to `schema/host-1.json`.
#[derive(Serialize)]
pub(super) struct Facts {
    caches: Vec<LevelFacts>,
    tlbs: Vec<LevelFacts>,
    memory_latency_ns: Option<[f64; 3]>,
}

/// For programs.
pub(super) fn facts(shown: &Shown) -> Facts {
    let interval = |interval: Interval| [interval.estimate, interval.low, interval.high];
    let fact = |row: &Beside| LevelFacts {
        name: row.name.clone(),
        nominal: row.nominal,
        capacity: row.found.map(|level| interval(level.capacity)),
        range: row.found.map(|level| level.range),
        latency_ns: row.found.map(|level| interval(level.latency)),
        resolved: row.found.is_some_and(|level| level.resolved),
        remark: row.remark.clone(),
    };
    Facts {
        caches: shown.caches.iter().map(fact).collect(),
        tlbs: shown.tlbs.iter().map(fact).collect(),
        memory_latency_ns: shown.beyond.map(interval),
    }
}
