"""Speed and neighbours of character vectors: our CBOW beside gensim's, on People's Daily January 1998.

Made with Python 3.11, gensim 4.4.0. Run from the repository's root, on a machine that does nothing else:

    cargo build --release -p medner-data --example cbow_speed
    python bench/peers/cbow_gensim.py --corpus datasets/cws/pd199801.gb18030.txt

Every round runs each system once, one after the other; the table has the medians over the rounds. Both read the same
sentences and use the same settings (CBOW with the mean of the context, 100 dimensions, window 5, 5 negative examples, at least 5
occurrences, subsampling at 0.001, 5 epochs, rate 0.025 to 0.0001). Words per second are all characters of the text times
epochs by the seconds of training; reading, counting and numbering are excluded for both. gensim is timed on lists of tokens and
in its faster mode, which reads a file without Python's lock (`corpus_file`).
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import gensim
from gensim.models import KeyedVectors, Word2Vec

SETTINGS = dict(vector_size=100, window=5, negative=5, min_count=5, sample=1e-3, sg=0, cbow_mean=1, alpha=0.025, min_alpha=1e-4)
EPOCHS = 5


def sentences(path):
    """The characters of each line, without identifier, parts of speech and brackets."""
    for line in open(path, encoding="gb18030"):
        text = "".join(re.sub(r"/[A-Za-z]+(\].*)?$", "", word).lstrip("[") for word in line.split()[1:])
        if text:
            yield text


def run_gensim(lines, words, threads, seed, file=None):
    model = Word2Vec(workers=threads, seed=seed, **SETTINGS)
    source = dict(corpus_file=file) if file else dict(corpus_iterable=lines)
    model.build_vocab(**source)
    begin = time.perf_counter()
    model.train(**source, total_examples=model.corpus_count, total_words=words, epochs=EPOCHS)
    return words * EPOCHS / (time.perf_counter() - begin), model.wv


def run_ours(program, text, folder, threads, seed, *mode):
    out = Path(folder) / "ours.txt"
    command = [program, text, "--threads", str(threads), "--seed", str(seed), "--out", out, *mode]
    report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return report["words_per_second"], KeyedVectors.load_word2vec_format(out)


def overlap(one, other, words):
    """Mean share of the 10 nearest neighbours that both have."""
    near = lambda vectors, word: {w for w, _ in vectors.most_similar(word, topn=10)}
    return sum(len(near(one, w) & near(other, w)) for w in words) / (10 * len(words))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--corpus", required=True)
    parser.add_argument("--program", default="target/release/examples/cbow_speed")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    texts = list(sentences(options.corpus))
    lines = [list(text) for text in texts]
    words = sum(map(len, lines))
    rates, vectors = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Path(folder) / "text", Path(folder) / "tokens"
        ours.write_text("\n".join(texts) + "\n", encoding="utf-8")
        theirs.write_text("\n".join(map(" ".join, lines)) + "\n", encoding="utf-8")
        for turn in range(options.rounds):
            seed = turn + 1
            for threads in (1, 2):
                single = ("--shards", "1") if threads == 1 else ()
                systems = {
                    "gensim, lists": lambda: run_gensim(lines, words, threads, seed),
                    "ours, deterministic": lambda: run_ours(options.program, ours, folder, threads, seed, *single),
                    "gensim, file": lambda: run_gensim(lines, words, threads, seed, str(theirs)),
                }
                for name, run in systems.items():
                    load = os.getloadavg()[0]
                    rate, trained = run()
                    rates.setdefault((name, threads), []).append(rate)
                    vectors[name, threads, seed] = trained
                    print(f"round {seed}: {name}, {threads} threads: {rate:,.0f} words/s (load {load:.1f})", flush=True)
    print(f"\ngensim {gensim.__version__}; {len(lines):,} sentences, {words:,} characters, {EPOCHS} epochs\n")
    print("| system | threads | words/s, median | lowest | highest | beside the faster gensim |")
    print("| --- | --- | --- | --- | --- | --- |")
    median = {key: statistics.median(values) for key, values in rates.items()}
    for (name, threads), values in rates.items():
        best = max(median["gensim, lists", threads], median["gensim, file", threads])
        row = [name, threads, f"{median[name, threads]:,.0f}", f"{min(values):,.0f}", f"{max(values):,.0f}", f"{median[name, threads] / best:.2f}"]
        print("|", " | ".join(map(str, row)), "|")
    reference = vectors["gensim, lists", 1, 1]
    print("\n| beside gensim on lists, 1 thread, seed 1 | the 200 most frequent | characters 201 to 1,000 |")
    print("| --- | --- | --- |")
    for key in [("gensim, lists", 1, 2), ("gensim, lists", 2, 2), ("ours, deterministic", 1, 1), ("ours, deterministic", 2, 1)]:
        if key in vectors:
            shares = [overlap(reference, vectors[key], reference.index_to_key[a:b]) for a, b in ((0, 200), (200, 1000))]
            print(f"| {key[0]}, {key[1]} threads, seed {key[2]} |", " | ".join(f"{share:.3f}" for share in shares), "|")


main()
