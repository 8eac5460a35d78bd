//! What a configuration must not say where the sentences are a user's own: `train` and annotation projects refuse the same, and
//! before anybody has labelled anything.

use medner_experiment::ConfigError;

use crate::config::{Config, Job, Limits, WordVectorSource};
use crate::vectors;

/// Refuses keys that are for the cells of tables, and word vectors that are not there.
///
/// # Errors
/// The dotted key and what to do instead.
pub fn check(config: &Config) -> Result<(), ConfigError> {
    let of_cells = [
        ("job", config.job != Job::ActiveLearning),
        ("limits", config.limits != Limits::default()),
        ("query.choices_only", config.query.choices_only),
    ];
    if let Some((key, _)) = of_cells.iter().find(|(_, set)| *set) {
        return Err(ConfigError::at(*key, "is for the cells of tables; leave it out"));
    }
    if config.word_vectors.source == WordVectorSource::Trained {
        let message =
            "`trained` is for the cells of tables; take `random`, or name a file: `glove` or `word2vec`";
        return Err(ConfigError::at("word_vectors.source", message));
    }
    vectors_are_there(config)
}

/// Refuses a file of word vectors that is not there: new words would have none.
///
/// # Errors
/// The dotted key and what to do instead.
pub fn vectors_are_there(config: &Config) -> Result<(), ConfigError> {
    let key = match config.word_vectors.source {
        WordVectorSource::Glove => "word_vectors.glove",
        WordVectorSource::Word2vec => "word_vectors.word2vec",
        _ => "word_vectors.source",
    };
    match vectors::file(&config.word_vectors) {
        Ok(Some(path)) if !path.is_file() => {
            let message = format!("there is no file {}; name the file of the word vectors", path.display());
            Err(ConfigError::at(key, message))
        }
        Ok(_) => Ok(()),
        Err(error) => Err(ConfigError::at(key, medner_experiment::error::chain(&error))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn what_cells_alone_read_and_vectors_that_are_not_there_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("vectors.txt");
        std::fs::write(&file, "fever 1.0 2.0\n").unwrap();
        for (given, key) in [
            (json!({"job": "vectors"}), "job"),
            (json!({"limits": {"pool": 3}}), "limits"),
            (json!({"query": {"choices_only": true}}), "query.choices_only"),
            (json!({"word_vectors": {"source": "trained"}}), "word_vectors.source"),
            (json!({"word_vectors": {"source": "glove"}}), "word_vectors.glove"),
            (json!({"word_vectors": {"source": "word2vec", "word2vec": "no/such"}}), "word_vectors.word2vec"),
        ] {
            let error = check(&Config::read(&given).unwrap()).unwrap_err();
            assert_eq!(error.path, key, "{error}");
        }
        for given in [json!({}), json!({"word_vectors": {"source": "glove", "glove": file}})] {
            check(&Config::read(&given).unwrap()).unwrap();
        }
    }
}
