//! Reading a method's configuration: defaults filled in, unknown keys and wrong types refused by their dotted path.
//!
//! A method describes its configuration as a serde type whose `Default` is the paper's. [`canonical`] is then all
//! that its `check_config` needs for the shape; ranges are checked after it with [`ConfigError::at`].

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::nearest;

/// A configuration, or a part of one: what YAML and JSON have in common.
pub use serde_json::Value;

/// What is wrong with one key of a configuration. The caller adds the file and the line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}{}", key_of(.path), did_you_mean(.nearest.as_ref(), .known))]
pub struct ConfigError {
    /// Dotted path of the key: `optimizer.learning_rate`; empty for the whole.
    pub path: String,
    /// What is wrong and what was expected.
    pub message: String,
    /// The keys that stand at this place, when the key is unknown.
    pub known: Vec<String>,
    /// The known key that was probably meant.
    pub nearest: Option<String>,
}

fn key_of(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("`{path}`: ") }
}

fn did_you_mean(nearest: Option<&String>, known: &[String]) -> String {
    match (nearest, known) {
        (Some(near), _) => format!("; did you mean `{near}`?"),
        (None, []) => String::new(),
        (None, known) => format!("; known: {}", known.join(", ")),
    }
}

impl ConfigError {
    /// An error at a dotted path: `ConfigError::at("dropout", "expected a number from 0 to 1, found 3")`.
    pub fn at(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into(), known: Vec::new(), nearest: None }
    }

    /// A key that is not known, beside those that are.
    pub fn unknown_key(path: impl Into<String>, known: Vec<String>) -> Self {
        let path = path.into();
        let key = path.rsplit('.').next().unwrap_or(&path);
        Self { nearest: nearest(key, &known), message: "unknown key".to_owned(), path, known }
    }
}

/// Reads a configuration over the type's `Default`: keys that are left out keep their default, at every depth.
///
/// A map of a tagged enum (`kind: radam`) is taken as it stands when its `kind` (or `type`) is not the default's, so
/// that one variant's keys do not leak into another.
///
/// # Errors
/// The dotted path of the first key that is unknown (with the nearest known one) or has the wrong type.
pub fn from_value<T>(given: &Value) -> Result<T, ConfigError>
where
    T: DeserializeOwned + Serialize + Default,
{
    let default = to_value(&T::default())?;
    let whole = match given {
        Value::Null => default,
        Value::Object(_) => over(default, given),
        other => {
            let message = format!("expected keys and values, found {}", kind_of(other));
            return Err(ConfigError::at("", message));
        }
    };
    let read: T = serde_path_to_error::deserialize(&whole).map_err(|error| {
        let path = error.path().to_string();
        let path = if path == "." { String::new() } else { path };
        wrong(path, &error.into_inner().to_string())
    })?;
    // What serde passed over in silence does not come back when the value is written again.
    match ignored(given, &to_value(&read)?, "") {
        Some(error) => Err(error),
        None => Ok(read),
    }
}

/// [`from_value`], written back with every default.
///
/// # Errors
/// As [`from_value`].
pub fn canonical<T>(given: &Value) -> Result<Value, ConfigError>
where
    T: DeserializeOwned + Serialize + Default,
{
    to_value(&from_value::<T>(given)?)
}

/// What a canonical configuration has other than the default one, at every depth: what the hash of a cell covers.
///
/// A key that stands at its default is left out, so that a configuration which gains a key stays what it was. Arrays
/// are taken whole, and so is the map of a tagged enum (`kind` or `type`) of another variant than the default's. A key
/// that the default has and the configuration has not is `null`.
pub fn difference(config: &Value, default: &Value) -> Value {
    fn of(config: &Value, default: &Value) -> Option<Value> {
        if config == default {
            return None;
        }
        let (Value::Object(new), Value::Object(old)) = (config, default) else { return Some(config.clone()) };
        if other_variant(old, new) {
            return Some(config.clone());
        }
        let changed = new.iter().filter_map(|(key, value)| {
            let value = old.get(key).map_or_else(|| Some(value.clone()), |old| of(value, old))?;
            Some((key.clone(), value))
        });
        let gone = old.iter().filter(|(key, value)| !new.contains_key(*key) && !value.is_null());
        Some(changed.chain(gone.map(|(key, _)| (key.clone(), Value::Null))).collect())
    }
    of(config, default).unwrap_or_else(|| Value::Object(serde_json::Map::new()))
}

/// What `given` sets to another value than the default of `T`: [`difference`] from `T`'s own.
///
/// # Errors
/// What [`from_value`] refuses.
pub fn changed<T>(given: &Value) -> Result<Value, ConfigError>
where
    T: DeserializeOwned + Serialize + Default,
{
    Ok(difference(&canonical::<T>(given)?, &canonical::<T>(&Value::Null)?))
}

/// The value at a dotted key, `training.epochs`.
pub fn at_key<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    key.split('.').try_fold(value, |value, part| value.get(part))
}

/// Refuses the first of `keys` that stands in `changed` (a [`difference`]), with what is said of it.
///
/// # Errors
/// That key.
pub fn refuse<'k>(
    changed: &Value,
    keys: impl IntoIterator<Item = (&'k str, &'k str)>,
) -> Result<(), ConfigError> {
    match keys.into_iter().find(|(key, _)| at_key(changed, key).is_some()) {
        Some((key, said)) => Err(ConfigError::at(key, said)),
        None => Ok(()),
    }
}

/// True where every value of a difference stands in the configuration it was taken from.
pub(crate) fn holds(config: &Value, changed: &Value) -> bool {
    match (config, changed) {
        (Value::Object(config), Value::Object(changed)) => {
            changed.iter().all(|(key, value)| holds(config.get(key).unwrap_or(&Value::Null), value))
        }
        (config, changed) => config == changed,
    }
}

fn to_value<T: Serialize>(value: &T) -> Result<Value, ConfigError> {
    serde_json::to_value(value)
        .map_err(|error| ConfigError::at("", format!("cannot be written as YAML or JSON: {error}")))
}

/// True where two maps are different variants of a tagged enum.
fn other_variant(old: &serde_json::Map<String, Value>, new: &serde_json::Map<String, Value>) -> bool {
    ["kind", "type"].iter().any(|tag| match (old.get(*tag), new.get(*tag)) {
        (Some(old), Some(new)) => old.is_string() && old != new,
        _ => false,
    })
}

/// `given` laid over `base`, map by map.
fn over(base: Value, given: &Value) -> Value {
    let (Value::Object(mut base), Value::Object(new)) = (base, given) else {
        return given.clone();
    };
    if other_variant(&base, new) {
        return given.clone();
    }
    for (key, value) in new {
        let merged = match base.remove(key) {
            Some(old) => over(old, value),
            None => value.clone(),
        };
        base.insert(key.clone(), merged);
    }
    Value::Object(base)
}

/// serde's own message, with the unknown key or the path where it stands.
fn wrong(path: String, message: &str) -> ConfigError {
    let quoted: Vec<String> = message.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    if message.starts_with("unknown field") && !quoted.is_empty() {
        let key = &quoted[0];
        let parent = path.strip_suffix(key.as_str()).unwrap_or(&path).trim_end_matches('.');
        let path = if parent.is_empty() { key.clone() } else { format!("{parent}.{key}") };
        return ConfigError::unknown_key(path, quoted[1..].to_vec());
    }
    if message.starts_with("unknown variant") && !quoted.is_empty() {
        let known = quoted[1..].to_vec();
        return ConfigError {
            path,
            message: format!("unknown value `{}`", quoted[0]),
            nearest: nearest(&quoted[0], &known),
            known,
        };
    }
    let message =
        message.replace("invalid type: ", "wrong type: ").replace("invalid value: ", "wrong value: ");
    ConfigError::at(path, in_words(&message))
}

/// serde names what it expected by the type's name in the program.
fn in_words(message: &str) -> String {
    let Some((found, expected)) = message.rsplit_once("expected ") else { return message.to_owned() };
    let words = match expected {
        "usize" | "u8" | "u16" | "u32" | "u64" => "a whole number of 0 or more",
        "isize" | "i8" | "i16" | "i32" | "i64" => "a whole number",
        "f32" | "f64" => "a number",
        _ if expected.starts_with("struct ") => "keys and values (the program's `config` prints them)",
        other => other,
    };
    format!("{found}expected {words}")
}

/// The first key of `given` that `read` does not have. Nulls are fine: they stand for "left out".
fn ignored(given: &Value, read: &Value, path: &str) -> Option<ConfigError> {
    match (given, read) {
        (Value::Object(given), Value::Object(read)) => given.iter().find_map(|(key, value)| {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            match read.get(key) {
                Some(inner) => ignored(value, inner, &path),
                None if value.is_null() => None,
                None => Some(ConfigError::unknown_key(path, read.keys().cloned().collect())),
            }
        }),
        (Value::Array(given), Value::Array(read)) => given
            .iter()
            .zip(read)
            .enumerate()
            .find_map(|(at, (given, read))| ignored(given, read, &format!("{path}[{at}]"))),
        _ => None,
    }
}

/// The word for a value's type in messages.
pub(crate) fn kind_of(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(b) => format!("`{b}`"),
        Value::Number(n) => format!("the number {n}"),
        Value::String(s) => format!("the text `{s}`"),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "keys and values".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde::Deserialize;
    use serde_json::json;
    use std::collections::BTreeMap;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "kind", rename_all = "lowercase")]
    enum Optimizer {
        Adam { learning_rate: f64 },
        Lookahead { k: u32, alpha: f64 },
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Inner {
        width: usize,
        dropout: f64,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Sample {
        inner: Inner,
        optimizer: Optimizer,
        encoder: Option<String>,
        rates: Vec<f64>,
        weights: BTreeMap<String, f64>,
    }

    impl Default for Sample {
        fn default() -> Self {
            Self {
                inner: Inner { width: 100, dropout: 0.5 },
                optimizer: Optimizer::Adam { learning_rate: 1e-3 },
                encoder: None,
                rates: vec![1.0],
                weights: BTreeMap::new(),
            }
        }
    }

    #[test]
    fn what_is_left_out_keeps_its_default() {
        let read: Sample = from_value(&json!({"inner": {"width": 7}, "weights": {"a": 1}})).unwrap();
        assert_eq!(read.inner, Inner { width: 7, dropout: 0.5 });
        assert_eq!(read.weights["a"], 1.0);
        assert_eq!(from_value::<Sample>(&Value::Null).unwrap(), Sample::default());
        let canonical = canonical::<Sample>(&json!({"inner": {"dropout": 0}})).unwrap();
        assert_eq!(canonical["inner"], json!({"width": 100, "dropout": 0.0}));
        assert_eq!(canonical["encoder"], Value::Null);
    }

    #[test]
    fn another_variant_stands_alone() {
        let read: Sample =
            from_value(&json!({"optimizer": {"kind": "lookahead", "k": 5, "alpha": 0.5}})).unwrap();
        assert_eq!(read.optimizer, Optimizer::Lookahead { k: 5, alpha: 0.5 });
        let read: Sample = from_value(&json!({"optimizer": {"learning_rate": 0.1}})).unwrap();
        assert_eq!(read.optimizer, Optimizer::Adam { learning_rate: 0.1 });
    }

    #[test]
    fn unknown_keys_name_the_nearest() {
        let error = from_value::<Sample>(&json!({"inner": {"droput": 0.1}})).unwrap_err();
        assert_eq!(error.to_string(), "`inner.droput`: unknown key; did you mean `dropout`?");
        let error = from_value::<Sample>(&json!({"zzz": 1})).unwrap_err();
        assert!(error.to_string().ends_with("known: encoder, inner, optimizer, rates, weights"), "{error}");
        let error = from_value::<Sample>(
            &json!({"optimizer": {"kind": "lookahead", "k": 5, "alpha": 0.5, "learning_rate": 1}}),
        )
        .unwrap_err();
        assert_eq!(error.path, "optimizer.learning_rate");
    }

    #[test]
    fn wrong_types_and_variants_name_the_path() {
        let error = from_value::<Sample>(&json!({"inner": {"width": "wide"}})).unwrap_err();
        assert_eq!(error.path, "inner.width");
        assert!(
            error.message.contains("wrong type: string \"wide\", expected a whole number of 0 or more"),
            "{error}"
        );
        let error = from_value::<Sample>(&json!({"inner": 3})).unwrap_err();
        assert!(error.message.contains("expected keys and values"), "{error}");
        let error = from_value::<Sample>(&json!({"rates": [1, "x"]})).unwrap_err();
        assert_eq!(error.path, "rates[1]");
        let error = from_value::<Sample>(&json!({"optimizer": {"kind": "adm"}})).unwrap_err();
        assert_eq!(error.nearest.as_deref(), Some("adam"), "{error}");
        let error = from_value::<Sample>(&json!([1])).unwrap_err();
        assert!(error.to_string().contains("expected keys and values"), "{error}");
    }

    #[test]
    fn only_what_is_not_the_default_is_a_difference() {
        let default = json!({
            "a": 1, "deep": {"b": 2.0, "c": {"d": null}}, "list": [1, 2],
            "optimizer": {"kind": "adam", "learning_rate": 0.1}, "some": 5, "none": null,
        });
        assert_eq!(difference(&default, &default), json!({}));
        let mut config = default.clone();
        config["deep"]["c"]["d"] = 4.into();
        config["list"] = json!([1]);
        config["optimizer"] = json!({"kind": "lookahead", "learning_rate": 0.1, "k": 5});
        config.as_object_mut().unwrap().retain(|key, _| key != "some" && key != "none");
        let expected = json!({
            "deep": {"c": {"d": 4}}, "list": [1], "some": null,
            "optimizer": {"kind": "lookahead", "learning_rate": 0.1, "k": 5},
        });
        let changed = difference(&config, &default);
        assert_eq!(changed, expected);
        assert!(holds(&config, &changed) && !holds(&default, &changed));
        // The default's variant with another value: its other keys stay out.
        config["optimizer"] = json!({"kind": "adam", "learning_rate": 0.2});
        assert_eq!(difference(&config, &default)["optimizer"], json!({"learning_rate": 0.2}));
        assert_eq!(difference(&json!({"a": {"x": 1}}), &json!({"a": null})), json!({"a": {"x": 1}}));
    }
}
