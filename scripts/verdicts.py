#!/usr/bin/env python3
"""How often verdicts are right: runs of examples/verdicts.rs, judged by stridewise and by the rules of other tools.

usage: scripts/verdicts.py measure FOLDER RUNS [FIRST]     runs into FOLDER, numbered from FIRST (1)
       scripts/verdicts.py judge FOLDER…                   every ordered pair of the runs of each FOLDER
       scripts/verdicts.py                                 both: 20 quiet runs, 20 beside a neighbour that streams

SECONDS_PER_PAIR is 0.04 per placement unless set; ORDER=case measures case by case instead of a placement of each in turn,
ORDER=within only what one run says of two variants in it.

Judging needs numpy and scipy. A change is more work of the contender, parts of its walk done once more, in another file of the
same run; a run's files are never compared with each other.

What the other tools' rules were taken from (they see the contender's samples, as they would see a benchmark's):
  Criterion --baseline   p < 0.05 of a bootstrapped t test, and the 95 % interval of the relative change of the mean
                         outside of +-1 % (criterion.rs, src/analysis/compare.rs and the default noise threshold)
  benchstat              Mann-Whitney U, alpha 0.05 (golang.org/x/perf/cmd/benchstat, its documentation)
  critcmp                means that differ by more than its threshold, here 5 % (critcmp --help, --threshold)
"""
import itertools
import json
import os
import random
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RELEASE = os.path.join(os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target")), "release")
STRIDEWISE = os.path.join(RELEASE, "stridewise")
ORDER = os.environ.get("ORDER", "sweep")
ALARM = ("slower", "faster")


def measure(folder, runs, first=1):
    for number in range(first, first + runs):
        example = os.path.join(RELEASE, "examples", "verdicts")
        subprocess.run([example, folder, f"{number:02}", os.environ.get("SECONDS_PER_PAIR", "0.04"), str(number), "12", ORDER], check=True)


def compared(now, base):
    """Verdict and change per case, as stridewise tells them."""
    command = [STRIDEWISE, "compare", *now, "--format", "json", "--baseline", *base]
    done = subprocess.run(command, capture_output=True, check=True)
    cases = json.loads(done.stdout)["cases"]
    return {case["id"]: (case["verdict"], case["change"]) for case in cases if case.get("kind", "pair") == "pair"}


def samples(path):
    """Nanoseconds per pass of every contender, and the round's ratio to its baseline."""
    found = {}
    for line in open(path):
        record = json.loads(line)
        if record["kind"] == "pair" and not record.get("null"):
            found[record["id"]] = [ns / block["passes"] for block in record["blocks"] for ns in block["contender_ns"]]
    return found


def criterion(a, b, rng):
    import numpy as np

    a, b = np.asarray(a), np.asarray(b)
    resamples = 2000

    def t(x, y):
        return (x.mean(-1) - y.mean(-1)) / np.sqrt(x.var(-1, ddof=1) / x.shape[-1] + y.var(-1, ddof=1) / y.shape[-1])

    both = np.concatenate([a, b])
    mixed = both[rng.integers(0, len(both), (resamples, len(both)))]
    spread = t(mixed[:, : len(a)], mixed[:, len(a) :])
    observed = t(a, b)
    hits = (spread < observed).sum()
    p = 2 * min(hits, resamples - hits) / resamples
    means = a[rng.integers(0, len(a), (resamples, len(a)))].mean(1)
    others = b[rng.integers(0, len(b), (resamples, len(b)))].mean(1)
    low, high = np.quantile(means / others - 1, [0.025, 0.975])
    if p >= 0.05 or (low <= 0.01 and high >= -0.01):
        return "unchanged"
    return "slower" if low > 0.01 else "faster" if high < -0.01 else "unchanged"


def benchstat(a, b, _):
    from scipy.stats import mannwhitneyu

    p = mannwhitneyu(a, b, alternative="two-sided").pvalue
    if p >= 0.05:
        return "unchanged"
    return "slower" if sorted(a)[len(a) // 2] > sorted(b)[len(b) // 2] else "faster"


def critcmp(a, b, _):
    ratio = (sum(a) / len(a)) / (sum(b) / len(b))
    return "slower" if ratio > 1.05 else "faster" if ratio < 1 / 1.05 else "unchanged"


PEERS = {"Criterion --baseline": criterion, "benchstat": benchstat, "critcmp -t 5": critcmp}


def row(name, same, changed):
    """Shares of alarms where nothing changed, of changes found, of changes called unchanged."""

    def share(part, whole):
        return f"{100 * part / max(1, len(whole)):5.1f} %"

    alarms = sum(one in ALARM for one in same)
    undecided = sum(one == "inconclusive" for one in same)
    found = sum(one == "slower" for one in changed)
    wrong = sum(one in ("unchanged", "same", "faster") for one in changed)
    print(f"  {name:34} {len(same):6} {share(alarms, same)} {share(undecided, same)}   {len(changed):6} {share(found, changed)} {share(wrong, changed)}")


def judge(folder):
    import numpy as np

    names = sorted(name.replace(".json", ".jsonl") for name in os.listdir(os.path.join(folder, "same")))
    at = lambda variant, name: os.path.join(folder, variant, name)
    print(f"{folder}: {len(names)} runs")
    print(f"  {'':34} {'A/A':>6} {'alarms':>7} {'told not':>7}   {'changed':>6} {'found':>7} {'denied':>7}")
    told = [one for name in names for one in json.load(open(at("same", name.removesuffix(".jsonl") + ".json")))]
    lower = lambda key: [one[key].lower() for one in told]
    row("one run, two variants, 5 %", lower("same_verdict"), lower("five_verdict"))
    if not os.path.isdir(os.path.join(folder, "base")):
        return

    pairs = list(itertools.permutations(names, 2))
    verdicts = {"base": [], "plus10": [], "plus20": []}
    changes = {"base": [], "plus10": [], "plus20": []}
    for a, b in pairs:
        for variant in verdicts:
            for case, (verdict, change) in compared([at(variant, a)], [at("base", b)]).items():
                verdicts[variant].append(verdict)
                changes[variant].append((case, change))
    row("one run each, 20 %", verdicts["base"], verdicts["plus20"])
    row("one run each, 10 %", verdicts["base"], verdicts["plus10"])

    shuffler, groups = random.Random(1), []
    for _ in range(10):
        shuffled = names[:]
        shuffler.shuffle(shuffled)
        fours = [shuffled[n : n + 4] for n in range(0, len(names) - 3, 4)]
        groups += itertools.permutations(fours, 2)
    four = {"base": [], "plus10": []}
    for now, base in groups:
        for variant in four:
            cases = compared([at(variant, name) for name in now], [at("base", name) for name in base])
            four[variant] += [verdict for verdict, _ in cases.values()]
    row("four runs each, 10 %", four["base"], four["plus10"])

    found = {variant: {name: samples(at(variant, name)) for name in names} for variant in ("base", "plus20")}
    rng = np.random.default_rng(1)
    for title, rule in PEERS.items():
        said = {
            variant: [rule(found[variant][a][case], found["base"][b][case], rng) for a, b in pairs for case in found["base"][a]]
            for variant in found
        }
        row(f"{title}, 20 %", said["base"], said["plus20"])

    print("  change of the ratio from run to run, per case: s.d. where nothing changed; medians of what was built in")
    for case in sorted({case for case, _ in changes["base"]}):
        of = lambda variant: np.log([change for one, change in changes[variant] if one == case])
        ten, twenty = (100 * np.expm1(np.median(of(variant))) for variant in ("plus10", "plus20"))
        print(f"    {case:40} {100 * of('base').std() / np.sqrt(2):5.1f} %   {ten:+.1f} %  {twenty:+.1f} %")


def neighbour():
    example = os.path.join(RELEASE, "examples", "bandwidth")
    return subprocess.Popen(
        ["taskset", "-c", "0", example, "copy", "stream", "f8", "268435456", "ms=100", "samples=100000000"],
        stdout=subprocess.DEVNULL,
    )


def main():
    what = sys.argv[1:] or ["all"]
    if what[0] != "judge":
        subprocess.run(["cargo", "build", "--release", "--quiet", "--bins", "--example", "verdicts", "--example", "bandwidth"], cwd=ROOT, check=True)
    if what[0] == "measure":
        measure(what[1], int(what[2]), *map(int, what[3:4]))
    elif what[0] == "judge":
        for folder in what[1:]:
            judge(folder)
    elif what[0] == "all":
        folders = [os.path.join(ROOT, "target", "verdicts", name) for name in ("quiet", "noisy")]
        measure(folders[0], 20)
        beside = neighbour()
        try:
            measure(folders[1], 20)
        finally:
            beside.terminate()
        for folder in folders:
            judge(folder)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
