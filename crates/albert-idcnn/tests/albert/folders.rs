//! Folders in and out.

use std::fs;
use std::path::Path;

use medner_albert_idcnn::albert::folder::{self, AlbertFolder};
use medner_albert_idcnn::albert::{AlbertForPreTraining, AlbertModel, Pooler};
use medner_core::params::Params;
use medner_core::tensors::{self, NamedTensors};
use tch::{Device, Kind, Tensor};

use crate::{Expected, difference, golden};

/// A folder of our own, and beside its files what we compute with it, for `tools/golden/albert.py FOLDER`.
#[test]
fn a_folder_of_ours() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("albert_saved_here");
    let given = AlbertFolder::open(&golden("shared")).unwrap();
    medner_core::device::reseed(7, 0);
    let params = Params::new(Device::Cpu);
    let model = AlbertForPreTraining::new(&params.root(), &given.config).unwrap();
    folder::save(&path, &given.config, &given.vocabulary, true, &params.state().unwrap()).unwrap();
    println!("written: {}", path.display());

    let back = AlbertFolder::open(&path).unwrap();
    assert_eq!((&back.config, &back.vocabulary), (&given.config, &given.vocabulary));
    let again = Params::new(Device::Cpu);
    let _ = AlbertForPreTraining::new(&again.root(), &back.config).unwrap();
    back.load_for_pretraining(&again, "").unwrap();
    let (ours, theirs) = (params.state().unwrap(), again.state().unwrap());
    assert!(ours.iter().all(|(name, tensor)| theirs[name].equal(tensor)));

    let expected = Expected::read("shared");
    let input = expected.input("right");
    let (b, t) = input.ids.size2().unwrap();
    let positions = Tensor::arange(t, (Kind::Int64, Device::Cpu)).repeat([b, 1]);
    let hidden = model.albert.forward(input, false).unwrap();
    let output = model.forward(input, &positions, false).unwrap();
    let computed: NamedTensors = [
        ("ids", input.ids.copy()),
        ("mask", input.mask.unwrap().copy()),
        ("segments", input.segments.unwrap().copy()),
        ("pooled", model.albert.pool(&hidden.select(1, 0)).unwrap()),
        ("hidden", hidden),
        ("logits", output.prediction_logits),
        ("order", output.sop_logits),
    ]
    .map(|(name, tensor)| (name.to_owned(), tensor))
    .into();
    tensors::write(&path.join("computed.safetensors"), &computed).unwrap();
}

/// A tagger's encoder reads the file of a model with training heads, and one without.
#[test]
fn an_encoder_alone_reads_every_kind_of_file() {
    let expected = Expected::read("shared");
    let reference = expected.get("right", "output/hidden").unwrap();
    let visible = expected.get("right", "mask").unwrap().unsqueeze(-1);
    let hidden = |path: &Path, pooler: Pooler| {
        let given = AlbertFolder::open(path).unwrap();
        let params = Params::new(Device::Cpu);
        let model = AlbertModel::new(&(params.root() / "encoder"), &given.config, pooler).unwrap();
        given.load_encoder(&params, "encoder", pooler).unwrap();
        model.forward(expected.input("right"), false).unwrap() * &visible
    };
    let reference = reference * &visible;
    for pooler in [Pooler::With, Pooler::Without] {
        assert!(difference(&hidden(&golden("shared"), pooler), &reference) < 1e-5);
    }
    // As AlbertModel saves it (no prefix), and as old versions did: with a buffer of positions and the tied output layer.
    let given = tensors::read(&golden("shared").join("model.safetensors")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for name in ["config.json", "vocab.txt"] {
        fs::copy(golden("shared").join(name), folder.path().join(name)).unwrap();
    }
    let bare: NamedTensors = given
        .iter()
        .filter_map(|(name, tensor)| Some((name.strip_prefix("albert.")?.to_owned(), tensor.copy())))
        .collect();
    let file = folder.path().join("model.safetensors");
    tensors::write(&file, &bare).unwrap();
    assert!(difference(&hidden(folder.path(), Pooler::With), &reference) < 1e-5);
    let mut old: NamedTensors = given.iter().map(|(name, tensor)| (name.clone(), tensor.copy())).collect();
    let words = old["albert.embeddings.word_embeddings.weight"].copy();
    old.insert("predictions.decoder.weight".into(), words);
    old.insert("predictions.decoder.bias".into(), old["predictions.bias"].copy());
    old.insert(
        "albert.embeddings.position_ids".into(),
        Tensor::arange(16, (Kind::Int64, Device::Cpu)).view([1, 16]),
    );
    tensors::write(&file, &old).unwrap();
    assert!(difference(&hidden(folder.path(), Pooler::Without), &reference) < 1e-5);
}

#[test]
fn folders_that_do_not_fit_are_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let reset = || {
        for name in ["config.json", "vocab.txt", "model.safetensors"] {
            fs::copy(golden("shared").join(name), path.join(name)).unwrap();
        }
    };
    let open = || AlbertFolder::open(path).err().map(|e| e.to_string()).unwrap_or_default();
    let load = || {
        let given = AlbertFolder::open(path).unwrap();
        let params = Params::new(Device::Cpu);
        let _ = AlbertModel::new(&params.root(), &given.config, Pooler::Without).unwrap();
        given.load_encoder(&params, "", Pooler::Without).err().map(|e| e.to_string()).unwrap_or_default()
    };
    let change = |from: &str, to: &str| {
        let file = path.join("config.json");
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains(from));
        fs::write(&file, text.replace(from, to)).unwrap();
    };
    reset();
    assert_eq!((open(), load()), (String::new(), String::new()));

    // Another vocabulary: the file has 40 entries.
    change("\"vocab_size\": 40", "\"vocab_size\": 41");
    assert!(open().contains("has 40 entries") && open().contains("is 41"), "{}", open());
    fs::write(path.join("vocab.txt"), fs::read_to_string(path.join("vocab.txt")).unwrap() + "血\n").unwrap();
    assert!(load().contains("word_embeddings.weight (expected [41, 8], found [40, 8] Float)"), "{}", load());

    reset();
    change("\"hidden_size\": 12", "\"hidden_size\": 13");
    assert!(open().contains("does not divide hidden_size 13"), "{}", open());
    reset();
    change("\"hidden_act\": \"gelu_new\"", "\"hidden_act\": \"swish\"");
    assert!(open().contains("swish"), "{}", open());
    reset();
    change("\"embedding_size\": 8,", "");
    assert!(open().contains("config.json") && open().contains("embedding_size"), "{}", open());

    reset();
    let mut weights = tensors::read(&path.join("model.safetensors")).unwrap();
    let _ = weights.remove("albert.embeddings.LayerNorm.bias");
    weights.insert("classifier.weight".into(), Tensor::from_slice(&[1.0_f32]));
    tensors::write(&path.join("model.safetensors"), &weights).unwrap();
    let message = load();
    assert!(message.contains("missing: embeddings.LayerNorm.bias"), "{message}");
    assert!(message.contains("unexpected: classifier.weight"), "{message}");
}
