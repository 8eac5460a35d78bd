//! The target's different entities, and the index that finds those a run of words may be similar to.

use std::collections::{BTreeSet, HashMap};

use medner_data::Sentence;

use super::lexicon::Lexicon;
use super::{TransferError, lcs};

/// An entity: a string of characters that the target names at least once.
pub(super) struct Entity {
    /// Numbers of its characters in the alphabet.
    pub characters: Vec<u32>,
    /// Number of its sequence of parts of speech in [`Entities::pos`].
    pub pos: u32,
}

/// Where a character occurs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Posting {
    /// Characters of the entity.
    pub length: u32,
    /// The entity.
    pub entity: u32,
    /// How often it has the character.
    pub count: u32,
}

/// All of them.
pub(super) struct Entities {
    all: Vec<Entity>,
    /// Different sequences of parts of speech (numbers of tags).
    pos: Vec<Vec<u32>>,
    /// Numbers of the characters of source and target. Only looked up, as the two maps below.
    alphabet: HashMap<char, u32>,
    /// Numbers of the source's parts of speech.
    tags: HashMap<String, u32>,
    /// Entities by their text.
    exact: HashMap<Vec<u32>, u32>,
    /// Per character, sorted by length.
    postings: Vec<Vec<Posting>>,
    /// Characters of the longest entity.
    longest: usize,
}

/// The part of speech of what is no word of the source; equal to no other, not even to itself.
const UNKNOWN: u32 = u32::MAX;

impl Entities {
    pub(super) fn new(
        target: &[Sentence],
        source: &[Sentence],
        lexicon: &Lexicon,
    ) -> Result<Self, TransferError> {
        let mut texts: BTreeSet<String> = BTreeSet::new();
        for sentence in target {
            sentence.check()?;
            texts.extend(sentence.spans.iter().map(|span| sentence.tokens[span.start..span.end].concat()));
        }
        if texts.is_empty() {
            return Err(TransferError::NoEntities { sentences: target.len() });
        }
        let mut alphabet = HashMap::new();
        let mut tags = HashMap::new();
        for sentence in source {
            for character in sentence.tokens.iter().flat_map(|word| word.chars()) {
                let next = alphabet.len() as u32;
                alphabet.entry(character).or_insert(next);
            }
            for tag in &sentence.pos {
                let next = tags.len() as u32;
                tags.entry(tag.clone()).or_insert(next);
            }
        }
        let mut entities = Self {
            all: Vec::new(),
            pos: Vec::new(),
            alphabet,
            tags,
            exact: HashMap::new(),
            postings: Vec::new(),
            longest: 0,
        };
        let mut sequences: HashMap<Vec<u32>, u32> = HashMap::new();
        for text in texts {
            let letters: Vec<String> = text.chars().map(String::from).collect();
            let pos: Vec<u32> = lexicon
                .segment(&letters)
                .into_iter()
                .map(|word| lexicon.pos(&letters[word].concat()).map_or(UNKNOWN, |pos| entities.tags[pos]))
                .collect();
            let next = sequences.len() as u32;
            let pos = *sequences.entry(pos.clone()).or_insert_with(|| {
                entities.pos.push(pos);
                next
            });
            entities.push(&text, pos);
        }
        for list in &mut entities.postings {
            list.sort_unstable();
        }
        Ok(entities)
    }

    fn push(&mut self, text: &str, pos: u32) {
        let characters: Vec<u32> = text
            .chars()
            .map(|character| {
                let next = self.alphabet.len() as u32;
                *self.alphabet.entry(character).or_insert(next)
            })
            .collect();
        self.postings.resize_with(self.alphabet.len(), Vec::new);
        let (entity, length) = (self.all.len() as u32, characters.len() as u32);
        for (i, &character) in characters.iter().enumerate() {
            if !characters[..i].contains(&character) {
                let count = characters.iter().filter(|&&c| c == character).count() as u32;
                self.postings[character as usize].push(Posting { length, entity, count });
            }
        }
        self.longest = self.longest.max(characters.len());
        self.exact.insert(characters.clone(), entity);
        self.all.push(Entity { characters, pos });
    }

    /// Number of entities.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Number of characters of source and target.
    pub(super) fn alphabet(&self) -> usize {
        self.alphabet.len()
    }

    /// Characters of the longest entity.
    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    pub(super) fn get(&self, entity: u32) -> &Entity {
        &self.all[entity as usize]
    }

    /// The entity with exactly these characters.
    pub(super) fn exact(&self, characters: &[u32]) -> Option<u32> {
        self.exact.get(characters).copied()
    }

    /// Entities that have the character and `shortest` to `longest` characters.
    pub(super) fn with(&self, character: u32, shortest: usize, longest: usize) -> &[Posting] {
        let list = self.postings.get(character as usize).map_or(&[][..], Vec::as_slice);
        let from = list.partition_point(|p| (p.length as usize) < shortest);
        let to = list.partition_point(|p| p.length as usize <= longest);
        &list[from..to.max(from)]
    }

    /// Numbers of a source word's characters.
    pub(super) fn characters(&self, word: &str) -> impl Iterator<Item = u32> {
        word.chars().map(|character| self.alphabet[&character])
    }

    /// Number of a source's part of speech.
    pub(super) fn tag(&self, pos: &str) -> u32 {
        self.tags[pos]
    }

    /// Part-of-speech similarity of a run's tags and an entity.
    pub(super) fn pos_similarity(&self, tags: &[u32], entity: u32) -> f64 {
        pos_similarity(tags, &self.pos[self.get(entity).pos as usize])
    }

    /// The greatest part-of-speech similarity of a run's tags and any entity.
    pub(super) fn best_pos_similarity(&self, tags: &[u32]) -> f64 {
        self.pos.iter().map(|pos| pos_similarity(tags, pos)).fold(0.0, f64::max)
    }
}

/// The longest common subsequence over the longer length. The source has no [`UNKNOWN`] tags, so that it equals none.
fn pos_similarity(tags: &[u32], entity: &[u32]) -> f64 {
    lcs::common(tags, entity) as f64 / tags.len().max(entity.len()) as f64
}
