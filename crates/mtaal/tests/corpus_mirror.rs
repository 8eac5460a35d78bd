//! The paper's Table 1 and its split from the real files, where they are at hand (`medner data fetch`, or `MEDNER_MIRROR`).

#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use medner_data::{Sentence, at_hand};
use medner_mtaal::corpus::{
    ActivePool, Agreement, Encoding, EncodingOptions, LengthFilter, Share, Shares, Table1, abstracts,
    agreement, load, split,
};

/// The folder that has the corpora, or nothing (said aloud) where none has.
fn mirror() -> Option<PathBuf> {
    at_hand::folder_with(env!("CARGO_MANIFEST_DIR"), "mtaal/NCBI/train.txt")
}

#[test]
fn table_1_and_the_split_of_seed_0() {
    let Some(root) = mirror() else { return };
    let table = |vocabulary,
                 abstracts,
                 entities,
                 ner_labels,
                 nen_labels,
                 [labelled, unlabelled, test]: [usize; 3]| {
        let abstracts = Some(abstracts);
        Table1 { vocabulary, abstracts, entities, ner_labels, nen_labels, labelled, unlabelled, test }
    };
    let ncbi = (table(9_839, 793, 7_025, 3, 743, [1_439, 5_037, 719]), [7_067, 1_607, 3_418]);
    let cdr = (table(15_380, 1_500, 28_545, 5, 2_311, [3_198, 11_193, 1_599]), [15_724, 2_860, 12_716]);
    for (name, folder, kept, left_out, (expected, firsts)) in
        [("mtaal-ncbi", "NCBI", 7_197, 2, ncbi), ("mtaal-cdr", "CDR", 15_991, 1, cdr)]
    {
        let collection = load(name, &root).unwrap();
        let positions = collection.kept(LengthFilter::default());
        assert_eq!(positions.len(), kept);
        let cut = split(positions.len(), Shares::default(), 0).unwrap();
        assert_eq!([&cut.labelled, &cut.unlabelled, &cut.test].map(|part| part[0]), firsts, "{name}");
        // Every position, where the list that was made beside the corpora is at hand; it cannot be fetched.
        if let Ok(text) = std::fs::read_to_string(root.join(format!("mtaal/{folder}/split_seed0.json"))) {
            let published: serde_json::Value = serde_json::from_str(&text).unwrap();
            for (key, ours) in [("label", &cut.labelled), ("unlabel", &cut.unlabelled), ("test", &cut.test)] {
                let theirs: Vec<usize> = serde_json::from_value(published[key].clone()).unwrap();
                assert!(&theirs == ours, "{name}: `{key}` differs");
            }
        }
        assert_eq!(cut.left_out.len(), left_out);
        let found = Table1::of(&collection, abstracts(name, &root).unwrap(), &cut).unwrap();
        assert_eq!(found, expected, "{name}");
        assert_eq!(found.lines().len(), 8);
        let pool = ActivePool::new(&cut);
        assert_eq!((pool.labelled.len(), pool.unlabelled.len()), (cut.labelled.len(), cut.unlabelled.len()));
    }
}

#[test]
fn both_corpora_are_encoded_whole() {
    let Some(root) = mirror() else { return };
    for (name, released_labels, missing) in [("mtaal-ncbi", 743, 0), ("mtaal-cdr", 2_310, 226)] {
        let collection = load(name, &root).unwrap();
        for options in [EncodingOptions::PAPER, EncodingOptions::RELEASED] {
            let encoding = Encoding::count(&collection.sentences, options).unwrap();
            let encoded = encoding.encode(&collection.sentences).unwrap();
            println!(
                "{name} {options:?}: {} characters, {} forms, the longest of {}, {} concepts",
                encoding.characters.len(),
                encoded.forms.len(),
                encoded.forms.longest(),
                encoding.nen.len()
            );
            for (sentence, example) in collection.sentences.iter().zip(&encoded.examples) {
                assert_eq!(example.len(), sentence.tokens.len());
                assert!(example.words.iter().all(|&word| word > 1), "a word of {} is unknown", sentence.id);
                let tags: Vec<i64> = example.ner.iter().map(|&tag| i64::from(tag)).collect();
                assert_eq!(encoding.ner.decode(&tags), sentence.spans);
            }
            let forms = 0..encoded.forms.len() as u32;
            assert!(forms.into_iter().all(|form| encoded.forms.characters(form).iter().all(|&c| c > 1)));
            if options == EncodingOptions::RELEASED {
                assert_eq!(encoding.nen.len(), released_labels);
            }
        }
        let missing_of = |s: &Sentence| s.spans.iter().filter(|span| s.concepts[span.start] == "-1").count();
        assert_eq!(collection.sentences.iter().map(missing_of).sum::<usize>(), missing, "{name}");
    }
}

#[test]
fn our_reading_of_pubtator_agrees_with_the_authors_files() {
    let Some(root) = mirror() else { return };
    for (data_set, raw) in [("ncbi", [5_145, 787, 960]), ("cdr", [9_385, 9_591, 9_809])] {
        let found: Agreement = agreement(data_set, &root).unwrap();
        println!("{data_set}\n{found}");
        assert_eq!(found.raw_mentions, raw);
        let at_least = |what: &str, share: Share, f1: f64| {
            assert!(share.f1() >= f1, "{data_set}: {what} agree to {:.4} only", share.f1());
        };
        at_least("sentences", found.sentences, 0.75);
        at_least("sentences by the authors' rule", found.sentences_by_rule, 1.0);
        at_least("tokens by the authors' rule", found.tokens_by_rule, 1.0);
        at_least("tokens", found.tokens, 0.9);
        at_least("mentions", found.mentions, 0.9);
        at_least("mentions with concept", found.mentions_with_concept, 0.9);
    }
    // As a data set of its own: NCBI's four kinds are one type, and every mention has a concept.
    let ours = load("pubtator-ncbi", &root).unwrap();
    let encoding = Encoding::count(&ours.sentences, EncodingOptions::PAPER).unwrap();
    assert_eq!(encoding.ner.tags(), ["O", "B-Disease", "I-Disease"]);
    println!("our reading of NCBI has {} concepts and {} words", encoding.nen.len(), encoding.words.len());
    assert!(encoding.nen.labels().iter().all(|label| !label.contains('|')));
}
