//! Writing a folder that `transformers` reads.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Serialize;

use super::{CONFIG, WEIGHTS};
use crate::error::{CoreError, Result};
use crate::tensors::{self, NamedTensors};

/// Writes `config.json`, the given further files (name and content), and the parameters last; each file is written beside its
/// place and renamed.
///
/// # Errors
/// [`CoreError::Io`], [`CoreError::Config`] for a configuration that is no JSON object.
pub fn save(
    folder: &Path,
    config: &impl Serialize,
    files: &BTreeMap<String, Vec<u8>>,
    parameters: &NamedTensors,
) -> Result<()> {
    fs::create_dir_all(folder).map_err(CoreError::io(folder))?;
    let mut json = serde_json::to_vec_pretty(config)
        .map_err(|e| CoreError::Config { key: CONFIG.into(), message: e.to_string() })?;
    json.push(b'\n');
    tensors::write_atomically(&folder.join(CONFIG), &json)?;
    for (name, content) in files {
        tensors::write_atomically(&folder.join(name), content)?;
    }
    // transformers asks for this line, by which it tells its own files from others.
    let metadata = BTreeMap::from([("format".to_owned(), "pt".to_owned())]);
    let bytes = tensors::to_bytes_with(parameters, &metadata)?;
    tensors::write_atomically(&folder.join(WEIGHTS), &bytes)
}
