//! Keys that `train` on files of one's own would pass over: those of the cells of tables, and those that only a tagger with
//! `model.input: albert` reads. Cells of tables drop them without a word, so that `--encoder` can be
//! said of a whole table; who trains a tagger of their own and sets one means that encoder, and would get none.

use medner_experiment::{ConfigError, Value, config};

use crate::config::{Config, Input};

const OF_ALBERT: [&str; 3] = ["encoder", "model.encoder_dropout", "training.encoder_learning_rate"];

const INSTEAD: &str = "is read by a tagger with an encoder, and this one has none; add `model.input: albert` (`--set model.input=albert`), \
                       or leave it out";

const OF_CELLS: [(&str, &str); 2] = [
    (
        "data",
        "names the data set of a table's cell; `train` reads the files of `--train` and `--dev`: leave it out",
    ),
    ("statistics", "is for the table that counts entities: leave it out"),
];

/// The first key of `given` that training on files would pass over.
///
/// # Errors
/// That key, and what to do instead.
pub fn check_train(given: &Value) -> Result<(), ConfigError> {
    let changed = config::changed::<Config>(given)?;
    config::refuse(&changed, OF_CELLS)?;
    if config::from_value::<Config>(given)?.model.input == Input::Albert {
        return Ok(());
    }
    config::refuse(&changed, OF_ALBERT.map(|key| (key, INSTEAD)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn an_encoder_that_nothing_reads_is_refused() {
        for (given, key) in [
            (json!({"encoder": "mine"}), "encoder"),
            (json!({"model": {"encoder_dropout": 0.2}}), "model.encoder_dropout"),
            (json!({"training": {"encoder_learning_rate": 1e-4}}), "training.encoder_learning_rate"),
        ] {
            let error = check_train(&given).unwrap_err();
            assert_eq!(error.path, key);
            assert!(error.to_string().contains("model.input=albert"), "{error}");
            let mut with = given.clone();
            with["model"]["input"] = json!("albert");
            check_train(&with).unwrap();
        }
        assert_eq!(check_train(&json!({"data": "nonsense"})).unwrap_err().path, "data");
        check_train(&json!({"model": {"dropout": 0.2}})).unwrap();
        check_train(&Value::Null).unwrap();
    }
}
