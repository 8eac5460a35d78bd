//! All sentences of a data set in one list, each with two layers of labels.

use std::path::Path;

use medner_data::catalog::{self, Kind};
use medner_data::formats::{Remark, pubtator::PubTatorOptions, pubtator::read_pubtator};
use medner_data::{Corpus, DataError, Result, Sentence};
use serde::{Deserialize, Serialize};

use super::{MISSING, OUTSIDE};

/// The sentences of training, development and test files, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collection {
    /// The data set's name.
    pub name: String,
    /// All sentences, of any length. Every one has a concept for each token.
    pub sentences: Vec<Sentence>,
    /// `I-` tags that continue nothing: the source's sentence splitter cut the entity. Each is read as an entity of its own, so
    /// the files have this many fewer `B-` tags than there are spans here.
    pub orphans: usize,
}

/// Which sentences an experiment keeps, by their number of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LengthFilter {
    /// A sentence has more tokens than this.
    pub above: usize,
    /// A sentence has fewer tokens than this.
    pub below: usize,
}

impl Default for LengthFilter {
    /// The released code's: 5 < length < 60. The paper does not name it, but its Table 1 needs it.
    fn default() -> Self {
        Self { above: 5, below: 60 }
    }
}

impl LengthFilter {
    /// Keeps every sentence.
    pub const ALL: Self = Self { above: 0, below: usize::MAX };

    /// True when a sentence of so many tokens is kept.
    pub fn keeps(&self, tokens: usize) -> bool {
        self.above < tokens && tokens < self.below
    }
}

impl Collection {
    /// Checks sentences and gives each both layers: a mention of a corpus without concepts has [`MISSING`] for each token.
    ///
    /// # Errors
    /// [`DataError::Item`] for a sentence that is broken, or whose layers contradict each other: a token with a concept
    /// outside every mention, or without one inside.
    pub fn from_sentences(name: &str, mut sentences: Vec<Sentence>) -> Result<Self> {
        for sentence in &mut sentences {
            sentence.check()?;
            if sentence.concepts.is_empty() {
                sentence.concepts = vec![OUTSIDE.to_owned(); sentence.tokens.len()];
                for span in &sentence.spans {
                    sentence.concepts[span.start..span.end].fill(MISSING.to_owned());
                }
            }
            layers_agree(sentence)?;
        }
        Ok(Self { name: name.to_owned(), sentences, orphans: 0 })
    }

    /// The sentences that the filter keeps, as positions in [`Collection::sentences`].
    pub fn kept(&self, lengths: LengthFilter) -> Vec<usize> {
        let tokens = self.sentences.iter().map(|s| s.tokens.len());
        tokens.enumerate().filter(|&(_, n)| lengths.keeps(n)).map(|(i, _)| i).collect()
    }
}

fn layers_agree(sentence: &Sentence) -> Result<()> {
    let mut inside = vec![false; sentence.tokens.len()];
    for span in &sentence.spans {
        inside[span.start..span.end].fill(true);
    }
    for (token, (concept, inside)) in sentence.concepts.iter().zip(inside).enumerate() {
        if inside == (concept == OUTSIDE) {
            let place = if inside { "inside a mention" } else { "outside every mention" };
            let message = format!(
                "token {token} (`{}`) is {place} but has the concept `{concept}`; write `{OUTSIDE}` outside mentions, and a concept or `{MISSING}` inside",
                sentence.tokens[token]
            );
            return Err(DataError::item(&sentence.id, message));
        }
    }
    Ok(())
}

/// Loads a data set of the catalogue.
///
/// The authors' files (`mtaal-ncbi`, `mtaal-cdr`) have both layers. Where a data set is in PubTator (`pubtator-ncbi`,
/// `pubtator-cdr`) its text is cut into sentences and words here, NCBI's four kinds of disease mentions become one, as in
/// the paper (3 labels), and a composite mention has its first concept, as in the authors' files.
///
/// # Errors
/// Those of the readers; [`DataError::Item`] as [`Collection::from_sentences`].
pub fn load(name: &str, root: &Path) -> Result<Collection> {
    let entry = catalog::find(name)?;
    let (corpus, report) = catalog::load_sentences_with_report(name, root)?;
    let Corpus { train, dev, test } = corpus;
    let mut sentences: Vec<Sentence> = [train, dev, test].into_iter().flatten().collect();
    if entry.kind == Kind::PubTator {
        sentences.iter_mut().for_each(as_the_authors_label);
    }
    let mut collection = Collection::from_sentences(name, sentences)?;
    collection.orphans = report.count(Remark::RepairedTag);
    Ok(collection)
}

/// NCBI's kinds of disease mentions.
const DISEASE_KINDS: [&str; 4] = ["SpecificDisease", "DiseaseClass", "CompositeMention", "Modifier"];

/// One type for NCBI's four kinds, and the first concept of composite mentions.
pub(super) fn as_the_authors_label(sentence: &mut Sentence) {
    for span in &mut sentence.spans {
        if DISEASE_KINDS.contains(&span.label.as_str()) {
            "Disease".clone_into(&mut span.label);
        }
    }
    for concept in &mut sentence.concepts {
        if let Some(bar) = concept.find('|') {
            concept.truncate(bar);
        }
    }
}

/// How many abstracts the PubTator files beside a data set of the authors' files have; `None` where there are no such files.
///
/// # Errors
/// Those of the PubTator reader.
pub fn abstracts(name: &str, root: &Path) -> Result<Option<usize>> {
    let Ok(entry) = catalog::find(&name.replacen("mtaal-", "pubtator-", 1)) else {
        return Ok(None);
    };
    let files: Vec<_> =
        entry.files.splits().into_iter().flat_map(|(_, files)| files).map(|f| root.join(f)).collect();
    if entry.kind != Kind::PubTator || !files.iter().all(|file| file.is_file()) {
        return Ok(None);
    }
    let mut count = 0;
    for file in files {
        count += read_pubtator(&file, PubTatorOptions { tolerant: true })?.items.len();
    }
    Ok(Some(count))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use medner_data::Span;

    use super::*;

    fn sentence(concepts: &[&str]) -> Sentence {
        Sentence {
            id: "train.txt:7".to_owned(),
            tokens: ["a", "colon", "cancer"].map(str::to_owned).to_vec(),
            spans: vec![Span::new(1, 3, "DiseaseClass")],
            concepts: concepts.iter().map(|&c| c.to_owned()).collect(),
            ..Sentence::default()
        }
    }

    #[test]
    fn mentions_of_a_corpus_without_concepts_have_the_missing_one() {
        let collection = Collection::from_sentences("mine", vec![sentence(&[])]).unwrap();
        assert_eq!(collection.sentences[0].concepts, ["O", "-1", "-1"]);
    }

    #[test]
    fn layers_that_contradict_each_other_are_refused_with_the_token() {
        for (concepts, what) in [
            (["D1", "D1", "D1"], "token 0 (`a`) is outside every mention but has the concept `D1`"),
            (["O", "D1", "O"], "token 2 (`cancer`) is inside a mention but has the concept `O`"),
        ] {
            let error = Collection::from_sentences("mine", vec![sentence(&concepts)]).unwrap_err();
            assert!(error.to_string().starts_with("train.txt:7: "), "{error}");
            assert!(error.to_string().contains(what), "{error}");
        }
    }

    #[test]
    fn the_filter_is_strict_on_both_sides() {
        let lengths = LengthFilter::default();
        assert_eq!([5, 6, 59, 60].map(|n| lengths.keeps(n)), [false, true, true, false]);
        assert!(LengthFilter::ALL.keeps(1));
    }

    #[test]
    fn four_kinds_of_disease_become_one_and_a_composite_has_its_first_concept() {
        let mut sentence = sentence(&["O", "D003110|D009369", "D003110|D009369"]);
        as_the_authors_label(&mut sentence);
        assert_eq!(sentence.spans[0].label, "Disease");
        assert_eq!(sentence.concepts, ["O", "D003110", "D003110"]);
    }
}
