//! Folders of pre-trained models: what is read, what is refused and with which remedy, what is written.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use medner_core::init::Init;
use medner_core::params::Params;
use medner_core::pretrained::{self, PretrainedFolder};
use medner_core::tensors::{self, NamedTensors};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tch::{Device, Kind, Tensor};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Config {
    model_type: String,
    vocab_size: usize,
    hidden_size: i64,
}

fn config() -> Config {
    Config { model_type: "toy".into(), vocab_size: 3, hidden_size: 2 }
}

/// A model of two tensors below `encoder`, and one that belongs to somebody else.
fn model() -> Params {
    let params = Params::new(Device::Cpu);
    let scope = params.root() / "encoder";
    let _ = scope.parameter("table.weight", &[3, 2], Init::Zeros).unwrap();
    let _ = scope.parameter("norm.bias", &[2], Init::Zeros).unwrap();
    let _ = params.root().parameter("output", &[4], Init::Ones).unwrap();
    params
}

fn published() -> NamedTensors {
    let table = Tensor::from_slice(&[1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0]).view([3, 2]);
    let bias = Tensor::from_slice(&[0.5_f32, -0.25]);
    [("table.weight", table), ("norm.bias", bias)].map(|(k, v)| (k.to_owned(), v)).into()
}

fn write(folder: &Path, weights: &NamedTensors) {
    let files = BTreeMap::from([("vocab.txt".to_owned(), "[PAD]\n血\n压\n".as_bytes().to_vec())]);
    pretrained::save(folder, &config(), &files, weights).unwrap();
}

fn values(params: &Params, name: &str) -> Vec<f32> {
    Vec::try_from(params.get(name).unwrap().flatten(0, -1)).unwrap()
}

fn message<T>(result: medner_core::Result<T>) -> String {
    result.err().expect("must be refused").to_string()
}

fn contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

#[test]
fn what_is_saved_is_read_back_and_nothing_else_is_touched() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &published());
    let open = PretrainedFolder::open(folder.path(), "toy").unwrap();
    assert_eq!(open.config::<Config>().unwrap(), config());
    assert_eq!(open.vocabulary().unwrap(), ["[PAD]", "血", "压"]);
    let params = model();
    open.weights().unwrap().load(&params, "encoder").unwrap();
    assert_eq!(values(&params, "encoder.table.weight"), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(values(&params, "encoder.norm.bias"), [0.5, -0.25]);
    assert_eq!(values(&params, "output"), [1.0; 4]);
    assert!(params.get("encoder.norm.bias").unwrap().requires_grad());
    // transformers takes a file for its own only when its header says so.
    let bytes = fs::read(folder.path().join("model.safetensors")).unwrap();
    contains(&String::from_utf8_lossy(&bytes[..200]), &[r#""__metadata__":{"format":"pt"}"#]);
}

#[test]
fn names_with_a_prefix_and_parts_without_use() {
    let folder = tempfile::tempdir().unwrap();
    let mut weights: NamedTensors = published().into_iter().map(|(k, v)| (format!("toy.{k}"), v)).collect();
    weights.insert("head.weight".into(), Tensor::from_slice(&[1.0_f32]));
    weights.insert("decoder".into(), weights["toy.table.weight"].copy());
    write(folder.path(), &weights);
    let read = || PretrainedFolder::open(folder.path(), "toy").unwrap().weights().unwrap();
    let mut weights = read();
    weights.strip_prefix("toy.").unwrap();
    weights.untie("decoder", "table.weight").unwrap();
    let aside = weights.set_aside(|name| name.starts_with("head."));
    assert_eq!(aside.keys().collect::<Vec<_>>(), ["head.weight"]);
    let params = model();
    weights.load(&params, "encoder").unwrap();
    assert_eq!(values(&params, "encoder.norm.bias"), [0.5, -0.25]);

    let mut weights = read();
    weights.strip_prefix("toy.").unwrap();
    contains(&message(weights.untie("decoder", "norm.bias")), &["decoder", "norm.bias", "untied"]);
}

#[test]
fn other_number_types_become_f32() {
    let folder = tempfile::tempdir().unwrap();
    for kind in [Kind::Half, Kind::BFloat16, Kind::Double] {
        let weights = published().into_iter().map(|(k, v)| (k, v.to_kind(kind))).collect();
        write(folder.path(), &weights);
        let params = model();
        let open = PretrainedFolder::open(folder.path(), "toy").unwrap();
        open.weights().unwrap().load(&params, "encoder").unwrap();
        assert_eq!(values(&params, "encoder.norm.bias"), [0.5, -0.25]);
        assert_eq!(params.get("encoder.norm.bias").unwrap().kind(), Kind::Float);
    }
}

#[test]
fn weights_that_do_not_fit_are_listed_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut weights = published();
    let table = weights.remove("table.weight").unwrap();
    weights.insert("table.kernel".into(), table);
    weights.insert("norm.bias".into(), Tensor::from_slice(&[9.0_f32; 3]));
    write(folder.path(), &weights);
    let params = model();
    let open = PretrainedFolder::open(folder.path(), "toy").unwrap();
    contains(
        &message(open.weights().unwrap().load(&params, "encoder")),
        &[
            "model.safetensors",
            "missing: table.weight",
            "unexpected: table.kernel",
            "norm.bias (expected [2], found [3] Float)",
        ],
    );
    assert_eq!(values(&params, "encoder.norm.bias"), [0.0, 0.0]);

    let mut weights = published();
    let _ = weights["norm.bias"].get(1).fill_(f64::NAN);
    weights.insert("table.weight".into(), weights["table.weight"].copy());
    write(folder.path(), &weights);
    let open = PretrainedFolder::open(folder.path(), "toy").unwrap();
    contains(&message(open.weights().unwrap().load(&params, "encoder")), &["NaN", "norm.bias", "damaged"]);
    assert_eq!(values(&params, "encoder.table.weight"), [0.0; 6]);
}

#[test]
fn damaged_files_are_named_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &published());
    let file = folder.path().join("model.safetensors");
    let whole = fs::read(&file).unwrap();
    let open = PretrainedFolder::open(folder.path(), "toy").unwrap();
    for cut in [0, 5, 60, whole.len() - 1] {
        fs::write(&file, &whole[..cut]).unwrap();
        contains(&message(open.weights()), &["model.safetensors", "copy or download it again"]);
    }
    // An error page of a server, or a pointer of a large-file store.
    fs::write(&file, "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n").unwrap();
    contains(&message(open.weights()), &["not a readable safetensors file"]);
}

#[test]
fn pickles_are_refused_with_the_command_that_converts_them() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("albert_base");
    write(&folder, &published());
    fs::remove_file(folder.join("model.safetensors")).unwrap();
    let open = PretrainedFolder::open(&folder, "toy").unwrap();
    contains(&message(open.weights()), &["has no model.safetensors", "download"]);
    fs::write(folder.join("pytorch_model.bin"), b"pickle").unwrap();
    contains(
        &message(open.weights()),
        &["pytorch_model.bin", "python -c", "from_pretrained('albert_base')", "safe_serialization=True"],
    );
    fs::remove_file(folder.join("pytorch_model.bin")).unwrap();
    fs::write(folder.join("tf_model.h5"), b"x").unwrap();
    contains(&message(open.weights()), &["tf_model.h5", "from_tf=True"]);
}

#[test]
fn parts_are_put_together() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &NamedTensors::new());
    fs::remove_file(folder.path().join("model.safetensors")).unwrap();
    let map: BTreeMap<String, String> =
        published().keys().enumerate().map(|(i, k)| (k.clone(), format!("part-{i}.safetensors"))).collect();
    for (name, file) in &map {
        let tensor = published().remove(name).unwrap();
        tensors::write(&folder.path().join(file), &[(name.clone(), tensor)].into()).unwrap();
    }
    let index = folder.path().join("model.safetensors.index.json");
    fs::write(&index, json!({ "weight_map": map }).to_string()).unwrap();
    let open = PretrainedFolder::open(folder.path(), "toy").unwrap();
    let params = model();
    open.weights().unwrap().load(&params, "encoder").unwrap();
    assert_eq!(values(&params, "encoder.norm.bias"), [0.5, -0.25]);

    fs::remove_file(folder.path().join("part-1.safetensors")).unwrap();
    contains(&message(open.weights()), &["part-1.safetensors", "download"]);
    fs::write(&index, json!({"weight_map": {"a": "../secret.safetensors"}}).to_string()).unwrap();
    contains(&message(open.weights()), &["../secret.safetensors", "no file of this folder"]);
}

#[test]
fn folders_that_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    contains(&message(PretrainedFolder::open(&path.join("nowhere"), "toy")), &["nowhere", "does not exist"]);
    contains(&message(PretrainedFolder::open(path, "toy")), &["has no config.json"]);
    write(path, &published());
    contains(&message(PretrainedFolder::open(&path.join("vocab.txt"), "toy")), &["is a file"]);
    contains(&message(PretrainedFolder::open(path, "xlnet")), &["`toy` model", "`xlnet` model is wanted"]);
    fs::write(path.join("config.json"), "{\"hidden_size\": 2}").unwrap();
    contains(&message(PretrainedFolder::open(path, "toy")), &["model_type"]);
    fs::write(path.join("config.json"), "{\"model_type\": \"toy\",").unwrap();
    contains(&message(PretrainedFolder::open(path, "toy")), &["config.json", "not readable JSON"]);
    fs::write(path.join("config.json"), "{\"model_type\": \"toy\", \"vocab_size\": 3}").unwrap();
    let open = PretrainedFolder::open(path, "toy").unwrap();
    contains(&message(open.config::<Config>()), &["config.json", "hidden_size"]);
}

#[test]
fn vocabularies_of_another_model_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &published());
    let open = PretrainedFolder::open(folder.path(), "toy").unwrap();
    let file = folder.path().join("vocab.txt");
    fs::write(&file, "[PAD]\r\n血\r\n压\r\n").unwrap();
    assert_eq!(open.vocabulary().unwrap(), ["[PAD]", "血", "压"]);
    fs::write(&file, "[PAD]\n血\n压\n高\n").unwrap();
    contains(&message(open.vocabulary()), &["vocab.txt", "has 4 entries", "vocab_size", "is 3"]);
    fs::write(&file, "[PAD]\n血\n血\n").unwrap();
    contains(&message(open.vocabulary()), &["`血`", "line 2", "line 3"]);
    fs::write(&file, b"[PAD]\n\xd1\xd1\n\n").unwrap();
    contains(&message(open.vocabulary()), &["line 2", "UTF-8"]);
    fs::remove_file(&file).unwrap();
    contains(&message(open.vocabulary()), &["has no vocab.txt"]);
}
