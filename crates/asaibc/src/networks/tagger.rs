//! The whole network, with or without the task beside it.

use medner_core::Result;
use medner_core::crf::{ConstrainAt, Constraints, Crf, Posterior, Reduction};
use medner_core::layers::{Batch, Linear, hashed_dropout};
use medner_core::params::Params;
use medner_metrics::LabelSet;
use tch::{Device, Tensor};

use super::input::{Input, Start};
use super::joint::Joint;
use super::separation::{Separation, SeparationLosses, TaskName};
use crate::config::{Dropped, ModelConfig};
use crate::segmentation::word_labels;

/// A tagger: characters in, tags out.
pub struct Tagger {
    /// Every parameter and buffer by name.
    pub params: Params,
    input: Input,
    transfer: Option<Transfer>,
    joint: Joint,
    output: Linear,
    crf: Crf,
    /// Dropout of the input vectors.
    input_dropout: f64,
    /// Dropout of B in front of the joint layer.
    base_dropout: f64,
    /// Dropout in front of the word segmentation's output; the joint layer has its own.
    features_dropout: f64,
}

/// What the adversarial transfer brings: the layer, and the word segmentation's own output.
struct Transfer {
    separation: Separation,
    output: Linear,
    crf: Crf,
}

/// The losses of a batch.
pub struct Losses {
    /// What is minimised.
    pub total: Tensor,
    /// `L_task`: mean negative log-likelihood of a sentence; weighted, where sentences have weights.
    pub task: Tensor,
    /// The others, where there is an adversarial transfer.
    pub separation: Option<SeparationLosses>,
}

impl Tagger {
    /// Builds the network on `device`; libtorch's generator decides the random values. `longest` is the number of position
    /// vectors.
    pub fn new(
        config: &ModelConfig,
        start: &Start<'_>,
        labels: &LabelSet,
        longest: usize,
        device: Device,
    ) -> Result<Self> {
        let params = Params::new(device);
        let root = params.root();
        let input = Input::new(&(&root / "input"), config, start, longest)?;
        let transfer = if config.transfer {
            let scope = &root / "words";
            let words = word_labels();
            Some(Transfer {
                separation: Separation::new(&(&root / "separation"), config)?,
                output: Linear::new(&(&scope / "output"), 4 * config.hidden, words.len() as i64)?,
                crf: crf(&scope, &words)?,
            })
        } else {
            None
        };
        let joint = Joint::new(&(&root / "joint"), config, longest)?;
        let output = Linear::new(&(&root / "output"), joint.width(), labels.len() as i64)?;
        let crf = crf(&root, labels)?;
        Ok(Self {
            input,
            transfer,
            joint,
            output,
            crf,
            input_dropout: config.dropout_of(Dropped::Input),
            base_dropout: config.dropout_of(Dropped::Base),
            features_dropout: config.dropout_of(Dropped::Features),
            params,
        })
    }

    /// True where the network has an adversarial transfer layer.
    pub fn transfers(&self) -> bool {
        self.transfer.is_some()
    }

    /// The losses of a batch of the target in training mode; `tags`: `[B, T]` of i64.
    pub fn entity_losses(&self, batch: &Batch, tags: &Tensor, reversal: f64) -> Result<Losses> {
        let xs = self.input.forward(batch)?;
        let dropped = hashed_dropout(&xs, self.input_dropout, true)?;
        let (base, separation) = match &self.transfer {
            None => (dropped, None),
            Some(Transfer { separation, .. }) => {
                let task = TaskName::Entities;
                let features = separation.features(task, &dropped, batch)?;
                let losses = separation.losses(task, &features, &xs, batch, reversal)?;
                let base = Tensor::f_cat(&[features.shared, features.private], 2)?;
                (hashed_dropout(&base, self.base_dropout, true)?, Some(losses))
            }
        };
        let emissions = self.output.forward(&self.joint.forward(&base, batch, true)?)?;
        let task = self.crf.nll(&emissions, tags, &batch.lengths, Reduction::Mean)?;
        Losses::new(task, separation)
    }

    /// The losses of a batch of the word segmentation in training mode. The weights of its sentences are those of the task's loss; the
    /// losses of the separation count each sentence fully. `None` where the network has no adversarial transfer layer.
    pub fn word_losses(
        &self,
        batch: &Batch,
        tags: &Tensor,
        weights: &[f64],
        reversal: f64,
    ) -> Result<Option<Losses>> {
        let Some(Transfer { separation, output, crf }) = &self.transfer else { return Ok(None) };
        let xs = self.input.forward(batch)?;
        let task = TaskName::Words;
        let features = separation.features(task, &hashed_dropout(&xs, self.input_dropout, true)?, batch)?;
        let losses = separation.losses(task, &features, &xs, batch, reversal)?;
        let base = Tensor::f_cat(&[features.shared, features.private], 2)?;
        let emissions = output.forward(&hashed_dropout(&base, self.features_dropout, true)?)?;
        let shares: Vec<f64> = weights.iter().map(|w| w / weights.len() as f64).collect();
        let task = crf.nll_weighted(&emissions, tags, &batch.lengths, &shares)?;
        Ok(Some(Losses::new(task, Some(losses))?))
    }

    /// The best entity tags of each sentence.
    pub fn decode(&self, batch: &Batch) -> Result<Vec<Vec<u32>>> {
        let _guard = tch::no_grad_guard();
        let decoded = self.crf.decode(&self.emissions(batch)?, &batch.lengths)?;
        Ok(decoded.iter().map(<[u32]>::to_vec).collect())
    }

    /// The best entity tags of each sentence, and the posterior that tells how sure they are.
    pub fn decode_with_posterior(&self, batch: &Batch) -> Result<Vec<(Vec<u32>, Posterior)>> {
        let _guard = tch::no_grad_guard();
        let emissions = self.emissions(batch)?;
        let decoded = self.crf.decode(&emissions, &batch.lengths)?;
        let posteriors = self.crf.posteriors(&emissions, &batch.lengths)?;
        Ok(decoded.iter().map(<[u32]>::to_vec).zip(posteriors).collect())
    }

    /// The best segmentation tags of each sentence; `None` where the network has no adversarial transfer layer.
    pub fn segment(&self, batch: &Batch) -> Result<Option<Vec<Vec<u32>>>> {
        let _guard = tch::no_grad_guard();
        let Some(Transfer { separation, output, crf }) = &self.transfer else { return Ok(None) };
        let features = separation.features(TaskName::Words, &self.input.forward(batch)?, batch)?;
        let emissions = output.forward(&Tensor::f_cat(&[features.shared, features.private], 2)?)?;
        let decoded = crf.decode(&emissions, &batch.lengths)?;
        Ok(Some(decoded.iter().map(<[u32]>::to_vec).collect()))
    }

    /// How many of the batch's sentences, all of `task`, the discriminator knows by their shared features.
    pub fn known(&self, task: TaskName, batch: &Batch) -> Result<Option<usize>> {
        let _guard = tch::no_grad_guard();
        let Some(Transfer { separation, .. }) = &self.transfer else { return Ok(None) };
        let features = separation.features(task, &self.input.forward(batch)?, batch)?;
        let guessed = separation.logits(&features.shared, batch)?.f_argmax(-1, false)?;
        Ok(Some(guessed.f_eq(task.index())?.f_sum(tch::Kind::Int64)?.f_int64_value(&[])? as usize))
    }

    /// Keeps parameters within their bounds; after every optimiser step.
    pub fn clamp(&self) -> Result<()> {
        self.joint.clamp()
    }

    /// Emissions outside training: `[B, T, K]`.
    fn emissions(&self, batch: &Batch) -> Result<Tensor> {
        let xs = self.input.forward(batch)?;
        let base = match &self.transfer {
            None => xs,
            Some(Transfer { separation, .. }) => {
                let features = separation.features(TaskName::Entities, &xs, batch)?;
                Tensor::f_cat(&[features.shared, features.private], 2)?
            }
        };
        self.output.forward(&self.joint.forward(&base, batch, false)?)
    }
}

impl Losses {
    fn new(task: Tensor, separation: Option<SeparationLosses>) -> Result<Self> {
        let total = match &separation {
            None => task.shallow_clone(),
            Some(losses) => task.f_add(&losses.weighted)?,
        };
        Ok(Self { total, task, separation })
    }
}

/// Training sees all paths; a prediction never breaks the scheme.
fn crf(scope: &medner_core::params::Scope<'_>, labels: &LabelSet) -> Result<Crf> {
    let legal = Constraints::of_scheme(labels.scheme(), labels.tags())?;
    Crf::new(&(scope / "crf"), labels.len() as i64)?.constrained(legal, ConstrainAt::Decoding)
}
