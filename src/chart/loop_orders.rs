//! What the loop orders of one array cost: a bar per walk beside that of its baseline, with the penalty.

use super::canvas::{Anchor, Area, Canvas};
use super::data::{caption, shape};
use super::ink::Ink;
use super::picture::{Cell, Data, Picture, WIDTH};
use super::plot::{Axis, plain};
use super::rows::{Rows, extent, height};
use crate::bundle::{Bundle, CaseInfo, Member, PerStep, shown};
use crate::stats::Interval;
use crate::units::{bytes_long, nanos, ratio, several};

/// The families of an array of one's own, by shape or from a file.
const FAMILIES: [&str; 2] = ["order", "npy"];
/// Comparisons shown at most: those that cost most.
const MOST: usize = 12;
const BAR: f64 = 22.0;
/// Above each comparison, in bars.
const GAP: f64 = 0.6;

/// A walk as a bar.
struct Bar {
    walk: String,
    step: PerStep,
    /// Time / the baseline's; the baseline itself has none.
    penalty: Option<Interval>,
}

/// Its shape, order and type, which all walks of a picture share: `sum f4 1500x2000 C`.
fn array(info: &CaseInfo) -> String {
    shown(&format!("{} {} {} {}", info.kernel, info.dtype, shape(info), info.order))
}

/// `1,0 by columns threads=2`.
fn walk(info: &CaseInfo) -> String {
    let loops = info.loop_order.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let said = match info.loop_order[..] {
        [0, 1] => " by rows",
        [1, 0] => " by columns",
        _ => "",
    };
    let options: String = info.options.iter().map(|(key, value)| format!(" {key}={value}")).collect();
    shown(&format!("{loops}{said}{options}"))
}

/// The walks that were measured in turn, baseline first, and what was measured alone; the dearest at the top.
fn compared(bundle: &Bundle) -> Result<(&CaseInfo, Vec<Vec<Bar>>), String> {
    let own = |info: &CaseInfo| FAMILIES.contains(&info.family.as_str());
    let pairs = || bundle.pairs.iter().filter(|pair| !pair.null && own(&pair.contender));
    let alone = || bundle.cases.iter().filter(|case| own(&case.case));
    let mut infos = pairs().map(|pair| &pair.contender).chain(alone().map(|case| &case.case));
    let first = infos.next().ok_or("no loop order of an array was measured")?;
    if infos.any(|info| array(info) != array(first)) {
        return Err("several arrays were measured; run --shape or --npy takes one".to_owned());
    }
    let bar = |info: &CaseInfo, step, penalty| Bar { walk: walk(info), step, penalty };
    let of_pair = |pair: &crate::bundle::PairRecord| {
        let baseline = bar(&pair.baseline, pair.per_step(Member::Baseline)?, None);
        let contender = bar(&pair.contender, pair.per_step(Member::Contender)?, Some(pair.penalty()?.run));
        Some(vec![baseline, contender])
    };
    let mut found: Vec<Vec<Bar>> = pairs().filter_map(of_pair).collect();
    found.extend(alone().filter_map(|case| Some(vec![bar(&case.case, case.per_step()?, None)])));
    let cost = |bars: &[Bar]| bars.iter().map(|bar| bar.step.median).fold(0.0, f64::max);
    found.sort_by(|a, b| cost(b).total_cmp(&cost(a)));
    if found.is_empty() { Err("no loop order of the array has a sample".to_owned()) } else { Ok((first, found)) }
}

pub(super) fn draw(bundle: &Bundle) -> Result<Picture, String> {
    let (info, mut found) = compared(bundle)?;
    let title = match &found[0][..] {
        [baseline, Bar { walk, penalty: Some(penalty), .. }] => {
            let Bar { walk: other, .. } = baseline;
            format!("Loop order {walk} costs {} what {other} costs", ratio(penalty.estimate))
        }
        bars => format!("A step in loop order {} costs {}", bars[0].walk, nanos(bars[0].step.median)),
    };
    let left_out = found.len().saturating_sub(MOST);
    found.truncate(MOST);
    let mut data = Data::new(&["walk", "baseline", "ns_per_step", "p10", "p90", "time_over_baseline", "low", "high"]);
    for (bars, bar) in found.iter().flat_map(|bars| bars.iter().map(move |bar| (bars, bar))) {
        let penalty = bar.penalty.map(|Interval { estimate, low, high }| [estimate, low, high]);
        let figures = [bar.step.median, bar.step.low, bar.step.high].map(Cell::from);
        let ratios = (0..3).map(|at| Cell::from(penalty.map(|penalty| penalty[at])));
        data.rows.push(
            [&bar.walk, &bars[0].walk]
                .map(|word| word.as_str().into())
                .into_iter()
                .chain(figures)
                .chain(ratios)
                .collect(),
        );
    }
    let label = if info.options.contains_key("walk") { "nanoseconds per step" } else { "nanoseconds per element" };
    let highs = found.iter().flatten().map(|bar| bar.step.high);
    let x = Axis::linear(label, highs, true, plain).ok_or("nothing was measured")?;
    let bars = found.iter().map(Vec::len).sum();
    let rounds: usize = bundle.pairs.iter().filter(|pair| !pair.null).map(|pair| pair.rounds()).sum();
    let samples = if rounds > 0 { several(rounds, "round") } else { String::new() };
    let rest = if left_out > 0 { format!("; {left_out} that cost less left out") } else { String::new() };
    Ok(Picture {
        title,
        subtitle: format!(
            "{} ({}); each loop order beside the smallest stride innermost, measured in turn{rest}",
            array(info),
            bytes_long(info.footprint_bytes)
        ),
        caption: caption(
            &[bundle],
            &samples,
            "measured; bars: medians, whiskers: 10 % to 90 % of the samples; penalty: median of the rounds' ratios",
        ),
        extent: extent("Bar chart", [2, bars], &several(found.len(), "comparison"), &x),
        data,
        size: [WIDTH, height(bars, BAR, 190.0 + GAP * BAR * pixels(found.len()))],
        drawing: Box::new(move |canvas, area| draw_bars(canvas, area, &found, &x)),
    })
}

#[expect(clippy::cast_precision_loss, reason = "a few rows")]
fn pixels(rows: usize) -> f64 {
    rows as f64
}

fn draw_bars(canvas: &mut Canvas, area: Area, found: &[Vec<Bar>], x: &Axis) {
    let names = found.iter().flatten().map(|bar| bar.walk.as_str());
    let rows = Rows::new(area, names, [13.0, 300.0], [16.0, 230.0], x);
    rows.axis(canvas, x);
    let Area { left, right, top, bottom } = rows.frame.area;
    if found.iter().flatten().any(|bar| bar.penalty.is_some()) {
        for (word, at) in [("penalty", right + 140.0), ("95 %", area.right)] {
            canvas.text(word, [at, area.top + 4.0], 12.0, Ink::FAINT, Anchor::Right);
        }
    }
    let all = pixels(found.iter().map(Vec::len).sum()) + GAP * pixels(found.len() + 1);
    let each = ((bottom - top) / all).min(2.0 * BAR);
    let (mut at, mut row) = (top, 0);
    for bars in found {
        at += GAP * each;
        for (place, bar) in bars.iter().enumerate() {
            let [low, median, high] =
                [bar.step.low, bar.step.median, bar.step.high].map(|ns| rows.frame.x_at(x.place(ns)));
            let (middle, ink) = (at + 0.5 * each, Ink::series(place));
            rows.name(canvas, row, middle);
            canvas.rect([left, at + 0.1 * each], [median.max(left + 1.0), at + 0.9 * each], ink.faded(0.8));
            canvas.line(&[[low, middle], [high, middle]], Ink::TEXT, 1.4);
            canvas.text(&nanos(bar.step.median), [high.max(median) + 8.0, middle], 13.0, Ink::TEXT, Anchor::Left);
            if let Some(Interval { estimate, low, high }) = bar.penalty {
                canvas.text(&ratio(estimate), [right + 140.0, middle], 17.0, Ink::TEXT, Anchor::Right);
                // A single placement has no interval.
                if low > 0.0 && high.is_finite() {
                    canvas.text(&format!("{low:.2}–{high:.2}"), [area.right, middle], 12.0, Ink::FAINT, Anchor::Right);
                }
            }
            (at, row) = (at + each, row + 1);
        }
    }
}
