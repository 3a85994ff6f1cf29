//! The edge of a tile against the walk without tiles.

use super::data::{Sampled, caption, family, option, shape};
use super::picture::{Cell, Data, HEIGHT, Picture, WIDTH};
use super::plot::{Axis, Curves, Series, plain, times};
use crate::bundle::{Bundle, CaseInfo, shown};
use crate::units::{bytes_long, ratio};
use std::collections::BTreeMap;

/// What a sweep has in common.
fn sweep(info: &CaseInfo) -> (String, String, Vec<u64>, String, String) {
    let rest: Vec<String> =
        info.options.iter().filter(|(key, _)| *key != "tile").map(|(key, value)| format!("{key}={value}")).collect();
    let loops = info.loop_order.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    (info.kernel.clone(), info.dtype.clone(), info.shape.clone(), format!("{} {loops}", info.order), rest.join(" "))
}

/// Time against the same walk without tiles: of its pair, or of a case of its own.
fn relative(one: &Sampled<'_>, all: &[Sampled<'_>]) -> Option<f64> {
    if let Some((baseline, ratio)) = one.baseline
        && baseline.loop_order == one.info.loop_order
        && !baseline.options.contains_key("tile")
    {
        return Some(ratio);
    }
    let tiled = |info: &CaseInfo| info.options.contains_key("tile");
    let untiled = |other: &&Sampled<'_>| !tiled(other.info) && sweep(other.info) == sweep(one.info);
    // Within one family all are divided by one baseline, so ratios of ratios hold where nanoseconds drift.
    let untiled = all.iter().find(untiled)?;
    match (one.baseline, untiled.baseline) {
        (Some((_, tiled)), Some((_, plain))) => Some(tiled / plain),
        _ => Some(one.step.median / untiled.step.median),
    }
}

pub(super) fn draw(bundle: &Bundle) -> Result<Picture, String> {
    let found = family(bundle, "tile")?;
    let mut data = Data::new(&["kernel", "shape", "tile", "time_over_untiled", "time_over_baseline", "ns_per_step"]);
    let mut sweeps: BTreeMap<_, Vec<[f64; 2]>> = BTreeMap::new();
    let (mut best, mut samples): (Option<(f64, f64, String)>, usize) = (None, 0);
    let (mut itemsize, mut whole) = (8.0, true);
    for one in &found {
        let Some(tile) = option(one.info, "tile").filter(|tile| *tile > 0.0) else { continue };
        let untiled = relative(one, &found);
        let over = one.baseline.map(|(_, ratio)| ratio);
        // Where the walk without tiles was not measured, the pair's baseline (rows, no tiles) is the measure.
        whole &= untiled.is_some();
        let Some(time) = untiled.or(over) else { continue };
        let (kernel, _, _, loops, _) = sweep(one.info);
        itemsize = f64::from(one.info.itemsize.max(1));
        samples += one.samples;
        data.rows.push(vec![
            kernel.as_str().into(),
            shape(one.info),
            Cell::from(tile),
            untiled.into(),
            over.into(),
            Cell::from(one.step.median),
        ]);
        if best.as_ref().is_none_or(|(least, ..)| time < *least) {
            best = Some((time, tile, kernel));
        }
        let _ = loops;
        sweeps.entry(sweep(one.info)).or_default().push([tile, time]);
    }
    let mut series = Vec::new();
    for ((kernel, dtype, lengths, loops, rest), mut points) in sweeps {
        points.sort_by(|a, b| a[0].total_cmp(&b[0]));
        let lengths: Vec<String> = lengths.iter().map(ToString::to_string).collect();
        let label = shown(format!("{kernel} {dtype} {} {loops} {rest}", lengths.join("x")).trim());
        series.push(Series::line(label, points, series.len()));
    }
    series.truncate(8);
    let (time, tile, kernel) = best.ok_or("no case of the family tile has a tile")?;
    let all = || series.iter().flat_map(|series| series.points.iter());
    let nothing = "nothing was measured";
    let caches = bundle.data_caches().into_iter().take(2);
    #[expect(clippy::cast_precision_loss, reason = "a cache has less than 2^50 bytes")]
    let mark = |(name, bytes): (String, u64)| {
        (format!("tile² = {} {}", shown(&name), bytes_long(bytes)), (bytes as f64 / itemsize).sqrt())
    };
    let against = if whole { "the walk without tiles" } else { "the baseline by rows" };
    let curves = Curves {
        x: Axis::log2("edge of the tile, elements", all().map(|p| p[0]), Some(0.3), plain).ok_or(nothing)?,
        y: Axis::log2(format!("time / {against}"), all().map(|p| p[1]).chain([1.0]), None, times).ok_or(nothing)?,
        marks: caches.map(mark).collect(),
        series,
        bands: false,
        level: Some(1.0),
    };
    Ok(Picture {
        title: format!("Tiles of {tile} take {} the time of {against} ({kernel})", ratio(time)),
        subtitle: "Time with square tiles by the tile's edge; below 1× tiles pay".to_owned(),
        caption: caption(&[bundle], &format!("{samples} samples"), "measured; medians"),
        data,
        extent: curves.extent("Line chart"),
        size: [WIDTH, HEIGHT],
        drawing: Box::new(move |canvas, area| curves.draw(canvas, area)),
    })
}
