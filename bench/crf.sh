#!/usr/bin/env bash
# Times this project's CRF and pytorch-crf in turns in one run and prints the ratios of their medians.
#
#   PYTHON=path/to/python bench/crf.sh [ROUNDS]
#
# PYTHON needs torch 2.11.0 and pytorch-crf 0.7.2. THREADS (default 2) holds for both.
# Medians say what a user waits; fastest runs are what another program's load disturbs least.
# Exits with 1 where the two do not compute the same loss and paths, or where a ratio is under its goal.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
threads=${THREADS:-2}
rounds=${1:-5}

if ! "$python" -c 'import torchcrf' 2>/dev/null; then
    echo "bench/crf.sh: $python has no pytorch-crf; set PYTHON to one that has (pip install torch==2.11.0 pytorch-crf==0.7.2)" >&2
    exit 2
fi
cargo build --release --quiet -p medner-core --example crf_time
lines=$(mktemp)
trap 'rm -f "$lines"' EXIT
for round in $(seq "$rounds"); do
    peer=$("$python" bench/peers/crf_pytorch.py "$threads")
    ours=$(cargo run --release --quiet -p medner-core --example crf_time -- "$threads")
    echo "round $round  pytorch-crf $peer"
    echo "round $round  medner      $ours"
    echo "[$peer, $ours]" >>"$lines"
done
echo "load $(cut -d' ' -f1-3 /proc/loadavg)  cpu $(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2)"
"$python" - "$lines" <<'PYTHON'
import json, statistics, sys

rounds = [json.loads(line) for line in open(sys.argv[1])]
failed = False
for peer, ours in rounds:
    # The peer adds up in single precision.
    if abs(peer["loss"] - ours["loss"]) > 1e-5 * abs(ours["loss"]) or peer["tag_sum"] != ours["tag_sum"]:
        failed = True
        print("different results:", peer, ours)
for key, goal in (("nll_gradient", 20), ("viterbi", 50)):
    for kind, suffix in (("median", "_us"), ("fastest", "_fastest_us")):
        pick = statistics.median if kind == "median" else min
        peer = pick(p[key + suffix] for p, _ in rounds)
        ours = pick(o[key + suffix] for _, o in rounds)
        failed |= peer / ours < goal
        print(f"{key:12} {kind:7}  pytorch-crf {peer:9.1f} us  medner {ours:7.1f} us  ratio {peer / ours:6.1f}  (goal {goal})")
sys.exit(1 if failed else 0)
PYTHON
