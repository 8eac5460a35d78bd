#!/usr/bin/env python3
"""Makes crates/asaibc/tests/golden/linear_crf.json: linear-chain CRFs over strings and vectors, as CRFsuite trains them.

Made with Python 3.11, python-crfsuite 0.9.12 (CRFsuite 0.12). Run: python tools/golden/linear_crf.py

A few sentences of our own, the strings of Peng and Dredze (2015), and vectors of two numbers for some characters (the character's
own and its neighbours', as features with those values). Every pair of a feature and a label, and of two labels, has a weight. L-BFGS
runs until the loss stands still. CRFsuite minimises `-sum ln p + c2 |w|^2`: what the project calls `l2` is 2 c2.
Kept: the loss at the minimum, the training sentences' best tags, and every label's probability in two further sentences.
"""

import json
import math
import pathlib
import tempfile

import pycrfsuite

OUT = pathlib.Path(__file__).resolve().parents[2] / "crates/asaibc/tests/golden/linear_crf.json"

# Characters and BIO tags; 王 is a name, a title and a chess piece.
TRAIN = [
    ("我叫王明在北京", "O O B-PER I-PER O B-LOC I-LOC"),
    ("王后在棋盘北边", "O O O O O O O"),
    ("李王去上海看王明", "B-PER I-PER O B-LOC I-LOC O B-PER I-PER"),
    ("北京很大", "B-LOC I-LOC O O"),
    ("南北各一个王", "O O O O O O"),
    ("明天去", "O O O"),
    ("李", "B-PER"),
    ("在上边", "O O O"),
]
TEST = ["王明去北京看海", "李在南边"]
LABELS = ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
TEMPLATES = [(-2,), (-1,), (0,), (1,), (2,), (-2, -1), (-1, 0), (0, 1), (1, 2), (-1, 1)]
VECTORS = {
    c: [round(math.sin(3 * i + 1), 3), round(math.cos(5 * i), 3)]
    for i, c in enumerate("王明李北京上海在去")
}
C2 = 0.1


def features(text, window):
    """One dictionary of features a character; `window` is None without vectors."""
    rows = []
    for at in range(len(text)):
        row = {}
        for template in TEMPLATES:
            places = [at + offset for offset in template]
            if all(0 <= place < len(text) for place in places):
                row[f"{template}={''.join(text[p] for p in places)}"] = 1.0
        if at == 0:
            row["first"] = 1.0
        if at + 1 == len(text):
            row["last"] = 1.0
        if window is not None:
            for offset in range(-window, window + 1):
                if 0 <= at + offset < len(text):
                    for d, x in enumerate(VECTORS.get(text[at + offset], [])):
                        row[f"v{offset},{d}"] = x
        rows.append(row)
    return rows


def case(window):
    trainer = pycrfsuite.Trainer(algorithm="lbfgs", verbose=False)
    for text, tags in TRAIN:
        trainer.append(features(text, window), tags.split())
    trainer.set_params({
        "c1": 0.0, "c2": C2, "epsilon": 1e-9, "period": 50, "delta": 1e-14, "max_iterations": 2000,
        "feature.possible_states": True, "feature.possible_transitions": True,
        # The frequency of a feature is the sum of its values; those of vectors may be negative, and none must be left out.
        "feature.minfreq": -1000.0,
    })
    with tempfile.NamedTemporaryFile(suffix=".crfsuite") as file:
        trainer.train(file.name)
        tagger = pycrfsuite.Tagger()
        tagger.open(file.name)
        assert sorted(tagger.labels()) == sorted(LABELS)
        predicted = [" ".join(tagger.tag(features(text, window))) for text, _ in TRAIN]
        marginals = []
        for text in TEST:
            tagger.set(features(text, window))
            marginals.append([[tagger.marginal(label, t) for label in LABELS] for t in range(len(text))])
    return {
        "window": window,
        "loss": trainer.logparser.last_iteration["loss"],
        "predicted": predicted,
        "marginals": marginals,
    }


OUT.write_text(json.dumps({
    "l2": 2 * C2,
    "labels": LABELS,
    "train": [{"text": text, "tags": tags} for text, tags in TRAIN],
    "test": TEST,
    "vectors": VECTORS,
    "cases": [case(None), case(0), case(1)],
}, ensure_ascii=False, indent=1) + "\n")
print(OUT)
