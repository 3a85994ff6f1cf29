#!/usr/bin/env bash
# This simulator beside cachegrind: counts and speed of row and column sums, both in one run.
# usage: scripts/versus-cachegrind.sh [SIDE] [PROCESSES]   (2048 and 3 unless said)
set -euo pipefail
cd "$(dirname "$0")/.."
side=${1:-2048} processes=${2:-3}
command -v valgrind >/dev/null || { apt-get update -qq && apt-get install -y -qq valgrind; } >/dev/null
cargo build --release --quiet --example simulate_one
ours=${CARGO_TARGET_DIR:-target}/release/examples/simulate_one
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/walk.c" <<'C'
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
/* One pass of loads over a page-aligned array: n, whether by columns, whether to walk at all. */
int main(int argc, char **argv) {
    long n = atol(argv[1]), columns = atol(argv[2]), walk = atol(argv[3]);
    if (argc != 4) return 2;
    volatile double *a = mmap(0, n * n * 8, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    long outer = columns ? 8 : n * 8, inner = columns ? n * 8 : 8;
    for (long i = 0; walk && i < n; i++)
        for (long j = 0; j < n; j++)
            (void)*(volatile double *)((volatile char *)a + i * outer + j * inner);
    return 0;
}
C
cc -O2 -o "$work/walk" "$work/walk.c"
# The first and the last level only: cachegrind has two.
grind() {
    valgrind --tool=cachegrind --cache-sim=yes --D1=32768,8,64 --LL=33554432,16,64 --cachegrind-out-file=/dev/null \
        "$work/walk" "$side" "$1" "$2" 2>&1 | tr -d ,
}
misses() { awk -v what="$1" '$0 ~ what { for (i = 1; i <= NF; i++) if ($i ~ /^[0-9]+$/) last[++n] = $i } END { print last[n > 2 ? 3 : 1] }'; }
seconds() { local from to; from=$(date +%s%N); "$@" >"$work/out"; to=$(date +%s%N); echo $((to - from)); }
middle() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
printf '%dx%d f8, 32K/8 and 32M/16, medians of %d processes\n' "$side" "$side" "$processes"
printf '%-8s %12s %12s %12s %12s %16s %16s %9s\n' walk "D1 ours" "D1 theirs" "LL ours" "LL theirs" "ours M/s" "cachegrind M/s" ratio
for columns in 0 1; do
    : >"$work/ours"; : >"$work/with"; : >"$work/without"
    for _ in $(seq "$processes"); do
        "$ours" "$side" "$columns" l1=32K:8:64,l2=32M:16:64 >"$work/counts"; awk '{ print $1 }' "$work/counts" >>"$work/ours"
        seconds grind "$columns" 1 >>"$work/with"; cp "$work/out" "$work/walked"
        seconds grind "$columns" 0 >>"$work/without"; cp "$work/out" "$work/empty"
    done
    read -r _ d1 ll <"$work/counts"
    # Data read misses, less those of the same program without the loop.
    for level in D1 LLd; do
        with=$(sed -n "s/.*$level  *misses: *[0-9]* *( *\([0-9]*\) rd.*/\1/p" "$work/walked")
        without=$(sed -n "s/.*$level  *misses: *[0-9]* *( *\([0-9]*\) rd.*/\1/p" "$work/empty")
        echo $((with - without))
    done >"$work/theirs"
    awk -v walk="$([ "$columns" = 1 ] && echo columns || echo rows)" -v d1="$d1" -v ll="$ll" -v n="$side" \
        -v ours="$(middle <"$work/ours")" -v with="$(middle <"$work/with")" -v without="$(middle <"$work/without")" \
        '{ theirs[NR] = $1 } END { a = n * n / ours * 1e3; b = n * n / (with - without) * 1e3;
           printf "%-8s %12d %12d %12d %12d %16.0f %16.1f %8.0fx\n", walk, d1, theirs[1], ll, theirs[2], a, b, a / b }' "$work/theirs"
done
echo "ours: one cold pass, nanoseconds inside the process; cachegrind: the process with the walk less the one without it"
