//! UTF-16 units, in which tools that are written in JavaScript count, and the characters that they stand for.

/// Where the characters of a text begin in UTF-16 units; two units a character above U+FFFF, else one.
pub(super) struct Units(Vec<usize>);

impl Units {
    pub(super) fn of(text: &str) -> Self {
        let mut starts = vec![0];
        let mut units = 0;
        for character in text.chars() {
            units += character.len_utf16();
            starts.push(units);
        }
        Self(starts)
    }

    /// All units of the text.
    pub(super) fn count(&self) -> usize {
        self.0.last().copied().unwrap_or_default()
    }

    /// The unit that a character of the text begins with, or its end, one past the last unit.
    pub(super) fn before(&self, character: usize) -> usize {
        self.0[character]
    }

    /// The character that begins with a unit, or the text's end; none inside a character and past the end.
    pub(super) fn character(&self, unit: usize) -> Option<usize> {
        self.0.binary_search(&unit).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_and_characters_are_turned_into_each_other() {
        let units = Units::of("a😀é");
        assert_eq!([0, 1, 2, 3].map(|character| units.before(character)), [0, 1, 3, 4]);
        assert_eq!(
            [0, 1, 2, 3, 4, 5].map(|unit| units.character(unit)),
            [Some(0), Some(1), None, Some(2), Some(3), None]
        );
        assert_eq!((units.count(), Units::of("").count()), (4, 0));
    }
}
