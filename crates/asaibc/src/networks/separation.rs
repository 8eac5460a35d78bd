//! The adversarial transfer layer: shared and private features of two tasks, and what keeps them apart.

use medner_core::Result;
use medner_core::layers::{Batch, BiLstm, Linear, reverse_gradient};
use medner_core::params::Scope;
use tch::Tensor;

use super::losses;
use crate::config::{self, ModelConfig};

/// The two tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskName {
    /// Named-entity recognition, the target.
    Entities,
    /// Chinese word segmentation, the source.
    Words,
}

impl TaskName {
    /// The discriminator's number of the task.
    pub fn index(self) -> i64 {
        match self {
            Self::Entities => 0,
            Self::Words => 1,
        }
    }
}

/// Shared BiLSTM, a private BiLSTM for each task, decoder, task discriminator.
pub struct Separation {
    shared: BiLstm,
    entities: BiLstm,
    words: BiLstm,
    decoder: Linear,
    hidden: Linear,
    discriminator: Linear,
    config: config::Separation,
}

/// The features of a batch, each `[B, T, 2 hidden]`.
pub struct Features {
    /// What both tasks have.
    pub shared: Tensor,
    /// What this task has for itself.
    pub private: Tensor,
}

/// The losses of a batch, and how many of its sentences the discriminator knew.
pub struct SeparationLosses {
    /// `a L_difference + b L_same + c L_reconstruction`.
    pub weighted: Tensor,
    /// `L_difference`.
    pub difference: Tensor,
    /// `L_same`.
    pub same: Tensor,
    /// `L_reconstruction`.
    pub reconstruction: Tensor,
    /// Sentences that the discriminator gave to the right task.
    pub known: Tensor,
}

impl Separation {
    /// Reads vectors of `config.input()`.
    pub fn new(scope: &Scope<'_>, config: &ModelConfig) -> Result<Self> {
        let (input, hidden) = (config.input(), config.hidden);
        let lstm = |name: &str| BiLstm::new(&(scope / name), input, hidden);
        let width = config.separation.discriminator.hidden;
        Ok(Self {
            shared: lstm("shared")?,
            entities: lstm("private_entities")?,
            words: lstm("private_words")?,
            decoder: Linear::new(&(scope / "decoder"), 2 * hidden, input)?,
            hidden: Linear::new(&(scope / "discriminator" / "hidden"), 2 * hidden, width)?,
            discriminator: Linear::new(&(scope / "discriminator" / "output"), width, 2)?,
            config: config.separation.clone(),
        })
    }

    /// `xs: [B, T, input]`
    pub fn features(&self, task: TaskName, xs: &Tensor, batch: &Batch) -> Result<Features> {
        let private = match task {
            TaskName::Entities => &self.entities,
            TaskName::Words => &self.words,
        };
        Ok(Features { shared: self.shared.forward(xs, batch)?, private: private.forward(xs, batch)? })
    }

    /// The three losses beside the task's own. `target` are the input vectors before dropout; the discriminator's gradient
    /// enters the shared features turned round and times `reversal`.
    pub fn losses(
        &self,
        task: TaskName,
        features: &Features,
        target: &Tensor,
        batch: &Batch,
        reversal: f64,
    ) -> Result<SeparationLosses> {
        let Features { shared, private } = features;
        let difference = losses::difference(shared, private, &batch.mask)?;
        let rebuilt = self.decoder.forward(&shared.f_add(private)?)?;
        let reconstruction = losses::reconstruction(&rebuilt, target, &batch.mask)?;
        let logits = self.logits(&reverse_gradient(shared, reversal)?, batch)?;
        let same = losses::same(&logits, task.index())?;
        let known = logits.detach().f_argmax(-1, false)?.f_eq(task.index())?.f_sum(tch::Kind::Int64)?;
        let weighted = difference
            .f_mul_scalar(self.config.difference)?
            .f_add(&same.f_mul_scalar(self.config.same)?)?
            .f_add(&reconstruction.f_mul_scalar(self.config.reconstruction)?)?;
        Ok(SeparationLosses { weighted, difference, same, reconstruction, known })
    }

    /// The discriminator's opinion of each sentence: `[B, T, 2 hidden] -> [B, 2]`
    pub fn logits(&self, shared: &Tensor, batch: &Batch) -> Result<Tensor> {
        let pooled = losses::pool(shared, &batch.mask, self.config.discriminator.pool)?;
        // The linear layers take sequences: a sentence is one of length 1.
        let hidden = self.hidden.forward(&pooled.f_unsqueeze(1)?)?.f_relu()?;
        Ok(self.discriminator.forward(&hidden)?.f_squeeze_dim(1)?)
    }
}
