//! Folders that are no encoders, or are not whole.

use std::fs;
use std::path::Path;

use medner_experiment::Lock;

use super::desk::{Desk, tiny};
use super::{encoder, tagger};

/// The encoder's folder with one change.
fn changed(desk: &Desk, change: impl FnOnce(&Path)) {
    let folder = desk.path("weights");
    fs::create_dir(&folder).unwrap();
    for name in ["config.json", "vocab.txt", "tokenizer_config.json", "model.safetensors"] {
        fs::copy(encoder().join(name), folder.join(name)).unwrap();
    }
    change(&folder);
}

fn refused(desk: &Desk, parts: &[&str]) {
    let more = ["--train", "good.jsonl", "--set", "model.input=albert", "--set", "encoder=weights"];
    desk.train_refused(1, &more, parts);
}

fn replace(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{} has no {from}", path.display());
    fs::write(path, text.replace(from, to)).unwrap();
}

#[test]
fn no_encoder_at_all() {
    let desk = Desk::new();
    let more = ["--train", "good.jsonl", "--set", "model.input=albert"];
    desk.train_refused(1, &more, &["wants an encoder", "encoder=DIR", "pretrain --text"]);
    refused(&desk, &["weights", "does not exist; give the folder that holds config.json"]);
    fs::create_dir(desk.path("weights")).unwrap();
    refused(&desk, &["weights", "has no config.json"]);
}

#[test]
fn an_encoder_that_is_not_whole() {
    let desk = Desk::new();
    changed(&desk, |folder| {
        let path = folder.join("model.safetensors");
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    });
    refused(&desk, &["weights/model.safetensors", "copy or download it again"]);
    fs::remove_file(desk.path("weights/model.safetensors")).unwrap();
    refused(&desk, &["weights", "has no model.safetensors"]);
    fs::write(desk.path("weights/pytorch_model.bin"), "x").unwrap();
    refused(&desk, &["pytorch_model.bin", "Convert it once"]);
}

#[test]
fn files_that_are_not_of_one_model() {
    let desk = Desk::new();
    changed(&desk, |folder| {
        let path = folder.join("vocab.txt");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text + "龘\n").unwrap();
    });
    refused(&desk, &["weights/vocab.txt", "entries, but `vocab_size` in config.json beside it is", "copy"]);

    let desk = Desk::new();
    changed(&desk, |folder| {
        replace(&folder.join("config.json"), "\"hidden_size\": 32", "\"hidden_size\": 64");
    });
    refused(&desk, &["does not fit the model that config.json describes", "of another shape"]);

    let desk = Desk::new();
    changed(&desk, |folder| replace(&folder.join("config.json"), "\"albert\"", "\"bert\""));
    refused(&desk, &["is of a `bert` model", "`albert` model is wanted"]);

    let desk = Desk::new();
    changed(&desk, |folder| replace(&folder.join("vocab.txt"), "[MASK]", "[mask]"));
    refused(&desk, &["weights", "no entry `[MASK]`"]);

    let desk = Desk::new();
    changed(&desk, |folder| fs::write(folder.join("tokenizer_config.json"), "{").unwrap());
    refused(&desk, &["tokenizer_config.json", "not readable JSON"]);
}

#[test]
fn folders_of_the_other_kind() {
    let desk = Desk::new();
    let encoder = encoder().to_str().unwrap();
    desk.write("text.txt", "患者因胃癌入院。\n");
    let args = ["predict", "--model", encoder, "--input", "text.txt"];
    desk.refused(1, &args, &["is the folder of an encoder (`albert`)", "--set encoder=DIR"]);
    let set = format!("encoder={}", tagger().display());
    let args = ["--out", "model", "--train", "good.jsonl", "--set", "model.input=albert", "--set", &set];
    desk.refused(1, &tiny(&args), &["was written by `train`", "published `albert` model"]);
}

#[test]
fn a_tagger_with_another_vocabulary() {
    let desk = Desk::new();
    fs::create_dir(desk.path("model")).unwrap();
    for name in ["config.json", "labels.json", "encoder.json", "vocab.txt", "model.safetensors"] {
        fs::copy(tagger().join(name), desk.path("model").join(name)).unwrap();
    }
    let path = desk.path("model/vocab.txt");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text + "龘\n").unwrap();
    desk.write("text.txt", "患者因胃癌入院。\n");
    let args = ["predict", "--model", "model", "--input", "text.txt"];
    desk.refused(1, &args, &["model/vocab.txt", "not of one training"]);
    fs::remove_file(desk.path("model/encoder.json")).unwrap();
    desk.refused(1, &args, &["model/encoder.json", "not whole"]);
}

#[test]
fn text_that_nothing_can_be_learned_from() {
    let desk = Desk::new();
    let pretrain =
        |more: &[&'static str]| [&["pretrain", "--threads", "1", "--out", "encoder"], more].concat();
    desk.refused(1, &pretrain(&[]), &["there is nothing to learn from", "--text FILE"]);
    desk.refused(2, &pretrain(&["--text", "nowhere.txt"]), &["there is no file or folder nowhere.txt"]);
    desk.write("gb.txt", b"\xb8\xdf\xd1\xaa\xd1\xb9\n");
    desk.refused(1, &pretrain(&["--text", "gb.txt"]), &["gb.txt:1:1: bytes that are not UTF-8", "iconv"]);
    desk.write("text.txt", "高血压。\n");
    desk.write("bad.yaml", "encoder: {layres: 2}\n");
    let args = pretrain(&["--text", "text.txt", "--config", "bad.yaml"]);
    desk.refused(1, &args, &["bad.yaml:1:", "layres", "did you mean `layers`"]);
    desk.write("bad.yaml", "encoder: {heads: 3}\n");
    desk.refused(1, &args, &["encoder.heads", "3 does not divide hidden_size 256"]);
    desk.refused(2, &pretrain(&["--text", "text.txt", "--threads", "x"]), &["--threads"]);
}

#[test]
fn two_trainings_do_not_write_to_one_folder() {
    let desk = Desk::new();
    desk.write("text.txt", "高血压。\n\n糖尿病。\n");
    fs::create_dir(desk.path("encoder")).unwrap();
    let _held = Lock::take(&desk.path("encoder/lock")).unwrap();
    desk.refused(1, &["pretrain", "--text", "text.txt", "--out", "encoder"], &["encoder/lock"]);
}

/// As of all that `config` prints, whose `texts` are corpora: text of one's own is then learned alone.
#[test]
fn text_on_the_command_line_stands_in_place_of_the_configuration_s() {
    let desk = Desk::new();
    desk.write("text.txt", "高血压。\n\n糖尿病。\n\n高血压。\n");
    let config = "texts: [no-such-corpus]\nencoder: {layers: 1, hidden_size: 16, embedding_size: 8, heads: 2, intermediate_size: 16}\n\
                  vocabulary: {source: characters, min_count: 1}\ntraining: {epochs: 1}\n";
    desk.write("my.yaml", config);
    let pretrain = |more: &[&'static str]| {
        [&["pretrain", "--threads", "1", "--out", "encoder", "--config", "my.yaml"], more].concat()
    };
    desk.refused(1, &pretrain(&[]), &["no-such-corpus"]);
    let (_, said) = desk.fine(&pretrain(&["--text", "text.txt"]));
    assert!(said.contains("(no-such-corpus) are not read"), "{said}");
    assert!(desk.path("encoder/model.safetensors").exists());
}
