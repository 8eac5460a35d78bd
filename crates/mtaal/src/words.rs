//! What the networks read: each distinct word of a batch once, and where in the sentences it stands.
//!
//! A batch of 32 medical sentences has about 800 words, half of them the same few. Character BiLSTM and word vector depend
//! on the word alone, so both are computed for the distinct words, `[U, D]`, and gathered into sentences, `[B, T, D]`. Words
//! of like length are read together, so that little padding is computed on.

use medner_core::Result;
use medner_core::layers::Batch;
use tch::{Device, Tensor};

use crate::corpus::{Encoded, Example};

/// Every distinct word form of some sentences: its number in the vocabulary and its characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WordForms {
    /// Vocabulary number of each form.
    words: Vec<u32>,
    /// Characters of each form, at least one.
    characters: Vec<Vec<u32>>,
    /// The form that fills sentences up on the left, and to how many words.
    left: Option<(u32, usize)>,
}

impl WordForms {
    /// The forms of encoded sentences.
    pub fn of(encoded: &Encoded) -> Self {
        let mut words = vec![medner_data::vocabulary::PAD; encoded.forms.len()];
        for example in &encoded.examples {
            for (&form, &word) in example.forms.iter().zip(&example.words) {
                words[form as usize] = word;
            }
        }
        let characters =
            (0..encoded.forms.len() as u32).map(|form| encoded.forms.characters(form).to_vec()).collect();
        Self { words, characters, left: None }
    }

    /// The same with sentences filled up on the left to `length` words, as the released code does: the networks read the
    /// filling, and nothing is judged there.
    #[must_use]
    pub fn left_padded(mut self, length: usize) -> Self {
        let padding = medner_data::vocabulary::PAD;
        self.words.push(padding);
        self.characters.push(vec![padding]);
        self.left = Some((self.words.len() as u32 - 1, length));
        self
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

    /// Number of forms.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// True where there is none.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }
}

/// Characters of a word are padded to a multiple of this.
const CHARACTERS_MULTIPLE: usize = 4;
/// Words of one length are filled up to a multiple of this with empty ones: oneDNN keeps a plan for each shape.
const WORDS_MULTIPLE: usize = 16;
/// Words of one group at most; bounds the memory of encoding a whole pool's words.
const WORDS_AT_ONCE: usize = 2048;

/// Distinct words as tensors. `U` counts them with the empty ones that fill up the groups.
pub struct DistinctWords {
    /// Vocabulary numbers, `[U]` of i64.
    pub words: Tensor,
    /// Characters group by group, the words in the order of `words`.
    pub groups: Vec<CharacterGroup>,
    /// The row of each given form, in the order given.
    pub rows: Vec<u32>,
}

/// Words of like length.
pub struct CharacterGroup {
    /// Character numbers, `[G, C]`.
    pub characters: Batch,
    /// The place of each word's last character among the `G * C`, `[G]` of i64.
    pub last: Tensor,
}

impl DistinctWords {
    /// Tensors of these forms, each named once.
    pub fn new(table: &WordForms, forms: &[u32], device: Device) -> Result<Self> {
        let padded =
            |form: u32| table.characters[form as usize].len().max(1).next_multiple_of(CHARACTERS_MULTIPLE);
        let mut order: Vec<usize> = (0..forms.len()).collect();
        order.sort_by_key(|&at| padded(forms[at]));
        let mut words: Vec<i64> = Vec::with_capacity(forms.len() + 8 * WORDS_MULTIPLE);
        let mut groups = Vec::new();
        let mut rows = vec![0; forms.len()];
        for like in order.chunk_by(|&a, &b| padded(forms[a]) == padded(forms[b])) {
            for group in like.chunks(WORDS_AT_ONCE) {
                for &at in group {
                    rows[at] = words.len() as u32;
                    words.push(i64::from(table.words[forms[at] as usize]));
                }
                let mut characters: Vec<&[u32]> =
                    group.iter().map(|&at| table.characters[forms[at] as usize].as_slice()).collect();
                characters.resize(group.len().next_multiple_of(WORDS_MULTIPLE), &[]);
                words.resize(words.len() + characters.len() - group.len(), 0);
                groups.push(CharacterGroup::new(&characters, padded(forms[group[0]]), device)?);
            }
        }
        Ok(Self { words: Tensor::from_slice(&words).f_to_device(device)?, groups, rows })
    }
}

impl CharacterGroup {
    fn new(words: &[&[u32]], padded: usize, device: Device) -> Result<Self> {
        let last: Vec<i64> = words
            .iter()
            .enumerate()
            .map(|(row, characters)| (row * padded + characters.len().max(1) - 1) as i64)
            .collect();
        Ok(Self {
            characters: padded_batch(words, padded, device)?,
            last: Tensor::from_slice(&last).f_to_device(device)?,
        })
    }
}

/// As [`Batch::new`], padded to exactly `t` positions.
fn padded_batch(rows: &[&[u32]], t: usize, device: Device) -> Result<Batch> {
    let b = rows.len();
    let mut ids = vec![0_i64; b * t];
    let mut mask = vec![false; b * t];
    let mut reversal: Vec<i64> = (0..(b * t) as i64).collect();
    for (row, values) in rows.iter().enumerate() {
        let (first, length) = (row * t, values.len());
        for (k, &value) in values.iter().enumerate() {
            ids[first + k] = i64::from(value);
            mask[first + k] = true;
            reversal[first + k] = (first + length - 1 - k) as i64;
        }
    }
    let shape = [b as i64, t as i64];
    Ok(Batch {
        ids: Tensor::from_slice(&ids).f_view(shape)?.f_to_device(device)?,
        lengths: rows.iter().map(|row| row.len()).collect(),
        mask: Tensor::from_slice(&mask).f_view(shape)?.f_to_device(device)?,
        reversal: Tensor::from_slice(&reversal).f_to_device(device)?,
    })
}

/// Sentences as rows of their words' features.
pub struct Sentences {
    /// `ids` are rows of the features, `[B, T]`; padding names row 0, which nothing looks at.
    pub layout: Batch,
    /// The flat places of the tokens among the `B * T`, sentence by sentence, `[N]` of i64.
    pub tokens: Tensor,
    /// The flat places of each sentence's last token, then of each sentence's first: `[2 B]` of i64.
    pub ends: Tensor,
    /// Tokens of each sentence, without filling.
    pub lengths: Vec<usize>,
}

impl Sentences {
    /// Sentences whose words stand in these rows of the features, each with the number of filling words on its left.
    fn new(rows: &[(Vec<u32>, usize)], device: Device) -> Result<Self> {
        let layout = Batch::new(&rows.iter().map(|(row, _)| row.as_slice()).collect::<Vec<_>>(), device)?;
        let t = layout.padded();
        let (mut tokens, mut lengths) = (Vec::new(), Vec::with_capacity(rows.len()));
        let (mut last, mut first) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
        for (at, (row, lead)) in rows.iter().enumerate() {
            let (start, end) = ((at * t) as i64, (at * t + row.len()) as i64);
            tokens.extend(start + *lead as i64..end);
            lengths.push(row.len() - lead);
            last.push((end - 1).max(start));
            first.push(start);
        }
        last.append(&mut first);
        Ok(Self {
            layout,
            tokens: Tensor::from_slice(&tokens).f_to_device(device)?,
            ends: Tensor::from_slice(&last).f_to_device(device)?,
            lengths,
        })
    }

    /// `B`.
    pub fn size(&self) -> usize {
        self.layout.size()
    }
}

/// The distinct words of some sentences, to be encoded once for all their batches.
pub struct SharedWords<'a> {
    table: &'a WordForms,
    forms: Vec<u32>,
    /// The words.
    pub words: DistinctWords,
}

impl<'a> SharedWords<'a> {
    /// The words of these sentences.
    pub fn of(table: &'a WordForms, examples: &[&Example], device: Device) -> Result<Self> {
        let mut forms: Vec<u32> = examples.iter().flat_map(|e| e.forms.iter().copied()).collect();
        forms.extend(table.left.map(|(padding, _)| padding));
        forms.sort_unstable();
        forms.dedup();
        let words = DistinctWords::new(table, &forms, device)?;
        Ok(Self { table, forms, words })
    }

    /// Some of these sentences as rows of the words' features.
    pub fn sentences(&self, examples: &[&Example], device: Device) -> Result<Sentences> {
        let row =
            |form: &u32| self.words.rows[self.forms.binary_search(form).expect("every form was collected")];
        let rows: Vec<(Vec<u32>, usize)> = examples
            .iter()
            .map(|example| {
                let (forms, lead) = self.table.filled(&example.forms);
                (forms.iter().map(row).collect(), lead)
            })
            .collect();
        Sentences::new(&rows, device)
    }
}

/// A batch of sentences with its distinct words.
pub struct Input {
    /// The words.
    pub words: DistinctWords,
    /// The sentences.
    pub sentences: Sentences,
}

impl Input {
    /// A batch of these sentences.
    pub fn new(table: &WordForms, examples: &[&Example], device: Device) -> Result<Self> {
        let shared = SharedWords::of(table, examples, device)?;
        let sentences = shared.sentences(examples, device)?;
        Ok(Self { words: shared.words, sentences })
    }
}
