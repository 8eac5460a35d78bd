//! Rows that take their numbers from the records of other runs.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use medner_experiment::{Cell, Outcome, RunContext};

use super::report::mean;
use super::{DEV_F1, pool_notes};
use crate::entity_sets::RATIOS;
use crate::subtasks;

/// What the pool's record says of one of its sub-tasks.
///
/// # Errors
/// A record that cannot be read or has no such scores.
pub fn pooled(cell: &Cell, ctx: &RunContext) -> Result<Outcome> {
    let task = subtasks::find(&cell.data).with_context(|| format!("`{}` is no sub-task", cell.data))?;
    let record = ctx.needed_record("pool")?;
    let scores = record.outcome.scores.get(task.data);
    let scores = scores.with_context(|| format!("the pool was not scored on {}", task.data))?;
    let name = task.category.name();
    let mut outcome = Outcome::default();
    outcome.scores.insert(name.to_owned(), scores.clone());
    if let Some(units) = record.outcome.units.get(task.data) {
        outcome.units.insert(name.to_owned(), units.clone());
    }
    for key in ["encoder", "scores"] {
        outcome.notes.extend(record.outcome.notes.get(key).map(|note| (key.to_owned(), note.clone())));
    }
    outcome.notes.extend(pool_notes::about(task, &record.outcome));
    Ok(outcome)
}

/// The needed cell with the best development F1; of equal ones the first by role.
///
/// # Errors
/// A record that cannot be read or has no such scores.
pub fn chosen(ctx: &RunContext) -> Result<Outcome> {
    let mut best: Option<(f64, String, Outcome)> = None;
    let mut tried = Vec::new();
    for role in ctx.needs.keys() {
        let outcome = ctx.needed_record(role)?.outcome;
        let dev = outcome.scores.values().filter_map(|metrics| metrics.get(DEV_F1)).copied().next();
        let dev = dev.with_context(|| format!("the cell `{role}` has no development score to choose by"))?;
        tried.push(format!("{role} {:.2}", 100.0 * dev));
        if best.as_ref().is_none_or(|(score, _, _)| dev > *score) {
            best = Some((dev, role.clone(), outcome));
        }
    }
    let (_, role, mut outcome) =
        best.context("there is nothing to choose from: the system has no `needs`")?;
    outcome.notes.insert("chosen on the development set".into(), format!("{role} of {}", tried.join(", ")));
    outcome.seconds.clear();
    outcome.curves.clear();
    Ok(outcome)
}

/// The mean of the entity sets' ratios over all needed cells.
///
/// # Errors
/// A record that cannot be read.
pub fn mean_of_sets(ctx: &RunContext) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut values: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    let mut encoders = BTreeSet::new();
    for role in ctx.needs.keys() {
        let record = ctx.needed_record(role)?;
        encoders.extend(record.outcome.notes.get("encoder").cloned());
        for metrics in record.outcome.scores.values() {
            for ratio in RATIOS {
                values.entry(ratio).or_default().extend(metrics.get(ratio));
            }
        }
    }
    for (ratio, values) in values {
        // new_entity_recall (..) -> new_entity_recall_mean (..)
        outcome.score("all", &ratio.replacen(" (", "_mean (", 1), mean(values));
    }
    outcome.notes.insert("encoder".into(), encoders.into_iter().collect::<Vec<_>>().join("; "));
    outcome.notes.insert("mean over".into(), ctx.needs.keys().cloned().collect::<Vec<_>>().join(", "));
    Ok(outcome)
}
