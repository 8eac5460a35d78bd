//! What a resume is refused for: an encoder is known by its files, not by its place.

use std::fs;
use std::path::Path;

use medner_core::params::Params;
use medner_data::sample;
use medner_mtl_ls::pretraining::config::VocabularyConfig;
use medner_mtl_ls::pretraining::vocabulary::tokenizer;
use medner_mtl_ls::xlnet::heads::XlnetForPreTraining;
use medner_mtl_ls::xlnet::{XlnetConfig, folder};
use tch::Device;

use crate::program::{done, program, refused, write};

/// Saves an encoder whose pieces are the text's words and characters, its values drawn from `seed`.
fn encoder(words: &[String], seed: u64, path: &Path) {
    let text = medner_data::plain_text::Text { name: "t".into(), documents: vec![words.to_vec()] };
    let vocabulary = VocabularyConfig { source: "text".into(), trim: true, min_count: 1 };
    let pieces = tokenizer(&vocabulary, &[text]).unwrap();
    medner_core::device::reseed(seed, 0);
    let config = XlnetConfig::of_width(pieces.len() as i64, 2, 32);
    let params = Params::new(Device::Cpu);
    let _ = XlnetForPreTraining::new(&params.root(), &config).unwrap();
    folder::save(path, &config, pieces.file(), &params.state().unwrap()).unwrap();
}

/// Puts the rows of two pieces in each other's place.
fn swap(file: &Path, a: &str, b: &str) {
    let text = fs::read_to_string(file).unwrap();
    let [a, b] = [a, b].map(|piece| format!("\"▁{piece}\""));
    assert!(text.contains(&a) && text.contains(&b), "{a} {b}");
    fs::write(file, text.replace(&a, "\"\u{1}\"").replace(&b, &a).replace("\"\u{1}\"", &b)).unwrap();
}

#[test]
fn a_swapped_file_of_the_encoder_is_refused_and_a_moved_folder_is_not() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    let kind = sample::kind_of_sample("sample-NCBI-disease").unwrap();
    let sentences = sample::sentences(kind, 1).train;
    write(&sentences[..40], path("train.tsv").as_ref());
    let words: Vec<String> = sentences.iter().flat_map(|s| s.tokens.iter().cloned()).collect();
    fs::write(path("text.txt"), words.join(" ")).unwrap();
    encoder(&words, 1, path("first").as_ref());

    let (train_file, text_file, model, more) =
        (path("train.tsv"), path("text.txt"), path("model"), path("more"));
    let train = |encoder: &str| -> Vec<String> {
        let sets = [format!("encoder={}", path(encoder)), "training.epochs.initial=1".into()];
        let [encoder, epochs] = sets;
        ["train", "--quiet", "--resume", "--threads", "1", "--train", &train_file, "--out", &model]
            .into_iter()
            .chain(["--set", &encoder, "--set", &epochs])
            .map(String::from)
            .collect()
    };
    let pretrain = |start: &str| -> Vec<String> {
        let config = path("pretraining.yaml");
        fs::write(&config, format!("start: {}\ntraining: {{epochs: 1}}\n", path(start))).unwrap();
        ["pretrain", "--quiet", "--resume", "--threads", "1", "--text", &text_file, "--config", &config]
            .into_iter()
            .chain(["--out", &more])
            .map(String::from)
            .collect()
    };
    fn strs(arguments: &[String]) -> Vec<&str> {
        arguments.iter().map(String::as_str).collect()
    }

    for arguments in [train("first"), pretrain("first")] {
        done(&program(&strs(&arguments)).output().unwrap());
    }
    fs::rename(path("first"), path("second")).unwrap();
    for arguments in [train("second"), pretrain("second")] {
        done(&program(&strs(&arguments)).output().unwrap());
    }

    let saved = fs::read(Path::new(&model).join("tokenizer.json")).unwrap();
    let mut plain = words.iter().filter(|word| word.chars().all(char::is_alphabetic));
    let a = plain.next().unwrap();
    let b = plain.find(|word| *word != a).unwrap();
    swap(&place.path().join("second/tokenizer.json"), a, b);
    let message = refused(&strs(&train("second")));
    assert!(message.contains("encoder/tokenizer.json") && !message.contains("config.json"), "{message}");
    let message = refused(&strs(&pretrain("second")));
    assert!(message.contains("start/tokenizer.json"), "{message}");
    assert!(fs::read(Path::new(&model).join("tokenizer.json")).unwrap() == saved, "nothing is written");

    // Other parameters under the same vocabulary.
    encoder(&words, 2, path("second").as_ref());
    for (arguments, role) in [(train("second"), "encoder"), (pretrain("second"), "start")] {
        let message = refused(&strs(&arguments));
        assert!(message.contains(&format!("{role}/model.safetensors")), "{message}");
        assert!(!message.contains("tokenizer.json"), "{message}");
    }
}
