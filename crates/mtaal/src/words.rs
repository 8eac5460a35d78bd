//! What the networks read: each distinct word of a batch once, and where in the sentences it stands.
//!
//! A batch of 32 medical sentences has about 800 words, half of them repetitions. Character BiLSTM and word vector depend on
//! the word alone, so both are computed for the distinct words, `[U, D]`, and so is their projection into the sentence BiLSTM
//! ([`crate::lstm`]). Sentences lie one after the other without padding: `N` words in all.

use std::sync::Arc;

use medner_core::Result;
use medner_core::unknowns::Unknowns;
use medner_data::vocabulary::PAD;
use tch::{Device, Tensor};

use crate::config::{RELEASED_LENGTH, Released};
use crate::corpus::{Encoded, Example};
use crate::lstm::Sequences;

/// Every distinct word form of some sentences: its number in the vocabulary and its characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WordForms {
    /// Vocabulary number of each form.
    words: Vec<u32>,
    /// Characters of each form.
    characters: Vec<Vec<u32>>,
    /// The form that fills sentences up on the left, and to how many words.
    left: Option<(u32, usize)>,
}

impl WordForms {
    /// The forms of encoded sentences.
    pub fn of(encoded: &Encoded) -> Self {
        let mut words = vec![PAD; encoded.forms.len()];
        for example in &encoded.examples {
            for (&form, &word) in example.forms.iter().zip(&example.words) {
                words[form as usize] = word;
            }
        }
        let characters =
            (0..encoded.forms.len() as u32).map(|form| encoded.forms.characters(form).to_vec()).collect();
        Self { words, characters, left: None }
    }

    /// The same as the released code would have it: words filled up with characters, sentences with words, where it says so.
    #[must_use]
    pub fn as_released(self, released: &Released) -> Self {
        let filled = self.padded_characters(released.word_length);
        if released.left_padding {
            filled.left_padded(RELEASED_LENGTH, released.word_length.max(1))
        } else {
            filled
        }
    }

    /// Each word in the middle of padding characters, `length` in all, which the character BiLSTM reads like others. Longer
    /// words stay as they are.
    fn padded_characters(mut self, length: usize) -> Self {
        for characters in &mut self.characters {
            let missing = length.saturating_sub(characters.len());
            let mut filled = vec![PAD; missing / 2];
            filled.append(characters);
            filled.resize(filled.len() + missing - missing / 2, PAD);
            *characters = filled;
        }
        self
    }

    /// Sentences filled up on the left to `length` words of so many characters: the networks read the filling, and nothing is
    /// judged there.
    fn left_padded(mut self, length: usize, characters: usize) -> Self {
        self.words.push(PAD);
        self.characters.push(vec![PAD; characters]);
        self.left = Some((self.words.len() as u32 - 1, length));
        self
    }

    /// Number of forms.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Characters of a form, with what fills it up.
    ///
    /// # Panics
    /// For a number that is not of this set.
    pub fn characters(&self, form: u32) -> &Vec<u32> {
        &self.characters[form as usize]
    }

    /// True where there is none.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// A sentence's forms as the networks read them, and how many of them are filling on the left.
    fn filled(&self, forms: &[u32]) -> (Vec<u32>, usize) {
        match self.left {
            None => (forms.to_vec(), 0),
            Some((padding, length)) => {
                let lead = length.saturating_sub(forms.len());
                let mut filled = vec![padding; lead];
                filled.extend_from_slice(forms);
                (filled, lead)
            }
        }
    }
}

/// Which sentences a batch is made of: only the released code treats them differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Branch {
    /// Labelled sentences, and whatever is read outside the diversity game.
    Labelled,
    /// Unlabelled sentences in the diversity game.
    Unlabelled,
    /// Both: the features of the distinct words come twice, as labelled and as unlabelled ones read them.
    Both,
}

/// The distinct words of some sentences, to be encoded once for all their batches.
pub struct DistinctWords<'a> {
    table: &'a WordForms,
    /// Sorted.
    forms: Vec<u32>,
    /// Vocabulary numbers, `[U]` of i64.
    pub words: Tensor,
    /// Characters of each word.
    pub spelling: Arc<Sequences>,
}

impl<'a> DistinctWords<'a> {
    /// The words of these sentences.
    pub fn of(table: &'a WordForms, examples: &[&Example], device: Device) -> Result<Self> {
        let mut forms: Vec<u32> = examples.iter().flat_map(|e| e.forms.iter().copied()).collect();
        forms.extend(table.left.map(|(padding, _)| padding));
        forms.sort_unstable();
        forms.dedup();
        let words: Vec<i64> = forms.iter().map(|&form| i64::from(table.words[form as usize])).collect();
        let spelling: Vec<&[u32]> =
            forms.iter().map(|&form| table.characters[form as usize].as_slice()).collect();
        let spelling = Arc::new(Sequences::new(&spelling));
        Ok(Self { table, forms, words: Tensor::from_slice(&words).f_to_device(device)?, spelling })
    }

    /// Reads some words and characters as unknown ones, drawn from libtorch's generator. Words come first, so that the same
    /// seed gives the same draws.
    pub fn read_as_unknown(&mut self, words: &Unknowns, characters: &Unknowns) -> Result<()> {
        self.words = words.apply(&self.words)?;
        let spelt: Vec<i64> = self.spelling.rows().iter().map(|&character| i64::from(character)).collect();
        let read = Vec::<i64>::try_from(characters.apply(&Tensor::from_slice(&spelt))?)?;
        let read = read.into_iter().map(|character| character as u32).collect();
        self.spelling = Arc::new(self.spelling.reading(read));
        Ok(())
    }

    /// `U`.
    pub fn len(&self) -> usize {
        self.forms.len()
    }

    /// True where there is none.
    pub fn is_empty(&self) -> bool {
        self.forms.is_empty()
    }

    /// Some of these sentences as rows of the words' features; each with the number that is added to its rows.
    pub fn sentences(&self, examples: &[(&Example, u32)], device: Device) -> Result<Sentences> {
        let row = |form: &u32| self.forms.binary_search(form).expect("every form was collected") as u32;
        let filled = |&(example, shift): &(&Example, u32)| {
            let (forms, lead) = self.table.filled(&example.forms);
            (forms.iter().map(|form| shift + row(form)).collect::<Vec<u32>>(), lead)
        };
        Sentences::new(&examples.iter().map(filled).collect::<Vec<_>>(), device)
    }
}

/// Sentences as rows of their words' features, one after the other.
pub struct Sentences {
    /// The steps read rows of the features.
    pub words: Arc<Sequences>,
    /// The steps read rows `[N, D]` of what was computed from the words.
    pub states: Arc<Sequences>,
    /// The steps that are judged, `[M]` of i64; `None` where all are, that is without filling.
    pub judged: Option<Tensor>,
    /// Words of each sentence, without filling.
    pub lengths: Vec<usize>,
    /// Words of each sentence, with filling.
    pub filled: Vec<usize>,
    /// The places of the steps among `B * T` padded ones, `[N]` of i64.
    pub places: Tensor,
    /// The step at each of the `B * T` padded places, padding naming step 0: `[B, T]` of i64.
    pub padded: Tensor,
    /// True at padding, `[B, 1, T]`.
    pub padding: Tensor,
}

impl Sentences {
    /// Sentences whose words stand in these rows of the features, each with the number of filling words on its left.
    pub(crate) fn new(rows: &[(Vec<u32>, usize)], device: Device) -> Result<Self> {
        let words = Sequences::new(&rows.iter().map(|(row, _)| row.as_slice()).collect::<Vec<_>>());
        let (b, n) = (rows.len(), words.steps());
        let t = rows.iter().map(|(row, _)| row.len()).max().unwrap_or(0).max(1);
        let (mut places, mut judged) = (Vec::with_capacity(n), Vec::with_capacity(n));
        let (mut padded, mut padding) = (vec![0_i64; b * t], vec![true; b * t]);
        let mut step = 0;
        for (at, (row, lead)) in rows.iter().enumerate() {
            for k in 0..row.len() {
                places.push((at * t + k) as i64);
                padded[at * t + k] = step;
                padding[at * t + k] = false;
                if k >= *lead {
                    judged.push(step);
                }
                step += 1;
            }
        }
        let tensor = |values: &[i64]| Tensor::from_slice(values).f_to_device(device);
        let shape = [b as i64, t as i64];
        Ok(Self {
            states: Arc::new(words.stacked()),
            words: Arc::new(words),
            judged: if judged.len() == n { None } else { Some(tensor(&judged)?) },
            lengths: rows.iter().map(|(row, lead)| row.len() - lead).collect(),
            filled: rows.iter().map(|(row, _)| row.len()).collect(),
            places: tensor(&places)?,
            padded: tensor(&padded)?.f_view(shape)?,
            padding: Tensor::from_slice(&padding).f_to_device(device)?.f_view([shape[0], 1, shape[1]])?,
        })
    }

    /// `B`.
    pub fn size(&self) -> usize {
        self.lengths.len()
    }
}

/// A batch of sentences with its distinct words.
pub struct Input<'a> {
    /// The words.
    pub words: DistinctWords<'a>,
    /// The sentences: labelled ones, then unlabelled ones.
    pub sentences: Sentences,
    /// How the words are read.
    pub branch: Branch,
    /// How many of the sentences are labelled ones.
    pub labelled: usize,
}

impl<'a> Input<'a> {
    /// Labelled and unlabelled sentences; `apart` where the two read words with networks of their own.
    pub fn new(
        table: &'a WordForms,
        (labelled, unlabelled): (&[&Example], &[&Example]),
        apart: bool,
        device: Device,
    ) -> Result<Self> {
        let all: Vec<&Example> = labelled.iter().chain(unlabelled).copied().collect();
        let words = DistinctWords::of(table, &all, device)?;
        let branch = match (apart, labelled.is_empty(), unlabelled.is_empty()) {
            (false, ..) | (true, false, true) => Branch::Labelled,
            (true, true, _) => Branch::Unlabelled,
            (true, false, false) => Branch::Both,
        };
        let shift = if branch == Branch::Both { words.len() as u32 } else { 0 };
        let rows = labelled.iter().map(|&e| (e, 0)).chain(unlabelled.iter().map(|&e| (e, shift)));
        let sentences = words.sentences(&rows.collect::<Vec<_>>(), device)?;
        Ok(Self { words, sentences, branch, labelled: labelled.len() })
    }

    /// How many of `[M, ..]` judgements are of labelled sentences: one a sentence, one a judged word, or one a word with filling.
    pub fn labelled_judgements(&self, judgements: i64) -> i64 {
        let Sentences { lengths, filled, .. } = &self.sentences;
        let of_labelled = |each: &[usize]| each[..self.labelled].iter().sum::<usize>() as i64;
        if judgements == self.sentences.size() as i64 {
            self.labelled as i64
        } else if judgements == filled.iter().sum::<usize>() as i64 {
            of_labelled(filled)
        } else {
            of_labelled(lengths)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forms() -> WordForms {
        WordForms { words: vec![5, 6], characters: vec![vec![7, 8, 9], vec![7]], left: None }
    }

    #[test]
    fn the_released_code_fills_words_up_on_both_sides_and_sentences_on_the_left() {
        let released = Released { word_length: 6, left_padding: true, ..Released::default() };
        let filled = forms().as_released(&released);
        assert_eq!(filled.characters, [vec![0, 7, 8, 9, 0, 0], vec![0, 0, 7, 0, 0, 0], vec![0; 6]]);
        assert_eq!(filled.words, [5, 6, 0]);
        assert_eq!(filled.filled(&[1, 0]), ([[2; 57].as_slice(), &[1, 0]].concat(), 57));
        // A longer word stays whole.
        let short = forms().as_released(&Released { word_length: 2, ..Released::default() });
        assert_eq!(short.characters, [vec![7, 8, 9], vec![7, 0]]);
        assert_eq!(forms().as_released(&Released::default()), forms());
    }
}
