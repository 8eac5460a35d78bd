//! The error browser: what a run got wrong, gold and prediction side by side, by kind of error and type.

use std::collections::{BTreeMap, BTreeSet};

use medner_experiment::{RunRecord, Value};
use medner_metrics::error_analysis::ErrorKind;
use serde::Serialize;

use super::input::Paper;

/// The errors of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Run {
    pub system: String,
    pub dataset: String,
    pub seed: u64,
    pub hash: String,
    pub command: String,
    /// Entity types that occur, for the filter.
    pub types: Vec<String>,
    pub kinds: Vec<Kind>,
}

/// The errors of one kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Kind {
    pub name: String,
    /// How many the run made; the examples are some of them.
    pub count: u64,
    pub examples: Vec<Example>,
}

/// A mention, as it should be and as it was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Example {
    /// Sentence or record.
    pub place: String,
    pub gold: Option<Mention>,
    pub predicted: Option<Mention>,
    /// Its types, for the filter.
    pub types: Vec<String>,
}

/// A mention's text; what the other side lacks is marked.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mention {
    pub label: String,
    pub pieces: Vec<Piece>,
}

/// A stretch of text.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Piece {
    pub text: String,
    pub marked: bool,
}

/// At most so many runs are shown; the others' errors stand in their records.
const RUNS: usize = 24;

/// The errors of a paper's runs: of each system and data set the first seed; runs of one name with two configurations are two
/// systems.
pub fn of(paper: &Paper) -> Vec<Run> {
    let mut first: BTreeMap<(&str, String), &RunRecord> = BTreeMap::new();
    for (record, tables) in paper.finished() {
        if tables.is_empty() || !record.outcome.examples.contains_key("errors") {
            continue;
        }
        let cell = &record.cell;
        let known = first.entry((&cell.dataset, paper.name_of(record))).or_insert(record);
        if cell.seed < known.cell.seed {
            *known = record;
        }
    }
    let runs = first.into_iter();
    runs.filter_map(|((_, system), record)| run(system, paper.command_of(record), record))
        .take(RUNS)
        .collect()
}

fn run(system: String, command: String, record: &RunRecord) -> Option<Run> {
    let errors = record.outcome.examples.get("errors")?;
    let column = |name: &str| errors.columns.iter().position(|known| known == name);
    let kind = column("kind")?;
    let place = ["record", "sentence", "unit", "id"].iter().find_map(|name| column(name))?;
    let [gold, gold_type, predicted, predicted_type] =
        [column("gold")?, column("gold_type")?, column("predicted")?, column("predicted_type")?];
    let count = column("count");
    let text = |row: &[Value], i: usize| row.get(i).and_then(Value::as_str).map(str::to_owned);
    let mut kinds: Vec<Kind> = Vec::new();
    let mut types = BTreeSet::new();
    for row in &errors.rows {
        let Some(name) = text(row, kind).filter(|name| name != ErrorKind::Correct.name()) else { continue };
        let total = count.and_then(|i| row.get(i)).and_then(Value::as_u64);
        let (gold, predicted) = beside(
            text(row, gold).zip(text(row, gold_type)),
            text(row, predicted).zip(text(row, predicted_type)),
        );
        let own: BTreeSet<String> =
            [&gold, &predicted].into_iter().flatten().map(|mention| mention.label.clone()).collect();
        types.extend(own.iter().cloned());
        let example = Example {
            place: text(row, place).unwrap_or_default(),
            gold,
            predicted,
            types: own.into_iter().collect(),
        };
        let at = kinds.iter().position(|kind| kind.name == name).unwrap_or_else(|| {
            kinds.push(Kind { name, count: 0, examples: Vec::new() });
            kinds.len() - 1
        });
        kinds[at].examples.push(example);
        kinds[at].count = total.unwrap_or(kinds[at].examples.len() as u64);
    }
    let cell = &record.cell;
    (!kinds.is_empty()).then(|| Run {
        system,
        dataset: cell.dataset.clone(),
        seed: cell.seed,
        hash: cell.hash.clone(),
        command,
        types: types.into_iter().collect(),
        kinds,
    })
}

/// Both mentions, each with the characters marked that the other lacks.
fn beside(
    gold: Option<(String, String)>,
    predicted: Option<(String, String)>,
) -> (Option<Mention>, Option<Mention>) {
    let whole =
        |(text, label): (String, String)| Mention { label, pieces: vec![Piece { text, marked: false }] };
    let (Some(gold), Some(predicted)) = (&gold, &predicted) else {
        return (gold.map(whole), predicted.map(whole));
    };
    let one: Vec<char> = gold.0.chars().collect();
    let two: Vec<char> = predicted.0.chars().collect();
    let (a, b, length) = shared(&one, &two);
    let marked = |(_, label): &(String, String), text: &[char], from: usize| {
        let pieces =
            [(&text[..from], true), (&text[from..from + length], false), (&text[from + length..], true)];
        let pieces = pieces.into_iter().filter(|(text, _)| !text.is_empty());
        Mention {
            label: label.clone(),
            pieces: pieces.map(|(text, marked)| Piece { text: text.iter().collect(), marked }).collect(),
        }
    };
    (Some(marked(gold, &one, a)), Some(marked(predicted, &two, b)))
}

/// The longest stretch that both texts share: where it begins in each, and its length.
fn shared(one: &[char], two: &[char]) -> (usize, usize, usize) {
    let mut best = (0, 0, 0);
    let mut row = vec![0; two.len() + 1];
    for (i, a) in one.iter().enumerate() {
        let mut diagonal = 0;
        for (j, b) in two.iter().enumerate() {
            let length = if a == b { diagonal + 1 } else { 0 };
            diagonal = std::mem::replace(&mut row[j + 1], length);
            if length > best.2 {
                best = (i + 1 - length, j + 1 - length, length);
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn shown(mention: &Mention) -> String {
        mention
            .pieces
            .iter()
            .map(|p| if p.marked { format!("[{}]", p.text) } else { p.text.clone() })
            .collect()
    }

    #[test]
    fn what_the_other_lacks_is_marked() {
        let mention = |text: &str| Some((text.to_owned(), "operation".to_owned()));
        let (gold, predicted) = beside(mention("胃癌根治术"), mention("行胃癌根治"));
        assert_eq!(shown(&gold.unwrap()), "胃癌根治[术]");
        assert_eq!(shown(&predicted.unwrap()), "[行]胃癌根治");
        let (gold, predicted) = beside(mention("胃癌"), None);
        assert_eq!((shown(&gold.unwrap()).as_str(), predicted), ("胃癌", None));
        let (gold, predicted) = beside(mention("ab"), mention("cd"));
        assert_eq!(
            (shown(&gold.unwrap()), shown(&predicted.unwrap())),
            ("[ab]".to_owned(), "[cd]".to_owned())
        );
    }
}
