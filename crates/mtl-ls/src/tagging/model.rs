//! XLNet-CRF (the paper, Figure 1): the encoder's vectors of the labelled pieces, one linear map, a CRF.
//!
//! ```text
//! H = XLNet(pieces <sep> <cls>)
//! P = (H at the labelled pieces) W + b                    emissions; H is after dropout
//! S(X, y) = sum_i P[i, y_i] + sum_i A[y_i, y_i+1]         loss = -log P(y | X)
//! ```

use medner_core::crf::{ConstrainAt, Constraints, Crf, Posterior, Reduction};
use medner_core::layers::Linear;
use medner_core::params::Params;
use medner_core::precision::Precision;
use medner_core::{CoreError, Result};
use medner_metrics::LabelSet;
use tch::{Device, Kind, Tensor};

use super::corpus::{TaggerBatch, label_count};
use crate::config::LabelMode;
use crate::xlnet::{XlnetConfig, XlnetInput, XlnetModel};

/// Where the encoder's parameters are.
pub const ENCODER: &str = "encoder";

/// A tagger: pieces in, labels out.
pub struct XlnetCrf {
    /// Every parameter by name: `encoder.*`, `output.*`, `crf.*`.
    pub params: Params,
    encoder: XlnetModel,
    output: Linear,
    crf: Crf,
}

impl XlnetCrf {
    /// Builds the network on `device`; libtorch's generator decides the random values.
    ///
    /// # Errors
    /// Sizes that no network can be built with.
    pub fn new(
        config: &XlnetConfig,
        labels: &LabelSet,
        mode: LabelMode,
        precision: Precision,
        device: Device,
    ) -> Result<Self> {
        let params = Params::new(device);
        let root = params.root();
        let mut encoder = XlnetModel::new(&(&root / ENCODER), config)?;
        encoder.set_precision(precision);
        let count = label_count(labels, mode) as i64;
        let output = Linear::normal(&(&root / "output"), config.d_model, count, config.initializer_range)?;
        let mut crf = Crf::new(&(&root / "crf"), count)?;
        if mode == LabelMode::First {
            // Training sees all paths, as the paper's CRF; a prediction never breaks the scheme within a sequence (a pack of sentences
            // is one sequence: there an entity may begin with I- after another sentence's B-). With labels between words the scheme
            // says nothing of neighbours.
            crf = crf.constrained(
                Constraints::of_scheme(labels.scheme(), labels.tags())?,
                ConstrainAt::Decoding,
            )?;
        }
        Ok(Self { params, encoder, output, crf })
    }

    /// See [`XlnetModel::recompute`].
    pub fn recompute(&mut self) {
        self.encoder.recompute();
    }

    /// The encoder's sizes.
    pub fn encoder(&self) -> &XlnetConfig {
        self.encoder.config()
    }

    /// Emissions of the labelled places, `[B, L, K]`.
    ///
    /// # Errors
    /// [`CoreError::Config`] for a piece that the encoder has no row for.
    pub fn emissions(&self, batch: &TaggerBatch, train: bool) -> Result<Tensor> {
        let rows = self.encoder().vocab_size;
        if batch.ids.device() == Device::Cpu {
            let greatest = i64::try_from(&batch.ids.f_max()?)?;
            if greatest >= rows {
                return Err(CoreError::Config {
                    key: "tokenizer.json".into(),
                    message: format!(
                        "gives the piece {greatest}, but the encoder has {rows} rows: they are of two models"
                    ),
                });
            }
        }
        let input = XlnetInput {
            mask: batch.mask.as_ref(),
            segments: batch.segments.as_ref(),
            ..XlnetInput::plain(&batch.ids)
        };
        let hidden = self.encoder.forward(input, train)?;
        let table = hidden.f_reshape([-1, self.encoder.width()])?;
        // As a look-up: of libtorch's ways to gather rows, the one whose backward pass is fast.
        let chosen = Tensor::f_embedding(&table, &batch.places, -1, false, false)?;
        self.output.forward(&chosen.f_to_kind(Kind::Float)?)
    }

    /// Mean negative log-likelihood of the batch's sequences, in training mode.
    ///
    /// # Errors
    /// As [`XlnetCrf::emissions`].
    pub fn loss(&self, batch: &TaggerBatch) -> Result<Tensor> {
        let emissions = self.emissions(batch, true)?;
        self.crf.nll(&emissions, &batch.labels, &batch.lengths, Reduction::Mean)
    }

    /// The best labels of each sequence.
    ///
    /// # Errors
    /// As [`XlnetCrf::emissions`].
    pub fn decode(&self, batch: &TaggerBatch) -> Result<Vec<Vec<u32>>> {
        let _guard = tch::no_grad_guard();
        let decoded = self.crf.decode(&self.emissions(batch, false)?, &batch.lengths)?;
        Ok(decoded.iter().map(<[u32]>::to_vec).collect())
    }

    /// The best labels of each sequence, and the posterior that tells how sure they are.
    ///
    /// # Errors
    /// As [`XlnetCrf::emissions`].
    pub fn decode_with_posterior(&self, batch: &TaggerBatch) -> Result<Vec<(Vec<u32>, Posterior)>> {
        let _guard = tch::no_grad_guard();
        let emissions = self.emissions(batch, false)?;
        let decoded = self.crf.decode(&emissions, &batch.lengths)?;
        let posteriors = self.crf.posteriors(&emissions, &batch.lengths)?;
        Ok(decoded.iter().map(<[u32]>::to_vec).zip(posteriors).collect())
    }
}
