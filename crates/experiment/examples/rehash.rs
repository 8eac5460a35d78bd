//! Carries run records over to the naming of cells by what differs from the method's defaults.
//!
//! `rehash RUNS_DIR DEFAULTS_JSON`: fills `cell.changed` of every record, computes its hash anew (needs first), writes it
//! under its new name, removes the old file, and renames `../checkpoints/<old>`. Records that have the field already are
//! left as they are. Nothing is changed before every record was read and every new name is known.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use medner_experiment::{RunRecord, Value, config};

fn main() -> anyhow::Result<()> {
    let args: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [runs, defaults] = args.as_slice() else { bail!("usage: rehash RUNS_DIR DEFAULTS_JSON") };
    let default: Value = serde_json::from_str(&std::fs::read_to_string(defaults).context("DEFAULTS_JSON")?)?;
    ensure!(default.is_object(), "{}: expected a map of all default keys", defaults.display());
    let mut waiting = read(runs)?;
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let mut done: BTreeMap<String, RunRecord> = BTreeMap::new();
    // Needs first: a record is named when none of its needs is still to be named.
    while !waiting.is_empty() {
        let ready: Vec<String> = waiting
            .iter()
            .filter(|(_, record)| !record.cell.needs.values().any(|need| waiting.contains_key(need)))
            .map(|(old, _)| old.clone())
            .collect();
        ensure!(!ready.is_empty(), "records that need each other in a circle: {:?}", waiting.keys());
        for old in ready {
            let Some(mut record) = waiting.remove(&old) else { continue };
            let cell = &mut record.cell;
            for (role, need) in &mut cell.needs {
                match names.get(need) {
                    Some(new) => need.clone_from(new),
                    None => bail!("{old}: its need `{role}` ({need}) has no record in {}", runs.display()),
                }
            }
            if cell.changed.is_null() {
                cell.changed = config::difference(&cell.config, &known(&default, &cell.config));
            }
            cell.hash = cell.content_hash();
            names.insert(old.clone(), cell.hash.clone());
            if let Some(twin) = done.insert(old, record.clone()) {
                bail!("two records of {}", twin.cell.hash);
            }
        }
    }
    let unique: std::collections::BTreeSet<&String> = names.values().collect();
    ensure!(unique.len() == names.len(), "two records would have the same name: {names:?}");
    for (old, record) in &done {
        let new = &record.cell.hash;
        if old == new {
            println!("{old} stays");
            continue;
        }
        record.save(&runs.join(format!("{new}.json")))?;
        std::fs::remove_file(runs.join(format!("{old}.json")))?;
        println!("{old} -> {new}{}", move_checkpoints(runs, old, new)?);
    }
    Ok(())
}

/// The defaults without the keys that a record does not have: they came later, and their defaults stand for what ran.
fn known(default: &Value, config: &Value) -> Value {
    let (Value::Object(default), Value::Object(config)) = (default, config) else { return default.clone() };
    let both = default.iter().filter_map(|(key, value)| Some((key.clone(), known(value, config.get(key)?))));
    both.collect()
}

/// The records by the hash they are called by.
fn read(runs: &Path) -> anyhow::Result<BTreeMap<String, RunRecord>> {
    let mut records = BTreeMap::new();
    for entry in std::fs::read_dir(runs).with_context(|| runs.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let text = std::fs::read_to_string(&path)?;
        let record: RunRecord = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
        let named = path.file_stem().is_some_and(|stem| stem == record.cell.hash.as_str());
        ensure!(named, "{}: holds the record of {}", path.display(), record.cell.hash);
        records.insert(record.cell.hash.clone(), record);
    }
    Ok(records)
}

fn move_checkpoints(runs: &Path, old: &str, new: &str) -> anyhow::Result<&'static str> {
    let folder = runs.parent().context("RUNS_DIR has no parent")?.join("checkpoints");
    let (from, to) = (folder.join(old), folder.join(new));
    if !from.is_dir() {
        return Ok("");
    }
    std::fs::rename(&from, &to).with_context(|| format!("{} to {}", from.display(), to.display()))?;
    let mark = to.join("finished");
    if mark.is_file() {
        std::fs::write(&mark, format!("{new}\n"))?;
    }
    Ok(", with its checkpoints")
}
