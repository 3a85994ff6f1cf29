#!/usr/bin/env python3
"""Runs the commands of the README and of docs/ and writes their output anew.

A block to refresh is a ```console block behind a comment that names the command:

    <!-- output: stridewise layout --shape 4096,4096 --loop 1,0 -->
    ```console
    $ stridewise layout --shape 4096,4096 --loop 1,0
    …
    ```

`<!-- output head=12: … -->` keeps the first lines only. DIR in a command is the bundle that the pages are about (the first
argument, by default the newest folder of results/reference); what a command writes goes to a temporary folder.

usage: scripts/refresh-docs.py [--check] [DIR] [FILE…]
  --check  runs every command of the pages, also those without output, and fails where one does not end as its page says;
           writes nothing. Measuring commands get a few seconds each.
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"<!-- output(?: head=(\d+))?(?: exit=(\d+))?: (.*?) -->\n```console\n(?:.*?\n)??```", re.S)
CODE = re.compile(r"```console\n(.*?)\n```", re.S)


def program():
    """Where the program is: STRIDEWISE_BIN, or a release build made now."""
    if "STRIDEWISE_BIN" in os.environ:
        return Path(os.environ["STRIDEWISE_BIN"])
    subprocess.run(["cargo", "build", "--release", "--locked", "--quiet"], cwd=ROOT, check=True)
    return Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"


def run(command, reference, folder, binaries):
    """The output and exit code of a command line, in a folder of its own beside links to what the pages name."""
    environment = {**os.environ, "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "100", "NO_COLOR": "1"}
    command = re.sub(r"\bDIR\b", shlex.quote(str(reference)), command)
    done = subprocess.run(["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True)
    text = done.stdout + done.stderr
    return text.replace(str(reference), "DIR").rstrip("\n"), done.returncode


def refresh(page, reference, folder, binaries):
    def block(found):
        head, code, command = found.groups()
        text, ended = run(command, reference, folder, binaries)
        if ended != int(code or 0):
            sys.exit(f"{page}: {command!r} ended with {ended}:\n{text}")
        lines = text.split("\n")
        if head and len(lines) > int(head):
            lines = lines[: int(head)] + ["…"]
        mark = f" head={head}" * bool(head) + f" exit={code}" * bool(code)
        body = "\n".join(line.rstrip() for line in lines)
        return f"<!-- output{mark}: {command} -->\n```console\n$ {command}\n{body}\n```"

    text = page.read_text()
    page.write_text(BLOCK.sub(block, text))


def commands(page):
    """Every command of a page with the exit code it promises: those with output, and lines that begin with `stridewise`."""
    text = page.read_text()
    for found in BLOCK.finditer(text):
        yield found.group(3), int(found.group(2) or 0)
    for code in CODE.findall(BLOCK.sub("", text)):
        for line in code.split("\n"):
            line = line.split(" #")[0].strip()
            if line.startswith("stridewise "):
                yield line, 0


def shortened(command):
    """Measuring for as long as a check may take; `None` for what needs files that only a reader has."""
    if re.search(r"\b(NOW|BASE|SHARD|OTHER-DIR|SHELL|BUNDLE|FILE)\b|…|\.npy|\$", command):
        return None
    if command.startswith("stridewise advise") and "--bundle" not in command:
        # It asks for a bundle of the machine that it runs on.
        return None
    if command.startswith("stridewise run"):
        few = "" if re.search(r"--(filter|shape|resume|family)", command) else " --filter 'sum/f8/(64x64|256x256)/C/1,0$'"
        return None if "--resume" in command else f"{command}{few} --budget 3s --quiet --no-charts --out run-$RANDOM$RANDOM"
    # A minute of chases: here only whether the flags are known.
    return f"{command} --help" if command.startswith("stridewise host --measure") else command


def main():
    arguments = sys.argv[1:]
    check = "--check" in arguments
    arguments = [one for one in arguments if one != "--check"]
    references = sorted((ROOT / "results/reference").iterdir(), key=lambda one: one.name)
    reference = Path(arguments[0]).resolve() if arguments else references[-1]
    pages = [Path(one) for one in arguments[1:]] or [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    binaries, tried, failed = program(), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for page in pages:
            if not check:
                refresh(page, reference, folder, binaries)
                print(f"{page.name}: written")
                continue
            for command, promised in commands(page):
                short = shortened(command)
                if short is None:
                    continue
                text, ended = run(short, reference, folder, binaries)
                tried += 1
                if ended != promised:
                    failed += 1
                    print(f"{page.name}: {short!r} ended with {ended}, not {promised}:\n{text}", file=sys.stderr)
    if check:
        print(f"{tried} commands of {len(pages)} pages tried, {failed} failed")
        sys.exit(1 if failed or not tried else 0)


if __name__ == "__main__":
    main()
