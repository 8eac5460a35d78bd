//! A batch of emissions as plain memory.

use crate::error::{CoreError, Result};

/// Emissions `[B, T, K]` row-major, right-padded, with the true length of each sentence. What stands in the padding is
/// never read.
#[derive(Clone, Copy, Debug)]
pub struct EmissionBatch<'a> {
    pub(super) emissions: &'a [f32],
    pub(super) lengths: &'a [usize],
    pub(super) steps: usize,
    pub(super) tags: usize,
}

impl<'a> EmissionBatch<'a> {
    /// `emissions`: `[B, T, K]` with `B` = `lengths.len()`, `T` = `steps`, `K` = `tags`; each length is at most `T` and
    /// may be 0.
    ///
    /// # Errors
    /// [`CoreError::Shape`] where these do not fit each other.
    pub fn new(emissions: &'a [f32], lengths: &'a [usize], steps: usize, tags: usize) -> Result<Self> {
        if tags == 0 || emissions.len() != lengths.len() * steps * tags {
            return Err(CoreError::Shape {
                what: "CRF emissions".into(),
                expected: format!("[{}, {steps}, {}] numbers", lengths.len(), tags.max(1)),
                found: vec![emissions.len() as i64],
            });
        }
        check_lengths(lengths, steps)?;
        Ok(Self { emissions, lengths, steps, tags })
    }

    /// Number of sentences, `B`.
    pub fn len(&self) -> usize {
        self.lengths.len()
    }

    /// True for a batch of no sentences.
    pub fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    /// The emissions of sentence `b` without padding: `[len, K]`.
    pub fn sentence(&self, b: usize) -> &'a [f32] {
        let start = b * self.steps * self.tags;
        &self.emissions[start..start + self.lengths[b] * self.tags]
    }

    /// True when the batch is too small to be worth handing to other threads.
    pub(super) fn is_small(&self) -> bool {
        self.emissions.len() * self.tags < 1 << 14
    }

    /// Sentences that one task works on. Depends on the batch alone, so that sums over sentences are taken in the same
    /// order whatever the number of threads.
    pub(super) fn sentences_per_task(&self) -> usize {
        if self.is_small() { self.len().max(1) } else { self.len().div_ceil(64) }
    }

    /// Checks that `tags` is `[B, T]` and that its unpadded entries are tags.
    pub(super) fn check_tags(&self, tags: &[i64]) -> Result<()> {
        if tags.len() != self.len() * self.steps {
            return Err(CoreError::Shape {
                what: "CRF tags".into(),
                expected: format!("[{}, {}]", self.len(), self.steps),
                found: vec![tags.len() as i64],
            });
        }
        for (b, &length) in self.lengths.iter().enumerate() {
            let row = &tags[b * self.steps..b * self.steps + length];
            if let Some(t) = row.iter().position(|&tag| tag < 0 || tag >= self.tags as i64) {
                return Err(CoreError::Config {
                    key: "CRF tags".into(),
                    message: format!(
                        "sentence {b} of the batch, position {t}: tag {} is not in 0..{}",
                        row[t], self.tags
                    ),
                });
            }
        }
        Ok(())
    }
}

/// Checks that no sentence is longer than the batch is wide.
pub(super) fn check_lengths(lengths: &[usize], steps: usize) -> Result<()> {
    match lengths.iter().position(|&length| length > steps) {
        None => Ok(()),
        Some(b) => Err(CoreError::Shape {
            what: format!("length of sentence {b} of the batch"),
            expected: format!("at most T = {steps}"),
            found: vec![lengths[b] as i64],
        }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn shapes_lengths_and_tags_are_checked() {
        let e = [0.0_f32; 12];
        let batch = EmissionBatch::new(&e, &[3, 0], 3, 2).unwrap();
        assert_eq!((batch.len(), batch.sentence(0).len(), batch.sentence(1).len()), (2, 6, 0));
        assert!(EmissionBatch::new(&e, &[3, 4], 3, 2).is_err());
        assert!(EmissionBatch::new(&e, &[3, 3], 3, 3).is_err());
        assert!(EmissionBatch::new(&[], &[], 3, 0).is_err());
        assert!(batch.check_tags(&[0, 1, 0, -100, -100, -100]).is_ok());
        assert!(batch.check_tags(&[0, 1, 2, 0, 0, 0]).unwrap_err().to_string().contains("position 2"));
        assert!(batch.check_tags(&[0]).is_err());
    }
}
