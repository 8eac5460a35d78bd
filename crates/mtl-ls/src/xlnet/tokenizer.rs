//! Text to pieces of XLNet's vocabulary (SentencePiece, unigram model), by the `tokenizer.json` of a published folder.
//!
//! A tagger's words are cut one by one, so that each knows its pieces; `▁`, where it is a piece of its own, is the first piece
//! of its word.

use std::collections::BTreeSet;

use medner_core::{CoreError, Result};
use serde_json::Value;
use tokenizers::Tokenizer;

/// Ids of the entries that are no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpecialIds {
    /// `<unk>`
    pub unknown: u32,
    /// `<s>`
    pub begin: u32,
    /// `</s>`
    pub end: u32,
    /// `<cls>`
    pub classify: u32,
    /// `<sep>`
    pub separator: u32,
    /// `<pad>`
    pub padding: u32,
}

/// Entries at the head of the vocabulary that every XLNet has: the special ones.
pub const SPECIAL: [&str; 9] =
    ["<unk>", "<s>", "</s>", "<cls>", "<sep>", "<pad>", "<mask>", "<eod>", "<eop>"];

/// Cuts text and words into pieces.
pub struct XlnetTokenizer {
    tokenizer: Tokenizer,
    special: SpecialIds,
    file: Vec<u8>,
}

fn refuse(message: String) -> CoreError {
    CoreError::Config { key: "tokenizer.json".into(), message }
}

/// The library's errors have no type of their own.
#[allow(clippy::needless_pass_by_value)] // As `map_err` hands it over.
fn failed(error: tokenizers::Error) -> CoreError {
    refuse(error.to_string())
}

impl XlnetTokenizer {
    /// A tokenizer from the bytes of its file.
    ///
    /// # Errors
    /// [`CoreError::Config`] for a file that is damaged, or is not that of an XLNet.
    pub fn new(file: &[u8]) -> Result<Self> {
        let mut tokenizer = Tokenizer::from_bytes(file)
            .map_err(|e| refuse(format!("is damaged or of another model ({e}); copy it again")))?;
        // A file keeps what its last user cut and padded texts to; here it is words that are encoded.
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(failed)?;
        let id = |entry: &str| {
            let id = tokenizer.token_to_id(entry);
            id.ok_or_else(|| refuse(format!("has no entry `{entry}`, which an XLNet vocabulary must have")))
        };
        let special = SpecialIds {
            unknown: id("<unk>")?,
            begin: id("<s>")?,
            end: id("</s>")?,
            classify: id("<cls>")?,
            separator: id("<sep>")?,
            padding: id("<pad>")?,
        };
        Ok(Self { tokenizer, special, file: file.to_vec() })
    }

    /// Entries of the vocabulary.
    pub fn len(&self) -> usize {
        self.tokenizer.get_vocab_size(true)
    }

    /// Never true: the special entries are there.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Ids of the special entries.
    pub fn special(&self) -> SpecialIds {
        self.special
    }

    /// The bytes that it was made of.
    pub fn file(&self) -> &[u8] {
        &self.file
    }

    /// The pieces of a text, without `<sep>` and `<cls>`.
    ///
    /// # Errors
    /// [`CoreError::Config`] for what the library refuses.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        // What a user writes is text: special entries that are spelt out in it are cut like other words.
        let text = self.without_special(text);
        Ok(self.tokenizer.encode_fast(text, false).map_err(failed)?.get_ids().to_vec())
    }

    /// The pieces of one word, at least one: what leaves nothing after normalisation (a control character) is `<unk>`.
    ///
    /// # Errors
    /// As [`XlnetTokenizer::encode`].
    pub fn word(&self, word: &str) -> Result<Vec<u32>> {
        let pieces = self.encode(word)?;
        Ok(if pieces.is_empty() { vec![self.special.unknown] } else { pieces })
    }

    /// The text with the names of special entries broken up.
    fn without_special(&self, text: &str) -> String {
        if !text.contains('<') {
            return text.to_owned();
        }
        let mut text = text.to_owned();
        for entry in self.tokenizer.get_added_tokens_decoder().values() {
            if text.contains(&entry.content) {
                // A space after `<`: the entry is no longer one, and nothing of the text is lost.
                text = text.replace(&entry.content, &entry.content.replacen('<', "< ", 1));
            }
        }
        text
    }

    /// The file of a smaller tokenizer: the special entries, those of `used`, and every entry of one character, with or without
    /// `▁`, so that any text that could be written can still be. The scores stay, so text whose pieces are all kept is cut as
    /// before. Ids are given anew, in the old order; the second result is the old id of each.
    ///
    /// # Errors
    /// [`CoreError::Config`] where the file is not as published XLNets have it.
    pub fn trimmed(&self, used: &BTreeSet<u32>) -> Result<(Vec<u8>, Vec<u32>)> {
        let mut file: Value =
            serde_json::from_slice(&self.file).map_err(|e| refuse(format!("is no JSON ({e})")))?;
        let vocabulary = file.pointer_mut("/model/vocab").and_then(Value::as_array_mut);
        let vocabulary = vocabulary.ok_or_else(|| refuse("has no list `model.vocab`".into()))?;
        let text = |entry: &Value| entry.get(0).and_then(Value::as_str).unwrap_or_default().to_owned();
        let head: Vec<String> = vocabulary.iter().take(SPECIAL.len()).map(text).collect();
        if head != SPECIAL {
            return Err(refuse(format!("begins with {head:?} where {SPECIAL:?} is expected")));
        }
        let mut kept = Vec::new();
        let mut old = Vec::new();
        for (id, entry) in std::mem::take(vocabulary).into_iter().enumerate() {
            let letters = text(&entry).trim_start_matches('▁').chars().count();
            if id < SPECIAL.len() || letters <= 1 || used.contains(&(id as u32)) {
                kept.push(entry);
                old.push(id as u32);
            }
        }
        *vocabulary = kept;
        let bytes = serde_json::to_vec(&file).map_err(|e| refuse(e.to_string()))?;
        Ok((bytes, old))
    }
}
