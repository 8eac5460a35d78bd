//! Which pieces are to be found, and in which order (Yang et al. 2019, sections 2.3 and 3.1).

use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::config::SpanConfig;

/// The places that are to be found, in the order of the factorisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Places in the sequence; the first is found first.
    pub places: Vec<usize>,
}

/// Draws one place of `config.one_in` among the first `length` of a sequence, at least one: spans of n neighbours in windows of
/// n `one_in`, then single places until there are enough; then their order.
pub fn draw(length: usize, config: &SpanConfig, rng: &mut ChaCha8Rng) -> Order {
    let goal = (length / config.one_in).max(1).min(length);
    let mut chosen = vec![false; length];
    let mut count = 0;
    let mut at = 0;
    let weights: Vec<f64> = (1..=config.longest).map(|n| 1.0 / n as f64).collect();
    let all: f64 = weights.iter().sum();
    while at < length && count < goal {
        let mut drawn = rng.random_range(0.0..all);
        let mut n = 1;
        while n < config.longest && drawn >= weights[n - 1] {
            drawn -= weights[n - 1];
            n += 1;
        }
        let n = n.min(goal - count);
        let context = n * config.one_in;
        let start = at + rng.random_range(0..=context - n);
        if start + n > length {
            break;
        }
        chosen[start..start + n].fill(true);
        count += n;
        at += context;
    }
    while count < goal {
        let place = rng.random_range(0..length);
        if !chosen[place] {
            chosen[place] = true;
            count += 1;
        }
    }
    let mut places: Vec<usize> = (0..length).filter(|&place| chosen[place]).collect();
    places.shuffle(rng);
    Order { places }
}

impl Order {
    /// For a sequence of `length` places, row by row: true where the row's piece must not see the column's. A place to be found
    /// is hidden from all but those that are found after it; the content stream sees itself anyway.
    pub fn hidden(&self, length: usize) -> Vec<bool> {
        let mut hidden = vec![false; length * length];
        let mut rank = vec![None; length];
        for (at, &place) in self.places.iter().enumerate() {
            rank[place] = Some(at);
        }
        for row in 0..length {
            for (at, &column) in self.places.iter().enumerate() {
                hidden[row * length + column] = rank[row].is_none_or(|own| own <= at);
            }
        }
        hidden
    }
}

#[cfg(test)]
mod tests {
    use medner_training::pretraining::windows::stream;

    use super::*;

    #[test]
    fn one_in_six_in_any_order() {
        let mut neighbours = 0;
        for number in 0..200 {
            let mut rng = stream(1, b"spans   ", number);
            let order = draw(126, &SpanConfig::default(), &mut rng);
            assert_eq!(order.places.len(), 21);
            let mut sorted = order.places.clone();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!(sorted.len(), 21);
            assert!(sorted.iter().all(|&place| place < 126));
            neighbours += sorted.windows(2).filter(|pair| pair[1] == pair[0] + 1).count();
            assert_ne!(sorted, order.places);
        }
        // Spans, not single pieces: with one in six at random there would be about 3.4 neighbours a sequence.
        assert!(neighbours > 6 * 200, "{neighbours}");
        for length in [1, 2, 5, 7] {
            let order = draw(length, &SpanConfig::default(), &mut stream(1, b"spans   ", 0));
            assert_eq!(order.places.len(), (length / 6).max(1));
        }
    }

    #[test]
    fn what_comes_later_is_not_seen() {
        let order = Order { places: vec![3, 1] };
        let hidden = order.hidden(4);
        let row = |i: usize| &hidden[4 * i..4 * i + 4];
        // 3 is found first and sees neither; 1 is found next and sees 3.
        assert_eq!(row(3), [false, true, false, true]);
        assert_eq!(row(1), [false, true, false, false]);
        assert_eq!(row(0), [false, true, false, true]);
        assert_eq!(row(2), row(0));
    }
}
