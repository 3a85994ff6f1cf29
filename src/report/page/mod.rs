//! One self-contained page of one or several bundles: no request, readable without its script.

mod charts;
mod machine;
mod tables;
mod verdict;

use super::finding::finding_of;
use super::headline::headline_of_many;
use super::{Row, headline, rows, staircase, trust};
use crate::bundle::{Bundle, shown};
use crate::chart::{names, variables};
use crate::units::ratio;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use rayon::prelude::*;
pub use verdict::Comparison;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The page. Nothing in it that a bundle wrote can run: the engine escapes, and the policy allows only what bears `nonce`,
/// which must not be foreseeable; see [`nonce`].
#[must_use]
pub fn page(bundles: &[Bundle], nonce: &str) -> String {
    whole(bundles, None, nonce)
}

/// The page of bundles that were compared, what was found before all else.
#[must_use]
pub fn page_of_comparison(bundles: &[Bundle], comparison: &Comparison<'_>, nonce: &str) -> String {
    whole(bundles, Some(comparison), nonce)
}

fn whole(bundles: &[Bundle], comparison: Option<&Comparison<'_>>, nonce: &str) -> String {
    let names = names(bundles);
    let title = match bundles {
        [one] => format!("Loop order on {}", shown(&one.cpu_name())),
        some => format!("Loop order on {} CPUs", some.len()),
    };
    let policy = format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; img-src data:; base-uri 'none'; \
         form-action 'none'"
    );
    let style = format!(
        ":root{{{}}}@media screen and (prefers-color-scheme:dark){{:root{{{}}}}}{}",
        variables(false),
        variables(true),
        squeezed(STYLE)
    );
    let rows: Vec<Vec<Row>> = bundles.par_iter().map(rows).collect();
    let (drawn, undrawn) = charts::section(bundles);
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content={ "stridewise " (env!("CARGO_PKG_VERSION")) };
                title { (title) }
                link rel="icon" href="data:,";
                style nonce=(nonce) { (PreEscaped(style)) }
            }
            body {
                header { (top(bundles, &names, &title, &rows)) }
                main {
                    @if let Some(comparison) = comparison { (verdict::section(comparison)) }
                    (machine::section(bundles, &names))
                    (drawn)
                    @if bundles.len() > 1 { (tables::comparison(&rows, &names)) }
                    (tables::cases(bundles, &names, &rows))
                    (tables::alone(bundles, &names))
                    (tables::not_measured(bundles, &names, &undrawn))
                    (machine::reproduce(bundles, &names))
                }
                footer {
                    p {
                        "Penalty: time of the loop order / time of the order whose innermost axis has the smallest stride, in \
                         pairs on the same arrays. Simulated: demand misses of an LRU model without prefetch, caches warm. A \
                         figure that is missing was not measured; 0 means 0."
                    }
                }
                script nonce=(nonce) { (PreEscaped(SCRIPT)) }
            }
        }
    };
    // The end tags of cells and rows may be left out, and are a fifth of a long table.
    markup.into_string().replace("</td>", "").replace("</tr>", "")
}

/// 128 random bits for the policy of one page.
#[must_use]
pub fn nonce() -> String {
    use sha2::{Digest, Sha256};
    let mut bits = [0_u8; 16];
    if getrandom::fill(&mut bits).is_err() {
        // Without a source of random bits at least no other page has the same.
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_nanos();
        let digest = Sha256::digest(format!("{now} {}", std::process::id()));
        bits.copy_from_slice(&digest[..16]);
    }
    bits.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A style sheet without its indentation.
fn squeezed(css: &str) -> String {
    css.lines().map(str::trim).filter(|line| !line.starts_with("/*")).collect()
}

fn top(bundles: &[Bundle], names: &[String], title: &str, rows: &[Vec<Row>]) -> Markup {
    html! {
        p.eyebrow { "stridewise" }
        h1 { (title) }
        @if let [bundle] = bundles {
            p.headline { (headline(bundle)) }
            p { (shown_long(&finding_of(bundle, &rows[0]))) }
            ul.trust { @for line in trust(bundle) { li { (shown_long(&line)) } } }
        } @else {
            p.headline { (headline_of_many(bundles)) }
            (steps(bundles, names))
            details {
                summary { "How far each can be trusted" }
                @for (bundle, name) in bundles.iter().zip(names) {
                    p { strong { (name) } }
                    ul { @for line in trust(bundle) { li { (shown_long(&line)) } } }
                }
            }
        }
        nav aria-label="Sections" {
            a href="#machine" { "Machine" }
            a href="#charts" { "Charts" }
            @if bundles.len() > 1 { a href="#comparison" { "Comparison" } }
            a href="#cases" { "Cases" }
            a href="#missing" { "Not measured" }
            a href="#again" { "Reproduce" }
        }
    }
}

/// What columns cost in each cache, a row per CPU.
fn steps(bundles: &[Bundle], names: &[String]) -> Markup {
    let found: Vec<Vec<(String, f64)>> = bundles.iter().map(staircase).collect();
    let mut places: Vec<&String> = Vec::new();
    for (name, _) in found.iter().flatten() {
        if !places.contains(&name) {
            places.push(name);
        }
    }
    places.sort_by_key(|name| (name.as_str() == "memory", name.as_str()));
    let cell = |of: &[(String, f64)], place: &str| {
        of.iter().find(|(name, _)| name == place).map_or_else(|| "–".to_owned(), |(_, penalty)| ratio(*penalty))
    };
    let table = html! {
        table {
            thead { tr { th scope="col" { "Column time / row time" } @for place in &places { th scope="col" { "in " (place) } } } }
            tbody {
                @for (of, name) in found.iter().zip(names) {
                    tr { th scope="row" { (name) } @for place in &places { td { (cell(of, place)) } } }
                }
            }
        }
    };
    html! { @if !places.is_empty() { (scrolling("What columns cost, by CPU", &table)) } }
}

/// Signs beside ASCII that our own sentences use.
const OURS: &str = "×→–…µ·±²≤≥";

/// A sentence of ours that quotes a bundle: every other sign is escaped, nothing is cut.
fn shown_long(text: &str) -> String {
    let plain = |c: char| c == ' ' || c.is_ascii_graphic() || OURS.contains(c);
    text.chars().flat_map(|c| if plain(c) { vec![c] } else { c.escape_unicode().collect() }).collect()
}

/// A table that scrolls sideways where it is wider than the page, reachable by keyboard.
fn scrolling(label: &str, table: &Markup) -> Markup {
    html! { div.scroll role="region" aria-label=(label) tabindex="0" { (table) } }
}
