"""Training rate of BiLSTM+CRF and ASAIBC on MSRA in PyTorch 2.11 + pytorch-crf 0.7.2: sentences and characters a second, medians of
rounds.

The same networks as `cargo run --release -p medner-asaibc --example asaibc_rate`: characters of 100 dimensions and positions of 20,
100 per direction, dropout 0.5, batches of 20 sentences of like length (MSRA's of up to 200 characters), Adam, gradient norm 5. ASAIBC
makes two updates a step, one on a batch of MSRA and one on a batch of People's Daily 1998 (cut at full stops, up to 200 characters).
IndRNN is a loop over the steps, as PyTorch has no kernel for it. Sentences are those of MSRA; characters are all that were trained on.
Arguments: --msra FILE --pd1998 FILE --system bilstm-crf|asaibc --steps N --rounds N --threads N
Prints one JSON line.
"""

import argparse
import json
import math
import random
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F
from torchcrf import CRF

parser = argparse.ArgumentParser()
parser.add_argument("--msra", required=True)
parser.add_argument("--pd1998", required=True)
parser.add_argument("--system", choices=["bilstm-crf", "asaibc"], required=True)
parser.add_argument("--steps", type=int, default=40)
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--threads", type=int, default=2)
args = parser.parse_args()

torch.set_num_threads(args.threads)
torch.manual_seed(1)
random.seed(1)

D, P, H, LONGEST = 100, 20, 100, 250
chars = {"<pad>": 0, "<unk>": 1}


def read_msra(path):
    sentences, tags, current = [], {}, []
    for line in open(path, encoding="utf-8"):
        line = line.rstrip("\n")
        if line:
            char, tag = line.split("\t")
            current.append((chars.setdefault(char, len(chars)), tags.setdefault(tag, len(tags))))
        elif current:
            sentences.append(current)
            current = []
    if current:
        sentences.append(current)
    return [s for s in sentences if len(s) <= 200], len(tags)


def read_peoples_daily(path):
    sentences = []
    for line in open(path, encoding="gb18030"):
        current = []
        for item in line.split()[1:]:
            word = item.lstrip("[").rsplit("/", 1)[0] if not item.startswith("[/") else "["
            tags = [3] if len(word) == 1 else [0] + [1] * (len(word) - 2) + [2]
            current += [(chars.setdefault(c, len(chars)), t) for c, t in zip(word, tags)]
            if word == "。" and current:
                sentences.append(current)
                current = []
        if current:
            sentences.append(current)
    return [s for s in sentences if len(s) <= 200]


class Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx, xs):
        return xs.view_as(xs)

    @staticmethod
    def backward(ctx, gradient):
        return -gradient


class BiLstm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.lstm = nn.LSTM(width, H, batch_first=True, bidirectional=True)

    def forward(self, xs, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(xs, lengths, batch_first=True, enforce_sorted=False)
        return nn.utils.rnn.pad_packed_sequence(self.lstm(packed)[0], batch_first=True, total_length=xs.shape[1])[0]


def reversed_within(xs, lengths):
    index = torch.arange(xs.shape[1]).expand(xs.shape[0], -1)
    index = torch.where(index < lengths[:, None], lengths[:, None] - 1 - index, index)
    return xs.gather(1, index[:, :, None].expand_as(xs))


class IndRnn(nn.Module):
    """One layer, both directions, batch normalisation over the tokens."""

    def __init__(self, width):
        super().__init__()
        self.inputs = nn.ModuleList([nn.Linear(width, H) for _ in range(2)])
        self.u = nn.Parameter(torch.rand(2, H))
        self.norm = nn.BatchNorm1d(2 * H)

    def forward(self, xs, lengths, mask):
        outputs = []
        for direction in range(2):
            ys = self.inputs[direction](reversed_within(xs, lengths) if direction else xs)
            state, states = torch.zeros_like(ys[:, 0]), []
            for t in range(ys.shape[1]):
                state = F.relu(ys[:, t] + self.u[direction] * state)
                states.append(state)
            ys = torch.stack(states, 1)
            outputs.append(reversed_within(ys, lengths) if direction else ys)
        ys = torch.cat(outputs, 2)
        normed = torch.zeros_like(ys)
        normed[mask] = self.norm(ys[mask])
        return normed

    def clamp(self):
        with torch.no_grad():
            bound = 2 ** (1 / LONGEST)
            self.u.clamp_(-bound, bound)


def difference(shared, private, mask):
    def rows(xs):
        xs = xs[mask]
        return F.normalize(xs - xs.mean(0), dim=1)

    return (rows(shared).T @ rows(private)).square().sum() / mask.sum()


def reconstruction(predicted, target, mask):
    d = (predicted - target.detach())[mask]
    return (d.square().mean(1) - d.mean(1).square()).mean()


class Tagger(nn.Module):
    def __init__(self, tags, transfer):
        super().__init__()
        self.characters = nn.Embedding(len(chars), D, padding_idx=0)
        self.positions = nn.Embedding(LONGEST + 1, P)
        self.dropout = nn.Dropout(0.5)
        self.transfer = transfer
        base = 4 * H if transfer else D + P
        if transfer:
            self.shared, self.private, self.words = BiLstm(D + P), BiLstm(D + P), BiLstm(D + P)
            self.decoder = nn.Linear(2 * H, D + P)
            self.discriminator = nn.Sequential(nn.Linear(2 * H, 100), nn.ReLU(), nn.Linear(100, 2))
            self.word_output, self.word_crf = nn.Linear(4 * H, 4), CRF(4, batch_first=True)
            self.attention = nn.Linear(base, 1)
            self.indrnn = nn.ModuleList([IndRnn(base), IndRnn(2 * H)])
            self.fully_connected = nn.Linear(4 * H, 200)
        self.joint = BiLstm(base)
        self.output = nn.Linear(200, tags)
        self.crf = CRF(tags, batch_first=True)

    def inputs(self, ids, mask):
        places = torch.arange(1, ids.shape[1] + 1).clamp(max=LONGEST) * mask
        return torch.cat([self.characters(ids), self.positions(places)], 2)

    def separate(self, task, xs, lengths, mask):
        shared, private = self.shared(xs, lengths), (self.words if task else self.private)(xs, lengths)
        pooled = Reverse.apply(shared).masked_fill(~mask[:, :, None], -1e9).amax(1)
        same = F.cross_entropy(self.discriminator(pooled), torch.full((len(xs),), task))
        losses = 0.075 * difference(shared, private, mask) + 0.25 * same
        losses = losses + 0.01 * reconstruction(self.decoder(shared + private), xs, mask)
        return torch.cat([shared, private], 2), losses

    def attended(self, base, mask):
        scores = torch.tanh(self.attention(base)).squeeze(2).masked_fill(~mask, -1e9)
        return base * (torch.softmax(scores, 1) * mask.sum(1, keepdim=True))[:, :, None]

    def loss(self, ids, labels, mask):
        lengths = mask.sum(1)
        xs = self.inputs(ids, mask)
        base, others = self.separate(0, xs, lengths, mask) if self.transfer else (xs, 0)
        ys = self.joint(base, lengths)
        if self.transfer:
            beside = self.attended(base, mask)
            for layer in self.indrnn:
                beside = layer(beside, lengths, mask)
            ys = torch.sigmoid(self.fully_connected(self.dropout(torch.cat([beside, ys], 2))))
        else:
            ys = self.dropout(ys)
        return -self.crf(self.output(ys), labels, mask=mask, reduction="mean") + others

    def word_loss(self, ids, labels, mask, weights):
        base, others = self.separate(1, self.inputs(ids, mask), mask.sum(1), mask)
        task = -self.word_crf(self.word_output(self.dropout(base)), labels, mask=mask, reduction="none")
        return (task * weights).mean() + others


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


def like_length(sentences):
    order = list(range(len(sentences)))
    random.shuffle(order)
    order.sort(key=lambda i: len(sentences[i]))
    batches = [order[i : i + 20] for i in range(0, len(order) - 19, 20)]
    random.shuffle(batches)
    return [[sentences[i] for i in batch] for batch in batches]


def update(loss):
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 5.0)
    optimizer.step()
    for layer in model.indrnn if model.transfer else []:
        layer.clamp()


sentences, tags = read_msra(args.msra)
batches = like_length(sentences)
transfer = args.system == "asaibc"
beside = like_length(read_peoples_daily(args.pd1998)) if transfer else []
model = Tagger(tags, transfer)
model.train()
optimizer = torch.optim.Adam(model.parameters())
at, rates, character_rates, loss = 0, [], [], math.nan
for round_ in range(args.rounds + 1):
    start, characters = time.perf_counter(), 0
    for _ in range(args.steps):
        batch = batches[at % len(batches)]
        characters += sum(map(len, batch))
        loss = model.loss(*tensors(batch))
        update(loss)
        if transfer:
            batch = beside[at % len(beside)]
            characters += sum(map(len, batch))
            update(model.word_loss(*tensors(batch), torch.ones(20)))
        at += 1
    seconds = time.perf_counter() - start
    if round_ > 0:  # the first round warms up
        rates.append(20 * args.steps / seconds)
        character_rates.append(characters / seconds)
row = {"peer": "pytorch+pytorch-crf", "system": args.system, "sentences_per_second": statistics.median(rates)}
row |= {"characters_per_second": statistics.median(character_rates)}
print(json.dumps(row | {"rounds": rates, "loss": loss.item()}))
