//! A picture before it is written: its words, the numbers behind it, and how it is drawn.

use super::canvas::{Area, Canvas};
use super::ink::{Ink, Theme, written};
use super::text::{escape, lines, plain};
use crate::bundle::cell;
use resvg::{tiny_skia, usvg};
use std::fmt;
use std::sync::{Arc, LazyLock};

/// Width of a picture's coordinates, and its height unless it needs more.
pub(super) const WIDTH: u32 = 960;
pub(super) const HEIGHT: u32 = 540;

/// Widest PNG that is drawn, pixels.
pub const WIDEST_PNG: u32 = 8192;

const MARGIN: f64 = 20.0;
const TITLE: f64 = 19.0;

/// One number or word behind a picture.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// A word.
    Text(String),
    /// A number.
    Number(f64),
    /// Not measured.
    Absent,
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<f64> for Cell {
    fn from(number: f64) -> Self {
        if number.is_finite() { Self::Number(number) } else { Self::Absent }
    }
}

impl From<u64> for Cell {
    #[expect(clippy::cast_precision_loss, reason = "bytes and lengths are below 2^53")]
    fn from(number: u64) -> Self {
        Self::Number(number as f64)
    }
}

impl From<Option<f64>> for Cell {
    fn from(number: Option<f64>) -> Self {
        number.map_or(Self::Absent, Self::from)
    }
}

/// As many digits as a reader wants; whole numbers in full.
impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(&plain(text)),
            Self::Number(number) if number.fract() == 0.0 => write!(f, "{number}"),
            Self::Number(number) if number.abs() >= 100.0 => write!(f, "{number:.1}"),
            Self::Number(number) if number.abs() >= 0.01 => write!(f, "{number:.3}"),
            Self::Number(number) => write!(f, "{number:.2e}"),
            Self::Absent => f.write_str("–"),
        }
    }
}

/// The numbers behind a picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Data {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// As many cells each as there are columns.
    pub rows: Vec<Vec<Cell>>,
}

impl Data {
    pub(super) fn new(columns: &[&str]) -> Self {
        Self { columns: columns.iter().map(|&name| name.to_owned()).collect(), rows: Vec::new() }
    }

    /// As CSV: an empty field was not measured; a word that a spreadsheet would take for a formula has a `'` before it.
    #[must_use]
    pub fn csv(&self) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let field = |one: &Cell| match one {
            Cell::Text(text) => cell(&plain(text)),
            Cell::Number(number) => number.to_string(),
            Cell::Absent => String::new(),
        };
        // Writing to memory cannot fail, and every row has all columns.
        let _ = writer.write_record(&self.columns);
        for row in &self.rows {
            let _ = writer.write_record(row.iter().map(field));
        }
        writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

/// How much is to be seen, for readers that do not see it.
#[derive(Clone, Debug, Default)]
pub(super) struct Extent {
    /// `Line chart`.
    pub(super) kind: &'static str,
    pub(super) series: usize,
    pub(super) points: usize,
    /// What each axis shows, from where to where.
    pub(super) axes: String,
}

type Drawing = Box<dyn Fn(&mut Canvas, Area) + Send + Sync>;

/// A picture that can be written in several ways.
pub struct Picture {
    /// What it says, in words.
    pub title: String,
    /// What is drawn.
    pub subtitle: String,
    /// Who measured, how often, what intervals are shown.
    pub caption: String,
    /// The numbers behind it.
    pub data: Data,
    pub(super) extent: Extent,
    pub(super) size: [u32; 2],
    pub(super) drawing: Drawing,
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.title)
    }
}

impl Picture {
    /// What it shows, for readers that do not see it.
    #[must_use]
    pub fn description(&self) -> String {
        let Extent { kind, series, points, axes } = &self.extent;
        format!("{kind}, {series} series, {points} points; {axes}. {}. {}.", self.title, self.subtitle)
    }

    /// As SVG; `id` begins every name in it, since a page holds several.
    #[must_use]
    pub fn svg(&self, theme: Theme, id: &str) -> String {
        let [width, height] = self.size;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
             aria-labelledby=\"{id}-t {id}-d\" font-family=\"{}\" font-size=\"12\" fill=\"{}\">\
             <title id=\"{id}-t\">{}</title><desc id=\"{id}-d\">{}</desc>{}</svg>\n",
            Canvas::fonts(),
            written(Ink::TEXT_RGB, theme),
            escape(&self.title),
            escape(&self.description()),
            self.inside(theme, id)
        )
    }

    fn inside(&self, theme: Theme, id: &str) -> String {
        let mut canvas = Canvas::new(self.size, theme, id);
        let [width, height] = self.size.map(f64::from);
        let room = width - 2.0 * MARGIN;
        let below = canvas.paragraph(&self.title, [MARGIN, 26.0], TITLE, Ink::TEXT, room);
        let top = canvas.paragraph(&self.subtitle, [MARGIN, below - 2.0], 13.0, Ink::FAINT, room);
        #[expect(clippy::cast_precision_loss, reason = "a few lines")]
        let caption = height - 16.0 * lines(&self.caption, 12.0, room).len() as f64;
        canvas.paragraph(&self.caption, [MARGIN, caption], 12.0, Ink::FAINT, room);
        let area = Area { left: MARGIN, top, right: width - MARGIN, bottom: caption - 14.0 };
        (self.drawing)(&mut canvas, area);
        canvas.into_text()
    }

    /// As PNG of this width, with a font of our own: the same bytes on every machine.
    ///
    /// # Errors
    /// A width of 0 or above [`WIDEST_PNG`], or a picture that would be as high.
    pub fn png(&self, theme: Theme, width: u32) -> Result<Vec<u8>, String> {
        static FONTS: LazyLock<Arc<usvg::fontdb::Database>> = LazyLock::new(|| {
            let mut fonts = usvg::fontdb::Database::new();
            fonts.load_font_data(include_bytes!("../../assets/DejaVuSans-subset.ttf").to_vec());
            Arc::new(fonts)
        });
        let scale = f64::from(width) / f64::from(self.size[0]);
        let height = (f64::from(self.size[1]) * scale).round();
        if width == 0 || width > WIDEST_PNG || height > f64::from(WIDEST_PNG) || height < 1.0 {
            return Err(format!("{width} × {height} pixels: expected 1 to {WIDEST_PNG} each"));
        }
        let options = usvg::Options { fontdb: FONTS.clone(), ..usvg::Options::default() };
        let tree = usvg::Tree::from_str(&self.svg(theme, "p"), &options).map_err(|error| error.to_string())?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
        let mut pixels = tiny_skia::Pixmap::new(width, height as u32).ok_or("too large")?;
        #[expect(clippy::cast_possible_truncation, reason = "a scale")]
        let scale = tiny_skia::Transform::from_scale(scale as f32, scale as f32);
        resvg::render(&tree, scale, &mut pixels.as_mut());
        pixels.encode_png().map_err(|error| error.to_string())
    }

    /// Several pictures of one kind as one: two in a row, their numbers below each other.
    pub(super) fn together(mut pictures: Vec<(String, Self)>) -> Self {
        let mut data = Data::default();
        let mut extent = Extent { axes: String::new(), ..pictures[0].1.extent.clone() };
        (extent.series, extent.points) = (0, 0);
        for (name, picture) in &pictures {
            data.columns = std::iter::once("cpu".to_owned()).chain(picture.data.columns.iter().cloned()).collect();
            let named =
                |row: &Vec<Cell>| std::iter::once(Cell::from(name.as_str())).chain(row.iter().cloned()).collect();
            data.rows.extend(picture.data.rows.iter().map(named));
            extent.series += picture.extent.series;
            extent.points += picture.extent.points;
        }
        // Each panel says whose it is.
        pictures.iter_mut().for_each(|(name, picture)| picture.title = format!("{name}: {}", picture.title));
        extent.axes = pictures[0].1.extent.axes.clone();
        let (subtitle, columns) = (pictures[0].1.subtitle.clone(), if pictures.len() == 1 { 1 } else { 2 });
        let each: u32 = pictures.iter().map(|(_, picture)| picture.size[1]).max().unwrap_or(HEIGHT);
        let wide: u32 = pictures.iter().map(|(_, picture)| picture.size[0]).max().unwrap_or(WIDTH);
        let count = pictures.len();
        let rows = u32::try_from(pictures.len().div_ceil(columns)).unwrap_or(1);
        let size = [wide * if columns == 1 { 1 } else { 2 }, 96 + each * rows];
        let drawing: Drawing = Box::new(move |canvas, area| {
            for (index, (_, picture)) in pictures.iter().enumerate() {
                let at = [index % columns, index / columns].map(|n| u32::try_from(n).unwrap_or(0));
                let (x, y) = (f64::from(at[0] * wide), area.top + f64::from(at[1] * each));
                canvas.nested([x, y], picture.size, |theme, id| picture.inside(theme, &format!("{id}-{index}")));
            }
        });
        let title = format!("{count} CPUs side by side");
        let caption = "One picture per CPU, scales of colour shared".to_owned();
        Self { title, subtitle, caption, data, extent, size, drawing }
    }
}
