//! What a job keeps, and what is refused.

use super::*;

#[test]
fn a_job_keeps_what_it_reads_and_nothing_else() {
    let mut config = Config { entity_set: EntitySet::Named, ..Config::default() };
    config.limits = Limits { train: 1, development: 2, test: 3, source: 4, source_test: 5, texts: 6 };
    config.training.epochs = 7;
    config.model.embedding = 64;
    config.model.separation.same = 0.5;
    config.vectors.cbow.epochs = 2;
    config.instance_transfer.delta = 0.5;
    config.crf.training.l2 = 0.1;
    let with = config.clone();
    let of = |job| Config { job, ..with.clone() }.for_its_job();

    let tagger = of(Job::Tagger);
    assert_eq!((tagger.limits.source, tagger.limits.texts, tagger.training.epochs), (4, 0, 7));
    assert_eq!((tagger.vectors, tagger.crf), (Vectors::default(), LinearCrfConfig::default()));
    assert_eq!(tagger.instance_transfer.delta.to_bits(), 0.5_f64.to_bits());

    config.model.transfer = false;
    let alone = Config { job: Job::Tagger, ..config.clone() }.for_its_job();
    assert_eq!((alone.limits.test, alone.limits.source, alone.limits.source_test), (3, 0, 0));
    assert_eq!(alone.instance_transfer, TransferConfig::default());
    assert_eq!(alone.model.separation, Separation::default());
    assert_eq!(alone.other_data(), Vec::<&str>::new());

    // What a tagger makes of its vectors is its own affair, not that of their training.
    config.vectors.scale = Some(0.5);
    for (job, transfer, scale) in
        [(Job::Tagger, true, Some(0.5)), (Job::Tagger, false, Some(0.5)), (Job::Vectors, false, None)]
    {
        let mut config = Config { job, ..config.clone() };
        config.model.transfer = transfer;
        assert_eq!(config.for_its_job().vectors.scale, scale, "{job:?}");
    }

    let vectors = of(Job::Vectors);
    assert_eq!((vectors.limits.texts, vectors.limits.train, vectors.model.embedding), (6, 0, 64));
    assert_eq!((vectors.training, vectors.vectors.cbow.epochs), (Training::default(), 2));

    let plain = of(Job::LinearCrf);
    assert_eq!((plain.model.embedding, plain.limits.source, plain.vectors), (100, 0, Vectors::default()));
    let mut dense = Config { job: Job::LinearCrf, ..config.clone() };
    dense.crf.features.embedding = Embedding::Word;
    let dense = dense.for_its_job();
    assert_eq!((dense.model.embedding, dense.limits.source, dense.vectors.cbow.epochs), (64, 4, 2));
    assert_eq!(dense.other_data(), ["pd1998"]);

    let counted = of(Job::Statistics);
    assert_eq!(counted, Config { job: Job::Statistics, ..Config::default() });
    let transfer = of(Job::Transfer);
    assert_eq!(
        (transfer.limits.train, transfer.limits.source, transfer.entity_set),
        (1, 4, EntitySet::Named)
    );
    assert_eq!(transfer.model, ModelConfig::default());
}

#[test]
fn what_is_switched_off_has_no_keys() {
    let mut config = ModelConfig { transfer: false, self_attention: false, ..ModelConfig::default() };
    (config.attention.heads, config.indrnn.layers, config.indrnn.hidden) = (7, 0, 55);
    config.separation.reversal.strength = 3.0;
    let ground = ModelConfig::default();
    let kept = config.for_its_switches();
    assert_eq!((kept.attention, kept.separation), (ground.attention, ground.separation));
    assert_eq!((kept.indrnn.layers, kept.indrnn.hidden), (0, 100));
}

/// The key that is refused after this change of the defaults; empty where none is.
fn refused(change: impl Fn(&mut Config)) -> String {
    let mut config = Config::default();
    change(&mut config);
    config.problem().map_or(String::new(), |(key, _)| key)
}

#[test]
fn values_that_cannot_work_are_named() {
    assert_eq!(refused(|_| ()), "");
    assert_eq!(refused(|c| c.development = 1.0), "development");
    assert_eq!(refused(|c| c.source.development = -0.1), "source.development");
    assert_eq!(refused(|c| c.split.max_length = 3), "split.max_length");
    assert_eq!(refused(|c| c.source.batches = 0), "source.batches");
    assert_eq!(refused(|c| (c.source.batches, c.model.transfer) = (0, false)), "");
    let control = |c: &mut Config| {
        let separation = &mut c.model.separation;
        (separation.difference, separation.same, separation.reconstruction) = (0.0, 0.0, 0.0);
        c.source.batches = 0;
    };
    assert_eq!(refused(control), "");
    assert_eq!(refused(|c| c.instance_transfer.beta = 0.9), "instance_transfer.beta");
    assert_eq!(refused(|c| c.training.batch_size = 0), "training.batch_size");
    assert_eq!(refused(|c| c.training.learning_rate = f64::NAN), "training.learning_rate");
    assert_eq!(refused(|c| c.training.clip = 0.0), "training.clip");
    assert_eq!(refused(|c| c.training.warmup = 1.0), "training.warmup");
    assert_eq!(refused(|c| c.model.dropout = 1.0), "model.dropout");
    assert_eq!(refused(|c| c.model.attention.dropout = 1.5), "model.attention.dropout");
    assert_eq!(refused(|c| c.model.indrnn.dropout = f64::NAN), "model.indrnn.dropout");
    assert_eq!(refused(|c| c.model.embedding = 0), "model.embedding");
    assert_eq!(refused(|c| c.model.separation.same = -1.0), "model.separation.same");
    let endless = |c: &mut Config| c.model.separation.reversal.epochs = f64::INFINITY;
    assert_eq!(refused(endless), "model.separation.reversal.epochs");
    let heads = |heads: i64| {
        refused(|c| {
            c.model.attention.kind = medner_core::layers::AttentionKind::DotProduct;
            c.model.attention.heads = heads;
        })
    };
    assert_eq!([heads(4), heads(3), heads(0)], ["", "model.attention.heads", "model.attention.heads"]);
}

#[test]
fn values_of_the_linear_crf_and_of_the_vectors_are_named() {
    assert_eq!(refused(|c| c.crf.training.l2 = -1.0), "crf.training.l2");
    assert_eq!(refused(|c| c.crf.training.iterations = 0), "crf.training.iterations");
    assert_eq!(refused(|c| c.crf.training.tolerance = f64::NAN), "crf.training.tolerance");
    assert_eq!(refused(|c| c.crf.features.scale = 0.0), "crf.features.scale");
    assert_eq!(refused(|c| c.crf.features.min_count = 0), "crf.features.min_count");
    assert_eq!(refused(|c| c.vectors.cbow.window = 0), "vectors.cbow.window");
    assert_eq!([0.0, f64::NAN].map(|x| refused(|c| c.vectors.scale = Some(x))), ["vectors.scale"; 2]);
    assert_eq!(refused(|c| c.vectors.scale = Some(0.1)), "");
    assert_eq!(refused(|c| c.vectors.cbow.min_alpha = 1.0), "vectors.cbow.min_alpha");
}

/// A value that would be replaced by another key's is no mistake to be silent about; at its default it is what every stored
/// configuration has.
#[test]
fn values_that_would_be_passed_over_are_named() {
    for steps in [-3, 10, 0] {
        assert_eq!(refused(|c| c.model.indrnn.max_steps = steps), "model.indrnn.max_steps");
    }
    assert_eq!(refused(|c| c.split.max_length = 100), "");
    assert_eq!(refused(|c| c.vectors.cbow.dim = 50), "vectors.cbow.dim");
    assert_eq!(refused(|c| c.model.embedding = 50), "");
    assert_eq!(refused(|c| c.vectors.cbow.seed = 2), "vectors.cbow.seed");
    assert_eq!(refused(|c| c.vectors.cbow.threads = 2), "vectors.cbow.threads");
    let digits = |job: Job| {
        refused(|c| {
            c.job = job;
            c.vectors.cbow.normalisation.digits = true;
        })
    };
    assert_eq!([digits(Job::Vectors), digits(Job::LinearCrf)], ["vectors.cbow.normalisation", ""]);
}

#[test]
fn full_width_characters_are_those_of_the_other_task_where_asked_for() {
    let mut config = Config { job: Job::Vectors, half_width: true, ..Config::default() };
    for job in [Job::Tagger, Job::Vectors] {
        config.job = job;
        let normalisation = config.clone().for_its_job().normalisation();
        assert_eq!(
            ["１", "Ｗ", "，", "。"].map(|c| normalisation.apply(c).into_owned()),
            ["1", "W", ",", "。"]
        );
    }
    config.job = Job::LinearCrf;
    assert!(!config.for_its_job().half_width);
    assert_eq!(Config::default().normalisation().apply("１"), "１");
}

#[test]
fn reversal_grows_from_nothing_to_its_strength() {
    let reversal = Reversal { strength: 0.5, steepness: 10.0, epochs: 4.0 };
    assert!(reversal.at(0.0).abs() < 1e-12);
    // 2 / (1 + exp(-5)) - 1 at half of the way.
    assert!((reversal.at(2.0) - 0.5 * 0.986_614_298_151_43).abs() < 1e-12);
    assert_eq!(reversal.at(4.0).to_bits(), reversal.at(100.0).to_bits());
    assert!((reversal.at(4.0) - 0.5).abs() < 1e-4);
    let at_once = Reversal { epochs: 0.0, ..reversal };
    assert!((at_once.at(0.0) - 0.5).abs() < 1e-12);
}

#[test]
fn entity_sets_go_by_the_end_of_the_label() {
    let has = |set: EntitySet| ["PER.NAM", "PER.NOM", "symptom"].map(|label| set.has(label));
    assert_eq!(has(EntitySet::All), [true, true, true]);
    assert_eq!(has(EntitySet::Named), [true, false, false]);
    assert_eq!(has(EntitySet::Nominal), [false, true, false]);
}
