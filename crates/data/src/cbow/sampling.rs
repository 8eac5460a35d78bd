//! What is drawn at random: negative examples, occurrences that are left out, window sizes.

use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// SplitMix64 (Steele, Lea and Flood 2014): a few instructions a draw. Seeded from a ChaCha8 stream that is keyed by what it
/// is for, so that no two passes share draws.
pub(super) struct FastRng(u64);

impl FastRng {
    /// The generator of pass `part` of `epoch`.
    pub(super) fn keyed(seed: u64, epoch: u64, part: u64) -> Self {
        Self(keyed(seed, epoch, part).next_u64())
    }

    #[inline(always)]
    fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    #[inline(always)]
    pub(super) fn next_u32(&mut self) -> u32 {
        (self.next_u64() >> 32) as u32
    }

    /// A number below `n`, each with the same chance up to `n / 2^32`.
    #[inline(always)]
    pub(super) fn below(&mut self, n: u32) -> u32 {
        ((u64::from(self.next_u32()) * u64::from(n)) >> 32) as u32
    }
}

/// The ChaCha8 stream for one purpose of one training.
pub(super) fn keyed(seed: u64, epoch: u64, part: u64) -> ChaCha8Rng {
    let mut key = [0u8; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&epoch.to_le_bytes());
    key[16..24].copy_from_slice(&part.to_le_bytes());
    key[24..].copy_from_slice(b"cbow/rng");
    ChaCha8Rng::from_seed(key)
}

/// Words drawn with probability proportional to `count ^ exponent`, in constant time: the alias method (Walker 1977, built as
/// Vose 1991). A table of two numbers a word stays in the cache, unlike word2vec's table of 10^8 entries.
pub(super) struct NegativeTable {
    /// For each word: take it when the draw is below the first number, else take the second.
    slots: Vec<(u32, u32)>,
}

impl NegativeTable {
    pub(super) fn new(counts: &[u64], exponent: f64) -> Self {
        let weights: Vec<f64> = counts.iter().map(|&count| (count as f64).powf(exponent)).collect();
        let total: f64 = weights.iter().sum();
        let mut share: Vec<f64> = weights.iter().map(|w| w * counts.len() as f64 / total).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) =
            (0..share.len()).partition(|&i| share[i] < 1.0);
        let mut slots: Vec<(u32, u32)> = (0..share.len() as u32).map(|i| (u32::MAX, i)).collect();
        while let (Some(&under), Some(&over)) = (small.last(), large.last()) {
            small.pop();
            slots[under] = ((share[under] * f64::from(u32::MAX)) as u32, over as u32);
            share[over] -= 1.0 - share[under];
            if share[over] < 1.0 {
                large.pop();
                small.push(over);
            }
        }
        Self { slots }
    }

    /// A word.
    #[inline(always)]
    pub(super) fn draw(&self, rng: &mut FastRng) -> u32 {
        let bits = rng.next_u64();
        let slot = ((bits >> 32) * self.slots.len() as u64) >> 32;
        let (threshold, other) = self.slots[slot as usize];
        if (bits as u32) < threshold { slot as u32 } else { other }
    }
}

/// For each word the largest 32-bit draw at which an occurrence is kept; empty when `sample` is 0.
///
/// A word of relative frequency `f` is kept with probability `sqrt(s / f) + s / f`, as word2vec's program does (its paper,
/// Mikolov et al. 2013, equation 5, has `sqrt(s / f)` alone).
pub(super) fn keep_thresholds(counts: &[u64], sample: f64) -> Vec<u32> {
    if sample == 0.0 {
        return Vec::new();
    }
    let total: u64 = counts.iter().sum();
    let probability = |count: u64| {
        let ratio = sample * total as f64 / count as f64;
        ratio.sqrt() + ratio
    };
    // The cast saturates: probabilities above 1 keep everything.
    counts.iter().map(|&count| (probability(count) * f64::from(u32::MAX)) as u32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negative_examples_follow_the_power_of_the_counts() {
        let counts = [4000, 1000, 900, 50, 1, 1];
        let table = NegativeTable::new(&counts, 0.75);
        let total: f64 = counts.iter().map(|&c| (c as f64).powf(0.75)).sum();
        let mut rng = FastRng::keyed(1, 2, 3);
        let mut drawn = [0u32; 6];
        let n = 2_000_000;
        for _ in 0..n {
            drawn[table.draw(&mut rng) as usize] += 1;
        }
        for (count, drawn) in counts.into_iter().zip(drawn) {
            let p = (count as f64).powf(0.75) / total;
            let sd = (p * (1.0 - p) / f64::from(n)).sqrt();
            let found = f64::from(drawn) / f64::from(n);
            assert!((found - p).abs() < 5.0 * sd, "{found} for {p} +- {sd}");
        }
    }

    #[test]
    fn one_word_alone_is_always_drawn() {
        let table = NegativeTable::new(&[7], 0.75);
        let mut rng = FastRng::keyed(1, 0, 0);
        assert!((0..1000).all(|_| table.draw(&mut rng) == 0));
    }

    #[test]
    fn frequent_words_are_kept_as_word2vec_keeps_them() {
        // f = 0.9, s = 0.001: sqrt(0.001 / 0.9) + 0.001 / 0.9 = 0.0344444
        let keep = keep_thresholds(&[9000, 999, 1], 1e-3);
        let share = f64::from(keep[0]) / f64::from(u32::MAX);
        assert!((share - 0.034_444_444).abs() < 1e-8, "{share}");
        assert_eq!(keep[2], u32::MAX);
        assert!(keep_thresholds(&[5], 0.0).is_empty());
    }

    #[test]
    fn small_numbers_are_uniform() {
        let mut rng = FastRng::keyed(9, 0, 0);
        let mut counts = [0u32; 5];
        for _ in 0..500_000 {
            counts[rng.below(5) as usize] += 1;
        }
        assert!(counts.iter().all(|&c| (98_500..101_500).contains(&c)), "{counts:?}");
    }
}
