//! `medner report --print`: every result table under `results/` on the terminal, published beside measured.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use comfy_table::CellAlignment;

use crate::console::{Outcome, emit, table};

/// One CSV.
struct ResultFile {
    title: String,
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// Prints the tables below `results`, of one profile and one paper or of all.
pub fn run(results: &Path, profile: Option<&str>, paper: Option<&str>) -> Result<Outcome> {
    let files = find(results, profile, paper)?;
    if files.is_empty() {
        bail!("no result tables under {}; run `make reproduce-all` first", results.display());
    }
    for path in files {
        let file = read(results, &path)?;
        emit(&format!("{}\n{}\n\n", file.title, shown(&file)))?;
    }
    Ok(Outcome::Ok)
}

/// `results/<profile>/<paper>/*.csv` in the order of their names; the list of runs is not a table.
fn find(results: &Path, profile: Option<&str>, paper: Option<&str>) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for profile_folder in folders(results, profile)? {
        for paper_folder in folders(&profile_folder, paper)? {
            found.extend(entries(&paper_folder)?.into_iter().filter(|path| {
                path.extension().is_some_and(|e| e == "csv")
                    && path.file_name().is_some_and(|name| name != "runs.csv")
            }));
        }
    }
    Ok(found)
}

fn folders(parent: &Path, only: Option<&str>) -> Result<Vec<PathBuf>> {
    let mut folders = entries(parent)?;
    folders.retain(|path| {
        path.is_dir() && only.is_none_or(|only| path.file_name().is_some_and(|name| name == only))
    });
    Ok(folders)
}

/// What a folder holds, sorted; nothing where it is not there.
pub fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut paths = std::fs::read_dir(folder)
        .and_then(|entries| entries.map(|e| e.map(|e| e.path())).collect::<std::io::Result<Vec<_>>>())
        .with_context(|| format!("reading the folder {}", folder.display()))?;
    paths.sort();
    Ok(paths)
}

fn read(results: &Path, path: &Path) -> Result<ResultFile> {
    let context = || format!("reading {}", path.display());
    let mut reader = csv::Reader::from_path(path).with_context(context)?;
    let header = reader.headers().with_context(context)?.iter().map(str::to_owned).collect();
    let rows = reader
        .records()
        .map(|record| record.map(|r| r.iter().map(str::to_owned).collect()))
        .collect::<Result<_, _>>()
        .with_context(context)?;
    let title = path.strip_prefix(results).unwrap_or(path).with_extension("").display().to_string();
    Ok(ResultFile { title, header, rows })
}

/// The columns a reader compares; a file of another form is shown as it is.
fn shown(file: &ResultFile) -> comfy_table::Table {
    let at = |name: &str| file.header.iter().position(|h| h == name);
    let (Some(system), Some(published), Some(mean)) = (at("system"), at("published"), at("mean")) else {
        let header: Vec<&str> = file.header.iter().map(String::as_str).collect();
        let mut plain = table(&header);
        plain.add_rows(&file.rows);
        return plain;
    };
    let names: Vec<&str> =
        ["dataset", "task", "metric"].into_iter().filter(|name| at(name).is_some()).collect();
    let mut header = vec!["system"];
    header.extend(&names);
    header.extend(["published", "measured", "n", "difference", "p", "verdict"]);
    let mut rows = table(&header);
    for row in &file.rows {
        let cell = |name: &str| at(name).map_or("", |i| row[i].as_str());
        let mut cells = vec![row[system].clone()];
        cells.extend(names.iter().map(|name| cell(name).to_owned()));
        cells.push(number(&row[published]));
        cells.push(with_spread(&row[mean], cell("sd")));
        cells.push(cell("n").to_owned());
        cells.push(number(cell("difference")));
        cells.push(p_value(cell("p_value")));
        cells.push(cell("verdict").to_owned());
        rows.add_row(cells);
    }
    for i in names.len() + 1..names.len() + 6 {
        if let Some(column) = rows.column_mut(i) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    rows
}

/// Two decimals for numbers that have a fraction; other text as it is.
fn number(text: &str) -> String {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && text.contains('.') => format!("{value:.2}"),
        _ => text.to_owned(),
    }
}

fn with_spread(mean: &str, sd: &str) -> String {
    if sd.is_empty() { number(mean) } else { format!("{} ± {}", number(mean), number(sd)) }
}

/// A p value is never printed as 0.
fn p_value(text: &str) -> String {
    match text.parse::<f64>() {
        Ok(p) if p < 0.001 => "< 0.001".to_owned(),
        Ok(p) => format!("{p:.3}"),
        Err(_) => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_as_a_reader_wants_them() {
        assert_eq!(number("81.27345"), "81.27");
        assert_eq!(number("2116"), "2116");
        assert_eq!(number(""), "");
        assert_eq!(with_spread("81.2", "0.456"), "81.20 ± 0.46");
        assert_eq!(p_value("0.00001"), "< 0.001");
        assert_eq!(p_value("0.0412"), "0.041");
    }
}
