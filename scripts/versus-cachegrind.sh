#!/usr/bin/env bash
# This simulator beside cachegrind: counts and speed of sums, tiled transposes and matrix products, both in one run.
# usage: scripts/versus-cachegrind.sh [PROCESSES [WALK:SIDE:TILE…]]   (3 and the walks below unless said)
set -euo pipefail
cd "$(dirname "$0")/.."
processes=${1:-3}
shift $(($# > 0 ? 1 : 0))
[ $# -gt 0 ] || set -- rows:2048:0 columns:2048:0 columns:2047:0 transpose:2048:32 transpose:2000:16 ijk:512:0 ikj:512:0
command -v valgrind >/dev/null || { apt-get update -qq && apt-get install -y -qq valgrind; } >/dev/null
cargo build --release --quiet --example simulate_one
ours=${CARGO_TARGET_DIR:-target}/release/examples/simulate_one
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/walk.c" <<'C'
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
typedef volatile double *array;
/* Every access as the nest has it, invariants of the innermost loop in registers. */
static void transpose(array a, array b, long n, long t) {
    if (t < 1) t = n;
    for (long ii = 0; ii < n; ii += t)
        for (long jj = 0; jj < n; jj += t)
            for (long i = ii; i < ii + t && i < n; i++)
                for (long j = jj; j < jj + t && j < n; j++) b[j * n + i] = a[i * n + j];
}
static void ijk(array a, array b, array c, long n) {
    for (long i = 0; i < n; i++)
        for (long j = 0; j < n; j++) {
            double s = c[i * n + j];
            for (long k = 0; k < n; k++) { double x = a[i * n + k]; s += x * b[k * n + j]; }
            c[i * n + j] = s;
        }
}
static void ikj(array a, array b, array c, long n) {
    for (long i = 0; i < n; i++)
        for (long k = 0; k < n; k++) {
            double x = a[i * n + k];
            for (long j = 0; j < n; j++) { double y = b[k * n + j]; c[i * n + j] = c[i * n + j] + x * y; }
        }
}
/* One pass over arrays that begin at a whole number of all sets: walk, n, tile, whether to walk at all. */
int main(int argc, char **argv) {
    if (argc != 5) return 2;
    const char *walk = argv[1];
    long n = atol(argv[2]), tile = atol(argv[3]), bytes = n * n * 8;
    char *map = mmap(0, 3 * bytes + (2 << 20), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *start = (char *)(((uintptr_t)map + (2 << 20) - 1) & ~(uintptr_t)((2 << 20) - 1));
    array a = (array)start, b = (array)(start + bytes), c = (array)(start + 2 * bytes);
    if (!atol(argv[4])) return 0;
    long columns = !strcmp(walk, "columns");
    if (columns || !strcmp(walk, "rows"))
        for (long i = 0; i < n; i++)
            for (long j = 0; j < n; j++) (void)a[columns ? j * n + i : i * n + j];
    else if (!strcmp(walk, "transpose")) transpose(a, b, n, tile);
    else if (!strcmp(walk, "ijk")) ijk(a, b, c, n);
    else if (!strcmp(walk, "ikj")) ikj(a, b, c, n);
    else return 2;
    return 0;
}
C
cc -O2 -o "$work/walk" "$work/walk.c"
# The first and the last level only: cachegrind has two.
grind() {
    valgrind --tool=cachegrind --cache-sim=yes --D1=32768,8,64 --LL=33554432,16,64 --cachegrind-out-file=/dev/null \
        "$work/walk" "$1" "$2" "$3" "$4" 2>&1 | tr -d ,
}
seconds() { local from to; from=$(date +%s%N); "$@" >"$work/out"; to=$(date +%s%N); echo $((to - from)); }
middle() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
printf 'f8, 32K/8 and 32M/16, one cold pass, medians of %d processes\n' "$processes"
printf '%-20s %11s %11s %11s %11s %12s %14s %9s\n' walk "D1 ours" "D1 theirs" "LL ours" "LL theirs" "ours ms" "cachegrind ms" ratio
for one in "$@"; do
    IFS=: read -r walk side tile <<<"$one"
    : >"$work/ours"; : >"$work/with"; : >"$work/without"
    for _ in $(seq "$processes"); do
        "$ours" "$walk" "$side" l1=32K:8:64,l2=32M:16:64 "$tile" >"$work/counts"; awk '{ print $1 }' "$work/counts" >>"$work/ours"
        seconds grind "$walk" "$side" "$tile" 1 >>"$work/with"; cp "$work/out" "$work/walked"
        seconds grind "$walk" "$side" "$tile" 0 >>"$work/without"; cp "$work/out" "$work/empty"
    done
    read -r _ d1 ll <"$work/counts"
    # Data misses, read and written, less those of the same program without the loop.
    for level in D1 LLd; do
        with=$(sed -n "s/.*$level  *misses: *\([0-9]*\).*/\1/p" "$work/walked")
        without=$(sed -n "s/.*$level  *misses: *\([0-9]*\).*/\1/p" "$work/empty")
        echo $((with - without))
    done >"$work/theirs"
    awk -v walk="$walk $side $([ "$tile" = 0 ] || echo "/ $tile")" -v d1="$d1" -v ll="$ll" \
        -v ours="$(middle <"$work/ours")" -v with="$(middle <"$work/with")" -v without="$(middle <"$work/without")" \
        '{ theirs[NR] = $1 } END { a = ours / 1e6; b = (with - without) / 1e6;
           printf "%-20s %11d %11d %11d %11d %12.2f %14.0f %8.0fx\n", walk, d1, theirs[1], ll, theirs[2], a, b, b / a }' "$work/theirs"
done
echo "ours: half of a cold and the warm passes, inside the process; cachegrind: the process with the walk less the one without"
echo "it. cachegrind knows no write-backs: where written lines leave the first level, the order of its last level differs."
