//! How a measured number stands to the published one.

use medner_metrics::Summary;

use crate::schema::TableSpec;

/// How a measured number stands to the published one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Within the table's tolerance.
    Reproduced,
    /// Higher than the tolerance allows.
    Above,
    /// Lower than the tolerance allows.
    Below,
    /// Whole numbers that are equal (counts).
    Exact,
    /// Nothing published stands beside it; or it was measured on cut-down data (profile `quick`), which reproduces nothing; or it is near
    /// a printed number that finding nothing is as near to.
    Measured,
    /// A mean of some of the seeds: the others have not run to their end yet.
    Partial {
        /// Seeds that have.
        finished: usize,
        /// Seeds of the row.
        of: usize,
    },
    /// Run on the embedded sample: shows the road, not a number.
    Sample,
    /// No run yet.
    NotRun,
    /// A number of another team, which nothing here measures.
    PublishedOnly,
    /// Not to be run before something is there.
    Waits(String),
    /// The run ended with an error.
    Failed(String),
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Reproduced => f.write_str("reproduced"),
            Self::Above => f.write_str("above"),
            Self::Below => f.write_str("below"),
            Self::Exact => f.write_str("exact"),
            Self::Measured => f.write_str("measured"),
            Self::Partial { finished, of } => write!(f, "partial: {finished} of {of}"),
            Self::Sample => f.write_str("sample"),
            Self::NotRun => f.write_str("not run"),
            Self::PublishedOnly => f.write_str("published only"),
            Self::Waits(what) => write!(f, "waits: {what}"),
            Self::Failed(reason) => write!(f, "failed: {reason}"),
        }
    }
}

/// The verdict on a whole row of whole data, `difference` being the mean less the published number, which may be missed by
/// `tolerance`.
pub(crate) fn judge(
    spec: &TableSpec,
    metric: &str,
    summary: &Summary,
    difference: f64,
    tolerance: f64,
) -> Verdict {
    let whole = |value: f64| value.fract() == 0.0;
    if difference == 0.0
        && whole(summary.mean)
        && summary.min == summary.max
        && spec.scale.of(metric, 1.0) == 1.0
    {
        return Verdict::Exact;
    }
    // Half a unit in the tenth digit: sums of floats do not decide a verdict.
    if difference.abs() <= tolerance + 1e-9 {
        Verdict::Reproduced
    } else if difference > 0.0 {
        Verdict::Above
    } else {
        Verdict::Below
    }
}

/// A failure says more than a wait, a wait more than "not run".
pub(crate) fn worst(state: &mut Verdict, new: Verdict) {
    let rank = |verdict: &Verdict| match verdict {
        Verdict::Failed(_) => 2,
        Verdict::Waits(_) => 1,
        _ => 0,
    };
    if rank(&new) > rank(state) {
        *state = new;
    }
}
