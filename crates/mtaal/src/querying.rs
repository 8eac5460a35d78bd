//! Lines 5 to 8 of Algorithm 1: which sentences of a pool are chosen, by which strategy; and what test sentences come to.

use medner_core::{CoreError, Result};
use medner_metrics::{Counts, EntityReport, MetricsError};
use rayon::prelude::*;
use tch::Device;

use crate::config::{Config, Released, Tasks};
use crate::corpus::{Encoding, Example};
use crate::judging::{self, Judgement, Judgements};
use crate::metrics::{self, Layer, Metrics};
use crate::networks::Networks;
use crate::scores::{
    DiversityRule, EntropyRule, LastBatch, MnlpRule, Replacement, Score, ScoreError, ScoreRules, Selection,
    TaskTokens, score_diversity, score_tasks, scoring_order, select, select_random,
};
use crate::words::WordForms;

/// The rules of scoring that a configuration stands for.
pub fn rules(released: &Released) -> ScoreRules {
    let paper = ScoreRules::PAPER;
    ScoreRules {
        entropy: if released.scores { EntropyRule::LargestToken } else { paper.entropy },
        mnlp: if released.scores { MnlpRule::LogOfMean } else { paper.mnlp },
        diversity: if released.scores { DiversityRule::Product } else { paper.diversity },
        random: if released.random_with_replacement { Replacement::With } else { paper.random },
        both_tasks: released.scores_of_both_tasks,
        last_batch: if released.drops_last_pool_batch { LastBatch::Lost } else { paper.last_batch },
    }
}

/// Chooses sentences of a pool.
pub struct Chooser<'a> {
    /// Strategy, rules, number of sentences.
    pub config: &'a Config,
    /// The networks that are asked.
    pub networks: &'a Networks,
    /// The pool's words.
    pub forms: &'a WordForms,
    /// Where the networks are.
    pub device: Device,
}

impl Chooser<'_> {
    /// Chooses from `unlabelled`; `example` gives a sentence by its number. Random draws depend on (seed, round).
    pub fn choose<'e>(
        &self,
        unlabelled: &[u32],
        example: &dyn Fn(u32) -> &'e Example,
        seed: u64,
        round: u64,
    ) -> Result<Selection> {
        let rules = rules(&self.config.released);
        let order = scoring_order(unlabelled, &rules, self.config.training.batch_size, seed, round);
        let k = self.config.query.sentences;
        if !self.config.strategy.needs_tasks() && !self.config.strategy.needs_discriminator() {
            return Ok(select_random(&order, &rules, k, seed, round));
        }
        let examples: Vec<&Example> = order.scored.iter().map(|&id| example(id)).collect();
        let scores = self.scores(&examples, &|_, _| ())?;
        select(&order, &scores, k).map_err(broken)
    }

    /// The score of each sentence.
    pub fn scores(&self, examples: &[&Example], progress: judging::Progress<'_>) -> Result<Vec<Score>> {
        let rules = rules(&self.config.released);
        if self.config.strategy.needs_discriminator() {
            let found = judging::diversity(self.networks, self.forms, examples, self.device, progress)?;
            return found
                .par_iter()
                .map(|own| score_diversity(&rules, own))
                .collect::<Scores>()
                .map_err(broken);
        }
        let asked = if rules.both_tasks { Tasks::Both } else { self.config.tasks };
        let Judgements { ner, nen } =
            judging::tasks(self.networks, self.forms, examples, asked, self.device, progress)?;
        let score = |at: usize| {
            let tasks: Vec<TaskTokens<'_>> =
                [ner.get(at), nen.get(at)].into_iter().flatten().map(tokens).collect();
            score_tasks(self.config.strategy, &rules, &tasks)
        };
        (0..examples.len()).into_par_iter().map(score).collect::<Scores>().map_err(broken)
    }
}

type Scores = std::result::Result<Vec<Score>, ScoreError>;

/// A judgement as the score functions read it.
fn tokens(judgement: &Judgement) -> TaskTokens<'_> {
    TaskTokens { max_log_probs: &judgement.max_log_probs, entropies: &judgement.entropies }
}

#[allow(clippy::needless_pass_by_value)] // The shape of `map_err`.
fn broken(error: ScoreError) -> CoreError {
    CoreError::Config { key: "scores of the pool".into(), message: error.to_string() }
}

/// The four metrics of sentences with gold labels.
pub fn metrics(
    config: &Config,
    encoding: &Encoding,
    examples: &[&Example],
    judgements: &Judgements,
) -> Result<Metrics> {
    let layers = Layers::of(examples, judgements);
    metrics::metrics(
        config.tasks.ner().then_some((layers.ner(), &encoding.ner)),
        config.tasks.nen().then_some((layers.nen(), &encoding.nen)),
    )
    .map_err(|error| CoreError::Config { key: "metrics".into(), message: error.to_string() })
}

/// Strict scores of each task that was trained.
///
/// # Errors
/// Another number of sentences or tokens on each side.
pub fn reports(
    config: &Config,
    encoding: &Encoding,
    examples: &[&Example],
    judgements: &Judgements,
) -> std::result::Result<Vec<(&'static str, EntityReport)>, MetricsError> {
    let layers = Layers::of(examples, judgements);
    let mut reports = Vec::new();
    if config.tasks.ner() {
        reports.push(("ner", metrics::ner_report(layers.ner(), &encoding.ner)?));
    }
    if config.tasks.nen() {
        reports.push(("nen", metrics::nen_report(layers.nen(), &encoding.nen)?));
    }
    Ok(reports)
}

/// Counts a sentence of each score, for significance tests: by the names of [`medner_experiment::Outcome::units_of`].
///
/// # Errors
/// Another number of sentences or tokens on each side.
pub fn units(
    config: &Config,
    encoding: &Encoding,
    examples: &[&Example],
    judgements: &Judgements,
) -> std::result::Result<Vec<(&'static str, Vec<Counts>)>, MetricsError> {
    let reports = reports(config, encoding, examples, judgements)?;
    let mut units: Vec<_> = reports.into_iter().map(|(task, report)| (task, report.units)).collect();
    if config.tasks.nen() {
        let layers = Layers::of(examples, judgements);
        units.push(("nen/token_accuracy", metrics::nen_token_counts(layers.nen())?));
    }
    Ok(units)
}

/// Gold and predicted labels of sentences.
struct Layers {
    ner: [Vec<Vec<u32>>; 2],
    nen: [Vec<Vec<u32>>; 2],
}

impl Layers {
    fn of(examples: &[&Example], judgements: &Judgements) -> Self {
        let labels = |judged: &[Judgement]| judged.iter().map(|j| j.labels.clone()).collect();
        Self {
            ner: [examples.iter().map(|e| e.ner.clone()).collect(), labels(&judgements.ner)],
            nen: [examples.iter().map(|e| e.nen.clone()).collect(), labels(&judgements.nen)],
        }
    }

    fn ner(&self) -> Layer<'_> {
        Layer { gold: &self.ner[0], predicted: &self.ner[1] }
    }

    fn nen(&self) -> Layer<'_> {
        Layer { gold: &self.nen[0], predicted: &self.nen[1] }
    }
}
