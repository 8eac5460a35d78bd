//! Checks and statistics: each defect is found where it is, and clean data has none.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use medner_data::check::{self, Finding, Options, Severity, tags};
use medner_data::formats::{Remark, Report};
use medner_data::manifest::Counts;
use medner_data::{Corpus, Document, Entity, Sentence, Span, TagScheme, stats};

fn sentence(id: &str, text: &str, spans: &[(usize, usize, &str)]) -> Sentence {
    Sentence {
        id: id.to_owned(),
        tokens: text.split(' ').filter(|t| !t.is_empty()).map(str::to_owned).collect(),
        spans: spans.iter().map(|(s, e, l)| Span::new(*s, *e, *l)).collect(),
        ..Sentence::default()
    }
}

fn document(id: &str, text: &str, entities: &[(usize, usize, &str)]) -> Document {
    let entity = |(start, end, label): &(usize, usize, &str)| Entity {
        start: *start,
        end: *end,
        label: (*label).to_owned(),
        concepts: Vec::new(),
    };
    Document { id: id.to_owned(), text: text.to_owned(), entities: entities.iter().map(entity).collect() }
}

fn of_code<'a>(findings: &'a [Finding], code: &str) -> Vec<&'a Finding> {
    findings.iter().filter(|f| f.code == code).collect()
}

/// The one finding of that code.
fn only<'a>(findings: &'a [Finding], code: &str) -> &'a Finding {
    let found = of_code(findings, code);
    assert_eq!(found.len(), 1, "{code}: {findings:#?}");
    assert!(!found[0].remedy.is_empty());
    found[0]
}

fn train(items: Vec<Sentence>) -> Corpus<Sentence> {
    Corpus { train: items, ..Corpus::default() }
}

#[test]
fn clean_sentences_have_no_finding_but_notes() {
    let corpus = Corpus {
        train: vec![sentence("a", "aspirin helps", &[(0, 1, "Drug")])],
        dev: vec![sentence("b", "take ibuprofen", &[(1, 2, "Drug")])],
        test: vec![sentence("c", "no morphine today", &[(1, 2, "Drug")])],
    };
    assert_eq!(check::sentences(&corpus, None, &Options::default()), []);
}

#[test]
fn leakage_is_counted_with_percentages_and_both_places() {
    let long = "one two three four five six seven eight nine ten";
    let corpus = Corpus {
        train: vec![sentence("t1", "a b", &[(0, 1, "X")]), sentence("t2", long, &[(0, 1, "X")])],
        dev: vec![sentence("d1", "a c", &[(0, 1, "X")])],
        test: vec![
            sentence("s1", "a b", &[(0, 1, "X")]),
            sentence("s2", long, &[(0, 1, "X")]),
            sentence("s3", "a c", &[(0, 1, "X")]),
            sentence("s4", "new", &[(0, 1, "X")]),
        ],
    };
    let findings = check::sentences(&corpus, None, &Options::default());
    let leaks = of_code(&findings, "leakage");
    assert_eq!(leaks.len(), 2);
    assert_eq!((leaks[0].scope.as_str(), leaks[0].count, leaks[0].severity), ("test", 2, Severity::Warning));
    assert_eq!(leaks[0].message, "2 of 4 (50.0%) items also stand in train; 1 of them are 10 or longer");
    assert_eq!(leaks[0].examples[0].place, "s1");
    assert_eq!(leaks[0].examples[0].text, "as t1: ab");
    assert_eq!(leaks[1].message, "1 of 4 (25.0%) items also stand in dev; 0 of them are 10 or longer");
}

#[test]
fn token_borders_matter_for_duplicates() {
    // The same characters cut otherwise are another sentence.
    let corpus = train(vec![sentence("a", "ab c", &[(0, 1, "X")]), sentence("b", "a bc", &[(0, 1, "X")])]);
    assert_eq!(
        of_code(&check::sentences(&corpus, None, &Options::default()), "duplicates-inside"),
        [] as [&Finding; 0]
    );
}

#[test]
fn duplicates_that_disagree() {
    let corpus = train(vec![
        sentence("a", "gold standard", &[(0, 1, "Chemical")]),
        sentence("b", "gold standard", &[]),
        sentence("c", "gold standard", &[(0, 1, "Chemical")]),
    ]);
    let findings = check::sentences(&corpus, None, &Options::default());
    assert_eq!(only(&findings, "duplicates-inside").count, 2);
    let differ = only(&findings, "annotated-differently");
    assert_eq!(differ.count, 1);
    assert_eq!(differ.examples[0].place, "train b");
}

#[test]
fn bad_spans() {
    let corpus = train(vec![
        sentence("past", "a b", &[(1, 3, "X")]),
        sentence("empty", "a b", &[(1, 1, "X")]),
        sentence("overlap", "a b c d", &[(0, 3, "X"), (2, 4, "Y")]),
        sentence("nested", "a b c e", &[(0, 4, "X"), (1, 2, "Y")]),
        sentence("comma", "a , b", &[(0, 2, "X")]),
        sentence("bracket", "Bcl ( L", &[(0, 2, "X")]),
        sentence("fine", "Bcl ( L )", &[(0, 4, "X")]),
    ]);
    let findings = check::sentences(&corpus, None, &Options::default());
    let places = |code: &str| -> Vec<String> {
        only(&findings, code).examples.iter().map(|e| e.place.clone()).collect()
    };
    assert_eq!(places("span-outside"), ["past", "empty"]);
    assert_eq!(places("overlapping-spans"), ["overlap", "nested"]);
    assert_eq!(places("span-edge-punctuation"), ["comma", "bracket"]);
    assert_eq!(findings[0].severity, Severity::Error, "errors stand first");
}

#[test]
fn a_short_span_after_a_nested_one_still_overlaps_the_outer_one() {
    let corpus = train(vec![sentence("s", "a b c d e", &[(0, 5, "X"), (1, 2, "Y"), (3, 4, "Z")])]);
    assert_eq!(only(&check::sentences(&corpus, None, &Options::default()), "overlapping-spans").count, 2);
}

#[test]
fn odd_tokens_and_lengths() {
    let mut corpus = train(vec![
        sentence("zero-width", "as\u{200b}pirin x", &[(0, 1, "X")]),
        sentence("long", &"w ".repeat(30), &[]),
        sentence("none", "", &[]),
        sentence("pos", "a b c", &[]),
    ]);
    corpus.train[3].pos = vec!["n".to_owned()];
    corpus.train[3].concepts = vec!["O".to_owned(), "O".to_owned()];
    corpus.train.push(Sentence {
        id: "blank".to_owned(),
        tokens: vec!["a".to_owned(), " ".to_owned()],
        ..Sentence::default()
    });
    let findings = check::sentences(&corpus, None, &Options { long: 20, ..Options::default() });
    let control = only(&findings, "control-character");
    assert_eq!((control.count, control.examples[0].text.as_str()), (1, "as\\u{200b}pirin x"));
    assert_eq!(only(&findings, "very-long").examples[0].place, "long");
    assert_eq!(only(&findings, "empty-item").examples[0].place, "none");
    assert_eq!(only(&findings, "column-length").examples[0].text, "3 tokens, 1 parts of speech, 2 concepts");
    assert_eq!(only(&findings, "empty-token").examples[0].text, "token 2 is ` `");
}

#[test]
fn label_sets_that_differ() {
    let corpus = Corpus {
        train: vec![sentence("a", "x", &[(0, 1, "Drug")]), sentence("b", "y", &[(0, 1, "Gene")])],
        dev: vec![],
        test: vec![sentence("c", "z", &[(0, 1, "drug")])],
    };
    let findings = check::sentences(&corpus, None, &Options::default());
    let differ = of_code(&findings, "labels-differ");
    assert_eq!(differ[0].severity, Severity::Warning);
    assert!(differ[0].message.ends_with("does not have: drug"), "{}", differ[0].message);
    assert!(differ[1].message.ends_with("do not occur: Drug, Gene"), "{}", differ[1].message);
    assert_eq!(only(&findings, "empty-split").scope, "dev");
}

#[test]
fn counts_are_compared_with_the_manifest() {
    let corpus = train(vec![sentence("a", "x y", &[(0, 1, "Drug")])]);
    let counts = |tokens, by_type: &[(&str, u64)]| {
        let counts = Counts {
            sentences: Some(1),
            tokens: Some(tokens),
            entities: Some(1),
            by_type: by_type.iter().map(|(l, n)| ((*l).to_owned(), *n)).collect(),
            ..Counts::default()
        };
        BTreeMap::from([("train".to_owned(), counts)])
    };
    let right = check::sentences(&corpus, Some(&counts(2, &[("Drug", 1)])), &Options::default());
    assert!(of_code(&right, "counts-differ").is_empty());
    let wrong = check::sentences(&corpus, Some(&counts(3, &[("Drug", 1), ("Gene", 4)])), &Options::default());
    let messages: Vec<&str> = of_code(&wrong, "counts-differ").iter().map(|f| f.message.as_str()).collect();
    assert_eq!(
        messages,
        ["tokens: the manifest says 3, found 2", "entities of type Gene: the manifest says 4, found 0"]
    );
}

#[test]
fn differences_that_repairs_explain_are_notes_and_others_stay_errors() {
    let corpus = Corpus {
        train: vec![sentence("a", "x y", &[(0, 1, "Drug"), (1, 2, "Drug")])],
        dev: vec![],
        test: vec![sentence("b", "z", &[(0, 1, "Drug")])],
    };
    let counts = |train: u64| -> BTreeMap<String, Counts> {
        [("train", train), ("test", 1)]
            .map(|(split, n)| (split.to_owned(), Counts { entities: Some(n), ..Counts::default() }))
            .into()
    };
    let mut report = Report::default();
    report.note(Remark::RepairedTag, || "train.tsv:2".to_owned());

    let mut expected = counts(1);
    let explained = check::reconcile(&mut expected, &corpus, &report);
    assert_eq!((explained[0].code, explained[0].count), ("counts-explained", 1));
    let findings = check::sentences(&corpus, Some(&expected), &Options::default());
    assert!(of_code(&findings, "counts-differ").is_empty());

    // One repaired tag does not explain two mentions.
    let mut expected = counts(0);
    assert_eq!(check::reconcile(&mut expected, &corpus, &report), []);
    let findings = check::sentences(&corpus, Some(&expected), &Options::default());
    assert_eq!(only(&findings, "counts-differ").count, 2);
}

#[test]
fn documents_are_checked_by_characters() {
    let corpus = Corpus {
        train: vec![
            document("1", "患者发热，咳嗽", &[(2, 4, "S"), (4, 7, "S")]),
            document("2", "发热 三天", &[(0, 3, "S"), (3, 6, "S")]),
        ],
        dev: vec![],
        test: vec![document("1", "患者发热，咳嗽", &[(2, 4, "S"), (4, 7, "S")])],
    };
    let findings = check::documents(&corpus, None, &Options::default());
    assert_eq!(only(&findings, "duplicate-id").examples[0].place, "test 1");
    assert_eq!(only(&findings, "span-outside").examples[0].text, "3..6 S of 5");
    assert_eq!(only(&findings, "span-edge-space").examples[0].text, "`发热 ` (0..3 S)");
    assert_eq!(only(&findings, "leakage").count, 1);
    let edges = of_code(&findings, "span-edge-punctuation");
    assert_eq!(edges[0].examples[0].text, "`，咳嗽` (4..7 S)");
}

#[test]
fn examples_are_limited_and_counts_are_not() {
    let items = (0..50).map(|i| sentence(&i.to_string(), "a b", &[(0, 3, "X")])).collect();
    let findings = check::sentences(&train(items), None, &Options { examples: 2, ..Options::default() });
    let outside = only(&findings, "span-outside");
    assert_eq!((outside.count, outside.examples.len()), (50, 2));
}

fn scan(text: &str) -> tags::Scan {
    tags::scan_bytes(text.as_bytes(), "f.tsv", None, &Options::default())
}

#[test]
fn schemes_are_recognised() {
    for (text, scheme) in [
        ("a\tB-X\nb\tI-X\nc\tO\n", TagScheme::Bio),
        ("a\tB-X\nb\tE-X\n\nc\tS-X\n", TagScheme::Bioes),
        ("a B\nb M\nc E\nd S\n", TagScheme::Bmes),
    ] {
        let scan = scan(text);
        assert_eq!((scan.scheme, scan.findings.len()), (Some(scheme), 0), "{text:?}");
    }
}

#[test]
fn all_illegal_moves_are_listed_with_their_lines() {
    let found = scan("a\tO\nb\tI-X\n\nc\tB-X\nd\tI-Y\r\n");
    let illegal = only(&found.findings, "illegal-transition");
    let places: Vec<(&str, &str)> =
        illegal.examples.iter().map(|e| (e.place.as_str(), e.text.as_str())).collect();
    assert_eq!(places, [("f.tsv:2", "`I-X` after `O`"), ("f.tsv:5", "`I-Y` after `B-X`")]);
    // An entity of BIOES must be closed before the sentence ends.
    let open = scan("a\tB-X\nb\tE-X\nc\tB-X\n\nd\tS-X\n");
    assert_eq!(only(&open.findings, "illegal-transition").examples[0].text, "`end of sentence` after `B-X`");
}

#[test]
fn unknown_tags_and_old_schemes() {
    let found = scan("a\tB-X\nb\tI-X\nc\tQ-X\nd\t0\nd\t0\n");
    assert_eq!(found.scheme, None);
    let unknown = only(&found.findings, "unknown-tag");
    let texts: Vec<&str> = unknown.examples.iter().map(|e| e.text.as_str()).collect();
    assert_eq!(texts, ["`0`, 2 times", "`Q-X`, 1 times"]);
    assert!(unknown.message.contains("BIO"));

    let old = scan("a\tI-X\nb\tI-X\nc\tB-X\nd\tO\ne\tI-Y\n");
    assert_eq!(only(&old.findings, "iob1").severity, Severity::Warning);
    let mixed = scan("a\tB-X\nb\tI-X\nc\tM-X\n");
    assert_eq!(only(&mixed.findings, "mixed-schemes").examples[0].place, "f.tsv:3");
}

#[test]
fn statistics_of_a_corpus_counted_by_hand() {
    let corpus = Corpus {
        train: vec![
            sentence("a", "take aspirin or folic acid", &[(1, 2, "Drug"), (3, 5, "Drug")]),
            sentence("b", "no", &[]),
            sentence("c", "aspirin again", &[(0, 1, "Drug")]),
        ],
        dev: vec![],
        test: vec![sentence("d", "aspirin or new morphine", &[(0, 1, "Drug"), (3, 4, "Drug")])],
    };
    let stats = stats::sentences(&corpus);
    assert_eq!((stats.items, stats.unit, stats.splits.len()), ("sentences", "tokens", 2));
    let train = &stats.splits[0];
    assert_eq!((train.items, train.tokens, train.vocabulary), (3, 8, 7));
    assert_eq!((train.length.median, train.length.p95, train.length.max), (2, 5, 5));
    assert!((train.length.mean - 8.0 / 3.0).abs() < 1e-12);
    assert_eq!((train.entities, train.distinct), (3, 2));
    assert!((train.entity_length - 4.0 / 3.0).abs() < 1e-12);
    assert!((train.density - 37.5).abs() < 1e-12);
    assert_eq!(train.against_train, None);
    let test = &stats.splits[1];
    let against = test.against_train.as_ref().unwrap();
    assert_eq!((against.seen_mentions, against.seen_distinct), (50.0, 50.0));
    assert_eq!((against.out_of_vocabulary, against.out_of_vocabulary_types), (50.0, 50.0));
    assert_eq!(test.by_type["Drug"].seen, Some(50.0));
    let rows = stats.rows();
    assert!(rows.contains(&["test", "Drug", "mentions", "2"].map(str::to_owned)));
}

#[test]
fn statistics_choose_words_or_characters() {
    let english =
        Corpus { train: vec![document("1", "acute renal failure", &[(6, 19, "D")])], ..Corpus::default() };
    let stats = stats::documents(&english);
    assert_eq!((stats.unit, stats.splits[0].tokens, stats.splits[0].entity_length), ("words", 3, 2.0));
    let chinese =
        Corpus { train: vec![document("1", "急性 肾衰竭", &[(3, 6, "D")])], ..Corpus::default() };
    let stats = stats::documents(&chinese);
    assert_eq!((stats.unit, stats.splits[0].tokens, stats.splits[0].entity_length), ("characters", 5, 3.0));
}

#[test]
fn segmented_words_are_counted_as_words() {
    let s = sentence("a", "中 国 人 民", &[(0, 2, ""), (2, 4, "")]);
    let stats = stats::sentences(&train(vec![s]));
    assert_eq!((stats.unit, stats.splits[0].tokens, stats.splits[0].entities), ("words", 2, 0));
}
