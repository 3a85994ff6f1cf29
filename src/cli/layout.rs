//! `stridewise layout`: shape, strides, flags, byte offsets, and what a loop order touches.

mod text;

use self::text::text;
use super::array::{ArrayArgs, Given, open};
use super::exit::{Exit, Failure};
use super::output::{self, Format};
use crate::host::Host;
use crate::layout::{DType, Layout, LayoutError, Locality, NpyHeader, Op, Ops, OrderArg, Sets, nditer};
use crate::memory::{NpyFile, materialise, write_npy};
use crate::nest::LoopOrder;
use crate::simulate::Geometry;
use crate::units::count;
use clap::Args;
use serde::Serialize;
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

/// `schema/layout-1.json`.
#[derive(Serialize)]
struct Document {
    schema: &'static str,
    schema_version: [u32; 2],
    shape: Vec<usize>,
    strides: Vec<i64>,
    offset: i64,
    itemsize: usize,
    dtype: Option<&'static str>,
    elements: String,
    virtual_bytes: String,
    buffer_bytes: u64,
    byte_bounds: Option<[i64; 2]>,
    c_contiguous: bool,
    f_contiguous: bool,
    /// Null if finding out takes too much work.
    overlaps_itself: Option<bool>,
    copies: Vec<CopyMade>,
    min_stride_axis: Option<usize>,
    best_loop: Option<String>,
    nditer: Option<Nditer>,
    file: Option<FileFacts>,
    index: Option<Element>,
    loops: Vec<LoopFacts>,
    /// Figures that other commands give.
    not_here: &'static str,
}

#[derive(Serialize)]
struct CopyMade {
    operation: usize,
    bytes: u64,
}

#[derive(Serialize)]
struct Nditer {
    axes: Vec<usize>,
    flipped: Vec<usize>,
    shape: Vec<usize>,
    strides: Vec<i64>,
}

#[derive(Serialize)]
struct FileFacts {
    version: String,
    descr: String,
    data_offset: u64,
}

#[derive(Serialize)]
struct Element {
    index: Vec<usize>,
    byte_offset: i64,
    file_offset: Option<u64>,
}

#[derive(Serialize)]
struct LoopFacts {
    #[serde(rename = "loop")]
    order: String,
    steps: Vec<i64>,
    inner_step: i64,
    skipped_bytes: u64,
    lines_per_element: f64,
    fetch_amplification: f64,
    sweep_elements: u64,
    sweep_lines: u64,
    sweep_pages: u64,
    sets: Vec<SetFacts>,
    tlb: Vec<TlbFacts>,
    advice: String,
}

#[derive(Serialize)]
struct SetFacts {
    level: String,
    reached: u64,
    of: u64,
    lines_that_fit: u64,
    enough: bool,
}

#[derive(Serialize)]
struct TlbFacts {
    level: String,
    entries: u32,
    reach_bytes: u64,
    enough: bool,
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

fn narrow(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

/// Smallest stride innermost: what the others are compared with.
fn best_order(layout: &Layout) -> Vec<usize> {
    let mut axes: Vec<usize> = (0..layout.ndim()).collect();
    // An axis of one element costs nothing anywhere: outermost.
    let step = |&axis: &usize| if layout.shape()[axis] < 2 { u64::MAX } else { layout.strides()[axis].unsigned_abs() };
    axes.sort_by_key(|axis| std::cmp::Reverse(step(axis)));
    axes
}

fn listed<T: ToString>(values: &[T]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

fn document(
    args: &LayoutArgs,
    source: &Source,
    layout: &Layout,
    copies: Vec<CopyMade>,
    geometry: Option<&Geometry>,
) -> Result<Document, Failure> {
    let best = best_order(layout);
    let index = match args.index.as_slice() {
        [] => None,
        index => Some(element(layout, index, copies.is_empty(), source.file.as_ref())?),
    };
    let mut loops = Vec::new();
    for order in &args.loops {
        if order.axes().len() != layout.ndim() {
            let axes = layout.ndim();
            return Err(Failure::usage(format!(
                "--loop {order}: the result has {axes} axes; expected each of them once"
            )));
        }
        loops.extend(loop_facts(layout, order, &best, geometry));
    }
    let walk = nditer(&[layout]);
    Ok(Document {
        schema: "stridewise.layout",
        schema_version: [1, 0],
        shape: layout.shape().to_vec(),
        strides: layout.strides().to_vec(),
        offset: layout.offset(),
        itemsize: layout.itemsize(),
        dtype: Some(source.dtype.name()),
        elements: layout.size().to_string(),
        virtual_bytes: (layout.size() * layout.itemsize() as u128).to_string(),
        buffer_bytes: layout.buffer_bytes(),
        byte_bounds: layout.byte_bounds().map(|(low, high)| [narrow(low), narrow(high)]),
        c_contiguous: layout.is_c_contiguous(),
        f_contiguous: layout.is_f_contiguous(),
        overlaps_itself: layout.overlaps_itself(),
        copies,
        min_stride_axis: layout.min_stride_axis(),
        best_loop: (layout.ndim() > 0).then(|| listed(&best)),
        nditer: walk.map(|walk| Nditer {
            axes: walk.axes,
            flipped: walk.flipped,
            shape: walk.shape,
            strides: walk.strides.into_iter().next().unwrap_or_default(),
        }),
        file: source.file.as_ref().map(|file| FileFacts {
            version: format!("{}.{}", file.header().version[0], file.header().version[1]),
            descr: file.header().descr.clone(),
            data_offset: file.header().data_offset,
        }),
        index,
        loops,
        not_here: "misses: stridewise simulate; time: stridewise run",
    })
}

fn element(layout: &Layout, index: &[usize], view: bool, file: Option<&NpyFile>) -> Result<Element, Failure> {
    let offset = layout.byte_offset(index).ok_or_else(|| {
        let shape = listed(layout.shape());
        Failure::usage(format!("--index {}: outside the shape {shape}", listed(index)))
    })?;
    let file_offset = file.filter(|_| view).map(|file| file.header().data_offset + u64::try_from(offset).unwrap_or(0));
    Ok(Element { index: index.to_vec(), byte_offset: narrow(offset), file_offset })
}

/// `None` for an empty array.
fn loop_facts(layout: &Layout, order: &LoopOrder, best: &[usize], geometry: Option<&Geometry>) -> Option<LoopFacts> {
    let line = geometry.map_or(64, Geometry::line);
    let page = geometry.map_or(4096, |geometry| geometry.page);
    let caches: Vec<Sets> = geometry
        .into_iter()
        .flat_map(|geometry| &geometry.levels)
        .map(|level| Sets {
            name: level.name.clone(),
            line: level.line.into(),
            sets: level.sets.into(),
            ways: level.ways.into(),
        })
        .collect();
    let found = layout.locality(order.axes(), line, page, &caches)?;
    let sets: Vec<SetFacts> = found
        .sets
        .iter()
        .map(|sets| SetFacts {
            level: sets.name.clone(),
            reached: sets.reached,
            of: sets.of,
            lines_that_fit: sets.room,
            enough: found.lines <= sets.room,
        })
        .collect();
    let tlb: Vec<TlbFacts> = geometry
        .into_iter()
        .flat_map(|geometry| &geometry.tlbs)
        .map(|tlb| TlbFacts {
            level: tlb.name.clone(),
            entries: tlb.entries,
            reach_bytes: u64::from(tlb.entries) * page,
            enough: found.pages <= tlb.entries.into(),
        })
        .collect();
    let advice = advice(layout, order, best, &found, &sets, &tlb);
    Some(LoopFacts {
        order: order.to_string(),
        steps: found.steps.clone(),
        inner_step: found.inner_step,
        skipped_bytes: found.skipped,
        lines_per_element: found.lines_per_element,
        fetch_amplification: found.amplification,
        sweep_elements: found.elements,
        sweep_lines: found.lines,
        sweep_pages: found.pages,
        sets,
        tlb,
        advice,
    })
}

/// One sentence that names the reason.
fn advice(
    layout: &Layout,
    order: &LoopOrder,
    best: &[usize],
    found: &Locality,
    sets: &[SetFacts],
    tlb: &[TlbFacts],
) -> String {
    let inner = *order.axes().last().unwrap_or(&0);
    if found.inner_step == 0 && found.elements > 1 {
        return "The inner axis is broadcast (stride 0): it touches one element and costs no new line.".to_owned();
    }
    if Some(inner) == layout.min_stride_axis() || found.elements < 2 || layout.min_stride_axis().is_none() {
        let used = format!("{:.1}", 100.0 / found.amplification);
        return match found.skipped {
            0 => "The smallest stride is innermost: keep this order.".to_owned(),
            skipped => format!(
                "The smallest stride is innermost, but {skipped} bytes are skipped per step: {used} % of each fetched \
                 line are used; a dense copy would use all."
            ),
        };
    }
    let mut reasons = vec![format!(
        "each step skips {} bytes, so a line of memory serves {:.1} % of its bytes",
        count(found.skipped),
        100.0 / found.amplification
    )];
    if let Some(level) = sets.iter().find(|level| !level.enough) {
        let SetFacts { level, reached, of, lines_that_fit, .. } = level;
        reasons.push(format!(
            "the sweep's {} lines meet in {} of {} sets of {level}, where {} fit",
            count(found.lines),
            count(*reached),
            count(*of),
            count(*lines_that_fit)
        ));
    }
    if let Some(level) = tlb.iter().rfind(|level| !level.enough) {
        reasons.push(format!(
            "its {} pages exceed the {} entries of the {}",
            count(found.pages),
            level.entries,
            level.level
        ));
    }
    format!("Use --loop {}: {}.", listed(best), reasons.join("; "))
}
