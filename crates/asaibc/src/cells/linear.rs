//! The rows CRF, CRF+word, CRF+character and CRF+character+position: linear CRFs with and without dense features.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use medner_data::{Sentence, Span, cbow};
use medner_experiment::{Cell, Outcome, RunContext, Stopped, Units, evaluation};
use medner_metrics::{LabelSet, entity_report};

use crate::config::Config;
use crate::linear_crf::{Embedding, LinearCrf, Outcome as Trained, Progress, Resources, Run, cbow_text};
use crate::scoring;
use crate::segmentation::Segmented;
use crate::target::{self, Target};
use crate::transfer::Lexicon;

/// The file that a training which was stopped goes on from; gone once the cell is scored.
const CHECKPOINT: &str = "lbfgs.safetensors";

/// Trains on the training part and scores on the test part; the development part is not used.
pub fn run(cell: &Cell, config: &Config, ctx: &RunContext) -> Result<Outcome> {
    let Target { train, test, types, .. } = target::load(&cell.data, config)?;
    let embedding = config.crf.features.embedding;
    let (mut lexicon, mut vectors) = (None, None);
    if embedding != Embedding::None {
        let source = Segmented::load(&config.source, config.limits.source)?.words;
        let words = Lexicon::new(&source)?;
        let text = cbow_text(embedding, &train, &source, Some(&words))?;
        let mut cbow = config.vectors.cbow.clone();
        (cbow.dim, cbow.seed, cbow.threads) = (config.model.embedding as usize, cell.seed, ctx.threads);
        let show = &mut |p: &cbow::Progress| ctx.progress.set(p.words, p.total_words, "vectors");
        vectors = Some(cbow::train(&text, &cbow, show)?.vectors);
        lexicon = Some(words);
    }
    std::fs::create_dir_all(&ctx.work_dir)?;
    let checkpoint = ctx.work_dir.join(CHECKPOINT);
    let most = u64::from(config.crf.training.iterations);
    let mut run = Run {
        checkpoint: Some(&checkpoint),
        stop: Box::new(|| ctx.stop.is_set()),
        progress: Box::new(|p: &Progress| {
            let message = format!("iteration {}, objective {:.1}", p.iteration, p.objective);
            ctx.progress.set(u64::from(p.iteration), most, message);
        }),
        ..Run::default()
    };
    let resources = Resources { vectors: vectors.as_ref(), lexicon: lexicon.as_ref() };
    let trained = LinearCrf::train(&train, &config.crf.features, resources, &config.crf.training, &mut run)?;
    let (model, summary) = match trained {
        Trained::Finished(model, summary) => (model, summary),
        Trained::Stopped { iteration } => {
            let Some(signal) = ctx.stop.signal() else { bail!("stopped in iteration {iteration} by nobody") };
            return Err(Stopped { signal }.into());
        }
    };
    model.save(&ctx.work_dir.join("model"))?;
    let began = Instant::now();
    let predicted = model.predict(&test).context("test sentences")?;
    let test_seconds = began.elapsed().as_secs_f64();
    let gold: Vec<Vec<Span>> = test.iter().map(|s| s.spans.clone()).collect();
    let report = entity_report(&gold, &predicted)?;
    let mut outcome = Outcome::default();
    evaluation::put_report(&mut outcome.scores, "ner", &report);
    let lengths: Vec<usize> = test.iter().map(|s: &Sentence| s.tokens.len()).collect();
    let accuracy = scoring::tag_accuracy(&LabelSet::new(config.scheme, types)?, &lengths, &gold, &predicted)?;
    outcome.score("ner", "accuracy", accuracy.accuracy());
    outcome.units.insert("ner".into(), Units(report.units));
    outcome.notes.insert(
        "training".into(),
        format!(
            "{} iterations ({:?}), {} feature strings, {} weights, {:.1}% of the training characters have a vector",
            summary.iterations,
            summary.ended,
            summary.strings,
            summary.weights,
            100.0 * summary.coverage
        ),
    );
    outcome.seconds.insert("train".into(), summary.seconds);
    outcome.seconds.insert("test".into(), test_seconds);
    forget(&checkpoint)?;
    Ok(outcome)
}

/// Removes the checkpoint of a finished training, hundreds of megabytes that nothing reads again. It goes last, after the model is
/// saved and scored: what is killed before goes on from it.
fn forget(checkpoint: &Path) -> Result<()> {
    match std::fs::remove_file(checkpoint) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).with_context(|| {
            format!("{}: the training is done but its checkpoint cannot be removed; remove it by hand and run again", checkpoint.display())
        }),
        _ => Ok(()),
    }
}
