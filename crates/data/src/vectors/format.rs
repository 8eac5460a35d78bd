//! Which of the formats a file of vectors is in.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use super::{VectorError, VectorFormat};

impl VectorFormat {
    /// The format of a file by its beginning: a first line of two whole numbers is word2vec's, and what follows its first word
    /// decides between text and binary; all else is GloVe's.
    ///
    /// # Errors
    /// [`VectorError::Io`].
    pub fn of_file(path: &Path) -> Result<Self, VectorError> {
        let io = |source| VectorError::Io { path: path.to_owned(), source };
        let mut reader = BufReader::new(std::fs::File::open(path).map_err(io)?);
        let mut line = Vec::new();
        reader.read_until(b'\n', &mut line).map_err(io)?;
        let first = String::from_utf8_lossy(&line);
        let numbers: Vec<u32> = first.split_whitespace().map_while(|field| field.parse().ok()).collect();
        let (2, [_, dim]) = (first.split_whitespace().count(), numbers.as_slice()) else {
            return Ok(Self::Glove);
        };
        // A text line of `dim` numbers has as many spaces before its end; in a binary file the word's space is followed by
        // four times as many bytes of any value.
        let mut start = Vec::new();
        reader.take(64 * (u64::from(*dim) + 1)).read_until(b'\n', &mut start).map_err(io)?;
        let fields = std::str::from_utf8(&start).map(|line| line.split_whitespace().count());
        let text = fields == Ok(*dim as usize + 1);
        Ok(if text { Self::Word2vecText } else { Self::Word2vecBinary })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::vectors::WordVectors;

    #[test]
    fn the_three_formats_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let mut vectors = WordVectors::empty(3);
        vectors.push("痛", &[1.0, -2.5, 3.0]).unwrap();
        vectors.push("咳", &[0.25, 10.0, 1e-9]).unwrap();
        for format in [VectorFormat::Glove, VectorFormat::Word2vecText, VectorFormat::Word2vecBinary] {
            let path = folder.path().join("vectors");
            vectors.write(&path, format).unwrap();
            assert_eq!(VectorFormat::of_file(&path).unwrap(), format);
        }
        let error = VectorFormat::of_file(&folder.path().join("nowhere.bin")).unwrap_err().to_string();
        assert!(error.contains("nowhere.bin"), "{error}");
    }
}
