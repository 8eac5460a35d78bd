//! Pieces beside the reference SentencePiece's.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use medner_data::at_hand;
use medner_mtl_ls::xlnet::XlnetTokenizer;
use serde::Deserialize;

/// The published tokenizer's folder, if it has this file too, or nothing (said aloud). The fixtures were made beside it: `medner data
/// fetch` cannot get them.
fn folder_with(file: &str) -> Option<PathBuf> {
    let found = at_hand::folder_with(env!("CARGO_MANIFEST_DIR"), &format!("xlnet-tokenizer/{file}"));
    found.map(|folder| folder.join("xlnet-tokenizer"))
}

#[derive(Deserialize)]
struct SentenceFixture {
    text: String,
    spiece_cased: Vec<u32>,
    /// Of a tokenizer that lower-cases, as the released commands do.
    spiece_lower: Vec<u32>,
}

#[derive(Deserialize)]
struct WordFixture {
    w: String,
    cased: Vec<u32>,
    lower: Vec<u32>,
}

fn lines<T: for<'de> Deserialize<'de>>(path: &Path) -> Vec<T> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn tokenizer(folder: &Path) -> XlnetTokenizer {
    XlnetTokenizer::new(&std::fs::read(folder.join("tokenizer.json")).unwrap()).unwrap()
}

#[test]
fn all_sentences_and_words_are_cut_as_the_reference_cuts_them() {
    let Some(folder) = folder_with("fixtures_words.jsonl") else { return };
    let tokenizer = tokenizer(&folder);
    assert_eq!(tokenizer.len(), 32_000);
    let sentences: Vec<SentenceFixture> = lines(&folder.join("fixtures_sentences.jsonl"));
    assert_eq!(sentences.len(), 305);
    for SentenceFixture { text, spiece_cased, spiece_lower } in &sentences {
        assert_eq!(&tokenizer.encode(text).unwrap(), spiece_cased, "{text}");
        assert_eq!(&tokenizer.encode(&text.to_lowercase()).unwrap(), spiece_lower, "{text}");
    }
    let words: Vec<WordFixture> = lines(&folder.join("fixtures_words.jsonl"));
    assert_eq!(words.len(), 6000);
    for WordFixture { w, cased, lower } in &words {
        assert_eq!(&tokenizer.word(w).unwrap(), cased, "{w}");
        assert_eq!(&tokenizer.word(&w.to_lowercase()).unwrap(), lower, "{w}");
    }
}

#[test]
fn special_entries_and_nothing_are_words_like_others() {
    let Some(folder) = folder_with("tokenizer.json") else { return };
    let tokenizer = tokenizer(&folder);
    let special = tokenizer.special();
    let ids =
        [special.unknown, special.begin, special.end, special.classify, special.separator, special.padding];
    assert_eq!(ids, [0, 1, 2, 3, 4, 5]);
    let pieces = tokenizer.word("<sep>").unwrap();
    assert!(!pieces.contains(&special.separator) && pieces.len() > 1, "{pieces:?}");
    assert_eq!(tokenizer.word("\u{1}").unwrap().len(), 1);
    assert_eq!(tokenizer.word("").unwrap(), [special.unknown]);
    assert!(tokenizer.encode("").unwrap().is_empty());
    // A word of one letter many times over keeps all its pieces.
    assert!(tokenizer.word(&"Q".repeat(400)).unwrap().len() > 100);
}

#[test]
fn a_trimmed_vocabulary_cuts_what_it_was_made_for_as_before() {
    let Some(folder) = folder_with("fixtures_words.jsonl") else { return };
    let tokenizer = tokenizer(&folder);
    let sentences: Vec<SentenceFixture> = lines(&folder.join("fixtures_sentences.jsonl"));
    let used: BTreeSet<u32> = sentences.iter().flat_map(|s| s.spiece_cased.iter().copied()).collect();
    let (file, old) = tokenizer.trimmed(&used).unwrap();
    let trimmed = XlnetTokenizer::new(&file).unwrap();
    assert_eq!((trimmed.len(), trimmed.special()), (old.len(), tokenizer.special()));
    assert!(trimmed.len() < 8000, "{}", trimmed.len());
    for SentenceFixture { text, spiece_cased, .. } in &sentences {
        let pieces: Vec<u32> = trimmed.encode(text).unwrap().iter().map(|&id| old[id as usize]).collect();
        assert_eq!(&pieces, spiece_cased, "{text}");
    }
    // Other text is cut smaller, and nothing of it becomes unknown.
    for word in ["thrombocytopenia", "zoster", "Kuala"] {
        assert!(!trimmed.word(word).unwrap().contains(&trimmed.special().unknown), "{word}");
    }
}

#[test]
fn files_that_are_no_xlnet_s_are_refused() {
    let message = |bytes: &[u8]| XlnetTokenizer::new(bytes).err().unwrap().to_string();
    assert!(message(b"{").contains("tokenizer.json"));
    let other = br#"{"version": "1.0", "added_tokens": [], "normalizer": null, "pre_tokenizer": null, "post_processor": null,
        "decoder": null, "model": {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0], ["a", -1.0]]}}"#;
    assert!(message(other).contains("`<s>`"), "{}", message(other));
}
