//! Training rate of the BiLSTM-CRF on MSRA: sentences a second, median of rounds, as one JSON line.
//!
//! The same model and batches as `bench/peers/bilstm_crf_pytorch.py`: characters of 100 dimensions, 100 per direction,
//! dropout 0.5, batches of 20, sentences of up to 200 characters, Adam, gradient norm 5.
//! Arguments: `random|like-length [STEPS [ROUNDS [THREADS]]]`

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Context, Result};
use medner_albert_idcnn::config::{Encoder, ModelConfig, Training};
use medner_albert_idcnn::model::{Start, Tagger};
use medner_albert_idcnn::prepare::Prepared;
use medner_albert_idcnn::reading::Reading;
use medner_albert_idcnn::training::TaggerTask;
use medner_core::device;
use medner_core::records::Records;
use medner_data::batching::BatchOrder;
use medner_data::vocabulary::{Normalisation, Vocabulary};
use medner_data::{Document, Entity, TagScheme};
use medner_metrics::LabelSet;
use tch::Device;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let order = match arguments.next().as_deref() {
        Some("random") => BatchOrder::Random,
        Some("like-length") => BatchOrder::Bucketed,
        _ => anyhow::bail!("say `random` or `like-length`"),
    };
    let mut number =
        |default: usize| arguments.next().map_or(Ok(default), |a| a.parse().context("not a number"));
    let (steps, rounds, threads) = (number(40)?, number(3)?, number(2)?);
    device::set_threads(threads);

    let corpus = medner_data::load::sentences("msra")?;
    let documents: Vec<Document> = corpus
        .train
        .into_iter()
        .filter(|s| s.tokens.len() <= 200 && s.tokens.iter().all(|t| t.chars().count() == 1))
        .map(|s| Document {
            text: s.tokens.concat(),
            entities: s
                .spans
                .into_iter()
                .map(|p| Entity { start: p.start, end: p.end, label: p.label, concepts: Vec::new() })
                .collect(),
            id: s.id,
        })
        .collect();
    let characters = documents.iter().flat_map(|d| d.text.chars()).map(|c| c.to_string());
    let vocabulary = Vocabulary::count(characters, 1, Normalisation::default());
    let labels = LabelSet::new(TagScheme::Bio, ["LOC", "ORG", "PER"])?;
    let train = Records::whole(&documents, &vocabulary, &labels)?;
    let model = ModelConfig {
        embedding: 100,
        hidden: 100,
        encoder: Encoder::Bilstm,
        heads: 0,
        ..ModelConfig::default()
    };
    device::reseed(1, u64::MAX);
    let tagger = Tagger::new(&model, &Start::Random(vocabulary.len()), &labels, Device::Cpu)?;
    let training = Training::default();
    let reading = Reading::Characters(vocabulary);
    let prepared = Prepared {
        labels,
        reading,
        vectors: None,
        encoder: None,
        train,
        development: None,
        notes: BTreeMap::new(),
    };
    let mut task = TaggerTask::new(tagger, prepared, &training, 1, order, Device::Cpu)?;
    let batches = task.epoch(0).to_vec();
    let (mut at, mut rates, mut loss) = (0, Vec::new(), 0.0);
    for round in 0..=rounds {
        let began = Instant::now();
        let mut sentences = 0;
        for _ in 0..steps {
            device::reseed(1, at as u64);
            loss = task.step_on(&batches[at % batches.len()])?;
            sentences += batches[at % batches.len()].len();
            at += 1;
        }
        if round > 0 {
            rates.push(sentences as f64 / began.elapsed().as_secs_f64());
        }
    }
    rates.sort_by(f64::total_cmp);
    let order = if order == BatchOrder::Random { "random" } else { "like-length" };
    #[allow(clippy::print_stdout, reason = "the result is one line on standard output")]
    {
        println!(
            "{}",
            serde_json::json!({
                "peer": "medner", "batches": order, "sentences_per_second": rates[rates.len() / 2], "rounds": rates, "loss": loss
            })
        );
    }
    Ok(())
}
