//! What a comparison found, at the head of its page.

use super::{scrolling, shown_long};
use crate::compare::Change;
use crate::units::ratio;
use maud::{Markup, html};

/// What `compare` says, for a page.
#[derive(Clone, Debug)]
pub struct Comparison<'a> {
    /// In one sentence.
    pub headline: String,
    /// What was judged and how.
    pub about: String,
    /// What a reader should know besides.
    pub notes: Vec<String>,
    /// Cases, the worst first; none where classes were compared.
    pub changes: &'a [Change],
}

fn percent(ratio: f64) -> String {
    format!("{:+.1}", (ratio - 1.0) * 100.0)
}

pub(super) fn section(comparison: &Comparison<'_>) -> Markup {
    let table = html! {
        table #t-verdicts.sortable {
            thead { tr {
                th scope="col" { "Case" } th scope="col" { "Penalty" } th scope="col" { "Now" }
                th scope="col" { "Change, %" } th scope="col" { "95 %" } th scope="col" { "Verdict" } th scope="col" { "Time, %" }
            } }
            tbody {
                @for one in comparison.changes {
                    tr {
                        th scope="row" { (one.id) }
                        td { (ratio(one.penalties[0])) } td { (ratio(one.penalties[1])) }
                        td { (percent(one.penalty.change.estimate)) }
                        td { (percent(one.penalty.change.low)) " to " (percent(one.penalty.change.high)) }
                        td { (one.penalty.said.word()) @if one.penalty.beyond { ", regression" } }
                        td { (percent(one.time.change.estimate)) }
                    }
                }
            }
        }
    };
    html! {
        section #verdict {
            h2 { "Verdict" }
            p { strong { (shown_long(&comparison.headline)) } }
            p { (shown_long(&comparison.about)) }
            @if !comparison.notes.is_empty() { ul { @for note in &comparison.notes { li { (shown_long(note)) } } } }
            @if !comparison.changes.is_empty() { (scrolling("Changes, the worst first", &table)) }
        }
    }
}
