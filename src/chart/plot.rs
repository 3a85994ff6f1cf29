//! What the curves share: title, frame, grid, cache lines, series with labels at their ends.

use super::canvas::{Anchor, Canvas, Frame, Ink, SERIES, apart};
use crate::units::bytes_tick;

pub(super) const WIDTH: u32 = 860;
pub(super) const HEIGHT: u32 = 480;

/// One curve.
pub(super) struct Series {
    /// At its end.
    pub(super) label: String,
    /// x, y.
    pub(super) points: Vec<[f64; 2]>,
    /// x, lower, upper: shaded.
    pub(super) band: Vec<[f64; 3]>,
    /// Dashed and without marks: not measured.
    pub(super) dashed: bool,
    /// Number of its colour.
    pub(super) color: usize,
}

/// A picture of curves over bytes.
pub(super) struct Curves {
    pub(super) title: String,
    pub(super) subtitle: String,
    pub(super) caption: String,
    pub(super) x_label: &'static str,
    pub(super) y_label: &'static str,
    pub(super) series: Vec<Series>,
    /// Name and bytes.
    pub(super) caches: Vec<(String, f64)>,
    /// Whether caches are shaded bands, named inside, or lines.
    pub(super) bands: bool,
    /// A line at this height.
    pub(super) level: Option<f64>,
    pub(super) tick: fn(f64) -> String,
}

/// Powers of two around the values, with room.
fn span(values: impl Iterator<Item = f64>) -> Option<[f64; 2]> {
    let logs: Vec<f64> = values.filter(|v| v.is_finite() && *v > 0.0).map(f64::log2).collect();
    let low = logs.iter().copied().fold(f64::INFINITY, f64::min);
    let high = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (low <= high).then_some([low, high])
}

impl Curves {
    pub(super) fn draw(&self, canvas: &mut Canvas<'_>) {
        let points = || self.series.iter().flat_map(|series| series.points.iter());
        let bands = self.series.iter().flat_map(|s| s.band.iter()).flat_map(|&[_, low, high]| [low, high]);
        let heights = points().map(|&[_, y]| y).chain(bands).chain(self.level);
        let (Some(x), Some(y)) = (span(points().map(|&[x, _]| x)), span(heights)) else { return };
        let frame = Frame {
            left: 66.0,
            top: 78.0,
            right: canvas.width - 150.0,
            bottom: canvas.height - 74.0,
            x: [x[0] - 0.3, x[1] + 0.3],
            y: [y[0].floor().min(y[0] - 0.15), (y[1] + 0.15).ceil()],
        };
        heading(canvas, &self.title, &self.subtitle, &self.caption);
        self.grid(canvas, frame);
        self.caches(canvas, frame);
        for series in &self.series {
            series.draw(canvas, frame);
        }
        let ends: Vec<[f64; 2]> =
            self.series.iter().filter_map(|s| s.points.last()).map(|&[x, y]| frame.at([x.log2(), y.log2()])).collect();
        let heights = apart(&ends.iter().map(|end| end[1]).collect::<Vec<_>>(), 15.0, frame.top, frame.bottom);
        for ((series, end), y) in self.series.iter().filter(|s| !s.points.is_empty()).zip(&ends).zip(heights) {
            let ink = SERIES[series.color % SERIES.len()];
            if (y - end[1]).abs() > 4.0 {
                canvas.line(&[[end[0] + 6.0, end[1]], [frame.right + 4.0, y]], ink.faded(0.5), 0.7);
            }
            canvas.text(&series.label, [frame.right + 8.0, y], 11.5, ink, Anchor::Left);
        }
    }

    fn grid(&self, canvas: &mut Canvas<'_>, frame: Frame) {
        #[expect(clippy::cast_possible_truncation, reason = "powers of two of bytes and ratios")]
        let whole = |[low, high]: [f64; 2]| (low.ceil() as i32)..=(high.floor() as i32);
        let wide = frame.x[1] - frame.x[0] > 16.0;
        for power in whole(frame.x) {
            let x = frame.x_at(f64::from(power));
            canvas.line(&[[x, frame.top], [x, frame.bottom]], Ink::GRID, 0.6);
            if !wide || power % 2 == 0 {
                let label = bytes_tick(1 << power.clamp(0, 62));
                canvas.text(&label, [x, frame.bottom + 14.0], 11.0, Ink::TEXT, Anchor::Middle);
            }
        }
        for power in whole(frame.y) {
            let y = frame.y_at(f64::from(power));
            canvas.line(&[[frame.left, y], [frame.right, y]], Ink::GRID, 0.6);
            canvas.text(&(self.tick)(f64::from(power).exp2()), [frame.left - 8.0, y], 11.0, Ink::TEXT, Anchor::Right);
        }
        if let Some(level) = self.level {
            let y = frame.y_at(level.log2());
            canvas.line(&[[frame.left, y], [frame.right, y]], Ink::FAINT, 1.2);
        }
        canvas.line(&[[frame.left, frame.bottom], [frame.right, frame.bottom]], Ink::FAINT, 1.0);
        let middle = f64::midpoint(frame.left, frame.right);
        canvas.text(self.x_label, [middle, frame.bottom + 33.0], 12.0, Ink::TEXT, Anchor::Middle);
        canvas.upright(self.y_label, [18.0, f64::midpoint(frame.top, frame.bottom)], 12.0, Ink::TEXT);
    }

    fn caches(&self, canvas: &mut Canvas<'_>, frame: Frame) {
        let mut left = frame.left;
        for (index, (name, bytes)) in self.caches.iter().enumerate() {
            let x = frame.x_at(bytes.log2()).clamp(frame.left, frame.right);
            if self.bands && x > left {
                let ink = Ink::FAINT.faded(if index % 2 == 0 { 0.09 } else { 0.03 });
                canvas.rect([left, frame.top], [x, frame.bottom], ink);
                if x - left > 52.0 {
                    canvas.text(name, [f64::midpoint(left, x), frame.top - 8.0], 11.0, Ink::FAINT, Anchor::Middle);
                }
            } else if !self.bands && x > frame.left && x < frame.right {
                canvas.dashed(&[[x, frame.top], [x, frame.bottom]], Ink::FAINT, 0.8, [2.0, 3.0]);
                canvas.text(name, [x + 4.0, frame.top - 8.0], 11.0, Ink::FAINT, Anchor::Left);
            }
            left = left.max(x);
        }
        if self.bands && frame.right - left > 52.0 {
            let middle = f64::midpoint(left, frame.right);
            canvas.text("memory", [middle, frame.top - 8.0], 11.0, Ink::FAINT, Anchor::Middle);
        }
    }
}

impl Series {
    fn draw(&self, canvas: &mut Canvas<'_>, frame: Frame) {
        let ink = SERIES[self.color % SERIES.len()];
        let at = |x: f64, y: f64| frame.at([x.log2(), y.log2()]);
        if self.band.len() > 1 {
            let lower = self.band.iter().map(|&[x, low, _]| at(x, low));
            let upper = self.band.iter().rev().map(|&[x, _, high]| at(x, high));
            canvas.polygon(&lower.chain(upper).collect::<Vec<_>>(), ink.faded(0.18));
        }
        let points: Vec<[f64; 2]> = self.points.iter().map(|&[x, y]| at(x, y)).collect();
        if self.dashed {
            canvas.dashed(&points, ink.faded(0.85), 1.3, [5.0, 4.0]);
            return;
        }
        canvas.line(&points, ink, 2.0);
        for &point in &points {
            canvas.mark(point, self.color, ink);
        }
    }
}

/// The finding above, what it was measured with below.
pub(super) fn heading(canvas: &mut Canvas<'_>, title: &str, subtitle: &str, caption: &str) {
    canvas.text(title, [20.0, 26.0], 17.0, Ink::TEXT, Anchor::Left);
    canvas.text(subtitle, [20.0, 50.0], 12.0, Ink::FAINT, Anchor::Left);
    let bottom = canvas.height - 14.0;
    canvas.text(caption, [20.0, bottom], 10.0, Ink::FAINT, Anchor::Left);
}
