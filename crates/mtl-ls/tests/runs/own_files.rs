//! What a tagger says of files of one's own, and the words that go with it; where corpora are looked for.

use std::fs;
use std::path::Path;

use medner_core::tensors;
use medner_data::formats::conll::{ConllOptions, read_conll};
use medner_data::formats::jsonl::{read_jsonl, write_jsonl};
use medner_data::{Document, Entity, Sentence};
use serde_json::Value;

use super::program::{done, program, said, write};

/// A file's path in the test's folder.
type InFolder<'a> = &'a dyn Fn(&str) -> String;

/// Columns that are labelled anew have the tokens of their own file, so that `medner score` takes the two for gold and prediction.
pub(crate) fn columns_come_back(path: InFolder<'_>, model: &str) {
    let predicted = path("predicted.tsv");
    // Tokens that the cutting of text would part, and a sentence that it would end early.
    let odd = path("odd.tsv");
    fs::write(&odd, "BRCA-1\tO\nvs.\tO\nThe\tO\ncancer\tO\n\nG.\tO\nA\tO\n").unwrap();
    for file in [path("test.tsv"), odd] {
        let predict = ["predict", "--quiet", "--model", model, "--input", &file, "--format", "conll"];
        done(&program(&[&predict[..], &["--output", &predicted]].concat()).output().unwrap());
        let tokens = |file: &str| -> Vec<Vec<String>> {
            let read = read_conll(Path::new(file), &ConllOptions::default()).unwrap();
            read.items.into_iter().map(|sentence| sentence.tokens).collect()
        };
        assert_eq!(tokens(&file), tokens(&predicted), "{file}");
    }
}

/// The model's scores on a file, and what was said beside them.
fn evaluated(model: &str, test: &str) -> (Value, String) {
    let output = program(&["evaluate", "--json", "--model", model, "--test", test]).output().unwrap();
    done(&output);
    (serde_json::from_slice(&output.stdout).unwrap(), said(&output))
}

/// A mention of white space is warned of, and lowers recall. `found` is what the model itself has found, so that it misses nothing
/// else.
pub(crate) fn mentions_without_a_place_count_as_missed(path: InFolder<'_>, model: &str, found: &str) {
    let mut documents = read_jsonl(Path::new(found)).unwrap().items;
    documents.retain(|document| !document.entities.is_empty());
    let write = |documents: &[Document], name: &str| {
        let file = path(name);
        write_jsonl(documents, &mut fs::File::create(&file).unwrap(), Path::new(&file)).unwrap();
        file
    };
    let (whole, silent) = evaluated(model, &write(&documents, "whole.jsonl"));
    for document in &mut documents {
        let space = document.text.chars().position(|c| c == ' ').unwrap();
        let label = document.entities[0].label.clone();
        document.entities.push(Entity { start: space, end: space + 1, label, concepts: Vec::new() });
        document.entities.sort();
    }
    let (less, warned) = evaluated(model, &write(&documents, "blank.jsonl"));
    let count = documents.len();
    assert!(warned.contains(&format!("{count} mentions of white space only, left out (first: ")), "{warned}");
    assert!(warned.contains("blank.jsonl") && warned.contains("count as missed"), "{warned}");
    assert!(!silent.contains("left out"), "{silent}");
    let gold: usize = documents.iter().map(|d| d.entities.len()).sum();
    let recall = (gold - count) as f64 / gold as f64;
    for task in ["ner", &documents[0].entities[0].label] {
        assert_eq!((&whole[task]["precision"], &whole[task]["recall"]), (&1.0.into(), &1.0.into()), "{task}");
        assert_eq!(less[task]["precision"], 1.0, "{task}");
        assert!((less[task]["recall"].as_f64().unwrap() - recall).abs() < 1e-9, "{less} {recall}");
    }
}

/// Nothing to choose an epoch by is no reason to say nothing at the end.
pub(crate) fn without_development_sentences_the_last_epoch_stays(
    path: InFolder<'_>,
    encoder: &str,
    sentences: &[Sentence],
) {
    let (train, out) = (path("few.tsv"), path("last"));
    write(sentences, train.as_ref());
    let arguments = ["train", "--threads", "1", "--train", &train, "--out", &out, "--set", encoder];
    let sets = ["--set", "training.development=0", "--set", "training.epochs.initial=1"];
    let output = program(&[&arguments[..], &sets].concat()).output().unwrap();
    done(&output);
    let said = said(&output);
    assert!(
        said.contains("last epoch") && said.contains("nothing was held out") && said.contains(&out),
        "{said}"
    );
    // Sentences without an entity choose no epoch: those held out are learned from, a file of them is refused.
    let (with, without): (Vec<Sentence>, Vec<Sentence>) =
        sentences.iter().cloned().partition(|sentence| !sentence.spans.is_empty());
    let without = &without[..2];
    let (ordered, dev, out) = (path("ordered.tsv"), path("without.tsv"), path("without"));
    write(&[&with[..2], without].concat(), ordered.as_ref());
    write(without, dev.as_ref());
    let arguments = ["train", "--threads", "1", "--train", &ordered, "--out", &out, "--set", encoder];
    let sets = ["--set", "training.development=0.5", "--set", "training.epochs.initial=1"];
    let refused = super::program::refused(&[&arguments[..], &sets, &["--dev", &dev]].concat());
    assert!(refused.contains("without.tsv") && refused.contains("holds no entities"), "{refused}");
    let output = program(&[&arguments[..], &sets].concat()).output().unwrap();
    done(&output);
    let said = super::program::said(&output);
    assert!(said.contains("the last 2 sentences") && said.contains("nothing was held out"), "{said}");
}

/// An encoder is somebody's download: a training does not write over it, whatever it starts from.
pub(crate) fn a_model_that_lies_there_is_not_written_over(path: InFolder<'_>, encoder: &str) {
    let folder = encoder.strip_prefix("encoder=").unwrap();
    let weights = Path::new(folder).join("model.safetensors");
    let before = fs::read(&weights).unwrap();
    let few = path("few.tsv");
    let message = super::program::refused(&["train", "--train", &few, "--out", folder, "--set", encoder]);
    assert!(message.contains("holds a model already") && message.contains("--out"), "{message}");
    assert!(fs::read(&weights).unwrap() == before);
}

/// Layer-sliced learning on files of one's own: the lower layers are those of the model that was trained on all of them.
pub(crate) fn a_slice_starts_from_the_model_of_all_data(path: InFolder<'_>, encoder: &str, model: &str) {
    let (train, out) = (path("few.tsv"), path("slice"));
    let pool = format!("pool={model}");
    let run = |sets: &[&str]| {
        let start =
            ["train", "--quiet", "--threads", "1", "--train", &train, "--out", &out, "--set", encoder];
        // So slowly that nothing moves.
        let slow = ["training.epochs.initial=1", "training.learning_rate=1e-12", "training.development=0"];
        let sets: Vec<&str> = slow.iter().chain(sets).flat_map(|&set| ["--set", set]).collect();
        program(&[&start[..], &sets].concat()).output().unwrap()
    };
    let refused = |sets: &[&str]| {
        let output = run(sets);
        assert!(!output.status.success(), "{sets:?}");
        said(&output)
    };
    assert!(refused(&["slicing_rate=0.5"]).contains("--set pool=DIR"));
    assert!(refused(&[&pool]).contains("`slicing_rate` which share"));
    // Before the pool is opened.
    let message = refused(&["slicing_rate=0.3", "pool=nowhere"]);
    assert!(message.contains("no whole number of layers") && !message.contains("nowhere"), "{message}");
    let message = refused(&["slicing_rate=1.0", &encoder.replace("encoder=", "pool=")]);
    assert!(message.contains("mtl-ls train --out"), "{message}");
    // A model of another encoder: its layers mean other things, though they fit.
    let other = path("of_another");
    fs::create_dir(&other).unwrap();
    for entry in fs::read_dir(model).unwrap().map(Result::unwrap).filter(|e| e.path().is_file()) {
        fs::copy(entry.path(), Path::new(&other).join(entry.file_name())).unwrap();
    }
    fs::write(Path::new(&other).join("origin.json"), r#"{"model.safetensors": "0123"}"#).unwrap();
    let message = refused(&["slicing_rate=1.0", &format!("pool={other}")]);
    assert!(message.contains("was trained from another encoder"), "{message}");
    done(&run(&["slicing_rate=1.0", &pool]));
    let read = |folder: &str, file: &str| tensors::read(&Path::new(folder).join(file)).unwrap();
    let (slice, pool) = (read(&out, "model.safetensors"), read(model, "model.safetensors"));
    let mut shared = 0;
    for (name, tensor) in pool.iter().filter(|(name, _)| name.starts_with("encoder.")) {
        let difference = (tensor - &slice[name]).abs().max().double_value(&[]);
        assert!(difference < 1e-6, "{name}: {difference}");
        shared += 1;
    }
    assert!(shared > 20, "{shared}");
    // The output layer is drawn anew.
    assert!(
        pool.iter().any(|(name, tensor)| !name.starts_with("encoder.")
            && !tensor.allclose(&slice[name], 1e-3, 1e-3, false))
    );
}

/// The corpora of `pretrain --data` are those of `--root`; without it, outside a repository, the ways to name one are said.
#[test]
fn corpora_are_looked_for_in_the_repository_that_is_named() {
    let place = tempfile::tempdir().unwrap();
    let (repository, elsewhere) = (place.path().join("repository"), place.path().join("elsewhere"));
    fs::create_dir_all(repository.join("datasets")).unwrap();
    fs::create_dir(&elsewhere).unwrap();
    fs::write(repository.join("datasets/manifest.yaml"), "version: 1\ndatasets: {}\n").unwrap();
    let run = |root: &[&str]| {
        let mut command = program(&[root, &["pretrain", "--data", "NCBI-disease", "--out", "e"]].concat());
        for name in ["MEDNER_HOME", "MEDNER_ROOT", "MEDNER_MIRROR"] {
            command.env_remove(name);
        }
        let output = command.current_dir(&elsewhere).output().unwrap();
        (output.status.code(), said(&output))
    };
    let (code, message) = run(&[]);
    assert_eq!(code, Some(1), "{message}");
    for way in ["no datasets/manifest.yaml", "MEDNER_HOME", "MEDNER_ROOT", "--root DIR"] {
        assert!(message.contains(way), "{message}");
    }
    // Found: what it lacks is said.
    let (code, message) = run(&["--root", "../repository"]);
    assert_eq!(code, Some(1), "{message}");
    assert!(message.contains("no data set is called") && !message.contains("manifest.yaml in"), "{message}");
    let (code, message) = run(&["--root", "../nowhere"]);
    assert_eq!(code, Some(2), "{message}");
    assert!(message.contains("there is no file or folder ../nowhere"), "{message}");
}

#[test]
fn the_help_of_train_and_pretrain_shows_what_can_be_typed() {
    let help = |verb: &str| {
        let output = program(&[verb, "--help"]).output().unwrap();
        done(&output);
        String::from_utf8(output.stdout).unwrap()
    };
    let train = help("train");
    assert!(train.contains("model \\\n      --set encoder=DIR --set training.epochs.initial=5\n"), "{train}");
    assert!(!train.contains("--set epochs"), "{train}");
    let pretrain = help("pretrain");
    assert!(pretrain.contains("--set <KEY=VALUE>") && pretrain.contains("encoder.layers"), "{pretrain}");
}
