//! From the scores of an attention to its weights in one pass: scale, mask, softmax, dropout, and the gradient of all of it.
//!
//! ```text
//! w[i, j] = m[i, j] softmax_j( scale (c[i, j] + r[i, first(i) + j]) + hidden[i, j] )
//! ```
//!
//! `c` are scores by content; `r`, in attentions that know distances (Dai et al. 2019), scores by distance, of which a row reads a
//! stretch that begins at a column of its own. `m` is dropout's mask, 0 or 1 / (1 - p). By libtorch's operations this is some ten
//! passes over the scores forwards and back, which in a small encoder take as long as its matrix products.
//!
//! On a CPU in f32 a kernel does it; elsewhere, libtorch's operations.

mod kernel;

use tch::{Device, Kind, Tensor};

use self::kernel::{Hidden, Kernel};
use super::dropout::{Mask, hashed_dropout};
use crate::autograd;
use crate::error::{CoreError, Result};
use crate::optim::raw;

/// What weights are made of.
#[derive(Clone, Copy)]
pub struct AttentionScores<'a> {
    /// `c`, by content: `[h, B, P, S]`.
    pub content: &'a Tensor,
    /// `r`, by distance, and what each row reads of it.
    pub distances: Option<DistanceScores<'a>>,
    /// What both are multiplied with.
    pub scale: f64,
    /// Added to the scaled scores, `[B or 1, P or 1, S]`; it has no gradient.
    pub hidden: Option<&'a Tensor>,
}

/// Scores by distance.
#[derive(Clone, Copy)]
pub struct DistanceScores<'a> {
    /// `[h, B, P, R]`.
    pub scores: &'a Tensor,
    /// The column of the first of the `S` scores that a row reads: `[B P]`, or `[P]` for the same in every sentence.
    pub first: &'a [i64],
}

/// The weights, `[h, B, P, S]`, after dropout with probability `p` in training.
///
/// # Errors
/// [`CoreError::Shape`] for shapes that do not fit each other and for a stretch outside the scores; [`CoreError::Tch`].
pub fn attention_weights(scores: &AttentionScores<'_>, p: f64, train: bool) -> Result<Tensor> {
    let sizes = check(scores)?;
    let p = if train { p } else { 0.0 };
    let plain = |tensor: &Tensor| tensor.device() == Device::Cpu && tensor.kind() == Kind::Float;
    if plain(scores.content) && scores.distances.is_none_or(|distances| plain(distances.scores)) {
        by_kernel(scores, sizes, p)
    } else {
        hashed_dropout(&by_operations(scores)?, p, train)
    }
}

/// `[h, B, P, S]`.
fn check(scores: &AttentionScores<'_>) -> Result<[i64; 4]> {
    let wrong = |what: &str, expected: String, found: Vec<i64>| {
        Err(CoreError::Shape { what: what.into(), expected, found })
    };
    let size = scores.content.size();
    let [h, b, p, s] = size[..] else { return wrong("scores by content", "[h, B, P, S]".into(), size) };
    if let Some(DistanceScores { scores, first }) = scores.distances {
        let found = scores.size();
        let last = found.last().copied().unwrap_or(0) - s;
        let inside = first.iter().all(|&column| (0..=last).contains(&column));
        if found.len() != 4 || found[..3] != [h, b, p] || !inside {
            let expected = format!("[{h}, {b}, {p}, R] with the {s} columns that each row reads");
            return wrong("scores by distance", expected, found);
        }
        let rows = first.len() as i64;
        if rows != p && rows != b * p {
            return wrong("first columns of distances", format!("[{p}] or [{}]", b * p), vec![rows]);
        }
    }
    if let Some(found) = scores.hidden.map(Tensor::size) {
        let is = |at: usize, size: i64| found[at] == size || found[at] == 1;
        if found.len() != 3 || !is(0, b) || !is(1, p) || found[2] != s {
            return wrong("hidden scores", format!("[{b} or 1, {p} or 1, {s}]"), found);
        }
    }
    Ok([h, b, p, s])
}

fn by_operations(scores: &AttentionScores<'_>) -> Result<Tensor> {
    let mut sum = scores.content.shallow_clone();
    let size = sum.size();
    if let Some(DistanceScores { scores, first }) = scores.distances {
        let first = Tensor::f_from_slice(first)?.f_view([-1, size[2], 1])?.f_to_device(sum.device())?;
        let columns =
            first.f_add(&Tensor::f_arange(size[3], (Kind::Int64, sum.device()))?)?.f_unsqueeze(0)?;
        sum = sum.f_add(&scores.f_gather(-1, &columns.f_expand(size.as_slice(), false)?, false)?)?;
    }
    let mut sum = sum.f_mul_scalar(scores.scale)?;
    if let Some(hidden) = scores.hidden {
        sum = sum.f_add(hidden)?;
    }
    Ok(sum.f_softmax(-1, Kind::Float)?.f_to_kind(scores.content.kind())?)
}

fn by_kernel(scores: &AttentionScores<'_>, sizes: [i64; 4], p: f64) -> Result<Tensor> {
    let content = scores.content.detach().f_contiguous()?;
    let distances = scores.distances.map(|d| d.scores.detach().f_contiguous()).transpose()?;
    let hidden = scores.hidden.map(|hidden| hidden.f_to_kind(Kind::Float)?.f_contiguous()).transpose()?;
    let wide = distances.as_ref().map(|d| d.size()[3]);
    let kernel = Kernel {
        seen: sizes[3] as usize,
        rows: sizes[2] as usize,
        sentences: sizes[1] as usize,
        wide: wide.unwrap_or(0) as usize,
        first: scores.distances.map_or_else(Vec::new, |d| d.first.iter().map(|&at| at as usize).collect()),
        scale: scores.scale as f32,
        mask: if p > 0.0 { Some(Mask::draw(p)?) } else { None },
    };
    // What softmax gives is kept for the backward pass; without dropout it is the result itself.
    let mut soft = content.f_empty_like()?;
    let mut dropped = kernel.mask.map(|_| content.f_empty_like()).transpose()?;
    {
        let hidden = match &hidden {
            None => None,
            Some(hidden) => Some(Hidden {
                values: raw::slice(hidden)?,
                sentences: hidden.size()[0],
                rows: hidden.size()[1],
            }),
        };
        let distances = distances.as_ref().map_or(Ok(&[][..]), raw::slice)?;
        let out = dropped.as_mut().map(raw::slice_mut).transpose()?;
        kernel.forward(raw::slice(&content)?, distances, hidden, raw::slice_mut(&mut soft)?, out);
    }
    let output = dropped.unwrap_or_else(|| soft.shallow_clone());
    let soft = soft.detach();
    let beside = scores.distances.map(|d| d.scores);
    let inputs: Vec<&Tensor> = std::iter::once(scores.content).chain(beside).collect();
    autograd::attach(&output, &inputs, move |upstream| {
        let upstream = upstream.f_contiguous()?;
        let mut by_content = soft.f_empty_like()?;
        let shape = wide.map(|wide| [sizes[0], sizes[1], sizes[2], wide]);
        let mut by_distance =
            shape.map(|shape| Tensor::f_zeros(shape, (Kind::Float, Device::Cpu))).transpose()?;
        let (given, kept) = (raw::slice(&upstream)?, raw::slice(&soft)?);
        let distances = by_distance.as_mut().map(raw::slice_mut).transpose()?;
        kernel.backward(given, kept, raw::slice_mut(&mut by_content)?, distances);
        Ok(std::iter::once(by_content).chain(by_distance).map(Some).collect())
    })
}

#[cfg(test)]
mod tests;
