//! Bandwidth over worker threads, beside what as many single threads would reach.

use super::data::{caption, family, shape};
use super::picture::{Cell, Data, HEIGHT, Picture, WIDTH};
use super::plot::{Axis, Curves, Series, Style, plain};
use crate::bundle::{Bundle, CaseInfo, rate, shown};
use crate::units::{bytes_long, ratio};
use std::collections::BTreeMap;

/// What a line stands for: kernel, size, and what each worker walks.
fn name(info: &CaseInfo) -> String {
    let option = |key: &str| info.options.get(key).map(String::as_str);
    let what = match (option("walk"), option("split"), info.loop_order.as_slice()) {
        (Some("stream"), ..) => return shown(&format!("{} {}", info.kernel, bytes_long(info.footprint_bytes))),
        (_, Some("inner"), _) => "columns per worker",
        (_, Some("blocks"), _) => "blocks per worker",
        (.., [0, 1]) => "by rows",
        (.., [1, 0]) => "by columns",
        _ => "in another order",
    };
    shown(&format!(
        "{} {}, {what}",
        info.kernel,
        info.shape.iter().map(ToString::to_string).collect::<Vec<_>>().join("x")
    ))
}

pub(super) fn draw(bundle: &Bundle) -> Result<Picture, String> {
    // Accumulators that share lines are no question of bandwidth.
    let mut found = family(bundle, "threads")?;
    found.retain(|one| !one.info.options.contains_key("repeat"));
    let mut data = Data::new(&["kernel", "shape", "loop", "split", "threads", "gb_per_s"]);
    let mut lines: BTreeMap<String, BTreeMap<u32, f64>> = BTreeMap::new();
    let mut add = |info: &CaseInfo, name: &str, ns: f64| {
        let Some(rate) = rate(info, ns) else { return };
        if lines.entry(name.to_owned()).or_default().insert(info.threads, rate).is_none() {
            let loops = info.loop_order.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
            let split = info.options.get("split").map_or("outer", String::as_str);
            let words = [info.kernel.as_str().into(), shape(info), loops.as_str().into(), split.into()];
            data.rows.push(words.into_iter().chain([Cell::from(f64::from(info.threads)), Cell::from(rate)]).collect());
        }
    };
    for one in &found {
        // One thread is what pairs of this family divide by, as a rule.
        if let Some((baseline, penalty)) = one.baseline.filter(|(baseline, _)| baseline.threads == 1) {
            add(baseline, &name(one.info), one.step.median / penalty);
        }
        add(one.info, &name(one.info), one.step.median);
    }
    let samples: usize = found.iter().map(|one| one.samples).sum();
    // Those with the most numbers of threads, and of these the fastest.
    let most = |points: &BTreeMap<u32, f64>| points.values().copied().fold(0.0, f64::max);
    let mut lines: Vec<(String, BTreeMap<u32, f64>)> = lines.into_iter().collect();
    lines.sort_by(|(_, a), (_, b)| b.len().cmp(&a.len()).then(most(b).total_cmp(&most(a))));
    let mut series = Vec::new();
    let mut best: Option<(f64, f64, f64, String)> = None;
    for (color, (name, points)) in lines.into_iter().enumerate().take(4) {
        let points: Vec<[f64; 2]> = points.into_iter().map(|(threads, rate)| [f64::from(threads), rate]).collect();
        let (Some([n0, first]), Some([n1, _])) = (points.first().copied(), points.last().copied()) else { continue };
        for [threads, rate] in points.iter().filter(|_| n1 > n0) {
            if best.as_ref().is_none_or(|(most, ..)| rate > most) {
                best = Some((*rate, *threads, rate / first, name.clone()));
            }
        }
        // One such line is enough to see how far the others stay behind.
        if n1 > n0 && color == 0 {
            let ideal = vec![[n0, first], [n1, first * n1 / n0]];
            series.push(Series { style: Style::Dashed, ..Series::line("ideal", ideal, color) });
        }
        series.push(Series::line(name, points, color));
    }
    let (rate, threads, gain, name) = best.ok_or("fewer than two numbers of threads were measured")?;
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
