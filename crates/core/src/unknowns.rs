//! Training the vector of the unknown character or word, where no given vectors know what training never shows.

use medner_data::vocabulary::UNK;
use tch::{Device, Kind, Tensor};

use crate::error::Result;

/// How often an id that stands once is read as unknown (Lample et al. 2016, section 4.1).
const SINGLETON_AS_UNKNOWN: f64 = 0.5;

/// The ids that stand once in the training sentences: they stand for all that will be unknown.
pub struct Unknowns {
    /// `[V]`, true at ids that stand once; none where no id does.
    once: Option<Tensor>,
}

impl Unknowns {
    /// Leaves every id as it is.
    pub fn none() -> Self {
        Self { once: None }
    }

    /// Counts the ids of sentences over a vocabulary of `V` entries.
    ///
    /// # Panics
    /// On an id outside the vocabulary.
    pub fn of<'a>(
        sentences: impl IntoIterator<Item = &'a Vec<u32>>,
        vocabulary: usize,
        device: Device,
    ) -> Result<Self> {
        let mut counts = vec![0_u32; vocabulary];
        for &id in sentences.into_iter().flatten() {
            counts[id as usize] = counts[id as usize].saturating_add(1);
        }
        let once: Vec<bool> = counts.iter().map(|&n| n == 1).collect();
        let once = if once.contains(&true) { Some(Tensor::f_from_slice(&once)?.f_to(device)?) } else { None };
        Ok(Self { once })
    }

    /// Turns about half of the ids that stand once into the unknown one; libtorch's generator decides. `ids`: `[B, T]` of i64.
    pub fn apply(&self, ids: &Tensor) -> Result<Tensor> {
        let Some(once) = &self.once else { return Ok(ids.shallow_clone()) };
        let drawn = Tensor::f_rand(ids.size(), (Kind::Float, ids.device()))?.f_lt(SINGLETON_AS_UNKNOWN)?;
        let once = once.f_index_select(0, &ids.f_view(-1)?)?.f_view_as(ids)?;
        Ok(ids.f_masked_fill(&once.f_logical_and(&drawn)?, i64::from(UNK))?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn about_half_of_what_stands_once_is_read_as_unknown() {
        let sentences: Vec<Vec<u32>> = vec![(2..402).collect(), vec![2, 3]];
        let ids = Tensor::arange(402, (Kind::Int64, Device::Cpu)).view([2, 201]);
        let unknowns = Unknowns::of(&sentences, 403, Device::Cpu).unwrap();
        crate::device::reseed(1, 1);
        let read = unknowns.apply(&ids).unwrap();
        let as_unknown = Vec::<i64>::try_from(read.view(-1)).unwrap();
        let changed: Vec<usize> = (0..402).filter(|&i| as_unknown[i] != i as i64).collect();
        assert!(changed.iter().all(|&i| i > 3 && as_unknown[i] == i64::from(UNK)), "{changed:?}");
        assert!((150..250).contains(&changed.len()), "{}", changed.len());
        assert!(Unknowns::none().apply(&ids).unwrap().equal(&ids));
    }
}
