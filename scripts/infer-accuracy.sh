#!/usr/bin/env bash
# How often caches and TLBs are inferred rightly from latency curves of known geometry: 400 curves each of seeds that the
# method was not tuned on. Fails below 95 %.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo run --quiet --release --example infer_accuracy -- "${1:-400}"
