//! ALBERT as the input of a tagger: `[CLS] characters [SEP]` in, a vector for each character out.
//!
//! A sentence with more characters than the encoder has positions is read in windows that overlap by half; each character
//! takes the vector of the window in which it stands further from the edge, the last ones that of the window in which the sentence
//! ends. What a sentence's neighbours in the batch are does not matter.

use medner_core::Result;
use medner_core::layers::Batch;
use medner_core::params::Scope;
use medner_core::precision::Precision;
use tch::{Kind, Tensor};

use crate::albert::tokenizer::SpecialIds;
use crate::albert::{AlbertConfig, AlbertInput, AlbertModel, Pooler};

/// An encoder with the special entries of its vocabulary.
pub struct Contextual {
    model: AlbertModel,
    special: SpecialIds,
}

impl Contextual {
    /// Parameters as [`AlbertModel::new`] names them, without the pooler.
    ///
    /// # Errors
    /// What [`AlbertModel::new`] refuses.
    pub fn new(scope: &Scope<'_>, config: &AlbertConfig, special: SpecialIds) -> Result<Self> {
        Ok(Self { model: AlbertModel::new(scope, config, Pooler::Without)?, special })
    }

    /// See [`AlbertModel::set_precision`].
    pub fn set_precision(&mut self, precision: Precision) {
        self.model.set_precision(precision);
    }

    /// `H`.
    pub fn width(&self) -> i64 {
        self.model.width()
    }

    /// The vectors of a batch's characters, `[B, L, H]` with `L` the longest sentence's length: nothing is computed for the
    /// columns that pad all sentences. At the padding of shorter sentences they are not defined.
    ///
    /// # Errors
    /// [`medner_core::CoreError::Tch`].
    pub fn forward(&self, batch: &Batch, train: bool) -> Result<Tensor> {
        let longest = batch.lengths.iter().copied().max().unwrap_or(0) as i64;
        let positions = self.model.config().max_position_embeddings;
        let room = (positions - 2).max(1);
        let lengths: Vec<i64> = batch.lengths.iter().map(|&n| n as i64).collect();
        if longest <= room {
            self.window(&batch.ids, &lengths, 0, longest, train)
        } else {
            let step = (room / 2).max(1);
            let margin = (room - step) / 2;
            let (mut parts, mut start, mut taken) = (Vec::new(), 0, 0);
            // The end of the window before, `[B, margin, H]`, and which sentences end in it: theirs it is, as if they were alone.
            let mut before: Option<(Tensor, Tensor)> = None;
            while taken < longest {
                let end = (start + room).min(longest);
                let until = if end == longest { longest } else { end - margin };
                let hidden = self.window(&batch.ids, &lengths, start, end, train)?;
                if let Some((vectors, here)) = before.take() {
                    let width = vectors.size()[1];
                    parts.push(vectors.f_where_self(&here, &hidden.f_narrow(1, taken - start, width)?)?);
                    taken += width;
                }
                parts.push(hidden.f_narrow(1, taken - start, until - taken)?);
                let here: Vec<bool> = lengths.iter().map(|&n| until < n && n <= end).collect();
                if until < end && here.contains(&true) {
                    let here =
                        Tensor::f_from_slice(&here)?.f_to_device(hidden.device())?.f_view([-1, 1, 1])?;
                    before = Some((hidden.f_narrow(1, until - start, end - until)?, here));
                }
                taken = until;
                start += step;
            }
            Ok(Tensor::f_cat(&parts, 1)?)
        }
    }

    /// The vectors of the characters `start .. end` of each sentence, `[B, end - start, H]`, of `ids: [B, T]`.
    fn window(&self, ids: &Tensor, lengths: &[i64], start: i64, end: i64, train: bool) -> Result<Tensor> {
        let (rows, width, device) = (ids.size()[0], end - start, ids.device());
        let padded = width + 2;
        let lengths: Vec<i64> = lengths.iter().map(|n| (n - start).clamp(0, width)).collect();
        let full = lengths.iter().all(|&n| n + 2 == padded);
        let lengths = Tensor::f_from_slice(&lengths)?.f_to_device(device)?.f_unsqueeze(1)?;
        let sequence =
            Tensor::f_full([rows, padded], i64::from(self.special.padding), (Kind::Int64, device))?;
        let _ = sequence.f_select(1, 0)?.f_fill_(i64::from(self.special.first))?;
        sequence.f_narrow(1, 1, width)?.f_copy_(&ids.f_narrow(1, start, width)?)?;
        let places = Tensor::f_arange(padded, (Kind::Int64, device))?.f_unsqueeze(0)?;
        let last = lengths.f_add_scalar(1)?;
        let sequence = sequence
            .f_masked_fill(&places.f_eq_tensor(&last)?, i64::from(self.special.separator))?
            .f_masked_fill(&places.f_gt_tensor(&last)?, i64::from(self.special.padding))?;
        let mask = places.f_le_tensor(&last)?;
        let input = AlbertInput { ids: &sequence, mask: (!full).then_some(&mask), segments: None };
        Ok(self.model.forward(input, train)?.f_narrow(1, 1, width)?)
    }
}
