#!/usr/bin/env python3
"""Kills runs at random moments, at every write and by signals, fills their disk and removes their folder; what was finished
must be there, and a resumption whole.

usage: scripts/kill-test.py [KILLS] [SEED]      (200 kills during a run and a seed from the clock unless said)

After every kill: each line of the journal that ends is whole, the finished cases are the first of an undisturbed run's,
`run --resume` ends with 0, and the bundle then has the ids of the undisturbed run, in its order, none twice. Kills before
the header or after the end of a bundle are counted apart and do not count as kills of a run. At every write: strace kills
the run as it enters its first, second, … write to the bundle; that it did is seen by the lines that are there. Without
strace (apt-get install strace), or without root for the full disk, that part is left out and said so. At the end the
machine's settings must be those of the beginning.
"""

import collections
import glob
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
RESUMED = ["--quiet", "--no-charts"]
SETTINGS = [
    "/sys/kernel/mm/transparent_hugepage/enabled",
    "/sys/kernel/mm/transparent_hugepage/defrag",
    "/proc/sys/vm/nr_hugepages",
    "/proc/sys/kernel/perf_event_paranoid",
    "/proc/sys/kernel/nmi_watchdog",
    "/proc/sys/kernel/randomize_va_space",
    "/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor",
    "/sys/devices/system/cpu/cpu*/online",
]


def program():
    subprocess.run(["cargo", "build", "--release", "--locked", "--quiet"], cwd=ROOT, check=True)
    return os.path.join(os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target")), "release", "stridewise")


def settings():
    """What a run might have changed and not put back: the machine's switches, and where this shell may run."""
    found = {"affinity": sorted(os.sched_getaffinity(0)), "the shell's affinity": sorted(os.sched_getaffinity(os.getppid()))}
    for pattern in SETTINGS:
        for path in glob.glob(pattern):
            with open(path, encoding="ascii") as file:
                found[path] = file.read().strip()
    return found


def lines(out):
    """The whole lines of a journal, each of which must be JSON, and how many bytes are no line yet."""
    path = out if out.endswith(".jsonl") else os.path.join(out, "bundle.jsonl")
    if not os.path.exists(path):
        return [], 0
    with open(path, "rb") as file:
        data = file.read()
    whole, _, rest = data.rpartition(b"\n")
    return [json.loads(line) for line in whole.split(b"\n") if line], len(rest)


def ids(records):
    found = [one.get("id") or (one.get("case") or {}).get("id") for one in records if one["kind"] not in ("bundle", "end")]
    return [one for one in found if one]


def when(records):
    """Where in a run a kill fell, by what is there."""
    if not records:
        return "before the header"
    return "after the end" if records[-1]["kind"] == "end" else "during"


class Tests:
    def __init__(self):
        self.folder = tempfile.mkdtemp()
        # A copy: a resumption by another build would be refused.
        self.binary = shutil.copy(program(), self.folder)
        begun = time.time()
        self.run("run", *SELECTION, "--out", self.path("whole"))
        self.lasts = time.time() - begun
        self.wanted = ids(lines(self.path("whole"))[0])
        assert len(self.wanted) > 4, self.wanted
        self.kept = 0
        self.half = 0

    def path(self, name):
        return os.path.join(self.folder, name)

    def run(self, *arguments, code=0, what=""):
        done = subprocess.run([self.binary, *arguments], capture_output=True, text=True)
        assert done.returncode == code, f"{what}: {arguments} ended with {done.returncode}: {done.stderr}"
        return done

    def check(self, out, what):
        """The journal as it was left, then as a resumption makes it. Where the kill fell."""
        left, half = lines(out)
        finished = ids(left)
        assert finished == self.wanted[: len(finished)], f"{what}: finished {finished}"
        fell = when(left)
        if fell == "before the header":
            self.run("run", *SELECTION, "--out", out, what=what)
        elif fell == "during":
            self.kept += len(finished)
            self.half += half > 0
            self.run("run", "--resume", out, *RESUMED, what=what)
        now, half = lines(out)
        assert half == 0 and ids(now) == self.wanted, f"{what}: resumed to {ids(now)}"
        if fell == "during":
            assert now[: len(left)] == left, f"{what}: a finished line has changed"
        self.run("validate", out, what=what)
        shutil.rmtree(out)
        return fell

    def signalled(self, number, after, what):
        out = self.path("killed")
        child = subprocess.Popen(
            [self.binary, "run", *SELECTION, "--out", out], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(after)
        child.send_signal(number)
        code = child.wait()
        if number != signal.SIGKILL:
            # A signal before the handler is there ends the process as it would any other.
            assert code in (0, 130, -number), f"{what}: ended with {code}"
        return self.check(out, what)

    def until(self, number, wanted):
        """Signals at random moments until so many fell during a run; how many fell where."""
        fell = collections.Counter()
        while fell["during"] < wanted:
            name = f"{number.name} {sum(fell.values())}"
            fell[self.signalled(number, random.uniform(0.0, self.lasts), name)] += 1
        return fell

    def at_writes(self):
        """Killed as it enters its n-th write to the bundle, until it comes to its end."""
        for nth in range(1, 1000):
            out = self.path("written")
            bundle = os.path.join(out, "bundle.jsonl")
            # The path filter holds before the injection counts: only writes to the bundle are counted, all by one thread.
            trace = ["strace", "-f", "-qq", "-o", "/dev/null", "-P", bundle, "-e", "trace=write"]
            inject = ["-e", f"inject=write:signal=SIGKILL:when={nth}"]
            code = subprocess.run(
                [*trace, *inject, self.binary, "run", *SELECTION, "--out", out],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            ).returncode
            written, half = lines(out)
            if code == 0:
                assert len(written) == nth - 1 and written[-1]["kind"] == "end", f"{nth - 1} writes, {len(written)} lines"
                shutil.rmtree(out)
                return nth - 1
            assert (len(written), half) == (nth - 1, 0), f"killed at write {nth}, and {len(written)} lines are there"
            self.check(out, f"write {nth}")
        raise AssertionError("a run never ends")

    def at_bytes(self, times):
        """Half a line, as a power cut leaves it: an undisturbed journal cut after random bytes."""
        with open(os.path.join(self.path("whole"), "bundle.jsonl"), "rb") as file:
            data = file.read()
        last = data[:-1].rindex(b"\n") + 1
        for _ in range(times):
            out = self.path("cut")
            os.makedirs(out)
            at = random.randrange(last)
            with open(os.path.join(out, "bundle.jsonl"), "wb") as file:
                file.write(data[:at])
            self.check(out, f"cut after {at} bytes")
        return times

    def full_disks(self):
        """A run on disks of growing sizes until one is large enough; resumed where there is room."""
        full = 0
        for kib in range(4, 4096, 8):
            at, saved, ended = self.path("disk"), self.path("saved.jsonl"), self.path("ended")
            os.makedirs(at, exist_ok=True)
            run = " ".join([self.binary, "run", *(f"'{word}'" for word in SELECTION), "--out", f"{at}/out"])
            resume = f"{self.binary} run --resume {at}/out {' '.join(RESUMED)}"
            script = f"""
                mount -t tmpfs -o size={kib}k none {at} || exit 99
                {run} >/dev/null; code=$?
                cp {at}/out/bundle.jsonl {saved} 2>/dev/null || : >{saved}
                if [ $code = 0 ]; then exit 0; fi
                mount -o remount,size=64m {at}
                # The bundle may have its end where there is no more room for the summary.
                if tail -n 1 {saved} | grep -q '"kind":"end"'
                then :
                elif [ "$(wc -l <{saved})" -gt 0 ]
                then {resume} >/dev/null || exit 98
                else {run} >/dev/null || exit 97
                fi
                cp {at}/out/bundle.jsonl {ended}.jsonl
                exit $code"""
            done = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True)
            if done.returncode == 99 or "unshare" in done.stderr:
                return None
            finished = ids(lines(saved)[0])
            assert finished == self.wanted[: len(finished)], f"disk of {kib} KiB: {finished}"
            if done.returncode == 0:
                assert finished == self.wanted
                return full
            assert done.returncode == 1, f"disk of {kib} KiB: {done.returncode} {done.stderr}"
            told = [line for line in done.stderr.splitlines() if line.startswith("stridewise:")]
            assert len(told) == 1 and "No space left on device" in told[0], f"disk of {kib} KiB: {done.stderr}"
            assert ids(lines(f"{ended}.jsonl")[0]) == self.wanted, f"disk of {kib} KiB: resumed"
            full += 1
        raise AssertionError("no disk is large enough")

    def folders_removed(self, times):
        """The folder goes away while its run goes on: it is put back with all that was finished."""
        number = 0
        while number < times:
            out = self.path("removed")
            child = subprocess.Popen([self.binary, "run", *SELECTION, "--out", out], stdout=subprocess.DEVNULL)
            while not lines(out)[0]:
                time.sleep(0.005)
            time.sleep(random.uniform(0.0, self.lasts / 2))
            # On a machine that was busier when the undisturbed run was timed, this one may be over already.
            going = child.poll() is None
            shutil.rmtree(out, ignore_errors=True)
            assert child.wait() == 0, f"folder removed {number}"
            if going:
                assert ids(lines(out)[0]) == self.wanted, f"folder removed {number}"
                self.run("validate", out)
                shutil.rmtree(out)
                number += 1
        return times


def main():
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns() % 1_000_000
    random.seed(seed)
    before = settings()
    tests = Tests()
    print(f"seed {seed}; an undisturbed run takes {tests.lasts:.1f} s and has {len(tests.wanted)} items", flush=True)
    fell = tests.until(signal.SIGKILL, kills)
    print(f"SIGKILL: {sum(fell.values())} survived of {sum(fell.values())} tried: {told(fell)}", flush=True)
    print(f"  finished items kept by those during a run: {tests.kept}; half lines that were dropped: {tests.half}")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        fell = tests.until(number, 5)
        print(f"{number.name}: {sum(fell.values())} survived of {sum(fell.values())} tried: {told(fell)}", flush=True)
    if shutil.which("strace"):
        print(f"killed at every write to the bundle: {tests.at_writes()} of them", flush=True)
    else:
        print("killed at every write to the bundle: left out, strace is missing")
    print(f"cut after a random byte: {tests.at_bytes(20)}", flush=True)
    full = tests.full_disks() if os.geteuid() == 0 and shutil.which("unshare") else None
    print("full disk: left out, it takes root and unshare" if full is None else f"full disk: {full} sizes that were too small")
    print(f"folder removed during a run: {tests.folders_removed(5)}", flush=True)
    after = settings()
    assert before == after, f"settings: before {before}, after {after}"
    print(f"settings of the machine as before: {len(after)} of them")
    shutil.rmtree(tests.folder)


def told(fell):
    return ", ".join(f"{fell[name]} {name}" for name in ("before the header", "during", "after the end"))


if __name__ == "__main__":
    main()
