//! The character vectors that the taggers without ALBERT start from: CBOW (Mikolov et al. 2013) over the characters of the
//! training records and of other Chinese text ("the dimension of the Word2Vec static word vector is 128").

use std::time::Instant;

use anyhow::Result;
use medner_data::vectors::VectorFormat;
use medner_data::{cbow, load};
use medner_experiment::{Cell, Outcome, RunContext};

use crate::cells::VECTORS_FILE;
use crate::config::Config;

/// Trains the vectors and leaves them in the cell's folder.
pub fn run(cell: &Cell, config: &Config, ctx: &RunContext) -> Result<Outcome> {
    let mut lines: Vec<Vec<String>> = Vec::new();
    let corpus = load::documents(&cell.data)?;
    let limit = if config.limits.train == 0 { corpus.train.len() } else { config.limits.train };
    for record in corpus.train.iter().take(limit) {
        for sentence in record.text.split_inclusive(['。', '\n']) {
            lines.push(sentence.chars().map(String::from).collect());
        }
    }
    for text in &config.vectors.texts {
        let corpus = load::sentences(text)?;
        lines.extend(corpus.train.into_iter().map(|s| s.tokens));
    }
    // White space cannot be written in word2vec's format, and says little.
    for line in &mut lines {
        line.retain(|c| !c.chars().all(char::is_whitespace));
    }
    lines.retain(|line| !line.is_empty());
    let characters: usize = lines.iter().map(Vec::len).sum();
    // The width is the embedding's, the seed the cell's, the threads this machine's (on which the result does not depend).
    let mut cbow = config.vectors.cbow.clone();
    cbow.dim = config.model.embedding as usize;
    cbow.seed = cell.seed;
    let began = Instant::now();
    cbow.threads = ctx.threads;
    let trained =
        cbow::train(&lines, &cbow, &mut |p| ctx.progress.set(p.words, p.total_words, "character vectors"))?;
    let vectors = trained.vectors;
    let seconds = began.elapsed().as_secs_f64();
    std::fs::create_dir_all(&ctx.work_dir)?;
    vectors.write(&ctx.work_dir.join(VECTORS_FILE), VectorFormat::Word2vecBinary)?;
    let mut outcome = Outcome::default();
    outcome.score("vectors", "characters", characters as f64);
    outcome.score("vectors", "words", vectors.len() as f64);
    outcome.seconds.insert("train".into(), seconds);
    outcome.notes.insert(
        "texts".into(),
        format!("training records of {}, {}", cell.data, config.vectors.texts.join(", ")),
    );
    Ok(outcome)
}
