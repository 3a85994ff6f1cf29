#!/usr/bin/env python3
"""This simulator beside pycachesim: counts and speed of row, column and tiled sums, both in one run.

usage: scripts/versus-pycachesim.py [SIDE…]             (1000 2047 2048 unless said)
       scripts/versus-pycachesim.py random [NESTS]      counts of random reading nests, 300 unless said
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


def theirs(cachesim, side, columns, tile):
    memory = cachesim.MainMemory()
    l3 = cachesim.Cache("L3", 32768, 16, 64, "LRU")
    l2 = cachesim.Cache("L2", 1024, 8, 64, "LRU", store_to=l3, load_from=l3)
    l1 = cachesim.Cache("L1", 64, 8, 64, "LRU", store_to=l2, load_from=l2)
    memory.load_to(l3)
    memory.store_from(l3)
    simulator = cachesim.CacheSimulator(l1, memory)
    base = 1 << 30
    start = time.perf_counter()
    outer, inner = (8, side * 8) if columns else (side * 8, 8)
    edge = tile or side
    for tile_i in range(0, side, edge):
        for tile_j in range(0, side, edge):
            for i in range(tile_i, min(tile_i + edge, side)):
                first, last = base + i * outer + tile_j * inner, base + i * outer + min(tile_j + edge, side) * inner
                simulator.load(range(first, last, inner), length=8)
    took = time.perf_counter() - start
    return [level.stats()["MISS_count"] for level in (l1, l2, l3)], took


def ours(binary, side, columns, tile):
    output = subprocess.run([binary, "columns" if columns else "rows", str(side), CACHES, str(tile)], check=True, capture_output=True, text=True)
    nanoseconds, *misses = map(int, output.stdout.split())
    return misses, nanoseconds / 1e9


def random_nest(rng):
    """Extents, steps, offset, caches: axes and strides of both signs and 0, elements of 8 bytes inside their lines."""
    loops = []
    budget = 200_000
    for _ in range(rng.randint(1, 4)):
        extent = rng.randint(1, max(1, min(400, budget)))
        budget //= extent
        step = rng.choice([0, 8, 64, 72, 512, 4096, 8 * rng.randint(1, 3000)]) * rng.choice([1, 1, 1, -1])
        loops.append((extent, step))
    sizes = rng.choice([(64, 8, 1024, 8, 32768, 16), (64, 12, 1536, 20, 4096, 11), (16, 2, 32, 4, 128, 8)])
    return loops, 8 * rng.randint(0, 20), sizes


def random_nests(cachesim, number):
    import itertools
    import json
    import random

    subprocess.run(["cargo", "build", "--release", "--quiet"], check=True, cwd=ROOT)
    target = os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target"))
    binary = os.path.join(target, "release", "stridewise")
    rng, wrong = random.Random(7), 0
    for _ in range(number):
        loops, offset, (s1, w1, s2, w2, s3, w3) = random_nest(rng)
        caches = f"l1={s1 * w1 * 64}:{w1},l2={s2 * w2 * 64}:{w2},l3={s3 * w3 * 64}:{w3}"
        nest = ",".join(f"{extent}:{step}" for extent, step in loops)
        # Negative steps begin at the walk's other end, which lies at the offset.
        low = sum(min(0, step * (extent - 1)) for extent, step in loops)
        output = subprocess.run([binary, "simulate", "--nest", nest, "--offset", str(offset), "--cache", caches, "--format", "json"],
                                check=True, capture_output=True, text=True)
        a = [level["misses"] for level in json.loads(output.stdout)["levels"]]
        memory = cachesim.MainMemory()
        l3 = cachesim.Cache("L3", s3, w3, 64, "LRU")
        l2 = cachesim.Cache("L2", s2, w2, 64, "LRU", store_to=l3, load_from=l3)
        l1 = cachesim.Cache("L1", s1, w1, 64, "LRU", store_to=l2, load_from=l2)
        memory.load_to(l3)
        memory.store_from(l3)
        simulator = cachesim.CacheSimulator(l1, memory)
        base = (1 << 40) + offset - low
        indices = itertools.product(*(range(extent) for extent, _ in loops))
        simulator.load((base + sum(i * step for i, (_, step) in zip(index, loops)) for index in indices), length=8)
        b = [level.stats()["MISS_count"] for level in (l1, l2, l3)]
        if a != b:
            wrong += 1
            print(f"--nest '{nest}' --offset {offset} --cache {caches}: ours {a}, theirs {b}")
    print(f"counts differ in {wrong} of {number} random nests")
    sys.exit(1 if wrong else 0)


def main():
    cachesim = peer()
    if sys.argv[1:2] == ["random"]:
        random_nests(cachesim, int(sys.argv[2]) if len(sys.argv) > 2 else 300)
    subprocess.run(["cargo", "build", "--release", "--quiet", "--example", "simulate_one"], check=True, cwd=ROOT)
    target = os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target"))
    binary = os.path.join(target, "release", "examples", "simulate_one")
    wrong = 0
    print(f"{'f8, one cold pass':24} {'misses, ours':>28} {'ours M/s':>10} {'theirs M/s':>10} {'ratio':>8}")
    for side in [int(side) for side in sys.argv[1:]] or [1000, 2047, 2048]:
        for columns, tile in ((False, 0), (True, 0), (True, 32)):
            a, fast = ours(binary, side, columns, tile)
            b, slow = theirs(cachesim, side, columns, tile)
            wrong += a != b
            name = f"{side}x{side} {'columns' if columns else 'rows'}{f' / {tile}' if tile else ''}"
            note = "" if a == b else f"   theirs {b}"
            steps = side * side / 1e6
            print(f"{name:24} {str(a):>28} {steps / fast:10.0f} {steps / slow:10.1f} {slow / fast:7.0f}x{note}")
    print("counts differ in", wrong, "walks")
    sys.exit(1 if wrong else 0)


main()
