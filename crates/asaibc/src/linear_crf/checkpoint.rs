//! The state of a training in a file: all that L-BFGS needs to go on with the same bits.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};

use medner_data::hash::hash_bytes;
use medner_metrics::LabelSet;
use safetensors::tensor::SafeTensors;
use serde::{Deserialize, Serialize};

use super::LinearCrfError;
use super::features::FeatureConfig;
use super::lbfgs::State;
use super::objective::Encoded;
use super::tensors::{self, Block, bytes_of};
use super::train::TrainOptions;
use super::vectors::Vectors;

/// What must be the same for a training to go on, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity(BTreeMap<String, String>);

impl Identity {
    pub(super) fn new(
        features: &FeatureConfig,
        options: &TrainOptions,
        labels: &LabelSet,
        encoded: &Encoded,
        gold: &[u16],
        vectors: &Vectors,
    ) -> Self {
        let mut data: Vec<u8> = Vec::new();
        data.extend(encoded.starts.iter().flat_map(|x| (*x as u64).to_le_bytes()));
        data.extend(bytes_of(encoded.strings.items(), u32::to_le_bytes));
        data.extend(encoded.rows.iter().flat_map(|rows| bytes_of(rows, u32::to_le_bytes)));
        data.extend(bytes_of(gold, u16::to_le_bytes));
        data.extend(labels.tags().join(" ").bytes());
        let text = |value: serde_json::Result<String>| value.expect("plain numbers and names are JSON");
        let facts = [
            ("features", text(serde_json::to_string(features))),
            ("options", text(serde_json::to_string(options))),
            ("training sentences", hash_bytes(&data).sha256),
            ("vectors", hash_bytes(&bytes_of(vectors.values(), f32::to_le_bytes)).sha256),
        ];
        Self(facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// What is not as it was: short values with both, hashes by name.
    fn differences(&self, saved: &Self) -> Vec<String> {
        let differ = self.0.iter().filter(|(name, value)| saved.0.get(*name) != Some(value));
        differ
            .map(|(name, value)| match saved.0.get(name) {
                Some(was) if was.starts_with('{') => format!("{name} ({was} then, {value} now)"),
                _ => name.clone(),
            })
            .collect()
    }
}

#[derive(Serialize, Deserialize)]
struct Header {
    identity: Identity,
    iteration: u32,
    steps: usize,
    /// SHA-256 of all numbers.
    sha256: String,
}

/// A checkpoint file of one training.
pub(super) struct Checkpoint {
    path: PathBuf,
    identity: Identity,
}

fn sha256(blocks: &[Block]) -> String {
    let bytes: Vec<u8> = blocks.iter().flat_map(|block| block.bytes.iter().copied()).collect();
    hash_bytes(&bytes).sha256
}

impl Checkpoint {
    pub(super) fn new(path: &Path, identity: Identity) -> Self {
        Self { path: path.to_owned(), identity }
    }

    fn blocks(state: &State) -> Vec<Block> {
        let values: Vec<f64> = std::iter::once(state.value).chain(state.values.iter().copied()).collect();
        let mut blocks = vec![
            Block::f64("point", &state.point),
            Block::f64("gradient", &state.gradient),
            Block::f64("values", &values),
        ];
        for (i, (step, change)) in state.steps.iter().enumerate() {
            blocks.push(Block::f64(format!("step {i}"), step));
            blocks.push(Block::f64(format!("change {i}"), change));
        }
        blocks
    }

    pub(super) fn save(&self, state: &State) -> Result<(), LinearCrfError> {
        let blocks = Self::blocks(state);
        let header = Header {
            identity: self.identity.clone(),
            iteration: state.iteration,
            steps: state.steps.len(),
            sha256: sha256(&blocks),
        };
        let text = serde_json::to_string(&header).expect("a header is JSON");
        tensors::write(&self.path, &blocks, Some(text))
    }

    /// The saved state; nothing where there is no file.
    pub(super) fn load(&self, weights: usize) -> Result<Option<State>, LinearCrfError> {
        let path = &self.path;
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(LinearCrfError::Io { path: path.clone(), source }),
        };
        let damaged = |why: String| LinearCrfError::Damaged {
            path: path.clone(),
            message: format!("is no whole checkpoint ({why}); remove it to train from the beginning"),
        };
        let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|e| damaged(e.to_string()))?;
        let text = metadata
            .metadata()
            .as_ref()
            .and_then(|m| m.get(tensors::TEXT))
            .ok_or_else(|| damaged("it has no header".into()))?;
        let header: Header = serde_json::from_str(text).map_err(|e| damaged(e.to_string()))?;
        let differences = self.identity.differences(&header.identity);
        if !differences.is_empty() {
            return Err(LinearCrfError::OtherTraining { path: path.clone(), differences });
        }
        let file = SafeTensors::deserialize(&bytes).map_err(|e| damaged(e.to_string()))?;
        let read = |name: &str| tensors::read_f64(&file, name, path);
        let mut steps = VecDeque::new();
        for i in 0..header.steps {
            steps.push_back((read(&format!("step {i}"))?, read(&format!("change {i}"))?));
        }
        let mut values: VecDeque<f64> = read("values")?.into();
        let value = values.pop_front().ok_or_else(|| damaged("it has no value".into()))?;
        let state = State {
            iteration: header.iteration,
            point: read("point")?,
            gradient: read("gradient")?,
            value,
            steps,
            values,
        };
        let lengths = state.steps.iter().flat_map(|(step, change)| [step.len(), change.len()]);
        if lengths.chain([state.point.len(), state.gradient.len()]).any(|n| n != weights) {
            return Err(damaged(format!("its vectors do not all have {weights} numbers")));
        }
        if sha256(&Self::blocks(&state)) != header.sha256 {
            return Err(damaged("its SHA-256 is another".into()));
        }
        Ok(Some(state))
    }
}
