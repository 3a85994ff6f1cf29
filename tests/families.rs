//! Families end to end: what a run leaves is held against physics.

use serde_json::Value;
use std::fs;
use std::process::Command;
use stridewise::host::Host;
use stridewise::suite::Machine;

/// The lines of the bundle of a short run of one family of the quick suite.
fn family(name: &str) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let arguments = ["run", "--suite", "quick", "--family", name, "--budget", "3s", "--quiet", "--out"];
    let output = Command::new(env!("CARGO_BIN_EXE_stridewise")).args(arguments).arg(&out).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = fs::read_to_string(out.join("bundle.jsonl")).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let id =
        |line: &Value| [&line["id"], &line["case"]["id"]].into_iter().find_map(|id| id.as_str().map(str::to_owned));
    lines.filter(|line| id(line).is_some_and(|id| id.starts_with(&format!("{name}/")))).collect()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn a_chase_misses_where_its_nodes_do_not_fit() {
    let machine = Machine::of_host(&Host::probe());
    let cases = family("latency");
    assert_eq!(cases.len(), 2);
    for (case, level) in cases.iter().zip([0, 1]) {
        let info = &case["case"];
        assert_eq!(info["kernel"], "chase");
        // One load of 8 bytes per node, one node per line.
        assert_eq!(number(&info["accesses"]) * 64.0, number(&info["footprint_bytes"]));
        assert_eq!(number(&info["bytes_read"]), 8.0 * number(&info["accesses"]));
        assert!(number(&info["footprint_bytes"]) as u64 <= machine.caches[level] / 2);
        if case["simulated"].is_null() {
            assert!(case["simulated_absent"].is_string(), "{case}");
            continue;
        }
        let levels = &case["simulated"]["warm"]["levels"];
        let (accesses, fits) = (number(&info["accesses"]), number(&levels[level]["misses"]));
        assert_eq!(fits, 0.0, "{case}");
        if level > 0 {
            // A cycle longer than a cache of least recent use misses it at every node.
            assert!(number(&levels[0]["misses"]) > 0.9 * accesses, "{case}");
        }
    }
}

/// Other CPUs have no such stores.
#[cfg(target_arch = "x86_64")]
#[test]
fn stores_past_the_caches_leave_what_plain_ones_leave() {
    for pair in family("write") {
        assert_eq!(pair["kind"], "pair", "{pair}");
        assert_eq!(pair["contender"]["options"]["stores"], "nt");
        assert_eq!(pair["baseline"]["checksum"], pair["contender"]["checksum"]);
        assert_eq!(pair["baseline"]["bytes_written"], pair["contender"]["bytes_written"]);
    }
}

#[test]
fn workers_compute_what_one_thread_computes_or_are_skipped_with_the_reason() {
    let cpus = Machine::of_host(&Host::probe()).cpus;
    let records = family("threads");
    assert_eq!(records.len(), 2);
    for record in records {
        if cpus < 2 {
            assert!(record.to_string().contains("this process may use 1 CPUs"), "{record}");
            continue;
        }
        let (baseline, contender) = (&record["baseline"], &record["contender"]);
        assert_eq!(number(&contender["threads"]), f64::from(cpus));
        assert_eq!(baseline["accesses"], contender["accesses"]);
        if contender["options"]["repeat"].is_null() {
            assert_eq!(baseline["checksum"], contender["checksum"]);
        } else {
            assert_eq!((&contender["strides"][0], &baseline["strides"][0]), (&8.into(), &128.into()));
        }
    }
}

/// Both members compute the same, on the counts that their nests declare.
#[test]
fn a_product_a_stencil_and_a_sum_along_an_axis_give_one_result_in_every_order() {
    for (name, steps) in [("matmul", 3), ("stencil", 2), ("ndim", 0)] {
        let pairs = family(name);
        assert!(!pairs.is_empty(), "{name}");
        for pair in pairs {
            let (baseline, contender) = (&pair["baseline"], &pair["contender"]);
            assert_eq!(baseline["checksum"], contender["checksum"], "{name}");
            assert!(number(&contender["accesses"]) > 0.0);
            if steps > 0 {
                assert_eq!(contender["shape"].as_array().unwrap().len(), steps, "{name}");
            }
        }
    }
}

#[test]
fn a_transposed_copy_moves_the_bytes_of_a_plain_one() {
    let pairs = family("transpose");
    assert_eq!(pairs.len(), 2);
    for pair in pairs {
        if pair["kind"] != "pair" {
            assert_ne!(std::env::consts::ARCH, "x86_64", "{pair}");
            continue;
        }
        for key in ["bytes_read", "bytes_written", "footprint_bytes"] {
            assert_eq!(pair["baseline"][key], pair["contender"][key], "{key}");
        }
        assert_eq!(pair["contender"]["options"]["dest"], "F");
    }
}

#[test]
fn an_idiom_computes_what_the_kernel_computes() {
    let pairs = family("idiom");
    assert!(!pairs.is_empty());
    for pair in pairs {
        assert_eq!(pair["contender"]["options"]["idiom"], "index");
        assert_eq!(pair["baseline"]["checksum"], pair["contender"]["checksum"]);
        assert_eq!(pair["baseline"]["loop"], pair["contender"]["loop"]);
    }
}
