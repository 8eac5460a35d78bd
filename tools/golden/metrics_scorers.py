#!/usr/bin/env python3
"""Makes crates/metrics/tests/golden/scorers.json: tag sequences and what the reference scorers say about them.

Made with Python 3.11, seqeval 1.2.2, numpy 2.4.6. Run: python tools/golden/metrics_scorers.py

- seqeval numbers (default and strict mode) come from the library.
- conlleval numbers: the Perl script itself was not run. Its definition (B, I, E, O rules, one pass over the tokens
  with a flag "inside a correct chunk", percentages with two decimals) is stated here anew, streaming as the script does.
  The Rust code compares sets of chunks instead, so the two agree only if both have the definition right.

Each case: scheme, gold and predicted sentences (tags joined by one space), and for each scorer the scores. A scorer that
refuses the tags has null.
"""

import json
import pathlib
import random
import warnings
from importlib.metadata import version

import numpy as np
from seqeval.metrics import accuracy_score
from seqeval.metrics.v1 import precision_recall_fscore_support as strict_scores
from seqeval.metrics.sequence_labeling import get_entities
from seqeval.metrics.sequence_labeling import precision_recall_fscore_support as default_scores
from seqeval.scheme import IOB2, IOBES, Entities

warnings.filterwarnings("ignore")
OUT = pathlib.Path(__file__).resolve().parents[2] / "crates/metrics/tests/golden/scorers.json"
LETTERS = {"bio": "BI", "bioes": "BIES"}


# ---- conlleval, stated anew -------------------------------------------------------------------------------------------

def split_tag(tag):
    letter, _, kind = tag.partition("-")
    return letter, kind


def ends(before, now):
    (b, bt), (n, nt) = before, now
    return (b, n) in {("B", "B"), ("B", "O"), ("I", "B"), ("I", "O"), ("E", "E"), ("E", "I"), ("E", "O")} or (
        b != "O" and bt != nt
    )


def begins(before, now):
    (b, bt), (n, nt) = before, now
    return (b, n) in {("B", "B"), ("I", "B"), ("O", "B"), ("O", "I"), ("E", "E"), ("E", "I"), ("O", "E")} or (
        n != "O" and bt != nt
    )


def conlleval(gold, predicted):
    found_gold, found_predicted, found_correct = {}, {}, {}
    tokens = right = 0
    inside = False
    last_g = last_p = ("O", "")

    def bump(table, kind):
        table[kind] = table.get(kind, 0) + 1

    # A sentence break is one more line, outside on both sides, that is not counted as a token.
    stream = []
    for g, p in zip(gold, predicted):
        stream += [(a, b, True) for a, b in zip(g, p)] + [("O", "O", False)]
    for g_tag, p_tag, is_token in stream:
        g, p = split_tag(g_tag), split_tag(p_tag)
        g_ends, p_ends = ends(last_g, g), ends(last_p, p)
        if inside:
            if g_ends and p_ends and last_g[1] == last_p[1]:
                inside = False
                bump(found_correct, last_g[1])
            elif g_ends != p_ends or g[1] != p[1]:
                inside = False
        g_begins, p_begins = begins(last_g, g), begins(last_p, p)
        if g_begins and p_begins and g[1] == p[1]:
            inside = True
        if g_begins:
            bump(found_gold, g[1])
        if p_begins:
            bump(found_predicted, p[1])
        if is_token:
            tokens += 1
            right += g == p
        last_g, last_p = g, p
    if inside:
        bump(found_correct, last_g[1])

    def percent(kinds):
        g = sum(found_gold.get(k, 0) for k in kinds)
        p = sum(found_predicted.get(k, 0) for k in kinds)
        c = sum(found_correct.get(k, 0) for k in kinds)
        precision = 100 * c / p if p else 0.0
        recall = 100 * c / g if g else 0.0
        f1 = 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0
        return g, p, c, precision, recall, f1

    kinds = sorted(set(found_gold) | set(found_predicted))
    g, p, c, precision, recall, f1 = percent(kinds)
    text = "processed %d tokens with %d phrases; found: %d phrases; correct: %d.\n" % (tokens, g, p, c)
    if tokens:
        text += "accuracy: %6.2f%%; precision: %6.2f%%; recall: %6.2f%%; FB1: %6.2f\n" % (
            100 * right / tokens, precision, recall, f1)
    for kind in kinds:
        _, n, _, precision, recall, f1 = percent([kind])
        text += "%17s: precision: %6.2f%%; recall: %6.2f%%; FB1: %6.2f  %d\n" % (kind, precision, recall, f1, n)
    return {
        "counts": [g, p, c],
        "types": {k: list(percent([k])[:3]) for k in kinds},
        "tokens": [right, tokens],
        "text": text,
    }


# ---- seqeval ----------------------------------------------------------------------------------------------------------

def seqeval_numbers(score, kinds, gold, predicted, **more):
    def averaged(how):
        p, r, f, _ = score(gold, predicted, average=how, zero_division=0, **more)
        return [float(p), float(r), float(f)]

    p, r, f, support = score(gold, predicted, average=None, zero_division=0, **more)
    empty = [0.0, 0.0, 0.0]  # seqeval averages over no types at all give NaN; ours are 0
    return {
        "micro": averaged("micro"),
        "macro": averaged("macro") if kinds else empty,
        "weighted": averaged("weighted") if kinds else empty,
        "types": {k: [float(p[i]), float(r[i]), float(f[i]), int(support[i])] for i, k in enumerate(kinds)},
    }


def numbers(scheme, gold, predicted):
    kinds = sorted({e[0] for e in get_entities(gold)} | {e[0] for e in get_entities(predicted)})
    out = {
        "default": seqeval_numbers(default_scores, kinds, gold, predicted),
        "accuracy": float(accuracy_score(gold, predicted)) if sum(map(len, gold)) else 0.0,
        "conlleval": conlleval(gold, predicted),
        "spans": [[list(e) for e in get_entities(s)] for s in predicted],
    }
    reader = {"bio": IOB2, "bioes": IOBES}[scheme]
    try:
        kinds = sorted(Entities(gold, reader).unique_tags | Entities(predicted, reader).unique_tags)
        out["strict"] = seqeval_numbers(strict_scores, kinds, gold, predicted, scheme=reader)
        out["strict_spans"] = [
            [[e.tag, e.start, e.end - 1] for e in s] for s in Entities(predicted, reader).entities
        ]
    except (KeyError, ValueError):
        out["strict"] = out["strict_spans"] = None
    return out


# ---- cases ------------------------------------------------------------------------------------------------------------

def legal(rng, scheme, length, kinds):
    tags = []
    while len(tags) < length:
        room = length - len(tags)
        n = min(room, rng.choice([1, 1, 2, 3, 4]))
        if rng.random() < 0.45:
            tags += ["O"] * n
            continue
        kind = rng.choice(kinds)
        if scheme == "bio":
            letters = "B" + "I" * (n - 1)
        else:
            letters = "S" if n == 1 else "B" + "I" * (n - 2) + "E"
        tags += [letter + "-" + kind for letter in letters]
    return tags


def disturb(rng, scheme, tags, kinds, rate):
    """Any tag of the scheme in place of some: most results are illegal."""
    pool = ["O"] + [letter + "-" + kind for letter in LETTERS[scheme] for kind in kinds]
    return [rng.choice(pool) if rng.random() < rate else tag for tag in tags]


def random_case(rng, index):
    scheme = "bio" if index % 2 == 0 else "bioes"
    kinds = [["A"], ["A", "B"], ["Disease", "Drug-Name", "药物"]][index % 3]
    lengths = [rng.randint(1, 12) for _ in range(rng.randint(1, 4))]
    gold = [legal(rng, scheme, n, kinds) for n in lengths]
    kind_of_case = index % 5
    if kind_of_case == 0:  # legal on both sides, related
        predicted = [g if rng.random() < 0.4 else legal(rng, scheme, len(g), kinds) for g in gold]
        name = "legal"
    elif kind_of_case in (1, 2):  # illegal predictions
        predicted = [disturb(rng, scheme, g, kinds, 0.3) for g in gold]
        name = "disturbed"
    elif kind_of_case == 3:  # noise on both sides
        gold = [disturb(rng, scheme, g, kinds, 0.3) for g in gold]
        predicted = [disturb(rng, scheme, g, kinds, 0.3) for g in gold]
        name = "both disturbed"
    else:  # pure noise
        predicted = [disturb(rng, scheme, g, kinds, 1.0) for g in gold]
        name = "noise"
    return f"random {index}: {name}", scheme, gold, predicted


HAND = [
    ("perfect", "bio", "B-X I-X O B-Y", "B-X I-X O B-Y"),
    ("nothing predicted", "bio", "B-X I-X O", "O O O"),
    ("nothing annotated", "bio", "O O O", "B-X I-X O"),
    ("nothing on either side", "bio", "O O", "O O"),
    ("orphan I at the start", "bio", "B-X I-X O", "I-X I-X O"),
    ("orphan I after O", "bio", "O B-X I-X", "O I-X I-X"),
    ("type changes inside", "bio", "B-X I-X I-X", "B-X I-Y I-Y"),
    ("I of another type after B", "bio", "B-X O", "B-X I-Y"),
    ("B splits", "bio", "B-X I-X I-X", "B-X B-X I-X"),
    ("one letter wrong, same entity", "bio", "B-X I-X", "I-X I-X"),
    ("entity to the sentence's end", "bio", "O B-X I-X | B-X O O", "O B-X I-X | B-X O O"),
    ("I opens the next sentence", "bio", "O B-X | O O", "O B-X | I-X O"),
    ("no types", "bio", "B I O B", "B I O I"),
    ("hyphens in the type", "bio", "B-A-b I-A-b O", "B-A-b I-A-b B-A"),
    ("a percentage that ends in 5", "bio", " ".join(["B-X"] + ["O"] * 31), " ".join(["O"] * 31 + ["B-X"])),
    ("one of 32 right", "bio", " ".join(["B-X"] * 32), " ".join(["B-X"] + ["B-Y"] * 31)),
    ("a letter of another scheme, predicted", "bio", "B-X I-X O", "B-X E-X O"),
    ("a letter of another scheme, gold", "bio", "S-X O O", "B-X O O"),
    ("whole and single", "bioes", "B-X I-X E-X O S-Y", "B-X I-X E-X O S-Y"),
    ("never closed", "bioes", "B-X I-X E-X O", "B-X I-X I-X O"),
    ("never opened", "bioes", "B-X E-X O", "I-X E-X O"),
    ("B then E of another type", "bioes", "B-X E-X O", "B-X E-Y O"),
    ("E after S", "bioes", "S-X S-X", "S-X E-X"),
    ("I after E", "bioes", "B-X E-X S-X", "B-X E-X I-X"),
    ("E then B of the same type", "bioes", "B-X E-X B-X E-X", "B-X E-X B-X E-X"),
    ("S after S of the same type", "bioes", "S-X S-X O", "S-X S-X O"),
    ("B then S", "bioes", "S-X S-X", "B-X S-X"),
    ("I alone", "bioes", "O S-X O", "O I-X O"),
    ("E alone", "bioes", "O S-X O", "O E-X O"),
    ("BIO read as BIOES", "bioes", "B-X E-X S-Y O", "B-X I-X B-Y O"),
    ("no types, BIOES", "bioes", "B E S O", "B E S O"),
]


def main():
    rng = random.Random(20240501)
    cases = [
        (name, scheme, [s.split() for s in gold.split("|")], [s.split() for s in predicted.split("|")])
        for name, scheme, gold, predicted in HAND
    ]
    cases += [random_case(rng, i) for i in range(200)]
    lines = []
    for name, scheme, gold, predicted in cases:
        case = {
            "name": name,
            "scheme": scheme,
            "gold": [" ".join(s) for s in gold],
            "predicted": [" ".join(s) for s in predicted],
            **numbers(scheme, gold, predicted),
        }
        lines.append(json.dumps(case, ensure_ascii=False))
    OUT.parent.mkdir(parents=True, exist_ok=True)
    with OUT.open("w", encoding="utf-8") as f:
        f.write("[\n" + ",\n".join(lines) + "\n]\n")
    print(f"{OUT}: {len(cases)} cases, numpy {np.__version__}, seqeval {version('seqeval')}")


if __name__ == "__main__":
    main()
