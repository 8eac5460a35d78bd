//! Claims, audit and comparison through the program: on made-up papers, and on the four of this repository.

#![allow(clippy::unwrap_used)]

mod audit;
mod claims;
mod compare;
mod records;
mod rows;
#[path = "../support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};

/// This repository.
fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Standard output of the program, which must end with `code`.
fn medner(args: &[&str], mirror: &Path, code: i32) -> String {
    let output = assert_cmd::Command::cargo_bin("medner")
        .unwrap()
        .current_dir(repository())
        .env("MEDNER_MIRROR", mirror)
        .env_remove("MEDNER_HOME")
        .env_remove("RUST_LOG")
        .args(args)
        .assert()
        .code(code)
        .get_output()
        .stdout
        .clone();
    String::from_utf8(output).unwrap()
}
