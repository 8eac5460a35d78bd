#!/usr/bin/env python3
"""Makes crates/mtaal/tests/golden/metrics.json: random labels of both tasks and the four metrics of MTAAL.

Made with Python 3.11, seqeval 1.2.2, scikit-learn. Run: python tools/golden/mtaal_metrics.py

- ner_f1: seqeval's default mode, which reads BIO as conlleval does, over all sentences.
- ner_f1_batch_mean: the same on the tags of each full batch laid end to end as one sentence, averaged.
- nen_f1: runs of one concept as spans, stated here anew with itertools.
- nen_token_accuracy: scikit-learn's accuracy over all tokens.
"""

import itertools
import json
import pathlib
import random
import warnings

from seqeval.metrics import f1_score
from sklearn.metrics import accuracy_score

warnings.filterwarnings("ignore")
OUT = pathlib.Path(__file__).resolve().parents[2] / "crates/mtaal/tests/golden/metrics.json"
TAGS = ["O", "B-Chemical", "I-Chemical", "B-Disease", "I-Disease"]
CONCEPTS = 6
BATCH = 32


def runs(labels):
    """First token, one past the last, concept."""
    found, start = set(), 0
    for concept, group in itertools.groupby(labels):
        end = start + len(list(group))
        if concept:
            found.add((start, end, concept))
        start = end
    return found


def labels(rng, length, count, outside):
    return [0 if rng.random() < outside else rng.randrange(count) for _ in range(length)]


def noisy(rng, gold, count, share):
    return [rng.randrange(count) if rng.random() < share else label for label in gold]


def case(rng, sentences, outside, share):
    lengths = [rng.randint(1, 12) for _ in range(sentences)]
    ner = [labels(rng, n, len(TAGS), outside) for n in lengths]
    # Runs of concepts, as in annotation: a concept often goes on.
    nen = []
    for n in lengths:
        row = labels(rng, n, CONCEPTS, outside)
        for i in range(1, n):
            if row[i - 1] and rng.random() < 0.5:
                row[i] = row[i - 1]
        nen.append(row)
    ner_predicted = [noisy(rng, row, len(TAGS), share) for row in ner]
    nen_predicted = [noisy(rng, row, CONCEPTS, share) for row in nen]

    text = lambda rows: [[TAGS[i] for i in row] for row in rows]
    gold, predicted = text(ner), text(ner_predicted)
    batches = []
    for start in range(0, sentences // BATCH * BATCH, BATCH):
        stream = lambda rows: [list(itertools.chain(*rows[start : start + BATCH]))]
        batches.append(f1_score(stream(gold), stream(predicted), zero_division=0))
    correct = sum(len(runs(g) & runs(p)) for g, p in zip(nen, nen_predicted))
    total = sum(len(runs(g)) + len(runs(p)) for g, p in zip(nen, nen_predicted))
    flat = lambda rows: list(itertools.chain(*rows))
    return {
        "ner": {"gold": ner, "predicted": ner_predicted},
        "nen": {"gold": nen, "predicted": nen_predicted},
        "ner_f1": float(f1_score(gold, predicted, zero_division=0)),
        "ner_f1_batch_mean": sum(batches) / len(batches) if batches else None,
        "nen_f1": 2 * correct / total if total else 0.0,
        "nen_token_accuracy": float(accuracy_score(flat(nen), flat(nen_predicted))),
    }


rng = random.Random(11)
cases = [case(rng, n, outside, share) for n, outside, share in [(70, 0.7, 0.2), (40, 0.3, 0.5), (9, 0.9, 0.1), (33, 0.0, 0.9)]]
OUT.parent.mkdir(parents=True, exist_ok=True)
OUT.write_text(json.dumps({"tags": TAGS, "concepts": CONCEPTS, "cases": cases}, separators=(",", ":")) + "\n")
