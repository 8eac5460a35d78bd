"""Training rate of a BiLSTM-CRF on MSRA in PyTorch 2.11 + pytorch-crf 0.7.2: sentences a second, median of rounds.

The same model as `cargo run --release -p medner-albert-idcnn --example training_rate`: characters of 100 dimensions,
100 per direction, dropout 0.5, 7 tags, batches of 20, sentences of up to 200 characters, Adam, gradient norm 5.
Arguments: --msra FILE (train.bio) --batches random|like-length --steps N --rounds N --threads N
Prints one JSON line.
"""

import argparse
import json
import random
import statistics
import time

import torch
from torch import nn
from torchcrf import CRF

parser = argparse.ArgumentParser()
parser.add_argument("--msra", required=True)
parser.add_argument("--batches", choices=["random", "like-length"], required=True)
parser.add_argument("--steps", type=int, default=40)
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--threads", type=int, default=2)
args = parser.parse_args()

torch.set_num_threads(args.threads)
torch.manual_seed(1)
random.seed(1)

sentences, chars, tags = [], {"<pad>": 0, "<unk>": 1}, {}
current = []
for line in open(args.msra, encoding="utf-8"):
    line = line.rstrip("\n")
    if line:
        char, tag = line.split("\t")
        current.append((chars.setdefault(char, len(chars)), tags.setdefault(tag, len(tags))))
    elif current:
        sentences.append(current)
        current = []
if current:
    sentences.append(current)
sentences = [s for s in sentences if len(s) <= 200]


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(len(chars), 100, padding_idx=0)
        self.dropout = nn.Dropout(0.5)
        self.lstm = nn.LSTM(100, 100, batch_first=True, bidirectional=True)
        self.linear = nn.Linear(200, len(tags))
        self.crf = CRF(len(tags), batch_first=True)

    def loss(self, ids, labels, mask):
        xs = self.dropout(self.embedding(ids))
        packed = nn.utils.rnn.pack_padded_sequence(xs, mask.sum(1), batch_first=True, enforce_sorted=False)
        ys, _ = nn.utils.rnn.pad_packed_sequence(self.lstm(packed)[0], batch_first=True, total_length=ids.shape[1])
        return -self.crf(self.linear(ys), labels, mask=mask, reduction="mean")


def tensors(batch):
    longest = max(len(s) for s in batch)
    ids = torch.zeros(len(batch), longest, dtype=torch.long)
    labels, mask = torch.zeros_like(ids), torch.zeros(len(batch), longest, dtype=torch.bool)
    for row, sentence in enumerate(batch):
        n = len(sentence)
        ids[row, :n] = torch.tensor([c for c, _ in sentence])
        labels[row, :n] = torch.tensor([t for _, t in sentence])
        mask[row, :n] = True
    return ids, labels, mask


order = list(range(len(sentences)))
random.shuffle(order)
if args.batches == "like-length":
    order.sort(key=lambda i: len(sentences[i]))
batches = [order[i : i + 20] for i in range(0, len(order) - 19, 20)]
random.shuffle(batches)

model = Tagger()
model.train()
optimizer = torch.optim.Adam(model.parameters())
at, rates = 0, []
for round_ in range(args.rounds + 1):
    start = time.perf_counter()
    for _ in range(args.steps):
        ids, labels, mask = tensors([sentences[i] for i in batches[at % len(batches)]])
        at += 1
        optimizer.zero_grad()
        loss = model.loss(ids, labels, mask)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
    if round_ > 0:  # the first round warms up
        rates.append(20 * args.steps / (time.perf_counter() - start))
print(json.dumps({"peer": "pytorch+pytorch-crf", "batches": args.batches, "sentences_per_second": statistics.median(rates), "rounds": rates, "loss": loss.item()}))
