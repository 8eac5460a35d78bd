//! Which run records fill a row of a table.
//!
//! The names in a record are those of the table that asked first, and a store keeps the records of earlier
//! configurations, so names alone do not say it. A row's configuration as its YAML merges it, its data set, its seeds and
//! the roles of what it starts from do: a record belongs to the row when its configuration holds every value that the
//! YAML sets, and whatever else it has stands at the method's default.

use std::collections::BTreeMap;
use std::path::Path;

use medner_experiment::record::Status;
use medner_experiment::schema::{self, Awaits, Dataset, Profile, System, TableSpec};
use medner_experiment::store::Store;
use medner_experiment::{RunRecord, Value};

/// The tables of a paper and the records of one profile.
#[derive(Debug)]
pub struct Runs<'a> {
    tables: Vec<TableSpec>,
    errors: Vec<String>,
    profile: Option<Profile>,
    /// Finished records by data set and seed.
    records: BTreeMap<(&'a str, u64), Vec<&'a RunRecord>>,
}

/// What a row measured, seed by seed, or why there is nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Row<'a> {
    /// Finished records.
    pub records: BTreeMap<u64, &'a RunRecord>,
    /// The seeds that the profile wants.
    pub planned: Vec<u64>,
}

impl<'a> Runs<'a> {
    /// Reads the tables of `folder` (`experiments/<paper>`) beside the records of `results/<label>/<paper>`.
    ///
    /// Tables that cannot be read are left out; [`Runs::errors`] says why.
    pub fn new(folder: &Path, store: &'a Store, label: &str) -> Self {
        let mut tables = Vec::new();
        let mut errors = Vec::new();
        match schema::tables(folder) {
            Ok(names) => {
                for name in names {
                    match TableSpec::load(&folder.join(format!("{name}.yaml"))) {
                        Ok(spec) => tables.push(spec),
                        Err(error) => errors.push(error.to_string()),
                    }
                }
            }
            Err(error) => errors.push(error.to_string()),
        }
        let mut records: BTreeMap<(&str, u64), Vec<&RunRecord>> = BTreeMap::new();
        for record in store.records().values().filter(|record| record.status == Status::Finished) {
            records.entry((&record.cell.data, record.cell.seed)).or_default().push(record);
        }
        Self { tables, errors, profile: profile_of(label), records }
    }

    /// The tables that could be read, in their printed order.
    pub fn tables(&self) -> impl Iterator<Item = &TableSpec> {
        self.tables.iter()
    }

    /// Why tables could not be read.
    pub fn errors(&self) -> &[String] {
        &self.errors
    }

    /// A table by name.
    pub fn table(&self, name: &str) -> Option<&TableSpec> {
        self.tables.iter().find(|spec| spec.name == name)
    }

    /// Finished records and seeds of a row; the newest record where several fit. `dataset` is as printed or as in the file.
    ///
    /// # Errors
    /// A sentence: no such table, system or data set here, not part of the profile, or what it waits for.
    pub fn row(&self, table: &str, system: &str, dataset: &str) -> Result<Row<'a>, String> {
        let spec = self.table(table).ok_or_else(|| format!("no such runs yet: {table} is not built"))?;
        let profile = self.profile.ok_or("these results belong to no profile")?;
        let known = spec
            .system(system)
            .ok_or_else(|| format!("no such runs yet: {table} has no system `{system}`"))?;
        let (file_name, data) = named_dataset(spec, dataset)
            .ok_or_else(|| format!("no such runs yet: {table} has no data set `{dataset}`"))?;
        let records = self.matching(spec, profile, (system, known), (file_name, data));
        let planned = spec.seeds_of(profile, system, file_name).to_vec();
        if records.is_empty() {
            return Err(match spec.awaits(profile, system) {
                Some(Awaits::What(what) | Awaits::Unless { what, .. }) => {
                    format!("{system} waits for {what}")
                }
                None if !spec.pairs(profile).contains(&(system, file_name)) => {
                    format!("{system} on {dataset} is not part of profile {profile}")
                }
                None => format!("no such runs yet: {system} on {dataset} ({table})"),
            });
        }
        Ok(Row { records, planned })
    }

    fn matching(
        &self,
        spec: &TableSpec,
        profile: Profile,
        (name, system): (&str, &System),
        (file_name, data): (&str, &Dataset),
    ) -> BTreeMap<u64, &'a RunRecord> {
        let wanted = spec.config(profile, name, file_name, &[]).to_value();
        let shown = data.shown_as.as_deref().unwrap_or(file_name);
        let mut found = BTreeMap::new();
        for &seed in spec.seeds_of(profile, name, file_name) {
            let candidates = self.records.get(&(data.data.as_str(), seed)).map(Vec::as_slice);
            let best = candidates
                .unwrap_or_default()
                .iter()
                .filter(|record| record.cell.needs.keys().eq(system.needs.keys()))
                .filter(|record| holds(&record.cell.config, &wanted))
                .filter_map(|record| {
                    let cell = &record.cell;
                    let named = cell.system == name && (cell.dataset == file_name || cell.dataset == shown);
                    // A key that neither the YAML nor a default explains: another row, or a method that derives keys
                    // of its own, which its name then tells.
                    let rank = match (covers(&wanted, &cell.changed), named) {
                        (true, named) => 2 + u8::from(named),
                        (false, true) => 1,
                        (false, false) => return None,
                    };
                    Some(((rank, cell.results_version, record.started.as_str()), *record))
                })
                .max_by(|(one, a), (two, b)| one.cmp(two).then(a.cell.hash.cmp(&b.cell.hash)));
            if let Some((_, record)) = best {
                found.insert(seed, record);
            }
        }
        found
    }
}

/// `cpu` of `cpu`; none of `cpu+set`, whose runs have another configuration than the tables, or of `sample`.
pub fn profile_of(label: &str) -> Option<Profile> {
    [Profile::Quick, Profile::Cpu, Profile::Paper].into_iter().find(|profile| profile.to_string() == label)
}

/// A data set by its name in the file, else the first that is printed under that name.
pub fn named_dataset<'s>(spec: &'s TableSpec, name: &str) -> Option<(&'s str, &'s Dataset)> {
    let by = |wanted: &dyn Fn(&str, &Dataset) -> bool| {
        spec.datasets.iter().find(|(file, data)| wanted(file, data)).map(|(file, data)| (file.as_str(), data))
    };
    by(&|file, _| file == name).or_else(|| by(&|_, data| data.shown_as.as_deref() == Some(name)))
}

/// True where every value that `wanted` sets stands in the configuration; 1 and 1.0 are the same.
fn holds(config: &Value, wanted: &Value) -> bool {
    match (config, wanted) {
        (Value::Object(config), Value::Object(wanted)) => {
            wanted.iter().all(|(key, value)| holds(config.get(key).unwrap_or(&Value::Null), value))
        }
        (Value::Array(config), Value::Array(wanted)) => {
            config.len() == wanted.len() && config.iter().zip(wanted).all(|(a, b)| holds(a, b))
        }
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (config, wanted) => config == wanted,
    }
}

/// True where `wanted` speaks of every key that differs from the method's defaults.
fn covers(wanted: &Value, changed: &Value) -> bool {
    let (Value::Object(wanted), Value::Object(changed)) = (wanted, changed) else { return true };
    let variant = |map: &serde_json::Map<String, Value>| {
        ["kind", "type"].iter().find_map(|tag| map.get(*tag).filter(|value| value.is_string()).cloned())
    };
    // Another variant than the default's is recorded whole, with its own defaults.
    if variant(changed).is_some() && variant(changed) == variant(wanted) {
        return true;
    }
    changed
        .iter()
        .all(|(key, value)| value.is_null() || wanted.get(key).is_some_and(|mine| covers(mine, value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_configuration_holds_what_the_yaml_sets_and_nothing_unexplained() {
        let config = json!({"model": {"heads": 4.0, "encoder": "idcnn"}, "epochs": 25, "list": [1, 2]});
        assert!(holds(&config, &json!({"model": {"heads": 4}, "list": [1.0, 2]})));
        assert!(!holds(&config, &json!({"model": {"heads": 0}})));
        assert!(holds(&config, &json!(null)) == config.is_null());
        let wanted = json!({"model": {"encoder": "idcnn"}, "optimizer": {"kind": "radam"}});
        assert!(covers(&wanted, &json!({"model": {"encoder": "idcnn"}})));
        assert!(covers(&wanted, &json!({"optimizer": {"kind": "radam", "betas": [0.9, 0.999]}})));
        assert!(covers(&wanted, &json!({"gone": null})));
        assert!(!covers(&wanted, &json!({"model": {"heads": 0}})));
        assert!(!covers(&wanted, &json!({"epochs": 3})));
    }

    #[test]
    fn labels_name_profiles() {
        assert_eq!(profile_of("cpu"), Some(Profile::Cpu));
        assert_eq!(profile_of("cpu+set"), None);
        assert_eq!(profile_of("sample"), None);
    }
}
