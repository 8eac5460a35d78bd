//! The CRF layer: parameters, gradients through a graph, both ways of computing the loss, errors.
#![allow(clippy::unwrap_used)]

use medner_core::crf::{ConstrainAt, Constraints, Crf, Reduction, SpanReader, lengths_of_mask};
use medner_core::metrics::TagScheme;
use medner_core::params::Params;
use tch::{Device, Kind, Tensor};

const TAGS: [&str; 5] = ["O", "B-a", "I-a", "B-b", "I-b"];

fn model(tags: i64, seed: u64) -> (Params, Crf) {
    medner_core::device::reseed(seed, 0);
    let params = Params::new(Device::Cpu);
    let crf = Crf::new(&(params.root() / "crf"), tags).unwrap();
    (params, crf)
}

/// Emissions `[B, T, 5]` that learn, and tags `[B, T]` of which all are legal BIO paths.
fn batch(seed: u64, b: i64, t: i64) -> (Tensor, Tensor) {
    medner_core::device::reseed(seed, 1);
    let emissions = Tensor::randn([b, t, 5], (Kind::Float, Device::Cpu)) * 2.0;
    let pattern: Vec<i64> =
        (0..b).flat_map(|i| (0..t).map(move |j| [0, 1, 2, 3, 4, 4][((i + j) % 6) as usize])).collect();
    (emissions.set_requires_grad(true), Tensor::from_slice(&pattern).view([b, t]))
}

fn largest_difference(a: &Tensor, b: &Tensor) -> f64 {
    (a - b).abs().max().double_value(&[])
}

#[test]
fn parameters_are_those_of_pytorch_crf() {
    let (params, crf) = model(7, 3);
    assert_eq!(params.names(), ["crf.start_transitions", "crf.end_transitions", "crf.transitions"]);
    assert_eq!(params.get("crf.transitions").unwrap().size(), [7, 7]);
    assert_eq!(crf.tags(), 7);
    for parameter in params.parameters() {
        assert!(parameter.tensor.requires_grad());
        let largest = parameter.tensor.abs().max().double_value(&[]);
        assert!(largest <= 0.1 && largest > 0.05, "{}: {largest}", parameter.name);
    }
}

/// Loss and gradients of a batch with both ways of computing; compares them and returns the loss.
fn both_ways(crf: &Crf, params: &Params, emissions: &Tensor, tags: &Tensor, lengths: &[usize]) -> f64 {
    let leaf = emissions.detach().copy().set_requires_grad(true);
    let run = |batched: bool| {
        for p in params.parameters() {
            p.tensor.shallow_clone().zero_grad();
        }
        leaf.shallow_clone().zero_grad();
        let loss = if batched {
            crf.nll_batched(&leaf, tags, lengths, Reduction::TokenMean).unwrap()
        } else {
            crf.nll(&leaf, tags, lengths, Reduction::TokenMean).unwrap()
        };
        assert_eq!((loss.size(), loss.kind()), (vec![], Kind::Float));
        loss.backward();
        let mut gradients = vec![leaf.grad().copy()];
        gradients.extend(params.parameters().iter().map(|p| p.tensor.grad().copy()));
        (loss.double_value(&[]), gradients)
    };
    let ((loss, gradients), (batched_loss, batched_gradients)) = (run(false), run(true));
    assert!((loss - batched_loss).abs() <= 1e-5 * loss.abs().max(1.0), "{loss} {batched_loss}");
    for (a, b) in gradients.iter().zip(&batched_gradients) {
        let difference = largest_difference(a, b);
        assert!(difference < 1e-6, "{difference}");
    }
    loss
}

#[test]
fn kernels_and_tensor_operations_agree() {
    let (params, crf) = model(5, 1);
    for (t, lengths) in [(1, vec![1_usize]), (6, vec![6, 0, 3, 1]), (40, vec![40, 39, 2]), (4, vec![0, 0])] {
        let (emissions, tags) = batch(9, lengths.len() as i64, t);
        let loss = both_ways(&crf, &params, &emissions, &tags, &lengths);
        assert!(loss.is_finite() && (loss > 0.0 || lengths.iter().all(|&n| n == 0)));
    }
}

#[test]
fn padding_may_hold_anything() {
    let (params, crf) = model(5, 1);
    let (emissions, tags) = batch(4, 2, 6);
    let lengths = [4, 6];
    let clean = both_ways(&crf, &params, &emissions, &tags, &lengths);
    let dirty = emissions.detach().copy();
    let dirty_tags = tags.copy();
    let _ = dirty.get(0).narrow(0, 4, 2).fill_(f64::NAN);
    let _ = dirty_tags.get(0).narrow(0, 4, 2).fill_(-100);
    assert_eq!(both_ways(&crf, &params, &dirty, &dirty_tags, &lengths), clean);
    let wider = Tensor::cat(&[&dirty, &Tensor::zeros([2, 10, 5], (Kind::Float, Device::Cpu))], 1);
    let wider_tags = Tensor::cat(&[&dirty_tags, &Tensor::zeros([2, 10], (Kind::Int64, Device::Cpu))], 1);
    assert_eq!(both_ways(&crf, &params, &wider, &wider_tags, &lengths), clean);
}

#[test]
fn tags_may_be_forbidden_by_minus_infinity() {
    let (params, crf) = model(5, 1);
    let (emissions, tags) = batch(4, 2, 6);
    let emissions = emissions.detach();
    let _ = emissions.get(1).get(2).get(0).fill_(f64::NEG_INFINITY);
    assert!(both_ways(&crf, &params, &emissions, &tags, &[4, 6]).is_finite());
}

#[test]
fn gradients_flow_through_what_made_the_emissions() {
    let (_, crf) = model(5, 1);
    let (features, tags) = batch(5, 3, 7);
    let weight = Tensor::randn([5, 5], (Kind::Float, Device::Cpu)).set_requires_grad(true);
    let lengths = [7, 5, 2];
    let loss = |w: &Tensor| {
        // A view that is not contiguous, as a transposed encoder's output would be.
        let emissions = features.detach().matmul(w).transpose(0, 1).contiguous().transpose(0, 1);
        crf.nll(&emissions, &tags, &lengths, Reduction::Mean).unwrap()
    };
    loss(&weight).backward();
    let gradient = weight.grad();
    for (i, j) in [(0, 0), (1, 3), (4, 4)] {
        let shifted = |by: f64| {
            let w = weight.detach().copy();
            let _ = w.get(i).get(j).fill_(weight.double_value(&[i, j]) + by);
            loss(&w).double_value(&[])
        };
        let slope = (shifted(1e-2) - shifted(-1e-2)) / 2e-2;
        assert!((slope - gradient.double_value(&[i, j])).abs() < 2e-3, "{slope}");
    }
}

#[test]
fn descent_learns_the_tags() {
    let (params, crf) = model(5, 1);
    let (emissions, tags) = batch(6, 4, 12);
    let lengths = [12, 12, 9, 12];
    let loss = || crf.nll(&emissions, &tags, &lengths, Reduction::Mean).unwrap();
    let before = loss().double_value(&[]);
    for _ in 0..100 {
        loss().backward();
        let _guard = tch::no_grad_guard();
        for mut x in params.parameters().into_iter().map(|p| p.tensor).chain([emissions.shallow_clone()]) {
            let step = x.grad() * 0.2;
            let _ = x.g_sub_(&step);
            x.zero_grad();
        }
    }
    let after = loss().double_value(&[]);
    assert!(after < before * 0.05, "{before} {after}");
    let decoded = crf.decode(&emissions, &lengths).unwrap();
    for (b, path) in decoded.iter().enumerate() {
        let gold = Vec::<i64>::try_from(tags.get(b as i64)).unwrap();
        assert!(path.iter().zip(&gold).all(|(&p, &g)| i64::from(p) == g));
    }
}

#[test]
fn constraints_hold_where_they_are_wanted() {
    let constraints = Constraints::of_scheme(TagScheme::Bio, &TAGS).unwrap();
    let (_, free) = model(5, 2);
    let (_, decoding) = model(5, 2);
    let decoding = decoding.constrained(constraints.clone(), ConstrainAt::Decoding).unwrap();
    let (params, training) = model(5, 2);
    let training = training.constrained(constraints.clone(), ConstrainAt::Training).unwrap();
    let (emissions, _) = batch(8, 3, 9);
    let legal = Tensor::from_slice(&[0_i64, 1, 2, 2, 0, 3, 4, 1, 1]).repeat([3, 1]);
    let lengths = [9, 9, 4];
    let value = |crf: &Crf, tags: &Tensor| {
        crf.nll(&emissions, tags, &lengths, Reduction::Sum).unwrap().double_value(&[])
    };
    assert_eq!(value(&free, &legal), value(&decoding, &legal));
    assert!(value(&training, &legal) < value(&free, &legal));
    let loss = both_ways(&training, &params, &emissions, &legal, &lengths);
    assert!((loss * 22.0 - value(&training, &legal)).abs() < 1e-3);
    let illegal = Tensor::zeros([3, 9], (Kind::Int64, Device::Cpu));
    let _ = illegal.get(0).get(3).fill_(2);
    assert_eq!(value(&training, &illegal), f64::INFINITY);

    assert!(decoding.decode(&emissions, &lengths).unwrap().iter().all(|path| constraints.allow(path)));
    let differs = free.decode(&emissions, &lengths).unwrap().iter().any(|path| !constraints.allow(path));
    assert!(differs, "without constraints these emissions give an illegal path");
    let wrong = model(4, 2).1.constrained(constraints, ConstrainAt::Decoding);
    assert!(wrong.unwrap_err().to_string().contains("4 tags"));
}

#[test]
fn probabilities_fit_each_other() {
    let (_, crf) = model(5, 2);
    let (emissions, _) = batch(8, 2, 6);
    let lengths = [6, 4];
    let decoded = crf.decode(&emissions, &lengths).unwrap();
    let log_z = crf.log_partition(&emissions, &lengths).unwrap();
    let marginals = crf.marginals(&emissions, &lengths).unwrap();
    assert_eq!(marginals.size(), [2, 6, 5]);
    let sums = marginals.sum_dim_intlist([2_i64].as_slice(), false, Kind::Float);
    assert_eq!(lengths_of_mask(&sums.gt(0.5)).unwrap(), lengths);
    let reader = SpanReader::new(TagScheme::Bio, &TAGS).unwrap();
    for (b, posterior) in crf.posteriors(&emissions, &lengths).unwrap().iter().enumerate() {
        assert!((posterior.log_z() - log_z[b]).abs() < 1e-9);
        let path = decoded.sentence(b);
        let whole = (decoded.scores[b] - log_z[b]).exp();
        assert!((reader.probability(posterior, 0, path) - whole).abs() < 1e-9);
        assert!(reader.probability(posterior, 1, &path[1..3]) >= whole - 1e-9);
        let best = &crf.n_best(&emissions, &lengths, 2).unwrap()[b];
        assert_eq!(best[0].tags, path);
        assert!(best[1].score <= best[0].score);
    }
}

#[test]
fn half_precision_emissions_are_read_as_single() {
    let (_, crf) = model(5, 2);
    let (emissions, tags) = batch(8, 2, 6);
    let half = emissions.detach().to_kind(Kind::BFloat16).set_requires_grad(true);
    let loss = crf.nll(&half, &tags, &[6, 6], Reduction::Mean).unwrap();
    loss.backward();
    assert_eq!((loss.kind(), half.grad().kind()), (Kind::Float, Kind::BFloat16));
}

#[test]
fn wrong_input_is_named() {
    let (_, crf) = model(5, 2);
    let (emissions, tags) = batch(8, 2, 6);
    let message = |e: &Tensor, tags: &Tensor, lengths: &[usize]| {
        let kernels = crf.nll(e, tags, lengths, Reduction::Sum).unwrap_err().to_string();
        assert_eq!(crf.nll_batched(e, tags, lengths, Reduction::Sum).unwrap_err().to_string(), kernels);
        kernels
    };
    assert!(message(&emissions, &tags, &[6]).contains("B = 1"));
    assert!(message(&emissions, &tags, &[6, 7]).contains("sentence 1"));
    assert!(message(&emissions.narrow(2, 0, 4), &tags, &[6, 6]).contains("K = 5"));
    assert!(message(&emissions, &tags.narrow(1, 0, 5), &[6, 6]).contains("tags"));

    let outside = tags.copy();
    let _ = outside.get(1).get(2).fill_(5);
    let error = crf.nll(&emissions, &outside, &[6, 6], Reduction::Sum).unwrap_err().to_string();
    assert!(
        error.contains("sentence 1") && error.contains("position 2") && error.contains("tag 5"),
        "{error}"
    );
    assert!(
        crf.nll_batched(&emissions, &outside, &[6, 6], Reduction::Sum).unwrap().double_value(&[]).is_nan()
    );

    let damaged = emissions.detach().copy();
    let _ = damaged.get(1).get(2).get(0).fill_(f64::NAN);
    assert!(crf.nll(&damaged, &tags, &[6, 6], Reduction::Sum).unwrap().double_value(&[]).is_nan());
    assert!(crf.nll_batched(&damaged, &tags, &[6, 6], Reduction::Sum).unwrap().double_value(&[]).is_nan());
    assert!(crf.decode(&damaged, &[6, 6]).unwrap_err().to_string().contains("sentence 1"));

    assert!(
        Crf::from_tensors(
            Tensor::zeros([2], (Kind::Float, Device::Cpu)),
            Tensor::zeros([3], (Kind::Float, Device::Cpu)),
            Tensor::zeros([2, 2], (Kind::Float, Device::Cpu))
        )
        .is_err()
    );
}

#[test]
fn masks_become_lengths() {
    let mask = Tensor::from_slice(&[1_i64, 1, 0, 0, 0, 0, 1, 1, 1]).view([3, 3]);
    assert_eq!(lengths_of_mask(&mask).unwrap(), [2, 0, 3]);
    assert_eq!(lengths_of_mask(&mask.to_kind(Kind::Bool)).unwrap(), [2, 0, 3]);
    let gap = Tensor::from_slice(&[1_i64, 0, 1]).view([1, 3]);
    assert!(lengths_of_mask(&gap).unwrap_err().to_string().contains("row 0"));
    assert!(lengths_of_mask(&Tensor::from_slice(&[1_i64])).is_err());
}

#[test]
fn sentences_with_weights_of_their_own() {
    let (params, crf) = model(5, 4);
    let (emissions, tags) = batch(4, 3, 6);
    let (lengths, weights) = ([6_usize, 2, 5], [0.25, 0.0, 1.5]);
    crf.nll_weighted(&emissions, &tags, &lengths, &weights).unwrap().backward();
    let gradients = |emissions: &Tensor| {
        let mut all = vec![emissions.grad().copy()];
        for p in params.parameters() {
            all.push(p.tensor.grad().copy());
            p.tensor.shallow_clone().zero_grad();
        }
        all
    };
    let together = gradients(&emissions);
    // One sentence at a time, each times its weight.
    let alone = emissions.detach().copy().set_requires_grad(true);
    let mut total = Tensor::zeros([0_i64; 0], (Kind::Float, Device::Cpu));
    for (b, weight) in weights.iter().enumerate() {
        let (row, gold) = (alone.narrow(0, b as i64, 1), tags.narrow(0, b as i64, 1));
        total += crf.nll(&row, &gold, &lengths[b..=b], Reduction::Sum).unwrap() * *weight;
    }
    let value = crf.nll_weighted(&emissions, &tags, &lengths, &weights).unwrap().double_value(&[]);
    assert!((value - total.double_value(&[])).abs() < 1e-5, "{value}");
    total.backward();
    for (a, b) in together.iter().zip(&gradients(&alone)) {
        assert!(largest_difference(a, b) < 1e-6);
    }
    let message = crf.nll_weighted(&emissions, &tags, &lengths, &[1.0]).unwrap_err().to_string();
    assert!(message.contains("weights") && message.contains("[3]"), "{message}");
}
