//! Every row length of a window: where lines fall into the same sets, the time jumps.

use super::data::{Sampled, caption, family};
use super::picture::{Cell, Data, HEIGHT, Picture, WIDTH};
use super::plot::{Axis, Curves, Series, Style, plain};
use crate::bundle::Bundle;
use crate::stats;
use crate::units::nanos;

/// Neighbours on both sides that a point is held against.
const AROUND: usize = 12;
/// Row lengths further apart belong to other windows.
const APART: u64 = 16;

pub(super) fn draw(bundle: &Bundle) -> Result<Picture, String> {
    let mut found: Vec<Sampled<'_>> = family(bundle, "conflict")?;
    found.retain(|one| one.info.shape.len() == 2 && one.info.options.is_empty());
    // Several families of arrays are not one picture: the one with most points.
    let rows = |one: &Sampled<'_>| (one.info.shape[0], one.info.kernel.clone(), one.info.dtype.clone());
    let most = |one: &&Sampled<'_>| found.iter().filter(|other| rows(other) == rows(one)).count();
    let kind = found.iter().max_by_key(most).map(rows).ok_or("no array of two axes among them")?;
    found.retain(|one| rows(one) == kind);
    found.sort_by_key(|one| one.info.shape[1]);
    let found = window(found);
    if found.len() < 3 {
        return Err("fewer than three row lengths of the family conflict were measured".to_owned());
    }
    let values: Vec<f64> = found.iter().map(|one| one.step.median).collect();
    let spikes = spikes(&values);
    let mut data = Data::new(&["rows", "columns", "ns_per_element", "p10", "p90", "spike"]);
    let mut points = Vec::new();
    for (index, one) in found.iter().enumerate() {
        let columns = Cell::from(one.info.shape[1]);
        let Cell::Number(x) = columns else { continue };
        points.push([x, one.step.median]);
        let spike = if spikes.contains(&index) { "yes" } else { "no" };
        let numbers = [one.step.median, one.step.low, one.step.high].map(Cell::from);
        let mut row = vec![Cell::from(one.info.shape[0]), columns];
        row.extend(numbers);
        row.push(spike.into());
        data.rows.push(row);
    }
    let mut tallest = spikes.clone();
    tallest.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
    // The tallest get their names first.
    let notes = tallest.iter().map(|&at| (points[at], found[at].info.shape[1].to_string())).collect();
    let title = match tallest.first() {
        Some(&at) => format!(
            "Rows of {} elements cost {} per element, their neighbours {}",
            found[at].info.shape[1],
            nanos(values[at]),
            nanos(stats::median(&values).unwrap_or(0.0))
        ),
        None => format!("No row length stands out among {}", found.len()),
    };
    let samples: usize = found.iter().map(|one| one.samples).sum();
    let (kernel, dtype) = (kind.1, kind.2);
    let nothing = "nothing was measured";
    let curves = Curves {
        x: Axis::linear("elements per row", points.iter().map(|p| p[0]), false, plain).ok_or(nothing)?,
        y: Axis::linear("nanoseconds per element", points.iter().map(|p| p[1]), true, plain).ok_or(nothing)?,
        series: vec![Series { style: Style::Dots, notes, ..Series::line("", points, 0) }],
        marks: Vec::new(),
        bands: false,
        level: None,
    };
    Ok(Picture {
        title,
        subtitle: format!("{kernel} of {dtype} by columns over {} rows, every row length of a window", kind.0),
        caption: caption(
            &[bundle],
            &format!("{samples} samples"),
            "measured; medians; named: more than 3 MAD and 10 % above the median of the neighbours",
        ),
        data,
        extent: curves.extent("Scatter chart"),
        size: [WIDTH, HEIGHT],
        drawing: Box::new(move |canvas, area| curves.draw(canvas, area)),
    })
}

/// Row lengths side by side; of several windows the one with most of them, then the dearest.
fn window(sorted: Vec<Sampled<'_>>) -> Vec<Sampled<'_>> {
    let mut windows: Vec<Vec<Sampled<'_>>> = Vec::new();
    for one in sorted {
        let near = |last: &Sampled<'_>| one.info.shape[1] - last.info.shape[1] <= APART;
        match windows.last_mut().filter(|window| window.last().is_some_and(near)) {
            Some(window) => window.push(one),
            None => windows.push(vec![one]),
        }
    }
    let dearest = |window: &[Sampled<'_>]| window.iter().map(|one| one.step.median).fold(0.0, f64::max);
    let order =
        |a: &Vec<Sampled<'_>>, b: &Vec<Sampled<'_>>| a.len().cmp(&b.len()).then(dearest(a).total_cmp(&dearest(b)));
    windows.into_iter().max_by(order).unwrap_or_default()
}

/// Points more than three median deviations, and a tenth, above the median of their neighbours.
fn spikes(values: &[f64]) -> Vec<usize> {
    let stands_out = |&index: &usize| {
        let around = &values[index.saturating_sub(AROUND)..(index + AROUND + 1).min(values.len())];
        let (Some(median), Some(mad)) = (stats::median(around), stats::mad(around)) else { return false };
        values[index] > median + 3.0 * mad && values[index] > 1.1 * median
    };
    (0..values.len()).filter(stands_out).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_what_stands_out_is_named() {
        let mut values: Vec<f64> = (0..60).map(|n| 1.0 + f64::from(n % 3) * 0.01).collect();
        assert_eq!(super::spikes(&values), Vec::<usize>::new());
        values[30] = 4.0;
        values[31] = 1.05;
        assert_eq!(super::spikes(&values), [30]);
    }
}
