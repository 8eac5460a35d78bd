//! The network's keys.

use std::collections::BTreeSet;

use medner_core::layers::{AttentionKind, IndRnnConfig, SelfAttentionConfig};
use serde::{Deserialize, Serialize};

/// The network of section 3: input, adversarial transfer, joint layer, CRF. What is switched off is not built.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelConfig {
    /// Width of the character vectors.
    pub embedding: i64,
    /// Width of the learned position vectors that stand beside them; 0 for none.
    pub position: i64,
    /// Width of each BiLSTM's state per direction.
    pub hidden: i64,
    /// The adversarial transfer layer: shared and private BiLSTMs of the two tasks. Without it B is the input vectors.
    pub transfer: bool,
    /// Its losses.
    pub separation: Separation,
    /// The self-attention over B.
    pub self_attention: bool,
    /// Which one.
    pub attention: SelfAttentionConfig,
    /// The IndRNN after the attention; `layers: 0` for none. Its `max_steps` follows `split.max_length` and is not set here.
    pub indrnn: IndRnnConfig,
    /// Width of the fully connected layer with the sigmoid before the linear layer; 0 for none.
    pub fully_connected: i64,
    /// Share of the numbers that dropout takes away. The default, 0.5 of the features, is not what the tables use: 0.25 of the input and
    /// of the features, with `training.schedule: linear` and `training.patience: 0` (`experiments/asaibc/_ground.yaml`; the table
    /// `sensitivity` has both).
    pub dropout: f64,
    /// Where it does so; the paper does not say. With dropout of the input as well BiLSTM+CRF on MSRA needs some three times the
    /// epochs for the same development score.
    pub dropped: BTreeSet<Dropped>,
}

/// Where dropout is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dropped {
    /// The input vectors (Lample et al. 2016, section 4.3).
    Input,
    /// B, the features of the adversarial transfer layer, where the joint layer reads them.
    Base,
    /// What the layers before the CRFs read.
    Features,
}

/// The losses of the adversarial transfer layer: `L = L_task + a L_difference + b L_same + c L_reconstruction`. The paper gives no
/// weights; these are those of Bousmalis et al. 2016.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Separation {
    /// Weight `a` of the difference between shared and private features.
    pub difference: f64,
    /// Weight `b` of the task discriminator.
    pub same: f64,
    /// Weight `c` of the reconstruction of the input.
    pub reconstruction: f64,
    /// The task discriminator.
    pub discriminator: Discriminator,
    /// How strongly the discriminator's gradient is turned round.
    pub reversal: Reversal,
}

/// The task discriminator: pooled shared features, one hidden layer, two tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Discriminator {
    /// Width of its hidden layer.
    pub hidden: i64,
    /// How the features of a sentence become one vector.
    pub pool: Pool,
}

/// How the features of a sentence become one vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pool {
    /// The greatest value of each feature (Cao et al. 2018, equation 8).
    Max,
    /// The mean of each feature.
    Mean,
}

/// Gradient reversal: `strength * (2 / (1 + exp(-steepness * p)) - 1)` with `p` from 0 to 1 in the first `epochs` epochs and 1 after
/// (Ganin and Lempitsky 2015, section 4).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reversal {
    /// Strength at the end; 0 trains a discriminator that no feature hears of.
    pub strength: f64,
    /// How fast it grows.
    pub steepness: f64,
    /// Epochs until `p` is 1; 0 for the full strength from the beginning.
    pub epochs: f64,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            embedding: 100,
            position: 20,
            hidden: 100,
            transfer: true,
            separation: Separation::default(),
            self_attention: true,
            attention: SelfAttentionConfig::default(),
            indrnn: IndRnnConfig::default(),
            fully_connected: 200,
            dropout: 0.5,
            dropped: BTreeSet::from([Dropped::Features]),
        }
    }
}

impl Default for Separation {
    fn default() -> Self {
        Self {
            difference: 0.075,
            same: 0.25,
            reconstruction: 0.01,
            discriminator: Discriminator::default(),
            reversal: Reversal::default(),
        }
    }
}

impl Default for Discriminator {
    fn default() -> Self {
        Self { hidden: 100, pool: Pool::Max }
    }
}

impl Default for Reversal {
    fn default() -> Self {
        Self { strength: 1.0, steepness: 10.0, epochs: 10.0 }
    }
}

impl Reversal {
    /// The strength after so many epochs (with their fraction).
    pub fn at(&self, epochs: f64) -> f64 {
        let p = if self.epochs > 0.0 { (epochs / self.epochs).min(1.0) } else { 1.0 };
        let grown = if self.epochs > 0.0 { 2.0 / (1.0 + (-self.steepness * p).exp()) - 1.0 } else { 1.0 };
        self.strength * grown
    }
}

impl ModelConfig {
    /// Width of the input vectors.
    pub fn input(&self) -> i64 {
        self.embedding + self.position
    }

    /// The dropout of a place.
    pub fn dropout_of(&self, place: Dropped) -> f64 {
        if self.dropped.contains(&place) { self.dropout } else { 0.0 }
    }

    /// Width of B.
    pub fn base(&self) -> i64 {
        if self.transfer { 4 * self.hidden } else { self.input() }
    }

    /// Keys of what is switched off at their defaults.
    #[must_use]
    pub fn for_its_switches(self) -> Self {
        let ground = Self::default();
        let indrnn = match self.indrnn.layers {
            0 => IndRnnConfig { layers: 0, ..IndRnnConfig::default() },
            _ => self.indrnn,
        };
        Self {
            separation: if self.transfer { self.separation } else { ground.separation },
            attention: if self.self_attention { self.attention } else { ground.attention },
            indrnn,
            ..self
        }
    }

    /// The first value that no network can be built with.
    pub(super) fn problem(&self) -> Option<(&'static str, String)> {
        let dropouts = [
            ("model.dropout", self.dropout),
            ("model.attention.dropout", self.attention.dropout),
            ("model.indrnn.dropout", self.indrnn.dropout),
        ];
        if let Some((key, share)) = dropouts.iter().find(|(_, share)| !(0.0..1.0).contains(share)) {
            return Some((key, format!("{share} is not in [0, 1)")));
        }
        // The value is stored in every configuration, so that the default must pass.
        if self.indrnn.max_steps != IndRnnConfig::default().max_steps {
            let message = format!(
                "{} would be passed over: the bound of the recurrent weights follows `split.max_length`; leave it out",
                self.indrnn.max_steps
            );
            return Some(("model.indrnn.max_steps", message));
        }
        let least = [
            ("model.embedding", self.embedding, 1),
            ("model.position", self.position, 0),
            ("model.hidden", self.hidden, 1),
            ("model.fully_connected", self.fully_connected, 0),
            ("model.indrnn.hidden", self.indrnn.hidden, 1),
            ("model.separation.discriminator.hidden", self.separation.discriminator.hidden, 1),
        ];
        if let Some((key, value, least)) = least.iter().find(|(_, value, least)| value < least) {
            return Some((key, format!("{value} is less than {least}")));
        }
        let heads = self.attention.heads;
        if self.self_attention
            && self.attention.kind == AttentionKind::DotProduct
            && (heads < 1 || self.base() % heads != 0)
        {
            let message = format!("{heads} does not divide {}, the width of B", self.base());
            return Some(("model.attention.heads", message));
        }
        let s = &self.separation;
        let weights = [
            ("model.separation.difference", s.difference),
            ("model.separation.same", s.same),
            ("model.separation.reconstruction", s.reconstruction),
            ("model.separation.reversal.strength", s.reversal.strength),
            ("model.separation.reversal.steepness", s.reversal.steepness),
            ("model.separation.reversal.epochs", s.reversal.epochs),
        ];
        weights
            .iter()
            .find(|(_, value)| !(value.is_finite() && *value >= 0.0))
            .map(|(key, value)| (*key, format!("{value} is not a number of at least 0")))
    }
}
