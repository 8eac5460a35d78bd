//! `experiments/<paper>/claims.yaml`: the sentences of a paper, and the test of each on our runs.
//!
//! ```yaml
//! defaults: {dataset: CCKS-2019, task: ner, metric: f1}
//! claims:
//!   - id: attention-helps
//!     text: After adding the MHA layer, the F1 score increases by 0.99%.
//!     at: Section 4.3.1
//!     table: table2
//!     test: {gain: {of: IDCNN-MHA-CRF, over: IDCNN-CRF, by: 0.99}}
//! ```
//!
//! A claim may set `dataset`, `task` and `metric` in place of the defaults. `here: {dataset: CMDD-ADR}` (also `table`, `task`,
//! `metric`) says under what other name our runs show it: another corpus that stands in for a private one may decide which
//! system is better, though no number of it is a reproduction. Of data sets that are printed under one name the one with the
//! task is meant. Numbers are in the printed scale. A *side* is a system's name, a number that stands for itself, or a map that
//! says more:
//!
//! | key of a side | meaning |
//! | --- | --- |
//! | `system` | the row |
//! | `table`, `dataset`, `task`, `metric` | in place of the claim's. A metric `seconds/<phase>` is a time of the runs |
//! | `best_of` | a list of systems: the one with the highest mean; undecided until the seeds of all have run |
//! | `over` | a list of data sets, or of `{dataset, task}`: the mean over them |
//! | `published` | `true`: the printed number, for systems that only others have run |
//! | `curve` | `{name, column, at}` or `{name, column, take: last, max, min or mean}`: a point of the runs' curve |
//!
//! | test | holds when |
//! | --- | --- |
//! | `near: {side, value, tolerance}` | the mean is within the tolerance (left out: the table's; of a row of differences half of the value, if that is less) of the value |
//! | `equals: {side, value}` | every run gives exactly this; for counts, which no seed changes |
//! | `higher: {side, than: [sides]}`, `lower` | above (below) each of them |
//! | `gain: {of, over, by, tolerance}` | above, and by about that much (tolerance left out: half of it, at least half a unit of the printed scale's hundred) |
//! | `best: {side, among: [sides]}` | the highest of all; with `lowest: true` the lowest |
//! | `order: {highest_first: [sides]}` | each above the next |
//! | `equivalent: {one, two, within}` | no further apart than that |
//! | `steadier: {side, than}` | a smaller spread over seeds |
//! | `wins: {of, over, on: [data sets or {dataset, task}], at_least}` | above on at least so many of them |
//! | `across: {of, over, on: [...]}` | above in the mean over these data sets, beyond the chance of which data sets they are |
//! | `steadier_gains: {of, than, over, on: [...]}` | what `of` gains over `over` differs less between data sets than what `than` does |
//! | `all: [tests]` | each of them |
//! | `untestable: why` | never: says why no run here can show it |
//!
//! Of a system that its table marks `deterministic: true` the only run stands for every seed of the other side; against a
//! number it is exact, so that a count is within a tolerance or is not.

use std::path::{Path, PathBuf};

use medner_experiment::config::from_value;
use medner_experiment::yaml::{self, Data, Node, Place};
use medner_experiment::{ConfigError, ExperimentError, Value};
use serde::{Deserialize, Serialize};

use super::vocabulary::{Across, Best, Here, Higher, Order, Scope, SteadierGains, Test, Wins};

/// A paper's claims, as far as they could be read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClaimsFile {
    /// The file.
    pub path: PathBuf,
    /// The claims, in the file's order.
    pub claims: Vec<Claim>,
    /// What could not be read, with file, line and column.
    pub errors: Vec<String>,
}

/// A sentence of the paper and its test.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// Its name in this file.
    pub id: String,
    /// The sentence: a short quotation or a paraphrase.
    pub text: String,
    /// Where it stands in the paper.
    pub at: String,
    /// What is said where a side names nothing else.
    pub scope: Scope,
    /// The test.
    pub test: Test,
    /// Where the claim stands in the file.
    pub place: Place,
}

impl Claim {
    /// Line in the file, from 1.
    pub fn line(&self) -> usize {
        match &self.place {
            Place::File { line, .. } => *line,
            Place::CommandLine(_) => 0,
        }
    }
}

const KINDS: [&str; 14] = [
    "near",
    "equals",
    "higher",
    "lower",
    "gain",
    "best",
    "order",
    "equivalent",
    "steadier",
    "wins",
    "across",
    "steadier_gains",
    "all",
    "untestable",
];

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Head {
    defaults: Defaults,
    claims: Vec<Value>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Defaults {
    dataset: Option<String>,
    task: Option<String>,
    metric: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawClaim {
    id: String,
    text: String,
    at: String,
    table: String,
    dataset: Option<String>,
    task: Option<String>,
    metric: Option<String>,
    here: Here,
    test: Value,
}

/// Reads a paper's claims. A claim that cannot be read is left out and stands in [`ClaimsFile::errors`].
pub fn read(path: &Path) -> ClaimsFile {
    match yaml::read(path) {
        Ok(tree) => from_tree(path, &tree),
        Err(error) => {
            ClaimsFile { path: path.to_owned(), errors: vec![error.to_string()], ..ClaimsFile::default() }
        }
    }
}

fn from_tree(path: &Path, tree: &Node) -> ClaimsFile {
    let mut file = ClaimsFile { path: path.to_owned(), ..ClaimsFile::default() };
    let head: Head = match from_value(&tree.to_value()) {
        Ok(head) => head,
        Err(error) => {
            file.errors.push(tree.locate(&error).to_string());
            return file;
        }
    };
    let Some(Data::List(items)) = tree.get("claims").map(|node| &node.data) else {
        let error = ConfigError::at("claims", "missing key; a file of claims has a list of them");
        file.errors.push(tree.locate(&error).to_string());
        return file;
    };
    for item in items {
        match claim(item, &head.defaults) {
            Ok(claim) => match file.claims.iter().find(|other| other.id == claim.id) {
                Some(other) => file.errors.push(format!(
                    "{}: the id `{}` stands on line {} already; each claim has its own",
                    claim.place,
                    claim.id,
                    other.line()
                )),
                None => file.claims.push(claim),
            },
            Err(error) => file.errors.push(error.to_string()),
        }
    }
    file
}

fn claim(node: &Node, defaults: &Defaults) -> Result<Claim, ExperimentError> {
    let raw: RawClaim = from_value(&node.to_value()).map_err(|error| node.locate(&error))?;
    let missing = [("id", &raw.id), ("text", &raw.text), ("at", &raw.at), ("table", &raw.table)]
        .into_iter()
        .find(|(_, value)| value.is_empty());
    if let Some((key, _)) = missing {
        let message = "missing key; a claim has `id`, `text`, `at`, `table` and `test`";
        return Err(node.locate(&ConfigError::at(key, message)));
    }
    let Some(test_node) = node.get("test") else {
        let message = format!("missing key; one of {}", KINDS.join(", "));
        return Err(node.locate(&ConfigError::at("test", message)));
    };
    let test = test(test_node)?;
    let or = |given: Option<String>, default: &Option<String>| {
        given.or_else(|| default.clone()).unwrap_or_default()
    };
    Ok(Claim {
        id: raw.id,
        text: raw.text,
        at: raw.at,
        scope: Scope {
            table: raw.table,
            dataset: or(raw.dataset, &defaults.dataset),
            task: or(raw.task, &defaults.task),
            metric: or(raw.metric, &defaults.metric),
            here: raw.here,
        },
        test,
        place: node.place.clone(),
    })
}

fn test(node: &Node) -> Result<Test, ExperimentError> {
    let one_key = || {
        let message = format!("expected one of {}, with what it needs", KINDS.join(", "));
        node.locate(&ConfigError::at("", message))
    };
    let Data::Map(map) = &node.data else { return Err(one_key()) };
    let [(kind, (_, inner))] = map.iter().collect::<Vec<_>>()[..] else { return Err(one_key()) };
    Ok(match kind.as_str() {
        "near" => Test::Near(typed(inner)?),
        "equals" => Test::Equals(typed(inner)?),
        "higher" => {
            Test::Higher(not_empty(typed(inner)?, inner, "than", |test: &Higher| test.than.len(), 1)?)
        }
        "lower" => Test::Lower(not_empty(typed(inner)?, inner, "than", |test: &Higher| test.than.len(), 1)?),
        "gain" => Test::Gain(typed(inner)?),
        "best" => Test::Best(not_empty(typed(inner)?, inner, "among", |test: &Best| test.among.len(), 1)?),
        "order" => Test::Order(not_empty(
            typed(inner)?,
            inner,
            "highest_first",
            |test: &Order| test.highest_first.len(),
            2,
        )?),
        "equivalent" => Test::Equivalent(typed(inner)?),
        "steadier" => Test::Steadier(typed(inner)?),
        "wins" => {
            let wins: Wins = typed(inner)?;
            if wins.at_least == 0 || wins.at_least > wins.on.len() {
                let message = format!("expected a number from 1 to {}, the length of `on`", wins.on.len());
                return Err(inner.locate(&ConfigError::at("at_least", message)));
            }
            Test::Wins(wins)
        }
        "across" => Test::Across(not_empty(typed(inner)?, inner, "on", |test: &Across| test.on.len(), 2)?),
        "steadier_gains" => Test::SteadierGains(not_empty(
            typed(inner)?,
            inner,
            "on",
            |test: &SteadierGains| test.on.len(),
            3,
        )?),
        "all" => match &inner.data {
            Data::List(items) if !items.is_empty() => {
                Test::All(items.iter().map(test).collect::<Result<_, _>>()?)
            }
            _ => return Err(inner.locate(&ConfigError::at("", "`all`: expected a list of tests"))),
        },
        "untestable" => match inner.to_value() {
            Value::String(why) if !why.is_empty() => Test::Untestable(why),
            _ => {
                return Err(inner.locate(&ConfigError::at("", "`untestable`: expected a text that says why")));
            }
        },
        other => {
            let known = KINDS.map(str::to_owned).to_vec();
            return Err(node.locate(&ConfigError::unknown_key(other, known)));
        }
    })
}

fn typed<T: serde::de::DeserializeOwned + Serialize + Default>(node: &Node) -> Result<T, ExperimentError> {
    let value = node.to_value();
    // `from_value` fills in what is left out, so that a forgotten key would pass: serde itself is asked first.
    let strict: Result<T, _> = serde_json::from_value(value.clone());
    let read = from_value::<T>(&value).map_err(|error| node.locate(&error))?;
    strict.map_err(|error| node.locate(&ConfigError::at("", error.to_string())))?;
    Ok(read)
}

fn not_empty<T>(
    test: T,
    node: &Node,
    key: &str,
    length: impl Fn(&T) -> usize,
    least: usize,
) -> Result<T, ExperimentError> {
    if length(&test) < least {
        return Err(node.locate(&ConfigError::at(key, format!("expected a list of at least {least}"))));
    }
    Ok(test)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::claims::vocabulary::{On, Side};

    fn read_text(text: &str) -> ClaimsFile {
        let path = Path::new("claims.yaml");
        from_tree(path, &yaml::parse(text, path).unwrap())
    }

    const HEAD: &str = "# One\n# Two\ndefaults: {dataset: D, task: ner, metric: f1}\nclaims:\n";

    #[test]
    fn a_claim_takes_the_defaults_and_its_own() {
        let file = read_text(&format!(
            "{HEAD}- {{id: a, text: t, at: S, table: table2, metric: recall, test: {{gain: {{of: X, over: 81.2, by: 1}}}}}}\n\
             - id: b\n  text: t\n  at: S\n  table: table2\n  test:\n    best:\n      side: {{best_of: [P, Q], over: [{{dataset: E, task: gene}}, F]}}\n      among: [X, {{system: Y, published: true}}]\n"
        ));
        assert!(file.errors.is_empty(), "{:?}", file.errors);
        let [a, b] = &file.claims[..] else { panic!("two claims") };
        assert_eq!((a.scope.dataset.as_str(), a.scope.metric.as_str(), a.line()), ("D", "recall", 5));
        let Test::Gain(gain) = &a.test else { panic!("{:?}", a.test) };
        assert_eq!((&gain.over, gain.by, gain.tolerance), (&Side::Number(81.2), 1.0, None));
        let Test::Best(best) = &b.test else { panic!("{:?}", b.test) };
        let Side::Full(side) = &best.side else { panic!("{:?}", best.side) };
        assert_eq!(side.best_of, ["P", "Q"]);
        assert_eq!(side.over[0], On::Task { dataset: "E".into(), task: "gene".into() });
        assert!(matches!(&best.among[1], Side::Full(side) if side.published));
    }

    #[test]
    fn what_is_wrong_names_its_line_and_the_rest_is_read() {
        let claim = |id: &str, rest: &str| format!("- id: {id}\n  text: t\n  at: S\n  table: table2\n{rest}");
        let text = [
            HEAD.to_owned(),
            claim("good", "  test: {near: {side: X, value: 1}}\n"),
            claim("key", "  test: {near: {side: X, vale: 1}}\n"),
            claim("kind", "  test: {hihger: {side: X, than: [Y]}}\n"),
            claim("forgotten", "  test: {gain: {of: X, over: Y}}\n"),
            claim("empty", "  test: {higher: {side: X, than: []}}\n"),
            claim("two", "  test: {near: {side: X, value: 1}, equals: {side: X, value: 1}}\n"),
            claim("none", ""),
            claim("wins", "  test: {wins: {of: X, over: Y, on: [D], at_least: 2}}\n"),
            claim("side", "  test: {near: {side: {sytem: X}, value: 1}}\n"),
            claim("good", "  test: {untestable: private data}\n"),
            claim("last", "  test: {all: [{equals: {side: X, value: 3}}]}\n  tble: x\n"),
        ]
        .concat();
        let file = read_text(&text);
        assert_eq!(file.claims.len(), 1);
        let expected = [
            ("claims.yaml:14:", "did you mean `value`?"),
            ("claims.yaml:19:", "did you mean `higher`?"),
            ("claims.yaml:24:", "missing field `by`"),
            ("claims.yaml:29:", "at least 1"),
            ("claims.yaml:34:", "expected one of near"),
            ("claims.yaml:35:", "missing key; one of near"),
            ("claims.yaml:43:", "from 1 to 1"),
            ("claims.yaml:48:", "expected a system's name"),
            ("claims.yaml:49:", "stands on line 5 already"),
            ("claims.yaml:59:", "`tble`: unknown key; did you mean `table`?"),
        ];
        assert_eq!(file.errors.len(), expected.len(), "{:#?}", file.errors);
        for (error, (place, message)) in file.errors.iter().zip(expected) {
            assert!(
                error.starts_with(place) && error.contains(message),
                "{error}\nexpected {place} {message}"
            );
        }
    }

    #[test]
    fn a_file_without_claims_says_so() {
        assert!(read_text("defaults: {task: ner}\n").errors[0].contains("missing key"));
        assert!(read_text("defaluts: {}\n").errors[0].contains("did you mean `defaults`?"));
        assert!(read(Path::new("nowhere/claims.yaml")).errors[0].contains("nowhere"));
    }
}
