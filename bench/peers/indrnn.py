"""Times IndRNN written as a loop over the steps in PyTorch at B 32, T 64, width 200, forward and backward pass, and prints medians,
fastest runs and processor time in microseconds as one line of JSON, with sums of the results.

The same work on the same inputs as crates/core/examples/indrnn_time.rs, which see. Run by bench/indrnn.sh, or alone:
python bench/peers/indrnn.py [THREADS] [REPEATS]     (torch 2.11.0)

- cell: a cell is called step by step, with the input's product in it, as usual implementations have it
- layer: the input's product once for all steps, then a loop over unbound steps: the best plain loop
- stack: two bidirectional layers with batch normalisation, each direction as in `layer`
"""

import json
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

B, T, D = 32, 64, 200
MASK = (1 << 64) - 1
BOUND = 2 ** (1 / T)


def values(seed, *shape):
    """The linear congruential generator of the Rust program: numbers in [-1, 1)."""
    state, out, count = seed, [], 1
    for n in shape:
        count *= n
    for _ in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) & MASK
        out.append((state >> 40) / (1 << 23) - 1.0)
    return torch.tensor(out, dtype=torch.float32).reshape(shape)


def times_us(repeats, work):
    for _ in range(repeats // 10 + 5):
        result = work()
    began, times = time.process_time(), []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1e6)
    processor = (time.process_time() - began) / repeats * 1e6
    times.sort()
    found = {"median_us": times[repeats // 2], "fastest_us": times[0], "processor_us": processor}
    return {**{k: round(v, 1) for k, v in found.items()}, "sum": round(result, 4)}


def parameters(first, neurons, inputs):
    weight = nn.Parameter(values(first, neurons, inputs) * 0.05)
    bias = nn.Parameter(values(first + 1, neurons) * 0.05)
    u = nn.Parameter(values(first + 2, neurons) * BOUND)
    return [weight, bias, u]


def cell(xs, weight, bias, u):
    h, states = torch.zeros(B, len(u)), []
    for t in range(T):
        h = torch.relu(F.linear(xs[:, t], weight, bias) + u * h)
        states.append(h)
    return torch.stack(states, 1)


def recurrence(pre, u, backwards=False):
    h, states = torch.zeros(B, len(u)), []
    steps = pre.unbind(1)
    for x in reversed(steps) if backwards else steps:
        h = torch.relu(x + u * h)
        states.append(h)
    return torch.stack(states[::-1] if backwards else states, 1)


def layer(xs, weight, bias, u):
    return recurrence(F.linear(xs, weight, bias), u)


class Stack(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = [parameters(10 + 5 * k, D, D) for k in range(2)]
        self.norms = nn.ModuleList(nn.BatchNorm1d(D) for _ in range(2))
        for k, norm in enumerate(self.norms):
            norm.weight.data = values(13 + 5 * k, D) * 0.5 + 1.0
            norm.bias.data = values(14 + 5 * k, D) * 0.05

    def all_parameters(self):
        return [p for layer in self.layers for p in layer] + list(self.norms.parameters())

    def forward(self, xs):
        half = D // 2
        for (weight, bias, u), norm in zip(self.layers, self.norms):
            pre = F.linear(xs, weight, bias)
            states = [recurrence(pre[..., :half], u[:half]), recurrence(pre[..., half:], u[half:], True)]
            xs = norm(torch.cat(states, 2).view(B * T, D)).view(B, T, D)
        return xs


def main():
    threads = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    repeats = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    torch.set_num_threads(threads)
    xs = values(1, B, T, D).requires_grad_()
    coefficients = values(2, B, T, D)
    one, stack = parameters(10, D, D), Stack()

    def step(leaves, forward):
        for leaf in leaves:
            leaf.grad = None
        xs.grad = None
        loss = (forward(xs) * coefficients).sum()
        loss.backward()
        return loss.item() + xs.grad.abs().sum().item()

    result = {
        "cell": times_us(repeats, lambda: step(one, lambda xs: cell(xs, *one))),
        "layer": times_us(repeats, lambda: step(one, lambda xs: layer(xs, *one))),
        "stack": times_us(repeats, lambda: step(stack.all_parameters(), stack)),
    }
    print(json.dumps({**result, "threads": threads}))


main()
