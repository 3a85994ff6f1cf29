#!/usr/bin/env bash
# Bandwidth of pinned workers of one process against as many independent pinned processes at the same time, in turn.
# Prints both sides with their spread, and the ratio of the medians.
#
# usage: scripts/versus-processes.sh [BYTES]      default: 268435456, all workers together
#   RUNS=7   runs per side     CORES="0 1"     KERNELS="sum copy fill"     PAGES=base|huge
set -euo pipefail
cd "$(dirname "$0")/.."
bytes=${1:-268435456} runs=${RUNS:-7} pages=${PAGES:-base}
read -ra cores <<<"${CORES:-0 1}"
read -ra kernels <<<"${KERNELS:-sum copy fill}"
count=${#cores[@]}
if [ "$(nproc)" -lt "$count" ]; then echo "skipped: $count cores wanted, $(nproc) there"; exit 0; fi
bandwidth=${BANDWIDTH:-}
if [ -z "$bandwidth" ]; then
    cargo build --release --quiet --example bandwidth
    bandwidth=${CARGO_TARGET_DIR:-target}/release/examples/bandwidth
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Processes do not begin and end together: with short samples some of each fall where it is alone on the memory.
keys=("pages=$pages" samples=9 ms=200)

workers() { "$bandwidth" "$1" stream f8 "$bytes" "cpus=$(IFS=,; echo "${cores[*]}")" "${keys[@]}"; }
processes() { # each has its share; the rates of all at once are added
    local pids=() core
    for core in "${cores[@]}"; do
        taskset -c "$core" "$bandwidth" "$1" stream f8 $((bytes / count)) "${keys[@]}" >"$work/$core" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid"; done
    for core in "${cores[@]}"; do cat "$work/$core"; done | awk '{s += $1} END {printf "%.2f\n", s}'
}
middle() { sort -g "$1" | awk '{v[NR] = $1} END {printf "%.2f (%.2f-%.2f)", v[int((NR + 1) / 2)], v[1], v[NR]}'; }

echo "GB/s of $count, $bytes bytes together, $pages pages, cores ${cores[*]}, medians of $runs (smallest-largest), $(date -u +%F)"
printf '%-6s  %-22s  %-22s  %s\n' kernel workers processes ratio
for kernel in "${kernels[@]}"; do
    rm -f "$work"/*.side
    for ((run = 0; run < runs; run++)); do
        # Who goes first alternates.
        order=(workers processes)
        if ((run % 2)); then order=(processes workers); fi
        for side in "${order[@]}"; do "$side" "$kernel" >>"$work/$side.side"; done
    done
    a=$(middle "$work/workers.side") b=$(middle "$work/processes.side")
    awk -v k="$kernel" -v a="$a" -v b="$b" 'BEGIN {printf "%-6s  %-22s  %-22s  %.3f\n", k, a, b, (a + 0) / (b + 0)}'
done
