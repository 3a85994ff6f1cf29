//! One row per class of machines: what columns cost inside L2, beyond it and beyond the last cache.

use super::canvas::{Anchor, Area, Canvas};
use super::data::{caption, cpu, footprint, squares};
use super::ink::Ink;
use super::picture::{Cell, Data, Picture, WIDTH};
use super::plot::{Axis, times};
use super::rows::{Rows, extent, height};
use super::text::width;
use crate::bundle::{Bundle, shown};
use crate::stats;
use crate::units::ratio;
use std::collections::BTreeMap;

/// Name, cache, and working set as a multiple of it.
const PLACES: [(&str, &str, f64); 3] = [("0.5 × L2", "L2", 0.5), ("4 × L2", "L2", 4.0), ("2 × L3", "L3", 2.0)];
/// A working set this many doublings off is another one.
const NEAR: f64 = 1.01;
const ROW: f64 = 46.0;

/// The penalty of the array nearest to a place.
fn penalty(bundle: &Bundle, cache: &str, times: f64) -> Option<(f64, usize)> {
    let caches = bundle.data_caches();
    let (_, bytes) = caches.iter().find(|(name, _)| name == cache)?;
    #[expect(clippy::cast_precision_loss, reason = "a cache has less than 2^50 bytes")]
    let wanted = (*bytes as f64 * times).log2();
    let off = |bytes: f64| (bytes.log2() - wanted).abs();
    let pairs = squares(bundle, None);
    let near = pairs.iter().filter(|pair| off(footprint(&pair.contender)) <= NEAR);
    let pair = near.min_by(|a, b| off(footprint(&a.contender)).total_cmp(&off(footprint(&b.contender))))?;
    Some((pair.penalty()?.run.estimate, pair.rounds()))
}

struct Row {
    name: String,
    machines: usize,
    /// Per place: 10 %, median, 90 %.
    places: [Option<[f64; 3]>; 3],
}

pub(super) fn draw(bundles: &[Bundle]) -> Result<Picture, String> {
    if bundles.len() < 2 {
        return Err("the fleet needs two bundles or more".to_owned());
    }
    let mut classes: BTreeMap<&str, Vec<&Bundle>> = BTreeMap::new();
    for bundle in bundles {
        classes.entry(&bundle.header.class_id).or_default().push(bundle);
    }
    let (mut rows, mut rounds) = (Vec::new(), 0);
    for (class, members) in &classes {
        let places = PLACES.map(|(_, cache, times)| {
            let found: Vec<(f64, usize)> = members.iter().filter_map(|bundle| penalty(bundle, cache, times)).collect();
            rounds += found.iter().map(|(_, rounds)| rounds).sum::<usize>();
            let values: Vec<f64> = found.iter().map(|(penalty, _)| *penalty).collect();
            let quantile = |q| stats::quantile(&values, q);
            Some([quantile(0.1)?, quantile(0.5)?, quantile(0.9)?])
        });
        let short: String = shown(class).chars().take(6).collect();
        let alike = classes.values().filter(|other| cpu(other[0]) == cpu(members[0])).count() > 1;
        let name = if alike { format!("{} {short}", cpu(members[0])) } else { cpu(members[0]) };
        rows.push(Row { name, machines: members.len(), places });
    }
    rows.retain(|row| row.places.iter().any(Option::is_some));
    let dearest = |row: &Row| row.places.iter().flatten().map(|[_, median, _]| *median).fold(0.0, f64::max);
    rows.sort_by(|a, b| dearest(b).total_cmp(&dearest(a)));
    let top = rows.first().ok_or("no bundle has a square of f8 near 0.5 × L2, 4 × L2 or 2 × L3")?;
    let title = format!("Columns cost most on {}: up to {}", top.name, ratio(dearest(top)));
    let mut data = Data::new(&["cpu", "machines", "working_set", "p10", "median", "p90"]);
    for row in &rows {
        for ((place, ..), found) in PLACES.iter().zip(&row.places) {
            let mut cells = vec![row.name.as_str().into(), Cell::from(row.machines as u64), (*place).into()];
            cells.extend((0..3).map(|at| Cell::from(found.map(|found| found[at]))));
            data.rows.push(cells);
        }
    }
    let values = || rows.iter().flat_map(|row| row.places.iter().flatten().flatten().copied()).chain([1.0]);
    let x = Axis::log2("column time / row time", values(), None, times).ok_or("nothing was measured")?;
    let points = rows.iter().map(|row| row.places.iter().flatten().count()).sum();
    let classes = if rows.len() == 1 { "1 class" } else { &format!("{} classes", rows.len()) };
    let extent = extent("Dot plot", [PLACES.len(), points], &format!("{classes} of machines"), &x);
    let all: Vec<&Bundle> = bundles.iter().collect();
    Ok(Picture {
        title,
        subtitle: "Column time / row time of the plain sum over the square nearest to each working set".to_owned(),
        caption: caption(
            &all,
            &format!("{rounds} rounds"),
            "measured; marks: medians of the machines, whiskers: 10 % to 90 % of them; no mark: not measured",
        ),
        data,
        extent,
        size: [WIDTH, height(rows.len(), ROW, 230.0)],
        drawing: Box::new(move |canvas, area| dots(canvas, area, &rows, &x)),
    })
}

fn dots(canvas: &mut Canvas, area: Area, rows: &[Row], x: &Axis) {
    let mut at = area.left;
    for (index, (name, ..)) in PLACES.iter().enumerate() {
        canvas.mark([at + 6.0, area.top + 8.0], index, Ink::series(index));
        canvas.text(name, [at + 18.0, area.top + 8.0], 13.0, Ink::TEXT, Anchor::Left);
        at += width(name, 13.0) + 50.0;
    }
    let named = Rows::new(area, rows.iter().map(|row| row.name.as_str()), [13.0, 280.0], [34.0, 60.0], x);
    let (frame, inner) = (named.frame, named.frame.area);
    named.axis(canvas, x);
    canvas.text("machines", [area.right, inner.top - 12.0], 12.0, Ink::FAINT, Anchor::Right);
    let high = named.each(rows.len());
    for (index, row) in rows.iter().enumerate() {
        let middle = named.middle(index);
        named.name(canvas, index, middle);
        canvas.text(&row.machines.to_string(), [area.right, middle], 13.0, Ink::TEXT, Anchor::Right);
        canvas.line(&[[inner.left, middle + high / 2.0], [inner.right, middle + high / 2.0]], Ink::GRID, 0.7);
        for (place, found) in row.places.iter().enumerate() {
            let Some([low, median, top]) = *found else { continue };
            let y = middle + [-0.26, 0.0, 0.26][place] * high.min(ROW);
            let ink = Ink::series(place);
            let [low, median, top] = [low, median, top].map(|value| frame.x_at(x.place(value)));
            if top - low > 1.0 {
                canvas.line(&[[low, y], [top, y]], ink, 1.6);
            }
            canvas.mark([median, y], place, ink);
        }
    }
}
