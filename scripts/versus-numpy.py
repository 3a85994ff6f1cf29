#!/usr/bin/env python3
"""Transposed copies and sums along an axis against NumPy, fresh processes in turn on one core; prints both sides.

usage: scripts/versus-numpy.py [SIDE]      (4096 unless said)   RUNS=7  CORE=0  PAGES=huge|base

Needs NumPy. A line per question: medians over the processes of a side (smallest-largest), each the median of its own
samples, and the ratio of NumPy's time to ours. `np.copyto` writes into an array that is there already, as ours does. NumPy asks
for huge pages for large arrays, so both sides have them unless PAGES=base.
"""

import os
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def numpy_side(what, side):
    """One process of NumPy: the median of its samples, nanoseconds."""
    import numpy as np

    dtype = {"f4": np.float32, "f8": np.float64, "c16": np.complex128}
    kind, *rest = what.split(":")
    rng = np.random.default_rng(1)
    if kind in ("copy", "transpose"):
        source = rng.integers(-4, 5, (side, side)).astype(dtype[rest[0]])
        order = "F" if kind == "transpose" else "C"
        target = np.zeros((side, side), dtype[rest[0]], order=order)
        act = lambda: np.copyto(target, source)
    else:
        order, axis = rest[0], int(rest[1])
        source = np.asarray(rng.integers(-4, 5, (side, side)).astype(np.float64), order=order)
        target = np.zeros(side)
        act = lambda: source.sum(axis=axis, out=target)
    act()
    samples = []
    while len(samples) < 9:
        begun = time.perf_counter_ns()
        act()
        samples.append(time.perf_counter_ns() - begun)
    print(statistics.median(samples))


def questions(side):
    """What is asked: its words, NumPy's side, our case."""
    for dtype in ("f8", "f4", "c16"):
        shape = f"{dtype}/{side}x{side}"
        yield f"{dtype} C to F, lines turned in registers", f"transpose:{dtype}", f"transpose/copy/{shape}/C/0,1/dest=F/stores=nt/walk=block"
        yield f"{dtype} the same, plain stores in tiles", f"transpose:{dtype}", f"transpose/copy/{shape}/C/0,1/dest=F/tile=64/walk=block"
        yield f"{dtype} plain copy", f"copy:{dtype}", f"write/copy/{shape}/C/0,1/walk=stream"
    for order, loops in (("C", "0,1"), ("F", "1,0")):
        for axis in (0, 1):
            case = f"ndim/reduce/f8/{side}x{side}/{order}/{loops}/axis={axis}/walk=stream"
            yield f"f8 {order}-order sum(axis={axis})", f"sum:{order}:{axis}", case


def spread(samples):
    return f"{statistics.median(samples) / 1e6:8.2f} ({min(samples) / 1e6:.2f}-{max(samples) / 1e6:.2f})"


def main():
    side = int(sys.argv[1]) if len(sys.argv) > 1 else 4096
    runs, core = int(os.environ.get("RUNS", "7")), os.environ.get("CORE", "0")
    program = os.environ.get("PASS_TIME")
    if not program:
        subprocess.run(["cargo", "build", "--release", "--quiet", "--example", "pass_time"], cwd=ROOT, check=True)
        program = os.path.join(os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target")), "release/examples/pass_time")
    pages = os.environ.get("PAGES", "huge")
    alike = {**os.environ, "NUMPY_MADVISE_HUGEPAGE": str(int(pages == "huge")), "OMP_NUM_THREADS": "1"}
    pinned = ["taskset", "-c", core]
    print(f"milliseconds a pass, {side}x{side}, medians of {runs} processes a side (smallest-largest), core {core}, {pages} pages")
    print(f"{'':38}  {'NumPy':24}  {'stridewise':24}  NumPy/ours")
    plain = {}
    for words, theirs, case in questions(side):
        taken = {"numpy": [], "ours": []}
        commands = {
            "numpy": [*pinned, sys.executable, os.path.abspath(__file__), "--numpy", theirs, str(side)],
            "ours": [*pinned, program, case, f"pages={pages}", "samples=9", "ms=1"],
        }
        for run in range(runs):
            # Who goes first alternates.
            for name in sorted(commands, reverse=bool(run % 2)):
                done = subprocess.run(commands[name], env=alike, capture_output=True, text=True, check=True)
                taken[name].append(float(done.stdout.split()[0]))
        ratio = statistics.median(taken["numpy"]) / statistics.median(taken["ours"])
        print(f"{words:38}  {spread(taken['numpy']):24}  {spread(taken['ours']):24}  {ratio:.2f}", flush=True)
        plain[words] = statistics.median(taken["ours"])
    for dtype in ("f8", "f4", "c16"):
        share = plain[f"{dtype} plain copy"] / plain[f"{dtype} C to F, lines turned in registers"]
        print(f"{dtype}: the transposed copy has {share:.2f} of the plain copy's bandwidth")


if __name__ == "__main__":
    if len(sys.argv) > 3 and sys.argv[1] == "--numpy":
        numpy_side(sys.argv[2], int(sys.argv[3]))
    else:
        main()
