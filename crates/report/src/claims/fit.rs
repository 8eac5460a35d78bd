//! How a run's configuration stands to what a table's YAML sets for a row.
//!
//! They are not equal: the method fills in its defaults, puts what a job does not read back at its default, and derives
//! keys of its own. A record says what differs from the defaults ([`Cell::changed`]), and that tells such a key from one
//! with another value.
//!
//! [`Cell::changed`]: medner_experiment::Cell::changed

use medner_experiment::Value;

/// How well they fit; the smaller, the better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fit {
    /// Values that the YAML sets and the run has at the method's default: its job does not read them.
    pub unread: usize,
    /// Values other than the default's that the YAML does not set: the method derived them.
    pub unexplained: usize,
}

impl Fit {
    /// Every value of the one stands in the other, and whatever else there is stands at its default.
    pub const WHOLE: Self = Self { unread: 0, unexplained: 0 };
}

/// Compares what the YAML sets with a run's configuration and its difference from the defaults.
///
/// # Errors
/// The dotted key of a value that the run has otherwise, and not at its default: the run is another's.
pub fn fit(wanted: &Value, config: &Value, changed: &Value) -> Result<Fit, String> {
    let mut unread = 0;
    compare(wanted, config, Some(changed), "", &mut unread)?;
    Ok(Fit { unread, unexplained: unexplained(wanted, changed) })
}

fn compare(
    wanted: &Value,
    config: &Value,
    changed: Option<&Value>,
    key: &str,
    unread: &mut usize,
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
    *unread += 1;
    if changed.is_some() { Err(key.to_owned()) } else { Ok(()) }
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
    use super::*;
    use serde_json::json;

    #[test]
    fn a_run_fits_what_the_yaml_sets() {
        let config = json!({"model": {"heads": 4.0, "encoder": "idcnn"}, "epochs": 25, "list": [1, 2]});
        let changed = json!({"model": {"encoder": "idcnn"}, "list": [1, 2]});
        let of = |wanted: Value| fit(&wanted, &config, &changed);
        assert_eq!(of(json!({"model": {"heads": 4, "encoder": "idcnn"}, "list": [1.0, 2]})), Ok(Fit::WHOLE));
        assert_eq!(of(json!({"model": {"encoder": "idcnn"}})), Ok(Fit { unread: 0, unexplained: 1 }));
        assert_eq!(of(json!({})), Ok(Fit { unread: 0, unexplained: 2 }));
        // At its default: the job does not read it.
        let unread = json!({"model": {"heads": 0, "encoder": "idcnn"}, "list": [1, 2], "epochs": 3});
        assert_eq!(of(unread), Ok(Fit { unread: 2, unexplained: 0 }));
        // With another value than that: another run.
        assert_eq!(of(json!({"model": {"encoder": "lstm"}})), Err("model.encoder".to_owned()));
        assert_eq!(of(json!({"list": [1]})), Err("list".to_owned()));
        assert_eq!(of(json!({"list": {"a": 1}})), Err("list".to_owned()));
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
