//! The time of one pass of a case: `pass_time ID [key=value…]`, nanoseconds, and the bytes it reads and writes.
//!
//! Keys: `pages=base|huge` (instead of the id's), `isa=NAME`, `ms=N` (per sample), `samples=N`. Prints the median sample.

use std::error::Error;
use std::time::Instant;
use stridewise::kernel::{self, Isa, Program};
use stridewise::memory::Buffer;
use stridewise::suite::Case;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [id, keys @ ..] = arguments.as_slice() else { return Err("usage: pass_time ID [key=value…]".into()) };
    let case: Case = id.parse()?;
    let (mut pages, mut isa, mut milliseconds, mut samples) = (case.options.pages, Isa::best(), 20_u32, 11_usize);
    for key in keys {
        match key.split_once('=').ok_or("expected key=value")? {
            ("pages", value) => pages = value.parse()?,
            ("isa", value) => isa = value.parse()?,
            ("ms", value) => milliseconds = value.parse()?,
            ("samples", value) => samples = value.parse()?,
            (other, _) => return Err(format!("unknown key {other}").into()),
        }
    }
    let nest = case.nest()?;
    let program = Program::new(case.kernel, case.dtype, case.options.walk, case.options.stores, isa, &nest)?;
    let map = |&bytes: &u64| Buffer::new(bytes, pages, 0);
    let mut buffers = nest.buffers().iter().map(map).collect::<Result<Vec<_>, _>>()?;
    kernel::prepare(&mut buffers, case.dtype, 1);
    let mut timed = |passes: u64| -> Result<f64, Box<dyn Error>> {
        let start = Instant::now();
        std::hint::black_box(program.run(&mut buffers, passes)?);
        Ok(start.elapsed().as_nanos() as f64)
    };
    let mut passes = 1;
    while timed(passes)? < f64::from(milliseconds) * 500_000.0 {
        passes *= 2;
    }
    let mut taken = (0..samples.max(1)).map(|_| timed(passes)).collect::<Result<Vec<_>, _>>()?;
    taken.sort_by(f64::total_cmp);
    let (read, written) = nest.bytes_read_written();
    #[expect(clippy::print_stdout, reason = "an example for scripts")]
    {
        println!("{:.0} {}", taken[taken.len() / 2] / passes as f64, read + written);
    }
    Ok(())
}
