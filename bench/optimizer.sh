#!/usr/bin/env bash
# Times this project's Adam and PyTorch's in turns in one run and prints the ratios of their medians.
#
#   PYTHON=path/to/python bench/optimizer.sh [ROUNDS]
#
# PYTHON needs torch 2.11.0. THREADS (default 2) holds for both.
# Exits with 1 where the two do not come to the same parameters, or where a ratio is under its goal.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
threads=${THREADS:-2}
rounds=${1:-5}

if ! "$python" -c 'import torch' 2>/dev/null; then
    echo "bench/optimizer.sh: $python has no torch; set PYTHON to one that has (pip install torch==2.11.0)" >&2
    exit 2
fi
cargo build --release --quiet -p medner-core --example optimizer_time
lines=$(mktemp)
trap 'rm -f "$lines"' EXIT
for round in $(seq "$rounds"); do
    peer=$("$python" bench/peers/optimizer_pytorch.py "$threads")
    ours=$(cargo run --release --quiet -p medner-core --example optimizer_time -- "$threads")
    echo "round $round  PyTorch $peer"
    echo "round $round  medner  $ours"
    echo "[$peer, $ours]" >>"$lines"
done
echo "load $(cut -d' ' -f1-3 /proc/loadavg)  cpu $(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2)"
"$python" - "$lines" <<'PYTHON'
import json, statistics, sys

rounds = [json.loads(line) for line in open(sys.argv[1])]
failed = False
for peer, ours in rounds:
    if peer["values"] != ours["values"] or abs(peer["sum"] - ours["sum"]) > 1e-6 * peer["sum"]:
        failed = True
        print("different results:", peer, ours)
# The goal holds against PyTorch's default; the others are shown.
for theirs, mine, goal in (
    ("default_us", "adam_us", 2), ("plain_us", "adam_us", 2), ("foreach_us", "adam_us", 2),
    ("fused_us", "adam_us", None), ("whole_us", "whole_us", None),
):
    peer = statistics.median(p[theirs] for p, _ in rounds)
    own = statistics.median(o[mine] for _, o in rounds)
    lowest = min(p[theirs] / o[mine] for p, o in rounds)
    failed |= goal is not None and peer / own < goal
    aim = f"goal {goal}, " if goal else ""
    print(f"{theirs[:-3]:8} PyTorch {peer:8.1f}  medner {own:8.1f}  ratio {peer / own:5.2f}  ({aim}lowest round {lowest:.2f})")
sys.exit(1 if failed else 0)
PYTHON
