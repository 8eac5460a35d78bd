//! The embedded sample: small made-up corpora in the native file formats of the real ones.
//!
//! Where neither a mirror folder nor the network gives a data set, programs run on its sample, under the name that
//! [`sample_for`] gives (`sample-ccks2019`), so that no number made on it can be taken for a result. Tests use it too.
//!
//! A sample is filled from sentence templates and word lists of our own. Three properties are kept by tests:
//! - the same seed gives the same bytes (every kind and split has a ChaCha8 stream of its own);
//! - looking words up in a dictionary is not enough: the same word is an entity in one context and none in another
//!   (a drug that a patient takes, and the drug that a trial is named after), while a model that sees the context can
//!   learn the difference;
//! - dev and test have entities that training never shows.
//!
//! ```
//! use medner_data::sample::{self, Kind};
//!
//! let corpus = sample::sentences(Kind::Msra, sample::SEED);
//! assert_eq!((corpus.train.len(), corpus.test.len()), (450, 150));
//! assert_eq!(sample::sample_for("msra").as_deref(), Some("sample-msra"));
//! ```

mod abstracts;
mod biomedical;
mod clinical;
mod lexicon;
mod make;
mod msra;
mod native;
mod template;
mod weibo;
mod words;

use std::path::Path;

pub use biomedical::BioSet;

use crate::corpus::{Corpus, Document, Sentence};
use crate::error::Result;

/// The seed of the samples that [`write()`] makes.
pub const SEED: u64 = 2019;

/// The corpora that have a sample. Each is shaped like the real data set of the same [`Kind::name`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// News, characters, persons, places and organisations.
    Msra,
    /// Messages, characters, named and nominal entities.
    Weibo,
    /// The same with the segmentation digits of the revised version.
    WeiboRevised,
    /// Segmented words with parts of speech.
    Pd1998,
    /// Segmented words, test set of MSR.
    SighanMsr,
    /// Segmented words, test set of PKU.
    SighanPku,
    /// Segmented words, end of MSR's training set.
    MsrTrainTail,
    /// Clinical records with six types.
    Ccks2019,
    /// Medical dialogues with symptoms.
    Cmdd,
    /// English biomedical sentences of one of the sets of Crichton et al.
    Biomedical(BioSet),
    /// Abstracts with diseases and concept identifiers.
    MtaalNcbi,
    /// Abstracts with chemicals, diseases and concept identifiers.
    MtaalCdr,
}

impl Kind {
    /// Every kind, in a fixed order.
    pub fn all() -> Vec<Self> {
        let mut kinds = vec![
            Self::Msra,
            Self::Weibo,
            Self::WeiboRevised,
            Self::Pd1998,
            Self::SighanMsr,
            Self::SighanPku,
            Self::MsrTrainTail,
            Self::Ccks2019,
            Self::Cmdd,
            Self::MtaalNcbi,
            Self::MtaalCdr,
        ];
        kinds.extend(biomedical::SETS.iter().map(|set| Self::Biomedical(*set)));
        kinds
    }

    /// Name of the real data set in the manifest.
    pub fn name(self) -> &'static str {
        match self {
            Self::Msra => "msra",
            Self::Weibo => "weibo",
            Self::WeiboRevised => "weibo-2nd",
            Self::Pd1998 => "pd1998",
            Self::SighanMsr => "sighan2005-msr",
            Self::SighanPku => "sighan2005-pku",
            Self::MsrTrainTail => "msr-train-tail",
            Self::Ccks2019 => "ccks2019",
            Self::Cmdd => "cmdd",
            Self::Biomedical(set) => set.name,
            Self::MtaalNcbi => "mtaal-ncbi",
            Self::MtaalCdr => "mtaal-cdr",
        }
    }

    /// The kind of a corpus: of its name in the manifest, or of a view in the [catalog](crate::catalog) (`cmdd-patient`).
    /// `None` where there is no sample (vocabularies, vectors, checkpoints).
    pub fn of(name: &str) -> Option<Self> {
        let exact = |name: &str| Self::all().into_iter().find(|kind| kind.name() == name);
        exact(name).or_else(|| exact(&crate::catalog::find(name).ok()?.data_set))
    }
}

/// The name under which a corpus's sample runs and is reported: `ccks2019` gives `sample-ccks2019`.
pub fn sample_for(name: &str) -> Option<String> {
    Kind::of(name).map(|_| format!("sample-{name}"))
}

/// The kind behind a sample's name: `sample-ccks2019` gives [`Kind::Ccks2019`].
pub fn kind_of_sample(name: &str) -> Option<Kind> {
    name.strip_prefix("sample-").and_then(Kind::of)
}

/// The sample as sentences: what [`catalog::load_sentences`](crate::catalog::load_sentences) gives for the files that
/// [`write()`] makes, identifiers included. Clinical records are cut into pieces; abstracts are the sentences of the
/// three-column files.
pub fn sentences(kind: Kind, seed: u64) -> Corpus<Sentence> {
    make::sentences(kind, seed)
}

/// The sample as documents with character offsets: what [`catalog::load_documents`](crate::catalog::load_documents) gives
/// for the views that have documents (`ccks2019`, `pubtator-ncbi`, `pubtator-cdr`). Corpora that are sentences in their files become one document a
/// sentence.
pub fn documents(kind: Kind, seed: u64) -> Corpus<Document> {
    make::documents(kind, seed)
}

/// Writes the sample of [`SEED`] below `root`, in the native format and at the relative paths of the real data set
/// (`ccks2019/subtask1_training_part1.txt`, ...), so that the same readers read it. Existing files are replaced.
///
/// # Errors
/// [`DataError::Io`](crate::DataError::Io) with the path when a folder or file cannot be written.
pub fn write(kind: Kind, root: &Path) -> Result<()> {
    native::write(kind, SEED, root)
}
