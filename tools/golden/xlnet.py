"""Makes crates/mtl-ls/tests/golden/xlnet: small XLNets as transformers 5.23 (PyTorch 2.11) saves and computes them.

Each case is a folder written by save_pretrained and a file expected.safetensors with, for several inputs (padding right,
left, none; segments; memory; an order of reading with places asked for), the vectors, the logits, the memory, and the
gradients of every parameter of a weighted sum of vectors and logits.

    python tools/golden/xlnet.py            writes the fixtures
    python tools/golden/xlnet.py FOLDER     loads a folder that the Rust test has written (it prints where), computes the
                                            same inputs and compares with the numbers that the test left in it
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import XLNetConfig, XLNetLMHeadModel

OUT = Path(__file__).resolve().parents[2] / "crates/mtl-ls/tests/golden/xlnet"
B, T, V, M, P = 3, 10, 40, 4, 3
SMALL = dict(
    vocab_size=V, d_model=12, n_head=3, d_inner=20, initializer_range=0.3, dropout=0.0, use_mems_eval=True,
)  # fmt: skip
CASES = {
    "bi": dict(n_layer=3, attn_type="bi", ff_activation="gelu", mem_len=6),
    "uni": dict(n_layer=2, attn_type="uni", ff_activation="gelu_new", clamp_len=5),
}
LENGTHS = torch.tensor([10, 6, 3])


def inputs(config):
    """Name and keyword arguments of the model."""
    ids = torch.randint(6, V, (B, T))
    segments = (torch.arange(T)[None] >= torch.tensor([[4], [2], [1]])).long()
    right = (torch.arange(T)[None] < LENGTHS[:, None]).long()
    left = (torch.arange(T)[None] >= T - LENGTHS[:, None]).long()
    mems = [torch.randn(M, B, config.d_model) for _ in range(config.n_layer)]
    rank = torch.stack([torch.randperm(T) for _ in range(B)])
    # A piece sees those that come before it in the order.
    order = (rank[:, :, None] <= rank[:, None, :]).float()
    places = torch.topk(rank, P, dim=1).indices
    mapping = torch.nn.functional.one_hot(places, T).float()
    yield "plain", dict(input_ids=ids)
    yield "segments", dict(input_ids=ids, token_type_ids=segments)
    yield "memory", dict(input_ids=ids, mems=mems, token_type_ids=segments)
    if config.attn_type == "uni":
        # The reference cannot add another mask to that of this attention.
        return
    yield "right", dict(input_ids=ids * right + 5 * (1 - right), attention_mask=right)
    yield "left", dict(input_ids=ids * left + 5 * (1 - left), attention_mask=left, token_type_ids=segments)
    yield "order", dict(input_ids=ids, perm_mask=order)
    yield "two_stream", dict(input_ids=ids, perm_mask=order, target_mapping=mapping)
    # Places at pieces, not at padding.
    first = torch.tensor([[9, 0, 4], [5, 1, 0], [2, 0, 1]])
    yield "two_stream_all", dict(
        input_ids=ids * right + 5 * (1 - right), attention_mask=right, token_type_ids=segments, mems=mems,
        perm_mask=order, target_mapping=torch.nn.functional.one_hot(first, T).float(),
    )  # fmt: skip


def compute(model, arguments):
    arguments = {k: (v.float() if k == "attention_mask" else v) for k, v in arguments.items()}
    output = model.transformer(**arguments, use_mems=True)
    return {"hidden": output.last_hidden_state, "logits": model.lm_loss(output.last_hidden_state)}, output.mems


def visible(arguments):
    if "attention_mask" in arguments and "target_mapping" not in arguments:
        return arguments["attention_mask"].bool()
    return torch.ones(B, P if "target_mapping" in arguments else T, dtype=torch.bool)


def make():
    torch.manual_seed(20261121)
    torch.set_num_threads(1)
    for name, changes in CASES.items():
        model = XLNetLMHeadModel(XLNetConfig(**SMALL, **changes)).eval()
        for parameter_name, parameter in model.named_parameters():
            if parameter.dim() == 1:
                # Biases of 0 and scales of 1 would hide mistakes.
                torch.nn.init.normal_(parameter, 1.0 if "layer_norm.weight" in parameter_name else 0.0, 0.3)
        folder = OUT / name
        model.save_pretrained(folder)
        (folder / "generation_config.json").unlink(missing_ok=True)
        expected = {}
        for case, arguments in inputs(model.config):
            model.zero_grad()
            outputs, memory = compute(model, arguments)
            for key, value in arguments.items():
                if key == "mems":
                    for layer, remembered in enumerate(value):
                        expected[f"{case}/mems/{layer}"] = remembered.transpose(0, 1)
                else:
                    expected[f"{case}/{key}"] = value.bool() if key in ("attention_mask", "perm_mask") else value
            if "target_mapping" in arguments:
                expected[f"{case}/places"] = arguments["target_mapping"].argmax(-1)
                del expected[f"{case}/target_mapping"]
            loss = 0
            for key, value in outputs.items():
                coefficients = torch.randn_like(value) * visible(arguments)[..., None]
                expected[f"{case}/coefficients/{key}"] = coefficients
                expected[f"{case}/output/{key}"] = value.detach()
                loss = loss + (value * coefficients).sum()
            for layer, remembered in enumerate(memory):
                expected[f"{case}/remembered/{layer}"] = remembered.transpose(0, 1)
            loss.backward()
            for parameter_name, parameter in model.named_parameters():
                if parameter.grad is not None:
                    expected[f"{case}/gradient/{parameter_name}"] = parameter.grad
        save_file({k: v.detach().clone().contiguous() for k, v in expected.items()}, folder / "expected.safetensors")


def check(folder):
    model, report = XLNetLMHeadModel.from_pretrained(folder, output_loading_info=True)
    assert not any(report.values()), report
    left = load_file(folder / "computed.safetensors")
    arguments = dict(
        input_ids=left["ids"],
        attention_mask=left["mask"],
        token_type_ids=left["segments"],
        perm_mask=left["order"].float(),
        target_mapping=torch.nn.functional.one_hot(left["places"], left["ids"].shape[1]).float(),
    )
    with torch.no_grad():
        found, _ = compute(model.eval(), arguments)
    worst = max((found[key] - left[key]).abs().max().item() for key in ("hidden", "logits"))
    print(f"{type(model).__name__}: largest difference {worst:.2e}")
    assert worst < 1e-5


if len(sys.argv) > 1:
    check(Path(sys.argv[1]))
else:
    make()
