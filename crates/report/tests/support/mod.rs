//! A small repository of its own for each test.

use std::path::{Path, PathBuf};

use assert_cmd::Command;

pub struct Repository {
    folder: tempfile::TempDir,
}

/// `printf 'hello\n' | sha256sum`
pub const HELLO_SHA: &str = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";

impl Repository {
    /// One data set `greetings` with the file `greetings/hello.txt`, not here, at an address nobody answers.
    pub fn new() -> Self {
        let repository = Self { folder: tempfile::tempdir().unwrap() };
        repository.write(
            "datasets/manifest.yaml",
            &format!(
                "version: 1\ndatasets:\n  greetings:\n    title: Greetings\n    root: greetings\n    licence: none\n    files:\n      - path: greetings/hello.txt\n        bytes: 6\n        sha256: \"{HELLO_SHA}\"\n        url: http://127.0.0.1:9/hello.txt\n"
            ),
        );
        repository
    }

    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    pub fn write(&self, relative: &str, text: &str) -> PathBuf {
        let path = self.path(relative);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// `medner` in this repository, without a mirror.
    pub fn medner(&self) -> Command {
        let mut command = Command::cargo_bin("medner").unwrap();
        command
            .current_dir(self.folder.path())
            .env("MEDNER_MIRROR", "")
            .env_remove("MEDNER_HOME")
            .env_remove("MEDNER_ROOT")
            .env_remove("RUST_LOG");
        for name in ["LIBTORCH", "LIBTORCH_USE_PYTORCH"] {
            command.env_remove(name);
        }
        command
    }

    /// Standard output of a command that must end with `code`.
    pub fn out(&self, args: &[&str], code: i32) -> String {
        text(&self.medner().args(args).assert().code(code).get_output().stdout)
    }

    /// Standard error of a command that must end with `code`.
    pub fn err(&self, args: &[&str], code: i32) -> String {
        text(&self.medner().args(args).assert().code(code).get_output().stderr)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The path as text, for arguments.
pub fn arg(path: &Path) -> &str {
    path.to_str().unwrap()
}
