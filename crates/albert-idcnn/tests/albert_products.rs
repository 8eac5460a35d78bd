//! ALBERT's attention by products, which it takes where products are in bf16: a setting of the whole process, so that this file is a
//! program of its own. The model is too small for oneDNN to round anything, so that the two ways must agree.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use medner_albert_idcnn::albert::folder::AlbertFolder;
use medner_albert_idcnn::albert::{AlbertInput, AlbertModel, Pooler};
use medner_core::params::Params;
use medner_core::precision::{self, Precision};
use tch::{Device, Kind, Tensor};

#[test]
fn attention_by_products_is_that_of_libtorchs_operation() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/albert/shared");
    let folder = AlbertFolder::open(&folder).unwrap();
    let ids = Tensor::arange(27, (Kind::Int64, Device::Cpu)).view([3, 9]).remainder(folder.config.vocab_size);
    let mask = Tensor::arange(9, (Kind::Int64, Device::Cpu))
        .lt_tensor(&Tensor::from_slice(&[9_i64, 4, 7]).unsqueeze(1));
    let pass = |precision: Precision, mask: Option<&Tensor>| {
        precision.set(Device::Cpu).unwrap();
        assert_eq!(precision::rounds_on_cpu(), precision == Precision::Bf16);
        let params = Params::new(Device::Cpu);
        let model = AlbertModel::new(&params.root(), &folder.config, Pooler::Without).unwrap();
        folder.load_encoder(&params, "", Pooler::Without).unwrap();
        let hidden = model.forward(AlbertInput { ids: &ids, mask, segments: None }, true).unwrap();
        let hidden = mask.map_or_else(|| hidden.shallow_clone(), |mask| &hidden * mask.unsqueeze(-1));
        (hidden.square() * Tensor::arange(9, (Kind::Float, Device::Cpu)).view([1, 9, 1]))
            .sum(Kind::Float)
            .backward();
        let gradients = params.parameters().into_iter().map(|p| (p.name, p.tensor.grad()));
        (hidden.detach(), gradients.collect::<Vec<_>>())
    };
    let apart =
        |a: &Tensor, b: &Tensor| ((a - b).abs().max() / b.abs().max().clamp_min(1.0)).double_value(&[]);
    for mask in [None, Some(&mask)] {
        let (one, parts) = (pass(Precision::F32, mask), pass(Precision::Bf16, mask));
        assert!(apart(&parts.0, &one.0) < 1e-6, "{}", apart(&parts.0, &one.0));
        for ((name, found), (_, expected)) in parts.1.iter().zip(&one.1) {
            assert!(apart(found, expected) < 1e-5, "{name}: {}", apart(found, expected));
        }
    }
}
