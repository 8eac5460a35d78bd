//! Whole runs of the `doses` example: what is written, what is not run again, and what a kill leaves behind.
#![allow(clippy::unwrap_used)]

mod common;

use common::{FIGURE, Repo, TABLE, until};
use medner_experiment::store::Lock;

const RESULTS: &str = "results/quick/doses";

#[test]
fn a_run_writes_every_number_beside_the_published_one_and_runs_nothing_twice() {
    let repo = Repo::new();
    let said = repo.expect(0, &["reproduce"]);
    // 5 systems x 2 seeds and one pre-training; the figure's cells are the table's.
    assert!(said.contains("quick: 11 of 11 cells run, 0 stood before, 0 failed"), "{said}");
    let table = "results/quick/doses/table2.csv";
    assert_eq!(repo.value(table, "One letter", "f1", "published"), "80.5");
    assert_eq!(repo.value(table, "One letter", "f1", "n"), "2");
    // Cut-down data judge nothing; the difference may be seen.
    assert_eq!(repo.value(table, "One letter", "f1", "verdict"), "measured");
    assert!(repo.value(table, "One letter", "f1", "difference").starts_with('-'));
    assert_eq!(repo.value(table, "Two letters", "f1", "verdict"), "measured");
    assert_eq!(repo.value(table, "Another team", "f1", "verdict"), "published only");
    assert_eq!(repo.value(table, "Later", "f1", "verdict"), "waits: published weights");
    let mean = |system| repo.value(table, system, "f1", "mean").parse::<f64>().unwrap();
    let difference = mean("Two letters") - mean("One letter");
    assert!((mean("Two minus one") - difference).abs() < 1e-5);
    assert!(mean("One letter") > 1.0, "a share where per cent was asked for");
    // A note of the runs has a column of its own; a row without runs, and one of differences, has none.
    let features = |system| repo.value(table, system, "f1", "features");
    for (system, record) in ["One letter", "Two letters"].map(|system| (system, noted(&repo, system))) {
        assert_eq!((features(system), record.is_empty()), (record, false));
    }
    assert_ne!(features("One letter"), features("Two letters"));
    assert_eq!([features("Another team"), features("Later"), features("Two minus one")], [""; 3]);
    let points = repo.csv("results/quick/doses/fig7.csv");
    assert!(points.iter().all(|point| noted(&repo, "Active").split("; ").any(|n| n == point["features"])));
    let compared = repo.csv("results/quick/doses/table2-comparisons.csv");
    assert_eq!(compared[0]["p_units"].split(' ').count(), 2, "{compared:?}");
    assert_eq!(repo.csv("results/quick/doses/runs.csv").len(), 11);

    let before = (repo.records(RESULTS), repo.read(table));
    let said = repo.expect(0, &["reproduce"]);
    assert!(
        said.contains("0 of 0 cells run, 11 stood before")
            || said.contains("0 of 0 cells run, 10 stood before"),
        "{said}"
    );
    assert_eq!((repo.records(RESULTS), repo.read(table)), before);
    // A further seed is one more cell a system, shown beside the others.
    let said = repo.expect(0, &["reproduce", "table2", "--seeds", "9", "--system", "Two letters"]);
    assert!(said.contains("1 of 1 cells run"), "{said}");
    assert_eq!(repo.value(table, "Two letters", "f1", "n"), "3");
}

/// What the records of a system note of its features, in the order of the seeds, each once.
fn noted(repo: &Repo, system: &str) -> String {
    let records = repo.records(RESULTS);
    let mut of_system: Vec<(u64, String)> = records
        .values()
        .map(|text| serde_json::from_str::<serde_json::Value>(text).unwrap())
        .filter(|record| record["cell"]["system"] == system)
        .map(|record| {
            let features = record["outcome"]["notes"]["features"].as_str().unwrap();
            (record["cell"]["seed"].as_u64().unwrap(), features.to_owned())
        })
        .collect();
    of_system.sort();
    let mut notes: Vec<String> = of_system.into_iter().map(|(_, features)| features).collect();
    notes.dedup();
    notes.join("; ")
}

#[test]
fn the_same_cells_give_the_same_bytes_whatever_the_number_of_processes() {
    let (one, two) = (Repo::new(), Repo::new());
    one.expect(0, &["reproduce", "--jobs", "1"]);
    two.expect(0, &["reproduce", "--jobs", "4"]);
    for file in ["table2.csv", "fig7.csv", "table2-comparisons.csv"] {
        let name = format!("{RESULTS}/{file}");
        assert_eq!(one.read(&name), two.read(&name), "{file}");
    }
}

#[test]
fn killed_at_any_moment_it_goes_on_to_the_same_tables() {
    let slow = TABLE.replace("config: {epochs: 3}", "config: {epochs: 12, pause: 15}");
    let slow_figure = FIGURE.replace("config: {epochs: 3}", "config: {epochs: 12, pause: 15}");
    let write = |repo: &Repo| {
        repo.write("experiments/doses/table2.yaml", &slow);
        repo.write("experiments/doses/fig7.yaml", &slow_figure);
    };
    let undisturbed = Repo::new();
    write(&undisturbed);
    undisturbed.expect(0, &["reproduce", "--jobs", "3"]);

    let repo = Repo::new();
    write(&repo);
    let mut kills = 0;
    for finished in [0, 1, 3, 6, 8] {
        let mut driver = repo.spawn(&["reproduce", "--jobs", "3"]);
        let enough =
            || repo.records(RESULTS).len() >= finished && repo.path(RESULTS).join("table2.csv").is_file();
        until("some cells", || enough() || driver.try_wait().unwrap().is_some());
        if driver.try_wait().unwrap().is_none() {
            driver.kill().unwrap(); // SIGKILL
            kills += 1;
        }
        driver.wait().unwrap();
        // Valid at every moment: as many fields in each row as in the header (the reader checks), no temporary names.
        assert!(repo.csv("results/quick/doses/table2.csv").len() >= 7);
        if repo.path("results/quick/doses/runs.csv").is_file() {
            assert!(repo.csv("results/quick/doses/runs.csv").len() <= 11);
        }
    }
    assert!(kills >= 3, "only {kills} kills hit a running driver");
    repo.expect(0, &["reproduce", "--jobs", "3"]);
    for file in ["table2.csv", "fig7.csv", "table2-comparisons.csv"] {
        let name = format!("{RESULTS}/{file}");
        assert_eq!(repo.read(&name), undisturbed.read(&name), "{file}");
    }
}

#[test]
fn a_cell_goes_on_from_its_checkpoint() {
    let repo = Repo::new();
    repo.write("experiments/doses/table2.yaml", &TABLE.replace("{epochs: 3}", "{epochs: 40, pause: 20}"));
    let args = ["reproduce", "table2", "--system", "Two letters", "--seeds", "1"];
    let mut driver = repo.spawn(&args);
    let checkpoints = repo.path(RESULTS).join("checkpoints");
    let model = || {
        let entries = std::fs::read_dir(&checkpoints).ok()?;
        let mut models = entries.map(|entry| entry.unwrap().path().join("model.json"));
        let path = models.find(|path| path.is_file())?;
        let value: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).ok()?).ok()?;
        value["epoch"].as_u64()
    };
    until("five epochs", || model().is_some_and(|epoch| epoch >= 5));
    // SIGTERM: the child finishes its step and saves; the exit code is 128 + 15.
    let killed =
        std::process::Command::new("kill").args(["-TERM", &driver.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert_eq!(driver.wait().unwrap().code(), Some(143));
    let reached = model().unwrap();
    assert!((5..40).contains(&reached), "stopped at epoch {reached}");
    assert!(repo.records(RESULTS).is_empty(), "a stopped cell has no record");
    // A mark in the checkpoint's curve comes out in the record only if the run really went on from there.
    let folders =
        std::fs::read_dir(&checkpoints).unwrap().map(|entry| entry.unwrap().path().join("model.json"));
    let path = folders.into_iter().find(|path| path.is_file()).unwrap();
    let mut state: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    state["curve"]["rows"][0][2] = (-1.0).into();
    std::fs::write(&path, state.to_string()).unwrap();
    repo.expect(0, &args);
    let records = repo.records(RESULTS);
    let record: serde_json::Value = serde_json::from_str(records.values().next().unwrap()).unwrap();
    let rows = record["outcome"]["curves"]["learning"]["rows"].as_array().unwrap();
    assert_eq!((rows.len(), rows[0][2].as_f64()), (40, Some(-1.0)));
    // 40 epochs with a pause of 20 ms each: the time of both processes.
    let seconds = record["outcome"]["seconds"]["total"].as_f64().unwrap();
    assert!(seconds >= 0.8, "{seconds} s");
}

#[test]
fn a_failed_cell_is_one_row_and_the_others_go_on() {
    let repo = Repo::new();
    let broken = "  Not a number: {config: {task: fail}, datasets: [Notes], seeds: [1]}
  Panics: {config: {task: panic}, datasets: [Notes], seeds: [1]}
  Killed: {config: {task: abort}, datasets: [Notes], seeds: [1]}
  No score: {config: {task: score}, datasets: [Notes], seeds: [1]}
  After it: {needs: {start: Not a number}, datasets: [Notes], seeds: [1]}
";
    repo.write(
        "experiments/doses/table2.yaml",
        &TABLE.replace("  Two minus one", &format!("{broken}  Two minus one")),
    );
    let said = repo.expect(1, &["reproduce", "table2"]);
    assert!(said.contains("11 of 16 cells run, 0 stood before, 5 failed"), "{said}");
    let verdict = |system| repo.value("results/quick/doses/table2.csv", system, "f1", "verdict");
    assert_eq!(verdict("Not a number"), "failed: loss is NaN at step 12 (sentences 3, 7)");
    assert!(
        verdict("Panics").starts_with("failed: the method panicked at crates/experiment/examples/doses.rs:"),
        "{}",
        verdict("Panics")
    );
    assert!(
        verdict("Killed").starts_with("failed: its process was killed by signal 6"),
        "{}",
        verdict("Killed")
    );
    assert!(verdict("After it").contains("its need `start`"), "{}", verdict("After it"));
    assert_eq!(verdict("No score"), "failed: the score drug/f1 is NaN");
    assert_eq!(verdict("Two letters"), "measured");
    // Failures are tried again, the finished are not.
    let said = repo.expect(1, &["reproduce", "table2"]);
    assert!(said.contains("0 of 5 cells run, 10 stood before, 5 failed"), "{said}");
}

#[test]
fn a_damaged_record_is_named_and_its_cell_run_again() {
    let repo = Repo::new();
    repo.expect(0, &["reproduce", "table2"]);
    let table = repo.read("results/quick/doses/table2.csv");
    let records = repo.records(RESULTS);
    let (name, content) = records.iter().next().unwrap();
    repo.write(&format!("{RESULTS}/runs/{name}"), &content[..content.len() / 2]);
    let (edited, content) = records.iter().nth(1).unwrap();
    repo.write(&format!("{RESULTS}/runs/{edited}"), &content.replace("\"seed\": ", "\"seed\": 7"));
    let said = repo.expect(0, &["reproduce", "table2"]);
    assert!(said.contains(&format!("{name}: damaged run record: EOF")), "{said}");
    assert!(said.contains(&format!("{edited}: damaged run record: its cell is called")), "{said}");
    assert!(said.contains("2 of 2 cells run"), "{said}");
    assert_eq!(repo.read("results/quick/doses/table2.csv"), table);
}

#[test]
fn a_record_of_an_earlier_version_is_named_and_its_cell_run_again() {
    let repo = Repo::new();
    let args = ["reproduce", "table2", "--system", "One letter", "--seeds", "1"];
    repo.expect(0, &args);
    let records = repo.records(RESULTS);
    let (name, content) = records.iter().next().unwrap();
    let mut record: serde_json::Value = serde_json::from_str(content).unwrap();
    assert_eq!(record["cell"]["changed"], serde_json::json!({"epochs": 3, "suffix": 1}));
    record["cell"].as_object_mut().unwrap().remove("changed");
    repo.write(&format!("{RESULTS}/runs/{name}"), &record.to_string());
    let said = repo.expect(0, &args);
    assert!(said.contains(&format!("{name}: written by an earlier version")), "{said}");
    assert!(said.contains("run again") && said.contains("1 of 1 cells run"), "{said}");
    // A configuration that was edited beside what is hashed is no less damaged.
    repo.write(&format!("{RESULTS}/runs/{name}"), &content.replace("\"epochs\": 3", "\"epochs\": 4"));
    let said = repo.expect(0, &args);
    assert!(said.contains(&format!("{name}: damaged run record: its c")), "{said}");
    repo.write(&format!("{RESULTS}/runs/{name}"), &content.replacen("\"suffix\": 1", "\"suffix\": 2", 2));
    let said = repo.expect(0, &args);
    assert!(said.contains(&format!("{name}: damaged run record: its cell is called")), "{said}");
}

#[test]
fn a_record_names_the_commit_of_the_program_not_of_the_folder_it_runs_in() {
    let repo = Repo::new();
    let git = |args: &[&str]| {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
        let mut git = std::process::Command::new("git");
        let output = git.arg("-C").arg(repo.path("")).args(identity).args(args).output();
        output.ok().filter(|o| o.status.success()).map(|o| common::text(&o).trim().to_owned())
    };
    let made = git(&["init", "--quiet"])
        .and_then(|_| git(&["commit", "--quiet", "--allow-empty", "--no-gpg-sign", "-m", "a commit"]));
    let Some(here) = made.and_then(|_| git(&["rev-parse", "--short=12", "HEAD"])) else {
        println!("skipped: there is no git");
        return;
    };
    repo.expect(0, &["reproduce", "table2", "--system", "One letter", "--seeds", "1"]);
    let records = repo.records(RESULTS);
    let record: serde_json::Value = serde_json::from_str(records.values().next().unwrap()).unwrap();
    let commit = record["versions"]["commit"].as_str().unwrap_or_default();
    assert!(!commit.starts_with(&here), "{commit} is the folder's");
}

#[test]
fn two_drivers_do_not_share_a_folder() {
    let repo = Repo::new();
    std::fs::create_dir_all(repo.path(RESULTS).join("checkpoints")).unwrap();
    let held = Lock::take(&repo.path(RESULTS).join("checkpoints/lock")).unwrap();
    let said = repo.expect(1, &["reproduce", "table2"]);
    assert!(said.contains(&format!("in use by another run (process {}", std::process::id())), "{said}");
    // Looking is allowed, and leaves the plan that the other one's cells read.
    let plan = |name: &str| repo.path(RESULTS).join("checkpoints").join(name);
    std::fs::write(plan("plan.json"), "the other one's").unwrap();
    let said = repo.expect(0, &["reproduce", "table2", "--dry-run"]);
    assert!(said.contains("another run (process") && said.contains("11 of 11 cells are to run"), "{said}");
    assert!(said.contains("checkpoints/dry-run.json"), "{said}");
    assert_eq!(std::fs::read_to_string(plan("plan.json")).unwrap(), "the other one's");
    assert!(plan("dry-run.json").is_file());
    drop(held);
    repo.expect(0, &["reproduce", "table2", "--seeds", "1", "--system", "One letter"]);
}

#[test]
fn a_folder_that_cannot_be_written_to_is_an_error_with_a_remedy() {
    let repo = Repo::new();
    repo.write("a-file", "");
    let said = repo.expect(1, &["reproduce", "table2", "--results", "a-file/below"]);
    assert!(
        said.contains("cannot create") && said.contains("a-file") && said.contains("--results DIR"),
        "{said}"
    );
    // Every write fails as on a full disk (here with "File too large").
    let mut full = std::process::Command::new("sh");
    full.args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\""]);
    let program = repo.command(&[]).get_program().to_owned();
    let output = full
        .arg(program)
        .args(["reproduce", "table2"])
        .current_dir(repo.path(""))
        .env("DOSES_DATA", repo.path("datasets"))
        .output()
        .unwrap();
    let said = common::text(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot write") && said.contains("free some space"), "{said}");
}

#[test]
fn one_cell_is_one_job() {
    let repo = Repo::new();
    let said = repo.expect(0, &["reproduce", "table2", "--dry-run"]);
    assert!(said.contains("11 of 11 cells are to run") && said.contains("waits"), "{said}");
    assert!(repo.records(RESULTS).is_empty());
    let plan = format!("{RESULTS}/checkpoints/plan.json");
    let hash = |label: &str| {
        let line = said.lines().find(|line| line.contains(label)).unwrap();
        line.split_whitespace().next().unwrap().to_owned()
    };
    let early = repo.expect(2, &["run-cell", &hash("Warm.start / Notes / seed 1"), "--plan", &plan]);
    assert!(early.contains("needed as `start`"), "{early}");
    repo.expect(0, &["run-cell", &hash("pre-training / Plain"), "--plan", &plan]);
    repo.expect(0, &["run-cell", &hash("Warm.start / Notes / seed 1"), "--plan", &plan, "--threads", "1"]);
    repo.expect(2, &["run-cell", "0000000000000000", "--plan", &plan]);
    repo.expect(2, &["run-cell", "0000000000000000", "--plan", "experiments/doses/table2.yaml"]);
    let said = repo.expect(0, &["reproduce", "table2"]);
    assert!(said.contains("9 of 9 cells run, 1 stood before"), "{said}");
}

#[test]
fn a_dry_run_says_what_rows_would_take_that_wait() {
    let repo = Repo::new();
    let waiting = "  Beside: {needs: {start: {system: Later}}, datasets: [Notes]}\n  Two minus one:";
    repo.write("experiments/doses/table2.yaml", &TABLE.replace("  Two minus one:", waiting));
    let chosen = |system| ["reproduce", "table2", "--dry-run", "--jobs", "1", "--system", system];
    let said = repo.expect(0, &chosen("Beside"));
    assert!(said.contains("0 of ") && said.contains("Later on Notes: published weights"), "{said}");
    // Three epochs of a minute with each of two seeds; the weights themselves are not made here.
    let would = "table2, with what its rows wait for, 1 at a time: about 6 min, 8 MiB each";
    assert!(said.contains(would), "{said}");
    assert!(!repo.expect(0, &chosen("One letter")).contains("wait for, "));
}

#[test]
fn a_half_done_cell_goes_on_with_the_threads_it_was_begun_with() {
    let repo = Repo::new();
    let said = repo.expect(0, &["reproduce", "table2", "--dry-run"]);
    let line = said.lines().find(|line| line.contains("One letter / Notes / seed 1")).unwrap();
    let hash = line.split_whitespace().next().unwrap();
    let state = format!("{RESULTS}/checkpoints/{hash}/step-00000002/state.json");
    repo.write(&state, r#"{"settings": {"versions": {"threads": "3"}}}"#);
    let plan = format!("{RESULTS}/checkpoints/plan.json");
    let said = repo.expect(0, &["run-cell", hash, "--plan", &plan, "--threads", "1"]);
    assert!(said.contains("begun with 3 thread(s)") && said.contains("not with 1"), "{said}");
    let record: serde_json::Value =
        serde_json::from_str(&repo.read(&format!("{RESULTS}/runs/{hash}.json"))).unwrap();
    assert_eq!(record["threads"], 3);
}

#[test]
fn one_run_of_a_deterministic_system_stands_for_every_seed() {
    let repo = Repo::new();
    let table = TABLE
        .replace("One letter: {config", "One letter: {deterministic: true, config")
        .replace("seeds: [1, 2]", "seeds: [1, 2, 3]")
        .replace("minus: [Two letters, One letter]", "minus: [One letter, Two letters]");
    repo.write("experiments/doses/table2.yaml", &table);
    let chosen = ["--system", "One letter", "--system", "Two letters"];
    let said = repo.expect(0, &[&["reproduce", "table2"], &chosen[..]].concat());
    assert!(said.contains("quick: 4 of 4 cells run"), "{said}");
    let csv = format!("{RESULTS}/table2.csv");
    let value = |system: &str, column: &str| repo.value(&csv, system, "f1", column);
    assert_eq!((value("One letter", "n"), value("Two letters", "n")), ("1".into(), "3".into()));
    assert_eq!(value("Two minus one", "n"), "3");
    let mean = |system: &str| value(system, "mean").parse::<f64>().unwrap();
    assert!((mean("Two minus one") - (mean("One letter") - mean("Two letters"))).abs() < 1e-5);
    // Against a constant the differences spread as the other system's runs do.
    assert_eq!(value("Two minus one", "sd"), value("Two letters", "sd"));
    let compared = repo.csv(&format!("{RESULTS}/table2-comparisons.csv"));
    let row = compared.iter().find(|row| row["metric"] == "f1").unwrap();
    assert_eq!((row["n"].as_str(), row["seeds"].as_str()), ("3", "1 2 3"), "{row:?}");
    assert_eq!(row["p_units"].split(' ').count(), 3, "{row:?}");
    assert_eq!(row["mean_against"], value("One letter", "mean"));
    // Seeds of the command line are not for it: nothing is run again.
    let said = repo.expect(0, &["reproduce", "table2", "--system", "One letter", "--seeds", "2,9"]);
    assert!(said.contains("0 of 0 cells run, 1 stood before"), "{said}");
    // Its own seeds would say the opposite.
    repo.write(
        "experiments/doses/table2.yaml",
        &table.replace("deterministic: true,", "deterministic: true, seeds: [1, 2],"),
    );
    let said = repo.expect(1, &["reproduce", "table2"]);
    assert!(said.contains("table2.yaml:") && said.contains("a deterministic system has no seeds"), "{said}");
}

#[test]
fn a_missing_data_set_is_replaced_by_the_sample_under_its_own_name() {
    let repo = Repo::new();
    std::fs::remove_file(repo.path("datasets/doses.txt")).unwrap();
    let said = repo.expect(0, &["reproduce", "table2"]);
    assert!(said.contains("DATA MISSING: `doses`") && said.contains("run `doses make-data`"), "{said}");
    let verdict = repo.value("results/quick/doses/table2.csv", "One letter", "f1", "verdict");
    assert!(verdict.starts_with("waits: data set `doses`:"), "{verdict}");
    let rows = repo.csv("results/sample/doses/table2.csv");
    assert!(rows.len() >= 12, "{rows:?}");
    for row in &rows {
        assert_eq!((row["dataset"].as_str(), row["published"].as_str()), ("sample-Notes", ""), "{row:?}");
        assert!(row["verdict"] == "sample" || row["verdict"].starts_with("waits"), "{row:?}");
        assert!(row["difference"].is_empty() && row["p_value"].is_empty());
    }
    let said = repo.expect(0, &["reproduce", "table2", "--no-sample"]);
    assert!(!said.contains("sample:"), "{said}");
}

#[test]
fn numbers_on_record_stand_where_the_data_are_missing() {
    let repo = Repo::new();
    repo.expect(0, &["reproduce"]);
    let files = ["table2.csv", "fig7.csv", "table2-comparisons.csv"].map(|file| format!("{RESULTS}/{file}"));
    let before: Vec<String> = files.iter().map(|file| repo.read(file)).collect();
    std::fs::remove_dir_all(repo.path("datasets")).unwrap();
    std::fs::remove_dir_all(repo.path(RESULTS).join("checkpoints")).unwrap();
    let said = repo.expect(0, &["reproduce", "--no-sample"]);
    assert!(said.contains("0 of 0 cells run, 10 stood before"), "{said}");
    let after: Vec<String> = files.iter().map(|file| repo.read(file)).collect();
    assert_eq!(after, before);
}

#[test]
fn other_values_do_not_touch_the_profile_s_results() {
    let repo = Repo::new();
    repo.expect(0, &["reproduce", "table2", "--system", "One letter"]);
    let before = repo.read("results/quick/doses/table2.csv");
    repo.expect(0, &["reproduce", "table2", "--system", "One letter", "--set", "epochs=1"]);
    assert_eq!(repo.read("results/quick/doses/table2.csv"), before);
    let command = repo.value("results/quick+set/doses/table2.csv", "One letter", "f1", "command");
    assert!(command.ends_with("--set epochs=1 --system 'One letter' --dataset Notes"), "{command}");
    assert_eq!(repo.value("results/quick+set/doses/table2.csv", "One letter", "f1", "profile"), "quick+set");
}

#[test]
fn a_method_s_own_flag_ends_a_wait_and_its_files_are_hashed() {
    let repo = Repo::new();
    let args = ["reproduce", "table2", "--system", "Later", "--seeds", "1", "--weights", "start"];
    let said = repo.expect(0, &args);
    assert!(said.contains("0 of 0 cells run"), "{said}");
    let verdict = repo.value("results/quick/doses/table2.csv", "Later", "f1", "verdict");
    assert!(verdict.contains("weights: start/model.json"), "{verdict}");
    repo.expect(0, &["train", "--train", "datasets/doses.txt", "--out", "start"]);
    let said = repo.expect(0, &args);
    assert!(said.contains("1 of 1 cells run"), "{said}");
    let command = repo.value("results/quick/doses/table2.csv", "Later", "f1", "command");
    assert!(command.contains("--weights start"), "{command}");
    // Other weights are another cell.
    repo.expect(
        0,
        &["train", "--train", "datasets/doses.txt", "--out", "start", "--set", "epochs=9", "--resume"],
    );
    let said = repo.expect(0, &args);
    assert!(said.contains("1 of 1 cells run"), "{said}");
}

#[test]
fn what_reads_records_alone_needs_no_artefacts() {
    let repo = Repo::new();
    let with_copy = TABLE.replace(
        "  Two minus one:",
        "  Copy: {config: {task: copy}, needs: {of: Warm.start}, datasets: [Notes]}\n  Two minus one:",
    );
    repo.write("experiments/doses/table2.yaml", &with_copy);
    let copy = ["reproduce", "table2", "--system", "Copy", "--seeds", "1"];
    // What it reads of, and the pre-training before that.
    assert!(repo.expect(0, &copy).contains("3 of 3 cells run"));
    std::fs::remove_dir_all(repo.path("results/quick/doses/checkpoints")).unwrap();
    assert!(repo.expect(0, &copy).contains("0 of 0 cells run"));
    let rows = repo.csv("results/quick/doses/runs.csv");
    let hash = &rows.iter().find(|row| row["system"] == "Copy").unwrap()["hash"];
    std::fs::remove_file(repo.path(&format!("results/quick/doses/runs/{hash}.json"))).unwrap();
    assert!(repo.expect(0, &copy).contains("1 of 1 cells run"));
    // A cell that starts from another's artefact has it made again.
    let warm = rows.iter().find(|row| row["system"] == "Warm.start").unwrap();
    std::fs::remove_file(repo.path(&format!("results/quick/doses/runs/{}.json", warm["hash"]))).unwrap();
    assert!(repo.expect(0, &copy).contains("0 of 0 cells run"));
    let warm = ["reproduce", "table2", "--system", "Warm.start", "--seeds", "1"];
    assert!(repo.expect(0, &warm).contains("2 of 2 cells run"));
}

#[test]
fn a_cell_made_again_with_other_numbers_is_said() {
    let repo = Repo::new();
    let warm = ["reproduce", "table2", "--system", "Warm.start", "--seeds", "1"];
    assert!(repo.expect(0, &warm).contains("2 of 2 cells run"));
    let record_of = |system: &str| {
        let rows = repo.csv("results/quick/doses/runs.csv");
        let hash = rows.iter().find(|row| row["system"] == system).unwrap()["hash"].clone();
        format!("results/quick/doses/runs/{hash}.json")
    };
    let (start, dependent) = (record_of("pre-training"), record_of("Warm.start"));
    let again = || {
        std::fs::remove_dir_all(repo.path("results/quick/doses/checkpoints")).unwrap();
        std::fs::remove_file(repo.path(&dependent)).unwrap();
        repo.expect(0, &warm)
    };
    let said = again();
    assert!(said.contains("2 of 2 cells run") && !said.contains("not those of its earlier record"), "{said}");
    // As if the record came from another machine.
    let mut record: serde_json::Value = serde_json::from_str(&repo.read(&start)).unwrap();
    let score = record.pointer_mut("/outcome/scores/data/sentences").unwrap();
    *score = (score.as_f64().unwrap() / 2.0).into();
    repo.write(&start, &record.to_string());
    let said = again();
    assert!(said.contains("its numbers are not those of its earlier record"), "{said}");
}

#[test]
fn an_auxiliary_system_is_run_by_its_name_and_an_empty_selection_refused() {
    let repo = Repo::new();
    let said = repo.expect(0, &["reproduce", "table2", "--system", "pre-training", "--dataset", "Plain"]);
    assert!(said.contains("1 of 1 cells run"), "{said}");
    let runs = "results/quick/doses/runs.csv";
    let rows = repo.csv(runs);
    assert_eq!((rows.len(), rows[0]["system"].as_str()), (1, "pre-training"));
    assert!(repo.csv("results/quick/doses/table2.csv").iter().all(|row| row["system"] != "pre-training"));
    // The recorded command makes just this run.
    std::fs::remove_dir_all(repo.path(RESULTS)).unwrap();
    let command = rows[0]["command"].strip_prefix("target/release/doses ").unwrap().to_owned();
    let words: Vec<&str> = command.split_whitespace().collect();
    assert!(repo.expect(0, &words).contains("1 of 1 cells run"), "{command}");
    assert_eq!(repo.csv(runs)[0]["hash"], rows[0]["hash"]);
    for (system, dataset) in [("pre-training", "Notes"), ("One letter", "Plain"), ("Two minus one", "Notes")]
    {
        let said = repo.expect(2, &["reproduce", "table2", "--system", system, "--dataset", dataset]);
        assert!(
            said.contains(&format!("--system `{system}` --dataset `{dataset}`: nothing to run")),
            "{said}"
        );
        assert!(said.contains("known systems: One letter on Notes, Two letters on Notes"), "{said}");
        assert!(said.contains(", pre-training"), "{said}");
    }
}

#[test]
fn missing_inputs_are_said_loudly_and_a_sample_run_may_do_without() {
    let repo = Repo::new();
    let table =
        TABLE.replace("  Later:", "  Weighted: {config: {weights: nowhere}, datasets: [Notes]}\n  Later:");
    repo.write("experiments/doses/table2.yaml", &table);
    let args = ["reproduce", "table2", "--system", "Weighted", "--seeds", "1"];
    let said = repo.expect(0, &args);
    assert!(said.contains("DATA MISSING: for `Weighted`: weights: nowhere/model.json"), "{said}");
    std::fs::remove_file(repo.path("datasets/doses.txt")).unwrap();
    let said = repo.expect(0, &args);
    assert!(
        said.contains("DATA MISSING: `doses`") && said.contains("DATA MISSING: for `Weighted`"),
        "{said}"
    );
    assert!(said.contains("sample: 1 of 1 cells run"), "{said}");
    assert_eq!(repo.value("results/sample/doses/table2.csv", "Weighted", "f1", "verdict"), "sample");
    let records = repo.records("results/sample/doses");
    let record: serde_json::Value = serde_json::from_str(records.values().next().unwrap()).unwrap();
    assert_eq!(record["cell"]["config"]["weights"], serde_json::Value::Null);
    assert_eq!(record["cell"]["changed"], serde_json::json!({"epochs": 3}));
}

#[test]
fn runs_name_the_tables_that_show_them_now() {
    let repo = Repo::new();
    repo.expect(0, &["reproduce", "fig7"]);
    let tables = || {
        let rows = repo.csv("results/quick/doses/runs.csv");
        rows.iter().find(|row| row["system"] == "Active").unwrap()["tables"].clone()
    };
    assert_eq!(tables(), "fig7");
    repo.expect(0, &["reproduce", "--system", "Active"]);
    assert_eq!(tables(), "fig7 table2");
    // A run of one table takes nothing from another.
    repo.expect(0, &["reproduce", "fig7"]);
    assert_eq!(tables(), "fig7 table2");
    // The table shows the system no longer.
    repo.write(
        "experiments/doses/table2.yaml",
        &TABLE.replace("  Active: {config: {task: active}, datasets: [Notes]}\n", ""),
    );
    repo.expect(0, &["reproduce", "--system", "Active"]);
    assert_eq!(tables(), "fig7");
}
