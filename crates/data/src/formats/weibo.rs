//! WeiboNER (Peng and Dredze 2015; revised by He and Sun 2017): `character TAB tag`, BIO, types `PER LOC ORG GPE` with
//! `.NAM` (named) or `.NOM` (nominal).
//!
//! Both versions have a few tags that continue no entity (35 and 14 in all); they are read as conlleval reads them and
//! counted. The first version writes 22 characters beyond U+FFFF as surrogates, each half on a line of its own (44 lines that are
//! not UTF-8); each two become one token, and are counted. The revised version has lost them: those lines hold U+FFFD, also
//! counted. There each character carries its position in its word (`科0 技1`), which is taken off, or kept in [`Sentence::pos`].

use std::path::Path;

use medner_metrics::TagScheme;

use super::conll::{ConllOptions, Separator, TokenForm, read_conll};
use super::report::Read;
use crate::corpus::Sentence;
use crate::error::Result;

/// Which release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// `weiboNER.conll.*`
    First,
    /// `weiboNER_2nd_conll.*`
    Revised {
        /// Keep the position digits in [`Sentence::pos`].
        keep_positions: bool,
    },
}

/// How a version is written.
pub fn options(version: Version) -> ConllOptions {
    ConllOptions {
        separator: Separator::Tab,
        columns: Some(2),
        form: match version {
            Version::First => TokenForm::Character,
            Version::Revised { keep_positions } => TokenForm::CharacterAndPosition { keep: keep_positions },
        },
        scheme: Some(TagScheme::Bio),
        lenient: true,
        cesu8: version == Version::First,
        ..ConllOptions::default()
    }
}

/// Reads one split.
///
/// # Errors
/// As [`read_conll`]; also a token that is not one character (and its position, in the revised version).
pub fn read(path: &Path, version: Version) -> Result<Read<Sentence>> {
    read_conll(path, &options(version))
}
