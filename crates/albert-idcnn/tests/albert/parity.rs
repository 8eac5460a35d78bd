//! Hidden states, logits and the gradients of all parameters.

use medner_albert_idcnn::albert::folder::AlbertFolder;
use medner_albert_idcnn::albert::{AlbertForPreTraining, AlbertInput, AlbertModel, Pooler};
use medner_core::params::Params;
use medner_core::precision::Precision;
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

/// Checks every gradient, and that no parameter is without one.
fn check_gradients(expected: &Expected, case: &str, params: &Params) {
    for parameter in params.parameters() {
        let reference = expected.get(case, &format!("gradient/{}", parameter.name));
        let reference = reference.unwrap_or_else(|| panic!("{}: no such parameter", parameter.name));
        let gradient = parameter.tensor.grad();
        assert!(gradient.defined(), "{case}: {} has no gradient", parameter.name);
        let scale = reference.abs().max().double_value(&[]).max(1.0);
        let worst = difference(&gradient, reference) / scale;
        assert!(worst < TOLERANCE, "{case}, gradient of {}: {worst}", parameter.name);
    }
}

#[test]
fn encoder_with_groups_of_layers() {
    let folder = AlbertFolder::open(&golden("grouped")).unwrap();
    assert_eq!((folder.config.num_hidden_groups, folder.config.inner_group_num), (2, 2));
    let expected = Expected::read("grouped");
    for case in CASES {
        let params = Params::new(Device::Cpu);
        let model = AlbertModel::new(&params.root(), &folder.config, Pooler::With).unwrap();
        folder.load_encoder(&params, "", Pooler::With).unwrap();
        let hidden = model.forward(expected.input(case), true).unwrap();
        let pooled = model.pool(&hidden.select(1, 0)).unwrap();
        let loss = weighed(&expected, case, "hidden", &hidden) + weighed(&expected, case, "pooled", &pooled);
        loss.backward();
        check_gradients(&expected, case, &params);
    }
}

#[test]
fn shared_layers_with_both_heads() {
    let folder = AlbertFolder::open(&golden("shared")).unwrap();
    let expected = Expected::read("shared");
    for case in CASES {
        let params = Params::new(Device::Cpu);
        let model = AlbertForPreTraining::new(&params.root(), &folder.config).unwrap();
        folder.load_for_pretraining(&params, "").unwrap();
        let input = expected.input(case);
        let (b, t) = input.ids.size2().unwrap();
        let positions = Tensor::arange(t, (Kind::Int64, Device::Cpu)).repeat([b, 1]);
        let hidden = model.albert.forward(input, true).unwrap();
        let pooled = model.albert.pool(&hidden.select(1, 0)).unwrap();
        // Every position through the road that pre-training takes for a few.
        let output = model.forward(input, &positions, true).unwrap();
        let loss = weighed(&expected, case, "hidden", &hidden)
            + weighed(&expected, case, "pooled", &pooled)
            + weighed(&expected, case, "logits", &output.prediction_logits)
            + weighed(&expected, case, "order", &output.sop_logits);
        loss.backward();
        check_gradients(&expected, case, &params);
    }
}

#[test]
fn chosen_positions_are_what_the_whole_pass_gives_there() {
    let folder = AlbertFolder::open(&golden("grouped")).unwrap();
    let expected = Expected::read("grouped");
    let input = expected.input("right");
    let positions = Tensor::from_slice(&[0_i64, 7, 9, 5, 5, 0, 2, 1, 0]).view([3, 3]);
    let run = |whole: bool| {
        let params = Params::new(Device::Cpu);
        let model = AlbertModel::new(&(params.root() / "e"), &folder.config, Pooler::Without).unwrap();
        folder.load_encoder(&params, "e", Pooler::Without).unwrap();
        let hidden = if whole {
            let hidden = model.forward(input, true).unwrap();
            hidden.gather(1, &positions.unsqueeze(-1).expand([3, 3, 12], false), false)
        } else {
            model.forward_at(input, &positions, true).unwrap()
        };
        hidden.square().sum(Kind::Float).backward();
        let gradients = params.parameters().into_iter().map(|p| (p.name, p.tensor.grad()));
        (hidden.detach(), gradients.collect::<Vec<_>>())
    };
    let ((whole, whole_gradients), (chosen, chosen_gradients)) = (run(true), run(false));
    assert!(difference(&chosen, &whole) < 1e-6);
    for ((name, found), (_, expected)) in chosen_gradients.iter().zip(&whole_gradients) {
        let scale = expected.abs().max().double_value(&[]).max(1.0);
        assert!(difference(found, expected) / scale < TOLERANCE, "{name}");
    }
}

#[test]
fn a_sequence_alone_is_what_it_is_in_a_batch() {
    let folder = AlbertFolder::open(&golden("grouped")).unwrap();
    let params = Params::new(Device::Cpu);
    let model = AlbertModel::new(&params.root(), &folder.config, Pooler::Without).unwrap();
    folder.load_encoder(&params, "", Pooler::Without).unwrap();
    let expected = Expected::read("grouped");
    let batch = model.forward(expected.input("no_segments"), false).unwrap();
    let ids = expected.get("no_segments", "ids").unwrap().narrow(0, 1, 1).narrow(1, 0, 6);
    let alone = model.forward(AlbertInput { ids: &ids, mask: None, segments: None }, false).unwrap();
    assert!(difference(&alone, &batch.narrow(0, 1, 1).narrow(1, 0, 6)) < 1e-5);
}

#[test]
fn what_the_encoder_cannot_read_is_refused() {
    let folder = AlbertFolder::open(&golden("grouped")).unwrap();
    let params = Params::new(Device::Cpu);
    let mut model = AlbertModel::new(&params.root(), &folder.config, Pooler::Without).unwrap();
    let forward = |ids: &Tensor, mask: Option<&Tensor>| {
        model.forward(AlbertInput { ids, mask, segments: None }, false).err().unwrap().to_string()
    };
    let message = forward(&Tensor::zeros([1, 17], (Kind::Int64, Device::Cpu)), None);
    assert!(message.contains("17 pieces") && message.contains("16 positions"), "{message}");
    let ids = Tensor::zeros([2, 4], (Kind::Int64, Device::Cpu));
    let message = forward(&ids, Some(&Tensor::ones([2, 5], (Kind::Bool, Device::Cpu))));
    assert!(message.contains("mask") && message.contains("[2, 4]"), "{message}");
    let message = forward(&ids.get(0), None);
    assert!(message.contains("[B, T]"), "{message}");
    let message = model.pool(&Tensor::zeros([1, 12], (Kind::Float, Device::Cpu))).err().unwrap().to_string();
    assert!(message.contains("pooler"), "{message}");
    // On a CPU products round their factors inside, and tensors stay what they are.
    model.set_precision(Precision::Bf16);
    assert_eq!(model.kind(), Kind::Float);
}
