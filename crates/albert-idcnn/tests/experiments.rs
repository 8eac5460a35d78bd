//! The tables of `experiments/albert-idcnn` are of one piece: what stands in several of them is one cell.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use medner_albert_idcnn::AlbertIdcnn;
use medner_albert_idcnn::reading::open_encoder;
use medner_experiment::context::NeededCell;
use medner_experiment::schema::{Profile, TableSpec};
use medner_experiment::{Cell, DataFacts, Method, Outcome, RunContext, RunRecord, Status, Value};

const DATA: &str = "CCKS-2019";
const PROFILES: [Profile; 3] = [Profile::Quick, Profile::Cpu, Profile::Paper];

fn table(name: &str) -> TableSpec {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../experiments/albert-idcnn");
    TableSpec::load(&root.join(format!("{name}.yaml"))).unwrap()
}

fn config(table: &TableSpec, profile: Profile, system: &str) -> Value {
    assert!(table.system(system).is_some(), "{} has no {system}", table.name);
    AlbertIdcnn.check_config(&table.config(profile, system, DATA, &[]).to_value()).unwrap()
}

#[test]
fn a_system_is_the_same_cell_in_every_table() {
    let whole = "ALBERT-IDCNN-MHA-CRF";
    let named = |optimizer: &str| format!("{whole} with {optimizer}");
    let mut same = vec![
        (("table2", "ALBERT encoder".to_owned()), ("table5", "ALBERT encoder".to_owned())),
        (("table2", whole.to_owned()), ("fig3", whole.to_owned())),
        (("table2", whole.to_owned()), ("fig5", "4 heads".to_owned())),
        (("table2", whole.to_owned()), ("sensitivity", "as in Table 2".to_owned())),
        (("table2", whole.to_owned()), ("table3", whole.to_owned())),
        (("table5", named("RAdam")), ("table6", whole.to_owned())),
        (("table2", "ALBERT encoder".to_owned()), ("pretraining", "ALBERT encoder".to_owned())),
    ];
    for optimizer in ["AdaGrad", "RMSprop", "Adam", "Lookahead + Adam", "RAdam"] {
        same.push((("table5", named(optimizer)), ("fig4", optimizer.to_owned())));
    }
    same.push((
        ("table2", "ALBERT encoder, all text".to_owned()),
        ("table5", "ALBERT encoder, all text".to_owned()),
    ));
    for profile in PROFILES {
        // Table 5 has no warm-up; where Table 2 has one, it has a row of its own there.
        let adam = named(if profile == Profile::Cpu { "Adam and a warm-up" } else { "Adam" });
        let own = (("table2", whole.to_owned()), ("table5", adam));
        for ((one, a), (two, b)) in same.iter().chain([&own]) {
            let (left, right) = (config(&table(one), profile, a), config(&table(two), profile, b));
            assert_eq!(left, right, "{profile}: {a} of {one}, {b} of {two}");
        }
    }
    // What a system starts from is named alike, and each of those names is one configuration by the loop above.
    for ((one, a), (two, b)) in &same {
        let needs = |name: &str, system: &str| table(name).system(system).unwrap().needs.clone();
        assert_eq!(needs(one, a), needs(two, b), "{a} of {one}, {b} of {two}");
    }
}

#[test]
fn every_system_of_the_sweeps_differs_from_the_others() {
    for name in ["table5", "fig5", "sensitivity"] {
        let table = table(name);
        for profile in PROFILES {
            let systems = table.pairs(profile).into_iter().map(|(system, _)| system);
            let configs: Vec<Value> = systems.map(|system| config(&table, profile, system)).collect();
            for (i, one) in configs.iter().enumerate() {
                assert!(!configs[..i].contains(one), "{name}, {profile}: row {} stands twice", i + 1);
            }
        }
    }
}

#[test]
fn with_a_published_encoder_nothing_is_pre_trained_and_the_other_systems_stay_what_they_are() {
    let mut given = table("table2").config(Profile::Paper, "ALBERT encoder", DATA, &[]).to_value();
    given["encoder"] = "weights".into();
    let taken = AlbertIdcnn.check_config(&given).unwrap();
    let default = AlbertIdcnn.check_config(&Value::Null).unwrap();
    assert_eq!((&taken["encoder"], &taken["pretraining"]), (&"weights".into(), &default["pretraining"]));
    let plain = config(&table("table2"), Profile::Paper, "IDCNN-CRF");
    let mut given = table("table2").config(Profile::Paper, "IDCNN-CRF", DATA, &[]).to_value();
    given["encoder"] = "weights".into();
    assert_eq!(AlbertIdcnn.check_config(&given).unwrap(), plain);
}

/// A finished tagger's record with this F1, written where a dependent cell finds it.
fn record(folder: &Path, system: &str, f1: f64) -> NeededCell {
    let mut cell = cell(&serde_json::json!({"job": "tagger"}));
    system.clone_into(&mut cell.system);
    cell.hash = cell.content_hash();
    let mut outcome = Outcome::default();
    outcome.score("ner", "f1", f1);
    let record = RunRecord {
        format: medner_experiment::record::FORMAT,
        status: Status::Finished,
        reason: None,
        paper: "albert-idcnn".into(),
        profile: "quick".into(),
        cell,
        outcome,
        peak_memory_mib: 0.0,
        device: "cpu".into(),
        threads: 1,
        versions: BTreeMap::new(),
        started: "2026-01-01T00:00:00Z".into(),
        command: String::new(),
    };
    let path = folder.join(format!("{system}.json"));
    record.save(&path).unwrap();
    NeededCell { folder: folder.to_owned(), record: path }
}

fn cell(given: &Value) -> Cell {
    let config = AlbertIdcnn.check_config(given).unwrap();
    let default = AlbertIdcnn.check_config(&Value::Null).unwrap();
    Cell {
        hash: String::new(),
        method: "albert-idcnn".into(),
        results_version: AlbertIdcnn.results_version(),
        system: "a system".into(),
        dataset: DATA.into(),
        data: "ccks2019".into(),
        seed: 1,
        changed: medner_experiment::config::difference(&config, &default),
        config,
        facts: DataFacts::default(),
        inputs: DataFacts::default(),
        needs: BTreeMap::new(),
        tables: BTreeSet::new(),
    }
}

#[test]
fn the_best_number_of_heads_is_that_of_the_highest_f1_and_the_smaller_of_two() {
    let folder = tempfile::tempdir().unwrap();
    let mut ctx = RunContext::new(folder.path(), folder.path());
    for (heads, f1) in [("1", 0.80), ("2", 0.82), ("4", 0.84), ("8", 0.84), ("16", 0.81)] {
        ctx.needs.insert(heads.into(), record(folder.path(), heads, f1));
    }
    let cell = cell(&serde_json::json!({"job": "best_heads"}));
    let outcome = AlbertIdcnn.run(&cell, &ctx).unwrap();
    assert_eq!(outcome.scores["ner"]["heads"], 4.0);
    let said = "1: 80.00, 2: 82.00, 4: 84.00, 8: 84.00, 16: 81.00";
    assert_eq!(outcome.notes["F1 by heads"], said);
    ctx.needs.clear();
    assert!(AlbertIdcnn.run(&cell, &ctx).unwrap_err().to_string().contains("each number of heads"));
}

/// The folder that `transformers` wrote for the tests of parity.
fn published() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/albert/shared")
}

#[test]
fn a_published_encoder_is_taken_in_whole() {
    let folder = tempfile::tempdir().unwrap();
    let ctx = RunContext::new(folder.path(), folder.path());
    let given = serde_json::json!({"job": "pretraining", "encoder": published().to_str().unwrap()});
    let cell = cell(&given);
    let inputs = AlbertIdcnn.inputs(&cell.config).unwrap();
    for name in ["config.json", "vocab.txt", "model.safetensors"] {
        assert_eq!(inputs.files.get(name).map(String::len), Some(64), "{name}");
    }
    let outcome = AlbertIdcnn.run(&cell, &ctx).unwrap();
    assert!(outcome.notes["encoder"].starts_with("published, `shared`"), "{:?}", outcome.notes);
    let [taken, given] =
        [folder.path().join("encoder"), published()].map(|path| open_encoder(&path).unwrap());
    assert_eq!((&taken.config, &taken.vocabulary), (&given.config, &given.vocabulary));
    // A tagger that starts from a folder is known by the same files; one that reads characters by none.
    let tagger = |input: &str| {
        let given = serde_json::json!({"encoder": published().to_str().unwrap(), "model": {"input": input}});
        AlbertIdcnn.inputs(&AlbertIdcnn.check_config(&given).unwrap()).unwrap().files
    };
    assert_eq!(tagger("albert"), inputs.files);
    assert!(tagger("characters").is_empty());
    // What is missing is said before anything runs.
    let nowhere = serde_json::json!({"job": "pretraining", "encoder": "nowhere"});
    let missing = AlbertIdcnn.inputs(&AlbertIdcnn.check_config(&nowhere).unwrap()).unwrap_err();
    assert!(missing.reason.contains("nowhere") && missing.reason.contains("config.json"), "{missing}");
}
