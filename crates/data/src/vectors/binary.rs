//! word2vec's binary format.
//!
//! A word ends at a space. Text in characters has the space itself as a word: as no word is empty, a space at the beginning of
//! a word is taken for its first character.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use super::{VectorError, WordVectors};
use crate::atomic::write_atomically;

/// A word longer than this is none: the file is out of step.
const LONGEST_WORD: usize = 10_000;

/// A reader that knows where it is.
struct Source<'a> {
    path: &'a Path,
    reader: BufReader<File>,
    offset: u64,
    word: usize,
}

impl Source<'_> {
    fn wrong(&self, offset: u64, message: impl Into<String>) -> VectorError {
        VectorError::Binary { path: self.path.to_owned(), offset, word: self.word, message: message.into() }
    }

    fn io(&self, source: std::io::Error) -> VectorError {
        VectorError::Io { path: self.path.to_owned(), source }
    }

    /// The text up to `end`, which is taken and not returned. `None` when the file ends before it.
    fn until(&mut self, end: u8, what: &str) -> Result<Option<String>, VectorError> {
        let start = self.offset;
        let mut bytes = Vec::new();
        let mut limited = self.reader.by_ref().take(LONGEST_WORD as u64);
        let read = limited.read_until(end, &mut bytes).map_err(|e| self.io(e))?;
        self.offset += read as u64;
        if bytes.pop() != Some(end) {
            if read == LONGEST_WORD {
                return Err(self.wrong(
                    start,
                    format!("no end of {what} within {LONGEST_WORD} bytes; is the file in this format?"),
                ));
            }
            return Ok(None);
        }
        String::from_utf8(bytes).map(Some).map_err(|e| {
            let at = start + e.utf8_error().valid_up_to() as u64;
            self.wrong(at, format!("{what} is not UTF-8; the file is out of step or in another encoding"))
        })
    }
}

pub(super) fn read(path: &Path, keep: &dyn Fn(&str) -> bool) -> Result<WordVectors, VectorError> {
    let io = |source| VectorError::Io { path: path.to_owned(), source };
    let file = File::open(path).map_err(io)?;
    let size = file.metadata().map_err(io)?.len();
    let mut source = Source { path, reader: BufReader::with_capacity(1 << 20, file), offset: 0, word: 0 };
    let header = source.until(b'\n', "the first line")?;
    let parsed = header.as_deref().and_then(|line| {
        let (count, dim) = line.trim_end().split_once(' ')?;
        Some((count.parse::<usize>().ok()?, dim.parse::<usize>().ok().filter(|&dim| dim > 0)?))
    });
    let Some((count, dim)) = parsed else {
        return Err(
            source.wrong(0, "expected a line with the number of words and of dimensions, `3000000 300`")
        );
    };
    // Before memory is asked for: every word takes a character, a space and its numbers.
    let least = (dim as u64).saturating_mul(4).saturating_add(2);
    if least.saturating_mul(count as u64) > size - source.offset {
        let message = format!(
            "the first line announces {count} words of {dim} numbers, more than the {size} bytes of the file can hold: it was cut off"
        );
        return Err(source.wrong(0, message));
    }
    let mut vectors = WordVectors::empty(dim);
    let mut seen: HashMap<String, usize> = HashMap::with_capacity(count);
    let mut bytes = vec![0u8; dim * 4];
    let mut numbers = vec![0f32; dim];
    for word_number in 1..=count {
        source.word = word_number;
        let start = source.offset;
        let cut = |source: &Source<'_>| {
            source.wrong(source.offset, format!("the file ends here, before word {count}: it was cut off"))
        };
        let Some(text) = source.until(b' ', "the word")? else {
            return Err(cut(&source));
        };
        // Most writers end a vector with a line break, some do not.
        let mut word =
            if word_number > 1 { text.strip_prefix('\n').unwrap_or(&text).to_owned() } else { text };
        if word.is_empty() {
            // No word is empty: this space is the first character of the word, not its end.
            let Some(rest) = source.until(b' ', "the word")? else {
                return Err(cut(&source));
            };
            word = format!(" {rest}");
        }
        let word = word.as_str();
        if let Some(first) = seen.insert(word.to_owned(), word_number) {
            return Err(
                source.wrong(start, format!("`{word}` is word {first} already; remove one of the two"))
            );
        }
        let at = source.offset;
        match source.reader.read_exact(&mut bytes) {
            Ok(()) => source.offset += bytes.len() as u64,
            Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
                source.offset = size;
                return Err(cut(&source));
            }
            Err(e) => return Err(source.io(e)),
        }
        if !keep(word) {
            continue;
        }
        for (x, number) in numbers.iter_mut().zip(bytes.as_chunks::<4>().0) {
            *x = f32::from_le_bytes(*number);
        }
        if let Some(d) = numbers.iter().position(|x| !x.is_finite()) {
            let message = format!("number {} of `{word}` is {}, not a finite number", d + 1, numbers[d]);
            return Err(source.wrong(at + 4 * d as u64, message));
        }
        vectors.push(word, &numbers).map_err(|e| source.wrong(start, e.to_string()))?;
    }
    let mut rest = Vec::new();
    source.reader.by_ref().take(2).read_to_end(&mut rest).map_err(io)?;
    if !(rest.is_empty() || rest == b"\n") {
        let message = format!("the file goes on after the {count} words that the first line announces");
        return Err(source.wrong(source.offset, message));
    }
    Ok(vectors)
}

pub(super) fn write(vectors: &WordVectors, path: &Path) -> Result<(), VectorError> {
    let unwritable = |word: &str| {
        let rest = word.strip_prefix(' ').unwrap_or(word);
        word.is_empty() || rest.contains(' ') || word.starts_with('\n') || word.len() >= LONGEST_WORD
    };
    if let Some(word) = vectors.words().iter().find(|word| unwritable(word)) {
        let message = "in this format a word ends at a space (but for one at its beginning) and is not empty; \
                       replace the space before training";
        return Err(VectorError::Unwritable { word: word.clone(), message });
    }
    write_atomically(path, |out| {
        writeln!(out, "{} {}", vectors.len(), vectors.dim())?;
        for (word, row) in vectors.words().iter().zip(vectors.values().chunks_exact(vectors.dim().max(1))) {
            write!(out, "{word} ")?;
            for x in row {
                out.write_all(&x.to_le_bytes())?;
            }
            out.write_all(b"\n")?;
        }
        Ok(())
    })
    .map_err(|source| VectorError::Io { path: path.to_owned(), source })
}
