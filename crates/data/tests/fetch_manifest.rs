//! The committed manifest: it parses, and where the mirror is, it agrees with the table it was made from and with the files.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use medner_data::manifest::{FileEntry, MANIFEST_PATH, Manifest};
use medner_data::store::{State, Store};

fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn manifest() -> Manifest {
    Manifest::load(&home().join(MANIFEST_PATH)).unwrap()
}

fn mirror() -> Option<PathBuf> {
    let folder =
        std::env::var_os("MEDNER_MIRROR").map_or_else(|| home().join("../shared/datasets"), PathBuf::from);
    if folder.join("manifest.csv").is_file() {
        return Some(folder);
    }
    eprintln!("skipped: no mirror at {}", folder.display());
    None
}

/// The fields of one line of a CSV with quotes.
fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut quoted) = (vec![String::new()], false);
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            c => fields.last_mut().unwrap().push(c),
        }
    }
    fields
}

#[test]
fn every_address_is_fixed_to_a_commit_and_encoded() {
    for (name, set) in manifest().datasets {
        for file in set.files {
            let Some(url) = &file.url else { continue };
            let commit = file.commit.as_ref().unwrap();
            assert_eq!(commit.len(), 40, "{name}: {}", file.path);
            assert!(url.contains(&format!("/{commit}")), "{url}");
            assert!(url.bytes().all(|b| b.is_ascii_graphic() && !b"<>\"{}|\\^`*".contains(&b)), "{url}");
            assert!(url.starts_with(&format!(
                "https://{}/{}/",
                if file.members.is_some() { "github.com" } else { "raw.githubusercontent.com" },
                file.repository.as_ref().unwrap()
            )));
        }
    }
}

#[test]
fn the_names_of_the_catalog_are_there() {
    let manifest = manifest();
    for name in [
        "msra",
        "weibo",
        "weibo-2nd",
        "pd1998",
        "sighan2005-msr",
        "sighan2005-pku",
        "msr-train-tail",
        "ccks2019",
        "cmdd",
        "BC5CDR-chem",
        "JNLPBA",
        "linnaeus",
        "BC4CHEMD",
        "mtaal-ncbi",
        "mtaal-cdr",
        "albert-zh",
        "xlnet-tokenizer",
        "xlnet-tiny-checkpoints",
        "glove-subset",
    ] {
        manifest.get(name).unwrap();
    }
    assert_eq!(manifest.datasets["ccks2019"].counts["train"].by_type["解剖部位"], 8426);
    assert_eq!(manifest.datasets["BC5CDR-chem"].counts["dev"].entities, Some(5347));
    assert_eq!(manifest.datasets["BC4CHEMD"].files.len(), 3);
}

#[test]
fn every_fact_of_the_table_is_in_the_manifest() {
    let Some(mirror) = mirror() else { return };
    let manifest = manifest();
    let entries: BTreeMap<&str, (&FileEntry, &str)> = manifest
        .datasets
        .values()
        .flat_map(|set| set.files.iter().map(|f| (f.path.as_str(), (f, set.licence.as_str()))))
        .collect();
    let text = std::fs::read_to_string(mirror.join("manifest.csv")).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("file,bytes,sha256,git_blob,repository,commit,path,licence,note"));
    let mut rows = 0;
    for line in lines {
        let row = fields(line);
        let (file, licence) =
            entries.get(row[0].as_str()).unwrap_or_else(|| panic!("{} is not in the manifest", row[0]));
        let shown = [
            file.path.clone(),
            file.bytes.unwrap().to_string(),
            file.sha256.clone().unwrap(),
            file.git_blob.clone().unwrap(),
            file.repository.clone().unwrap_or_default(),
            file.commit.clone().unwrap_or_default(),
            file.source.clone().unwrap_or_default(),
            file.licence.clone().unwrap_or_else(|| (*licence).to_owned()),
            file.note.clone().unwrap_or_default(),
        ];
        assert_eq!(row, shown);
        rows += 1;
    }
    let known_by_blob_only = manifest.datasets["BC4CHEMD"].files.len();
    assert_eq!(rows + known_by_blob_only, entries.len());
    assert_eq!(rows, 164);
}

#[test]
fn every_file_of_the_mirror_has_the_bytes_the_manifest_demands() {
    let Some(mirror) = mirror() else { return };
    // A repository of its own, so that the stamp cache of the real one neither helps nor changes.
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("datasets")).unwrap();
    std::fs::copy(home().join(MANIFEST_PATH), folder.path().join(MANIFEST_PATH)).unwrap();
    let store = Store::with_mirror(folder.path(), Some(mirror)).unwrap();
    for status in store.status() {
        match (status.name.as_str(), &status.state) {
            ("BC4CHEMD", State::Missing { downloadable: true, files }) => assert_eq!(files.len(), 3),
            (_, State::Verified { .. }) => {}
            (name, state) => panic!("{name}: {state:?}"),
        }
    }
    let located = store.locate("ccks2019").unwrap();
    assert_eq!(located.files.len(), 3);
    assert!(located.file("subtask1_training_part1.txt").is_ok());
}
