//! An annotation project: rounds of sentences that are asked, answered and learned, in a folder that survives a kill at any
//! moment.
//!
//! ```text
//! <project>/project.json                        what it was started with
//!           sentences.json                      labelled sentences that it starts from (as `mtaal train` leaves them), if any
//!           known.json                          texts of the development sentences of that training: labelled, but not learned
//!           rounds/0001/query.json              what was asked: the round exists from here on
//!                       networks.safetensors    the networks after the diversity game, where it was played
//!                       answers.json            what was answered, with its hash: the round is answered from here on
//!                       training/               checkpoints, while it is learned
//!                       model/                  the model: the round is learned from here on
//!           rounds/0002/...
//!           round-0001.jsonl                    what was asked, for the people who label, unless `--out` says where
//!           round-0001.jsonl.taken-back         the same, worked on before the question was taken back
//!           label-studio.xml                    Label Studio's labelling interface, where its shape was asked for
//! ```
//!
//! Every file and folder is written beside its place and renamed, so that it is there whole or not at all; what stands there
//! decides what comes next ([`Stage`]). The same command again after a kill goes on or does nothing.

mod command;
mod grow;
mod hand_out;
mod learn;
mod lock;
mod pool;
mod query;
mod review;
mod start;
mod suggest;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use medner_core::tensors;
use medner_data::Sentence;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tch::Device;

use crate::exchange::{Item, of_temporary};
use crate::folder::{self, ModelFolder};
use crate::scores::Strategy;
use lock::Lock;

pub use command::{commands, run};
pub use start::{FORMAT, Start};

const PROJECT: &str = "project.json";
/// Labelled sentences beside a model, from which a project can go on.
pub const SENTENCES: &str = "sentences.json";
/// Texts beside a model that are labelled already and are not learned: a project does not ask them.
pub const KNOWN: &str = "known.json";
const ROUNDS: &str = "rounds";
const QUERY: &str = "query.json";
const ANSWERS: &str = "answers.json";
const NETWORKS: &str = "networks.safetensors";
const TRAINING: &str = "training";
const MODEL: &str = "model";

/// What was asked in a round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// How the sentences were chosen.
    pub strategy: Strategy,
    /// How many were asked for; fewer where the pool has fewer.
    pub wanted: usize,
    /// SHA-256 of the pool's file.
    pub pool: String,
    /// Whether the model's suggestions go with the sentences.
    pub suggestions: bool,
    /// The sentences.
    pub items: Vec<Item>,
}

/// What was answered in a round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Given {
    /// SHA-256 of the sentences.
    pub hash: String,
    /// The sentences with their labels.
    pub sentences: Vec<Sentence>,
    /// Identifiers of the sentences without an answer: they may be asked again.
    pub missing: Vec<String>,
}

impl Given {
    /// Answers with their hash.
    pub fn new(sentences: Vec<Sentence>, missing: Vec<String>) -> Result<Self> {
        let hash = format!("{:x}", Sha256::digest(serde_json::to_vec(&(&sentences, &missing))?));
        Ok(Self { hash, sentences, missing })
    }
}

/// How far a round is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Waits for its answers.
    Asked,
    /// Waits to be learned.
    Answered,
    /// Its model stands.
    Learned,
}

/// A project that this process alone works in.
pub struct Project {
    folder: PathBuf,
    /// What it was started with.
    pub start: Start,
    /// Held as long as the project is open.
    _lock: Lock,
}

impl Project {
    /// Opens a project that was started. Where none was, nothing is made: the folder may be a slip of the keyboard.
    pub fn open(folder: &Path) -> Result<Self> {
        is_no_file(folder)?;
        if !folder.join(PROJECT).is_file() {
            bail!(
                "{}: no project was started in this folder: begin with `mtaal query --model DIR --pool FILE --types A,B`",
                folder.display()
            );
        }
        Self::locked(folder, None)
    }

    /// Opens a project, or starts one in a folder that is empty, new, or holds a trained model. `fresh` says what a new one is
    /// started with, given the model that is there; that is written with the first question, so that a question that fails
    /// leaves no project behind.
    pub fn open_or_start(
        folder: &Path,
        fresh: impl FnOnce(Option<&ModelFolder>) -> Result<Start>,
    ) -> Result<Self> {
        is_no_file(folder)?;
        if folder.join(PROJECT).is_file() {
            return Self::locked(folder, None);
        }
        let there = folder.join(folder::MODEL).is_file();
        let model = there.then(|| folder::load(folder, Device::Cpu)).transpose()?;
        let start = fresh(model.as_ref())?;
        Self::locked(folder, Some(start))
    }

    /// `fresh` counts where no project is there even when the folder is locked.
    fn locked(folder: &Path, fresh: Option<Start>) -> Result<Self> {
        let lock = Lock::take(folder)?;
        let path = folder.join(PROJECT);
        let start = match fresh {
            Some(fresh) if !path.is_file() => fresh,
            _ => read(&path)?,
        };
        if start.format != FORMAT {
            bail!(
                "{}: format {} where {FORMAT} is read; another version of mtaal wrote it",
                path.display(),
                start.format
            );
        }
        let project = Self { folder: folder.to_owned(), start, _lock: lock };
        project.tidy()?;
        Ok(project)
    }

    /// Where it stands what the project was started with.
    fn start_file(&self) -> PathBuf {
        self.folder.join(PROJECT)
    }

    /// Writes what a new project is started with.
    fn keep_start(&self) -> Result<()> {
        let path = self.start_file();
        if path.is_file() { Ok(()) } else { write(&path, &self.start) }
    }

    /// Removes what an interrupted command left: what was half written, and the checkpoints of a training whose model stands.
    fn tidy(&self) -> Result<()> {
        let rounds = 1..=self.rounds()?;
        let folders = [self.folder.clone(), self.folder.join(ROUNDS)].into_iter();
        for folder in folders.chain(rounds.clone().map(|n| self.round(n))).filter(|folder| folder.is_dir()) {
            for entry in fs::read_dir(&folder)? {
                let path = entry?.path();
                let ours = |whole: PathBuf| name(&whole).starts_with("round-");
                if name(&path).starts_with(".tmp-") || of_temporary(&path).is_some_and(ours) {
                    remove(&path)?;
                }
            }
        }
        for training in
            rounds.filter(|&n| self.stage(n) == Stage::Learned).map(|n| self.round(n).join(TRAINING))
        {
            if training.exists() {
                remove(&training)?;
            }
        }
        Ok(())
    }

    /// How many rounds there are.
    pub fn rounds(&self) -> Result<usize> {
        let mut n = 0;
        while self.round(n + 1).join(QUERY).is_file() {
            n += 1;
        }
        Ok(n)
    }

    /// A round's folder; rounds count from 1.
    fn round(&self, n: usize) -> PathBuf {
        self.folder.join(ROUNDS).join(format!("{n:04}"))
    }

    /// How far a round is.
    pub fn stage(&self, n: usize) -> Stage {
        let folder = self.round(n);
        if folder.join(MODEL).is_dir() {
            Stage::Learned
        } else if folder.join(ANSWERS).is_file() {
            Stage::Answered
        } else {
            Stage::Asked
        }
    }

    /// What was asked in a round.
    pub fn query(&self, n: usize) -> Result<Query> {
        read(&self.round(n).join(QUERY))
    }

    /// What was answered in a round.
    pub fn answers(&self, n: usize) -> Result<Given> {
        let path = self.round(n).join(ANSWERS);
        let given: Given = read(&path)?;
        if Given::new(given.sentences.clone(), given.missing.clone())?.hash != given.hash {
            bail!(
                "{}: its sentences do not fit its hash; it was edited or is damaged: restore it",
                path.display()
            );
        }
        Ok(given)
    }

    /// The entity types that the project has after the first `rounds` rounds: those that it was started with, and new ones that
    /// were accepted (`--new-types`).
    pub fn types(&self, rounds: usize) -> Result<Vec<String>> {
        let mut types = self.start.types.clone();
        for n in 1..=rounds {
            for span in self.answers(n)?.sentences.into_iter().flat_map(|sentence| sentence.spans) {
                if !types.contains(&span.label) {
                    types.push(span.label);
                }
            }
        }
        Ok(types)
    }

    /// All labelled sentences: those that the project starts from, then the answers of the first `rounds` rounds.
    pub fn labelled(&self, rounds: usize) -> Result<Vec<Sentence>> {
        let path = self.folder.join(SENTENCES);
        let mut sentences: Vec<Sentence> = if path.is_file() { read(&path)? } else { Vec::new() };
        for n in 1..=rounds {
            sentences.extend(self.answers(n)?.sentences);
        }
        Ok(sentences)
    }

    /// Texts that are labelled and not learned. Folders of earlier versions do not name them.
    pub fn known(&self) -> Result<Vec<String>> {
        let path = self.folder.join(KNOWN);
        if path.is_file() { read(&path) } else { Ok(Vec::new()) }
    }

    /// The newest model, if there is one, of the first `rounds` rounds or of the training that the project starts from.
    pub fn model(&self, rounds: usize, device: Device) -> Result<Option<ModelFolder>> {
        for n in (1..=rounds).rev() {
            let folder = self.round(n).join(MODEL);
            if folder.is_dir() {
                return folder::load(&folder, device).map(Some);
            }
        }
        if self.folder.join(folder::MODEL).is_file() {
            return folder::load(&self.folder, device).map(Some);
        }
        Ok(None)
    }

    /// A seed for what happens in a round.
    fn seed(&self, round: usize) -> u64 {
        medner_core::device::mix(self.start.seed, round as u64)
    }
}

/// The folder of the model that a project (or a training) holds, for `evaluate` and `predict`.
///
/// # Errors
/// A project that has learned nothing yet.
pub fn model_to_read(folder: &Path) -> Result<PathBuf> {
    let newest = newest_model(folder);
    if folder.join(PROJECT).is_file() && newest == folder && !folder.join(folder::MODEL).is_file() {
        bail!(
            "{}: this project has no model yet; give its first answers (`mtaal learn --model {} --labelled FILE`), or that command once \
             more where it was interrupted",
            folder.display(),
            folder.display()
        );
    }
    Ok(newest)
}

/// The folder of the model that a project (or a training) holds.
pub fn newest_model(folder: &Path) -> PathBuf {
    if folder.join(PROJECT).is_file() {
        let mut newest = None;
        for n in 1.. {
            let round = folder.join(ROUNDS).join(format!("{n:04}"));
            if !round.is_dir() {
                break;
            }
            newest = Some(round.join(MODEL)).filter(|model| model.is_dir()).or(newest);
        }
        return newest.unwrap_or_else(|| folder.to_owned());
    }
    folder.to_owned()
}

fn is_no_file(folder: &Path) -> Result<()> {
    if folder.exists() && !folder.is_dir() {
        bail!("{}: is a file; `--model` names the project's folder", folder.display());
    }
    Ok(())
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    removed.with_context(|| format!("{}: cannot be removed", path.display()))
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let bytes = fs::read(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    serde_json::from_slice(&bytes).with_context(|| {
        format!("{}: is damaged or of another version; restore it from a copy of the project", path.display())
    })
}

/// Writes JSON; the file is there whole or not at all.
pub fn write<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    Ok(tensors::write_atomically(path, &text)?)
}

/// Moves a folder that was written beside its place to its place.
fn put(stage: &Path, place: &Path) -> Result<()> {
    tensors::sync_folder(stage)?;
    fs::rename(stage, place).with_context(|| format!("{}: cannot be put in its place", place.display()))?;
    Ok(tensors::sync_folder(place.parent().unwrap_or(Path::new(".")))?)
}
