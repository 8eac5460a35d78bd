//! Text to pieces of the vocabulary, each with the characters that it stands for.
//!
//! | mode | what a piece is |
//! | --- | --- |
//! | [`TokenizerMode::Character`] | a character, whatever it is: tags of characters are tags of pieces, as released Chinese NER code does it |
//! | [`TokenizerMode::Wordpiece`] | BERT's own: a Chinese character, or the longest known part of a number or Latin word (`##` continues one); white space and control characters have none |
//!
//! Pieces of the mode `wordpiece` are those of `transformers`' BertTokenizer on any text, without its special treatment of
//! `[CLS]` and the like inside the text: what a user writes is text.

use std::collections::BTreeMap;
use std::ops::Range;

use medner_core::{CoreError, Result};
use serde::{Deserialize, Serialize};
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::{NormalizedString, Normalizer, Tokenizer};

/// What a piece is; see the [module](self).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenizerMode {
    /// Each character.
    #[default]
    Character,
    /// BERT's pieces.
    Wordpiece,
}

/// Ids of the entries that are no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpecialIds {
    /// `[PAD]`
    pub padding: u32,
    /// `[UNK]`
    pub unknown: u32,
    /// `[CLS]`
    pub first: u32,
    /// `[SEP]`
    pub separator: u32,
    /// `[MASK]`
    pub mask: u32,
}

/// The special entries, in the order of [`SpecialIds`].
pub const SPECIAL: [&str; 5] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

/// A text as pieces, without `[CLS]` and `[SEP]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pieces {
    /// Id of each piece.
    pub ids: Vec<u32>,
    /// The characters that each piece stands for: in order, not overlapping, none empty.
    pub characters: Vec<Range<usize>>,
}

impl Pieces {
    /// For each of a text's `length` characters the piece that stands for it, if one does.
    pub fn of_characters(&self, length: usize) -> Vec<Option<usize>> {
        let mut pieces = vec![None; length];
        for (piece, characters) in self.characters.iter().enumerate() {
            pieces[characters.clone()].fill(Some(piece));
        }
        pieces
    }
}

/// Cuts text into pieces of a vocabulary.
pub struct AlbertTokenizer {
    mode: TokenizerMode,
    special: SpecialIds,
    ids: BTreeMap<String, u32>,
    /// For each id whether it continues a word (`##...`).
    continues: Vec<bool>,
    normalizer: BertNormalizer,
    wordpiece: Tokenizer,
}

impl AlbertTokenizer {
    /// A tokenizer over these entries, in the order of their ids. `lower_case` also takes accents off, as the published
    /// Chinese vocabularies want it.
    ///
    /// # Errors
    /// [`CoreError::Config`] where an entry of [`SPECIAL`] is missing.
    pub fn new(entries: &[String], mode: TokenizerMode, lower_case: bool) -> Result<Self> {
        let ids: BTreeMap<String, u32> = entries.iter().cloned().zip(0..).collect();
        let id = |entry: &str| {
            ids.get(entry).copied().ok_or_else(|| CoreError::Config {
                key: "vocab.txt".into(),
                message: format!("has no entry `{entry}`, which a BERT vocabulary must have"),
            })
        };
        let [padding, unknown, first, separator, mask] = SPECIAL.map(id);
        let special = SpecialIds {
            padding: padding?,
            unknown: unknown?,
            first: first?,
            separator: separator?,
            mask: mask?,
        };
        let normalizer = BertNormalizer::new(true, true, None, lower_case);
        // An empty map of the library's own type, which has no public name.
        let mut vocabulary = WordPiece::read_bytes(b"").map_err(failed)?;
        vocabulary.extend(ids.clone());
        let model = WordPiece::builder().vocab(vocabulary).unk_token(SPECIAL[1].into()).build();
        let mut wordpiece = Tokenizer::new(model.map_err(failed)?);
        wordpiece.with_normalizer(Some(normalizer)).map_err(failed)?;
        wordpiece.with_pre_tokenizer(Some(BertPreTokenizer));
        let continues = entries.iter().map(|entry| entry.starts_with("##")).collect();
        Ok(Self { mode, special, ids, continues, normalizer, wordpiece })
    }

    /// Entries of the vocabulary.
    pub fn len(&self) -> usize {
        self.continues.len()
    }

    /// Never true: the special entries are there.
    pub fn is_empty(&self) -> bool {
        self.continues.is_empty()
    }

    /// Ids of the special entries.
    pub fn special(&self) -> SpecialIds {
        self.special
    }

    /// Whether an id continues the word of the piece before it.
    pub fn continues(&self, id: u32) -> bool {
        self.continues.get(id as usize).copied().unwrap_or(false)
    }

    /// Cuts a text into pieces.
    ///
    /// # Errors
    /// [`CoreError::Config`] for what the tokenizer library refuses.
    pub fn encode(&self, text: &str) -> Result<Pieces> {
        match self.mode {
            TokenizerMode::Character => {
                let ids = text.chars().map(|c| self.character(c)).collect::<Result<Vec<_>>>()?;
                let characters = (0..ids.len()).map(|i| i..i + 1).collect();
                Ok(Pieces { ids, characters })
            }
            TokenizerMode::Wordpiece => {
                let encoding = self.wordpiece.encode_char_offsets(text, false).map_err(failed)?;
                let characters = encoding.get_offsets().iter().map(|&(start, end)| start..end).collect();
                Ok(Pieces { ids: encoding.get_ids().to_vec(), characters })
            }
        }
    }

    /// The piece of one character: its entry after BERT's normalisation, or `[UNK]`.
    fn character(&self, character: char) -> Result<u32> {
        let mut buffer = [0; 4];
        let written: &str = character.encode_utf8(&mut buffer);
        // Lower-case letters, digits and Chinese characters are entries as they stand.
        if let Some(&id) = self.ids.get(written) {
            return Ok(id);
        }
        let mut normalized = NormalizedString::from(written);
        self.normalizer.normalize(&mut normalized).map_err(failed)?;
        Ok(self.ids.get(normalized.get().trim()).copied().unwrap_or(self.special.unknown))
    }
}

/// The library's errors have no type of their own.
#[allow(clippy::needless_pass_by_value)] // As `map_err` hands it over.
fn failed(error: tokenizers::Error) -> CoreError {
    CoreError::Config { key: "tokenizer".into(), message: error.to_string() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn tokenizer(mode: TokenizerMode) -> AlbertTokenizer {
        let mut entries: Vec<String> = SPECIAL.map(String::from).to_vec();
        entries.extend(
            ["高", "血", "压", "1", "12", "##0", "mm", "##hg", "e", "，", "m", "h", "g"].map(String::from),
        );
        AlbertTokenizer::new(&entries, mode, true).unwrap()
    }

    #[test]
    fn pieces_know_their_characters() {
        let tokenizer = tokenizer(TokenizerMode::Wordpiece);
        let pieces = tokenizer.encode("高血压 120mmHg，é\u{200b}龘").unwrap();
        let entries: Vec<&str> = pieces.ids.iter().map(|&id| entry(&tokenizer, id)).collect();
        // One word without a space is one word: `120mmhg` begins with `12`, then `##0`, and `##mmhg` is unknown: all of it is.
        assert_eq!(entries, ["高", "血", "压", "[UNK]", "，", "e", "[UNK]"]);
        let pieces = tokenizer.encode("压 120 mmHg").unwrap();
        let entries: Vec<&str> = pieces.ids.iter().map(|&id| entry(&tokenizer, id)).collect();
        assert_eq!(entries, ["压", "12", "##0", "mm", "##hg"]);
        assert_eq!(pieces.characters, [0..1, 2..4, 4..5, 6..8, 8..10]);
        assert_eq!(pieces.of_characters(10)[..5], [Some(0), None, Some(1), Some(1), Some(2)]);
        assert!(tokenizer.continues(pieces.ids[2]) && !tokenizer.continues(pieces.ids[1]));
    }

    #[test]
    fn every_character_has_a_piece_in_character_mode() {
        let tokenizer = tokenizer(TokenizerMode::Character);
        let text = "高血压 1mmHg，É龘\u{200b}\n😀";
        let pieces = tokenizer.encode(text).unwrap();
        let entries: Vec<&str> = pieces.ids.iter().map(|&id| entry(&tokenizer, id)).collect();
        let expected = ["高", "血", "压", "[UNK]", "1", "m", "m", "h", "g", "，", "e"];
        assert_eq!(entries[..11], expected);
        assert!(entries[11..].iter().all(|&e| e == "[UNK]"));
        assert_eq!(pieces.ids.len(), text.chars().count());
        assert_eq!(pieces.of_characters(15), (0..15).map(Some).collect::<Vec<_>>());
    }

    #[test]
    fn special_entries_in_a_text_are_text() {
        for mode in [TokenizerMode::Character, TokenizerMode::Wordpiece] {
            let tokenizer = tokenizer(mode);
            let ids = tokenizer.encode("高[MASK]压[SEP]").unwrap().ids;
            let special = tokenizer.special();
            assert!(!ids.contains(&special.mask) && !ids.contains(&special.separator));
            assert!(tokenizer.encode("").unwrap().ids.is_empty());
        }
    }

    #[test]
    fn a_vocabulary_without_special_entries_is_refused() {
        let error = AlbertTokenizer::new(&["[PAD]".into(), "血".into()], TokenizerMode::Character, true);
        assert!(error.err().unwrap().to_string().contains("`[UNK]`"));
    }

    fn entry(tokenizer: &AlbertTokenizer, id: u32) -> &str {
        tokenizer.ids.iter().find(|entry| *entry.1 == id).unwrap().0
    }
}
