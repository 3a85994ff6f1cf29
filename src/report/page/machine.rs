//! The machine, what disturbs it, and how to measure again.

use super::{scrolling, shown_long};
use crate::bundle::{Bundle, shown};
use crate::units::bytes_long;
use maud::{Markup, html};
use serde_json::Value;

type Fact = (&'static str, fn(&Bundle) -> String);

fn known<T: ToString>(value: Option<&T>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| shown(&value.to_string()))
}

/// What is told of every machine.
const FACTS: [Fact; 9] = [
    ("CPU", |b| shown(&b.cpu_name())),
    ("Class", |b| shown(&b.header.class_id)),
    ("Caches", |b| {
        let each = |(name, bytes): &(String, u64)| format!("{} {}", shown(name), bytes_long(*bytes));
        b.data_caches().iter().map(each).collect::<Vec<_>>().join(", ")
    }),
    ("Base page", |b| b.header.machine.page_bytes.map_or_else(|| "–".to_owned(), bytes_long)),
    ("Cores", |b| known(b.header.machine.physical_cores.as_ref())),
    ("Threads per core", |b| match b.header.machine.smt {
        Some(true) => "several".to_owned(),
        Some(false) => "one".to_owned(),
        None => "–".to_owned(),
    }),
    ("Hypervisor", |b| known(b.header.machine.hypervisor.as_ref())),
    ("Counters", |b| match b.uncounted().as_slice() {
        [] => "every event counted".to_owned(),
        some => some.iter().map(|(why, n)| format!("{n} events: {}", shown_long(why))).collect::<Vec<_>>().join("; "),
    }),
    ("Noise", |b| match checks(b).as_slice() {
        [] => "no check complains".to_owned(),
        some => some.join("; "),
    }),
];

/// Checks before the run that found something.
fn checks(bundle: &Bundle) -> Vec<String> {
    let checks = bundle.header.noise.get("checks").and_then(Value::as_array).cloned().unwrap_or_default();
    let word = |check: &Value, key: &str| check.get(key).and_then(Value::as_str).map(shown).unwrap_or_default();
    let found = checks.iter().filter(|check| word(check, "level") != "fine");
    found.map(|check| format!("{}: {}", word(check, "name"), word(check, "says"))).collect()
}

pub(super) fn section(bundles: &[Bundle], names: &[String]) -> Markup {
    let table = html! {
        table.facts {
            @if bundles.len() > 1 {
                thead { tr { th scope="col" { "Machine" } @for name in names { th scope="col" { (name) } } } }
            }
            tbody {
                @for (name, fact) in FACTS {
                    tr { th scope="row" { (name) } @for bundle in bundles { td.w { (fact(bundle)) } } }
                }
            }
        }
    };
    html! {
        section #machine aria-labelledby="machine-h" {
            h2 #machine-h { @if bundles.len() > 1 { "The machines and their noise" } @else { "The machine and its noise" } }
            (scrolling("Table of machines", &table))
        }
    }
}

/// The command that measured, with its seed.
fn command(bundle: &Bundle) -> String {
    let config = &bundle.header.config;
    if config.engine == "criterion" {
        return format!("STRIDEWISE_SUITE={} cargo bench", shown(&bundle.header.plan.suite));
    }
    let mut words: Vec<String> = config.args.iter().map(|arg| shown(arg)).collect();
    if !words.iter().any(|word| word.starts_with("--seed")) {
        words.push(format!("--seed {}", config.seed));
    }
    let quoted =
        |word: String| if word.contains(' ') && !word.starts_with("--seed ") { format!("'{word}'") } else { word };
    format!("stridewise {}", words.into_iter().map(quoted).collect::<Vec<_>>().join(" "))
}

pub(super) fn reproduce(bundles: &[Bundle], names: &[String]) -> Markup {
    html! {
        section #again aria-labelledby="again-h" {
            h2 #again-h { "How to reproduce" }
            @for (bundle, name) in bundles.iter().zip(names) {
                @let header = &bundle.header;
                @let tool = &header.tool;
                @if bundles.len() > 1 { h3 { (name) } }
                pre tabindex="0" { code { (command(bundle)) } }
                p {
                    "stridewise " (shown(&tool.version))
                    @if let Some(commit) = &tool.commit { ", commit " code { (shown(commit)) } }
                    @if tool.dirty == Some(true) { " with changes" }
                    ", " (shown(&tool.rustc)) ", " (shown(&tool.target)) ", " (shown(&tool.isa))
                    @if tool.debug { ", DEBUG BUILD" }
                    "; suite " (shown(&header.plan.suite)) ", " (shown(&header.config.engine)) " engine, seed " (header.config.seed)
                    ", " (header.config.placements) " placements"
                    @if let Some(cpu) = header.config.cpu { ", on CPU " (cpu) }
                    "; " (shown(&header.created)) ", run " code { (shown(&header.run_id)) } "."
                }
            }
            p { "The figures are computed from raw samples: " code { "stridewise report BUNDLE --out report.html" } " builds this page anew." }
        }
    }
}
