"""Times pytorch-crf at B 32, T 64, K 13 and prints medians (and fastest runs) in microseconds as one line of JSON.

The same work on the same inputs as crates/core/examples/crf_time.rs. Run by bench/crf.sh, or alone:
python bench/peers/crf_pytorch.py [THREADS] [REPEATS]     (torch 2.11.0, pytorch-crf 0.7.2)
"""

import json
import sys
import time

import torch
from torchcrf import CRF

B, T, K = 32, 64, 13
MASK = (1 << 64) - 1


def values(seed, *shape):
    """The linear congruential generator of the Rust program: numbers in [-2, 2)."""
    state, out, count = seed, [], 1
    for n in shape:
        count *= n
    for _ in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) & MASK
        out.append((state >> 40) / (1 << 22) - 2.0)
    return torch.tensor(out, dtype=torch.float32).reshape(shape)


def times_us(repeats, work):
    times = []
    for i in range(repeats + repeats // 10 + 5):
        start = time.perf_counter()
        work()
        if i >= repeats // 10 + 5:
            times.append((time.perf_counter() - start) * 1e6)
    times.sort()
    return round(times[repeats // 2], 1), round(times[0], 1)


def main():
    threads = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    repeats = int(sys.argv[2]) if len(sys.argv) > 2 else 50
    torch.set_num_threads(threads)
    emissions = values(1, B, T, K).requires_grad_()
    tags = ((values(5, B, T) + 2.0) / 4.0 * K).long()
    mask = torch.ones(B, T, dtype=torch.bool)
    crf = CRF(K, batch_first=True)
    with torch.no_grad():
        crf.start_transitions.copy_(values(2, K))
        crf.end_transitions.copy_(values(3, K))
        crf.transitions.copy_(values(4, K, K))

    def nll_gradient():
        emissions.grad = None
        crf.zero_grad()
        loss = -crf(emissions, tags, mask, reduction="sum")
        loss.backward()
        return loss

    def viterbi():
        with torch.no_grad():
            return crf.decode(emissions, mask)

    nll, nll_fastest = times_us(repeats, nll_gradient)
    best, best_fastest = times_us(repeats, viterbi)
    print(json.dumps({
        "nll_gradient_us": nll,
        "viterbi_us": best,
        "nll_gradient_fastest_us": nll_fastest,
        "viterbi_fastest_us": best_fastest,
        "loss": round(nll_gradient().item(), 3),
        "tag_sum": sum(map(sum, viterbi())),
        "threads": threads,
    }))


main()
