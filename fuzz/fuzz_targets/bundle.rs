//! A bundle: nothing panics, and what is accepted can be summarised, compared and drawn. Hashes that a mutation breaks
//! are made right again, or nothing behind them would ever be reached.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::path::Path;
use stridewise::bundle::{Bundle, Partial, parse, plan_hash};
use stridewise::chart::Theme;
use stridewise::compare::{Brief, Rule, Run, Tally, across, changes};
use stridewise::host::MachineClass;
use stridewise::{chart, report};

fn used(bundle: Bundle) {
    let (text, page) = (report::summary(&bundle, &[]), report::page(std::slice::from_ref(&bundle), "n"));
    assert!(!text.contains("<script") && !text.contains('\u{1b}'));
    assert_eq!(page.matches("<script").count(), 1, "one script, our own");
    let run = Run::of(&bundle);
    let tally = Tally::of(std::slice::from_ref(&run));
    let _ = changes(&tally, &tally, Rule { threshold: 0.05 });
    let _ = across(&[Brief::of(&run)]);
    let bundles = [bundle];
    for chart in chart::CHARTS {
        if let Ok(picture) = chart.picture(&bundles) {
            let svg = picture.svg(Theme::Light, chart.name);
            assert!(!svg.contains("<script") && !svg.contains("NaN"), "{svg}");
        }
    }
}

/// The lines with plan, class, count and digest recomputed.
fn sealed(bytes: &[u8]) -> Option<Vec<u8>> {
    let (mut out, mut lines) = (Vec::new(), 0_u64);
    for line in bytes.split(|&b| b == b'\n').filter(|line| !line.is_empty()) {
        let mut value: Value = serde_json::from_slice(line).ok()?;
        match value["kind"].as_str()? {
            "bundle" => {
                let ids: Vec<String> = serde_json::from_value(value["plan"]["ids"].clone()).ok()?;
                value["plan"]["hash"] = json!(plan_hash(&ids));
                let class: MachineClass = serde_json::from_value(value["machine"].clone()).ok()?;
                value["class_id"] = json!(class.id());
            }
            "end" => {
                value["lines"] = json!(lines);
                let digest = Sha256::digest(&out);
                value["sha256"] = json!(digest.iter().map(|b| format!("{b:02x}")).collect::<String>());
            }
            _ => lines += 1,
        }
        out.extend(serde_json::to_vec(&value).ok()?);
        out.push(b'\n');
    }
    Some(out)
}

fuzz_target!(|bytes: &[u8]| {
    let path = Path::new("fuzz");
    if let Ok(bundle) = parse(path, bytes, Partial::Allowed) {
        used(bundle);
    }
    if let Some(Ok(bundle)) = sealed(bytes).map(|bytes| parse(path, &bytes, Partial::Allowed)) {
        used(bundle);
    }
});
