//! Useful bandwidth over stride and size: the memory mountain, seen from above.

use super::data::{caption, footprint};
use super::grid::Map;
use super::picture::{Cell, Data, Extent, HEIGHT, Picture, WIDTH};
use super::plot::{bytes, plain};
use super::stride_curve::{dense, stride};
use crate::bundle::{Bundle, rate};
use std::collections::{BTreeMap, BTreeSet};

/// By size and stride: GB/s, and the samples behind them.
type Rates = BTreeMap<(u64, u64), (f64, usize)>;

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bytes are below 2^53")]
fn rates(bundle: &Bundle) -> Result<Rates, String> {
    let mut rates = Rates::new();
    for one in dense(bundle)? {
        let (Some(stride), Some(rate)) = (stride(&one), rate(one.info, one.step.median)) else { continue };
        let elements = (stride / f64::from(one.info.itemsize.max(1))).round() as u64;
        rates.insert((footprint(one.info) as u64, elements), (rate, one.samples));
    }
    // Sizes of which one stride alone was measured, for the time model, are no rows of a map.
    let all: Vec<u64> = rates.keys().map(|(size, _)| *size).collect();
    rates.retain(|(size, _), _| all.iter().filter(|other| *other == size).count() > 1);
    Ok(rates)
}

fn write(rate: f64) -> String {
    if rate >= 10.0 { format!("{rate:.0}") } else { format!("{rate:.2}") }
}

/// From the lowest bandwidth to the highest, a doubling at least.
pub(super) fn scale(bundle: &Bundle) -> Option<[f64; 2]> {
    let rates = rates(bundle).ok()?;
    let [low, high] =
        rates.values().fold([f64::INFINITY, 0.0], |[low, high]: [f64; 2], (rate, _)| [low.min(*rate), high.max(*rate)]);
    (low <= high).then_some([low, high.max(low * 2.0)])
}

pub(super) fn draw(bundle: &Bundle, scale: [f64; 2]) -> Result<Picture, String> {
    let rates = self::rates(bundle)?;
    let sizes: BTreeSet<u64> = rates.keys().map(|(size, _)| *size).collect();
    let strides: BTreeSet<u64> = rates.keys().map(|(_, stride)| *stride).collect();
    if sizes.len() < 2 || strides.len() < 2 {
        return Err("fewer than two sizes and two strides were measured".to_owned());
    }
    let mut data = Data::new(&["bytes", "stride_elements", "gb_per_s"]);
    data.rows = rates.iter().map(|(&(s, e), &(rate, _))| vec![s.into(), e.into(), Cell::from(rate)]).collect();
    let best = |pick: fn(f64, f64) -> f64, start| rates.values().map(|(rate, _)| *rate).fold(start, pick);
    let (least, most) = (best(f64::min, f64::INFINITY), best(f64::max, 0.0));
    let column = |stride: u64| strides.iter().position(|&other| other == stride).unwrap_or(0);
    let row = |size: u64| sizes.iter().rev().position(|&other| other == size).unwrap_or(0);
    #[expect(clippy::cast_precision_loss, reason = "bytes are below 2^53")]
    let rows: Vec<String> = sizes.iter().rev().map(|&size| bytes(size as f64)).collect();
    let columns: Vec<String> = strides.iter().map(ToString::to_string).collect();
    let axes = format!(
        "x: stride from {} to {} elements; y: size from {} to {} bytes; colour: GB/s",
        columns[0],
        columns[columns.len() - 1],
        rows[rows.len() - 1],
        rows[0]
    );
    let map = Map {
        x_label: "stride, elements".to_owned(),
        y_label: "bytes of the array".to_owned(),
        columns,
        rows,
        cells: rates.iter().map(|(&(size, stride), &(rate, _))| ((row(size), column(stride)), rate)).collect(),
        scale,
        scale_label: "GB/s".to_owned(),
        write,
        tick: plain,
        framed: Vec::new(),
        frame_means: "",
    };
    let samples: usize = rates.values().map(|(_, samples)| samples).sum();
    Ok(Picture {
        title: format!("Useful bandwidth from {} to {} GB/s, by stride and size", write(least), write(most)),
        subtitle: "Bytes that the program asks for per second; one access per step".to_owned(),
        caption: caption(&[bundle], &format!("{samples} samples"), "measured; medians; hatched: not measured"),
        data,
        extent: Extent { kind: "Heat map", series: 1, points: rates.len(), axes },
        size: [WIDTH, HEIGHT],
        drawing: Box::new(move |canvas, area| map.draw(canvas, area)),
    })
}
