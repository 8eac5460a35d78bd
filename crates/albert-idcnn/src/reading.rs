//! From characters to what the network's first layer reads: numbers of a vocabulary of our own, or pieces of a pre-trained
//! encoder's.

use std::path::Path;

use anyhow::{Context, Result};
use medner_core::CoreError;
use medner_core::crf::Posterior;
use medner_core::layers::Batch;
use medner_core::records::{Cut, Records, find_entities};
use medner_data::Document;
use medner_data::formats::split::SplitOptions;
use medner_data::predictions::Found;
use medner_data::vocabulary::{Normalisation, Vocabulary};
use medner_metrics::LabelSet;
use tch::{Device, Kind, Tensor};

use crate::albert::folder::AlbertFolder;
use crate::albert::tokenizer::SpecialIds;
use crate::albert::{AlbertConfig, AlbertTokenizer, TokenizerMode};

/// What a character is to the network.
pub enum Reading {
    /// A number of this vocabulary; what it does not know is unknown.
    Characters(Vocabulary),
    /// A piece of an encoder's vocabulary.
    Pieces(Box<PieceReading>),
}

/// The vocabulary and the sizes of an ALBERT.
pub struct PieceReading {
    /// Sizes of the encoder.
    pub albert: AlbertConfig,
    /// Entries of its vocabulary, in the order of their ids.
    pub entries: Vec<String>,
    /// Whether letters are made small before they are looked up.
    pub lower_case: bool,
    tokenizer: AlbertTokenizer,
}

impl PieceReading {
    /// What an encoder of these sizes with these entries reads.
    ///
    /// # Errors
    /// A vocabulary without BERT's special entries.
    pub fn new(albert: AlbertConfig, entries: Vec<String>, lower_case: bool) -> Result<Self> {
        // Tags are of characters, so each character has its piece, as in released taggers of Chinese.
        let tokenizer = AlbertTokenizer::new(&entries, TokenizerMode::Character, lower_case)?;
        Ok(Self { albert, entries, lower_case, tokenizer })
    }

    /// Ids of the entries that are no text.
    pub fn special(&self) -> SpecialIds {
        self.tokenizer.special()
    }

    /// For each number of a vocabulary of characters the piece that stands for it.
    fn pieces(&self, characters: &Vocabulary) -> Result<Vec<u32>, CoreError> {
        let special = self.special();
        let mut pieces = vec![special.padding, special.unknown];
        for (_, character, _) in characters.words() {
            let piece = self.tokenizer.encode(character)?.ids.first().copied();
            pieces.push(piece.unwrap_or(special.unknown));
        }
        Ok(pieces)
    }
}

/// The characters of a text as a vocabulary that knows all of them.
fn characters_of(documents: &[Document]) -> Vocabulary {
    let characters = documents.iter().flat_map(|d| d.text.chars()).map(|c| c.to_string());
    Vocabulary::count(characters, 1, Normalisation::default())
}

impl Reading {
    /// What the encoder in a folder reads.
    ///
    /// # Errors
    /// A vocabulary without BERT's special entries.
    pub fn of_encoder(folder: &AlbertFolder) -> Result<Self> {
        let entries = folder.vocabulary.clone();
        let pieces = PieceReading::new(folder.config.clone(), entries, folder.lower_case)
            .with_context(|| format!("{}: cannot be read with", folder.path().display()))?;
        Ok(Self::Pieces(Box::new(pieces)))
    }

    /// Entries of the vocabulary.
    pub fn size(&self) -> usize {
        match self {
            Self::Characters(vocabulary) => vocabulary.len(),
            Self::Pieces(pieces) => pieces.entries.len(),
        }
    }

    /// Cuts and encodes records.
    ///
    /// # Errors
    /// Entities that do not lie in their text, labels that the label set lacks.
    pub fn records(
        &self,
        documents: &[Document],
        max_length: usize,
        cut: Cut,
        labels: &LabelSet,
    ) -> Result<Records> {
        match self {
            Self::Characters(vocabulary) => Ok(Records::new(documents, max_length, cut, vocabulary, labels)?),
            Self::Pieces(reading) => {
                let characters = characters_of(documents);
                let pieces = reading.pieces(&characters)?;
                let mut records = Records::new(documents, max_length, cut, &characters, labels)?;
                for id in records.ids.iter_mut().flatten() {
                    *id = pieces[*id as usize];
                }
                Ok(records)
            }
        }
    }

    /// The entities of each document with their confidences; see [`find_entities`].
    ///
    /// # Errors
    /// What the network refuses.
    pub fn find(
        &self,
        documents: &[Document],
        split: SplitOptions,
        labels: &LabelSet,
        device: Device,
        decode: impl Fn(&Batch) -> medner_core::Result<Vec<(Vec<u32>, Posterior)>>,
        progress: &dyn Fn(usize, usize),
    ) -> Result<Vec<Vec<Found>>> {
        match self {
            Self::Characters(vocabulary) => {
                Ok(find_entities(documents, split, vocabulary, labels, device, decode, progress)?)
            }
            Self::Pieces(reading) => {
                let characters = characters_of(documents);
                let pieces: Vec<i64> = reading.pieces(&characters)?.into_iter().map(i64::from).collect();
                let pieces = Tensor::f_from_slice(&pieces)?.f_to_device(device)?;
                let decode = |batch: &Batch| {
                    let ids = pieces.f_index_select(0, &batch.ids.f_view(-1)?)?.f_view_as(&batch.ids)?;
                    decode(&Batch {
                        ids: ids.f_to_kind(Kind::Int64)?,
                        lengths: batch.lengths.clone(),
                        mask: batch.mask.shallow_clone(),
                        reversal: batch.reversal.shallow_clone(),
                    })
                };
                Ok(find_entities(documents, split, &characters, labels, device, decode, progress)?)
            }
        }
    }
}

/// Opens an encoder's folder and checks that its parameters fit its sizes.
///
/// # Errors
/// What does not fit, with file, names and remedy.
pub fn open_encoder(folder: &Path) -> Result<AlbertFolder> {
    let opened = AlbertFolder::open(folder)?;
    opened.check_weights()?;
    Ok(opened)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use medner_data::{Entity, TagScheme};

    use super::*;
    use crate::albert::tokenizer::SPECIAL;

    #[test]
    fn every_character_has_its_piece_and_what_is_not_in_the_vocabulary_is_unknown() {
        let mut entries: Vec<String> = SPECIAL.map(String::from).to_vec();
        entries.extend(["胃", "癌", "b", "。", "##癌", "超声"].map(String::from));
        let config = AlbertConfig::tiny(entries.len() as i64);
        let reading = Reading::Pieces(Box::new(PieceReading::new(config, entries, true).unwrap()));
        let document = Document {
            id: "a".into(),
            text: "B超胃癌。龘癌\u{200b}".into(),
            entities: vec![Entity { start: 2, end: 4, label: "DIS".into(), concepts: Vec::new() }],
        };
        let labels = LabelSet::new(TagScheme::Bio, ["DIS"]).unwrap();
        let records = reading.records(&[document], 126, Cut::Blind, &labels).unwrap();
        // b, [UNK], 胃, 癌, 。 | [UNK], 癌, [UNK]
        assert_eq!(records.ids, [vec![7, 1, 5, 6, 8], vec![1, 6, 1]]);
        assert_eq!(records.tags[0].len(), 5);
        assert_eq!(reading.size(), 11);
    }
}
