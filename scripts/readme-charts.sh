#!/usr/bin/env bash
# Draws anew what the README and results/reference/ show, from the reference bundles.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --locked --quiet
stridewise=${CARGO_TARGET_DIR:-target}/release/stridewise
for folder in results/reference/*/; do
    folder=${folder%/}
    rm -rf "$folder/charts"
    mkdir -p "$folder/charts"
    charts=
    for chart in $("$stridewise" plot --list | cut -d' ' -f1); do
        # A chart without data for it is left out.
        if "$stridewise" plot "$folder" --chart "$chart" --out "$folder/charts/$chart.svg" 2>/dev/null; then
            charts=$charts,charts/$chart.svg
            case $chart in
            penalty-curve | staircase | where-served)
                "$stridewise" plot "$folder" --chart "$chart" --theme dark --out "$folder/charts/$chart-dark.svg" ;;
            esac
        fi
    done
    "$stridewise" report "$folder" --format markdown --charts "${charts#,}" --out "$folder/summary.md"
    "$stridewise" report "$folder" --out "$folder/report.html"
    echo "$folder: $(ls "$folder/charts" | wc -l) pictures"
done
