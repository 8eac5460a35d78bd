#!/usr/bin/env bash
# Fine-tuning rate of an ALBERT-IDCNN-CRF, ours and transformers + pytorch-crf in turn on the same batches of CCKS-2019, one
# thread each: sentences a second of processor time and the ratios. Goal: 1.3 times the faster of the peer's two attentions.
# Arguments: [STEPS [PASSES]]; medians over the passes are printed.
set -euo pipefail
cd "$(dirname "$0")/.."
. bench/corpus.sh
PYTHON=${PYTHON:-.venv/bin/python}
STEPS=${1:-60} PASSES=${2:-3}
export OMP_NUM_THREADS=1
corpus ccks2019 >/dev/null
if ! "$PYTHON" -c 'import torch, torchcrf, transformers' 2>/dev/null; then
    echo "bench/albert.sh: $PYTHON lacks torch, pytorch-crf or transformers; set PYTHON to one that has them" >&2
    exit 2
fi
cargo build --release -q -p medner-albert-idcnn --example albert_finetuning
OUT=$(mktemp) DATA=$(mktemp)
trap 'rm -f "$OUT" "$DATA"' EXIT
target/release/examples/albert_finetuning dump "$DATA" "$STEPS"
for _ in $(seq "$PASSES"); do
    target/release/examples/albert_finetuning run "$DATA" >>"$OUT"
    "$PYTHON" bench/peers/albert.py "$DATA" sdpa >>"$OUT"
    "$PYTHON" bench/peers/albert.py "$DATA" eager >>"$OUT"
done
echo "load $(cut -d' ' -f1-3 /proc/loadavg)  cpu $(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2)"
"$PYTHON" - "$OUT" <<'PY'
import json, statistics, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
rates = {}
for row in rows:
    rates.setdefault(row["peer"], []).append(row["sentences_per_second"])
median = {peer: statistics.median(values) for peer, values in rates.items()}
for peer in rates:
    own = [row for row in rows if row["peer"] == peer]
    print(
        f"{peer:<38} {median[peer]:7.1f} sentences/s {['%.1f' % r for r in rates[peer]]}  "
        f"{own[0]['parameters']} parameters, loss {own[0]['first_loss']:.2f} to {own[0]['last_loss']:.2f}, "
        f"{max(row['peak_mib'] for row in own):.0f} MiB"
    )
ours = median.pop("medner")
for peer, theirs in median.items():
    print(f"ours / {peer:<38} {ours / theirs:.2f}")
sys.exit(ours < 1.3 * max(median.values()))
PY
