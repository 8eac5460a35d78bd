"""Speed of ALBERT in transformers 5.23 (PyTorch 2.11): forward and backward pass, or a whole pre-training step.

The same model and batches as `cargo run --release -p medner-albert-idcnn --example albert_rate`; seconds of the processor.
Arguments: encoder|pretraining HIDDEN,LAYERS,HEADS,gelu|gelu_new [STEPS]; one thread. Prints one JSON line.
With `folder DIR` it writes a folder of ALBERT-base's shape with random weights (vocabulary of 21,128 entries) to DIR.
"""

import json
import resource
import sys
import time

import torch
from transformers import AlbertConfig, AlbertForPreTraining, AlbertModel

B, T, V = 20, 128, 5000
torch.set_num_threads(1)
torch.manual_seed(1)


def folder(path):
    config = AlbertConfig(
        vocab_size=21128, embedding_size=128, hidden_size=768, num_hidden_layers=12, num_attention_heads=12,
        intermediate_size=3072, hidden_act="gelu", max_position_embeddings=512,
    )  # fmt: skip
    model = AlbertForPreTraining(config).eval()
    model.save_pretrained(path)
    entries = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    entries += [f"entry{i}" for i in range(21128 - len(entries))]
    with open(f"{path}/vocab.txt", "w", encoding="utf-8") as file:
        file.writelines(f"{e}\n" for e in entries)
    with torch.no_grad():
        hidden = model.albert(torch.arange(T)[None] + 100).last_hidden_state
    print(json.dumps({"mean_square": hidden.double().square().mean().item()}))


def rate(what, size, steps):
    hidden, layers, heads, activation = size.split(",")
    config = AlbertConfig(
        vocab_size=V, embedding_size=128, hidden_size=int(hidden), num_hidden_layers=int(layers),
        num_attention_heads=int(heads), intermediate_size=4 * int(hidden), hidden_act=activation,
        max_position_embeddings=T, classifier_dropout_prob=0.0,
    )  # fmt: skip
    lengths = torch.tensor([T - row * 7 % 32 for row in range(B)])
    mask = torch.arange(T)[None] < lengths[:, None]
    ids = torch.randint(5, V, (B, T)) * mask
    segments = (torch.arange(T)[None] >= 40).long().repeat(B, 1)
    inputs = dict(input_ids=ids, attention_mask=mask.long(), token_type_ids=segments)
    positions = torch.arange(1, 90, 5)
    labels = torch.full((B, T), -100)
    labels[:, positions] = ids[:, positions]
    orders = torch.arange(B) % 2
    coefficients = torch.randn(B, T, int(hidden)) * mask[..., None]
    if what == "encoder":
        model = AlbertModel(config, add_pooling_layer=False).train()
    else:
        model = AlbertForPreTraining(config).train()
        optimizer = torch.optim.AdamW(model.parameters(), 1e-4, fused=True)
    seconds = []
    for _ in range(steps + 2):
        began = time.process_time()
        if what == "encoder":
            model.zero_grad(set_to_none=False)
            (model(**inputs).last_hidden_state * coefficients).sum().backward()
        else:
            optimizer.zero_grad(set_to_none=False)
            model(**inputs, labels=labels, sentence_order_label=orders).loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        seconds.append(time.process_time() - began)
    seconds = sorted(seconds[2:])
    pieces = lengths.sum().item()
    print(
        json.dumps(
            {
                "peer": "transformers", "what": what, "size": size,
                "parameters": sum(p.numel() for p in model.parameters()),
                "pieces_per_second": pieces / seconds[len(seconds) // 2], "best": pieces / seconds[0],
                "milliseconds": 1e3 * seconds[len(seconds) // 2],
                "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )  # fmt: skip


if sys.argv[1] == "folder":
    folder(sys.argv[2])
else:
    rate(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 10)
