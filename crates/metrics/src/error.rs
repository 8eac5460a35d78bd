//! The errors of this crate: each names the unit (sentence or record, counted from 0) and what to do.

use std::fmt;

use crate::scheme::{TagError, TagScheme};

/// Shorthand for this crate.
pub type Result<T, E = MetricsError> = std::result::Result<T, E>;

/// Which of the two lists a unit stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The annotation.
    Gold,
    /// The system's output.
    Predicted,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gold => "gold",
            Self::Predicted => "predicted",
        })
    }
}

/// A tag that a scorer has no rule for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("token {position}: {scorer} has no rule for the tag `{tag}` (expected {expected})")]
pub struct ForeignTag {
    /// Token, from 0.
    pub position: usize,
    /// The text found.
    pub tag: String,
    /// The scorer that refuses it.
    pub scorer: &'static str,
    /// What it reads.
    pub expected: &'static str,
}

/// What can go wrong in this crate.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum MetricsError {
    /// The two lists do not pair up.
    #[error(
        "{gold} gold units but {predicted} predicted ones: give the same sentences or records in the same order on both sides"
    )]
    UnitCount {
        /// Units on the gold side.
        gold: usize,
        /// Units on the predicted side.
        predicted: usize,
    },
    /// A unit has another number of tags on each side.
    #[error("unit {unit}: {gold} gold tags but {predicted} predicted ones: predict one tag for each token")]
    UnitLength {
        /// Unit, from 0.
        unit: usize,
        /// Tags on the gold side.
        gold: usize,
        /// Tags on the predicted side.
        predicted: usize,
    },
    /// A tag that the scorer cannot read.
    #[error("unit {unit}, {side} side: {source}")]
    Tag {
        /// Unit, from 0.
        unit: usize,
        /// Side.
        side: Side,
        /// The tag and its place.
        source: ForeignTag,
    },
    /// A span that covers no token.
    #[error(
        "unit {unit}, {side} side: the span {start}..{end} ({label}) covers no token; ends are exclusive, so {start}..{} is the shortest",
        .start + 1
    )]
    EmptySpan {
        /// Unit, from 0.
        unit: usize,
        /// Side.
        side: Side,
        /// First token.
        start: usize,
        /// One past the last token.
        end: usize,
        /// Label.
        label: String,
    },
    /// A label that the label set does not hold.
    #[error("unknown entity type `{label}`; this label set knows: {}", .known.join(", "))]
    UnknownLabel {
        /// The label found.
        label: String,
        /// The labels of the set, in its order.
        known: Vec<String>,
    },
    /// Spans that cannot be written as tags.
    #[error(transparent)]
    Spans(#[from] TagError),
    /// A token outside every span, where the label set has no tag for that.
    #[error(
        "token {position} lies in no span, but this {scheme} label set has no tag `O`: cover every token"
    )]
    Uncovered {
        /// Token, from 0.
        position: usize,
        /// Scheme of the label set.
        scheme: TagScheme,
    },
    /// A label set that cannot be built or does not hold together.
    #[error("label set: {problem}")]
    LabelSet {
        /// What is wrong and how to mend it.
        problem: String,
    },
    /// Two systems were not scored against the same annotation.
    #[error(
        "unit {unit} has {first} gold entities for the first system and {second} for the second: score both against the same gold units"
    )]
    GoldDiffers {
        /// Unit, from 0.
        unit: usize,
        /// Gold entities of the first system's count.
        first: usize,
        /// Gold entities of the second system's count.
        second: usize,
    },
    /// Too few values for the statistic.
    #[error("{what} needs at least {needed} values, found {found}")]
    TooFew {
        /// The statistic.
        what: &'static str,
        /// Smallest number of values.
        needed: usize,
        /// Number given.
        found: usize,
    },
    /// All values are the same, so a t statistic has no meaning.
    #[error("{what}: the values do not vary, so no t statistic exists; compare the numbers themselves")]
    NoSpread {
        /// The statistic.
        what: &'static str,
    },
    /// NaN or infinity among the values.
    #[error("value {index} is {value}; every value must be finite")]
    NotFinite {
        /// Place in the list, from 0.
        index: usize,
        /// The value found.
        value: f64,
    },
    /// A parameter outside its range.
    #[error("{name} must be {expected}, found {found}")]
    Parameter {
        /// Name of the parameter.
        name: &'static str,
        /// Its range.
        expected: &'static str,
        /// The value found.
        found: String,
    },
}
