#!/usr/bin/env bash
# How long compare takes over synthetic bundles of 200 cases, and how much memory; beside the aims. The files are in the page cache.
# usage: scripts/compare-speed.sh [FOLDER]     (target/synthetic unless said; 10,000 bundles take 3 GB of disk)
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
folder=${1:-$root/target/synthetic}
stridewise=${STRIDEWISE:-$root/target/release/stridewise}
[ -x "$stridewise" ] || cargo build --release --quiet --manifest-path "$root/Cargo.toml"
make() { # NAME NUMBER OPTIONS…
    [ -d "$folder/$1" ] || python3 "$root/scripts/synthetic-bundles.py" "$folder/$1" "$2" 200 "${@:3}"
}
make full-2 2
make full-100 100
for n in 1000 10000; do make "small-$n" "$n" --rounds 2 --placements 2; done
exec python3 - "$stridewise" "$folder" <<'PYTHON'
import os
import subprocess
import sys
import time

stridewise, folder = sys.argv[1:]
print("synthetic bundles of 200 lines; full: as many samples as a run keeps, small: two placements of two rounds")
print(f"{'':34} {'MB':>7} {'seconds':>8} {'MB/s':>6} {'memory, MiB':>12}   aim")
for name, aim in [("full-2", "0.25 s"), ("small-1000", "1 s"), ("small-10000", "8 s, 256 MiB"), ("full-100", "")]:
    path = os.path.join(folder, name)
    files = sorted(os.path.join(path, file) for file in os.listdir(path))
    size = sum(os.path.getsize(file) for file in files) / 1e6
    compare = [stridewise, "compare", path, "--baseline", files[0], "--format", "json", "--max-bundles", "20000"]
    across = [stridewise, "compare", path, "--across", "class", "--format", "json", "--max-bundles", "20000"]
    for what, command in [("compare", compare), ("--across class", across)]:
        best, memory = float("inf"), 0
        for _ in range(3 if size < 1000 else 2):
            begun = time.perf_counter()
            child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
            _, status, usage = os.wait4(child.pid, 0)
            best = min(best, time.perf_counter() - begun)
            memory = max(memory, usage.ru_maxrss / 1024)
            if status:
                sys.exit(f"{' '.join(command)}: {status}")
        print(f"{name + ' ' + what:34} {size:7.1f} {best:8.3f} {size / best:6.0f} {memory:12.1f}   {aim}", flush=True)
PYTHON
