//! A paper's sentences against our runs: `experiments/<paper>/claims.yaml` and the verdict on each.
//!
//! | module | idea |
//! | --- | --- |
//! | [`file`](mod@file) | the claims as they are written |
//! | [`vocabulary`] | the tests and what they speak of |
//! | [`names`] | the names they may use |
//! | [`runs`] | the runs by the rows of the tables |
//! | [`rows`](mod@rows) | which run fills which row |
//! | [`fit`](mod@fit) | a run's configuration against a row's YAML |
//! | [`waits`](mod@waits) | what the rows without runs wait for |
//! | [`series`] | a side's values, seed by seed |
//! | [`pairs`](mod@pairs) | which seeds of two sides are compared |
//! | [`evidence`] | two sides compared |
//! | [`statistics`] | tests, intervals, Holm's correction |
//! | [`judge`](mod@judge) | from comparisons to verdicts |
//! | `wording` | tests and numbers as sentences |
//! | [`printed`] | the same tests on the paper's printed numbers |
//! | [`command`] | `medner claims` |

pub mod command;
pub mod evidence;
pub mod file;
pub mod fit;
pub mod judge;
pub mod names;
pub mod pairs;
pub mod printed;
pub mod rows;
pub mod runs;
pub mod series;
pub mod statistics;
pub mod vocabulary;
pub mod waits;
pub(crate) mod wording;

use std::path::Path;

use medner_experiment::schema::Profile;
use medner_experiment::store::Store;
use serde::Serialize;

use crate::audit::prints::Prints;
pub use evidence::Evidence;
pub use printed::Printed;
pub use runs::Runs;

/// How verdicts come about, to stand under them.
pub const STATISTICS: &str = "Two systems are compared over seeds: a paired t-test where they share two seeds or more, else Welch's; a system and a \
printed number by a one-sample t-test; a run that gathers repeats by their mean and deviation. The one run of a system \
without random numbers stands for every seed; such a run and a number, or two such runs, are compared as they are. \
Where both systems' runs stored their counts per sentence, F1 (and token accuracy) is compared over sentences as well: \
paired approximate randomisation with 10,000 replicates, the runs of the common seeds pooled by sentence. All p values \
are two-sided and corrected after Holm within a table of the paper, those over seeds and those over sentences apart; \
intervals are of one comparison each. A system counts as better where both kinds of p value are below 0.05; worse \
beyond chance contradicts the claim; anything between is undecided, and so is whatever has one seed, two seeds with one \
difference, or seeds that have not all run. Of a claim on data sets as a whole each counts once, with the mean over its seeds: a paired t-test over \
data sets, or Pitman's and Morgan's of two spreads. A number counts as reproduced where the whole 95% interval of the \
mean's distance from it lies within the tolerance, and as contradicted where the whole interval lies outside. A \
claimed gain must have its sign beyond chance, and its size, within half of it, must not be excluded by the interval.";

/// The strictness of the tests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Level of the tests; intervals hold the true value with probability one less this.
    pub alpha: f64,
    /// Replicates of a randomisation test.
    pub replicates: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { alpha: 0.05, replicates: medner_metrics::DEFAULT_REPLICATES }
    }
}

/// What our runs say to a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// They show it, beyond chance.
    Supported,
    /// They show the opposite, beyond chance.
    Contradicted,
    /// Chance may have made what they show.
    Undecided,
    /// There are no such runs, or none can show it.
    NotTestable,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Supported, Self::Contradicted, Self::Undecided, Self::NotTestable];

    /// As it is printed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Supported => "supported",
            Self::Contradicted => "contradicted",
            Self::Undecided => "undecided",
            Self::NotTestable => "not testable here",
        }
    }
}

/// A claim and its verdict.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judged {
    /// Its name.
    pub id: String,
    /// The paper's sentence.
    pub text: String,
    /// Where it stands.
    pub at: String,
    /// The table it is about.
    pub table: String,
    /// The test in words; empty where there is none.
    pub test: String,
    /// The verdict.
    pub verdict: Verdict,
    /// The numbers, and why.
    pub reason: String,
    /// Whether the paper's own printed numbers show it.
    pub printed: Printed,
    /// Those numbers.
    pub printed_reason: String,
    /// The comparisons.
    pub evidence: Vec<Evidence>,
    /// Line in `claims.yaml`.
    pub line: usize,
}

/// A paper's claims and their verdicts.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PaperClaims {
    /// The folder's name.
    pub paper: String,
    /// The claims, in the file's order.
    pub claims: Vec<Judged>,
    /// What could not be read or names what does not exist, with file, line and column.
    pub errors: Vec<String>,
}

impl PaperClaims {
    /// How many claims have this verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.claims.iter().filter(|claim| claim.verdict == verdict).count()
    }
}

/// The claims of a paper that can be read, and what is wrong with the others.
pub fn load(folder: &Path, runs: &Runs<'_>, prints: Option<&Prints>) -> file::ClaimsFile {
    let mut file = file::read(&folder.join("claims.yaml"));
    // Without the printed numbers no name is known; that they cannot be read is said elsewhere.
    let Some(prints) = prints else { return file };
    let names = names::Names::of(&prints.published(), runs.tables());
    let mut errors = Vec::new();
    file.claims.retain(|claim| match names.unknown(claim) {
        Some(message) => {
            errors.push(format!("{}: claim `{}`: {message}", claim.place, claim.id));
            false
        }
        None => true,
    });
    file.errors.extend(errors);
    file
}

/// Judges the claims of a paper.
///
/// `folder` is `experiments/<paper>`, `store` that of `results/<label>/<paper>`. Whatever cannot be read stands in
/// [`PaperClaims::errors`], and the rest is judged.
pub fn judge_paper(folder: &Path, store: &Store, label: &str, options: &Options) -> PaperClaims {
    let runs = Runs::new(folder, store, label);
    let mut errors: Vec<String> = runs.errors().to_vec();
    let prints = match Prints::read(&folder.join("published.csv")) {
        Ok(prints) => Some(prints),
        Err(error) => {
            errors.push(error.to_string());
            None
        }
    };
    let file = load(folder, &runs, prints.as_ref());
    errors.extend(file.errors);
    let bar = match runs::profile_of(label) {
        Some(Profile::Quick) => {
            Some("profile quick cuts the data down: its numbers judge nothing".to_owned())
        }
        None => Some(format!("results/{label} belongs to no profile: its numbers judge nothing")),
        Some(Profile::Cpu | Profile::Paper) => None,
    };
    let prints = prints.unwrap_or_default();
    PaperClaims {
        paper: folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        claims: judge::judge(&file.claims, &runs, &prints, options, bar.as_deref()),
        errors,
    }
}
