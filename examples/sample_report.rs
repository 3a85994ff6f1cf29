//! Pages and charts of machines that are made up: what the browser test opens. `sample_report DIR`
#![allow(clippy::print_stdout, reason = "a tool of the tests")]

#[path = "../tests/support/sample.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]
mod sample;

use std::fs;
use std::path::Path;
use std::time::Instant;
use stridewise::bundle::Bundle;
use stridewise::chart::{CHARTS, Theme};
use stridewise::report;

fn main() {
    let folder = std::env::args().nth(1).unwrap();
    let folder = Path::new(&folder);
    fs::create_dir_all(folder).unwrap();
    let fleet: Vec<Bundle> = sample::FLEET.iter().map(sample::Made::bundle).collect();
    let hostile: Vec<Bundle> = sample::HOSTILE
        .iter()
        .map(|text| sample::Made { name: "CPU", caches: [32, 512, 8192], counts: false, text }.bundle())
        .collect();
    for (name, bundles) in
        [("one", &fleet[..1]), ("two", &fleet[..2]), ("fleet", &fleet[..]), ("hostile", &hostile[..])]
    {
        let start = Instant::now();
        let page = report::page(bundles, &report::nonce());
        println!("{name}.html: {} bytes in {:.0?}", page.len(), start.elapsed());
        fs::write(folder.join(format!("{name}.html")), page).unwrap();
    }
    for chart in CHARTS {
        let start = Instant::now();
        let picture = chart.picture(&sample::drawn_from(chart.name, &fleet)).unwrap();
        let svg = picture.svg(Theme::Light, "a");
        println!("{}: {} bytes of SVG in {:.1?}", chart.name, svg.len(), start.elapsed());
        for (name, theme) in [("light", Theme::Light), ("dark", Theme::Dark)] {
            fs::write(folder.join(format!("{}-{name}.png", chart.name)), picture.png(theme, 960).unwrap()).unwrap();
        }
        // A forest is of one class: it has no picture of four machines.
        let Ok(every) = chart.picture(&fleet[..4]) else { continue };
        fs::write(folder.join(format!("{}-four.png", chart.name)), every.png(Theme::Light, 1200).unwrap()).unwrap();
    }
}
