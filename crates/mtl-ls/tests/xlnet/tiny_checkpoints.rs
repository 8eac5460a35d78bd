//! Two published checkpoints of a TensorFlow implementation: 2 layers of width 6, with the outputs that it computed.

use std::collections::BTreeMap;
use std::path::Path;

use medner_core::layers::Activation;
use medner_core::params::Params;
use medner_mtl_ls::xlnet::{AttentionType, XlnetConfig, XlnetInput, XlnetModel};
use serde::Deserialize;
use tch::{Device, Kind, Tensor};

use crate::{difference, mirror};

const TOLERANCE: f64 = 1e-6;

#[derive(Deserialize)]
struct Array {
    shape: Vec<i64>,
    data: Vec<f64>,
}

impl Array {
    fn tensor(&self) -> Tensor {
        Tensor::from_slice(&self.data).view(self.shape.as_slice()).to_kind(Kind::Float)
    }

    fn read(path: &Path) -> Tensor {
        serde_json::from_slice::<Self>(&std::fs::read(path).unwrap()).unwrap().tensor()
    }
}

#[derive(Deserialize)]
struct Sizes {
    d_head: i64,
    d_inner: i64,
    d_model: i64,
    n_head: i64,
    n_layer: i64,
    n_token: i64,
    untie_r: bool,
}

/// The parameters under the names that they have here.
fn parameters(folder: &Path, sizes: &Sizes) -> BTreeMap<String, Tensor> {
    let file = std::fs::read(folder.join("tensors.json")).unwrap();
    let given: BTreeMap<String, Array> = serde_json::from_slice(&file).unwrap();
    let get = |name: &str| given[&format!("model/transformer/{name}")].tensor();
    let mut state = BTreeMap::from([
        ("word_embedding.weight".to_owned(), get("word_embedding/lookup_table")),
        ("mask_emb".to_owned(), Tensor::zeros([1, 1, sizes.d_model], (Kind::Float, Device::Cpu))),
    ]);
    for layer in 0..sizes.n_layer {
        let (there, here) = (format!("layer_{layer}"), format!("layer.{layer}"));
        for map in ["q", "k", "v", "o", "r"] {
            state.insert(format!("{here}.rel_attn.{map}"), get(&format!("{there}/rel_attn/{map}/kernel")));
        }
        for bias in ["r_r_bias", "r_s_bias", "r_w_bias"] {
            let values = get(bias);
            let own = if sizes.untie_r { values.get(layer) } else { values };
            state.insert(format!("{here}.rel_attn.{bias}"), own);
        }
        state.insert(format!("{here}.rel_attn.seg_embed"), get("seg_embed").get(layer));
        for (block, name) in [("rel_attn", "rel_attn"), ("ff", "ff")] {
            let norm = |part: &str| get(&format!("{there}/{block}/LayerNorm/{part}"));
            state.insert(format!("{here}.{name}.layer_norm.weight"), norm("gamma"));
            state.insert(format!("{here}.{name}.layer_norm.bias"), norm("beta"));
        }
        for map in ["layer_1", "layer_2"] {
            let part = |part: &str| get(&format!("{there}/ff/{map}/{part}"));
            state.insert(format!("{here}.ff.{map}.weight"), part("kernel").tr().contiguous());
            state.insert(format!("{here}.ff.{map}.bias"), part("bias"));
        }
    }
    state
}

/// The model of a folder, as it was trained (`Uni`) or looking both ways.
fn model(folder: &Path, attn_type: AttentionType) -> (Params, XlnetModel) {
    let file = std::fs::read(folder.join("xlnet_config.json")).unwrap();
    let sizes: Sizes = serde_json::from_slice(&file).unwrap();
    let config = XlnetConfig {
        d_model: sizes.d_model,
        n_head: sizes.n_head,
        d_head: sizes.d_head,
        d_inner: sizes.d_inner,
        ff_activation: Activation::GeluNew,
        attn_type,
        mem_len: Some(5),
        ..XlnetConfig::of_width(sizes.n_token, sizes.n_layer, 64)
    };
    let params = Params::new(Device::Cpu);
    let model = XlnetModel::new(&params.root(), &config).unwrap();
    params.load(&parameters(folder, &sizes)).unwrap();
    (params, model)
}

#[test]
fn published_checkpoints_give_their_outputs() {
    let Some(mirror) = mirror("xlnet-tiny-checkpoints") else { return };
    for name in ["empty", "tune"] {
        let folder = mirror.join(name);
        let read = |file: &str| Array::read(&folder.join(file));
        let ids = read("input_ids.json").to_kind(Kind::Int64);
        let segments = read("seg_ids.json").to_kind(Kind::Int64);
        let memory = if name == "tune" {
            vec![read("mems_0.json"), read("mems_1.json")]
        } else {
            // As it was computed: an empty memory of five zeros would not be the same.
            Vec::new()
        };
        let input = XlnetInput {
            segments: Some(&segments),
            memory: Some(memory.as_slice()).filter(|memory| !memory.is_empty()),
            ..XlnetInput::plain(&ids)
        };
        let (_params, uni) = model(&folder, AttentionType::Uni);
        let output = uni.forward_and_remember(input, false).unwrap();
        let worst = difference(&output.hidden, &read(&format!("{name}_output.json")));
        assert!(worst < TOLERANCE, "{name}: {worst}");
        if name == "tune" {
            for (layer, memory) in output.memory.iter().enumerate() {
                let worst = difference(memory, &read(&format!("tune_new_mems_{layer}.json")));
                assert!(worst < TOLERANCE, "{name}, memory of layer {layer}: {worst}");
            }
        }
        let (_params, bi) = model(&folder, AttentionType::Bi);
        let both = bi.forward(XlnetInput { memory: None, ..input }, false).unwrap();
        let worst = difference(&both, &read("bi_nomem_output_derived.json"));
        assert!(worst < TOLERANCE, "{name}, both ways: {worst}");
    }
}
