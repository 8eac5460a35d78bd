"""Makes crates/core/tests/golden/indrnn.json: IndRNN, its stack, batch normalisation over tokens and feature attention, with PyTorch 2.11.

IndRNN is written as the plain loop over the steps of one sentence without padding, its gradient is autograd's; all in f64, so that
what differs is the rounding of the f32 that is tested. Each case holds
parameters (named as ours), a padded input, lengths, the output in training, the gradients of (output * coefficients).sum()
with respect to the input and every parameter, the buffers after that one training step, and the output in evaluation.
Run: python tools/golden/indrnn.py > crates/core/tests/golden/indrnn.json
"""

import json

import torch
from torch import nn

torch.manual_seed(20261121)
torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
B, T, D, H = 4, 16, 6, 5
LENGTHS = [16, 9, 1, 4]
mask = torch.arange(T)[None] < torch.tensor(LENGTHS)[:, None]


class Direction(nn.Module):
    """One direction of one layer."""

    def __init__(self, inputs, backwards):
        super().__init__()
        self.backwards = backwards
        self.linear = nn.Linear(inputs, H)
        self.u = nn.Parameter(torch.empty(H).uniform_(-(2 ** (1 / T)), 2 ** (1 / T)))

    def forward(self, row):
        h, states = torch.zeros(H), []
        for x in row.flip(0) if self.backwards else row:
            h = torch.relu(self.linear(x) + self.u * h)
            states.append(h)
        return torch.stack(states[::-1] if self.backwards else states)


class Layer(nn.Module):
    """Both directions (or one) and, if wanted, batch normalisation of all tokens."""

    def __init__(self, inputs, directions, norm):
        super().__init__()
        self.directions = nn.ModuleList(Direction(inputs, i == 1) for i in range(directions))
        self.norm = nn.BatchNorm1d(H * directions) if norm else None

    def forward(self, xs):
        return normalised(self.norm, sentences(lambda row: torch.cat([d(row) for d in self.directions], 1), xs))

    def parameters_by_name(self, prefix=""):
        # Ours keeps the directions one below the other.
        d = self.directions
        named = {
            f"{prefix}weight_ih": [x.linear.weight for x in d],
            f"{prefix}bias_ih": [x.linear.bias for x in d],
            f"{prefix}weight_hh": [x.u for x in d],
        }
        if self.norm:
            named |= {f"{prefix}norm.{k}": [p] for k, p in self.norm.named_parameters()}
        return named


def sentences(function, xs):
    """Applies a function to every sentence without its padding, which is filled with 0 again."""
    rows = []
    for row, n in zip(xs, LENGTHS):
        ys = function(row[:n])
        rows.append(torch.cat([ys, torch.zeros(T - n, ys.shape[1])]))
    return torch.stack(rows)


def normalised(norm, xs):
    if norm is None:
        return xs
    ys = torch.zeros_like(xs)
    ys[mask] = norm(xs[mask])
    return ys


def array(tensor):
    return {"shape": list(tensor.shape), "values": [round(v, 8) for v in tensor.detach().flatten().tolist()]}


def joined(tensors):
    return array(torch.cat(list(tensors)))


def case(name, parameters, buffers, module, forward):
    """`parameters`: our name to PyTorch's tensors, which ours holds one below the other; `buffers`: our name to PyTorch's."""
    xs = torch.randn(B, T, D, requires_grad=True)
    before = {name: joined(tensors) for name, tensors in parameters.items()}
    before |= {name: array(buffer) for name, buffer in buffers.items()}
    module.train()
    ys = forward(xs)
    coefficients = torch.randn_like(ys) * mask[..., None]
    (ys * coefficients).sum().backward()
    module.eval()
    return {
        "name": name,
        "lengths": LENGTHS,
        "parameters": before,
        "input": array(xs),
        "output": array(ys),
        "coefficients": array(coefficients),
        "input_gradient": array(xs.grad * mask[..., None]),
        "gradients": {name: joined(t.grad for t in tensors) for name, tensors in parameters.items()},
        "buffers": {name: array(buffer) for name, buffer in buffers.items()},
        "evaluation": array(forward(xs.detach())),
    }


def indrnn(directions):
    layer = Layer(D, directions, False)
    return case(f"indrnn_{directions}", layer.parameters_by_name(), {}, layer, layer)


def stack():
    layers = nn.ModuleList([Layer(D, 2, True), Layer(2 * H, 2, True)])
    parameters, buffers = {}, {}
    for k, layer in enumerate(layers):
        nn.init.uniform_(layer.norm.weight, 0.5, 2)
        nn.init.uniform_(layer.norm.bias, -1, 1)
        parameters |= layer.parameters_by_name(f"layer_{k}.")
        buffers |= {f"layer_{k}.norm.{n}": getattr(layer.norm, n) for n in ("running_mean", "running_var")}
    return case("stack", parameters, buffers, layers, lambda xs: layers[1](layers[0](xs)))


def batch_norm():
    norm = nn.BatchNorm1d(D)
    nn.init.uniform_(norm.weight, 0.5, 2)
    nn.init.uniform_(norm.bias, -1, 1)
    nn.init.uniform_(norm.running_mean, -1, 1)
    nn.init.uniform_(norm.running_var, 0.5, 2)
    buffers = {n: getattr(norm, n) for n in ("running_mean", "running_var")}
    parameters = {k: [p] for k, p in norm.named_parameters()}
    return case("batch_norm", parameters, buffers, norm, lambda xs: normalised(norm, xs))


def feature_attention(rescale):
    linear = nn.Linear(D, 1)

    def attend(row):
        weights = torch.softmax(torch.tanh(linear(row)), 0)
        return weights * row * (len(row) if rescale else 1)

    parameters = {f"score.{k}": [p] for k, p in linear.named_parameters()}
    name = "feature_attention" + ("" if rescale else "_plain")
    return case(name, parameters, {}, linear, lambda xs: sentences(attend, xs))


print(json.dumps([indrnn(1), indrnn(2), stack(), batch_norm(), feature_attention(True), feature_attention(False)]))
