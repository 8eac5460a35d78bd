//! From one row a number to the printed table: which of system, data set, task and metric are rows, which are columns.

use medner_experiment::schema::TableSpec;
use serde::Serialize;

use super::format::{Decimals, difference, p_value, plain};
use super::input::Score;
use super::verdict::{self, Class};

/// A table as a reader wants it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Grid {
    /// What is the same for all cells, for the caption: `CCKS-2019, ner`.
    pub constant: String,
    /// Names of the columns that name a row.
    pub row_names: Vec<String>,
    /// Header rows over the columns of numbers, each a list of texts with the number of columns they span.
    pub header: Vec<Vec<Heading>>,
    pub rows: Vec<Line>,
}

/// A text over some columns.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Heading {
    pub text: String,
    pub span: usize,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    pub names: Vec<String>,
    /// What the whole row waits for or failed with.
    pub note: String,
    pub cells: Vec<Option<Cell>>,
}

/// A number of the paper beside ours.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Cell {
    pub published: String,
    /// `80.80 ± 0.12`
    pub measured: String,
    pub n: String,
    pub difference: String,
    /// `80.66 to 80.88`
    pub range: String,
    pub p_value: String,
    /// The verdict as the CSV has it, and its first word.
    pub verdict: String,
    pub word: String,
    pub class: Class,
    pub symbol: &'static str,
    pub device: String,
    pub command: String,
    /// What the column is sorted by.
    pub sort: Option<f64>,
}

impl Grid {
    /// Without the rows that have not been run yet or wait for something, and the names of those.
    pub fn without_open_rows(mut self) -> (Self, Vec<String>) {
        let is_open = |row: &Line| {
            row.cells.iter().flatten().all(|cell| ["not run", "waits"].contains(&cell.word.as_str()))
        };
        let (open, shown): (Vec<Line>, Vec<Line>) = self.rows.into_iter().partition(is_open);
        self.rows = shown;
        (self, open.into_iter().map(|row| row.names.join(", ")).collect())
    }

    /// The columns in which something is printed, where there are any.
    pub fn printed(&self) -> Self {
        let columns = self.header.last().map_or(0, Vec::len);
        let kept: Vec<bool> = (0..columns)
            .map(|i| {
                self.rows.iter().any(|row| row.cells[i].as_ref().is_some_and(|c| !c.published.is_empty()))
            })
            .collect();
        if !kept.contains(&true) {
            return self.clone();
        }
        let mut grid = self.clone();
        for row in &mut grid.rows {
            let mut keep = kept.iter();
            row.cells.retain(|_| keep.next() == Some(&true));
        }
        for row in &mut grid.header {
            let mut from = 0;
            for heading in row.iter_mut() {
                let to = from + heading.span;
                heading.span = kept[from..to].iter().filter(|kept| **kept).count();
                from = to;
            }
            row.retain(|heading| heading.span > 0);
        }
        grid
    }
}

/// More columns of numbers than this are not laid side by side.
const COLUMNS: usize = 8;

/// What a number is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Axis {
    System,
    Dataset,
    Task,
    Metric,
}

impl Axis {
    const ALL: [Self; 4] = [Self::System, Self::Dataset, Self::Task, Self::Metric];

    fn of(self, score: &Score) -> &str {
        match self {
            Self::System => &score.system,
            Self::Dataset => &score.dataset,
            Self::Task => &score.task,
            Self::Metric => &score.metric,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Dataset => "data set",
            Self::Task => "task",
            Self::Metric => "metric",
        }
    }
}

/// The values of some axes, in the order in which they come.
fn keys<'a>(scores: &'a [Score], axes: &[Axis]) -> Vec<Vec<&'a str>> {
    let mut seen = std::collections::HashSet::new();
    let mut keys = Vec::new();
    for score in scores {
        let key: Vec<&str> = axes.iter().map(|axis| axis.of(score)).collect();
        if seen.insert(key.clone()) {
            keys.push(key);
        }
    }
    keys
}

/// Which axes name the rows: the fewest that leave no more columns than fit side by side.
fn row_axes(scores: &[Score], varying: &[Axis]) -> Vec<Axis> {
    use Axis::{Dataset, Metric, System, Task};
    let candidates: [&[Axis]; 5] =
        [&[System], &[Dataset, Task], &[System, Dataset], &[System, Dataset, Task], &Axis::ALL];
    let names =
        |axes: &[Axis]| -> Vec<Axis> { axes.iter().copied().filter(|axis| varying.contains(axis)).collect() };
    for axes in candidates {
        let rows = names(axes);
        let columns: Vec<Axis> = varying.iter().copied().filter(|axis| !rows.contains(axis)).collect();
        // A row for nothing but the metric, or a single row of many, is no table.
        if rows.is_empty() && axes.len() < 4 {
            continue;
        }
        if keys(scores, &columns).len() <= COLUMNS {
            return rows;
        }
    }
    vec![System, Dataset, Task, Metric]
}

/// Lays a table out.
pub fn grid(spec: Option<&TableSpec>, scores: &[Score]) -> Grid {
    let varying: Vec<Axis> = Axis::ALL.into_iter().filter(|axis| keys(scores, &[*axis]).len() > 1).collect();
    let mut rows = row_axes(scores, &varying);
    if rows.is_empty() {
        rows = vec![Axis::System];
    }
    let columns: Vec<Axis> = varying.iter().copied().filter(|axis| !rows.contains(axis)).collect();
    let constant: Vec<&str> = Axis::ALL
        .into_iter()
        .filter(|axis| !varying.contains(axis) && !rows.contains(axis))
        .filter_map(|axis| scores.first().map(|score| axis.of(score)))
        .collect();
    let column_keys = in_blocks(keys(scores, &columns));
    let row_keys = keys(scores, &rows);
    let decimals = Decimals::new(spec, scores);
    let key = |score: &Score, axes: &[Axis]| -> Vec<String> {
        axes.iter().map(|axis| axis.of(score).to_owned()).collect()
    };
    let mut places = std::collections::HashMap::new();
    for score in scores {
        places.entry((key(score, &rows), key(score, &columns))).or_insert(score);
    }
    let owned = |key: &[&str]| -> Vec<String> { key.iter().map(|&name| name.to_owned()).collect() };
    let lines = row_keys.iter().map(|row| {
        let found: Vec<Option<&&Score>> =
            column_keys.iter().map(|column| places.get(&(owned(row), owned(column)))).collect();
        Line {
            names: owned(row),
            note: note(found.iter().flatten().map(|score| score.verdict.as_str())),
            cells: found.iter().map(|score| score.map(|score| cell(score, &decimals))).collect(),
        }
    });
    Grid {
        constant: constant.join(", "),
        row_names: rows.iter().map(|axis| axis.name().to_owned()).collect(),
        rows: lines.collect(),
        header: header(&column_keys, columns.len(), scores),
    }
}

/// Columns of one data set beside each other, and within it those of one task.
fn in_blocks(keys: Vec<Vec<&str>>) -> Vec<Vec<&str>> {
    let depth = keys.first().map_or(0, Vec::len);
    let orders: Vec<Vec<&str>> = (0..depth)
        .map(|level| {
            let mut order = Vec::new();
            for key in &keys {
                if !order.contains(&key[level]) {
                    order.push(key[level]);
                }
            }
            order
        })
        .collect();
    let mut sorted = keys;
    sorted.sort_by_key(|key| -> Vec<usize> {
        key.iter()
            .zip(&orders)
            .map(|(name, order)| order.iter().position(|known| known == name).unwrap_or(usize::MAX))
            .collect()
    });
    sorted
}

/// One header row an axis, equal neighbours under one text.
fn header(keys: &[Vec<&str>], depth: usize, scores: &[Score]) -> Vec<Vec<Heading>> {
    if depth == 0 {
        let text = scores.first().map_or("", |score| score.metric.as_str()).to_owned();
        return vec![vec![Heading { text, span: 1 }]];
    }
    (0..depth)
        .map(|level| {
            let mut row: Vec<Heading> = Vec::new();
            for (i, key) in keys.iter().enumerate() {
                let same = i > 0 && keys[i - 1][..=level] == key[..=level];
                match row.last_mut() {
                    Some(heading) if same => heading.span += 1,
                    _ => row.push(Heading { text: key[level].to_owned(), span: 1 }),
                }
            }
            row
        })
        .collect()
}

/// The reason that all cells of a row share.
fn note<'a>(verdicts: impl Iterator<Item = &'a str>) -> String {
    let mut reasons = verdicts.map(|verdict| verdict.split_once(": ").map(|_| verdict));
    let Some(Some(first)) = reasons.next() else { return String::new() };
    let says = first.starts_with("waits") || first.starts_with("failed");
    if says && reasons.all(|reason| reason == Some(first)) { first.to_owned() } else { String::new() }
}

fn cell(score: &Score, decimals: &Decimals) -> Cell {
    let digits = decimals.of(&score.metric);
    let number = |value: Option<f64>| value.map(|value| plain(value, digits)).unwrap_or_default();
    let measured = match (score.mean, score.sd) {
        (Some(mean), Some(sd)) => format!("{} ± {}", plain(mean, digits), plain(sd, digits)),
        (mean, _) => number(mean),
    };
    let range = match (score.min, score.max) {
        (Some(min), Some(max)) if score.n.is_some_and(|n| n > 1.0) => {
            format!("{} to {}", plain(min, digits), plain(max, digits))
        }
        _ => String::new(),
    };
    let class = Class::of(&score.verdict);
    Cell {
        published: number(score.published),
        measured,
        n: score.n.map(|n| plain(n, 0)).unwrap_or_default(),
        difference: score.difference.map(|value| difference(value, digits)).unwrap_or_default(),
        range,
        p_value: score.p_value.map(p_value).unwrap_or_default(),
        verdict: score.verdict.clone(),
        word: verdict::word(&score.verdict).to_owned(),
        class,
        symbol: class.symbol(),
        device: score.device.clone(),
        command: score.command.clone(),
        sort: score.mean.or(score.published),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(systems: usize, datasets: usize, tasks: usize, metrics: &[&str]) -> Vec<Score> {
        let mut all = Vec::new();
        for s in 0..systems {
            for d in 0..datasets {
                for t in 0..tasks {
                    for metric in metrics {
                        all.push(Score {
                            system: format!("S{s}"),
                            dataset: format!("D{d}"),
                            task: format!("T{t}"),
                            metric: (*metric).to_owned(),
                            published: Some(81.2),
                            ..Score::default()
                        });
                    }
                }
            }
        }
        all
    }

    fn shape(scores: &[Score]) -> (Vec<String>, usize, usize) {
        let grid = grid(None, scores);
        let columns = grid.header.last().map_or(0, Vec::len);
        assert!(
            grid.rows.iter().all(|row| row.cells.len() == columns && row.cells.iter().all(Option::is_some))
        );
        (grid.row_names, grid.rows.len(), columns)
    }

    #[test]
    fn tables_are_laid_out_as_papers_print_them() {
        let names = |list: &[&str]| -> Vec<String> { list.iter().map(|&n| n.to_owned()).collect() };
        // Systems against precision, recall, F1.
        assert_eq!(shape(&scores(5, 1, 1, &["precision", "recall", "f1"])), (names(&["system"]), 5, 3));
        // Two systems on 22 data sets: the data sets are the rows.
        assert_eq!(shape(&scores(2, 22, 1, &["precision", "recall", "f1"])), (names(&["data set"]), 22, 6));
        // Statistics of two corpora.
        let eight = ["a", "b", "c", "d", "e", "f", "g", "h"];
        assert_eq!(shape(&scores(1, 2, 1, &eight)), (names(&["data set"]), 2, 8));
        // Four systems, two data sets, six metrics.
        assert_eq!(shape(&scores(4, 2, 1, &eight[..6])), (names(&["system", "data set"]), 8, 6));
        // One number.
        assert_eq!(shape(&scores(1, 1, 1, &["f1"])), (names(&["system"]), 1, 1));
        // More of everything than fits: a row a number.
        let long = shape(&scores(3, 12, 1, &["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"]));
        assert_eq!((long.1, long.2), (360, 1));
    }

    #[test]
    fn equal_headings_are_joined() {
        let grid = grid(None, &scores(3, 2, 2, &["f1"]));
        let texts: Vec<Vec<(&str, usize)>> =
            grid.header.iter().map(|row| row.iter().map(|h| (h.text.as_str(), h.span)).collect()).collect();
        assert_eq!(texts, [vec![("D0", 2), ("D1", 2)], vec![("T0", 1), ("T1", 1), ("T0", 1), ("T1", 1)]]);
        assert_eq!(grid.constant, "f1");
    }

    #[test]
    fn columns_without_a_printed_number_can_be_left_out() {
        let mut all = scores(3, 2, 1, &["precision", "f1"]);
        for score in
            all.iter_mut().filter(|s| s.metric == "precision" && (s.dataset == "D1" || s.system == "S0"))
        {
            score.published = None;
        }
        let grid = grid(None, &all).printed();
        let texts: Vec<Vec<(&str, usize)>> =
            grid.header.iter().map(|row| row.iter().map(|h| (h.text.as_str(), h.span)).collect()).collect();
        assert_eq!(texts, [vec![("D0", 2), ("D1", 1)], vec![("precision", 1), ("f1", 1), ("f1", 1)]]);
        assert!(grid.rows.iter().all(|row| row.cells.len() == 3));
    }

    #[test]
    fn what_a_whole_row_waits_for_is_said_once() {
        assert_eq!(note(["waits: an encoder", "waits: an encoder"].into_iter()), "waits: an encoder");
        assert_eq!(note(["waits: an encoder", "reproduced"].into_iter()), "");
        assert_eq!(note(["partial: 1 of 3"].into_iter()), "");
    }
}
