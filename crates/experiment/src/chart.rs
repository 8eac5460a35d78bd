//! The key `chart` of a table: how the report draws it.

use serde::{Deserialize, Serialize};

/// How the report draws a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChartKind {
    /// A line a system over a column of numbers (epochs, queries, steps).
    Lines,
    /// A group of bars a task (or data set), a bar a system.
    Bars,
    /// A line a data set over the number that the systems' names hold (4 heads, 100 dimensions).
    Sweep,
    /// An axis a metric (or task), a polygon a system.
    Radar,
    /// Three circles and what they share; the metrics are the sizes of the seven regions.
    Euler,
    /// Not at all.
    None,
}

/// How the report draws a table: a kind alone, or with what stands on which axis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "expected lines, bars, sweep, radar, euler or none, or {kind: lines, x: query, y: [ner_f1]}"
)]
pub enum Chart {
    /// The kind; the rest is told by the table.
    Kind(ChartKind),
    /// The long form.
    Full(FullChart),
}

/// The long form of [`Chart`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FullChart {
    /// The kind.
    pub kind: ChartKind,
    /// The column on the horizontal axis; left out: the first whose values are numbers that rise.
    #[serde(default)]
    pub x: Option<String>,
    /// The columns or metrics that are drawn, a panel each; left out: the table's metrics.
    #[serde(default)]
    pub y: Vec<String>,
}

impl Chart {
    /// The kind.
    pub fn kind(&self) -> ChartKind {
        match self {
            Self::Kind(kind) => *kind,
            Self::Full(full) => full.kind,
        }
    }

    /// The horizontal column, where it is named.
    pub fn x(&self) -> Option<&str> {
        match self {
            Self::Kind(_) => None,
            Self::Full(full) => full.x.as_deref(),
        }
    }

    /// The columns that are drawn, where they are named.
    pub fn y(&self) -> &[String] {
        match self {
            Self::Kind(_) => &[],
            Self::Full(full) => &full.y,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_kind_alone_or_with_its_axes() {
        let read = |text: &str| serde_yaml::from_str::<Chart>(text);
        let short = read("bars").unwrap();
        assert_eq!((short.kind(), short.x(), short.y().len()), (ChartKind::Bars, None, 0));
        let long = read("{kind: lines, x: query, y: [ner_f1, nen_f1]}").unwrap();
        assert_eq!((long.kind(), long.x(), long.y().len()), (ChartKind::Lines, Some("query"), 2));
        for wrong in ["pie", "{x: query}", "{kind: lines, z: 1}"] {
            let error = read(wrong).unwrap_err().to_string();
            assert!(error.contains("expected lines, bars"), "{error}");
        }
    }
}
