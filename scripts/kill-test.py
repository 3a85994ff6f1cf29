#!/usr/bin/env python3
"""Kills runs at random moments, at every write and by signals; what was finished must be there and a resumption whole.

usage: scripts/kill-test.py [KILLS]      (200 unless said; some five minutes)

Every time: each line of the journal that ends is whole, `run --resume` ends with 0, and the bundle then has the ids of an
undisturbed run, in its order, none twice. At every write: strace kills the run at its first, second, … write to a file;
where strace is missing (apt-get install strace) this part is left out and said so.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SELECTION = ["--suite", "quick", "--filter", "/(64x64|128x128|32x256|64x512)/C", "--budget", "1s", "--quiet", "--no-charts"]


def program():
    subprocess.run(["cargo", "build", "--release", "--locked", "--quiet"], cwd=ROOT, check=True)
    return os.path.join(os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target")), "release", "stridewise")


def lines(out):
    """The whole lines of a journal, and how many bytes are no line yet."""
    path = os.path.join(out, "bundle.jsonl")
    if not os.path.exists(path):
        return [], 0
    data = open(path, "rb").read()
    whole, _, rest = data.rpartition(b"\n")
    return [json.loads(line) for line in whole.split(b"\n") if line], len(rest)


def ids(records):
    found = [one.get("id") or (one.get("case") or {}).get("id") for one in records if one["kind"] not in ("bundle", "end")]
    return [one for one in found if one]


class Tests:
    def __init__(self):
        self.binary = program()
        self.folder = tempfile.mkdtemp()
        begun = time.time()
        subprocess.run([self.binary, "run", *SELECTION, "--out", self.path("whole")], check=True, stdout=subprocess.DEVNULL)
        self.lasts = time.time() - begun
        self.wanted = ids(lines(self.path("whole"))[0])
        assert len(self.wanted) > 4, self.wanted
        self.kept = []

    def path(self, name):
        return os.path.join(self.folder, name)

    def check(self, out, what):
        """The journal as it was left, then as a resumption makes it."""
        left, _ = lines(out)
        finished = ids(left)
        assert finished == self.wanted[: len(finished)], f"{what}: finished {finished}"
        self.kept.append(len(finished))
        if not left:
            # Not even the header: nothing was begun, and a new run takes the folder.
            shutil.rmtree(out, ignore_errors=True)
            command = [self.binary, "run", *SELECTION, "--out", out]
        elif left[-1]["kind"] == "end":
            return
        else:
            command = [self.binary, "run", "--resume", out, "--quiet", "--no-charts"]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, f"{what}: {command} ended with {done.returncode}: {done.stderr}"
        assert ids(lines(out)[0]) == self.wanted, f"{what}: resumed to {ids(lines(out)[0])}"
        valid = subprocess.run([self.binary, "validate", out], capture_output=True, text=True)
        assert valid.returncode == 0, f"{what}: {valid.stdout}{valid.stderr}"
        shutil.rmtree(out)

    def signalled(self, number, after, what):
        out = self.path("killed")
        shutil.rmtree(out, ignore_errors=True)
        child = subprocess.Popen(
            [self.binary, "run", *SELECTION, "--out", out], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(after)
        child.send_signal(number)
        code = child.wait()
        if number != signal.SIGKILL:
            assert code in (0, 130), f"{what}: ended with {code}"
        self.check(out, what)

    def at_writes(self):
        """Killed at its n-th write, until it comes to its end."""
        for nth in range(1, 1000):
            out = self.path("written")
            shutil.rmtree(out, ignore_errors=True)
            inject = f"inject=write:signal=SIGKILL:when={nth}"
            trace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=write", "-e", inject]
            code = subprocess.run(
                [*trace, self.binary, "run", *SELECTION, "--out", out], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            ).returncode
            if code == 0:
                return nth - 1
            self.check(out, f"write {nth}")
        raise AssertionError("a run never ends")


def main():
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    random.seed(1)
    tests = Tests()
    print(f"an undisturbed run takes {tests.lasts:.1f} s and has {len(tests.wanted)} lines")
    for number in range(kills):
        tests.signalled(signal.SIGKILL, random.uniform(0.0, tests.lasts), f"kill {number}")
    print(f"SIGKILL at random moments: {kills} of {kills} survived, {sum(tests.kept)} finished lines kept in all")
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        for number in range(5):
            tests.signalled(getattr(signal, name), random.uniform(0.2, tests.lasts), f"{name} {number}")
        print(f"{name}: 5 of 5")
    if shutil.which("strace"):
        print(f"killed at every write: {tests.at_writes()} of them")
    else:
        print("killed at every write: left out, strace is missing")
    shutil.rmtree(tests.folder)


if __name__ == "__main__":
    main()
