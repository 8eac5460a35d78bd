"""Makes crates/data/tests/golden/vectors.{txt,bin,glove.txt,json}: word vectors as gensim writes them, and their neighbours.

Made with Python 3.11, gensim 4.4.0, numpy 2.4. Run from the repository's root: python tools/golden/vectors.py
"""

import json
from pathlib import Path

import numpy as np
from gensim.models import KeyedVectors

FOLDER = Path("crates/data/tests/golden")
WORDS = ["the", "cat", "Cat", "心", "电图", "naïve", "3.5", "<unk>", "C-reactive", "𠮷"]

rng = np.random.default_rng(7)
vectors = KeyedVectors(vector_size=6)
vectors.add_vectors(WORDS, rng.normal(size=(len(WORDS), 6)).astype(np.float32))

vectors.save_word2vec_format(FOLDER / "vectors.txt", binary=False)
vectors.save_word2vec_format(FOLDER / "vectors.bin", binary=True)
vectors.save_word2vec_format(FOLDER / "vectors.glove.txt", binary=False, write_header=False)
golden = {
    "words": WORDS,
    # Bits, so that nothing depends on how decimals are printed.
    "bits": [[int(x) for x in vectors[word].view(np.uint32)] for word in WORDS],
    "nearest": {word: [[near, float(cosine)] for near, cosine in vectors.most_similar(word, topn=4)] for word in WORDS},
}
(FOLDER / "vectors.json").write_text(json.dumps(golden, ensure_ascii=False, indent=1) + "\n")
