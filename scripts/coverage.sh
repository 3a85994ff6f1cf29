#!/usr/bin/env bash
# How often the intervals of one process cover the median over many: col/row of 2048x2048 f8.
#
# usage: scripts/coverage.sh [PROCESSES] [SECONDS]     default 20 processes of 6 s each
set -euo pipefail
cd "$(dirname "$0")/.."
processes=${1:-20} seconds=${2:-6}
cargo build --release --quiet
stridewise=${CARGO_TARGET_DIR:-target}/release/stridewise
figure() { grep -o "\"$1\":[^a-z\"]*" | head -1 | tr -c '0-9.\n' ' '; }
for ((run = 1; run <= processes; run++)); do
    out=$(mktemp -d)
    text=$("$stridewise" run --shape 2048,2048 --loop 1,0 --budget "${seconds}s" --seed "$run" --quiet --no-charts \
        --out "$out/run" --format json | tr -d ' \n')
    rm -rf "$out"
    echo "$(figure penalty <<<"$text") $(figure this_run <<<"$text") $(figure this_host <<<"$text")"
done | awk '
    { printf "%3d  %7.3f  this run %7.3f %7.3f  this host %7.3f %7.3f\n", NR, $1, $2, $3, $4, $5
      value[NR] = $1; low[NR] = $2; high[NR] = $3; hlow[NR] = $4; hhigh[NR] = $5 }
    END {
        n = NR
        for (i = 1; i <= n; i++) sorted[i] = value[i]
        for (i = 2; i <= n; i++) for (j = i; j > 1 && sorted[j] < sorted[j - 1]; j--) { t = sorted[j]; sorted[j] = sorted[j - 1]; sorted[j - 1] = t }
        median = n % 2 ? sorted[(n + 1) / 2] : (sorted[n / 2] + sorted[n / 2 + 1]) / 2
        for (i = 1; i <= n; i++) { run += low[i] <= median && median <= high[i]; host += hlow[i] <= median && median <= hhigh[i] }
        printf "median %.3f (%.3f to %.3f); covered by \"this run\" %d, by \"this host\" %d of %d\n", median, sorted[1], sorted[n], run, host, n
    }'
