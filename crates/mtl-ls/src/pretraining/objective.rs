//! The objective: some pieces of a sequence are to be found, in a permuted order, by the query stream.

use medner_core::Result;
use medner_training::pretraining::objective::IGNORED;
use medner_training::pretraining::task::PADDED_TO;
use medner_training::pretraining::windows::windows;
use medner_training::pretraining::{Document, Documents, Objective, Pretraining, Term, Window};
use rand_chacha::ChaCha8Rng;
use tch::{Device, Tensor};

use super::config::{PretrainingConfig, SpanConfig};
use super::spans::{Order, draw};
use crate::tagging::pieces::SPECIAL_PIECES;
use crate::xlnet::heads::XlnetForPreTraining;
use crate::xlnet::tokenizer::SpecialIds;
use crate::xlnet::{XlnetConfig, XlnetInput};

/// Permutation language modelling (Yang et al. 2019, sections 2.2 to 2.4).
pub struct Permutation {
    model: XlnetForPreTraining,
    special: SpecialIds,
    spans: SpanConfig,
    /// Pieces of a window at most.
    room: usize,
    device: Device,
}

/// An encoder in pre-training, its values drawn from `seed`.
///
/// # Errors
/// What the configuration or the device refuses.
pub fn task(
    config: &PretrainingConfig,
    xlnet: &XlnetConfig,
    special: SpecialIds,
    documents: Documents,
    seed: u64,
    device: Device,
) -> Result<Pretraining<Permutation>> {
    Pretraining::new(&config.training, documents, seed, device, |params| {
        let mut model = XlnetForPreTraining::new(&params.root(), xlnet)?;
        model.transformer.set_precision(config.training.precision);
        let room = config.sequences.max_length - SPECIAL_PIECES;
        Ok(Permutation { model, special, spans: config.spans.clone(), room, device })
    })
}

/// A sequence with what is to be found in it.
pub struct Example {
    ids: Vec<u32>,
    order: Order,
}

/// Some sequences as tensors.
struct Batch {
    ids: Tensor,
    mask: Option<Tensor>,
    segments: Tensor,
    order: Tensor,
    places: Tensor,
    labels: Tensor,
}

impl Permutation {
    /// Padded to the longest.
    fn batch(&self, examples: &[Example]) -> Result<Batch> {
        let longest = examples.iter().map(|e| e.ids.len()).max().unwrap_or(1);
        let t = longest.next_multiple_of(PADDED_TO);
        let p = examples.iter().map(|e| e.order.places.len()).max().unwrap_or(1);
        let b = examples.len();
        let mut ids = vec![i64::from(self.special.padding); b * t];
        let (mut mask, mut segments) = (vec![false; b * t], vec![0_i64; b * t]);
        let mut hidden = vec![false; b * t * t];
        let (mut places, mut labels) = (vec![0_i64; b * p], vec![IGNORED; b * p]);
        for (row, Example { ids: pieces, order }) in examples.iter().enumerate() {
            let length = pieces.len();
            for (k, &id) in pieces.iter().enumerate() {
                ids[row * t + k] = i64::from(id);
                mask[row * t + k] = true;
            }
            segments[row * t + length - 1] = 2;
            for (i, line) in order.hidden(length).chunks(length).enumerate() {
                let first = (row * t + i) * t;
                hidden[first..first + length].copy_from_slice(line);
            }
            for (k, &place) in order.places.iter().enumerate() {
                places[row * p + k] = place as i64;
                labels[row * p + k] = i64::from(pieces[place]);
            }
        }
        let (b, t, p) = (b as i64, t as i64, p as i64);
        let tensor = |values: &[i64], shape: &[i64]| -> Result<Tensor> {
            Ok(Tensor::f_from_slice(values)?.f_view(shape)?.f_to_device(self.device)?)
        };
        let full = mask.iter().all(|&there| there);
        let mask = Tensor::f_from_slice(&mask)?.f_view([b, t])?.f_to_device(self.device)?;
        Ok(Batch {
            ids: tensor(&ids, &[b, t])?,
            mask: (!full).then_some(mask),
            segments: tensor(&segments, &[b, t])?,
            order: Tensor::f_from_slice(&hidden)?.f_view([b, t, t])?.f_to_device(self.device)?,
            places: tensor(&places, &[b, p])?,
            labels: tensor(&labels, &[b * p])?,
        })
    }
}

impl Objective for Permutation {
    type Cut = ();
    type Example = Example;

    const TERMS: &'static [&'static str] = &["piece"];
    const SPECIAL_PIECES: usize = SPECIAL_PIECES;
    const STREAM: &'static [u8; 8] = b"spans   ";

    fn windows(&self, documents: &[Document], rng: &mut ChaCha8Rng) -> Vec<(Window, ())> {
        windows(documents, self.room, 0.0, rng, |_, _| ())
    }

    fn examples(
        &self,
        documents: &[Document],
        windows: &[(Window, ())],
        rng: &mut ChaCha8Rng,
    ) -> Vec<Example> {
        let special = [self.special.separator, self.special.classify];
        let examples = windows.iter().map(|(window, ())| {
            let pieces = window.of(documents);
            Example { ids: [pieces, &special].concat(), order: draw(pieces.len(), &self.spans, rng) }
        });
        examples.collect()
    }

    fn ids(example: &Example) -> &[u32] {
        &example.ids
    }

    fn goals(example: &Example) -> Vec<usize> {
        vec![example.order.places.len()]
    }

    fn terms(&self, examples: &[Example], train: bool) -> Result<Vec<Term>> {
        let batch = self.batch(examples)?;
        let input = XlnetInput {
            mask: batch.mask.as_ref(),
            segments: Some(&batch.segments),
            order: Some(&batch.order),
            places: Some(&batch.places),
            ..XlnetInput::plain(&batch.ids)
        };
        let transformer = &self.model.transformer;
        let hidden = transformer.forward(input, train)?.f_reshape([-1, transformer.width()])?;
        let logits = self.model.lm_loss.forward(&hidden, transformer.words(), transformer.kind())?;
        Ok(vec![Term { logits, labels: batch.labels }])
    }
}
