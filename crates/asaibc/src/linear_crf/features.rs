//! Features of characters: strings of neighbouring characters (0 or 1) and vectors.
//!
//! The strings are Peng and Dredze's (their feature files beside the WeiboNER corpus spell them out): the characters at -2 ... 2, the
//! pairs (-2, -1), (-1, 0), (0, 1), (1, 2) and (-1, 1), the first and the last character of the sentence. A pattern that reaches over
//! the sentence's end gives no feature. Every string is a feature of its own; nothing is hashed.

use std::collections::HashMap;

use medner_data::Sentence;
use serde::{Deserialize, Serialize};

use super::LinearCrfError;
use super::symbols::Embedding;
use super::table::Table;

/// Offsets of the characters that a feature is made of.
const TEMPLATES: [&[isize]; 10] =
    [&[-2], &[-1], &[0], &[1], &[2], &[-2, -1], &[-1, 0], &[0, 1], &[1, 2], &[-1, 1]];

/// Which features a linear CRF has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FeatureConfig {
    /// The vectors (default: none).
    pub embedding: Embedding,
    /// Vectors of the characters at `-window ... window` (default: 0, the character's own).
    pub window: usize,
    /// Strings with fewer occurrences in training are no features (default: 1).
    pub min_count: u32,
    /// The root mean square that the vectors' numbers are scaled to (default: 0.2). The penalty is the same for all weights, so that
    /// the scale says how much vectors count (Turian et al. 2010). On WeiboNER's development set 0.2 and 0.5 are within 0.4 points with
    /// each embedding, 0.2 with half the iterations; 0.1 and 2, tried with characters, are 1.5 points worse.
    pub scale: f64,
}

impl Default for FeatureConfig {
    fn default() -> Self {
        Self { embedding: Embedding::None, window: 0, min_count: 1, scale: 0.2 }
    }
}

impl FeatureConfig {
    /// The first value that is not allowed.
    ///
    /// # Errors
    /// [`LinearCrfError::Config`].
    pub fn check(&self) -> Result<(), LinearCrfError> {
        let wrong = |key, value: String, expected| Err(LinearCrfError::Config { key, value, expected });
        if !(self.scale > 0.0 && self.scale.is_finite()) {
            return wrong("scale", self.scale.to_string(), "a number above 0");
        }
        if self.min_count == 0 {
            return wrong("min_count", "0".into(), "at least 1");
        }
        Ok(())
    }

    /// Offsets at which vectors are looked up.
    pub(super) fn offsets(&self) -> Vec<isize> {
        if self.embedding == Embedding::None {
            return Vec::new();
        }
        let window = self.window as isize;
        (-window..=window).collect()
    }
}

/// The strings that are features, and their numbers in the order of their first occurrence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Dictionary {
    names: Vec<String>,
    /// Only looked up.
    numbers: HashMap<String, u32>,
}

impl Dictionary {
    pub(super) fn from_names(names: Vec<String>) -> Option<Self> {
        let numbers: HashMap<String, u32> = names.iter().cloned().zip(0..).collect();
        (numbers.len() == names.len()).then_some(Self { names, numbers })
    }

    /// The strings that occur at least `min_count` times.
    pub(super) fn collect(sentences: &[Sentence], min_count: u32) -> Self {
        let mut counts: HashMap<String, u32> = HashMap::new();
        let mut order: Vec<String> = Vec::new();
        for sentence in sentences {
            for at in 0..sentence.tokens.len() {
                each_string(&sentence.tokens, at, |name| {
                    if let Some(count) = counts.get_mut(name) {
                        *count += 1;
                    } else {
                        counts.insert(name.to_owned(), 1);
                        order.push(name.to_owned());
                    }
                });
            }
        }
        order.retain(|name| counts[name] >= min_count);
        Self::from_names(order).expect("every string was noted once")
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// The features of each character; strings that are none are left out.
    pub(super) fn encode(&self, tokens: &[String], features: &mut Table) {
        for at in 0..tokens.len() {
            each_string(tokens, at, |name| {
                if let Some(&number) = self.numbers.get(name) {
                    features.push(number);
                }
            });
            features.end_row();
        }
    }
}

/// Calls `f` with each feature string of the character at `at`: the template's number, and the characters with tabs before them, of
/// which none has one inside.
fn each_string(tokens: &[String], at: usize, mut f: impl FnMut(&str)) {
    let mut name = String::new();
    for (number, template) in TEMPLATES.iter().enumerate() {
        name.clear();
        name.push((b'0' + number as u8) as char);
        let whole = template.iter().all(|&offset| {
            let token = at.checked_add_signed(offset).and_then(|place| tokens.get(place));
            if let Some(token) = token {
                name.push('\t');
                name.push_str(token);
            }
            token.is_some()
        });
        if whole {
            f(&name);
        }
    }
    if at == 0 {
        f("first");
    }
    if at + 1 == tokens.len() {
        f("last");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentence(text: &str) -> Sentence {
        Sentence { tokens: text.chars().map(String::from).collect(), ..Sentence::default() }
    }

    fn strings(text: &str, at: usize) -> Vec<String> {
        let mut all = Vec::new();
        each_string(&sentence(text).tokens, at, |name| all.push(name.replace('\t', " ")));
        all
    }

    #[test]
    fn strings_are_those_of_peng_and_dredze() {
        assert_eq!(strings("口腔溃疡", 0), ["2 口", "3 腔", "4 溃", "7 口 腔", "8 腔 溃", "first"]);
        assert_eq!(
            strings("口腔溃疡", 2),
            ["0 口", "1 腔", "2 溃", "3 疡", "5 口 腔", "6 腔 溃", "7 溃 疡", "9 腔 疡"]
        );
        assert_eq!(strings("口", 0), ["2 口", "first", "last"]);
        assert_eq!(strings("口腔溃疡加上", 2).len(), 10);
    }

    #[test]
    fn rare_strings_and_unknown_ones_are_no_features() {
        let all = Dictionary::collect(&[sentence("口口"), sentence("口")], 1);
        assert_eq!(all.names()[..2], ["2\t口", "3\t口"]);
        let common = Dictionary::collect(&[sentence("口口"), sentence("口")], 2);
        assert_eq!(common.names(), ["2\t口", "first", "last"]);
        let mut table = Table::default();
        common.encode(&sentence("腔口").tokens, &mut table);
        assert_eq!([table.row(0), table.row(1)], [&[1][..], &[0, 2]]);
        assert_eq!(Dictionary::from_names(vec!["a".into(), "a".into()]), None);
    }
}
