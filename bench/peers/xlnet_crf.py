"""Speed of XLNet-CRF in transformers 5.23 and pytorch-crf (PyTorch 2.11): a fine-tuning step, or a forward pass with decoding.

The same model and batches as `cargo run --release -p medner-mtl-ls --example tagging_rate`; seconds of the processor.
Arguments: tune|forward LAYERS,WIDTH,HEADS [STEPS [DEVICE [f32|bf16]]]; one thread. Prints one JSON line.
"""

import json
import resource
import sys
import time

import torch
from torchcrf import CRF
from transformers import XLNetConfig, XLNetModel

B, V, LABELS = 32, 13000, 4
torch.set_num_threads(1)
torch.manual_seed(1)


def lengths(batch):
    return [12 + 24 * batch + row * 7 % 22 for row in range(B)]


def make(number, device):
    pieces = lengths(number)
    longest = max(pieces)
    t = -(-(longest + 2) // 8) * 8
    l = -(-longest // 8) * 8
    mask = torch.arange(t)[None] < torch.tensor([n + 2 for n in pieces])[:, None]
    ids = torch.randint(9, V, (B, t)) * mask
    labelled = torch.arange(l)[None] < torch.tensor(pieces)[:, None]
    labels = torch.randint(LABELS, (B, l))
    return [x.to(device) for x in (ids, mask.float(), labels, labelled)]


def main(what, size, steps=10, device="cpu", precision="f32"):
    layers, width, heads = map(int, size.split(","))
    config = XLNetConfig(vocab_size=V, d_model=width, n_layer=layers, n_head=heads, d_inner=4 * width, dropout=0.1)
    encoder = XLNetModel(config).to(device)
    output = torch.nn.Linear(width, LABELS).to(device)
    crf = CRF(LABELS, batch_first=True).to(device)
    modules = torch.nn.ModuleList([encoder, output, crf])
    optimizer = torch.optim.Adam(modules.parameters(), 1e-4, fused=True)
    modules.train(what == "tune")
    batches = [make(n, device) for n in range(4)]
    on_cpu = device == "cpu"
    now = time.process_time if on_cpu else time.perf_counter
    seconds = []
    for _ in range(steps + 2):
        began = now()
        for ids, mask, labels, labelled in batches:
            if what == "tune":
                optimizer.zero_grad(set_to_none=False)
                with torch.autocast(device.split(":")[0], torch.bfloat16, enabled=precision == "bf16"):
                    hidden = encoder(ids, attention_mask=mask).last_hidden_state
                emissions = output(hidden.float())[:, : labels.shape[1]]
                loss = -crf(emissions, labels, mask=labelled, reduction="mean")
                loss.backward()
                torch.nn.utils.clip_grad_norm_(modules.parameters(), 1.0)
                optimizer.step()
                loss.item()
            else:
                with torch.inference_mode():
                    hidden = encoder(ids, attention_mask=mask).last_hidden_state
                    crf.decode(output(hidden)[:, : labels.shape[1]], mask=labelled)
        seconds.append(now() - began)
    seconds = sorted(seconds[2:])
    median = seconds[len(seconds) // 2]
    print(
        json.dumps(
            {
                "peer": "transformers+pytorch-crf", "what": what, "size": size,
                "parameters": sum(p.numel() for p in modules.parameters()),
                "sequences_per_second": 4 * B / median, "best": 4 * B / seconds[0],
                "pieces_per_second": sum(n for b in range(4) for n in lengths(b)) / median,
                "milliseconds_a_step": 1e3 * median / 4,
                "peak_mib": (
                    resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
                    if on_cpu else torch.cuda.max_memory_allocated() / 2**20
                ),
            }
        )
    )  # fmt: skip


arguments = sys.argv[1:]
main(*arguments[:2], *map(int, arguments[2:3]), *arguments[3:])
