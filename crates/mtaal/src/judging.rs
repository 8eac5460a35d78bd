//! What the networks think of sentences: labels, how sure they are, and how much a sentence looks like a labelled one.
//!
//! For a whole pool every distinct word is encoded once; then batches of like length, as big as they are quick, without
//! gradients. Of the probabilities only two numbers a token leave the device: the greatest log-probability and the entropy.
//!
//! The tasks' networks read a sentence of more than [`LONGEST`](crate::length::LONGEST) tokens in windows, whose judgements are put
//! side by side. The diversity discriminator judges sentences, and those of pools are no longer.

mod windows;

use medner_core::{CoreError, Result};
use medner_data::batching::{BatchConfig, BatchSize, Batches};
use rayon::prelude::*;
use tch::{Device, Tensor};

use crate::config::Tasks;
use crate::corpus::Example;
use crate::losses::LABELLED;
use crate::lstm::{simd, values};
use crate::networks::{Decoder, Networks};
use crate::words::{Branch, DistinctWords, Sentences, WordForms};
use windows::Windows;

/// What a task's network thinks of one sentence's tokens, `[T]` each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judgement {
    /// The most probable label of each token.
    pub labels: Vec<u32>,
    /// Its log-probability.
    pub max_log_probs: Vec<f32>,
    /// The entropy of the token's distribution.
    pub entropies: Vec<f32>,
}

/// Judgements of sentences, in their order; empty for a task that was not asked.
#[derive(Clone, Debug, Default)]
pub struct Judgements {
    /// Recognition.
    pub ner: Vec<Judgement>,
    /// Normalisation.
    pub nen: Vec<Judgement>,
}

/// Places (padding included) of a batch.
const PLACES: usize = 4096;

/// Told how many of the sentences are done.
pub type Progress<'a> = &'a dyn Fn(usize, usize);

/// Asks the task networks about sentences of any length.
pub fn tasks(
    networks: &Networks,
    table: &WordForms,
    examples: &[&Example],
    tasks: Tasks,
    device: Device,
    progress: Progress<'_>,
) -> Result<Judgements> {
    let windows = Windows::of(examples);
    let read = windows.examples();
    let count = |wanted: bool| if wanted { vec![Judgement::default(); read.len()] } else { Vec::new() };
    let mut judgements = Judgements { ner: count(tasks.ner()), nen: count(tasks.nen()) };
    each_batch(networks, table, &read, device, progress, &mut |batch, e, sentences| {
        for (decoder, found) in [(&networks.ner, &mut judgements.ner), (&networks.nen, &mut judgements.nen)] {
            if !found.is_empty() {
                for (&at, judgement) in batch.iter().zip(judge(decoder, e, sentences)?) {
                    found[at] = judgement;
                }
            }
        }
        Ok(())
    })?;
    Ok(Judgements { ner: windows.join(judgements.ner), nen: windows.join(judgements.nen) })
}

/// Asks the diversity discriminator: `log DD(E(x))`, one number a sentence, or one a token in the released code.
pub fn diversity(
    networks: &Networks,
    table: &WordForms,
    examples: &[&Example],
    device: Device,
    progress: Progress<'_>,
) -> Result<Vec<Vec<f32>>> {
    let mut found = vec![Vec::new(); examples.len()];
    each_batch(networks, table, examples, device, progress, &mut |batch, e, sentences| {
        let judged = networks.diversity_discriminator.log_probabilities(e, sentences)?;
        let labelled = Vec::<f32>::try_from(judged.f_select(1, LABELLED)?.f_contiguous()?)?;
        let a_sentence = labelled.len() == batch.len();
        let mut rest = labelled.as_slice();
        for (row, &at) in batch.iter().enumerate() {
            let (own, after) = rest.split_at(if a_sentence { 1 } else { sentences.lengths[row] });
            found[at] = own.to_vec();
            rest = after;
        }
        Ok(())
    })?;
    Ok(found)
}

/// What is done with the latent representation of a batch.
type Visit<'a> = &'a mut dyn FnMut(&[usize], &Tensor, &Sentences) -> Result<()>;

/// Encodes the words once and then every batch.
fn each_batch(
    networks: &Networks,
    table: &WordForms,
    examples: &[&Example],
    device: Device,
    progress: Progress<'_>,
    visit: Visit<'_>,
) -> Result<()> {
    if examples.is_empty() {
        return Ok(());
    }
    let _guard = tch::no_grad_guard();
    let words = DistinctWords::of(table, examples, device)?;
    let projected = networks.encoder.project(&words, Branch::Labelled)?;
    let config = BatchConfig { size: BatchSize::Tokens(PLACES), ..BatchConfig::default() };
    let batches = Batches::new(examples.iter().map(|e| e.len()).collect(), config)
        .map_err(|error| CoreError::Config { key: "batches".into(), message: error.to_string() })?;
    let mut done = 0;
    for batch in batches.evaluation() {
        let rows: Vec<(&Example, u32)> = batch.iter().map(|&at| (examples[at], 0)).collect();
        let sentences = words.sentences(&rows, device)?;
        let e = networks.encoder.read(&projected, &sentences)?;
        visit(&batch, &e, &sentences)?;
        done += batch.len();
        progress(done, examples.len());
    }
    Ok(())
}

/// Each sentence's judgement by one decoder.
fn judge(decoder: &Decoder, e: &Tensor, sentences: &Sentences) -> Result<Vec<Judgement>> {
    let logits = decoder.logits(&decoder.private(e, sentences)?, sentences)?;
    let all = summarise(&logits)?;
    let mut start = 0;
    let judgements = sentences.lengths.iter().map(|&length| {
        let own = start..start + length;
        start = own.end;
        Judgement {
            labels: all.labels[own.clone()].to_vec(),
            max_log_probs: all.max_log_probs[own.clone()].to_vec(),
            entropies: all.entropies[own].to_vec(),
        }
    });
    Ok(judgements.collect())
}

/// The judgement of each row of `[N, K]` logits, on the CPU in one walk over each row.
fn summarise(logits: &Tensor) -> Result<Judgement> {
    let (n, k) = logits.size2()?;
    if logits.device() != Device::Cpu || n * k == 0 {
        return summarise_by_operations(logits);
    }
    let logits = logits.f_contiguous()?;
    let rows: Vec<(u32, f32, f32)> =
        values(&logits).par_chunks(k as usize).with_min_len(64).map(simd::summarise_row).collect();
    Ok(Judgement {
        labels: rows.iter().map(|row| row.0).collect(),
        max_log_probs: rows.iter().map(|row| row.1).collect(),
        entropies: rows.iter().map(|row| row.2).collect(),
    })
}

/// The same by tensor operations, on any device.
fn summarise_by_operations(logits: &Tensor) -> Result<Judgement> {
    let log_z = logits.f_logsumexp([-1_i64].as_slice(), true)?;
    let (greatest, labels) = logits.f_max_dim(-1, true)?;
    let max_log_probs = Vec::<f32>::try_from(greatest.f_sub(&log_z)?.f_squeeze_dim(-1)?)?;
    let labels = Vec::<i64>::try_from(labels.f_squeeze_dim(-1)?)?;
    // H = log Z - sum p * logit.
    let probabilities = logits.f_sub(&log_z)?.f_exp()?;
    let expected =
        probabilities.f_mul(logits)?.f_sum_dim_intlist([-1_i64].as_slice(), true, logits.kind())?;
    let entropies = Vec::<f32>::try_from(log_z.f_sub(&expected)?.f_squeeze_dim(-1)?)?;
    Ok(Judgement {
        labels: labels.into_iter().map(|label| label as u32).collect(),
        max_log_probs,
        entropies: entropies.into_iter().map(|h| h.max(0.0)).collect(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::cell::Cell;

    use super::*;
    use crate::config::Config;
    use crate::corpus::{Encoding, EncodingOptions};
    use crate::length;
    use crate::prepare::{build, collection, word_matrix};
    use crate::scores::token_summaries;

    #[test]
    fn a_long_sentence_is_read_in_windows_and_judged_whole() {
        let mut config = Config::default();
        (config.model.characters, config.model.words, config.model.hidden) = (6, 8, 8);
        let sentences = collection("sample-mtaal-ncbi").unwrap().sentences;
        let encoding = Encoding::count(&sentences, EncodingOptions::PAPER).unwrap();
        let (words, _) = word_matrix(&config, &encoding.words, None, 1).unwrap();
        let networks = build(&config, &encoding, &words, 1, Device::Cpu).unwrap();
        let tokens = sentences.iter().flat_map(|s| s.tokens.clone()).cycle();
        let long: Vec<String> = tokens.take(1_100).collect();
        let read = Cell::new(0);
        let judge = |texts: &[&[String]], asked| {
            let encoded = encoding.encode_text(texts.iter().copied());
            let examples: Vec<&Example> = encoded.examples.iter().collect();
            let forms = WordForms::of(&encoded);
            tasks(&networks, &forms, &examples, asked, Device::Cpu, &|_, all| read.set(all)).unwrap()
        };
        let whole = judge(&[&long[..20], &long[..], &long[..30]], Tasks::Both);
        assert_eq!(read.get(), 5, "two short sentences and three windows");
        let lengths = |judged: &[Judgement]| judged.iter().map(|j| j.labels.len()).collect::<Vec<_>>();
        assert_eq!((lengths(&whole.ner), lengths(&whole.nen)), (vec![20, 1_100, 30], vec![20, 1_100, 30]));
        let windows: Vec<&[String]> = length::windows(1_100).map(|window| &long[window]).collect();
        let parts = judge(&windows, Tasks::Both);
        for (whole, parts) in [(&whole.ner[1], &parts.ner), (&whole.nen[1], &parts.nen)] {
            let expected = parts.iter().flat_map(|part| &part.max_log_probs);
            for (found, expected) in whole.max_log_probs.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-4, "{found} {expected}");
            }
            assert_eq!((whole.max_log_probs.len(), whole.entropies.len()), (1_100, 1_100));
        }
        let alone = judge(&[&long], Tasks::Ner);
        assert_eq!((alone.ner.len(), alone.nen.len()), (1, 0));
    }

    #[test]
    fn the_walk_gives_what_the_operations_and_the_plain_reference_give() {
        medner_core::device::reseed(3, 3);
        for k in [1, 3, 16, 37, 743] {
            let logits = Tensor::randn([21, k], (tch::Kind::Float, Device::Cpu)) * 4.0;
            let (ours, theirs) = (summarise(&logits).unwrap(), summarise_by_operations(&logits).unwrap());
            let log_probs =
                Vec::<f32>::try_from(logits.log_softmax(-1, tch::Kind::Float).view([-1])).unwrap();
            let (greatest, entropies) = token_summaries(&log_probs, k as usize);
            assert_eq!(ours.labels, theirs.labels);
            for at in 0..21 {
                for (a, b) in [
                    (ours.max_log_probs[at], theirs.max_log_probs[at]),
                    (ours.max_log_probs[at], greatest[at]),
                    (ours.entropies[at], theirs.entropies[at]),
                    (ours.entropies[at], entropies[at]),
                ] {
                    assert!((a - b).abs() < 2e-5, "{k}, row {at}: {a} {b}");
                }
                assert!(ours.max_log_probs[at] <= 0.0 && ours.entropies[at] >= 0.0);
            }
        }
    }

    #[test]
    fn equal_logits_name_the_first_label() {
        let found = summarise(&Tensor::zeros([1, 20], (tch::Kind::Float, Device::Cpu))).unwrap();
        assert_eq!(found.labels, [0]);
        assert!((found.entropies[0] - 20.0_f32.ln()).abs() < 1e-6);
    }
}
