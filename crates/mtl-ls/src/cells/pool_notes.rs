//! What the record of a category's model says of its training data, and the records of what starts from it.

use std::collections::BTreeMap;

use medner_experiment::Outcome;

use crate::shared_sentences::trained_on_elsewhere;
use crate::subtasks::{SubTask, TaskCorpus};

/// The sub-tasks that a category's model is trained on.
const TOGETHER: &str = "trained together";

/// What of a sub-task's scored sentences another one trains on.
fn elsewhere(task: &SubTask) -> String {
    format!("trained on elsewhere, {}", task.data)
}

/// Notes on what a category's model is trained on.
pub fn of(corpora: &[TaskCorpus]) -> BTreeMap<String, String> {
    let mut notes = BTreeMap::new();
    let here: Vec<&str> = corpora.iter().map(|corpus| corpus.task.data).collect();
    let category = corpora.first().map(|corpus| corpus.task.category);
    let missing = category.into_iter().flat_map(|category| category.subtasks().map(|task| task.data));
    let missing: Vec<&str> = missing.filter(|name| !here.contains(name)).collect();
    let without =
        if missing.is_empty() { String::new() } else { format!("; without {}", missing.join(", ")) };
    notes.insert(TOGETHER.to_owned(), here.join(", ") + &without);
    for (corpus, shared) in corpora.iter().zip(trained_on_elsewhere(corpora)) {
        notes.insert(elsewhere(corpus.task), shared.to_string());
    }
    notes
}

/// Those that concern one of its sub-tasks, from the record of the category's model.
pub fn about(task: &SubTask, pool: &Outcome) -> BTreeMap<String, String> {
    let keys = [TOGETHER.to_owned(), elsewhere(task)];
    keys.into_iter().filter_map(|key| Some((key.clone(), pool.notes.get(&key)?.clone()))).collect()
}
