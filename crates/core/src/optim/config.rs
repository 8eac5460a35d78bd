//! What an optimiser is: its rule, its learning rate, what goes around it.

use serde::{Deserialize, Serialize};

use crate::error::{CoreError, Result};

/// An optimiser. Deserialised, `name` chooses the rule and the rule's own settings stand beside it under `rule`:
/// `{rule: {name: adam, beta1: 0.9}, learning_rate: 0.001, lookahead: {k: 5, alpha: 0.5}}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptimizerConfig {
    /// How a gradient becomes a step.
    pub rule: Rule,
    /// Learning rate of every group that does not set its own.
    pub learning_rate: f64,
    /// Weight decay of every group that does not set its own: added to the gradient (an L2 penalty), or taken from the
    /// parameter directly where the rule is decoupled.
    #[serde(default)]
    pub weight_decay: f64,
    /// Lookahead around the rule.
    #[serde(default)]
    pub lookahead: Option<Lookahead>,
}

impl OptimizerConfig {
    /// A rule with its learning rate; no weight decay, no Lookahead.
    pub fn new(rule: Rule, learning_rate: f64) -> Self {
        Self { rule, learning_rate, weight_decay: 0.0, lookahead: None }
    }
}

/// How a gradient becomes a step. Formulas and defaults are those of `torch.optim` 2.11.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "lowercase")]
pub enum Rule {
    /// Gradient descent, with momentum if asked for.
    Sgd(Sgd),
    /// Kingma and Ba 2015, algorithm 1. Weight decay is an L2 penalty.
    Adam(Adam),
    /// Loshchilov and Hutter 2019, algorithm 2: Adam with decoupled weight decay.
    AdamW(Adam),
    /// Duchi et al. 2011.
    AdaGrad(AdaGrad),
    /// Tieleman and Hinton 2012; centred as in Graves 2013.
    RmsProp(RmsProp),
    /// Liu et al. 2019, algorithm 2.
    RAdam(RAdam),
}

/// Settings of [`Rule::Sgd`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sgd {
    /// Share of the last step that is kept; 0 is plain gradient descent.
    pub momentum: f64,
    /// Share of the gradient that does not enter the momentum.
    pub dampening: f64,
    /// Nesterov's momentum.
    pub nesterov: bool,
}

/// Settings of [`Rule::Adam`] and [`Rule::AdamW`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Adam {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the denominator.
    pub epsilon: f64,
    /// Divide by the greatest second moment so far (Reddi et al. 2018).
    pub amsgrad: bool,
}

impl Default for Adam {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, amsgrad: false }
    }
}

/// Settings of [`Rule::AdaGrad`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdaGrad {
    /// The learning rate of step t is divided by `1 + (t - 1) * lr_decay`.
    pub lr_decay: f64,
    /// Where the sum of squares starts.
    pub initial_accumulator: f64,
    /// Added to the denominator.
    pub epsilon: f64,
}

impl Default for AdaGrad {
    fn default() -> Self {
        Self { lr_decay: 0.0, initial_accumulator: 0.0, epsilon: 1e-10 }
    }
}

/// Settings of [`Rule::RmsProp`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RmsProp {
    /// Decay of the mean square.
    pub alpha: f64,
    /// Added to the denominator.
    pub epsilon: f64,
    /// Share of the last step that is kept.
    pub momentum: f64,
    /// Divide by the estimated standard deviation instead of the root mean square.
    pub centered: bool,
}

impl Default for RmsProp {
    fn default() -> Self {
        Self { alpha: 0.99, epsilon: 1e-8, momentum: 0.0, centered: false }
    }
}

/// Settings of [`Rule::RAdam`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RAdam {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the denominator.
    pub epsilon: f64,
    /// Weight decay as in AdamW instead of an L2 penalty.
    pub decoupled_weight_decay: bool,
}

impl Default for RAdam {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decoupled_weight_decay: false }
    }
}

/// Zhang et al. 2019, algorithm 1: after every `k` steps of the rule (the fast weights) the slow weights go the share
/// `alpha` of the way to them, and the fast weights start again from there. Moments are kept.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lookahead {
    /// Steps between two synchronisations.
    pub k: u64,
    /// Share of the way.
    pub alpha: f64,
}

impl Default for Lookahead {
    fn default() -> Self {
        Self { k: 5, alpha: 0.5 }
    }
}

impl Rule {
    /// Names of the tensors that the rule keeps for each parameter; those of PyTorch's state.
    pub(super) fn moments(&self) -> Vec<&'static str> {
        match self {
            Self::Sgd(sgd) if sgd.momentum == 0.0 => vec![],
            Self::Sgd(_) => vec!["momentum_buffer"],
            Self::Adam(adam) | Self::AdamW(adam) if adam.amsgrad => {
                vec!["exp_avg", "exp_avg_sq", "max_exp_avg_sq"]
            }
            Self::Adam(_) | Self::AdamW(_) | Self::RAdam(_) => vec!["exp_avg", "exp_avg_sq"],
            Self::AdaGrad(_) => vec!["sum"],
            Self::RmsProp(rms) => {
                let mut names = vec!["square_avg"];
                if rms.centered {
                    names.push("grad_avg");
                }
                if rms.momentum > 0.0 {
                    names.push("momentum_buffer");
                }
                names
            }
        }
    }

    /// Where the moments start.
    pub(super) fn initial(&self) -> f64 {
        if let Self::AdaGrad(adagrad) = self { adagrad.initial_accumulator } else { 0.0 }
    }

    /// Refuses settings with which the formulas mean nothing.
    pub(super) fn check(&self) -> Result<()> {
        let share = |key: &str, value: f64| at(key, value, (0.0..1.0).contains(&value), "in [0, 1)");
        let positive =
            |key: &str, value: f64| at(key, value, value >= 0.0 && value.is_finite(), "at least 0");
        match self {
            Self::Sgd(sgd) => {
                positive("momentum", sgd.momentum)?;
                if sgd.nesterov && (sgd.momentum == 0.0 || sgd.dampening != 0.0) {
                    return Err(CoreError::Config {
                        key: "nesterov".into(),
                        message: "needs a momentum above 0 and no dampening".into(),
                    });
                }
            }
            Self::Adam(adam) | Self::AdamW(adam) => {
                share("beta1", adam.beta1)?;
                share("beta2", adam.beta2)?;
                positive("epsilon", adam.epsilon)?;
            }
            Self::AdaGrad(adagrad) => {
                positive("lr_decay", adagrad.lr_decay)?;
                positive("initial_accumulator", adagrad.initial_accumulator)?;
                positive("epsilon", adagrad.epsilon)?;
            }
            Self::RmsProp(rms) => {
                positive("alpha", rms.alpha)?;
                positive("epsilon", rms.epsilon)?;
                positive("momentum", rms.momentum)?;
            }
            Self::RAdam(radam) => {
                share("beta1", radam.beta1)?;
                share("beta2", radam.beta2)?;
                positive("epsilon", radam.epsilon)?;
            }
        }
        Ok(())
    }
}

impl Lookahead {
    pub(super) fn check(self) -> Result<()> {
        at("lookahead.k", self.k as f64, self.k > 0, "at least 1")?;
        at("lookahead.alpha", self.alpha, (0.0..=1.0).contains(&self.alpha), "in [0, 1]")
    }
}

pub(super) fn at(key: &str, value: f64, holds: bool, expected: &str) -> Result<()> {
    if holds {
        return Ok(());
    }
    Err(CoreError::Config { key: key.to_owned(), message: format!("{value} is not {expected}") })
}
