//! The program as a whole: usage, completions, logs, pipes, report, doctor.

#![allow(clippy::unwrap_used)]

mod support;

use std::process::{Command, Stdio};

use serde_json::Value;
use support::{Repository, arg};

#[test]
fn wrong_usage_is_exit_code_2() {
    let repository = Repository::new();
    repository.err(&[], 2);
    repository.err(&["sing"], 2);
    repository.err(&["score", "only-one"], 2);
    let error = repository.err(&["score", "a", "b", "--scheme", "bilou"], 2);
    assert!(error.contains("bilou"), "{error}");
    assert!(repository.out(&["--help"], 0).contains("doctor"));
}

#[test]
fn completions_are_printed_for_every_shell() {
    let repository = Repository::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(repository.out(&["completions", shell], 0).contains("doctor"), "{shell}");
    }
}

#[test]
fn a_closed_pipe_is_no_error() {
    let repository = Repository::new();
    // Reads nothing and closes: the script is larger than a pipe's buffer would need to be noticed at once or later.
    let mut child = Command::new(assert_cmd::cargo::cargo_bin!("medner"))
        .args(["completions", "zsh"])
        .current_dir(repository.path(""))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_log_can_be_json() {
    let repository = Repository::new();
    repository.write("datasets/greetings/hello.txt", "wrong");
    let error = repository.err(&["--log-format", "json", "data", "fetch"], 1);
    let first: Value = serde_json::from_str(error.lines().next().unwrap()).unwrap();
    assert_eq!(first["level"], "ERROR");
    assert!(first["fields"]["message"].as_str().unwrap().contains("wrong size in bytes"), "{first}");
}

const TABLE: &str = "system,dataset,task,metric,published,mean,sd,min,max,n,difference,p_value,verdict,profile,device,command\n\
                     IDCNN-CRF,CCKS-2019,ner,f1,81.49,80.9123,0.31,80.5,81.2,3,-0.5777,0.0004,close,cpu,cpu,x\n\
                     BiLSTM-CRF,CCKS-2019,ner,f1,81.27,,,,,0,,,failed,cpu,cpu,x\n";

#[test]
fn the_printed_tables_show_published_beside_measured() {
    let repository = Repository::new();
    repository.write("results/cpu/albert-idcnn/table2.csv", TABLE);
    repository.write("results/cpu/albert-idcnn/runs.csv", "cell\n1\n");
    repository.write("results/cpu/other/figure.csv", "epoch,loss\n1,0.5\n");
    let out = repository.out(&["report", "--print"], 0);
    assert!(out.contains("cpu/albert-idcnn/table2") && !out.contains("runs"), "{out}");
    for cell in ["81.49", "80.91 ± 0.31", "-0.58", "< 0.001", "close", "failed"] {
        assert!(out.contains(cell), "{cell} is not in\n{out}");
    }
    assert!(out.contains("epoch") && out.contains("0.5"), "{out}");
    let one = repository.out(&["report", "--print", "--paper", "other"], 0);
    assert!(!one.contains("table2") && one.contains("figure"), "{one}");
}

#[test]
fn a_report_without_results_says_how_to_get_them() {
    let error = Repository::new().err(&["report"], 1);
    assert!(error.contains("make reproduce-all"), "{error}");
}

#[test]
fn a_damaged_result_table_is_named_with_its_line() {
    let repository = Repository::new();
    let path = repository.write("results/cpu/p/t.csv", "a,b\n1,2\n3\n");
    let error = repository.err(&["report", "--print"], 1);
    assert!(error.contains(arg(&path)) && error.contains("line: 3"), "{error}");
}

#[test]
fn the_doctor_names_what_is_missing_and_the_command_that_mends_it() {
    let repository = Repository::new();
    let out = repository.out(&["doctor"], 1);
    for part in [
        "no .libtorch here",
        "mend: make setup",
        "mend: medner data fetch greetings",
        "free disk",
        "threads",
        "GPU",
    ] {
        assert!(out.contains(part), "{part} is not in\n{out}");
    }
    let json: Value = serde_json::from_str(&repository.out(&["doctor", "--json"], 1)).unwrap();
    assert_eq!(json["ok"], false);
    assert_eq!(json["datasets"][0]["state"], "missing");
    assert_eq!(json["datasets"][0]["files"][0], "greetings/hello.txt");
}

#[test]
fn the_doctor_sees_wrong_bytes_a_wrong_version_and_libraries_that_do_not_load() {
    let repository = Repository::new();
    repository.write("datasets/greetings/hello.txt", "hallo\n");
    repository.write(".libtorch/build-version", "2.10.0\n");
    repository.write(".libtorch/lib/libtorch_cpu.so", "not a library");
    let out = repository.out(&["doctor"], 1);
    for part in ["wrong SHA-256", "2.10.0, but this program is built for 2.11.0", "libtorch_cpu.so: "] {
        assert!(out.contains(part), "{part} is not in\n{out}");
    }
}

#[test]
fn the_doctor_asks_a_real_libtorch_how_it_was_built() {
    let libtorch = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.libtorch");
    if !libtorch.join("lib/libtorch_cpu.so").exists() {
        eprintln!("skipped: no .libtorch here");
        return;
    }
    let repository = Repository::new();
    repository.write("datasets/greetings/hello.txt", "hello\n");
    let assert = repository.medner().env("LIBTORCH", &libtorch).args(["doctor", "--json"]).assert();
    let diagnosis: Value = serde_json::from_slice(&assert.get_output().stdout).unwrap();
    let find =
        |name: &str| diagnosis["checks"].as_array().unwrap().iter().find(|c| c["name"] == name).unwrap();
    assert_eq!(find("loads")["level"], "ok");
    if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        assert!(find("OpenMP")["found"].as_str().unwrap().contains("OpenMP"), "{diagnosis}");
    }
}
