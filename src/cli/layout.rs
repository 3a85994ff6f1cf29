//! `stridewise layout`: shape, strides, flags, byte offsets, and what a loop order touches.

mod document;
mod text;

use self::document::{CopyMade, document};
use self::text::text;
use super::array::{ArrayArgs, Given, open};
use super::exit::{Exit, Failure};
use super::output::{self, Format};
use crate::host::Host;
use crate::layout::{DType, Layout, LayoutError, NpyHeader, Op, Ops, OrderArg};
use crate::memory::{NpyFile, materialise, write_npy};
use crate::nest::LoopOrder;
use crate::simulate::Geometry;
use clap::Args;
use std::io::Write as _;
use std::path::PathBuf;

/// Shape, strides, flags and byte offsets of an array or a view, and what a loop order touches
#[derive(Args, Debug)]
pub(super) struct LayoutArgs {
    #[command(flatten)]
    array: ArrayArgs,
    /// View operations in NumPy's spelling, applied in order; may be repeated: T, '[1:10:2, ::-1]', 'reshape(8,-1)', …
    #[arg(long = "then", value_name = "OP")]
    then: Vec<Ops>,
    /// Loop orders to explain, outermost first; may be repeated
    #[arg(long = "loop", value_name = "ORDER")]
    loops: Vec<LoopOrder>,
    /// Byte offset of an element, such as 3,4
    #[arg(long, value_name = "I,J,…", value_delimiter = ',')]
    index: Vec<usize>,
    /// Caches as name=size:ways[:line],… [default: this machine's]
    #[arg(long, value_name = "SPEC")]
    cache: Option<String>,
    /// Print a small array as a grid: the byte offset of every element and the step at which the walk comes to it
    #[arg(long)]
    draw: bool,
    /// Write the elements of the result to a .npy file (with --npy)
    #[arg(long, value_name = "FILE", requires = "npy")]
    write: Option<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// The array before any operation.
struct Source {
    layout: Layout,
    dtype: DType,
    file: Option<NpyFile>,
}

pub(super) fn run(args: &LayoutArgs) -> Result<Exit, Failure> {
    let source = source(args)?;
    let ops: Vec<Op> = args.then.iter().flat_map(|ops| ops.0.clone()).collect();
    let mut layout = source.layout.clone();
    let mut copies = Vec::new();
    // The elements, after a copy those in its buffer; read only if they are to be written.
    let mut data: Option<Vec<u8>> = None;
    if let (Some(_), Some(file)) = (&args.write, &source.file) {
        data = Some(file.read().map_err(super::array::failure)?);
    }
    for (number, op) in ops.iter().enumerate() {
        let applied = layout.apply(op).map_err(|error| refused(number, op, &error))?;
        if let Some(bytes) = applied.copied {
            copies.push(CopyMade { operation: number, bytes });
            if args.write.is_some() {
                let made = materialise(&layout, data.as_deref().unwrap_or(&[]), &applied.layout, counted(op));
                data = Some(made.map_err(|error| refused(number, op, &error))?);
            }
        }
        layout = applied.layout;
    }
    if let (Some(path), Some(file), Some(data)) = (&args.write, &source.file, &data) {
        write(path, file.header(), &layout, data)?;
    }
    let geometry = geometry(args)?;
    let document = document(args, &source, &layout, copies, geometry.as_ref())?;
    let text = match args.format {
        Format::Json => output::json(&document)?,
        Format::Table => text(args, &layout, &document)?,
    };
    anstream::stdout().write_all(text.as_bytes())?;
    Ok(Exit::Fine)
}

fn refused(number: usize, op: &Op, error: &LayoutError) -> Failure {
    let name = format!("{op:?}");
    let name = name.split([' ', '{']).next().unwrap_or_default().to_owned();
    Failure::usage(format!("--then, operation {} ({name}): {error}", number + 1))
}

/// The order in which an operation that copies counts elements.
fn counted(op: &Op) -> OrderArg {
    match op {
        Op::Reshape { order, .. } | Op::Ravel { order } => *order,
        _ => OrderArg::C,
    }
}

fn write(path: &std::path::Path, header: &NpyHeader, layout: &Layout, data: &[u8]) -> Result<(), Failure> {
    let io = |error: std::io::Error| Failure::new(Exit::Internal, format!("--write {}: {error}", path.display()));
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(path).map_err(io)?;
    let mut out = std::io::BufWriter::new(file);
    write_npy(&mut out, header, layout, data).map_err(io)?;
    out.flush().map_err(io)
}

/// The array of `--npy` or `--shape`.
fn source(args: &LayoutArgs) -> Result<Source, Failure> {
    if let Some(path) = &args.array.npy {
        let file = open(path)?;
        let layout = file.header().layout().map_err(|error| Failure::new(Exit::Invalid, error))?;
        return Ok(Source { layout, dtype: file.header().dtype, file: Some(file) });
    }
    let Some(Given { shape, dtype, order, .. }) = args.array.given()? else {
        return Err(Failure::usage("give an array with --shape or --npy"));
    };
    let layout = Layout::contiguous(&shape, dtype.itemsize(), order)
        .map_err(|error| Failure::usage(format!("--shape: {error}")))?;
    Ok(Source { layout, dtype, file: None })
}

fn geometry(args: &LayoutArgs) -> Result<Option<Geometry>, Failure> {
    let Some(text) = &args.cache else { return Ok(Geometry::of_host(&Host::probe()).ok()) };
    let made = Geometry::parse_caches(text).and_then(|levels| Geometry::new(levels, Vec::new(), 4096, "--cache"));
    made.map(Some).map_err(|error| Failure::usage(format!("--cache: {error}")))
}
