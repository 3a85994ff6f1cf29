//! What `stridewise layout` says of an array and of a loop order, as programs read it; the table is made of it.

use super::super::exit::Failure;
use super::{LayoutArgs, Source};
use crate::layout::{Layout, Locality, Sets, nditer};
use crate::memory::NpyFile;
use crate::nest::LoopOrder;
use crate::simulate::Geometry;
use crate::units::count;
use serde::Serialize;

/// `schema/layout-1.json`.
#[derive(Serialize)]
pub(super) struct Document {
    pub(super) schema: &'static str,
    pub(super) schema_version: [u32; 2],
    pub(super) shape: Vec<usize>,
    pub(super) strides: Vec<i64>,
    pub(super) offset: i64,
    pub(super) itemsize: usize,
    pub(super) dtype: Option<&'static str>,
    pub(super) elements: String,
    pub(super) virtual_bytes: String,
    pub(super) buffer_bytes: u64,
    pub(super) byte_bounds: Option<[i64; 2]>,
    pub(super) c_contiguous: bool,
    pub(super) f_contiguous: bool,
    /// Null if finding out takes too much work.
    pub(super) overlaps_itself: Option<bool>,
    pub(super) copies: Vec<CopyMade>,
    pub(super) min_stride_axis: Option<usize>,
    pub(super) best_loop: Option<String>,
    pub(super) nditer: Option<Nditer>,
    pub(super) file: Option<FileFacts>,
    pub(super) index: Option<Element>,
    pub(super) loops: Vec<LoopFacts>,
    /// Figures that other commands give.
    pub(super) not_here: &'static str,
}

#[derive(Serialize)]
pub(super) struct CopyMade {
    pub(super) operation: usize,
    pub(super) bytes: u64,
}

#[derive(Serialize)]
pub(super) struct Nditer {
    pub(super) axes: Vec<usize>,
    pub(super) flipped: Vec<usize>,
    pub(super) shape: Vec<usize>,
    pub(super) strides: Vec<i64>,
}

#[derive(Serialize)]
pub(super) struct FileFacts {
    pub(super) version: String,
    pub(super) descr: String,
    pub(super) data_offset: u64,
}

#[derive(Serialize)]
pub(super) struct Element {
    pub(super) index: Vec<usize>,
    pub(super) byte_offset: i64,
    pub(super) file_offset: Option<u64>,
}

#[derive(Serialize)]
pub(super) struct LoopFacts {
    #[serde(rename = "loop")]
    pub(super) order: String,
    pub(super) steps: Vec<i64>,
    pub(super) inner_step: i64,
    pub(super) skipped_bytes: u64,
    pub(super) lines_per_element: f64,
    pub(super) fetch_amplification: f64,
    pub(super) sweep_elements: u64,
    pub(super) sweep_lines: u64,
    pub(super) sweep_pages: u64,
    pub(super) sets: Vec<SetFacts>,
    pub(super) tlb: Vec<TlbFacts>,
    pub(super) advice: String,
}

#[derive(Serialize)]
pub(super) struct SetFacts {
    pub(super) level: String,
    pub(super) reached: u64,
    pub(super) of: u64,
    pub(super) lines_that_fit: u64,
    pub(super) enough: bool,
}

#[derive(Serialize)]
pub(super) struct TlbFacts {
    pub(super) level: String,
    pub(super) entries: u32,
    pub(super) reach_bytes: u64,
    pub(super) enough: bool,
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

pub(super) fn listed<T: ToString>(values: &[T]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// Everything that is printed of an array and its loop orders.
pub(super) fn document(
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
