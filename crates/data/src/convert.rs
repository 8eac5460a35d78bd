//! Between sentences and documents, with a count of everything that does not survive.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::corpus::{Document, Entity, Sentence};

/// What a conversion could not carry over: description and number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Lost(pub BTreeMap<String, usize>);

impl Lost {
    /// Counts `count` of `what`; nothing when there are none.
    pub fn add(&mut self, what: &str, count: usize) {
        if count > 0 {
            *self.0.entry(what.to_owned()).or_default() += count;
        }
    }

    /// True when everything was carried over.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Display for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (what, count) in &self.0 {
            writeln!(f, "{count} {what}")?;
        }
        Ok(())
    }
}

/// True when every token is one character: text that is written without spaces.
pub fn is_characters(sentences: &[Sentence]) -> bool {
    sentences.iter().flat_map(|s| &s.tokens).all(|t| t.chars().nth(1).is_none())
}

/// One document a sentence: characters joined as they are, words with one space.
///
/// The concept of a mention's first token becomes the mention's (`A|B` becomes two, `-1` none). Parts of speech, tokens
/// without a mention that have a concept, and spans without a label (segmented words) have no place in a document: counted.
pub fn to_documents(sentences: &[Sentence], lost: &mut Lost) -> Vec<Document> {
    let gap = if is_characters(sentences) { "" } else { " " };
    sentences.iter().map(|s| to_document(s, gap, lost)).collect()
}

fn to_document(sentence: &Sentence, gap: &str, lost: &mut Lost) -> Document {
    let mut starts = Vec::with_capacity(sentence.tokens.len());
    let mut at = 0;
    for token in &sentence.tokens {
        starts.push(at);
        at += token.chars().count() + gap.len();
    }
    lost.add("parts of speech", sentence.pos.len());
    let (named, bare): (Vec<_>, Vec<_>) = sentence.spans.iter().partition(|span| !span.label.is_empty());
    lost.add("word borders (spans without a label)", bare.len());
    let covered: usize = named.iter().filter(|_| !sentence.concepts.is_empty()).map(|span| span.len()).sum();
    let with_concept = sentence.concepts.iter().filter(|c| *c != "O").count();
    lost.add("concepts of tokens outside any mention", with_concept.saturating_sub(covered));
    let entities = named
        .iter()
        .map(|span| {
            let last = span.end - 1;
            let concepts =
                sentence.concepts.get(span.start).map(String::as_str).filter(|c| !matches!(*c, "O" | "-1"));
            Entity {
                start: starts[span.start],
                end: starts[last] + sentence.tokens[last].chars().count(),
                label: span.label.clone(),
                concepts: concepts.map_or_else(Vec::new, |c| c.split('|').map(str::to_owned).collect()),
            }
        })
        .collect();
    Document { id: sentence.id.clone(), text: sentence.tokens.join(gap), entities }
}

#[cfg(test)]
mod tests {
    use super::*;
    use medner_metrics::Span;

    fn sentence(tokens: &[&str], spans: &[(usize, usize, &str)]) -> Sentence {
        Sentence {
            id: "s".to_owned(),
            tokens: tokens.iter().map(|t| (*t).to_owned()).collect(),
            spans: spans.iter().map(|(s, e, l)| Span::new(*s, *e, *l)).collect(),
            ..Sentence::default()
        }
    }

    #[test]
    fn words_get_spaces_and_characters_do_not() {
        let mut lost = Lost::default();
        let words = to_documents(&[sentence(&["acute", "renal", "failure"], &[(1, 3, "D")])], &mut lost);
        assert_eq!(words[0].text, "acute renal failure");
        assert_eq!((words[0].entities[0].start, words[0].entities[0].end), (6, 19));
        let characters = to_documents(&[sentence(&["肾", "衰", "竭"], &[(0, 1, "A")])], &mut lost);
        assert_eq!(characters[0].text, "肾衰竭");
        assert_eq!((characters[0].entities[0].start, characters[0].entities[0].end), (0, 1));
        assert!(lost.is_empty());
    }

    #[test]
    fn concepts_go_to_their_mentions_and_the_rest_is_counted() {
        let mut s = sentence(&["a", "bb", "c"], &[(0, 1, "D"), (1, 2, "D")]);
        s.concepts = ["D1|D2", "-1", "D9"].map(str::to_owned).to_vec();
        s.pos = vec!["n".to_owned(); 3];
        let mut lost = Lost::default();
        let documents = to_documents(&[s], &mut lost);
        assert_eq!(documents[0].entities[0].concepts, ["D1", "D2"]);
        assert!(documents[0].entities[1].concepts.is_empty());
        assert_eq!(lost.to_string(), "1 concepts of tokens outside any mention\n3 parts of speech\n");
    }
}
