#!/bin/bash
# On a machine with a PMU: the library's counts beside those of `perf stat`, and L1d misses beside the simulated ones.
#
#   scripts/versus-perf.sh [N]        an N x N array of f8 (4096)
#
# perf counts a whole process, the library one block. So the process runs with few and with many rounds, and the
# difference between perf's two totals is what the added rounds cost: start-up cancels out.
set -euo pipefail
cd "$(dirname "$0")/.."
n=${1:-4096}
few=2 many=6

command -v perf >/dev/null || { echo 'versus-perf: perf is not installed (Debian: linux-perf)' >&2; exit 3; }
if ! perf stat -x, -e instructions:u true 2>&1 | grep -q '^[0-9]'; then
    echo 'versus-perf: perf counts no instructions here; `stridewise host` names the reason:' >&2
    cargo run -q --release -- host | sed -n '/^Counter/,/^$/p' >&2
    exit 3
fi

cargo build -q --release --bin stridewise --example count
count=target/release/examples/count
stridewise=target/release/stridewise

total() { perf stat -x, -e instructions:u "$count" "$n" "$1" 2>&1 >"$2" | awk -F, '$3 ~ /instructions/ { print $1 }'; }
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
a=$(total $few "$out/few")
b=$(total $many "$out/many")
cat "$out/many"
echo
awk -v a="$a" -v b="$b" -v n="$n" -v rounds=$((many - few)) '
    /groups of hardware events/ { groups = $1 }
    $1 == "instructions" && NF == 3 { row = $2; column = $3 }
    END {
        if (!groups || !row) { print "versus-perf: the library counted no instructions"; exit 1 }
        perf = (b - a) / rounds / groups / n / n
        off = (row + column) / perf - 1
        printf "instructions per access, row-wise + column-wise: perf stat %.4f, stridewise %.4f, %+.2f %% (limit 1 %%)\n", \
            perf, row + column, off * 100
        exit off > 0.01 || off < -0.01
    }' "$out/many" || echo 'versus-perf: NOT within the limit'
# `count` loads every element once and touches nothing else, so accesses and misses are those of the nest.
awk -v n="$n" '
    $1 ~ /^(l1d-read-misses|intel-l1-load-misses)$/ && NF == 3 {
        printf "%s per access: row-wise %.4f (8 elements a line, so at most 0.125 without prefetching: what is less came ", $1, $2
        printf "by prefetch), column-wise %.4f\n", $3
    }' "$out/many"
echo
echo 'Simulated demand misses of the column-wise sum; the measured ones of 4096 x 4096 should be within 5 %:'
"$stridewise" simulate --shape "$n,$n" --dtype f8 --order C --loop 1,0 || true
echo
echo 'The same case measured with counters:'
"$stridewise" run --shape "$n,$n" --dtype f8 --order C --budget 30s --out "$out/run" || true
