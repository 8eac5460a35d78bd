//! The report as Markdown (GitHub's), figures as files beside it.

use std::fmt::Write as _;

use super::format::count;
use super::input::Sheet;
use super::layout::{Cell, Grid};
use super::page::{Figure, Page, PaperPage, TablePage, Word};
use super::sheet::Corpus;

/// REPORT.md.
pub fn write(page: &Page) -> String {
    let mut out = String::new();
    let note = if page.profile_note.is_empty() { String::new() } else { format!(": {}", page.profile_note) };
    paragraph(&mut out, "# Published beside measured");
    paragraph(&mut out, &format!("Profile **{}**{}.", text(&page.profile), text(&note)));
    let failed =
        if page.failed > 0 { format!(", {} failed", count(page.failed as u64)) } else { String::new() };
    let mut facts = vec![format!("{} runs{failed}", count(page.runs as u64))];
    if !page.devices.is_empty() {
        facts.push(format!("device: {}", text(&page.devices)));
    }
    if !page.commits.is_empty() {
        facts.push(format!("commit of the runs: {}", text(&page.commits)));
    }
    facts.push(
        "[index.html](index.html) is this report with what each cell was made by, and the errors".to_owned(),
    );
    list(&mut out, facts);
    if !page.problems.is_empty() {
        paragraph(&mut out, "## What could not be read");
        list(&mut out, page.problems.iter().map(|problem| text(problem)));
    }
    for paper in &page.papers {
        write_paper(&mut out, paper);
    }
    if !page.corpora.is_empty() {
        paragraph(&mut out, "## Data");
        for corpus in &page.corpora {
            write_corpus(&mut out, corpus);
        }
    }
    paragraph(&mut out, "## Verdicts");
    list(&mut out, page.legend.iter().map(|word| format!("{}: {}", shown(word), text(word.meaning))));
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

fn write_paper(out: &mut String, paper: &PaperPage) {
    let about = &paper.about;
    paragraph(out, &format!("## {}", text(&about.title)));
    if !about.authors.is_empty() {
        let venue =
            if about.venue.is_empty() { String::new() } else { format!(". *{}*", text(&about.venue)) };
        paragraph(out, &format!("{} ({}){venue}. Program `{}`.", text(&about.authors), about.year, paper.id));
    }
    if !about.claims.is_empty() {
        paragraph(out, &text(&about.claims));
    }
    if !paper.words.is_empty() {
        paragraph(out, &format!("Cells beside a printed number: {}.", words(&paper.words)));
    }
    for table in &paper.tables {
        write_table(out, table);
    }
    if let Some(claims) = &paper.claims {
        paragraph(out, &format!("### Claims\n\n{}.", words(&claims.words)));
        let rows = claims.rows.iter().map(|c| {
            let verdict = format!("{} {}", c.symbol, c.verdict);
            vec![text(&format!("{} ({})", c.text, c.at)), verdict, text(&c.reason), text(c.printed)]
        });
        rows_of(out, &["the paper says", "our runs", "why", "its own numbers"], rows);
        paragraph(out, &text(claims.statistics));
    }
    if let Some(audit) = &paper.audit {
        let found = if audit.words.is_empty() { "nothing found".to_owned() } else { words(&audit.words) };
        paragraph(out, &format!("### Audit of the printed numbers\n\n{found}; {}.", text(&audit.checked)));
        if !audit.findings.is_empty() {
            let rows = audit
                .findings
                .iter()
                .map(|f| [&f.place, &f.weight, &f.detector, &f.text].map(|t| text(t)).into());
            rows_of(out, &["where", "what", "found by", "finding"], rows);
        }
    }
    if !paper.differences.is_empty() {
        paragraph(out, "### Differences");
        let rows = paper.differences.iter().map(|d| {
            let released = d.released.clone().unwrap_or_else(|| "–".to_owned());
            let key = d.key.as_ref().map_or("–".to_owned(), |key| format!("`{key}`"));
            let mut row = vec![text(&d.topic), text(&d.paper), text(&released), text(&d.ours), key];
            if !paper.released {
                row.remove(2);
            }
            row
        });
        let mut header = vec!["what", "paper", "released code", "here", "configuration key"];
        if !paper.released {
            header.remove(2);
        }
        rows_of(out, &header, rows);
    }
    if !paper.effects.is_empty() {
        paragraph(out, "### Single keys");
        paragraph(
            out,
            "What one configuration key does: runs on the same data with the same seed that differ in nothing else; scores times 100.",
        );
        let rows = paper.effects.iter().map(|e| {
            let key = format!("`{}`", e.key);
            let mut row = vec![key];
            row.extend(
                [&e.from, &e.to, &e.systems, &e.dataset, &e.metric, &e.before, &e.after, &e.difference]
                    .map(|t| text(t)),
            );
            row.push(e.n.to_string());
            row
        });
        let header =
            ["key", "from", "to", "systems", "data set", "metric", "before", "after", "difference", "n"];
        rows_of(out, &header, rows);
    }
    if !paper.training.is_empty() {
        paragraph(out, "### Training");
        figures(out, &paper.training);
    }
    if !paper.cost.rows.is_empty() {
        paragraph(out, "### Time and memory");
        let mut header = vec!["system", "data set", "runs"];
        header.extend(paper.cost.phases.iter().map(String::as_str));
        header.extend(["memory", "device", "threads"]);
        let rows = paper.cost.rows.iter().map(|r| {
            let mut row = vec![text(&r.system), text(&r.dataset), r.runs.to_string()];
            row.extend(r.phases.iter().map(|phase| text(phase)));
            row.extend([&r.memory, &r.device, &r.threads].map(|t| text(t)));
            row
        });
        rows_of(out, &header, rows);
    }
    if !paper.errors.is_empty() {
        paragraph(out, "### Errors");
        list(
            out,
            paper.errors.iter().map(|run| {
                let kinds: Vec<String> = run
                    .kinds
                    .iter()
                    .map(|kind| format!("{} {}", text(&kind.name), count(kind.count)))
                    .collect();
                format!(
                    "{} on {}, seed {}: {}",
                    text(&run.system),
                    text(&run.dataset),
                    run.seed,
                    kinds.join(", ")
                )
            }),
        );
    }
}

fn write_table(out: &mut String, table: &TablePage) {
    paragraph(out, &format!("### {}: {}", text(&table.name), text(&table.title)));
    if !table.says.is_empty() {
        paragraph(out, &format!("The paper says: {}", text(&table.says)));
    }
    figures(out, &table.figures);
    if let Some(grid) = &table.grid {
        write_grid(out, grid, long_cell);
        if let Some(further) = &table.further {
            paragraph(out, "Measured on data sets for which the paper prints nothing:");
            write_grid(out, further, long_cell);
        }
        let mut commands: Vec<&str> = Vec::new();
        let rows = grid.rows.iter().chain(table.further.iter().flat_map(|grid| &grid.rows));
        for cell in rows.flat_map(|row| row.cells.iter().flatten()) {
            if !cell.command.is_empty() && !commands.contains(&cell.command.as_str()) {
                commands.push(&cell.command);
            }
        }
        if !commands.is_empty() {
            paragraph(
                out,
                &format!(
                    "<details><summary>Commands</summary>\n\n```\n{}\n```\n\n</details>",
                    commands.join("\n")
                ),
            );
        }
    }
    if let Some(sheet) = &table.sheet {
        if !table.sheet_note.is_empty() {
            paragraph(out, &text(&table.sheet_note));
        }
        write_sheet(out, sheet);
    }
    if let Some(sheet) = &table.comparisons {
        paragraph(out, "Tested differences between systems:");
        write_sheet(out, sheet);
    }
    if !table.command.is_empty() {
        paragraph(out, &format!("Not run under this profile: `{}`", table.command));
    }
}

/// A grid; `cell` says what a cell shows.
pub fn write_grid(out: &mut String, grid: &Grid, cell: fn(&Cell) -> String) {
    if !grid.constant.is_empty() {
        paragraph(out, &format!("{}:", text(&grid.constant)));
    }
    // Markdown has one header row: the levels over a column are joined.
    let columns = grid.header.last().map_or(0, Vec::len);
    let mut names = vec![Vec::new(); columns];
    for row in &grid.header {
        let spread = row.iter().flat_map(|heading| std::iter::repeat_n(heading.text.as_str(), heading.span));
        for (name, part) in names.iter_mut().zip(spread) {
            name.push(part);
        }
    }
    let mut header: Vec<String> = grid.row_names.clone();
    header.extend(names.iter().map(|parts| parts.join(", ")));
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let rows = grid.rows.iter().map(|row| {
        let mut cells: Vec<String> = row.names.iter().map(|name| text(name)).collect();
        let blank = !row.note.is_empty();
        cells.extend(row.cells.iter().enumerate().map(|(i, found)| match found {
            Some(found) if blank && i == 0 => format!("{} {}", cell(found), text(&reason(&row.note))),
            Some(found) => cell(found),
            None => "–".to_owned(),
        }));
        cells
    });
    rows_of(out, &header, rows);
}

/// `(an ALBERT encoder)` of `waits: an ALBERT encoder`.
fn reason(note: &str) -> String {
    note.split_once(": ").map_or(String::new(), |(_, reason)| format!("({reason})"))
}

/// Everything that a cell of a table on its own page shows.
fn long_cell(cell: &Cell) -> String {
    let mut parts = Vec::new();
    if !cell.measured.is_empty() {
        let n = if cell.n.is_empty() { String::new() } else { format!(" (n={})", cell.n) };
        parts.push(format!("**{}**{n}", cell.measured));
    }
    if !cell.published.is_empty() {
        parts.push(format!("printed {}", cell.published));
    }
    if !cell.difference.is_empty() {
        parts.push(cell.difference.clone());
    }
    let verdict = if cell.verdict.starts_with("partial") { &cell.verdict } else { &cell.word };
    parts.push(format!("{} {}", cell.symbol, text(verdict)));
    parts.join("; ")
}

/// A sheet, as it is.
fn write_sheet(out: &mut String, sheet: &Sheet) {
    let header: Vec<&str> = sheet.header.iter().map(String::as_str).collect();
    rows_of(out, &header, sheet.rows.iter().map(|row| row.iter().map(|cell| text(cell)).collect()));
}

fn figures(out: &mut String, figures: &[Figure]) {
    for figure in figures {
        let words = text(&format!("{}. {}", figure.title, figure.description));
        paragraph(out, &format!("**{}**\n\n![{words}]({})", text(&figure.title), figure.file));
    }
}

fn write_corpus(out: &mut String, corpus: &Corpus) {
    paragraph(out, &format!("### {}", text(&corpus.name)));
    let mut facts = vec![text(&corpus.title), format!("licence: {}", text(&corpus.licence))];
    if !corpus.cite.is_empty() {
        facts.push(format!("cite: {}", text(&corpus.cite.join("; "))));
    }
    facts.extend(corpus.printed.iter().map(|p| {
        let here = if p.here.is_empty() { String::new() } else { format!(", here {}", p.here) };
        format!(
            "{} {}: printed {}{here}: {}",
            text(&p.split),
            text(&p.unit),
            text(&p.value),
            text(&p.verdict)
        )
    }));
    facts.extend(corpus.notes.iter().map(|note| text(note)));
    facts.extend(
        corpus
            .findings
            .iter()
            .map(|f| format!("{} `{}`, {}: {}", text(&f.severity), f.code, text(&f.scope), text(&f.message))),
    );
    list(out, facts);
    if !corpus.splits.is_empty() {
        let mut header = vec!["split"];
        header.extend(corpus.measures.iter().map(String::as_str));
        let rows = corpus
            .splits
            .iter()
            .map(|(split, counts)| std::iter::once(text(split)).chain(counts.iter().cloned()).collect());
        rows_of(out, &header, rows);
    }
}

/// `3 reproduced, 2 below`
pub fn words(words: &[Word]) -> String {
    words.iter().map(|word| format!("{} {}", word.count, shown(word))).collect::<Vec<_>>().join(", ")
}

fn shown(word: &Word) -> String {
    format!("{} {}", word.symbol, text(&word.name))
}

/// A block of its own.
pub fn paragraph(out: &mut String, block: &str) {
    out.push_str(block);
    out.push_str("\n\n");
}

fn list(out: &mut String, items: impl IntoIterator<Item = String>) {
    for item in items {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "- {item}");
    }
    out.push('\n');
}

/// A table.
pub fn rows_of(out: &mut String, header: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    out.push_str(&line(&header.iter().map(|name| text(name)).collect::<Vec<_>>()));
    out.push_str(&line(&vec!["---".to_owned(); header.len()]));
    for row in rows {
        out.push_str(&line(&row));
    }
    out.push('\n');
}

/// Text that is shown as it is: on one line, without a sign that Markdown or HTML would read.
pub fn text(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut before = ' ';
    let mut rest = raw.trim().chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '[' | ']' | '|' | '~' | '#' => out.extend(['\\', c]),
            // Inside a word it is a letter like any other.
            '_' if !before.is_alphanumeric() || !rest.peek().is_some_and(|next| next.is_alphanumeric()) => {
                out.push_str("\\_");
            }
            c if c.is_whitespace() || c.is_control() => {
                if before != ' ' {
                    out.push(' ');
                }
                before = ' ';
                continue;
            }
            c => out.push(c),
        }
        before = c;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_read_as_markup() {
        assert_eq!(
            text("a|b *c* <d>\n`e` seconds_per_epoch _f_"),
            "a\\|b \\*c\\* &lt;d&gt; \\`e\\` seconds_per_epoch \\_f\\_"
        );
        assert_eq!(text("![x](y)"), "!\\[x\\](y)");
    }
}
