//! Heat maps: cells of one colour as one path, hatched where nothing was measured, and a scale.

use super::canvas::{Anchor, Area, Canvas};
use super::ink::{Ink, cividis, on};
use super::text::width;
use std::collections::BTreeMap;

/// Colours of the scale.
const SHADES: usize = 32;

/// A map of categories by categories.
pub(super) struct Map {
    pub(super) x_label: String,
    pub(super) y_label: String,
    /// From left to right.
    pub(super) columns: Vec<String>,
    /// From top to bottom.
    pub(super) rows: Vec<String>,
    /// By row and column.
    pub(super) cells: BTreeMap<(usize, usize), f64>,
    /// Ends of the scale, logarithmic.
    pub(super) scale: [f64; 2],
    pub(super) scale_label: String,
    /// A value in its cell.
    pub(super) write: fn(f64) -> String,
    /// A power of two at the scale.
    pub(super) tick: fn(f64) -> String,
    /// By row and column: framed.
    pub(super) framed: Vec<(usize, usize)>,
    pub(super) frame_means: &'static str,
}

impl Map {
    fn share(&self, value: f64) -> f64 {
        let [low, high] = self.scale.map(f64::log2);
        ((value.log2() - low) / (high - low).max(1e-9)).clamp(0.0, 1.0)
    }

    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "shades")]
    fn shade(&self, value: f64) -> usize {
        (self.share(value) * (SHADES - 1) as f64).round() as usize
    }

    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a few cells")]
    pub(super) fn draw(&self, canvas: &mut Canvas, area: Area) {
        let labels = self.rows.iter().map(|row| width(row, 12.0)).fold(0.0, f64::max);
        let inner = Area {
            left: area.left + labels + 34.0,
            top: area.top + 4.0,
            right: area.right - 112.0,
            bottom: area.bottom - 44.0,
        };
        // Whole pixels: neighbours touch without a seam, and a run takes few bytes.
        let wide = ((inner.right - inner.left) / self.columns.len().max(1) as f64).floor().max(1.0);
        let high = (((inner.bottom - inner.top) / self.rows.len().max(1) as f64).floor() / 2.0).floor().max(1.0) * 2.0;
        let inner = Area {
            left: inner.left.round(),
            top: inner.top.round(),
            right: inner.left.round() + wide * self.columns.len() as f64,
            bottom: inner.top.round() + high * self.rows.len() as f64,
        };
        let place = |row: usize, column: usize, count: usize| Area {
            left: inner.left + column as f64 * wide,
            top: inner.top + row as f64 * high,
            right: inner.left + (column + count) as f64 * wide,
            bottom: inner.top + (row + 1) as f64 * high,
        };
        let (mut shades, mut missing): (BTreeMap<usize, Vec<[i32; 3]>>, Vec<Area>) = (BTreeMap::new(), Vec::new());
        for row in 0..self.rows.len() {
            let shade = |column: usize| self.cells.get(&(row, column)).map(|&value| self.shade(value));
            let mut column = 0;
            while column < self.columns.len() {
                // Neighbours of one shade are one rectangle.
                let of = shade(column);
                let count = (column..self.columns.len()).take_while(|&other| shade(other) == of).count();
                let run = place(row, column, count);
                match of {
                    Some(shade) => {
                        let pixels = [run.left, run.top + high / 2.0, run.right - run.left].map(|at| at as i32);
                        shades.entry(shade).or_default().push(pixels);
                    }
                    None => missing.push(run),
                }
                column += count;
            }
        }
        for (shade, runs) in &shades {
            canvas.runs(runs, high as i32, cividis(*shade as f64 / (SHADES - 1) as f64));
        }
        canvas.hatched(&missing);
        for &(row, column) in &self.framed {
            let cell = place(row, column, 1);
            let ink = self.cells.get(&(row, column)).map_or(Ink::TEXT, |&value| on(cividis(self.share(value))));
            canvas.outline([cell.left + 2.0, cell.top + 2.0], [cell.right - 2.0, cell.bottom - 2.0], ink, 0.9);
        }
        if wide > 44.0 && high > 18.0 && self.cells.len() <= 160 {
            for (&(row, column), &value) in &self.cells {
                let cell = place(row, column, 1);
                let at = [f64::midpoint(cell.left, cell.right), f64::midpoint(cell.top, cell.bottom)];
                canvas.text(&(self.write)(value), at, 12.0, on(cividis(self.share(value))), Anchor::Middle);
            }
        }
        self.names(canvas, inner, wide, high);
        self.legend(canvas, inner, !missing.is_empty());
    }

    #[expect(clippy::cast_precision_loss, reason = "a few cells")]
    fn names(&self, canvas: &mut Canvas, inner: Area, wide: f64, high: f64) {
        let mut end = f64::NEG_INFINITY;
        for (index, name) in self.columns.iter().enumerate() {
            let x = inner.left + (index as f64 + 0.5) * wide;
            let half = width(name, 12.0) / 2.0 + 3.0;
            if x - half > end {
                canvas.text(name, [x, inner.bottom + 15.0], 12.0, Ink::TEXT, Anchor::Middle);
                end = x + half;
            }
        }
        let mut end = f64::NEG_INFINITY;
        for (index, name) in self.rows.iter().enumerate() {
            let y = inner.top + (index as f64 + 0.5) * high;
            if y - 8.0 > end {
                canvas.text(name, [inner.left - 8.0, y], 12.0, Ink::TEXT, Anchor::Right);
                end = y + 8.0;
            }
        }
        let middle = [f64::midpoint(inner.left, inner.right), f64::midpoint(inner.top, inner.bottom)];
        canvas.text(&self.x_label, [middle[0], inner.bottom + 36.0], 13.0, Ink::TEXT, Anchor::Middle);
        canvas.upright(&self.y_label, [28.0, middle[1]], 13.0, Ink::TEXT);
    }

    #[expect(clippy::cast_precision_loss, reason = "shades")]
    fn legend(&self, canvas: &mut Canvas, inner: Area, missing: bool) {
        let x = inner.right + 18.0;
        let (top, bottom) = (inner.top + 24.0, inner.bottom - 54.0);
        canvas.text(&self.scale_label, [x, inner.top + 8.0], 12.0, Ink::TEXT, Anchor::Left);
        let height = bottom - top;
        for shade in 0..SHADES {
            let y = |part: usize| bottom - height * part as f64 / SHADES as f64;
            canvas.rect([x, y(shade + 1)], [x + 16.0, y(shade)], cividis(shade as f64 / (SHADES - 1) as f64));
        }
        let mut power = self.scale[0].log2().ceil();
        let mut end = f64::INFINITY;
        while power <= self.scale[1].log2() + 1e-9 {
            let y = bottom - height * self.share(power.exp2());
            if y + 8.0 < end {
                canvas.text(&(self.tick)(power.exp2()), [x + 22.0, y], 12.0, Ink::TEXT, Anchor::Left);
                end = y - 8.0;
            }
            power += 1.0;
        }
        let mut y = inner.bottom - 32.0;
        if missing {
            canvas.hatched(&[Area { left: x, top: y - 7.0, right: x + 16.0, bottom: y + 7.0 }]);
            canvas.text("no data", [x + 22.0, y], 12.0, Ink::TEXT, Anchor::Left);
            y += 22.0;
        }
        if !self.framed.is_empty() {
            canvas.outline([x, y - 7.0], [x + 16.0, y + 7.0], Ink::TEXT, 0.9);
            canvas.text(self.frame_means, [x + 22.0, y], 12.0, Ink::TEXT, Anchor::Left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::Theme;

    #[test]
    fn a_cell_of_a_large_map_takes_at_most_eight_bytes() {
        let side = 64_usize;
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let value = |(row, column): (usize, usize)| 1.0 + (row * column) as f64 / 128.0;
        let places = (0..side * side).map(|at| (at / side, at % side));
        let map = Map {
            x_label: String::new(),
            y_label: String::new(),
            columns: vec![String::new(); side],
            rows: vec![String::new(); side],
            cells: places.map(|place| (place, value(place))).collect(),
            scale: [1.0, 32.0],
            scale_label: String::new(),
            write: |_| String::new(),
            tick: |_| String::new(),
            framed: Vec::new(),
            frame_means: "",
        };
        let mut canvas = Canvas::new([960, 540], Theme::Light, "x");
        map.draw(&mut canvas, Area { left: 0.0, top: 0.0, right: 960.0, bottom: 540.0 });
        let bytes = canvas.into_text().len();
        assert!(bytes <= 8 * side * side, "{} bytes per cell", bytes / side / side);
    }
}
