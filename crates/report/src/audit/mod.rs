//! The printed tables of a paper, checked without any run: does what is printed fit together, and does it fit the data?
//!
//! Each detector looks at all printed numbers (`published.csv`) or at all sentences (`claims.yaml`); none knows a paper.
//!
//! | module | what it finds |
//! | --- | --- |
//! | [`f1`] | an F1 that is not 2PR / (P + R) |
//! | [`places`] | the same cell with two numbers; a system's number that none of its variants has; one number twice in a row |
//! | [`differences`] | a printed gain that is not the difference of the printed scores; a component that lowers the score |
//! | [`totals`] | sums, shares outside their range, percentages that the number of samples cannot give |
//! | [`corpus`] | counts that the corpora at hand do not have |
//! | [`sentences`] | sentences that the paper's own numbers contradict |
//! | [`prints`] | the printed numbers with their lines and their rounding |
//! | [`command`] | `medner audit` |

pub mod command;
pub(crate) mod corpus;
mod differences;
mod f1;
mod places;
pub mod prints;
mod sentences;
mod totals;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use medner_data::store::Store;
use serde::Serialize;

use prints::{Print, Prints};

/// What found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Detector {
    /// F1 against precision and recall.
    F1,
    /// The same cell in two places.
    TwoPlaces,
    /// A system against its variants.
    Variants,
    /// A printed gain against the printed scores.
    Difference,
    /// A sum against its parts.
    Sum,
    /// A share outside its range.
    Share,
    /// A percentage of so many samples.
    Granularity,
    /// A sentence against the printed numbers.
    Sentence,
    /// A count against the corpus.
    Corpus,
    /// A component that lowers the score.
    Component,
    /// The same number twice in a row of a table.
    Repeat,
}

impl Detector {
    /// As it is printed.
    pub fn name(self) -> &'static str {
        match self {
            Self::F1 => "f1",
            Self::TwoPlaces => "two places",
            Self::Variants => "variants",
            Self::Difference => "difference",
            Self::Sum => "sum",
            Self::Share => "share",
            Self::Granularity => "granularity",
            Self::Sentence => "sentence",
            Self::Corpus => "corpus",
            Self::Component => "component",
            Self::Repeat => "repeat",
        }
    }
}

/// How much a finding says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weight {
    /// Two printed numbers, or a sentence and a number, exclude each other.
    Contradiction,
    /// A printed number is not that of the corpus at hand.
    Corpus,
    /// Worth knowing; it may have an innocent cause, which the text names.
    Remark,
}

impl Weight {
    /// As it is printed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Contradiction => "contradiction",
            Self::Corpus => "corpus",
            Self::Remark => "remark",
        }
    }
}

/// Two numbers that do not fit together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// What it says.
    pub weight: Weight,
    /// What found it.
    pub detector: Detector,
    /// Row of the table.
    pub system: String,
    /// Data set.
    pub dataset: String,
    /// Task or entity type.
    pub task: String,
    /// Metric.
    pub metric: String,
    /// Where the number stands.
    pub place: String,
    /// The number.
    pub printed: f64,
    /// Where the other number comes from.
    pub against_place: String,
    /// The other number.
    pub against: f64,
    /// Both in one sentence.
    pub text: String,
    /// Line of `published.csv` or, for sentences, of `claims.yaml`.
    #[serde(skip)]
    line: u64,
}

impl Finding {
    fn new(detector: Detector, weight: Weight, print: &Print, against: (String, f64), text: String) -> Self {
        let row = &print.row;
        Self {
            weight,
            detector,
            system: row.system.clone(),
            dataset: row.dataset.clone(),
            task: row.task.clone(),
            metric: row.metric.clone(),
            place: print.place(),
            printed: row.value,
            against_place: against.0,
            // Sums of floats have no more digits than this.
            against: (against.1 * 1e6).round() / 1e6,
            text,
            line: print.line,
        }
    }
}

/// What the detectors found in one paper.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PaperAudit {
    /// The folder's name.
    pub paper: String,
    /// The findings: contradictions first, each kind in the order of the lines.
    pub findings: Vec<Finding>,
    /// How many comparisons each detector made.
    pub checked: BTreeMap<&'static str, usize>,
    /// What could not be checked, and why.
    pub unchecked: Vec<String>,
    /// Files that could not be read.
    pub errors: Vec<String>,
}

impl PaperAudit {
    /// How many findings have this weight.
    pub fn count(&self, weight: Weight) -> usize {
        self.findings.iter().filter(|finding| finding.weight == weight).count()
    }

    /// One comparison more by this detector.
    fn checks(&mut self, detector: Detector) {
        *self.checked.entry(detector.name()).or_default() += 1;
    }
}

/// Audits a paper. `folder` is `experiments/<paper>`; `corpora` are folders of corpora in the catalogue's layout, looked
/// through in this order (none: counts are not checked).
pub fn audit_paper(folder: &Path, corpora: &[PathBuf]) -> PaperAudit {
    let paper = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut audit = PaperAudit { paper, ..PaperAudit::default() };
    let prints = match Prints::read(&folder.join("published.csv")) {
        Ok(prints) => prints,
        Err(error) => {
            audit.errors.push(error.to_string());
            return audit;
        }
    };
    f1::check(&prints, &mut audit);
    places::check(&prints, &mut audit);
    differences::check(&prints, &mut audit);
    totals::check(&prints, &mut audit);
    sentences::check(folder, &prints, &mut audit);
    corpus::check(folder, &prints, corpora, &mut audit);
    audit.findings.sort_by_key(|finding| (finding.weight, finding.detector, finding.line));
    audit.unchecked.sort();
    audit.unchecked.dedup();
    audit
}

/// The folders of papers, sorted by name: those that have printed numbers.
///
/// # Errors
/// The folder cannot be read.
pub fn papers(experiments: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(experiments)? {
        let folder = entry?.path();
        if folder.join("published.csv").is_file() {
            folders.push(folder);
        }
    }
    folders.sort();
    Ok(folders)
}

/// Where corpora may lie on this machine: the datasets folder of `home`, then the mirror.
pub fn corpora(home: &Path) -> Vec<PathBuf> {
    let Ok(store) = Store::open(home) else { return vec![home.join("datasets")] };
    let mut folders = vec![store.datasets()];
    folders.extend(store.mirror().map(Path::to_path_buf));
    folders
}
