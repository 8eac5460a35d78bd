//! JSON for people: maps over several lines, arrays of plain values on one, so that a record with a long curve stays
//! small and its differences can be read.

use std::fmt::Write;

use crate::config::Value;

/// The value as JSON, without a final line break.
pub(crate) fn readable(value: &Value) -> String {
    let mut out = String::new();
    write_value(value, 0, &mut out);
    out
}

fn write_value(value: &Value, depth: usize, out: &mut String) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            out.push('{');
            for (at, (key, inner)) in map.iter().enumerate() {
                new_line(at, depth + 1, out);
                let _ = write!(out, "{}: ", Value::String(key.clone()));
                write_value(inner, depth + 1, out);
            }
            let _ = write!(out, "\n{:1$}}}", "", 2 * depth);
        }
        Value::Array(items) if items.iter().any(|item| item.is_array() || item.is_object()) => {
            out.push('[');
            for (at, inner) in items.iter().enumerate() {
                new_line(at, depth + 1, out);
                write_value(inner, depth + 1, out);
            }
            let _ = write!(out, "\n{:1$}]", "", 2 * depth);
        }
        other => {
            let _ = write!(out, "{other}");
        }
    }
}

fn new_line(at: usize, depth: usize, out: &mut String) {
    let _ = write!(out, "{}\n{:2$}", if at > 0 { "," } else { "" }, "", 2 * depth);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn rows_stay_on_one_line_and_nothing_is_lost() {
        let value = serde_json::json!({"curve": {"columns": ["q", "f1"], "rows": [[1, 0.25], [2, 0.5]]}, "none": {}, "e": []});
        let text = readable(&value);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        assert!(text.contains("\n      [1,0.25],\n"), "{text}");
    }
}
