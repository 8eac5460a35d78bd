//! Vectors, logits, memory and the gradients of all parameters.

use medner_core::params::Params;
use medner_core::precision::Precision;
use medner_mtl_ls::xlnet::folder::XlnetFolder;
use medner_mtl_ls::xlnet::heads::XlnetForPreTraining;
use medner_mtl_ls::xlnet::{XlnetInput, XlnetModel};
use tch::{Device, Kind, Tensor};

use crate::{CASES, Expected, difference, golden};

/// Differences allowed in outputs and gradients; the values are of the order of 1 to 100.
const TOLERANCE: f64 = 1e-5;

/// `(value * coefficients).sum()`, as the generator weighs each output.
fn weighed(expected: &Expected, case: &str, key: &str, value: &Tensor) -> Tensor {
    let reference = expected.get(case, &format!("output/{key}")).unwrap();
    let coefficients = expected.get(case, &format!("coefficients/{key}")).unwrap();
    // Vectors at padding are not defined; the generator gives them coefficients of 0.
    let visible = coefficients.abs().gt(0.0);
    let worst = difference(&(value * &visible), &(reference * &visible));
    assert!(worst < TOLERANCE, "{case}, {key}: {worst}");
    (value * coefficients).sum(Kind::Float)
}

/// Checks every gradient; a parameter without one must have none, or only zeros, in the reference.
fn check_gradients(expected: &Expected, case: &str, params: &Params) {
    for parameter in params.parameters() {
        let reference = expected.get(case, &format!("gradient/{}", parameter.name));
        let gradient = parameter.tensor.grad();
        match (reference, gradient.defined()) {
            (Some(reference), true) => {
                let scale = reference.abs().max().double_value(&[]).max(1.0);
                let worst = difference(&gradient, reference) / scale;
                assert!(worst < TOLERANCE, "{case}, gradient of {}: {worst}", parameter.name);
            }
            (Some(reference), false) => {
                let largest = reference.abs().max().double_value(&[]);
                assert!(largest == 0.0, "{case}: {} has no gradient", parameter.name);
            }
            (None, true) => {
                let largest = gradient.abs().max().double_value(&[]);
                assert!(largest == 0.0, "{case}: {} has a gradient", parameter.name);
            }
            (None, false) => {}
        }
    }
}

fn compare(name: &str, cases: &[&str]) {
    let folder = XlnetFolder::open(&golden(name)).unwrap();
    let expected = Expected::read(name);
    for &case in cases {
        let params = Params::new(Device::Cpu);
        let model = XlnetForPreTraining::new(&params.root(), &folder.config).unwrap();
        folder.load_for_pretraining(&params, "").unwrap();
        let memory = expected.memory(case);
        assert_eq!(memory.is_empty(), !["memory", "two_stream_all"].contains(&case));
        let output = model.transformer.forward_and_remember(expected.input(case, &memory), true).unwrap();
        let words = model.transformer.words();
        let logits = model.lm_loss.forward(&output.hidden, words, Kind::Float).unwrap();
        let loss =
            weighed(&expected, case, "hidden", &output.hidden) + weighed(&expected, case, "logits", &logits);
        // What is remembered at padding is not defined.
        if expected.get(case, "attention_mask").is_none() {
            assert_eq!(output.memory.len(), folder.config.n_layer as usize);
            for (layer, memory) in output.memory.iter().enumerate() {
                let reference = expected.get(case, &format!("remembered/{layer}")).unwrap();
                let worst = difference(memory, reference);
                assert!(worst < TOLERANCE, "{case}, memory of layer {layer}: {worst}");
            }
        }
        loss.backward();
        check_gradients(&expected, case, &params);
    }
}

#[test]
fn attention_in_both_directions() {
    compare("bi", &CASES);
}

#[test]
fn attention_backwards_only_with_clamped_distances() {
    compare("uni", &CASES[..3]);
}

#[test]
fn a_sequence_alone_is_what_it_is_in_a_batch() {
    let folder = XlnetFolder::open(&golden("bi")).unwrap();
    let params = Params::new(Device::Cpu);
    let model = XlnetModel::new(&params.root(), &folder.config).unwrap();
    folder.load_encoder(&params, "").unwrap();
    let expected = Expected::read("bi");
    let batch = model.forward(expected.input("right", &[]), false).unwrap();
    let ids = expected.get("right", "input_ids").unwrap().narrow(0, 1, 1).narrow(1, 0, 6);
    let alone = model.forward(XlnetInput::plain(&ids), false).unwrap();
    assert!(difference(&alone, &batch.narrow(0, 1, 1).narrow(1, 0, 6)) < 1e-5);
}

#[test]
fn what_the_encoder_cannot_read_is_refused() {
    let folder = XlnetFolder::open(&golden("bi")).unwrap();
    let params = Params::new(Device::Cpu);
    let mut model = XlnetModel::new(&params.root(), &folder.config).unwrap();
    let ids = Tensor::zeros([2, 4], (Kind::Int64, Device::Cpu));
    let refused = |input: XlnetInput<'_>| model.forward(input, false).err().unwrap().to_string();
    let message = refused(XlnetInput::plain(&ids.get(0)));
    assert!(message.contains("[B, T]"), "{message}");
    let mask = Tensor::ones([2, 5], (Kind::Bool, Device::Cpu));
    let message = refused(XlnetInput::padded(&ids, &mask));
    assert!(message.contains("mask") && message.contains("[2, 4]"), "{message}");
    let message = refused(XlnetInput { order: Some(&mask), ..XlnetInput::plain(&ids) });
    assert!(message.contains("order") && message.contains("[2, 4, 4]"), "{message}");
    let memory = [Tensor::zeros([2, 3, 12], (Kind::Float, Device::Cpu))];
    let message = refused(XlnetInput { memory: Some(&memory), ..XlnetInput::plain(&ids) });
    assert!(message.contains("memory") && message.contains("3 layers"), "{message}");
    // On a CPU products round their factors inside, and tensors stay what they are.
    model.set_precision(Precision::Bf16);
    assert_eq!(model.kind(), Kind::Float);
}
