//! The tensors of a published file on their way into a model.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tch::{Kind, Tensor};

use super::folder::refuse;
use crate::error::{CoreError, Result};
use crate::params::Params;
use crate::tensors::{self, NamedTensors};

/// Names listed in an error before the rest is only counted.
const LISTED: usize = 12;

/// Parameters read from a folder, by the names of the file.
#[derive(Debug)]
pub struct Weights {
    path: PathBuf,
    tensors: NamedTensors,
}

impl Weights {
    /// Reads one file.
    pub(super) fn read(path: &Path) -> Result<Self> {
        Ok(Self { path: path.to_owned(), tensors: read(path)? })
    }

    /// Reads the files that an index lists.
    pub(super) fn read_parts(index: &Path) -> Result<Self> {
        let bytes = fs::read(index).map_err(CoreError::io(index))?;
        let value: Value = serde_json::from_slice(&bytes)
            .map_err(|e| refuse(index, format!("is not readable JSON ({e})")))?;
        let map = value.get("weight_map").and_then(Value::as_object);
        let map = map.ok_or_else(|| refuse(index, "has no `weight_map` of names and files"))?;
        let files: BTreeSet<&str> = map.values().filter_map(Value::as_str).collect();
        let folder = index.parent().unwrap_or(Path::new("."));
        let mut tensors = NamedTensors::new();
        for file in files {
            // A name, not a path: an index must not lead out of its folder.
            if Path::new(file).file_name() != Some(file.as_ref()) {
                return Err(refuse(index, format!("names `{file}`, which is no file of this folder")));
            }
            let part = folder.join(file);
            if !part.is_file() {
                return Err(refuse(index, format!("lists `{file}`, which is not here; download it too")));
            }
            tensors.append(&mut read(&part)?);
        }
        if let Some(name) = map.keys().find(|name| !tensors.contains_key(*name)) {
            return Err(refuse(
                index,
                format!("lists `{name}`, which no part holds; download the parts again"),
            ));
        }
        Ok(Self { path: index.to_owned(), tensors })
    }

    /// Names in the file, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// The tensor of this name.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.tensors.get(name)
    }

    /// Takes a leading part off the names that have it, as published files name the encoder below its training heads
    /// (`albert.embeddings...`) or by itself (`embeddings...`).
    ///
    /// # Errors
    /// [`CoreError::Pretrained`] where the file has both names of one tensor.
    pub fn strip_prefix(&mut self, prefix: &str) -> Result<()> {
        for (name, tensor) in std::mem::take(&mut self.tensors) {
            let short = name.strip_prefix(prefix).unwrap_or(&name).to_owned();
            if self.tensors.insert(short, tensor).is_some() {
                return Err(refuse(&self.path, format!("holds `{name}` with and without `{prefix}`")));
            }
        }
        Ok(())
    }

    /// Removes the tensors whose names `other` picks: parts of the published model that this one has no use for.
    pub fn set_aside(&mut self, other: impl Fn(&str) -> bool) -> NamedTensors {
        let (aside, kept) = std::mem::take(&mut self.tensors).into_iter().partition(|(name, _)| other(name));
        self.tensors = kept;
        aside
    }

    /// Checks that a tensor which the model ties to another is equal to it, and removes it.
    ///
    /// # Errors
    /// [`CoreError::Pretrained`] where they differ: this model has one tensor for both.
    pub fn untie(&mut self, copy: &str, original: &str) -> Result<()> {
        let Some(tied) = self.tensors.remove(copy) else { return Ok(()) };
        match self.tensors.get(original) {
            Some(tensor) if tensor.size() == tied.size() && tensor.equal(&tied) => Ok(()),
            _ => Err(refuse(
                &self.path,
                format!("`{copy}` differs from `{original}`: a model with the two untied is not supported"),
            )),
        }
    }

    /// Writes all tensors into the parameters and buffers of `params` whose names begin with `prefix` and a dot (all of
    /// them where `prefix` is empty). f16, bf16 and f64 become f32.
    ///
    /// # Errors
    /// [`CoreError::Pretrained`] with the missing, unexpected and misshapen names, or with the tensors that hold NaN or
    /// infinity; nothing is written then.
    pub fn load(self, params: &Params, prefix: &str) -> Result<()> {
        let dotted = if prefix.is_empty() { String::new() } else { format!("{prefix}.") };
        let mut places = BTreeMap::new();
        for name in params.names() {
            if let (Some(short), Some(tensor)) = (name.strip_prefix(&dotted), params.get(&name)) {
                places.insert(short.to_owned(), tensor);
            }
        }
        self.check_names(&places)?;
        let damaged: Vec<&str> = self
            .tensors
            .iter()
            .filter(|(_, t)| t.isfinite().all().int64_value(&[]) == 0)
            .map(|(name, _)| name.as_str())
            .collect();
        if !damaged.is_empty() {
            let message =
                format!("holds NaN or infinity in {}; the file is damaged, copy it again", listed(&damaged));
            return Err(refuse(&self.path, message));
        }
        let _guard = tch::no_grad_guard();
        for (name, tensor) in &self.tensors {
            places[name].shallow_clone().f_copy_(tensor)?;
        }
        Ok(())
    }

    fn check_names(&self, places: &BTreeMap<String, Tensor>) -> Result<()> {
        let missing: Vec<&str> =
            places.keys().filter(|n| !self.tensors.contains_key(*n)).map(String::as_str).collect();
        let unexpected: Vec<&str> = self.names().filter(|n| !places.contains_key(*n)).collect();
        let mut wrong = Vec::new();
        for (name, tensor) in &self.tensors {
            let Some(place) = places.get(name) else { continue };
            let number = matches!(tensor.kind(), Kind::Float | Kind::Double | Kind::Half | Kind::BFloat16);
            if !number || tensor.size() != place.size() {
                let (expected, found) = (place.size(), tensor.size());
                wrong.push(format!("{name} (expected {expected:?}, found {found:?} {:?})", tensor.kind()));
            }
        }
        let lists = [("missing", missing), ("unexpected", unexpected)]
            .into_iter()
            .chain([("of another shape", wrong.iter().map(String::as_str).collect())])
            .filter(|(_, names)| !names.is_empty())
            .map(|(what, names)| format!("{what}: {}", listed(&names)))
            .collect::<Vec<_>>();
        if lists.is_empty() {
            return Ok(());
        }
        let message = format!("does not fit the model that config.json describes. {}", lists.join(". "));
        Err(refuse(&self.path, message))
    }
}

fn read(path: &Path) -> Result<NamedTensors> {
    let bytes = fs::read(path).map_err(CoreError::io(path))?;
    tensors::from_bytes(&bytes, path).map_err(|error| match error {
        CoreError::Checkpoint { message, .. } => refuse(
            path,
            format!("{message}; it was cut short or damaged on its way: copy or download it again"),
        ),
        other => other,
    })
}

fn listed(names: &[&str]) -> String {
    let shown = names[..names.len().min(LISTED)].join(", ");
    if names.len() > LISTED { format!("{shown} and {} more", names.len() - LISTED) } else { shown }
}
