//! What `mtl-ls pretrain` is told beside its text: a file, `--set` over it, and what is refused of them.

use std::path::Path;

use medner_experiment::yaml::Node;
use medner_experiment::{ConfigError, Result, Value, config, given_config};

use super::config::PretrainingConfig;
use crate::config::Config;

/// The key under which `mtl-ls config` prints these keys. A file may have it round them or not.
const WRAPPER: &str = "pretraining";

/// The keys that most pre-trainings set, for the help.
const MAIN_KEYS: [(&[&str], &str); 6] = [
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

/// The end of `mtl-ls pretrain --help`.
pub fn help() -> String {
    let keys = MAIN_KEYS.iter().map(|(keys, what)| format!("  {}\n      {what}", keys.join(", ")));
    let keys = keys.collect::<Vec<_>>().join("\n");
    format!(
        "Examples:\n  \
         mtl-ls pretrain --text notes.txt --out encoder --set training.epochs=5\n  \
         mtl-ls pretrain --text notes.txt --config my.yaml --out encoder --resume\n\n\
         The main keys of the configuration:\n{keys}\n\n\
         `mtl-ls config` prints all of them under `{WRAPPER}:`, which a file may have or leave out."
    )
}

/// The configuration that a file and `--set` make.
///
/// # Errors
/// What is not YAML, unknown or of the wrong type, at the place where it was written; keys that this pre-training would pass over.
pub fn read(file: Option<&Path>, sets: &[Node]) -> Result<PretrainingConfig> {
    let mut node = unwrapped(given_config(file, &[])?)?;
    for set in sets {
        node.merge(&unwrapped(set.clone())?);
    }
    let given = node.to_value();
    let read = config::from_value(&given).and_then(|config| passed_over(&config, &given).map(|()| config));
    read.map_err(|error| node.locate(&error))
}

/// What stands under [`WRAPPER`], or all where there is no such key.
fn unwrapped(node: Node) -> Result<Node> {
    let Some(inner) = node.get(WRAPPER) else { return Ok(node) };
    beside_wrapper(&node.to_value()).map_err(|error| node.locate(&error))?;
    Ok(inner.clone())
}

/// Refuses what stands beside [`WRAPPER`] and is not at its default: those keys are for taggers.
fn beside_wrapper(given: &Value) -> Result<(), ConfigError> {
    let changed = config::changed::<Config>(given)?;
    let beside = changed.as_object().and_then(|keys| keys.keys().find(|key| *key != WRAPPER));
    beside.map_or(Ok(()), |key| {
        Err(ConfigError::at(
            key,
            format!("is for taggers; `pretrain` reads what stands under `{WRAPPER}` alone: leave it out"),
        ))
    })
}

/// Refuses sizes and a vocabulary beside `start`, which has its own.
fn passed_over(config: &PretrainingConfig, given: &Value) -> Result<(), ConfigError> {
    if config.start.is_none() {
        return Ok(());
    }
    let changed = config::changed::<PretrainingConfig>(given)?;
    match ["encoder", "vocabulary"].into_iter().find(|key| changed.get(key).is_some()) {
        Some(key) => Err(ConfigError::at(
            key,
            "is for an encoder that starts from random values; the one that `start` names has its own: leave one of the two out",
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of_file(content: &str, sets: &[Node]) -> Result<PretrainingConfig> {
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
        let plain = of_file("encoder: {layers: 2}\ntraining: {epochs: 7}\n", &[]).unwrap();
        assert_eq!((plain.encoder.layers, plain.training.epochs), (2, 7));
        let wrapped =
            of_file("pretraining:\n  encoder: {layers: 2}\n  training: {epochs: 7}\n", &[]).unwrap();
        assert_eq!(wrapped, plain);
        // All that `mtl-ls config` prints, with one key edited.
        let mut all = config::canonical::<Config>(&Value::Null).unwrap();
        all["pretraining"]["encoder"]["layers"] = 2.into();
        all["pretraining"]["training"]["epochs"] = 7.into();
        assert_eq!(of_file(&serde_json::to_string(&all).unwrap(), &[]).unwrap(), plain);
        assert_eq!(read(None, &[]).unwrap(), PretrainingConfig::default());
    }

    #[test]
    fn sets_stand_over_the_file_with_the_key_and_without() {
        let sets = [
            set(&serde_json::json!({"training": {"epochs": 9}})),
            set(&serde_json::json!({"pretraining": {"encoder": {"layers": 3}}})),
        ];
        for file in
            ["training: {epochs: 7, warmup: 0.1}\n", "pretraining: {training: {epochs: 7, warmup: 0.1}}\n"]
        {
            let config = of_file(file, &sets).unwrap();
            assert_eq!((config.training.epochs, config.encoder.layers, config.training.warmup), (9, 3, 0.1));
        }
    }

    #[test]
    fn what_would_be_passed_over_is_refused_at_its_place() {
        let message = |file: &str| of_file(file, &[]).unwrap_err().to_string();
        let found = message("pretraining: {training: {epochs: 7}}\ntraining: {batch_size: 8}\n");
        assert!(found.contains("my.yaml:2:1: `training`") && found.contains("for taggers"), "{found}");
        let found = message("pretraining:\n  training: {epoch: 7}\n");
        assert!(found.contains("my.yaml:2:14") && found.contains("`epochs`"), "{found}");
        for key in ["encoder: {layers: 2}", "vocabulary: {source: text}"] {
            let found = message(&format!("start: mine\n{key}\n"));
            assert!(found.contains("my.yaml:2:1") && found.contains("`start`"), "{found}");
        }
        // At their defaults, as the printed configuration has them, they ask for nothing.
        let config =
            of_file("start: mine\nencoder: {layers: 4}\nvocabulary: {source: xlnet}\n", &[]).unwrap();
        assert_eq!(config.start.as_deref(), Some(Path::new("mine")));
    }

    #[test]
    fn the_help_names_keys_that_there_are() {
        let default = config::canonical::<PretrainingConfig>(&Value::Null).unwrap();
        for key in MAIN_KEYS.iter().flat_map(|(keys, _)| *keys) {
            assert!(config::at_key(&default, key).is_some(), "{key}");
            assert!(help().contains(key));
        }
    }
}
