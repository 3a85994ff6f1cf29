#!/usr/bin/env python3
"""Reads what `stridewise export` wrote with the engines it is for, and compares what they see. Needs duckdb, polars, pyarrow.

usage: scripts/consumers.py BUNDLES [WORK]     (WORK is a new folder, target/consumers unless said)
"""
import csv
import glob
import json
import os
import subprocess
import sys

import duckdb
import polars
import pyarrow.dataset

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
STRIDEWISE = os.environ.get("STRIDEWISE", os.path.join(ROOT, "target/release/stridewise"))
bundles, work = os.path.abspath(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else os.path.join(ROOT, "target/consumers")
os.makedirs(work)
os.chdir(work)
for form, out in [("jsonl", "flat"), ("csv", "csv")]:
    subprocess.run([STRIDEWISE, "export", bundles, "--format", form, "--out", out], check=True, stdout=subprocess.DEVNULL)
database = duckdb.connect()
database.execute(open(os.path.join(ROOT, "scripts/to-parquet.sql")).read())

SUM = "count(*), round(sum(penalty), 6), sum(footprint_bytes), count(DISTINCT run_id)"
seen = {}
rows = [json.loads(line) for path in glob.glob("flat/**/*.jsonl", recursive=True) for line in open(path)]
seen["lines, by Python"] = (len(rows), round(sum(row["penalty"] for row in rows), 6), sum(row["footprint_bytes"] for row in rows), len({row["run_id"] for row in rows}))
table = [row for path in glob.glob("csv/**/*.csv", recursive=True) for row in csv.DictReader(open(path))]
seen["CSV, by Python"] = (len(table), round(sum(float(row["penalty"]) for row in table), 6), sum(int(row["footprint_bytes"]) for row in table), len({row["run_id"] for row in table}))
for name, source in [
    ("CSV, by DuckDB", "read_csv('csv/**/*.csv', hive_partitioning = true)"),
    ("lines, by DuckDB", "read_json('flat/**/*.jsonl', format = 'newline_delimited', hive_partitioning = true)"),
    ("Parquet, by DuckDB", "read_parquet('parquet/**/*.parquet', hive_partitioning = true)"),
]:
    seen[name] = tuple(database.execute(f"SELECT {SUM} FROM {source}").fetchone())
frame = polars.scan_parquet("parquet/**/*.parquet", hive_partitioning=True).collect()
seen["Parquet, by Polars"] = (frame.height, round(frame["penalty"].sum(), 6), frame["footprint_bytes"].sum(), frame["run_id"].n_unique())
whole = pyarrow.dataset.dataset("parquet", format="parquet", partitioning="hive").to_table()
numbers = whole.to_pydict()
seen["Parquet, by pyarrow"] = (whole.num_rows, round(sum(numbers["penalty"]), 6), sum(numbers["footprint_bytes"]), len(set(numbers["run_id"])))
print(f"{'':22} {'rows':>8} {'sum of penalties':>20} {'sum of bytes':>18} {'runs':>6}")
for name, (count, penalty, size, runs) in seen.items():
    print(f"{name:22} {count:8} {penalty:20.6f} {size:18.0f} {runs:6}")
first = next(iter(seen.values()))
equal = lambda one: one[0] == first[0] and abs(one[1] - first[1]) <= 1e-6 * abs(first[1]) and int(one[2]) == first[2] and one[3] == first[3]
if not all(map(equal, seen.values())):
    sys.exit("not all consumers see the same")
partitions = sorted(set(os.path.relpath(os.path.dirname(path)) for path in glob.glob("parquet/**/*.parquet", recursive=True)))
print(f"all the same; {len(partitions)} partitions, the first {partitions[0]}")
