#!/usr/bin/env bash
# Latency of dependent loads against multichase (where it is on PATH) and a plain C chase of the published algorithm:
# random over the whole set, one node per line, averages; processes alternating on one core. Prints all sides, their
# spread and our distance from the middle of the others, and the cycles by the dependent-add clock.
#
# usage: scripts/versus-multichase.sh [BYTES…]      default: 16384 262144 2097152 268435456
#   RUNS=5   processes per side     CORE=0   the core     PAGES="base huge"
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${RUNS:-5} core=${CORE:-0} policies=${PAGES:-base huge}
sizes=("$@")
[ $# -gt 0 ] || sizes=(16384 262144 2097152 268435456)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
${CC:-gcc} -O2 -o "$work/chase" scripts/chase.c
latency=${LATENCY:-}
if [ -z "$latency" ]; then
    cargo build --release --quiet --example latency
    latency=${CARGO_TARGET_DIR:-target}/release/examples/latency
fi
sides=(c)
if command -v multichase >/dev/null; then sides+=(multichase); fi

one() { # SIDE BYTES PAGES: ns per load, and cycles of ours
    case $1 in
        ours) taskset -c "$core" "$latency" "$2" "pages=$3" samples=5 ;;
        c) taskset -c "$core" "$work/chase" "$2" "$3" ;;
        multichase) # -T: random over the whole set; -a: its average, not its best sample
            local huge=()
            if [ "$3" = huge ]; then huge=(-H); fi
            taskset -c "$core" multichase -a -n 5 -s 64 -m "$2" -T "$2" "${huge[@]}" | tail -1 ;;
    esac
}
column() { awk -v k="$2" '{print $k}' "$1" | sort -g; }
# median, and the smallest and largest in brackets
spread() { column "$1" "$2" | awk '{v[NR] = $1} END {printf "%.2f (%.2f-%.2f)", v[int((NR + 1) / 2)], v[1], v[NR]}'; }
median() { column "$1" "$2" | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }

echo "ns per load, medians of $runs processes a side (smallest-largest), core $core, $(date -u +%F)"
printf '%10s  %-5s  %-24s  %7s' bytes pages stridewise cycles
printf '  %-24s' "${sides[@]}"
echo "  ours / middle"
for bytes in "${sizes[@]}"; do
    for pages in $policies; do
        rm -f "$work"/*.ns
        for ((run = 0; run < runs; run++)); do
            # Who goes first alternates too.
            order=(ours "${sides[@]}")
            if ((run % 2)); then order=("${sides[@]}" ours); fi
            for side in "${order[@]}"; do one "$side" "$bytes" "$pages" >>"$work/$side.ns"; done
        done
        for side in "${sides[@]}"; do median "$work/$side.ns" 1; done >"$work/middle"
        # The middle of two is the mean of them.
        middle=$(awk '{s += $1} END {print s / NR}' "$work/middle")
        printf '%10d  %-5s  %-24s  %7.2f' "$bytes" "$pages" "$(spread "$work/ours.ns" 1)" "$(median "$work/ours.ns" 2)"
        for side in "${sides[@]}"; do printf '  %-24s' "$(spread "$work/$side.ns" 1)"; done
        awk -v a="$(median "$work/ours.ns" 1)" -v b="$middle" 'BEGIN {printf "  %.3f\n", a / b}'
    done
done
