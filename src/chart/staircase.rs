//! Nanoseconds per element by rows and by columns, over the size of the array.

use super::data::{caches, caption, footprint, shape, squares};
use super::picture::{Cell, Data, HEIGHT, Picture, WIDTH};
use super::plot::{Axis, Curves, Series, bytes, plain};
use crate::bundle::{Bundle, Member};
use crate::units::nanos;

pub(super) fn draw(bundle: &Bundle) -> Result<Picture, String> {
    let mut data = Data::new(&["walk", "shape", "bytes", "ns_per_element", "p10", "p90"]);
    let pairs = squares(bundle, None);
    let rounds: usize = pairs.iter().map(|pair| pair.rounds()).sum();
    let mut series = Vec::new();
    for (color, (member, name)) in
        [(Member::Baseline, "by rows"), (Member::Contender, "by columns")].into_iter().enumerate()
    {
        let (mut points, mut band) = (Vec::new(), Vec::new());
        for pair in &pairs {
            let Some(step) = pair.per_step(member) else { continue };
            let x = footprint(&pair.contender);
            points.push([x, step.median]);
            band.push([x, step.low, step.high]);
            let mut row: Vec<Cell> = vec![name.into(), shape(&pair.contender)];
            row.extend([x, step.median, step.low, step.high].map(Cell::from));
            data.rows.push(row);
        }
        if points.len() > 1 {
            series.push(Series { band, ..Series::line(name, points, color) });
        }
    }
    let [rows, columns] = &series[..] else {
        return Err("no square sums of f8 in C order were measured at two sizes".to_owned());
    };
    let last = |series: &Series| series.points.last().map_or(0.0, |point| point[1]);
    let title = format!(
        "An element costs {} by rows and {} by columns in the largest array",
        nanos(last(rows)),
        nanos(last(columns))
    );
    let nothing = "nothing was measured";
    let all = || series.iter().flat_map(|series| series.points.iter());
    let heights = series.iter().flat_map(|s| s.band.iter()).flat_map(|&[_, low, high]| [low, high]);
    let heights = heights.chain(all().map(|p| p[1]));
    let curves = Curves {
        x: Axis::log2("bytes of the array", all().map(|p| p[0]), Some(0.3), bytes).ok_or(nothing)?,
        y: Axis::log2("nanoseconds per element", heights, None, plain).ok_or(nothing)?,
        marks: caches(bundle),
        series,
        bands: true,
        level: None,
    };
    Ok(Picture {
        title,
        subtitle: "Sum over square C-order arrays of f8, powers of two; base pages; one element per step".to_owned(),
        caption: caption(
            &[bundle],
            &format!("{rounds} rounds"),
            "measured; lines: medians, ribbons: 10 % to 90 % of the samples",
        ),
        data,
        extent: curves.extent("Line chart"),
        size: [WIDTH, HEIGHT],
        drawing: Box::new(move |canvas, area| curves.draw(canvas, area)),
    })
}
