//! A word table that begins with CBOW vectors of the same text (Mikolov et al. 2013) instead of random ones.
//!
//! An encoder of published size sees text enough to learn its word table on the way. One that is trained for an hour does
//! not: vectors that are made in seconds leave it that hour for the layers.

use std::collections::BTreeMap;

use anyhow::Result;
use medner_core::params::Params;
use medner_data::cbow::{self, CbowConfig};
use medner_experiment::RunContext;
use medner_training::pretraining::Document;
use tch::Tensor;

/// Where the word table is, in the parameters of an [`crate::albert::AlbertForPreTraining`].
const WORDS: &str = "albert.embeddings.word_embeddings.weight";

/// Trains vectors of the pieces and writes them into the word table, scaled so that their values spread as the random ones
/// (`spread`, a standard deviation). The columns before `first` are left alone, and pieces that CBOW leaves out keep their random
/// values. Says how many rows were written.
///
/// # Errors
/// What CBOW refuses: settings that mean nothing, text without frequent pieces.
pub fn write_vectors(
    params: &Params,
    documents: &[Document],
    config: &CbowConfig,
    seed: u64,
    (first, spread): (i64, f64),
    ctx: &RunContext,
) -> Result<usize> {
    let Some(table) = params.get(WORDS) else { return Ok(0) };
    let (rows, width) = table.size2()?;
    let width = width - first;
    let names: Vec<String> = (0..rows).map(|id| id.to_string()).collect();
    let mut sentences: Vec<Vec<&str>> = Vec::new();
    for document in documents {
        let mut start = 0;
        for &end in &document.ends {
            sentences.push(document.ids[start..end].iter().map(|&id| names[id as usize].as_str()).collect());
            start = end;
        }
    }
    let config = CbowConfig { dim: width as usize, seed, threads: ctx.threads, ..config.clone() };
    let mut progress = |p: &cbow::Progress| ctx.progress.set(p.words, p.total_words, "vectors of the pieces");
    let vectors = cbow::train(&sentences, &config, &mut progress)?.vectors;
    let found: BTreeMap<usize, &[f32]> =
        names.iter().enumerate().filter_map(|(id, name)| Some((id, vectors.get(name)?))).collect();
    let square: f64 = found.values().flat_map(|row| row.iter()).map(|&v| f64::from(v) * f64::from(v)).sum();
    let scale = spread / (square / (found.len() as f64 * width as f64).max(1.0)).sqrt().max(1e-12);
    let _guard = tch::no_grad_guard();
    for (&id, row) in &found {
        let row = Tensor::f_from_slice(row)?.f_mul_scalar(scale)?;
        table.f_get(id as i64)?.f_narrow(0, first, width)?.f_copy_(&row)?;
    }
    Ok(found.len())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use medner_core::init::Init;
    use tch::{Device, Kind};

    use super::*;

    #[test]
    fn pieces_of_like_neighbours_get_like_vectors() {
        medner_core::device::reseed(1, 0);
        let params = Params::new(Device::Cpu);
        let normal = Init::Normal { mean: 0.0, std: 0.02 };
        let table = params.root().parameter(WORDS, &[14, 8], normal).unwrap();
        let before = table.copy();
        // 5 and 6 stand between 7 and 8, 9 and 10 between 11 and 12; nothing else stands anywhere.
        let documents: Vec<Document> = (0..400)
            .map(|i| {
                let middle = [5, 9, 6, 10][i % 4];
                let sides = if middle < 7 { [7, 8] } else { [11, 12] };
                Document { ids: vec![sides[0], middle, sides[1]], ends: vec![3] }
            })
            .collect();
        let config = CbowConfig { min_count: 1, sample: 0.0, epochs: 20, ..CbowConfig::default() };
        let ctx = RunContext { threads: 1, ..RunContext::new(".", ".") };
        assert_eq!(write_vectors(&params, &documents, &config, 1, (0, 0.02), &ctx).unwrap(), 8);
        let like = |a: i64, b: i64| {
            let (a, b) = (table.get(a), table.get(b));
            (a.dot(&b) / (a.norm() * b.norm())).double_value(&[])
        };
        assert!(like(5, 6) > like(5, 9) + 0.3 && like(9, 10) > like(9, 6) + 0.3);
        let written = Tensor::cat(&[table.narrow(0, 5, 8)], 0);
        let spread = written.square().mean(Kind::Double).sqrt().double_value(&[]);
        assert!((spread - 0.02).abs() < 1e-6, "{spread}");
        assert!(table.narrow(0, 0, 5).equal(&before.narrow(0, 0, 5)) && table.get(13).equal(&before.get(13)));
    }
}
