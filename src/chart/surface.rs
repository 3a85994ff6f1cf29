//! A plotters backend that writes SVG: tenths of pixels, dashes, patterns, and colours that follow the theme.

use super::ink::{Theme, written};
use super::text::{escape, width};
use plotters::style::FontTransform;
use plotters::style::text_anchor::{HPos, VPos};
use plotters_backend::{BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind};
use std::convert::Infallible;
use std::fmt::Write;

/// Parts of a pixel that a coordinate counts.
pub(super) const FINE: f64 = 10.0;

/// Size of text that needs no mention.
const PLAIN_SIZE: f64 = 12.0;

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

pub(super) struct Surface {
    pub(super) out: String,
    pub(super) theme: Theme,
    size: (u32, u32),
    /// Lengths of dash and gap of the lines to come.
    pub(super) dash: Option<[f64; 2]>,
    /// Name of the pattern that fills what comes.
    pub(super) pattern: Option<String>,
}

impl Surface {
    pub(super) fn new(theme: Theme, size: (u32, u32)) -> Self {
        Self { out: String::new(), theme, size, dash: None, pattern: None }
    }

    // Writing to a String cannot fail.
    fn fill(&mut self, color: BackendColor) {
        match &self.pattern {
            Some(pattern) => {
                let _ = write!(self.out, " fill=\"url(#{pattern})\"");
            }
            None => {
                let _ = write!(self.out, " fill=\"{}\"", written(color.rgb, self.theme));
                self.opacity("fill-opacity", color);
            }
        }
    }

    fn stroke(&mut self, style: &impl BackendStyle) {
        let color = style.color();
        let width = number(i32::try_from(style.stroke_width()).unwrap_or(1));
        let _ =
            write!(self.out, " fill=\"none\" stroke=\"{}\" stroke-width=\"{width}\"", written(color.rgb, self.theme));
        self.opacity("stroke-opacity", color);
        if let Some([on, off]) = self.dash {
            let _ = write!(self.out, " stroke-dasharray=\"{on} {off}\"");
        }
    }

    fn opacity(&mut self, name: &str, color: BackendColor) {
        if color.alpha < 0.995 {
            let _ = write!(self.out, " {name}=\"{:.2}\"", color.alpha);
        }
    }

    fn points(&mut self, points: impl IntoIterator<Item = BackendCoord>) {
        for (index, (x, y)) in points.into_iter().enumerate() {
            let _ = write!(self.out, "{}{} {}", if index == 0 { "" } else { " " }, number(x), number(y));
        }
    }
}

/// Tenths as a decimal: `125` is `12.5`.
pub(super) fn number(fine: i32) -> String {
    let sign = if fine < 0 { "-" } else { "" };
    let (whole, tenth) = (fine.unsigned_abs() / 10, fine.unsigned_abs() % 10);
    if tenth == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{tenth}") }
}

impl DrawingBackend for Surface {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, color: BackendColor) -> Drawn {
        let _ = write!(self.out, "<path d=\"M{} {}h.1v.1h-.1z\"", number(x), number(y));
        self.fill(color);
        self.out.push_str("/>");
        Ok(())
    }

    fn draw_rect<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S, fill: bool) -> Drawn {
        let _ = write!(
            self.out,
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"",
            number(from.0),
            number(from.1),
            number((to.0 - from.0).max(0)),
            number((to.1 - from.1).max(0))
        );
        if fill {
            self.fill(style.color())
        } else {
            self.stroke(style)
        }
        self.out.push_str("/>");
        Ok(())
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        self.draw_path([from, to], style)
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Drawn {
        self.out.push_str("<path d=\"M");
        self.points(path);
        self.out.push('"');
        self.stroke(style);
        self.out.push_str("/>");
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(&mut self, (x, y): BackendCoord, radius: u32, style: &S, fill: bool) -> Drawn {
        let radius = number(i32::try_from(radius).unwrap_or(0));
        let _ = write!(self.out, "<circle cx=\"{}\" cy=\"{}\" r=\"{radius}\"", number(x), number(y));
        if fill {
            self.fill(style.color())
        } else {
            self.stroke(style)
        }
        self.out.push_str("/>");
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, points: I, style: &S) -> Drawn {
        self.out.push_str("<path d=\"M");
        self.points(points);
        self.out.push_str("z\"");
        self.fill(style.color());
        self.out.push_str("/>");
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, (x, y): BackendCoord) -> Drawn {
        let size = style.size() / FINE;
        // The middle of a lower-case line lies about a third of an em above its base.
        let drop = match style.anchor().v_pos {
            VPos::Center => 0.35,
            VPos::Top => 0.76,
            VPos::Bottom => 0.0,
        };
        let (place, turn) = if matches!(style.transform(), FontTransform::Rotate270) {
            let [x, y] = [f64::from(x) / FINE + drop * size, f64::from(y) / FINE];
            (format!("x=\"{x:.1}\" y=\"{y:.1}\""), format!(" transform=\"rotate(-90 {x:.1} {y:.1})\""))
        } else {
            let [x, y] = [f64::from(x) / FINE, f64::from(y) / FINE + drop * size];
            (format!("x=\"{x:.1}\" y=\"{y:.1}\""), String::new())
        };
        let _ = write!(self.out, "<text {place}{turn}");
        match style.anchor().h_pos {
            HPos::Left => {}
            HPos::Center => self.out.push_str(" text-anchor=\"middle\""),
            HPos::Right => self.out.push_str(" text-anchor=\"end\""),
        }
        if (size - PLAIN_SIZE).abs() > 0.01 {
            let _ = write!(self.out, " font-size=\"{size}\"");
        }
        self.pattern = None;
        if style.color().rgb != super::ink::Ink::TEXT_RGB {
            self.fill(style.color());
        }
        let _ = write!(self.out, ">{}</text>", escape(text));
        Ok(())
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "pixels")]
    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        style: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        Ok((width(text, style.size()).ceil() as u32, style.size().ceil() as u32))
    }
}
