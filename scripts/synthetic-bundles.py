#!/usr/bin/env python3
"""Synthetic bundles: the reference run again and again, its times moved at random; to time compare with many files.

usage: scripts/synthetic-bundles.py FOLDER N [CASES]   (all cases of the reference unless said; more of them than the reference
has are its pairs again, their rows padded: made up, as all of this is)
"""
import hashlib
import json
import os
import random
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
folder, number = sys.argv[1], int(sys.argv[2])
cases = int(sys.argv[3]) if len(sys.argv) > 3 else None
with open(os.path.join(ROOT, "results/reference/amd-epyc-zen5/bundle.jsonl")) as file:
    lines = [json.loads(line) for line in file]
header, body, end = lines[0], lines[1:-1], lines[-1]
if cases and cases <= len(body):
    body = body[-cases:]
elif cases:
    padded = [line for line in body if line["kind"] == "pair" and line["contender"]["id"].endswith("/1,0") and not line.get("null")]


    def with_pad(line, pad):
        """The same pair with `pad` bytes behind every row: its fields follow from the id."""
        line = json.loads(json.dumps(line))
        for member in (line["baseline"], line["contender"]):
            member["id"] += f"/pad={pad}"
            member["options"] = {"pad": str(pad)}
            member["strides"][0] += pad
            member["footprint_bytes"] += pad * member["shape"][0] * (member["footprint_bytes"] // (member["steps"] * member["itemsize"]))
        line["id"] = line["contender"]["id"]
        return line


    known = {line["id"] for line in body if line["kind"] == "pair"}
    pads = (with_pad(line, pad) for pad in range(128, 1 << 20, 64) for line in padded)
    more = (line for line in pads if line["id"] not in known)
    body = body + [next(more) for _ in range(cases - len(body))]
header["plan"]["ids"] = [line.get("id") or line["case"]["id"] for line in body]
header["plan"]["hash"] = hashlib.sha256("".join(one + "\n" for one in header["plan"]["ids"]).encode()).hexdigest()
os.makedirs(folder, exist_ok=True)
random.seed(1)
for n in range(number):
    header["bundle_id"] = f"{n:032x}"
    header["run_id"] = f"synthetic-{n}"
    moved = []
    for line in body:
        by = random.gauss(1, 0.03)
        line = json.loads(json.dumps(line)) if n == 0 else dict(line)
        if line["kind"] == "pair":
            line["blocks"] = [
                {**block, "contender_ns": [max(1, int(ns * by)) for ns in block["contender_ns"]]}
                for block in line["blocks"]
            ]
        moved.append(line)
    whole = "".join(json.dumps(line, separators=(",", ":"), ensure_ascii=False) + "\n" for line in [header, *moved])
    end["lines"] = len(moved)
    end["sha256"] = hashlib.sha256(whole.encode()).hexdigest()
    with open(os.path.join(folder, f"{n:05}.jsonl"), "w") as file:
        file.write(whole + json.dumps(end, separators=(",", ":")) + "\n")
print(f"{number} synthetic bundles of {len(body)} lines in {folder}")
