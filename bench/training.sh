#!/usr/bin/env bash
# Training rate of a BiLSTM-CRF on MSRA, ours and PyTorch + pytorch-crf in turn: sentences a second and the ratios.
# Arguments: [STEPS [ROUNDS [THREADS]]]; the order of the systems is the same in each of three passes, medians are printed.
set -euo pipefail
cd "$(dirname "$0")/.."
. bench/corpus.sh
PYTHON=${PYTHON:-.venv/bin/python}
STEPS=${1:-40} ROUNDS=${2:-3} THREADS=${3:-2}
export OMP_NUM_THREADS=$THREADS
MSRA=$(corpus msra/train.bio)
cargo build --release -q -p medner-albert-idcnn --example training_rate
OUT=$(mktemp)
trap 'rm -f "$OUT"' EXIT
for _ in 1 2 3; do
    for batches in random like-length; do
        "$PYTHON" bench/peers/bilstm_crf_pytorch.py --msra "$MSRA" --batches $batches --steps "$STEPS" \
            --rounds "$ROUNDS" --threads "$THREADS" >>"$OUT"
        target/release/examples/training_rate $batches "$STEPS" "$ROUNDS" "$THREADS" >>"$OUT"
    done
done
python3 - "$OUT" <<'PY'
import json, statistics, sys
rates = {}
for line in open(sys.argv[1]):
    row = json.loads(line)
    rates.setdefault((row["peer"], row["batches"]), []).append(row["sentences_per_second"])
median = {key: statistics.median(values) for key, values in rates.items()}
peer = "pytorch+pytorch-crf"
for key in sorted(median):
    print(f"{key[0]:<22} {key[1]:<12} {median[key]:8.0f} sentences/s   {['%.0f' % r for r in rates[key]]}")
ours = median["medner", "like-length"]
print(f"ours (like-length) / PyTorch random batches      {ours / median[peer, 'random']:.2f}")
print(f"ours (like-length) / PyTorch like-length batches {ours / median[peer, 'like-length']:.2f}")
print(f"ours (random)      / PyTorch random batches      {median['medner', 'random'] / median[peer, 'random']:.2f}")
sys.exit(ours < 7 * median[peer, "random"] or ours < 3 * median[peer, "like-length"])
PY
