//! Words that training did not show and that have a given vector.
//!
//! The table that is trained has a row for each word of the training sentences (and of the development sentences, where the word
//! has a vector), so that optimisers and checkpoints are as big as these and not as the file of word vectors: GloVe 6B has 400,000
//! words. A row that no batch reads has no gradient, and Adam without decay leaves it where it was. So the rows of all other words
//! are as good beside the table: a model's folder keeps the vectors of the file ([`VECTORS`]), and `predict`, `evaluate` and `query`
//! add rows for the words of what they read ([`with_words_of`]). Words without a vector are read as the unknown one.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use medner_data::vectors::VectorFormat;
use medner_data::vocabulary::Normalisation;
use medner_data::{Vocabulary, WordVectors};
use tch::{Device, Tensor};

use crate::config::Config;
use crate::folder::{ModelFolder, empty_networks};
use crate::networks::WORD_VECTORS;
use crate::vectors;

/// The file of a model's folder with given vectors, in word2vec's binary format.
pub const VECTORS: &str = "word_vectors.bin";

/// A longer word, in bytes, is none that a text has, and the format has a limit.
const LONGEST_WORD: usize = 1_000;

/// Where the vectors that a model keeps come from.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// There are none.
    None,
    /// The first of a user's file.
    File {
        /// In any of the three formats.
        path: &'a Path,
        /// How many words ([`crate::config::WordVectorConfig::kept`]).
        most: usize,
    },
    /// Those that the model before keeps.
    Model(&'a Path),
}

impl<'a> Source<'a> {
    /// Those of the file that a configuration names; none where what it says is lost in training.
    pub fn of(config: &Config, file: Option<&'a Path>) -> Self {
        match (file, config.word_vectors.kept) {
            (Some(path), most) if most > 0 && !config.released.forgets_word_vectors => {
                Self::File { path, most }
            }
            _ => Self::None,
        }
    }
}

/// Reads the vectors of a vocabulary's words and of words `beside`, which are scored and not learned: of these, the ones with a
/// vector join the vocabulary, unless the configuration forgets vectors.
pub fn read<'t>(
    config: &Config,
    path: &Path,
    vocabulary: &mut Vocabulary,
    beside: impl Iterator<Item = &'t String> + Clone,
) -> Result<WordVectors> {
    let beside = beside.filter(|_| !config.released.forgets_word_vectors);
    let mut all = vocabulary.clone();
    all.extend(beside.clone());
    let vectors = vectors::read(path, &all)?;
    let normalisation = vocabulary.normalisation();
    vocabulary.extend(beside.filter(|word| vectors.get(&normalisation.apply(word)).is_some()));
    Ok(vectors)
}

/// Leaves the given vectors in a model's folder; where there are none, those of an earlier training go.
pub fn keep(folder: &Path, given: &Source<'_>) -> Result<()> {
    let place = folder.join(VECTORS);
    let wrong = |path: &Path| format!("word vectors of {}", path.display());
    match *given {
        Source::File { path, most } => {
            let vectors = first(path, most).with_context(|| wrong(path))?;
            vectors.write(&place, VectorFormat::Word2vecBinary)?;
            tracing::info!(
                "{}: {} word vectors for words that training does not show",
                place.display(),
                vectors.len()
            );
        }
        Source::Model(path) => {
            remove(&place)?;
            // The file is never written to, only replaced: rounds of a project share it where the file system can.
            if fs::hard_link(path, &place).is_err() {
                fs::copy(path, &place).with_context(|| wrong(path))?;
                fs::File::open(&place)?.sync_all()?;
            }
        }
        Source::None => remove(&place)?,
    }
    Ok(())
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{}: cannot be removed", path.display()))
        }
        _ => Ok(()),
    }
}

/// The vectors of a file's first words, without those that no text is looked up by: words are lower-cased before.
fn first(path: &Path, most: usize) -> Result<WordVectors> {
    let lowercase = Normalisation { lowercase: true, ..Normalisation::default() };
    let taken = Cell::new(0);
    let wanted = |word: &str| {
        let met = word.len() <= LONGEST_WORD && !word.contains(char::is_whitespace);
        let wanted = taken.get() < most && met && lowercase.apply(word) == word;
        taken.set(taken.get() + usize::from(wanted));
        wanted
    };
    Ok(WordVectors::read_selected(path, VectorFormat::of_file(path)?, wanted)?)
}

/// The model with a row for each word of `tokens` that it does not know and that has a given vector; none where there is no such
/// word. The rows so far keep their numbers.
pub fn with_words_of<'t>(
    model: &ModelFolder,
    tokens: impl Iterator<Item = &'t String>,
    device: Device,
) -> Result<Option<ModelFolder>> {
    let Some(path) = &model.given else { return Ok(None) };
    let words = &model.encoding.words;
    let normalisation = words.normalisation();
    let unknown = tokens.filter(|token| words.known(token).is_none());
    let unknown: BTreeSet<String> = unknown.map(|token| normalisation.apply(token).into_owned()).collect();
    if unknown.is_empty() {
        return Ok(None);
    }
    let vectors =
        WordVectors::read_selected(path, VectorFormat::Word2vecBinary, |word| unknown.contains(word))?;
    if vectors.is_empty() {
        return Ok(None);
    }
    let width = model.config.model.words as usize;
    ensure!(
        vectors.dim() == width,
        "{}: has vectors of {} dimensions, the model those of {width}: the two are not of one training; copy the folder again or \
         train again",
        path.display(),
        vectors.dim()
    );
    let mut encoding = model.encoding.clone();
    let known = words.len();
    let new = encoding.words.extend(vectors.words());
    let mut rows = vec![0.0_f32; new * width];
    for (row, (_, word, _)) in rows.chunks_exact_mut(width).zip(encoding.words.words().skip(known - 2)) {
        if let Some(vector) = vectors.get(word) {
            row.copy_from_slice(vector);
        }
    }
    let rows = Tensor::from_slice(&rows).f_view([new as i64, width as i64])?;
    let mut state = model.networks.params.state()?;
    let table = state.get_mut(WORD_VECTORS).context("the model has no word vectors")?;
    *table = Tensor::f_cat(&[&*table, &rows], 0)?;
    let networks = empty_networks(&model.config, &encoding, device)?;
    networks.params.load(&state)?;
    Ok(Some(ModelFolder { config: model.config.clone(), encoding, networks, given: model.given.clone() }))
}

/// A small model in `folder` whose training showed `no`, `fever` and `.`, with the vectors of a file beside it.
#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) fn fixture(folder: &Path) -> ModelFolder {
    use medner_data::{Sentence, Span};

    use crate::config::ModelConfig;
    use crate::corpus::{Encoding, EncodingOptions};
    use crate::folder;
    use crate::prepare::{build, word_matrix};

    let mut vectors = WordVectors::empty(4);
    for (at, word) in ["fever", "Cough", "pyrexia", "ague", "cold"].into_iter().enumerate() {
        vectors.push(word, &[at as f32 + 2.0; 4]).unwrap();
    }
    let file = folder.join("vectors.txt");
    vectors.write(&file, VectorFormat::Glove).unwrap();
    let model = ModelConfig { characters: 3, words: 4, hidden: 5, train_words: true };
    let config = Config { model, ..Config::default() };
    let sentence = Sentence {
        id: "1".into(),
        tokens: ["No", "fever", "."].map(String::from).to_vec(),
        spans: vec![Span::new(1, 2, "Disease")],
        concepts: ["O", "D5", "O"].map(String::from).to_vec(),
        ..Sentence::default()
    };
    let mut encoding = Encoding::count(&[sentence], EncodingOptions::PAPER).unwrap();
    let beside = ["Ague", "rash"].map(String::from);
    let vectors = read(&config, &file, &mut encoding.words, beside.iter()).unwrap();
    let (words, _) = word_matrix(&config, &encoding.words, Some(&vectors), 1).unwrap();
    let networks = build(&config, &encoding, &words, 1, Device::Cpu).unwrap();
    let place = folder.join("model");
    folder::save(&place, &config, &encoding, &networks, &Source::File { path: &file, most: 3 }).unwrap();
    folder::load(&place, Device::Cpu).unwrap()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::folder;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(ToString::to_string).collect()
    }

    fn row(model: &ModelFolder, word: &str) -> Vec<f32> {
        let id = model.encoding.words.known(word).unwrap();
        let table = model.networks.params.get(WORD_VECTORS).unwrap();
        Vec::<f32>::try_from(table.get(i64::from(id))).unwrap()
    }

    fn extended(model: &ModelFolder, tokens: &[&str]) -> Option<ModelFolder> {
        with_words_of(model, words(tokens).iter(), Device::Cpu).unwrap()
    }

    #[test]
    fn words_that_training_did_not_show_have_their_given_vectors() {
        let temporary = tempfile::tempdir().unwrap();
        let model = fixture(temporary.path());
        // Scored words with a vector are in the table; `rash` has none.
        assert_eq!((row(&model, "fever"), row(&model, "ague")), (vec![2.0; 4], vec![5.0; 4]));
        assert_eq!(model.encoding.words.known("rash"), None);
        // The first three words of the file without capitals are kept.
        let kept = WordVectors::read(model.given.as_ref().unwrap(), VectorFormat::Word2vecBinary).unwrap();
        assert_eq!(kept.words(), ["fever", "pyrexia", "ague"]);

        let before = model.encoding.words.len();
        let more = extended(&model, &["No", "Pyrexia", "rash", "cold", "fever"]).unwrap();
        assert_eq!((more.encoding.words.len(), row(&more, "PYREXIA")), (before + 1, vec![4.0; 4]));
        for word in ["no", "fever", ".", "ague"] {
            assert_eq!(model.encoding.words.id(word), more.encoding.words.id(word));
            assert_eq!(row(&model, word), row(&more, word), "{word}");
        }
        let (old, new) = (model.networks.params.state().unwrap(), more.networks.params.state().unwrap());
        assert!(old.iter().all(|(name, tensor)| name == WORD_VECTORS || tensor == &new[name]));
        for nothing_new in [&["No", "fever"][..], &["rash", "cold"], &[]] {
            assert!(extended(&model, nothing_new).is_none());
        }
    }

    #[test]
    fn the_vectors_go_from_model_to_model_and_are_left_out_where_there_are_none() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path();
        let model = fixture(folder);
        let (ModelFolder { config, encoding, networks, given }, next) = (&model, folder.join("next"));
        let given = given.as_deref().unwrap();
        for _ in 0..2 {
            folder::save(&next, config, encoding, networks, &Source::Model(given)).unwrap();
            assert_eq!(fs::read(next.join(VECTORS)).unwrap(), fs::read(given).unwrap());
        }
        // A training without vectors in the same place, which is also how models of earlier versions are.
        folder::save(&next, config, encoding, networks, &Source::None).unwrap();
        let old = folder::load(&next, Device::Cpu).unwrap();
        assert!(old.given.is_none() && extended(&old, &["pyrexia"]).is_none());
        assert!(given.is_file());
    }

    #[test]
    fn vectors_are_kept_as_far_as_the_configuration_wants_them() {
        let path = Path::new("vectors.txt");
        let of = |kept, forgets_word_vectors| {
            let mut config = Config::default();
            config.word_vectors.kept = kept;
            config.released.forgets_word_vectors = forgets_word_vectors;
            matches!(Source::of(&config, Some(path)), Source::File { most, .. } if most == kept)
        };
        assert_eq!([of(7, false), of(0, false), of(7, true)], [true, false, false]);
        assert!(matches!(Source::of(&Config::default(), None), Source::None));
    }

    #[test]
    fn vectors_of_another_training_are_refused() {
        let temporary = tempfile::tempdir().unwrap();
        let model = fixture(temporary.path());
        let mut other = WordVectors::empty(3);
        other.push("pyrexia", &[1.0; 3]).unwrap();
        other.write(model.given.as_ref().unwrap(), VectorFormat::Word2vecBinary).unwrap();
        let refused =
            with_words_of(&model, words(&["pyrexia"]).iter(), Device::Cpu).err().unwrap().to_string();
        assert!(
            refused.contains(VECTORS) && refused.contains("3 dimensions, the model those of 4"),
            "{refused}"
        );
    }
}
