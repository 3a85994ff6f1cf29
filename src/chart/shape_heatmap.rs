//! The penalty over rows and columns: squares, tall and wide arrays.

use super::canvas::{About, Anchor, Canvas, Ink, svg};
use super::data::{caption, plain};
use super::plot::heading;
use crate::bundle::Bundle;
use crate::units::ratio;
use plotters::style::RGBColor;
use std::collections::{BTreeMap, BTreeSet};

const CELL: [f64; 2] = [84.0, 44.0];
const LEFT: f64 = 92.0;
const TOP: f64 = 84.0;

struct Map {
    lengths: Vec<u64>,
    cells: BTreeMap<(u64, u64), f64>,
    /// log2 of the ends of the scale.
    scale: [f64; 2],
}

pub(super) fn draw(bundles: &[Bundle]) -> Result<String, String> {
    let [bundle] = bundles else { return Err("the heatmap shows one bundle".to_owned()) };
    let mut cells = BTreeMap::new();
    let mut rounds = 0;
    for pair in plain(bundle, None) {
        if let ([rows, columns], Some(penalty)) = (&pair.contender.shape[..], pair.penalty()) {
            cells.insert((*rows, *columns), penalty.run.estimate);
            rounds += pair.rounds();
        }
    }
    // The axes are the lengths of arrays that are not square: the squares' own sizes would leave most cells empty.
    let lengths: BTreeSet<u64> = cells.keys().filter(|(r, c)| r != c).flat_map(|&(r, c)| [r, c]).collect();
    cells.retain(|(r, c), _| lengths.contains(r) && lengths.contains(c));
    if lengths.len() < 2 || cells.len() < 4 {
        return Err("too few shapes were measured; the suites standard and full have a grid of them".to_owned());
    }
    let worst = cells.iter().max_by(|a, b| a.1.total_cmp(b.1)).map(|(shape, penalty)| (*shape, *penalty));
    let ((rows, columns), highest) = worst.unwrap_or(((0, 0), 1.0));
    let map = Map { lengths: lengths.into_iter().collect(), cells, scale: [0.0, highest.log2().max(1.0)] };
    #[expect(clippy::cast_precision_loss, reason = "a few lengths")]
    let side = map.lengths.len() as f64;
    let (width, height) = (LEFT + side * CELL[0] + 130.0, TOP + side * CELL[1] + 92.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "pixels")]
    let size = (width.max(640.0) as u32, height as u32);
    let title = format!("Shape decides: {rows} × {columns} pays {}", ratio(highest));
    let subtitle = "Column time / row time by shape; sum over C-order arrays of f8, base pages";
    let about = About { title: title.clone(), description: subtitle.to_owned() };
    let caption = caption(bundles, rounds, "hatched: not measured");
    Ok(svg(size.0, size.1, &about, |canvas| {
        heading(canvas, &title, subtitle, &caption);
        map.draw(canvas);
    }))
}

impl Map {
    /// Cividis: dark blue is low, yellow high; in grey it stays in order.
    fn color(&self, penalty: f64) -> RGBColor {
        let share = (penalty.log2() - self.scale[0]) / (self.scale[1] - self.scale[0]);
        let color = colorous::CIVIDIS.eval_continuous(share.clamp(0.0, 1.0));
        RGBColor(color.r, color.g, color.b)
    }

    #[expect(clippy::cast_precision_loss, reason = "a few lengths")]
    fn draw(&self, canvas: &mut Canvas<'_>) {
        let side = self.lengths.len() as f64;
        for (down, &rows) in self.lengths.iter().enumerate() {
            let y = TOP + down as f64 * CELL[1];
            canvas.text(&rows.to_string(), [LEFT - 8.0, y + CELL[1] / 2.0], 11.5, Ink::TEXT, Anchor::Right);
            for (across, &columns) in self.lengths.iter().enumerate() {
                let x = LEFT + across as f64 * CELL[0];
                self.cell(canvas, [x, y], self.cells.get(&(rows, columns)).copied());
                if rows.is_power_of_two() && columns.is_power_of_two() && self.cells.contains_key(&(rows, columns)) {
                    canvas.outline([x + 1.5, y + 1.5], [x + CELL[0] - 1.5, y + CELL[1] - 1.5], Ink::TEXT, 0.7);
                }
            }
        }
        for (across, &columns) in self.lengths.iter().enumerate() {
            let x = LEFT + (across as f64 + 0.5) * CELL[0];
            canvas.text(&columns.to_string(), [x, TOP + side * CELL[1] + 13.0], 11.5, Ink::TEXT, Anchor::Middle);
        }
        let middle = side * CELL[1] / 2.0;
        canvas.text(
            "columns",
            [LEFT + side * CELL[0] / 2.0, TOP + side * CELL[1] + 34.0],
            12.0,
            Ink::TEXT,
            Anchor::Middle,
        );
        canvas.upright("rows", [24.0, TOP + middle], 12.0, Ink::TEXT);
        self.legend(canvas, LEFT + side * CELL[0] + 26.0, side * CELL[1]);
        let note = [LEFT, TOP + side * CELL[1] + 54.0];
        canvas.text("outlined: rows and columns are powers of two", note, 10.0, Ink::FAINT, Anchor::Left);
    }

    fn cell(&self, canvas: &mut Canvas<'_>, [x, y]: [f64; 2], penalty: Option<f64>) {
        let end = [x + CELL[0], y + CELL[1]];
        let Some(penalty) = penalty else {
            canvas.outline([x, y], end, Ink::GRID, 0.8);
            for stripe in 1..14 {
                let from = f64::from(stripe) * 10.0;
                let (a, b) = (from.min(CELL[0]), (from - CELL[0]).max(0.0));
                let (c, d) = ((from - CELL[1]).max(0.0), from.min(CELL[1]));
                if b <= CELL[1] {
                    canvas.line(&[[x + a, y + b], [x + c, y + d]], Ink::GRID, 0.8);
                }
            }
            return;
        };
        let color = self.color(penalty);
        canvas.rect([x, y], end, Ink(color, 1.0));
        let luminance = 0.299 * f64::from(color.0) + 0.587 * f64::from(color.1) + 0.114 * f64::from(color.2);
        let ink = if luminance > 120.0 { Ink::TEXT } else { Ink::WHITE };
        canvas.text(&ratio(penalty), [x + CELL[0] / 2.0, y + CELL[1] / 2.0], 12.0, ink, Anchor::Middle);
    }

    fn legend(&self, canvas: &mut Canvas<'_>, x: f64, height: f64) {
        let parts = 40;
        for part in 0..parts {
            let [low, high] = [part, part + 1].map(|p| f64::from(p) / f64::from(parts));
            let penalty = (self.scale[0] + f64::midpoint(low, high) * (self.scale[1] - self.scale[0])).exp2();
            let bottom = TOP + height * (1.0 - low);
            canvas.rect([x, TOP + height * (1.0 - high)], [x + 16.0, bottom + 0.3], Ink(self.color(penalty), 1.0));
        }
        let mut power = 0.0;
        while power <= self.scale[1] {
            let y = TOP + height * (1.0 - (power - self.scale[0]) / (self.scale[1] - self.scale[0]));
            canvas.text(&format!("{:.0}×", power.exp2()), [x + 22.0, y], 11.0, Ink::TEXT, Anchor::Left);
            power += 1.0;
        }
    }
}
