#!/usr/bin/env bash
# Runs every command of docs/what-a-loop-order-costs.md and puts what it prints in place of what stands there.
# Needs a standard run of this machine below results/ (stridewise run --suite standard).
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --quiet --release
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ln -s "$root/results" "$work/results"
COLUMNS=100 NO_COLOR=1 PATH="$root/target/release:$PATH" python3 - "$root/docs/what-a-loop-order-costs.md" "$work" <<'PYTHON'
import pathlib, struct, subprocess, sys

document, work = pathlib.Path(sys.argv[1]), sys.argv[2]
# A matrix in F order, as np.save(file, np.asfortranarray(a)) writes it.
header = "{'descr': '<f8', 'fortran_order': True, 'shape': (1024, 1024), }"
header += " " * (-(len(header) + 11) % 64) + "\n"
head = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()
pathlib.Path(work, "columns.npy").write_bytes(head + struct.pack("<d", 1.0) * (1024 * 1024))

lines, inside = [], False
for line in document.read_text().split("\n"):
    if line.startswith("```"):
        if inside and not lines[-1]:
            lines.pop()
        inside = line == "```console"
    elif inside and not line.startswith("$ "):
        continue
    lines.append(line)
    if inside and line.startswith("$ "):
        ran = subprocess.run(line[2:], shell=True, cwd=work, capture_output=True, text=True)
        if ran.returncode:
            sys.exit(f"{line}\n{ran.stderr}")
        lines += ran.stdout.rstrip().split("\n") + [""]
document.write_text("\n".join(lines))
PYTHON
