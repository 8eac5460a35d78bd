#!/usr/bin/env bash
# The first queries of MTAAL and of LC on NCBI (5 of them), ours and a PyTorch port of the same steps in turn: seconds of each query
# and of all together, of each part in the median, and the ratios. Goals: a query at least 3 times as fast as the port, MTAAL's scoring
# of the pool 5 times. Arguments: [QUERIES [THREADS [STEPS]]]; with STEPS at most so many steps of each part, and the sums are then no
# queries. On a busy machine the elapsed seconds say little; the ratio of processor time is printed beside them. The port's batches are
# of like length as ours; BATCHES=random has them drawn as the authors draw them.
set -euo pipefail
cd "$(dirname "$0")/.."
. bench/corpus.sh
PYTHON=${PYTHON:-.venv/bin/python}
QUERIES=${1:-5} THREADS=${2:-1} STEPS=${3:-0}
export OMP_NUM_THREADS=$THREADS
NCBI=$(dirname "$(corpus mtaal/NCBI/train.txt)")
cargo build --release -q -p medner-mtaal --example query_rate
OUT=$(mktemp)
trap 'rm -f "$OUT"' EXIT
MOST=$STEPS
[ "$STEPS" = 0 ] && MOST=18446744073709551615
for strategy in mtaal lc; do
    "$PYTHON" bench/peers/mtaal.py --data "$NCBI" --strategy $strategy --queries "$QUERIES" --threads "$THREADS" \
        --steps "$STEPS" --batches "${BATCHES:-like}" | sed "s/^{/{\"strategy\": \"$strategy\", /" >>"$OUT"
    target/release/examples/query_rate $strategy "$QUERIES" "$THREADS" "$MOST" |
        sed "s/^{/{\"strategy\": \"$strategy\", /" >>"$OUT"
done
python3 - "$OUT" <<'PY'
import json, statistics, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
missed = False
for strategy in ("mtaal", "lc"):
    of = lambda peer: [r for r in rows if r["strategy"] == strategy and r["peer"] == peer]
    peer, ours = of("pytorch"), of("medner")
    line = lambda what, a, b, c, d: print(
        f"{strategy:<6} {what:<18} PyTorch {a:9.3f}  ours {b:9.3f} seconds: {a / b:5.2f} times; processor time {c / d:5.2f} times"
    )
    both = lambda p, o: (p["seconds"], o["seconds"], p["processor_seconds"], o["processor_seconds"])
    for p, o in zip(peer, ours):
        line(f"query {p['query']}", *both(p, o))
    line(f"queries 1 to {len(peer)}", *map(sum, zip(*(both(p, o) for p, o in zip(peer, ours)))))
    for name in ["seconds", *peer[0]["parts"]]:
        part = lambda r: r[name] if name in r else r["parts"][name][1] / r["parts"][name][0]
        busy = lambda r: r["processor_seconds"] if name in r else r["parts"][name][2] / r["parts"][name][0]
        a, b = (statistics.median(map(part, side)) for side in (peer, ours))
        c, d = (statistics.median(map(busy, side)) for side in (peer, ours))
        unit = "a query" if name in peer[0] else "a step"
        print(f"{strategy:<6} {name:<18} PyTorch {a:9.3f}  ours {b:9.3f} seconds {unit}: {a / b:5.2f} times; processor time {c / d:5.2f} times")
        goal = {"seconds": 3, "scoring": 5 if strategy == "mtaal" else 0}.get(name, 0)
        missed |= a < goal * b
sys.exit(missed)
PY
