//! The verb `train`: both tasks on a user's own sentences, the epoch chosen on development sentences.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use medner_core::device;
use medner_data::{Sentence, WordVectors};
use medner_experiment::{RunContext, TrainArgs, config};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::algorithm::Keep;
use crate::cells::{self, Start};
use crate::config::{Config, Job, Limits, WordVectorSource};
use crate::corpus::{ActivePool, Encoding};
use crate::prepare::{Prepared, build, encoding_options, word_matrix};
use crate::words::WordForms;
use crate::{folder, input, project, vectors};

/// Trains on files.
pub fn train(args: &TrainArgs, ctx: &RunContext) -> Result<()> {
    let mut config: Config = config::from_value(&args.config)?;
    if config.job != Job::ActiveLearning || config.limits != Limits::default() {
        bail!(
            "`job` and `limits` are for the cells of tables; `train` trains on the whole file: leave them out"
        );
    }
    if config.word_vectors.source == WordVectorSource::Trained {
        bail!(
            "`word_vectors.source: trained` is for the cells of tables; name a file: `glove` or `word2vec`"
        );
    }
    device::set_threads(ctx.threads);
    let device = device::open(&ctx.device)?;
    let given_config = config.clone();
    // The games of Algorithm 1 that need unlabelled sentences have none here.
    config.diversity_discriminator.on = false;
    config.query.times = config.supervised.epochs;
    config.query.evaluate_every = 1;

    let training = input::annotated(&args.train, config.tasks)?;
    let given = args.dev.as_deref().map(|dev| input::annotated(dev, config.tasks)).transpose()?;
    let (training, development) = match given {
        Some(development) => (training, development),
        None => hold_out(training, config.supervised.development, args.seed),
    };
    let encoding = Encoding::count(&training, encoding_options(&config))
        .with_context(|| format!("{}", args.train.display()))?;
    let development = known(development, &encoding);
    let mut files = BTreeMap::new();
    for (role, file) in [("train", Some(&args.train)), ("dev", args.dev.as_ref())] {
        if let Some(file) = file {
            files.insert(role.to_owned(), medner_data::hash::hash_file(file)?.sha256);
        }
    }
    let prepared = supervised(&config, encoding, &training, &development, &args.train)?;
    let vectors: Option<WordVectors> = match vectors::file(&config.word_vectors)? {
        Some(path) => Some(vectors::read(&path, &prepared.encoding.words)?),
        None => None,
    };
    let (words, coverage) = word_matrix(&config, &prepared.encoding.words, vectors.as_ref(), args.seed)?;
    if let Some(coverage) = coverage {
        tracing::info!("word vectors: {coverage}");
    }
    let networks = build(&config, &prepared.encoding, &words, args.seed, device)?;
    std::fs::create_dir_all(&args.out).with_context(|| {
        format!("{}: cannot be made; name a folder that can be written by `--out`", args.out.display())
    })?;
    let keep = if development.is_empty() { Keep::Last } else { Keep::Best };
    let patience = Some(config.supervised.patience).filter(|&p| p > 0 && keep == Keep::Best);
    let start = Start { seed: args.seed, files, keep, patience };
    let (run, summary) = cells::train(&config, start, prepared, networks, ctx, device)?;
    // What an annotation project needs to go on from here.
    project::write(&args.out.join(project::SENTENCES), &training)?;
    folder::save(&args.out, &given_config, &run.data.encoding, &run.networks)?;
    if let Some(best) = summary.best.filter(|_| keep == Keep::Best) {
        tracing::info!(
            "best development score {:.2} in epoch {} of {}; the model is in {}",
            100.0 * best.score,
            best.epoch + 1,
            summary.epochs,
            args.out.display()
        );
    }
    Ok(())
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

/// Development sentences in the labels that training has: a mention of an unknown type or concept cannot be found, and how
/// many there are is said; as an unknown concept it stays a mention.
pub fn known(development: Vec<Sentence>, encoding: &Encoding) -> Vec<Sentence> {
    let mut unknown = (0, 0);
    let sentences = development
        .into_iter()
        .map(|mut sentence| {
            let before = sentence.spans.len();
            sentence.spans.retain(|span| encoding.ner.types().contains(&span.label));
            unknown.0 += before - sentence.spans.len();
            for concept in &mut sentence.concepts {
                if encoding.nen.index(concept).is_none() && concept != crate::corpus::MISSING {
                    unknown.1 += 1;
                    let other = if encoding.nen.index(crate::corpus::MISSING).is_some() {
                        crate::corpus::MISSING
                    } else {
                        crate::corpus::OUTSIDE
                    };
                    other.clone_into(concept);
                }
            }
            sentence
        })
        .collect();
    if unknown != (0, 0) {
        tracing::warn!(
            "development sentences: {} mentions of types and {} tokens of concepts that the training sentences do not have \
             cannot be found",
            unknown.0,
            unknown.1
        );
    }
    sentences
}

/// Training sentences all labelled, development sentences in the place of the test sentences.
fn supervised(
    config: &Config,
    encoding: Encoding,
    training: &[Sentence],
    development: &[Sentence],
    path: &Path,
) -> Result<Prepared> {
    let all: Vec<&Sentence> = training.iter().chain(development).collect();
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
        notes: BTreeMap::new(),
    })
}
