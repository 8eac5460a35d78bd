//! ALBERT beside the `transformers` library. Fixtures: `tools/golden/albert.py` and `tools/golden/albert_tokenizer.py`.
#![allow(clippy::unwrap_used)]

mod folders;
mod parity;
mod tokenizer;

use std::path::{Path, PathBuf};

use medner_albert_idcnn::albert::AlbertInput;
use medner_core::tensors::{self, NamedTensors};
use tch::Tensor;

/// A fixture's folder.
fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/albert").join(name)
}

/// What the reference computed, by `<input>/<what>`.
struct Expected(NamedTensors);

impl Expected {
    fn read(name: &str) -> Self {
        Self(tensors::read(&golden(name).join("expected.safetensors")).unwrap())
    }

    fn get(&self, case: &str, what: &str) -> Option<&Tensor> {
        self.0.get(&format!("{case}/{what}"))
    }

    fn input(&self, case: &str) -> AlbertInput<'_> {
        AlbertInput {
            ids: self.get(case, "ids").unwrap(),
            mask: self.get(case, "mask"),
            segments: self.get(case, "segments"),
        }
    }
}

/// The inputs of every fixture.
const CASES: [&str; 4] = ["plain", "right", "left", "no_segments"];

/// The largest difference.
fn difference(found: &Tensor, expected: &Tensor) -> f64 {
    assert_eq!(found.size(), expected.size());
    (found - expected).abs().max().double_value(&[])
}
