//! Instance transfer and entity counts on the real corpora, where they are at hand (`medner data fetch`, or
//! `MEDNER_MIRROR`).

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use medner_asaibc::statistics::entity_counts;
use medner_asaibc::transfer::{Lexicon, Similarity, TransferConfig, TransferError, similarities, transfer};
use medner_data::Sentence;
use medner_data::at_hand;
use medner_data::catalog::load_sentences;

/// The folder that has the corpora, or nothing (said aloud) where none has.
fn mirror() -> Option<PathBuf> {
    at_hand::folder_with(env!("CARGO_MANIFEST_DIR"), "cws/pd199801.gb18030.txt")
}

fn source(root: &Path) -> Vec<Sentence> {
    load_sentences("pd1998-words", root).unwrap().train
}

/// The training sentences, with the entities whose type ends so.
fn target(name: &str, ending: &str, root: &Path) -> Vec<Sentence> {
    let mut train = load_sentences(name, root).unwrap().train;
    for sentence in &mut train {
        sentence.spans.retain(|span| span.label.ends_with(ending));
    }
    train
}

#[test]
fn how_many_sentences_are_kept() {
    let Some(root) = mirror() else { return };
    let source = source(&root);
    let config = TransferConfig::default();
    let mut found = Vec::new();
    let expected = [
        ("msra", "", 16_506, 17_826),
        ("weibo", ".NAM", 8_306, 659),
        ("weibo-2nd", ".NAM", 7_761, 678),
        ("weibo-2nd", ".NOM", 7_942, 415),
        ("cmdd-adr", "", 2_085, 246),
    ];
    for (name, ending, kept, _) in expected {
        let report = transfer(&source, &target(name, ending, &root), &config).unwrap().report;
        println!("{name}{ending}: {report:?}");
        found.push((name, ending, report.kept, report.entities));
        assert_eq!((report.sentences, report.dropped), (19_484, 19_484 - kept), "{name}{ending}");
        assert_eq!(report.histogram.iter().sum::<usize>(), 19_484);
        assert!(report.mean_weight >= config.delta && report.mean_weight <= 1.0);
        assert!(report.seconds < 30.0, "{name}{ending} took {} s", report.seconds);
    }
    assert_eq!(found, expected);
}

/// Length of the longest common subsequence over the longer length, by the whole table.
fn similar<T: PartialEq>(a: &[T], b: &[T]) -> f64 {
    let mut table = vec![vec![0_u32; b.len() + 1]; a.len() + 1];
    for (i, x) in a.iter().enumerate() {
        for (j, y) in b.iter().enumerate() {
            table[i + 1][j + 1] = if x == y { table[i][j] + 1 } else { table[i][j + 1].max(table[i + 1][j]) };
        }
    }
    f64::from(table[a.len()][b.len()]) / a.len().max(b.len()) as f64
}

#[test]
fn a_sample_of_sentences_weighs_what_all_pairs_say() {
    let Some(root) = mirror() else { return };
    let source = source(&root);
    let lexicon = Lexicon::new(&source).unwrap();
    for (name, every) in [("cmdd-adr", 1_623), ("weibo-2nd", 4_801)] {
        let target = target(name, "", &root);
        let mut entities: Vec<(Vec<char>, Vec<String>)> = Vec::new();
        for (number, sentence) in target.iter().enumerate() {
            for (place, span) in sentence.spans.iter().enumerate() {
                let letters = &sentence.tokens[span.start..span.end];
                let tag = |(i, word): (usize, std::ops::Range<usize>)| {
                    let word = letters[word].concat();
                    // What is no word gets a tag that nothing else has.
                    lexicon.pos(&word).map_or_else(|| format!("? {number} {place} {i}"), str::to_owned)
                };
                let pos = lexicon.segment(letters).into_iter().enumerate().map(tag).collect();
                entities.push((letters.concat().chars().collect(), pos));
            }
        }
        entities.sort();
        entities.dedup();
        for config in
            [TransferConfig::default(), TransferConfig { alpha: 0.8, beta: 0.2, ..TransferConfig::default() }]
        {
            let found = similarities(&source, &target, &config).unwrap();
            for (sentence, found) in source.iter().zip(found).step_by(every) {
                let mut best = Similarity::default();
                for start in 0..sentence.tokens.len() {
                    for end in start + 1..=sentence.tokens.len().min(start + config.longest_run) {
                        let run: Vec<char> = sentence.tokens[start..end].concat().chars().collect();
                        for (text, tags) in &entities {
                            let (entity, pos) =
                                (similar(&run, text), similar(&sentence.pos[start..end], tags));
                            let weight = config.alpha * entity + config.beta * pos;
                            if (weight, entity, pos) > (best.weight, best.entity, best.pos) {
                                best = Similarity { weight, entity, pos };
                            }
                        }
                    }
                }
                assert_eq!(found, best, "{name} {}", sentence.id);
            }
        }
    }
}

#[test]
fn a_threshold_nothing_reaches_names_those_that_would_keep_some() {
    let Some(root) = mirror() else { return };
    let (mut rest, target) = (source(&root), target("cmdd-adr", "", &root));
    rest.truncate(400);
    let config = TransferConfig { delta: 1.0, ..TransferConfig::default() };
    // Takes the sentences with the weight 1 out until there are none; the lexicon shrinks with them, which may give others that weight.
    let error = loop {
        match transfer(&rest, &target, &config) {
            Ok(kept) => {
                let mut dropped = kept.weights.iter().map(Option::is_none);
                rest.retain(|_| dropped.next().unwrap());
            }
            Err(error) => break error,
        }
    };
    let TransferError::AllDropped { sentences, heaviest, ref remain, .. } = error else { panic!("{error}") };
    assert!(sentences == rest.len() && sentences > 300, "{error}");
    assert!((0.5..1.0).contains(&heaviest) && remain[0].1 > 0, "{error}");
}

#[test]
fn table_4() {
    let Some(root) = mirror() else { return };
    let counts = |name: &str| -> Vec<(String, String, usize)> {
        let corpus = load_sentences(name, &root).unwrap();
        let rows = entity_counts(name, &corpus);
        rows.into_iter().map(|row| (row.split, row.entity_type, row.entities)).collect()
    };
    for name in ["msra", "weibo", "weibo-2nd", "cmdd-adr"] {
        println!("{name} {:?}", counts(name));
    }
    let of = |name: &str, split: &str, entity_type: &str| {
        counts(name).into_iter().find(|row| row.0 == split && row.1 == entity_type).map(|row| row.2)
    };
    let msra =
        [("PER", 17_615, 1_973), ("LOC", 36_860, 2_877), ("ORG", 20_584, 1_331), ("all", 75_059, 6_181)];
    for (entity_type, train, test) in msra {
        assert_eq!(of("msra", "train", entity_type), Some(train));
        assert_eq!(of("msra", "test", entity_type), Some(test));
    }
    assert_eq!(of("msra", "dev", "all"), None);
    // The published counts are of `B-` tags (1,370 / 301 / 310 and 1,885 / 389 / 414); 35 and 14 tags that continue no entity begin one.
    let all = |name| ["train", "dev", "test"].map(|split| of(name, split, "all").unwrap());
    assert_eq!(all("weibo").iter().sum::<usize>(), 1_370 + 301 + 310 + 35);
    assert_eq!(all("weibo-2nd").iter().sum::<usize>(), 1_885 + 389 + 414 + 14);
    assert_eq!(all("cmdd-adr"), [886, 298, 298]);
}
