//! What a side of a claim measured: one value a seed, with the entity counts of each sentence where the runs stored them.

use std::collections::{BTreeMap, BTreeSet};

use medner_experiment::{RunRecord, Value};
use medner_metrics::{Counts, Summary};

use super::pairs::{pairs, planned};
use super::runs::Runs;
use super::vocabulary::{CurvePoint, FullSide, Here, On, Scope, Side, Take};

/// A side's values.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// The side in words: what of it is not the claim's own.
    pub label: String,
    /// The values.
    pub values: Values,
}

/// Where a side's values come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// A number that is taken as exact: a printed one.
    Constant(f64),
    /// Our runs.
    Measured(Measured),
    /// Nothing to test, and why.
    Missing(String),
}

/// Values of our runs, in the printed scale.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// By seed.
    pub values: BTreeMap<u64, f64>,
    /// Counts of each sentence, by seed, where the runs stored those of this metric.
    pub units: BTreeMap<u64, Vec<Counts>>,
    /// The seeds that the profile wants; further ones count as well.
    pub planned: BTreeSet<u64>,
    /// No random number enters: the only value stands for every seed, and no chance over seeds is in it.
    pub deterministic: bool,
    /// Measured times this is printed.
    pub scale: f64,
    /// The table's tolerance.
    pub tolerance: f64,
    /// A row of differences, whose tolerance is half of the number that it stands beside, if that is less.
    pub difference: bool,
    /// Mean and spread of the repeats that the one run gathers, where its metric is `..._mean` beside `..._sd`.
    pub repeats: Option<Summary>,
    /// A word on how it came about.
    pub note: Option<String>,
    /// Of `best_of`: which seeds the other candidates lack ([`Measured::lacking`]). Until they have run, another may be the best.
    pub others_lack: Vec<String>,
}

impl Measured {
    /// The values in the order of their seeds.
    pub fn list(&self) -> Vec<f64> {
        self.values.values().copied().collect()
    }

    /// `2 of 3 seeds of X have run`, where the profile wants more than have.
    pub fn lacking(&self, label: &str) -> Option<String> {
        let run = self.values.len();
        let lacking = self.planned.iter().filter(|seed| !self.values.contains_key(seed)).count();
        (lacking > 0).then(|| format!("{run} of {} seeds of {label} have run", run + lacking))
    }

    /// Mean and spread.
    pub fn summary(&self) -> Option<Summary> {
        Summary::of(&self.list()).ok()
    }
}

/// A side with the claim's scope filled in, as the paper names it.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    /// The row; empty for `best_of`.
    pub system: String,
    /// Table, data set, task, metric.
    pub scope: Scope,
    /// What else the side says.
    pub full: FullSide,
}

/// Fills in what a side leaves to its claim; a number has nothing to fill in.
pub fn resolve(side: &Side, scope: &Scope) -> Result<Resolved, f64> {
    let full = match side {
        Side::Number(number) => return Err(*number),
        Side::System(name) => FullSide { system: Some(name.clone()), ..FullSide::default() },
        Side::Full(full) => (**full).clone(),
    };
    let or = |given: &Option<String>, default: &str| given.clone().unwrap_or_else(|| default.to_owned());
    // What a side names itself is meant for our runs as well.
    let own = |given: &Option<String>, here: &Option<String>| here.clone().filter(|_| given.is_none());
    Ok(Resolved {
        system: full.system.clone().unwrap_or_default(),
        scope: Scope {
            table: or(&full.table, &scope.table),
            dataset: or(&full.dataset, &scope.dataset),
            task: or(&full.task, &scope.task),
            metric: or(&full.metric, &scope.metric),
            here: Here {
                table: own(&full.table, &scope.here.table),
                dataset: own(&full.dataset, &scope.here.dataset),
                task: own(&full.task, &scope.here.task),
                metric: own(&full.metric, &scope.here.metric),
            },
        },
        full,
    })
}

/// A side in words: the system, and what else differs from the claim's scope.
pub fn label(side: &Side, scope: &Scope) -> String {
    let resolved = match resolve(side, scope) {
        Ok(resolved) => resolved,
        Err(number) => return number.to_string(),
    };
    let full = &resolved.full;
    let mut text = if full.best_of.is_empty() {
        resolved.system.clone()
    } else {
        format!("the best of {}", full.best_of.join(", "))
    };
    let mut more = Vec::new();
    more.extend(full.metric.iter().filter(|metric| **metric != scope.metric).cloned());
    more.extend(full.task.iter().filter(|task| **task != scope.task).cloned());
    more.extend(full.dataset.iter().filter(|dataset| **dataset != scope.dataset).cloned());
    if !full.over.is_empty() {
        more.push(format!("mean over {} data sets", full.over.len()));
    }
    if let Some(curve) = &full.curve {
        let at = curve.at.map(|at| format!(" at {at}")).unwrap_or_default();
        more.push(format!("{} of {}{at}", curve.column, curve.name));
    }
    if full.published {
        more.push("as printed".to_owned());
    }
    if !more.is_empty() {
        text = format!("{text} ({})", more.join(", "));
    }
    text
}

/// What a side is, whatever it leaves to its claim: two claims that mean the same have the same.
pub fn identity(side: &Side, scope: &Scope) -> String {
    match resolve(side, scope) {
        Ok(Resolved { system, scope, full }) => {
            let scope = of_our_runs(&scope);
            let place = [&scope.table, &scope.dataset, &scope.task, &scope.metric];
            let FullSide { best_of, over, published, curve, .. } = full;
            format!("{system:?} {place:?} {best_of:?} {over:?} {published} {curve:?}")
        }
        Err(number) => format!("{number:?}"),
    }
}

/// Data set and task of an entry of `over` or `on`.
pub fn place(on: &On, scope: &Scope) -> (String, String) {
    match on {
        On::Dataset(dataset) => (dataset.clone(), scope.task.clone()),
        On::Task { dataset, task } => (dataset.clone(), task.clone()),
    }
}

/// The values of a side; `printed` gives the number that the paper prints for a side.
pub fn series(
    side: &Side,
    scope: &Scope,
    runs: &Runs<'_>,
    printed: &dyn Fn(&Resolved) -> Option<f64>,
) -> Series {
    let label = label(side, scope);
    let resolved = match resolve(side, scope) {
        Ok(resolved) => resolved,
        Err(number) => return Series { label, values: Values::Constant(number) },
    };
    let values = if resolved.full.published {
        printed(&resolved).map_or_else(
            || {
                Values::Missing(format!(
                    "the paper prints no {} of {}",
                    resolved.scope.metric, resolved.system
                ))
            },
            Values::Constant,
        )
    } else if resolved.full.best_of.is_empty() {
        measured(&resolved.system, &resolved, runs).map_or_else(Values::Missing, Values::Measured)
    } else {
        best_of(&resolved, runs).map_or_else(Values::Missing, Values::Measured)
    };
    Series { label, values }
}

/// The system with the highest mean. It is chosen by the scores it is then judged by, which the note says, and it is chosen
/// for good once the seeds of all candidates have run.
fn best_of(resolved: &Resolved, runs: &Runs<'_>) -> Result<Measured, String> {
    let mut best: Option<(f64, &str, Measured)> = None;
    let mut lacking = Vec::new();
    for system in &resolved.full.best_of {
        let candidate = measured(system, resolved, runs)?;
        let mean = candidate.summary().map_or(f64::NEG_INFINITY, |summary| summary.mean);
        lacking.extend(candidate.lacking(system).map(|text| (system, text)));
        if best.as_ref().is_none_or(|(highest, ..)| mean > *highest) {
            best = Some((mean, system, candidate));
        }
    }
    let (_, best, mut measured) = best.ok_or("`best_of` is empty")?;
    measured.note = Some(format!("{best}, chosen by the very scores it is judged by"));
    // What the chosen one lacks is said of the side itself.
    let others = lacking.into_iter().filter(|(system, _)| *system != best);
    measured.others_lack = others.map(|(_, text)| text).collect();
    Ok(measured)
}

/// A scope by the names of our runs.
fn of_our_runs(scope: &Scope) -> Scope {
    let or = |here: &Option<String>, name: &str| here.clone().unwrap_or_else(|| name.to_owned());
    Scope {
        table: or(&scope.here.table, &scope.table),
        dataset: or(&scope.here.dataset, &scope.dataset),
        task: or(&scope.here.task, &scope.task),
        metric: or(&scope.here.metric, &scope.metric),
        here: Here::default(),
    }
}

/// A system's values, or their mean over several data sets.
fn measured(system: &str, resolved: &Resolved, runs: &Runs<'_>) -> Result<Measured, String> {
    let scope = of_our_runs(&resolved.scope);
    if resolved.full.over.is_empty() {
        let mut measured = one(system, &scope, resolved.full.curve.as_ref(), runs)?;
        if let Some(dataset) = &resolved.scope.here.dataset {
            measured.note = Some(format!("on {dataset}, which stands in for {}", resolved.scope.dataset));
        }
        return Ok(measured);
    }
    let mut parts = Vec::new();
    for on in &resolved.full.over {
        let (dataset, task) = place(on, &scope);
        let scope = Scope { dataset, task, ..scope.clone() };
        parts.push(one(system, &scope, resolved.full.curve.as_ref(), runs)?);
    }
    let mut mean = Measured { units: BTreeMap::new(), ..parts[0].clone() };
    mean.planned.retain(|seed| parts.iter().all(|part| part.planned.contains(seed)));
    mean.values.retain(|seed, _| parts.iter().all(|part| part.values.contains_key(seed)));
    for (seed, value) in &mut mean.values {
        *value = parts.iter().filter_map(|part| part.values.get(seed)).sum::<f64>() / parts.len() as f64;
    }
    Ok(mean)
}

fn one(system: &str, scope: &Scope, curve: Option<&CurvePoint>, runs: &Runs<'_>) -> Result<Measured, String> {
    let spec =
        runs.table(&scope.table).ok_or_else(|| format!("no such runs yet: {} is not built", scope.table))?;
    if let Some((first, second)) = spec.system(system).and_then(|known| known.minus.as_ref()) {
        return Ok(difference(&one(first, scope, curve, runs)?, &one(second, scope, curve, runs)?));
    }
    // What the paper calls a metric may be measured under its true name.
    let renamed = spec.measured_as.get(&format!("{}/{}", scope.task, scope.metric));
    let (task, metric) =
        renamed.and_then(|name| name.split_once('/')).unwrap_or((scope.task.as_str(), scope.metric.as_str()));
    let row = runs.row(&scope.table, system, &scope.dataset, task)?;
    let scale = if metric.starts_with("seconds/") { 1.0 } else { spec.scale.of(metric, 1.0) };
    let mut found = Measured {
        planned: row.planned.into_iter().collect(),
        deterministic: row.deterministic,
        scale,
        tolerance: spec.tolerance.of(metric, 0.0),
        ..Measured::default()
    };
    for (seed, record) in &row.records {
        let value = match curve {
            Some(point) => on_curve(record, point),
            None => score(record, task, metric),
        };
        found.values.insert(*seed, value? * scale);
        if curve.is_none() && row.records.len() == 1 {
            found.repeats = repeats(record, task, metric, scale);
        }
        let units = record.outcome.units_of(task, metric).filter(|_| curve.is_none());
        found.units.extend(units.map(|units| (*seed, units.0.clone())));
    }
    Ok(found)
}

/// A row of differences, pair by pair.
fn difference(first: &Measured, second: &Measured) -> Measured {
    let values = pairs(first, second, |side| &side.values).into_iter().map(|(seed, a, b)| (seed, a - b));
    Measured {
        values: values.collect(),
        planned: planned(first, second),
        deterministic: first.deterministic && second.deterministic,
        scale: first.scale,
        tolerance: first.tolerance,
        difference: true,
        ..Measured::default()
    }
}

/// A run that starts from `repeat 1`, `repeat 2`, ... and reports their mean and standard deviation.
fn repeats(record: &RunRecord, task: &str, metric: &str, scale: f64) -> Option<Summary> {
    let n = record.cell.needs.keys().filter(|role| role.starts_with("repeat")).count();
    let scores = record.outcome.scores.get(task)?;
    let mean = scores.get(metric)? * scale;
    let sd = scores.get(&format!("{}_sd", metric.strip_suffix("_mean")?))? * scale;
    (n >= 2).then_some(Summary { n, mean, sd: Some(sd), min: mean, max: mean })
}

fn score(record: &RunRecord, task: &str, metric: &str) -> Result<f64, String> {
    let outcome = &record.outcome;
    let found = match metric.strip_prefix("seconds/") {
        Some(phase) => outcome.seconds.get(phase),
        None => outcome.scores.get(task).and_then(|metrics| metrics.get(metric)),
    };
    found.copied().ok_or_else(|| format!("the runs of {} report no {task}/{metric}", record.cell.system))
}

fn on_curve(record: &RunRecord, point: &CurvePoint) -> Result<f64, String> {
    let missing = || {
        format!("the runs of {} have no `{}` in a curve `{}`", record.cell.system, point.column, point.name)
    };
    let curve = record.outcome.curves.get(&point.name).ok_or_else(missing)?;
    let column = curve.columns.iter().position(|name| *name == point.column).ok_or_else(missing)?;
    let number = |row: &Vec<Value>, at: usize| row.get(at).and_then(Value::as_f64);
    if let Some(at) = point.at {
        let row = curve.rows.iter().find(|row| number(row, 0) == Some(at));
        return row.and_then(|row| number(row, column)).ok_or_else(|| {
            format!("the curve `{}` of {} does not reach {at}", point.name, record.cell.system)
        });
    }
    let values: Vec<f64> = curve.rows.iter().filter_map(|row| number(row, column)).collect();
    let summary = Summary::of(&values).map_err(|_| missing())?;
    Ok(match point.take.unwrap_or(Take::Last) {
        Take::Last => *values.last().ok_or_else(missing)?,
        Take::Max => summary.max,
        Take::Min => summary.min,
        Take::Mean => summary.mean,
    })
}
