//! The best pair of run and entity of every sentence.
//!
//! `alpha S_e + beta S_p` is at most `alpha bound + beta` with any upper bound of `S_e`. For a run of `n` characters and an entity of
//! `m` that share `c` of them (each counted as often as both have it) `S_e <= c / max(n, m) <= min(n, m) / max(n, m)`: the
//! right-hand side rules lengths out before anything is looked up, the middle one rules entities out before they are compared.
//! What does not share a character has `S_e = 0`, and counts by its parts of speech alone. Pairs are ordered by (weight, `S_e`,
//! `S_p`); rounding is monotone, so that a bound never rules out a pair that would have won, and the result is that of all pairs.

use std::collections::HashMap;
use std::ops::Range;

use medner_data::Sentence;
use rayon::prelude::*;

use super::entities::Entities;
use super::lcs::Pattern;
use super::{Similarity, TransferConfig};

/// One sentence in numbers.
struct Source {
    characters: Vec<u32>,
    /// Where each word's characters begin; one more for the end.
    starts: Vec<usize>,
    /// One a word.
    tags: Vec<u32>,
}

impl Source {
    fn new(sentence: &Sentence, entities: &Entities) -> Self {
        let mut source = Self {
            characters: Vec::new(),
            starts: vec![0],
            tags: sentence.pos.iter().map(|pos| entities.tag(pos)).collect(),
        };
        for word in &sentence.tokens {
            source.characters.extend(entities.characters(word));
            source.starts.push(source.characters.len());
        }
        source
    }

    /// Runs of words, the short ones first.
    fn runs(&self, longest: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let words = self.tags.len();
        (1..=longest.min(words)).flat_map(move |n| (0..=words - n).map(move |start| start..start + n))
    }

    fn text(&self, run: &Range<usize>) -> &[u32] {
        &self.characters[self.starts[run.start]..self.starts[run.end]]
    }
}

/// One thread's memory.
struct Scratch {
    pattern: Pattern,
    /// Characters that a run shares with each entity; zeros between runs.
    shared: Vec<u32>,
    /// The entities that share any.
    touched: Vec<u32>,
    /// Best part-of-speech similarity over all entities by a run's tags.
    best_pos: HashMap<Vec<u32>, f64>,
}

impl Scratch {
    fn new(entities: &Entities) -> Self {
        Self {
            pattern: Pattern::new(entities.alphabet()),
            shared: vec![0; entities.len()],
            touched: Vec::new(),
            best_pos: HashMap::new(),
        }
    }
}

/// The greater pair: by weight, then by entity similarity, then by that of the parts of speech.
fn greater(a: Similarity, b: Similarity) -> bool {
    (a.weight, a.entity, a.pos) > (b.weight, b.entity, b.pos)
}

/// The best pair of every sentence.
pub(super) fn best(source: &[Sentence], entities: &Entities, config: &TransferConfig) -> Vec<Similarity> {
    source
        .par_iter()
        .map_init(
            || Scratch::new(entities),
            |scratch, sentence| {
                Search { entities, config, scratch, best: Similarity::default() }
                    .sentence(&Source::new(sentence, entities))
            },
        )
        .collect()
}

struct Search<'a> {
    entities: &'a Entities,
    config: &'a TransferConfig,
    scratch: &'a mut Scratch,
    best: Similarity,
}

impl Search<'_> {
    fn pair(&self, entity: f64, pos: f64) -> Similarity {
        Similarity { weight: self.config.alpha * entity + self.config.beta * pos, entity, pos }
    }

    /// Can a pair with at most this entity similarity win?
    fn can_win(&self, entity_bound: f64) -> bool {
        greater(self.pair(entity_bound, 1.0), self.best)
    }

    fn offer(&mut self, entity: f64, pos: f64) {
        let pair = self.pair(entity, pos);
        if greater(pair, self.best) {
            self.best = pair;
        }
    }

    fn sentence(mut self, source: &Source) -> Similarity {
        // Exact matches first: they are found at once and rule out most of the rest.
        for run in source.runs(self.config.longest_run) {
            if let Some(entity) = self.entities.exact(source.text(&run)) {
                self.offer(1.0, self.entities.pos_similarity(&source.tags[run], entity));
            }
        }
        for run in source.runs(self.config.longest_run) {
            if !self.can_win(1.0) {
                break;
            }
            self.run(source.text(&run), &source.tags[run]);
        }
        self.best
    }

    /// All entities that may be more similar to the run than the best pair is.
    fn run(&mut self, text: &[u32], tags: &[u32]) {
        if greater(self.pair(0.0, 1.0), self.best) {
            let known = self.scratch.best_pos.get(tags).copied();
            let pos = known.unwrap_or_else(|| self.entities.best_pos_similarity(tags));
            if known.is_none() {
                self.scratch.best_pos.insert(tags.to_vec(), pos);
            }
            self.offer(0.0, pos);
        }
        let Some((shortest, longest)) = self.lengths(text.len()) else { return };
        self.count_shared(text, shortest, longest);
        self.scratch.pattern.set(text.iter().copied());
        let touched = std::mem::take(&mut self.scratch.touched);
        for &number in &touched {
            let shared = std::mem::take(&mut self.scratch.shared[number as usize]);
            let entity = self.entities.get(number);
            let longer = entity.characters.len().max(text.len()) as f64;
            let bound = f64::from(shared) / longer;
            if !self.can_win(bound) {
                continue;
            }
            let pos = self.entities.pos_similarity(tags, number);
            if greater(self.pair(bound, pos), self.best) {
                let common = self.scratch.pattern.common(&entity.characters);
                self.offer(common as f64 / longer, pos);
            }
        }
        self.scratch.touched = touched;
        self.scratch.touched.clear();
    }

    /// The lengths of entities that may be similar enough to a run of `n` characters; none where not even equals are.
    fn lengths(&self, n: usize) -> Option<(usize, usize)> {
        let can_win = |m: usize| self.can_win(n.min(m) as f64 / n.max(m) as f64);
        if !can_win(n) {
            return None;
        }
        let shortest = (1..n).rev().take_while(|&m| can_win(m)).last().unwrap_or(n);
        let longest = (n + 1..=self.entities.longest()).take_while(|&m| can_win(m)).last().unwrap_or(n);
        Some((shortest, longest))
    }

    /// Counts the characters that the run shares with the entities of these lengths.
    fn count_shared(&mut self, text: &[u32], shortest: usize, longest: usize) {
        for (place, &character) in text.iter().enumerate() {
            if text[..place].contains(&character) {
                continue;
            }
            let times = text[place..].iter().filter(|&&c| c == character).count() as u32;
            for posting in self.entities.with(character, shortest, longest) {
                let shared = &mut self.scratch.shared[posting.entity as usize];
                if *shared == 0 {
                    self.scratch.touched.push(posting.entity);
                }
                *shared += times.min(posting.count);
            }
        }
    }
}
