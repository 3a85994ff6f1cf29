//! Simulated beside counted misses; where nothing was counted, the reason stands in the picture.

use super::canvas::{Area, Canvas, Frame};
use super::data::caption;
use super::ink::Ink;
use super::picture::{Cell, Data, Extent, HEIGHT, Picture, WIDTH};
use super::plot::{Axis, Curves, Series, Style, plain};
use crate::bundle::{Bundle, Member, PairRecord, shown};

/// Below this a miss per access is the counter's own.
const LEAST: f64 = 1e-5;

pub(super) fn draw(bundle: &Bundle) -> Result<Picture, String> {
    let last = bundle.data_caches().len().checked_sub(1);
    let mut data = Data::new(&["case", "walk", "cache", "simulated_per_step", "counted_per_access"]);
    let mut points: [Vec<[f64; 2]>; 2] = Default::default();
    let mut simulated_any = false;
    let pairs = || bundle.pairs.iter().filter(|pair| !pair.null);
    for pair in pairs() {
        for (member, walk) in [(Member::Baseline, "baseline"), (Member::Contender, "contender")] {
            let counted = pair.counted(member).unwrap_or_default();
            let figures = [(Some(0), counted.l1_misses), (last.filter(|&last| last > 0), counted.last_misses)];
            for (index, (level, counted)) in figures.into_iter().enumerate() {
                let simulated = level.and_then(|level| per_access(pair, member, level));
                simulated_any |= simulated.is_some();
                let Some(simulated) = simulated else { continue };
                let cache = ["first", "last"][index];
                let words = [shown(&pair.id), walk.to_owned(), cache.to_owned()].map(Cell::from);
                data.rows.push(words.into_iter().chain([simulated.into(), counted.into()]).collect());
                if let Some(counted) = counted.filter(|&counted| counted > LEAST && simulated > LEAST) {
                    points[index].push([simulated, counted]);
                }
            }
        }
    }
    if !simulated_any {
        let why = pairs().find_map(|pair| pair.simulated_absent.clone());
        return Err(why.map_or_else(|| "nothing was simulated".to_owned(), |why| shown(&why)));
    }
    let subtitle =
        "Demand misses per access of every measured walk: simulated (LRU, no prefetch, warm) and counted".to_owned();
    let all: Vec<[f64; 2]> = points.iter().flatten().copied().collect();
    if all.is_empty() {
        return Ok(reasons(bundle, subtitle, data));
    }
    let near = all.iter().filter(|[simulated, counted]| (counted / simulated - 1.0).abs() <= 0.1).count();
    let both = || all.iter().flatten().copied();
    let nothing = "nothing was counted";
    let [first, second] = points;
    let series = [("first cache", first), ("last cache", second)].into_iter().enumerate();
    let series = series
        .filter(|(_, (_, points))| !points.is_empty())
        .map(|(color, (name, points))| Series { style: Style::Dots, ..Series::line(name, points, color) });
    let curves = Curves {
        x: Axis::log2("simulated misses per access", both(), None, plain).ok_or(nothing)?,
        y: Axis::log2("counted misses per access", both(), None, plain).ok_or(nothing)?,
        series: series.collect(),
        marks: Vec::new(),
        bands: false,
        level: None,
    };
    let extent = curves.extent("Scatter chart");
    Ok(Picture {
        title: format!("{near} of {} counted miss rates lie within 10 % of the simulated ones", all.len()),
        subtitle,
        caption: caption(&[bundle], &format!("{} figures", all.len()), "line: equal; band: ±10 %"),
        data,
        extent,
        size: [WIDTH, HEIGHT],
        drawing: Box::new(move |canvas, area| draw_equal(canvas, area, &curves)),
    })
}

#[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
fn per_access(pair: &PairRecord, member: Member, level: usize) -> Option<f64> {
    let per_step = pair.simulated_misses(member, level)?;
    Some(per_step * pair.baseline.steps as f64 / pair.baseline.accesses.max(1) as f64)
}

/// The line of equality lies under the points.
fn draw_equal(canvas: &mut Canvas, area: Area, curves: &Curves) {
    curves.draw(canvas, area);
    let inner = curves.inner(area);
    let frame = Frame { area: inner, x: curves.x.range, y: curves.y.range };
    let [low, high] = curves.x.range;
    let by = 1.1_f64.log2();
    let clip = |y: f64| y.clamp(curves.y.range[0], curves.y.range[1]);
    let at = |x: f64, d: f64| frame.at([x, clip(x + d)]);
    canvas.polygon(&[at(low, by), at(high, by), at(high, -by), at(low, -by)], Ink::FAINT.faded(0.18));
    canvas.line(&[at(low, 0.0), at(high, 0.0)], Ink::FAINT, 1.0);
}

/// No counts: the reasons, as the machine gave them.
fn reasons(bundle: &Bundle, subtitle: String, data: Data) -> Picture {
    let mut reasons: Vec<String> =
        bundle.uncounted().iter().map(|(reason, events)| format!("{events} events: {}", shown(reason))).collect();
    let absent = bundle.pairs.iter().find_map(|pair| pair.counted_absent.as_deref());
    if reasons.is_empty() {
        reasons.push(absent.map_or_else(|| "No counter gave a figure.".to_owned(), shown));
    }
    let axes = format!("no axes; {}", reasons.join("; "));
    Picture {
        title: "Misses were simulated; this machine counted none".to_owned(),
        subtitle,
        caption: caption(&[bundle], "", "simulated figures stand in the table"),
        data,
        extent: Extent { kind: "Text panel", series: 0, points: 0, axes },
        size: [WIDTH, 250],
        drawing: Box::new(move |canvas, area| {
            let box_ = Area { top: area.top + 2.0, bottom: area.bottom - 4.0, ..area };
            canvas.outline([box_.left, box_.top], [box_.right, box_.bottom], Ink::GRID, 1.0);
            let mut y = box_.top + 28.0;
            for reason in &reasons {
                y = canvas.paragraph(reason, [box_.left + 20.0, y], 14.0, Ink::TEXT, box_.right - box_.left - 40.0);
            }
        }),
    }
}
