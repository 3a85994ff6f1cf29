#!/usr/bin/env bash
# The release program as a user meets it: a short run, its files, an interrupt, a resumption. STRIDEWISE_BIN names the folder of a
# program that is built already.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -n "${STRIDEWISE_BIN:-}" ] || cargo build --release --locked --quiet
stridewise=${STRIDEWISE_BIN:-${CARGO_TARGET_DIR:-target}/release}/stridewise
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "end-to-end: $*" >&2; exit 1; }

"$stridewise" host >"$work/host" || fail "host ends with $?"
"$stridewise" host --format json | grep -q '"class_id"' || fail "host --format json has no class_id"
"$stridewise" list --suite quick | tail -1

"$stridewise" run --suite quick --budget 12s --quiet --out "$work/run" >"$work/table" || fail "run ends with $?"
for file in bundle.jsonl summary.md report.html charts/penalty-curve.svg charts/staircase.svg; do
    [ -s "$work/run/$file" ] || fail "run left no $file"
done
tail -5 "$work/table"
"$stridewise" validate "$work/run"
"$stridewise" plot "$work/run" --chart staircase --theme dark --width 800 --out "$work/a.png" --data "$work/a.csv"
[ "$(head -c 4 "$work/a.png" | tail -c 3)" = PNG ] || fail "plot wrote no PNG"
head -1 "$work/a.csv" | grep -q '^walk,shape,bytes,' || fail "plot --data wrote no CSV"
"$stridewise" report "$work/run" "$work/run" --out "$work/two.html"
grep -q 'CPUs side by side' "$work/two.html" || fail "report of two bundles compares nothing"

"$stridewise" run --suite quick --budget 30s --quiet --out "$work/cut" >/dev/null 2>&1 &
pid=$!
for _ in $(seq 200); do
    [ -f "$work/cut/bundle.jsonl" ] && [ "$(wc -l <"$work/cut/bundle.jsonl")" -gt 3 ] && break
    sleep 0.1
done
kill -INT "$pid"
code=0; wait "$pid" || code=$?
[ "$code" -eq 130 ] || fail "an interrupted run ends with $code, not 130"
code=0; "$stridewise" validate "$work/cut" >/dev/null 2>&1 || code=$?
[ "$code" -eq 20 ] || fail "validate of a cut-off run ends with $code, not 20"
"$stridewise" validate --allow-partial "$work/cut"
