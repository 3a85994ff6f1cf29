//! Bandwidth over worker threads, beside what as many single threads would reach.

use super::data::{caption, family, shape};
use super::picture::{Cell, Data, HEIGHT, Picture, WIDTH};
use super::plot::{Axis, Curves, Series, Style, plain};
use crate::bundle::{Bundle, rate, shown};
use crate::units::ratio;
use std::collections::BTreeMap;

pub(super) fn draw(bundle: &Bundle) -> Result<Picture, String> {
    let found = family(bundle, "threads")?;
    let mut data = Data::new(&["kernel", "shape", "loop", "threads", "gb_per_s"]);
    let mut lines: BTreeMap<String, Vec<[f64; 2]>> = BTreeMap::new();
    let mut samples = 0;
    for one in &found {
        let Some(rate) = rate(one.info, one.step.median) else { continue };
        let (info, threads) = (one.info, f64::from(one.info.threads));
        let loops = info.loop_order.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        samples += one.samples;
        let lengths = shape(info);
        let name = shown(&format!("{} {} {lengths} {loops}", info.kernel, info.dtype));
        let words = [info.kernel.as_str().into(), lengths, loops.as_str().into()];
        data.rows.push(words.into_iter().chain([Cell::from(threads), Cell::from(rate)]).collect());
        lines.entry(name).or_default().push([threads, rate]);
    }
    let mut series = Vec::new();
    let mut best: Option<(f64, f64, f64, String)> = None;
    for (color, (name, mut points)) in lines.into_iter().enumerate().take(4) {
        points.sort_by(|a, b| a[0].total_cmp(&b[0]));
        let (Some([n0, first]), Some([n1, _])) = (points.first().copied(), points.last().copied()) else { continue };
        for [threads, rate] in &points {
            if best.as_ref().is_none_or(|(most, ..)| rate > most) {
                best = Some((*rate, *threads, rate / first, name.clone()));
            }
        }
        if n1 > n0 {
            let ideal = vec![[n0, first], [n1, first * n1 / n0]];
            series.push(Series { style: Style::Dashed, ..Series::line("ideal", ideal, color) });
        }
        series.push(Series::line(name, points, color));
    }
    let (rate, threads, gain, name) = best.ok_or("nothing has a bandwidth among them")?;
    if series.iter().all(|series| series.points.len() < 2) {
        return Err("fewer than two numbers of threads were measured".to_owned());
    }
    let machine = &bundle.header.machine;
    // Beyond the cores two threads share one.
    let cores = machine.physical_cores.filter(|_| machine.smt == Some(true)).map(f64::from);
    let all = || series.iter().flat_map(|series| series.points.iter());
    let mut counts: Vec<f64> = all().map(|p| p[0]).collect();
    counts.sort_by(f64::total_cmp);
    counts.dedup();
    let least = if counts[0] == 1.0 { "one".to_owned() } else { plain(counts[0]) };
    let nothing = "nothing was measured";
    let curves = Curves {
        x: Axis::linear("threads", counts.iter().copied(), false, plain)
            .ok_or(nothing)?
            .with_ticks(counts.iter().copied()),
        y: Axis::linear("GB/s", all().map(|p| p[1]), true, plain).ok_or(nothing)?,
        marks: cores.map(|cores| ("two threads per core from here".to_owned(), cores)).into_iter().collect(),
        series,
        bands: false,
        level: None,
    };
    Ok(Picture {
        title: format!("{name}: {rate:.1} GB/s with {threads} threads, {} of {least}", ratio(gain)),
        subtitle: "Bytes that the program reads and writes per second, all threads together".to_owned(),
        caption: caption(
            &[bundle],
            &format!("{samples} samples"),
            "measured; medians; dashed: the first point times threads",
        ),
        data,
        extent: curves.extent("Line chart"),
        size: [WIDTH, HEIGHT],
        drawing: Box::new(move |canvas, area| curves.draw(canvas, area)),
    })
}
