//! The objective: hidden pieces are to be found, and of two segments whether they stand in their order.

use medner_core::Result;
use medner_training::pretraining::objective::IGNORED;
use medner_training::pretraining::task::PADDED_TO;
use medner_training::pretraining::{Document, Documents, Objective, Pretraining, Term, Window};
use rand_chacha::ChaCha8Rng;
use tch::{Device, Tensor};

use super::config::{MaskingConfig, PretrainingConfig, SequenceConfig};
use super::examples::{Cut, SPECIAL_PIECES, Sequence, windows};
use super::masking::{Hidden, hide};
use crate::albert::{AlbertConfig, AlbertForPreTraining, AlbertInput, AlbertTokenizer};

/// Masked language model and sentence order prediction (Lan et al. 2020, section 3).
pub struct MlmSop {
    model: AlbertForPreTraining,
    tokenizer: AlbertTokenizer,
    masking: MaskingConfig,
    sequences: SequenceConfig,
    device: Device,
}

/// An encoder in pre-training, its values drawn from `seed`.
///
/// # Errors
/// What the configuration or the device refuses.
pub fn task(
    config: &PretrainingConfig,
    albert: &AlbertConfig,
    tokenizer: AlbertTokenizer,
    documents: Documents,
    seed: u64,
    device: Device,
) -> Result<Pretraining<MlmSop>> {
    Pretraining::new(&config.training, documents, seed, device, |params| {
        let mut model = AlbertForPreTraining::new(&params.root(), albert)?;
        model.albert.set_precision(config.training.precision);
        let (masking, sequences) = (config.masking.clone(), config.sequences.clone());
        Ok(MlmSop { model, tokenizer, masking, sequences, device })
    })
}

/// Some sequences as tensors.
struct Batch {
    ids: Tensor,
    mask: Option<Tensor>,
    segments: Tensor,
    positions: Tensor,
    labels: Tensor,
    swapped: Tensor,
}

impl MlmSop {
    /// Padded to the longest.
    fn batch(&self, sequences: &[(Sequence, Hidden)]) -> Result<Batch> {
        let longest = sequences.iter().map(|(s, _)| s.ids.len()).max().unwrap_or(1);
        let t = longest.next_multiple_of(PADDED_TO).min(self.sequences.max_length);
        let p = sequences.iter().map(|(_, h)| h.positions.len()).max().unwrap_or(1);
        let b = sequences.len();
        let mut ids = vec![i64::from(self.tokenizer.special().padding); b * t];
        let (mut mask, mut segments) = (vec![false; b * t], vec![0_i64; b * t]);
        let (mut positions, mut labels) = (vec![0_i64; b * p], vec![IGNORED; b * p]);
        let swapped: Vec<i64> = sequences.iter().map(|(s, _)| i64::from(s.swapped)).collect();
        for (row, (sequence, hidden)) in sequences.iter().enumerate() {
            for (k, &id) in hidden.ids.iter().enumerate() {
                ids[row * t + k] = i64::from(id);
                mask[row * t + k] = true;
                segments[row * t + k] = i64::from(k >= sequence.second);
            }
            for (k, (&position, &label)) in hidden.positions.iter().zip(&hidden.labels).enumerate() {
                positions[row * p + k] = position as i64;
                labels[row * p + k] = i64::from(label);
            }
        }
        let tensor = |values: &[i64], shape: &[i64]| -> Result<Tensor> {
            Ok(Tensor::f_from_slice(values)?.f_view(shape)?.f_to_device(self.device)?)
        };
        let (b, t, p) = (b as i64, t as i64, p as i64);
        let full = mask.iter().all(|&there| there);
        let mask = Tensor::f_from_slice(&mask)?.f_view([b, t])?.f_to_device(self.device)?;
        Ok(Batch {
            ids: tensor(&ids, &[b, t])?,
            mask: (!full).then_some(mask),
            segments: tensor(&segments, &[b, t])?,
            positions: tensor(&positions, &[b, p])?,
            labels: tensor(&labels, &[b * p])?,
            swapped: tensor(&swapped, &[b])?,
        })
    }
}

impl Objective for MlmSop {
    type Cut = Cut;
    type Example = (Sequence, Hidden);

    const TERMS: &'static [&'static str] = &["piece", "order"];
    const SPECIAL_PIECES: usize = SPECIAL_PIECES;
    const STREAM: &'static [u8; 8] = b"masking ";

    fn windows(&self, documents: &[Document], rng: &mut ChaCha8Rng) -> Vec<(Window, Cut)> {
        windows(documents, &self.sequences, rng)
    }

    fn examples(
        &self,
        documents: &[Document],
        windows: &[(Window, Cut)],
        rng: &mut ChaCha8Rng,
    ) -> Vec<Self::Example> {
        let special = self.tokenizer.special();
        let examples = windows.iter().map(|(window, cut)| {
            let sequence = Sequence::new(window.of(documents), *cut, special);
            let hidden = hide(&sequence, &self.masking, &self.tokenizer, rng);
            (sequence, hidden)
        });
        examples.collect()
    }

    fn ids((sequence, _): &Self::Example) -> &[u32] {
        &sequence.ids
    }

    fn goals((_, hidden): &Self::Example) -> Vec<usize> {
        vec![hidden.positions.len(), 1]
    }

    fn terms(&self, examples: &[Self::Example], train: bool) -> Result<Vec<Term>> {
        let batch = self.batch(examples)?;
        let input =
            AlbertInput { ids: &batch.ids, mask: batch.mask.as_ref(), segments: Some(&batch.segments) };
        let output = self.model.forward(input, &batch.positions, train)?;
        let logits = output.prediction_logits.f_view([-1, self.tokenizer.len() as i64])?;
        Ok(vec![
            Term { logits, labels: batch.labels },
            Term { logits: output.sop_logits, labels: batch.swapped },
        ])
    }
}
