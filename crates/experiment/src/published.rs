//! The numbers that a paper prints: `table,system,dataset,task,metric,value,provenance`.

use std::path::Path;

use crate::error::{ExperimentError, Result, suggestion};
use crate::schema::TableSpec;

/// One published number.
#[derive(Clone, Debug, PartialEq)]
pub struct Published {
    /// Table or figure: the stem of the YAML that reproduces it.
    pub table: String,
    /// Row.
    pub system: String,
    /// Data set.
    pub dataset: String,
    /// Task or entity type.
    pub task: String,
    /// What the paper calls the metric.
    pub metric: String,
    /// The number as printed.
    pub value: f64,
    /// Where it was read, and remarks.
    pub provenance: String,
}

const COLUMNS: [&str; 7] = ["table", "system", "dataset", "task", "metric", "value", "provenance"];

/// The published numbers that a table names; none where their file is not there.
///
/// # Errors
/// Those of [`read`].
pub fn of(spec: &TableSpec) -> Result<Vec<Published>> {
    if spec.published.is_file() { read(&spec.published) } else { Ok(Vec::new()) }
}

/// Reads the published numbers of a paper, in the file's order.
///
/// # Errors
/// A missing column, a value that is not a number, the same cell twice, a file that is not UTF-8 or not CSV: with the
/// line.
pub fn read(path: &Path) -> Result<Vec<Published>> {
    let fail =
        |line: u64, message: String| ExperimentError::Published { path: path.to_owned(), line, message };
    let bytes = std::fs::read(path).map_err(ExperimentError::io("read", path))?;
    let mut reader = csv::Reader::from_reader(bytes.as_slice());
    let broken = |error: &csv::Error| {
        let line = error.position().map_or(1, csv::Position::line);
        fail(line, format!("{error}; expected the columns {}", COLUMNS.join(",")))
    };
    let headers = reader.headers().map_err(|error| broken(&error))?.clone();
    let mut places = [0; COLUMNS.len()];
    for (place, name) in places.iter_mut().zip(COLUMNS) {
        *place = headers.iter().position(|header| header.trim_start_matches('\u{feff}') == name).ok_or_else(
            || {
                let given: Vec<&str> = headers.iter().collect();
                let hint = suggestion(name, &given);
                fail(1, format!("no column `{name}`{hint} (expected {})", COLUMNS.join(",")))
            },
        )?;
    }
    let mut rows: Vec<Published> = Vec::new();
    let mut seen = std::collections::BTreeMap::new();
    for record in reader.records() {
        let record = record.map_err(|error| broken(&error))?;
        let line = record.position().map_or(0, csv::Position::line);
        let field = |at: usize| record.get(places[at]).unwrap_or_default().to_owned();
        let text = field(5);
        let value = text.trim().parse::<f64>().ok().filter(|value| value.is_finite());
        let Some(value) = value else {
            return Err(fail(line, format!("`value`: expected a number, found `{text}`")));
        };
        let row = Published {
            table: field(0),
            system: field(1),
            dataset: field(2),
            task: field(3),
            metric: field(4),
            value,
            provenance: field(6),
        };
        let key = [&row.table, &row.system, &row.dataset, &row.task, &row.metric].map(Clone::clone);
        if let Some(first) = seen.insert(key, line) {
            let message =
                format!("the cell `{}` of {} stands on line {first} already", row.system, row.table);
            return Err(fail(line, message));
        }
        rows.push(row);
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read_text(text: &str) -> Result<Vec<Published>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("published.csv");
        std::fs::write(&path, text).unwrap();
        read(&path)
    }

    #[test]
    fn columns_may_stand_in_any_order() {
        let rows = read_text(
            "value,table,system,dataset,task,metric,provenance\n81.27,table2,\"a, b\",D,ner,f1,text\n",
        );
        let rows = rows.unwrap();
        assert_eq!((rows[0].value, rows[0].system.as_str()), (81.27, "a, b"));
    }

    #[test]
    fn what_is_wrong_names_its_line() {
        let head = "table,system,dataset,task,metric,value,provenance\n";
        for (text, expected) in [
            ("table,system,dataset,task,metric,val,provenance\n".to_owned(), ":1: no column `value`"),
            (
                format!("{head}t,s,d,n,f1,1,x\nt,s,d,n,f1,eighty,x\n"),
                ":3: `value`: expected a number, found `eighty`",
            ),
            (
                format!("{head}t,s,d,n,f1,1,x\nt,s,d,n,f1,2,x\n"),
                ":3: the cell `s` of t stands on line 2 already",
            ),
            (format!("{head}t,s,d\n"), ":2: "),
        ] {
            let message = read_text(&text).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
