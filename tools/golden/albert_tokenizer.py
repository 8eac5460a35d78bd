"""Makes crates/albert-idcnn/tests/golden/albert_tokenizer.json: hashes of the pieces that transformers 5.23's BertTokenizer
(tokenizers 0.23) and its older implementation in Python cut all of CCKS-2019's text into, with the 21,128-entry vocabulary.

The text itself stays where it is: only counts and SHA-256 are kept. A hash goes over the texts' ids as little-endian u32, with
0xFFFFFFFF after each text; the one of the offsets likewise over start and end of each piece, in characters.
Run: python tools/golden/albert_tokenizer.py MIRROR > crates/albert-idcnn/tests/golden/albert_tokenizer.json
"""

import hashlib
import json
import sys
from pathlib import Path

from transformers import BertTokenizer, BertTokenizerLegacy

mirror = Path(sys.argv[1])
tokenizer = BertTokenizer(vocab=str(mirror / "albert-zh/vocab.txt"))
legacy = BertTokenizerLegacy(str(mirror / "albert-zh/vocab.txt"))
ids_hash, offsets_hash = hashlib.sha256(), hashlib.sha256()
texts = pieces = unknown = characters = 0


def put(digest, numbers):
    for number in [*numbers, 0xFFFFFFFF]:
        digest.update(number.to_bytes(4, "little"))


for file in ["subtask1_training_part1.txt", "subtask1_training_part2.txt", "subtask1_test_set_with_answer.json"]:
    for line in (mirror / "ccks2019" / file).read_text("utf-8-sig").splitlines():
        if not line.strip():
            continue
        text = json.loads(line)["originalText"]
        encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        ids = encoded["input_ids"]
        assert ids == legacy.convert_tokens_to_ids(legacy.tokenize(text)), text
        put(ids_hash, ids)
        put(offsets_hash, [n for pair in encoded["offset_mapping"] for n in pair])
        texts, pieces, characters = texts + 1, pieces + len(ids), characters + len(text)
        unknown += ids.count(tokenizer.unk_token_id)

print(
    json.dumps(
        {
            "texts": texts,
            "characters": characters,
            "pieces": pieces,
            "unknown": unknown,
            "ids_sha256": ids_hash.hexdigest(),
            "offsets_sha256": offsets_hash.hexdigest(),
        },
        indent=2,
    )
)
