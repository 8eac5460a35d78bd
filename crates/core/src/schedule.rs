//! Learning-rate schedules: what the base learning rate is multiplied with at a step.
//!
//! A schedule is a pure function of the step, so there is nothing to save: a resumed run asks for the step it is at.

use serde::{Deserialize, Serialize};

use crate::error::{CoreError, Result};

/// The factor of the learning rate over the steps, counted from 0. `warmup` steps rise linearly from `1 / warmup` to 1
/// (the first step is not wasted on a rate of 0); what comes after is counted from there. After `total` steps the factor stays
/// where it is. A training whose number of steps is not known beforehand may count shares of its epochs in place of steps, a
/// million of them: its first step then has next to no rate, as in BERT's and `transformers`' warm-up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// 1.
    #[default]
    Constant,
    /// From 1 to `end`, a straight line.
    Linear {
        /// Steps of the run.
        total: u64,
        /// Last factor.
        #[serde(default)]
        end: f64,
    },
    /// Up in `warmup` steps, then down to `end`, two straight lines (as BERT and XLNet are trained).
    WarmupLinear {
        /// Rising steps.
        warmup: u64,
        /// Steps of the run, the rising ones included.
        total: u64,
        /// Last factor.
        #[serde(default)]
        end: f64,
    },
    /// Up in `warmup` steps, then half a cosine down to `end` (Loshchilov and Hutter 2017, without restarts).
    Cosine {
        /// Rising steps.
        #[serde(default)]
        warmup: u64,
        /// Steps of the run, the rising ones included.
        total: u64,
        /// Last factor.
        #[serde(default)]
        end: f64,
    },
    /// Up in `warmup` steps, then `sqrt(warmup / step)` (Vaswani et al. 2017, section 5.3).
    InverseSqrt {
        /// Rising steps, at least 1.
        warmup: u64,
    },
    /// `gamma` once more after every `every` steps.
    Step {
        /// Steps between two decays.
        every: u64,
        /// Factor of each.
        gamma: f64,
    },
    /// `1 / (1 + rate * step / every)`, the decay of much of the tagging literature (`every`: steps of an epoch).
    InverseTime {
        /// Decay rate.
        rate: f64,
        /// Steps between two decays; the factor changes at multiples of it.
        every: u64,
    },
}

/// What becomes of a learning rate over a training, where a method's configuration offers a choice and no more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RateSchedule {
    /// It stays.
    #[default]
    Constant,
    /// It falls as a line that meets 0 after the last step of the last epoch: for a training that goes on to its last epoch, since
    /// one that stops before has not had its small steps.
    Linear,
}

impl RateSchedule {
    /// Over `steps` steps, in the first `warmup` of which (a share) the rate rises to its value, as a line.
    pub fn over(self, steps: u64, warmup: f64) -> Schedule {
        let end = match self {
            Self::Constant => 1.0,
            Self::Linear => 0.0,
        };
        Schedule::WarmupLinear { warmup: (warmup * steps as f64).round() as u64, total: steps.max(1), end }
    }
}

impl Schedule {
    /// The factor of step `step`, from 0.
    pub fn factor(&self, step: u64) -> f64 {
        match *self {
            Self::Constant => 1.0,
            Self::Linear { total, end } => 1.0 + (end - 1.0) * share(step, 0, total),
            Self::WarmupLinear { warmup, total, end } => {
                rising(step, warmup).unwrap_or_else(|| 1.0 + (end - 1.0) * share(step, warmup, total))
            }
            Self::Cosine { warmup, total, end } => rising(step, warmup).unwrap_or_else(|| {
                let angle = std::f64::consts::PI * share(step, warmup, total);
                end + (1.0 - end) * f64::midpoint(1.0, angle.cos())
            }),
            Self::InverseSqrt { warmup } => {
                rising(step, warmup).unwrap_or_else(|| (warmup.max(1) as f64 / (step + 1) as f64).sqrt())
            }
            Self::Step { every, gamma } => gamma.powf((step / every.max(1)) as f64),
            Self::InverseTime { rate, every } => 1.0 / (1.0 + rate * (step / every.max(1)) as f64),
        }
    }

    /// Refuses a schedule that cannot be meant.
    ///
    /// # Errors
    /// [`CoreError::Config`].
    pub fn check(&self) -> Result<()> {
        let refuse = |key: &str, message: String| Err(CoreError::Config { key: key.to_owned(), message });
        let at_least_0 = |key: &str, value: f64| {
            if value.is_finite() && value >= 0.0 {
                return Ok(());
            }
            refuse(key, format!("{value} is not a number of at least 0"))
        };
        let line = |warmup: u64, total: u64, end: f64| {
            if total == 0 || warmup > total {
                return refuse(
                    "total",
                    format!("{total} steps are fewer than the {} that are needed", warmup.max(1)),
                );
            }
            at_least_0("end", end)
        };
        match *self {
            Self::Linear { total, end } => line(0, total, end),
            Self::WarmupLinear { warmup, total, end } | Self::Cosine { warmup, total, end } => {
                line(warmup, total, end)
            }
            Self::InverseSqrt { warmup: 0 } => refuse("warmup", "at least one step is needed".into()),
            Self::Constant | Self::InverseSqrt { .. } => Ok(()),
            Self::Step { every: 0, .. } | Self::InverseTime { every: 0, .. } => {
                refuse("every", "at least one step is needed".into())
            }
            Self::Step { gamma, .. } => at_least_0("gamma", gamma),
            Self::InverseTime { rate, .. } => at_least_0("rate", rate),
        }
    }
}

/// The factor while it rises.
fn rising(step: u64, warmup: u64) -> Option<f64> {
    (step < warmup).then(|| (step + 1) as f64 / warmup as f64)
}

/// How much of the way from `from` to `total` is done, in [0, 1].
fn share(step: u64, from: u64, total: u64) -> f64 {
    let length = total.saturating_sub(from).max(1);
    step.saturating_sub(from).min(length) as f64 / length as f64
}

/// The factor of layer `layer` (from 0, the lowest) of `layers` when each layer learns `decay` times as fast as the one
/// above it; `layer == layers` is what stands on top (factor 1). Embeddings count as layer 0.
pub fn layer_decay(layer: usize, layers: usize, decay: f64) -> f64 {
    decay.powf(layers.saturating_sub(layer) as f64)
}
