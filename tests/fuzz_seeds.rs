//! The fuzz targets on their seeds, and on what fuzzing has found: they compile with every change, and no finding comes back.
#![allow(
    clippy::unwrap_used,
    unused_attributes,
    unused_imports,
    reason = "a test; the targets are programs of their own elsewhere"
)]

// Stands in for the crate that the targets are written for, which needs a nightly compiler to be of use.
extern crate self as libfuzzer_sys;

/// A target as a function of bytes.
#[macro_export]
macro_rules! fuzz_target {
    (|$input:ident: &[u8]| $body:block) => {
        pub(crate) fn run($input: &[u8]) {
            $body
        }
    };
    (|$input:ident: &str| $body:block) => {
        pub(crate) fn run(bytes: &[u8]) {
            let Ok($input) = std::str::from_utf8(bytes) else { return };
            $body
        }
    };
}

#[path = "../fuzz/fuzz_targets/bundle.rs"]
mod bundle;
#[path = "../fuzz/fuzz_targets/filter.rs"]
mod filter;
#[path = "../fuzz/fuzz_targets/npy.rs"]
mod npy;
#[path = "../fuzz/fuzz_targets/ops.rs"]
mod ops;
#[path = "../fuzz/fuzz_targets/specs.rs"]
mod specs;

use std::fs;
use std::path::Path;

/// Runs a target on every file of a folder.
fn on(folder: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(folder);
    let mut files = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            run(&fs::read(&path).unwrap());
            files += 1;
        }
    }
    assert!(files > 0, "{}: no seeds", folder.display());
}

#[test]
fn every_target_takes_its_seeds() {
    on("fuzz/bundle", bundle::run);
    on("fuzz/filter", filter::run);
    on("layout/npy", npy::run);
    on("fuzz/ops", ops::run);
    on("fuzz/specs", specs::run);
}
