//! The results in README.md, between two markers.

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::layout::Cell;
use super::markdown::{paragraph, rows_of, text, words, write_grid};
use super::page::{Page, PaperPage, TablePage};

const BEGIN: &str = "<!-- results:begin -->";
const END: &str = "<!-- results:end -->";

/// Tables of more rows than this are folded.
const FOLDED: usize = 12;

/// More rows than this are counted where they are left out, not named.
const NAMED: usize = 4;

/// README.md with the results of these profiles between its markers.
///
/// # Errors
/// The file cannot be read; it has no markers, one of them alone, or in the wrong order.
pub fn filled(path: &Path, pages: &[Page]) -> Result<String> {
    let readme = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    insert(&readme, &section(pages)).with_context(|| path.display().to_string())
}

fn insert(readme: &str, section: &str) -> Result<String> {
    let only = |marker: &str| -> Result<usize> {
        let mut found = readme.match_indices(marker).map(|(at, _)| at);
        match (found.next(), found.next()) {
            (Some(at), None) => Ok(at),
            (None, _) => bail!("there is no line `{marker}`; the results stand between it and its partner"),
            _ => bail!("`{marker}` stands there twice"),
        }
    };
    let (begin, end) = (only(BEGIN)? + BEGIN.len(), only(END)?);
    if end < begin {
        bail!("`{END}` stands before `{BEGIN}`");
    }
    Ok(format!("{}\n{section}\n{}", &readme[..begin], &readme[end..]))
}

fn section(pages: &[Page]) -> String {
    let mut out = String::new();
    let mut none = true;
    for page in pages {
        for paper in &page.papers {
            let tables: Vec<&TablePage> = paper.tables.iter().filter(|table| table.grid.is_some()).collect();
            if tables.is_empty() {
                continue;
            }
            none = false;
            write_paper(&mut out, page, paper, &tables);
        }
    }
    if none {
        paragraph(&mut out, "No profile but `quick` has run.");
    } else {
        paragraph(
            &mut out,
            "A cell: printed → measured, mean ± sd (seeds), verdict (✓ within the table's tolerance or exact, ▲ above, ▼ below, ◐ not all seeds yet, • nothing to judge by, – not measured). Made by `medner report --readme`; all tables, with the command behind every number: `make report`.",
        );
    }
    out.trim_end().to_owned()
}

fn write_paper(out: &mut String, page: &Page, paper: &PaperPage, tables: &[&TablePage]) {
    paragraph(out, &format!("**{}** (`{}`, profile `{}`)", text(&paper.about.title), paper.id, page.profile));
    let rows =
        tables.iter().map(|table| vec![format!("`{}`", table.name), text(&table.title), words(&table.words)]);
    rows_of(out, &["table", "what", "cells beside a printed number"], rows);
    if let Some(claims) = &paper.claims {
        paragraph(out, &format!("The paper's claims on these runs: {}.", words(&claims.words)));
    }
    let wanted = &paper.about.readme;
    for table in tables.iter().filter(|table| wanted.contains(&table.name)) {
        let Some(grid) = table.grid.as_ref() else { continue };
        let (grid, open) = grid.printed().without_open_rows();
        if grid.rows.is_empty() {
            continue;
        }
        let folded = grid.rows.len() > FOLDED;
        if folded {
            paragraph(out, &format!("<details><summary>{}</summary>", text(&table.title)));
        } else {
            paragraph(out, &format!("{}:", text(&table.title)));
        }
        write_grid(out, &grid, short_cell);
        if let Some(said) = left_out(&open) {
            paragraph(out, &said);
        }
        if folded {
            paragraph(out, "</details>");
        }
    }
}

/// The rows that README does not show, since they wait or have not been run: by name where they are few.
fn left_out(rows: &[String]) -> Option<String> {
    match rows {
        [] => None,
        few if few.len() <= NAMED => {
            Some(format!("Waiting or not run yet, and left out: {}.", text(&few.join("; "))))
        }
        many => Some(format!(
            "{} rows that wait or have not been run are left out; `make report` has them.",
            many.len()
        )),
    }
}

fn short_cell(cell: &Cell) -> String {
    let seeds = if cell.n.is_empty() { String::new() } else { format!(" ({})", cell.n) };
    match (cell.published.as_str(), cell.measured.as_str()) {
        ("", "") => cell.symbol.to_owned(),
        (published, "") => format!("{published} → {}", cell.symbol),
        ("", measured) => format!("{measured}{seeds} {}", cell.symbol),
        (published, measured) => format!("{published} → {measured}{seeds} {}", cell.symbol),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::layout::{Grid, Heading, Line};
    use super::*;

    #[test]
    fn only_what_stands_between_the_markers_changes() {
        let readme = format!("# T\n\n{BEGIN}\nold\n{END}\n\nrest\n");
        let new = insert(&readme, "new").unwrap();
        assert_eq!(new, format!("# T\n\n{BEGIN}\nnew\n{END}\n\nrest\n"));
        assert_eq!(insert(&new, "new").unwrap(), new);
    }

    #[test]
    fn open_rows_are_left_out_and_said() {
        let line = |name: &str, word: &str| {
            let (published, word) = ("81.27".to_owned(), word.to_owned());
            let cell = Cell { published, word, ..Cell::default() };
            Line { names: vec![name.into()], note: String::new(), cells: vec![Some(cell), None] }
        };
        let heading = |text: &str| Heading { text: text.into(), span: 1 };
        let rows = [("BiLSTM", "reproduced"), ("IDCNN*", "not run"), ("MHA", "failed"), ("ALBERT", "waits")];
        let grid = Grid {
            constant: String::new(),
            row_names: vec!["system".into()],
            header: vec![vec![heading("f1"), heading("recall")]],
            rows: rows.map(|(name, word)| line(name, word)).into(),
        };
        let (shown, open) = grid.without_open_rows();
        assert_eq!(shown.rows, [line("BiLSTM", "reproduced"), line("MHA", "failed")]);
        assert_eq!(left_out(&open).unwrap(), "Waiting or not run yet, and left out: IDCNN\\*; ALBERT.");
        assert_eq!(left_out(&[]), None);
        let many = vec!["a row".to_owned(); 16];
        assert!(left_out(&many).unwrap().starts_with("16 rows that wait"));
    }

    #[test]
    fn markers_that_are_missing_doubled_or_crossed_are_named() {
        let error = |readme: &str| insert(readme, "x").unwrap_err().to_string();
        assert!(error("no markers").contains("no line `<!-- results:begin -->`"));
        assert!(error(BEGIN).contains("no line `<!-- results:end -->`"));
        assert!(error(&format!("{END}{BEGIN}")).contains("stands before"));
        assert!(error(&format!("{BEGIN}{BEGIN}{END}")).contains("twice"));
    }
}
