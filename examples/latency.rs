//! Latency of loads that wait for each other: `latency BYTES [key=value…]`, nanoseconds and cycles per load.
//!
//! A random cycle over the whole set, one node per `pitch` bytes. Keys: `pages=base|huge`, `pitch=64`, `chains=1`,
//! `seed=1`, `ms=N` (per sample), `samples=N`. Prints the median sample, and its cycles by a loop of dependent additions
//! that is timed around every sample.

use std::error::Error;
use std::time::Instant;
use stridewise::host::frequency_probe;
use stridewise::kernel::Cycle;
use stridewise::memory::{Buffer, PagePolicy};
use stridewise::nest::Chase;
use stridewise::units::parse_bytes;

type Failure = Box<dyn Error>;

struct Wanted {
    chase: Chase,
    chains: usize,
    pages: PagePolicy,
    milliseconds: u64,
    samples: usize,
}

fn wanted(arguments: &[String]) -> Result<Wanted, Failure> {
    let [bytes, keys @ ..] = arguments else { return Err("usage: latency BYTES [key=value…]".into()) };
    let bytes = parse_bytes(bytes).ok_or("BYTES: expected a size such as 16384 or 256MiB")?;
    let (mut pages, mut pitch, mut chains, mut seed) = (PagePolicy::Base, 64, 1, 1);
    let (mut milliseconds, mut samples) = (50, 9);
    for key in keys {
        match key.split_once('=').ok_or("expected key=value")? {
            ("pages", value) => pages = value.parse()?,
            ("pitch", value) => pitch = value.parse()?,
            ("chains", value) => chains = value.parse()?,
            ("seed", value) => seed = value.parse()?,
            ("ms", value) => milliseconds = value.parse()?,
            ("samples", value) => samples = value.parse()?,
            (other, _) => return Err(format!("unknown key {other}").into()),
        }
    }
    let chase = Chase { nodes: usize::try_from(bytes)? / std::cmp::max(pitch, 1), pitch, seed };
    Ok(Wanted { chase, chains, pages, milliseconds, samples })
}

/// Nanoseconds and cycles per load.
fn measure(wanted: &Wanted) -> Result<(f64, f64), Failure> {
    let mut buffer = Buffer::new(wanted.chase.buffer_bytes(), wanted.pages, 0)?;
    let cycle = Cycle::new(wanted.chase, wanted.chains)?;
    cycle.lay(&mut buffer)?;
    let timed = |passes: u64| -> Result<f64, Failure> {
        let start = Instant::now();
        std::hint::black_box(cycle.run(&buffer, passes)?);
        Ok(start.elapsed().as_nanos() as f64)
    };
    let mut passes = 1;
    while timed(passes)? < wanted.milliseconds as f64 * 500_000.0 {
        passes *= 2;
    }
    let mut samples = Vec::new();
    for _ in 0..wanted.samples.max(1) {
        let ns = timed(passes)? / passes as f64 / wanted.chase.nodes as f64;
        let start = Instant::now();
        let clock = frequency_probe(2_000_000, || u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX));
        samples.push((ns, ns / clock.ns_per_add()));
    }
    samples.sort_by(|a, b| a.0.total_cmp(&b.0));
    Ok(samples[samples.len() / 2])
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (ns, cycles) = measure(&wanted(&arguments)?)?;
    #[expect(clippy::print_stdout, reason = "an example for scripts")]
    {
        println!("{ns:.3} {cycles:.2}");
    }
    Ok(())
}
