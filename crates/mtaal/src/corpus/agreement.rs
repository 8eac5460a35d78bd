//! How near our own reading of the PubTator files comes to the authors' preprocessed files.
//!
//! Both are laid along the same text without its white space, so that tokens, sentences and mentions have places that can be
//! compared whatever either side cuts. The authors' NCBI files end before the last abstract of each split does; what they leave out
//! is counted and not compared.
//!
//! # What the authors' files turn out to be
//! - A token is what stands between white space and the ten characters `( ) , - . / : ; [ ]`, each of which is a token itself; `?`, `%`,
//!   `'` and `+` stay with the word.
//! - A sentence ends after every full stop and nowhere else: `P = 0. | 03`, `i. | e. |`, `J. | N. |`, but not at a question mark nor at the
//!   end of a title. That is why their sentences are short and many.
//! - Mentions were looked for by their text: each of the 226 spans of NCBI and 242 of BC5CDR that the annotators do not have is the
//!   text of a mention of the same abstract with that mention's concept, for example the gene `APC` labelled as the disease `APC`, or
//!   `Tay-Sachs` alone where the annotators have `Tay-Sachs disease`.
//!
//! Cut by the first two rules the PubTator files give the authors' tokens and sentences to the last one
//! ([`Agreement::tokens_by_rule`], [`Agreement::sentences_by_rule`]). Our reading keeps to the annotators' offsets, to whole words
//! and to sentences that know abbreviations and numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use medner_data::catalog;
use medner_data::{Corpus, DataError, Document, Result, Sentence};
use serde::{Deserialize, Serialize};

use super::collection::{Collection, as_the_authors_label};

/// How many things there are on either side and on both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// In the authors' files.
    pub authors: usize,
    /// In our reading.
    pub ours: usize,
    /// In both.
    pub both: usize,
}

impl Share {
    fn of<T: Ord>(authors: &BTreeSet<T>, ours: &BTreeSet<T>) -> Self {
        Self { authors: authors.len(), ours: ours.len(), both: authors.intersection(ours).count() }
    }

    fn add(&mut self, other: Self) {
        self.authors += other.authors;
        self.ours += other.ours;
        self.both += other.both;
    }

    /// F1 of the two sides, 0 to 1.
    pub fn f1(&self) -> f64 {
        let all = self.authors + self.ours;
        if all == 0 { 1.0 } else { 2.0 * self.both as f64 / all as f64 }
    }
}

/// The agreement over all three splits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreement {
    /// Characters (white space apart) that both sides have.
    pub characters: usize,
    /// Characters of the PubTator files that the authors' files leave out, at the end of a split.
    pub left_out: usize,
    /// Mentions of the PubTator files as they stand there, split by split.
    pub raw_mentions: [usize; 3],
    /// Sentences: first and last character.
    pub sentences: Share,
    /// Tokens: first and last character.
    pub tokens: Share,
    /// Sentences where ours are cut by the authors' rule.
    pub sentences_by_rule: Share,
    /// Tokens where ours are cut by the authors' rule.
    pub tokens_by_rule: Share,
    /// Tokens that both have with one NER tag.
    pub same_tag: usize,
    /// Tokens that both have with one concept.
    pub same_concept: usize,
    /// Mentions: first and last character, and type.
    pub mentions: Share,
    /// Mentions with their concept.
    pub mentions_with_concept: Share,
}

impl Agreement {
    /// What is compared, by the names of the table `pubtator`; `by_rule`: where ours are cut by the authors' rule.
    pub fn shares(&self) -> [(&'static str, Share); 6] {
        [
            ("sentences", self.sentences),
            ("sentences_by_rule", self.sentences_by_rule),
            ("tokens", self.tokens),
            ("tokens_by_rule", self.tokens_by_rule),
            ("mentions", self.mentions),
            ("mentions_with_concept", self.mentions_with_concept),
        ]
    }
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [train, dev, test] = self.raw_mentions;
        writeln!(f, "raw mentions: {train} / {dev} / {test}")?;
        writeln!(
            f,
            "characters compared: {}, left out by the authors' files: {}",
            self.characters, self.left_out
        )?;
        for (name, share) in self.shares() {
            let name = name.replace('_', " ");
            let Share { authors, ours, both } = share;
            writeln!(f, "{name}: authors {authors}, ours {ours}, both {both} (F1 {:.4})", share.f1())?;
        }
        let of = |n: usize| n as f64 / self.tokens.both.max(1) as f64;
        write!(
            f,
            "of the tokens of both: same tag {:.4}, same concept {:.4}",
            of(self.same_tag),
            of(self.same_concept)
        )
    }
}

/// One side of a split, laid along the text.
#[derive(Default)]
struct Laid {
    text: Vec<char>,
    sentences: BTreeSet<(usize, usize)>,
    /// Place -> tag and concept.
    tokens: BTreeMap<(usize, usize), (String, String)>,
    mentions: BTreeSet<(usize, usize, String)>,
    with_concept: BTreeSet<(usize, usize, String, String)>,
}

impl Laid {
    /// Lays sentences along the text; those that begin at `end` or after are left out.
    fn new(sentences: &[Sentence], end: usize) -> Self {
        let mut laid = Self::default();
        for sentence in sentences {
            let start = laid.text.len();
            let mut places = Vec::with_capacity(sentence.tokens.len());
            for token in &sentence.tokens {
                let from = laid.text.len();
                laid.text.extend(token.chars().filter(|c| !c.is_whitespace()));
                places.push((from, laid.text.len()));
            }
            if start >= end {
                continue;
            }
            laid.sentences.insert((start, laid.text.len()));
            let mut tags = vec!["O".to_owned(); places.len()];
            for span in &sentence.spans {
                for (i, tag) in tags[span.start..span.end].iter_mut().enumerate() {
                    *tag = format!("{}-{}", if i == 0 { "B" } else { "I" }, span.label);
                }
                let (from, to) = (places[span.start].0, places[span.end - 1].1);
                laid.mentions.insert((from, to, span.label.clone()));
                let concept = sentence.concepts[span.start].clone();
                laid.with_concept.insert((from, to, span.label.clone(), concept));
            }
            let labels = tags.into_iter().zip(sentence.concepts.iter().cloned());
            laid.tokens.extend(places.into_iter().zip(labels));
        }
        laid
    }
}

/// Tokens and sentences of documents by the authors' rule, laid along the text up to `end`.
#[derive(Default)]
struct ByRule {
    tokens: BTreeSet<(usize, usize)>,
    sentences: BTreeSet<(usize, usize)>,
}

impl ByRule {
    fn new(documents: &[Document], end: usize) -> Self {
        let mut laid = Self::default();
        let (mut at, mut sentence) = (0, 0);
        for document in documents {
            let mut token = at;
            let mut close = |laid: &mut Self, to: usize| {
                if token < to && token < end {
                    laid.tokens.insert((token, to));
                }
                token = to;
            };
            for character in document.text.chars() {
                let alone = matches!(character, '(' | ')' | ',' | '-' | '.' | '/' | ':' | ';' | '[' | ']');
                if alone || character.is_whitespace() {
                    close(&mut laid, at);
                }
                at += usize::from(!character.is_whitespace());
                if alone {
                    close(&mut laid, at);
                }
                if character == '.' {
                    if sentence < end {
                        laid.sentences.insert((sentence, at));
                    }
                    sentence = at;
                }
            }
            close(&mut laid, at);
        }
        laid
    }
}

/// Compares our reading of the PubTator files of `data_set` (`ncbi` or `cdr`) with the authors' files.
///
/// # Errors
/// Those of the readers; [`DataError::Item`] where the two texts differ, with the place.
pub fn agreement(data_set: &str, root: &Path) -> Result<Agreement> {
    let pubtator = format!("pubtator-{data_set}");
    let documents = catalog::load_documents(&pubtator, root)?;
    let authors = catalog::load_sentences(&format!("mtaal-{data_set}"), root)?;
    agreement_of(&documents, catalog::load_sentences(&pubtator, root)?, &authors)
}

/// Compares sentences that we cut from these PubTator documents with the authors' sentences.
///
/// # Errors
/// [`DataError::Item`] where the two texts differ, with the place.
pub fn agreement_of(
    documents: &Corpus<Document>,
    mut ours: Corpus<Sentence>,
    authors: &Corpus<Sentence>,
) -> Result<Agreement> {
    let mut agreement = Agreement::default();
    for (count, (_, documents)) in agreement.raw_mentions.iter_mut().zip(documents.splits()) {
        *count = documents.iter().map(|d| d.entities.len()).sum();
    }
    for sentences in [&mut ours.train, &mut ours.dev, &mut ours.test] {
        sentences.iter_mut().for_each(as_the_authors_label);
    }
    let splits = authors.splits().into_iter().zip(ours.splits()).zip(documents.splits());
    for (((split, authors), (_, ours)), (_, documents)) in splits {
        let both = [authors, ours].map(|s| Collection::from_sentences(split, s.to_vec()));
        let [authors, ours] = both;
        agreement.compare(split, &authors?.sentences, &ours?.sentences, documents)?;
    }
    Ok(agreement)
}

impl Agreement {
    fn compare(
        &mut self,
        split: &str,
        theirs: &[Sentence],
        ours: &[Sentence],
        documents: &[Document],
    ) -> Result<()> {
        let authors = Laid::new(theirs, usize::MAX);
        let end = authors.text.len();
        let ours = Laid::new(ours, end);
        let same = authors.text.iter().zip(&ours.text).take_while(|(a, b)| a == b).count();
        if same < end {
            let shown: String = authors.text[same..].iter().take(30).collect();
            let message = format!(
                "from character {same} of {split} on (white space not counted) the authors' text, `{shown}`, is not that of the PubTator file"
            );
            return Err(DataError::item(split, message));
        }
        self.characters += end;
        self.left_out += ours.text.len() - end;
        self.sentences.add(Share::of(&authors.sentences, &ours.sentences));
        let by_rule = ByRule::new(documents, end);
        self.sentences_by_rule.add(Share::of(&authors.sentences, &by_rule.sentences));
        let places: BTreeSet<(usize, usize)> = authors.tokens.keys().copied().collect();
        self.tokens_by_rule.add(Share::of(&places, &by_rule.tokens));
        let mut tokens = Share { authors: authors.tokens.len(), ours: ours.tokens.len(), both: 0 };
        for (place, (tag, concept)) in &authors.tokens {
            if let Some((our_tag, our_concept)) = ours.tokens.get(place) {
                tokens.both += 1;
                self.same_tag += usize::from(tag == our_tag);
                self.same_concept += usize::from(concept.trim() == our_concept);
            }
        }
        self.tokens.add(tokens);
        self.mentions.add(Share::of(&authors.mentions, &ours.mentions));
        let trimmed: BTreeSet<_> = authors
            .with_concept
            .iter()
            .map(|(from, to, label, concept)| (*from, *to, label.clone(), concept.trim().to_owned()))
            .collect();
        self.mentions_with_concept.add(Share::of(&trimmed, &ours.with_concept));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use medner_data::Span;

    use super::*;

    fn sentence(tokens: &[&str], span: Option<(usize, usize)>, concept: &str) -> Sentence {
        let mut concepts = vec!["O".to_owned(); tokens.len()];
        for place in span.into_iter().flat_map(|(a, b)| a..b) {
            concept.clone_into(&mut concepts[place]);
        }
        Sentence {
            id: "x".to_owned(),
            tokens: tokens.iter().map(|&t| t.to_owned()).collect(),
            spans: span.into_iter().map(|(a, b)| Span::new(a, b, "Disease")).collect(),
            concepts,
            ..Sentence::default()
        }
    }

    #[test]
    fn places_are_compared_along_the_text() {
        let text = "colon cancer, beta-catenin. End".to_owned();
        let document = Document { id: "1".to_owned(), text, entities: vec![] };
        // The authors leave `End` out.
        let theirs = [
            sentence(&["colon", "cancer", ","], Some((0, 2)), " D1"),
            sentence(&["beta-catenin."], None, ""),
        ];
        let ours = [
            sentence(&["colon", "cancer", ",", "beta", "-", "catenin", "."], Some((0, 2)), "D1"),
            sentence(&["End"], Some((0, 1)), "D2"),
        ];
        let mut agreement = Agreement::default();
        agreement.compare("train", &theirs, &ours, &[document]).unwrap();
        assert_eq!((agreement.characters, agreement.left_out), (25, 3));
        assert_eq!(agreement.sentences, Share { authors: 2, ours: 1, both: 0 });
        assert_eq!(agreement.sentences_by_rule, Share { authors: 2, ours: 1, both: 0 });
        assert_eq!(agreement.tokens, Share { authors: 4, ours: 7, both: 3 });
        assert_eq!(agreement.tokens_by_rule, Share { authors: 4, ours: 7, both: 3 });
        assert_eq!((agreement.same_tag, agreement.same_concept), (3, 3));
        let all = Share { authors: 1, ours: 1, both: 1 };
        assert_eq!((agreement.mentions, agreement.mentions_with_concept), (all, all));
        assert_eq!(agreement.tokens.f1(), 6.0 / 11.0);
        let shown = agreement.to_string();
        assert!(shown.contains("sentences: authors 2, ours 1, both 0 (F1 0.0000)"), "{shown}");
    }

    #[test]
    fn the_authors_rule_cuts_at_ten_characters_and_ends_sentences_at_full_stops() {
        let text = |text: &str| Document { text: text.to_owned(), ..Document::default() };
        let documents = [text("Is p=0.05% ok?\nIt's (a/b)"), text("No.")];
        let laid = ByRule::new(&documents, 100);
        // Is p=0 . 05% ok? It's ( a / b ) No .
        let tokens =
            [(0, 2), (2, 5), (5, 6), (6, 9), (9, 12), (12, 16), (16, 17), (17, 18), (18, 19), (19, 20)];
        let rest = [(20, 21), (21, 23), (23, 24)];
        assert!(laid.tokens.iter().copied().eq(tokens.into_iter().chain(rest)), "{:?}", laid.tokens);
        assert!(laid.sentences.iter().copied().eq([(0, 6), (6, 24)]));
        assert_eq!(ByRule::new(&documents, 5).tokens.len(), 2);
    }

    #[test]
    fn another_text_is_refused_with_the_place() {
        let error = Agreement::default()
            .compare("dev", &[sentence(&["abcd"], None, "")], &[sentence(&["abxd", "e"], None, "")], &[])
            .unwrap_err()
            .to_string();
        assert!(error.contains("from character 2 of dev") && error.contains("`cd`"), "{error}");
    }
}
