//! The Mersenne Twister MT19937 (Matsumoto and Nishimura 1998) with the seeding and the shuffle of numpy's legacy
//! `RandomState`, which made the split of the paper's experiments. Everything else in this workspace draws from ChaCha8.

/// Words of state.
const N: usize = 624;
/// Distance of the word that a new one is mixed with.
const M: usize = 397;

/// A generator of 32-bit words.
#[derive(Clone, Debug)]
pub struct Mt19937 {
    state: [u32; N],
    next: usize,
}

impl Mt19937 {
    /// The generator of a seed: `numpy.random.RandomState(seed)`, the reference implementation's `init_genrand(seed)`.
    pub fn new(seed: u32) -> Self {
        let mut state = [seed; N];
        for i in 1..N {
            let before = state[i - 1];
            state[i] = 1_812_433_253_u32.wrapping_mul(before ^ (before >> 30)).wrapping_add(i as u32);
        }
        Self { state, next: N }
    }

    /// The next word.
    pub fn next_u32(&mut self) -> u32 {
        if self.next == N {
            self.twist();
        }
        let mut word = self.state[self.next];
        self.next += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }

    fn twist(&mut self) {
        for i in 0..N {
            let word = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % N] & 0x7fff_ffff);
            let odd = if word & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[i] = self.state[(i + M) % N] ^ (word >> 1) ^ odd;
        }
        self.next = 0;
    }

    /// A number of `0..=most`, each as likely: words are cut to the bits that `most` needs and drawn again while they are
    /// greater, as numpy's legacy generator does.
    pub fn up_to(&mut self, most: u32) -> u32 {
        if most == 0 {
            return 0;
        }
        let mask = u32::MAX >> most.leading_zeros();
        loop {
            let word = self.next_u32() & mask;
            if word <= most {
                return word;
            }
        }
    }

    /// Shuffles as `RandomState.shuffle` does a list: from the last element down, each changes places with one of `0..=i`.
    ///
    /// # Panics
    /// For more than 2^32 elements, which numpy draws otherwise.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            let most = u32::try_from(i).expect("a corpus has fewer than 2^32 sentences");
            items.swap(i, self.up_to(most) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The C++ standard names the 10,000th word of the generator with its default seed.
    #[test]
    fn the_ten_thousandth_word_is_the_standards() {
        let mut generator = Mt19937::new(5489);
        let word = (0..10_000).map(|_| generator.next_u32()).last();
        assert_eq!(word, Some(4_123_659_995));
    }

    /// `numpy.random.RandomState(seed).shuffle(list(range(n)))`.
    #[test]
    fn lists_are_shuffled_as_numpy_does() {
        let shuffled = |seed, n| {
            let mut numbers: Vec<u32> = (0..n).collect();
            Mt19937::new(seed).shuffle(&mut numbers);
            numbers
        };
        assert_eq!(shuffled(0, 10), [2, 8, 4, 9, 1, 6, 7, 3, 0, 5]);
        assert_eq!(shuffled(7, 12), [7, 10, 2, 5, 0, 1, 11, 8, 3, 6, 9, 4]);
        assert_eq!(shuffled(4_294_967_295, 5), [4, 1, 0, 2, 3]);
        assert_eq!(shuffled(1, 1), [0]);
    }

    #[test]
    fn every_number_up_to_the_greatest_comes() {
        let mut generator = Mt19937::new(3);
        let mut seen = [0_usize; 6];
        for _ in 0..6_000 {
            seen[generator.up_to(5) as usize] += 1;
        }
        assert!(seen.iter().all(|&n| (900..1_100).contains(&n)), "{seen:?}");
        assert_eq!((generator.up_to(0), Mt19937::new(1).up_to(u32::MAX)), (0, 1_791_095_845));
    }
}
