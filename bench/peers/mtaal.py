"""Seconds of each part of a query round of MTAAL on NCBI in PyTorch 2.11, as one JSON line a query.

The same steps as `cargo run --release -p medner-mtaal --example query_rate`, written as a port usually is: batches of 32
sentences, padded and packed (`pack_padded_sequence`), the characters of every token of a batch read by the character BiLSTM,
autograd and `torch.optim.Adam` for everything, the pool scored in such batches under `no_grad`. With `--batches like` they are of
like length where ours are (all but the diversity game's), with `random` drawn at random everywhere, as the authors' are.
Algorithm 1 as printed: diversity game over one pass of the labelled sentences (lines 2 to 4), scoring and query (5 to 8), task
game (9 to 12), one epoch of both tasks (13 to 15), then the test sentences.

Arguments: --data DIR (NCBI/ of the authors' files with split_seed0.json) --strategy mtaal|lc --queries N --threads N --steps N
(at most so many steps of each part; 0 for all) --batches like|random.
"""

import argparse
import json
import pathlib
import random
import time

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

parser = argparse.ArgumentParser()
parser.add_argument("--data", required=True)
parser.add_argument("--strategy", choices=["mtaal", "lc"], default="mtaal")
parser.add_argument("--queries", type=int, default=1)
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--steps", type=int, default=0)
parser.add_argument("--batches", choices=["like", "random"], default="like")
args = parser.parse_args()
torch.set_num_threads(args.threads)
torch.manual_seed(1)
random.seed(1)
HIDDEN, CHARACTERS, WORDS, BATCH, QUERY = 64, 30, 300, 32, 64

# Sentences, vocabularies, labels.
folder = pathlib.Path(args.data)
everything = []
for name in ("train", "dev", "test"):
    for block in (folder / f"{name}.txt").read_text(encoding="utf-8").strip().split("\n\n"):
        everything.append([line.split("\t") for line in block.strip("\n").split("\n")])
numbers = [{"<pad>": 0, "<unk>": 1}, {"<pad>": 0, "<unk>": 1}, {"O": 0}, {"O": 0}]
words, characters, ner_labels, nen_labels = numbers
for sentence in everything:
    for token, tag, concept in sentence:
        words.setdefault(token.lower(), len(words))
        ner_labels.setdefault(tag, len(ner_labels))
        nen_labels.setdefault(concept, len(nen_labels))
        for c in token:
            characters.setdefault(c, len(characters))
kept = [s for s in everything if 5 < len(s) < 60]
split = json.loads((folder / "split_seed0.json").read_text())
labelled, pool, test = list(split["label"]), list(split["unlabel"]), list(split["test"])
data = [
    (
        [words[t.lower()] for t, _, _ in s],
        [[characters[c] for c in t] for t, _, _ in s],
        [ner_labels[y] for _, y, _ in s],
        [nen_labels[y] for _, _, y in s],
    )
    for s in kept
]


def batch_of(ids):
    sentences = [data[i] for i in ids]
    lengths = torch.tensor([len(s[0]) for s in sentences])
    longest = int(lengths.max())
    letters = max(len(c) for s in sentences for c in s[1])
    word = torch.zeros(len(ids), longest, dtype=torch.long)
    char = torch.zeros(len(ids), longest, letters, dtype=torch.long)
    char_lengths = torch.ones(len(ids), longest, dtype=torch.long)
    labels = torch.full((2, len(ids), longest), -100, dtype=torch.long)
    for row, (w, c, ner, nen) in enumerate(sentences):
        n = len(w)
        word[row, :n] = torch.tensor(w)
        labels[0, row, :n] = torch.tensor(ner)
        labels[1, row, :n] = torch.tensor(nen)
        for column, spelling in enumerate(c):
            char[row, column, : len(spelling)] = torch.tensor(spelling)
            char_lengths[row, column] = len(spelling)
    mask = torch.arange(longest)[None] < lengths[:, None]
    return word, char, char_lengths, lengths, mask, labels


def packed(lstm, xs, lengths):
    states, (last, _) = lstm(pack_padded_sequence(xs, lengths, batch_first=True, enforce_sorted=False))
    states, _ = pad_packed_sequence(states, batch_first=True, total_length=xs.shape[1])
    return states, torch.cat([last[0], last[1]], 1)


def bilstm(width):
    return nn.LSTM(width, HIDDEN, batch_first=True, bidirectional=True)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.char = nn.Embedding(len(characters), CHARACTERS, padding_idx=0)
        self.word = nn.Embedding(len(words), WORDS, padding_idx=0)
        self.spell, self.read = bilstm(CHARACTERS), bilstm(WORDS + 2 * HIDDEN)

    def forward(self, batch):
        word, char, char_lengths, lengths, _, _ = batch
        b, t, c = char.shape
        _, last = packed(self.spell, self.char(char.view(b * t, c)), char_lengths.view(-1))
        return packed(self.read, torch.cat([self.word(word), last.view(b, t, -1)], 2), lengths)[0]


class Decoder(nn.Module):
    def __init__(self, labels):
        super().__init__()
        self.project = nn.Linear(2 * HIDDEN, 6 * HIDDEN)
        self.read, self.output = bilstm(2 * HIDDEN), nn.Linear(2 * HIDDEN, labels)

    def private(self, e, mask):
        q, k, v = self.project(e).chunk(3, 2)
        scores = (q @ k.transpose(1, 2) / (2 * HIDDEN) ** 0.5).masked_fill(~mask[:, None], -1e9)
        return scores.softmax(-1) @ v

    def logits(self, p, lengths):
        return self.output(packed(self.read, p, lengths)[0])


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.read, self.output = bilstm(2 * HIDDEN), nn.Linear(2 * HIDDEN, 2)

    def forward(self, xs, lengths):
        return self.output(packed(self.read, xs, lengths)[1]).log_softmax(-1)


encoder, td, dd = Encoder(), Discriminator(), Discriminator()
ner, nen = Decoder(len(ner_labels)), Decoder(len(nen_labels))


def adam(rate, *modules):
    return torch.optim.Adam([p for m in modules for p in m.parameters()], lr=rate)


tasks = adam(1e-3, encoder, ner, nen)
dd_step, e_step = adam(1e-4, dd), adam(1e-4, encoder)
share, private = adam(1e-4, encoder), adam(1e-4, td, ner, nen)


LIKE = args.batches == "like"


def by_length(ids):
    return sorted(ids, key=lambda i: (len(data[i][0]) + 7) // 8)


def batches(ids, like=LIKE):
    ids = list(ids)
    random.shuffle(ids)
    if like:
        ids = by_length(ids)
    cut = [ids[i : i + BATCH] for i in range(0, len(ids), BATCH)]
    random.shuffle(cut)
    return cut


def pairs(like):
    unlabelled = batches(pool, like)
    return [(a, unlabelled[i % len(unlabelled)]) for i, a in enumerate(batches(labelled, like))]


def diversity(pair):
    x_l, x_u = batch_of(pair[0]), batch_of(pair[1])
    e_l, e_u = encoder(x_l), encoder(x_u)
    dd_step.zero_grad()
    (-dd(e_l.detach(), x_l[3])[:, 1].mean() - dd(e_u.detach(), x_u[3])[:, 0].mean()).backward()
    dd_step.step()
    e_step.zero_grad()
    (-dd(e_l, x_l[3])[:, 1].mean() - dd(e_u, x_u[3])[:, 1].mean()).backward()
    e_step.step()


def game_value(e, x):
    return (
        td(ner.private(e, x[4]), x[3])[:, 0].mean() + td(nen.private(e, x[4]), x[3])[:, 1].mean()
    )


def game(pair):
    both = [batch_of(pair[0]), batch_of(pair[1])]
    share.zero_grad()
    sum(game_value(encoder(x), x) for x in both).backward()
    share.step()
    with torch.no_grad():
        latent = [encoder(x) for x in both]
    private.zero_grad()
    (-sum(game_value(e, x) for e, x in zip(latent, both))).backward()
    private.step()


def train(ids):
    x = batch_of(ids)
    e = encoder(x)
    tasks.zero_grad()
    loss = 0
    for decoder, gold in ((ner, x[5][0]), (nen, x[5][1])):
        logits = decoder.logits(decoder.private(e, x[4]), x[3])
        loss = loss + F.cross_entropy(logits.flatten(0, 1), gold.flatten())
    loss.backward()
    tasks.step()
    return float(loss.detach())


@torch.no_grad()
def judge(ids):
    """For each sentence the sum of the log-probabilities of the best labels of both tasks; and right labels of NEN."""
    found, right, all_tokens = [], 0, 0
    for start in range(0, len(ids), BATCH):
        x = batch_of(ids[start : start + BATCH])
        e = encoder(x)
        total = 0
        for at, decoder in enumerate((ner, nen)):
            log_p = decoder.logits(decoder.private(e, x[4]), x[3]).log_softmax(-1)
            best, label = log_p.max(-1)
            total = total + (1 - (best * x[4]).sum(1).exp())
            if at == 1:
                right += int(((label == x[5][1]) & x[4]).sum())
                all_tokens += int(x[4].sum())
        found += total.tolist()
    return found, right / max(all_tokens, 1)


@torch.no_grad()
def unlike(ids):
    found = []
    for start in range(0, len(ids), BATCH):
        x = batch_of(ids[start : start + BATCH])
        found += (1 - dd(encoder(x), x[3])[:, 1].exp()).tolist()
    return found


def timed(seconds, name, call, items):
    items = items[: args.steps] if args.steps else items
    start, busy = time.perf_counter(), time.process_time()
    result = [call(item) for item in items]
    seconds[name] = [len(items), time.perf_counter() - start, time.process_time() - busy]
    return result


for query in range(args.queries):
    seconds, size = {}, len(labelled)
    if args.strategy == "mtaal":
        timed(seconds, "diversity", diversity, pairs(False))
    score = unlike if args.strategy == "mtaal" else (lambda ids: judge(ids)[0])
    pool = by_length(pool) if LIKE else pool
    (scores,) = timed(seconds, "scoring", score, [pool])
    chosen = {i for _, i in sorted(zip(scores, pool), reverse=True)[:QUERY]}
    labelled += sorted(chosen)
    pool = [i for i in pool if i not in chosen]
    if args.strategy == "mtaal":
        timed(seconds, "task_game", game, pairs(LIKE))
    losses = timed(seconds, "training", train, batches(labelled))
    ((_, accuracy),) = timed(seconds, "test", judge, [by_length(test) if LIKE else test])
    print(
        json.dumps(
            {
                "peer": "pytorch",
                "query": query + 1,
                "labelled": size,
                "seconds": sum(s for _, s, _ in seconds.values()),
                "processor_seconds": sum(s for _, _, s in seconds.values()),
                "parts": seconds,
                "loss": losses[-1],
                "nen_token_accuracy": accuracy,
            }
        ),
        flush=True,
    )
