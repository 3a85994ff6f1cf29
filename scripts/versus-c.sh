#!/usr/bin/env bash
# The element walk's column side of a C-order f8 array against a hand-written C loop with as many chains (gcc -O3),
# processes alternating on one core, base pages. Prints every pair and the median ratio.
#
# usage: scripts/versus-c.sh [SIDE]     default 4096      RUNS=9  CORE=0
set -euo pipefail
cd "$(dirname "$0")/.."
side=${1:-4096} runs=${RUNS:-9} core=${CORE:-0}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
${CC:-gcc} -O3 -o "$work/column" scripts/column.c
bandwidth=${BANDWIDTH:-}
if [ -z "$bandwidth" ]; then
    cargo build --release --quiet --example bandwidth
    bandwidth=${CARGO_TARGET_DIR:-target}/release/examples/bandwidth
fi

echo "GB/s, sum of ${side}x$side f8 by columns, 8 chains, base pages, core $core"
echo "run  stridewise       C   ratio"
for ((run = 1; run <= runs; run++)); do
    ours() { taskset -c "$core" "$bandwidth" sum element f8 $((side * side * 8)) order=1,0 samples=5 ms=1; }
    theirs() { taskset -c "$core" "$work/column" "$side" 5; }
    # Who goes first alternates too.
    if ((run % 2)); then a=$(ours) b=$(theirs); else b=$(theirs) a=$(ours); fi
    awk -v n="$run" -v a="$a" -v b="$b" 'BEGIN {printf "%3d  %10.3f  %6.3f  %6.3f\n", n, a, b, a / b}'
done | tee "$work/table"
awk '{print $4}' "$work/table" | sort -g | awk '{v[NR] = $1} END {printf "median ratio %.3f\n", v[int((NR + 1) / 2)]}'
