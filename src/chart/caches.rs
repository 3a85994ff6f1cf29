//! The pointer chase with the caches that it shows, beside those that the machine names.

use super::data::{caches, caption};
use super::picture::{Cell, Data, HEIGHT, Picture, WIDTH};
use super::plot::{Axis, Curves, Series, Style, bytes, plain};
use crate::advise::infer::{Curve, Inferred};
use crate::advise::{Chases, finding};
use crate::bundle::Bundle;
use crate::stats;

pub(super) fn draw(bundle: &Bundle) -> Result<Picture, String> {
    let chases = Chases::of(bundle);
    let mut data = Data::new(&["curve", "bytes", "ns_per_access", "p10", "p90"]);
    let (mut series, mut samples) = (Vec::new(), 0);
    for (pages, name) in [("huge", "huge pages"), ("base", "base pages")] {
        let curve = chases.curve(pages, false);
        if curve.points().len() < 2 {
            continue;
        }
        samples += curve.points().iter().map(|point| point.samples.len()).sum::<usize>();
        series.push(measured(name, &curve, series.len(), &mut data));
    }
    let found = chases.caches();
    if series.is_empty() {
        return Err("no chase of one node per line was measured (family latency)".to_owned());
    }
    let heights = series.iter().flat_map(|s| s.band.iter()).flat_map(|&[_, low, high]| [low, high]).collect::<Vec<_>>();
    let ends = series[0].points.first().zip(series[0].points.last()).map(|(first, last)| [first[0], last[0]]);
    if let Some((found, ends)) = found.as_ref().zip(ends) {
        series.push(Series { style: Style::Dashed, ..Series::line("inferred".to_owned(), plateaus(found, ends), 2) });
        rows(found, &mut data);
    }
    let nothing = "nothing was measured";
    let sizes = series.iter().flat_map(|series| series.points.iter()).map(|point| point[0]);
    let curves = Curves {
        x: Axis::log2("bytes that the cycle runs through", sizes, Some(0.3), bytes).ok_or(nothing)?,
        y: Axis::log2("nanoseconds per load", heights.into_iter(), None, plain).ok_or(nothing)?,
        marks: caches(bundle),
        series,
        bands: true,
        level: None,
    };
    Ok(Picture {
        title: finding::caches(bundle),
        subtitle: "Dependent loads over a random cycle, one node per line; marks: sizes that the machine names"
            .to_owned(),
        caption: caption(
            &[bundle],
            &format!("{samples} samples"),
            "measured; lines: medians, ribbons: 10 % to 90 % of the samples; dashed: inferred levels",
        ),
        data,
        extent: curves.extent("Line chart"),
        size: [WIDTH, HEIGHT],
        drawing: Box::new(move |canvas, area| curves.draw(canvas, area)),
    })
}

fn measured(name: &str, curve: &Curve, color: usize, data: &mut Data) -> Series {
    let (mut points, mut band) = (Vec::new(), Vec::new());
    for point in curve.points() {
        let [low, middle, high] = [0.1, 0.5, 0.9].map(|p| stats::quantile(&point.samples, p).unwrap_or(f64::NAN));
        points.push([point.size, middle]);
        band.push([point.size, low, high]);
        data.rows.push(vec![name.into(), point.size.into(), middle.into(), low.into(), high.into()]);
    }
    Series { band, ..Series::line(name.to_owned(), points, color) }
}

/// A plateau per level from one step to the next.
fn plateaus(found: &Inferred, [first, last]: [f64; 2]) -> Vec<[f64; 2]> {
    let mut points = Vec::new();
    let mut from = first;
    for level in &found.levels {
        points.extend([[from, level.latency.estimate], [level.capacity.estimate, level.latency.estimate]]);
        from = level.capacity.estimate * 1.001;
    }
    points.extend([[from, found.beyond.estimate], [last.max(from), found.beyond.estimate]]);
    points
}

fn rows(found: &Inferred, data: &mut Data) {
    for level in &found.levels {
        let row: [Cell; 5] = [
            "inferred level".into(),
            level.capacity.estimate.into(),
            level.latency.estimate.into(),
            level.capacity.low.into(),
            level.capacity.high.into(),
        ];
        data.rows.push(row.to_vec());
    }
}
