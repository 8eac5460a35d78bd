//! Puts into the program what run records say of its making: the compiler's version, and the commit of its sources.
//!
//! The commit is taken when the program is built, not when it runs: a program that was built before a commit does not
//! hold what the commit changed. Without git, or outside the project's own repository, there is no commit to name, unless
//! whoever builds names it in `MEDNER_COMMIT` (a packager, or someone who does not want a commit to rebuild everything).

use std::path::{Path, PathBuf};
use std::process::Command;

/// What programs are made of, from the repository's root. Results, tables and texts are not: the records hold the
/// configuration that a run had.
const SOURCES: [&str; 5] = ["crates", "Cargo.toml", "Cargo.lock", ".cargo", "rust-toolchain.toml"];

fn main() {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let version = output(Command::new(rustc).arg("--version")).unwrap_or_default();
    println!("cargo::rustc-env=MEDNER_RUSTC={version}");
    println!("cargo::rerun-if-changed=build.rs");
    if let Some(commit) = commit() {
        println!("cargo::rustc-env=MEDNER_COMMIT={commit}");
    }
}

/// `0123456789ab`, or `0123456789ab+changes` where tracked sources differ from the commit. Asks to be run again when
/// the answer may have changed.
fn commit() -> Option<String> {
    println!("cargo::rerun-if-env-changed=MEDNER_COMMIT");
    if let Some(named) = std::env::var("MEDNER_COMMIT").ok().filter(|name| !name.is_empty()) {
        return Some(named);
    }
    let here = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR")?);
    // A copy inside some other repository is not described by that one's commits.
    git(&here, &["ls-files", "--error-unmatch", "build.rs"])?;
    let root = PathBuf::from(git(&here, &["rev-parse", "--show-toplevel"])?);
    let branch = git(&root, &["symbolic-ref", "--quiet", "HEAD"]);
    for name in ["HEAD", "index", "packed-refs"].into_iter().chain(branch.as_deref()) {
        if let Some(path) = git(&root, &["rev-parse", "--git-path", name]) {
            rerun_if_changed(&root.join(path));
        }
    }
    // An edit that git was not told of makes another program too.
    for source in SOURCES {
        rerun_if_changed(&root.join(source));
    }
    let commit = git(&root, &["rev-parse", "--short=12", "HEAD"])?;
    let mut status = vec!["--no-optional-locks", "status", "--porcelain", "--untracked-files=no", "--"];
    status.extend(SOURCES);
    let changed = git(&root, &status).is_some_and(|list| !list.is_empty());
    Some(format!("{commit}{}", if changed { "+changes" } else { "" }))
}

/// A path that is not there would have this run at every build.
fn rerun_if_changed(path: &Path) {
    if path.exists() {
        println!("cargo::rerun-if-changed={}", path.display());
    }
}

fn git(folder: &Path, args: &[&str]) -> Option<String> {
    output(Command::new("git").arg("-C").arg(folder).args(args))
}

fn output(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
