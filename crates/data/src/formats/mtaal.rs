//! The preprocessed files of MTAAL (Zhou et al. 2021): `token TAB entity tag TAB concept`, BIO.
//!
//! The authors' sentence splitter cuts a few entities at full stops (`PSEN1 . | 1`), so that a sentence begins inside an
//! entity; those tags are read as conlleval reads them and counted. Composite concepts are joined by `+`; `-1` is a mention
//! without a concept, `O` no mention.

use std::path::Path;

use medner_metrics::TagScheme;

use super::conll::{Column, ConllOptions, Separator, read_conll};
use super::report::Read;
use crate::corpus::Sentence;
use crate::error::Result;

/// How these files are written.
pub fn options() -> ConllOptions {
    ConllOptions {
        separator: Separator::Tab,
        columns: Some(3),
        tag: Column::At(1),
        concept: Some(Column::At(2)),
        scheme: Some(TagScheme::Bio),
        lenient: true,
        ..ConllOptions::default()
    }
}

/// Reads one split; concepts are in [`Sentence::concepts`].
///
/// # Errors
/// As [`read_conll`].
pub fn read(path: &Path) -> Result<Read<Sentence>> {
    read_conll(path, &options())
}
