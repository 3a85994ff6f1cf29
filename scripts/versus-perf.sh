#!/bin/bash
# On a machine with a PMU: the library's counts beside those of `perf stat`, and L1d misses beside the simulated ones.
# Ends with 1 beyond a limit, with 3 where nothing counts.
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
    cargo run -q --release --locked -- host | sed -n '/^Counter/,/^$/p' >&2
    exit 3
fi

cargo build -q --release --locked --bin stridewise --example count
target=${CARGO_TARGET_DIR:-target}
count=$target/release/examples/count
stridewise=$target/release/stridewise

total() { perf stat -x, -e instructions:u "$count" "$n" "$1" 2>&1 >"$2" | awk -F, '$3 ~ /instructions/ { print $1 }'; }
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
failed=0
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
    }' "$out/many" || failed=1

# The same nest with counters: `run` keeps counted and simulated misses per access of both loop orders.
"$stridewise" run --shape "$n,$n" --dtype f8 --order C --budget 30s --no-charts --quiet --format json --out "$out/run" \
    >"$out/rows.json"
"$stridewise" report "$out/run"
python3 - "$out/rows.json" <<'PYTHON' || failed=1
import json, sys

rows = json.load(open(sys.argv[1]))["rows"]
counted = [at for row in rows for at in row["counted"]]
if not counted:
    sys.exit("versus-perf: no misses were counted; the table above says why")
bad = False
for at in counted:
    if at["simulated_per_access"] is None:
        continue
    for walk, one, simulated in zip(("row-wise", "column-wise"), at["per_access"], at["simulated_per_access"]):
        if simulated == 0:
            continue
        off = one / simulated - 1
        limit = at["place"] == "l1d" and walk == "column-wise"
        print(f'{at["place"]:10} {walk:12} counted {one:.4f} ({at["event"]}), simulated {simulated:.4f}, {off:+.1%}'
              + (" (limit 5 %)" if limit else ""))
        bad |= limit and abs(off) > 0.05
print("The model does not prefetch: what a walk misses less often than simulated, a prefetcher had brought; a walk by")
print("columns of a power of two gains nothing in L1d, since its lines are pushed out again before they are used.")
sys.exit(bad)
PYTHON
((failed)) && echo 'versus-perf: NOT within the limits'
exit $failed
