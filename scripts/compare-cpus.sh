#!/usr/bin/env bash
# Two folders of result bundles in, one Markdown and one HTML page out.
# usage: scripts/compare-cpus.sh FOLDER FOLDER [OUT]   (OUT is cpus unless said: cpus.md and cpus.html)
set -euo pipefail
[ $# -ge 2 ] || { echo "usage: scripts/compare-cpus.sh FOLDER FOLDER [OUT]" >&2; exit 2; }
root=$(cd "$(dirname "$0")/.." && pwd)
stridewise=${STRIDEWISE:-$root/target/release/stridewise}
[ -x "$stridewise" ] || cargo build --release --quiet --manifest-path "$root/Cargo.toml"
out=${3:-cpus}
"$stridewise" compare --across class "$1" "$2" --format markdown >"$out.md"
mapfile -t bundles < <(find "$1" "$2" -name '*.jsonl' -type f | sort)
"$stridewise" report "${bundles[@]}" --out "$out.html"
cat "$out.md"
