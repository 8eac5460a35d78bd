//! Every count of the real corpora, where they are at hand (`medner data fetch`, or `MEDNER_MIRROR`).

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Instant;

use medner_data::catalog::{self, load_documents_with_report, load_sentences, load_sentences_with_report};
use medner_data::formats::pubtator::{PubTatorOptions, read_pubtator};
use medner_data::formats::split::{SplitOptions, split_records};
use medner_data::formats::{Remark, ccks, cmdd, mtaal, segmented};
use medner_data::{Corpus, Document, Sentence, at_hand};

/// The folder that has the corpora, or nothing (said aloud) where none has.
fn mirror() -> Option<PathBuf> {
    at_hand::folder_with(env!("CARGO_MANIFEST_DIR"), "msra/train.bio")
}

fn tokens(sentences: &[Sentence]) -> usize {
    sentences.iter().map(|s| s.tokens.len()).sum()
}

fn entities(sentences: &[Sentence]) -> usize {
    sentences.iter().map(|s| s.spans.len()).sum()
}

fn by_type(sentences: &[Sentence]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for span in sentences.iter().flat_map(|s| &s.spans) {
        *counts.entry(span.label.clone()).or_insert(0) += 1;
    }
    counts
}

fn named(counts: &[(&str, usize)]) -> BTreeMap<String, usize> {
    counts.iter().map(|&(name, n)| (name.to_owned(), n)).collect()
}

fn check_all(corpus: &Corpus<Sentence>) {
    for (_, sentences) in corpus.splits() {
        for sentence in sentences {
            sentence.check().unwrap();
        }
    }
}

#[test]
fn msra() {
    let Some(root) = mirror() else { return };
    let start = Instant::now();
    let (corpus, report) = load_sentences_with_report("msra", &root).unwrap();
    println!("MSRA read in {:.3} s", start.elapsed().as_secs_f64());
    assert!(report.is_clean(), "{report}");
    assert_eq!((corpus.train.len(), tokens(&corpus.train)), (45_000, 2_171_573));
    assert_eq!(by_type(&corpus.train), named(&[("PER", 17_615), ("LOC", 36_860), ("ORG", 20_584)]));
    assert_eq!((corpus.dev.len(), corpus.test.len(), tokens(&corpus.test)), (0, 4_365, 172_601));
    assert_eq!(by_type(&corpus.test), named(&[("PER", 1_973), ("LOC", 2_877), ("ORG", 1_331)]));
    let long: Vec<usize> = corpus.train.iter().map(|s| s.tokens.len()).filter(|&n| n > 400).collect();
    assert_eq!((long.len(), long.iter().max()), (36, Some(&746)));
    check_all(&corpus);
}

#[test]
fn weibo_both_versions() {
    let Some(root) = mirror() else { return };
    let expected = [("weibo", [1_370, 301, 310], 35, 22), ("weibo-2nd", [1_885, 389, 414], 14, 0)];
    for (name, counts, orphans, pairs) in expected {
        let (corpus, report) = load_sentences_with_report(name, &root).unwrap();
        let messages = corpus.splits().map(|(_, s)| s.len());
        assert_eq!(messages, [1_350, 270, 270], "{name}");
        // The published counts are of `B-` tags; a tag that continues nothing begins an entity more.
        let found: usize = corpus.splits().iter().map(|(_, s)| entities(s)).sum();
        assert_eq!(found - report.count(Remark::RepairedTag), counts.iter().sum::<usize>(), "{name}");
        assert_eq!(report.count(Remark::RepairedTag), orphans, "{name}");
        assert_eq!(report.count(Remark::SurrogatePair), pairs, "{name}");
        // Two lines a pair: 44 lines in all.
        let lines: usize = [73_780, 14_509, 14_844].iter().sum();
        if name == "weibo" {
            assert_eq!(corpus.splits().iter().map(|(_, s)| tokens(s)).sum::<usize>(), lines - pairs);
        }
        let one_character = |t: &String| t.chars().count() == 1;
        assert!(corpus.splits().iter().all(|(_, s)| s.iter().all(|s| s.tokens.iter().all(one_character))));
        check_all(&corpus);
    }
    let (first, second) =
        (load_sentences("weibo", &root).unwrap(), load_sentences("weibo-2nd", &root).unwrap());
    let same = first.dev.iter().zip(&second.dev).filter(|(a, b)| a.tokens == b.tokens).count();
    // What differs are the characters beyond U+FFFF, which the revised version lost.
    assert!(same > 250, "{same} of 270 development messages agree");
    let positions = load_sentences("weibo-2nd-positions", &root).unwrap();
    assert!(positions.train.iter().all(|s| s.pos.len() == s.tokens.len()));
    assert_eq!(positions.train[0].pos[..5], ["0", "1", "0", "1", "2"]);
    assert!(second.train.iter().all(|s| s.pos.is_empty()));
}

#[test]
fn segmented_text() {
    let Some(root) = mirror() else { return };
    let start = Instant::now();
    let read = segmented::read_peoples_daily(&root.join("cws/pd199801.gb18030.txt")).unwrap();
    println!("PD1998 read in {:.3} s", start.elapsed().as_secs_f64());
    assert_eq!(read.items.len(), 19_484);
    assert_eq!(read.items.iter().map(|s| s.words.len()).sum::<usize>(), 1_121_447);
    assert!(read.items.iter().all(|s| s.words.len() == s.pos.len()));
    assert_eq!(read.items.iter().map(|s| s.groups.len()).sum::<usize>(), 9_238);
    let groups = |label: &str| read.items.iter().flat_map(|s| &s.groups).filter(|g| g.label == label).count();
    assert_eq!(
        [groups("nt"), groups("ns"), groups("nz"), groups("i"), groups("l")],
        [7_872, 1_047, 304, 13, 2]
    );
    let characters = load_sentences("pd1998", &root).unwrap();
    assert_eq!((characters.train.len(), entities(&characters.train)), (19_484, 1_121_447));
    check_all(&characters);
    check_all(&load_sentences("pd1998-words", &root).unwrap());

    let expected = [
        ("sighan2005-msr", 3_985, 106_873),
        ("sighan2005-pku", 1_944, 104_372),
        ("msr-train-tail", 8_693, 246_662),
    ];
    for (name, sentences, words) in expected {
        let corpus = load_sentences(name, &root).unwrap();
        let all = [corpus.dev, corpus.test].concat();
        assert_eq!((all.len(), entities(&all)), (sentences, words), "{name}");
        let tags = medner_data::TagScheme::Bmes.encode(all[0].tokens.len(), &all[0].spans).unwrap();
        assert!(tags.iter().all(|tag| tag != "O"), "{name}: every character is in a word");
    }
}

#[test]
fn ccks() {
    let Some(root) = mirror() else { return };
    let (corpus, report) = load_documents_with_report("ccks2019", &root).unwrap();
    assert!(report.is_clean(), "{report}");
    assert_eq!(corpus.splits().map(|(_, d)| d.len()), [1_000, 0, 379]);
    let mentions = |documents: &[Document]| {
        ccks::TYPES.map(|t| documents.iter().flat_map(|d| &d.entities).filter(|e| e.label == t.name).count())
    };
    assert_eq!(mentions(&corpus.train), [4_212, 969, 1_195, 1_029, 1_822, 8_426]);
    assert_eq!(mentions(&corpus.test), [1_323, 348, 590, 162, 485, 3_094]);

    // Table 1 of the paper, from the published numbers in the repository.
    let published =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/albert-idcnn/published.csv");
    let published = std::fs::read_to_string(published).unwrap();
    let mut compared = 0;
    for (split, documents) in [("train", &corpus.train), ("test", &corpus.test)] {
        let distinct = ccks::distinct_mentions(documents);
        for (name, count) in
            ccks::TYPES.iter().map(|t| t.name).zip(distinct).chain([("sum", distinct.iter().sum())])
        {
            let row = format!("table1,{split},CCKS-2019,{name},entities,{count},");
            assert!(published.contains(&row), "published numbers have no row `{row}`");
            compared += 1;
        }
    }
    assert_eq!(compared, 14);

    for protect_entities in [true, false] {
        let options = SplitOptions { protect_entities, ..SplitOptions::default() };
        let train = split_records(&corpus.train, options).unwrap();
        println!("{:?}", train.report);
        let whole: usize = corpus.train.iter().map(|d| d.entities.len()).sum();
        let placed: usize = train.pieces.iter().map(|p| p.sentence.spans.len()).sum();
        assert_eq!(placed + train.report.entities_cut, whole);
        assert_eq!(train.report.entities_cut == 0, protect_entities);
        let characters: usize = corpus.train.iter().map(|d| d.text.chars().count()).sum();
        assert_eq!(train.pieces.iter().map(|p| p.sentence.tokens.len()).sum::<usize>(), characters);
    }
    check_all(&load_sentences("ccks2019", &root).unwrap());
}

#[test]
fn cmdd_dialogues() {
    let Some(root) = mirror() else { return };
    let expected = [
        ("train", 1_241, 52_952, 23_904, 16),
        ("dev", 413, 16_935, 7_731, 7),
        ("test", 413, 17_118, 7_709, 2),
    ];
    for (split, dialogues, utterances, patients, orphans) in expected {
        let read = cmdd::read(&root.join(format!("cmdd/{split}.jsonl"))).unwrap();
        assert_eq!(read.items.len(), dialogues);
        let all = || read.items.iter().flat_map(|d| &d.utterances);
        assert_eq!(all().count(), utterances);
        let patient = || all().filter(|u| u.speaker == cmdd::Speaker::Patient);
        assert_eq!(patient().count(), patients);
        let mean = patient().map(|u| u.characters.len()).sum::<usize>() as f64 / patients as f64;
        assert!((8.5..9.5).contains(&mean), "{mean}");
        assert_eq!(read.report.count(Remark::RepairedTag), orphans);
        let sentences = cmdd::sentences(&read.items, None);
        assert_eq!(sentences.items.len() + sentences.report.count(Remark::EmptyUtterance), utterances);
    }
    let (patients, report) = load_sentences_with_report("cmdd-patient", &root).unwrap();
    assert_eq!(
        patients.train.len()
            + patients.dev.len()
            + patients.test.len()
            + report.count(Remark::EmptyUtterance),
        39_344
    );
    check_all(&patients);
}

#[test]
fn the_stand_in_for_xjadrner() {
    let Some(root) = mirror() else { return };
    let (corpus, report) = load_sentences_with_report("cmdd-adr", &root).unwrap();
    assert_eq!(report.count(Remark::DrawnInProportion), 0);
    let with = |s: &[Sentence]| s.iter().filter(|s| !s.spans.is_empty()).count();
    let sizes = corpus.splits().map(|(_, s)| (s.len(), with(s)));
    assert_eq!(sizes, [(3_235, 647), (1_079, 216), (1_078, 216)]);
    // Pins the draw itself: symptoms, characters and the first utterance of each split.
    let drawn = corpus.splits().map(|(_, s)| (entities(s), tokens(s), s[0].id.as_str()));
    assert_eq!(
        drawn,
        [(886, 36_425, "10626355#4"), (298, 12_521, "10626355#18"), (298, 12_372, "10742613#8")]
    );
    let texts: BTreeSet<String> =
        corpus.splits().into_iter().flat_map(|(_, s)| s).map(|s| s.tokens.concat()).collect();
    assert_eq!(texts.len(), 5_392, "no text stands in two splits");
    check_all(&corpus);
}

#[test]
fn crichton_sets_have_the_counts_of_their_statistics() {
    let Some(root) = mirror() else { return };
    // Made beside the corpora, so that it cannot be fetched.
    let Ok(text) = std::fs::read_to_string(root.join("mtl-bioner/stats.json")) else {
        eprintln!("skipped: no mtl-bioner/stats.json");
        return;
    };
    let statistics: BTreeMap<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
    let start = Instant::now();
    let mut compared = 0;
    for entry in catalog::entries() {
        let Some(folder) = entry.files.train[..].first().and_then(|f| f.strip_prefix("mtl-bioner/")) else {
            continue;
        };
        let folder = folder.trim_end_matches("/train.tsv");
        if entry.name == "JNLPBA-protein" || !root.join("mtl-bioner").join(folder).is_dir() {
            continue;
        }
        let (corpus, report) = load_sentences_with_report(&entry.name, &root).unwrap();
        let mut documents = 0;
        for (split, sentences) in corpus.splits() {
            let split = if split == "dev" { "devel" } else { split };
            let expected = &statistics[&format!("{folder}/{split}")];
            assert_eq!(expected["sentences"], sentences.len(), "{folder}/{split}");
            assert_eq!(expected["tokens"], tokens(sentences), "{folder}/{split}");
            assert_eq!(expected["entities"], entities(sentences), "{folder}/{split}");
            assert_eq!(
                expected["by_type"],
                serde_json::to_value(by_type(sentences)).unwrap(),
                "{folder}/{split}"
            );
            assert_eq!(expected["maxlen"], sentences.iter().map(|s| s.tokens.len()).max().unwrap());
            documents += expected["docstart"].as_u64().unwrap();
            compared += 1;
        }
        assert_eq!(report.count(Remark::DocumentLine) as u64, documents, "{folder}");
        assert_eq!(report.count(Remark::RepairedTag), 0, "{folder}");
    }
    println!("{compared} biomedical files read in {:.3} s", start.elapsed().as_secs_f64());
    assert_eq!(compared, statistics.len());

    let (protein, report) = load_sentences_with_report("JNLPBA-protein", &root).unwrap();
    assert_eq!(by_type(&protein.test), named(&[("protein", 5_067)]));
    let all = [46_750, 4_551, 8_662].iter().sum::<usize>();
    assert_eq!(report.count(Remark::TypeLeftOut), all - 27_803 - 2_466 - 5_067);
}

#[test]
fn mtaal_columns_give_the_published_pool() {
    let Some(root) = mirror() else { return };
    let expected = [
        ("NCBI", "mtaal-ncbi", 14, [1_439, 5_037, 719], [3, 743, 9_839]),
        ("CDR", "mtaal-cdr", 9, [3_198, 11_193, 1_599], [5, 2_311, 15_380]),
    ];
    for (folder, name, orphans, split, [ner_labels, nen_labels, vocabulary]) in expected {
        let (corpus, report) = load_sentences_with_report(name, &root).unwrap();
        assert_eq!(report.count(Remark::RepairedTag), orphans, "{name}");
        check_all(&corpus);
        let pool: Vec<&Sentence> = corpus
            .splits()
            .into_iter()
            .flat_map(|(_, sentences)| sentences)
            .filter(|s| 5 < s.tokens.len() && s.tokens.len() < 60)
            .collect();
        let share = |tenths: usize| pool.len() * tenths / 10;
        assert_eq!([share(2), share(7), share(1)], split, "{name}");
        // Made beside the corpora, so that it cannot be fetched.
        if let Ok(text) = std::fs::read_to_string(root.join(format!("mtaal/{folder}/split_seed0.json"))) {
            let published: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(published["n"], pool.len());
            for (key, count) in ["label", "unlabel", "test"].into_iter().zip(split) {
                assert_eq!(published[key].as_array().unwrap().len(), count, "{name} {key}");
            }
        }
        // Table 1 counts labels and words over all sentences, and two entries of the vocabulary for padding and unknown words.
        let all = || corpus.splits().into_iter().flat_map(|(_, sentences)| sentences);
        let types: BTreeSet<&str> = all().flat_map(|s| &s.spans).map(|s| s.label.as_str()).collect();
        assert_eq!(2 * types.len() + 1, ner_labels, "{name}");
        let concepts: BTreeSet<&str> = all().flat_map(|s| &s.concepts).map(String::as_str).collect();
        assert_eq!(concepts.len(), nen_labels, "{name}");
        let words: BTreeSet<String> = all().flat_map(|s| &s.tokens).map(|t| t.to_lowercase()).collect();
        assert_eq!(words.len() + 2, vocabulary, "{name}");
    }
}

#[test]
fn pubtator_mentions_and_the_tokenizer() {
    let Some(root) = mirror() else { return };
    let expected = [
        ("pubtator-ncbi", "NCBI", [593, 100, 100], [5_145, 787, 960]),
        ("pubtator-cdr", "CDR", [500, 500, 500], [9_385, 9_591, 9_809]),
    ];
    for (name, folder, abstracts, mentions) in expected {
        let (corpus, report) = load_documents_with_report(name, &root).unwrap();
        assert_eq!(corpus.splits().map(|(_, d)| d.len()), abstracts, "{name}");
        assert_eq!(
            corpus.splits().map(|(_, d)| d.iter().map(|d| d.entities.len()).sum::<usize>()),
            mentions,
            "{name}"
        );
        let expected = if folder == "NCBI" { [1, 1, 5, 0, 0] } else { [0, 0, 0, 253, 3_116] };
        let kinds = [
            Remark::MentionDiffers,
            Remark::DuplicateId,
            Remark::TrimmedConcept,
            Remark::PartsNotRead,
            Remark::NotAMention,
        ];
        assert_eq!(kinds.map(|k| report.count(k)), expected, "{report}");
        for document in corpus.splits().into_iter().flat_map(|(_, d)| d) {
            document.check().unwrap();
        }
        let (sentences, report) = load_sentences_with_report(name, &root).unwrap();
        check_all(&sentences);
        let lost = report.count(Remark::OverlapLeftOut) + report.count(Remark::BlankMention);
        for (split, (_, sentences)) in ["train", "dev", "test"].into_iter().zip(sentences.splits()) {
            let theirs = mtaal::read(&root.join(format!("mtaal/{folder}/{split}.txt"))).unwrap().items;
            println!(
                "{name} {split}: sentences {} (authors' {}), tokens {} ({}), entities {} ({})",
                sentences.len(),
                theirs.len(),
                tokens(sentences),
                tokens(&theirs),
                entities(sentences),
                entities(&theirs)
            );
            let ratio = tokens(sentences) as f64 / tokens(&theirs) as f64;
            assert!((0.97..1.03).contains(&ratio), "{name} {split}: {ratio}");
        }
        if folder == "CDR" {
            // The tokenizer makes the very tokens of Crichton's version of this corpus (whose abstracts are in another order).
            let crichton = load_sentences("BC5CDR", &root).unwrap();
            for ((split, ours), (_, theirs)) in sentences.splits().into_iter().zip(crichton.splits()) {
                let sorted = |all: &[Sentence]| {
                    let mut words: Vec<String> = all.iter().flat_map(|s| s.tokens.clone()).collect();
                    words.sort();
                    words
                };
                assert!(sorted(ours) == sorted(theirs), "other tokens than Crichton's in {split}");
            }
        }
        println!("{report}");
        let kept: usize = sentences.splits().iter().map(|(_, s)| entities(s)).sum();
        assert_eq!(kept + lost, mentions.iter().sum::<usize>(), "{name}");
    }
    let strict = read_pubtator(&root.join("mtaal/NCBI/NCBItrainset_corpus.txt"), PubTatorOptions::default());
    let error = strict.unwrap_err().to_string();
    assert!(
        error.contains("NCBItrainset_corpus.txt:") && error.contains("stands twice")
            || error.contains("mend"),
        "{error}"
    );
}
