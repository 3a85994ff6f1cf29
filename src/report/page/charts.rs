//! The charts of a page, each with its numbers.

use super::scrolling;
use crate::bundle::Bundle;
use crate::chart::{CHARTS, Cell, Chart, Data, Picture, Theme};
use maud::{Markup, PreEscaped, html};
use rayon::prelude::*;

/// More rows than this make a page heavy; `plot --data` writes them all.
const MOST_ROWS: usize = 150;
/// The same for one of several CPUs.
const MOST_OF_MANY: usize = 32;

/// The section, and the charts that are not in it with the reason.
pub(super) fn section(bundles: &[Bundle]) -> (Markup, Vec<(&'static str, String)>) {
    let (mut drawn, mut undrawn) = (Vec::new(), Vec::new());
    let pictures: Vec<_> = CHARTS.par_iter().map(|chart| (chart, chart.pictures(bundles))).collect();
    for (chart, pictures) in pictures {
        match pictures {
            Ok(pictures) => drawn.push((chart, pictures)),
            Err(why) => undrawn.push((chart.name, why)),
        }
    }
    let markup = html! {
        section #charts aria-labelledby="charts-h" {
            h2 #charts-h { "Charts" }
            @if drawn.is_empty() { p { "No chart has data in these bundles." } }
            // Pictures of one machine fill the page together; of several, each kind has its row.
            @if bundles.len() == 1 {
                div.multiples { @for (chart, pictures) in &drawn { (figures(chart, pictures, false)) } }
            } @else {
                @let (each, all): (Vec<_>, Vec<_>) = drawn.iter().partition(|(_, pictures)| pictures.len() > 1);
                div.multiples { @for (chart, pictures) in all { (figures(chart, pictures, true)) } }
                @for (chart, pictures) in each { div.multiples { (figures(chart, pictures, true)) } }
            }
        }
    };
    (markup, undrawn)
}

fn figures(chart: &Chart, pictures: &[(String, Picture)], many: bool) -> Markup {
    let most = if pictures.len() > 1 { MOST_OF_MANY } else { MOST_ROWS };
    html! {
        @for (index, (name, picture)) in pictures.iter().enumerate() {
            @let id = format!("{}-{index}", chart.name);
            @let of = if many && !name.is_empty() { format!(", {name}") } else { String::new() };
            figure {
                @if !of.is_empty() { figcaption { (name) } }
                div.picture role="region" aria-label={ "Chart: " (chart.shows) (of) } tabindex="0" {
                    (PreEscaped(picture.svg(Theme::Page, &id)))
                }
                details {
                    summary { "Numbers: " (chart.shows) (of) }
                    (scrolling(&format!("Numbers: {}{of}", chart.shows), &numbers(&picture.data, most)))
                    @if picture.data.rows.len() > most {
                        p { (picture.data.rows.len() - most) " more rows: stridewise plot --data." }
                    }
                }
            }
        }
    }
}

fn numbers(data: &Data, most: usize) -> Markup {
    html! {
        table {
            thead { tr { @for column in &data.columns { th scope="col" { (column.replace('_', " ")) } } } }
            tbody {
                @for row in data.rows.iter().take(most) {
                    tr { @for cell in row {
                        @if matches!(cell, Cell::Text(_)) { td.w { (cell) } } @else { td { (cell) } }
                    } }
                }
            }
        }
    }
}
