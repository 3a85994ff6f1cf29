//! What each way to do one thing costs: loop orders, tiles and copies of the families that compare ways, not sizes;
//! and those of an array of one's own.

use super::canvas::{Anchor, Area, Canvas, Frame};
use super::data::{caption, shape};
use super::ink::Ink;
use super::picture::{Cell, Data, HEIGHT, Picture, WIDTH};
use super::plot::{Axis, axes, extent, times};
use super::text::{fit, width};
use crate::bundle::{Bundle, CaseInfo, PairRecord, shown};
use crate::stats::Interval;
use crate::units::{ratio, several};

/// The families, in the order of the chart.
const FAMILIES: [&str; 11] =
    ["ndim", "transpose", "view", "matmul", "stencil", "window", "record", "write", "pages", "idiom", OWN];
/// What the case of an array of one's own belongs to; those of a suite are told apart by their sizes, in other charts.
const OWN: &str = "order";
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
    let own = bundle.header.plan.suite == "custom";
    for family in FAMILIES.into_iter().filter(|&family| own || family != OWN) {
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
    #[expect(clippy::cast_precision_loss, reason = "rows")]
    let y = Axis::linear("case", [0.0, ways.len() as f64].into_iter(), false, |_| String::new()).ok_or(nothing)?;
    let extent = extent("Dot plot", 1, ways.len(), &x, &y);
    let rows = ways.len() + ways.chunk_by(|a, b| a.family == b.family).count();
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "pixels")]
    let height = (210.0 + ROW * rows as f64) as u32;
    let some = if left_out > 0 { format!("; {left_out} in the middle left out") } else { String::new() };
    Ok(Picture {
        title,
        subtitle: format!("Each case against what its family divides by; left of 1× it is cheaper{some}"),
        caption: caption(&[bundle], &several(ways.len(), "case"), "measured; bars: 95 % of the run"),
        data,
        extent,
        size: [WIDTH, height.max(HEIGHT / 2)],
        drawing: Box::new(move |canvas, area| dots(canvas, area, &ways, rows, &x)),
    })
}

fn dots(canvas: &mut Canvas, area: Area, ways: &[Way], rows: usize, x: &Axis) {
    let names: Vec<String> = ways.iter().map(|way| fit(&way.words, 12.0, 400.0)).collect();
    let widest = names.iter().map(|name| width(name, 12.0)).fold(0.0, f64::max);
    let inner = Area {
        left: area.left + widest + 20.0,
        top: area.top + 8.0,
        right: area.right - 20.0,
        bottom: area.bottom - 44.0,
    };
    let frame = Frame { area: inner, x: x.range, y: [0.0, 1.0] };
    let at = |value: f64| frame.x_at(x.place(value));
    let none = Axis { label: String::new(), ..x.clone() }.with_ticks(std::iter::empty());
    axes(canvas, frame, x, &none);
    canvas.line(&[[at(1.0), inner.top], [at(1.0), inner.bottom]], Ink::FAINT, 1.2);
    #[expect(clippy::cast_precision_loss, reason = "rows")]
    let high = (inner.bottom - inner.top) / rows.max(1) as f64;
    let (mut middle, mut family) = (inner.top - 0.5 * high, "");
    for (way, name) in ways.iter().zip(&names) {
        if way.family != family {
            family = &way.family;
            middle += high;
            canvas.text(family, [area.left, middle], 12.0, Ink::FAINT, Anchor::Left);
        }
        middle += high;
        let ink = Ink::series(FAMILIES.iter().position(|one| *one == family).unwrap_or(0));
        canvas.text(name, [inner.left - 12.0, middle], 12.0, Ink::TEXT, Anchor::Right);
        canvas.line(&[[at(way.cost.low), middle], [at(way.cost.high), middle]], ink, 2.4);
        canvas.mark([at(way.cost.estimate), middle], 0, ink);
    }
}
