//! Counts: the sizes of the data sets (Table 4), and what instance transfer keeps for a target.

use anyhow::Result;
use medner_data::{Corpus, Sentence, load};
use medner_experiment::{Curve, Outcome};

use crate::config::{Config, Counted};
use crate::segmentation::Segmented;
use crate::statistics::{ALL, entity_counts};
use crate::transfer;
use crate::{segmentation, target};

/// Sentences, characters and entities by type of a part of a data set.
pub fn statistics(data: &str, config: &Config) -> Result<Outcome> {
    let corpus = load::sentences(data)?;
    let Corpus { train, dev, test } = corpus;
    let all = |keep: fn(&Sentence) -> bool, train: Vec<Sentence>, dev: Vec<Sentence>, test: Vec<Sentence>| {
        train.into_iter().chain(dev).chain(test).filter(keep).collect()
    };
    let part: Vec<Sentence> = match config.statistics {
        Counted::Train => train,
        Counted::Development => dev,
        Counted::Test => test,
        Counted::All => all(|_| true, train, dev, test),
        Counted::Positive => all(|s| !s.spans.is_empty(), train, dev, test),
        Counted::Negative => all(|s| s.spans.is_empty(), train, dev, test),
    };
    let mut outcome = Outcome::default();
    outcome.score("ner", "sentences", part.len() as f64);
    outcome.score("ner", "characters", part.iter().map(|s| s.tokens.len()).sum::<usize>() as f64);
    // Types that only another part has stand there with 0.
    let corpus = Corpus { train: part, ..Corpus::default() };
    for row in entity_counts(data, &corpus) {
        let task = if row.entity_type == ALL { "ner" } else { &row.entity_type };
        outcome.score(task, "entities", row.entities as f64);
    }
    Ok(outcome)
}

/// How many sentences of the word segmentation are kept for a target, and how alike they are.
pub fn transfer(data: &str, config: &Config) -> Result<Outcome> {
    let target = target::load(data, config)?;
    let segmented = Segmented::load(&config.source, config.limits.source)?;
    let report = transfer::transfer(&segmented.words, &target.train, &config.instance_transfer)?.report;
    let mut outcome = Outcome::default();
    let counts = [
        ("sentences", report.sentences as f64),
        ("kept", report.kept as f64),
        ("dropped", report.dropped as f64),
        ("entities", report.entities as f64),
        ("mean_weight", report.mean_weight),
        ("seconds", report.seconds),
    ];
    for (metric, value) in counts {
        outcome.score(segmentation::TRANSFER, metric, value);
    }
    let mut histogram = Curve::new(["weight_from", "weight_to", "sentences"]);
    let step = 1.0 / report.histogram.len().max(1) as f64;
    for (i, sentences) in report.histogram.iter().enumerate() {
        histogram.push(vec![(i as f64 * step).into(), ((i + 1) as f64 * step).into(), (*sentences).into()]);
    }
    outcome.curves.insert("weights".into(), histogram);
    Ok(outcome)
}
