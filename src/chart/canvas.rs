//! A drawing surface in pixels, and a frame that maps data to it.

use super::ink::{Ink, Theme};
use super::surface::{FINE, Surface, number};
use super::text::{lines, plain};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontTransform, IntoFont, TextStyle};
use plotters_backend::DrawingBackend;
use std::fmt::Write;

/// First what pictures are measured for; the next two are as wide or narrower.
const FONTS: &str = "DejaVu Sans, Verdana, Helvetica, Arial, sans-serif";

/// Where a text is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Left,
    Middle,
    Right,
}

/// How a surface is filled beside its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pattern {
    Rising,
    Dots,
    Crossed,
    Level,
}

pub(super) struct Canvas {
    surface: Surface,
    /// Begins every name inside the picture: several stand in one page.
    id: String,
    patterns: usize,
}

/// A rectangle in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

#[expect(clippy::cast_possible_truncation, reason = "pixels")]
fn fine(value: f64) -> i32 {
    (value * FINE).round() as i32
}

#[expect(clippy::cast_sign_loss, reason = "widths")]
fn stroke(width: f64) -> u32 {
    fine(width).max(1) as u32
}

impl Canvas {
    pub(super) fn new(size: [u32; 2], theme: Theme, id: &str) -> Self {
        let mut canvas = Self { surface: Surface::new(theme, (size[0], size[1])), id: id.to_owned(), patterns: 0 };
        // The page's own ground shows.
        if theme != Theme::Page {
            canvas.rect([0.0, 0.0], size.map(f64::from), Ink::GROUND);
        }
        canvas
    }

    /// What was drawn, as the inside of an `svg` element.
    pub(super) fn into_text(self) -> String {
        self.surface.out
    }

    pub(super) fn fonts() -> &'static str {
        FONTS
    }

    pub(super) fn rect(&mut self, [x, y]: [f64; 2], [right, bottom]: [f64; 2], ink: Ink) {
        let _ = self.surface.draw_rect((fine(x), fine(y)), (fine(right), fine(bottom)), &ink.rgba(), true);
    }

    pub(super) fn outline(&mut self, [x, y]: [f64; 2], [right, bottom]: [f64; 2], ink: Ink, width: f64) {
        let style = ink.rgba().stroke_width(stroke(width));
        let _ = self.surface.draw_rect((fine(x), fine(y)), (fine(right), fine(bottom)), &style, false);
    }

    /// Runs of a heat map of one colour as one stroke, as high as its rows: `[x, middle, width]` in whole pixels, each
    /// told from the end of the one before.
    pub(super) fn runs(&mut self, runs: &[[i32; 3]], height: i32, ink: Ink) {
        let (mut path, mut end) = (String::new(), [0, 0]);
        for &[x, y, width] in runs {
            // Writing to a String cannot fail.
            let _ = write!(path, "m{} {}h{width}", x - end[0], y - end[1]);
            end = [x + width, y];
        }
        let color = super::ink::written(ink.rgb(), self.surface.theme);
        let _ = write!(self.surface.out, "<path stroke=\"{color}\" stroke-width=\"{height}\" d=\"{path}\"/>");
    }

    pub(super) fn line(&mut self, points: &[[f64; 2]], ink: Ink, width: f64) {
        let style = ink.rgba().stroke_width(stroke(width));
        let _ = self.surface.draw_path(points.iter().map(|&[x, y]| (fine(x), fine(y))), &style);
    }

    /// Lines of one kind as one path.
    pub(super) fn lines(&mut self, each: &[[[f64; 2]; 2]], ink: Ink, width: f64) {
        let mut path = String::new();
        for [from, to] in each {
            let [x, y, x1, y1] = [from[0], from[1], to[0], to[1]].map(|v| number(fine(v)));
            let _ = write!(path, "M{x} {y}L{x1} {y1}");
        }
        let color = super::ink::written(ink.rgb(), self.surface.theme);
        let _ = write!(self.surface.out, "<path stroke=\"{color}\" stroke-width=\"{width}\" d=\"{path}\"/>");
    }

    /// Dashes of `on` pixels with gaps of `off`.
    pub(super) fn dashed(&mut self, points: &[[f64; 2]], ink: Ink, width: f64, dash: [f64; 2]) {
        self.surface.dash = Some(dash);
        self.line(points, ink, width);
        self.surface.dash = None;
    }

    pub(super) fn polygon(&mut self, points: &[[f64; 2]], ink: Ink) {
        let _ = self.surface.fill_polygon(points.iter().map(|&[x, y]| (fine(x), fine(y))), &ink.rgba());
    }

    /// A polygon in a colour and a pattern.
    pub(super) fn patterned(&mut self, points: &[[f64; 2]], ink: Ink, pattern: Pattern) {
        self.polygon(points, ink.faded(0.22));
        let name = self.pattern(ink, pattern);
        self.surface.pattern = Some(name);
        self.polygon(points, ink);
        self.surface.pattern = None;
    }

    /// Stripes for what was not measured.
    pub(super) fn hatched(&mut self, areas: &[Area]) {
        if areas.is_empty() {
            return;
        }
        let name = self.pattern(Ink::FAINT.faded(0.5), Pattern::Rising);
        for area in areas {
            self.surface.pattern = Some(name.clone());
            self.rect([area.left, area.top], [area.right, area.bottom], Ink::FAINT);
        }
        self.surface.pattern = None;
    }

    fn pattern(&mut self, ink: Ink, pattern: Pattern) -> String {
        let name = format!("{}-p{}", self.id, self.patterns);
        self.patterns += 1;
        let color = super::ink::written(ink.rgb(), self.surface.theme);
        let inside = match pattern {
            Pattern::Rising => format!("<path d=\"M-2 2l4 -4M0 8l8 -8M6 10l4 -4\" stroke=\"{color}\"/>"),
            Pattern::Dots => format!("<circle cx=\"2\" cy=\"2\" r=\"1.2\" fill=\"{color}\"/>"),
            Pattern::Crossed => format!("<path d=\"M0 0l8 8M0 8l8 -8\" stroke=\"{color}\"/>"),
            Pattern::Level => format!("<path d=\"M0 4h8\" stroke=\"{color}\"/>"),
        };
        let _ = write!(
            self.surface.out,
            "<defs><pattern id=\"{name}\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\">{inside}</pattern></defs>"
        );
        name
    }

    /// A picture inside this one.
    pub(super) fn nested(
        &mut self,
        [x, y]: [f64; 2],
        [width, height]: [u32; 2],
        inside: impl Fn(Theme, &str) -> String,
    ) {
        // A picture in a picture keeps this one's ground.
        let inside = inside(self.surface.theme, &self.id);
        let _ = write!(
            self.surface.out,
            "<svg x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">{inside}</svg>"
        );
    }

    /// A point: circle, square, triangle or diamond by number.
    pub(super) fn mark(&mut self, at: [f64; 2], kind: usize, ink: Ink) {
        self.marks(&[at], kind, ink);
    }

    /// Points of one kind as one path; those on one place are drawn once.
    pub(super) fn marks(&mut self, points: &[[f64; 2]], kind: usize, ink: Ink) {
        let mut places: Vec<[i32; 2]> = points.iter().map(|&[x, y]| [fine(x), fine(y)]).collect();
        places.sort_unstable();
        places.dedup();
        let mut path = String::new();
        // A dot is a line of no length with a round end.
        let shape =
            ["h.1", "m-3.8-3.8h7.6v7.6h-7.6z", "m0-4.9l4.6 8.7h-9.2z", "m0-5.3l5.3 5.3l-5.3 5.3l-5.3-5.3z"][kind % 4];
        for [x, y] in places {
            let _ = write!(path, "M{} {}{shape}", number(x), number(y));
        }
        let color = super::ink::written(ink.rgb(), self.surface.theme);
        let look = if kind.is_multiple_of(4) { "stroke-linecap=\"round\" stroke-width=\"7.6\" stroke" } else { "fill" };
        let _ = write!(self.surface.out, "<path {look}=\"{color}\" d=\"{path}\"/>");
    }

    pub(super) fn text(&mut self, text: &str, at: [f64; 2], size: f64, ink: Ink, anchor: Anchor) {
        self.styled(text, at, size, ink, anchor, false);
    }

    /// A text in lines; returns where the next would stand.
    pub(super) fn paragraph(&mut self, text: &str, [x, y]: [f64; 2], size: f64, ink: Ink, room: f64) -> f64 {
        let mut y = y;
        for line in lines(text, size, room) {
            self.text(&line, [x, y], size, ink, Anchor::Left);
            y += (size * 1.4).round();
        }
        y
    }

    /// Read from below.
    pub(super) fn upright(&mut self, text: &str, at: [f64; 2], size: f64, ink: Ink) {
        self.styled(text, at, size, ink, Anchor::Middle, true);
    }

    fn styled(&mut self, text: &str, [x, y]: [f64; 2], size: f64, ink: Ink, anchor: Anchor, upright: bool) {
        if text.is_empty() {
            return;
        }
        let horizontal = match anchor {
            Anchor::Left => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::Right => HPos::Right,
        };
        let font = (FONTS, size * FINE).into_font();
        let font = if upright { font.transform(FontTransform::Rotate270) } else { font };
        let color = ink.rgba();
        let style = TextStyle::from(font).color(&color).pos(Pos::new(horizontal, VPos::Center));
        let _ = self.surface.draw_text(&plain(text), &style, (fine(x), fine(y)));
    }
}

/// Data to pixels: the caller passes logarithms where an axis is logarithmic.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) area: Area,
    pub(super) x: [f64; 2],
    pub(super) y: [f64; 2],
}

impl Frame {
    pub(super) fn at(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        [self.x_at(x), self.y_at(y)]
    }

    pub(super) fn x_at(&self, x: f64) -> f64 {
        let Area { left, right, .. } = self.area;
        left + (x - self.x[0]) / (self.x[1] - self.x[0]).max(1e-12) * (right - left)
    }

    pub(super) fn y_at(&self, y: f64) -> f64 {
        let Area { top, bottom, .. } = self.area;
        bottom - (y - self.y[0]) / (self.y[1] - self.y[0]).max(1e-12) * (bottom - top)
    }
}

/// Heights for labels that would touch, moved apart as little as needed; the order stays.
pub(super) fn apart(wanted: &[f64], gap: f64, top: f64, bottom: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|&a, &b| wanted[a].total_cmp(&wanted[b]));
    let mut placed = wanted.to_vec();
    for pair in 1..order.len() {
        let above = placed[order[pair - 1]];
        placed[order[pair]] = placed[order[pair]].max(above + gap);
    }
    // Push back up from the bottom.
    let mut limit = bottom;
    for &index in order.iter().rev() {
        placed[index] = placed[index].min(limit).max(top);
        limit = placed[index] - gap;
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_keep_their_distance_inside_the_frame() {
        let placed = apart(&[10.0, 11.0, 12.0, 98.0, 99.0], 12.0, 0.0, 100.0);
        let mut sorted = placed.clone();
        sorted.sort_by(f64::total_cmp);
        assert!(sorted.windows(2).all(|pair| pair[1] - pair[0] >= 12.0 - 1e-9), "{placed:?}");
        assert!(placed.iter().all(|&y| (0.0..=100.0).contains(&y)));
    }

    #[test]
    fn what_is_drawn_is_short_and_escaped() {
        let mut canvas = Canvas::new([100, 50], Theme::Page, "a");
        canvas.text("</text><script>\u{7}", [10.0, 10.0], 12.0, Ink::TEXT, Anchor::Left);
        canvas.line(&[[1.0, 2.0], [3.25, 4.0]], Ink::series(0), 2.0);
        canvas.runs(&[[1, 4, 10], [21, 4, 5], [1, 10, 10]], 6, Ink::GRID);
        assert_eq!(
            canvas.into_text(),
            "<text x=\"10.0\" y=\"14.2\">&lt;/text&gt;&lt;script&gt; </text>\
             <path d=\"M1 2 3.3 4\" fill=\"none\" stroke=\"var(--s0)\" stroke-width=\"2\"/>\
             <path stroke=\"var(--grid)\" stroke-width=\"6\" d=\"m1 4h10m10 0h5m-25 6h10\"/>"
        );
    }
}
