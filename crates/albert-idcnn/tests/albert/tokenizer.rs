//! Pieces of all of CCKS-2019's text beside BertTokenizer's.

use std::path::{Path, PathBuf};

use medner_albert_idcnn::albert::{AlbertTokenizer, TokenizerMode};
use medner_data::at_hand;
use medner_data::catalog;
use medner_data::hash::hash_bytes;
use serde::Deserialize;

#[derive(Debug, PartialEq, Deserialize)]
struct Counts {
    texts: usize,
    characters: usize,
    pieces: usize,
    unknown: usize,
    ids_sha256: String,
    offsets_sha256: String,
}

/// The folder that has the corpora, or nothing (said aloud) where none has.
fn mirror() -> Option<PathBuf> {
    at_hand::folder_with(env!("CARGO_MANIFEST_DIR"), "albert-zh/vocab.txt")
}

fn entries(mirror: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(mirror.join("albert-zh/vocab.txt")).unwrap();
    text.split_terminator('\n').map(String::from).collect()
}

fn put(bytes: &mut Vec<u8>, numbers: impl Iterator<Item = u32>) {
    for number in numbers.chain([u32::MAX]) {
        bytes.extend(number.to_le_bytes());
    }
}

#[test]
fn all_of_ccks_2019_is_cut_as_the_reference_cuts_it() {
    let Some(mirror) = mirror() else { return };
    let tokenizer = AlbertTokenizer::new(&entries(&mirror), TokenizerMode::Wordpiece, true).unwrap();
    assert_eq!(tokenizer.len(), 21_128);
    let corpus = catalog::load_documents("ccks2019", &mirror).unwrap();
    let (mut ids, mut offsets) = (Vec::new(), Vec::new());
    let mut found = Counts {
        texts: 0,
        characters: 0,
        pieces: 0,
        unknown: 0,
        ids_sha256: String::new(),
        offsets_sha256: String::new(),
    };
    for document in corpus.train.iter().chain(&corpus.dev).chain(&corpus.test) {
        let pieces = tokenizer.encode(&document.text).unwrap();
        put(&mut ids, pieces.ids.iter().copied());
        put(&mut offsets, pieces.characters.iter().flat_map(|c| [c.start as u32, c.end as u32]));
        found.texts += 1;
        found.characters += document.text.chars().count();
        found.pieces += pieces.ids.len();
        found.unknown += pieces.ids.iter().filter(|&&id| id == tokenizer.special().unknown).count();
        // Alignment: in order, not overlapping, none empty, white space apart nothing is lost.
        let mut free = 0;
        for range in &pieces.characters {
            assert!(range.start >= free && range.end > range.start, "{}", document.id);
            free = range.end;
        }
        let of_characters = pieces.of_characters(document.text.chars().count());
        for (character, piece) in document.text.chars().zip(of_characters) {
            let silent = character.is_whitespace() || character.is_control() || piece.is_some();
            assert!(
                silent
                    || "\u{200b}\u{feff}\u{ad}\u{fffd}".contains(character)
                    || !character.is_alphanumeric()
            );
        }
    }
    found.ids_sha256 = hash_bytes(&ids).sha256;
    found.offsets_sha256 = hash_bytes(&offsets).sha256;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/albert_tokenizer.json");
    let expected: Counts = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert_eq!(found, expected);
}

#[test]
fn in_character_mode_nearly_every_character_of_ccks_2019_is_known() {
    let Some(mirror) = mirror() else { return };
    let tokenizer = AlbertTokenizer::new(&entries(&mirror), TokenizerMode::Character, true).unwrap();
    let corpus = catalog::load_documents("ccks2019", &mirror).unwrap();
    let (mut characters, mut unknown) = (0, 0);
    for document in corpus.train.iter().chain(&corpus.test) {
        let pieces = tokenizer.encode(&document.text).unwrap();
        assert_eq!(pieces.ids.len(), document.text.chars().count());
        characters += pieces.ids.len();
        for (character, id) in document.text.chars().zip(&pieces.ids) {
            unknown += usize::from(*id == tokenizer.special().unknown && !character.is_whitespace());
        }
    }
    println!("{unknown} of {characters} characters unknown");
    assert!(characters > 500_000 && unknown * 100 < characters, "{unknown} of {characters}");
}
