//! Downloads against a server that cuts, lies, refuses and stalls.

#![allow(clippy::unwrap_used)]

mod fetch_server;

use std::path::{Path, PathBuf};
use std::time::Duration;

use fetch_server::{Answer, Server};
use medner_data::fetch::{FetchError, FetchOptions, Fetcher};
use medner_data::hash::hash_bytes;
use medner_data::store::{Place, State, Store};

/// A repository with a manifest of one data set `a` with one file `a/x.txt` of `content`, and a fetcher for `server`.
struct Case {
    folder: tempfile::TempDir,
    content: Vec<u8>,
}

const URL: &str = "https://raw.example.org/owner/repo/commit/x.txt";

impl Case {
    fn new() -> Self {
        let content: Vec<u8> = (0..200_000u32).map(|i| (i * i % 251) as u8).collect();
        let case = Self { folder: tempfile::tempdir().unwrap(), content };
        let hash = hash_bytes(&case.content);
        case.manifest(&format!(
            "      - path: a/x.txt\n        bytes: {}\n        sha256: \"{}\"\n        git_blob: \"{}\"\n        url: {URL}\n",
            hash.bytes, hash.sha256, hash.git_blob
        ));
        case
    }

    fn manifest(&self, files: &str) {
        let text = format!(
            "version: 1\ndatasets:\n  a:\n    title: t\n    root: a\n    licence: none\n    files:\n{files}"
        );
        std::fs::create_dir_all(self.home().join("datasets")).unwrap();
        std::fs::write(self.home().join("datasets/manifest.yaml"), text).unwrap();
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("repo")
    }

    fn place(&self) -> PathBuf {
        self.home().join("datasets/a/x.txt")
    }

    fn store(&self) -> Store {
        Store::with_mirror(&self.home(), None).unwrap()
    }

    /// What stands in the data set's folder, hidden files too.
    fn listing(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.home().join("datasets/a"))
            .map(|entries| entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect())
            .unwrap_or_default();
        names.sort();
        names
    }

    fn assert_fetched(&self, server: &Server) {
        let located = self.store().ensure_with("a", &fetcher(server)).unwrap();
        assert_eq!(std::fs::read(self.place()).unwrap(), self.content);
        assert_eq!(located.file("x.txt").unwrap().sha256, hash_bytes(&self.content).sha256);
        assert_eq!(self.listing(), ["x.txt"]);
    }

    fn error(&self, server: &Server) -> FetchError {
        self.store().ensure_with("a", &fetcher(server)).unwrap_err()
    }
}

fn fetcher(server: &Server) -> Fetcher {
    Fetcher::new(FetchOptions {
        base_url: Some(server.url()),
        attempts: 3,
        backoff: Duration::from_millis(2),
        stall: Duration::from_millis(400),
        progress: false,
    })
}

#[test]
fn a_file_is_fetched_and_found() {
    let case = Case::new();
    let server = Server::start(vec![Answer::Whole(case.content.clone())]);
    case.assert_fetched(&server);
    let seen = server.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].path, "/owner/repo/commit/x.txt");
    assert_eq!(seen[0].range, None);

    // Now it is here: no request, and the status says so.
    case.store().ensure_with("a", &fetcher(&server)).unwrap();
    assert_eq!(server.seen().len(), 1);
    assert_eq!(case.store().status()[0].state, State::Verified { place: Place::Datasets });
}

#[test]
fn a_cut_connection_is_resumed_where_it_broke() {
    let case = Case::new();
    let c = case.content.clone();
    let server = Server::start(vec![
        Answer::Cut { content: c.clone(), after: 70_000, etag: Some("\"v1\"") },
        Answer::Ranged { content: c.clone(), etag: "\"v1\"", cut_after: Some(50_000) },
        Answer::Ranged { content: c, etag: "\"v1\"", cut_after: None },
    ]);
    case.assert_fetched(&server);
    let seen = server.seen();
    assert_eq!(seen.len(), 3);
    assert_eq!(seen[1].range.as_deref(), Some("bytes=70000-"));
    assert_eq!(seen[1].if_range.as_deref(), Some("\"v1\""));
    assert_eq!(seen[2].range.as_deref(), Some("bytes=120000-"));
}

#[test]
fn a_killed_download_is_resumed_by_the_next_run() {
    let case = Case::new();
    let c = case.content.clone();
    let cut = Answer::Cut { content: c.clone(), after: 40_000, etag: Some("\"v1\"") };
    let whole = Answer::Ranged { content: c.clone(), etag: "\"v1\"", cut_after: None };
    let server = Server::start(vec![cut, Answer::Status(503), Answer::Status(503), whole]);
    assert!(matches!(case.error(&server), FetchError::Download { .. }));
    assert!(!case.place().exists());
    assert_eq!(case.listing(), [".x.txt.part", ".x.txt.part.json"]);

    case.assert_fetched(&server);
    assert_eq!(server.seen()[3].range.as_deref(), Some("bytes=40000-"));
}

#[test]
fn a_server_that_ignores_ranges_is_read_from_the_start() {
    let case = Case::new();
    let c = case.content.clone();
    let server =
        Server::start(vec![Answer::Cut { content: c.clone(), after: 70_000, etag: None }, Answer::Whole(c)]);
    case.assert_fetched(&server);
    assert_eq!(server.seen()[1].range.as_deref(), Some("bytes=70000-"));
}

#[test]
fn a_file_that_changed_in_between_is_read_from_the_start() {
    let case = Case::new();
    let mut old = case.content.clone();
    old[0] ^= 1;
    // The validator no longer holds, so the server sends everything with 200.
    let server = Server::start(vec![
        Answer::Cut { content: old, after: 70_000, etag: Some("\"old\"") },
        Answer::Ranged { content: case.content.clone(), etag: "\"new\"", cut_after: None },
    ]);
    case.assert_fetched(&server);
    assert_eq!(server.seen()[1].if_range.as_deref(), Some("\"old\""));
}

#[test]
fn a_stale_part_without_validator_costs_a_second_download_not_a_wrong_file() {
    let case = Case::new();
    let mut old = case.content.clone();
    old[0] ^= 1;
    let server = Server::start(vec![
        Answer::Cut { content: old, after: 70_000, etag: None },
        Answer::Ranged { content: case.content.clone(), etag: "\"new\"", cut_after: None },
        Answer::Whole(case.content.clone()),
    ]);
    case.assert_fetched(&server);
    assert_eq!(server.seen()[2].range, None);
}

#[test]
fn a_wrong_range_is_not_appended() {
    let case = Case::new();
    let c = case.content.clone();
    let server = Server::start(vec![
        Answer::Cut { content: c.clone(), after: 70_000, etag: None },
        Answer::WrongRange(c.clone()),
        Answer::Whole(c),
    ]);
    case.assert_fetched(&server);
    assert_eq!(server.seen()[2].range, None);
}

#[test]
fn an_unsatisfiable_range_starts_again() {
    let case = Case::new();
    let c = case.content.clone();
    let server = Server::start(vec![
        Answer::Cut { content: c.clone(), after: 70_000, etag: None },
        Answer::Status(416),
        Answer::Whole(c),
    ]);
    case.assert_fetched(&server);
}

#[test]
fn a_wrong_byte_names_both_hashes_and_leaves_nothing() {
    let case = Case::new();
    let mut wrong = case.content.clone();
    wrong[123_456] ^= 1;
    let server = Server::start(vec![Answer::Whole(wrong.clone())]);
    let error = case.error(&server);
    let text = error.to_string();
    assert!(matches!(error, FetchError::WrongHash { fact: "SHA-256", .. }), "{text}");
    assert!(text.contains(&hash_bytes(&case.content).sha256), "{text}");
    assert!(text.contains(&hash_bytes(&wrong).sha256), "{text}");
    assert!(text.contains("a/x.txt") && text.contains(&server.url()), "{text}");
    assert!(case.listing().is_empty(), "{:?}", case.listing());
}

#[test]
fn a_wrong_byte_is_found_by_the_git_blob_id_alone() {
    let case = Case::new();
    let blob = hash_bytes(&case.content).git_blob;
    case.manifest(&format!("      - path: a/x.txt\n        git_blob: \"{blob}\"\n        url: {URL}\n"));
    let mut wrong = case.content.clone();
    wrong[0] ^= 1;
    let server = Server::start(vec![Answer::Whole(wrong.clone())]);
    let text = case.error(&server).to_string();
    assert!(text.contains(&blob) && text.contains(&hash_bytes(&wrong).git_blob), "{text}");

    let server = Server::start(vec![
        Answer::Cut { content: case.content.clone(), after: 9, etag: None },
        Answer::Whole(case.content.clone()),
    ]);
    case.assert_fetched(&server);
}

#[test]
fn a_wrong_length_is_refused_before_it_is_read() {
    let case = Case::new();
    let server = Server::start(vec![Answer::Whole(b"<html>rate limited</html>".to_vec())]);
    let text = case.error(&server).to_string();
    assert!(text.contains("expected 200000, found 25"), "{text}");
    assert!(case.listing().is_empty());
}

#[test]
fn a_body_without_end_is_cut_at_the_expected_size() {
    let case = Case::new();
    let mut long = case.content.clone();
    long.resize(300_000, 0);
    let server = Server::start(vec![Answer::NoLength(long)]);
    let text = case.error(&server).to_string();
    assert!(text.contains("found more than 200000"), "{text}");
    assert!(case.listing().is_empty());
}

#[test]
fn a_short_body_without_length_is_tried_again() {
    let case = Case::new();
    let c = case.content.clone();
    let server = Server::start(vec![Answer::NoLength(c[..1_000].to_vec()), Answer::Whole(c)]);
    case.assert_fetched(&server);
    assert_eq!(server.seen()[1].range.as_deref(), Some("bytes=1000-"));
}

#[test]
fn a_missing_page_is_said_at_once_with_the_way_out() {
    let case = Case::new();
    let server = Server::start(vec![Answer::Status(404), Answer::Whole(case.content.clone())]);
    let text = case.error(&server).to_string();
    assert!(
        text.contains("404") && text.contains("MEDNER_MIRROR") && text.contains("/owner/repo/commit/x.txt"),
        "{text}"
    );
    assert_eq!(server.seen().len(), 1);
    assert!(!case.place().exists());
}

#[test]
fn a_busy_server_is_asked_again() {
    let case = Case::new();
    let server =
        Server::start(vec![Answer::Status(503), Answer::Status(429), Answer::Whole(case.content.clone())]);
    case.assert_fetched(&server);
    assert_eq!(server.seen().len(), 3);
}

#[test]
fn a_server_that_is_always_busy_is_given_up_after_the_attempts_allowed() {
    let case = Case::new();
    let server = Server::start(vec![Answer::Status(503); 10]);
    let text = case.error(&server).to_string();
    assert!(text.contains("after 3 attempts") && text.contains("503"), "{text}");
    assert_eq!(server.seen().len(), 3);
}

#[test]
fn a_silent_connection_counts_as_cut_and_is_resumed() {
    let case = Case::new();
    let c = case.content.clone();
    let server = Server::start(vec![
        Answer::Stall { content: c.clone(), after: 90_000, silence: Duration::from_millis(1500) },
        Answer::Ranged { content: c, etag: "\"v1\"", cut_after: None },
    ]);
    case.assert_fetched(&server);
    assert_eq!(server.seen()[1].range.as_deref(), Some("bytes=90000-"));
}

#[test]
fn a_slow_body_is_not_a_stalled_one() {
    let case = Case::new();
    // 10 pieces, 100 ms apart: longer in all than the stall limit of 400 ms.
    let server = Server::start(vec![Answer::Slow {
        content: case.content.clone(),
        pieces: 10,
        pause: Duration::from_millis(100),
    }]);
    case.assert_fetched(&server);
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn without_a_network_the_error_says_what_was_tried_and_what_to_do() {
    let case = Case::new();
    let server = Server::start(vec![]);
    let port = server.port();
    drop(server);
    let fetcher = Fetcher::new(FetchOptions {
        base_url: Some(format!("http://127.0.0.1:{port}")),
        attempts: 2,
        backoff: Duration::from_millis(1),
        progress: false,
        ..FetchOptions::default()
    });
    let text = case.store().ensure_with("a", &fetcher).unwrap_err().to_string();
    for part in ["after 2 attempts", &port.to_string(), "MEDNER_MIRROR", "datasets/a/x.txt"] {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
}

fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    use std::io::{Cursor, Write};
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn archive_manifest(case: &Case) {
    let (hash, lines) = (
        hash_bytes(&case.content),
        hash_bytes(b"{\"k\":1,\"file\":\"d_2.json\"}\n{\"file\":\"d_10.json\"}\n"),
    );
    case.manifest(&format!(
        "      - {{path: a/x.txt, sha256: \"{}\", url: \"https://h/a.zip\", member: inner/x}}\n      - {{path: a/y.jsonl, sha256: \"{}\", url: \"https://h/a.zip\", members: \"d/*.json\", join: json-lines}}\n",
        hash.sha256, lines.sha256
    ));
}

#[test]
fn an_archive_is_downloaded_once_for_all_its_members() {
    let case = Case::new();
    archive_manifest(&case);
    let archive =
        zip(&[("top/d/d_10.json", b"{}"), ("top/d/d_2.json", b"{\"k\": 1}"), ("inner/x", &case.content)]);
    let server = Server::start(vec![
        Answer::Cut { content: archive.clone(), after: 100, etag: None },
        Answer::Whole(archive),
    ]);
    let located = case.store().ensure_with("a", &fetcher(&server)).unwrap();
    assert_eq!(located.files.len(), 2);
    assert_eq!(server.seen().len(), 2, "one cut, one whole, none for the second member");
    assert_eq!(case.listing(), ["x.txt", "y.jsonl"]);
    assert!(!case.home().join("datasets/.archives").exists());
}

#[test]
fn a_member_with_a_wrong_byte_is_refused() {
    let case = Case::new();
    archive_manifest(&case);
    let whole = zip(&[("d/d_10.json", b"{}"), ("d/d_2.json", b"{\"k\": 1}"), ("inner/x", &case.content)]);
    let server =
        Server::start(vec![Answer::Whole(zip(&[("inner/x", b"something else")])), Answer::Whole(whole)]);
    let text = case.error(&server).to_string();
    assert!(text.contains("SHA-256") && text.contains(&hash_bytes(b"something else").sha256), "{text}");
    assert!(case.listing().is_empty());
    // The wrong archive is not kept either: the next try asks for it again.
    assert_eq!(case.store().ensure_with("a", &fetcher(&server)).unwrap().files.len(), 2);
}

#[test]
fn a_damaged_archive_is_named_and_not_kept() {
    let case = Case::new();
    archive_manifest(&case);
    let server = Server::start(vec![Answer::Whole(b"PK truncated".to_vec())]);
    let text = case.error(&server).to_string();
    assert!(text.contains("not a readable zip archive"), "{text}");
    assert_eq!(std::fs::read_dir(case.home().join("datasets/.archives")).unwrap().count(), 0);
}

#[test]
fn a_mirror_is_read_in_place_and_nothing_is_asked_or_copied() {
    let case = Case::new();
    let mirror = case.folder.path().join("mirror");
    std::fs::create_dir_all(mirror.join("a")).unwrap();
    std::fs::write(mirror.join("a/x.txt"), &case.content).unwrap();
    let server = Server::start(vec![]);
    let store = Store::with_mirror(&case.home(), Some(mirror.clone())).unwrap();
    let located = store.ensure_with("a", &fetcher(&server)).unwrap();
    assert_eq!(located.root, mirror.join("a"));
    assert_eq!(located.file("x.txt").unwrap().path, mirror.join("a/x.txt"));
    assert!(server.seen().is_empty() && !case.place().exists());
    assert_eq!(store.status()[0].state, State::Verified { place: Place::Mirror });
}

#[test]
fn a_wrong_file_in_place_is_an_error_and_is_left_for_its_owner() {
    let case = Case::new();
    std::fs::create_dir_all(case.place().parent().unwrap()).unwrap();
    std::fs::write(case.place(), "mine").unwrap();
    let server = Server::start(vec![Answer::Whole(case.content.clone())]);
    let text = case.error(&server).to_string();
    assert!(text.contains("expected 200000, found 4") && text.contains("remove it"), "{text}");
    assert_eq!(std::fs::read(case.place()).unwrap(), b"mine");
    assert!(server.seen().is_empty());
    assert!(matches!(case.store().status()[0].state, State::Wrong { .. }));
}

#[test]
fn a_derived_file_says_how_it_was_made() {
    let case = Case::new();
    let hash = hash_bytes(b"d").sha256;
    let needed = |needed: bool| {
        format!("      - {{path: a/d, sha256: \"{hash}\", derived: counted by hand, needed: {needed}}}\n")
    };
    case.manifest(&needed(true));
    let server = Server::start(vec![]);
    let text = case.error(&server).to_string();
    assert!(text.contains("counted by hand") && text.contains("MEDNER_MIRROR"), "{text}");
    assert!(
        matches!(&case.store().status()[0].state, State::Missing { downloadable: false, files } if files == &["a/d"])
    );

    // Not needed: the data set is there without it.
    case.manifest(&needed(false));
    assert!(case.store().ensure_with("a", &fetcher(&server)).unwrap().files.is_empty());
}

#[test]
fn two_programs_at_once_download_once() {
    let case = Case::new();
    let server = Server::start(vec![
        Answer::Slow { content: case.content.clone(), pieces: 5, pause: Duration::from_millis(50) },
        Answer::Status(500),
    ]);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| case.store().ensure_with("a", &fetcher(&server)).unwrap());
        }
    });
    assert_eq!(server.seen().len(), 1);
    assert_eq!(case.listing(), ["x.txt"]);
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let case = Case::new();
    std::fs::write(case.home().join("datasets/a"), "a file where a folder must be").unwrap();
    let server = Server::start(vec![Answer::Whole(case.content.clone())]);
    let text = case.error(&server).to_string();
    assert!(text.contains(Path::new("datasets/a").to_str().unwrap()), "{text}");
}
