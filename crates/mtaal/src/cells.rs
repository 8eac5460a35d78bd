//! What one cell of a table does, by its job.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use medner_core::device;
use medner_core::trainer::{LogLine, Summary, TrainerConfig};
use medner_data::vectors::VectorFormat;
use medner_data::{Sentence, WordVectors, load};
use medner_experiment::{Cell, Curve, Outcome, RunContext, Units};
use medner_training::job::{self, Unit};
use tch::Device;

use crate::algorithm::{ActiveLearning, DIVERSITY_LOSS, Keep, Seconds, TASK_GAME_VALUE};
use crate::config::{Config, Job, WordVectorSource};
use crate::corpus::{LengthFilter, Shares, Table1, agreement_of, split};
use crate::metrics;
use crate::networks::Networks;
use crate::prepare::{Prepared, SPLIT_SEED, build, collection, prepare, with_orphans, word_matrix};
use crate::querying::units;
use crate::seconds::{self, PHASES};
use crate::unseen::Source;
use crate::{folder, vectors};

/// Runs a cell.
pub fn run(cell: &Cell, ctx: &RunContext) -> Result<Outcome> {
    let config: Config = cell.config()?;
    device::set_threads(ctx.threads);
    let device = device::open(&ctx.device)?;
    match config.job {
        Job::ActiveLearning => active_learning(cell, &config, ctx, device),
        Job::Vectors => vectors::train(cell, &config, ctx),
        Job::Statistics => statistics(&cell.data),
        Job::Agreement => agreement(&cell.data),
        Job::SingleTasks => single_tasks(ctx),
        Job::QueryDiversity => query_diversity(&cell.needs, ctx),
    }
}

/// Table 1.
fn statistics(data: &str) -> Result<Outcome> {
    let collection = with_orphans(data)?;
    let kept = collection.kept(LengthFilter::default());
    let parts = split(kept.len(), Shares::default(), SPLIT_SEED)?;
    let abstracts = load::documents(&pubtator(data))?;
    let abstracts = abstracts.train.len() + abstracts.dev.len() + abstracts.test.len();
    let table = Table1::of(&collection, Some(abstracts), &parts)?;
    let mut outcome = Outcome::default();
    for (item, count) in [
        ("vocabulary", table.vocabulary),
        ("abstracts", abstracts),
        ("entities", table.entities),
        ("ner_labels", table.ner_labels),
        ("nen_labels", table.nen_labels),
        ("initial_labeled", table.labelled),
        ("unlabeled", table.unlabelled),
        ("test_samples", table.test),
    ] {
        outcome.score("all", item, count as f64);
    }
    Ok(outcome)
}

/// The PubTator files that the authors made a data set's files from.
fn pubtator(data: &str) -> String {
    data.replacen("mtaal-", "pubtator-", 1)
}

/// Our own reading of the PubTator files beside the authors' files: raw mentions of each split, and the F1 of the two sides.
fn agreement(data: &str) -> Result<Outcome> {
    let name = pubtator(data);
    let found = agreement_of(&load::documents(&name)?, load::sentences(&name)?, &load::sentences(data)?)
        .with_context(|| name.clone())?;
    let mut outcome = Outcome::default();
    for (split, mentions) in ["train", "dev", "test"].into_iter().zip(found.raw_mentions) {
        outcome.score("all", &format!("mentions_{split}"), mentions as f64);
    }
    for (what, share) in found.shares() {
        outcome.score("all", what, share.f1());
        let counts =
            format!("{} of the authors, {} of ours, {} of both", share.authors, share.ours, share.both);
        outcome.notes.insert(what.into(), counts);
    }
    outcome.notes.insert("characters compared".into(), found.characters.to_string());
    outcome.notes.insert("characters that the authors leave out".into(), found.left_out.to_string());
    Ok(outcome)
}

/// Algorithm 1 on a corpus whose labels are known.
fn active_learning(cell: &Cell, config: &Config, ctx: &RunContext, device: Device) -> Result<Outcome> {
    let collection = collection(&cell.data)?;
    let mut prepared = prepare(config, &collection)?;
    let given = word_vectors(config, &prepared, cell, ctx)?;
    let (words, coverage) = word_matrix(config, &prepared.encoding.words, given.as_ref(), cell.seed)?;
    let mut notes = std::mem::take(&mut prepared.notes);
    notes.extend(coverage.map(|coverage| ("word vectors".to_owned(), coverage)));
    let networks = build(config, &prepared.encoding, &words, cell.seed, device)?;
    notes.insert("parameters".into(), networks.params.count().to_string());
    let initially = prepared.pool.labelled.len();

    let files = cell.facts.files.clone();
    let start = Start {
        seed: cell.seed,
        files,
        keep: Keep::Last,
        patience: None,
        save_unscored: true,
        own_files: false,
    };
    let (run, summary) = train(config, start, prepared, networks, ctx, device)?;

    let mut outcome = Outcome { notes, ..Outcome::default() };
    if !config.query.choices_only {
        test(config, &run, &mut outcome)?;
        let model = ctx.work_dir.join("model");
        folder::save(&model, config, &run.data.encoding, &run.networks, &Source::None)?;
    }
    let kept = collection.kept(LengthFilter::default());
    let queried: Vec<&Sentence> =
        run.pool().labelled[initially..].iter().map(|&id| &collection.sentences[kept[id as usize]]).collect();
    diversity_of(&queried, &mut outcome);
    let seconds = seconds::read(&ctx.work_dir)?;
    outcome.curves.insert("queries".into(), curve(config, &summary, &seconds));
    for (phase, of) in PHASES {
        outcome.seconds.insert(phase.into(), seconds.values().map(of).sum());
    }
    drop_checkpoints(&ctx.work_dir)?;
    Ok(outcome)
}

/// The four metrics on the test sentences, and what significance tests need.
fn test(config: &Config, run: &ActiveLearning, outcome: &mut Outcome) -> Result<()> {
    let (judgements, scores) = run.test()?;
    for (task, metric, value) in [
        ("ner", "f1", scores.ner_f1),
        ("ner", "f1_batch_mean", scores.ner_f1_batch_mean),
        ("nen", "f1", scores.nen_f1),
        ("nen", "token_accuracy", scores.nen_token_accuracy),
    ] {
        if let Some(value) = value {
            outcome.score(task, metric, value);
        }
    }
    if config.tasks.nen() {
        let tokens = || run.test_examples().into_iter().flat_map(|example| example.nen.iter());
        let outside = tokens().filter(|&&concept| concept == 0).count();
        let share = outside as f64 / tokens().count().max(1) as f64;
        outcome.notes.insert("token accuracy of O everywhere".into(), format!("{share:.4}"));
    }
    for (score, counts) in units(config, &run.data.encoding, &run.test_examples(), &judgements)? {
        outcome.units.insert(score.into(), Units(counts));
    }
    Ok(())
}

/// What Table 4 counts, of all sentences queried.
fn diversity_of(queried: &[&Sentence], outcome: &mut Outcome) {
    let found = metrics::query_diversity(queried.iter().copied());
    outcome.score("queried", "distinct_words", found.words as f64);
    outcome.score("queried", "entities", found.entities as f64);
    outcome.score("queried", "pct_samples_with_entity", found.percent_with_entity);
}

/// The ST columns of Tables 2 and 3: two runs, each scored on its own task.
fn single_tasks(ctx: &RunContext) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    for task in ["ner", "nen"] {
        let run = ctx.needed_record(task)?.outcome;
        let scores = run.scores.get(task).with_context(|| {
            format!("the run `{task}` has no scores of its task; let its `tasks` be `{task}`")
        })?;
        outcome.scores.insert(task.to_owned(), scores.clone());
        let own = |of: &str| of.split('/').next() == Some(task);
        outcome.units.extend(run.units.into_iter().filter(|(of, _)| own(of)));
        outcome.curves.extend(run.curves.into_iter().map(|(name, curve)| (format!("{task} {name}"), curve)));
        outcome.notes.extend(run.notes.into_iter().map(|(what, note)| (format!("{task} {what}"), note)));
        for (phase, seconds) in run.seconds {
            *outcome.seconds.entry(phase).or_default() += seconds;
        }
    }
    Ok(outcome)
}

/// Table 4: mean and standard deviation of what the needed runs queried.
fn query_diversity(needs: &BTreeMap<String, String>, ctx: &RunContext) -> Result<Outcome> {
    let mut values: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for role in needs.keys() {
        let record = ctx.needed_record(role)?;
        let queried = record.outcome.scores.get("queried").with_context(|| {
            format!(
                "the run `{role}` counted nothing of what it queried; let it be of the job `active_learning`"
            )
        })?;
        for (metric, &value) in queried {
            values.entry(metric.clone()).or_default().push(value);
        }
    }
    let mut outcome = Outcome::default();
    for (metric, values) in values {
        let summary = medner_metrics::Summary::of(&values)?;
        outcome.score("all", &format!("{metric}_mean"), summary.mean);
        outcome.score("all", &format!("{metric}_sd"), summary.sd.unwrap_or_default());
    }
    outcome.notes.insert("repeats".into(), needs.len().to_string());
    Ok(outcome)
}

/// The vectors that the configuration names, for the words of this corpus.
fn word_vectors(
    config: &Config,
    prepared: &Prepared,
    cell: &Cell,
    ctx: &RunContext,
) -> Result<Option<WordVectors>> {
    if config.word_vectors.source == WordVectorSource::Trained {
        anyhow::ensure!(
            cell.needs.contains_key("vectors"),
            "`word_vectors.source: trained` starts from another run: name it under `needs: {{vectors: ...}}`"
        );
        let path = ctx.artifact("vectors")?.join(vectors::VECTORS_FILE);
        return Ok(Some(WordVectors::read(&path, VectorFormat::Word2vecBinary)?));
    }
    match vectors::file(&config.word_vectors)? {
        Some(path) => Ok(Some(vectors::read(&path, &prepared.encoding.words)?)),
        None => Ok(None),
    }
}

/// What a run is started with.
pub struct Start {
    /// Seed of every random stream.
    pub seed: u64,
    /// Files and their hashes, which a resume must not change.
    pub files: BTreeMap<String, String>,
    /// Which round's parameters count, and the rounds without a better score after which training ends.
    pub keep: Keep,
    /// As [`TrainerConfig::patience`].
    pub patience: Option<u64>,
    /// As [`TrainerConfig::save_unscored`].
    pub save_unscored: bool,
    /// Whether the sentences are a user's own: then the unknown word and character are trained
    /// ([`ActiveLearning::train_unknown`]).
    pub own_files: bool,
}

/// Raised whenever a change alters the numbers of trainings on a user's own files alone: what an earlier version began is not gone
/// on with.
const OWN_FILES_VERSION: u32 = 1;

/// Trains in `ctx.work_dir`, from its newest checkpoint if there is one.
pub fn train(
    config: &Config,
    start: Start,
    prepared: Prepared,
    networks: Networks,
    ctx: &RunContext,
    device: Device,
) -> Result<(ActiveLearning, Summary)> {
    let Start { seed, files: data, keep, patience, save_unscored, own_files } = start;
    let version = ("results", crate::method::results_version_of(config));
    let mut settings = job::settings(seed, config, data, version, ctx)?;
    if own_files {
        settings.versions.insert("own files".to_owned(), OWN_FILES_VERSION.to_string());
    }
    let trainer_config = TrainerConfig {
        epochs: config.query.times,
        patience,
        learned_nothing: Some(0.0),
        checkpoint_every_steps: config.training.checkpoint_every,
        save_unscored,
        keep: 1,
        ..TrainerConfig::default()
    };
    std::fs::create_dir_all(&ctx.work_dir)?;
    let folder = ctx.work_dir.clone();
    let on_round = move |query: u64, seconds: &Seconds| seconds::append(&folder, query, *seconds);
    let mut task = ActiveLearning::new(config, networks, prepared, seed, device, keep, Box::new(on_round))?;
    if own_files {
        task.train_unknown()?;
    }
    let summary = job::run(&mut task, &ctx.work_dir, trainer_config, settings, Unit::Round, ctx)?;
    Ok((task, summary))
}

/// One row a query.
fn curve(config: &Config, summary: &Summary, seconds: &BTreeMap<u64, Seconds>) -> Curve {
    let scores = [
        ("ner_f1", config.tasks.ner()),
        ("ner_f1_batch_mean", config.tasks.ner()),
        ("nen_f1", config.tasks.nen()),
        ("nen_token_accuracy", config.tasks.nen()),
    ];
    let games =
        [(DIVERSITY_LOSS, config.plays_diversity_game()), (TASK_GAME_VALUE, config.task_discriminator.on)];
    let named = |columns: &[(&'static str, bool)]| -> Vec<&'static str> {
        columns.iter().filter_map(|(name, wanted)| wanted.then_some(*name)).collect()
    };
    let (scores, games) = (named(&scores), named(&games));
    let sizes = ["labelled", "labelled_tokens", "unlabelled"];
    let columns = std::iter::once("query")
        .chain(sizes)
        .chain(scores.iter().copied())
        .chain(["loss"])
        .chain(games.iter().copied())
        .map(str::to_owned)
        .chain(PHASES.iter().map(|(phase, _)| format!("{phase}_seconds")));
    let mut curve = Curve::new(columns);
    for line in &summary.log {
        let LogLine::Epoch { epoch, loss, metrics, .. } = line else { continue };
        if metrics.is_empty() {
            continue;
        }
        let mut row = vec![(*epoch).into()];
        row.extend(sizes.iter().map(|name| metrics.get(*name).copied().into()));
        row.extend(scores.iter().map(|name| metrics.get(*name).copied().into()));
        row.push((*loss).into());
        row.extend(games.iter().map(|name| metrics.get(*name).copied().into()));
        row.extend(PHASES.iter().map(|(_, of)| seconds.get(epoch).map(of).into()));
        curve.push(row);
    }
    curve
}

/// The checkpoints of a finished run are no longer needed: its model is saved beside them, its numbers stand in its record.
pub fn drop_checkpoints(folder: &Path) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| format!("{}: cannot be read", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name == "best" || name == "latest" {
            std::fs::remove_file(&path)?;
        } else if name.starts_with("step-") {
            std::fs::remove_dir_all(&path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_two_readings_of_the_sample_are_compared() {
        let outcome = agreement("sample-mtaal-ncbi").unwrap();
        let scores = &outcome.scores["all"];
        let documents = load::documents("sample-pubtator-ncbi").unwrap();
        let mentions: usize = documents.test.iter().map(|document| document.entities.len()).sum();
        assert_eq!(scores["mentions_test"], mentions as f64);
        // The sample's columns are written from its PubTator files, cut by the authors' rules.
        for what in ["sentences", "tokens", "mentions", "mentions_with_concept"] {
            assert!((0.8..=1.0).contains(&scores[what]), "{what}: {}", scores[what]);
        }
        assert!(outcome.notes["mentions"].ends_with("of both"), "{:?}", outcome.notes);
    }
}
