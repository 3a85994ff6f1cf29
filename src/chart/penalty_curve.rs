//! The hero: how much more columns cost than rows, over the size of the array.

use super::data::{caches, caption, footprint, miss_ratio, names, shape, squares};
use super::picture::{Cell, Data, HEIGHT, Picture, WIDTH};
use super::plot::{Axis, Curves, Series, Style, bytes, times};
use crate::advise::finding;
use crate::bundle::Bundle;

/// As many CPUs as there are colours.
const MOST: usize = 8;

pub(super) fn draw(bundles: &[Bundle]) -> Result<Picture, String> {
    let mut data =
        Data::new(&["cpu", "walk", "shape", "bytes", "column_over_row", "low", "high", "simulated_l1_miss_ratio"]);
    let names = names(bundles);
    let (mut series, mut rounds, mut drawn) = (Vec::new(), 0, 0);
    let mut highest: Option<(f64, u64, &str)> = None;
    for (bundle, cpu) in bundles.iter().zip(&names).take(MOST) {
        for (walk, name) in [(None, "element by element"), (Some("line"), "line by line")] {
            if walk.is_some() && bundles.len() > 2 {
                continue;
            }
            let pairs = squares(bundle, walk);
            let (mut points, mut band) = (Vec::new(), Vec::new());
            for pair in &pairs {
                let Some(penalty) = pair.penalty() else { continue };
                let (x, run) = (footprint(&pair.contender), penalty.run);
                rounds += pair.rounds();
                points.push([x, run.estimate]);
                let interval = run.low.is_finite() && run.high.is_finite() && run.low > 0.0;
                if interval {
                    band.push([x, run.low, run.high]);
                }
                let sure = walk.is_none() && bundle.is_sure(pair);
                if sure && highest.is_none_or(|(ratio, ..)| run.estimate > ratio) {
                    highest = Some((run.estimate, pair.contender.footprint_bytes, cpu));
                }
                let mut row: Vec<Cell> = vec![cpu.as_str().into(), name.into(), shape(&pair.contender)];
                row.extend([x, run.estimate].map(Cell::from));
                row.extend([run.low, run.high].map(|end| Cell::from(interval.then_some(end))));
                row.push(miss_ratio(pair).into());
                data.rows.push(row);
            }
            if points.len() < 2 {
                continue;
            }
            let label = match (bundles, walk) {
                ([_], _) => name.to_owned(),
                (_, None) => cpu.clone(),
                _ => format!("{cpu}, lines"),
            };
            let color = drawn;
            drawn += 1;
            series.push(Series { band, ..Series::line(label, points, color) });
            let simulated: Vec<[f64; 2]> =
                pairs.iter().filter_map(|pair| Some([footprint(&pair.contender), miss_ratio(pair)?])).collect();
            if walk.is_none() && simulated.len() > 1 && bundles.len() <= 2 {
                let label =
                    if bundles.len() == 1 { "simulated L1 misses".to_owned() } else { format!("{cpu}, simulated") };
                series.push(Series { style: Style::Dashed, ..Series::line(label, simulated, color) });
            }
        }
    }
    if series.is_empty() {
        return Err("no square sums of f8 in C order were measured at two sizes".to_owned());
    }
    let title = match highest {
        Some((highest, at, cpu)) if bundles.len() > 1 => format!("{} on {cpu}", finding::dearest(highest, at)),
        Some((highest, at, _)) => finding::dearest(highest, at),
        None => "Too noisy to say what columns cost".to_owned(),
    };
    let all = || series.iter().flat_map(|series| series.points.iter());
    let heights = series.iter().flat_map(|s| s.band.iter()).flat_map(|&[_, low, high]| [low, high]);
    let heights = heights.chain(all().map(|p| p[1])).chain([1.0]);
    let nothing = "nothing was measured";
    let curves = Curves {
        x: Axis::log2("bytes of the array", all().map(|p| p[0]), Some(0.3), bytes).ok_or(nothing)?,
        y: Axis::log2("column time / row time", heights, None, times).ok_or(nothing)?,
        marks: if bundles.len() == 1 { caches(&bundles[0]) } else { Vec::new() },
        series,
        bands: false,
        level: Some(1.0),
    };
    let shown: Vec<&Bundle> = bundles.iter().take(MOST).collect();
    let mut interval = "measured; bands: 95 % over placements".to_owned();
    if curves.series.iter().any(|series| series.style == Style::Dashed) {
        interval += "; dashed: simulated misses of columns / rows (LRU, no prefetch, warm)";
    }
    if bundles.len() > MOST {
        interval += &format!("; {} more CPUs are not drawn", bundles.len() - MOST);
    }
    Ok(Picture {
        title,
        subtitle:
            "Time of order 1,0 / time of order 0,1; sum over square C-order arrays of f8, powers of two; base pages"
                .to_owned(),
        caption: caption(&shown, &format!("{rounds} rounds"), &interval),
        data,
        extent: curves.extent("Line chart"),
        size: [WIDTH, HEIGHT],
        drawing: Box::new(move |canvas, area| curves.draw(canvas, area)),
    })
}
