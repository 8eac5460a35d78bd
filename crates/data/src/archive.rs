//! Zip archives: one member as a file, or a folder of small JSON files as one JSON-lines file.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use zip::ZipArchive;

use crate::fetch::FetchError;

/// A member may not unpack to more than this when its size is not known beforehand: 4 GiB.
const LARGEST: u64 = 4 << 30;

fn open(archive: &Path) -> Result<ZipArchive<File>, FetchError> {
    let file = File::open(archive).map_err(|source| FetchError::Io { path: archive.to_owned(), source })?;
    ZipArchive::new(file).map_err(|e| broken(archive, &format!("not a readable zip archive: {e}")))
}

fn broken(archive: &Path, message: &str) -> FetchError {
    FetchError::Archive { path: archive.to_owned(), message: message.to_owned() }
}

/// Unpacks `member` of `archive` into `out`; stops with an error after `bytes`, where the size is known.
///
/// # Errors
/// [`FetchError::Archive`] when the archive is damaged, has no such member (the message lists what it has) or the member is
/// larger than expected; [`FetchError::Io`] when `out` cannot be written.
pub fn extract_member(
    archive: &Path,
    member: &str,
    bytes: Option<u64>,
    out: &mut File,
    out_path: &Path,
) -> Result<(), FetchError> {
    let mut zip = open(archive)?;
    let Some(index) = zip.index_for_name(member) else {
        let mut names: Vec<&str> = zip.file_names().collect();
        names.sort_unstable();
        names.truncate(20);
        let message = format!("has no member `{member}`; it has: {}", names.join(", "));
        return Err(broken(archive, &message));
    };
    let entry = zip.by_index(index).map_err(|e| broken(archive, &e.to_string()))?;
    let limit = bytes.unwrap_or(LARGEST);
    let mut entry = entry.take(limit + 1);
    let mut buffer = vec![0u8; 1 << 16];
    let mut written = 0u64;
    loop {
        let n = entry
            .read(&mut buffer)
            .map_err(|e| broken(archive, &format!("member `{member}` cannot be unpacked: {e}")))?;
        if n == 0 {
            return Ok(());
        }
        written += n as u64;
        if written > limit {
            return Err(broken(
                archive,
                &format!("member `{member}` is larger than the {limit} bytes expected"),
            ));
        }
        write(out, out_path, &buffer[..n])?;
    }
}

/// Joins the members that match `pattern` (`folder/*.ext`) into `out`: one JSON object a line, without spaces, each with its
/// file name added under the key `file`, in the natural order of the names (`a_9` before `a_10`).
///
/// A repository's archive has one folder around everything; the pattern is matched with and without it.
///
/// # Errors
/// [`FetchError::Archive`] when the archive is damaged, nothing matches, or a member is not one JSON object.
pub fn join_json_lines(
    archive: &Path,
    pattern: &str,
    out: &mut File,
    out_path: &Path,
) -> Result<(), FetchError> {
    let mut zip = open(archive)?;
    let (folder, extension) = pattern
        .split_once('*')
        .ok_or_else(|| broken(archive, &format!("the pattern `{pattern}` has no `*`")))?;
    let mut members: Vec<(String, String)> = zip
        .file_names()
        .filter_map(|name| {
            let inside = name.split_once('/').map_or(name, |(_, rest)| rest);
            [name, inside].into_iter().find_map(|path| {
                let file = path.strip_prefix(folder)?;
                let matches =
                    file.len() > extension.len() && file.ends_with(extension) && !file.contains('/');
                matches.then(|| (file.to_owned(), name.to_owned()))
            })
        })
        .collect();
    if members.is_empty() {
        return Err(broken(archive, &format!("has no member that matches `{pattern}`")));
    }
    members.sort_by_key(|(file, _)| natural_key(file));
    for (file, member) in members {
        let mut text = String::new();
        zip.by_name(&member)
            .map_err(|e| broken(archive, &e.to_string()))?
            .take(LARGEST)
            .read_to_string(&mut text)
            .map_err(|e| broken(archive, &format!("member `{member}` cannot be unpacked: {e}")))?;
        let line =
            json_line(&text, &file).map_err(|e| broken(archive, &format!("member `{member}`: {e}")))?;
        write(out, out_path, line.as_bytes())?;
    }
    Ok(())
}

fn write(out: &mut File, path: &Path, bytes: &[u8]) -> Result<(), FetchError> {
    out.write_all(bytes).map_err(|source| FetchError::Io { path: path.to_owned(), source })
}

/// Text pieces and numbers in turn, so that names sort as people count.
fn natural_key(name: &str) -> Vec<(String, u64)> {
    let mut key = vec![(String::new(), 0u64)];
    let mut in_number = false;
    for c in name.chars() {
        if let Some(digit) = c.to_digit(10) {
            let (_, number) = key.last_mut().expect("the key starts with one element");
            *number = number.saturating_mul(10).saturating_add(u64::from(digit));
            in_number = true;
        } else {
            if in_number {
                key.push((String::new(), 0));
                in_number = false;
            }
            key.last_mut().expect("the key starts with one element").0.push(c);
        }
    }
    key
}

/// The JSON object in `text` on one line: keys in their order, no spaces, characters written as themselves, and `file` added.
///
/// Own code because a parsed map would sort the keys, and the line's bytes are checked against a hash.
fn json_line(text: &str, file: &str) -> Result<String, String> {
    serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).map_err(|e| e.to_string())?;
    let mut line = String::with_capacity(text.len());
    let mut rest = text.trim_start_matches('\u{feff}').trim();
    while let Some(c) = rest.chars().next() {
        if c == '"' {
            let end = string_end(rest).ok_or("a string does not end")?;
            let value: String = serde_json::from_str(&rest[..end]).map_err(|e| e.to_string())?;
            line.push_str(&serde_json::to_string(&value).map_err(|e| e.to_string())?);
            rest = &rest[end..];
        } else {
            if !c.is_ascii_whitespace() {
                line.push(c);
            }
            rest = &rest[c.len_utf8()..];
        }
    }
    line.pop();
    if !line.ends_with('{') {
        line.push(',');
    }
    line.push_str("\"file\":");
    line.push_str(&serde_json::to_string(file).map_err(|e| e.to_string())?);
    line.push_str("}\n");
    Ok(line)
}

/// One past the closing quote of the JSON string that `text` starts with.
fn string_end(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (i, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(i + 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use std::io::{Seek, SeekFrom};
    use zip::write::SimpleFileOptions;

    fn archive(members: &[(&str, &str)]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut zip = zip::ZipWriter::new(file.reopen().unwrap());
        for (name, text) in members {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(text.as_bytes()).unwrap();
        }
        zip.finish().unwrap();
        file
    }

    fn read_back(mut out: File) -> String {
        out.seek(SeekFrom::Start(0)).unwrap();
        let mut text = String::new();
        out.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn a_member_comes_out_and_a_missing_one_is_named_with_those_there_are() {
        let zip = archive(&[("a.txt", "alpha"), ("b.txt", "beta")]);
        let mut out = tempfile::tempfile().unwrap();
        extract_member(zip.path(), "b.txt", Some(4), &mut out, Path::new("out")).unwrap();
        assert_eq!(read_back(out), "beta");

        let mut out = tempfile::tempfile().unwrap();
        let error =
            extract_member(zip.path(), "c.txt", None, &mut out, Path::new("out")).unwrap_err().to_string();
        assert!(error.contains("`c.txt`") && error.contains("a.txt, b.txt"), "{error}");
    }

    #[test]
    fn a_member_that_is_too_large_stops_early() {
        let zip = archive(&[("a.txt", &"x".repeat(100_000))]);
        let mut out = tempfile::tempfile().unwrap();
        let error = extract_member(zip.path(), "a.txt", Some(10), &mut out, Path::new("out")).unwrap_err();
        assert!(error.to_string().contains("larger than the 10 bytes"), "{error}");
        assert!(read_back(out).is_empty());
    }

    #[test]
    fn a_folder_becomes_json_lines_in_the_order_people_count() {
        let zip = archive(&[
            ("repo-abc/data/dev/dev_10.json", "{\"b\": 1.50,\n \"a\": [\"x y\", \"\\u533b\\n\"]}"),
            ("repo-abc/data/dev/dev_9.json", "{}"),
            ("repo-abc/data/dev/deeper/dev_1.json", "{}"),
            ("repo-abc/data/test/test_1.json", "{}"),
        ]);
        let mut out = tempfile::tempfile().unwrap();
        join_json_lines(zip.path(), "data/dev/*.json", &mut out, Path::new("out")).unwrap();
        assert_eq!(
            read_back(out),
            "{\"file\":\"dev_9.json\"}\n{\"b\":1.50,\"a\":[\"x y\",\"医\\n\"],\"file\":\"dev_10.json\"}\n"
        );
    }

    #[test]
    fn a_damaged_archive_and_a_member_that_is_not_json_are_errors() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "PK but not really").unwrap();
        let mut out = tempfile::tempfile().unwrap();
        let error =
            extract_member(file.path(), "a", None, &mut out, Path::new("out")).unwrap_err().to_string();
        assert!(error.contains("not a readable zip archive"), "{error}");

        let zip = archive(&[("data/dev/x.json", "[1]")]);
        let error = join_json_lines(zip.path(), "data/dev/*.json", &mut out, Path::new("out"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("data/dev/x.json"), "{error}");
    }
}
