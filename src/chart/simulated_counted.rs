//! Simulated beside counted misses; where nothing was counted there is no picture, but the reason.

use super::canvas::{Area, Canvas, Frame};
use super::data::caption;
use super::ink::Ink;
use super::picture::{Cell, Data, HEIGHT, Picture, WIDTH};
use super::plot::{Axis, Curves, Series, Style, bytes, plain};
use crate::bundle::{Bundle, Member, PairRecord, shown};

/// Below this a miss per access is the counter's own.
const LEAST: f64 = 1e-5;

/// A cache with simulated and counted misses per access of a walk.
type Figure = (&'static str, Option<f64>, Option<f64>);

fn figures(pair: &PairRecord, member: Member, last: Option<usize>) -> Vec<Figure> {
    let counted = pair.counted(member).unwrap_or_default();
    let counted = counted.misses.iter().filter(|at| at.place.is_cache());
    let found: Vec<Figure> = counted.map(|at| (at.place.name(), at.simulated, Some(at.per_access))).collect();
    if !found.is_empty() {
        return found;
    }
    let levels = [("L1d", Some(0)), ("last cache", last.filter(|&last| last > 0))];
    let simulated = |level: Option<usize>| per_access(pair, member, level?);
    levels.map(|(name, level)| (name, simulated(level), None)).into()
}

pub(super) fn draw(bundle: &Bundle) -> Result<Picture, String> {
    let last = bundle.data_caches().len().checked_sub(1);
    let mut data = Data::new(&["case", "walk", "cache", "simulated_per_access", "counted_per_access"]);
    // By cache, from the CPU outwards.
    let mut points: Vec<(&str, Vec<[f64; 2]>)> = Vec::new();
    let (mut simulated_any, mut few) = (false, 0);
    let pairs = || bundle.pairs.iter().filter(|pair| !pair.null);
    for pair in pairs() {
        for (member, walk) in [(Member::Baseline, "baseline"), (Member::Contender, "contender")] {
            for (cache, simulated, counted) in figures(pair, member, last) {
                simulated_any |= simulated.is_some();
                let Some(simulated) = simulated else { continue };
                let words = [shown(&pair.id), walk.to_owned(), cache.to_owned()].map(Cell::from);
                data.rows.push(words.into_iter().chain([simulated.into(), counted.into()]).collect());
                let Some(counted) = counted else { continue };
                if counted <= LEAST || simulated <= LEAST {
                    few += 1;
                    continue;
                }
                let at = points.iter().position(|(name, _)| *name == cache).unwrap_or_else(|| {
                    points.push((cache, Vec::new()));
                    points.len() - 1
                });
                points[at].1.push([simulated, counted]);
            }
        }
    }
    if !simulated_any {
        let why = pairs().find_map(|pair| pair.simulated_absent.clone());
        return Err(why.map_or_else(|| "nothing was simulated".to_owned(), |why| shown(&why)));
    }
    let all: Vec<[f64; 2]> = points.iter().flat_map(|(_, points)| points).copied().collect();
    if all.is_empty() {
        return Err(if few > 0 { "no walk has misses to speak of".to_owned() } else { uncounted(bundle) });
    }
    let near = all.iter().filter(|[simulated, counted]| (counted / simulated - 1.0).abs() <= 0.1).count();
    // Both axes are the same, so that equality is the diagonal.
    let axis = |label: &str| Axis::log2(label, all.iter().flatten().copied(), None, share).ok_or("nothing was counted");
    let series = points.into_iter().enumerate();
    let series = series
        .map(|(color, (name, points))| Series { style: Style::Dots, ..Series::line(name, points, color) })
        .collect();
    let curves = Curves {
        x: axis("simulated misses per access")?,
        y: axis("counted misses per access")?,
        series,
        marks: Vec::new(),
        bands: false,
        level: None,
    };
    let extent = curves.extent("Scatter chart");
    let left_out = if few > 0 { format!("; {few} with next to no misses are not drawn") } else { String::new() };
    Ok(Picture {
        title: format!("{near} of {} counted miss rates lie within 10 % of the simulated ones", all.len()),
        subtitle: "Demand misses per access of every measured walk: simulated (LRU, no prefetch, warm) and counted"
            .to_owned(),
        caption: caption(&[bundle], &format!("{} figures", all.len()), &format!("line: equal; band: ±10 %{left_out}")),
        data,
        extent,
        size: [WIDTH, HEIGHT],
        drawing: Box::new(move |canvas, area| draw_equal(canvas, area, &curves)),
    })
}

/// `1/8`, of a power of two below one.
fn share(value: f64) -> String {
    let doublings = -value.log2();
    if doublings > 0.5 && doublings.fract() == 0.0 { format!("1/{}", bytes(1.0 / value)) } else { plain(value) }
}

#[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
fn per_access(pair: &PairRecord, member: Member, level: usize) -> Option<f64> {
    let per_step = pair.simulated_misses(member, level)?;
    Some(per_step * pair.baseline.steps as f64 / pair.baseline.accesses.max(1) as f64)
}

/// The line of equality lies under the points.
fn draw_equal(canvas: &mut Canvas, area: Area, curves: &Curves) {
    let frame = Frame { area: curves.inner(area), x: curves.x.range, y: curves.y.range };
    let [low, high] = curves.x.range;
    let by = 1.1_f64.log2();
    // Cut off at the corners of the frame.
    let band = [[low, low], [low, low + by], [high - by, high], [high, high], [high, high - by], [low + by, low]];
    canvas.polygon(&band.map(|at| frame.at(at)), Ink::FAINT.faded(0.18));
    canvas.line(&[frame.at([low, low]), frame.at([high, high])], Ink::FAINT, 1.0);
    curves.draw(canvas, area);
}

/// Why there are no counts, as the machine said it.
fn uncounted(bundle: &Bundle) -> String {
    let of_machine = bundle.uncounted().into_iter().max_by_key(|(_, events)| *events).map(|(reason, _)| reason);
    let of_pair = || bundle.pairs.iter().find_map(|pair| pair.counted_absent.clone());
    let why = of_machine.or_else(of_pair).map_or_else(|| "no counter gave a figure".to_owned(), |why| shown(&why));
    format!("nothing was counted: {}", why.chars().take(150).collect::<String>())
}
