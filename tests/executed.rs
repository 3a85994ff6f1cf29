//! What is executed is what the nest says: valgrind's lackey traces every load and store of a pass, and inside the buffers
//! they are those of the nest, byte by byte and in its order. No loop was optimised away, and none does more.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test")]

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::Command;
use stridewise::kernel::{Kernel, Walk};
use stridewise::nest::Role;
use stridewise::suite::{Case, Walked};

/// Rows, columns, both ways through F order, tiles with remainders, three axes, fields and windows, every kernel, every size
/// of element, whole lines, vectors, stores past the caches, and chases.
const CASES: [&str; 51] = [
    "order/sum/f8/24x17/C/0,1",
    "order/sum/f8/24x17/C/1,0",
    "order/sum/f8/24x17/C/1,0:3",
    "order/sum/f8/24x17/F/0,1",
    "order/sum/f8/24x17/F/1,0",
    "order/sum/f8/24x17/C/0,1/tile=5",
    "order/copy/f8/24x17/C/0,1",
    "order/copy/f8/24x17/C/1,0",
    "order/copy/f8/24x17/C/0,1/tile=7",
    "tile/copy/f8/24x17/C/0,1/dest=F/tile=8",
    "order/fill/f8/24x17/C/0,1",
    "order/fill/f8/24x17/C/1,0",
    "order/fill/f8/24x17/C/0,1/tile=6",
    "order/scale/f8/19x23/C/1,0",
    "order/triad/f8/19x23/C/1,0",
    "order/sum/u1/33x9/C/1,0",
    "order/sum/i2/33x9/C/1,0",
    "order/sum/f4/33x9/C/1,0",
    "order/copy/i8/33x9/C/1,0",
    "order/copy/c16/12x9/C/1,0",
    "ndim/sum/f8/5x6x7/C/2,0,1",
    "order/sum/f8/16x32/C/1,0/walk=line",
    "roof/sum/f8/16x32/C/0,1/walk=stream",
    "roof/copy/f8/16x32/C/0,1/walk=stream",
    "order/sum/f8/24x17/C/1,0/pad=64",
    "latency/chase/f8/40/C/0",
    "transpose/copy/f8/16x24/C/0,1/dest=F/walk=block",
    "transpose/copy/f8/32x48/C/0,1/dest=F/tile=16/walk=block",
    "transpose/copy/f8/32x32/C/0,1/dest=F/leaf=16/walk=block",
    "transpose/copy/f8/16x24/C/0,1/dest=F/stores=nt/walk=block",
    "transpose/copy/f4/32x48/C/0,1/dest=F/walk=block",
    "transpose/copy/c16/12x8/C/0,1/dest=F/walk=block",
    "transpose/copy/f8/24x17/C/1,0/dest=F",
    "transpose/copy/f8/24x17/C/0,1/dest=F/leaf=4",
    "ndim/reduce/f8/24x17/C/0,1/axis=0",
    "ndim/reduce/f8/24x17/C/0,1/axis=1",
    "ndim/reduce/f8/24x17/C/1,0/axis=0",
    "ndim/reduce/f8/24x17/C/0,1/axis=0/walk=stream",
    "ndim/reduce/f8/24x17/C/0,1/axis=1/walk=stream",
    "ndim/reduce/f8/5x6x7/C/0,2,1/axis=1",
    "matmul/matmul/f8/6x7x5/C/0,1,2",
    "matmul/matmul/f8/6x7x5/C/0,2,1",
    "matmul/matmul/f8/6x7x5/C/1,2,0",
    "matmul/matmul/f8/6x7x5/C/2,1,0/tile=4",
    "matmul/matmul/f8/6x7x9/C/0,2,1/walk=stream",
    "matmul/matmul/f4/6x7x5/C/0,1,2/b=F",
    "stencil/stencil5/f8/9x8/C/0,1",
    "stencil/stencil5/f8/9x8/C/1,0",
    "stencil/stencil5/f4/9x8/C/0,1/tile=3",
    "stencil/stencil7/f8/5x6x7/C/0,1,2",
    "stencil/stencil7/f8/5x6x7/C/0,2,1",
];

/// One load or store: where, how many bytes, whether it writes.
type Access = (u64, u64, bool);

struct Traced {
    id: String,
    passes: u64,
    buffers: Vec<(u64, u64)>,
    accesses: Vec<Access>,
}

/// Every access between the marks of each case.
fn traced(program: &PathBuf, cases: &[&str]) -> Vec<Traced> {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("trace");
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=lackey", "--trace-mem=yes"]).arg(format!("--log-file={}", log.display()));
    let output = valgrind.arg(program).args(cases).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (mut mark, mut found) = (0, Vec::<Traced>::new());
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["mark", address] => mark = address.parse().unwrap(),
            ["case", id, passes] => {
                let passes = passes.parse().unwrap();
                found.push(Traced { id: id.to_owned(), passes, buffers: Vec::new(), accesses: Vec::new() });
            }
            ["buffer", address, bytes] => {
                found.last_mut().unwrap().buffers.push((address.parse().unwrap(), bytes.parse().unwrap()));
            }
            _ => panic!("{line}"),
        }
    }
    // Marks seen: odd inside a case.
    let mut marks = 0;
    for line in BufReader::new(File::open(&log).unwrap()).split(b'\n') {
        let line = line.unwrap();
        let (kind, rest) = match &line[..] {
            [b' ', kind @ (b'L' | b'S' | b'M'), b' ', rest @ ..] => (*kind, std::str::from_utf8(rest).unwrap()),
            _ => continue,
        };
        let (address, bytes) = rest.split_once(',').unwrap();
        let (address, bytes) = (u64::from_str_radix(address, 16).unwrap(), bytes.parse().unwrap());
        if address == mark && kind != b'L' {
            marks += 1;
        } else if marks % 2 == 1 {
            let accesses = &mut found[marks / 2].accesses;
            if matches!(kind, b'L' | b'M') {
                accesses.push((address, bytes, false));
            }
            if matches!(kind, b'S' | b'M') {
                accesses.push((address, bytes, true));
            }
        }
    }
    assert_eq!(marks, 2 * found.len(), "a mark before and after each case");
    found
}

/// Bytes that are read, and those that are written, per buffer, in order.
type Bytes = HashMap<(usize, bool), Vec<u64>>;

fn executed(traced: &Traced) -> (Bytes, usize) {
    let (mut bytes, mut number) = (Bytes::new(), 0);
    for &(address, size, writes) in &traced.accesses {
        for (buffer, &(start, length)) in traced.buffers.iter().enumerate() {
            if address < start + length && address + size > start {
                assert!(address >= start && address + size <= start + length, "{}: beyond a buffer", traced.id);
                bytes.entry((buffer, writes)).or_default().extend(address - start..address - start + size);
                number += 1;
            }
        }
    }
    (bytes, number)
}

/// The same as the nest says it.
fn expected(case: &Case, passes: u64) -> (Bytes, usize) {
    let (mut bytes, mut number) = (Bytes::new(), 0);
    let walked = case.walked().unwrap();
    for _ in 0..passes {
        match &walked {
            Walked::Nest(nest) => {
                let (mut runs, inner) = (nest.runs(), nest.inner_steps());
                while let Some(length) = runs.advance() {
                    for step in 0..length {
                        for (index, operand) in nest.operands().iter().enumerate() {
                            // Once per run; what is hoisted shares its buffer with no other operand.
                            if step > 0 && nest.is_hoisted(index) {
                                continue;
                            }
                            let at = u64::try_from(runs.at()[index] + inner[index] * step as i64).unwrap();
                            for writes in [false, true] {
                                if operand.role == Role::Update || writes == (operand.role == Role::Write) {
                                    number += 1;
                                    let all = bytes.entry((operand.buffer, writes)).or_default();
                                    all.extend(at..at + operand.itemsize as u64);
                                }
                            }
                        }
                    }
                }
            }
            Walked::Chase(chase) => {
                let nodes: Vec<u64> = chase.visits().into_iter().map(|node| chase.offset(node)).collect();
                number += nodes.len();
                bytes.entry((0, false)).or_default().extend(nodes.iter().flat_map(|&node| node..node + 8));
            }
        }
    }
    (bytes, number)
}

/// Sorts what is read of the first buffer within each run.
fn sort_runs(case: &Case, passes: u64, mut bytes: &mut [u64]) {
    let walked = case.walked().unwrap();
    let nest = walked.nest().unwrap();
    let reads = nest.operands().iter().filter(|operand| operand.role == Role::Read).count();
    for _ in 0..passes {
        let mut runs = nest.runs();
        while let Some(length) = runs.advance() {
            let (run, rest) = bytes.split_at_mut((length * reads * case.dtype.itemsize()).min(bytes.len()));
            run.sort_unstable();
            bytes = rest;
        }
    }
}

#[test]
fn executed_accesses_are_those_of_the_nest() {
    if !Command::new("valgrind").arg("--version").output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped executed_accesses: valgrind is missing (apt-get install valgrind)");
        return;
    }
    // STRIDEWISE_WALK names the example of another build, such as the release one, whose loops are those that are measured.
    let built = PathBuf::from(env!("CARGO_BIN_EXE_stridewise")).with_file_name("examples").join("walk");
    let given = std::env::var_os("STRIDEWISE_WALK").map(PathBuf::from);
    if given.is_none() && !built.exists() {
        // `cargo test` builds the examples, `cargo test --test executed` does not.
        let cargo = Command::new(env!("CARGO")).args(["build", "--quiet", "--example", "walk"]).status();
        assert!(cargo.is_ok_and(|status| status.success()), "the example walk cannot be built");
    }
    let program = given.unwrap_or(built);
    for traced in traced(&program, &CASES) {
        let case: Case = traced.id.parse().unwrap();
        let (mut found, accesses) = executed(&traced);
        let (mut wanted, steps) = expected(&case, traced.passes);
        let by_element = case.options.walk == Walk::Element;
        if by_element {
            // A complex number is two loads.
            let per_step = if case.dtype.itemsize() == 16 { [1, 2] } else { [1, 1] };
            assert!(per_step.map(|each| each * steps).contains(&accesses), "{}: {accesses} for {steps}", traced.id);
            if matches!(case.kernel, Kernel::Stencil5 | Kernel::Stencil7) {
                // The compiler orders the loads of a few steps as it likes; every run has those of its own steps.
                for bytes in [&mut found, &mut wanted] {
                    sort_runs(&case, traced.passes, bytes.get_mut(&(0, false)).unwrap());
                }
            }
        } else {
            // Vectors have an order of their own inside a line or a block.
            found.values_mut().chain(wanted.values_mut()).for_each(|bytes| bytes.sort_unstable());
        }
        assert!(!found.is_empty(), "{}: nothing was executed", traced.id);
        let shorter = |bytes: &Bytes| {
            let mut lengths: Vec<_> = bytes.iter().map(|(key, bytes)| (*key, bytes.len())).collect();
            lengths.sort_unstable();
            lengths
        };
        assert_eq!(shorter(&found), shorter(&wanted), "{}: bytes per buffer, read and written", traced.id);
        assert!(found == wanted, "{}: another order", traced.id);
        eprintln!("{} ({} passes): {accesses} accesses, all of the nest", traced.id, traced.passes);
    }
}
