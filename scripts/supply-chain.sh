#!/usr/bin/env bash
# Licences, duplicates and sources of all dependencies as deny.toml allows them; advisories where their database can be had;
# and the oldest compiler that Cargo.toml names. cargo-deny checks all of it (cargo install cargo-deny); without it licences,
# duplicates and sources are checked here from `cargo metadata`, and what is left out is said.
set -euo pipefail
cd "$(dirname "$0")/.."

git ls-files --error-unmatch Cargo.lock >/dev/null || { echo "Cargo.lock is not committed" >&2; exit 1; }

if cargo deny --version >/dev/null 2>&1; then
    cargo deny --locked check --hide-inclusion-graph licenses bans sources
    if cargo deny --locked check --hide-inclusion-graph advisories 2>/dev/null; then
        echo "advisories: none"
    elif cargo deny fetch >/dev/null 2>&1; then
        # The database is there: the failure was a finding.
        cargo deny --locked check --hide-inclusion-graph advisories
    else
        echo "advisories: left out, their database cannot be fetched"
    fi
elif command -v python3 >/dev/null; then
    cargo metadata --format-version 1 --locked --all-features | python3 -c '
import collections, json, re, sys
text = open("deny.toml").read()
allowed = set(re.findall(r"\"([^\"]+)\"", re.search(r"(?m)^allow = \[(.*?)\]", text, re.S).group(1)))
skipped = set(re.findall(r"crate = \"([^\"]+)\"", text))

def fits(expression):
    """Whether an SPDX expression can be satisfied: OR of AND of words."""
    expression = expression.replace("/", " OR ")
    while "(" in expression:
        expression = re.sub(r"\(([^()]*)\)", lambda inner: "yes" if fits(inner.group(1)) else "no", expression)
    word = lambda one: one.strip() == "yes" or one.strip() in allowed
    return any(all(word(one) for one in part.split(" AND ")) for part in expression.split(" OR "))

packages, wrong = json.load(sys.stdin)["packages"], []
versions = collections.defaultdict(set)
for package in packages:
    name = "{name}@{version}".format(**package)
    if not fits(package["license"] or "none"):
        wrong.append("{}: licence {}".format(name, package["license"]))
    if package["source"] not in (None, "registry+https://github.com/rust-lang/crates.io-index"):
        wrong.append("{}: from {}".format(name, package["source"]))
    if name not in skipped:
        versions[package["name"]].add(package["version"])
wrong += ["{}: {}".format(name, " and ".join(sorted(many))) for name, many in versions.items() if len(many) > 1]
print("\n".join(wrong) or "{} packages: licences, duplicates and sources as deny.toml allows".format(len(packages)))
sys.exit(bool(wrong))'
    echo "advisories: left out, cargo-deny is missing (cargo install cargo-deny)"
else
    echo "licences, duplicates, sources and advisories: left out, neither cargo-deny nor python3 is here"
fi

oldest=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
here=$(rustc --version | cut -d ' ' -f 2)
if [[ $here = "$oldest" || $here = "$oldest".* ]]; then
    echo "rust-version $oldest: that is rustc $here, which everything else is built with"
elif rustup run "$oldest" rustc --version >/dev/null 2>&1 || rustup toolchain install "$oldest" --profile minimal >/dev/null 2>&1; then
    rustup run "$oldest" cargo check --quiet --locked --all-features --target-dir target/oldest
    echo "rust-version $oldest: checked"
else
    echo "rust-version $oldest: left out, that compiler cannot be had here"
fi
