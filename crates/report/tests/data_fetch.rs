//! `medner data fetch` as a user calls it.

#![allow(clippy::unwrap_used)]

mod support;

use std::io::{Read, Write};
use std::net::TcpListener;

use support::{HELLO_SHA, Repository, arg};

/// Answers one request with `body` and returns the address.
fn serve_once(body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).unwrap();
        let length = body.len();
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
            .unwrap();
    });
    address
}

#[test]
fn a_data_set_is_fetched_from_the_base_url_and_then_listed_as_here() {
    let repository = Repository::new();
    let list = repository.out(&["data", "fetch", "--list", "greetings"], 0);
    assert!(list.contains("missing") && list.contains("greetings/hello.txt"), "{list}");

    let out = repository.out(&["data", "fetch", "greetings", "--base-url", &serve_once("hello\n")], 0);
    assert!(out.contains("greetings: 1 files, 6 B, verified"), "{out}");
    assert_eq!(std::fs::read_to_string(repository.path("datasets/greetings/hello.txt")).unwrap(), "hello\n");
    assert!(repository.out(&["data", "fetch", "--list"], 0).contains("here"));

    // Again: nothing is asked (nobody answers), and quiet says nothing.
    assert_eq!(repository.out(&["data", "fetch", "--quiet"], 0), "");
}

#[test]
fn wrong_bytes_are_exit_code_1_with_both_hashes() {
    let repository = Repository::new();
    let error = repository.err(&["data", "fetch", "--base-url", &serve_once("hallo\n")], 1);
    assert!(error.contains(HELLO_SHA) && error.contains("wrong SHA-256"), "{error}");
    assert!(!repository.path("datasets/greetings/hello.txt").exists());
}

#[test]
fn a_mirror_is_used_in_place() {
    let repository = Repository::new();
    let mirror = repository.write("elsewhere/greetings/hello.txt", "hello\n");
    let mirror = mirror.parent().unwrap().parent().unwrap();
    let assert = repository.medner().env("MEDNER_MIRROR", mirror).args(["data", "fetch"]).assert().code(0);
    let out = String::from_utf8(assert.get_output().stdout.clone()).unwrap();
    assert!(out.contains(arg(&mirror.join("greetings"))), "{out}");
    assert!(!repository.path("datasets/greetings").exists());

    let assert =
        repository.medner().env("MEDNER_MIRROR", "/no/such/folder").args(["data", "fetch"]).assert().code(1);
    let error = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
    assert!(error.contains("MEDNER_MIRROR=/no/such/folder is not a folder"), "{error}");
}

#[test]
fn an_unknown_name_lists_the_known_ones() {
    let error = Repository::new().err(&["data", "fetch", "greeting"], 1);
    assert!(error.contains("no data set is called `greeting`") && error.contains("greetings"), "{error}");
}

#[test]
fn outside_a_repository_the_error_says_what_to_do() {
    let repository = Repository::new();
    let outside = tempfile::tempdir().unwrap();
    let assert = repository.medner().current_dir(outside.path()).args(["data", "fetch"]).assert().code(1);
    let error = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
    assert!(error.contains("MEDNER_HOME"), "{error}");
    // And with it set, or the name that the methods' programs go by, the repository is found from anywhere.
    for name in ["MEDNER_HOME", "MEDNER_ROOT"] {
        let mut command = repository.medner();
        command.current_dir(outside.path()).env(name, repository.path(""));
        command.args(["data", "fetch", "--list"]).assert().code(0);
    }
}

#[test]
fn a_damaged_manifest_is_named_with_its_line() {
    let repository = Repository::new();
    repository.write("datasets/manifest.yaml", "version: 1\ndatasets:\n  a:\n    titel: x\n");
    let error = repository.err(&["data", "fetch"], 1);
    assert!(
        error.contains("manifest.yaml") && error.contains("titel") && error.contains("line 4"),
        "{error}"
    );
}
