#!/usr/bin/env bash
# Whether the verdict of a pair can be trusted: A/A pairs and pairs with 5 % more work, first on a quiet machine, then
# with a neighbour that streams through memory on another core.
#
# usage: scripts/trust.sh [PAIRS] [SECONDS]     default 40 pairs of each kind, 2 s per pair
set -euo pipefail
cd "$(dirname "$0")/.."
pairs=${1:-40} seconds=${2:-2}
cargo build --release --quiet --example trust --example bandwidth
examples=${CARGO_TARGET_DIR:-target}/release/examples

echo "quiet:"
"$examples/trust" "$pairs" "$seconds" | tail -1
# The measured CPU is the last of the mask; the neighbour takes the first.
taskset -c 0 "$examples/bandwidth" copy stream f8 268435456 ms=100 samples=100000000 >/dev/null &
neighbour=$!
trap 'kill "$neighbour" 2>/dev/null' EXIT
sleep 1
echo "with a neighbour that streams through memory:"
"$examples/trust" "$pairs" "$seconds" | tail -1
