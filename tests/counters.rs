//! Counters on the real kernel: software events need no PMU, so they are held to exact figures.
#![cfg(target_os = "linux")]
#![allow(clippy::print_stderr, reason = "a skipped test says why")]

mod support;

use memmap2::MmapMut;
use rayon::prelude::*;
use serde_json::Value;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use stridewise::counters::{Event, EventStatus, GENERIC, Kind, Overhead, PoolSets, Reading, Reason, Set};
use stridewise::host::{Affinity, pinned_pool};

const PAGES: usize = 4_000;

fn software() -> Vec<Event> {
    GENERIC.into_iter().filter(|event| matches!(event.kind, Kind::Software(_))).collect()
}

fn find<'a>(readings: &'a [Reading], name: &str) -> &'a Reading {
    readings.iter().find(|reading| reading.event() == name).unwrap()
}

/// Whether page faults can be counted here; a test that cannot says why and ends.
fn can_count(test: &str) -> bool {
    let status = Set::open(&software()).statuses().into_iter().find(|status| status.event == "page-faults").unwrap();
    if let Some(reason) = status.reason {
        eprintln!("skipped {test}: page-faults: {reason}");
    }
    status.available
}

/// Touches fresh pages; the mapping is advised against huge pages, so that each is one fault.
fn touch(pages: usize) {
    let mut map = MmapMut::map_anon(pages * 4096).unwrap();
    let _ = map.advise(memmap2::Advice::NoHugePage);
    for page in 0..pages {
        map[page * 4096] = 1;
    }
    std::hint::black_box(&map);
}

fn is_4k() -> bool {
    stridewise::host::Host::probe().pages.base.value() == Some(&4096)
}

fn block(set: &mut Set, work: impl FnOnce()) -> Vec<Reading> {
    set.enable();
    work();
    set.disable();
    set.read()
}

fn assert_faults(reading: &Reading, pages: usize) {
    let faults = reading.value().unwrap_or_else(|| panic!("{reading:?}"));
    let pages = u64::try_from(pages).unwrap();
    assert!(faults >= pages && faults <= pages + pages / 100, "{faults} faults for {pages} pages");
    assert!(reading.is_exact());
}

#[test]
fn fresh_pages_are_counted_within_one_per_cent_block_by_block() {
    if !can_count("fresh_pages") || !is_4k() {
        return;
    }
    let mut set = Set::open(&software());
    for pages in [PAGES, 2 * PAGES, PAGES] {
        let readings = block(&mut set, || touch(pages));
        assert_faults(find(&readings, "page-faults"), pages);
        assert!(find(&readings, "task-clock").value().unwrap() > 0);
        touch(PAGES); // outside the block
    }
    let empty = block(&mut set, || ());
    assert_eq!(find(&empty, "page-faults").value(), Some(0), "it ran, so zero is a count");
}

#[test]
fn a_group_of_all_events_counts_what_the_kernel_can_and_names_the_rest() {
    if !can_count("all_events") || !is_4k() {
        return;
    }
    let mut set = Set::open(&GENERIC);
    let turns = set.groups().max(1);
    for _ in 0..turns {
        let readings = block(&mut set, || touch(PAGES));
        assert_eq!(readings.len(), GENERIC.len());
        assert_faults(find(&readings, "page-faults"), PAGES);
        for (reading, status) in readings.iter().zip(set.statuses()) {
            match status.reason {
                Some(reason) => assert_eq!(reading.reason(), Some(reason)),
                None => assert!(matches!(reading.reason(), None | Some(Reason::OtherGroup))),
            }
        }
        set.rotate();
    }
}

#[test]
fn more_hardware_events_than_counters_take_turns_and_none_is_an_estimate() {
    const NAMES: [&str; 16] =
        ["c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9", "c10", "c11", "c12", "c13", "c14", "c15"];
    let cycles = *GENERIC.iter().find(|event| event.name == "cycles").unwrap();
    let events = NAMES.map(|name| Event { name, ..cycles });
    let mut set = Set::open(&events);
    if let Some(reason) = set.statuses()[0].reason {
        eprintln!("skipped more_hardware_events: cycles: {reason}");
        return;
    }
    let mut seen = [0_u64; NAMES.len()];
    for _ in 0..set.groups() {
        let readings = block(&mut set, || {
            std::hint::black_box(stridewise::host::dependent_adds(2_000_000));
        });
        let counted = readings.iter().filter(|reading| reading.value().is_some());
        assert!(counted.clone().count() > 0 && counted.clone().all(Reading::is_exact), "{readings:?}");
        assert!(counted.clone().all(|reading| reading.value() > Some(500_000)), "{readings:?}");
        for (seen, reading) in seen.iter_mut().zip(&readings) {
            *seen += u64::from(reading.value().is_some());
        }
        set.rotate();
    }
    assert_eq!(seen, [1; NAMES.len()], "each has its turn once in {} groups", set.groups());
    eprintln!("{} events in {} groups", NAMES.len(), set.groups());
}

#[test]
fn each_worker_counts_its_own_faults_and_the_sum_is_theirs() {
    if !can_count("workers") || !is_4k() {
        return;
    }
    let cpus = Affinity::at_start().cpus().to_vec();
    let pool = pinned_pool(&cpus).unwrap();
    let mut sets = PoolSets::open(&pool, &software());
    for _ in 0..2 {
        sets.enable();
        pool.broadcast(|worker| touch(PAGES * (worker.index() + 1)));
        sets.disable();
        let readings = sets.read();
        for (index, worker) in readings.workers.iter().enumerate() {
            assert_faults(find(worker, "page-faults"), PAGES * (index + 1));
        }
        let all = PAGES * cpus.len() * (cpus.len() + 1) / 2;
        assert_faults(find(&readings.sum, "page-faults"), all);
    }
}

#[test]
fn work_of_a_pool_counts_on_its_workers_and_not_on_the_caller() {
    if !can_count("pool") || !is_4k() {
        return;
    }
    let pool = pinned_pool(Affinity::at_start().cpus()).unwrap();
    let (mut sets, mut own) = (PoolSets::open(&pool, &software()), Set::open(&software()));
    sets.enable();
    own.enable();
    pool.install(|| (0..32).into_par_iter().for_each(|_| touch(PAGES / 8)));
    own.disable();
    sets.disable();
    assert_faults(find(&sets.read().sum, "page-faults"), 32 * (PAGES / 8));
    assert!(find(&own.read(), "page-faults").value().unwrap() < 100);
}

#[test]
fn switches_happen_in_the_kernel_and_are_counted_there() {
    let events = software();
    let mut set = Set::open(&events);
    let switches = set.statuses().into_iter().find(|status| status.event == "context-switches").unwrap();
    if let Some(reason) = switches.reason {
        eprintln!("skipped switches: {reason}");
        return;
    }
    let readings = block(&mut set, || (0..20).for_each(|_| std::thread::sleep(std::time::Duration::from_micros(100))));
    assert!(find(&readings, "context-switches").value().unwrap() >= 20);
}

#[test]
fn an_empty_block_costs_no_faults() {
    if !can_count("overhead") {
        return;
    }
    let mut set = Set::open(&software());
    let mut ticks = 0;
    let overhead = Overhead::measure(&mut set, 9, || {
        ticks += 500;
        ticks
    });
    assert_eq!((overhead.blocks, overhead.ns), (9, 500));
    let cost = |name: &str| overhead.counts.iter().find(|(event, _)| event == name).unwrap().1;
    assert_eq!(cost("page-faults"), 0);
    assert!(cost("task-clock") > 0);
    let readings = block(&mut set, || touch(10));
    let without = overhead.taken_off(&readings);
    assert!(find(&without, "task-clock").value() < find(&readings, "task-clock").value());
}

/// The program where every user can start it.
fn program() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stridewise");
    std::fs::copy(env!("CARGO_BIN_EXE_stridewise"), &path).unwrap();
    for made in [folder.path(), &path] {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(made, mode).unwrap();
    }
    (folder, path)
}

fn events_of(command: &mut Command) -> Vec<Value> {
    let output = command.args(["host", "--format", "json"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    document["counters"].as_array().unwrap().clone()
}

#[test]
fn a_container_that_denies_the_call_is_named_as_the_reason() {
    if !support::seccomp::is_there() {
        return;
    }
    for errno in [1, 38] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stridewise"));
        support::seccomp::deny_perf_event_open(&mut command, errno);
        for event in events_of(&mut command) {
            assert_eq!(event["available"], false);
            assert_eq!(event["reason"]["code"], "denied", "{event}");
            assert_eq!(event["reason"]["errno"], errno, "{event}");
            assert!(event["remedy"].as_str().unwrap().contains("seccomp"));
        }
    }
}

#[test]
fn a_user_without_rights_is_told_the_setting_that_forbids_it() {
    let paranoid = std::fs::read_to_string("/proc/sys/kernel/perf_event_paranoid").unwrap_or_default();
    let Ok(level) = paranoid.trim().parse::<i64>() else {
        eprintln!("skipped a_user_without_rights: no perf_event_paranoid on this kernel");
        return;
    };
    let denied = |status: &EventStatus| matches!(status.reason, Some(Reason::Denied { .. } | Reason::NoSyscall { .. }));
    if let Some(status) = Set::open(&software()).statuses().into_iter().find(denied) {
        eprintln!("skipped a_user_without_rights: {:?} already denies all of it", status.reason);
        return;
    }
    let (_folder, program) = program();
    let mut command = Command::new(program);
    if std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0) {
        command.uid(65_534).gid(65_534);
    }
    let events = events_of(&mut command);
    let event = |name: &str| events.iter().find(|event| event["event"] == name).unwrap().clone();
    let switches = event("context-switches");
    match level {
        ..=1 => assert_eq!(switches["available"], true, "{switches}"),
        _ => {
            assert_eq!(switches["reason"]["code"], "paranoid", "{switches}");
            assert_eq!((&switches["reason"]["level"], &switches["reason"]["needs"]), (&level.into(), &1.into()));
        }
    }
    let faults = event("page-faults");
    // Beyond 2 it depends on the distribution: Debian's kernels forbid it, kernel.org's do not.
    assert!(faults["available"] == true || level > 2 && faults["reason"]["code"] == "paranoid", "{faults}");
}

/// What `cargo bench` does: every sample that Criterion takes carries the counts of its events, or none does.
#[test]
fn samples_of_a_bench_carry_their_counts() {
    let mut bench = stridewise::cli::bench::Bench::new(stridewise::suite::Level::Quick).unwrap();
    let pair = bench.items().into_iter().find(|item| item.baseline().is_some()).unwrap();
    let counts = bench.session().events().iter().any(|event| event.available);
    let mut feed = bench.session().feed(&pair).unwrap();
    for _ in 0..6 {
        feed.sample(bench.session(), 2);
    }
    let stridewise::measure::Members::Pair { blocks, .. } = feed.finish(0).members.unwrap() else {
        panic!("a pair has two members")
    };
    let [block] = blocks.as_slice() else { panic!("one number of passes is one block") };
    assert_eq!(block.counts.is_some(), counts, "events count, or no sample has any");
    for events in block.counts.iter().flat_map(|counts| [&counts.baseline, &counts.contender]) {
        assert!(!events.is_empty());
        for (event, values) in events {
            assert_eq!(values.len(), 12, "{event}");
            assert!(values.iter().any(Option::is_some), "{event}");
        }
        // The arrays were filled: a timed pass touches no fresh page.
        if let Some(faults) = events.get("page-faults") {
            assert!(faults.iter().flatten().sum::<u64>() <= 2, "{faults:?}");
        }
    }
}
