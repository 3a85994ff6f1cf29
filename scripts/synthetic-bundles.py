#!/usr/bin/env python3
"""Synthetic bundles: the reference run again and again, its times moved at random. Made up, whatever they show.

usage: scripts/synthetic-bundles.py FOLDER N [CASES] [--rounds R] [--placements P] [--classes K] [--deviating]

CASES       lines per bundle (those of the reference unless said; more are its pairs again with padded rows)
--rounds    rounds kept per placement (all unless said); --placements as well; both make small files
--classes   classes of machine: the reference's, and made-up ones whose L2 and names differ, in turn
--deviating the last bundle of every class pays a fifth more for columns than its class
"""
import argparse
import copy
import hashlib
import json
import os
import random

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
REFERENCE = os.path.join(ROOT, "results/reference/amd-epyc-zen5/bundle.jsonl")
# Different texts of a line that a bundle draws from: making every line anew would take minutes.
TEXTS = 32
CLASS = ["arch", "vendor", "family", "model", "stepping", "model_name", "caches", "page_bytes", "smt", "physical_cores", "hypervisor"]
CACHE = ["level", "type", "bytes", "ways", "line", "sets", "shared_by"]


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def class_id(machine):
    """As MachineClass::id makes it: compact JSON with the fields in the order of their declaration."""
    ordered = {key: machine[key] for key in CLASS}
    ordered["caches"] = [{key: cache[key] for key in CACHE} for cache in machine["caches"]]
    return hashlib.sha256(f"stridewise.class 1\n{compact(ordered)}".encode()).hexdigest()[:16]


def with_pad(line, pad):
    """The same pair with `pad` bytes behind every row: its fields follow from the id."""
    line = copy.deepcopy(line)
    for member in (line["baseline"], line["contender"]):
        arrays = member["footprint_bytes"] // (member["steps"] * member["itemsize"])
        member["id"] += f"/pad={pad}"
        member["options"] = {"pad": str(pad)}
        member["strides"][0] += pad
        member["footprint_bytes"] += pad * member["shape"][0] * arrays
    line["id"] = line["contender"]["id"]
    return line


def lines_of(body, cases):
    """As many lines as were asked for."""
    if cases is None or cases <= len(body):
        return body[len(body) - (cases or len(body)) :]
    padded = [one for one in body if one["kind"] == "pair" and one["id"].endswith("/1,0") and not one.get("null")]
    known = {one.get("id") for one in body}
    pads = (with_pad(one, pad) for pad in range(128, 1 << 20, 64) for one in padded)
    more = (one for one in pads if one["id"] not in known)
    return body + [next(more) for _ in range(cases - len(body))]


def cut(line, rounds, placements):
    """A line with fewer samples; without simulated figures where rounds are cut, as `run` has it beyond its share."""
    line = copy.deepcopy(line)
    line["blocks"] = line["blocks"][:placements]
    if rounds is None:
        return line
    for block in line["blocks"]:
        if "orders" in block:
            block["orders"] = block["orders"][:rounds]
        block["disturbed"] = {}
        for key in ("baseline_ns", "contender_ns", "ns"):
            if key in block:
                block[key] = block[key][: 2 * rounds]
        if not block["disturbed"]:
            del block["disturbed"]
    line["simulated"] = None
    line["simulated_absent"] = "synthetic"
    return line


def moved(line, by):
    """The contender's times multiplied; a control and a case by itself stay as they are."""
    if line["kind"] != "pair" or line.get("null"):
        return line
    blocks = [{**block, "contender_ns": [max(1, int(ns * by)) for ns in block["contender_ns"]]} for block in line["blocks"]]
    return {**line, "blocks": blocks}


def classes_of(header, number):
    """Headers of made-up machines: another name and L2 each, the number of sets following."""
    for n in range(number):
        one = copy.deepcopy(header)
        if n > 0:
            machine = one["machine"]
            machine["model_name"] = f"Synthetic CPU {n}"
            l2 = next(cache for cache in machine["caches"] if cache["level"] == 2)
            l2["bytes"], l2["sets"] = l2["bytes"] >> (n % 3), l2["sets"] >> (n % 3)
            l2["ways"], l2["sets"] = l2["ways"] * (1 + n // 3), l2["sets"]
            l2["bytes"] = l2["line"] * l2["ways"] * l2["sets"]
        one["class_id"] = class_id(one["machine"])
        yield one


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("number", type=int)
    parser.add_argument("cases", type=int, nargs="?")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--placements", type=int)
    parser.add_argument("--classes", type=int, default=1)
    parser.add_argument("--deviating", action="store_true")
    asked = parser.parse_args()
    with open(REFERENCE) as file:
        header, *body, end = map(json.loads, file)
    body = [cut(line, asked.rounds, asked.placements) for line in lines_of(body, asked.cases)]
    ids = [line.get("id") or line["case"]["id"] for line in body]
    header["plan"]["ids"] = ids
    header["plan"]["hash"] = hashlib.sha256("".join(one + "\n" for one in ids).encode()).hexdigest()
    rng = random.Random(1)
    # A machine pays for columns what its class pays (each class 15 % more than the one before), give or take 3 % a run.
    texts = [[compact(moved(line, rng.gauss(1, 0.03))) + "\n" for _ in range(TEXTS)] for line in body]
    headers = list(classes_of(header, asked.classes))
    factor = [1.15**n for n in range(asked.classes)]
    by_class = [texts] + [
        [[compact(moved(line, by * rng.gauss(1, 0.03))) + "\n" for _ in range(TEXTS)] for line in body] for by in factor[1:]
    ]
    os.makedirs(asked.folder, exist_ok=True)
    written = 0
    for n in range(asked.number):
        at = n % asked.classes
        one = headers[at]
        one["bundle_id"], one["run_id"] = f"{n:032x}", f"synthetic-{n}"
        one["created"] = f"2026-{1 + n * 12 // asked.number:02}-01T00:{n // 60 % 60:02}:{n % 60:02}Z"
        if asked.deviating and n + asked.classes >= asked.number:
            drawn = [compact(moved(line, 1.2 * factor[at] * rng.gauss(1, 0.03))) + "\n" for line in body]
        else:
            drawn = [rng.choice(of) for of in by_class[at]]
        whole = (compact(one) + "\n" + "".join(drawn)).encode()
        end["lines"] = len(body)
        end["sha256"] = hashlib.sha256(whole).hexdigest()
        with open(os.path.join(asked.folder, f"{n:05}.jsonl"), "wb") as file:
            file.write(whole + (compact(end) + "\n").encode())
        written += len(whole)
    print(f"{asked.number} synthetic bundles of {len(body)} lines, {written / 1e6:.1f} MB, {asked.classes} classes, in {asked.folder}")


if __name__ == "__main__":
    main()
