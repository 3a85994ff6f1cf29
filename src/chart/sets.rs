//! How many lines of one run fall into each set of each cache.

use super::canvas::{Anchor, Area, Canvas};
use super::ink::Ink;
use super::picture::{Cell, Data, Extent, HEIGHT, Picture, WIDTH};
use crate::units::count;

/// Bars of a level at most: a bar stands for as many neighbouring sets as it takes.
const BARS: usize = 256;
/// Pixels kept free above the bars of a level, and left of them.
const ABOVE: f64 = 26.0;
const LEFT: f64 = 44.0;

/// The lines that fall into the sets of one cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetLoad {
    /// `L1d`, `L2`, …
    pub level: String,
    /// Lines that a set holds.
    pub ways: u32,
    /// Lines per set.
    pub lines: Vec<u64>,
}

impl SetLoad {
    fn most(&self) -> u64 {
        self.lines.iter().copied().max().unwrap_or(0)
    }

    fn reached(&self) -> u64 {
        self.lines.iter().filter(|&&lines| lines > 0).count() as u64
    }

    fn group(&self) -> usize {
        self.lines.len().div_ceil(BARS).max(1)
    }

    /// The fullest set of each group of neighbours.
    fn bars(&self) -> Vec<u64> {
        self.lines.chunks(self.group()).map(|sets| sets.iter().copied().max().unwrap_or(0)).collect()
    }

    fn heading(&self) -> String {
        let (reached, all) = (count(self.reached()), count(self.lines.len() as u64));
        let each = self.group();
        let bars = if each > 1 { format!("; a bar is the fullest of {each} sets") } else { String::new() };
        format!(
            "{}: {reached} of {all} sets reached, at most {} lines for {} ways{bars}",
            self.level,
            self.most(),
            self.ways
        )
    }
}

/// The picture of a walk's first run on the caches of a CPU.
///
/// # Errors
/// If there is no cache.
pub fn set_pressure(what: &str, cpu: &str, loads: Vec<SetLoad>) -> Result<Picture, String> {
    let first = loads.first().ok_or("there is no cache")?;
    let over = loads.iter().filter(|load| load.most() > u64::from(load.ways)).map(|load| load.level.as_str());
    let over: Vec<&str> = over.collect();
    let title = if over.is_empty() {
        format!(
            "One run reaches {} of {} sets of {}",
            count(first.reached()),
            count(first.lines.len() as u64),
            first.level
        )
    } else {
        format!("One run puts more lines into a set than it has ways in {}", over.join(", "))
    };
    let mut data = Data::new(&["level", "set", "lines", "ways"]);
    for load in &loads {
        let reached = load.lines.iter().enumerate().filter(|(_, lines)| **lines > 0);
        data.rows.extend(reached.map(|(set, &lines)| {
            vec![Cell::from(load.level.as_str()), (set as u64).into(), lines.into(), u64::from(load.ways).into()]
        }));
    }
    let extent = Extent {
        kind: "Bar chart",
        series: loads.len(),
        points: loads.iter().map(|load| load.bars().len()).sum(),
        axes: "x: sets of each cache; y: lines in a set; line: ways".to_owned(),
    };
    Ok(Picture {
        title,
        subtitle: format!("Lines of the first run of the innermost loop in each set; {what}"),
        caption: format!("{cpu}; simulated, virtual addresses; line across: ways of a set"),
        data,
        extent,
        size: [WIDTH, HEIGHT],
        drawing: Box::new(move |canvas, area| draw(canvas, area, &loads)),
    })
}

#[expect(clippy::cast_precision_loss, reason = "pixels")]
fn draw(canvas: &mut Canvas, area: Area, loads: &[SetLoad]) {
    let height = (area.bottom - area.top) / loads.len() as f64;
    for (number, load) in loads.iter().enumerate() {
        let top = area.top + height * number as f64;
        panel(canvas, Area { top: top + ABOVE, bottom: top + height - 8.0, left: area.left + LEFT, ..area }, load);
    }
}

#[expect(clippy::cast_precision_loss, reason = "pixels")]
fn panel(canvas: &mut Canvas, area: Area, load: &SetLoad) {
    canvas.text(&load.heading(), [area.left - LEFT, area.top - 14.0], 12.0, Ink::TEXT, Anchor::Left);
    let (bars, ways) = (load.bars(), f64::from(load.ways));
    let highest = (load.most() as f64).max(ways);
    let y = |lines: f64| area.bottom - lines / highest * (area.bottom - area.top);
    let width = (area.right - area.left) / bars.len().max(1) as f64;
    let gap = if width > 4.0 { 1.0 } else { 0.0 };
    for (number, &lines) in bars.iter().enumerate().filter(|(_, lines)| **lines > 0) {
        let left = area.left + width * number as f64;
        let ink = Ink::series(usize::from(lines as f64 > ways));
        canvas.rect([left, y(lines as f64)], [left + width - gap, area.bottom], ink);
    }
    canvas.line(&[[area.left, area.bottom], [area.right, area.bottom]], Ink::FAINT, 1.0);
    canvas.dashed(&[[area.left, y(ways)], [area.right, y(ways)]], Ink::TEXT, 1.2, [5.0, 3.0]);
    canvas.text("0", [area.left - 8.0, area.bottom], 11.0, Ink::FAINT, Anchor::Right);
    canvas.text(&load.ways.to_string(), [area.left - 8.0, y(ways)], 11.0, Ink::FAINT, Anchor::Right);
    if highest > ways * 1.2 {
        canvas.text(&load.most().to_string(), [area.left - 8.0, area.top], 11.0, Ink::FAINT, Anchor::Right);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Theme;
    use super::*;

    #[test]
    fn the_title_says_which_caches_overflow() {
        let load = |most| SetLoad { level: "L1d".to_owned(), ways: 8, lines: vec![most, 0, 3] };
        let picture = set_pressure("columns", "a CPU", vec![load(20)]).unwrap();
        assert_eq!(picture.title, "One run puts more lines into a set than it has ways in L1d");
        assert_eq!(picture.data.csv().lines().count(), 3);
        let picture = set_pressure("rows", "a CPU", vec![load(8)]).unwrap();
        assert_eq!(picture.title, "One run reaches 2 of 3 sets of L1d");
        let svg = picture.svg(Theme::Light, "s");
        assert!(roxmltree::Document::parse(&svg).is_ok() && svg.contains("at most 8 lines for 8 ways"), "{svg}");
        assert!(set_pressure("rows", "a CPU", Vec::new()).is_err());
    }
}
