//! XLNet beside the `transformers` library. Fixtures: `tools/golden/xlnet.py`.
#![allow(clippy::unwrap_used)]

mod folders;
mod parity;
mod tiny_checkpoints;

use std::path::{Path, PathBuf};

use medner_core::tensors::{self, NamedTensors};
use medner_data::at_hand;
use medner_mtl_ls::xlnet::XlnetInput;
use tch::Tensor;

/// A fixture's folder.
fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/xlnet").join(name)
}

/// The folder of this name, or nothing (said aloud) where it is not.
fn mirror(name: &str) -> Option<PathBuf> {
    at_hand::folder_with(env!("CARGO_MANIFEST_DIR"), name).map(|folder| folder.join(name))
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

    /// The memory given to each layer, if any.
    fn memory(&self, case: &str) -> Vec<Tensor> {
        (0..).map_while(|layer| Some(self.get(case, &format!("mems/{layer}"))?.shallow_clone())).collect()
    }

    fn input<'a>(&'a self, case: &str, memory: &'a [Tensor]) -> XlnetInput<'a> {
        XlnetInput {
            ids: self.get(case, "input_ids").unwrap(),
            mask: self.get(case, "attention_mask"),
            segments: self.get(case, "token_type_ids"),
            memory: Some(memory).filter(|memory| !memory.is_empty()),
            order: self.get(case, "perm_mask"),
            places: self.get(case, "places"),
        }
    }
}

/// The inputs of the fixture `bi`; the first three are those of `uni`.
const CASES: [&str; 8] =
    ["plain", "segments", "memory", "right", "left", "order", "two_stream", "two_stream_all"];

/// The largest difference.
fn difference(found: &Tensor, expected: &Tensor) -> f64 {
    assert_eq!(found.size(), expected.size());
    (found - expected).abs().max().double_value(&[])
}
