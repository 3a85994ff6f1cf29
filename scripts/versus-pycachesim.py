#!/usr/bin/env python3
"""This simulator beside pycachesim: counts and speed of row and column sums, both in one run.

usage: scripts/versus-pycachesim.py [SIDE…]     (1000 2047 2048 unless said)
Installs pycachesim from PyPI into a virtual environment of its own if it is not there.
"""
import os
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CACHES = "l1=32K:8:64,l2=512K:8:64,l3=32M:16:64"


def peer():
    try:
        import cachesim
    except ImportError:
        folder = os.path.join(tempfile.gettempdir(), "stridewise-pycachesim")
        python = os.path.join(folder, "bin", "python")
        if not os.path.exists(python):
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "setuptools", "pycachesim"], check=True)
        if os.path.realpath(sys.prefix) == os.path.realpath(folder):
            raise
        os.execv(python, [python, *sys.argv])
    return cachesim


def theirs(cachesim, side, columns):
    memory = cachesim.MainMemory()
    l3 = cachesim.Cache("L3", 32768, 16, 64, "LRU")
    l2 = cachesim.Cache("L2", 1024, 8, 64, "LRU", store_to=l3, load_from=l3)
    l1 = cachesim.Cache("L1", 64, 8, 64, "LRU", store_to=l2, load_from=l2)
    memory.load_to(l3)
    memory.store_from(l3)
    simulator = cachesim.CacheSimulator(l1, memory)
    base = 1 << 30
    start = time.perf_counter()
    for i in range(side):
        first = base + i * 8 if columns else base + i * side * 8
        step = side * 8 if columns else 8
        simulator.load(range(first, first + side * step, step), length=8)
    took = time.perf_counter() - start
    return [level.stats()["MISS_count"] for level in (l1, l2, l3)], took


def ours(binary, side, columns):
    output = subprocess.run([binary, str(side), str(int(columns)), CACHES], check=True, capture_output=True, text=True)
    nanoseconds, *misses = map(int, output.stdout.split())
    return misses, nanoseconds / 1e9


def main():
    cachesim = peer()
    subprocess.run(["cargo", "build", "--release", "--quiet", "--example", "simulate_one"], check=True, cwd=ROOT)
    target = os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target"))
    binary = os.path.join(target, "release", "examples", "simulate_one")
    wrong = 0
    print(f"{'f8, one cold pass':24} {'misses, ours':>28} {'ours M/s':>10} {'theirs M/s':>10} {'ratio':>8}")
    for side in [int(side) for side in sys.argv[1:]] or [1000, 2047, 2048]:
        for columns in (False, True):
            a, fast = ours(binary, side, columns)
            b, slow = theirs(cachesim, side, columns)
            wrong += a != b
            name = f"{side}x{side} {'columns' if columns else 'rows'}"
            note = "" if a == b else f"   theirs {b}"
            steps = side * side / 1e6
            print(f"{name:24} {str(a):>28} {steps / fast:10.0f} {steps / slow:10.1f} {slow / fast:7.0f}x{note}")
    print("counts differ in", wrong, "walks")
    sys.exit(1 if wrong else 0)


main()
