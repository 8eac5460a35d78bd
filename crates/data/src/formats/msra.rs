//! MSRA NER (Levow 2006, SIGHAN bakeoff 3): `character TAB tag`, BIO, a blank line after each sentence.

use std::path::Path;

use medner_metrics::TagScheme;

use super::conll::{ConllOptions, Separator, TokenForm, read_conll};
use super::report::Read;
use crate::corpus::Sentence;
use crate::error::Result;

/// How this corpus is written.
pub fn options() -> ConllOptions {
    ConllOptions {
        separator: Separator::Tab,
        columns: Some(2),
        form: TokenForm::Character,
        scheme: Some(TagScheme::Bio),
        ..ConllOptions::default()
    }
}

/// Reads one split (or any `character TAB tag` file in BIO), strictly.
///
/// # Errors
/// As [`read_conll`]; also a token of more than one character.
pub fn read(path: &Path) -> Result<Read<Sentence>> {
    read_conll(path, &options())
}
