//! Counts the same sum row-wise and column-wise with every event that this machine has, as the library does it.
//!
//! `cargo run --release --example count -- [N [ROUNDS]]`: an N x N array of f8 in C order.
#![allow(clippy::print_stdout, reason = "an example shows its result")]

use std::hint::black_box;
use stridewise::counters::{Overhead, Set, Tally, catalogue, derive};
use stridewise::host::{Host, pin};

/// The number at `position` on the command line.
fn argument(position: usize, otherwise: usize) -> usize {
    std::env::args().nth(position).and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

fn row_wise(data: &[f64], n: usize) -> f64 {
    (0..n).map(|row| (0..n).map(|column| black_box(data[row * n + column])).sum::<f64>()).sum()
}

fn column_wise(data: &[f64], n: usize) -> f64 {
    (0..n).map(|column| (0..n).map(|row| black_box(data[row * n + column])).sum::<f64>()).sum()
}

fn main() {
    let (n, rounds) = (argument(1, 1024), argument(2, 5));
    let host = Host::probe();
    let _pinned = pin(host.looked_at).ok();
    let events = catalogue(&host);
    let mut set = Set::open(&events);
    let start = std::time::Instant::now();
    let clock = || u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
    let overhead = Overhead::measure(&mut set, 15, clock);
    println!("{} groups of hardware events; an empty block takes {} ns", set.groups(), overhead.ns);

    let data: Vec<f64> = vec![1.0; n * n];
    let accesses = (n * n) as u64;
    let mut tallies = [Tally::default(), Tally::default()];
    for _ in 0..rounds * set.groups().max(1) {
        for (tally, walk) in tallies.iter_mut().zip([row_wise, column_wise]) {
            set.enable();
            black_box(walk(&data, n));
            set.disable();
            tally.add(&overhead.taken_off(&set.read()), accesses);
        }
        set.rotate();
    }

    println!("{n}x{n} f8, C order, per access:\n{:28}  {:>10}  {:>10}", "", "row-wise", "column-wise");
    let figure = |tally: &Tally, index: usize| {
        let total = &tally.totals()[index];
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let per_access = total.reading.value().map(|value| format!("{:.5}", value as f64 / total.accesses as f64));
        per_access.ok_or_else(|| total.reading.reason().map(|reason| reason.to_string()).unwrap_or_default())
    };
    for (index, event) in events.iter().enumerate() {
        match (figure(&tallies[0], index), figure(&tallies[1], index)) {
            (Ok(row), Ok(column)) => println!("{:28}  {row:>10}  {column:>10}", event.name),
            (Err(reason), _) | (_, Err(reason)) => println!("{:28}  {reason}", event.name),
        }
    }
    for (name, tally) in ["row-wise", "column-wise"].into_iter().zip(&tallies) {
        let derived = derive(&events, tally.totals(), accesses / 8, accesses);
        let shown = |figure: Option<f64>| figure.map_or_else(|| "not counted".to_owned(), |f| format!("{f:.2}"));
        println!("{name}: cycles per access {}, IPC {}", shown(derived.cycles_per_access), shown(derived.ipc));
        for at in &derived.misses {
            let per_line = shown(at.per_line);
            println!(
                "  misses at {}: {:.3} per access, {per_line} per line ({})",
                at.place.name(),
                at.per_access,
                at.event
            );
        }
        if !derived.estimated.is_empty() {
            println!("  estimated, since counters were shared: {}", derived.estimated.join(", "));
        }
    }
}
