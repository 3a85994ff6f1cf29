//! The grammars of --cache, --tlb and case ids: nothing panics, an id that is accepted is canonical.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stridewise::simulate::Geometry;
use stridewise::suite::Case;

fuzz_target!(|text: &str| {
    let _ = Geometry::parse_caches(text);
    let _ = Geometry::parse_tlbs(text);
    if let Ok(case) = text.parse::<Case>() {
        assert_eq!(case.to_string(), text);
        let _ = (case.nest(), case.footprint(), case.baseline().to_string());
    }
});
