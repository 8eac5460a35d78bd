//! The embedded sample: the same bytes every time, legal, and neither trivial nor impossible to learn.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use medner_data::sample::{self, Kind};
use medner_data::{Corpus, Sentence, TagScheme, catalog, check};

/// One kind of each grammar.
fn grammars() -> Vec<Kind> {
    ["msra", "weibo", "pd1998", "ccks2019", "cmdd", "mtaal-ncbi", "mtaal-cdr", "BioNLP13CG", "JNLPBA"]
        .map(|name| Kind::of(name).unwrap())
        .to_vec()
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut out = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                out.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    out
}

#[test]
fn same_seed_same_text_other_seed_other_text() {
    for kind in Kind::all() {
        let first = sample::sentences(kind, 1);
        assert_eq!(first, sample::sentences(kind, 1), "{}", kind.name());
        assert_ne!(first, sample::sentences(kind, 2), "{}", kind.name());
        assert_eq!(sample::documents(kind, 1), sample::documents(kind, 1), "{}", kind.name());
    }
}

#[test]
fn same_bytes_in_files() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    for folder in &folders {
        for kind in Kind::all() {
            sample::write(kind, folder.path()).unwrap();
        }
    }
    let all = files(folders[0].path());
    assert_eq!(all, files(folders[1].path()));
    for name in [
        "msra/train.bio",
        "weibo/weiboNER.conll.dev",
        "weibo/weiboNER_2nd_conll.test",
        "cws/pd199801.gb18030.txt",
        "cws/sighan2005/msr_test_gold.utf8",
        "ccks2019/subtask1_training_part2.txt",
        "ccks2019/subtask1_test_set_with_answer.json",
        "cmdd/train.jsonl",
        "mtl-bioner/JNLPBA/devel.tsv",
        "mtaal/NCBI/NCBItrainset_corpus.txt",
        "mtaal/CDR/split_seed0.json",
    ] {
        assert!(all[name].len() > 500, "{name} has {} bytes", all[name].len());
    }
}

#[test]
fn the_readers_give_back_what_was_generated() {
    for kind in Kind::all() {
        let folder = tempfile::tempdir().unwrap();
        sample::write(kind, folder.path()).unwrap();
        let read = catalog::load_sentences(kind.name(), folder.path()).unwrap();
        let made = sample::sentences(kind, sample::SEED);
        for ((split, read), (_, made)) in read.splits().into_iter().zip(made.splits()) {
            assert_eq!(read.len(), made.len(), "{} {split}", kind.name());
            for (a, b) in read.iter().zip(made) {
                assert_eq!(a, b, "{} {split}", kind.name());
            }
        }
        for view in catalog::entries().iter().filter(|e| e.data_set == kind.name()) {
            let (_, report) = catalog::load_sentences_with_report(&view.name, folder.path()).unwrap();
            assert_eq!(sample::sample_for(&view.name), Some(format!("sample-{}", view.name)));
            if view.kind.has_documents() {
                let (read, repaired) =
                    catalog::load_documents_with_report(&view.name, folder.path()).unwrap();
                assert_eq!(read, sample::documents(kind, sample::SEED), "{}", view.name);
                assert!(repaired.is_clean(), "{}: {repaired}", view.name);
            }
            if kind == Kind::Weibo {
                assert!(report.to_string().contains("CESU-8"), "{report}");
            }
        }
    }
}

#[test]
fn every_corpus_of_the_catalog_has_a_sample() {
    // Those that nobody may hand on have none.
    for entry in catalog::entries().iter().filter(|entry| !entry.kind.is_private()) {
        assert!(Kind::of(&entry.name).is_some(), "{}", entry.name);
    }
}

#[test]
fn names_go_both_ways() {
    assert_eq!(sample::sample_for("ccks2019").as_deref(), Some("sample-ccks2019"));
    assert_eq!(sample::kind_of_sample("sample-ccks2019"), Some(Kind::Ccks2019));
    assert_eq!(sample::sample_for("glove-subset"), None);
    assert_eq!(sample::kind_of_sample("ccks2019"), None);
    let names: BTreeSet<&str> = Kind::all().into_iter().map(Kind::name).collect();
    assert_eq!(names.len(), Kind::all().len());
}

#[test]
fn sizes_and_legal_spans() {
    for kind in Kind::all() {
        let corpus = sample::sentences(kind, sample::SEED);
        let total: usize = corpus.splits().iter().map(|(_, items)| items.len()).sum();
        assert!((150..1500).contains(&total), "{}: {total}", kind.name());
        for (_, items) in corpus.splits() {
            for s in items {
                let segmented = s.spans.iter().any(|x| x.label.is_empty());
                let scheme = if segmented { TagScheme::Bmes } else { TagScheme::Bio };
                scheme.encode(s.tokens.len(), &s.spans).unwrap();
                assert_eq!(
                    segmented,
                    kind.name().starts_with("pd")
                        || kind.name().contains("sighan")
                        || kind == Kind::MsrTrainTail
                );
            }
        }
        let documents = sample::documents(kind, sample::SEED);
        for (_, items) in documents.splits() {
            for d in items {
                let length = d.text.chars().count();
                let mut free = 0;
                for e in &d.entities {
                    assert!(
                        free <= e.start && e.start < e.end && e.end <= length,
                        "{} {}: {e:?}",
                        kind.name(),
                        d.id
                    );
                    free = e.end;
                }
            }
        }
    }
}

#[test]
fn the_checks_find_nothing_wrong_with_the_samples() {
    let options = check::Options::default();
    for kind in Kind::all() {
        let found = [
            check::sentences(&sample::sentences(kind, sample::SEED), None, &options),
            check::documents(&sample::documents(kind, sample::SEED), None, &options),
        ];
        for finding in found.iter().flatten() {
            // A greeting is said in every dialogue, a finding such as "no abnormality" in many records.
            let expected = matches!(kind, Kind::Cmdd | Kind::Ccks2019) && finding.code == "leakage";
            assert!(finding.severity == check::Severity::Note || expected, "{}: {finding:?}", kind.name());
        }
    }
}

/// Mention strings with labels.
fn mentions(items: &[Sentence]) -> BTreeSet<(Vec<String>, String)> {
    items
        .iter()
        .flat_map(|s| s.spans.iter().map(|x| (s.tokens[x.start..x.end].to_vec(), x.label.clone())))
        .collect()
}

#[test]
fn some_test_mentions_are_new() {
    for kind in grammars().into_iter().filter(|k| *k != Kind::Pd1998) {
        let corpus = sample::sentences(kind, sample::SEED);
        let train = mentions(&corpus.train);
        let test = mentions(&corpus.test);
        let new = test.difference(&train).count() as f64 / test.len() as f64;
        assert!((0.05..0.95).contains(&new), "{}: {new:.2} of the test mentions are new", kind.name());
    }
}

fn f1(gold: &[Sentence], predicted: &[Vec<medner_data::Span>]) -> f64 {
    let (mut hit, mut all) = (0, 0);
    for (s, p) in gold.iter().zip(predicted) {
        hit += p.iter().filter(|x| s.spans.contains(x)).count();
        all += p.len() + s.spans.len();
    }
    2.0 * hit as f64 / all as f64
}

/// Longest match with every mention of train, each with its most frequent label.
fn look_up(corpus: &Corpus<Sentence>) -> f64 {
    let mut counts: BTreeMap<&[String], BTreeMap<&str, usize>> = BTreeMap::new();
    for s in &corpus.train {
        for x in &s.spans {
            *counts.entry(&s.tokens[x.start..x.end]).or_default().entry(&x.label).or_default() += 1;
        }
    }
    let dictionary: BTreeMap<&[String], &str> =
        counts.iter().map(|(k, v)| (*k, *v.iter().max_by_key(|(_, n)| **n).unwrap().0)).collect();
    let longest = dictionary.keys().map(|k| k.len()).max().unwrap();
    let predicted: Vec<_> = corpus
        .test
        .iter()
        .map(|s| {
            let mut spans = Vec::new();
            let mut at = 0;
            while at < s.tokens.len() {
                let found = (1..=longest.min(s.tokens.len() - at))
                    .rev()
                    .find_map(|n| dictionary.get(&s.tokens[at..at + n]).map(|label| (n, *label)));
                if let Some((n, label)) = found {
                    spans.push(medner_data::Span::new(at, at + n, label));
                    at += n;
                } else {
                    at += 1;
                }
            }
            spans
        })
        .collect();
    f1(&corpus.test, &predicted)
}

/// A perceptron over the tokens around each position and the tag before: the least that sees context.
#[derive(Default)]
struct Perceptron {
    weights: BTreeMap<(String, String), f64>,
    tags: Vec<String>,
}

impl Perceptron {
    fn features(tokens: &[String], at: usize, before: &str) -> Vec<String> {
        let token =
            |d: isize| at.checked_add_signed(d).and_then(|i| tokens.get(i)).map_or("<edge>", String::as_str);
        let mut out: Vec<String> = (-3..=3).map(|d| format!("{d}={}", token(d))).collect();
        out.extend(
            [(-2, -1), (-1, 0), (0, 1), (1, 2)].map(|(a, b)| format!("{a},{b}={},{}", token(a), token(b))),
        );
        out.push(format!("before={before}"));
        out.push(format!("before={before},{}", token(0)));
        out.push(format!("before={before},{}", token(-1)));
        out
    }

    fn best(&self, features: &[String]) -> String {
        let score = |tag: &String| -> f64 {
            features.iter().filter_map(|f| self.weights.get(&(f.clone(), tag.clone()))).sum()
        };
        self.tags.iter().max_by(|a, b| score(a).total_cmp(&score(b))).unwrap().clone()
    }

    fn train(items: &[Sentence], epochs: usize) -> Self {
        let encoded: Vec<Vec<String>> =
            items.iter().map(|s| TagScheme::Bio.encode(s.tokens.len(), &s.spans).unwrap()).collect();
        let tags: BTreeSet<String> = encoded.iter().flatten().cloned().collect();
        let mut model = Self { weights: BTreeMap::new(), tags: tags.into_iter().collect() };
        let mut sums: BTreeMap<(String, String), f64> = BTreeMap::new();
        let mut step = 1.0;
        for _ in 0..epochs {
            for (s, gold) in items.iter().zip(&encoded) {
                let mut before = "start";
                for (at, right) in gold.iter().enumerate() {
                    let features = Self::features(&s.tokens, at, before);
                    let guess = model.best(&features);
                    if guess != *right {
                        for f in features {
                            for (tag, change) in [(right.clone(), 1.0), (guess.clone(), -1.0)] {
                                *model.weights.entry((f.clone(), tag.clone())).or_default() += change;
                                *sums.entry((f.clone(), tag)).or_default() += change * step;
                            }
                        }
                    }
                    before = right;
                    step += 1.0;
                }
            }
        }
        for (key, weight) in &mut model.weights {
            *weight -= sums[key] / step;
        }
        model
    }

    fn f1(&self, items: &[Sentence]) -> f64 {
        let predicted: Vec<_> = items
            .iter()
            .map(|s| {
                let mut tags: Vec<String> = Vec::new();
                for at in 0..s.tokens.len() {
                    let before = tags.last().map_or("start", String::as_str).to_owned();
                    tags.push(self.best(&Self::features(&s.tokens, at, &before)));
                }
                TagScheme::Bio.decode_lenient(&tags)
            })
            .collect();
        f1(items, &predicted)
    }
}

#[test]
fn a_dictionary_is_not_enough_and_context_helps() {
    for kind in ["msra", "ccks2019", "cmdd", "mtaal-cdr", "BC5CDR"].map(|name| Kind::of(name).unwrap()) {
        let corpus = sample::sentences(kind, sample::SEED);
        let dictionary = look_up(&corpus);
        let context = Perceptron::train(&corpus.train[..corpus.train.len().min(450)], 4).f1(&corpus.test);
        println!("{}: dictionary {dictionary:.3}, context {context:.3}", kind.name());
        assert!(dictionary < 0.85, "{}: a dictionary reaches {dictionary:.3}", kind.name());
        assert!(context > dictionary + 0.05, "{}: {context:.3} against {dictionary:.3}", kind.name());
        assert!(context > 0.80, "{}: context reaches only {context:.3}", kind.name());
    }
}
