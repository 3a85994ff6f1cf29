//! Runs cases once each with a mark before and after, so that a tool that traces memory can tell what a pass accesses.
//!
//! `walk ID[:PASSES]…`; prints where the mark is, then per case its id and the address and length of each buffer. The mark is
//! stored to before and after the passes of each case. `tests/executed.rs` and `scripts/executed.sh` read such a trace.
#![allow(clippy::print_stdout, reason = "an example shows its result")]

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use stridewise::kernel::{Cycle, Isa, Program, Runner};
use stridewise::memory::Buffer;
use stridewise::suite::{Case, Walked};

type Fallible<T> = Result<T, Box<dyn std::error::Error>>;

static MARK: AtomicU64 = AtomicU64::new(0);

fn walk(text: &str) -> Fallible<()> {
    let (id, passes) = text.split_once(':').unwrap_or((text, "1"));
    let case: Case = id.parse()?;
    let walked = case.walked()?;
    let runner: Box<dyn Runner> = match &walked {
        Walked::Nest(nest) => {
            let options = &case.options;
            Box::new(Program::new(case.kernel, case.dtype, options.walk, options.stores, Isa::best(), nest)?)
        }
        Walked::Chase(chase) => Box::new(Cycle::new(*chase, case.options.chains)?),
    };
    let buffers = walked.buffers().into_iter().map(|bytes| Buffer::new(bytes, case.options.pages, 0));
    let mut buffers = buffers.collect::<Result<Vec<_>, _>>()?;
    // Only a chase needs to be laid; what other buffers hold does not matter here.
    if matches!(walked, Walked::Chase(_)) {
        runner.prepare(&mut buffers, 1);
    }
    println!("case {id} {passes}");
    for buffer in &buffers {
        println!("buffer {} {}", buffer.address(), buffer.len());
    }
    let passes = passes.parse()?;
    MARK.store(1, Ordering::SeqCst);
    black_box(runner.run(&mut buffers, passes)?);
    MARK.store(2, Ordering::SeqCst);
    Ok(())
}

fn main() -> Fallible<()> {
    println!("mark {}", MARK.as_ptr().addr());
    std::env::args().skip(1).try_for_each(|case| walk(&case))
}
