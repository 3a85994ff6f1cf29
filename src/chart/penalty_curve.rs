//! The hero: how much more columns cost than rows, over the size of the array.

use super::canvas::{About, svg};
use super::data::{caches, caption, footprint, miss_ratio, squares};
use super::plot::{Curves, HEIGHT, Series, WIDTH};
use crate::bundle::{Bundle, shown};
use crate::units::{bytes_long, ratio};

pub(super) fn draw(bundles: &[Bundle]) -> Result<String, String> {
    let mut series = Vec::new();
    let (mut rounds, mut color) = (0, 0);
    let mut highest: Option<(f64, u64)> = None;
    for bundle in bundles {
        let whose = if bundles.len() > 1 { shown(&bundle.cpu_name()) } else { String::new() };
        for (walk, name) in [(None, "element by element"), (Some("line"), "line by line")] {
            if walk.is_some() && bundles.len() > 2 {
                continue;
            }
            let pairs = squares(bundle, walk);
            let (mut points, mut band) = (Vec::new(), Vec::new());
            for pair in &pairs {
                let Some(penalty) = pair.penalty() else { continue };
                rounds += pair.rounds();
                points.push([footprint(pair), penalty.run.estimate]);
                if penalty.run.low.is_finite() {
                    band.push([footprint(pair), penalty.run.low, penalty.run.high]);
                }
                if walk.is_none() && highest.is_none_or(|(ratio, _)| penalty.run.estimate > ratio) {
                    highest = Some((penalty.run.estimate, pair.contender.footprint_bytes));
                }
            }
            if points.len() < 2 {
                continue;
            }
            let label = if whose.is_empty() {
                name.to_owned()
            } else if walk.is_none() {
                whose.clone()
            } else {
                format!("{whose}, lines")
            };
            series.push(Series { label, points, band, dashed: false, color });
            let simulated: Vec<[f64; 2]> =
                pairs.iter().filter_map(|pair| Some([footprint(pair), miss_ratio(pair)?])).collect();
            if walk.is_none() && simulated.len() > 1 && bundles.len() == 1 {
                let label = "simulated L1 misses".to_owned();
                series.push(Series { label, points: simulated, band: Vec::new(), dashed: true, color: 6 });
            }
            color += 1;
        }
    }
    let (highest, at) =
        highest.filter(|_| !series.is_empty()).ok_or("no square sums of f8 in C order were measured")?;
    let title = format!("Columns cost up to {} what rows cost, at {}", ratio(highest), bytes_long(at));
    let subtitle =
        "Time of order 1,0 / time of order 0,1; sum over square C-order arrays of f8, powers of two; base pages";
    let curves = Curves {
        title: title.clone(),
        subtitle: subtitle.to_owned(),
        caption: caption(bundles, rounds, "bands: 95 % over placements; dashed: simulated, LRU, no prefetch, warm"),
        x_label: "bytes of the array",
        y_label: "column time / row time",
        series,
        caches: caches(bundles),
        bands: false,
        level: Some(1.0),
        tick: |value| if value >= 1.0 { format!("{value:.0}×") } else { format!("{value}×") },
    };
    let about = About { title, description: subtitle.to_owned() };
    Ok(svg(WIDTH, HEIGHT, &about, |canvas| curves.draw(canvas)))
}
