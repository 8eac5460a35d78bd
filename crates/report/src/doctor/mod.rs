//! `medner doctor`: what is here, what is missing, and for each missing thing the command that mends it.
//!
//! Nothing is linked against libtorch: its libraries are found, loaded and asked at run time.

mod corpora;
mod libtorch;
mod machine;

use anyhow::Result;
use clap::Args;
use medner_data::store::{DataSetStatus, find_home};
use serde::Serialize;

use crate::console::{Outcome, emit};

/// How to print the diagnosis.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Prints one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it must be.
    Ok,
    /// Worth knowing; nothing needs it here.
    Note,
    /// Something that is needed is missing or wrong: the exit code is 1.
    Missing,
}

/// One line of the diagnosis.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// The group it is printed under.
    pub group: &'static str,
    /// What was looked at.
    pub name: String,
    /// How it came out.
    pub level: Level,
    /// What was found.
    pub found: String,
    /// The command that mends it, where one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

impl Check {
    /// A check that is as it must be.
    pub fn ok(group: &'static str, name: impl Into<String>, found: impl Into<String>) -> Self {
        Self { group, name: name.into(), level: Level::Ok, found: found.into(), mend: None }
    }

    /// Something worth knowing.
    pub fn note(group: &'static str, name: impl Into<String>, found: impl Into<String>) -> Self {
        Self { level: Level::Note, ..Self::ok(group, name, found) }
    }

    /// Something needed that is missing, and how to mend it.
    pub fn missing(
        group: &'static str,
        name: impl Into<String>,
        found: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self { level: Level::Missing, mend: Some(mend.into()), ..Self::ok(group, name, found) }
    }
}

/// Everything that was found.
#[derive(Debug, Serialize)]
struct Diagnosis {
    /// True when nothing that is needed is missing.
    ok: bool,
    version: &'static str,
    checks: Vec<Check>,
    datasets: Vec<DataSetStatus>,
}

/// Looks at everything and prints it.
pub fn run(args: &DoctorArgs) -> Result<Outcome> {
    let mut checks = Vec::new();
    let mut datasets = Vec::new();
    let home = find_home();
    let libtorch = libtorch::checks(home.as_deref().ok(), &mut checks);
    machine::checks(&libtorch, &mut checks);
    match &home {
        Ok(home) => {
            machine::folder_checks(home, &mut checks);
            datasets = corpora::checks(home, &mut checks);
        }
        Err(error) => checks.push(Check::missing(
            "repository",
            "datasets/manifest.yaml",
            error.to_string(),
            "cd into the repository, or set MEDNER_HOME to it",
        )),
    }
    let ok = checks.iter().all(|c| c.level != Level::Missing);
    let diagnosis = Diagnosis { ok, version: env!("CARGO_PKG_VERSION"), checks, datasets };
    if args.json {
        emit(&(serde_json::to_string_pretty(&diagnosis)? + "\n"))?;
    } else {
        emit(&text(&diagnosis))?;
    }
    Ok(if ok { Outcome::Ok } else { Outcome::Failed })
}

fn text(diagnosis: &Diagnosis) -> String {
    let width = diagnosis.checks.iter().map(|c| c.name.chars().count()).max().unwrap_or(0);
    let mut lines = vec![format!("medner {}", diagnosis.version)];
    let mut group = "";
    for check in &diagnosis.checks {
        if check.group != group {
            group = check.group;
            lines.extend([String::new(), group.to_owned()]);
        }
        let mark = match check.level {
            Level::Ok => "ok     ",
            Level::Note => "note   ",
            Level::Missing => "MISSING",
        };
        let mut found = check.found.lines();
        lines.push(format!("  {mark}  {:width$}  {}", check.name, found.next().unwrap_or_default()));
        let indent = " ".repeat(width + 13);
        lines.extend(found.map(|line| format!("{indent}{line}")));
        lines.extend(check.mend.iter().map(|mend| format!("{indent}mend: {mend}")));
    }
    let missing = diagnosis.checks.iter().filter(|c| c.level == Level::Missing).count();
    lines.push(String::new());
    lines.push(match missing {
        0 => "everything needed is here".to_owned(),
        1 => "1 thing is missing".to_owned(),
        n => format!("{n} things are missing"),
    });
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_missing_thing_is_printed_with_its_mend_under_its_group() {
        let checks = vec![
            Check::ok("a", "one", "here"),
            Check::missing("b", "two", "not here\nat all", "make it"),
            Check::note("b", "three", "perhaps"),
        ];
        let shown = text(&Diagnosis { ok: false, version: "0", checks, datasets: Vec::new() });
        let expected = "medner 0\n\na\n  ok       one    here\n\nb\n  MISSING  two    not here\n                  at all\n\
                        \x20                 mend: make it\n  note     three  perhaps\n\n1 thing is missing\n";
        assert_eq!(shown, expected);
    }
}
