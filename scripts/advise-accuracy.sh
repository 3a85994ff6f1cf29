#!/usr/bin/env bash
# Predicted against measured penalties of a standard run, each case left out of what it is predicted from, beside
# misses x latency and a roofline; and how often the best choice was named, each choice measured in turn with its rivals (a
# minute) if the run is of this class of machine. Without a folder it measures one first (5 minutes).
# --model stops after the model's own errors.
#   scripts/advise-accuracy.sh [DIR] [--all] [--model]
set -euo pipefail
cd "$(dirname "$0")/.."
dir=${1:-}
if [ -z "$dir" ]; then
  dir=$(mktemp -d)/run
  cargo run --quiet --release -- run --suite standard --out "$dir" --quiet --no-charts > /dev/null
fi
cargo run --quiet --release --example advise_accuracy -- "$dir" "${@:2}"
