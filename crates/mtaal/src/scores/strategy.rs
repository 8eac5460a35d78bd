//! The strategies by name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How sentences are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// Every sentence of the pool is as likely.
    Random,
    /// Entropy of the predicted labels.
    Entropy,
    /// Least confidence.
    Lc,
    /// Maximum normalised log-probability (in the released code, not in the paper).
    Mnlp,
    /// The diversity discriminator of MTAAL.
    Diversity,
}

/// A name that is no strategy's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown strategy `{0}`: expected random, entropy, lc, mnlp or diversity")]
pub struct UnknownStrategy(pub String);

impl Strategy {
    /// Every strategy.
    pub const ALL: [Self; 5] = [Self::Random, Self::Entropy, Self::Lc, Self::Mnlp, Self::Diversity];

    /// The name in configurations and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Entropy => "entropy",
            Self::Lc => "lc",
            Self::Mnlp => "mnlp",
            Self::Diversity => "diversity",
        }
    }

    /// True when the pool must be run through the tasks' decoders.
    pub fn needs_tasks(self) -> bool {
        matches!(self, Self::Entropy | Self::Lc | Self::Mnlp)
    }

    /// True when the pool must be run through the diversity discriminator.
    pub fn needs_discriminator(self) -> bool {
        self == Self::Diversity
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Strategy {
    type Err = UnknownStrategy;

    fn from_str(name: &str) -> Result<Self, UnknownStrategy> {
        Self::ALL.into_iter().find(|s| s.name() == name).ok_or_else(|| UnknownStrategy(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn names_are_read_and_written_alike() {
        for strategy in Strategy::ALL {
            assert_eq!(strategy.to_string().parse::<Strategy>().unwrap(), strategy);
            assert_eq!(serde_json::to_string(&strategy).unwrap(), format!("\"{strategy}\""));
        }
        let error = "LC".parse::<Strategy>().unwrap_err().to_string();
        assert_eq!(error, "unknown strategy `LC`: expected random, entropy, lc, mnlp or diversity");
    }

    #[test]
    fn each_strategy_needs_one_thing_or_nothing() {
        let needs = Strategy::ALL.map(|s| (s.needs_tasks(), s.needs_discriminator()));
        assert_eq!(needs, [(false, false), (true, false), (true, false), (true, false), (false, true)]);
    }
}
