//! What `mtl-ls pretrain` says in its help, and what it refuses beside an encoder to go on from.

use std::path::Path;

use medner_training::pretraining::Settings;

use super::config::PretrainingConfig;
use crate::config::Config;

impl Settings for PretrainingConfig {
    type Whole = Config;

    const MAIN_KEYS: &'static [(&'static [&'static str], &'static str)] = &[
        (&["training.epochs", "training.learning_rate", "training.batch_pieces"], "how long, and how"),
        (&["encoder.layers", "encoder.width", "encoder.heads", "encoder.inner"], "sizes"),
        (
            &["vocabulary.source"],
            "xlnet (the published pieces), text (the text's own words), or the path of a tokenizer.json",
        ),
        (
            &["sequences.max_length", "sequences.held_out"],
            "pieces of a sequence; share of the text that perplexity is measured on",
        ),
        (&["training.precision"], "f32, or bf16 where the machine has it"),
        (&["start"], "folder of an XLNet to go on from, with its sizes and its vocabulary"),
    ];

    const OF_START: &'static [&'static str] = &["encoder", "vocabulary"];

    fn start(&self) -> Option<&Path> {
        self.start.as_deref()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use medner_training::pretraining::settings;

    use super::*;

    #[test]
    fn the_keys_named_are_keys_that_there_are() {
        assert!(settings::unknown_keys::<PretrainingConfig>().unwrap().is_empty());
    }
}
