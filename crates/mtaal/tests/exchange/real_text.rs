//! 200 sentences of the NCBI disease corpus through every shape, where the corpus is at hand.

use std::path::PathBuf;

use medner_data::Sentence;
use medner_data::at_hand;
use medner_data::formats::text::CharMap;
use medner_data::formats::tokenize::tokenize;
use medner_mtaal::corpus::load;
use medner_mtaal::exchange::{Item, Shape, read_answers};

use crate::desk::{accept_all, looked_at, spelt};

/// The folder that has the corpora, or nothing (said aloud) where none has.
fn mirror() -> Option<PathBuf> {
    at_hand::folder_with(env!("CARGO_MANIFEST_DIR"), "mtaal/NCBI/train.txt")
}

fn survive(sentences: &[Sentence], items: &[Item]) {
    let expected: Vec<Sentence> = sentences.iter().map(spelt).collect();
    for shape in Shape::ALL {
        let folder = tempfile::tempdir().unwrap();
        let path = accept_all(shape, items, folder.path());
        let answers = read_answers(None, &path, items, looked_at()).unwrap();
        assert!(answers.sentences == expected, "{shape} changed an annotation");
        assert!(answers.remarks.is_empty() && answers.missing.is_empty(), "{shape}: {:?}", answers.remarks);
    }
}

#[test]
fn two_hundred_sentences_keep_every_annotation() {
    let Some(root) = mirror() else { return };
    let collection = load("mtaal-ncbi", &root).unwrap();
    // Every thirtieth, so that all three files and the concepts written with a space before them come in.
    let odd = |s: &&Sentence| s.concepts.iter().any(|c| c.trim() != c);
    let spaced: Vec<Sentence> = collection.sentences.iter().filter(odd).cloned().collect();
    assert!(!spaced.is_empty());
    let rest = collection.sentences.iter().step_by(30).take(200 - spaced.len()).filter(|s| !odd(s));
    let mut sentences: Vec<Sentence> = spaced.iter().chain(rest).cloned().collect();
    // The same line of two files: identifiers are unique in a query only with the split.
    for (number, sentence) in sentences.iter_mut().enumerate() {
        sentence.id = format!("{number}/{}", sentence.id);
    }
    let mentions: usize = sentences.iter().map(|s| s.spans.len()).sum();
    println!("{} sentences, {mentions} mentions", sentences.len());
    assert!(sentences.len() > 190 && mentions > 100);
    let items: Vec<Item> = sentences.iter().map(Item::from_sentence).collect();
    survive(&sentences, &items);
}

#[test]
fn two_hundred_sentences_of_the_documents_themselves() {
    let Some(root) = mirror() else { return };
    let documents = medner_data::catalog::load_documents("pubtator-cdr", &root).unwrap().test;
    let tokenized = tokenize(&documents).unwrap().items;
    let (mut sentences, mut items) = (Vec::new(), Vec::new());
    for sentence in tokenized.iter().step_by(20).take(200) {
        let map = CharMap::new(&documents[sentence.document].text);
        let mut item = Item::from_tokenized(sentence, &map).unwrap();
        item.mentions = Item::from_sentence(&sentence.sentence).mentions;
        assert_eq!(item.token_texts(), sentence.sentence.tokens);
        items.push(item);
        sentences.push(sentence.sentence.clone());
    }
    assert_eq!(items.len(), 200);
    survive(&sentences, &items);
}
