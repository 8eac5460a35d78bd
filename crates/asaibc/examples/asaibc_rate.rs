//! Training rate of BiLSTM+CRF and ASAIBC on MSRA: sentences a second, median of rounds, as one JSON line.
//!
//! The same networks and batches as `bench/peers/asaibc.py`: characters of 100 dimensions and positions of 20, 100 per direction,
//! dropout 0.5, batches of 20 sentences of like length, Adam, gradient norm 5. ASAIBC makes two updates a step, one on a batch of
//! MSRA and one on a batch of People's Daily 1998, each of whose sentences weighs 1.
//! Arguments: `bilstm-crf|asaibc [STEPS [ROUNDS [THREADS]]]`

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Context, Result};
use medner_asaibc::config::Config;
use medner_asaibc::prepare::{Prepared, build};
use medner_asaibc::segmentation::{Source, word_labels};
use medner_asaibc::training::TaggerTask;
use medner_asaibc::transfer::TransferReport;
use medner_core::device;
use medner_core::records::{Cut, Records};
use medner_data::batching::BatchOrder;
use medner_data::vocabulary::{Normalisation, Vocabulary};
use medner_data::{Document, TagScheme, load, user_files};
use medner_metrics::LabelSet;
use tch::Device;

/// Longest sentence of either task.
const LONGEST: usize = 200;

fn documents(data: &str) -> Result<Vec<Document>> {
    Ok(load::sentences(data)?.train.iter().map(user_files::document).collect())
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let system = arguments.next().unwrap_or_default();
    let mut config = Config::default();
    match system.as_str() {
        "asaibc" => {}
        "bilstm-crf" => {
            (config.model.transfer, config.model.self_attention) = (false, false);
            (config.model.indrnn.layers, config.model.fully_connected) = (0, 0);
        }
        _ => anyhow::bail!("say `bilstm-crf` or `asaibc`"),
    }
    let mut number =
        |default: usize| arguments.next().map_or(Ok(default), |a| a.parse().context("not a number"));
    let (steps, rounds, threads) = (number(40)?, number(3)?, number(2)?);
    device::set_threads(threads);

    let mut target = documents("msra")?;
    target.retain(|d| d.text.chars().count() <= LONGEST);
    let words = if config.model.transfer { documents("pd1998")? } else { Vec::new() };
    let characters = target.iter().chain(&words).flat_map(|d| d.text.chars()).map(|c| c.to_string());
    let vocabulary = Vocabulary::count(characters, 1, Normalisation::default());
    let labels = LabelSet::new(TagScheme::Bio, ["LOC", "ORG", "PER"])?;
    let train = Records::whole(&target, &vocabulary, &labels)?;
    let source = if config.model.transfer {
        let train = Records::new(&words, LONGEST, Cut::AroundEntities, &vocabulary, &word_labels())?;
        let weights = vec![1.0; train.pieces.len()];
        Some(Source { train, weights, development: None, report: TransferReport::default() })
    } else {
        None
    };
    // With given vectors no character is ever read as unknown, as in the script.
    let vectors = Some(vec![0.1; vocabulary.len() * config.model.embedding as usize]);
    let prepared = Prepared {
        labels,
        vocabulary,
        vectors,
        train,
        scored: None,
        development: None,
        source,
        notes: BTreeMap::new(),
    };
    let tagger = build(&config, 1, &prepared, Device::Cpu)?;
    let mut task = TaggerTask::new(tagger, prepared, &config, 1, BatchOrder::Bucketed, Device::Cpu)?;
    let batches = task.epoch(0).to_vec();
    let (mut at, mut rates, mut loss) = (0, Vec::new(), 0.0);
    for round in 0..=rounds {
        let began = Instant::now();
        let mut sentences = 0;
        for _ in 0..steps {
            device::reseed(1, at as u64);
            let pieces = &batches[at % batches.len()];
            // The full strength of the reversal, as in the script.
            loss = task.step_on(pieces, at as u64, 100.0)?;
            sentences += pieces.len();
            at += 1;
        }
        if round > 0 {
            rates.push(sentences as f64 / began.elapsed().as_secs_f64());
        }
    }
    rates.sort_by(f64::total_cmp);
    #[allow(clippy::print_stdout, reason = "the result is one line on standard output")]
    {
        println!(
            "{}",
            serde_json::json!({
                "peer": "medner", "system": system, "sentences_per_second": rates[rates.len() / 2], "rounds": rates, "loss": loss
            })
        );
    }
    Ok(())
}
