//! YAML with places: every value knows the file, line and column it comes from, through merges, so that an error
//! found late (by a method, about one key) still names the line to mend.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use marked_yaml::types::Node as Marked;
use serde::Deserialize as _;

use crate::config::{ConfigError, Value};
use crate::error::{ExperimentError, Result};

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a file.
    File {
        /// As the user may open it.
        path: Arc<Path>,
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
    },
    /// On the command line, for example `--set dropout=0.1`.
    CommandLine(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
            Self::CommandLine(text) => f.write_str(text),
        }
    }
}

impl Place {
    /// True for a flag.
    pub fn is_command_line(&self) -> bool {
        matches!(self, Self::CommandLine(_))
    }
}

/// A YAML value and where it stands.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it was written; for a map, where its first key stands.
    pub place: Place,
    /// The value.
    pub data: Data,
}

/// The value of a [`Node`].
#[derive(Clone, Debug)]
pub enum Data {
    /// Null, boolean, number or text.
    Scalar(Value),
    /// A list.
    List(Vec<Node>),
    /// Keys, with the place of each key.
    Map(BTreeMap<String, (Place, Node)>),
}

impl Node {
    /// An empty map.
    pub fn empty(place: Place) -> Self {
        Self { place, data: Data::Map(BTreeMap::new()) }
    }

    /// A scalar, list or map that was given by a flag.
    pub fn from_flag(value: &Value, flag: &str) -> Self {
        let place = Place::CommandLine(flag.to_owned());
        let data = match value {
            Value::Object(map) => Data::Map(
                map.iter()
                    .map(|(key, inner)| (key.clone(), (place.clone(), Self::from_flag(inner, flag))))
                    .collect(),
            ),
            Value::Array(items) => Data::List(items.iter().map(|item| Self::from_flag(item, flag)).collect()),
            scalar => Data::Scalar(scalar.clone()),
        };
        Self { place, data }
    }

    /// The value without its places.
    pub fn to_value(&self) -> Value {
        match &self.data {
            Data::Scalar(value) => value.clone(),
            Data::List(items) => Value::Array(items.iter().map(Self::to_value).collect()),
            Data::Map(map) => {
                Value::Object(map.iter().map(|(key, (_, node))| (key.clone(), node.to_value())).collect())
            }
        }
    }

    /// Lays `other` over this value: maps key by key, everything else replaced whole.
    pub fn merge(&mut self, other: &Self) {
        match (&mut self.data, &other.data) {
            (Data::Map(mine), Data::Map(theirs)) => {
                for (key, (place, node)) in theirs {
                    match mine.get_mut(key) {
                        Some((old_place, old)) => {
                            *old_place = place.clone();
                            old.merge(node);
                        }
                        None => {
                            mine.insert(key.clone(), (place.clone(), node.clone()));
                        }
                    }
                }
            }
            _ => *self = other.clone(),
        }
    }

    /// The place of a dotted path (`a.b[2].c`), or of the deepest part of it that is written.
    pub fn place_of(&self, path: &str) -> Place {
        let mut place = &self.place;
        let mut node = self;
        let mut rest = path;
        while !rest.is_empty() {
            match &node.data {
                Data::Map(map) => {
                    // Names of systems contain dots (`MTL-LS@0.25`): the longest key that fits is the one meant.
                    let fits = |key: &str| {
                        let after = rest.strip_prefix(key)?;
                        (after.is_empty() || after.starts_with(['.', '['])).then_some(after)
                    };
                    let longest =
                        map.iter().filter(|(key, _)| fits(key).is_some()).max_by_key(|(key, _)| key.len());
                    let Some((key, (key_place, inner))) = longest else { break };
                    rest = fits(key).unwrap_or_default().trim_start_matches('.');
                    (place, node) = (key_place, inner);
                }
                Data::List(items) => {
                    let Some((at, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'))
                    else {
                        break;
                    };
                    let Some(inner) = at.parse::<usize>().ok().and_then(|at| items.get(at)) else { break };
                    rest = after.trim_start_matches('.');
                    (place, node) = (&inner.place, inner);
                }
                Data::Scalar(_) => break,
            }
        }
        place.clone()
    }

    /// The value of a key of this map.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.data {
            Data::Map(map) => map.get(key).map(|(_, node)| node),
            _ => None,
        }
    }

    /// The keys of this map in the order in which they were written, in one file: of a map that was merged from several,
    /// lines say nothing about the order.
    pub fn keys_as_written(&self) -> Vec<&str> {
        let Data::Map(map) = &self.data else {
            return Vec::new();
        };
        let mut keys: Vec<_> = map
            .iter()
            .map(|(key, (place, _))| match place {
                Place::File { line, column, .. } => (*line, *column, key.as_str()),
                Place::CommandLine(_) => (usize::MAX, 0, key.as_str()),
            })
            .collect();
        keys.sort_unstable();
        keys.into_iter().map(|(.., key)| key).collect()
    }

    /// A method's complaint about one key, at the line where that key was written.
    pub fn locate(&self, error: &ConfigError) -> ExperimentError {
        ExperimentError::schema(self.place_of(&error.path), error.to_string())
    }
}

/// Reads a file whose top level is keys and values.
///
/// # Errors
/// Anything that is not YAML, duplicate keys, anchors and tags (a table's file says what it says where it says it),
/// numbers that are not finite: all with line and column.
pub fn read(path: &Path) -> Result<Node> {
    let text = std::fs::read_to_string(path).map_err(ExperimentError::io("read", path))?;
    parse(&text, path)
}

/// [`read`] on a text; `path` is for messages.
///
/// # Errors
/// As [`read`].
pub fn parse(text: &str, path: &Path) -> Result<Node> {
    let path: Arc<Path> = Arc::from(path);
    let at = |line, column| Place::File { path: Arc::clone(&path), line, column };
    let options = marked_yaml::LoaderOptions::default().error_on_duplicate_keys(true).prevent_coercion(true);
    let marked =
        marked_yaml::parse_yaml_with_options(0, text, options).map_err(|error| load_error(&error, &at))?;
    // Not by counting them all: after an error this iterator gives the same error for ever.
    if let Some(second) = serde_yaml::Deserializer::from_str(text).nth(1) {
        let line = 1 + text.lines().skip(1).position(|line| line.starts_with("---")).map_or(0, |at| at + 1);
        return Err(match serde_yaml::Value::deserialize(second) {
            Ok(_) => {
                ExperimentError::schema(at(line, 1), "a second document starts here; one file holds one")
            }
            Err(error) => {
                let (line, column) = error.location().map_or((line, 1), |l| (l.line(), l.column()));
                let message =
                    "something follows after the end of the keys and values (a `}` too many, or JSON lines?)";
                ExperimentError::schema(at(line, column), message)
            }
        });
    }
    let Some(map) = marked.as_mapping() else {
        return Err(ExperimentError::schema(at(1, 1), "expected keys and values at the top level"));
    };
    if map.is_empty() {
        return Err(ExperimentError::schema(at(1, 1), "the file is empty; expected keys and values"));
    }
    convert(&marked, &path)
}

fn convert(marked: &Marked, path: &Arc<Path>) -> Result<Node> {
    let place_of = |span: &marked_yaml::Span| {
        let (line, column) = span.start().map_or((1, 1), |mark| (mark.line(), mark.column()));
        Place::File { path: Arc::clone(path), line, column }
    };
    let mut place = place_of(marked.span());
    let data = match marked {
        Marked::Scalar(scalar) => Data::Scalar(if scalar.may_coerce() {
            plain(scalar.as_str()).map_err(|message| ExperimentError::schema(place.clone(), message))?
        } else {
            Value::String(scalar.as_str().to_owned())
        }),
        Marked::Sequence(items) => {
            Data::List(items.iter().map(|item| convert(item, path)).collect::<Result<_>>()?)
        }
        Marked::Mapping(map) => {
            let mut out = BTreeMap::new();
            for (at, (key, value)) in map.iter().enumerate() {
                let key_place = place_of(key.span());
                if at == 0 {
                    place = key_place.clone();
                }
                let key = key.as_str();
                if key.is_empty() || key == "<<" {
                    let message =
                        format!("`{key}` cannot be a key; merge keys are not read, use `base: FILE`");
                    return Err(ExperimentError::schema(key_place, message));
                }
                out.insert(key.to_owned(), (key_place, convert(value, path)?));
            }
            Data::Map(out)
        }
    };
    Ok(Node { place, data })
}

/// A scalar without quotes, as serde_yaml reads it.
pub(crate) fn plain(text: &str) -> Result<Value, String> {
    match serde_yaml::from_str::<serde_yaml::Value>(text) {
        Ok(serde_yaml::Value::Null) => Ok(Value::Null),
        Ok(serde_yaml::Value::Bool(b)) => Ok(Value::Bool(b)),
        Ok(serde_yaml::Value::Number(number)) => {
            let json = if let Some(n) = number.as_u64() {
                Some(n.into())
            } else if let Some(n) = number.as_i64() {
                Some(n.into())
            } else {
                number.as_f64().and_then(serde_json::Number::from_f64)
            };
            json.map(Value::Number).ok_or_else(|| format!("expected a finite number, found `{text}`"))
        }
        // A plain scalar of the larger document: `a: b` cannot be one, so anything else is text.
        _ => Ok(Value::String(text.to_owned())),
    }
}

fn load_error(error: &marked_yaml::LoadError, at: &dyn Fn(usize, usize) -> Place) -> ExperimentError {
    use marked_yaml::LoadError as E;
    let (mark, message) = match error {
        E::TopLevelMustBeMapping(mark) | E::TopLevelMustBeSequence(mark) => {
            (Some(*mark), "expected keys and values at the top level".to_owned())
        }
        E::UnexpectedAnchor(mark) => (
            Some(*mark),
            "anchors are not read; put what tables share into a file of its own and name it with `base:`"
                .to_owned(),
        ),
        E::MappingKeyMustBeScalar(mark) => (Some(*mark), "expected a plain key".to_owned()),
        E::UnexpectedTag(mark) => {
            (Some(*mark), "tags (`!name`) are not read; write the plain value".to_owned())
        }
        E::ScanError(mark, error) => (Some(*mark), format!("not YAML: {error}")),
        E::DuplicateKey(inner) => (
            inner.key.span().start().copied(),
            format!("the key `{}` stands twice in the same map; keep one", inner.key.as_str()),
        ),
    };
    let (line, column) = mark.map_or((1, 1), |mark| (mark.line(), mark.column()));
    ExperimentError::schema(at(line, column), message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn node(text: &str) -> Node {
        parse(text, Path::new("t.yaml")).unwrap()
    }

    fn failure(text: &str) -> String {
        parse(text, Path::new("t.yaml")).unwrap_err().to_string()
    }

    /// Of what comes after the first document the parser must not be asked for ever.
    #[test]
    fn what_follows_the_keys_and_values_is_refused() {
        for (text, line) in
            [("{a: 1}\nb: 2\n", 2), ("{a: 1} x\n", 1), ("{\"a\": 1}\n{\"a\": 2}\n{\"a\": 3}\n", 2)]
        {
            let error = parse(text, Path::new("y.yaml")).unwrap_err().to_string();
            assert!(
                error.contains(&format!("y.yaml:{line}:")) && error.contains("follows"),
                "{text}: {error}"
            );
        }
        let error = parse("a: 1\n---\na: 2\n", Path::new("y.yaml")).unwrap_err().to_string();
        assert!(error.contains("y.yaml:2:1") && error.contains("second document"), "{error}");
    }

    #[test]
    fn scalars_have_their_types() {
        let text = "a: 1\nb: 3e-5\nc: '3'\nd: true\ne: null\nf: [1.5, x y, -2]\ng: {h: \"true\"}\ni: 1e-3\nj: ~\nk: 疾病\n";
        assert_eq!(
            node(text).to_value(),
            json!({"a": 1, "b": 3e-5, "c": "3", "d": true, "e": null, "f": [1.5, "x y", -2],
                   "g": {"h": "true"}, "i": 1e-3, "j": null, "k": "疾病"})
        );
    }

    #[test]
    fn a_merge_keeps_the_line_of_what_won() {
        let mut one = node("a: 1\nb:\n  c: 2\n  d: [1, 2]\n");
        let two = parse("b:\n  d: [3]\n", Path::new("u.yaml")).unwrap();
        one.merge(&two);
        one.merge(&Node::from_flag(&json!({"e": 5}), "--set e=5"));
        assert_eq!(one.to_value(), json!({"a": 1, "b": {"c": 2, "d": [3]}, "e": 5}));
        assert_eq!(one.place_of("b.c").to_string(), "t.yaml:3:3");
        assert_eq!(one.place_of("b.d[0]").to_string(), "u.yaml:2:7");
        assert_eq!(one.place_of("b.c.deeper").to_string(), "t.yaml:3:3");
        assert_eq!(one.place_of("e").to_string(), "--set e=5");
        let dotted = node("s:\n  LS@0.25:\n    x: 1\n  LS@0:\n    x: 2\n");
        assert_eq!(dotted.place_of("s.LS@0.25.x").to_string(), "t.yaml:3:5");
        assert_eq!(dotted.place_of("s.LS@0.x").to_string(), "t.yaml:5:5");
        assert_eq!(dotted.get("s").unwrap().keys_as_written(), ["LS@0.25", "LS@0"]);
    }

    #[test]
    fn what_is_not_read_names_its_line() {
        assert!(failure("a: 1\nb: 2\na: 3\n").starts_with("t.yaml:3:1: the key `a` stands twice"));
        assert!(failure("a: 1\nb: [1, 2\nc: 3\n").contains("t.yaml:3:"));
        assert!(failure("a: &x 1\n").contains("base:"));
        assert!(failure("a: 1\nb: .nan\n").starts_with("t.yaml:2:4: expected a finite number"));
        assert!(failure("- 1\n").starts_with("t.yaml:1:"));
        assert!(failure("hello\n").contains("t.yaml:1:1"));
        assert!(failure("a: 1\n---\nb: 2\n").starts_with("t.yaml:2:1: a second document"));
        assert!(failure("").contains("empty") || failure("").contains("top level"));
        assert!(failure("a:\n  <<: b\n").contains("base: FILE"));
    }
}
