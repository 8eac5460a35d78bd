"""Makes crates/core/tests/golden/optim.json: parameters after 10 and after 50 steps of every optimiser.

Made with torch 2.11.0 and numpy 2. PyTorch's optimisers make the cases; Lookahead, which PyTorch does not have, is its
definition (Zhang et al. 2019, algorithm 1) in numpy around Adam's definition (Kingma and Ba 2015, algorithm 1).

The problem is a formula of the indices, so that the test can make it again (i counts the values of all parameters,
s the steps from 0):
    start       p_i = cos(0.9 i + 1)
    loss        sum_i (0.3 + 0.1 (i mod 5)) (p_i - sin i)^2 + sin(1.3 i + 0.7 s) p_i
Parameter `c` has no part in the loss of every third step (s mod 3 = 2): its gradient is None there.

Usage: python tools/golden/optim.py > crates/core/tests/golden/optim.json
"""

import json

import numpy as np
import torch

SHAPES = {"a": (7, 5), "b": (11,), "c": (3,)}
STEPS, KEPT = 50, (10, 50)


def problem():
    place, parts = 0, {}
    for name, shape in SHAPES.items():
        n = int(np.prod(shape))
        i = np.arange(place, place + n, dtype=np.float64)
        parts[name] = (shape, i)
        place += n
    return parts


def start(i):
    return np.cos(0.9 * i + 1)


def coefficients(i):
    return 0.3 + 0.1 * (i % 5), np.sin(i)


def noise(i, s):
    return np.sin(1.3 * i + 0.7 * s)


def run_torch(make, clip=None):
    parts = problem()
    f32 = lambda x, shape: torch.tensor(x.reshape(shape), dtype=torch.float32)
    params = {n: torch.nn.Parameter(f32(start(i), shape)) for n, (shape, i) in parts.items()}
    optimizer = make(params)
    after, norms = {}, []
    for s in range(STEPS):
        optimizer.zero_grad()
        loss = 0
        for n, (shape, i) in parts.items():
            if n == "c" and s % 3 == 2:
                continue
            c, t = (f32(x, shape) for x in coefficients(i))
            loss = loss + (c * (params[n] - t) ** 2).sum() + (f32(noise(i, s), shape) * params[n]).sum()
        loss.backward()
        if clip is not None:
            norms.append(float(torch.nn.utils.clip_grad_norm_(params.values(), clip)))
        optimizer.step()
        if s + 1 in KEPT:
            after[s + 1] = [float(v) for p in params.values() for v in p.detach().flatten()]
    return after, norms


def run_lookahead(lr, k, alpha):
    beta1, beta2, epsilon = 0.9, 0.999, 1e-8
    parts = problem()
    fast = {n: start(i) for n, (_, i) in parts.items()}
    slow = {n: v.copy() for n, v in fast.items()}
    m = {n: np.zeros_like(v) for n, v in fast.items()}
    v = {n: np.zeros_like(x) for n, x in fast.items()}
    t = dict.fromkeys(parts, 0)
    after = {}
    for s in range(STEPS):
        for n, (_, i) in parts.items():
            if n == "c" and s % 3 == 2:
                continue
            c, target = coefficients(i)
            g = 2 * c * (fast[n] - target) + noise(i, s)
            t[n] += 1
            m[n] = beta1 * m[n] + (1 - beta1) * g
            v[n] = beta2 * v[n] + (1 - beta2) * g * g
            fast[n] = fast[n] - lr * (m[n] / (1 - beta1 ** t[n])) / (np.sqrt(v[n] / (1 - beta2 ** t[n])) + epsilon)
        if (s + 1) % k == 0:
            for n in parts:
                slow[n] = slow[n] + alpha * (fast[n] - slow[n])
                fast[n] = slow[n].copy()
        if s + 1 in KEPT:
            after[s + 1] = [float(x) for p in fast.values() for x in p]
    return after, []


def main():
    o = torch.optim
    one = lambda f: lambda params: f(list(params.values()))
    cases = []

    def case(config, make, clip=None, groups=None):
        after, norms = run_torch(make, clip)
        cases.append({"config": config, "clip": clip, "groups": groups, "norms": norms, "after": after})

    def both(rule, lr, make, clip=None):
        """Without and with weight decay."""
        for decay in (0.0, 0.1):
            config = {"rule": rule, "learning_rate": lr, "weight_decay": decay}
            case(config, one(lambda p: make(p, decay)), clip)

    both({"name": "sgd"}, 0.05, lambda p, w: o.SGD(p, 0.05, weight_decay=w))
    both({"name": "sgd"}, 0.05, lambda p, w: o.SGD(p, 0.05, weight_decay=w), clip=0.5)
    both({"name": "sgd", "momentum": 0.9}, 0.01, lambda p, w: o.SGD(p, 0.01, momentum=0.9, weight_decay=w))
    both({"name": "sgd", "momentum": 0.8, "dampening": 0.3}, 0.03,
         lambda p, w: o.SGD(p, 0.03, momentum=0.8, dampening=0.3, weight_decay=w))
    both({"name": "sgd", "momentum": 0.9, "nesterov": True}, 0.01,
         lambda p, w: o.SGD(p, 0.01, momentum=0.9, nesterov=True, weight_decay=w))
    both({"name": "adam"}, 0.01, lambda p, w: o.Adam(p, 0.01, weight_decay=w))
    both({"name": "adam", "beta1": 0.8, "beta2": 0.9, "epsilon": 0.001, "amsgrad": True}, 0.02,
         lambda p, w: o.Adam(p, 0.02, betas=(0.8, 0.9), eps=1e-3, amsgrad=True, weight_decay=w))
    both({"name": "adamw"}, 0.01, lambda p, w: o.AdamW(p, 0.01, weight_decay=w))
    both({"name": "adamw", "amsgrad": True}, 0.01, lambda p, w: o.AdamW(p, 0.01, weight_decay=w, amsgrad=True))
    both({"name": "adagrad"}, 0.1, lambda p, w: o.Adagrad(p, 0.1, weight_decay=w))
    both({"name": "adagrad", "lr_decay": 0.02, "initial_accumulator": 0.1}, 0.1,
         lambda p, w: o.Adagrad(p, 0.1, lr_decay=0.02, initial_accumulator_value=0.1, weight_decay=w))
    for momentum in (0.0, 0.7):
        for centered in (False, True):
            both({"name": "rmsprop", "momentum": momentum, "centered": centered}, 0.01,
                 lambda p, w: o.RMSprop(p, 0.01, momentum=momentum, centered=centered, weight_decay=w))
    both({"name": "radam"}, 0.02, lambda p, w: o.RAdam(p, 0.02, weight_decay=w))
    both({"name": "radam", "beta2": 0.9, "decoupled_weight_decay": True}, 0.02,
         lambda p, w: o.RAdam(p, 0.02, betas=(0.9, 0.9), decoupled_weight_decay=True, weight_decay=w))
    case({"rule": {"name": "adamw"}, "learning_rate": 0.01, "weight_decay": 0.1},
         lambda p: o.AdamW([{"params": [p["b"]], "lr": 0.03, "weight_decay": 0.0}, {"params": [p["a"], p["c"]]}],
                           0.01, weight_decay=0.1),
         groups={"b": [0.03, 0.0]})
    for k, alpha in ((5, 0.5), (3, 0.8)):
        after, norms = run_lookahead(0.02, k, alpha)
        config = {"rule": {"name": "adam"}, "learning_rate": 0.02, "lookahead": {"k": k, "alpha": alpha}}
        cases.append({"config": config, "clip": None, "groups": None, "norms": norms, "after": after})
    lines = ",\n".join(json.dumps(c) for c in cases)
    print(f"[\n{lines}\n]")


main()
