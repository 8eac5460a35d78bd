//! What an embedding looks up for each character, and the text it is trained on.
//!
//! | embedding | 科技很好 cut into 科技 很 好 | text for CBOW |
//! | --- | --- | --- |
//! | [`Embedding::Word`] | 科技 科技 很 好 | 科技 很 好 |
//! | [`Embedding::Character`] | 科 技 很 好 | the same |
//! | [`Embedding::CharacterPosition`] | 科0 技1 很0 好0 | the same |
//!
//! The words come from the sentence where it has them (the digits of WeiboNER's revised version, kept in `Sentence::pos`), else from
//! forward longest match with a lexicon.

use std::ops::Range;

use medner_data::Sentence;
use serde::{Deserialize, Serialize};

use super::LinearCrfError;
use crate::transfer::Lexicon;

/// The dense features of a linear CRF (Peng and Dredze 2015, section 3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Embedding {
    /// None: the row "CRF".
    #[default]
    None,
    /// Of the word that the character is part of: "CRF+word".
    Word,
    /// Of the character: "CRF+character".
    Character,
    /// Of the character at its place in its word: "CRF+character+position".
    CharacterPosition,
}

impl Embedding {
    /// True where sentences must be cut into words.
    pub fn needs_words(self) -> bool {
        matches!(self, Self::Word | Self::CharacterPosition)
    }
}

/// The symbols of a sentence, one a character; empty strings for [`Embedding::None`].
///
/// # Errors
/// [`LinearCrfError::NoWords`] where words are needed and neither the sentence has them nor a lexicon is there.
pub fn symbols(
    embedding: Embedding,
    sentence: &Sentence,
    lexicon: Option<&Lexicon>,
) -> Result<Vec<String>, LinearCrfError> {
    let tokens = &sentence.tokens;
    Ok(match embedding {
        Embedding::None => vec![String::new(); tokens.len()],
        Embedding::Character => tokens.clone(),
        Embedding::Word => words(sentence, lexicon)?
            .into_iter()
            .flat_map(|word| std::iter::repeat_n(tokens[word.clone()].concat(), word.len()))
            .collect(),
        Embedding::CharacterPosition => words(sentence, lexicon)?
            .into_iter()
            .flat_map(|word| tokens[word].iter().enumerate().map(|(place, c)| format!("{c}{place}")))
            .collect(),
    })
}

/// The text that an embedding's vectors are trained on: the sentences of the target (characters) and of the source (words, like
/// pd1998-words), each a list of symbols.
///
/// # Errors
/// As [`symbols`].
pub fn cbow_text(
    embedding: Embedding,
    target: &[Sentence],
    source: &[Sentence],
    lexicon: Option<&Lexicon>,
) -> Result<Vec<Vec<String>>, LinearCrfError> {
    let mut text = Vec::with_capacity(target.len() + source.len());
    for sentence in target {
        text.push(match embedding {
            Embedding::Word => {
                words(sentence, lexicon)?.into_iter().map(|word| sentence.tokens[word].concat()).collect()
            }
            _ => symbols(embedding, sentence, lexicon)?,
        });
    }
    text.extend(source.iter().map(|sentence| {
        let characters = sentence.tokens.iter().flat_map(|word| word.chars().enumerate());
        match embedding {
            Embedding::Word => sentence.tokens.clone(),
            Embedding::CharacterPosition => characters.map(|(place, c)| format!("{c}{place}")).collect(),
            Embedding::None | Embedding::Character => characters.map(|(_, c)| c.to_string()).collect(),
        }
    }));
    // White space cannot be written in word2vec's formats, and says little.
    for line in &mut text {
        line.retain(|symbol| !symbol.is_empty() && !symbol.contains(char::is_whitespace));
    }
    text.retain(|line| !line.is_empty());
    Ok(text)
}

/// The words of a sentence of characters.
fn words(sentence: &Sentence, lexicon: Option<&Lexicon>) -> Result<Vec<Range<usize>>, LinearCrfError> {
    if let Some(places) = places(sentence) {
        let mut words: Vec<Range<usize>> = Vec::new();
        for (at, place) in places.into_iter().enumerate() {
            match words.last_mut() {
                // A place that does not follow the one before begins a word, as 0 does.
                Some(word) if place > 0 && place == word.len() => word.end += 1,
                _ => words.push(at..at + 1),
            }
        }
        return Ok(words);
    }
    match lexicon {
        Some(lexicon) => Ok(lexicon.segment(&sentence.tokens)),
        None => Err(LinearCrfError::NoWords { id: sentence.id.clone() }),
    }
}

/// Each character's place in its word, where the sentence has it.
fn places(sentence: &Sentence) -> Option<Vec<usize>> {
    if sentence.pos.len() != sentence.tokens.len() {
        return None;
    }
    sentence.pos.iter().map(|place| place.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn sentence(text: &str, pos: &[&str]) -> Sentence {
        Sentence {
            id: text.to_owned(),
            tokens: text.chars().map(String::from).collect(),
            pos: pos.iter().map(|&p| p.to_owned()).collect(),
            ..Sentence::default()
        }
    }

    fn source() -> Sentence {
        Sentence {
            tokens: vec!["科技".into(), "好".into()],
            pos: vec!["n".into(), "a".into()],
            ..Sentence::default()
        }
    }

    #[test]
    fn digits_of_the_sentence_are_its_words() {
        let s = sentence("科技很好", &["0", "1", "0", "0"]);
        let of = |embedding| symbols(embedding, &s, None).unwrap();
        assert_eq!(of(Embedding::Word), ["科技", "科技", "很", "好"]);
        assert_eq!(of(Embedding::Character), ["科", "技", "很", "好"]);
        assert_eq!(of(Embedding::CharacterPosition), ["科0", "技1", "很0", "好0"]);
        assert_eq!(of(Embedding::None), [""; 4]);
        // Digits that do not count on begin a word; its characters are counted from there.
        let odd = sentence("科技很好", &["1", "2", "3", "1"]);
        assert_eq!(symbols(Embedding::Word, &odd, None).unwrap(), ["科", "技", "很好", "很好"]);
    }

    #[test]
    fn a_lexicon_cuts_where_there_are_no_digits() {
        let lexicon = Lexicon::new(&[source()]).unwrap();
        for pos in [&[][..], &["n", "n", "d", "a"]] {
            let s = sentence("科技很好", pos);
            assert_eq!(
                symbols(Embedding::CharacterPosition, &s, Some(&lexicon)).unwrap(),
                ["科0", "技1", "很0", "好0"]
            );
            let error = symbols(Embedding::Word, &s, None).unwrap_err().to_string();
            assert!(error.starts_with("科技很好: ") && error.contains("lexicon"), "{error}");
            assert!(symbols(Embedding::Character, &s, None).is_ok());
        }
    }

    #[test]
    fn text_has_a_word_once() {
        let targets = [sentence("好科技 ", &["0", "0", "1", "0"])];
        let of = |embedding| cbow_text(embedding, &targets, &[source()], None).unwrap();
        assert_eq!(of(Embedding::Word), [vec!["好", "科技"], vec!["科技", "好"]]);
        assert_eq!(of(Embedding::Character), [vec!["好", "科", "技"], vec!["科", "技", "好"]]);
        assert_eq!(of(Embedding::CharacterPosition), [vec!["好0", "科0", "技1"], vec!["科0", "技1", "好0"]]);
    }
}
