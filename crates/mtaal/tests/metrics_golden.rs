//! The four metrics beside reference libraries (`tools/golden/mtaal_metrics.py`).

#![allow(clippy::unwrap_used)]

use medner_metrics::{LabelSet, TagScheme};
use medner_mtaal::corpus::ConceptSet;
use medner_mtaal::metrics::{Layer, Metrics, metrics};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    tags: Vec<String>,
    concepts: usize,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    ner: Sides,
    nen: Sides,
    #[serde(flatten)]
    expected: Metrics,
}

#[derive(Deserialize)]
struct Sides {
    gold: Vec<Vec<u32>>,
    predicted: Vec<Vec<u32>>,
}

impl Sides {
    fn layer(&self) -> Layer<'_> {
        Layer { gold: &self.gold, predicted: &self.predicted }
    }
}

#[test]
fn metrics_are_those_of_reference_libraries() {
    let golden: Golden = serde_json::from_str(include_str!("golden/metrics.json")).unwrap();
    let labels = LabelSet::new(TagScheme::Bio, ["Chemical", "Disease"]).unwrap();
    assert_eq!(labels.tags(), golden.tags);
    let concepts = ConceptSet::new((1..golden.concepts).map(|n| format!("D{n}")));
    for (number, case) in golden.cases.iter().enumerate() {
        let found = metrics(Some((case.ner.layer(), &labels)), Some((case.nen.layer(), &concepts))).unwrap();
        for ((name, found), (_, expected)) in found.named().into_iter().zip(case.expected.named()) {
            match (found, expected) {
                (Some(found), Some(expected)) => {
                    assert!(
                        (found - expected).abs() < 1e-12,
                        "case {number}: {name} {found}, not {expected}"
                    );
                }
                _ => assert_eq!(found, expected, "case {number}: {name}"),
            }
        }
    }
    assert_eq!(golden.cases.len(), 4);
}
