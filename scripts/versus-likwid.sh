#!/usr/bin/env bash
# The roof of stridewise against likwid-bench, on one core and the same kind of pages, processes alternating.
# Prints both sides and their ratio, then the compared walks against the roof.
#
# usage: scripts/versus-likwid.sh [BYTES…]      default: 16384 262144 8388608 268435456
#   RUNS=5     processes per side     CORE=0     the core     PAGES=base|huge
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${RUNS:-5} core=${CORE:-0} pages=${PAGES:-base}
sizes=("$@")
[ $# -gt 0 ] || sizes=(16384 262144 8388608 268435456)

command -v likwid-bench >/dev/null || { apt-get update -qq && apt-get install -y -qq likwid; }
bandwidth=${BANDWIDTH:-}
if [ -z "$bandwidth" ]; then
    cargo build --release --quiet --example bandwidth
    bandwidth=${CARGO_TARGET_DIR:-target}/release/examples/bandwidth
fi
known=$(likwid-bench -a 2>/dev/null | awk '{print $1}')
wide=0; grep -qw avx512bw /proc/cpuinfo && wide=1

# Sizes go to likwid in plain bytes: it misreads 16KiB as 16 bytes, silently.
likwid() { # TEST BYTES
    local passes=$((8000000000 / $2 + 16)) tunables=
    [ "$pages" = huge ] && tunables=glibc.malloc.hugetlb=1
    GLIBC_TUNABLES=$tunables likwid-bench -t "$1" -i "$passes" -w "N:$2B:1" 2>/dev/null |
        awk '/^MByte\/s/ {printf "%.1f\n", $2 / 1000}'
}
# Ours is pinned; likwid pins itself to the first core it sees.
ours() { taskset -c "$core" "$bandwidth" "$@" "pages=$pages" samples=5 ms=20; }
median() { sort -g | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }

# One line: NAME BYTES "ours arguments" and the likwid tests; all sides take turns.
compare() {
    local name=$1 bytes=$2 arguments=$3 best=0 mine shown= vector
    shift 3
    declare -A samples=()
    for ((run = 0; run < runs; run++)); do
        samples[ours]+="$(ours ${arguments/BYTES/$bytes}) "
        for test in "$@"; do samples[$test]+="$(taskset -c "$core" bash -c "$(declare -f likwid); pages=$pages likwid $test $bytes") "; done
    done
    mine=$(tr ' ' '\n' <<<"${samples[ours]}" | grep . | median)
    for test in "$@"; do
        vector=$(tr ' ' '\n' <<<"${samples[$test]}" | grep . | median)
        shown+="$test $vector  "
        # The figure to reach is the 32-byte test; the 64-byte ones are shown too.
        [[ $test == *512 ]] || best=$(awk -v a="$best" -v b="$vector" 'BEGIN {print (a > b) ? a : b}')
    done
    all=$(tr ' ' '\n' <<<"$shown" | grep -E '^[0-9.]+$' | sort -g | tail -1)
    awk -v n="$name" -v s="$bytes" -v m="$mine" -v b="$best" -v a="$all" -v t="$shown" \
        'BEGIN {printf "%-8s %10d  %7.1f  %6.2f  %6.2f   %s\n", n, s, m, m / b, m / a, t}'
}

# The tests of a list that this likwid and this CPU have.
tests() {
    for test in "$@"; do
        if [[ $test == *512 && $wide = 0 ]]; then continue; fi
        grep -qx "$test" <<<"$known" && echo "$test"
    done
    return 0
}

echo "GB/s, medians of $runs processes a side, core $core, $pages pages, $(date -u +%F)"
echo "kernel        bytes     ours  /avx   /best   likwid-bench"
for bytes in "${sizes[@]}"; do
    compare sum "$bytes" "sum stream f8 BYTES" $(tests load_avx sum_avx load_avx512 sum_avx512)
    compare fill "$bytes" "fill stream f8 BYTES" $(tests store_avx store_avx512)
    compare copy "$bytes" "copy stream f8 BYTES" $(tests copy_avx copy_avx512)
    if [ "$bytes" -ge 134217728 ]; then
        compare fill-nt "$bytes" "fill stream f8 BYTES stores=nt" $(tests store_mem_avx store_mem_avx512)
        compare copy-nt "$bytes" "copy stream f8 BYTES stores=nt" $(tests copy_mem_avx copy_mem_avx512)
    fi
done

echo
echo "sum of f8 by rows: line walk against the roof, element walk against its floor (the same walk at 16 KiB)"
echo "     bytes     roof     line  line/roof  element    floor  element/floor"
for bytes in "${sizes[@]}"; do
    declare -A side=([roof]= [line]= [element]= [floor]=)
    for ((run = 0; run < runs; run++)); do
        side[roof]+="$(ours sum stream f8 "$bytes") "
        side[line]+="$(ours sum line f8 "$bytes" order=0,1) "
        side[element]+="$(ours sum element f8 "$bytes" order=0,1) "
        side[floor]+="$(ours sum element f8 16384 order=0,1) "
    done
    for key in roof line element floor; do side[$key]=$(tr ' ' '\n' <<<"${side[$key]}" | grep . | median); done
    awk -v s="$bytes" -v r="${side[roof]}" -v l="${side[line]}" -v e="${side[element]}" -v f="${side[floor]}" \
        'BEGIN {printf "%10d  %7.1f  %7.1f  %9.2f  %7.1f  %7.1f  %13.2f\n", s, r, l, l / r, e, f, e / f}'
done
