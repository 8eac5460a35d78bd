"""Makes crates/core/tests/golden/layers.json: BiLSTM, IDCNN and multi-head attention as PyTorch 2.11 computes them.

Each case holds parameters (named as ours), a padded input, lengths, the output, and the gradients of
(output * coefficients).sum() over tokens with respect to the input and every parameter.
Run: python tools/golden/layers.py > crates/core/tests/golden/layers.json
"""

import json

import torch
from torch import nn

torch.manual_seed(20261121)
torch.set_num_threads(1)
B, T, D = 3, 8, 6
LENGTHS = [8, 5, 1]
mask = torch.arange(T)[None] < torch.tensor(LENGTHS)[:, None]


def case(name, parameters, forward):
    xs = torch.randn(B, T, D, requires_grad=True)
    ys = forward(xs)
    coefficients = torch.randn_like(ys) * mask[..., None]
    (ys * coefficients).sum().backward()
    array = lambda t: {"shape": list(t.shape), "values": [round(v, 8) for v in t.detach().flatten().tolist()]}
    return {
        "name": name,
        "lengths": LENGTHS,
        "parameters": {k: array(p) for k, p in parameters.items()},
        "input": array(xs),
        "output": array(ys * mask[..., None]),
        "coefficients": array(coefficients),
        "input_gradient": array(xs.grad),
        "gradients": {k: array(p.grad) for k, p in parameters.items()},
    }


def bilstm():
    lstm = nn.LSTM(D, 4, batch_first=True, bidirectional=True)

    def forward(xs):
        packed = nn.utils.rnn.pack_padded_sequence(xs, torch.tensor(LENGTHS), batch_first=True)
        return nn.utils.rnn.pad_packed_sequence(lstm(packed)[0], batch_first=True, total_length=T)[0]

    return case("bilstm", dict(lstm.named_parameters()), forward)


def idcnn(share):
    first = nn.Conv1d(D, 5, 3, padding=1)
    blocks = [[nn.Conv1d(5, 5, 3, padding=d, dilation=d) for d in (1, 2)] for _ in range(1 if share else 3)]
    parameters = {f"input.{k}": p for k, p in first.named_parameters()}
    for i, block in enumerate(blocks):
        for j, conv in enumerate(block):
            parameters |= {f"block_{i}.conv_{j}.{k}": p for k, p in conv.named_parameters()}

    def forward(xs):
        # Sentence by sentence, without any padding: what a batch must give too.
        rows = []
        for row, n in zip(xs, LENGTHS):
            state, outputs = torch.relu(first(row[:n].T[None])), []
            for k in range(3):
                for conv in blocks[k % len(blocks)]:
                    state = torch.relu(conv(state))
                outputs.append(state)
            ys = torch.cat(outputs, 1)[0].T
            rows.append(torch.cat([ys, torch.zeros(T - n, ys.shape[1])]))
        return torch.stack(rows)

    return case("idcnn_shared" if share else "idcnn_independent", parameters, forward)


def attention():
    module = nn.MultiheadAttention(D, 2, batch_first=True)
    nn.init.uniform_(module.in_proj_bias, -0.5, 0.5)
    nn.init.uniform_(module.out_proj.bias, -0.5, 0.5)
    result = case(
        "attention",
        dict(module.named_parameters()),
        lambda xs: module(xs, xs, xs, key_padding_mask=~mask, need_weights=False)[0],
    )
    for group in ("parameters", "gradients"):
        named = {}
        for key, ours in (("in_proj_weight", "weight"), ("in_proj_bias", "bias")):
            packed = result[group].pop(key)
            size = len(packed["values"]) // 3
            for i, part in enumerate(("query", "key", "value")):
                shape = [packed["shape"][0] // 3, *packed["shape"][1:]]
                named[f"{part}.{ours}"] = {"shape": shape, "values": packed["values"][i * size : (i + 1) * size]}
        for ours in ("weight", "bias"):
            named[f"output.{ours}"] = result[group].pop(f"out_proj.{ours}")
        result[group] = named
    return result


print(json.dumps([bilstm(), idcnn(True), idcnn(False), attention()]))
