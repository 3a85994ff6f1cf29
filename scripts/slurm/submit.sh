#!/usr/bin/env bash
# A suite as an array job, one task at a time on a node of its own, then merge and compare; ends with the verdict's exit code
# (10 for a regression, 21 if shards are missing, see docs/in-ci.md).
#
# usage: scripts/slurm/submit.sh OUT [BASELINE]      OUT must be seen by all nodes; BASELINE is a bundle, or OUT of another time
#
# Settings by environment: STRIDEWISE (the binary), SUITE (quick), SHARDS (shards.txt beside this script), BUDGET per shard (60s),
# THRESHOLD (10%), SBATCH_OPTIONS (such as "--partition bench --constraint zen4").
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
OUT=$(realpath -m "$1")
BASELINE=$(realpath -m "${2:-$OUT/none}")
[ -d "$BASELINE" ] && [ -e "$BASELINE/run.jsonl" ] && BASELINE=$BASELINE/run.jsonl
STRIDEWISE=$(realpath "${STRIDEWISE:-$here/../../target/release/stridewise}")
SHARDS=$(realpath "${SHARDS:-$here/shards.txt}")
SUITE=${SUITE:-quick} THRESHOLD=${THRESHOLD:-10%}
EXPECT=$(grep -c . "$SHARDS")
export OUT BASELINE STRIDEWISE SHARDS SUITE THRESHOLD EXPECT
mkdir -p "$OUT"
read -ra options <<<"${SBATCH_OPTIONS:-}"
# %1: tasks that shared a node, or a third cache, would measure each other.
array=$(sbatch --parsable --export=ALL --array="0-$((EXPECT - 1))%1" --output="$OUT/task-%a.log" "${options[@]}" "$here/shard.sbatch")
# afterany, not afterok: a task that failed must not keep the others' results from being judged.
code=0
sbatch --wait --export=ALL --dependency="afterany:${array%%;*}" --output="$OUT/compare.log" "${options[@]}" "$here/compare.sbatch" || code=$?
cat "$OUT/compare.log"
exit "$code"
