//! How an encoder is trained.

use medner_core::precision::Precision;
use medner_core::{CoreError, Result};
use serde::{Deserialize, Serialize};

/// How the encoder is trained: AdamW, warm-up, then down to 0 in a straight line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainingConfig {
    /// Passes over the text.
    pub epochs: u64,
    /// Pieces of a step at most, padding included.
    pub batch_pieces: usize,
    /// Pieces that are computed at a time: what memory allows. The gradients of a step's parts are added up, the step is the
    /// same.
    pub part_pieces: usize,
    /// Highest learning rate.
    pub learning_rate: f64,
    /// Share of the steps in which it rises.
    pub warmup: f64,
    /// Decoupled weight decay of the matrices (not of biases and normalisations).
    pub weight_decay: f64,
    /// Greatest norm of the gradient.
    pub clip: f64,
    /// Number type of the matrix products.
    pub precision: Precision,
    /// Steps between points of the loss curve; 0 for none.
    pub curve_every: u64,
    /// Steps between checkpoints inside an epoch, beside those by time; 0 for none.
    pub checkpoint_every: u64,
}

impl Default for TrainingConfig {
    fn default() -> Self {
        Self {
            epochs: 3,
            batch_pieces: 4096,
            part_pieces: 4096,
            learning_rate: 1e-3,
            warmup: 0.06,
            weight_decay: 0.01,
            clip: 1.0,
            precision: Precision::F32,
            curve_every: 50,
            checkpoint_every: 0,
        }
    }
}

impl TrainingConfig {
    /// Refuses what cannot be done. `epochs: 0` is left to the method, which may have values to start from.
    ///
    /// # Errors
    /// [`CoreError::Config`] with the dotted key below `training` and what is allowed.
    pub fn check(&self) -> Result<()> {
        let refuse =
            |key: &str, message: String| Err(CoreError::Config { key: format!("training.{key}"), message });
        for (key, value) in [("batch_pieces", self.batch_pieces), ("part_pieces", self.part_pieces)] {
            if value == 0 {
                return refuse(key, "must be at least 1".into());
            }
        }
        if !(0.0..1.0).contains(&self.warmup) {
            return refuse("warmup", format!("{} is not in [0, 1)", self.warmup));
        }
        for (key, value) in [("learning_rate", self.learning_rate), ("clip", self.clip)] {
            if !(value.is_finite() && value > 0.0) {
                return refuse(key, format!("{value} is not a positive number"));
            }
        }
        if !(self.weight_decay.is_finite() && self.weight_decay >= 0.0) {
            return refuse("weight_decay", format!("{} is not a number of at least 0", self.weight_decay));
        }
        Ok(())
    }
}

/// Refuses a length or a held-out share of sequences that cannot be.
///
/// # Errors
/// [`CoreError::Config`] with the dotted key below `sequences`.
pub fn check_sequences(max_length: usize, held_out: f64) -> Result<()> {
    let refuse =
        |key: &str, message: String| Err(CoreError::Config { key: format!("sequences.{key}"), message });
    if max_length < 8 {
        return refuse("max_length", format!("{max_length} pieces are too few (at least 8)"));
    }
    if !(0.0..=0.5).contains(&held_out) {
        return refuse("held_out", format!("{held_out} is not a share of at most a half"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_done_is_named() {
        let with = |change: fn(&mut TrainingConfig)| {
            let mut config = TrainingConfig::default();
            change(&mut config);
            config.check().err().map(|e| e.to_string()).unwrap_or_default()
        };
        assert_eq!(with(|_| ()), "");
        assert_eq!(with(|c| c.epochs = 0), "");
        assert!(with(|c| c.part_pieces = 0).starts_with("training.part_pieces"));
        assert!(with(|c| c.warmup = 1.0).starts_with("training.warmup"));
        assert!(with(|c| c.learning_rate = f64::NAN).starts_with("training.learning_rate"));
        assert!(with(|c| c.weight_decay = -1.0).starts_with("training.weight_decay"));
        let sequences = |length, held_out| check_sequences(length, held_out).err().map(|e| e.to_string());
        assert_eq!(sequences(8, 0.5), None);
        assert!(sequences(7, 0.0).is_some_and(|e| e.starts_with("sequences.max_length")));
        assert!(sequences(8, 0.7).is_some_and(|e| e.starts_with("sequences.held_out")));
    }
}
