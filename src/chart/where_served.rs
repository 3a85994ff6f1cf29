//! Which cache serves the accesses of both walks: simulated.

use super::canvas::{Anchor, Area, Canvas, Frame, Pattern};
use super::data::{caches, caption, footprint, squares};
use super::ink::Ink;
use super::picture::{Cell, Data, HEIGHT, Picture, WIDTH};
use super::plot::{Axis, axes, bytes, extent};
use super::text::width;
use crate::bundle::{Bundle, Member, PairRecord, shown};
use crate::units::bytes_long;
use serde_json::Value;

/// Shares of the accesses by place, the nearest first, and the names of the places.
type Shares = (Vec<String>, Vec<f64>);

#[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
fn shares(pair: &PairRecord, member: Member) -> Option<Shares> {
    let figures = pair.simulated.as_ref()?;
    let report = if member == Member::Baseline { &figures.baseline } else { &figures.contender };
    let levels = report.get("warm")?.get("levels")?.as_array()?;
    let asked = levels.first()?.get("accesses")?.as_u64().filter(|&n| n > 0)? as f64;
    let count = |level: &Value, key: &str| level.get(key).and_then(Value::as_u64).map(|n| n as f64 / asked);
    let mut names: Vec<String> = levels.iter().filter_map(|l| l.get("name")?.as_str().map(shown)).collect();
    let mut shares = levels.iter().map(|level| count(level, "hits")).collect::<Option<Vec<f64>>>()?;
    shares.push(count(levels.last()?, "misses")?);
    names.push("memory".to_owned());
    (names.len() == shares.len()).then_some((names, shares))
}

/// One walk.
struct Panel {
    title: &'static str,
    /// Size, and the running sums of the shares.
    points: Vec<(f64, Vec<f64>)>,
}

struct Stack {
    panels: Vec<Panel>,
    names: Vec<String>,
    x: Axis,
    y: Axis,
    marks: Vec<(String, f64)>,
}

pub(super) fn draw(bundle: &Bundle) -> Result<Picture, String> {
    let pairs = squares(bundle, None);
    let mut data = Data::new(&["walk", "bytes", "served_by", "share"]);
    let (mut panels, mut names) = (Vec::new(), Vec::new());
    for (member, title) in [(Member::Baseline, "by rows"), (Member::Contender, "by columns")] {
        let mut points = Vec::new();
        for pair in &pairs {
            let Some((places, shares)) = shares(pair, member) else { continue };
            let x = footprint(&pair.contender);
            for (place, share) in places.iter().zip(&shares) {
                data.rows.push(vec![title.into(), Cell::from(x), place.as_str().into(), Cell::from(*share)]);
            }
            let sum = |until: usize| shares[..=until].iter().sum::<f64>().min(1.0);
            points.push((x, (0..shares.len()).map(sum).collect()));
            names = places;
        }
        panels.push(Panel { title, points });
    }
    panels.retain(|panel| panel.points.len() > 1 && panel.points.iter().all(|(_, sums)| sums.len() == names.len()));
    if panels.len() < 2 {
        let why = pairs.iter().find_map(|pair| pair.simulated_absent.clone());
        return Err(why.map_or_else(|| "nothing was simulated at two sizes".to_owned(), |why| shown(&why)));
    }
    // Where columns first leave the first cache for most accesses.
    let first = panels[1].points.iter().find(|(_, sums)| sums[0] < 0.5);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bytes")]
    let title = match first {
        Some((at, _)) => {
            format!("From {} on, {} no longer serves most accesses by columns", bytes_long(*at as u64), names[0])
        }
        None => format!("{} serves most accesses of both walks", names[0]),
    };
    let sizes = panels.iter().flat_map(|panel| panel.points.iter().map(|(x, _)| *x));
    let nothing = "nothing was simulated";
    let percent = |value: f64| format!("{:.0} %", value * 100.0);
    let x = Axis::log2("bytes of the array", sizes, Some(0.0), bytes).ok_or(nothing)?;
    let y = Axis::linear("share of the accesses", [0.0, 1.0].into_iter(), false, percent).ok_or(nothing)?;
    let y = Axis { range: [0.0, 1.0], ..y.with_ticks([0.0, 0.25, 0.5, 0.75, 1.0].into_iter()) };
    let points = panels.iter().map(|panel| panel.points.len()).sum();
    let extent = extent("Stacked area chart, two panels", names.len(), points, &x, &y);
    let stack = Stack { panels, names, x, y, marks: caches(bundle) };
    Ok(Picture {
        title,
        subtitle: "Simulated hits by cache; sum over square C-order arrays of f8, powers of two; repeated passes"
            .to_owned(),
        caption: caption(&[bundle], "", "simulated: LRU, no prefetch, warm caches, this CPU's geometry"),
        data,
        extent,
        size: [WIDTH, HEIGHT],
        drawing: Box::new(move |canvas, area| stack.draw(canvas, area)),
    })
}

const PATTERNS: [Pattern; 4] = [Pattern::Level, Pattern::Rising, Pattern::Dots, Pattern::Crossed];
const COLORS: [usize; 4] = [0, 2, 5, 1];

/// Colour and pattern of a place; memory is always the last.
fn look(index: usize, count: usize) -> (Ink, Pattern) {
    let at = if index + 1 == count { 3 } else { index.min(2) };
    (Ink::series(COLORS[at]), PATTERNS[at])
}

impl Stack {
    #[expect(clippy::cast_precision_loss, reason = "two panels")]
    fn draw(&self, canvas: &mut Canvas, area: Area) {
        let wide = (area.right - area.left) / self.panels.len() as f64;
        let mut x = area.left + 60.0;
        for (index, name) in self.names.iter().enumerate() {
            let (ink, pattern) = look(index, self.names.len());
            let y = area.top + 8.0;
            let box_ = [[x, y - 8.0], [x + 26.0, y - 8.0], [x + 26.0, y + 8.0], [x, y + 8.0]];
            canvas.patterned(&box_, ink, pattern);
            canvas.text(name, [x + 32.0, y], 12.0, Ink::TEXT, Anchor::Left);
            x += 60.0 + width(name, 12.0);
        }
        for (index, panel) in self.panels.iter().enumerate() {
            let left = area.left + index as f64 * wide;
            let inner =
                Area { left: left + 62.0, top: area.top + 62.0, right: left + wide - 14.0, bottom: area.bottom - 44.0 };
            let frame = Frame { area: inner, x: self.x.range, y: self.y.range };
            axes(canvas, frame, &self.x, &self.y);
            let title = [inner.left, inner.top - 28.0];
            canvas.text(panel.title, title, 14.0, Ink::TEXT, Anchor::Left);
            self.areas(canvas, frame, panel);
            let mut end = f64::NEG_INFINITY;
            for (name, bytes) in &self.marks {
                let x = frame.x_at(self.x.place(*bytes));
                if x > inner.left && x < inner.right {
                    canvas.dashed(&[[x, inner.top], [x, inner.bottom]], Ink::TEXT, 0.9, [2.0, 3.0]);
                    let half = width(name, 12.0) / 2.0 + 3.0;
                    let at = x.clamp(inner.left + half, inner.right - half);
                    if at - half > end {
                        canvas.text(name, [at, inner.top - 9.0], 12.0, Ink::FAINT, Anchor::Middle);
                        end = at + half;
                    }
                }
            }
            self.labels(canvas, frame, panel);
        }
    }

    fn areas(&self, canvas: &mut Canvas, frame: Frame, panel: &Panel) {
        for index in 0..self.names.len() {
            let [upper, lower] = self.edges(frame, panel, index);
            let room = upper.iter().zip(&lower).map(|(u, l)| l[1] - u[1]).fold(0.0, f64::max);
            if room < 0.5 {
                continue;
            }
            let (ink, pattern) = look(index, self.names.len());
            let outline: Vec<[f64; 2]> = upper.iter().chain(lower.iter().rev()).copied().collect();
            canvas.patterned(&outline, ink, pattern);
            canvas.line(&upper, ink, 1.4);
        }
    }

    /// Upper and lower edge of a place's share.
    fn edges(&self, frame: Frame, panel: &Panel, index: usize) -> [Vec<[f64; 2]>; 2] {
        let edge = |sum: Option<usize>| {
            let at = |(x, sums): &(f64, Vec<f64>)| frame.at([self.x.place(*x), sum.map_or(0.0, |sum| sums[sum])]);
            panel.points.iter().map(at).collect()
        };
        [edge(Some(index)), edge(index.checked_sub(1))]
    }

    /// Each place's name where its share is highest, if there is room; over the lines of the caches.
    fn labels(&self, canvas: &mut Canvas, frame: Frame, panel: &Panel) {
        for (index, name) in self.names.iter().enumerate() {
            let [upper, lower] = self.edges(frame, panel, index);
            let half = width(name, 13.0) / 2.0 + 5.0;
            let fits = |&(u, l): &(&[f64; 2], &[f64; 2])| {
                l[1] - u[1] > 30.0 && u[0] > frame.area.left + half && u[0] < frame.area.right - half
            };
            let place =
                upper.iter().zip(&lower).filter(fits).max_by(|a, b| (a.1[1] - a.0[1]).total_cmp(&(b.1[1] - b.0[1])));
            if let Some((u, l)) = place {
                let [x, y] = [u[0], f64::midpoint(u[1], l[1])];
                canvas.rect([x - half, y - 11.0], [x + half, y + 11.0], Ink::GROUND.faded(0.94));
                canvas.text(name, [x, y], 13.0, Ink::TEXT, Anchor::Middle);
            }
        }
    }
}
