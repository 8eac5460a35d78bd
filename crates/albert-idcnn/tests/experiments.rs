//! The tables of `experiments/albert-idcnn` are of one piece: what stands in several of them is one cell.
#![allow(clippy::unwrap_used, missing_docs)]

use std::path::PathBuf;

use medner_albert_idcnn::AlbertIdcnn;
use medner_experiment::schema::{Profile, TableSpec};
use medner_experiment::{Method, Value};

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
        (("table2", whole.to_owned()), ("table5", named("Adam"))),
        (("table2", whole.to_owned()), ("fig5", "4 heads".to_owned())),
        (("table2", whole.to_owned()), ("sensitivity", "as in Table 2".to_owned())),
        (("table2", whole.to_owned()), ("table3", whole.to_owned())),
        (("table5", named("RAdam")), ("table6", whole.to_owned())),
        (("table2", "ALBERT encoder".to_owned()), ("pretraining", "ALBERT encoder".to_owned())),
    ];
    for optimizer in ["AdaGrad", "RMSprop", "Adam", "Lookahead + Adam", "RAdam"] {
        same.push((("table5", named(optimizer)), ("fig4", optimizer.to_owned())));
    }
    for profile in PROFILES {
        for ((one, a), (two, b)) in &same {
            let (left, right) = (config(&table(one), profile, a), config(&table(two), profile, b));
            assert_eq!(left, right, "{profile}: {a} of {one}, {b} of {two}");
        }
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
