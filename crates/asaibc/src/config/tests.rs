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

#[test]
fn values_that_cannot_work_are_named() {
    let with = |change: fn(&mut Config)| {
        let mut config = Config::default();
        change(&mut config);
        config.problem().map(|(key, _)| key)
    };
    assert_eq!(with(|_| ()), None);
    assert_eq!(with(|c| c.development = 1.0), Some("development"));
    assert_eq!(with(|c| c.source.development = -0.1), Some("source.development"));
    assert_eq!(with(|c| c.split.max_length = 3), Some("split.max_length"));
    assert_eq!(with(|c| c.source.batches = 0), Some("source.batches"));
    assert_eq!(with(|c| (c.source.batches, c.model.transfer) = (0, false)), None);
    assert_eq!(with(|c| c.instance_transfer.beta = 0.9), Some("instance_transfer"));
    assert_eq!(with(|c| c.training.batch_size = 0), Some("training.batch_size"));
    assert_eq!(with(|c| c.training.learning_rate = f64::NAN), Some("training.learning_rate"));
    assert_eq!(with(|c| c.training.clip = 0.0), Some("training.clip"));
    assert_eq!(with(|c| c.training.warmup = 1.0), Some("training.warmup"));
    assert_eq!(with(|c| c.model.dropout = 1.0), Some("model.dropout"));
    assert_eq!(with(|c| c.model.embedding = 0), Some("model.embedding"));
    assert_eq!(with(|c| c.model.separation.same = -1.0), Some("model.separation.same"));
    assert_eq!(
        with(|c| c.model.separation.reversal.epochs = f64::INFINITY),
        Some("model.separation.reversal.epochs")
    );
    let dot_product =
        |c: &mut Config| c.model.attention.kind = medner_core::layers::AttentionKind::DotProduct;
    let heads = |heads: i64| {
        let mut config = Config::default();
        dot_product(&mut config);
        config.model.attention.heads = heads;
        config.problem().map(|(key, _)| key)
    };
    assert_eq!(
        (heads(4), heads(3), heads(0)),
        (None, Some("model.attention.heads"), Some("model.attention.heads"))
    );
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
