//! Checkpoints that survive a kill at any moment.
//!
//! ```text
//! <run>/step-00001234/model.safetensors      parameters and buffers
//!                     optimizer.safetensors  moments of every optimiser
//!                     state.json             where the run stands, its settings, the hashes of the other two files
//! <run>/latest -> step-00001234
//! <run>/best   -> step-00001100
//! ```
//!
//! A checkpoint is written to `.tmp-<pid>` in the same folder, every file is synced, the folder is renamed, its parent is
//! synced; one of the same step waits as `.tmp-old-step-...` meanwhile; `latest` and `best` are links moved by rename. The last `keep` checkpoints and the best one are kept. Loading
//! verifies the hashes; a damaged checkpoint is named in a warning and the one before it is used.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::error::{CoreError, Result};
use crate::tensors::{self, NamedTensors};

/// Where a run stands, and what it was started with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrainState {
    /// Optimiser steps done.
    pub step: u64,
    /// Epoch that the next batch belongs to, from 0.
    pub epoch: u64,
    /// Next batch inside the epoch, from 0.
    pub batch: u64,
    /// The best evaluation so far.
    pub best: Option<Best>,
    /// Epochs since then.
    pub epochs_without_improvement: u64,
    /// Sum of the losses of this epoch so far, times the items they were made from.
    pub loss_sum: f64,
    /// Items (sentences) of this epoch so far.
    pub items: u64,
    /// The same two since the last line of the loss curve.
    pub curve: (f64, u64),
    /// Length of the metrics file when this was saved; what stands after it belongs to lost steps.
    pub log_bytes: u64,
    /// What the task itself wants to remember, for example which sentences are labelled.
    pub task: Value,
    /// Everything that must be the same at a resume.
    pub settings: Settings,
    /// SHA-256 of the other files of the folder.
    pub hashes: BTreeMap<String, String>,
}

/// The best evaluation so far.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// Its score; higher is better.
    pub score: f64,
    /// Its epoch, from 0.
    pub epoch: u64,
    /// Steps done then.
    pub step: u64,
}

/// The device among [`Settings::versions`].
pub const DEVICE: &str = "device";

/// What matrix products are computed in, among [`Settings::versions`]: [`crate::precision::Precision::set`] says it. A processor
/// without bf16 must not go on with what another began in it.
pub const PRODUCTS: &str = "products";

/// What a run was started with; a resume with other settings is refused.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Seed of the run.
    pub seed: u64,
    /// The resolved configuration.
    pub configuration: Value,
    /// What `configuration` would be if nothing were set. Of this run alone, never saved: see [`Settings::differences`].
    #[serde(skip)]
    pub defaults: Value,
    /// Data files and their SHA-256.
    pub data: BTreeMap<String, String>,
    /// What else can change numbers: versions of this crate and libtorch, threads, [`DEVICE`].
    pub versions: BTreeMap<String, String>,
}

impl Settings {
    /// The differences between `self` (saved) and `now`, one line each: `configuration.batch_size: was 20, is 32`.
    ///
    /// A key that a saved configuration does not have is one that the program has learnt since. At its default it says what the
    /// older program did, so that it is no difference.
    pub fn differences(&self, now: &Self) -> Vec<String> {
        let was = serde_json::to_value(self).unwrap_or_default();
        let is = serde_json::to_value(now).unwrap_or_default();
        // Checkpoints of before devices were kept are of the processor; most of before products were are of f32.
        let versions = serde_json::json!({ DEVICE: "cpu", PRODUCTS: "f32" });
        let defaults = serde_json::json!({ "configuration": now.defaults, "versions": versions });
        let mut lines = Vec::new();
        compare("", Some(&was), Some(&is), Some(&defaults), &mut lines);
        lines
    }
}

/// `None`: the key is not there.
fn compare(
    path: &str,
    was: Option<&Value>,
    is: Option<&Value>,
    default: Option<&Value>,
    lines: &mut Vec<String>,
) {
    match (was, is) {
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let inner = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                compare(&inner, a.get(key), b.get(key), default.and_then(|d| d.get(key)), lines);
            }
        }
        (None, Some(is)) if default == Some(is) => {}
        _ => {
            let (was, is) = (was.unwrap_or(&Value::Null), is.unwrap_or(&Value::Null));
            if was != is {
                lines.push(format!("{path}: was {was}, is {is}"));
            }
        }
    }
}

/// A checkpoint read back.
pub struct Checkpoint {
    /// Its folder.
    pub path: PathBuf,
    /// Where the run stood.
    pub state: TrainState,
    /// Parameters and buffers.
    pub model: NamedTensors,
    /// Moments, named `<optimiser>/<tensor>`.
    pub optimizer: NamedTensors,
}

/// The folder of a run's checkpoints.
pub struct CheckpointFolder {
    folder: PathBuf,
    keep: usize,
}

const MODEL: &str = "model.safetensors";
const OPTIMIZER: &str = "optimizer.safetensors";
const STATE: &str = "state.json";

/// Begins the name of a checkpoint that one of the same step replaces, which stands behind it.
const REPLACED: &str = ".tmp-old-";

impl CheckpointFolder {
    /// Opens or makes the folder, puts a checkpoint back that an interrupted save was about to replace, and removes what else one
    /// left in it.
    pub fn open(folder: &Path, keep: usize) -> Result<Self> {
        fs::create_dir_all(folder).map_err(CoreError::io(folder))?;
        for entry in fs::read_dir(folder).map_err(CoreError::io(folder))? {
            let path = entry.map_err(CoreError::io(folder))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let replaced = name.strip_prefix(REPLACED).map(|name| folder.join(name));
            if let Some(place) = replaced.filter(|place| !place.exists()) {
                fs::rename(&path, &place).map_err(CoreError::io(&path))?;
                tensors::sync_folder(folder)?;
            } else if name.starts_with(".tmp-") {
                let removed = if path.is_dir() && !path.is_symlink() {
                    fs::remove_dir_all(&path)
                } else {
                    fs::remove_file(&path)
                };
                removed.map_err(CoreError::io(&path))?;
            }
        }
        Ok(Self { folder: folder.to_owned(), keep: keep.max(1) })
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// Writes a checkpoint of `state`, moves `latest` to it (and `best`, when it is the best), and drops old ones.
    pub fn save(
        &self,
        state: &TrainState,
        model: &NamedTensors,
        optimizer: &NamedTensors,
        is_best: bool,
    ) -> Result<PathBuf> {
        let name = name_of(state.step);
        let stage = self.folder.join(format!(".tmp-{}", std::process::id()));
        if stage.exists() {
            fs::remove_dir_all(&stage).map_err(CoreError::io(&stage))?;
        }
        fs::create_dir(&stage).map_err(CoreError::io(&stage))?;
        let mut state = state.clone();
        state.hashes.clear();
        for (file, tensors) in [(MODEL, model), (OPTIMIZER, optimizer)] {
            let bytes = tensors::to_bytes(tensors)?;
            state.hashes.insert(file.to_owned(), hex(&bytes));
            write_synced(&stage.join(file), &bytes)?;
        }
        state.hashes.insert(STATE.to_owned(), hex(&json(&state, &stage)?));
        write_synced(&stage.join(STATE), &json(&state, &stage)?)?;
        tensors::sync_folder(&stage)?;

        let target = self.folder.join(&name);
        if target.exists() {
            // The same step again: after a resume from an older checkpoint, or at an epoch's end right after a timed save.
            let old = self.folder.join(format!("{REPLACED}{name}"));
            if old.exists() {
                fs::remove_dir_all(&old).map_err(CoreError::io(&old))?;
            }
            fs::rename(&target, &old).map_err(CoreError::io(&target))?;
            fs::rename(&stage, &target).map_err(CoreError::io(&target))?;
            fs::remove_dir_all(&old).map_err(CoreError::io(&old))?;
        } else {
            fs::rename(&stage, &target).map_err(CoreError::io(&target))?;
        }
        if is_best {
            self.point("best", &name)?;
        }
        self.point("latest", &name)?;
        tensors::sync_folder(&self.folder)?;
        self.prune(&target)?;
        Ok(target)
    }

    /// The newest checkpoint that is whole; `None` when there is none at all.
    pub fn load_latest(&self) -> Result<Option<Checkpoint>> {
        let mut damaged = Vec::new();
        for path in self.list()?.into_iter().rev() {
            match load(&path) {
                Ok(checkpoint) => {
                    // A kill between the renames of a save leaves the links behind the checkpoint: move them now.
                    let best = checkpoint.state.best.map(|b| name_of(b.step));
                    if let Some(best) = best.filter(|name| self.folder.join(name).exists()) {
                        self.point("best", &best)?;
                    }
                    self.point("latest", &name_of(checkpoint.state.step))?;
                    return Ok(Some(checkpoint));
                }
                Err(error) => {
                    tracing::warn!("{error}; trying the checkpoint before it");
                    damaged.push(error.to_string());
                }
            }
        }
        if damaged.is_empty() {
            return Ok(None);
        }
        Err(CoreError::Checkpoint {
            path: self.folder.clone(),
            message: format!(
                "no checkpoint here is whole ({}); remove the folder to start again",
                damaged.join("; ")
            ),
        })
    }

    /// The parameters of the best checkpoint; those of the latest where no evaluation was made.
    pub fn load_best(&self) -> Result<Checkpoint> {
        for link in ["best", "latest"] {
            let path = self.folder.join(link);
            // A link whose checkpoint is gone is there too: the latest parameters are not the best.
            if path.symlink_metadata().is_ok() {
                return load(&path).map_err(|error| match error {
                    CoreError::Checkpoint { path, message } => CoreError::Checkpoint {
                        path,
                        message: format!(
                            "{message}; it holds the best parameters, which nothing else has: put a copy of it back, or \
                             delete the training's folder and train again"
                        ),
                    },
                    other => other,
                });
            }
        }
        Err(CoreError::Checkpoint {
            path: self.folder.clone(),
            message: "there is no checkpoint here".into(),
        })
    }

    /// All checkpoints, oldest first.
    fn list(&self) -> Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(CoreError::io(&self.folder))? {
            let path = entry.map_err(CoreError::io(&self.folder))?.path();
            if path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("step-")) {
                found.push(path);
            }
        }
        found.sort();
        Ok(found)
    }

    fn point(&self, link: &str, target: &str) -> Result<()> {
        let temporary = self.folder.join(format!(".tmp-{link}-{}", std::process::id()));
        let _ = fs::remove_file(&temporary);
        std::os::unix::fs::symlink(target, &temporary).map_err(CoreError::io(&temporary))?;
        fs::rename(&temporary, self.folder.join(link)).map_err(CoreError::io(&temporary))
    }

    /// Drops old checkpoints, and those beyond the newest: only a run that passed over a damaged one is behind it, and a
    /// damaged one must not count among the kept.
    fn prune(&self, newest: &Path) -> Result<()> {
        let (all, beyond): (Vec<PathBuf>, _) = self.list()?.into_iter().partition(|path| path <= newest);
        for path in beyond {
            fs::remove_dir_all(&path).map_err(CoreError::io(&path))?;
        }
        let (old, kept) = all.split_at(all.len().saturating_sub(self.keep));
        // The best as each kept checkpoint knows it: should the newest turn out damaged, the one before it needs its own.
        let wanted: Vec<String> =
            kept.iter().filter_map(|path| Some(name_of(read_state(path).ok()?.best?.step))).collect();
        for path in old {
            if !wanted.iter().any(|name| path.ends_with(name)) {
                fs::remove_dir_all(path).map_err(CoreError::io(path))?;
            }
        }
        Ok(())
    }
}

/// Reads one checkpoint folder and verifies it.
pub fn load(path: &Path) -> Result<Checkpoint> {
    let state = read_state(path)?;
    let tensors = |file: &str| {
        let bytes = read(path, file)?;
        let (found, expected) = (hex(&bytes), state.hashes.get(file).cloned().unwrap_or_default());
        if found != expected {
            return Err(damaged(path, format!("{file} is damaged: SHA-256 {found}, expected {expected}")));
        }
        tensors::from_bytes(&bytes, &path.join(file))
    };
    let (model, optimizer) = (tensors(MODEL)?, tensors(OPTIMIZER)?);
    Ok(Checkpoint { path: path.to_owned(), state, model, optimizer })
}

fn read_state(path: &Path) -> Result<TrainState> {
    let mut state: TrainState = serde_json::from_slice(&read(path, STATE)?)
        .map_err(|e| damaged(path, format!("{STATE} is damaged ({e})")))?;
    // state.json carries the hash of itself as it was before that hash was put in.
    let expected = state.hashes.remove(STATE);
    if expected != Some(hex(&json(&state, path)?)) {
        return Err(damaged(path, format!("{STATE} is damaged: its content does not fit its own hash")));
    }
    Ok(state)
}

fn read(path: &Path, file: &str) -> Result<Vec<u8>> {
    fs::read(path.join(file)).map_err(|e| damaged(path, format!("{file} cannot be read ({e})")))
}

fn damaged(path: &Path, message: String) -> CoreError {
    CoreError::Checkpoint { path: path.to_owned(), message }
}

fn name_of(step: u64) -> String {
    format!("step-{step:08}")
}

fn json(state: &TrainState, path: &Path) -> Result<Vec<u8>> {
    let mut json = serde_json::to_vec_pretty(state).map_err(|e| CoreError::io(path)(e.into()))?;
    json.push(b'\n');
    Ok(json)
}

fn hex(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

fn write_synced(path: &Path, bytes: &[u8]) -> Result<()> {
    use std::io::Write;
    let mut file = fs::File::create_new(path).map_err(CoreError::io(path))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(CoreError::io(path))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use tch::Tensor;

    fn model(value: f32) -> NamedTensors {
        NamedTensors::from([("w".to_owned(), Tensor::from_slice(&[value; 100]))])
    }

    fn state(step: u64) -> TrainState {
        TrainState { step, loss_sum: 0.1 + step as f64 / 3.0, ..TrainState::default() }
    }

    fn value(c: &Checkpoint) -> f64 {
        c.model["w"].double_value(&[0])
    }

    #[test]
    fn the_last_and_the_best_are_kept_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let store = CheckpointFolder::open(folder.path(), 2).unwrap();
        assert!(store.load_latest().unwrap().is_none());
        for step in 1..=6 {
            let mut state = state(step);
            state.best = (step >= 2).then_some(Best { score: 0.5, epoch: 0, step: 2 });
            store.save(&state, &model(step as f32), &model(0.0), step == 2).unwrap();
        }
        let names: Vec<_> = store.list().unwrap().iter().map(|p| p.file_name().unwrap().to_owned()).collect();
        assert_eq!(names, ["step-00000002", "step-00000005", "step-00000006"]);
        let latest = store.load_latest().unwrap().unwrap();
        assert_eq!((latest.state.step, value(&latest), latest.state.loss_sum), (6, 6.0, 0.1 + 2.0));
        assert_eq!(value(&store.load_best().unwrap()), 2.0);
        // Gone, it is missed: the latest is not the best.
        let (best, aside) = (folder.path().join("step-00000002"), folder.path().join("aside"));
        fs::rename(&best, &aside).unwrap();
        let message = store.load_best().err().unwrap().to_string();
        assert!(message.contains("best") && message.contains("put a copy of it back"), "{message}");
        fs::rename(&aside, &best).unwrap();
        // The same step once more replaces it.
        store.save(&state(6), &model(7.0), &model(0.0), false).unwrap();
        assert_eq!(value(&store.load_latest().unwrap().unwrap()), 7.0);
    }

    #[test]
    fn a_damaged_checkpoint_is_passed_over_and_named() {
        let folder = tempfile::tempdir().unwrap();
        let store = CheckpointFolder::open(folder.path(), 3).unwrap();
        store.save(&state(1), &model(1.0), &model(0.0), false).unwrap();
        let newest = store.save(&state(2), &model(2.0), &model(0.0), false).unwrap();
        for file in [MODEL, OPTIMIZER, STATE] {
            let whole = fs::read(newest.join(file)).unwrap();
            let mut flipped = whole.clone();
            let middle = flipped.len() / 2;
            flipped[middle] ^= 0x55;
            for bad in [&whole[..whole.len() - 3], &flipped] {
                fs::write(newest.join(file), bad).unwrap();
                assert_eq!(value(&store.load_latest().unwrap().unwrap()), 1.0, "{file}");
                let message = load(&newest).err().unwrap().to_string();
                assert!(message.contains("step-00000002") && message.contains(file), "{message}");
            }
            fs::write(newest.join(file), whole).unwrap();
        }
        assert_eq!(value(&store.load_latest().unwrap().unwrap()), 2.0);
    }

    #[test]
    fn what_an_interrupted_save_left_is_cleaned() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(".tmp-99999")).unwrap();
        fs::write(folder.path().join(".tmp-99999/model.safetensors"), b"half").unwrap();
        std::os::unix::fs::symlink("nowhere", folder.path().join(".tmp-latest-99999")).unwrap();
        CheckpointFolder::open(folder.path(), 1).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    /// A kill between the two renames of a save of the same step: both checkpoints have names of their own then.
    #[test]
    fn a_checkpoint_that_was_about_to_be_replaced_is_put_back() {
        let folder = tempfile::tempdir().unwrap();
        let store = CheckpointFolder::open(folder.path(), 1).unwrap();
        let saved = store.save(&state(1), &model(1.0), &model(0.0), false).unwrap();
        fs::rename(&saved, folder.path().join(format!("{REPLACED}step-00000001"))).unwrap();
        let store = CheckpointFolder::open(folder.path(), 1).unwrap();
        assert_eq!(value(&store.load_latest().unwrap().unwrap()), 1.0);
        // One whose replacement stands is left over.
        fs::create_dir(folder.path().join(format!("{REPLACED}step-00000001"))).unwrap();
        CheckpointFolder::open(folder.path(), 1).unwrap();
        assert_eq!(store.list().unwrap().len(), 1);
        assert!(!folder.path().join(format!("{REPLACED}step-00000001")).exists());
    }

    #[test]
    fn a_run_stays_on_its_device_and_old_ones_were_on_the_processor() {
        let on = |device: &str| Settings {
            versions: [(DEVICE.to_owned(), device.to_owned())].into(),
            ..Settings::default()
        };
        assert_eq!(on("cpu").differences(&on("cuda:0")), [r#"versions.device: was "cpu", is "cuda:0""#]);
        assert_eq!(Settings::default().differences(&on("cpu")), [""; 0]);
        assert_eq!(Settings::default().differences(&on("cuda:0")).len(), 1);
    }

    #[test]
    fn a_run_in_bf16_does_not_go_on_in_f32() {
        let of = |products: &str| Settings {
            versions: [(PRODUCTS.to_owned(), products.to_owned())].into(),
            ..Settings::default()
        };
        assert_eq!(of("bf16").differences(&of("f32")), [r#"versions.products: was "bf16", is "f32""#]);
        assert_eq!(of("f32").differences(&of("bf16")).len(), 1);
        assert_eq!(Settings::default().differences(&of("f32")), [""; 0]);
    }

    #[test]
    fn differences_name_the_key_and_both_values() {
        let was = Settings {
            seed: 1,
            configuration: serde_json::json!({"batch_size": 20, "model": {"hidden": 100}}),
            ..Settings::default()
        };
        let now = Settings {
            seed: 2,
            configuration: serde_json::json!({"batch_size": 20, "model": {"hidden": 128, "extra": true}}),
            ..Settings::default()
        };
        assert_eq!(
            was.differences(&now),
            [
                "configuration.model.extra: was null, is true",
                "configuration.model.hidden: was 100, is 128",
                "seed: was 1, is 2"
            ]
        );
        assert!(was.differences(&was).is_empty());
    }

    #[test]
    fn a_key_learnt_since_is_no_difference_at_its_default() {
        let settings = |configuration| Settings { configuration, ..Settings::default() };
        let was = settings(serde_json::json!({"batch_size": 20, "model": {"hidden": 100}}));
        let now = |gates: &str| Settings {
            defaults: serde_json::json!({"batch_size": 10, "model": {"hidden": 200, "gates": "sigmoid"}}),
            ..settings(serde_json::json!({"batch_size": 20, "model": {"hidden": 100, "gates": gates}}))
        };
        assert!(was.differences(&now("sigmoid")).is_empty());
        assert_eq!(was.differences(&now("hard")), [r#"configuration.model.gates: was null, is "hard""#]);
        // A key that was there is compared as ever, also when the new value is the default.
        let other = Settings {
            configuration: serde_json::json!({"batch_size": 10, "model": {"hidden": 100}}),
            ..now("sigmoid")
        };
        assert_eq!(was.differences(&other), ["configuration.batch_size: was 20, is 10"]);
        // A saved key that is gone is a difference, and defaults are not saved.
        assert_eq!(now("hard").differences(&was), [r#"configuration.model.gates: was "hard", is null"#]);
        let saved = serde_json::to_value(now("hard")).unwrap();
        assert!(saved.get("defaults").is_none());
    }
}
