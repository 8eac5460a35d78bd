//! The text formats of word2vec and GloVe.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use super::{VectorError, WordVectors};
use crate::atomic::write_atomically;

/// Where the reader is.
struct Place<'a> {
    path: &'a Path,
    line: usize,
}

impl Place<'_> {
    fn wrong(&self, column: usize, message: impl Into<String>, found: &str) -> VectorError {
        VectorError::Text {
            path: self.path.to_owned(),
            line: self.line,
            column,
            message: message.into(),
            found: found.chars().take(60).collect(),
        }
    }
}

pub(super) fn read(
    path: &Path,
    header: bool,
    keep: &dyn Fn(&str) -> bool,
) -> Result<WordVectors, VectorError> {
    let io = |source| VectorError::Io { path: path.to_owned(), source };
    let mut reader = BufReader::with_capacity(1 << 20, File::open(path).map_err(io)?);
    let mut place = Place { path, line: 0 };
    let mut bytes = Vec::new();
    let mut announced = None;
    let mut vectors: Option<WordVectors> = None;
    let mut seen = Seen::default();
    let mut numbers = Vec::new();
    loop {
        bytes.clear();
        if reader.read_until(b'\n', &mut bytes).map_err(io)? == 0 {
            break;
        }
        place.line += 1;
        let text = std::str::from_utf8(&bytes).map_err(|e| {
            let good = std::str::from_utf8(&bytes[..e.valid_up_to()]).unwrap_or("");
            let column = good.chars().count() + 1;
            place.wrong(
                column,
                "not UTF-8; is it a binary file, or in another encoding?",
                &String::from_utf8_lossy(&bytes),
            )
        })?;
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if header && announced.is_none() {
            let (count, dim) = parse_header(text).ok_or_else(|| {
                place.wrong(1, "expected the number of words and of dimensions, `400000 300`; a file without this line is in GloVe's format", text)
            })?;
            announced = Some(count);
            vectors = Some(WordVectors::empty(dim));
            continue;
        }
        // word2vec's own programs end lines with a space.
        let text = text.strip_suffix(' ').unwrap_or(text);
        let vectors = vectors.get_or_insert_with(|| WordVectors::empty(text.split(' ').count() - 1));
        if vectors.dim() == 0 {
            return Err(place.wrong(1, "expected a word and its numbers, with single spaces between", text));
        }
        let word = split_line(text, vectors.dim(), &place)?;
        seen.add(word, &place)?;
        if announced.is_some_and(|count| seen.len() > count) {
            let message =
                format!("the first line announces {} words, here is one more", announced.unwrap_or(0));
            return Err(place.wrong(1, message, text));
        }
        if !keep(word) {
            continue;
        }
        numbers.clear();
        let mut column = word.chars().count() + 2;
        for number in text[word.len() + 1..].split(' ') {
            match number.parse::<f32>() {
                Ok(x) if x.is_finite() => numbers.push(x),
                _ => return Err(place.wrong(column, "expected a finite number", number)),
            }
            column += number.chars().count() + 1;
        }
        vectors.push(word, &numbers).map_err(|e| place.wrong(1, e.to_string(), word))?;
    }
    place.line += 1;
    match (announced, vectors) {
        (Some(count), Some(_)) if seen.len() < count => {
            let message = format!(
                "the first line announces {count} words, the file ends after {}: it was cut off",
                seen.len()
            );
            Err(place.wrong(1, message, ""))
        }
        (_, Some(vectors)) => Ok(vectors),
        (_, None) => Err(place.wrong(1, "the file is empty; expected word vectors", "")),
    }
}

/// Hashes of the words so far, with their lines: a word that comes twice is found whether it is kept or not.
#[derive(Default)]
struct Seen {
    lines: std::collections::HashMap<String, usize>,
}

impl Seen {
    fn len(&self) -> usize {
        self.lines.len()
    }

    fn add(&mut self, word: &str, place: &Place<'_>) -> Result<(), VectorError> {
        match self.lines.insert(word.to_owned(), place.line) {
            Some(first) => {
                let message = format!("the word stands already in line {first}; remove one of the two");
                Err(place.wrong(1, message, word))
            }
            None => Ok(()),
        }
    }
}

fn parse_header(line: &str) -> Option<(usize, usize)> {
    let (count, dim) = line.trim_end_matches(' ').split_once(' ')?;
    Some((count.parse().ok()?, dim.parse().ok().filter(|&dim| dim > 0)?))
}

/// The word of a line: what stands before the last `dim` columns. A word may hold spaces (GloVe's `. . .`), so a line with too
/// many columns is wrong only when the word's last piece is a number.
fn split_line<'a>(text: &'a str, dim: usize, place: &Place<'_>) -> Result<&'a str, VectorError> {
    let wrong_width = |found: usize| {
        let message =
            format!("expected a word and {dim} numbers with single spaces between, found {found} numbers");
        Err(place.wrong(1, message, text))
    };
    let Some((end, _)) = text.rmatch_indices(' ').nth(dim - 1) else {
        return wrong_width(text.matches(' ').count());
    };
    let word = &text[..end];
    let numbers = word.split(' ').skip(1).collect::<Vec<_>>();
    let extra = numbers.iter().rev().take_while(|piece| piece.parse::<f32>().is_ok()).count();
    if extra > 0 {
        return wrong_width(dim + extra);
    }
    if word.is_empty() {
        return Err(place.wrong(1, "the line begins with a space: it has no word", text));
    }
    Ok(word)
}

pub(super) fn write(vectors: &WordVectors, path: &Path, header: bool) -> Result<(), VectorError> {
    for (i, word) in vectors.words().iter().enumerate() {
        let ends_like_number =
            word.split(' ').skip(1).last().is_some_and(|piece| piece.parse::<f32>().is_ok());
        // Without a first line, the width is what the first line has.
        let first_with_space = !header && i == 0 && word.contains(' ');
        let message = if word.is_empty() {
            "it has no characters; leave it out"
        } else if word.contains(['\n', '\r']) {
            "it holds a line break; replace it before training"
        } else if ends_like_number || first_with_space {
            "it holds a space, and reading it back would take a part of it for a number; replace the space before training"
        } else {
            continue;
        };
        return Err(VectorError::Unwritable { word: word.clone(), message });
    }
    write_atomically(path, |out| {
        if header {
            writeln!(out, "{} {}", vectors.len(), vectors.dim())?;
        }
        for (word, row) in vectors.words().iter().zip(vectors.values().chunks_exact(vectors.dim().max(1))) {
            out.write_all(word.as_bytes())?;
            for x in row {
                write!(out, " {x}")?;
            }
            out.write_all(b"\n")?;
        }
        Ok(())
    })
    .map_err(|source| VectorError::Io { path: path.to_owned(), source })
}
