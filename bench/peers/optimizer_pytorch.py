"""Times PyTorch's Adam on the parameters of the MSRA BiLSTM-CRF and prints medians in microseconds as one line of JSON.

The same parameters and gradients as crates/core/examples/optimizer_time.rs. Run by bench/optimizer.sh, or alone:
python bench/peers/optimizer_pytorch.py [THREADS] [REPEATS]     (torch 2.11.0)

`default` leaves every choice to PyTorch, `plain` is foreach=False, `foreach` and `fused` ask for these. `whole` sets the
gradients to None, lets a backward pass fill them, clips, and steps, with the default.
"""

import json
import sys
import time

import numpy as np
import torch

SHAPES = [(4700, 100)] + 2 * [(400, 100), (400, 100), (400,), (400,)] + [(7, 200), (7,), (7,), (7,), (7, 7)]
A, C = 6364136223846793005, 1442695040888963407
VARIANTS = {"default": {}, "plain": {"foreach": False}, "foreach": {"foreach": True}, "fused": {"fused": True}}


def values(seed, shape):
    """The linear congruential generator of the Rust program: numbers in [-2, 2)."""
    state, out = seed, np.empty(int(np.prod(shape)), dtype=np.float32)
    for i in range(len(out)):
        state = (state * A + C) & 0xFFFF_FFFF_FFFF_FFFF
        out[i] = (state >> 40) / (1 << 22) - 2.0
    return torch.from_numpy(out.reshape(shape))


def median_us(repeats, work):
    times = []
    for i in range(repeats + repeats // 10):
        start = time.perf_counter()
        work()
        if i >= repeats // 10:
            times.append((time.perf_counter() - start) * 1e6)
    return sorted(times)[len(times) // 2]


def main():
    threads = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    repeats = int(sys.argv[2]) if len(sys.argv) > 2 else 300
    torch.set_num_threads(threads)
    start = [values(2 * i + 1, shape) for i, shape in enumerate(SHAPES)]
    gradients = [values(2 * i + 2, shape) for i, shape in enumerate(SHAPES)]
    result = {}
    for name, options in VARIANTS.items():
        params = [torch.nn.Parameter(s.clone()) for s in start]
        optimizer = torch.optim.Adam(params, 1e-3, **options)
        for p, g in zip(params, gradients):
            p.grad = g.clone()
        for _ in range(10):
            optimizer.step()
        result.setdefault("sum", round(sum(float(p.detach().abs().sum(dtype=torch.float64)) for p in params), 3))
        result[f"{name}_us"] = round(median_us(repeats, optimizer.step), 1)
        if name == "default":

            def whole():
                optimizer.zero_grad()
                sum((p * g).sum() for p, g in zip(params, gradients)).backward()
                torch.nn.utils.clip_grad_norm_(params, 1.0)
                optimizer.step()

            result["whole_us"] = round(median_us(repeats, whole), 1)
    print(json.dumps(result | {"values": sum(p.numel() for p in start), "threads": threads}))


main()
