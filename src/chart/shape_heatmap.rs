//! The penalty over rows and columns: squares, tall and wide arrays.

use super::data::{caption, plain};
use super::grid::Map;
use super::picture::{Cell, Data, Extent, HEIGHT, Picture, WIDTH};
use super::plot::times;
use crate::bundle::Bundle;
use crate::units::ratio;
use std::collections::{BTreeMap, BTreeSet};

type Cells = BTreeMap<(u64, u64), f64>;

/// Penalties by rows and columns, the lengths of both axes, and the rounds behind them.
fn cells(bundle: &Bundle) -> (Cells, BTreeSet<u64>, usize) {
    let (mut cells, mut rounds) = (Cells::new(), BTreeMap::new());
    for pair in plain(bundle, None) {
        if let ([rows, columns], Some(penalty)) = (&pair.contender.shape[..], pair.penalty()) {
            cells.insert((*rows, *columns), penalty.run.estimate);
            rounds.insert((*rows, *columns), pair.rounds());
        }
    }
    // The axes are the lengths of arrays that are not square: the squares' own sizes would leave most cells empty.
    let lengths: BTreeSet<u64> = cells.keys().filter(|(r, c)| r != c).flat_map(|&(r, c)| [r, c]).collect();
    cells.retain(|(r, c), _| lengths.contains(r) && lengths.contains(c));
    rounds.retain(|shape, _| cells.contains_key(shape));
    (cells, lengths, rounds.values().sum())
}

/// From no penalty to the highest.
pub(super) fn scale(bundle: &Bundle) -> Option<[f64; 2]> {
    let (cells, ..) = cells(bundle);
    Some([1.0, cells.into_values().reduce(f64::max)?.max(2.0)])
}

pub(super) fn draw(bundle: &Bundle, scale: [f64; 2]) -> Result<Picture, String> {
    let (cells, lengths, rounds) = cells(bundle);
    if lengths.len() < 2 || cells.len() < 4 {
        return Err("too few shapes were measured; the suites standard and full have a grid of them".to_owned());
    }
    let worst = cells.iter().max_by(|a, b| a.1.total_cmp(b.1)).map(|(shape, penalty)| (*shape, *penalty));
    let ((rows, columns), highest) = worst.unwrap_or(((0, 0), 1.0));
    let mut data = Data::new(&["rows", "columns", "column_over_row"]);
    data.rows = cells.iter().map(|(&(r, c), &p)| vec![r.into(), c.into(), Cell::from(p)]).collect();
    let place = |length: u64| lengths.iter().position(|&other| other == length).unwrap_or(0);
    let power = |&&(r, c): &&(u64, u64)| r.is_power_of_two() && c.is_power_of_two();
    let framed = cells.keys().filter(power).map(|&(r, c)| (place(r), place(c))).collect();
    let names: Vec<String> = lengths.iter().map(ToString::to_string).collect();
    let ends = format!("from {} to {}", names[0], names[names.len() - 1]);
    let map = Map {
        x_label: "columns".to_owned(),
        y_label: "rows".to_owned(),
        columns: names.clone(),
        rows: names,
        cells: cells.iter().map(|(&(r, c), &penalty)| ((place(r), place(c)), penalty)).collect(),
        scale,
        scale_label: "penalty".to_owned(),
        write: ratio,
        tick: times,
        framed,
        frame_means: "powers of 2",
    };
    Ok(Picture {
        title: format!("Shape decides: {rows} × {columns} pays {}", ratio(highest)),
        subtitle: "Column time / row time by shape; sum over C-order arrays of f8, base pages".to_owned(),
        caption: caption(&[bundle], &format!("{rounds} rounds"), "measured; medians; hatched: not measured"),
        data,
        extent: Extent {
            kind: "Heat map",
            series: 1,
            points: cells.len(),
            axes: format!("x: columns {ends}; y: rows {ends}; colour: column time / row time"),
        },
        size: [WIDTH, HEIGHT],
        drawing: Box::new(move |canvas, area| map.draw(canvas, area)),
    })
}
