//! Which pieces are hidden: n-grams, drawn anew at every step (Lan et al. 2020, section 4.1; Joshi et al. 2020).

use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::config::MaskingConfig;
use super::examples::Sequence;
use crate::albert::AlbertTokenizer;

/// A sequence with hidden pieces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hidden {
    /// What the encoder reads.
    pub ids: Vec<u32>,
    /// Where pieces are to be found, ascending.
    pub positions: Vec<usize>,
    /// The pieces to be found there.
    pub labels: Vec<u32>,
}

/// Hides n-grams of a sequence: the share of its pieces that the configuration says, at least one. An n-gram is `n`
/// neighbouring words of one segment; a word is a piece with those that continue it.
pub fn hide(
    sequence: &Sequence,
    config: &MaskingConfig,
    tokenizer: &AlbertTokenizer,
    rng: &mut ChaCha8Rng,
) -> Hidden {
    let special = tokenizer.special();
    let words = words(sequence, tokenizer);
    let pieces: usize = words.iter().map(|word| word.end - word.start).sum();
    let wanted = ((pieces as f64 * config.share).round() as usize).max(1);
    let mut order: Vec<usize> = (0..words.len()).collect();
    order.shuffle(rng);
    let mut chosen = vec![false; sequence.ids.len()];
    let mut count = 0;
    for first in order {
        if count == wanted {
            break;
        }
        // From the drawn length down to the one that there is room for.
        for n in (1..=ngram(config.max_ngram, rng)).rev() {
            let Some(run) = words.get(first..first + n) else { continue };
            let (start, end) = (run[0].start, run[n - 1].end);
            // Words of two segments have `[SEP]` between them.
            let neighbours = run.windows(2).all(|pair| pair[0].end == pair[1].start);
            if !neighbours || count + end - start > wanted || chosen[start..end].contains(&true) {
                continue;
            }
            chosen[start..end].fill(true);
            count += end - start;
            break;
        }
    }
    let positions: Vec<usize> = (0..chosen.len()).filter(|&i| chosen[i]).collect();
    let labels = positions.iter().map(|&i| sequence.ids[i]).collect();
    let mut ids = sequence.ids.clone();
    for &position in &positions {
        let draw: f64 = rng.random();
        if draw < config.mask {
            ids[position] = special.mask;
        } else if draw < config.mask + config.random {
            ids[position] = random_piece(tokenizer, rng).unwrap_or(special.mask);
        }
    }
    Hidden { ids, positions, labels }
}

/// n with p(n) = (1/n) / sum over k <= `longest` of (1/k).
fn ngram(longest: usize, rng: &mut ChaCha8Rng) -> usize {
    let total: f64 = (1..=longest).map(|k| 1.0 / k as f64).sum();
    let mut draw = rng.random::<f64>() * total;
    for n in 1..longest {
        draw -= 1.0 / n as f64;
        if draw < 0.0 {
            return n;
        }
    }
    longest
}

/// A piece that is text; none where the vocabulary has only special entries.
fn random_piece(tokenizer: &AlbertTokenizer, rng: &mut ChaCha8Rng) -> Option<u32> {
    let special = tokenizer.special();
    let special = [special.padding, special.unknown, special.first, special.separator, special.mask]
        .map(|id| id as usize);
    let texts = tokenizer.len().checked_sub(special.len()).filter(|&n| n > 0)?;
    // The drawn one among those that are left when the special ones are taken out.
    let mut id = rng.random_range(0..texts);
    let mut sorted = special;
    sorted.sort_unstable();
    for taken in sorted {
        if id >= taken {
            id += 1;
        }
    }
    Some(id as u32)
}

/// The words of a sequence as ranges of positions, special pieces left out.
fn words(sequence: &Sequence, tokenizer: &AlbertTokenizer) -> Vec<std::ops::Range<usize>> {
    let mut words: Vec<std::ops::Range<usize>> = Vec::new();
    // `[CLS]`, the `[SEP]` before the second segment, and the last one.
    let special = [0, sequence.second - 1, sequence.ids.len() - 1];
    for (position, &id) in sequence.ids.iter().enumerate() {
        if special.contains(&position) {
            continue;
        }
        match words.last_mut() {
            Some(word) if word.end == position && tokenizer.continues(id) => word.end += 1,
            _ => words.push(position..position + 1),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::albert::TokenizerMode;
    use crate::albert::tokenizer::SPECIAL;
    use medner_training::pretraining::windows::stream;

    fn tokenizer() -> AlbertTokenizer {
        let mut entries: Vec<String> = SPECIAL.map(String::from).to_vec();
        entries.extend((0..90).map(|i| char::from_u32(0x4E00 + i).unwrap().to_string()));
        entries.extend((0..5).map(|i| format!("##{i}")));
        AlbertTokenizer::new(&entries, TokenizerMode::Wordpiece, true).unwrap()
    }

    fn sequence(first: usize, second: usize) -> Sequence {
        let text = |n: usize| (0..n as u32).map(|i| 5 + i % 90);
        let ids: Vec<u32> =
            [2].into_iter().chain(text(first)).chain([3]).chain(text(second)).chain([3]).collect();
        Sequence { ids, second: first + 2, swapped: false }
    }

    #[test]
    fn the_share_the_kinds_and_the_lengths_are_as_configured() {
        let (tokenizer, config) = (tokenizer(), MaskingConfig::default());
        let sequence = sequence(60, 65);
        let (mut masked, mut kept, mut replaced, mut hidden) = (0, 0, 0, 0);
        for step in 0..400 {
            let found = hide(&sequence, &config, &tokenizer, &mut stream(1, b"test    ", step));
            assert_eq!(found.positions.len(), 19, "15% of 125");
            hidden += found.positions.len();
            for (&position, &label) in found.positions.iter().zip(&found.labels) {
                assert_eq!(label, sequence.ids[position]);
                assert!(![0, 61, 127].contains(&position), "special pieces are not hidden");
                match found.ids[position] {
                    4 => masked += 1,
                    id if id == label => kept += 1,
                    id => {
                        assert!(id >= 5);
                        replaced += 1;
                    }
                }
            }
            for (position, &id) in found.ids.iter().enumerate() {
                assert!(found.positions.contains(&position) || id == sequence.ids[position]);
            }
        }
        let share = |n: i32| f64::from(n) / hidden as f64;
        assert!((share(masked) - 0.8).abs() < 0.02, "{}", share(masked));
        // A random piece is now and then the right one.
        assert!((share(replaced) - 0.1).abs() < 0.01, "{}", share(replaced));
        assert!((share(kept) - 0.1).abs() < 0.01, "{}", share(kept));
    }

    #[test]
    fn n_is_drawn_in_proportion_to_its_inverse() {
        let mut rng = stream(3, b"test    ", 0);
        let mut counts = [0_i32; 3];
        for _ in 0..11_000 {
            counts[ngram(3, &mut rng) - 1] += 1;
        }
        // 6/11, 3/11, 2/11
        for (count, expected) in counts.iter().zip([6000, 3000, 2000]) {
            assert!((count - expected).abs() < 200, "{counts:?}");
        }
        assert!((0..50).all(|_| ngram(1, &mut rng) == 1));
    }

    #[test]
    fn words_are_hidden_whole_and_segments_are_not_bridged() {
        let (tokenizer, config) = (tokenizer(), MaskingConfig { share: 0.3, ..MaskingConfig::default() });
        // Two pieces of the last word of A, then [SEP], then a piece that would continue it.
        let ids = vec![2, 5, 6, 95, 7, 96, 3, 97, 8, 9, 98, 99, 10, 3];
        let sequence = Sequence { ids, second: 7, swapped: false };
        let words = words(&sequence, &tokenizer);
        assert_eq!(words, [1..2, 2..4, 4..6, 7..8, 8..9, 9..12, 12..13]);
        for step in 0..200 {
            let found = hide(&sequence, &config, &tokenizer, &mut stream(1, b"test    ", step));
            assert!(!found.positions.is_empty() && found.positions.len() <= 3);
            for word in &words {
                let inside = word.clone().filter(|p| found.positions.contains(p)).count();
                assert!(inside == 0 || inside == word.len(), "{word:?} in {:?}", found.positions);
            }
        }
    }

    #[test]
    fn the_shortest_sequence_hides_one_piece() {
        let found =
            hide(&sequence(1, 1), &MaskingConfig::default(), &tokenizer(), &mut stream(1, b"test    ", 0));
        assert_eq!(found.positions.len(), 1);
    }
}
