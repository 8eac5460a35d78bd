//! The verb `train`: both tasks on a user's own sentences, the epoch chosen on development sentences.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use medner_core::device;
use medner_core::trainer::{LogLine, Summary};
use medner_data::Sentence;
use medner_experiment::{RunContext, TrainArgs, config};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::algorithm::Keep;
use crate::cells::{self, Start};
use crate::config::{Config, Supervised};
use crate::corpus::{ActivePool, Encoding};
use crate::input::Gold;
use crate::prepare::{Prepared, build, encoding_options, word_matrix};
use crate::unseen::Source;
use crate::words::WordForms;
use crate::{folder, input, own_files, project, scoring, unseen, vectors};

/// Trains on files. A development file is cut as text to label is; sentences held out of the training file are cut as those that are
/// learned.
pub fn train(args: &TrainArgs, ctx: &RunContext) -> Result<()> {
    let mut config: Config = config::from_value(&args.config)?;
    own_files::check(&config)?;
    device::set_threads(ctx.threads);
    let device = device::open(&ctx.device)?;
    let given_config = config.clone();
    // The games of Algorithm 1 that need unlabelled sentences have none here.
    config.diversity_discriminator.on = false;
    config.query.evaluate_every = 1;

    let training = input::annotated(&args.train, config.tasks)?;
    let given = args.dev.as_deref().map(|dev| input::gold(dev, config.tasks)).transpose()?;
    let (training, gold) = if let Some(gold) = given {
        (training, gold)
    } else {
        let (training, held) = hold_out(training, config.supervised.development, args.seed);
        (training, Gold { sentences: held, ..Gold::default() })
    };
    let development = &gold.sentences;
    config.query.times = config.supervised.epochs;
    let passes = Supervised::passes(training.len(), config.training.batch_size);
    config.training.epochs = config.training.epochs.max(passes);
    let mut encoding = Encoding::count(&training, encoding_options(&config))
        .with_context(|| format!("{}", args.train.display()))?;
    let file = vectors::file(&config.word_vectors)?;
    let scored_words = development.iter().flat_map(|sentence| &sentence.tokens);
    let vectors = match &file {
        Some(path) => Some(unseen::read(&config, path, &mut encoding.words, scored_words)?),
        None => None,
    };
    let source = args.dev.as_ref().unwrap_or(&args.train);
    let scored = scoring::encoding(&encoding, development, config.tasks, source)?;
    let mut files = BTreeMap::new();
    for (role, file) in [("train", Some(&args.train)), ("dev", args.dev.as_ref())] {
        if let Some(file) = file {
            files.insert(role.to_owned(), medner_data::hash::hash_file(file)?.sha256);
        }
    }
    let prepared = supervised(&config, scored, &training, &gold, &args.train)?;
    let (words, coverage) = word_matrix(&config, &encoding.words, vectors.as_ref(), args.seed)?;
    if let Some(coverage) = coverage {
        tracing::info!("word vectors: {coverage}");
    }
    let networks = build(&config, &encoding, &words, args.seed, device)?;
    std::fs::create_dir_all(&args.out).with_context(|| {
        format!("{}: cannot be made; name a folder that can be written by `--out`", args.out.display())
    })?;
    let keep = if development.is_empty() { Keep::Last } else { Keep::Best };
    let patience = Some(config.supervised.patience).filter(|&p| p > 0 && keep == Keep::Best);
    let start = Start { seed: args.seed, files, keep, patience, save_unscored: true, own_files: true };
    let (run, summary) = cells::train(&config, start, prepared, networks, ctx, device)?;
    // What an annotation project needs to go on from here: what it learns, and what else it need not ask.
    project::write(&args.out.join(project::SENTENCES), &training)?;
    let known: Vec<String> = development.iter().map(|sentence| sentence.tokens.join(" ")).collect();
    project::write(&args.out.join(project::KNOWN), &known)?;
    let given = Source::of(&config, file.as_deref());
    folder::save(&args.out, &given_config, &encoding, &run.networks, &given)?;
    if let Some(best) = summary.best.filter(|_| keep == Keep::Best) {
        tracing::info!(
            "best development score {:.2} in epoch {} of {}; the model is in {}",
            100.0 * best.score,
            best.epoch + 1,
            summary.epochs,
            args.out.display()
        );
        let nothing = found_nothing(&summary);
        if !nothing.is_empty() {
            tracing::warn!("{}: {}", args.out.display(), useless(&nothing, &summary));
        }
    }
    Ok(())
}

/// The tasks of which the best epoch found not one mention of the development sentences.
fn found_nothing(summary: &Summary) -> Vec<&'static str> {
    let best = summary.best.map(|best| best.epoch + 1);
    let of_best = summary.log.iter().find_map(|line| match line {
        LogLine::Epoch { epoch, metrics, .. } if Some(*epoch) == best => Some(metrics),
        _ => None,
    });
    let tasks = [("recognition", "ner_f1"), ("normalisation", "nen_f1")].into_iter();
    let nothing = |metric: &str| of_best.and_then(|metrics| metrics.get(metric)).is_some_and(|&f1| f1 <= 0.0);
    tasks.filter(|(_, metric)| nothing(metric)).map(|(task, _)| task).collect()
}

/// What is said of a model that learned nothing of some tasks.
fn useless(tasks: &[&str], summary: &Summary) -> String {
    format!(
        "after {} epochs ({} steps) {} finds no mention of the development sentences, so that the model is of no use for it: give \
         it more sentences, or more epochs (`--set supervised.epochs={}`, with another `--out`)",
        summary.epochs,
        summary.steps,
        tasks.join(" and "),
        4 * summary.epochs.max(1)
    )
}

/// Draws a share of the sentences for development (at least one where there are two).
fn hold_out(mut sentences: Vec<Sentence>, share: f64, seed: u64) -> (Vec<Sentence>, Vec<Sentence>) {
    if share <= 0.0 || sentences.len() < 2 {
        return (sentences, Vec::new());
    }
    let held = ((sentences.len() as f64 * share).round() as usize).clamp(1, sentences.len() - 1);
    sentences.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    let development = sentences.split_off(sentences.len() - held);
    (sentences, development)
}

/// Training sentences all labelled, development sentences in the place of the test sentences.
fn supervised(
    config: &Config,
    encoding: Encoding,
    training: &[Sentence],
    development: &Gold,
    path: &Path,
) -> Result<Prepared> {
    let missed = development.missed(encoding.options);
    let all: Vec<&Sentence> = training.iter().chain(&development.sentences).collect();
    let encoded =
        encoding.encode(all.iter().copied()).with_context(|| format!("sentences of {}", path.display()))?;
    let forms = WordForms::of(&encoded).as_released(&config.released);
    let labelled = (0..training.len() as u32).collect();
    Ok(Prepared {
        examples: encoded.examples,
        forms,
        encoding,
        names: all.iter().map(|s| s.id.clone()).collect(),
        pool: ActivePool { labelled, unlabelled: Vec::new() },
        test: (training.len() as u32..all.len() as u32).collect(),
        missed,
        notes: BTreeMap::new(),
    })
}

#[cfg(test)]
mod tests {
    use medner_core::checkpoint::Best;

    use super::*;

    #[test]
    fn a_task_that_found_nothing_is_named() {
        let epoch = |epoch, ner: f64, nen: f64| LogLine::Epoch {
            epoch,
            step: 9 * epoch,
            loss: 1.0,
            score: None,
            metrics: [("ner_f1".to_owned(), ner), ("nen_f1".to_owned(), nen)].into(),
        };
        let summary = |best, log| Summary {
            steps: 18,
            epochs: 2,
            best: Some(Best { score: 0.0, epoch: best, step: 0 }),
            log,
            timing: Vec::new(),
        };
        let learned = summary(1, vec![epoch(1, 0.0, 0.0), epoch(2, 0.5, 0.0)]);
        assert_eq!(found_nothing(&learned), ["normalisation"]);
        assert!(useless(&["normalisation"], &learned).contains("(18 steps) normalisation finds no mention"));
        assert_eq!(found_nothing(&summary(1, vec![epoch(2, 0.5, 0.1)])), Vec::<&str>::new());
        assert_eq!(found_nothing(&summary(0, vec![epoch(1, 0.0, 0.0)])), ["recognition", "normalisation"]);
    }
}
