//! UTF-16 units, in which tools that are written in JavaScript count, and the characters that they stand for.

/// Where the characters of a text begin in UTF-16 units; two units a character above U+FFFF, else one.
#[derive(Clone, Debug)]
pub struct Utf16Units(Vec<usize>);

impl Utf16Units {
    /// The units of a text.
    pub fn of(text: &str) -> Self {
        let mut starts = vec![0];
        let mut units = 0;
        for character in text.chars() {
            units += character.len_utf16();
            starts.push(units);
        }
        Self(starts)
    }

    /// All units of the text.
    pub fn count(&self) -> usize {
        self.0.last().copied().unwrap_or_default()
    }

    /// The unit that a character of the text begins with; of the text's end (as many as there are characters), one past the last.
    ///
    /// # Panics
    /// Beyond the text's end.
    pub fn before(&self, character: usize) -> usize {
        self.0[character]
    }

    /// The character that begins with a unit, or the text's end; none inside a character and past the end.
    pub fn character(&self, unit: usize) -> Option<usize> {
        self.0.binary_search(&unit).ok()
    }

    /// The characters of the units `start..end`; none where either is not the beginning of a character or the text's end.
    pub fn characters(&self, start: usize, end: usize) -> Option<(usize, usize)> {
        Some((self.character(start)?, self.character(end)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_and_characters_are_turned_into_each_other() {
        let units = Utf16Units::of("a😀é");
        assert_eq!([0, 1, 2, 3].map(|character| units.before(character)), [0, 1, 3, 4]);
        assert_eq!(
            [0, 1, 2, 3, 4, 5].map(|unit| units.character(unit)),
            [Some(0), Some(1), None, Some(2), Some(3), None]
        );
        assert_eq!([(1, 3), (1, 2), (3, 9)].map(|(a, b)| units.characters(a, b)), [Some((1, 2)), None, None]);
        assert_eq!((units.count(), Utf16Units::of("").count()), (4, 0));
    }
}
