//! The bandwidth of one kernel on one walk: `bandwidth KERNEL WALK DTYPE BYTES [key=value…]`, one line of GB/s.
//!
//! `BYTES` is the working set of all arrays together, as `likwid-bench` counts it. Keys: `pages=base|huge`,
//! `stores=plain|nt`, `isa=NAME`, `order=0,1|1,0` (a square array, row-wise or column-wise), `pad=BYTES` (per row),
//! `tile=N` (both loops), `cpus=0,1` (a pinned worker on each), `ms=N` (per sample), `samples=N`. Prints the median sample; bytes are those the program reads and writes.

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;
use stridewise::host::pinned_pool;
use stridewise::kernel::{self, Isa, Kernel, Program, Stores, Team, Walk};
use stridewise::layout::DType;
use stridewise::memory::{Buffer, PagePolicy};
use stridewise::nest::{LoopNest, LoopOrder, Operand, Role};
use stridewise::units::parse_bytes;

type Failure = Box<dyn Error>;

struct Wanted {
    kernel: Kernel,
    walk: Walk,
    dtype: DType,
    bytes: u64,
    pages: PagePolicy,
    stores: Stores,
    isa: Isa,
    order: Option<LoopOrder>,
    pad: u64,
    tile: Option<usize>,
    cpus: Vec<u32>,
    milliseconds: u64,
    samples: usize,
}

fn wanted(arguments: &[String]) -> Result<Wanted, Failure> {
    let [kernel, walk, dtype, bytes, keys @ ..] = arguments else {
        return Err("usage: bandwidth KERNEL WALK DTYPE BYTES [key=value…]".into());
    };
    let bytes = parse_bytes(bytes).ok_or("BYTES: expected a size such as 16384 or 256MiB")?;
    let mut wanted = Wanted {
        kernel: kernel.parse()?,
        walk: walk.parse()?,
        dtype: dtype.parse()?,
        bytes,
        pages: PagePolicy::Base,
        stores: Stores::Plain,
        isa: Isa::best(),
        order: None,
        pad: 0,
        tile: None,
        cpus: Vec::new(),
        milliseconds: 20,
        samples: 11,
    };
    for key in keys {
        match key.split_once('=').ok_or("expected key=value")? {
            ("pages", value) => wanted.pages = value.parse()?,
            ("stores", value) => wanted.stores = value.parse()?,
            ("isa", value) => wanted.isa = value.parse()?,
            ("order", value) => wanted.order = Some(value.parse()?),
            ("pad", value) => wanted.pad = value.parse()?,
            ("tile", value) => wanted.tile = Some(value.parse()?),
            ("cpus", value) => wanted.cpus = value.split(',').map(str::parse).collect::<Result<_, _>>()?,
            ("ms", value) => wanted.milliseconds = value.parse()?,
            ("samples", value) => wanted.samples = value.parse()?,
            (other, _) => return Err(format!("unknown key {other}").into()),
        }
    }
    Ok(wanted)
}

/// One row of all elements, or a square with the loops in the order asked for.
fn nest(wanted: &Wanted) -> Result<LoopNest, Failure> {
    let roles = wanted.kernel.roles();
    let item = if wanted.walk == Walk::Line { 64 } else { wanted.dtype.itemsize() };
    let steps = usize::try_from(wanted.bytes)? / roles.len() / item;
    let side = steps.isqrt();
    let (axes, order) = match &wanted.order {
        Some(order) => (vec![side, steps / side.max(1)], order.clone()),
        None => (vec![1, steps], LoopOrder::identity(2)),
    };
    let pitch = axes[1] as u64 * item as u64 + wanted.pad;
    let operand = |(buffer, &role): (usize, &Role)| Operand {
        role,
        buffer,
        itemsize: item,
        start: 0,
        steps: vec![pitch.cast_signed(), item as i64],
    };
    let operands = roles.iter().enumerate().map(operand).collect();
    let nest = LoopNest::new(axes.clone(), operands, vec![pitch * axes[0] as u64; roles.len()], &order)?;
    Ok(wanted.tile.map_or(Ok(nest.clone()), |size| nest.tiled(&[(0, size), (1, size)]))?)
}

fn measure(wanted: &Wanted) -> Result<f64, Failure> {
    let nest = nest(wanted)?;
    let map = |&bytes: &u64| Buffer::new(bytes, wanted.pages, 0);
    let mut buffers = nest.buffers().iter().map(map).collect::<Result<Vec<_>, _>>()?;
    kernel::prepare(&mut buffers, wanted.dtype, 1);
    let program = Program::new(wanted.kernel, wanted.dtype, wanted.walk, wanted.stores, wanted.isa, &nest)?;
    let team = match wanted.cpus.as_slice() {
        [] => None,
        cpus => Some(Team::new(&program, Arc::new(pinned_pool(cpus)?))?),
    };
    let mut timed = |passes: u64| -> Result<u128, Failure> {
        let start = Instant::now();
        let ran = match &team {
            Some(team) => team.run(&mut buffers, passes)?,
            None => program.run(&mut buffers, passes)?,
        };
        std::hint::black_box(ran);
        Ok(start.elapsed().as_nanos().max(1))
    };
    let mut passes = 1;
    while timed(passes)? < u128::from(wanted.milliseconds) * 500_000 {
        passes *= 2;
    }
    let mut samples = (0..wanted.samples.max(1)).map(|_| timed(passes)).collect::<Result<Vec<_>, _>>()?;
    samples.sort_unstable();
    let (read, written) = nest.bytes_read_written();
    Ok((read + written) as f64 * passes as f64 / samples[samples.len() / 2] as f64)
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let wanted = wanted(&arguments)?;
    let rate = measure(&wanted)?;
    #[expect(clippy::print_stdout, reason = "an example for scripts")]
    {
        println!("{rate:.2}");
    }
    Ok(())
}
