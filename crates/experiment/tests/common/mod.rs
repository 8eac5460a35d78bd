//! A repository in a temporary folder, and the `doses` example run in it as a user would.
#![allow(dead_code, clippy::unwrap_used, clippy::missing_panics_doc)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Two tables that share cells: systems of every kind, and a curve.
pub const TABLE: &str = "\
title: Drug names in dosing notes
metrics: [f1, precision, recall]
tasks: [drug]
scale: {f1: 100, precision: 100, recall: 100}
tolerance: 2
config: {epochs: 3}
seeds: [1, 2]
datasets:
  Notes: {data: doses}
  Plain: {data: plain}
systems:
  One letter: {config: {suffix: 1}, datasets: [Notes]}
  Two letters: {config: {suffix: 2}, datasets: [Notes]}
  Warm.start: {needs: {start: {system: pre-training, dataset: Plain, seed: 1}}, datasets: [Notes]}
  Alternating: {config: {task: alternate}, datasets: [Notes]}
  Active: {config: {task: active}, datasets: [Notes]}
  Later: {awaits: {what: published weights, unless: weights}, datasets: [Notes]}
  Two minus one: {minus: [Two letters, One letter]}
  pre-training: {auxiliary: true, config: {task: pretrain}}
comparisons: [[Two letters, One letter]]
notes: [features]
";

/// The curve of the table's active-learning system.
pub const FIGURE: &str = "\
title: F1 a query
kind: curve
curve: learning
notes: [features]
config: {epochs: 3}
seeds: [1, 2]
datasets: {Notes: {data: doses}}
systems: {Active: {config: {task: active}}}
";

pub const PUBLISHED: &str = "\
table,system,dataset,task,metric,value,provenance
table2,One letter,Notes,drug,f1,80.5,table
table2,Another team,Notes,drug,f1,85,table
table2,Later,Notes,drug,f1,99,table
";

pub struct Repo {
    folder: TempDir,
}

impl Repo {
    /// With the two tables and 90 notes.
    pub fn new() -> Self {
        let repo = Self { folder: tempfile::tempdir().unwrap() };
        repo.write("experiments/doses/table2.yaml", TABLE);
        repo.write("experiments/doses/fig7.yaml", FIGURE);
        repo.write("experiments/doses/published.csv", PUBLISHED);
        let made = repo.run(&["make-data", "90"]);
        assert!(made.status.success(), "{}", text(&made));
        repo
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, content: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        let path = self.path(name);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.args(args).current_dir(self.folder.path());
        command.env("DOSES_DATA", self.path("datasets")).env_remove("MEDNER_ROOT").env_remove("MEDNER_LOG");
        command.env_remove("RUST_LOG").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    pub fn spawn(&self, args: &[&str]) -> Child {
        self.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Runs and expects this exit code; gives both outputs.
    pub fn expect(&self, code: i32, args: &[&str]) -> String {
        let output = self.run(args);
        assert_eq!(output.status.code(), Some(code), "doses {args:?}\n{}", text(&output));
        text(&output)
    }

    /// The rows of a CSV, by column.
    pub fn csv(&self, name: &str) -> Vec<BTreeMap<String, String>> {
        let mut reader = csv::Reader::from_path(self.path(name)).unwrap();
        let header = reader.headers().unwrap().clone();
        let rows = reader.records().map(|row| {
            let row = row.unwrap();
            header.iter().zip(&row).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
        });
        rows.collect()
    }

    /// The value of a column in the first row of this system and metric.
    pub fn value(&self, table: &str, system: &str, metric: &str, column: &str) -> String {
        let rows = self.csv(table);
        let row = rows.iter().find(|row| row["system"] == system && row["metric"] == metric);
        row.unwrap_or_else(|| panic!("{table} has no row {system} {metric}: {rows:?}"))[column].clone()
    }

    pub fn records(&self, results: &str) -> BTreeMap<String, String> {
        let folder = self.path(results).join("runs");
        let Ok(entries) = std::fs::read_dir(folder) else { return BTreeMap::new() };
        let files = entries.map(|entry| entry.unwrap().path());
        let files = files.filter(|path| path.extension().is_some_and(|e| e == "json"));
        files.map(|path| (name_of(&path), std::fs::read_to_string(&path).unwrap())).collect()
    }
}

pub fn name_of(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

pub fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Waits until something holds, and fails after a generous time.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(60), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The example that stands beside this test program.
fn program() -> PathBuf {
    let here = std::env::current_exe().unwrap();
    let program = here.parent().unwrap().parent().unwrap().join("examples").join("doses");
    assert!(program.is_file(), "{} is not built: run `cargo test` without --test", program.display());
    program
}
