//! The tables of `experiments/mtl-ls` are of one piece: what stands in several of them is one cell, a control differs in what it
//! controls for alone.

use std::collections::BTreeMap;
use std::path::Path;

use medner_core::precision::Precision;
use medner_experiment::schema::{Profile, TableSpec};
use medner_experiment::{Method, Value};
use medner_mtl_ls::MtlLs;
use medner_mtl_ls::config::{Config, Epochs};

const PROFILES: [Profile; 3] = [Profile::Quick, Profile::Cpu, Profile::Paper];

fn table(name: &str) -> TableSpec {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/mtl-ls");
    TableSpec::load(&root.join(format!("{name}.yaml"))).unwrap()
}

fn value(table: &TableSpec, profile: Profile, system: &str, dataset: &str) -> Value {
    MtlLs.check_config(&table.config(profile, system, dataset, &[]).to_value()).unwrap()
}

fn config(table: &TableSpec, profile: Profile, system: &str, dataset: &str) -> Config {
    serde_json::from_value(value(table, profile, system, dataset)).unwrap()
}

/// The epochs that a scored model has behind it.
fn behind(epochs: Epochs) -> u64 {
    epochs.initial + if epochs.rounds > 0 { epochs.per_round } else { 0 }
}

#[test]
fn the_figures_rows_are_those_of_table_3() {
    let three = table("table3");
    let rows = |table: &TableSpec, profile: Profile| -> Vec<String> {
        let pairs = table.pairs(profile).into_iter().filter(|(system, _)| *system == "MTL-LS");
        pairs.map(|(_, dataset)| dataset.to_owned()).collect()
    };
    for figure in ["fig3", "fig4"].map(table) {
        assert_eq!(figure.system("MTL-LS").unwrap().needs, three.system("MTL-LS").unwrap().needs);
        for profile in PROFILES {
            assert_eq!(rows(&figure, profile), rows(&three, profile), "{} {profile}", figure.name);
            for dataset in rows(&figure, profile) {
                assert_eq!(
                    value(&figure, profile, "MTL-LS", &dataset),
                    value(&three, profile, "MTL-LS", &dataset)
                );
            }
        }
    }
    // Without its files the row of BC4CHEMD says what it waits for; the mean does without it.
    assert!(rows(&table("fig3"), Profile::Cpu).contains(&"BC4CHEMD".to_owned()));
    let four = table("fig4");
    let mean = &four.system("MTL-LS, mean").unwrap().needs;
    assert!(mean.values().all(|need| need.system() == "MTL-LS" && need.dataset() != Some("BC4CHEMD")));
    assert_eq!(mean.len(), 5);
}

#[test]
fn the_control_has_twice_the_epochs_and_nothing_else() {
    let three = table("table3");
    for profile in PROFILES {
        for dataset in ["BC5CDR-disease", "NCBI-disease"] {
            let [once, mut twice, shared] = ["STL", "STL, twice the epochs", "MTL-LS@0.50"]
                .map(|system| config(&three, profile, system, dataset));
            let pool = config(&three, profile, "category model", "disease");
            let [read, again, own, shared] =
                [&once, &twice, &shared, &pool].map(|config| behind(config.training.epochs));
            assert_eq!((again, own + shared), (2 * read, 2 * read), "{profile}");
            twice.training.epochs = once.training.epochs;
            assert_eq!(twice, once, "{profile}");
        }
    }
}

/// The straight decay makes the end of a training what is scored: at most the paper's 5 of 30.
#[test]
fn whole_corpora_are_scored_at_the_end_of_a_training() {
    for profile in [Profile::Cpu, Profile::Paper] {
        for system in ["STL", "STL, twice the epochs", "MTL-LS@0.25", "category model"] {
            let training = config(&table("table3"), profile, system, "NCBI-disease").training;
            let length = training.epochs.training_of(training.epochs.total() - 1).1;
            assert!(6 * training.last <= length, "{profile} {system}: {} of {length}", training.last);
        }
    }
}

#[test]
fn small_data_sets_diseases_and_linnaeus_have_three_seeds_and_the_others_one() {
    let mut seeds: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for name in ["table1", "table2", "table3", "fig3", "fig4"] {
        let table = table(name);
        for (system, dataset) in table.pairs(Profile::Cpu) {
            let own = table.seeds_of(Profile::Cpu, system, dataset).to_vec();
            let known = seeds.entry(dataset.to_owned()).or_insert_with(|| own.clone());
            assert_eq!(*known, own, "{name}: {system} on {dataset}");
        }
    }
    for (dataset, seeds) in seeds {
        let small = ["Ex-PTM", "BioNLP13GE", "BioNLP11ID", "BioNLP13PC", "BioNLP13CG"];
        let spread = small.iter().any(|name| dataset.starts_with(name))
            || dataset.ends_with("-disease")
            || dataset == "LINNAEUS";
        assert_eq!(seeds, if spread { vec![1, 2, 3] } else { vec![1] }, "{dataset}");
    }
}

/// Sentences that the smallest data sets and BC5CDR train on, as their files have them.
const TRAINING_SENTENCES: [(&str, u64); 4] =
    [("Ex-PTM", 1377), ("BioNLP13GE", 2449), ("BioNLP11ID-chem", 2496), ("BC5CDR-chem", 4560)];

#[test]
fn small_data_sets_are_trained_for_as_many_steps_as_bc5cdr() {
    let two = table("table2");
    let steps = |system: &str, dataset: &str, sentences: u64| {
        let training = config(&two, Profile::Cpu, system, dataset).training;
        training.epochs.total() * sentences.div_ceil(training.batch_size as u64)
    };
    for system in ["STL", "MTL-LS@0.25", "MTL-LS@1.00"] {
        for (dataset, sentences) in TRAINING_SENTENCES {
            let steps = steps(system, dataset, sentences);
            assert!((800..=960).contains(&steps), "{system} on {dataset}: {steps}");
        }
    }
}

/// Keys of memory and speed, which a misspelt profile would leave at their defaults.
#[test]
fn the_paper_s_profile_is_set_to_fit_a_small_gpu() {
    let two = table("table2");
    let paper = config(&two, Profile::Paper, "STL", "BC2GM").training;
    assert_eq!((paper.part_size, paper.recompute, paper.precision), (8, true, Precision::Bf16));
    assert_eq!((paper.batch_size, paper.epochs), (32, Epochs::default()));
}
