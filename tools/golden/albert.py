"""Makes crates/albert-idcnn/tests/golden/albert: small ALBERTs as transformers 5.23 (PyTorch 2.11) saves and computes them.

Each case is a folder written by save_pretrained and a file expected.safetensors with, for several inputs (padding right, left,
none; with and without segments), the hidden states, the pooled vector, for models with heads both logits, and the
gradients of every parameter of a weighted sum of all these.

    python tools/golden/albert.py            writes the fixtures
    python tools/golden/albert.py FOLDER     loads a folder that the Rust test has written (it prints where), computes the
                                             same inputs and compares with the numbers that the test left in it
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import AlbertConfig, AlbertForPreTraining, AlbertModel, AutoTokenizer

OUT = Path(__file__).resolve().parents[2] / "crates/albert-idcnn/tests/golden/albert"
B, T, V = 3, 10, 40
SMALL = dict(
    vocab_size=V, embedding_size=8, hidden_size=12, num_attention_heads=3, intermediate_size=20,
    max_position_embeddings=16, classifier_dropout_prob=0.0, initializer_range=0.3,
)  # fmt: skip
CASES = {
    "shared": (AlbertForPreTraining, dict(num_hidden_layers=3, hidden_act="gelu_new")),
    "grouped": (AlbertModel, dict(num_hidden_layers=4, num_hidden_groups=2, inner_group_num=2, hidden_act="gelu")),
}
LENGTHS = torch.tensor([10, 6, 3])


def inputs():
    """Name, ids, mask (or none), segments (or none)."""
    ids = torch.randint(5, V, (B, T))
    segments = (torch.arange(T)[None] >= torch.tensor([[4], [2], [1]])).long()
    right = torch.arange(T)[None] < LENGTHS[:, None]
    left = torch.arange(T)[None] >= T - LENGTHS[:, None]
    # 0 is the padding entry, whose row gets no gradient.
    yield "plain", ids, None, None
    yield "right", ids * right, right, segments
    yield "left", ids * left, left, segments
    yield "no_segments", ids * right, right, None


def compute(model, ids, mask, segments):
    output = model(
        input_ids=ids,
        attention_mask=None if mask is None else mask.long(),
        token_type_ids=segments,
        output_hidden_states=True,
    )
    if isinstance(model, AlbertForPreTraining):
        hidden = output.hidden_states[-1]
        pooled = torch.tanh(model.albert.pooler(hidden[:, 0]))
        return {"hidden": hidden, "pooled": pooled, "logits": output.prediction_logits, "order": output.sop_logits}
    return {"hidden": output.last_hidden_state, "pooled": output.pooler_output}


def make():
    torch.manual_seed(20261121)
    torch.set_num_threads(1)
    for name, (kind, changes) in CASES.items():
        model = kind(AlbertConfig(**SMALL, **changes)).eval()
        for parameter_name, parameter in model.named_parameters():
            if parameter.dim() == 1:
                # Biases of 0 and scales of 1 would hide mistakes.
                torch.nn.init.normal_(parameter, 1.0 if "LayerNorm.weight" in parameter_name else 0.0, 0.3)
        folder = OUT / name
        model.save_pretrained(folder)
        (folder / "vocab.txt").write_text("".join(f"{e}\n" for e in vocabulary()))
        expected = {}
        for case, ids, mask, segments in inputs():
            model.zero_grad()
            outputs = compute(model, ids, mask, segments)
            visible = torch.ones(B, T, dtype=torch.bool) if mask is None else mask
            expected[f"{case}/ids"] = ids
            if mask is not None:
                expected[f"{case}/mask"] = mask
            if segments is not None:
                expected[f"{case}/segments"] = segments
            loss = 0
            for key, value in outputs.items():
                coefficients = torch.randn_like(value)
                if key in ("hidden", "logits"):
                    coefficients = coefficients * visible[..., None]
                expected[f"{case}/coefficients/{key}"] = coefficients
                expected[f"{case}/output/{key}"] = value.detach().clone()
                loss = loss + (value * coefficients).sum()
            loss.backward()
            for parameter_name, parameter in model.named_parameters():
                expected[f"{case}/gradient/{parameter_name}"] = parameter.grad.clone()
        save_file({k: v.contiguous().clone() for k, v in expected.items()}, folder / "expected.safetensors")


def vocabulary():
    return ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + [chr(0x4E00 + i) for i in range(V - 5)]


def check(folder):
    model, report = AlbertForPreTraining.from_pretrained(folder, output_loading_info=True)
    assert not any(report.values()), report
    left = load_file(folder / "computed.safetensors")
    worst = 0.0
    with torch.no_grad():
        found = compute(model.eval(), left["ids"], left["mask"], left["segments"])
    for key, value in found.items():
        worst = max(worst, (value - left[key])[left["mask"]].abs().max().item() if value.dim() == 3
                    else (value - left[key]).abs().max().item())  # fmt: skip
    tokenizer = AutoTokenizer.from_pretrained(folder)
    text = "".join(vocabulary()[5:9])
    assert tokenizer(text)["input_ids"] == [2, 5, 6, 7, 8, 3], tokenizer(text)
    print(f"{type(model).__name__}, {type(tokenizer).__name__}: largest difference {worst:.2e}")
    assert worst < 1e-5


if len(sys.argv) > 1:
    check(Path(sys.argv[1]))
else:
    make()
