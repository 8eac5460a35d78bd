//! How a run's configuration stands to what a table's YAML sets for a row.
//!
//! They are not equal: the method fills in its defaults, puts what a job does not read back at its default, and derives
//! keys of its own. A record says what differs from the defaults ([`Cell::changed`]), and that tells such a key from one
//! with another value.
//!
//! [`Cell::changed`]: medner_experiment::Cell::changed

use std::collections::BTreeSet;

use medner_experiment::Value;

/// How well they fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fit {
    /// Dotted keys of values that the YAML sets and the run has at the method's default: its job does not read them.
    pub unread: BTreeSet<String>,
    /// Values other than the default's that the YAML does not set: the method derived them.
    pub unexplained: usize,
}

impl Fit {
    /// The smaller, the better.
    pub fn rank(&self) -> (usize, usize) {
        (self.unread.len(), self.unexplained)
    }

    /// Whether two rows of a table, of which a run fits the one like this and the other like that, are one cell for this run: what
    /// they set otherwise the run does not read, and the rest of the YAML explains all of it.
    pub fn is_one_cell_with(&self, other: &Self) -> bool {
        self == other && self.unexplained == 0
    }
}

/// Compares what the YAML sets with a run's configuration and its difference from the defaults.
///
/// # Errors
/// The dotted key of a value that the run has otherwise, and not at its default: the run is another's.
pub fn fit(wanted: &Value, config: &Value, changed: &Value) -> Result<Fit, String> {
    let mut unread = BTreeSet::new();
    compare(wanted, config, Some(changed), "", &mut unread)?;
    Ok(Fit { unread, unexplained: unexplained(wanted, changed) })
}

fn compare(
    wanted: &Value,
    config: &Value,
    changed: Option<&Value>,
    key: &str,
    unread: &mut BTreeSet<String>,
) -> Result<(), String> {
    if let Value::Object(map) = wanted
        && changed.is_none_or(Value::is_object)
    {
        return map.iter().try_for_each(|(name, value)| {
            let key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
            let config = config.get(name).unwrap_or(&Value::Null);
            compare(value, config, changed.and_then(|changed| changed.get(name)), &key, unread)
        });
    }
    if holds(config, wanted) {
        return Ok(());
    }
    if changed.is_some() {
        return Err(key.to_owned());
    }
    unread.insert(key.to_owned());
    Ok(())
}

/// True where every value that `wanted` sets stands in the configuration; 1 and 1.0 are the same.
fn holds(config: &Value, wanted: &Value) -> bool {
    match (config, wanted) {
        (Value::Object(config), Value::Object(wanted)) => {
            wanted.iter().all(|(key, value)| holds(config.get(key).unwrap_or(&Value::Null), value))
        }
        (Value::Array(config), Value::Array(wanted)) => {
            config.len() == wanted.len() && config.iter().zip(wanted).all(|(a, b)| holds(a, b))
        }
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (config, wanted) => config == wanted,
    }
}

/// The changed values of which `wanted` says nothing.
fn unexplained(wanted: &Value, changed: &Value) -> usize {
    let Value::Object(changed) = changed else {
        return usize::from(wanted.is_null() && !changed.is_null());
    };
    let variant = |value: &Value| {
        ["kind", "type"].iter().find_map(|tag| value.get(*tag).filter(|value| value.is_string()).cloned())
    };
    // Another variant than the default's is recorded whole, with its own defaults.
    let own = ["kind", "type"].iter().find_map(|tag| changed.get(*tag).filter(|value| value.is_string()));
    if own.is_some() && own == variant(wanted).as_ref() {
        return 0;
    }
    changed.iter().map(|(key, value)| unexplained(wanted.get(key).unwrap_or(&Value::Null), value)).sum()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn a_run_fits_what_the_yaml_sets() {
        let config = json!({"model": {"heads": 4.0, "encoder": "idcnn"}, "epochs": 25, "list": [1, 2]});
        let changed = json!({"model": {"encoder": "idcnn"}, "list": [1, 2]});
        let of = |wanted: Value| fit(&wanted, &config, &changed);
        let fits = |unread: &[&str], unexplained| {
            Ok(Fit { unread: unread.iter().map(ToString::to_string).collect(), unexplained })
        };
        let whole = json!({"model": {"heads": 4, "encoder": "idcnn"}, "list": [1.0, 2]});
        assert_eq!(of(whole), fits(&[], 0));
        assert_eq!(of(json!({"model": {"encoder": "idcnn"}})), fits(&[], 1));
        assert_eq!(of(json!({})), fits(&[], 2));
        // At its default: the job does not read it.
        let unread = json!({"model": {"heads": 0, "encoder": "idcnn"}, "list": [1, 2], "epochs": 3});
        assert_eq!(of(unread), fits(&["epochs", "model.heads"], 0));
        // With another value than that: another run.
        assert_eq!(of(json!({"model": {"encoder": "lstm"}})), Err("model.encoder".to_owned()));
        assert_eq!(of(json!({"list": [1]})), Err("list".to_owned()));
        assert_eq!(of(json!({"list": {"a": 1}})), Err("list".to_owned()));
    }

    /// A table has rows `vectors` and `vectors dim=100`, 100 being the default; neither reads the epochs of the taggers.
    #[test]
    fn rows_that_differ_in_what_the_run_has_anyway_are_one_cell() {
        let config = json!({"job": "vectors", "width": 100, "epochs": 40});
        let changed = json!({"job": "vectors"});
        let of = |wanted: Value| fit(&wanted, &config, &changed).unwrap();
        let plain = of(json!({"job": "vectors", "epochs": 12}));
        let same = of(json!({"job": "vectors", "epochs": 12, "width": 100}));
        let other = of(json!({"job": "vectors", "epochs": 12, "width": 20}));
        assert!(plain.is_one_cell_with(&same) && plain.rank() == (1, 0));
        assert!(!plain.is_one_cell_with(&other) && plain.rank() < other.rank());
        // Each is at its default in the run, but nothing says that the run is both.
        let width = of(json!({"job": "vectors", "width": 20}));
        assert!(!plain.is_one_cell_with(&width) && plain.rank() == width.rank());
        // A value that neither row sets may belong to one of them.
        assert!(!of(json!({"width": 100})).is_one_cell_with(&of(json!({"width": 100}))));
    }

    #[test]
    fn a_variant_explains_its_own_defaults_and_what_is_gone_needs_no_word() {
        let wanted = json!({"optimizer": {"kind": "radam"}});
        let count = |changed: Value| unexplained(&wanted, &changed);
        assert_eq!(count(json!({"optimizer": {"kind": "radam", "betas": [0.9, 0.999]}})), 0);
        assert_eq!(count(json!({"optimizer": {"betas": [0.9, 0.99], "rate": 1}})), 2);
        assert_eq!(count(json!({"gone": null, "epochs": 3})), 1);
    }
}
