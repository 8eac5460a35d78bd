//! Which types are taken for which: gold type against predicted type where the bounds agree.
//!
//! A gold mention and a predicted one are paired when start and end agree; equal labels are paired first, and of several
//! left on the same bounds the rest in the order of their labels, one to one. A gold mention without a partner is missed
//! here, a predicted one spurious, even when a mention with other bounds overlaps it: boundary errors are told apart in
//! [`crate::error_analysis`]. So each row adds up to the gold mentions of its type, and each column to the predicted ones.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::entity::{mention_set, same_units};
use crate::error::{Result, Side};
use crate::span::Span;

/// Counts of pairs by type, and of what has no partner on the same bounds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confusion {
    /// Gold type, then predicted type: pairs with the same bounds. The diagonal holds the correct ones.
    pub pairs: BTreeMap<String, BTreeMap<String, usize>>,
    /// Gold mentions by type on whose bounds nothing was predicted.
    pub missed: BTreeMap<String, usize>,
    /// Predicted mentions by type on whose bounds nothing is annotated.
    pub spurious: BTreeMap<String, usize>,
}

/// The mentions of one unit, paired where the bounds agree.
pub(crate) struct SameBounds<'a> {
    pub pairs: Vec<(&'a Span, &'a Span)>,
    pub gold: Vec<&'a Span>,
    pub predicted: Vec<&'a Span>,
}

/// Pairs what has the same bounds: equal labels first, the rest in the order of their labels. Duplicates count once.
pub(crate) fn pair_same_bounds<'a>(
    unit: usize,
    gold: &'a [Span],
    predicted: &'a [Span],
) -> Result<SameBounds<'a>> {
    let gold = mention_set(unit, Side::Gold, gold)?;
    let predicted = mention_set(unit, Side::Predicted, predicted)?;
    let mut pairs: Vec<_> = gold.intersection(&predicted).map(|&s| (s, s)).collect();
    let mut free: BTreeSet<&Span> = predicted.difference(&gold).copied().collect();
    let mut alone = Vec::new();
    for span in gold.difference(&predicted) {
        match free.iter().find(|other| other.same_bounds(span)).copied() {
            Some(other) => {
                free.remove(other);
                pairs.push((span, other));
            }
            None => alone.push(*span),
        }
    }
    pairs.sort();
    Ok(SameBounds { pairs, gold: alone, predicted: free.into_iter().collect() })
}

/// Tabulates the types of predicted mentions against gold ones, unit by unit.
pub fn confusion<G, P>(gold: &[G], predicted: &[P]) -> Result<Confusion>
where
    G: AsRef<[Span]>,
    P: AsRef<[Span]>,
{
    same_units(gold.len(), predicted.len())?;
    let mut table = Confusion::default();
    for (unit, (gold, predicted)) in gold.iter().zip(predicted).enumerate() {
        let paired = pair_same_bounds(unit, gold.as_ref(), predicted.as_ref())?;
        for (gold, predicted) in paired.pairs {
            let row = table.pairs.entry(gold.label.clone()).or_default();
            *row.entry(predicted.label.clone()).or_default() += 1;
        }
        for span in paired.gold {
            *table.missed.entry(span.label.clone()).or_default() += 1;
        }
        for span in paired.predicted {
            *table.spurious.entry(span.label.clone()).or_default() += 1;
        }
    }
    Ok(table)
}

impl Confusion {
    /// Pairs of this gold type and this predicted type.
    pub fn count(&self, gold: &str, predicted: &str) -> usize {
        self.pairs.get(gold).and_then(|row| row.get(predicted)).copied().unwrap_or(0)
    }

    /// Every type on either side, sorted.
    pub fn types(&self) -> Vec<&str> {
        let rows = self.pairs.iter().flat_map(|(gold, row)| row.keys().chain([gold]));
        let types: BTreeSet<&str> =
            rows.chain(self.missed.keys()).chain(self.spurious.keys()).map(String::as_str).collect();
        types.into_iter().collect()
    }

    /// Gold mentions of a type: its row and the missed ones.
    pub fn gold(&self, label: &str) -> usize {
        let row: usize = self.pairs.get(label).map_or(0, |row| row.values().sum());
        row + self.missed.get(label).copied().unwrap_or(0)
    }

    /// Predicted mentions of a type: its column and the spurious ones.
    pub fn predicted(&self, label: &str) -> usize {
        let column: usize = self.pairs.values().filter_map(|row| row.get(label)).sum();
        column + self.spurious.get(label).copied().unwrap_or(0)
    }
}

/// A plain table: gold types down, predicted types across, then `missed`; the last row is `spurious`.
impl fmt::Display for Confusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let types = self.types();
        let wide = |text: &str| text.chars().count();
        let first = types.iter().map(|t| wide(t)).max().unwrap_or(0).max("gold \\ predicted".len());
        let columns: Vec<usize> = types.iter().map(|t| wide(t).max(6)).collect();
        write!(f, "{:first$}", "gold \\ predicted")?;
        for (label, &width) in types.iter().zip(&columns) {
            write!(f, "  {label:>width$}")?;
        }
        writeln!(f, "  missed")?;
        for gold in &types {
            write!(f, "{gold:first$}")?;
            for (predicted, &width) in types.iter().zip(&columns) {
                write!(f, "  {:>width$}", self.count(gold, predicted))?;
            }
            writeln!(f, "  {:>6}", self.missed.get(*gold).copied().unwrap_or(0))?;
        }
        write!(f, "{:first$}", "spurious")?;
        for (label, &width) in types.iter().zip(&columns) {
            write!(f, "  {:>width$}", self.spurious.get(*label).copied().unwrap_or(0))?;
        }
        writeln!(f)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn s(start: usize, end: usize, label: &str) -> Span {
        Span::new(start, end, label)
    }

    #[test]
    fn types_meet_on_the_same_bounds_only() {
        let gold = [vec![s(0, 1, "A"), s(2, 4, "A"), s(5, 6, "B"), s(7, 9, "B")]];
        let predicted = [vec![s(0, 1, "A"), s(2, 4, "B"), s(7, 8, "B"), s(10, 11, "C")]];
        let table = confusion(&gold, &predicted).unwrap();
        assert_eq!(table.count("A", "A"), 1);
        assert_eq!(table.count("A", "B"), 1);
        assert_eq!(table.count("B", "B"), 0);
        assert_eq!(table.missed, BTreeMap::from([("B".to_owned(), 2)]));
        assert_eq!(table.spurious, BTreeMap::from([("B".to_owned(), 1), ("C".to_owned(), 1)]));
        assert_eq!(table.types(), ["A", "B", "C"]);
        assert_eq!((table.gold("B"), table.predicted("B")), (2, 2));
    }

    #[test]
    fn equal_labels_are_paired_before_others() {
        // On one place gold says A and B, the system B and C: B is right, and A was taken for C.
        let table =
            confusion(&[vec![s(0, 2, "A"), s(0, 2, "B")]], &[vec![s(0, 2, "C"), s(0, 2, "B")]]).unwrap();
        assert_eq!((table.count("B", "B"), table.count("A", "C"), table.count("A", "B")), (1, 1, 0));
        assert!(table.missed.is_empty() && table.spurious.is_empty());
    }

    #[test]
    fn prints_a_table() {
        let table = confusion(&[vec![s(0, 1, "Drug")]], &[vec![s(0, 1, "Disease")]]).unwrap();
        assert_eq!(
            table.to_string(),
            "gold \\ predicted  Disease    Drug  missed\n\
             Disease                 0       0       0\n\
             Drug                    1       0       0\n\
             spurious                0       0\n"
        );
    }
}
