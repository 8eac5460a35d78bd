#!/usr/bin/env bash
# CBOW on the characters of PD1998, ours and gensim's in turn: words a second and shared neighbours.
set -euo pipefail
cd "$(dirname "$0")/.."
. bench/corpus.sh
PYTHON=${PYTHON:-.venv/bin/python}
cargo build --release --quiet -p medner-data --example cbow_speed
"$PYTHON" bench/peers/cbow_gensim.py --corpus "$(corpus cws/pd199801.gb18030.txt)" --program target/release/examples/cbow_speed
