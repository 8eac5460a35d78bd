//! The charts of a table of points: lines over epochs, queries, steps.

use std::collections::BTreeMap;

use medner_experiment::chart::{Chart, ChartKind};
use medner_experiment::schema::TableSpec;

use super::{distinct, drawn, joined};
use crate::report::chart::Style;
use crate::report::chart::lines::{Lines, Point, Series};
use crate::report::chart::svg::Drawing;
use crate::report::input::Sheet;

/// More systems than this in one panel of lines cannot be told apart.
const CROWD: usize = 8;
/// Columns that count time rather than measure something.
const CLOCKS: [&str; 7] = ["query", "queries", "epoch", "step", "steps", "labelled", "round"];

/// The charts of points over epochs, queries, steps.
pub fn of_points(spec: Option<&TableSpec>, sheet: &Sheet) -> Vec<Drawing> {
    let chart = spec.and_then(|spec| spec.chart.as_ref());
    if chart.is_some_and(|chart| chart.kind() != ChartKind::Lines) {
        return Vec::new();
    }
    let column = |name: &str| sheet.header.iter().position(|known| known == name);
    let [Some(system), Some(dataset)] = ["system", "dataset"].map(column) else { return Vec::new() };
    let own: Vec<usize> = (0..sheet.header.len())
        .filter(|i| !["system", "dataset", "seed", "profile"].contains(&sheet.header[*i].as_str()))
        .collect();
    let value = |row: &[String], i: usize| row[i].trim().parse::<f64>().ok().filter(|v| v.is_finite());
    let numbers: Vec<usize> = own
        .iter()
        .copied()
        .filter(|i| {
            let filled = || sheet.rows.iter().filter(|row| !row[*i].trim().is_empty());
            filled().next().is_some() && filled().all(|row| value(row, *i).is_some())
        })
        .collect();
    let named = |name: &str| column(name).filter(|i| numbers.contains(i));
    let x = chart.and_then(Chart::x).and_then(named).or_else(|| CLOCKS.iter().find_map(|name| named(name)));
    let Some(x) = x.or_else(|| numbers.first().copied()) else { return Vec::new() };
    let ys = y_columns(spec, sheet, &numbers, x);
    // A column of a few words (train, test) parts the rows once more.
    let parts: Vec<usize> = own
        .iter()
        .copied()
        .filter(|i| !numbers.contains(i))
        .filter(|i| (2..=6).contains(&distinct(sheet.rows.iter().map(|row| row[*i].as_str())).len()))
        .collect();
    let part_of = |row: &Vec<String>| joined(&parts.iter().map(|i| row[*i].as_str()).collect::<Vec<_>>());
    let texts: Vec<String> = sheet.rows.iter().map(part_of).collect();
    let mut panels = Vec::new();
    for place in distinct(sheet.rows.iter().map(|row| row[dataset].as_str())) {
        for part in distinct(texts.iter().map(String::as_str)) {
            for y in &ys {
                // By system and x, over seeds.
                let mut points: Vec<(&str, BTreeMap<Ordered, Vec<f64>>)> = Vec::new();
                for (row, text) in sheet.rows.iter().zip(&texts) {
                    if row[dataset] != place || text != part {
                        continue;
                    }
                    let (Some(at), Some(of)) = (value(row, x), value(row, *y)) else { continue };
                    let name = row[system].as_str();
                    let known = points.iter().position(|(known, _)| *known == name).unwrap_or(points.len());
                    if known == points.len() {
                        points.push((name, BTreeMap::new()));
                    }
                    points[known].1.entry(Ordered(at)).or_default().push(of);
                }
                let title = joined(&[&sheet.header[*y], place, part]);
                panels.extend(panels_of(&title, &sheet.header[x], &sheet.header[*y], &points));
            }
        }
    }
    drawn(panels.iter().map(Lines::draw))
}

/// The columns that are drawn.
fn y_columns(spec: Option<&TableSpec>, sheet: &Sheet, numbers: &[usize], x: usize) -> Vec<usize> {
    let wanted: Vec<&String> = match spec {
        Some(spec) => match spec.chart.as_ref().map(Chart::y).unwrap_or_default() {
            [] => spec.metrics.iter().collect(),
            named => named.iter().collect(),
        },
        None => Vec::new(),
    };
    let known = |name: &&String| sheet.header.iter().position(|column| column == *name);
    let wanted: Vec<usize> =
        wanted.iter().filter_map(known).filter(|i| numbers.contains(i) && *i != x).collect();
    if !wanted.is_empty() {
        return wanted;
    }
    let clock = |i: &usize| {
        let name = sheet.header[*i].as_str();
        CLOCKS.contains(&name) || name.contains("second") || follows(sheet, x, *i)
    };
    let measured: Vec<usize> = numbers.iter().copied().filter(|i| *i != x && !clock(i)).collect();
    // Where all follow the clock, they are what there is to show.
    let others = || numbers.iter().copied().filter(|i| *i != x).collect();
    if measured.is_empty() { others() } else { measured }
}

/// Whether a column says no more than another: it lies on a straight line over it, the same one for all runs.
fn follows(sheet: &Sheet, x: usize, y: usize) -> bool {
    let number = |row: &[String], i: usize| row[i].trim().parse::<f64>().ok();
    let points = || sheet.rows.iter().filter_map(|row| Some((number(row, x)?, number(row, y)?)));
    let Some(first) = points().next() else { return false };
    let Some(second) = points().find(|point| point.0 != first.0) else { return false };
    let slope = (second.1 - first.1) / (second.0 - first.0);
    let size = points().map(|point| point.1.abs()).fold(0.0, f64::max);
    slope != 0.0 && points().all(|(x, y)| (first.1 + slope * (x - first.0) - y).abs() <= 1e-9 * size)
}

/// A number that sorts.
#[derive(Clone, Copy, PartialEq)]
struct Ordered(f64);

impl Eq for Ordered {}
impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// One panel. Where that would be a crowd: one a variant where the names are `stem (variant)`, else eight lines a panel.
fn panels_of(title: &str, x: &str, y: &str, points: &[(&str, BTreeMap<Ordered, Vec<f64>>)]) -> Vec<Lines> {
    let line = |name: &str, style: usize, points: &BTreeMap<Ordered, Vec<f64>>| Series {
        name: name.to_owned(),
        style: Style::of(style),
        points: points.iter().map(|(x, ys)| over_seeds(x.0, ys)).collect(),
        printed: Vec::new(),
    };
    let panel = |title: String, series: Vec<Series>| Lines {
        title,
        x: x.to_owned(),
        y: y.to_owned(),
        names: Vec::new(),
        series,
    };
    if points.is_empty() {
        return Vec::new();
    }
    let split: Option<Vec<(&str, &str)>> = points.iter().map(|(name, _)| stem_and_variant(name)).collect();
    if let Some(split) = split.filter(|_| points.len() > CROWD) {
        let stems = distinct(split.iter().map(|(stem, _)| *stem));
        let variants = distinct(split.iter().map(|(_, variant)| *variant));
        if stems.len() > 1 && variants.len() > 1 && stems.len() <= CROWD {
            let of = |variant: &str| {
                let own = split.iter().zip(points).filter(|(name, _)| name.1 == variant);
                own.map(|((stem, _), (_, points))| {
                    let style = stems.iter().position(|known| known == stem).unwrap_or(0);
                    line(stem, style, points)
                })
                .collect()
            };
            return variants
                .into_iter()
                .map(|variant| panel(joined(&[title, variant]), of(variant)))
                .collect();
        }
    }
    let parts = points.len().div_ceil(CROWD);
    points
        .chunks(CROWD)
        .enumerate()
        .map(|(part, points)| {
            let series = points.iter().enumerate().map(|(i, (name, points))| line(name, i, points)).collect();
            let part = if parts > 1 { format!("{} of {parts}", part + 1) } else { String::new() };
            panel(joined(&[title, &part]), series)
        })
        .collect()
}

/// `MTAAL (MT, GloVe)`: what it is, and in which variant.
fn stem_and_variant(name: &str) -> Option<(&str, &str)> {
    let (stem, rest) = name.split_once(" (")?;
    Some((stem, rest.strip_suffix(')')?))
}

/// The mean, and how far the seeds reach.
fn over_seeds(x: f64, ys: &[f64]) -> Point {
    let mean = ys.iter().sum::<f64>() / ys.len() as f64;
    let low = ys.iter().copied().fold(f64::INFINITY, f64::min);
    let high = ys.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Point { x, y: mean, spread: (ys.len() > 1).then_some((low, high)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(systems: &[&str], header: &[&str], row: impl Fn(usize, usize) -> Vec<String>) -> Sheet {
        let head = ["system", "dataset", "seed"].iter().chain(header).chain(&["profile"]);
        let mut rows = Vec::new();
        for system in systems {
            for seed in 1..=2 {
                for step in 0..5 {
                    let mut cells = vec![(*system).to_owned(), "NCBI".to_owned(), seed.to_string()];
                    cells.extend(row(seed, step));
                    cells.push("cpu".to_owned());
                    rows.push(cells);
                }
            }
        }
        Sheet { header: head.map(|&name| name.to_owned()).collect(), rows }
    }

    #[test]
    fn what_counts_time_is_the_horizontal_axis_and_no_panel() {
        let sheet = sheet(&["A", "B"], &["ner_f1", "query", "step", "seconds"], |seed, step| {
            [0.1 * (seed + step) as f64, step as f64, 10.0 * step as f64, 1.5].map(|v| v.to_string()).into()
        });
        let drawings = of_points(None, &sheet);
        assert_eq!(drawings.len(), 1);
        assert_eq!(drawings[0].title, "ner_f1, NCBI");
        // Means over two seeds at the ends.
        assert!(
            drawings[0].description.starts_with("ner_f1 over query. A: 0.15 at 0, 0.55 at 4"),
            "{}",
            drawings[0].description
        );
    }

    #[test]
    fn words_part_the_panels() {
        let sheet = sheet(&["A"], &["epoch", "split", "f1"], |_, step| {
            vec![(step / 2).to_string(), ["train", "development"][step % 2].to_owned(), "0.5".to_owned()]
        });
        let titles: Vec<String> = of_points(None, &sheet).into_iter().map(|d| d.title).collect();
        assert_eq!(titles, ["f1, NCBI, train", "f1, NCBI, development"]);
    }

    #[test]
    fn a_crowd_of_variants_gets_a_panel_each() {
        let names: Vec<String> = ["LC", "Entropy", "Random"]
            .iter()
            .flat_map(|stem| ["ST, GloVe", "MT, GloVe", "MT, Word2Vec"].map(|v| format!("{stem} ({v})")))
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let sheet = sheet(&names, &["query", "f1"], |_, step| vec![step.to_string(), "0.5".to_owned()]);
        let drawings = of_points(None, &sheet);
        let titles: Vec<&str> = drawings.iter().map(|d| d.title.as_str()).collect();
        assert_eq!(titles, ["f1, NCBI, ST, GloVe", "f1, NCBI, MT, GloVe", "f1, NCBI, MT, Word2Vec"]);
        assert!(drawings[0].description.contains("Entropy: 0.5"), "{}", drawings[0].description);
    }

    #[test]
    fn a_crowd_without_variants_is_parted_and_what_follows_the_clock_is_left_out() {
        let names: Vec<String> = (0..18).map(|i| format!("System {i}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let sheet = sheet(&names, &["query", "labelled", "f1"], |seed, step| {
            let f1 = 0.5 + ((seed + step * step) as f64).sqrt() / 10.0;
            vec![step.to_string(), (1439 + 64 * step).to_string(), f1.to_string()]
        });
        let titles: Vec<String> = of_points(None, &sheet).into_iter().map(|d| d.title).collect();
        assert_eq!(titles, ["f1, NCBI, 1 of 3", "f1, NCBI, 2 of 3", "f1, NCBI, 3 of 3"]);
    }

    #[test]
    fn lists_of_examples_are_no_curves() {
        let sheet = sheet(&["A"], &["kind", "gold"], |_, step| vec!["missed".to_owned(), format!("x{step}")]);
        assert!(of_points(None, &sheet).is_empty());
    }
}
