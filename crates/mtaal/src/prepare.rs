//! What a run is made of: sentences in numbers, who is labelled, the matrix of word vectors, the networks.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use medner_core::device;
use medner_data::store::Store;
use medner_data::vectors::{WordVectors, uniform_bound};
use medner_data::{Sentence, Vocabulary, catalog, load, sample};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::{Device, Tensor};

use crate::config::Config;
use crate::corpus::{
    self, ActivePool, Collection, Encoding, EncodingOptions, Example, LengthFilter, Shares, split,
};
use crate::networks::{Networks, Sizes};
use crate::words::WordForms;

/// The seed of the paper's split, whatever the seed of the run.
pub const SPLIT_SEED: u32 = 0;

/// A corpus ready for a run.
pub struct Prepared {
    /// Vocabularies and labels.
    pub encoding: Encoding,
    /// Sentences by number.
    pub examples: Vec<Example>,
    /// Their distinct words.
    pub forms: WordForms,
    /// Their identifiers.
    pub names: Vec<String>,
    /// Who is labelled at the beginning, and who can be queried.
    pub pool: ActivePool,
    /// Who is tested.
    pub test: Vec<u32>,
    /// Mentions that the tested sentences have no place for.
    pub missed: Missed,
    /// Facts for the record.
    pub notes: BTreeMap<String, String>,
}

/// Mentions of a user's files that no model finds, by task: they count as missed. The corpora of the tables have none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Missed {
    /// Of recognition.
    pub ner: usize,
    /// Of normalisation.
    pub nen: usize,
}

/// Every sentence of a data set of the catalogue: training, development and test files in this order.
pub fn collection(data: &str) -> Result<Collection> {
    let corpus = load::sentences(data)?;
    let sentences = [corpus.train, corpus.dev, corpus.test].concat();
    Ok(Collection::from_sentences(data, sentences)?)
}

/// The same with the count of tags that continue no entity, which Table 1 does not count among the entities.
pub fn with_orphans(data: &str) -> Result<Collection> {
    if sample::kind_of_sample(data).is_some() {
        return collection(data);
    }
    let located = Store::discover()?.ensure(&catalog::find(data)?.data_set)?;
    Ok(corpus::load(data, located.base()?)?)
}

/// How sentences become numbers in this configuration.
pub fn encoding_options(config: &Config) -> EncodingOptions {
    EncodingOptions {
        lowercase_characters: config.released.lowercase_characters,
        missing_as_outside: config.released.missing_concept_as_outside,
    }
}

/// The paper's split of a data set; vocabularies and labels are counted over all of it, as Table 1 counts them.
pub fn prepare(config: &Config, collection: &Collection) -> Result<Prepared> {
    let kept = collection.kept(LengthFilter::default());
    let parts = split(kept.len(), Shares::default(), SPLIT_SEED)?;
    let encoding = Encoding::count(&collection.sentences, encoding_options(config))?;
    let sentences: Vec<&Sentence> = kept.iter().map(|&at| &collection.sentences[at]).collect();
    let encoded = encoding.encode(sentences.iter().copied()).context("sentences of the pool")?;
    let (filled, longest) = (config.released.word_length, encoded.forms.longest());
    anyhow::ensure!(
        filled == 0 || longest <= filled,
        "`released.word_length` is {filled} and the longest word here has {longest} characters, to which the released code fills \
         every word up; set it to that"
    );
    let forms = WordForms::of(&encoded).as_released(&config.released);
    let first = |mut ids: Vec<u32>, limit: usize| {
        if limit > 0 {
            ids.truncate(limit);
        }
        ids
    };
    let all = ActivePool::new(&parts);
    let pool = ActivePool {
        labelled: first(all.labelled, config.limits.labelled),
        unlabelled: first(all.unlabelled, config.limits.pool),
    };
    let test = first(parts.test.iter().map(|&at| at as u32).collect(), config.limits.test);
    let mut notes = BTreeMap::new();
    notes.insert(
        "sentences".into(),
        format!(
            "{} labelled, {} unlabelled, {} test, {} left out by the cut, {} by their length",
            pool.labelled.len(),
            pool.unlabelled.len(),
            test.len(),
            parts.left_out.len(),
            collection.sentences.len() - kept.len()
        ),
    );
    let names = sentences.iter().map(|s| s.id.clone()).collect();
    let missed = Missed::default();
    Ok(Prepared { examples: encoded.examples, encoding, forms, names, pool, test, missed, notes })
}

/// Bound of the released code's embedding, which is drawn anew after the given vectors were set.
const RELEASED_BOUND: f32 = 0.05;

/// The matrix that the word vectors start from, `[V, D]`, and how much of the text the given vectors cover.
pub fn word_matrix(
    config: &Config,
    vocabulary: &Vocabulary,
    vectors: Option<&WordVectors>,
    seed: u64,
) -> Result<(Tensor, Option<String>)> {
    let (rows, width) = (vocabulary.len(), config.model.words as usize);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let empty = WordVectors::empty(width);
    let given = vectors.unwrap_or(&empty);
    anyhow::ensure!(
        given.dim() == width,
        "`model.words` is {width}, but the word vectors have {} dimensions; set `model.words` to that",
        given.dim()
    );
    let matrix = given.matrix_for(vocabulary, uniform_bound(width), &mut rng);
    let coverage = vectors.map(|_| matrix.coverage.to_string());
    let mut values = matrix.values;
    if config.released.forgets_word_vectors {
        values.fill_with(|| rng.random_range(-RELEASED_BOUND..RELEASED_BOUND));
    }
    let matrix = Tensor::from_slice(&values).f_view([rows as i64, width as i64])?;
    Ok((matrix, coverage))
}

/// Builds the networks with values drawn from `seed`.
pub fn build(
    config: &Config,
    encoding: &Encoding,
    words: &Tensor,
    seed: u64,
    device: Device,
) -> Result<Networks> {
    // Step u64::MAX is no training step.
    device::reseed(seed, u64::MAX);
    let sizes =
        Sizes { characters: encoding.characters.len(), ner: encoding.ner.len(), nen: encoding.nen.len() };
    Ok(Networks::new(config, sizes, words, device)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::Released;

    #[test]
    fn the_released_code_forgets_the_vectors_that_it_was_given() {
        let collection = collection("sample-mtaal-ncbi").unwrap();
        let mut config = Config::default();
        config.model.words = 4;
        let vocabulary = prepare(&config, &collection).unwrap().encoding.words;
        let word = vocabulary.word(5).unwrap();
        let mut given = WordVectors::empty(4);
        given.push(word, &[3.0; 4]).unwrap();
        let row = |config: &Config| {
            let (matrix, _) = word_matrix(config, &vocabulary, Some(&given), 1).unwrap();
            Vec::<f32>::try_from(matrix.get(5)).unwrap()
        };
        assert_eq!(row(&config), [3.0; 4]);
        config.released.forgets_word_vectors = true;
        assert!(row(&config).iter().all(|x| x.abs() < RELEASED_BOUND));
    }

    #[test]
    fn words_are_not_filled_up_to_less_than_the_longest() {
        let collection = collection("sample-mtaal-ncbi").unwrap();
        let with = |word_length| {
            let released = Released { word_length, ..Released::default() };
            prepare(&Config { released, ..Config::default() }, &collection)
        };
        assert!(with(0).is_ok() && with(60).is_ok());
        let refused = with(3).err().unwrap().to_string();
        assert!(refused.contains("longest word"), "{refused}");
    }
}
