#!/usr/bin/env bash
# Every load and store of the release build's loops, traced by valgrind's lackey, beside what the nest says; one line per case.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v valgrind >/dev/null || { apt-get update -qq && apt-get install -y -qq valgrind; } >/dev/null
cargo build --release --quiet --locked --example walk
walk=$(cd "${CARGO_TARGET_DIR:-target}/release/examples" && pwd)/walk
STRIDEWISE_WALK=$walk cargo test --quiet --locked --test executed -- --nocapture 2>&1 | grep -E 'accesses|skipped|test result|panicked|beyond'
