#!/usr/bin/env bash
# The report page in headless Chromium: no console error, no request, real clicks, no text cut or on another at three
# widths, readable without JavaScript, no violation of axe-core's rules, nothing live of hostile bundles.
# Installs Chromium (apt) and, below target/, playwright-core and axe-core (npm), if they are missing. STRIDEWISE_BIN names the
# folder of a program and of an example sample_report that are built already.
set -euo pipefail
cd "$(dirname "$0")/.."
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [ -z "$browser" ]; then
    apt-get update -qq && apt-get install -y -qq chromium >/dev/null
    browser=$(command -v chromium)
fi
command -v node >/dev/null || { apt-get update -qq && apt-get install -y -qq nodejs npm >/dev/null; }
target=${CARGO_TARGET_DIR:-target}
modules=$target/browser-test
mkdir -p "$modules"
[ -f "$modules/package.json" ] || echo '{"private":true}' >"$modules/package.json"
if [ ! -d "$modules/node_modules/axe-core" ] || [ ! -d "$modules/node_modules/playwright-core" ]; then
    PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm install --silent --no-audit --no-fund --prefix "$modules" \
        playwright-core@1.58 axe-core@4.11
fi
pages=$modules/pages
rm -rf "$pages"
[ -n "${STRIDEWISE_BIN:-}" ] || cargo build --quiet --locked --release --bin stridewise --example sample_report
built=${STRIDEWISE_BIN:-$target/release}
"$built/examples/sample_report" "$pages"
"$built/stridewise" report results/reference/* --out "$pages/reference.html"
node scripts/browser-test.mjs "$(cd "$modules" && pwd)" "$(cd "$pages" && pwd)" "$browser"
