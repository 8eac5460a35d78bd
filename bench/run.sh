#!/usr/bin/env bash
# Every benchmark beside its peer, peer and ours in turn in one run. A benchmark that misses its goal says so and the others
# still run; the exit code tells. The peers live in .venv, made here (5 GB, once); PYTHON=/path/to/python uses another
# environment that has torch 2.11, pytorch-crf, gensim and transformers.
set -uo pipefail
cd "$(dirname "$0")/.."
if [ -z "${PYTHON:-}" ]; then
    PYTHON="$PWD/.venv/bin/python"
    if ! [ -x "$PYTHON" ] || ! "$PYTHON" -c 'import torch, torchcrf, gensim, transformers' 2>/dev/null; then
        python3 -m venv .venv && .venv/bin/pip install -q torch==2.11.0 pytorch-crf==0.7.2 gensim numpy transformers || exit
    fi
fi
export PYTHON
status=0
bench/crf.sh || status=1
bench/indrnn.sh || status=1
bench/optimizer.sh || status=1
bench/training.sh || status=1
bench/albert.sh || status=1
bench/asaibc.sh || status=1
bench/mtaal.sh || status=1
bench/mtl_ls.sh || status=1
bench/cbow.sh || status=1
exit $status
