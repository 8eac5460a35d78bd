//! JSON values of a file, one after the other, each with the line that it begins on.
//!
//! An array of objects, one object a line, and objects printed over several lines are all read, because tools export them all.

use std::path::Path;

use medner_data::formats::text;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Shape;
use super::error::{ExchangeError, Result};

/// An object of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Object<'t> {
    /// Line that it begins on, from 1.
    pub line: usize,
    /// Its text.
    pub text: &'t str,
}

/// Reads a UTF-8 file.
pub(super) fn read(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path).map_err(ExchangeError::io(path))?;
    text::decode_utf8(bytes, path).map_err(|e| match e {
        medner_data::DataError::Parse { line, message, found, .. } => {
            ExchangeError::parse(path, line, message, &found)
        }
        other => ExchangeError::parse(path, 1, other.to_string(), ""),
    })
}

/// The objects of a file, which is an array of them or has one after the other.
pub(super) fn objects<'t>(content: &'t str, path: &Path) -> Result<Vec<Object<'t>>> {
    let fail = |line, message: &str, found: &str| Err(ExchangeError::parse(path, line, message, found));
    let is_array = content.trim_start().starts_with('[');
    // Depth at which the objects lie. After an array there are none: any depth lies between objects then.
    let mut base = i64::from(is_array);
    let mut found = Vec::new();
    let (mut depth, mut line, mut start) = (0_i64, 1, (0, 1));
    let (mut in_string, mut escaped) = (false, false);
    for (at, byte) in content.bytes().enumerate() {
        if byte == b'\n' {
            line += 1;
        }
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        let between = depth <= base && !(depth == base && byte == b'{');
        match byte {
            b'[' if depth == 0 && base == 1 => depth = 1,
            b']' if depth == 1 && base == 1 => (depth, base) = (0, i64::MAX),
            b',' if depth == 1 && base == 1 => {}
            _ if between && byte.is_ascii_whitespace() => {}
            _ if between => {
                return fail(
                    line,
                    "expected JSON objects: one a line, or an array of them",
                    content.get(at..).unwrap_or_default(),
                );
            }
            b'{' | b'[' => {
                if depth == base {
                    start = (at, line);
                }
                depth += 1;
            }
            b'}' | b']' => {
                depth -= 1;
                if depth == base {
                    found.push(Object { line: start.1, text: &content[start.0..=at] });
                }
            }
            b'"' => in_string = true,
            _ => {}
        }
    }
    if depth != 0 {
        return fail(
            start.1,
            "the file ends inside what begins here: it was cut off; export it again",
            &content[start.0..],
        );
    }
    if found.is_empty() {
        return fail(1, "there is no answer in the file", "");
    }
    Ok(found)
}

/// One object as a `T`; `expected` is what it should look like.
pub(super) fn parse<T: DeserializeOwned>(object: Object<'_>, path: &Path, expected: &str) -> Result<T> {
    serde_json::from_str(object.text).map_err(|error| {
        let line = object.line + error.line().max(1) - 1;
        let text = error.to_string();
        let reason = text.split(" at line ").next().unwrap_or_default();
        ExchangeError::parse(path, line, format!("{reason}; expected {expected}"), object.text)
    })
}

/// The keys that tell the shapes apart.
#[derive(Deserialize)]
struct Keys {
    data: Option<serde::de::IgnoredAny>,
    sentence_id: Option<serde::de::IgnoredAny>,
    meta: Option<serde::de::IgnoredAny>,
    label: Option<serde::de::IgnoredAny>,
    labels: Option<serde::de::IgnoredAny>,
    entities: Option<serde::de::IgnoredAny>,
    annotation_id: Option<serde::de::IgnoredAny>,
    annotator: Option<serde::de::IgnoredAny>,
}

impl Keys {
    /// Label Studio's JSON-MIN: a task's data and labels stand beside each other, as doccano has them.
    fn is_min(&self) -> bool {
        self.data.is_none() && (self.annotation_id.is_some() || self.annotator.is_some())
    }
}

/// Whether an object is a task of Label Studio's JSON-MIN export, which is not read.
pub(super) fn is_min(object: Object<'_>) -> bool {
    serde_json::from_str::<Keys>(object.text).is_ok_and(|keys| keys.is_min())
}

/// The shape of a file, from its first object.
pub(super) fn shape(content: &str, path: &Path) -> Result<Shape> {
    let first = objects(content, path)?[0];
    let keys: Keys = parse(first, path, "an object")?;
    if keys.data.is_some() || keys.is_min() {
        Ok(Shape::LabelStudio)
    } else if keys.sentence_id.is_some()
        || keys.meta.is_some()
        || keys.label.is_some()
        || keys.labels.is_some()
    {
        Ok(Shape::Doccano)
    } else if keys.entities.is_some() {
        Ok(Shape::Jsonl)
    } else {
        let message = "cannot tell whether this is from Label Studio, doccano or ours; say `--shape`";
        Err(ExchangeError::parse(path, first.line, message, first.text))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn found(content: &str) -> Vec<(usize, &str)> {
        objects(content, Path::new("a.json")).unwrap().into_iter().map(|o| (o.line, o.text)).collect()
    }

    #[test]
    fn arrays_lines_and_printed_objects_are_read() {
        assert_eq!(found("{\"a\": 1}\n\n{}\n"), [(1, "{\"a\": 1}"), (3, "{}")]);
        assert_eq!(found(" [\n{\"a\": [1, {}]},\n {}]\n"), [(2, "{\"a\": [1, {}]}"), (3, "{}")]);
        assert_eq!(found("{\n  \"a\": \"}\\\"{\"\n}\n{}"), [(1, "{\n  \"a\": \"}\\\"{\"\n}"), (4, "{}")]);
    }

    #[test]
    fn what_is_not_objects_is_refused_with_its_line() {
        for (content, what) in [
            ("", "a.json:1: there is no answer"),
            ("[]", "a.json:1: there is no answer"),
            ("{}\nid,text\n", "a.json:2: expected JSON objects"),
            ("[{}, 3]", "a.json:1: expected JSON objects"),
            ("[{}]\n{}", "a.json:2: expected JSON objects"),
            ("{}\n{\"a\":\n", "a.json:2: the file ends inside"),
            ("[{}", "a.json:1: the file ends inside"),
            ("{}]", "a.json:1: expected JSON objects"),
        ] {
            let error = objects(content, Path::new("a.json")).unwrap_err().to_string();
            assert!(error.starts_with(what), "{content:?}: {error}");
        }
    }

    #[test]
    fn errors_inside_an_object_have_its_line() {
        let objects = objects("{}\n{\n\"id\": }", Path::new("a.json")).unwrap();
        let error = parse::<serde_json::Value>(objects[1], Path::new("a.json"), "a task").unwrap_err();
        assert!(error.to_string().starts_with("a.json:3: expected value; expected a task"), "{error}");
    }

    #[test]
    fn shapes_are_told_by_their_keys() {
        for (content, expected) in [
            ("[{\"id\": 3, \"data\": {}, \"annotations\": []}]", Shape::LabelStudio),
            ("[{\"id\": 3, \"text\": \"\", \"label\": [], \"annotation_id\": 4}]", Shape::LabelStudio),
            ("{\"id\": 3, \"text\": \"\", \"label\": []}", Shape::Doccano),
            ("{\"id\": 3, \"text\": \"\", \"entities\": [], \"meta\": {}}", Shape::Doccano),
            ("{\"id\": \"3\", \"text\": \"\", \"entities\": []}", Shape::Jsonl),
        ] {
            assert_eq!(shape(content, Path::new("a.json")).unwrap(), expected, "{content}");
        }
        let error = shape("{\"id\": 3}", Path::new("a.json")).unwrap_err().to_string();
        assert!(error.contains("say `--shape`"), "{error}");
    }
}
