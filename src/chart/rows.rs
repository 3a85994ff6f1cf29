//! What charts of one row per case share: names on the left, a frame beside them, a picture as high as its rows.

use super::canvas::{Anchor, Area, Canvas, Frame};
use super::ink::Ink;
use super::picture::{Extent, HEIGHT};
use super::plot::{Axis, axes};
use super::text::{fit, width};

/// Height of a picture of so many rows of `each` pixels, with `rest` for its words and its axis.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "pixels")]
pub(super) fn height(rows: usize, each: f64, rest: f64) -> u32 {
    ((rest + each * rows as f64) as u32).max(HEIGHT / 2)
}

/// For readers that do not see it: so many rows, and what the axis shows.
pub(super) fn extent(kind: &'static str, [series, points]: [usize; 2], rows: &str, x: &Axis) -> Extent {
    Extent { kind, series, points, axes: format!("{rows}; x: {}", x.said()) }
}

/// Names and the frame beside them.
pub(super) struct Rows {
    pub(super) frame: Frame,
    names: Vec<String>,
    size: f64,
}

impl Rows {
    /// `names` in letters of `size`, none wider than `most`; `above` and `right` pixels are kept for other words.
    pub(super) fn new<'a>(
        area: Area,
        names: impl Iterator<Item = &'a str>,
        [size, most]: [f64; 2],
        [above, right]: [f64; 2],
        x: &Axis,
    ) -> Self {
        let names: Vec<String> = names.map(|name| fit(name, size, most)).collect();
        let widest = names.iter().map(|name| width(name, size)).fold(0.0, f64::max);
        let inner = Area {
            left: area.left + widest + 20.0,
            top: area.top + above,
            right: area.right - right,
            bottom: area.bottom - 44.0,
        };
        Self { frame: Frame { area: inner, x: x.range, y: [0.0, 1.0] }, names, size }
    }

    /// Grid, ticks and label of the only axis.
    pub(super) fn axis(&self, canvas: &mut Canvas, x: &Axis) {
        let none = Axis { label: String::new(), ..x.clone() }.with_ticks(std::iter::empty());
        axes(canvas, self.frame, x, &none);
    }

    /// A line across all rows at this value.
    pub(super) fn level(&self, canvas: &mut Canvas, x: &Axis, value: f64) {
        let (at, Area { top, bottom, .. }) = (self.frame.x_at(x.place(value)), self.frame.area);
        canvas.line(&[[at, top], [at, bottom]], Ink::FAINT, 1.2);
    }

    /// Pixels per row, of so many.
    #[expect(clippy::cast_precision_loss, reason = "rows")]
    pub(super) fn each(&self, rows: usize) -> f64 {
        (self.frame.area.bottom - self.frame.area.top) / rows.max(1) as f64
    }

    /// The middle of a row, where each name has one of the same height.
    #[expect(clippy::cast_precision_loss, reason = "rows")]
    pub(super) fn middle(&self, row: usize) -> f64 {
        self.frame.area.top + (row as f64 + 0.5) * self.each(self.names.len())
    }

    /// The name of a row whose middle is at `y`.
    pub(super) fn name(&self, canvas: &mut Canvas, row: usize, y: f64) {
        let name = self.names.get(row).map_or("", String::as_str);
        canvas.text(name, [self.frame.area.left - 12.0, y], self.size, Ink::TEXT, Anchor::Right);
    }
}
