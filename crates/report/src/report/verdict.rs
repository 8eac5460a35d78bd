//! What a verdict of a result table looks like: a word, a mark and a colour.

use serde::Serialize;

/// The looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// The paper's number came out.
    Good,
    /// Higher than the tolerance allows.
    Above,
    /// Lower than the tolerance allows.
    Below,
    /// Not all seeds are there.
    Partial,
    /// It ended with an error.
    Failed,
    /// A number with nothing to hold it against.
    #[default]
    Neutral,
    /// No number.
    Absent,
}

impl Class {
    /// The look of a verdict as the result tables write it.
    pub fn of(verdict: &str) -> Self {
        match word(verdict) {
            "reproduced" | "exact" => Self::Good,
            "above" => Self::Above,
            "below" => Self::Below,
            "partial" => Self::Partial,
            "failed" => Self::Failed,
            "not run" | "waits" | "published only" => Self::Absent,
            _ => Self::Neutral,
        }
    }

    /// A mark for those who do not see the colour.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Good => "✓",
            Self::Above => "▲",
            Self::Below => "▼",
            Self::Partial => "◐",
            Self::Failed => "✗",
            Self::Neutral => "•",
            Self::Absent => "–",
        }
    }
}

/// A verdict without its reason: `waits` of `waits: an ALBERT encoder`.
pub fn word(verdict: &str) -> &str {
    verdict.split_once(':').map_or(verdict, |(word, _)| word)
}

/// What the words mean, in the order in which a legend lists them.
pub const LEGEND: [(&str, &str); 11] = [
    ("reproduced", "the mean over seeds is within the table's tolerance of the printed number"),
    ("exact", "equal whole numbers"),
    ("above", "the mean is higher than the tolerance allows"),
    ("below", "the mean is lower than the tolerance allows"),
    ("partial", "some of the seeds have not run yet: no verdict"),
    (
        "measured",
        "nothing printed stands beside it, or it was measured on cut-down data, or a system that finds nothing comes as near to the \
         printed number: none of these judge anything",
    ),
    ("sample", "measured on the embedded sample: shows the road, not a number"),
    ("failed", "the run ended with an error"),
    ("waits", "it cannot run before something is there"),
    ("not run", "it has not run under this profile"),
    ("published only", "another team's number, which nothing here measures"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_the_tables_have_their_looks() {
        assert_eq!(Class::of("partial: 1 of 3"), Class::Partial);
        assert_eq!(Class::of("waits: an encoder: tiny"), Class::Absent);
        assert_eq!(Class::of("failed: no space"), Class::Failed);
        for (verdict, _) in LEGEND {
            let neutral = matches!(verdict, "measured" | "sample");
            assert_eq!(Class::of(verdict) == Class::Neutral, neutral, "{verdict}");
        }
    }
}
