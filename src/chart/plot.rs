//! What the curves share: axes, grid, cache lines, series with labels at their ends.

use super::canvas::{Anchor, Area, Canvas, Frame, apart};
use super::ink::Ink;
use super::picture::Extent;
use super::text::{fit, width};
use crate::units::bytes_tick;

/// Widest label at the end of a line.
const LABEL_ROOM: f64 = 210.0;

/// One axis: what it shows, from where to where, and where its ticks stand.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    pub(super) label: String,
    /// Powers of two where logarithmic, plain values where not.
    pub(super) range: [f64; 2],
    pub(super) log: bool,
    pub(super) ticks: Vec<(f64, String)>,
    /// The data's own ends.
    pub(super) ends: [f64; 2],
    pub(super) tick: fn(f64) -> String,
}

fn ends(values: impl Iterator<Item = f64>) -> Option<[f64; 2]> {
    let finite = values.filter(|value| value.is_finite());
    let ends = finite.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], v| [low.min(v), high.max(v)]);
    (ends[0] <= ends[1]).then_some(ends)
}

impl Axis {
    /// Logarithms to base 2 with `margin` of a doubling at both ends; whole doublings where it is `None`.
    pub(super) fn log2(
        label: impl Into<String>,
        values: impl Iterator<Item = f64>,
        margin: Option<f64>,
        tick: fn(f64) -> String,
    ) -> Option<Self> {
        let ends = ends(values.filter(|value| *value > 0.0))?;
        let [low, high] = ends.map(f64::log2);
        let range = match margin {
            Some(margin) => [low - margin, high + margin],
            None => [low.floor().min(low - 0.1), high.ceil().max(high + 0.1)],
        };
        #[expect(clippy::cast_possible_truncation, reason = "doublings")]
        let powers = (range[0].ceil() as i32)..=(range[1].floor() as i32);
        let ticks = powers.map(|power| (f64::from(power), tick(f64::from(power).exp2()))).collect();
        Some(Self { label: label.into(), range, log: true, ticks, ends, tick })
    }

    /// Plain values with round ticks; from 0 if `zero`.
    pub(super) fn linear(
        label: impl Into<String>,
        values: impl Iterator<Item = f64>,
        zero: bool,
        tick: fn(f64) -> String,
    ) -> Option<Self> {
        let ends = ends(values)?;
        let span = if zero { ends[1].max(1e-9) } else { (ends[1] - ends[0]).max(1e-9) };
        let range = if zero { [0.0, ends[1] + span * 0.06] } else { [ends[0] - span * 0.02, ends[1] + span * 0.02] };
        let rough = (range[1] - range[0]) / 8.0;
        let ten = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|n| n * ten).find(|step| *step >= rough).unwrap_or(rough);
        let mut ticks = Vec::new();
        let mut at = (range[0] / step).ceil() * step;
        while at <= range[1] && ticks.len() < 40 {
            ticks.push((at, tick(at)));
            at += step;
        }
        Some(Self { label: label.into(), range, log: false, ticks, ends, tick })
    }

    /// Ticks at these values only.
    pub(super) fn with_ticks(mut self, at: impl Iterator<Item = f64>) -> Self {
        self.ticks = at.map(|value| (self.place(value), (self.tick)(value))).collect();
        self
    }

    /// A value's place on the range.
    pub(super) fn place(&self, value: f64) -> f64 {
        if self.log { value.max(1e-12).log2() } else { value }
    }

    /// What it shows, from where to where.
    pub(super) fn said(&self) -> String {
        let [low, high] = self.ends.map(self.tick);
        format!("{} from {low} to {high}", self.label)
    }
}

/// What two axes show, for readers that do not see them.
pub(super) fn extent(kind: &'static str, series: usize, points: usize, x: &Axis, y: &Axis) -> Extent {
    Extent { kind, series, points, axes: format!("x: {}; y: {}", x.said(), y.said()) }
}

/// `4K`, of a power of two.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an axis of bytes is below 2^62")]
pub(super) fn bytes(value: f64) -> String {
    bytes_tick(value.clamp(0.0, 4e18).round() as u64)
}

/// At most four digits after the point, none that say nothing.
pub(super) fn plain(value: f64) -> String {
    format!("{}", (value * 10_000.0).round() / 10_000.0)
}

/// `4×`, `0.5×`.
pub(super) fn times(value: f64) -> String {
    format!("{}×", plain(value))
}

/// How the points of a series are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Line,
    /// Dashed and without marks: not measured.
    Dashed,
    /// Marks alone.
    Dots,
}

/// One curve.
#[derive(Clone, Debug)]
pub(super) struct Series {
    /// At its end.
    pub(super) label: String,
    /// x, y.
    pub(super) points: Vec<[f64; 2]>,
    /// x, lower, upper: shaded.
    pub(super) band: Vec<[f64; 3]>,
    pub(super) style: Style,
    /// Number of its colour.
    pub(super) color: usize,
    /// Words at points.
    pub(super) notes: Vec<([f64; 2], String)>,
}

impl Series {
    pub(super) fn line(label: impl Into<String>, points: Vec<[f64; 2]>, color: usize) -> Self {
        Self { label: label.into(), points, band: Vec::new(), style: Style::Line, color, notes: Vec::new() }
    }
}

/// Curves over two axes.
#[derive(Clone, Debug)]
pub(super) struct Curves {
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) series: Vec<Series>,
    /// Vertical lines: name and x.
    pub(super) marks: Vec<(String, f64)>,
    /// Whether the marks are ends of shaded bands.
    pub(super) bands: bool,
    /// A line at this height.
    pub(super) level: Option<f64>,
}

impl Curves {
    pub(super) fn points(&self) -> usize {
        self.series.iter().map(|series| series.points.len()).sum()
    }

    pub(super) fn extent(&self, kind: &'static str) -> Extent {
        extent(kind, self.series.len(), self.points(), &self.x, &self.y)
    }

    fn fitted(&self) -> (Vec<String>, f64) {
        let labels: Vec<String> = self.series.iter().map(|series| fit(&series.label, 13.0, LABEL_ROOM)).collect();
        let widest = labels.iter().map(|label| width(label, 13.0)).fold(0.0, f64::max);
        (labels, widest)
    }

    /// Where the data lies, inside of ticks and labels.
    pub(super) fn inner(&self, area: Area) -> Area {
        let (_, widest) = self.fitted();
        let right = if widest > 0.0 { area.right - widest - 34.0 } else { area.right - 10.0 };
        let top = area.top + if self.marks.is_empty() { 6.0 } else { 38.0 };
        Area { left: area.left + 62.0, top, right, bottom: area.bottom - 44.0 }
    }

    pub(super) fn draw(&self, canvas: &mut Canvas, area: Area) {
        let (labels, widest) = self.fitted();
        let inner = self.inner(area);
        let frame = Frame { area: inner, x: self.x.range, y: self.y.range };
        self.bands(canvas, frame);
        axes(canvas, frame, &self.x, &self.y);
        if let Some(level) = self.level {
            let y = frame.y_at(self.y.place(level));
            canvas.line(&[[inner.left, y], [inner.right, y]], Ink::FAINT, 1.2);
        }
        self.marks(canvas, frame);
        for series in &self.series {
            self.series(canvas, frame, series);
        }
        if widest > 0.0 {
            self.labels(canvas, frame, &labels);
        }
    }

    /// Names at the ends of the lines, each with its mark.
    fn labels(&self, canvas: &mut Canvas, frame: Frame, labels: &[String]) {
        let drawn = || self.series.iter().zip(labels).filter(|(series, _)| !series.points.is_empty());
        let end = |series: &Series| {
            let last = series.points.iter().max_by(|a, b| a[0].total_cmp(&b[0])).copied().unwrap_or_default();
            frame.at([self.x.place(last[0]), self.y.place(last[1])])
        };
        let ends: Vec<[f64; 2]> = drawn().map(|(series, _)| end(series)).collect();
        let wanted: Vec<f64> = ends.iter().map(|end| end[1]).collect();
        let heights = apart(&wanted, 18.0, frame.area.top + 6.0, frame.area.bottom - 6.0);
        let x = frame.area.right;
        for (((series, label), end), y) in drawn().zip(&ends).zip(heights) {
            let ink = Ink::series(series.color);
            if series.style != Style::Dots {
                canvas.line(&[[end[0] + 5.0, end[1]], [x + 6.0, y]], ink.faded(0.45), 0.8);
            }
            match series.style {
                Style::Dashed => canvas.dashed(&[[x + 8.0, y], [x + 24.0, y]], ink, 1.6, [5.0, 4.0]),
                Style::Line => {
                    let line = [[x + 7.0, y], [x + 25.0, y]];
                    match series.color % 8 {
                        4.. => canvas.dashed(&line, ink, 2.0, [4.0, 2.0]),
                        _ => canvas.line(&line, ink, 2.0),
                    }
                    canvas.mark([x + 16.0, y], series.color, ink);
                }
                Style::Dots => canvas.mark([x + 16.0, y], series.color, ink),
            }
            canvas.text(label, [x + 28.0, y], 13.0, Ink::TEXT, Anchor::Left);
        }
    }

    fn series(&self, canvas: &mut Canvas, frame: Frame, series: &Series) {
        let ink = Ink::series(series.color);
        let at = |x: f64, y: f64| frame.at([self.x.place(x), self.y.place(y)]);
        if series.band.len() > 1 {
            let lower = series.band.iter().map(|&[x, low, _]| at(x, low));
            let upper = series.band.iter().rev().map(|&[x, _, high]| at(x, high));
            canvas.polygon(&lower.chain(upper).collect::<Vec<_>>(), ink.faded(0.18));
        }
        let points: Vec<[f64; 2]> = series.points.iter().map(|&[x, y]| at(x, y)).collect();
        match series.style {
            Style::Dashed => return canvas.dashed(&points, ink, 1.6, [5.0, 4.0]),
            // There are four marks: from the fifth line on dashes tell them apart.
            Style::Line if points.len() > 1 && series.color % 8 >= 4 => canvas.dashed(&points, ink, 2.0, [9.0, 3.0]),
            Style::Line if points.len() > 1 => canvas.line(&points, ink, 2.0),
            _ => {}
        }
        canvas.marks(&points, series.color, ink);
        let mut taken: Vec<[f64; 4]> = Vec::new();
        for ([x, y], note) in &series.notes {
            let [px, py] = at(*x, *y);
            let half = width(note, 12.0) / 2.0 + 2.0;
            let x = px.clamp(frame.area.left + half, frame.area.right - half);
            // Above its point, or higher where another note stands.
            let mut y = (py - 13.0).max(frame.area.top + 8.0);
            while taken.iter().any(|[l, r, t, b]| x - half < *r && x + half > *l && y - 7.0 < *b && y + 7.0 > *t)
                && y > frame.area.top + 8.0
            {
                y -= 2.0;
            }
            if taken.iter().any(|[l, r, t, b]| x - half < *r && x + half > *l && y - 7.0 < *b && y + 7.0 > *t) {
                continue;
            }
            taken.push([x - half, x + half, y - 7.0, y + 7.0]);
            canvas.text(note, [x, y], 12.0, Ink::TEXT, Anchor::Middle);
        }
    }

    fn bands(&self, canvas: &mut Canvas, frame: Frame) {
        let Area { left, right, top, bottom } = frame.area;
        let mut from = left;
        for (index, (_, at)) in self.marks.iter().enumerate().filter(|_| self.bands) {
            let to = frame.x_at(self.x.place(*at)).clamp(left, right);
            if to > from {
                canvas.rect([from, top], [to, bottom], Ink::FAINT.faded(if index % 2 == 0 { 0.12 } else { 0.04 }));
                from = to;
            }
        }
    }

    /// The marks' names above the frame, in two rows where they would touch.
    fn marks(&self, canvas: &mut Canvas, frame: Frame) {
        let Area { left, right, top, bottom } = frame.area;
        let mut ends = [f64::NEG_INFINITY; 2];
        let mut from = left;
        let last = self.bands.then(|| ("memory".to_owned(), f64::INFINITY));
        for (name, at) in self.marks.iter().cloned().chain(last) {
            let x = frame.x_at(self.x.place(at)).clamp(left, right);
            let inside = x > left && x < right;
            if !self.bands && !inside || self.bands && x <= from {
                continue;
            }
            if inside {
                let dash = if self.bands { [1.0, 5.0] } else { [2.0, 3.0] };
                canvas.dashed(&[[x, top], [x, bottom]], Ink::FAINT, 0.9, dash);
            }
            let half = width(&name, 12.0) / 2.0 + 4.0;
            let middle = if self.bands { f64::midpoint(from, x) } else { x };
            // The name of a narrow first band would lie on the highest tick of the axis.
            let leftmost = if self.bands { left } else { left - 40.0 };
            let middle = middle.clamp(leftmost + half, right + 60.0 - half);
            from = x;
            let Some(row) = ends.iter().position(|end| middle - half > *end) else { continue };
            ends[row] = middle + half;
            let y = top - if row == 0 { 10.0 } else { 26.0 };
            canvas.text(&name, [middle, y], 12.0, Ink::FAINT, Anchor::Middle);
        }
    }
}

/// Grid, ticks and labels of two axes.
pub(super) fn axes(canvas: &mut Canvas, frame: Frame, x: &Axis, y: &Axis) {
    let Area { left, right, top, bottom } = frame.area;
    let mut grid = Vec::new();
    // Every tick, or every second, or every third is named.
    let widest = x.ticks.iter().map(|(_, label)| width(label, 12.0)).fold(0.0, f64::max) + 10.0;
    let places: Vec<f64> = x.ticks.iter().map(|(at, _)| frame.x_at(*at)).collect();
    let apart = |step: usize| places.iter().zip(places.iter().skip(step)).all(|(a, b)| b - a >= widest);
    let step = (1..places.len().max(2)).find(|&step| apart(step)).unwrap_or(1);
    for (index, (at, (_, label))) in places.iter().zip(&x.ticks).enumerate() {
        grid.push([[*at, top], [*at, bottom]]);
        if index % step == 0 {
            canvas.text(label, [*at, bottom + 15.0], 12.0, Ink::TEXT, Anchor::Middle);
        }
    }
    let mut end = f64::INFINITY;
    for (at, label) in &y.ticks {
        let at = frame.y_at(*at);
        grid.push([[left, at], [right, at]]);
        if at + 8.0 < end {
            canvas.text(label, [left - 8.0, at], 12.0, Ink::TEXT, Anchor::Right);
            end = at - 8.0;
        }
    }
    canvas.lines(&grid, Ink::GRID, 0.7);
    canvas.line(&[[left, bottom], [right, bottom]], Ink::FAINT, 1.0);
    canvas.text(&x.label, [f64::midpoint(left, right), bottom + 36.0], 13.0, Ink::TEXT, Anchor::Middle);
    canvas.upright(&y.label, [left - 54.0, f64::midpoint(top, bottom)], 13.0, Ink::TEXT);
}
