//! What `albert-idcnn pretrain` says in its help, and what it refuses beside an encoder to go on from.

use std::path::Path;

use medner_training::pretraining::Settings;

use super::config::PretrainingConfig;
use crate::config::Config;

impl Settings for PretrainingConfig {
    type Whole = Config;

    const MAIN_KEYS: &'static [(&'static [&'static str], &'static str)] = &[
        (&["training.epochs", "training.learning_rate", "training.batch_pieces"], "how long, and how"),
        (
            &["encoder.layers", "encoder.hidden_size", "encoder.embedding_size", "encoder.heads"],
            "sizes; all layers share their weights",
        ),
        (
            &["vocabulary.source"],
            "albert-zh (entries of the Chinese BERTs), characters (of the text itself), or the path of a vocab.txt",
        ),
        (
            &["sequences.max_length", "sequences.held_out"],
            "pieces of a sequence; share of each text that perplexity is measured on",
        ),
        (&["masking.share", "masking.max_ngram"], "which pieces are to be found"),
        (&["training.precision"], "f32, or bf16 where the machine has it"),
        (
            &["start"],
            "folder of an ALBERT with its training heads to go on from, with its sizes and its vocabulary",
        ),
    ];

    /// Of the vocabulary, `mode` alone is read with a start.
    const OF_START: &'static [&'static str] = &[
        "encoder",
        "word_vectors",
        "vocabulary.source",
        "vocabulary.lower_case",
        "vocabulary.trim",
        "vocabulary.min_count",
    ];

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
