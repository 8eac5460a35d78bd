//! Values that a job cannot be done with, or that it would pass over: refused before anything is loaded, by the path of their key.

use medner_data::cbow::CbowError;

use super::Config;
use crate::linear_crf::LinearCrfError;
use crate::transfer::TransferError;

impl Config {
    /// The first value that the job cannot be done with: the key and what is allowed.
    pub fn problem(&self) -> Option<(String, String)> {
        self.problem_of_data()
            .or_else(|| self.training.problem())
            .or_else(|| self.model.problem())
            .or_else(|| self.vectors.problem(self.job))
            .map(|(key, message)| (key.to_owned(), message))
            .or_else(|| self.problem_of_parts())
    }

    fn problem_of_data(&self) -> Option<(&'static str, String)> {
        for (key, share) in
            [("development", self.development), ("source.development", self.source.development)]
        {
            if !(0.0..1.0).contains(&share) {
                return Some((key, format!("{share} is not a share in [0, 1)")));
            }
        }
        if self.split.max_length < 8 {
            let message = format!("{} characters are too few (at least 8)", self.split.max_length);
            return Some(("split.max_length", message));
        }
        let separation = &self.model.separation;
        let separated = [separation.difference, separation.same, separation.reconstruction] != [0.0; 3];
        if self.model.transfer && self.source.batches == 0 && separated {
            let message = "0 batches teach nothing: at least 1, or `model.transfer: false`; the larger network alone, as a control, \
                           has the weights of `model.separation` at 0"
                .to_owned();
            return Some(("source.batches", message));
        }
        None
    }

    /// What the parts that check themselves refuse.
    fn problem_of_parts(&self) -> Option<(String, String)> {
        let at = |part: &str, key: &str, value: String, expected: &str| {
            Some((format!("{part}.{key}"), format!("expected {expected}, found {value}")))
        };
        if let Err(TransferError::Config { key, value, expected }) = self.instance_transfer.check() {
            return at("instance_transfer", key, value, expected);
        }
        if let Err(LinearCrfError::Config { key, value, expected }) = self.crf.features.check() {
            return at("crf.features", key, value, expected);
        }
        if let Err(LinearCrfError::Config { key, value, expected }) = self.crf.training.check() {
            return at("crf.training", key, value, expected);
        }
        if let Err(CbowError::Config { key, value, expected }) = self.vectors.cbow.check() {
            return at("vectors.cbow", key, value, expected);
        }
        None
    }
}
