#!/usr/bin/env bash
# Training rate of BiLSTM+CRF and ASAIBC on MSRA, ours and PyTorch + pytorch-crf in turn: sentences and characters a second and the
# ratios, which should be 3 at least. Both sides have batches of sentences of like length, but not the same ones: the ratio of the
# characters is free of how long those happen to be.
# Arguments: [STEPS [ROUNDS [THREADS]]]; the order of the systems is the same in each of three passes, medians are printed.
set -euo pipefail
cd "$(dirname "$0")/.."
. bench/corpus.sh
PYTHON=${PYTHON:-.venv/bin/python}
STEPS=${1:-40} ROUNDS=${2:-3} THREADS=${3:-2}
export OMP_NUM_THREADS=$THREADS
MSRA=$(corpus msra/train.bio)
PD1998=$(corpus cws/pd199801.gb18030.txt)
cargo build --release -q -p medner-asaibc --example asaibc_rate
OUT=$(mktemp)
trap 'rm -f "$OUT"' EXIT
for _ in 1 2 3; do
    for system in bilstm-crf asaibc; do
        "$PYTHON" bench/peers/asaibc.py --msra "$MSRA" --pd1998 "$PD1998" --system $system --steps "$STEPS" \
            --rounds "$ROUNDS" --threads "$THREADS" >>"$OUT"
        "${CARGO_TARGET_DIR:-target}"/release/examples/asaibc_rate $system "$STEPS" "$ROUNDS" "$THREADS" >>"$OUT"
    done
done
python3 - "$OUT" <<'PY'
import json, statistics, sys
rates = {}
for line in open(sys.argv[1]):
    row = json.loads(line)
    for unit in ("sentences", "characters"):
        rates.setdefault((row["system"], unit, row["peer"]), []).append(row[f"{unit}_per_second"])
median = {key: statistics.median(values) for key, values in rates.items()}
for key, values in sorted(rates.items()):
    system, unit, peer = key
    print(f"{system:<12} {peer:<22} {median[key]:8.0f} {unit}/s   {['%.0f' % rate for rate in values]}")
short = False
for system in ("bilstm-crf", "asaibc"):
    for unit in ("sentences", "characters"):
        ratio = median[system, unit, "medner"] / median[system, unit, "pytorch+pytorch-crf"]
        print(f"{system}: ours / PyTorch {ratio:.2f} by {unit}")
        short |= ratio < 3
sys.exit(short)
PY
