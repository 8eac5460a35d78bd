//! A padded batch of sentences as tensors.

use tch::{Device, Tensor};

use crate::error::Result;

/// Sentences of a batch, padded on the right with id 0.
pub struct Batch {
    /// Token ids, `[B, T]` of i64.
    pub ids: Tensor,
    /// Tokens of each sentence.
    pub lengths: Vec<usize>,
    /// True where there is a token, `[B, T]` of bool.
    pub mask: Tensor,
    /// For each position the one that it changes places with when its sentence is read backwards (padding stays), as an
    /// index into the `B * T` positions: `[B * T]` of i64. Applying it twice gives the first order again.
    pub reversal: Tensor,
}

impl Batch {
    /// Pads `sentences` (token ids) to `T` positions; `T` is the longest length rounded up to a multiple of 8, because
    /// oneDNN keeps a plan for each shape it has seen.
    pub fn new<S: AsRef<[u32]>>(sentences: &[S], device: Device) -> Result<Self> {
        let lengths: Vec<usize> = sentences.iter().map(|s| s.as_ref().len()).collect();
        let t = lengths.iter().copied().max().unwrap_or(0).max(1).next_multiple_of(8);
        let b = sentences.len();
        let mut ids = vec![0_i64; b * t];
        let mut mask = vec![false; b * t];
        let mut reversal: Vec<i64> = (0..(b * t) as i64).collect();
        for (row, sentence) in sentences.iter().enumerate() {
            let (first, length) = (row * t, lengths[row]);
            for (k, &id) in sentence.as_ref().iter().enumerate() {
                ids[first + k] = i64::from(id);
                mask[first + k] = true;
                reversal[first + k] = (first + length - 1 - k) as i64;
            }
        }
        let shape = [b as i64, t as i64];
        Ok(Self {
            ids: Tensor::from_slice(&ids).f_view(shape)?.f_to_device(device)?,
            lengths,
            mask: Tensor::from_slice(&mask).f_view(shape)?.f_to_device(device)?,
            reversal: Tensor::from_slice(&reversal).f_to_device(device)?,
        })
    }

    /// `B`.
    pub fn size(&self) -> usize {
        self.lengths.len()
    }

    /// `T`.
    pub fn padded(&self) -> usize {
        self.ids.size()[1] as usize
    }

    /// Tag ids of the batch's sentences padded with 0 to `[B, T]`, on the batch's device.
    pub fn pad<S: AsRef<[u32]>>(&self, rows: &[S]) -> Result<Tensor> {
        let t = self.padded();
        let mut padded = vec![0_i64; rows.len() * t];
        for (row, values) in rows.iter().enumerate() {
            for (k, &value) in values.as_ref().iter().enumerate() {
                padded[row * t + k] = i64::from(value);
            }
        }
        Ok(Tensor::from_slice(&padded)
            .f_view([rows.len() as i64, t as i64])?
            .f_to_device(self.ids.device())?)
    }

    /// Reads every sentence of `xs` backwards: `[B, T, D] -> [B, T, D]`; padding stays where it is.
    pub fn reverse(&self, xs: &Tensor) -> Result<Tensor> {
        let shape = xs.size();
        let rows = xs.f_reshape([shape[0] * shape[1], shape[2]])?;
        // As an embedding look-up: of libtorch's ways to gather rows, the one whose backward pass is parallel.
        Ok(Tensor::f_embedding(&rows, &self.reversal, -1, false, false)?.f_view(shape.as_slice())?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn pads_and_reverses() {
        let batch = Batch::new(&[vec![5_u32, 6, 7], vec![8]], Device::Cpu).unwrap();
        assert_eq!((batch.size(), batch.padded()), (2, 8));
        assert_eq!(Vec::<i64>::try_from(batch.ids.get(0)).unwrap(), [5, 6, 7, 0, 0, 0, 0, 0]);
        assert_eq!(batch.mask.sum(tch::Kind::Int64).int64_value(&[]), 4);
        let xs = Tensor::arange(2 * 8 * 2, (tch::Kind::Float, Device::Cpu)).view([2, 8, 2]);
        let back = batch.reverse(&xs).unwrap();
        let first: Vec<f32> = Vec::try_from(back.get(0).reshape([-1])).unwrap();
        assert_eq!(first[..8], [4., 5., 2., 3., 0., 1., 6., 7.]);
        assert!(back.get(1).equal(&xs.get(1)));
        assert!(batch.reverse(&back).unwrap().equal(&xs));
    }
}
