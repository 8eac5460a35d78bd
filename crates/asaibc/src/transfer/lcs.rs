//! Length of the longest common subsequence.
//!
//! Bit-parallel where the pattern has at most 64 symbols (Hyyrö 2004): bit `i` of the state is 0 where the length of the common
//! subsequence grows at the pattern's symbol `i`, and one addition moves the state over a symbol of the other sequence.

/// A pattern, prepared for many comparisons. Symbols are numbers below the alphabet's size.
pub(super) struct Pattern {
    /// Per symbol of the alphabet the places where the pattern has it.
    places: Vec<u64>,
    symbols: Vec<u32>,
}

impl Pattern {
    /// An empty pattern over an alphabet of this size.
    pub(super) fn new(alphabet: usize) -> Self {
        Self { places: vec![0; alphabet], symbols: Vec::new() }
    }

    /// Makes this the pattern; the old one is forgotten.
    pub(super) fn set(&mut self, symbols: impl Iterator<Item = u32>) {
        for &symbol in &self.symbols {
            self.places[symbol as usize] = 0;
        }
        self.symbols.clear();
        self.symbols.extend(symbols);
        for (place, &symbol) in self.symbols.iter().enumerate().take(64) {
            self.places[symbol as usize] |= 1 << place;
        }
    }

    /// Length of the longest common subsequence of the pattern and `other`.
    pub(super) fn common(&self, other: &[u32]) -> usize {
        let length = self.symbols.len();
        if length > 64 {
            return common(&self.symbols, other);
        }
        let mut state = u64::MAX;
        for &symbol in other {
            let matched = state & self.places[symbol as usize];
            state = state.wrapping_add(matched) | (state - matched);
        }
        let used = if length == 64 { u64::MAX } else { (1 << length) - 1 };
        (!state & used).count_ones() as usize
    }
}

/// The same of any two sequences, by the table: for parts of speech (a few symbols) and very long patterns.
pub(super) fn common<T: PartialEq>(a: &[T], b: &[T]) -> usize {
    let mut row = vec![0; b.len() + 1];
    for x in a {
        let mut diagonal = 0;
        for (j, y) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = if x == y { diagonal + 1 } else { above.max(row[j]) };
            diagonal = above;
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn of(a: &str, b: &str) -> usize {
        let symbols = |s: &str| s.chars().map(|c| c as u32).collect::<Vec<_>>();
        let mut pattern = Pattern::new(0x10000);
        pattern.set("something else before".chars().map(|c| c as u32));
        pattern.set(symbols(a).into_iter());
        let length = pattern.common(&symbols(b));
        assert_eq!(length, common(&symbols(a), &symbols(b)), "{a} {b}");
        length
    }

    #[test]
    fn by_hand() {
        assert_eq!(of("北京市", "北京"), 2);
        assert_eq!(of("北京大学", "北大"), 2);
        assert_eq!(of("大北", "北大"), 1);
        assert_eq!(of("ABCBDAB", "BDCABA"), 4);
        assert_eq!((of("", "北"), of("北", ""), of("南", "北")), (0, 0, 0));
    }

    /// All pairs of random strings, around and beyond the 64 places of a word: the table is the oracle.
    #[test]
    fn bits_agree_with_the_table() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for length in [1, 2, 7, 63, 64, 65, 90] {
            for symbols in [2, 5, 30] {
                for _ in 0..20 {
                    let mut draw =
                        |n: usize| (0..n).map(|_| rng.random_range(0..symbols)).collect::<Vec<_>>();
                    let (a, b) = (draw(length), draw(40));
                    let mut pattern = Pattern::new(30);
                    pattern.set(a.iter().copied());
                    assert_eq!(pattern.common(&b), common(&a, &b), "{a:?} {b:?}");
                }
            }
        }
    }
}
