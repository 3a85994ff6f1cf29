#!/usr/bin/env python3
"""A regression made up, to try the gate: the contender's times of one case multiplied, the digest made anew.

usage: scripts/slurm/inject.py BUNDLE CASE FACTOR
"""
import hashlib
import json
import sys

path, case, factor = sys.argv[1], sys.argv[2], float(sys.argv[3])
lines = [json.loads(line) for line in open(path)]
changed = 0
for line in lines:
    if line.get("id") == case:
        changed += 1
        for block in line["blocks"]:
            block["contender_ns"] = [int(ns * factor) for ns in block["contender_ns"]]
if not changed:
    sys.exit(f"{path}: no case {case}")
compact = lambda line: json.dumps(line, separators=(",", ":"), ensure_ascii=False) + "\n"
body = "".join(map(compact, lines[:-1])).encode()
lines[-1]["sha256"] = hashlib.sha256(body).hexdigest()
with open(path, "wb") as file:
    file.write(body + compact(lines[-1]).encode())
print(f"{case}: times of {path} multiplied by {factor}")
