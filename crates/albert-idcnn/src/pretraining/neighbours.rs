//! Initial values with which each head of the attention looks at one neighbour.
//!
//! From random values an ALBERT has to find out, from the text alone, which of its positions lie side by side; until then it
//! predicts how frequent characters are and nothing else. With the millions of sequences of the published ones that is a short
//! while, with what one processor core reads in an hour it is most of the training: 5,000 steps of 2,048 pieces passed before
//! more than 15% of the hidden pieces were found. Here the first `D` columns of the embedding belong to the positions (a head's width
//! `d_k = H / heads`, half the embedding at most), and queries and keys compare them:
//!
//! ```text
//! P[t, 2i] = sin(w_i t),  P[t, 2i + 1] = cos(w_i t)        w_i = pi ((i + 1/2) / (D/2))^1.3,  i < D/2
//! W_in     = the identity on the embedding's columns (random beyond the D where the layers are narrower)
//! W_K      = g on the D columns;  W_Q of head j = the same, turned by w_i d_j        d = -1, +1, -2, +2, ...
//! q_t . k_s / sqrt(d_k) = g^2 D / sqrt(d_k) mean_i cos(w_i (t + d_j - s))        8 at s = t + d_j, near 0 elsewhere
//! ```
//!
//! The frequencies of Vaswani et al. 2017 would not do: with most of them near 0 the mean of cosines is still 0.96 one position
//! away. The power 1.3 keeps even ones from meeting again at a distance of `2 D`. Everything is learned from there on.

use anyhow::{Result, ensure};
use medner_core::init::Init;
use medner_core::params::Params;
use tch::Tensor;

use crate::albert::AlbertConfig;

/// Score of the neighbour before the softmax; a hundred others at 0 leave it nine tenths of the weight and more.
const SCORE: f64 = 8.0;

/// `D`, the columns of the embedding that belong to the positions; even.
pub fn columns(config: &AlbertConfig) -> i64 {
    config.head_width().min(config.embedding_size / 2) / 2 * 2
}

/// Writes them into the parameters of an [`crate::albert::AlbertForPreTraining`], whose words keep the other columns.
///
/// # Errors
/// An embedding or heads too narrow for a sine and a cosine; a parameter that is not there.
pub fn write(params: &Params, config: &AlbertConfig) -> Result<()> {
    let (own, embedding, hidden) = (columns(config), config.embedding_size, config.hidden_size);
    ensure!(
        own >= 2,
        "encoder.positions: heads of {} columns and an embedding of {embedding} leave no two columns to the positions; choose \
         wider ones, or positions: random",
        config.head_width()
    );
    let table = |name: &str| {
        params
            .get(&format!("albert.{name}.weight"))
            .ok_or_else(|| anyhow::anyhow!("the encoder has no {name}"))
    };
    let _guard = tch::no_grad_guard();
    for name in ["embeddings.word_embeddings", "embeddings.token_type_embeddings"] {
        let _ = table(name)?.f_narrow(1, 0, own)?.f_zero_()?;
    }
    let rows = config.max_position_embeddings;
    let positions =
        waves(rows, own, |t| t as f64)?.f_mul_scalar(config.initializer_range * 2.0_f64.sqrt())?;
    let mut places = table("embeddings.position_embeddings")?;
    let _ = places.f_zero_()?;
    places.f_narrow(1, 0, own)?.f_copy_(&positions)?;
    let input = table("encoder.embedding_hidden_mapping_in")?;
    let rest = [hidden - own, embedding - own];
    let options = (input.kind(), input.device());
    let words = if embedding <= hidden {
        Tensor::f_eye_m(rest[0], rest[1], options)?
    } else {
        Init::Normal { mean: 0.0, std: 1.0 / (rest[1] as f64).sqrt() }
            .draw("embedding_hidden_mapping_in", &rest)?
    };
    let corner =
        |first: i64, [rows, columns]: [i64; 2]| input.f_narrow(0, first, rows)?.f_narrow(1, first, columns);
    let _ = input.shallow_clone().f_zero_()?;
    corner(0, [own, own])?.f_copy_(&Tensor::f_eye(own, options)?)?;
    corner(own, rest)?.f_copy_(&words)?;
    let gain = (SCORE * (config.head_width() as f64).sqrt() / own as f64).sqrt();
    for group in 0..config.num_hidden_groups {
        for layer in 0..config.inner_group_num {
            let attention = format!("encoder.albert_layer_groups.{group}.albert_layers.{layer}.attention");
            let (query, key) = (table(&format!("{attention}.query"))?, table(&format!("{attention}.key"))?);
            for head in 0..config.num_attention_heads {
                let first = head * config.head_width();
                let block = |map: &Tensor| map.f_narrow(0, first, own)?.f_narrow(1, 0, own);
                block(&query)?.f_copy_(&turn(own, offset(head))?.f_mul_scalar(gain)?)?;
                block(&key)?.f_copy_(&turn(own, 0)?.f_mul_scalar(gain)?)?;
            }
        }
    }
    Ok(())
}

/// Where head `j` looks: -1, +1, -2, +2, ...
fn offset(head: i64) -> i64 {
    if head % 2 == 0 { -(head / 2 + 1) } else { head / 2 + 1 }
}

fn frequency(pair: i64, width: i64) -> f64 {
    std::f64::consts::PI * ((pair as f64 + 0.5) / (width / 2) as f64).powf(1.3)
}

/// `[rows, width]`: sine and cosine of each frequency at `at(row)`.
fn waves(rows: i64, width: i64, at: impl Fn(i64) -> f64) -> Result<Tensor> {
    let value = |row: i64, column: i64| {
        let angle = frequency(column / 2, width) * at(row);
        if column % 2 == 0 { angle.sin() } else { angle.cos() }
    };
    let values: Vec<f32> = (0..rows * width).map(|i| value(i / width, i % width) as f32).collect();
    Ok(Tensor::f_from_slice(&values)?.f_view([rows, width])?)
}

/// The matrix that makes of `P[t]` (as a column) `P[t + by]`: a rotation of each pair.
fn turn(width: i64, by: i64) -> Result<Tensor> {
    let mut values = vec![0_f32; (width * width) as usize];
    for pair in 0..width / 2 {
        let (sin, cos) = (frequency(pair, width) * by as f64).sin_cos();
        let at = |row: i64, column: i64| ((2 * pair + row) * width + 2 * pair + column) as usize;
        // sin(a + b) = sin a cos b + cos a sin b,  cos(a + b) = cos a cos b - sin a sin b
        for (row, column, value) in [(0, 0, cos), (0, 1, sin), (1, 0, -sin), (1, 1, cos)] {
            values[at(row, column)] = value as f32;
        }
    }
    Ok(Tensor::f_from_slice(&values)?.f_view([width, width])?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use tch::Device;

    use super::*;
    use crate::albert::AlbertForPreTraining;

    #[test]
    fn a_turn_moves_by_positions() {
        let places = waves(40, 48, |t| t as f64).unwrap();
        for by in [-2, -1, 1, 2] {
            let moved = turn(48, by).unwrap().matmul(&places.get(20));
            let error = (moved - places.get(20 + by)).abs().max().double_value(&[]);
            assert!(error < 1e-5, "{by}: {error}");
        }
    }

    #[test]
    fn a_head_gives_its_neighbour_most_of_the_weight() {
        let width = 48;
        let places = waves(128, width, |t| t as f64).unwrap() * 2.0_f64.sqrt();
        for head in 0..4 {
            let queries = places.matmul(&turn(width, offset(head)).unwrap().tr());
            let weights =
                (queries.matmul(&places.tr()) * (SCORE / width as f64)).softmax(-1, tch::Kind::Float);
            for t in 5..120 {
                let (best, at) = weights.get(t).max_dim(0, false);
                assert_eq!(at.int64_value(&[]), t + offset(head));
                assert!(best.double_value(&[]) > 0.9, "head {head} at {t}: {best:?}");
            }
        }
        assert_eq!([0, 1, 2, 3].map(offset), [-1, 1, -2, 2]);
    }

    fn model(change: impl FnOnce(&mut AlbertConfig)) -> (Params, AlbertConfig) {
        medner_core::device::reseed(1, 0);
        let mut config = AlbertConfig {
            embedding_size: 48,
            hidden_size: 64,
            num_attention_heads: 4,
            ..AlbertConfig::tiny(20)
        };
        change(&mut config);
        let params = Params::new(Device::Cpu);
        AlbertForPreTraining::new(&params.root(), &config).unwrap();
        (params, config)
    }

    /// Scores of the first layer's heads over words and positions as the model itself computes them: `[heads, T, T]`.
    fn scores(params: &Params, config: &AlbertConfig, words: &[i64]) -> Tensor {
        let get = |name: &str| params.get(&format!("albert.{name}")).unwrap();
        let attention = "encoder.albert_layer_groups.0.albert_layers.0.attention";
        let sum = get("embeddings.word_embeddings.weight").index_select(0, &Tensor::from_slice(words))
            + get("embeddings.position_embeddings.weight").narrow(0, 0, words.len() as i64)
            + get("embeddings.token_type_embeddings.weight").get(0);
        let norm = sum.layer_norm::<Tensor>([config.embedding_size], None, None, 1e-12, false);
        let xs = norm.linear(&get("encoder.embedding_hidden_mapping_in.weight"), None::<&Tensor>);
        let split = |name: &str| {
            let ys = xs.linear(&get(&format!("{attention}.{name}.weight")), None::<&Tensor>);
            ys.view([words.len() as i64, config.num_attention_heads, -1]).transpose(0, 1)
        };
        split("query").matmul(&split("key").transpose(1, 2)) / (config.head_width() as f64).sqrt()
    }

    #[test]
    fn the_heads_of_a_model_begin_with_one_neighbour_in_view_whatever_the_words() {
        let words: Vec<i64> = (0..40).map(|t| 5 + t * 7 % 13).collect();
        let narrow = |config: &mut AlbertConfig| config.embedding_size = 96;
        for (params, config) in [model(|_| ()), model(narrow)] {
            write(&params, &config).unwrap();
            let scores = scores(&params, &config, &words);
            for head in 0..config.num_attention_heads {
                let at = scores.get(head).argmax(-1, false);
                for t in 2..38 {
                    assert_eq!(at.int64_value(&[t]), t + offset(head), "head {head} at {t}");
                }
            }
        }
    }

    #[test]
    fn heads_without_room_for_a_sine_and_a_cosine_are_refused() {
        let (params, config) = model(|config| config.embedding_size = 2);
        let message = write(&params, &config).unwrap_err().to_string();
        assert!(message.contains("encoder.positions") && message.contains("random"), "{message}");
    }
}
