//! The whole report of a profile, ready to be written as HTML or Markdown.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use medner_experiment::record::Curve;
use medner_experiment::{RunRecord, Status, Value};
use serde::Serialize;

use super::about::{About, Difference};
use super::chart::{self, Drawing};
use super::cost::{self, Cost};
use super::format::plain;
use super::input::{Comparison, Content, Paper, Problems, Score, Sheet, Table};
use super::judging::{self, Audit, Claims};
use super::layout::{self, Grid};
use super::sensitivity::{self, Effect};
use super::sheet::Corpus;
use super::verdict::{self, Class};
use super::{browser, format};

/// A report.
#[derive(Debug, Serialize)]
pub struct Page {
    pub profile: String,
    /// What the profile's numbers are worth.
    pub profile_note: &'static str,
    pub papers: Vec<PaperPage>,
    pub corpora: Vec<Corpus>,
    pub problems: Vec<String>,
    pub legend: Vec<Word>,
    pub runs: usize,
    pub failed: usize,
    pub devices: String,
    pub commits: String,
}

/// A paper's part.
#[derive(Debug, Serialize)]
pub struct PaperPage {
    pub id: String,
    pub about: About,
    /// How many cells beside printed numbers have which verdict.
    pub words: Vec<Word>,
    pub tables: Vec<TablePage>,
    pub claims: Option<Claims>,
    pub audit: Option<Audit>,
    pub differences: Vec<Difference>,
    /// True where some difference says what the released code does.
    pub released: bool,
    pub effects: Vec<Effect>,
    pub training: Vec<Figure>,
    pub cost: Cost,
    pub errors: Vec<browser::Run>,
    /// Runs on record that no table shows.
    pub unshown: usize,
    /// Records of earlier versions, which are not used.
    pub earlier: usize,
}

/// A verdict's word with its look and how often it stands here.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Word {
    pub name: String,
    pub count: usize,
    pub class: Class,
    pub symbol: &'static str,
    pub meaning: &'static str,
}

/// A table or figure.
#[derive(Debug, Serialize)]
pub struct TablePage {
    pub id: String,
    pub name: String,
    pub title: String,
    /// What the paper's text says of it.
    pub says: String,
    pub figures: Vec<Figure>,
    pub grid: Option<Grid>,
    /// The same for data sets (readings of one, stand-ins) for which the paper prints nothing.
    pub further: Option<Grid>,
    /// Points in few words, or what is no table of scores.
    pub sheet: Option<Sheet>,
    pub sheet_note: String,
    pub comparisons: Option<Sheet>,
    /// The command that makes what is not there.
    pub command: String,
    pub words: Vec<Word>,
}

/// A drawing in the page.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    pub title: String,
    pub description: String,
    /// The drawing as an element of the page.
    pub svg: String,
    /// The file beside REPORT.md, and its content.
    pub file: String,
    #[serde(skip)]
    pub content: String,
}

/// Rows of points or examples shown in the page; all of them stand in the CSV.
const ROWS: usize = 60;
/// Panels of a paper's training curves.
const TRAINING: usize = 24;

impl Page {
    /// The report of a profile. `results` is the folder of all profiles' results.
    pub fn of(
        profile: &str,
        papers: &[Paper],
        corpora: Vec<Corpus>,
        results: &Path,
        problems: &mut Problems,
    ) -> Self {
        let records = || papers.iter().flat_map(|paper| paper.store.records().values());
        let distinct = |of: fn(&RunRecord) -> &str| -> String {
            let all: BTreeSet<&str> = records().map(of).filter(|text| !text.is_empty()).collect();
            all.into_iter().collect::<Vec<_>>().join(", ")
        };
        Self {
            profile: profile.to_owned(),
            profile_note: profile_note(profile),
            papers: papers.iter().map(|paper| paper_page(profile, paper, results, problems)).collect(),
            corpora,
            problems: Vec::new(),
            legend: verdict::LEGEND
                .iter()
                .map(|(word, meaning)| Word { meaning, ..Word::new(word, 0) })
                .collect(),
            runs: records().filter(|r| r.status == Status::Finished).count(),
            failed: records().filter(|r| r.status == Status::Failed).count(),
            devices: distinct(|r| &r.device),
            commits: distinct(|r| r.versions.get("commit").map_or("", String::as_str)),
        }
    }

    /// All figures, for the files beside REPORT.md.
    pub fn figures(&self) -> impl Iterator<Item = &Figure> {
        self.papers
            .iter()
            .flat_map(|paper| paper.tables.iter().flat_map(|table| &table.figures).chain(&paper.training))
    }
}

impl Word {
    fn new(word: &str, count: usize) -> Self {
        let class = Class::of(word);
        Self { name: word.to_owned(), count, class, symbol: class.symbol(), meaning: "" }
    }
}

fn profile_note(profile: &str) -> &'static str {
    if profile.ends_with("+set") {
        return "made with --set: a configuration that no table's file names";
    }
    match profile {
        "quick" => "every system on data cut down: it proves the road, not the numbers, and judges nothing",
        "cpu" => {
            "whole corpora where two cores can train them in hours; encoders small and pre-trained here where the published weights are too big"
        }
        "paper" => "the papers' own sizes and schedules",
        "sample" => {
            "embedded samples in place of corpora that are not here: no published number stands beside them"
        }
        _ => "",
    }
}

fn paper_page(profile: &str, paper: &Paper, results: &Path, problems: &mut Problems) -> PaperPage {
    let mut names = Names { paper: &paper.name, next: 0 };
    let about =
        paper.about.clone().unwrap_or_else(|| About { title: paper.name.clone(), ..About::default() });
    let mut tables: Vec<TablePage> =
        paper.tables.iter().map(|table| table_page(profile, paper, &about, table, &mut names)).collect();
    tables.extend(printed_only(paper, &about));
    PaperPage {
        id: paper.name.clone(),
        words: words(paper.tables.iter().flat_map(|table| match &table.content {
            Some(Content::Scores(scores)) => scores.as_slice(),
            _ => &[],
        })),
        tables,
        claims: judging::claims(paper, profile, problems),
        audit: judging::audit(paper, results, problems),
        differences: about.differences.clone(),
        released: about.differences.iter().any(|d| d.released.is_some()),
        effects: sensitivity::of(paper),
        training: training(paper, &mut names),
        cost: cost::of(paper),
        errors: browser::of(paper),
        unshown: paper.finished().filter(|(_, tables)| tables.is_empty()).count(),
        earlier: paper.store.earlier().len(),
        about,
    }
}

/// The tables of `published.csv` that no file and no result is of: their numbers alone.
fn printed_only(paper: &Paper, about: &About) -> Vec<TablePage> {
    let mut sheets: Vec<(&str, Sheet)> = Vec::new();
    for row in &paper.published {
        if paper.tables.iter().any(|table| table.name == row.table) {
            continue;
        }
        let at = sheets.iter().position(|(name, _)| *name == row.table).unwrap_or_else(|| {
            let header = ["system", "data set", "task", "metric", "printed", "where"];
            let sheet = Sheet { header: header.map(str::to_owned).into(), rows: Vec::new() };
            sheets.push((&row.table, sheet));
            sheets.len() - 1
        });
        let value = chart::number(row.value);
        let cells = [&row.system, &row.dataset, &row.task, &row.metric, &value, &row.provenance];
        sheets[at].1.rows.push(cells.map(String::clone).into());
    }
    let page = |(name, sheet): (&str, Sheet)| {
        let (sheet, more) = shortened(&sheet);
        TablePage {
            id: format!("{}-{name}", paper.name),
            name: name.to_owned(),
            title: "printed; nothing here runs for it yet".to_owned(),
            says: about.says.get(name).cloned().unwrap_or_default(),
            figures: Vec::new(),
            grid: None,
            further: None,
            sheet: Some(sheet),
            sheet_note: more,
            comparisons: None,
            command: String::new(),
            words: Vec::new(),
        }
    };
    sheets.into_iter().map(page).collect()
}

/// Unique names for the figures of a paper.
struct Names<'a> {
    paper: &'a str,
    next: usize,
}

impl Names<'_> {
    fn figure(&mut self, drawing: &Drawing) -> Figure {
        self.next += 1;
        let name = format!("{}-{}", self.paper, self.next);
        Figure {
            title: drawing.title.clone(),
            description: drawing.description.clone(),
            svg: drawing.inline(&name),
            file: format!("figures/{name}.svg"),
            content: drawing.file(),
        }
    }
}

/// The verdicts on cells that stand beside a printed number, most telling first.
fn words<'a>(scores: impl Iterator<Item = &'a Score>) -> Vec<Word> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for score in scores.filter(|score| score.published.is_some()) {
        *counts.entry(verdict::word(&score.verdict)).or_default() += 1;
    }
    let order = |word: &str| verdict::LEGEND.iter().position(|(known, _)| *known == word);
    let mut words: Vec<Word> = counts.into_iter().map(|(word, count)| Word::new(word, count)).collect();
    words.sort_by_key(|word| order(&word.name).unwrap_or(usize::MAX));
    words
}

fn table_page(
    profile: &str,
    paper: &Paper,
    about: &About,
    table: &Table,
    names: &mut Names<'_>,
) -> TablePage {
    let spec = table.spec.as_ref();
    let mut page = TablePage {
        id: format!("{}-{}", paper.name, table.name),
        name: table.name.clone(),
        title: spec.map_or(table.name.clone(), |spec| spec.title.clone()),
        says: about.says.get(&table.name).cloned().unwrap_or_default(),
        figures: Vec::new(),
        grid: None,
        further: None,
        sheet: None,
        sheet_note: String::new(),
        comparisons: compared(&table.comparisons),
        command: String::new(),
        words: Vec::new(),
    };
    match &table.content {
        Some(Content::Scores(scores)) => {
            let drawings = chart::of_scores(&table.name, spec, scores);
            page.figures = drawings.iter().map(|drawing| names.figure(drawing)).collect();
            let (printed, further) = by_print(scores);
            page.grid = Some(layout::grid(spec, &printed));
            page.further = (!further.is_empty()).then(|| layout::grid(spec, &further));
            page.words = words(scores.iter());
        }
        Some(Content::Points(sheet)) => {
            let drawings = chart::of_points(spec, sheet);
            page.figures = drawings.iter().map(|drawing| names.figure(drawing)).collect();
            let (sheet, note) = if drawings.is_empty() { shortened(sheet) } else { ends(sheet) };
            page.sheet = Some(sheet);
            page.sheet_note = note;
        }
        Some(Content::Other(sheet)) => {
            let (sheet, note) = shortened(sheet);
            page.sheet = Some(sheet);
            page.sheet_note = note;
        }
        None => {
            let profile = profile.trim_end_matches("+set");
            page.command =
                format!("target/release/{} reproduce {} --profile {profile}", paper.name, table.name);
        }
    }
    page
}

/// The scores on data sets for which something is printed, and the others. Where nothing measured stands beside a printed
/// number, as where a stand-in takes the place of the paper's own corpus, all are of the first kind.
fn by_print(scores: &[Score]) -> (Vec<Score>, Vec<Score>) {
    let printed: BTreeSet<&str> =
        scores.iter().filter(|s| s.published.is_some()).map(|s| s.dataset.as_str()).collect();
    let beside = scores.iter().any(|s| s.published.is_some() && s.mean.is_some());
    let (own, further): (Vec<&Score>, Vec<&Score>) =
        scores.iter().partition(|s| !beside || printed.contains(s.dataset.as_str()));
    (own.into_iter().cloned().collect(), further.into_iter().cloned().collect())
}

/// The first rows of a table that is shown as it is.
fn shortened(sheet: &Sheet) -> (Sheet, String) {
    let note = match sheet.rows.len() {
        0..=ROWS => String::new(),
        rows => format!("The first {ROWS} of {rows} rows; all stand in the CSV."),
    };
    (Sheet { header: sheet.header.clone(), rows: sheet.rows.iter().take(ROWS).cloned().collect() }, note)
}

/// The last row of each run's curve, over seeds: the numbers under a chart.
fn ends(sheet: &Sheet) -> (Sheet, String) {
    let column = |name: &str| sheet.header.iter().position(|known| known == name);
    let [Some(system), Some(dataset), Some(seed)] = ["system", "dataset", "seed"].map(column) else {
        return shortened(sheet);
    };
    let columns: Vec<usize> = (0..sheet.header.len())
        .filter(|i| ![system, dataset, seed].contains(i) && sheet.header[*i] != "profile")
        .collect();
    let mut order: Vec<(&str, &str)> = Vec::new();
    let mut last: BTreeMap<(&str, &str), BTreeMap<&str, &Vec<String>>> = BTreeMap::new();
    for row in &sheet.rows {
        let place = (row[system].as_str(), row[dataset].as_str());
        if !last.contains_key(&place) {
            order.push(place);
        }
        last.entry(place).or_default().insert(&row[seed], row);
    }
    let rows = order.iter().map(|place| {
        let runs = &last[place];
        let mut row = vec![place.0.to_owned(), place.1.to_owned(), runs.len().to_string()];
        row.extend(columns.iter().map(|i| over_seeds(runs.values().map(|run| run[*i].as_str()))));
        row
    });
    let rows = rows.collect();
    let mut header: Vec<String> = ["system", "data set", "n"].map(str::to_owned).into();
    header.extend(columns.iter().map(|i| sheet.header[*i].clone()));
    (
        Sheet { header, rows },
        "The end of each curve, mean over seeds; all points stand in the CSV.".to_owned(),
    )
}

/// The mean of numbers; of texts the first, where all are equal.
fn over_seeds<'a>(values: impl Iterator<Item = &'a str>) -> String {
    let values: Vec<&str> = values.collect();
    let numbers: Option<Vec<f64>> = values.iter().map(|value| value.trim().parse().ok()).collect();
    match numbers.filter(|numbers| !numbers.is_empty()) {
        Some(numbers) => chart::number(numbers.iter().sum::<f64>() / numbers.len() as f64),
        None if values.windows(2).all(|pair| pair[0] == pair[1]) => {
            values.first().map_or("", |v| v).to_owned()
        }
        None => String::new(),
    }
}

/// The tested differences between systems.
fn compared(comparisons: &[Comparison]) -> Option<Sheet> {
    let digits = |value: f64| if value.abs() < 1.5 { 4 } else { 2 };
    let rows = comparisons.iter().map(|c| {
        let scale = c.mean.or(c.mean_against).map_or(2, digits);
        let number = |value: Option<f64>| value.map(|v| plain(v, scale)).unwrap_or_default();
        let difference = c.difference.map(|d| format::difference(d, scale)).unwrap_or_default();
        let spread = c.sd_difference.map(|sd| format!(" ± {}", plain(sd, scale))).unwrap_or_default();
        let units: Vec<String> =
            c.p_units.split_whitespace().map(|p| p.parse().map_or(p.to_owned(), format::p_value)).collect();
        vec![
            c.system.clone(),
            c.against.clone(),
            [c.dataset.as_str(), &c.task, &c.metric].join(", "),
            number(c.mean),
            number(c.mean_against),
            format!("{difference}{spread}"),
            c.seeds.clone(),
            c.p_seeds.map(format::p_value).unwrap_or_default(),
            units.join(" "),
        ]
    });
    let header = [
        "system",
        "against",
        "of",
        "mean",
        "mean of the other",
        "difference",
        "seeds",
        "p over seeds",
        "p over sentences, by seed",
    ];
    (!comparisons.is_empty())
        .then(|| Sheet { header: header.map(str::to_owned).into(), rows: rows.collect() })
}

/// The curves of the runs that no table of points shows: loss, development score.
fn training(paper: &Paper, names: &mut Names<'_>) -> Vec<Figure> {
    let shown: BTreeSet<&str> = paper
        .tables
        .iter()
        .filter_map(|table| table.spec.as_ref().and_then(|spec| spec.curve.as_deref()))
        .collect();
    let mut runs: Vec<&RunRecord> =
        paper.finished().filter(|(_, tables)| !tables.is_empty()).map(|(record, _)| record).collect();
    runs.sort_by_key(|run| {
        (&run.cell.dataset, paper.place_of(&run.cell.system), &run.cell.system, run.cell.seed)
    });
    let mut curves: BTreeMap<&str, Sheet> = BTreeMap::new();
    for record in runs {
        for (name, curve) in record.outcome.curves.iter().filter(|(name, _)| !shown.contains(name.as_str())) {
            add(curves.entry(name).or_default(), &paper.name_of(record), record, curve);
        }
    }
    let drawings = curves.values().flat_map(|sheet| chart::of_points(None, sheet));
    drawings.take(TRAINING).map(|drawing| names.figure(&drawing)).collect()
}

/// Adds a run's curve to those of the others; they may have other columns.
fn add(sheet: &mut Sheet, system: &str, record: &RunRecord, curve: &Curve) {
    if sheet.header.is_empty() {
        sheet.header = ["system", "dataset", "seed"].map(str::to_owned).into();
    }
    let mut places = Vec::with_capacity(curve.columns.len());
    for column in &curve.columns {
        let place = sheet.header.iter().position(|known| known == column).unwrap_or_else(|| {
            sheet.header.push(column.clone());
            for row in &mut sheet.rows {
                row.push(String::new());
            }
            sheet.header.len() - 1
        });
        places.push(place);
    }
    for values in &curve.rows {
        let mut row = vec![String::new(); sheet.header.len()];
        system.clone_into(&mut row[0]);
        row[1].clone_from(&record.cell.dataset);
        row[2] = record.cell.seed.to_string();
        for (place, value) in places.iter().zip(values) {
            row[*place] = match value {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
        }
        sheet.rows.push(row);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_seed_without_a_test_over_sentences_keeps_its_place() {
        let comparison = Comparison {
            p_units: "0.0312 - 0.5000".to_owned(),
            seeds: "1 2 3".to_owned(),
            ..Comparison::default()
        };
        let sheet = compared(&[comparison]).unwrap();
        let p: Vec<&str> = sheet.rows[0].last().unwrap().split(' ').collect();
        assert_eq!((p.len(), p[1]), (3, "-"), "{p:?}");
    }
}
