"""ReFrame checks that run stridewise: one per case family of the quick suite, with the penalties as performance variables.

reframe -C scripts/reframe/settings.py -c scripts/reframe/stridewise_check.py -r -S binary=target/release/stridewise
"""
import json
import os

import reframe as rfm
import reframe.utility.sanity as sn
from reframe.core.builtins import deferrable, parameter, performance_function, run_before, sanity_function, variable

SHARDS = {
    "squares": r"^(null|floor)/.*/0,1$|^order/sum/f8/(64x64|512x512|1024x1024)/C/1,0$",
    "kernels": r"^null/sum/f8/(512x512|4096x4096)|^order/(fill|copy)/",
}


@rfm.simple_test
class StridewiseCheck(rfm.RunOnlyRegressionTest):
    """One shard of the quick suite; its bundle stays in the stage folder and is copied to the output."""

    shard = parameter(sorted(SHARDS))
    binary = variable(str, value="stridewise")
    descr = "what a loop order costs on this CPU"
    valid_systems = ["*"]
    valid_prog_environs = ["*"]
    time_limit = "10m"
    exclusive_access = True
    keep_files = ["run/bundle.jsonl"]

    @run_before("run")
    def command(self):
        self.executable = os.path.abspath(self.binary) if os.path.sep in self.binary else self.binary
        # The measuring thread pins itself inside the mask that the scheduler gives.
        self.executable_opts = [
            "run", "--suite", "quick", "--filter", f"'{SHARDS[self.shard]}'", "--out", "run", "--quiet", "--no-charts",
            "--format", "json", ">", "result.json",
        ]

    @sanity_function
    def finished(self):
        end = os.path.join(self.stagedir, "run", "bundle.jsonl")
        return sn.assert_found(r'"kind":"end"', end)

    @deferrable
    def penalty(self, array):
        with open(os.path.join(self.stagedir, "result.json")) as file:
            rows = json.load(file)["rows"]
        return next(row["penalty"] for row in rows if array in row["id"])

    @run_before("performance")
    def figures(self):
        with open(os.path.join(self.stagedir, "result.json")) as file:
            ids = [row["id"] for row in json.load(file)["rows"]]
        make = lambda name: sn.make_performance_function(self.penalty(name), "x")
        self.perf_variables = {name.replace("/", "_"): make(name) for name in ids if not name.startswith("null/")}
