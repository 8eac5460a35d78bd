"""Makes crates/core/tests/golden/crf.json: losses, gradients and best paths of pytorch-crf.

Made with Python 3.11, torch 2.11.0, pytorch-crf 0.7.2, in double precision on inputs that are exact in single precision.
Run: python tools/golden/crf.py > crates/core/tests/golden/crf.json

The inputs are not stored: `uniform(seed, i)` below is written again in crates/core/tests/crf_golden.rs.
"""

import json

import torch
from torchcrf import CRF

MASK = (1 << 64) - 1


def uniform(seed, i):
    """The top 24 bits of SplitMix64's finaliser, as a number in [-1, 1)."""
    z = (seed * 0x9E3779B97F4A7C15 + i * 0xD1B54A32D192ED03 + 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    z ^= z >> 31
    return (z >> 40) / (1 << 23) - 1.0


def numbers(seed, scale, *shape):
    count = 1
    for n in shape:
        count *= n
    values = [uniform(seed, i) * scale for i in range(count)]
    return torch.tensor(values, dtype=torch.float64).reshape(shape)


def integers(seed, below, *shape):
    return ((numbers(seed, 1.0, *shape) + 1.0) / 2.0 * below).long().clamp(max=below - 1)


def rounded(x):
    return [float(f"{v:.9g}") for v in x.flatten().tolist()]


def case(seed, b, t, k, scale, transition_scale):
    crf = CRF(k, batch_first=True).double()
    emissions = numbers(seed, scale, b, t, k).requires_grad_()
    tags = integers(seed + 1, k, b, t)
    lengths = (integers(seed + 2, t, b) + 1)
    lengths[0] = t
    with torch.no_grad():
        crf.start_transitions.copy_(numbers(seed + 3, transition_scale, k))
        crf.end_transitions.copy_(numbers(seed + 4, transition_scale, k))
        crf.transitions.copy_(numbers(seed + 5, transition_scale, k, k))
    mask = torch.arange(t).unsqueeze(0) < lengths.unsqueeze(1)
    result = {
        "seed": seed, "b": b, "t": t, "k": k, "scale": scale, "transition_scale": transition_scale,
        "sentences": (-crf(emissions, tags, mask, reduction="none")).tolist(),
        "sum": -crf(emissions, tags, mask, reduction="sum").item(),
        "mean": -crf(emissions, tags, mask, reduction="mean").item(),
        "token_mean": -crf(emissions, tags, mask, reduction="token_mean").item(),
        "decoded": crf.decode(emissions, mask),
    }
    (-crf(emissions, tags, mask, reduction="sum")).backward()
    gradient = emissions.grad
    # All of a small gradient; of a large one the first and the last sentence, and every sentence's sum with weights.
    kept = [0, b - 1] if b * t * k > 1000 else range(b)
    weights = numbers(seed + 6, 1.0, b, t, k)
    result["emission_rows"] = {str(i): rounded(gradient[i]) for i in kept}
    result["emission_sums"] = rounded((gradient * weights).sum((1, 2)))
    result["start"] = rounded(crf.start_transitions.grad)
    result["end"] = rounded(crf.end_transitions.grad)
    result["transitions"] = rounded(torch.zeros(k, k) if crf.transitions.grad is None else crf.transitions.grad)
    return result


def main():
    shapes = [
        (1, 1, 1, 1, 1.0, 1.0),
        (11, 2, 1, 3, 1.0, 1.0),
        (21, 3, 5, 4, 1.0, 0.125),
        (31, 4, 9, 7, 4.0, 1.0),
        (41, 3, 12, 8, 16.0, 4.0),
        (51, 2, 7, 9, 64.0, 16.0),
        (61, 3, 20, 25, 2.0, 1.0),
        (71, 32, 64, 13, 4.0, 0.5),
    ]
    print(json.dumps({"cases": [case(*shape) for shape in shapes]}, separators=(",", ":")))


main()
