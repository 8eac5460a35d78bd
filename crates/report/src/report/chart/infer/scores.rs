//! The charts of a table of scores: bars, dots, sweeps, radar, Euler circles.

use medner_experiment::chart::{Chart, ChartKind};
use medner_experiment::schema::TableSpec;

use super::{distinct, drawn, joined};
use crate::report::chart::Style;
use crate::report::chart::bars::{Bar, Bars};
use crate::report::chart::euler::Euler;
use crate::report::chart::lines::{Lines, Point, Series};
use crate::report::chart::radar::Radar;
use crate::report::chart::svg::Drawing;
use crate::report::input::Score;

/// The charts of a table of scores.
pub fn of_scores(name: &str, spec: Option<&TableSpec>, scores: &[Score]) -> Vec<Drawing> {
    let chart = spec.and_then(|spec| spec.chart.as_ref());
    let kind = match chart.map(Chart::kind) {
        // Lines over seeds and epochs belong to tables of points.
        Some(ChartKind::None | ChartKind::Lines) => return Vec::new(),
        Some(kind) => Some(kind),
        None => None,
    };
    let wanted = chart.map(Chart::y).unwrap_or_default();
    let kept = |score: &&Score| wanted.is_empty() || wanted.contains(&score.metric);
    let scores: Vec<&Score> = scores.iter().filter(kept).collect();
    match kind {
        Some(ChartKind::Euler) => drawn(eulers(wanted, &scores).iter().map(Euler::draw)),
        Some(ChartKind::Radar) => drawn(radars(&scores).iter().map(Radar::draw)),
        Some(ChartKind::Bars) => drawn(bars(&scores).iter().map(Bars::draw)),
        Some(ChartKind::Sweep) => drawn(sweeps(&scores).iter().map(Lines::draw)),
        _ => {
            let sweeps = sweeps(&scores);
            if !sweeps.is_empty() {
                return drawn(sweeps.iter().map(Lines::draw));
            }
            if name.starts_with("fig") {
                return drawn(bars(&scores).iter().map(Bars::draw));
            }
            drawn(dots(&scores).iter().map(Bars::draw))
        }
    }
}

/// The scores that differ in nothing but what `of` leaves out, in their order.
fn panels<'a>(scores: &[&'a Score], of: impl Fn(&Score) -> Vec<&str>) -> Vec<(String, Vec<&'a Score>)> {
    let mut panels: Vec<(String, Vec<&Score>)> = Vec::new();
    for score in scores {
        let title = joined(&of(score));
        match panels.iter_mut().find(|(known, _)| *known == title) {
            Some((_, scores)) => scores.push(score),
            None => panels.push((title, vec![score])),
        }
    }
    panels
}

/// Groups of bars: entity types where there are several, else data sets, else systems.
fn bars(scores: &[&Score]) -> Vec<Bars> {
    let tasks = distinct(scores.iter().map(|s| s.task.as_str())).len();
    type Pick = fn(&Score) -> &str;
    let by_task: (Pick, Pick) = (|s| &s.task, |s| &s.dataset);
    let by_dataset: (Pick, Pick) = (|s| &s.dataset, |s| &s.task);
    let (group, other) = if tasks > 1 { by_task } else { by_dataset };
    let mut all = Vec::new();
    for (title, scores) in panels(scores, |s| vec![&s.metric, other(s)]) {
        let drawn: Vec<&&Score> =
            scores.iter().filter(|s| s.mean.is_some() || s.published.is_some()).collect();
        if !drawn.iter().any(|s| s.mean.is_some()) {
            continue;
        }
        let systems = distinct(drawn.iter().map(|s| s.system.as_str()));
        let groups = distinct(drawn.iter().map(|s| group(s)));
        let bar = |s: &&&Score| Bar {
            system: systems.iter().position(|name| *name == s.system).unwrap_or(0),
            value: s.mean,
            sd: s.sd,
            printed: s.published,
        };
        all.push(Bars {
            title,
            measure: scores.first().map(|s| s.metric.clone()).unwrap_or_default(),
            systems: systems.iter().map(|name| (*name).to_owned()).collect(),
            groups: groups
                .iter()
                .map(|name| {
                    ((*name).to_owned(), drawn.iter().filter(|s| group(s) == *name).map(bar).collect())
                })
                .collect(),
            dots: false,
        });
    }
    all
}

/// The metric that says most.
fn main_metric<'a>(scores: &[&'a Score]) -> Option<&'a str> {
    let metrics = distinct(scores.iter().map(|s| s.metric.as_str()));
    ["f1", "accuracy", "token_accuracy"]
        .into_iter()
        .find_map(|name| metrics.iter().find(|m| **m == name))
        .copied()
        .or_else(|| metrics.first().copied())
}

/// Measured beside printed, a row a system: worth drawing from three rows on.
fn dots(scores: &[&Score]) -> Vec<Bars> {
    let mut all = Vec::new();
    for (place, scores) in panels(scores, |s| vec![&s.task, &s.dataset]) {
        let Some(metric) = main_metric(&scores) else { continue };
        let both = |s: &&&Score| s.metric == metric && (s.mean.is_some() || s.published.is_some());
        let rows: Vec<&&Score> = scores.iter().filter(both).collect();
        if rows.iter().filter(|s| s.mean.is_some() && s.published.is_some()).count() < 3 {
            continue;
        }
        let row = |s: &&&Score| {
            let bar = Bar { system: 0, value: s.mean, sd: s.sd, printed: s.published };
            (s.system.clone(), vec![bar])
        };
        all.push(Bars {
            title: joined(&[metric, &place]),
            measure: metric.to_owned(),
            systems: vec!["measured, mean ± sd".to_owned()],
            groups: rows.iter().map(row).collect(),
            dots: true,
        });
    }
    all
}

/// A name whose last number may be a step of a sweep: what stands around it, and the number as written.
fn step_of(name: &str) -> Option<(String, &str, f64)> {
    let end = name.rfind(|c: char| c.is_ascii_digit())? + 1;
    let start = name[..end]
        .rfind(|c: char| !c.is_ascii_digit() && c != '.')
        .map_or(0, |at| at + name[at..].chars().next().map_or(1, char::len_utf8));
    let text = name[start..end].trim_start_matches('.');
    let around = format!(
        "{} {}",
        name[..start].trim_end_matches(['=', ' ', '(']),
        name[end..].trim_matches([')', ' '])
    );
    Some((around.trim().to_owned(), text, text.parse().ok()?))
}

/// Systems that differ in one number: a line a stem and data set, a panel a task and metric.
fn sweeps(scores: &[&Score]) -> Vec<Lines> {
    let steps: Vec<Option<(String, &str, f64)>> = scores.iter().map(|s| step_of(&s.system)).collect();
    let count = |stem: &str| {
        distinct(
            scores
                .iter()
                .zip(&steps)
                .filter(|(_, step)| step.as_ref().is_some_and(|s| s.0 == stem))
                .map(|(s, _)| s.system.as_str()),
        )
        .len()
    };
    let stems: Vec<String> = distinct(steps.iter().flatten().map(|step| step.0.as_str()))
        .into_iter()
        .filter(|stem| count(stem) >= 3)
        .map(str::to_owned)
        .collect();
    if stems.is_empty() {
        return Vec::new();
    }
    let in_sweep = |step: &Option<(String, &str, f64)>| step.as_ref().is_some_and(|s| stems.contains(&s.0));
    let mut ticks: Vec<(f64, String)> =
        steps.iter().filter(|s| in_sweep(s)).flatten().map(|s| (s.2, s.1.to_owned())).collect();
    ticks.sort_by(|a, b| a.0.total_cmp(&b.0));
    ticks.dedup_by(|a, b| a.0 == b.0);
    let mut all = Vec::new();
    for (title, scores) in panels(scores, |s| vec![&s.metric, &s.task]) {
        let mut series: Vec<Series> = Vec::new();
        let datasets = distinct(scores.iter().map(|s| s.dataset.as_str()));
        for stem in &stems {
            for dataset in &datasets {
                let name = match (stems.len(), datasets.len()) {
                    (1, 1) => stem.clone(),
                    (1, _) => (*dataset).to_owned(),
                    (_, 1) => stem.clone(),
                    _ => format!("{stem}, {dataset}"),
                };
                let (mut points, mut printed) = (Vec::new(), Vec::new());
                for score in scores.iter().filter(|s| s.dataset == *dataset) {
                    let Some(step) = step_of(&score.system).filter(|step| step.0 == *stem) else { continue };
                    let x = ticks.iter().position(|tick| tick.0 == step.2).unwrap_or(0) as f64;
                    if let Some(y) = score.mean {
                        points.push(Point { x, y, spread: score.sd.map(|sd| (y - sd, y + sd)) });
                    }
                    printed.extend(score.published.map(|y| (x, y)));
                }
                points.sort_by(|a, b| a.x.total_cmp(&b.x));
                if !points.is_empty() {
                    series.push(Series { name, style: Style::of(series.len()), points, printed });
                }
            }
        }
        if !series.is_empty() {
            all.push(Lines {
                title,
                x: stems.first().filter(|_| stems.len() == 1).cloned().unwrap_or_default(),
                y: scores.first().map(|s| s.metric.clone()).unwrap_or_default(),
                names: ticks.iter().map(|tick| tick.1.clone()).collect(),
                series,
            });
        }
    }
    all
}

/// Axes are metrics where there are three of them, else tasks, else data sets.
fn radars(scores: &[&Score]) -> Vec<Radar> {
    type Pick = fn(&Score) -> &str;
    let picks: [(Pick, Pick, Pick); 3] = [
        (|s| &s.metric, |s| &s.task, |s| &s.dataset),
        (|s| &s.task, |s| &s.metric, |s| &s.dataset),
        (|s| &s.dataset, |s| &s.metric, |s| &s.task),
    ];
    let enough = |pick: &&(Pick, Pick, Pick)| distinct(scores.iter().map(|s| pick.0(s))).len() >= 3;
    let Some((axis, one, two)) = picks.iter().find(enough) else { return Vec::new() };
    panels(scores, |s| vec![one(s), two(s)])
        .into_iter()
        .filter(|(_, scores)| scores.iter().any(|s| s.mean.is_some()))
        .map(|(title, scores)| {
            let axes = distinct(scores.iter().map(|s| axis(s)));
            let mut systems: Vec<(String, Vec<Option<f64>>)> = Vec::new();
            for name in distinct(scores.iter().map(|s| s.system.as_str())) {
                let value = |of: fn(&Score) -> Option<f64>| -> Vec<Option<f64>> {
                    axes.iter()
                        .map(|a| {
                            scores.iter().find(|s| s.system == name && axis(s) == *a).and_then(|s| of(s))
                        })
                        .collect()
                };
                for (label, values) in [
                    (name.to_owned(), value(|s| s.mean)),
                    (format!("{name}, as printed"), value(|s| s.published)),
                ] {
                    if values.iter().flatten().count() >= 2 {
                        systems.push((label, values));
                    }
                }
            }
            Radar { title, axes: axes.iter().map(|a| (*a).to_owned()).collect(), systems }
        })
        .collect()
}

/// The seven regions of three sets, in the order in which the file names their metrics.
fn eulers(metrics: &[String], scores: &[&Score]) -> Vec<Euler> {
    let [a, b, c, ..] = metrics else { return Vec::new() };
    let set = |name: &String| name.trim_start_matches("only_").replace('_', " ");
    panels(scores, |s| vec![&s.system, &s.dataset, &s.task])
        .into_iter()
        .filter_map(|(title, scores)| {
            let mut regions = [0.0; 7];
            for (region, metric) in regions.iter_mut().zip(metrics) {
                *region = scores.iter().find(|s| s.metric == *metric)?.mean?;
            }
            (metrics.len() == 7).then(|| Euler { title, sets: [set(a), set(b), set(c)], regions })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(system: &str, task: &str, metric: &str, mean: Option<f64>, published: Option<f64>) -> Score {
        Score {
            system: system.to_owned(),
            dataset: "D".to_owned(),
            task: task.to_owned(),
            metric: metric.to_owned(),
            mean,
            published,
            ..Score::default()
        }
    }

    #[test]
    fn a_step_is_the_last_number_of_a_name() {
        let step = |name| step_of(name).map(|(stem, text, value)| (stem, text.to_owned(), value));
        assert_eq!(step("ASAIBC dim=160"), Some(("ASAIBC dim".to_owned(), "160".to_owned(), 160.0)));
        assert_eq!(step("4 heads"), Some(("heads".to_owned(), "4".to_owned(), 4.0)));
        assert_eq!(step("MTL-LS (0.25)"), Some(("MTL-LS".to_owned(), "0.25".to_owned(), 0.25)));
        assert_eq!(step("BiLSTM-CRF"), None);
    }

    #[test]
    fn systems_that_differ_in_a_number_make_a_sweep() {
        let mut scores: Vec<Score> = [1, 2, 4, 16]
            .map(|heads| {
                score(&format!("{heads} heads"), "ner", "f1", Some(80.0 + f64::from(heads)), Some(82.0))
            })
            .into();
        // Rows of differences between two steps are no steps.
        scores.push(score("16 heads minus 4 heads", "ner", "f1", Some(-2.0), None));
        let drawings = of_scores("fig5", None, &scores);
        assert_eq!(drawings.len(), 1);
        assert!(drawings[0].description.contains("81 at 1, 96 at 16"), "{}", drawings[0].description);
        assert_eq!(drawings[0].inline("x").matches(r#"class="printed""#).count(), 5, "four and the legend's");
    }

    #[test]
    fn entity_types_of_a_figure_are_bars_and_a_table_shows_measured_beside_printed() {
        let types: Vec<Score> = ["drug", "exam"]
            .iter()
            .flat_map(|task| ["A", "B"].map(|system| score(system, task, "f1", Some(80.0), None)))
            .collect();
        let bars = of_scores("fig3", None, &types);
        assert_eq!(
            (bars.len(), bars[0].description.as_str()),
            (1, "f1. drug: A 80, B 80; exam: A 80, B 80.")
        );
        assert!(of_scores("table3", None, &types).is_empty(), "nothing printed stands beside");
        let table: Vec<Score> =
            ["A", "B", "C"].map(|system| score(system, "ner", "f1", Some(80.0), Some(81.0))).into();
        let dots = of_scores("table2", None, &table);
        assert_eq!(dots.len(), 1);
        assert!(
            dots[0].description.contains("A: measured, mean ± sd 80 (printed 81)"),
            "{}",
            dots[0].description
        );
    }

    #[test]
    fn radars_and_circles_are_drawn_where_they_are_asked_for() {
        let ratios: Vec<Score> = ["coverage", "forgotten", "new"]
            .map(|metric| score("MTL-LS", "all", metric, Some(50.0), Some(40.0)))
            .into();
        let refs: Vec<&Score> = ratios.iter().collect();
        let radar = &radars(&refs)[0].draw();
        assert!(radar.description.contains("MTL-LS, as printed: coverage 40"), "{}", radar.description);
        let names = ["only_train", "only_test", "only_predicted", "a", "b", "c", "all"].map(str::to_owned);
        let sizes: Vec<Score> = names.iter().map(|name| score("S", "t", name, Some(10.0), None)).collect();
        let refs: Vec<&Score> = sizes.iter().collect();
        let circles = eulers(&names, &refs);
        assert_eq!(circles[0].sets, ["train", "test", "predicted"].map(str::to_owned));
        assert!(eulers(&names[..6], &refs).is_empty(), "a region is missing");
    }
}
