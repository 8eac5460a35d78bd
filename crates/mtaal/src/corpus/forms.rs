//! Surface forms: each distinct word once, with its characters, so that the character layer reads every word of a batch
//! once and gathers it wherever it stands.

use std::collections::BTreeMap;

use medner_data::Vocabulary;

/// Distinct words, numbered as they first come. Words that have the same characters (after the vocabulary's normalisation) are
/// one form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forms {
    /// Numbers by text; only looked up.
    numbers: BTreeMap<String, u32>,
    /// Characters of all forms, one after the other.
    characters: Vec<u32>,
    /// Where each form's characters end.
    ends: Vec<usize>,
}

impl Forms {
    /// The number of a word, which is added when it is new.
    pub(super) fn number(&mut self, word: &str, characters: &Vocabulary) -> u32 {
        let text = characters.normalisation().apply(word);
        if let Some(&number) = self.numbers.get(text.as_ref()) {
            return number;
        }
        let number = self.ends.len() as u32;
        let mut buffer = [0_u8; 4];
        self.characters.extend(text.chars().map(|c| characters.id(c.encode_utf8(&mut buffer))));
        self.ends.push(self.characters.len());
        self.numbers.insert(text.into_owned(), number);
        number
    }

    /// How many forms there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// True before the first one.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The characters' numbers of a form; at least one.
    ///
    /// # Panics
    /// For a number that is not of this set.
    pub fn characters(&self, form: u32) -> &[u32] {
        let form = form as usize;
        let start = if form == 0 { 0 } else { self.ends[form - 1] };
        &self.characters[start..self.ends[form]]
    }

    /// Characters of the longest form.
    pub fn longest(&self) -> usize {
        (0..self.len() as u32).map(|form| self.characters(form).len()).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use medner_data::vocabulary::Normalisation;

    use super::*;

    #[test]
    fn forms_are_numbered_as_they_come() {
        let vocabulary = Vocabulary::count(
            ["b", "a", "é"],
            1,
            Normalisation { lowercase: true, ..Normalisation::default() },
        );
        let mut forms = Forms::default();
        let numbers = ["ab", "é", "AB", "x"].map(|word| forms.number(word, &vocabulary));
        assert_eq!((numbers, forms.len(), forms.longest()), ([0, 1, 0, 2], 3, 2));
        let read = [0, 1, 2].map(|form| forms.characters(form).to_vec());
        assert_eq!(read, [vec![2, 3], vec![4], vec![1]]);
    }
}
