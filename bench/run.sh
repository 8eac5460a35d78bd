#!/usr/bin/env bash
# Every benchmark beside its peer, peer and ours in turn in one run. The peers live in .venv, made here (5 GB, once);
# PYTHON=/path/to/python uses another environment that has torch 2.11, pytorch-crf and gensim.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -z "${PYTHON:-}" ]; then
    PYTHON="$PWD/.venv/bin/python"
    if ! [ -x "$PYTHON" ] || ! "$PYTHON" -c 'import torch, torchcrf, gensim' 2>/dev/null; then
        python3 -m venv .venv
        .venv/bin/pip install -q torch==2.11.0 pytorch-crf==0.7.2 gensim numpy
    fi
fi
export PYTHON
bench/crf.sh
bench/optimizer.sh
bench/training.sh
