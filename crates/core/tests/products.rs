//! Products in bf16 on a CPU: a setting of the whole process, so that this file is a program of its own.
#![allow(clippy::unwrap_used)]

use medner_core::layers::{Idcnn, IdcnnConfig};
use medner_core::params::Params;
use medner_core::precision::Precision;
use tch::{Device, Kind, Tensor};

fn random(shape: &[i64]) -> Tensor {
    Tensor::randn(shape, (Kind::Float, Device::Cpu))
}

/// Length of the difference, as a share of the length of what is expected.
fn apart(found: &Tensor, expected: &Tensor) -> f64 {
    ((found - expected).norm() / expected.norm()).double_value(&[])
}

#[test]
fn products_round_their_factors_to_bf16_and_nothing_else_does() {
    tch::manual_seed(1);
    let (a, b) = (random(&[1024, 256]), random(&[256, 512]));
    let exact = a.to_kind(Kind::Double).matmul(&b.to_kind(Kind::Double)).to_kind(Kind::Float);
    let rounded = |xs: &Tensor| xs.to_kind(Kind::BFloat16).to_kind(Kind::Double);
    let of_rounded = rounded(&a).matmul(&rounded(&b)).to_kind(Kind::Float);

    assert_eq!(Precision::F32.set(Device::Cpu).unwrap(), "f32");
    assert!(apart(&a.matmul(&b), &exact) < 1e-5);
    let said = Precision::Bf16.set(Device::Cpu).unwrap();
    if said != "bf16" {
        eprintln!("skipped the rest: {said}");
        assert!(apart(&a.matmul(&b), &exact) < 1e-5);
        return;
    }
    // Sums are in f32: what differs from the exact product is what the rounding of the factors explains.
    assert!(apart(&a.matmul(&b), &of_rounded) < 1e-5);
    assert!(apart(&a.matmul(&b), &exact) > 1e-4);
    // Additions, sums and f64 are as they were.
    assert_eq!((&a + 1e-3).double_value(&[0, 0]), (a.double_value(&[0, 0]) as f32 + 1e-3_f32) as f64);
    let wide = a.to_kind(Kind::Double).matmul(&b.to_kind(Kind::Double));
    assert!(apart(&wide.to_kind(Kind::Float), &exact) < 1e-7);

    // Output and gradients of thirteen layers are near those in f32, and the same each time.
    let params = Params::new(Device::Cpu);
    let layer = Idcnn::new(&params.root(), 128, &IdcnnConfig::default()).unwrap();
    let (xs, mask) = (random(&[16, 64, 128]), Tensor::ones([16, 64], (Kind::Bool, Device::Cpu)));
    let weights = random(&[16, 64, layer.width()]);
    let pass = |precision: Precision| {
        precision.set(Device::Cpu).unwrap();
        let xs = xs.copy().set_requires_grad(true);
        let ys = layer.forward(&xs, &mask).unwrap();
        (&ys * &weights).sum(Kind::Float).backward();
        (ys.detach(), xs.grad())
    };
    let (exact, again, once) = (pass(Precision::F32), pass(Precision::Bf16), pass(Precision::Bf16));
    // Where rounding carries a value over 0, ReLU lets a gradient through that it stopped, or stops it: some in a thousand at each
    // of the layers, which is the larger part of the gradient's error.
    let pairs = [(&again.0, &exact.0, &once.0, 0.02), (&again.1, &exact.1, &once.1, 0.25)];
    for (found, expected, same, bound) in pairs {
        let error = apart(found, expected);
        assert!(error > 1e-4 && error < bound, "{error}");
        assert!(found.equal(same));
    }
    Precision::F32.set(Device::Cpu).unwrap();
}
