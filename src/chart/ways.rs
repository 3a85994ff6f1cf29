//! What each way to do one thing costs: loop orders, tiles and copies of the families that compare ways, not sizes.

use super::canvas::{Anchor, Area, Canvas};
use super::data::{caption, shape};
use super::ink::Ink;
use super::picture::{Cell, Data, Picture, WIDTH};
use super::plot::{Axis, times};
use super::rows::{Rows, extent, height};
use crate::bundle::{Bundle, CaseInfo, PairRecord, shown};
use crate::stats::Interval;
use crate::units::{ratio, several};

/// The families, in the order of the chart.
const FAMILIES: [&str; 10] =
    ["ndim", "transpose", "view", "matmul", "stencil", "window", "record", "write", "pages", "idiom"];
/// Rows of a family at most: those that cost most and least.
const MOST: usize = 6;
const ROW: f64 = 18.0;

/// A case as a row: its words, and its cost.
struct Way {
    family: String,
    words: String,
    cost: Interval,
}

/// What is done: kernel, type, shape, loop order and options.
fn words(info: &CaseInfo) -> String {
    let loops = info.loop_order.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let options: Vec<String> = info.options.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let all = format!("{} {} {} {} {loops} {}", info.kernel, info.dtype, shape(info), info.order, options.join(" "));
    shown(all.trim()).to_string()
}

fn way(pair: &PairRecord) -> Option<Way> {
    let Interval { estimate, low, high } = pair.penalty()?.run;
    // A single placement has no interval.
    let [low, high] = if low > 0.0 && high.is_finite() { [low, high] } else { [estimate, estimate] };
    let family = pair.contender.family.clone();
    Some(Way { family, words: words(&pair.contender), cost: Interval { estimate, low, high } })
}

pub(super) fn draw(bundle: &Bundle) -> Result<Picture, String> {
    let (mut ways, mut left_out) = (Vec::new(), 0);
    for family in FAMILIES {
        let pairs = bundle.pairs.iter().filter(|pair| !pair.null && pair.contender.family == family);
        let mut found: Vec<Way> = pairs.filter_map(way).collect();
        found.sort_by(|a, b| a.cost.estimate.total_cmp(&b.cost.estimate).then_with(|| a.words.cmp(&b.words)));
        if found.len() > MOST {
            left_out += found.len() - MOST;
            found.drain(MOST / 2..found.len() - MOST / 2);
        }
        ways.extend(found);
    }
    let nothing = "no case of the families that compare ways was measured";
    let dearest = ways.iter().max_by(|a, b| a.cost.estimate.total_cmp(&b.cost.estimate)).ok_or(nothing)?;
    let title = format!("The dearest way costs {}: {}", ratio(dearest.cost.estimate), dearest.words);
    let mut data = Data::new(&["family", "case", "time_over_baseline", "low", "high"]);
    for way in &ways {
        let Interval { estimate, low, high } = way.cost;
        let numbers = [estimate, low, high].map(Cell::from);
        data.rows.push([way.family.as_str().into(), way.words.as_str().into()].into_iter().chain(numbers).collect());
    }
    let ends = ways.iter().flat_map(|way| [way.cost.low, way.cost.high]).chain([0.8, 1.25]);
    let x = Axis::log2("time / baseline of its family", ends, None, times).ok_or(nothing)?;
    let extent = extent("Dot plot", [1, ways.len()], &several(ways.len(), "case"), &x);
    let rows = ways.len() + ways.chunk_by(|a, b| a.family == b.family).count();
    let some = if left_out > 0 { format!("; {left_out} in the middle left out") } else { String::new() };
    Ok(Picture {
        title,
        subtitle: format!("Each case against what its family divides by; left of 1× it is cheaper{some}"),
        caption: caption(&[bundle], &several(ways.len(), "case"), "measured; bars: 95 % of the run"),
        data,
        extent,
        size: [WIDTH, height(rows, ROW, 210.0)],
        drawing: Box::new(move |canvas, area| dots(canvas, area, &ways, &x)),
    })
}

fn dots(canvas: &mut Canvas, area: Area, ways: &[Way], x: &Axis) {
    let names = ways.iter().map(|way| way.words.as_str());
    let rows = Rows::new(area, names, [12.0, 400.0], [8.0, 20.0], x);
    rows.axis(canvas, x);
    rows.level(canvas, x, 1.0);
    // The name of a family takes a row.
    let high = rows.each(ways.len() + ways.chunk_by(|a, b| a.family == b.family).count());
    let (mut middle, mut family) = (rows.frame.area.top - 0.5 * high, "");
    for (row, way) in ways.iter().enumerate() {
        if way.family != family {
            family = &way.family;
            middle += high;
            canvas.text(family, [area.left, middle], 12.0, Ink::FAINT, Anchor::Left);
        }
        middle += high;
        let ink = Ink::series(FAMILIES.iter().position(|one| *one == family).unwrap_or(0));
        rows.name(canvas, row, middle);
        let [low, estimate, high] =
            [way.cost.low, way.cost.estimate, way.cost.high].map(|value| rows.frame.x_at(x.place(value)));
        canvas.line(&[[low, middle], [high, middle]], ink, 2.4);
        canvas.mark([estimate, middle], 0, ink);
    }
}
