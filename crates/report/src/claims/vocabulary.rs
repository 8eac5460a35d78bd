//! The words of a claim's test: sides, and what is said of them. [`super::file`] reads them.

use serde::{Deserialize, Serialize};

/// Table, data set, task and metric that a side takes where it names none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scope {
    /// Table or figure; a name of the published numbers or of a table's YAML.
    pub table: String,
    /// Data set, as printed.
    pub dataset: String,
    /// Task or entity type.
    pub task: String,
    /// Metric, as the paper calls it.
    pub metric: String,
    /// Where our runs show it, in place of these.
    pub here: Here,
}

/// Names of our runs in place of the paper's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Here {
    /// Table.
    pub table: Option<String>,
    /// Data set.
    pub dataset: Option<String>,
    /// Task.
    pub task: Option<String>,
    /// Metric.
    pub metric: Option<String>,
}

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a system's name, a number, or {system, table, dataset, task, metric, best_of, over, published, curve}"
)]
pub enum Side {
    /// A number that stands for itself.
    Number(f64),
    /// A system.
    System(String),
    /// Anything else.
    Full(Box<FullSide>),
}

/// The long form of [`Side`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FullSide {
    /// The row.
    pub system: Option<String>,
    /// In place of the claim's table.
    pub table: Option<String>,
    /// In place of the claim's data set.
    pub dataset: Option<String>,
    /// In place of the claim's task.
    pub task: Option<String>,
    /// In place of the claim's metric.
    pub metric: Option<String>,
    /// The system of these that has the highest mean.
    pub best_of: Vec<String>,
    /// The mean over these.
    pub over: Vec<On>,
    /// The printed number in place of our runs'.
    pub published: bool,
    /// A point of the runs' curve in place of a score.
    pub curve: Option<CurvePoint>,
}

/// A data set, or one of its tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a data set's name or {dataset: NAME, task: NAME}")]
pub enum On {
    /// The claim's task on this data set.
    Dataset(String),
    /// Another task.
    Task {
        /// Data set.
        dataset: String,
        /// Task or entity type.
        task: String,
    },
}

/// A point of a curve.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CurvePoint {
    /// The curve's name in the runs.
    pub name: String,
    /// The column to read.
    pub column: String,
    /// The row whose first column is this.
    pub at: Option<f64>,
    /// All rows, taken together.
    pub take: Option<Take>,
}

/// How the rows of a curve become one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Take {
    /// The last row.
    Last,
    /// The greatest value.
    Max,
    /// The smallest value.
    Min,
    /// The mean: the area under a curve whose rows are equally far apart.
    Mean,
}

/// What a claim is tested by; see the module's head.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// The mean is near a value.
    Near(Near),
    /// Exactly a value.
    Equals(Equals),
    /// Above each of others.
    Higher(Higher),
    /// Below each of others.
    Lower(Higher),
    /// Above by about so much.
    Gain(Gain),
    /// The best of a list.
    Best(Best),
    /// Each above the next.
    Order(Order),
    /// As good as.
    Equivalent(Equivalent),
    /// A smaller spread.
    Steadier(Steadier),
    /// Above on so many data sets.
    Wins(Wins),
    /// Above in the mean over data sets.
    Across(Across),
    /// Gains that differ less from data set to data set.
    SteadierGains(SteadierGains),
    /// All of these.
    All(Vec<Test>),
    /// No run here can show it.
    Untestable(String),
}

impl Test {
    /// Every side that the test names.
    pub fn sides(&self) -> Vec<&Side> {
        match self {
            Self::Near(test) => vec![&test.side],
            Self::Equals(test) => vec![&test.side],
            Self::Higher(test) | Self::Lower(test) => std::iter::once(&test.side).chain(&test.than).collect(),
            Self::Gain(test) => vec![&test.of, &test.over],
            Self::Best(test) => std::iter::once(&test.side).chain(&test.among).collect(),
            Self::Order(test) => test.highest_first.iter().collect(),
            Self::Equivalent(test) => vec![&test.one, &test.two],
            Self::Steadier(test) => vec![&test.side, &test.than],
            Self::Wins(test) => vec![&test.of, &test.over],
            Self::Across(test) => vec![&test.of, &test.over],
            Self::SteadierGains(test) => vec![&test.of, &test.than, &test.over],
            Self::All(tests) => tests.iter().flat_map(Self::sides).collect(),
            Self::Untestable(_) => Vec::new(),
        }
    }

    /// Every data set and task that the test goes through.
    pub fn places(&self) -> Vec<&On> {
        match self {
            Self::Wins(test) => test.on.iter().collect(),
            Self::Across(test) => test.on.iter().collect(),
            Self::SteadierGains(test) => test.on.iter().collect(),
            Self::All(tests) => tests.iter().flat_map(Self::places).collect(),
            _ => Vec::new(),
        }
    }
}

/// [`Test::Near`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Near {
    /// What is measured.
    pub side: Side,
    /// The value.
    pub value: f64,
    /// How far is near; left out: the table's tolerance.
    #[serde(default)]
    pub tolerance: Option<f64>,
}

/// [`Test::Equals`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Equals {
    /// What is counted.
    pub side: Side,
    /// The count.
    pub value: f64,
}

/// [`Test::Higher`] and [`Test::Lower`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Higher {
    /// The one side.
    pub side: Side,
    /// The others.
    pub than: Vec<Side>,
}

/// [`Test::Gain`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gain {
    /// The better side.
    pub of: Side,
    /// The other.
    pub over: Side,
    /// The claimed difference; negative for a loss.
    pub by: f64,
    /// How far from it is still about as much.
    #[serde(default)]
    pub tolerance: Option<f64>,
}

/// [`Test::Best`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Best {
    /// The one side.
    pub side: Side,
    /// The others.
    pub among: Vec<Side>,
    /// The lowest in place of the highest.
    #[serde(default)]
    pub lowest: bool,
}

/// [`Test::Order`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// The sides, the highest first.
    pub highest_first: Vec<Side>,
}

/// [`Test::Equivalent`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Equivalent {
    /// One side.
    pub one: Side,
    /// The other.
    pub two: Side,
    /// How far apart they may be.
    pub within: f64,
}

/// [`Test::Steadier`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Steadier {
    /// The steadier side.
    pub side: Side,
    /// The other.
    pub than: Side,
}

/// [`Test::Wins`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wins {
    /// The better side.
    pub of: Side,
    /// The other.
    pub over: Side,
    /// Where they are compared.
    pub on: Vec<On>,
    /// On how many of these it must be better.
    pub at_least: usize,
}

/// [`Test::Across`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Across {
    /// The better side.
    pub of: Side,
    /// The other.
    pub over: Side,
    /// The data sets over which the mean is taken.
    pub on: Vec<On>,
}

/// [`Test::SteadierGains`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SteadierGains {
    /// The side whose gains are steadier.
    pub of: Side,
    /// The other.
    pub than: Side,
    /// What both gain on.
    pub over: Side,
    /// The data sets between which gains differ.
    pub on: Vec<On>,
}

impl Default for Side {
    fn default() -> Self {
        Self::System(String::new())
    }
}
