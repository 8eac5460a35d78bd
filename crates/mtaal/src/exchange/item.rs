//! A sentence on its way to the people who label, and back.

use std::collections::BTreeSet;

use medner_data::formats::text::CharMap;
use medner_data::formats::tokenize::TokenizedSentence;
use medner_data::{Sentence, Span};
use serde::{Deserialize, Serialize};

use super::error::{ExchangeError, Result};
use crate::corpus::{MISSING, OUTSIDE};

/// A sentence to label: a text on one line, its tokens' places, and what the model suggests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Identifier, unique in a query.
    pub id: String,
    /// The text. No line breaks nor tabs.
    pub text: String,
    /// First character and one past the last of each token.
    pub tokens: Vec<(usize, usize)>,
    /// Suggestions, sorted, not overlapping; none where the annotators are to see the bare text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<Mention>,
}

/// A mention in tokens.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mention {
    /// First token.
    pub start: usize,
    /// One past the last token.
    pub end: usize,
    /// Entity type.
    pub label: String,
    /// Concept identifier, in the one spelling of [`canonical_concept`]; none where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concept: Option<String>,
    /// How sure the model is, 0 to 1; none for people's labels. Written where the shape has a place for it, never read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
}

/// The one spelling of a concept: no spaces around it or its parts, no `MESH:`, parts joined by `|`; none for an empty one, `-`
/// and `-1`.
pub fn canonical_concept(concept: &str) -> Option<String> {
    let parts = concept.split('|').map(|part| {
        let part = part.trim();
        part.strip_prefix("MESH:").unwrap_or(part).trim()
    });
    let parts: Vec<&str> = parts.filter(|part| !matches!(*part, "" | "-" | MISSING)).collect();
    (!parts.is_empty()).then(|| parts.join("|"))
}

impl Item {
    /// The sentence with its suggestions as labels, in the one spelling of concepts.
    pub(crate) fn as_handed_out(&self) -> Sentence {
        let spelt =
            |m: &Mention| Mention { concept: m.concept.as_deref().and_then(canonical_concept), ..m.clone() };
        self.to_sentence(&self.mentions.iter().map(spelt).collect::<Vec<_>>())
    }

    /// A sentence as it is in a corpus: tokens joined by spaces, its mentions and concepts as suggestions. A mention whose
    /// tokens differ in their concept suggests that of its first token.
    pub fn from_sentence(sentence: &Sentence) -> Self {
        let mut item = Self::bare(sentence);
        item.mentions = mentions(sentence);
        item
    }

    /// The same without its labels.
    pub fn bare(sentence: &Sentence) -> Self {
        let mut at = 0;
        let mut places = Vec::with_capacity(sentence.tokens.len());
        for token in &sentence.tokens {
            let end = at + token.chars().count();
            places.push((at, end));
            at = end + 1;
        }
        let text = one_line(&sentence.tokens.join(" "));
        Self { id: sentence.id.clone(), text, tokens: places, mentions: Vec::new() }
    }

    /// A sentence cut out of a document, with the document's own spacing and without labels; `document` is its whole text.
    /// None where the sentence's places do not lie in the text: it belongs to another document.
    pub fn from_tokenized(sentence: &TokenizedSentence, document: &CharMap<'_>) -> Option<Self> {
        let (&(start, _), &(_, end)) = (sentence.offsets.first()?, sentence.offsets.last()?);
        let text = one_line(document.slice(start, end)?);
        let tokens = sentence.offsets.iter().map(|&(a, b)| (a - start, b - start)).collect();
        Some(Self { id: sentence.sentence.id.clone(), text, tokens, mentions: Vec::new() })
    }

    /// The tokens' texts.
    pub fn token_texts(&self) -> Vec<String> {
        let map = CharMap::new(&self.text);
        self.tokens.iter().map(|&(a, b)| map.slice(a, b).unwrap_or_default().to_owned()).collect()
    }

    /// The sentence with these mentions as its labels, both layers.
    pub fn to_sentence(&self, mentions: &[Mention]) -> Sentence {
        let mut concepts = vec![OUTSIDE.to_owned(); self.tokens.len()];
        let mut spans = Vec::with_capacity(mentions.len());
        for Mention { start, end, label, concept, .. } in mentions {
            spans.push(Span::new(*start, *end, label.clone()));
            concepts[*start..*end].fill(concept.clone().unwrap_or_else(|| MISSING.to_owned()));
        }
        spans.sort();
        Sentence { id: self.id.clone(), tokens: self.token_texts(), spans, concepts, ..Sentence::default() }
    }

    /// Characters of a mention: first, and one past the last.
    pub(super) fn characters(&self, mention: &Mention) -> (usize, usize) {
        (self.tokens[mention.start].0, self.tokens[mention.end - 1].1)
    }

    fn check(&self) -> Result<()> {
        let fail = |message: String| Err(ExchangeError::item(&self.id, message));
        if self.id.trim().is_empty() || self.id.contains(['\n', '\r', '\t']) {
            return fail("the identifier is empty or has a line break or tab in it".to_owned());
        }
        if self.text.contains(['\n', '\r', '\t']) {
            return fail("the text has a line break or tab in it; write a space for each".to_owned());
        }
        let len = self.text.chars().count();
        let mut free = 0;
        for (token, &(start, end)) in self.tokens.iter().enumerate() {
            if start < free || start >= end || end > len {
                return fail(format!(
                    "token {token} ({start}..{end}) is empty, out of order, or not in the text's {len} characters"
                ));
            }
            free = end;
        }
        if self.tokens.is_empty() {
            return fail("has no tokens; leave it out".to_owned());
        }
        let mut free = 0;
        for Mention { start, end, label, .. } in &self.mentions {
            if *start < free || start >= end || *end > self.tokens.len() || label.is_empty() {
                return fail(format!(
                    "the mention {start}..{end} ({label}) is empty, overlaps the one before it, has no type, or does not lie in the {} tokens",
                    self.tokens.len()
                ));
            }
            free = *end;
        }
        Ok(())
    }
}

/// Checks items and that each has an identifier of its own.
pub(super) fn check_all(items: &[Item]) -> Result<()> {
    let mut seen = BTreeSet::new();
    for item in items {
        item.check()?;
        if !seen.insert(&item.id) {
            return Err(ExchangeError::item(&item.id, "two sentences have this identifier; rename one"));
        }
    }
    Ok(())
}

fn mentions(sentence: &Sentence) -> Vec<Mention> {
    let concept = |token: usize| sentence.concepts.get(token).and_then(|c| canonical_concept(c));
    let mention = |span: &Span| Mention {
        start: span.start,
        end: span.end,
        label: span.label.clone(),
        concept: concept(span.start).filter(|c| c != OUTSIDE),
        confidence: None,
    };
    sentence.spans.iter().map(mention).collect()
}

/// Line breaks and tabs as spaces, one for one, so that offsets stay.
fn one_line(text: &str) -> String {
    text.replace(['\n', '\r', '\t'], " ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use medner_data::formats::tokenize::tokenize;
    use medner_data::{Document, Entity};

    use super::*;

    #[test]
    fn concepts_have_one_spelling() {
        for (given, expected) in [
            ("D003920", Some("D003920")),
            (" MESH:D003920 ", Some("D003920")),
            ("MESH:D1 | MESH: D2|", Some("D1|D2")),
            ("OMIM:215600", Some("OMIM:215600")),
            ("D015862+D058499", Some("D015862+D058499")),
            ("", None),
            ("-1", None),
            (" - ", None),
            ("-1|D1", Some("D1")),
        ] {
            assert_eq!(canonical_concept(given).as_deref(), expected, "{given:?}");
        }
    }

    #[test]
    fn a_sentence_goes_out_and_comes_back() {
        let sentence = Sentence {
            id: "train.txt:118".to_owned(),
            tokens: ["Severe", "anémie", ",", "ADH"].map(str::to_owned).to_vec(),
            spans: vec![Span::new(0, 2, "Disease"), Span::new(3, 4, "Gene")],
            concepts: ["D1", "D1", "O", "-1"].map(str::to_owned).to_vec(),
            ..Sentence::default()
        };
        let item = Item::from_sentence(&sentence);
        assert_eq!(item.text, "Severe anémie , ADH");
        assert_eq!(item.tokens, [(0, 6), (7, 13), (14, 15), (16, 19)]);
        assert_eq!(
            (item.mentions[0].concept.as_deref(), item.mentions[1].concept.as_deref()),
            (Some("D1"), None)
        );
        assert_eq!(item.characters(&item.mentions[0]), (0, 13));
        assert_eq!(item.to_sentence(&item.mentions), sentence);
        assert!(Item::bare(&sentence).mentions.is_empty());
        let text = serde_json::to_string(&item).unwrap();
        assert_eq!(serde_json::from_str::<Item>(&text).unwrap(), item);
    }

    #[test]
    fn a_documents_spacing_is_kept_on_one_line() {
        let document = Document {
            id: "7".to_owned(),
            text: "First. A beta-catenin\nmutation  here.".to_owned(),
            entities: vec![Entity { start: 9, end: 30, label: "Gene".to_owned(), concepts: vec![] }],
        };
        let sentences = tokenize(std::slice::from_ref(&document)).unwrap().items;
        let map = CharMap::new(&document.text);
        let item = Item::from_tokenized(&sentences[1], &map).unwrap();
        assert_eq!((item.id.as_str(), item.text.as_str()), ("7@7", "A beta-catenin mutation  here."));
        assert_eq!(item.token_texts(), ["A", "beta", "-", "catenin", "mutation", "here", "."]);
        check_all(std::slice::from_ref(&item)).unwrap();
        assert_eq!(Item::from_tokenized(&sentences[1], &CharMap::new("short")), None);
    }

    #[test]
    fn broken_items_are_refused() {
        let good = Item {
            id: "1".to_owned(),
            text: "a b".to_owned(),
            tokens: vec![(0, 1), (2, 3)],
            mentions: Vec::new(),
        };
        let mention =
            |start, end, label: &str| Mention { start, end, label: label.to_owned(), ..Mention::default() };
        let cases = [
            (Item { id: " ".to_owned(), ..good.clone() }, "identifier is empty"),
            (Item { text: "a\nb".to_owned(), ..good.clone() }, "line break"),
            (Item { tokens: vec![(0, 1), (0, 2)], ..good.clone() }, "token 1 (0..2)"),
            (Item { tokens: vec![(0, 4)], ..good.clone() }, "3 characters"),
            (Item { tokens: vec![], ..good.clone() }, "no tokens"),
            (Item { mentions: vec![mention(0, 3, "D")], ..good.clone() }, "0..3 (D)"),
            (Item { mentions: vec![mention(0, 2, "D"), mention(1, 2, "D")], ..good.clone() }, "overlaps"),
            (Item { mentions: vec![mention(0, 1, "")], ..good.clone() }, "no type"),
        ];
        for (item, what) in cases {
            let error = check_all(&[item]).unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
        }
        let error = check_all(&[good.clone(), good]).unwrap_err().to_string();
        assert_eq!(error, "sentence 1: two sentences have this identifier; rename one");
    }
}
