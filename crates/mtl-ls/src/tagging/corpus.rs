//! Sentences ready for the network, and its labels back to entities.

use medner_core::layers::Batch;
use medner_core::{CoreError, Result};
use medner_data::batching::{BatchConfig, BatchSize, Batches};
use medner_data::{Sentence, Span};
use medner_metrics::LabelSet;
use tch::{Device, Tensor};

use super::pieces::{Part, SPECIAL_PIECES, Sequence, WordPieces, sequences};
use crate::config::{InputConfig, LabelMode, Side};
use crate::xlnet::tokenizer::SpecialIds;

/// Sentences as sequences of pieces with their labels.
pub struct Encoded {
    /// What the encoder reads.
    pub sequences: Vec<Sequence>,
    /// Words of each sentence.
    pub words: Vec<usize>,
    /// Gold entities of each sentence, in words.
    pub gold: Vec<Vec<Span>>,
    /// Identifier of each sentence.
    pub ids: Vec<String>,
    /// Tag of each word of each sentence.
    tags: Vec<Vec<u32>>,
    /// Sentences that are read in windows.
    pub windowed: usize,
    input: InputConfig,
    special: SpecialIds,
    /// The label X, one past the tags.
    filler: u32,
}

/// A padded batch of sequences.
pub struct TaggerBatch {
    /// Piece ids, `[B, T]` of i64.
    pub ids: Tensor,
    /// True at pieces, `[B, T]` of bool; `None` where nothing is padded.
    pub mask: Option<Tensor>,
    /// Segments, `[B, T]` of i64, if `<cls>` has one of its own.
    pub segments: Option<Tensor>,
    /// The places that are labelled, as indices into `B * T`, `[B, L]` of i64.
    pub places: Tensor,
    /// Their labels, `[B, L]` of i64.
    pub labels: Tensor,
    /// Labelled places of each sequence.
    pub lengths: Vec<usize>,
}

/// Number of labels of the CRF: the tags, and X where further pieces have it.
pub fn label_count(labels: &LabelSet, mode: LabelMode) -> usize {
    labels.len() + usize::from(mode == LabelMode::X)
}

impl Encoded {
    /// Cuts and encodes sentences.
    ///
    /// # Errors
    /// An entity type that the label set does not know (with the sentence's identifier); what the tokenizer refuses.
    pub fn new(
        sentences: &[Sentence],
        pieces: &WordPieces<'_>,
        labels: &LabelSet,
        input: &InputConfig,
    ) -> Result<Self> {
        let mut cut = Vec::with_capacity(sentences.len());
        let mut tags = Vec::with_capacity(sentences.len());
        for sentence in sentences {
            cut.push(pieces.words(&sentence.tokens)?);
            let encoded =
                labels.encode(sentence.tokens.len(), &sentence.spans).map_err(|error| CoreError::Config {
                    key: format!("entities of `{}`", sentence.id),
                    message: error.to_string(),
                })?;
            tags.push(encoded.into_iter().map(|tag| tag as u32).collect());
        }
        let sequences = sequences(&cut, input);
        let mut windows = vec![0_usize; sentences.len()];
        for part in sequences.iter().flat_map(|s| &s.parts) {
            windows[part.sentence] += 1;
        }
        Ok(Self {
            sequences,
            words: sentences.iter().map(|s| s.tokens.len()).collect(),
            gold: sentences.iter().map(|s| s.spans.clone()).collect(),
            ids: sentences.iter().map(|s| s.id.clone()).collect(),
            tags,
            windowed: windows.iter().filter(|&&n| n > 1).count(),
            input: input.clone(),
            special: pieces.tokenizer().special(),
            filler: labels.len() as u32,
        })
    }

    /// Pieces of each sequence, `<sep>` and `<cls>` included.
    pub fn lengths(&self) -> Vec<usize> {
        self.sequences.iter().map(|s| s.ids.len() + SPECIAL_PIECES).collect()
    }

    /// Batches for scoring: like lengths together, nothing random.
    ///
    /// # Errors
    /// None in practice: the batch size is fixed.
    pub fn evaluation_batches(&self) -> Result<Vec<Vec<usize>>> {
        let config = BatchConfig { size: BatchSize::Tokens(4096), ..BatchConfig::default() };
        let batches = Batches::new(self.lengths(), config)
            .map_err(|error| CoreError::Config { key: "batches".into(), message: error.to_string() })?;
        Ok(batches.evaluation())
    }

    /// The identifiers of the sentences in some sequences.
    pub fn sentences_of(&self, sequences: &[usize]) -> Vec<String> {
        let parts = sequences.iter().flat_map(|&i| &self.sequences[i].parts);
        parts.map(|part| self.ids[part.sentence].clone()).collect()
    }

    /// Labels of a sequence's labelled places, in their order.
    fn labels_of(&self, sequence: &Sequence) -> Vec<u32> {
        let words = sequence.parts.iter().flat_map(|part| {
            part.words.clone().zip(&part.starts).map(|(word, &start)| (self.tags[part.sentence][word], start))
        });
        if self.input.labels == LabelMode::First {
            return words.map(|(tag, _)| tag).collect();
        }
        let mut labels = vec![self.filler; sequence.ids.len()];
        let mut carried = None;
        let mut starts = words.peekable();
        for (piece, label) in labels.iter_mut().enumerate() {
            if let Some((tag, _)) = starts.next_if(|&(_, start)| start == piece) {
                *label = tag;
                carried = Some(tag);
            } else if let (LabelMode::Repeat, Some(tag)) = (self.input.labels, carried) {
                *label = tag;
            }
        }
        labels
    }

    /// The network's input for some sequences.
    ///
    /// # Errors
    /// [`CoreError::Tch`].
    pub fn batch(&self, chosen: &[usize], device: Device) -> Result<TaggerBatch> {
        let sequences: Vec<&Sequence> = chosen.iter().map(|&i| &self.sequences[i]).collect();
        let longest = sequences.iter().map(|s| s.ids.len() + SPECIAL_PIECES).max().unwrap_or(SPECIAL_PIECES);
        // Few shapes: oneDNN keeps a plan for each.
        let t = longest.next_multiple_of(8);
        let b = sequences.len();
        let mut ids = vec![i64::from(self.special.padding); b * t];
        let mut mask = vec![false; b * t];
        let mut segments = vec![0_i64; b * t];
        let mut places = Vec::with_capacity(b);
        let mut labels = Vec::with_capacity(b);
        for (row, sequence) in sequences.iter().enumerate() {
            let length = sequence.ids.len() + SPECIAL_PIECES;
            let first = row * t + if self.input.padding == Side::Left { t - length } else { 0 };
            for (at, &id) in
                sequence.ids.iter().chain([&self.special.separator, &self.special.classify]).enumerate()
            {
                ids[first + at] = i64::from(id);
                mask[first + at] = true;
            }
            // The published segment of <cls>.
            segments[first + length - 1] = 2;
            let labelled: Vec<u32> = match self.input.labels {
                LabelMode::First => {
                    let starts = sequence.parts.iter().flat_map(|part| &part.starts);
                    starts.map(|&start| (first + start) as u32).collect()
                }
                _ => (0..sequence.ids.len()).map(|piece| (first + piece) as u32).collect(),
            };
            places.push(labelled);
            labels.push(self.labels_of(sequence));
        }
        let shape = [b as i64, t as i64];
        let tensor = |values: &[i64]| -> Result<Tensor> {
            Ok(Tensor::f_from_slice(values)?.f_view(shape)?.f_to_device(device)?)
        };
        let padded = mask.contains(&false);
        let mask = Tensor::f_from_slice(&mask)?.f_view(shape)?.f_to_device(device)?;
        // Places and labels have their own length; padding places look at the first piece, which is a piece.
        let places = Batch::new(&places, device)?;
        Ok(TaggerBatch {
            ids: tensor(&ids)?,
            mask: Some(mask).filter(|_| padded),
            segments: self.input.classify_segment.then(|| tensor(&segments)).transpose()?,
            labels: places.pad(&labels)?,
            lengths: places.lengths,
            places: places.ids,
        })
    }

    /// For each word of a part that is labelled there: its number in the sentence and its place among the sequence's labelled
    /// places, where `before` words of the sequence stand before the part.
    fn kept<'a>(&self, part: &'a Part, before: usize) -> impl Iterator<Item = (usize, usize)> + 'a {
        let first = self.input.labels == LabelMode::First;
        part.keep.clone().map(move |word| {
            let at = word - part.words.start;
            (word, if first { before + at } else { part.starts[at] })
        })
    }

    /// Puts the labels of some sequences (by [`Encoded::batch`]'s places) where their words are, in `tags`: one list a
    /// sentence, made by [`Encoded::blank`]. A predicted X is no tag: the word is outside.
    pub fn place(&self, chosen: &[usize], labels: &[Vec<u32>], tags: &mut [Vec<i64>]) {
        for (&sequence, labels) in chosen.iter().zip(labels) {
            let mut before = 0;
            for part in &self.sequences[sequence].parts {
                for (word, place) in self.kept(part, before) {
                    let label = labels[place];
                    tags[part.sentence][word] = if label < self.filler { i64::from(label) } else { 0 };
                }
                before += part.words.len();
            }
        }
    }

    /// Where the words of a sequence that are labelled there stand among its labelled places: sentence, word, place of its
    /// label, and the place after its last piece.
    pub fn word_places(&self, sequence: usize) -> Vec<(usize, usize, Range)> {
        let sequence = &self.sequences[sequence];
        let starts: Vec<usize> = sequence.parts.iter().flat_map(|p| p.starts.iter().copied()).collect();
        let mut found = Vec::new();
        let mut before = 0;
        for part in &sequence.parts {
            for (word, place) in self.kept(part, before) {
                let at = before + word - part.words.start;
                let end = match self.input.labels {
                    LabelMode::First => place + 1,
                    _ => starts.get(at + 1).copied().unwrap_or(sequence.ids.len()),
                };
                found.push((part.sentence, word, place..end));
            }
            before += part.words.len();
        }
        found
    }

    /// No tags yet: every word of every sentence outside.
    pub fn blank(&self) -> Vec<Vec<i64>> {
        self.words.iter().map(|&words| vec![0; words]).collect()
    }

    /// Entities of each sentence, as `decode` (batch -> labels of each sequence) finds them.
    ///
    /// # Errors
    /// What `decode` says.
    pub fn predict(
        &self,
        labels: &LabelSet,
        device: Device,
        decode: impl Fn(&TaggerBatch) -> Result<Vec<Vec<u32>>>,
    ) -> Result<Vec<Vec<Span>>> {
        let mut tags = self.blank();
        for chosen in self.evaluation_batches()? {
            self.place(&chosen, &decode(&self.batch(&chosen, device)?)?, &mut tags);
        }
        Ok(tags.iter().map(|tags| labels.decode(tags)).collect())
    }
}

/// Places of one word.
pub type Range = std::ops::Range<usize>;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::Packing;
    use medner_data::TagScheme;

    /// Sentences whose words have these many pieces, with an entity over words 1 and 2.
    fn encoded(counts: &[&[usize]], input: &InputConfig) -> Encoded {
        let labels = LabelSet::new(TagScheme::Bio, ["gene"]).unwrap();
        let cut: Vec<Vec<Vec<u32>>> = counts
            .iter()
            .map(|words| {
                words
                    .iter()
                    .enumerate()
                    .map(|(w, &n)| (0..n).map(|p| (10 * w + p + 9) as u32).collect())
                    .collect()
            })
            .collect();
        let tags = counts.iter().map(|words| {
            let spans = [Span::new(1, 3, "gene")];
            let tags = labels.encode(words.len(), &spans).unwrap();
            tags.into_iter().map(|tag| tag as u32).collect()
        });
        Encoded {
            sequences: sequences(&cut, input),
            words: counts.iter().map(|w| w.len()).collect(),
            gold: vec![vec![Span::new(1, 3, "gene")]; counts.len()],
            ids: (0..counts.len()).map(|i| format!("s{i}")).collect(),
            tags: tags.collect(),
            windowed: 0,
            input: input.clone(),
            special: SpecialIds { unknown: 0, begin: 1, end: 2, classify: 3, separator: 4, padding: 5 },
            filler: 3,
        }
    }

    fn values(t: &Tensor) -> Vec<i64> {
        Vec::try_from(t.flatten(0, -1)).unwrap()
    }

    /// O = 0, B = 1, I = 2, X = 3.
    #[test]
    fn labels_stand_where_the_mode_says() {
        let counts: [&[usize]; 1] = [&[1, 3, 2, 1]];
        for (mode, expected) in [
            (LabelMode::X, vec![0, 1, 3, 3, 2, 3, 0]),
            (LabelMode::First, vec![0, 1, 2, 0]),
            (LabelMode::Repeat, vec![0, 1, 1, 1, 2, 2, 0]),
        ] {
            let input = InputConfig { labels: mode, ..InputConfig::default() };
            let encoded = encoded(&counts, &input);
            let batch = encoded.batch(&[0], Device::Cpu).unwrap();
            assert_eq!(batch.lengths, [expected.len()]);
            assert_eq!(values(&batch.labels)[..expected.len()], expected, "{mode:?}");
            // What the network would say back gives the entity back.
            let gold: Vec<u32> = expected.iter().map(|&l| l as u32).collect();
            let mut tags = encoded.blank();
            encoded.place(&[0], &[gold], &mut tags);
            assert_eq!(tags, [[0, 1, 2, 0]], "{mode:?}");
        }
        // X on a word is no entity.
        let encoded = encoded(&counts, &InputConfig::default());
        let mut tags = encoded.blank();
        encoded.place(&[0], &[vec![3; 7]], &mut tags);
        assert_eq!(tags, [[0, 0, 0, 0]]);
    }

    #[test]
    fn sequences_end_in_sep_and_cls_and_are_padded_on_either_side() {
        let counts: [&[usize]; 2] = [&[1, 1, 1], &[1, 1, 4]];
        for (padding, first, places) in [
            (Side::Right, [9, 19, 29, 4, 3, 5, 5, 5], [0, 1, 2]),
            (Side::Left, [5, 5, 5, 9, 19, 29, 4, 3], [3, 4, 5]),
        ] {
            let input = InputConfig { padding, labels: LabelMode::First, ..InputConfig::default() };
            let batch = encoded(&counts, &input).batch(&[0, 1], Device::Cpu).unwrap();
            assert_eq!(batch.ids.size(), [2, 8]);
            assert_eq!(values(&batch.ids.get(0)), first);
            assert_eq!(values(&batch.places.get(0))[..3], places);
            let cls = first.iter().position(|&id| id == 3).unwrap();
            assert_eq!(values(&batch.segments.unwrap().get(0))[cls], 2);
            let mask: Vec<bool> = first.iter().map(|&id| id != 5).collect();
            assert_eq!(Vec::<bool>::try_from(batch.mask.unwrap().get(0)).unwrap(), mask);
        }
    }

    #[test]
    fn windows_and_packs_give_every_word_its_own_label() {
        let long: Vec<usize> = (0..60).map(|i| 1 + i % 4).collect();
        let counts: [&[usize]; 4] = [&long, &[1, 2, 1], &[2, 1, 1, 1], &[1, 1, 1]];
        for mode in [LabelMode::X, LabelMode::First, LabelMode::Repeat] {
            for packing in [Packing::Sentence, Packing::Packed] {
                let input = InputConfig {
                    labels: mode,
                    packing,
                    max_pieces: 24,
                    overlap: 6,
                    ..InputConfig::default()
                };
                let encoded = encoded(&counts, &input);
                let all: Vec<usize> = (0..encoded.sequences.len()).collect();
                let gold: Vec<Vec<u32>> =
                    encoded.sequences.iter().map(|sequence| encoded.labels_of(sequence)).collect();
                let mut tags: Vec<Vec<i64>> = counts.iter().map(|words| vec![-1; words.len()]).collect();
                encoded.place(&all, &gold, &mut tags);
                let expected: Vec<Vec<i64>> =
                    encoded.tags.iter().map(|tags| tags.iter().map(|&t| i64::from(t)).collect()).collect();
                assert_eq!(tags, expected, "{mode:?} {packing:?}");
                let mut words: Vec<(usize, usize)> =
                    all.iter().flat_map(|&s| encoded.word_places(s)).map(|(s, w, _)| (s, w)).collect();
                words.sort_unstable();
                let all_words: Vec<(usize, usize)> =
                    counts.iter().enumerate().flat_map(|(s, c)| (0..c.len()).map(move |w| (s, w))).collect();
                assert_eq!(words, all_words);
            }
        }
    }
}
