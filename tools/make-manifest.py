#!/usr/bin/env python3
"""Makes datasets/manifest.yaml from a CSV of known files.

    python3 tools/make-manifest.py FOLDER/manifest.csv > datasets/manifest.yaml

The CSV has one row a file: file,bytes,sha256,git_blob,repository,commit,path,licence,note. A file `mtl-bioner/stats.json`
beside the CSV, where it is there, gives the counts of those folders. Titles, citations and the counts of the other data
sets stand below. Standard library only; the same input gives the same bytes.
"""

import csv
import json
import pathlib
import sys
from urllib.parse import quote

RAW = "https://raw.githubusercontent.com"
GITHUB = "https://github.com"

CRICHTON = "Crichton, Pyysalo, Chiu, Korhonen 2017, A neural network multi-task learning approach to biomedical NER"
PENG = "Peng, Dredze 2015, Named entity recognition for Chinese social media with jointly trained embeddings"
HE = "He, Sun 2016, F-score driven max margin neural network for named entity recognition in Chinese social media"
EMERSON = "Emerson 2005, The second international Chinese word segmentation bakeoff"
CCKS_LABELS = ["疾病和诊断", "影像检查", "实验室检验", "手术", "药物", "解剖部位"]


def typed(labels, numbers, **units):
    """Counts of one split: entities per type and their sum."""
    return {**units, "entities": sum(numbers), "by_type": dict(sorted(zip(labels, numbers)))}


# name: title, root folder, what to cite, counts per split, and which paths of the CSV belong to it.
SETS = {
    "msra": (
        "MSRA named entities (SIGHAN 2006), one character a line, BIO", "msra",
        ["Levow 2006, The third international Chinese language processing bakeoff"],
        {"train": typed(["PER", "LOC", "ORG"], [17615, 36860, 20584], sentences=45000, tokens=2171573),
         "test": typed(["PER", "LOC", "ORG"], [1973, 2877, 1331], sentences=4365, tokens=172601)},
        lambda p: p.startswith("msra/")),
    "weibo": (
        "WeiboNER, first version, one character a line, BIO", "weibo", [PENG],
        {"train": {"sentences": 1350, "entities": 1370}, "dev": {"sentences": 270, "entities": 301},
         "test": {"sentences": 270, "entities": 310}},
        lambda p: p.startswith("weibo/weiboNER.")),
    "weibo-2nd": (
        "WeiboNER, revised version, one character with its segmentation position a line, BIO", "weibo", [PENG, HE],
        {"train": {"sentences": 1350, "entities": 1885}, "dev": {"sentences": 270, "entities": 389},
         "test": {"sentences": 270, "entities": 414}},
        lambda p: p.startswith("weibo/weiboNER_2nd")),
    "pd1998": (
        "People's Daily, January 1998: words and parts of speech, GB18030", "cws",
        ["Yu, Duan, Zhu, Sun 2002, The basic processing of contemporary Chinese corpus at Peking University"],
        {"train": {"sentences": 19484, "tokens": 1121447}},
        lambda p: p == "cws/pd199801.gb18030.txt"),
    "sighan2005-msr": (
        "SIGHAN 2005 word segmentation, MSR test gold", "cws/sighan2005", [EMERSON],
        {"test": {"sentences": 3985}}, lambda p: p.endswith("/msr_test_gold.utf8")),
    "sighan2005-pku": (
        "SIGHAN 2005 word segmentation, PKU test gold", "cws/sighan2005", [EMERSON],
        {"test": {"sentences": 1944}}, lambda p: p.endswith("/pku_test_gold.utf8")),
    "msr-train-tail": (
        "SIGHAN 2005 word segmentation, last tenth of MSR training, digits as 0", "cws/sighan2005", [EMERSON],
        {"dev": {"sentences": 8693}}, lambda p: p.endswith("/msr_train_tail.masked.utf8")),
    "ccks2019": (
        "CCKS-2019 task 1 (Yidu-S4K): Chinese clinical records, JSON lines with character offsets", "ccks2019",
        ["Han et al. 2020, Overview of CCKS 2019 task 1: named entity recognition in Chinese electronic medical records"],
        {"train": typed(CCKS_LABELS, [4212, 969, 1195, 1029, 1822, 8426], documents=1000),
         "test": typed(CCKS_LABELS, [1323, 348, 590, 162, 485, 3094], documents=379)},
        lambda p: p.startswith("ccks2019/")),
    "cmdd": (
        "CMDD: Chinese medical dialogues with symptoms, one dialogue a line", "cmdd",
        ["Lin et al. 2019, Enhancing dialogue symptom diagnosis with global attention and symptom graph"],
        {"train": {"documents": 1241, "sentences": 52952, "other": {"patient_sentences": 23904}},
         "dev": {"documents": 413, "sentences": 16935, "other": {"patient_sentences": 7731}},
         "test": {"documents": 413, "sentences": 17118, "other": {"patient_sentences": 7709}}},
        lambda p: p.startswith("cmdd/")),
    "mtaal-ncbi": (
        "NCBI disease corpus as the MTAAL authors released it: PubTator originals, three-column files, split", "mtaal/NCBI",
        ["Dogan, Leaman, Lu 2014, NCBI disease corpus", "Zhou et al. 2021, MTAAL"],
        {"train": {"entities": 5145}, "dev": {"entities": 787}, "test": {"entities": 960},
         "pool": {"other": {"labelled_sentences": 1439, "unlabelled_sentences": 5037, "test_sentences": 719}}},
        lambda p: p.startswith("mtaal/NCBI/")),
    "mtaal-cdr": (
        "BioCreative V CDR as the MTAAL authors released it: PubTator originals, three-column files, split", "mtaal/CDR",
        ["Li et al. 2016, BioCreative V CDR task corpus", "Zhou et al. 2021, MTAAL"],
        {"train": {"entities": 9385}, "dev": {"entities": 9591}, "test": {"entities": 9809},
         "pool": {"other": {"labelled_sentences": 3198, "unlabelled_sentences": 11193, "test_sentences": 1599}}},
        lambda p: p.startswith("mtaal/CDR/")),
    "albert-zh": (
        "Chinese ALBERT: vocabulary and configurations (no weights)", "albert-zh",
        ["Lan et al. 2020, ALBERT: A lite BERT for self-supervised learning of language representations"],
        {}, lambda p: p.startswith("albert-zh/")),
    "xlnet-tokenizer": (
        "XLNet SentencePiece model, tokenizer.json, base configuration, reference ids", "xlnet-tokenizer",
        ["Yang et al. 2019, XLNet: Generalized autoregressive pretraining for language understanding"],
        {}, lambda p: p.startswith("xlnet-tokenizer/")),
    "xlnet-tiny-checkpoints": (
        "Two 2-layer, width-6 XLNet checkpoints as JSON arrays with reference outputs", "xlnet-tiny-checkpoints",
        ["Yang et al. 2019, XLNet: Generalized autoregressive pretraining for language understanding"],
        {}, lambda p: p.startswith("xlnet-tiny-checkpoints/")),
    "glove-subset": (
        "2,925 of the 400,000 GloVe 6B vectors of 300 dimensions, text format", "word-vectors",
        ["Pennington, Socher, Manning 2014, GloVe: Global vectors for word representation"],
        {}, lambda p: p.startswith("word-vectors/")),
    "mtl-bioner-documents": (
        "Licences, read-me and counts that come with the corpora of Crichton et al.", "mtl-bioner", [CRICHTON],
        {}, lambda p: p.startswith("mtl-bioner/") and p.count("/") == 1),
}

# Known by git blob id only: the sizes and SHA-256 are not known, the id is checked instead.
BY_BLOB = {
    "BC4CHEMD": (
        "BC4CHEMD chemicals (Crichton et al.), `token TAB tag`", "mtl-bioner/BC4CHEMD",
        [CRICHTON, "Krallinger et al. 2015, The CHEMDNER corpus of chemicals and drugs"],
        "cambridgeltl/MTL-Bioinformatics-2016", "df0df02fae6dbb87d88ffcf323b9096528f06f84", "data/BC4CHEMD",
        "redistribution unclear (BioCreative IV CHEMDNER); research use",
        {"train.tsv": "f46f93b33d2152d83bbe6302557f48b809b53d2f",
         "devel.tsv": "607eed70e400da4ce4fd6efea26910458dc71626",
         "test.tsv": "ce2aeda424709c92e05b022f4f8429970e47444e"}),
}

# Files that no public address gives: how they came to be, and whether the data set can be read without them.
DERIVED = {
    "split_seed0.json": (False, "legacy MT19937 shuffle (seed 0) of the indices of the filtered sentences, cut 0.2/0.7/0.1"),
    "mtl-bioner/stats.json": (False, "counted from the files of the mtl-bioner folders: `medner data stats` counts the same"),
    "xlnet-tokenizer/fixtures_": (False, "encoded with the reference SentencePiece library from spiece.model"),
    "xlnet-tiny-checkpoints/": (True, "unpacked from the TensorFlow checkpoint and the .npy files of the source folder"),
    "word-vectors/": (True, "the vectors of data/glove.6B.300d.trimmed.npz joined with the words of data/words.txt"),
}


def url_fields(row):
    """How a file can be had, as (key, value) pairs; empty when no public address gives it."""
    repository, commit, path, name = row["repository"], row["commit"], row["path"], row["file"]
    if not repository or "+" in repository:
        return []
    if path.startswith("data/CMDD/") and path.endswith("/*.json"):
        return [("url", f"{GITHUB}/{repository}/archive/{commit}.zip"), ("members", path), ("join", "json-lines")]
    if "*" in path:
        return []
    archive, _, member = path.partition("!")
    fields = [("url", f"{RAW}/{quote(repository)}/{commit}/{quote(archive)}")]
    if member:
        fields.append(("member", member))
    return fields


def derived(name):
    for key, (needed, how) in DERIVED.items():
        if name.startswith(key) or name.endswith(key):
            return needed, how
    raise SystemExit(f"make-manifest: no address and no derivation is known for {name}")


DOCUMENTS = ("LICENSE", "README")


def needed(name):
    return not name.rsplit("/", 1)[-1].startswith(DOCUMENTS)


def text(value):
    return json.dumps(value, ensure_ascii=False)


def flow(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{text(k) if not k.isascii() else k}: {flow(v)}" for k, v in value.items()) + "}"
    return text(value)


def print_set(name, title, root, cite, counts, licence, files, on_request=False):
    print(f"  {name}:")
    print(f"    title: {text(title)}")
    print(f"    root: {text(root)}")
    print(f"    licence: {text(licence)}")
    if on_request:
        print("    on_request: true")
    print("    cite:")
    for line in cite:
        print(f"      - {text(line)}")
    if counts:
        print("    counts:")
        for split, value in counts.items():
            print(f"      {split}: {flow(value)}")
    print("    files:")
    for fields in files:
        for i, (key, value) in enumerate(fields):
            shown = value if key in ("bytes", "needed") else text(value)
            print(f"      {'- ' if i == 0 else '  '}{key}: {str(shown).lower() if key == 'needed' else shown}")


def file_fields(row, licence):
    name = row["file"]
    fields = [("path", name), ("bytes", row["bytes"]), ("sha256", row["sha256"]), ("git_blob", row["git_blob"])]
    if row["repository"]:
        fields += [("repository", row["repository"]), ("commit", row["commit"]), ("source", row["path"])]
    address = url_fields(row)
    fields += address
    must = needed(name)
    if not address:
        must, how = derived(name)
        fields.append(("derived", how))
    if not must:
        fields.append(("needed", False))
    if row["licence"] != licence:
        fields.append(("licence", row["licence"]))
    if row["note"]:
        fields.append(("note", row["note"]))
    return fields


def main():
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    table = pathlib.Path(sys.argv[1])
    rows = list(csv.DictReader(table.open(encoding="utf-8", newline="")))
    stats_file = table.parent / "mtl-bioner" / "stats.json"
    stats = json.loads(stats_file.read_text()) if stats_file.exists() else {}

    sets = {name: value[:4] for name, value in SETS.items()}
    rows_of = {name: [] for name in SETS}
    for row in rows:
        owner = [name for name, value in SETS.items() if value[4](row["file"])]
        if not owner and row["file"].startswith("mtl-bioner/"):
            folder = row["file"].split("/")[1]
            owner = [folder.removesuffix("-IOB")]
            if owner[0] not in sets:
                counts = {}
                for split, source in [("train", "train"), ("dev", "devel"), ("test", "test")]:
                    if s := stats.get(f"{folder}/{source}"):
                        counts[split] = {k: s[k] for k in ("sentences", "tokens", "entities", "by_type")}
                        if s["docstart"]:
                            counts[split]["other"] = {"docstart": s["docstart"]}
                sets[owner[0]] = (f"{folder} (Crichton et al.), `token TAB tag`, IOB2", f"mtl-bioner/{folder}", [CRICHTON], counts)
                rows_of[owner[0]] = []
        if len(owner) != 1:
            raise SystemExit(f"make-manifest: {row['file']} belongs to {owner}")
        rows_of[owner[0]].append(row)

    print("# Made by tools/make-manifest.py; edit that program, not this file.")
    print("#")
    print("# A file is accepted only when bytes, SHA-256 and git blob id agree with what stands here. `url` is the raw file at")
    print("# that commit; `member` is unpacked from the archive at `url`; `members` with `join: json-lines` is made of the")
    print("# archive's files, one a line in the order of their numbers, each with its file name added; `derived` files have no")
    print("# public address and come from a mirror folder. `needed: false`: the data set can be read without it.")
    print("# `on_request`: fetched only when it is named, because its redistribution is unclear.")
    print("version: 1")
    print("datasets:")
    for name in sorted(set(sets) | set(BY_BLOB)):
        if name in BY_BLOB:
            title, root, cite, repository, commit, folder, licence, blobs = BY_BLOB[name]
            files = [
                [("path", f"{root}/{file}"), ("git_blob", blob), ("repository", repository), ("commit", commit),
                 ("source", f"{folder}/{file}"), ("url", f"{RAW}/{repository}/{commit}/{folder}/{file}")]
                for file, blob in blobs.items()
            ]
            print_set(name, title, root, cite, {}, licence, files, on_request=True)
            continue
        title, root, cite, counts = sets[name]
        licences = [r["licence"] for r in rows_of[name]]
        licence = max(sorted(set(licences)), key=licences.count)
        print_set(name, title, root, cite, counts, licence, [file_fields(r, licence) for r in rows_of[name]])


if __name__ == "__main__":
    main()
