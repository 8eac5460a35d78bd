//! The printed numbers of a paper with what their printing says: the line they stand on, and how far rounding may have
//! moved them.

use std::collections::BTreeMap;
use std::path::Path;

use medner_experiment::Result;
use medner_experiment::published::{self, Published};

/// What a provenance says of a number that stands in the file a second time.
const COPY: &str = "printed of ";

/// Half a unit of the last digit may be lost, and sums of floats lose a little more.
const SLACK: f64 = 1e-9;

/// A printed number.
#[derive(Clone, Debug, PartialEq)]
pub struct Print {
    /// The number and what it is of.
    pub row: Published,
    /// Line of `published.csv`, from 1.
    pub line: u64,
    /// The number before rounding was this near to it.
    pub half: f64,
}

impl Print {
    /// True where both may have been rounded from one number.
    pub fn may_equal(&self, other: &Self) -> bool {
        near(self.row.value, self.half, other.row.value, other.half)
    }

    /// Where the number stands: `table2 (published.csv:17)`.
    pub fn place(&self) -> String {
        format!("{} (published.csv:{})", self.row.table, self.line)
    }

    /// The printed row whose number this one repeats: `X` of `printed of X, here with other vectors`.
    pub fn copy_of(&self) -> Option<&str> {
        let (_, rest) = self.row.provenance.split_once(COPY)?;
        Some(rest.split_once(", here").map_or(rest, |(original, _)| original))
    }

    /// True for a number that is read in running text, not in a table.
    pub fn in_text(&self) -> bool {
        self.row.provenance.starts_with("text")
    }
}

/// True where two numbers with these rounding errors may be one.
pub fn near(a: f64, half_a: f64, b: f64, half_b: f64) -> bool {
    (a - b).abs() <= half_a + half_b + SLACK
}

/// The printed numbers of a paper, in the file's order.
#[derive(Clone, Debug, Default)]
pub struct Prints {
    /// The numbers, without copies.
    pub prints: Vec<Print>,
    /// Numbers that stand in the file a second time, beside the row of ours that takes a printed row's place.
    pub copies: Vec<Print>,
}

impl Prints {
    /// Reads `published.csv`.
    ///
    /// # Errors
    /// As [`published::read`]: with the line.
    pub fn read(path: &Path) -> Result<Self> {
        let rows = published::read(path)?;
        let lines = lines(path, rows.len());
        // A file may have dropped trailing noughts (85.8 for 85.80): a column has the digits of its longest number, and a
        // table prints its scores alike.
        let mut digits: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for row in &rows {
            let most = digits.entry((&row.table, column(&row.metric))).or_default();
            *most = (*most).max(decimals(row.value));
        }
        let prints = rows.iter().zip(lines).map(|(row, line)| {
            let digits = digits[&(row.table.as_str(), column(&row.metric))];
            Print { row: row.clone(), line, half: half_unit(digits, &row.provenance) }
        });
        let (copies, prints) = prints.partition(|print| print.copy_of().is_some());
        Ok(Self { prints, copies })
    }

    /// The number of a cell, be it a copy.
    pub fn find(&self, table: &str, system: &str, dataset: &str, task: &str, metric: &str) -> Option<&Print> {
        self.prints.iter().chain(&self.copies).find(|print| {
            let row = &print.row;
            row.table == table
                && row.system == system
                && row.dataset == dataset
                && row.task == task
                && row.metric == metric
        })
    }

    /// The rows without their lines.
    pub fn published(&self) -> Vec<Published> {
        self.prints.iter().chain(&self.copies).map(|print| print.row.clone()).collect()
    }
}

/// Metrics that are printed with the same number of digits.
fn column(metric: &str) -> &str {
    if ["precision", "recall", "f1", "accuracy"].contains(&metric) { "scores" } else { metric }
}

/// The line on which each record starts.
fn lines(path: &Path, records: usize) -> Vec<u64> {
    let starts = csv::Reader::from_path(path).map(|mut reader| {
        reader
            .records()
            .map(|record| record.ok().and_then(|r| r.position().map(csv::Position::line)))
            .collect()
    });
    let starts: Vec<Option<u64>> = starts.unwrap_or_default();
    (0..records).map(|at| starts.get(at).copied().flatten().unwrap_or_default()).collect()
}

/// Digits after the point of the shortest text that is this number.
pub fn decimals(value: f64) -> usize {
    value.to_string().split_once('.').map_or(0, |(_, digits)| digits.len())
}

/// Half a unit of the last printed digit. Whole numbers are counts and exact, but where the text prints them in
/// thousands (`46.4k`).
fn half_unit(digits: usize, provenance: &str) -> f64 {
    if let Some(digits_of_thousands) = thousands(provenance) {
        return 500.0 * 0.1_f64.powi(digits_of_thousands as i32);
    }
    if digits == 0 { 0.0 } else { 0.5 * 0.1_f64.powi(digits as i32) }
}

/// Digits after the point of a number of thousands in a provenance: 1 for `text: 46.4k`.
fn thousands(provenance: &str) -> Option<usize> {
    provenance.split(|c: char| c.is_whitespace() || c == ',' || c == ';').find_map(|word| {
        let number = word.strip_suffix('k')?;
        number.parse::<f64>().ok()?;
        Some(number.split_once('.').map_or(0, |(_, digits)| digits.len()))
    })
}

/// A number as a sentence shows it: the digits it needs, at most four.
pub fn text(value: f64) -> String {
    let text = format!("{value:.4}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Rows without the header.
    pub(crate) fn prints(rows: &str) -> Prints {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("published.csv");
        std::fs::write(&path, format!("table,system,dataset,task,metric,value,provenance\n{rows}")).unwrap();
        Prints::read(&path).unwrap()
    }

    #[test]
    fn digits_are_those_of_the_column_and_counts_are_exact() {
        let read = prints(
            "t,a,D,n,f1,85.8,table\nt,b,D,n,f1,84.74,table\nu,a,D,n,sentences,46400,text: 46.4k\nu,b,D,n,sentences,1079,text\nt,a,D,n,loss,0.5,text\n",
        );
        let halves: Vec<f64> = read.prints.iter().map(|print| print.half).collect();
        for (half, expected) in halves.iter().zip([0.005, 0.005, 50.0, 0.0, 0.05]) {
            assert!((half - expected).abs() < 1e-12, "{halves:?}");
        }
        assert_eq!(read.prints[2].line, 4);
        let copied =
            prints("t,a,D,n,f1,1.5,table\nt,b,D,n,f1,1.5,\"table; printed of a, here with other vectors\"\n");
        assert_eq!((copied.prints.len(), copied.copies.len()), (1, 1));
        assert_eq!(copied.find("t", "b", "D", "n", "f1").and_then(Print::copy_of), Some("a"));
        assert_eq!(read.find("t", "b", "D", "n", "f1").unwrap().place(), "t (published.csv:3)");
        assert!(near(0.5, 0.005, 0.51, 0.005) && !near(0.5, 0.005, 0.52, 0.005));
        assert_eq!(
            [text(90.610_000_1), text(45_000.0), text(-0.00001), text(0.8408)],
            ["90.61", "45000", "0", "0.8408"]
        );
    }
}
