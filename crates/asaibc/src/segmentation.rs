//! Chinese word segmentation as the task beside: sentences of characters in BMES, each with the weight that instance transfer
//! gives it.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use medner_core::records::{Cut, Records};
use medner_data::formats::segmented;
use medner_data::vocabulary::Vocabulary;
use medner_data::{Document, Sentence, TagScheme, load, user_files};
use medner_metrics::LabelSet;

use crate::config::{self, Config, Limits};
use crate::transfer::{TransferReport, transfer};

/// The task under which a record tells what instance transfer did.
pub const TRANSFER: &str = "transfer";

/// The tags of words: `B M E S`, every character in a word.
///
/// # Panics
/// Never: BMES without types is a label set.
pub fn word_labels() -> LabelSet {
    LabelSet::without_outside(TagScheme::Bmes, [""]).expect("BMES needs no type")
}

/// A segmented corpus in two views of the same sentences.
#[derive(Clone, Debug, Default)]
pub struct Segmented {
    /// Words with their parts of speech.
    pub words: Vec<Sentence>,
    /// Characters; spans are the words.
    pub characters: Vec<Sentence>,
}

impl Segmented {
    /// The training split of a corpus of the catalogue, or a file of one's own; its first `limit` sentences (0: all).
    pub fn load(source: &config::Source, limit: usize) -> Result<Self> {
        let (mut words, mut characters): (Vec<_>, Vec<_>) = if let Some(path) = &source.file {
            let lines = segmented::read_tagged(path)?.items;
            lines.into_iter().map(|line| (line.clone().into_words(), line.into_characters())).unzip()
        } else {
            let data = &source.data;
            let words = load::sentences(&format!("{data}-words")).with_context(|| {
                format!(
                    "`source.data: {data}` must be a corpus with words and parts of speech, like `pd1998`"
                )
            })?;
            (words.train, load::sentences(data)?.train)
        };
        if limit > 0 {
            words.truncate(limit);
            characters.truncate(limit);
        }
        Self::new(words, characters)
    }

    /// Puts the two views together.
    pub fn new(words: Vec<Sentence>, characters: Vec<Sentence>) -> Result<Self> {
        ensure!(
            words.len() == characters.len(),
            "{} sentences of words, but {} of characters: the two are not of one corpus",
            words.len(),
            characters.len()
        );
        Ok(Self { words, characters })
    }

    /// Takes off the last `share` of the sentences.
    fn hold_out(&mut self, share: f64) -> Vec<Sentence> {
        let all = self.characters.len();
        let held = if share > 0.0 && all > 1 {
            ((all as f64 * share).round() as usize).clamp(1, all - 1)
        } else {
            0
        };
        self.words.truncate(all - held);
        self.characters.split_off(all - held)
    }
}

/// The word segmentation ready for training.
pub struct Source {
    /// The kept sentences.
    pub train: Records,
    /// A weight for each piece of `train`.
    pub weights: Vec<f64>,
    /// Held-out sentences.
    pub development: Option<Records>,
    /// What instance transfer did.
    pub report: TransferReport,
}

/// The sentences that instance transfer keeps for a target, with their weights, and those that are held out.
pub struct Selected {
    kept: Vec<Document>,
    weights: Vec<f64>,
    held_out: Vec<Document>,
    report: TransferReport,
}

impl Selected {
    /// Weighs the sentences of `segmented` by their likeness to the entities of `target` (training sentences of characters).
    pub fn new(config: &Config, mut segmented: Segmented, target: &[Sentence]) -> Result<Self> {
        let held_out = segmented.hold_out(config.source.development);
        let transferred = transfer(&segmented.words, target, &config.instance_transfer)?;
        let report = transferred.report;
        let (mut kept, mut weights) = (Vec::new(), Vec::new());
        for (sentence, weight) in segmented.characters.iter().zip(transferred.weights) {
            if let Some(weight) = weight {
                kept.push(user_files::document(sentence));
                weights.push(weight);
            }
        }
        let held_out = held_out.iter().map(user_files::document).collect();
        Ok(Self { kept, weights, held_out, report })
    }

    /// The characters of the kept sentences.
    pub fn characters(&self) -> impl Iterator<Item = String> + '_ {
        self.kept.iter().flat_map(|d| d.text.chars()).map(String::from)
    }

    /// Cuts and encodes the sentences.
    pub fn encode(self, max_length: usize, vocabulary: &Vocabulary) -> Result<Source> {
        let labels = word_labels();
        let train = Records::new(&self.kept, max_length, Cut::AroundEntities, vocabulary, &labels)?;
        let weights = train.pieces.iter().map(|piece| self.weights[piece.record]).collect();
        let development = match self.held_out.as_slice() {
            [] => None,
            held_out => Some(Records::new(held_out, max_length, Cut::AroundEntities, vocabulary, &labels)?),
        };
        Ok(Source { train, weights, development, report: self.report })
    }
}

/// The test sets of the word segmentation by task name (`cws-pku`), encoded. Long sentences are cut at punctuation or between
/// words, so that no gold word is lost.
pub fn tests(config: &Config, vocabulary: &Vocabulary) -> Result<BTreeMap<String, Records>> {
    let Limits { source_test: limit, .. } = config.limits;
    let mut tests = BTreeMap::new();
    for name in &config.source.tests {
        let mut sentences = load::sentences(name)?.test;
        if limit > 0 {
            sentences.truncate(limit);
        }
        let documents: Vec<Document> = sentences.iter().map(user_files::document).collect();
        let max = config.split.max_length;
        let records = Records::new(&documents, max, Cut::AroundEntities, vocabulary, &word_labels())?;
        let task = name.rsplit('-').next().unwrap_or(name);
        tests.insert(format!("cws-{task}"), records);
    }
    Ok(tests)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use medner_data::Span;
    use medner_data::vocabulary::Normalisation;

    use super::*;
    use crate::transfer::fixture;

    /// Both views of a paragraph like `他/r 发烧/v 。/w`.
    fn paragraph(text: &str) -> (Sentence, Sentence) {
        let words = fixture::words(text);
        let mut characters = Sentence { id: words.id.clone(), ..Sentence::default() };
        for word in &words.tokens {
            let start = characters.tokens.len();
            characters.tokens.extend(word.chars().map(String::from));
            characters.spans.push(Span::new(start, characters.tokens.len(), ""));
        }
        (words, characters)
    }

    /// A paragraph that is dropped stands before those that are kept, and each of these becomes two pieces.
    #[test]
    fn every_piece_has_the_weight_of_its_paragraph() {
        let paragraphs = [
            "天气/n 好/a 。/w 人/n 好/a 。/w",
            "他/r 发烧/v 。/w 天气/n 好/a 。/w",
            "发热/v 了/u 。/w 家里/n 人/n 。/w",
        ];
        let (words, characters) = paragraphs.into_iter().map(paragraph).unzip();
        let segmented = Segmented::new(words, characters).unwrap();
        let mut config = Config::default();
        (config.source.development, config.instance_transfer.delta) = (0.0, 0.5);
        let selected = Selected::new(&config, segmented, &[fixture::characters("孩子[发烧]了")]).unwrap();
        assert_eq!((selected.report.sentences, selected.report.kept), (3, 2));
        let vocabulary = Vocabulary::count(selected.characters(), 1, Normalisation::default());
        let source = selected.encode(100, &vocabulary).unwrap();
        let pieces = source.train.pieces.iter().map(|piece| piece.sentence.tokens.concat());
        let found: Vec<(String, f64)> = pieces.zip(source.weights).collect();
        // 发烧 itself; of 发热 one character of two, and the part of speech.
        let expected = [("他发烧。", 1.0), ("天气好。", 1.0), ("发热了。", 0.75), ("家里人。", 0.75)];
        assert_eq!(found, expected.map(|(text, weight)| (text.to_owned(), weight)));
    }
}
