//! Small sentences for the tests.

use medner_data::{Sentence, Span};

/// `北京/ns 大学/n`: words with parts of speech.
pub(crate) fn words(text: &str) -> Sentence {
    let (tokens, pos) = text
        .split(' ')
        .map(|item| {
            let (word, pos) = item.rsplit_once('/').expect("word/POS");
            (word.to_owned(), pos.to_owned())
        })
        .unzip();
    Sentence { id: text.to_owned(), tokens, pos, ..Sentence::default() }
}

/// `我在[北京]上[大学]`: characters with entities in brackets.
pub(crate) fn characters(text: &str) -> Sentence {
    let mut sentence = Sentence { id: text.to_owned(), ..Sentence::default() };
    let mut start = 0;
    for character in text.chars() {
        match character {
            '[' => start = sentence.tokens.len(),
            ']' => sentence.spans.push(Span::new(start, sentence.tokens.len(), "X")),
            other => sentence.tokens.push(other.to_string()),
        }
    }
    sentence
}
