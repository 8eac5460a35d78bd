//! Vocabularies: from tokens to numbers and back.
//!
//! Number 0 is padding and number 1 every unknown word; the words follow, the most frequent first and words of one count in
//! the order of their text, so that the same corpus gives the same numbers on every machine.
//!
//! A saved vocabulary is a text file that one can read, compare and edit: a line that says how words are normalised,
//! then `word TAB count` for each number. A tab, line break or backslash in a word is written `\t`, `\n`, `\r`, `\\`.
//!
//! ```
//! use medner_data::vocabulary::{Normalisation, UNK, Vocabulary};
//!
//! let tokens = ["no", "fever", ",", "no", "cough"];
//! let vocabulary = Vocabulary::count(tokens, 1, Normalisation::default());
//! assert_eq!(vocabulary.encode(&["no", "rash", "fever"]), [2, UNK, 5]);
//! assert_eq!(vocabulary.word(2), Some("no"));
//! ```

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::atomic::write_atomically;
use crate::error::{DataError, Result};

/// Number of the padding.
pub const PAD: u32 = 0;
/// Number of every word that the vocabulary does not have.
pub const UNK: u32 = 1;

/// How the padding is written.
pub const PAD_WORD: &str = "<pad>";
/// How the unknown word is written.
pub const UNK_WORD: &str = "<unk>";

const HEADER: &str = "# medner vocabulary 1";

/// What is done to a token before it is counted or looked up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Normalisation {
    /// Lower-cases, as Unicode does.
    pub lowercase: bool,
    /// Writes every decimal digit, ASCII or full-width, as `0`.
    pub digits: bool,
    /// Writes the full-width forms of printable ASCII (`Ａ`, `１`, `，`: U+FF01 to U+FF5E) as ASCII, as Unicode's NFKC does. Left out where it is
    /// not so, as in what was written before there was this key.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub half_width: bool,
}

impl Normalisation {
    /// The token as it is counted and looked up; nothing is copied where nothing changes.
    pub fn apply<'a>(&self, token: &'a str) -> Cow<'a, str> {
        let digit = |c: char| c.is_ascii_digit() || ('０'..='９').contains(&c);
        let wide = |c: char| ('！'..='～').contains(&c);
        let narrow = |c: char| if wide(c) { char::from(b'!' + (c as u32 - '！' as u32) as u8) } else { c };
        let mut token = Cow::Borrowed(token);
        if self.half_width && token.contains(wide) {
            token = Cow::Owned(token.chars().map(narrow).collect());
        }
        if self.digits && token.contains(digit) {
            token = Cow::Owned(token.replace(digit, "0"));
        }
        if self.lowercase && token.chars().any(|c| !c.to_lowercase().eq([c])) {
            token = Cow::Owned(token.to_lowercase());
        }
        token
    }
}

/// Counts of normalised words, from which a [`Vocabulary`] is built.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WordCounts {
    counts: BTreeMap<String, u64>,
    normalisation: Normalisation,
}

impl WordCounts {
    /// No words yet.
    pub fn new(normalisation: Normalisation) -> Self {
        Self { counts: BTreeMap::new(), normalisation }
    }

    /// Counts these tokens too.
    pub fn add<S: AsRef<str>>(&mut self, tokens: impl IntoIterator<Item = S>) {
        for token in tokens {
            let word = self.normalisation.apply(token.as_ref());
            if let Some(count) = self.counts.get_mut(word.as_ref()) {
                *count += 1;
            } else {
                self.counts.insert(word.into_owned(), 1);
            }
        }
    }

    /// The words with at least `min_count` occurrences; the occurrences of the others are the count of [`UNK`].
    pub fn build(self, min_count: u64) -> Vocabulary {
        let mut unknown = 0;
        let mut words = Vec::new();
        for (word, count) in self.counts {
            if count < min_count || word == PAD_WORD || word == UNK_WORD {
                unknown += count;
            } else {
                words.push((word, count));
            }
        }
        // Stable: words of one count stay in the order of their text.
        words.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
        Vocabulary::new(words, unknown, min_count, self.normalisation)
    }
}

/// Words and their numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Stored", try_from = "Stored")]
pub struct Vocabulary {
    /// Word and count of every number, from 0.
    entries: Vec<(String, u64)>,
    /// Only looked up, never walked: its order is not that of anything.
    numbers: HashMap<String, u32>,
    min_count: u64,
    normalisation: Normalisation,
}

impl Vocabulary {
    /// Counts the tokens and keeps the words with at least `min_count` occurrences.
    pub fn count<S: AsRef<str>>(
        tokens: impl IntoIterator<Item = S>,
        min_count: u64,
        normalisation: Normalisation,
    ) -> Self {
        let mut counts = WordCounts::new(normalisation);
        counts.add(tokens);
        counts.build(min_count)
    }

    fn new(words: Vec<(String, u64)>, unknown: u64, min_count: u64, normalisation: Normalisation) -> Self {
        let special = [(PAD_WORD.to_owned(), 0), (UNK_WORD.to_owned(), unknown)];
        let entries: Vec<(String, u64)> = special.into_iter().chain(words).collect();
        // Padding and the unknown word are not found by name: a corpus may hold such a token.
        let numbers = entries.iter().enumerate().skip(2).map(|(i, (w, _))| (w.clone(), i as u32)).collect();
        Self { entries, numbers, min_count, normalisation }
    }

    /// How many numbers there are, padding and unknown word included.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True where there are no words but padding and the unknown word.
    pub fn is_empty(&self) -> bool {
        self.entries.len() == 2
    }

    /// The least count that a word needed.
    pub fn min_count(&self) -> u64 {
        self.min_count
    }

    /// What is done to tokens.
    pub fn normalisation(&self) -> Normalisation {
        self.normalisation
    }

    /// The number of a token, after normalisation; [`UNK`] when it is not known.
    pub fn id(&self, token: &str) -> u32 {
        self.known(token).unwrap_or(UNK)
    }

    /// The number of a token, after normalisation, when it is known.
    pub fn known(&self, token: &str) -> Option<u32> {
        self.numbers.get(self.normalisation.apply(token).as_ref()).copied()
    }

    /// The numbers of tokens: `[T] -> [T]`.
    pub fn encode<S: AsRef<str>>(&self, tokens: &[S]) -> Vec<u32> {
        tokens.iter().map(|token| self.id(token.as_ref())).collect()
    }

    /// The word of a number.
    pub fn word(&self, id: u32) -> Option<&str> {
        self.entries.get(id as usize).map(|(word, _)| word.as_str())
    }

    /// How often the word of a number was counted; for [`UNK`] the occurrences of all words that were left out.
    pub fn occurrences(&self, id: u32) -> Option<u64> {
        self.entries.get(id as usize).map(|&(_, count)| count)
    }

    /// Number, word and count of every word, without padding and unknown word.
    pub fn words(&self) -> impl Iterator<Item = (u32, &str, u64)> {
        self.entries.iter().enumerate().skip(2).map(|(i, (word, count))| (i as u32, word.as_str(), *count))
    }

    /// The vocabulary of both: counts added up, numbers given anew.
    ///
    /// Words that one of them left out stay left out unless the other has them; where that matters, count both corpora with
    /// one [`WordCounts`].
    ///
    /// # Errors
    /// [`VocabularyMismatch`] when they normalise tokens differently: then the same number would mean different things.
    pub fn merge(&self, other: &Self) -> Result<Self, VocabularyMismatch> {
        if self.normalisation != other.normalisation {
            return Err(VocabularyMismatch { first: self.normalisation, second: other.normalisation });
        }
        let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
        for (_, word, count) in self.words().chain(other.words()) {
            *sums.entry(word).or_default() += count;
        }
        let mut words: Vec<(String, u64)> = sums.into_iter().map(|(w, c)| (w.to_owned(), c)).collect();
        words.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
        let unknown = self.entries[UNK as usize].1 + other.entries[UNK as usize].1;
        Ok(Self::new(words, unknown, self.min_count.min(other.min_count), self.normalisation))
    }

    /// Adds words at the end, in the order of their text and with count 0; the numbers so far stay. For words that training never
    /// showed but that have a pre-trained vector. Returns how many were new.
    pub fn extend<S: AsRef<str>>(&mut self, words: impl IntoIterator<Item = S>) -> usize {
        let new: BTreeSet<String> = words
            .into_iter()
            .map(|word| self.normalisation.apply(word.as_ref()).into_owned())
            .filter(|word| !self.numbers.contains_key(word) && word != PAD_WORD && word != UNK_WORD)
            .collect();
        let added = new.len();
        for word in new {
            self.numbers.insert(word.clone(), self.entries.len() as u32);
            self.entries.push((word, 0));
        }
        added
    }

    /// How many of these tokens, and of their different words, the vocabulary knows.
    pub fn coverage<S: AsRef<str>>(&self, tokens: impl IntoIterator<Item = S>) -> Coverage {
        let mut counts = WordCounts::new(self.normalisation);
        counts.add(tokens);
        let mut coverage = Coverage::default();
        for (word, count) in &counts.counts {
            let known = self.numbers.contains_key(word);
            coverage.types += 1;
            coverage.tokens += count;
            coverage.known_types += u64::from(known);
            coverage.known_tokens += if known { *count } else { 0 };
        }
        coverage
    }

    /// The text of a saved vocabulary.
    pub fn to_text(&self) -> String {
        let Normalisation { lowercase, digits, half_width } = self.normalisation;
        // A line of older programs, which knew two ways, means what it did.
        let width = if half_width { "; half_width: true" } else { "" };
        let min_count = self.min_count;
        let mut text =
            format!("{HEADER}; lowercase: {lowercase}; digits: {digits}{width}; min_count: {min_count}\n");
        for (word, count) in &self.entries {
            writeln!(text, "{}\t{count}", escape(word)).expect("a string takes any text");
        }
        text
    }

    /// Saves the vocabulary; the file is there whole or not at all.
    ///
    /// # Errors
    /// [`DataError::Io`].
    pub fn save(&self, path: &Path) -> Result<()> {
        write_atomically(path, |out| out.write_all(self.to_text().as_bytes()))
            .map_err(|source| DataError::Io { path: path.to_owned(), source })
    }

    /// Loads a saved vocabulary.
    ///
    /// # Errors
    /// [`DataError::Io`], and [`DataError::Parse`] with the line for whatever [`Vocabulary::save`] does not write.
    pub fn load(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|source| DataError::Io { path: path.to_owned(), source })?;
        let wrong = |line: usize, column: usize, message: &str, found: &str| DataError::Parse {
            path: path.to_owned(),
            line,
            column,
            message: message.to_owned(),
            found: found.chars().take(60).collect(),
        };
        let text = std::str::from_utf8(&bytes).map_err(|e| {
            let line = bytes[..e.valid_up_to()].split(|&b| b == b'\n').count();
            wrong(line, 1, "not UTF-8; save the vocabulary again", "bytes that are no text")
        })?;
        let Some(body) = text.strip_suffix('\n') else {
            let line = text.split('\n').count();
            return Err(wrong(
                line,
                1,
                "the last line does not end: the file was cut off; save it again",
                text.rsplit('\n').next().unwrap_or(""),
            ));
        };
        let mut lines = body.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
        let header = lines.next().unwrap_or("");
        let (normalisation, min_count) = parse_header(header).ok_or_else(|| {
            let expected = format!("expected `{HEADER}; lowercase: false; digits: false; min_count: 1`");
            wrong(1, 1, &expected, header)
        })?;
        let mut entries: Vec<(String, u64)> = Vec::new();
        let mut lines_of: HashMap<String, usize> = HashMap::new();
        for (line, text) in (2..).zip(lines) {
            let Some((word, count)) = text.split_once('\t') else {
                return Err(wrong(line, 1, "expected `word TAB count`", text));
            };
            let column = word.chars().count() + 2;
            let count =
                count.parse().map_err(|_| wrong(line, column, "expected a count after the tab", count))?;
            let word = unescape(word).ok_or_else(|| {
                wrong(line, 1, r"a backslash is written `\\`; only \t, \n, \r, \\ are known", word)
            })?;
            match (line, word.as_str()) {
                (2, PAD_WORD) | (3, UNK_WORD) => {}
                (2, _) => return Err(wrong(2, 1, "the first word must be <pad>", &word)),
                (3, _) => return Err(wrong(3, 1, "the second word must be <unk>", &word)),
                _ => {}
            }
            if let Some(first) = lines_of.insert(word.clone(), line) {
                return Err(wrong(line, 1, &format!("the word stands already in line {first}"), &word));
            }
            entries.push((word, count));
        }
        if entries.len() < 2 {
            return Err(wrong(entries.len() + 2, 1, "expected the words <pad> and <unk> first", ""));
        }
        let unknown = entries[UNK as usize].1;
        Ok(Self::new(entries.split_off(2), unknown, min_count, normalisation))
    }
}

/// How much of a text a vocabulary, or a set of word vectors, knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Different words.
    pub types: u64,
    /// Those that are known.
    pub known_types: u64,
    /// Words.
    pub tokens: u64,
    /// Those that are known.
    pub known_tokens: u64,
}

impl Coverage {
    /// Known share of the different words, in [0, 1]; 1 when there are none.
    pub fn type_share(&self) -> f64 {
        if self.types == 0 { 1.0 } else { self.known_types as f64 / self.types as f64 }
    }

    /// Known share of the words, in [0, 1]; 1 when there are none.
    pub fn token_share(&self) -> f64 {
        if self.tokens == 0 { 1.0 } else { self.known_tokens as f64 / self.tokens as f64 }
    }
}

/// Two vocabularies that cannot be merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the vocabularies normalise differently ({first:?} and {second:?}); count both corpora with one normalisation"
)]
pub struct VocabularyMismatch {
    /// How the first normalises.
    pub first: Normalisation,
    /// How the second does.
    pub second: Normalisation,
}

/// What serde sees.
#[derive(Serialize, Deserialize)]
struct Stored {
    normalisation: Normalisation,
    min_count: u64,
    unknown: u64,
    words: Vec<(String, u64)>,
}

impl From<Vocabulary> for Stored {
    fn from(mut vocabulary: Vocabulary) -> Self {
        let words = vocabulary.entries.split_off(2);
        let unknown = vocabulary.entries[UNK as usize].1;
        Self { normalisation: vocabulary.normalisation, min_count: vocabulary.min_count, unknown, words }
    }
}

impl TryFrom<Stored> for Vocabulary {
    type Error = String;

    fn try_from(stored: Stored) -> Result<Self, String> {
        let mut seen = BTreeSet::from([PAD_WORD, UNK_WORD]);
        if let Some((word, _)) = stored.words.iter().find(|(word, _)| !seen.insert(word)) {
            return Err(format!("the vocabulary has the word `{word}` twice"));
        }
        Ok(Self::new(stored.words, stored.unknown, stored.min_count, stored.normalisation))
    }
}

fn parse_header(line: &str) -> Option<(Normalisation, u64)> {
    let rest = line.strip_prefix(HEADER)?.strip_prefix("; lowercase: ")?;
    let (lowercase, rest) = rest.split_once("; digits: ")?;
    let (digits, min_count) = rest.split_once("; min_count: ")?;
    let (digits, half_width) = match digits.split_once("; half_width: ") {
        None => (digits, "false"),
        Some(both) => both,
    };
    let normalisation = Normalisation {
        lowercase: lowercase.parse().ok()?,
        digits: digits.parse().ok()?,
        half_width: half_width.parse().ok()?,
    };
    Some((normalisation, min_count.parse().ok()?))
}

fn escape(word: &str) -> Cow<'_, str> {
    if word.contains(['\\', '\t', '\n', '\r']) {
        let word = word.replace('\\', r"\\").replace('\t', r"\t").replace('\n', r"\n").replace('\r', r"\r");
        Cow::Owned(word)
    } else {
        Cow::Borrowed(word)
    }
}

fn unescape(text: &str) -> Option<String> {
    let mut word = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        word.push(match c {
            '\\' => match chars.next()? {
                '\\' => '\\',
                't' => '\t',
                'n' => '\n',
                'r' => '\r',
                _ => return None,
            },
            c => c,
        });
    }
    Some(word)
}
