//! The jobs, and that an interruption changes nothing.

use medner_core::params::Params;
use medner_core::tensors;
use medner_mtl_ls::encoder::{self, POOL_FILE};
use medner_mtl_ls::entity_sets::{RATIOS, REGIONS};
use medner_mtl_ls::subtasks::{self, Limits};
use medner_mtl_ls::xlnet::XlnetModel;
use medner_training::pretraining::outcome::ENCODER_FOLDER;
use serde_json::{Value, json};
use tch::Device;

use crate::{assert_same, pretraining, run, same_bytes};

fn limits() -> Value {
    json!({"train": 12, "dev": 6, "test": 10})
}

fn training() -> Value {
    json!({
        "epochs": {"initial": 1, "rounds": 2, "per_round": 2}, "last": 1, "batch_size": 6, "part_size": 4,
        "learning_rate": 0.003, "warmup": 0.1,
    })
}

#[test]
fn every_job_is_the_same_to_the_bit_when_it_is_interrupted_after_every_step() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);

    let config = json!({"job": "pretrain", "pretraining": pretraining(2), "limits": {"train": 40}});
    let encoder = run(&at("encoder"), &config, "sample-disease", &[], false);
    let again = run(&at("encoder-interrupted"), &config, "sample-disease", &[], true);
    assert_same(&encoder.outcome, &again.outcome);
    same_bytes(&encoder.folder.join(ENCODER_FOLDER), &again.folder.join(ENCODER_FOLDER), "model.safetensors");
    let scores = &encoder.outcome.scores["encoder"];
    assert!(scores["perplexity"] > 1.0 && scores["vocabulary"] > 20.0);
    assert_eq!(encoder.outcome.curves["perplexity"].rows.len(), 2);

    let needs = [("encoder", &encoder)];
    let config = json!({"job": "pool", "limits": limits(), "training": training()});
    let pool = run(&at("pool"), &config, "sample-disease", &needs, false);
    let again = run(&at("pool-interrupted"), &config, "sample-disease", &needs, true);
    assert_same(&pool.outcome, &again.outcome);
    same_bytes(&pool.folder, &again.folder, POOL_FILE);
    // Two rounds with one checkpoint each, for both sub-tasks; no checkpoint is left behind.
    assert_eq!(pool.outcome.curves["checkpoints"].rows.len(), 4);
    // The counts of each sentence are of both checkpoints, as the mean of F1 is.
    let units = &pool.outcome.units["NCBI-disease"].0;
    let gold = subtasks::corpora("sample-NCBI-disease", Limits { train: 12, dev: 6, test: 10 }).unwrap();
    let gold: Vec<usize> = gold[0].corpus.test.iter().map(|sentence| 2 * sentence.spans.len()).collect();
    assert_eq!(units.iter().map(|counts| counts.gold).collect::<Vec<_>>(), gold);
    assert!(!pool.folder.join("latest").exists());

    let mut taggers = Vec::new();
    for rate in [Value::Null, json!(0.5), json!(1.0)] {
        let config = json!({"slicing_rate": rate, "limits": limits(), "training": training()});
        let needs = [("encoder", &encoder), ("pool", &pool)];
        let needs = if rate.is_null() { &needs[..1] } else { &needs[..] };
        let tagger = run(&at(&format!("tagger-{rate}")), &config, "sample-NCBI-disease", needs, false);
        let folder = at(&format!("tagger-{rate}-interrupted"));
        let again = run(&folder, &config, "sample-NCBI-disease", needs, true);
        assert_same(&tagger.outcome, &again.outcome);
        for metric in ["precision", "recall", "f1", "dev_f1"].iter().chain(&REGIONS).chain(&RATIOS) {
            assert!(tagger.outcome.scores["disease"].contains_key(*metric), "{metric}");
        }
        taggers.push(tagger);
    }
    // What is shared makes a difference.
    assert_ne!(taggers[0].outcome.curves["epochs"], taggers[2].outcome.curves["epochs"]);
    assert_ne!(taggers[1].outcome.curves["epochs"], taggers[2].outcome.curves["epochs"]);

    // The rows that take their numbers from other runs.
    let pooled =
        run(&at("pooled"), &json!({"job": "pooled"}), "sample-NCBI-disease", &[("pool", &pool)], false);
    assert_eq!(pooled.outcome.scores["disease"], pool.outcome.scores["NCBI-disease"]);
    assert_eq!(pooled.outcome.units["disease"], pool.outcome.units["NCBI-disease"]);
    // Whatever starts from the category's model says what that was trained on; what does not, does not.
    for (outcome, told) in
        [(&pooled.outcome, true), (&taggers[1].outcome, true), (&taggers[0].outcome, false)]
    {
        let note = |key: &str| outcome.notes.get(key).map(String::as_str);
        assert_eq!(note("trained together"), told.then_some("BC5CDR-disease, NCBI-disease"));
        assert_eq!(note("trained on elsewhere, NCBI-disease").is_some(), told);
        assert_eq!(note("trained on elsewhere, BC5CDR-disease"), None);
    }
    let needs = [("0.50", &taggers[1]), ("1.00", &taggers[2])];
    let chosen = run(&at("chosen"), &json!({"job": "chosen"}), "sample-NCBI-disease", &needs, false);
    let dev = |i: usize| taggers[i].outcome.scores["disease"]["dev_f1"];
    let best = if dev(2) > dev(1) { 2 } else { 1 };
    assert_eq!(chosen.outcome.scores, taggers[best].outcome.scores);
    let needs = [("a", &taggers[1]), ("b", &taggers[2])];
    let mean = run(&at("mean"), &json!({"job": "mean_of_sets"}), "sample-NCBI-disease", &needs, false);
    let of = |i: usize| taggers[i].outcome.scores["disease"][RATIOS[1]];
    let found = mean.outcome.scores["all"]["train_coverage_mean (T∩L / L)"];
    assert!((found - f64::midpoint(of(1), of(2))).abs() < 1e-12);
}

#[test]
fn lower_layers_come_from_the_pool_and_upper_ones_from_the_pre_trained_encoder() {
    let place = tempfile::tempdir().unwrap();
    let config = json!({"job": "pretrain", "pretraining": pretraining(0), "limits": {"train": 20}});
    let done = run(&place.path().join("encoder"), &config, "sample-disease", &[], false);
    let pretrained = encoder::open(&done.folder.join(ENCODER_FOLDER)).unwrap();
    let sizes = pretrained.folder.config.clone();
    // A pool whose every value is 7.
    let params = Params::new(Device::Cpu);
    let _ = XlnetModel::new(&(params.root() / "encoder"), &sizes).unwrap();
    let pool = params.state().unwrap().into_iter().map(|(name, tensor)| (name, tensor.full_like(7.0)));
    let file = place.path().join("pool.safetensors");
    tensors::write(&file, &pool.collect()).unwrap();
    for (rate, shared) in [(0.0, 0), (0.5, 1), (1.0, 2)] {
        let taken = encoder::fill(&params, &sizes, &pretrained.folder, Some((&file, rate))).unwrap();
        let of_pool = |name: &str| params.get(name).unwrap().eq(7.0).all().int64_value(&[]) == 1;
        // Slicing nothing still shares the embeddings, as the paper says.
        assert!(of_pool("encoder.word_embedding.weight") && of_pool("encoder.mask_emb"));
        for layer in 0..2 {
            for parameter in ["rel_attn.q", "rel_attn.layer_norm.bias", "ff.layer_2.weight"] {
                let name = format!("encoder.layer.{layer}.{parameter}");
                assert_eq!(of_pool(&name), layer < shared, "{rate}: {name}");
                assert_eq!(taken.contains(&name), layer < shared);
            }
        }
    }
    let message = encoder::fill(&params, &sizes, &pretrained.folder, Some((&file, 0.25)));
    assert!(message.unwrap_err().to_string().contains("slicing_rate"));
    let mut lacking = tensors::read(&file).unwrap();
    let _ = lacking.remove("encoder.layer.0.rel_attn.q").unwrap();
    tensors::write(&file, &lacking).unwrap();
    let message =
        encoder::fill(&params, &sizes, &pretrained.folder, Some((&file, 0.5))).unwrap_err().to_string();
    assert!(message.contains("pool.safetensors") && message.contains("tensors that are shared"), "{message}");
    // Above the border nothing is taken, and nothing is missed.
    encoder::fill(&params, &sizes, &pretrained.folder, Some((&file, 0.0))).unwrap();
}
