"""Rate of fine-tuning an ALBERT-IDCNN-CRF with transformers 5.23 and pytorch-crf 0.7.2 (PyTorch 2.11), as one JSON line.

The same network and the same batches as `cargo run --release -p medner-albert-idcnn --example albert_finetuning`, read from
the file that its `dump` writes. Seconds are of the processor; one thread.
Arguments: FILE [sdpa|eager]
"""

import json
import resource
import sys
import time

import torch
from torch import nn
from torchcrf import CRF
from transformers import AlbertConfig, AlbertModel

WARM = 5
torch.set_num_threads(1)
torch.manual_seed(1)
data = json.load(open(sys.argv[1], encoding="utf-8"))
attention = sys.argv[2] if len(sys.argv) > 2 else "sdpa"
PAD, CLS, SEP = 0, 2, 3


class Tagger(nn.Module):
    def __init__(self, vocabulary, tags):
        super().__init__()
        config = AlbertConfig(
            vocab_size=vocabulary, embedding_size=128, hidden_size=192, num_hidden_layers=3, num_attention_heads=4,
            intermediate_size=768, hidden_act="gelu_new", max_position_embeddings=128, hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0, classifier_dropout_prob=0.0, attn_implementation=attention,
        )  # fmt: skip
        self.albert = AlbertModel(config, add_pooling_layer=False)
        self.dropout = nn.Dropout(0.5)
        self.first = nn.Conv1d(192, 128, 3, padding=1)
        self.block = nn.ModuleList(nn.Conv1d(128, 128, 3, padding=d, dilation=d) for d in (1, 1, 2))
        self.output = nn.Linear(4 * 128, tags)
        self.crf = CRF(tags, batch_first=True)

    def loss(self, ids, attended, mask, tags):
        # Without [CLS] and [SEP].
        xs = self.albert(input_ids=ids, attention_mask=attended).last_hidden_state[:, 1:-1]
        inside = mask[:, None].to(xs.dtype)
        state = torch.relu(self.first(self.dropout(xs).transpose(1, 2) * inside)) * inside
        outputs = []
        for _ in range(4):
            for convolution in self.block:
                state = torch.relu(convolution(state)) * inside
            outputs.append(state)
        emissions = self.output(torch.cat(outputs, 1).transpose(1, 2))
        return -self.crf(emissions, tags, mask=mask, reduction="mean")


def tensors(sentences, tags):
    longest = max(len(s) for s in sentences)
    ids = torch.full((len(sentences), longest + 2), PAD)
    attended = torch.zeros_like(ids)
    labels = torch.zeros(len(sentences), longest, dtype=torch.long)
    mask = torch.zeros(len(sentences), longest, dtype=torch.bool)
    for row, (sentence, own) in enumerate(zip(sentences, tags)):
        n = len(sentence)
        ids[row, 0], ids[row, n + 1] = CLS, SEP
        ids[row, 1 : n + 1] = torch.tensor(sentence)
        attended[row, : n + 2] = 1
        labels[row, :n] = torch.tensor(own)
        mask[row, :n] = True
    return ids, attended, mask, labels


model = Tagger(data["vocabulary"], 2 * len(data["types"]) + 1).train()
encoder = list(model.albert.parameters())
others = [p for name, p in model.named_parameters() if not name.startswith("albert.")]
optimizer = torch.optim.Adam([{"params": encoder, "lr": 3e-5}, {"params": others, "lr": 1e-3}], fused=True)
losses, sentences, characters, began = [], 0, 0, 0.0
for step, (batch, tags) in enumerate(zip(data["ids"], data["tags"])):
    if step == WARM:
        began = time.process_time()
    optimizer.zero_grad()
    loss = model.loss(*tensors(batch, tags))
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 5.0)
    optimizer.step()
    losses.append(loss.item())
    if step >= WARM:
        sentences += len(batch)
        characters += sum(map(len, batch))
seconds = time.process_time() - began
print(
    json.dumps(
        {
            "peer": f"transformers + pytorch-crf ({attention})",
            "parameters": sum(p.numel() for p in model.parameters()),
            "sentences_per_second": sentences / seconds,
            "characters_per_second": characters / seconds,
            "first_loss": losses[0],
            "last_loss": losses[-1],
            "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
    )
)
