#!/usr/bin/env bash
# The kernel and memory tests under AddressSanitizer (nightly Rust) and valgrind's memcheck. Guard pages around every
# buffer catch what these do not see: accesses past the end of a mapping.
set -euo pipefail
cd "$(dirname "$0")/.."
target=$(rustc -vV | awk '/^host:/ {print $2}')
export PROPTEST_CASES=${PROPTEST_CASES:-4} STRIDEWISE_NESTS=${STRIDEWISE_NESTS:-2000}

log=$(mktemp) && trap 'rm -f "$log"' EXIT

# Tells how many tests passed and nests ran; everything, if one failed.
told() {
    if "$@" >"$log" 2>&1; then
        grep -E '^test result|nests of' "$log"
    else
        cat "$log"
        exit 1
    fi
}

echo "== AddressSanitizer"
RUSTFLAGS=-Zsanitizer=address told cargo +nightly test --quiet --target "$target" --target-dir target/asan \
    --lib --test kernels --test any_nest -- --nocapture kernel memory every_ contiguous non_ checksums operands

echo "== memcheck"
command -v valgrind >/dev/null || { apt-get update -qq && apt-get install -y -qq valgrind; }
binaries=$(cargo test --quiet --no-run --message-format=json --lib --test kernels --test any_nest |
    # The program itself is built beside its tests.
    sed -n '/"profile":{[^}]*"test":true/s/.*"executable":"\([^"]*\)".*/\1/p')
for binary in $binaries; do
    # A big refused mapping is part of the tests; valgrind's own warning about it is no error.
    PROPTEST_CASES=1 STRIDEWISE_NESTS=${MEMCHECK_NESTS:-200} told valgrind --quiet --error-exitcode=1 --leak-check=no \
        "$binary" --nocapture kernel memory every_ non_ operands
done
