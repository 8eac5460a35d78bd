//! What the verb `pretrain` is told beside its text: a file, `--set` over it, and what is refused of them.

use std::path::Path;

use medner_experiment::yaml::Node;
use medner_experiment::{ConfigError, Result, Value, config, given_config};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The key under which a program's `config` prints these keys. A file may have it round them or not.
const WRAPPER: &str = "pretraining";

/// The configuration of a method's pre-training.
pub trait Settings: Default + Serialize + DeserializeOwned {
    /// The method's whole configuration, where this stands under `pretraining`.
    type Whole: Default + Serialize + DeserializeOwned;

    /// The keys that most pre-trainings set and what they are, for the help.
    const MAIN_KEYS: &'static [(&'static [&'static str], &'static str)];

    /// Dotted keys of what an encoder that a pre-training goes on from has of its own.
    const OF_START: &'static [&'static str];

    /// The encoder to go on from.
    fn start(&self) -> Option<&Path>;
}

/// The end of `pretrain --help` of the program of that name.
pub fn help<P: Settings>(program: &str) -> String {
    let keys = P::MAIN_KEYS.iter().map(|(keys, what)| format!("  {}\n      {what}", keys.join(", ")));
    let keys = keys.collect::<Vec<_>>().join("\n");
    format!(
        "Examples:\n  \
         {program} pretrain --text notes.txt --out encoder --set training.epochs=5\n  \
         {program} pretrain --text notes.txt --config my.yaml --out encoder --resume\n\n\
         The main keys of the configuration:\n{keys}\n\n\
         `{program} config` prints all of them under `{WRAPPER}:`, which a file may have or leave out."
    )
}

/// The configuration that a file and `--set` make.
///
/// # Errors
/// What is not YAML, unknown or of the wrong type, at the place where it was written; keys that this pre-training would pass over.
pub fn read<P: Settings>(file: Option<&Path>, sets: &[Node]) -> Result<P> {
    let mut node = unwrapped::<P::Whole>(given_config(file, &[])?)?;
    for set in sets {
        node.merge(&unwrapped::<P::Whole>(set.clone())?);
    }
    let given = node.to_value();
    let read = config::from_value(&given).and_then(|config| passed_over(&config, &given).map(|()| config));
    read.map_err(|error| node.locate(&error))
}

/// What stands under [`WRAPPER`], or all where there is no such key.
fn unwrapped<W: Default + Serialize + DeserializeOwned>(node: Node) -> Result<Node> {
    let Some(inner) = node.get(WRAPPER) else { return Ok(node) };
    beside_wrapper::<W>(&node.to_value()).map_err(|error| node.locate(&error))?;
    Ok(inner.clone())
}

/// Refuses what stands beside [`WRAPPER`] and is not at its default: those keys are for taggers.
fn beside_wrapper<W: Default + Serialize + DeserializeOwned>(given: &Value) -> Result<(), ConfigError> {
    let changed = config::changed::<W>(given)?;
    let beside = changed.as_object().and_then(|keys| keys.keys().find(|key| *key != WRAPPER));
    beside.map_or(Ok(()), |key| {
        Err(ConfigError::at(
            key,
            format!("is for taggers; `pretrain` reads what stands under `{WRAPPER}` alone: leave it out"),
        ))
    })
}

/// Refuses beside `start` what that encoder has of its own.
fn passed_over<P: Settings>(config: &P, given: &Value) -> Result<(), ConfigError> {
    if config.start().is_none() {
        return Ok(());
    }
    let said = "is for an encoder that starts from random values; the one that `start` names has its own: leave one of the two out";
    config::refuse(&config::changed::<P>(given)?, P::OF_START.iter().map(|key| (*key, said)))
}

/// The keys that [`Settings::MAIN_KEYS`] and [`Settings::OF_START`] name and the configuration does not have; a method's test asserts
/// that there are none.
///
/// # Errors
/// A default that cannot be written.
pub fn unknown_keys<P: Settings>() -> Result<Vec<&'static str>, ConfigError> {
    let default = config::canonical::<P>(&Value::Null)?;
    let named = P::MAIN_KEYS.iter().flat_map(|(keys, _)| *keys).chain(P::OF_START);
    Ok(named.copied().filter(|key| config::at_key(&default, key).is_none()).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::PathBuf;

    use serde::Deserialize;

    use super::*;

    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Whole {
        batch_size: u32,
        pretraining: Small,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Small {
        start: Option<PathBuf>,
        width: u32,
        epochs: u32,
        warmup: f64,
        vocabulary: Vocabulary,
    }

    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Vocabulary {
        trim: bool,
        mode: u32,
    }

    impl Default for Small {
        fn default() -> Self {
            Self { start: None, width: 4, epochs: 1, warmup: 0.0, vocabulary: Vocabulary::default() }
        }
    }

    impl Settings for Small {
        type Whole = Whole;

        const MAIN_KEYS: &'static [(&'static [&'static str], &'static str)] =
            &[(&["epochs", "warmup"], "how long")];

        const OF_START: &'static [&'static str] = &["width", "vocabulary.trim", "vocabulary.size"];

        fn start(&self) -> Option<&Path> {
            self.start.as_deref()
        }
    }

    fn of_file(content: &str, sets: &[Node]) -> Result<Small> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("my.yaml");
        std::fs::write(&path, content).unwrap();
        read(Some(&path), sets)
    }

    fn set(value: &Value) -> Node {
        Node::from_flag(value, "--set")
    }

    #[test]
    fn the_printed_configuration_is_read_with_its_key_and_without() {
        let plain = of_file("width: 2\nepochs: 7\n", &[]).unwrap();
        assert_eq!(plain, Small { width: 2, epochs: 7, ..Small::default() });
        assert_eq!(of_file("pretraining:\n  width: 2\n  epochs: 7\n", &[]).unwrap(), plain);
        // All that the program's `config` prints, with two keys edited.
        let mut all = config::canonical::<Whole>(&Value::Null).unwrap();
        all["pretraining"]["width"] = 2.into();
        all["pretraining"]["epochs"] = 7.into();
        assert_eq!(of_file(&serde_json::to_string(&all).unwrap(), &[]).unwrap(), plain);
        assert_eq!(read::<Small>(None, &[]).unwrap(), Small::default());
    }

    #[test]
    fn sets_stand_over_the_file_with_the_key_and_without() {
        let sets =
            [set(&serde_json::json!({"epochs": 9})), set(&serde_json::json!({"pretraining": {"width": 3}}))];
        for file in ["{epochs: 7, warmup: 0.1}\n", "pretraining: {epochs: 7, warmup: 0.1}\n"] {
            let config = of_file(file, &sets).unwrap();
            assert_eq!((config.epochs, config.width, config.warmup), (9, 3, 0.1));
        }
    }

    #[test]
    fn what_would_be_passed_over_is_refused_at_its_place() {
        let message = |file: &str| of_file(file, &[]).unwrap_err().to_string();
        let found = message("pretraining: {epochs: 7}\nbatch_size: 8\n");
        assert!(found.contains("my.yaml:2:1: `batch_size`") && found.contains("for taggers"), "{found}");
        let found = message("pretraining:\n  epoch: 7\n");
        assert!(found.contains("my.yaml:2:3") && found.contains("`epochs`"), "{found}");
        for key in ["width: 2", "vocabulary: {trim: true}"] {
            let found = message(&format!("start: mine\n{key}\n"));
            assert!(found.contains("my.yaml:2:") && found.contains("`start`"), "{found}");
        }
        // At their defaults, as the printed configuration has them, they ask for nothing; nor does what the start leaves open.
        let config = of_file("start: mine\nwidth: 4\nvocabulary: {mode: 2}\n", &[]).unwrap();
        assert_eq!(config.start.as_deref(), Some(Path::new("mine")));
    }

    #[test]
    fn a_key_that_is_not_there_is_found() {
        assert_eq!(unknown_keys::<Small>().unwrap(), ["vocabulary.size"]);
    }

    #[test]
    fn the_help_shows_the_main_keys() {
        let help = help::<Small>("medner-small");
        assert!(help.contains("medner-small pretrain") && help.contains("epochs, warmup\n      how long"));
    }
}
