//! A drawing surface in pixels on a plotters backend, and a frame that maps data to it.
//!
//! The SVG backend rounds to whole numbers: everything is drawn four times as large, and the view box shrinks it.

use plotters::backend::{DrawingBackend, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontTransform, IntoFont, RGBAColor, RGBColor, TextStyle};

/// Sub-pixels of a pixel.
const FINE: f64 = 4.0;

/// Where a text is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Left,
    Middle,
    Right,
}

/// A colour of the palette with its opacity.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ink(pub(super) RGBColor, pub(super) f64);

impl Ink {
    pub(super) const TEXT: Self = Self(RGBColor(34, 34, 34), 1.0);
    pub(super) const FAINT: Self = Self(RGBColor(110, 110, 110), 1.0);
    pub(super) const GRID: Self = Self(RGBColor(225, 225, 225), 1.0);
    pub(super) const WHITE: Self = Self(RGBColor(255, 255, 255), 1.0);

    pub(super) fn faded(self, opacity: f64) -> Self {
        Self(self.0, opacity)
    }

    fn rgba(self) -> RGBAColor {
        self.0.mix(self.1)
    }
}

/// Lines differ in colour and in dash, points in shape: no meaning hangs on colour alone.
pub(super) const SERIES: [Ink; 8] = [
    Ink(RGBColor(0x33, 0x22, 0x88), 1.0),
    Ink(RGBColor(0xB8, 0x5C, 0x00), 1.0),
    Ink(RGBColor(0x1B, 0x78, 0x37), 1.0),
    Ink(RGBColor(0xE7, 0x29, 0x8A), 1.0),
    Ink(RGBColor(0x66, 0x99, 0xCC), 1.0),
    Ink(RGBColor(0x66, 0x11, 0x00), 1.0),
    Ink(RGBColor(0x55, 0x55, 0x55), 1.0),
    Ink(RGBColor(0, 0, 0), 1.0),
];

pub(super) struct Canvas<'a> {
    backend: SVGBackend<'a>,
    pub(super) width: f64,
    pub(super) height: f64,
}

#[expect(clippy::cast_possible_truncation, reason = "pixels")]
fn fine(value: f64) -> i32 {
    (value * FINE).round() as i32
}

/// What the picture is, for readers that do not see it.
pub(super) struct About {
    pub(super) title: String,
    pub(super) description: String,
}

/// Draws and returns the SVG. The backend writes to a string, which cannot fail.
pub(super) fn svg(width: u32, height: u32, about: &About, draw: impl FnOnce(&mut Canvas<'_>)) -> String {
    let mut text = String::new();
    {
        let size = (width * 4, height * 4);
        let backend = SVGBackend::with_string(&mut text, size);
        let mut canvas = Canvas { backend, width: f64::from(width), height: f64::from(height) };
        canvas.rect([0.0, 0.0], [f64::from(width), f64::from(height)], Ink::WHITE);
        draw(&mut canvas);
        let _ = canvas.backend.present();
    }
    let start = text.find("<svg").and_then(|svg| text[svg..].find('>').map(|end| svg + end + 1)).unwrap_or(0);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {} {}\" role=\"img\" \
         aria-labelledby=\"t d\">\n<title id=\"t\">{}</title>\n<desc id=\"d\">{}</desc>{}",
        width * 4,
        height * 4,
        escape(&about.title),
        escape(&about.description),
        &text[start..]
    )
}

/// Text inside an element; control characters would make the XML ill-formed.
fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

impl Canvas<'_> {
    pub(super) fn rect(&mut self, [x, y]: [f64; 2], [right, bottom]: [f64; 2], ink: Ink) {
        let _ = self.backend.draw_rect((fine(x), fine(y)), (fine(right), fine(bottom)), &ink.rgba(), true);
    }

    pub(super) fn outline(&mut self, [x, y]: [f64; 2], [right, bottom]: [f64; 2], ink: Ink, width: f64) {
        let style = ink.rgba().stroke_width(stroke(width));
        let _ = self.backend.draw_rect((fine(x), fine(y)), (fine(right), fine(bottom)), &style, false);
    }

    pub(super) fn line(&mut self, points: &[[f64; 2]], ink: Ink, width: f64) {
        let style = ink.rgba().stroke_width(stroke(width));
        let _ = self.backend.draw_path(points.iter().map(|&[x, y]| (fine(x), fine(y))), &style);
    }

    /// Dashes of `on` pixels with gaps of `off`.
    pub(super) fn dashed(&mut self, points: &[[f64; 2]], ink: Ink, width: f64, [on, off]: [f64; 2]) {
        let (mut drawing, mut left) = (true, on);
        for pair in points.windows(2) {
            let [[x0, y0], [x1, y1]] = [pair[0], pair[1]];
            let length = (x1 - x0).hypot(y1 - y0);
            let mut done = 0.0;
            while done < length {
                let step = left.min(length - done);
                let at = |t: f64| [x0 + (x1 - x0) * t / length, y0 + (y1 - y0) * t / length];
                if drawing {
                    self.line(&[at(done), at(done + step)], ink, width);
                }
                done += step;
                left -= step;
                if left <= 1e-9 {
                    drawing = !drawing;
                    left = if drawing { on } else { off };
                }
            }
        }
    }

    pub(super) fn polygon(&mut self, points: &[[f64; 2]], ink: Ink) {
        let _ = self.backend.fill_polygon(points.iter().map(|&[x, y]| (fine(x), fine(y))), &ink.rgba());
    }

    /// A point: circle, square, triangle or diamond by number.
    pub(super) fn mark(&mut self, [x, y]: [f64; 2], number: usize, ink: Ink) {
        let r = 3.6;
        let shape: Vec<[f64; 2]> = match number % 4 {
            0 => {
                let _ = self.backend.draw_circle((fine(x), fine(y)), 14, &ink.rgba(), true);
                return;
            }
            1 => vec![[x - r, y - r], [x + r, y - r], [x + r, y + r], [x - r, y + r]],
            2 => vec![[x, y - r * 1.3], [x + r * 1.2, y + r], [x - r * 1.2, y + r]],
            _ => vec![[x, y - r * 1.4], [x + r * 1.4, y], [x, y + r * 1.4], [x - r * 1.4, y]],
        };
        self.polygon(&shape, ink);
    }

    pub(super) fn text(&mut self, text: &str, at: [f64; 2], size: f64, ink: Ink, anchor: Anchor) {
        self.styled(text, at, size, ink, anchor, false);
    }

    /// Read from below.
    pub(super) fn upright(&mut self, text: &str, at: [f64; 2], size: f64, ink: Ink) {
        self.styled(text, at, size, ink, Anchor::Middle, true);
    }

    fn styled(&mut self, text: &str, [x, y]: [f64; 2], size: f64, ink: Ink, anchor: Anchor, upright: bool) {
        let horizontal = match anchor {
            Anchor::Left => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::Right => HPos::Right,
        };
        let font = ("DejaVu Sans, Helvetica, Arial, sans-serif", size * FINE).into_font();
        let font = if upright { font.transform(FontTransform::Rotate270) } else { font };
        let color = ink.rgba();
        let style = TextStyle::from(font).color(&color).pos(Pos::new(horizontal, VPos::Center));
        // What XML cannot hold is no text.
        let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let _ = self.backend.draw_text(&plain, &style, (fine(x), fine(y)));
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "pixels")]
fn stroke(width: f64) -> u32 {
    (width * FINE).round().max(1.0) as u32
}

/// Data to pixels: both axes in logarithms to base 2, or linear if the caller passes values as they are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
    pub(super) x: [f64; 2],
    pub(super) y: [f64; 2],
}

impl Frame {
    pub(super) fn at(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        [self.x_at(x), self.y_at(y)]
    }

    pub(super) fn x_at(&self, x: f64) -> f64 {
        self.left + (x - self.x[0]) / (self.x[1] - self.x[0]).max(1e-12) * (self.right - self.left)
    }

    pub(super) fn y_at(&self, y: f64) -> f64 {
        self.bottom - (y - self.y[0]) / (self.y[1] - self.y[0]).max(1e-12) * (self.bottom - self.top)
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
    fn a_picture_has_a_title_and_its_text_is_escaped() {
        let about = About { title: "a < b & \u{7}c".into(), description: "d".into() };
        let picture = svg(100, 50, &about, |canvas| {
            canvas.text("</text><script>", [10.0, 10.0], 12.0, Ink::TEXT, Anchor::Left);
        });
        assert!(picture.contains("<title id=\"t\">a &lt; b &amp;  c</title>"), "{picture}");
        assert!(picture.contains("viewBox=\"0 0 400 200\"") && !picture.contains("<script"), "{picture}");
        assert_eq!(picture.matches("<svg").count(), 1);
    }
}
