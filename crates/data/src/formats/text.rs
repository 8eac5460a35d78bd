//! From bytes to text: encodings are checked, never guessed, and a wrong byte is named with its line and column.

use std::collections::BTreeSet;
use std::path::Path;

use encoding_rs::GB18030;

use crate::error::{DataError, Result};

/// Reads a UTF-8 file; a byte order mark at the beginning is taken off.
///
/// # Errors
/// [`DataError::Io`]; [`DataError::Parse`] at the first byte that is not UTF-8.
pub fn read_utf8(path: &Path) -> Result<String> {
    decode_utf8(std::fs::read(path).map_err(DataError::io(path))?, path)
}

/// Checks that bytes are UTF-8; a byte order mark at the beginning is taken off. `path` is for messages.
///
/// # Errors
/// [`DataError::Parse`] at the first byte that is not UTF-8.
pub fn decode_utf8(bytes: Vec<u8>, path: &Path) -> Result<String> {
    let mut text = String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        invalid(e.as_bytes(), at, path, "UTF-8")
    })?;
    if text.starts_with('\u{feff}') {
        text.drain(..'\u{feff}'.len_utf8());
    }
    Ok(text)
}

/// A text whose characters beyond U+FFFF stood as surrogates (CESU-8).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cesu8 {
    /// The text. A half of a pair that stands alone is a placeholder here, see [`join_halves`].
    pub text: String,
    /// The line of each whole pair.
    pub pairs: Vec<usize>,
    /// The lines that hold a half of a pair alone.
    pub halves: BTreeSet<usize>,
}

/// First of the 2,048 private-use characters that stand for surrogates alone.
const PLACEHOLDER: u32 = 0xF_0000;

/// Reads a UTF-8 file in which characters beyond U+FFFF may stand as two surrogates of three bytes each (CESU-8).
///
/// The two may stand side by side, or, where the file was made one UTF-16 unit a line, alone: then each is a placeholder and
/// its line is among [`Cesu8::halves`], and the caller joins or refuses it. Anything else that is not UTF-8 is refused.
///
/// # Errors
/// [`DataError::Io`]; [`DataError::Parse`] at the first byte that is neither.
pub fn read_utf8_or_cesu8(path: &Path) -> Result<Cesu8> {
    decode_utf8_or_cesu8(std::fs::read(path).map_err(DataError::io(path))?, path)
}

/// [`read_utf8_or_cesu8`] on bytes; `path` is for messages.
///
/// # Errors
/// [`DataError::Parse`] at the first byte that is neither.
pub fn decode_utf8_or_cesu8(bytes: Vec<u8>, path: &Path) -> Result<Cesu8> {
    let mut decoded = Cesu8::default();
    let mut start = 0;
    while let Err(error) = std::str::from_utf8(&bytes[start..]) {
        let at = start + error.valid_up_to();
        let half = |at: usize| match bytes[at..] {
            [0xED, a @ 0xA0..=0xBF, b @ 0x80..=0xBF, ..] => {
                char::from_u32(PLACEHOLDER + (u32::from(a & 0x1F) << 6 | u32::from(b & 0x3F)))
            }
            _ => None,
        };
        let Some(first) = half(at) else {
            return Err(invalid(&bytes, at, path, "UTF-8 (or surrogates of three bytes)"));
        };
        decoded.text.push_str(std::str::from_utf8(&bytes[start..at]).expect("valid up to there"));
        let line = line_of(&bytes, at);
        if let Some(whole) = half(at + 3).and_then(|second| join_halves(first, second)) {
            decoded.text.push(whole);
            decoded.pairs.push(line);
            start = at + 6;
        } else {
            decoded.text.push(first);
            decoded.halves.insert(line);
            start = at + 3;
        }
    }
    if start == 0 {
        decoded.text = decode_utf8(bytes, path)?;
        return Ok(decoded);
    }
    let rest = std::str::from_utf8(&bytes[start..]).expect("the loop ended because it is valid");
    decoded.text.push_str(rest);
    if decoded.text.starts_with('\u{feff}') {
        decoded.text.drain(..'\u{feff}'.len_utf8());
    }
    Ok(decoded)
}

/// The surrogate that a placeholder of [`Cesu8::text`] stands for, less 0xD800: under 0x400 a first half, else a second one.
fn surrogate(placeholder: char) -> Option<u32> {
    u32::from(placeholder).checked_sub(PLACEHOLDER).filter(|&s| s < 0x800)
}

/// True for the placeholder of the first half of a pair.
pub fn is_first_half(placeholder: char) -> bool {
    surrogate(placeholder).is_some_and(|s| s < 0x400)
}

/// The character that two placeholders of [`Cesu8::text`] are the halves of.
pub fn join_halves(first: char, second: char) -> Option<char> {
    let high = surrogate(first).filter(|&s| s < 0x400)?;
    let low = surrogate(second)?.checked_sub(0x400)?;
    char::from_u32(0x1_0000 + (high << 10) + low)
}

/// Reads a GB18030 file, strictly.
///
/// # Errors
/// [`DataError::Io`]; [`DataError::Parse`] with the line that holds bytes that are not GB18030.
pub fn read_gb18030(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path).map_err(DataError::io(path))?;
    if let Some(text) = GB18030.decode_without_bom_handling_and_without_replacement(&bytes) {
        return Ok(text.into_owned());
    }
    // A line break is never the second byte of a character, so the broken line can be looked for line by line.
    let broken = bytes
        .split(|&b| b == b'\n')
        .position(|line| GB18030.decode_without_bom_handling_and_without_replacement(line).is_none());
    let index = broken.unwrap_or(0);
    let line = bytes.split(|&b| b == b'\n').nth(index).unwrap_or_default();
    let (shown, _) = GB18030.decode_without_bom_handling(line);
    let column = 1 + shown.chars().take_while(|&c| c != '\u{fffd}').count();
    let message = "bytes that are not GB18030; expected the file as published, not converted";
    Err(DataError::parse(path, index + 1, column, message, &shown))
}

/// The error for the byte at `at`: its line, its column in characters, and the bytes in hexadecimal digits.
fn invalid(bytes: &[u8], at: usize, path: &Path, expected: &str) -> DataError {
    let line_start = bytes[..at].iter().rposition(|&b| b == b'\n').map_or(0, |i| i + 1);
    let line = line_of(bytes, at);
    let column = 1 + bytes[line_start..at].iter().filter(|&&b| b & 0xC0 != 0x80).count();
    let end = bytes.len().min(at + 6);
    let hex: Vec<String> = bytes[at..end].iter().map(|b| format!("{b:02X}")).collect();
    let message = format!(
        "bytes that are not {expected}; convert the file to UTF-8, for example with `iconv -f GB18030 -t UTF-8`"
    );
    DataError::parse(path, line, column, message, &hex.join(" "))
}

/// The line, from 1, of the byte at `at`.
fn line_of(bytes: &[u8], at: usize) -> usize {
    bytes[..at].split(|&b| b == b'\n').count()
}

/// Lines with their numbers from 1, without `\n` or `\r\n`.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split('\n').enumerate().map(|(i, line)| (i + 1, line.strip_suffix('\r').unwrap_or(line)))
}

/// Column, in characters from 1, of `part`, which must be a slice of `line`.
pub(crate) fn column(line: &str, part: &str) -> usize {
    let byte = (part.as_ptr() as usize).saturating_sub(line.as_ptr() as usize);
    1 + line.get(..byte).map_or(0, |before| before.chars().count())
}

/// Where each character of a text begins, so that character offsets become slices.
#[derive(Clone, Debug)]
pub struct CharMap<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> CharMap<'a> {
    /// The map of a text.
    pub fn new(text: &'a str) -> Self {
        let starts = text.char_indices().map(|(byte, _)| byte).chain([text.len()]).collect();
        Self { text, starts }
    }

    /// The text.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// Number of characters.
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// True for the empty text.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The characters `start..end`; `None` where they are not all in the text or `start > end`.
    pub fn slice(&self, start: usize, end: usize) -> Option<&'a str> {
        let (from, to) = (*self.starts.get(start)?, *self.starts.get(end)?);
        self.text.get(from..to)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn path() -> &'static Path {
        Path::new("file.txt")
    }

    #[test]
    fn invalid_bytes_are_named_with_line_and_column() {
        let bytes = [b"ab\n\xe6\x82\xa3".as_slice(), b"\xff\xfe"].concat();
        let error = decode_utf8(bytes, path()).unwrap_err().to_string();
        assert!(error.starts_with("file.txt:2:2: bytes that are not UTF-8"), "{error}");
        assert!(error.contains("FF FE"), "{error}");
    }

    #[test]
    fn surrogates_are_joined_where_they_are_pairs() {
        let pair = decode_utf8_or_cesu8(b"a\n\xed\xa0\xbd\xed\xb8\x82\tO".to_vec(), path()).unwrap();
        assert_eq!(
            (pair.text.as_str(), &pair.pairs[..], pair.halves.len()),
            ("a\n\u{1f602}\tO", &[2][..], 0)
        );
        let apart = decode_utf8_or_cesu8(b"\xed\xa0\xbd\n\xed\xb8\x82\n".to_vec(), path()).unwrap();
        assert_eq!((apart.pairs.len(), apart.halves), (0, BTreeSet::from([1, 2])));
        let halves: Vec<char> = apart.text.chars().filter(|&c| c != '\n').collect();
        assert!(is_first_half(halves[0]) && !is_first_half(halves[1]));
        assert_eq!(join_halves(halves[0], halves[1]), Some('\u{1f602}'));
        assert_eq!(join_halves(halves[1], halves[0]), None);
        for bad in [&b"\xc0\x80"[..], b"ok \x80", b"\xed\xa0", b"\xed\xa0\x20"] {
            assert!(decode_utf8_or_cesu8(bad.to_vec(), path()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_taken_off_once() {
        let marked = "\u{feff}a\u{feff}".as_bytes().to_vec();
        assert_eq!(decode_utf8(marked, path()).unwrap(), "a\u{feff}");
    }

    #[test]
    fn columns_count_characters() {
        let line = "患者\tO";
        assert_eq!(column(line, &line["患者\t".len()..]), 4);
        assert_eq!(CharMap::new(line).slice(1, 3), Some("者\t"));
        assert_eq!(CharMap::new(line).slice(3, 5), None);
    }
}
