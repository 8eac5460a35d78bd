//! The words of a segmented corpus, each with its commonest part of speech, and segmentation by forward longest match.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use medner_data::Sentence;
use serde::{Deserialize, Serialize};

use super::TransferError;

/// Words and their parts of speech.
///
/// Serialised as the list of words with their parts of speech, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BTreeMap<String, String>", into = "BTreeMap<String, String>")]
pub struct Lexicon {
    /// Only looked up, never walked but for sorting.
    words: HashMap<String, String>,
    /// Characters of the longest word.
    longest: usize,
}

impl Lexicon {
    /// Collects the words of sentences whose tokens are words and whose `pos` has one entry a word. A word's part of speech is
    /// the one it has most often; of equally frequent ones the first in the order of their text.
    ///
    /// # Errors
    /// [`TransferError::NoSource`], [`TransferError::NoPos`], [`TransferError::Sentence`] for a word without characters.
    pub fn new(source: &[Sentence]) -> Result<Self, TransferError> {
        check_source(source)?;
        let mut counts: HashMap<&str, BTreeMap<&str, usize>> = HashMap::new();
        for sentence in source {
            for (word, pos) in sentence.tokens.iter().zip(&sentence.pos) {
                *counts.entry(word).or_default().entry(pos).or_default() += 1;
            }
        }
        let commonest = |pos: BTreeMap<&str, usize>| {
            // The last of the greatest in reverse order is the first in order.
            let (pos, _) = pos.into_iter().rev().max_by_key(|&(_, n)| n).expect("a counted word has a tag");
            pos.to_owned()
        };
        let words: BTreeMap<String, String> =
            counts.into_iter().map(|(word, pos)| (word.to_owned(), commonest(pos))).collect();
        Ok(words.into())
    }

    /// Number of words.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// True where there are no words.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The part of speech of a word.
    pub fn pos(&self, word: &str) -> Option<&str> {
        self.words.get(word).map(String::as_str)
    }

    /// Cuts characters (tokens of one character each) into words from the left: each time the longest word of the lexicon, or one
    /// character where none begins. The ranges are not empty and cover all of `characters`.
    pub fn segment<S: AsRef<str>>(&self, characters: &[S]) -> Vec<Range<usize>> {
        let mut words = Vec::new();
        let mut text = String::new();
        let mut ends = Vec::new();
        let mut start = 0;
        while start < characters.len() {
            text.clear();
            ends.clear();
            for character in characters[start..].iter().take(self.longest) {
                text.push_str(character.as_ref());
                ends.push(text.len());
            }
            let length =
                (1..=ends.len()).rev().find(|&n| self.words.contains_key(&text[..ends[n - 1]])).unwrap_or(1);
            words.push(start..start + length);
            start += length;
        }
        words
    }
}

impl From<BTreeMap<String, String>> for Lexicon {
    fn from(words: BTreeMap<String, String>) -> Self {
        let longest = words.keys().map(|word| word.chars().count()).max().unwrap_or(0);
        Self { words: words.into_iter().collect(), longest }
    }
}

impl From<Lexicon> for BTreeMap<String, String> {
    fn from(lexicon: Lexicon) -> Self {
        lexicon.words.into_iter().collect()
    }
}

/// Refuses what is not segmented text with parts of speech.
pub(super) fn check_source(source: &[Sentence]) -> Result<(), TransferError> {
    if source.is_empty() {
        return Err(TransferError::NoSource);
    }
    for sentence in source {
        sentence.check()?;
        if sentence.pos.len() != sentence.tokens.len() {
            return Err(TransferError::NoPos {
                id: sentence.id.clone(),
                words: sentence.tokens.len(),
                tags: sentence.pos.len(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::fixture::words;
    use super::*;

    fn lexicon() -> Lexicon {
        Lexicon::new(&[
            words("北京/ns 大学/n 学生/n 北京大学/nt"),
            words("学/v 生活/vn 生活/v 生活/v 大/a"),
            words("行/v 行/q"),
        ])
        .unwrap()
    }

    fn cut(lexicon: &Lexicon, text: &str) -> Vec<String> {
        let characters: Vec<String> = text.chars().map(String::from).collect();
        lexicon.segment(&characters).into_iter().map(|w| characters[w].concat()).collect()
    }

    #[test]
    fn the_longest_word_from_the_left_wins() {
        let lexicon = lexicon();
        assert_eq!(cut(&lexicon, "北京大学生活"), ["北京大学", "生活"]);
        assert_eq!(cut(&lexicon, "北京大使"), ["北京", "大", "使"]);
        assert_eq!(cut(&lexicon, "我"), ["我"]);
        assert!(cut(&lexicon, "").is_empty());
        assert_eq!(cut(&Lexicon::default(), "北京"), ["北", "京"]);
    }

    #[test]
    fn the_commonest_part_of_speech_counts_and_ties_go_by_text() {
        let lexicon = lexicon();
        assert_eq!((lexicon.len(), lexicon.pos("生活"), lexicon.pos("行")), (8, Some("v"), Some("q")));
        assert_eq!(lexicon.pos("我"), None);
    }

    #[test]
    fn it_is_the_same_after_saving() {
        let text = serde_json::to_string(&lexicon()).unwrap();
        assert_eq!(serde_json::from_str::<Lexicon>(&text).unwrap(), lexicon());
        assert_eq!(text, serde_json::to_string(&lexicon()).unwrap());
    }

    #[test]
    fn words_without_parts_of_speech_and_empty_words_are_refused() {
        let mut sentence = words("北京/ns 大学/n");
        sentence.pos.pop();
        sentence.spans.clear();
        let error = Lexicon::new(&[sentence]).unwrap_err().to_string();
        assert!(error.contains("part-of-speech"), "{error}");
        let mut sentence = words("北京/ns 大学/n");
        sentence.pos.clear();
        let error = Lexicon::new(&[sentence]).unwrap_err().to_string();
        assert!(error.contains("has 2 words and 0 parts of speech"), "{error}");
        let mut sentence = words("北京/ns 大学/n");
        sentence.tokens[1].clear();
        let error = Lexicon::new(&[sentence]).unwrap_err().to_string();
        assert!(error.contains("token 1 is empty"), "{error}");
        assert!(matches!(Lexicon::new(&[]), Err(TransferError::NoSource)));
    }
}
