//! A forest: the change of every case between runs of one class of machine, with its interval and the margin.

use super::canvas::{Area, Canvas};
use super::data::caption;
use super::ink::Ink;
use super::picture::{Cell, Data, Picture, WIDTH};
use super::plot::Axis;
use super::rows::{Rows, extent, height};
use crate::bundle::Bundle;
use crate::compare::{self, Change, Identities, Rule, Run, Said, Tally};
use crate::units::several;

/// The margin inside which a change is none.
const MARGIN: f64 = 5.0;
/// Cases shown at most: those that changed most.
const MOST: usize = 24;
const ROW: f64 = 20.0;

fn percent(value: f64) -> String {
    // Rounding may leave a zero with a sign.
    if value.abs() < 0.05 { "0 %".to_owned() } else { format!("{value:+.0} %") }
}

/// Estimate and ends of the interval, in per cent.
fn percents(change: &Change) -> [f64; 3] {
    [change.penalty.change.estimate, change.penalty.change.low, change.penalty.change.high]
        .map(|ratio| (ratio - 1.0) * 100.0)
}

/// The earliest run is the baseline of the others.
pub(super) fn draw(bundles: &[Bundle]) -> Result<Picture, String> {
    let identities = Identities::default();
    let mut runs = Vec::new();
    for run in bundles.iter().map(Run::of) {
        if identities.claim(&run).map_err(|conflict| conflict.to_string())? {
            runs.push(run);
        }
    }
    runs.sort_by(|a, b| (&a.created, &a.run_id, &a.bundle_id).cmp(&(&b.created, &b.run_id, &b.bundle_id)));
    let Some((baseline, now)) = runs.split_first().filter(|(_, now)| !now.is_empty()) else {
        return Err("the forest needs two runs or more".to_owned());
    };
    if now.iter().any(|run| run.class_id != baseline.class_id) {
        return Err("the forest needs runs of one class of machine".to_owned());
    }
    let rule = Rule { threshold: MARGIN / 100.0 };
    let mut changes = compare::changes(&Tally::of(now), &Tally::of(std::slice::from_ref(baseline)), rule);
    let compared = changes.len();
    let size = |one: &Change| one.penalty.change.estimate.ln().abs();
    changes.sort_by(|a, b| size(b).total_cmp(&size(a)).then_with(|| a.id.cmp(&b.id)));
    let told = |said| changes.iter().filter(|one| one.penalty.said == said).count();
    let title = format!("{} of {compared} cases slower, {} faster", told(Said::Slower), told(Said::Faster));
    changes.truncate(MOST);
    changes
        .sort_by(|a, b| b.penalty.change.estimate.total_cmp(&a.penalty.change.estimate).then_with(|| a.id.cmp(&b.id)));
    let mut data = Data::new(&["case", "change_percent", "low", "high", "verdict"]);
    for one in &changes {
        let mut cells = vec![Cell::from(one.id.as_str())];
        cells.extend(percents(one).map(|value| Cell::from(Some(value))));
        cells.push(one.penalty.said.word().into());
        data.rows.push(cells);
    }
    let values = changes.iter().flat_map(percents).chain([-2.0 * MARGIN, 2.0 * MARGIN]);
    let x = Axis::linear("change of the penalty", values, false, percent).ok_or("the runs share no case")?;
    let extent = extent("Forest plot", [1, changes.len()], &several(changes.len(), "case"), &x);
    let shown = if compared > MOST { format!("the {MOST} largest of {compared} changes") } else { "all cases".into() };
    let later = if now.len() == 1 { "the later run".to_owned() } else { format!("{} later runs", now.len()) };
    Ok(Picture {
        title,
        subtitle: format!("Penalty of {later} / that of the earliest run; {shown}"),
        caption: caption(
            &bundles.iter().collect::<Vec<_>>(),
            &format!("{} runs", runs.len()),
            "measured; bars: 95 % with the run-to-run deviation; grey: within 5 %; in colour: told as a change",
        ),
        data,
        extent,
        size: [WIDTH, height(changes.len(), ROW, 210.0)],
        drawing: Box::new(move |canvas, area| bars(canvas, area, &changes, &x)),
    })
}

fn bars(canvas: &mut Canvas, area: Area, changes: &[Change], x: &Axis) {
    let rows = Rows::new(area, changes.iter().map(|one| one.id.as_str()), [12.0, 330.0], [8.0, 20.0], x);
    let (inner, at) = (rows.frame.area, |value: f64| rows.frame.x_at(x.place(value)));
    canvas.rect([at(-MARGIN), inner.top], [at(MARGIN), inner.bottom], Ink::GRID.faded(0.6));
    rows.axis(canvas, x);
    rows.level(canvas, x, 0.0);
    for (row, one) in changes.iter().enumerate() {
        let middle = rows.middle(row);
        // A change is told by colour, form and weight: to some eyes the colour is grey too.
        let (ink, kind, weight) = match one.penalty.said {
            Said::Slower => (Ink::series(1), 1, 2.8),
            Said::Faster => (Ink::series(0), 0, 2.8),
            Said::Inconclusive | Said::Unchanged => (Ink::FAINT, 2, 1.2),
        };
        rows.name(canvas, row, middle);
        let [estimate, low, high] = percents(one).map(|value| at(value.clamp(x.range[0], x.range[1])));
        canvas.line(&[[low, middle], [high, middle]], ink, weight);
        canvas.mark([estimate, middle], kind, ink);
    }
}
