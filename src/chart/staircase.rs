//! Nanoseconds per element by rows and by columns, over the size of the array.

use super::canvas::{About, svg};
use super::data::{caches, caption, footprint, squares};
use super::plot::{Curves, HEIGHT, Series, WIDTH};
use crate::bundle::{Bundle, Member, shown};

pub(super) fn draw(bundles: &[Bundle]) -> Result<String, String> {
    let (mut series, mut rounds) = (Vec::new(), 0);
    let mut last = None;
    for (number, bundle) in bundles.iter().enumerate() {
        let pairs = squares(bundle, None);
        rounds += pairs.iter().map(|pair| pair.rounds()).sum::<usize>();
        for (member, name) in [(Member::Baseline, "by rows"), (Member::Contender, "by columns")] {
            let steps: Vec<_> =
                pairs.iter().filter_map(|pair| Some((footprint(pair), pair.per_step(member)?))).collect();
            if steps.len() < 2 {
                continue;
            }
            let label = match bundles {
                [_] => name.to_owned(),
                _ => format!("{} {name}", shown(&bundle.cpu_name())),
            };
            let points = steps.iter().map(|(x, step)| [*x, step.median]).collect();
            let band = steps.iter().map(|(x, step)| [*x, step.low, step.high]).collect();
            last = steps.last().map(|(_, step)| step.median).filter(|_| member == Member::Contender).or(last);
            let color = 2 * number + usize::from(member == Member::Contender);
            series.push(Series { label, points, band, dashed: false, color });
        }
    }
    let last = last.ok_or("no square sums of f8 in C order were measured")?;
    let first = series.first().and_then(|series| series.points.last()).map_or(0.0, |point| point[1]);
    let title = format!("An element costs {first:.2} ns by rows and {last:.1} ns by columns in the largest array");
    let subtitle = "Sum over square C-order arrays of f8, powers of two; base pages; one element per step";
    let curves = Curves {
        title: title.clone(),
        subtitle: subtitle.to_owned(),
        caption: caption(bundles, rounds, "ribbons: 10 % to 90 % of the samples, lines: medians"),
        x_label: "bytes of the array",
        y_label: "nanoseconds per element",
        series,
        caches: caches(bundles),
        bands: true,
        level: None,
        tick: |value| format!("{}", (value * 1000.0).round() / 1000.0),
    };
    let about = About { title, description: subtitle.to_owned() };
    Ok(svg(WIDTH, HEIGHT, &about, |canvas| curves.draw(canvas)))
}
