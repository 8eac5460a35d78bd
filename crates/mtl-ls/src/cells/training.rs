//! Taggers: single-task, layer-sliced, and one for all sub-tasks of a category.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use medner_core::{device, tensors};
use medner_data::hash::hash_file;
use medner_data::{Corpus, Sentence};
use medner_experiment::{Cell, Outcome, RunContext};
use medner_metrics::LabelSet;

use super::report::{Seen, report};
use super::{build, pool_notes, pretrained, train};
use crate::config::Config;
use crate::encoder::{self, POOL_FILE, Pretrained};
use crate::subtasks::{self, TaskCorpus};
use crate::tagging::task::{Scored, Select, TaggerData};
use crate::tagging::{Encoded, TaggerTask, WordPieces};

/// The files below a pool's own folder with the mentions of its training and of its development sets, one a line.
const MENTIONS_FILES: [&str; 2] = ["trained-mentions.txt", "development-mentions.txt"];

/// Everything that tells one run from another, for the checkpoints.
fn data_of(cell: &Cell) -> BTreeMap<String, String> {
    let needs = cell.needs.iter().map(|(role, hash)| (format!("need {role}"), hash.clone()));
    let inputs = cell.inputs.files.iter().map(|(name, hash)| (format!("input {name}"), hash.clone()));
    cell.facts.files.clone().into_iter().chain(needs).chain(inputs).collect()
}

/// What a tagger is trained and scored on.
fn prepare(
    config: &Config,
    corpora: &[TaskCorpus],
    name: impl Fn(&TaskCorpus) -> String,
    labels: LabelSet,
    encoder: &Pretrained,
) -> Result<TaggerData> {
    let pieces = WordPieces::new(&encoder.tokenizer);
    let encode = |sentences: &[Sentence]| Encoded::new(sentences, &pieces, &labels, &config.input);
    let train: Vec<Sentence> = corpora.iter().flat_map(|c| c.corpus.train.iter().cloned()).collect();
    let mut scored = Vec::new();
    for corpus in corpora {
        let Corpus { dev, test, .. } = &corpus.corpus;
        scored.push(Scored {
            name: name(corpus),
            dev: if dev.is_empty() { None } else { Some(encode(dev)?) },
            test: Some(encode(test)?),
        });
    }
    let train = encode(&train)?;
    Ok(TaggerData { labels, train, scored })
}

/// The sub-task that a cell's data set is.
fn only(corpora: &[TaskCorpus], data: &str) -> Result<usize> {
    ensure!(corpora.len() == 1, "`{data}` is {} sub-tasks; this job is for one", corpora.len());
    Ok(0)
}

/// A tagger of one sub-task.
///
/// # Errors
/// What the data, the encoder or training say.
pub fn tagger(cell: &Cell, config: &Config, ctx: &RunContext) -> Result<Outcome> {
    let device = device::open(&ctx.device)?;
    let corpora = subtasks::corpora(&cell.data, config.limits)?;
    let corpus = &corpora[only(&corpora, &cell.data)?];
    let category = corpus.task.category.name();
    let (encoder, note) = pretrained(config, ctx)?;
    let labels = LabelSet::new(config.scheme, [category])?;
    let shared = match config.slicing_rate {
        None => None,
        Some(rate) => Some((ctx.artifact("pool")?, rate)),
    };
    let file = shared.map(|(folder, rate)| (folder.join(POOL_FILE), rate));
    let pool = file.as_ref().map(|(file, rate)| (file.as_path(), *rate));
    let tagger = build(config, &encoder, &labels, pool, cell.seed, device)?;
    let data = prepare(config, &corpora, |_| category.to_owned(), labels, &encoder)?;
    let mut notes = subtasks::summary(&corpora);
    notes.insert("encoder".into(), note);
    notes.insert("sequences".into(), sequences_note(&data.train));
    let mut task = TaggerTask::new(tagger, data, &config.training, Select::Last, cell.seed, device)?;
    let summary = train(config, cell.seed, data_of(cell), &mut task, None, ctx)?;

    let mut seen = Seen::of(&corpora);
    if let Some((folder, rate)) = shared {
        for (file, mentions) in MENTIONS_FILES.iter().zip([&mut seen.training, &mut seen.development]) {
            let path = folder.join(file);
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("{}: cannot be read", path.display()))?;
            mentions.extend(text.lines().map(String::from));
        }
        let layers = encoder::shared_layers(rate, encoder.folder.config.n_layer)?;
        let hash = hash_file(&folder.join(POOL_FILE))?.sha256;
        notes.insert("category model".into(), format!("SHA-256 {}", &hash[..12]));
        notes.insert("shared layers".into(), format!("{layers} of {}", encoder.folder.config.n_layer));
        notes.extend(pool_notes::about(corpus.task, &ctx.needed_record("pool")?.outcome));
    }
    let mut outcome = report(&task, &summary, &corpora, seen)?;
    notes.insert("matrix products".into(), task.products.into());
    outcome.notes.extend(notes);
    clean(&ctx.work_dir)?;
    Ok(outcome)
}

/// One tagger for all sub-tasks of a category, scored on each.
///
/// # Errors
/// As [`tagger`].
pub fn pool(cell: &Cell, config: &Config, ctx: &RunContext) -> Result<Outcome> {
    let device = device::open(&ctx.device)?;
    let corpora = subtasks::corpora(&cell.data, config.limits)?;
    let Some(first) = corpora.first() else { bail!("`{}` has no corpus here", cell.data) };
    let category = first.task.category;
    ensure!(
        corpora.iter().all(|c| c.task.category == category),
        "`{}` is of more than one category; a pool is one category's",
        cell.data
    );
    let (encoder, note) = pretrained(config, ctx)?;
    let labels = LabelSet::new(config.scheme, [category.name()])?;
    let tagger = build(config, &encoder, &labels, None, cell.seed, device)?;
    let data = prepare(config, &corpora, |c| c.task.data.to_owned(), labels, &encoder)?;
    let mut notes = subtasks::summary(&corpora);
    notes.insert("encoder".into(), note);
    notes.insert("sequences".into(), sequences_note(&data.train));
    notes.extend(pool_notes::of(&corpora));
    let mut task = TaggerTask::new(tagger, data, &config.training, Select::Last, cell.seed, device)?;
    let summary = train(config, cell.seed, data_of(cell), &mut task, None, ctx)?;
    let seen = Seen::of(&corpora);
    for (file, mentions) in MENTIONS_FILES.iter().zip([&seen.training, &seen.development]) {
        let lines: Vec<&str> = mentions.iter().map(String::as_str).collect();
        tensors::write_atomically(&ctx.work_dir.join(file), lines.join("\n").as_bytes())?;
    }
    tensors::write(&ctx.work_dir.join(POOL_FILE), &task.tagger.params.state()?)?;
    let mut outcome = report(&task, &summary, &corpora, seen)?;
    notes.insert("matrix products".into(), task.products.into());
    outcome.notes.extend(notes);
    clean(&ctx.work_dir)?;
    Ok(outcome)
}

fn sequences_note(train: &Encoded) -> String {
    let longest = train.lengths().into_iter().max().unwrap_or(0);
    format!(
        "{} training sequences, the longest {longest} pieces; {} sentences in windows",
        train.sequences.len(),
        train.windowed
    )
}

/// Removes the checkpoints of a finished training: what others start from is kept beside them.
fn clean(folder: &Path) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("step-") {
            std::fs::remove_dir_all(entry.path())?;
        } else if name == "latest" || name == "best" {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
