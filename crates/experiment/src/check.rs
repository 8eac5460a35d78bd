//! What serde cannot see in a table's file: names that must exist, circles, empty lists.

use std::collections::BTreeSet;

use crate::config::ConfigError;
use crate::error::{ExperimentError, Result, nearest};
use crate::schema::TableSpec;

pub(crate) fn check(spec: &TableSpec) -> Result<()> {
    let fail = |path: &str, message: String| {
        let error = ConfigError::at(path, message);
        ExperimentError::schema(spec.place_of(path), error.to_string())
    };
    for (key, empty) in [
        ("title", spec.title.is_empty()),
        ("datasets", spec.datasets.is_empty()),
        ("systems", spec.systems.is_empty()),
    ] {
        if empty {
            return Err(fail(key, "missing key; a table has a `title`, `datasets` and `systems`".to_owned()));
        }
    }
    check_names(spec)?;
    check_seeds(spec)?;
    for (renamed, measured) in &spec.measured_as {
        if [renamed, measured].iter().any(|name| name.split('/').count() != 2) {
            let message = format!("expected `task/metric: task/metric`, found `{renamed}: {measured}`");
            return Err(fail("measured_as", message));
        }
    }
    check_circles(spec)
}

fn check_names(spec: &TableSpec) -> Result<()> {
    let systems: Vec<String> = spec.systems.iter().map(|(name, _)| name.clone()).collect();
    let datasets: Vec<String> = spec.datasets.iter().map(|(name, _)| name.clone()).collect();
    let known = |path: String, what: &str, name: &str, all: &[String]| -> Result<()> {
        if all.iter().any(|known| known == name) {
            return Ok(());
        }
        let error = ConfigError {
            message: format!("there is no {what} `{name}` in this file"),
            nearest: nearest(name, all),
            known: all.to_vec(),
            path,
        };
        Err(ExperimentError::schema(spec.place_of(&error.path), error.to_string()))
    };
    for (name, system) in &spec.systems {
        for (role, need) in &system.needs {
            let path = format!("systems.{name}.needs.{role}");
            known(path.clone(), "system", need.system(), &systems)?;
            if let Some(dataset) = need.dataset() {
                known(format!("{path}.dataset"), "data set", dataset, &datasets)?;
            }
        }
        for dataset in system.datasets.iter().flatten() {
            known(format!("systems.{name}.datasets"), "data set", dataset, &datasets)?;
        }
        if let Some((one, two)) = &system.minus {
            known(format!("systems.{name}.minus"), "system", one, &systems)?;
            known(format!("systems.{name}.minus"), "system", two, &systems)?;
        }
    }
    for (name, dataset) in &spec.datasets {
        for (role, other) in &dataset.needs {
            known(format!("datasets.{name}.needs.{role}"), "data set", other, &datasets)?;
        }
    }
    for (at, (one, two)) in spec.comparisons.iter().enumerate() {
        known(format!("comparisons[{at}]"), "system", one, &systems)?;
        known(format!("comparisons[{at}]"), "system", two, &systems)?;
    }
    for (profile, changes) in &spec.profiles {
        for name in changes.systems.keys() {
            known(format!("profiles.{profile}.systems.{name}"), "system", name, &systems)?;
        }
        for name in changes.datasets.keys() {
            known(format!("profiles.{profile}.datasets.{name}"), "data set", name, &datasets)?;
        }
        for name in changes.only_systems.iter().flatten() {
            known(format!("profiles.{profile}.only_systems"), "system", name, &systems)?;
        }
        for name in changes.only_datasets.iter().flatten() {
            known(format!("profiles.{profile}.only_datasets"), "data set", name, &datasets)?;
        }
    }
    Ok(())
}

fn check_seeds(spec: &TableSpec) -> Result<()> {
    let mut all = vec![("seeds".to_owned(), Some(&spec.seeds))];
    for (name, system) in &spec.systems {
        all.push((format!("systems.{name}.seeds"), system.seeds.as_ref()));
    }
    for (name, dataset) in &spec.datasets {
        all.push((format!("datasets.{name}.seeds"), dataset.seeds.as_ref()));
    }
    for (profile, changes) in &spec.profiles {
        all.push((format!("profiles.{profile}.seeds"), changes.seeds.as_ref()));
        for (name, change) in &changes.systems {
            all.push((format!("profiles.{profile}.systems.{name}.seeds"), change.seeds.as_ref()));
        }
        for (name, change) in &changes.datasets {
            all.push((format!("profiles.{profile}.datasets.{name}.seeds"), change.seeds.as_ref()));
        }
    }
    let deterministic: Vec<String> = spec
        .systems
        .iter()
        .filter(|(_, system)| system.deterministic)
        .flat_map(|(name, _)| {
            let profiles = spec.profiles.keys().map(move |p| format!("profiles.{p}.systems.{name}.seeds"));
            std::iter::once(format!("systems.{name}.seeds")).chain(profiles)
        })
        .collect();
    for (path, seeds) in all {
        let Some(seeds) = seeds else { continue };
        if deterministic.contains(&path) {
            let message = "a deterministic system has no seeds: leave `seeds` out, or `deterministic`";
            let error = ConfigError::at(path.as_str(), message);
            return Err(ExperimentError::schema(spec.place_of(&path), error.to_string()));
        }
        let distinct: BTreeSet<&u64> = seeds.iter().collect();
        if seeds.is_empty() || distinct.len() != seeds.len() {
            let error = ConfigError::at(path.as_str(), "expected at least one seed, and none twice");
            return Err(ExperimentError::schema(spec.place_of(&path), error.to_string()));
        }
    }
    Ok(())
}

/// Depth-first over `needs` and `minus`.
fn check_circles(spec: &TableSpec) -> Result<()> {
    fn visit<'a>(
        spec: &'a TableSpec,
        name: &'a str,
        trail: &mut Vec<&'a str>,
        done: &mut BTreeSet<&'a str>,
    ) -> Result<()> {
        if let Some(start) = trail.iter().position(|seen| *seen == name) {
            let mut circle: Vec<String> = trail[start..].iter().map(|&name| name.to_owned()).collect();
            circle.push(name.to_owned());
            return Err(ExperimentError::Circle {
                place: spec.place_of(&format!("systems.{name}.needs")),
                circle,
            });
        }
        let Some(system) = spec.system(name).filter(|_| !done.contains(name)) else {
            return Ok(());
        };
        trail.push(name);
        for need in system.needs.values() {
            visit(spec, need.system(), trail, done)?;
        }
        for other in system.minus.iter().flat_map(|(one, two)| [one, two]) {
            visit(spec, other, trail, done)?;
        }
        trail.pop();
        done.insert(name);
        Ok(())
    }
    let mut done = BTreeSet::new();
    for (name, _) in &spec.systems {
        visit(spec, name, &mut Vec::new(), &mut done)?;
    }
    Ok(())
}
