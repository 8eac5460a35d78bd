//! Folders in and out.

use std::fs;
use std::path::Path;

use medner_core::params::Params;
use medner_core::tensors::{self, NamedTensors};
use medner_mtl_ls::xlnet::XlnetModel;
use medner_mtl_ls::xlnet::folder::{self, XlnetFolder};
use medner_mtl_ls::xlnet::heads::XlnetForPreTraining;
use tch::{Device, Kind, Tensor};

use crate::{Expected, difference, golden};

/// A folder of our own, and beside its files what we compute with it, for `tools/golden/xlnet.py FOLDER`.
#[test]
fn a_folder_of_ours() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("xlnet_saved_here");
    let given = XlnetFolder::open(&golden("bi")).unwrap();
    medner_core::device::reseed(7, 0);
    let params = Params::new(Device::Cpu);
    let model = XlnetForPreTraining::new(&params.root(), &given.config).unwrap();
    folder::save(&path, &given.config, b"{}", &params.state().unwrap()).unwrap();
    println!("written: {}", path.display());

    let back = XlnetFolder::open(&path).unwrap();
    assert_eq!(back.config, given.config);
    let again = Params::new(Device::Cpu);
    let _ = XlnetForPreTraining::new(&again.root(), &back.config).unwrap();
    back.load_for_pretraining(&again, "").unwrap();
    let (ours, theirs) = (params.state().unwrap(), again.state().unwrap());
    assert!(ours.iter().all(|(name, tensor)| theirs[name].equal(tensor)));
    assert_eq!(back.tokenizer().unwrap(), b"{}");

    let expected = Expected::read("bi");
    let mut input = expected.input("two_stream_all", &[]);
    input.memory = None;
    let hidden = model.transformer.forward(input, false).unwrap();
    let logits = model.lm_loss.forward(&hidden, model.transformer.words(), Kind::Float).unwrap();
    let computed: NamedTensors = [
        ("ids", input.ids.copy()),
        ("mask", input.mask.unwrap().copy()),
        ("segments", input.segments.unwrap().copy()),
        ("order", input.order.unwrap().copy()),
        ("places", input.places.unwrap().copy()),
        ("hidden", hidden),
        ("logits", logits),
    ]
    .map(|(name, tensor)| (name.to_owned(), tensor))
    .into();
    tensors::write(&path.join("computed.safetensors"), &computed).unwrap();
}

/// A tagger's encoder reads the file of a model with the language model's head, and one without.
#[test]
fn an_encoder_alone_reads_every_kind_of_file() {
    let expected = Expected::read("bi");
    let reference = expected.get("plain", "output/hidden").unwrap();
    let hidden = |path: &Path| {
        let given = XlnetFolder::open(path).unwrap();
        let params = Params::new(Device::Cpu);
        let model = XlnetModel::new(&(params.root() / "encoder"), &given.config).unwrap();
        given.load_encoder(&params, "encoder").unwrap();
        model.forward(expected.input("plain", &[]), false).unwrap()
    };
    assert!(difference(&hidden(&golden("bi")), reference) < 1e-5);
    // As XLNetModel saves it (no prefix), and as a classifier does, with the tied output layer of old files.
    let given = tensors::read(&golden("bi").join("model.safetensors")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::copy(golden("bi").join("config.json"), folder.path().join("config.json")).unwrap();
    let bare: NamedTensors = given
        .iter()
        .filter_map(|(name, tensor)| Some((name.strip_prefix("transformer.")?.to_owned(), tensor.copy())))
        .collect();
    let file = folder.path().join("model.safetensors");
    tensors::write(&file, &bare).unwrap();
    assert!(difference(&hidden(folder.path()), reference) < 1e-5);
    let mut old: NamedTensors = given.iter().map(|(name, tensor)| (name.clone(), tensor.copy())).collect();
    old.insert("lm_loss.weight".into(), old["transformer.word_embedding.weight"].copy());
    old.insert("sequence_summary.summary.bias".into(), Tensor::from_slice(&[1.0_f32]));
    tensors::write(&file, &old).unwrap();
    assert!(difference(&hidden(folder.path()), reference) < 1e-5);
}

#[test]
fn folders_that_do_not_fit_are_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let reset = || {
        for name in ["config.json", "model.safetensors"] {
            fs::copy(golden("bi").join(name), path.join(name)).unwrap();
        }
    };
    let open = || XlnetFolder::open(path).err().map(|e| e.to_string()).unwrap_or_default();
    let load = || {
        let given = XlnetFolder::open(path).unwrap();
        let params = Params::new(Device::Cpu);
        let _ = XlnetModel::new(&params.root(), &given.config).unwrap();
        given.load_encoder(&params, "").err().map(|e| e.to_string()).unwrap_or_default()
    };
    let change = |from: &str, to: &str| {
        let file = path.join("config.json");
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(&file, text.replace(from, to)).unwrap();
    };
    reset();
    assert_eq!((open(), load()), (String::new(), String::new()));
    let message = XlnetFolder::open(path).unwrap().tokenizer().unwrap_err().to_string();
    assert!(message.contains("tokenizer.json") && message.contains("spiece.model"), "{message}");

    // Another vocabulary: the file has 40 rows.
    change("\"vocab_size\": 40", "\"vocab_size\": 41");
    assert!(load().contains("word_embedding.weight (expected [41, 12], found [40, 12] Float)"), "{}", load());
    reset();
    change("\"d_model\": 12", "\"d_model\": 13");
    assert!(open().contains("do not make d_model 13"), "{}", open());
    reset();
    change("\"ff_activation\": \"gelu\"", "\"ff_activation\": \"swish\"");
    assert!(open().contains("swish"), "{}", open());

    reset();
    let mut weights = tensors::read(&path.join("model.safetensors")).unwrap();
    let _ = weights.remove("transformer.mask_emb");
    weights.insert("crf.transitions".into(), Tensor::from_slice(&[1.0_f32]));
    tensors::write(&path.join("model.safetensors"), &weights).unwrap();
    let message = load();
    assert!(message.contains("missing: mask_emb"), "{message}");
    assert!(message.contains("unexpected: crf.transitions"), "{message}");
}
