//! A bundle: nothing panics, and what is accepted can be summarised and drawn.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::Path;
use stridewise::bundle::{Partial, parse};
use stridewise::{chart, report};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(bundle) = parse(Path::new("fuzz"), bytes, Partial::Allowed) {
        report::summary(&bundle, &[]);
        let bundles = [bundle];
        for chart in chart::CHARTS {
            let _ = chart.svg(&bundles);
        }
    }
});
