#!/usr/bin/env bash
# Fine-tuning and forward rate of XLNet-CRF, ours and transformers + pytorch-crf in turn: sequences a second of the processor,
# peak memory, and the ratios. One thread. Arguments: [STEPS [LAYERS,WIDTH,HEADS]].
set -euo pipefail
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-.venv/bin/python}
STEPS=${1:-6} SIZE=${2:-4,128,4}
export OMP_NUM_THREADS=1
cargo build --release -q -p medner-mtl-ls --example tagging_rate
OUT=$(mktemp)
trap 'rm -f "$OUT"' EXIT
for _ in 1 2 3; do
    for what in tune forward; do
        "$PYTHON" bench/peers/xlnet_crf.py $what "$SIZE" "$STEPS" >>"$OUT"
        target/release/examples/tagging_rate $what "$SIZE" "$STEPS" >>"$OUT"
    done
done
python3 - "$OUT" <<'PY'
import json, statistics, sys
rates, memory = {}, {}
for line in open(sys.argv[1]):
    row = json.loads(line)
    rates.setdefault((row["what"], row["peer"]), []).append(row["sequences_per_second"])
    memory.setdefault((row["what"], row["peer"]), []).append(row["peak_mib"])
median = {key: statistics.median(values) for key, values in rates.items()}
for key in sorted(median):
    print(f"{key[0]:<8} {key[1]:<26} {median[key]:7.0f} sequences/s  {max(memory[key]):6.0f} MiB   {['%.0f' % r for r in rates[key]]}")
peer = "transformers+pytorch-crf"
tune, forward = (median[w, "medner"] / median[w, peer] for w in ("tune", "forward"))
print(f"fine-tuning {tune:.2f} times, forward with decoding {forward:.2f} times as fast")
sys.exit(tune < 1.3 or forward < 1.2)
PY
