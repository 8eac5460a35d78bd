#!/usr/bin/env bash
# Times this project's IndRNN and loops over the steps in PyTorch in turns in one run and prints the ratios of their medians.
#
#   PYTHON=path/to/python bench/indrnn.sh [ROUNDS]
#
# PYTHON needs torch 2.11.0. THREADS (default 2) holds for both.
# Medians say what a user waits; fastest runs and, with one thread, processor time are what another program's load disturbs
# least (two threads that wait for each other use processor time too).
# Exits with 1 where the two do not compute the same, or where the ratio to the loop of cells is under its goal.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
threads=${THREADS:-2}
rounds=${1:-5}

if ! "$python" -c 'import torch' 2>/dev/null; then
    echo "bench/indrnn.sh: $python has no torch; set PYTHON to one that has (pip install torch==2.11.0)" >&2
    exit 2
fi
cargo build --release --quiet -p medner-core --example indrnn_time
lines=$(mktemp)
trap 'rm -f "$lines"' EXIT
for round in $(seq "$rounds"); do
    peer=$("$python" bench/peers/indrnn.py "$threads")
    ours=$(cargo run --release --quiet -p medner-core --example indrnn_time -- "$threads")
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
    expected = {"layer": peer["layer"], "operations": peer["layer"], "rnn_relu": peer["layer"], "stack": peer["stack"]}
    for name, theirs in expected.items():
        if abs(ours[name]["sum"] - theirs["sum"]) > 1e-4 * abs(theirs["sum"]):
            failed = True
            print("different results:", name, ours[name]["sum"], theirs["sum"])
pairs = [
    # what, theirs (or ours, where it is another way to do the same), ours, goal
    ("PyTorch, cell by cell", (0, "cell"), "layer", 3),
    ("PyTorch, loop after one product", (0, "layer"), "layer", None),
    ("ours by tensor operations", (1, "operations"), "layer", None),
    ("libtorch's rnn_relu, diagonal", (1, "rnn_relu"), "layer", None),
    ("PyTorch, stack with batch norm", (0, "stack"), "stack", None),
]
for what, (side, theirs), mine, goal in pairs:
    for kind, pick in (("median", statistics.median), ("fastest", min), ("processor", statistics.median)):
        other = pick(r[side][theirs][kind + "_us"] for r in rounds)
        ours = pick(r[1][mine][kind + "_us"] for r in rounds)
        judged = goal is not None and kind == "median"
        failed |= judged and other / ours < goal
        note = f"  (goal {goal})" if judged else ""
        print(f"{what:32} {kind:9} {other:9.1f} us  medner {mine:5} {ours:8.1f} us  ratio {other / ours:5.1f}{note}")
sys.exit(1 if failed else 0)
PYTHON
