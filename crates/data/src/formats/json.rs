//! JSON lines: the errors of `serde_json` as errors with file, line and column in characters.

use std::path::Path;

use serde::de::DeserializeOwned;

use crate::error::{DataError, Result};

/// Reads one line of JSON.
pub(super) fn from_line<T: DeserializeOwned>(
    line: &str,
    number: usize,
    path: &Path,
    expected: &str,
) -> Result<T> {
    serde_json::from_str(line).map_err(|e| error(&e, line, number, path, expected))
}

/// The place and reason of an error in `text`, which begins on line `first` of the file.
pub(super) fn error(
    error: &serde_json::Error,
    text: &str,
    first: usize,
    path: &Path,
    expected: &str,
) -> DataError {
    let line = text.split('\n').nth(error.line().saturating_sub(1)).unwrap_or_default();
    // serde_json counts bytes from 1, and names the byte after the offending one.
    let mut byte = error.column().saturating_sub(1).min(line.len());
    while !line.is_char_boundary(byte) {
        byte -= 1;
    }
    let column = 1 + line[..byte].chars().count();
    let from = line[..byte].char_indices().rev().take(20).last().map_or(byte, |(i, _)| i);
    let reason = error.to_string();
    let reason = reason.split(" at line ").next().unwrap_or_default();
    let message = format!("{reason}; expected {expected}");
    let number = first + error.line().saturating_sub(1);
    DataError::parse(path, number, column, message, &line[from..])
}
