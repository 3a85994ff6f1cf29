#!/usr/bin/env bash
# Fuzzes every target in turn, in slices, from its seeds in tests/data/fuzz and on with its own corpus; prints
# executions and time per target. Needs nightly Rust and cargo-fuzz.
#
# usage: scripts/fuzz.sh [SECONDS per target] [SECONDS per slice]     default 3600 and 60
# A file named by STOP_FILE ends the slice in progress and holds the next ones back while it is there. TARGETS="ops npy"
# takes only those, so that two of these scripts can run beside each other.
set -euo pipefail
cd "$(dirname "$0")/.."
total=${1:-3600} slice=${2:-60}
host=$(rustc -vV | awk '/^host:/ {print $2}')
read -ra targets <<<"${TARGETS:-bundle ops npy specs filter}"
export ASAN_OPTIONS=detect_leaks=0
cargo +nightly fuzz build --fuzz-dir fuzz --target "$host" >/dev/null
mkdir -p fuzz/log

# What the seeds of a target are.
seeds() {
    case $1 in
        npy) echo tests/data/layout/npy ;;
        *) echo "tests/data/fuzz/$1" ;;
    esac
}

# Whether what a slice found is found again, within 20 s of a CPU, not of a clock; what is not is set aside.
again() {
    local found=1 one
    for one in "fuzz/artifacts/$1"/{crash,oom,timeout,leak}-*; do
        [ -e "$one" ] || continue
        if (ulimit -t 20 && exec "fuzz/target/$host/release/$1" -timeout=3600 -rss_limit_mb=4096 "$one") >/dev/null 2>&1; then
            mkdir -p "fuzz/artifacts/held-up/$1" && mv "$one" "fuzz/artifacts/held-up/$1/"
        else
            found=0
        fi
    done
    return $found
}

slice() {
    local target=$1 corpus=fuzz/corpus/$1 dictionary=()
    mkdir -p "$corpus" "fuzz/artifacts/$target"
    [ -f "tests/data/fuzz/$target.dict" ] && dictionary=("-dict=tests/data/fuzz/$target.dict")
    "fuzz/target/$host/release/$target" "$corpus" "$(seeds "$target")" "${dictionary[@]}" -artifact_prefix="fuzz/artifacts/$target/" \
        -max_total_time="$slice" -timeout=20 -rss_limit_mb=4096 -print_final_stats=1 >"fuzz/log/$target.last" 2>&1 &
    local child=$! rc=0
    while kill -0 "$child" 2>/dev/null; do
        if [ -n "${STOP_FILE:-}" ] && [ -e "$STOP_FILE" ]; then kill -INT "$child" 2>/dev/null || true; fi
        sleep 1
    done
    wait "$child" || rc=$?
    # What a busy machine held up for 20 s of a clock does no harm when it is tried again, and is no finding.
    [ "$rc" = 0 ] || again "$target" || rc=0
    awk -v t="$target" -v rc="$rc" '/^Done [0-9]+ runs in/ {n = $2; s = $5} /stat::number_of_executed_units/ {n = $2}
        END {print t, n + 0, s + 0, rc}' "fuzz/log/$target.last" >>fuzz/log/slices
    [ "$rc" = 0 ] || cp "fuzz/log/$target.last" "fuzz/log/$target.$(date +%s)"
}

for ((spent = 0; spent < total; spent += slice)); do
    for target in "${targets[@]}"; do
        while [ -n "${STOP_FILE:-}" ] && [ -e "$STOP_FILE" ]; do sleep 5; done
        slice "$target"
    done
done
awk '{n[$1] += $2; s[$1] += $3; if ($4 > 0) f[$1]++} END {for (t in n) printf "%-8s %12d executions %7d s %d findings\n", t, n[t], s[t], f[t]}' fuzz/log/slices
