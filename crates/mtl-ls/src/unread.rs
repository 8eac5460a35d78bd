//! The keys that `train` on files of one's own does not read, because they are for the cells of tables. They are refused where
//! they are not at their defaults, so that nobody waits for what they were to do.

use medner_experiment::{ConfigError, Value, config};

use crate::config::Config;

/// Keys, and what to do instead.
const UNREAD: [(&str, &str); 4] = [
    (
        "training.last",
        "checkpoints are averaged in the cells of tables; `train` keeps the epoch that is best on the development sentences: leave \
         it out",
    ),
    ("training.epochs.rounds", ROUNDS),
    ("training.epochs.per_round", ROUNDS),
    (
        "pretraining",
        "`train` learns from no text; `pretrain` reads these keys and makes an encoder, which `encoder` then names: leave them out",
    ),
];

const ROUNDS: &str = "rounds are for the cells of tables; `train` makes one training of `training.epochs.initial` epochs: set that, and \
                      leave this out";

/// The first key of `given` that training on files would pass over.
///
/// # Errors
/// That key, and what to do instead.
pub fn check_train(given: &Value) -> Result<(), ConfigError> {
    let canonical = config::canonical::<Config>(given)?;
    let mut changed = config::changed::<Config>(given)?;
    // Without rounds, as the profiles write it, it says what `train` does.
    if canonical["training"]["epochs"]["rounds"] == 0
        && let Some(training) = changed["training"].as_object_mut()
    {
        training.remove("epochs");
    }
    config::refuse(&changed, UNREAD)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use medner_experiment::Method;
    use serde_json::json;

    use super::*;
    use crate::MtlLs;

    #[test]
    fn keys_that_only_cells_read_are_refused_with_what_to_do_instead() {
        for (given, key, instead) in [
            (json!({"training": {"last": 3}}), "training.last", "development"),
            (json!({"training": {"epochs": {"rounds": 1}}}), "training.epochs.rounds", "epochs.initial"),
            (
                json!({"training": {"epochs": {"per_round": 3}}}),
                "training.epochs.per_round",
                "epochs.initial",
            ),
            (json!({"pretraining": {"training": {"epochs": 1}}}), "pretraining", "`pretrain`"),
        ] {
            let error = MtlLs.check_train(&given).unwrap_err();
            assert_eq!(error.path, key);
            assert!(error.to_string().contains(instead), "{error}");
        }
    }

    #[test]
    fn what_train_reads_and_what_stands_at_its_default_passes() {
        // The whole of `mtl-ls config`, saved and edited, is a file of both.
        let all = MtlLs.check_config(&Value::Null).unwrap();
        let read = json!({"encoder": "e", "scheme": "bioes", "training": {"epochs": {"initial": 5, "rounds": 0, "per_round": 0}}});
        for given in [Value::Null, all, read] {
            MtlLs.check_train(&given).unwrap();
        }
    }

    #[test]
    fn the_example_of_the_help_can_be_typed() {
        let mut given = json!({});
        for set in MtlLs.train_example() {
            let (key, value) = set.split_once('=').unwrap();
            let value = serde_json::from_str(value).unwrap_or_else(|_| json!(value));
            let (last, parents) =
                key.split('.').collect::<Vec<_>>().split_last().map(|(l, p)| (*l, p.to_vec())).unwrap();
            let place = parents.iter().fold(&mut given, |at, part| &mut at[*part]);
            place[last] = value;
        }
        assert_eq!(given, json!({"encoder": "DIR", "training": {"epochs": {"initial": 5}}}));
        MtlLs.check_config(&given).unwrap();
        MtlLs.check_train(&given).unwrap();
    }
}
