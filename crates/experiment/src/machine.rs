//! What a record says of the machine, the code and the hour.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// The time, UTC, as `2026-01-31T23:59:59Z`.
pub(crate) fn now() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    iso8601(seconds)
}

fn iso8601(seconds: u64) -> String {
    let (days, second) = ((seconds / 86_400) as i64, seconds % 86_400);
    // Civil date from days since 1970-01-01 (Howard Hinnant's algorithm; years start in March).
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Peak resident memory of this process in MiB; 0 where the system does not tell.
pub(crate) fn peak_memory_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
    (kib.unwrap_or(0.0) / 1024.0 * 10.0).round() / 10.0
}

/// A text without paths of this machine, for files that are committed: those below the repository's root become
/// relative to it, those beside it begin with `../`, those of the mirror with `$MEDNER_MIRROR`, those of the user's
/// folder with `~`.
pub(crate) fn relative(text: &str, root: &Path) -> String {
    let mirror = std::env::var_os("MEDNER_MIRROR").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(PathBuf::from);
    relative_to(text, root, mirror.as_deref(), home.as_deref())
}

fn relative_to(text: &str, root: &Path, mirror: Option<&Path>, home: Option<&Path>) -> String {
    let mut folders: Vec<(String, &str)> = Vec::new();
    let mut add = |folder: Option<&Path>, name: &'static str| {
        for folder in
            folder.into_iter().flat_map(|folder| [Some(folder.to_owned()), folder.canonicalize().ok()])
        {
            // `/` alone begins every path.
            let named = folder.filter(|folder| folder.is_absolute() && folder.parent().is_some());
            folders.extend(
                named.map(|folder| (folder.to_string_lossy().trim_end_matches('/').to_owned(), name)),
            );
        }
    };
    add(mirror, "$MEDNER_MIRROR");
    add(Some(root), ".");
    add(home, "~");
    add(root.parent(), "..");
    // The deepest first: the mirror may lie beside the root, the root in the user's folder.
    folders.sort_by_key(|(folder, _)| std::cmp::Reverse(folder.len()));
    folders.iter().fold(text.to_owned(), |text, (folder, name)| without(&text, folder, name))
}

/// `folder` replaced by `name` wherever a path begins with it; `./` is left out.
fn without(text: &str, folder: &str, name: &str) -> String {
    let in_name = |c: char| c.is_alphanumeric() || "_-.".contains(c);
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(folder) {
        let (before, after) = (&rest[..at], &rest[at + folder.len()..]);
        out.push_str(before);
        let begins = !out.ends_with(|c: char| in_name(c) || c == '/' || c == '~');
        // A full stop after a folder ends a sentence more often than it begins a suffix.
        let ends = !after.starts_with(in_name) || after.starts_with(". ") || after == ".";
        rest = after;
        if !(begins && ends) {
            out.push_str(folder);
        } else if name == "." && after.len() > 1 && after.starts_with('/') {
            rest = &after[1..];
        } else {
            out.push_str(name);
        }
    }
    out + rest
}

/// Versions of the code: this crate's, the compiler's, the commit that the program was built from (with `+changes` when
/// its sources differed from it; none when it was built without git).
pub(crate) fn versions() -> BTreeMap<String, String> {
    let mut versions = BTreeMap::new();
    versions.insert("experiment".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
    versions.insert("rustc".to_owned(), env!("MEDNER_RUSTC").to_owned());
    if let Some(commit) = option_env!("MEDNER_COMMIT") {
        versions.insert("commit".to_owned(), commit.to_owned());
    }
    versions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_the_calendar_s() {
        // date -u -d @N +%FT%TZ
        assert_eq!(iso8601(0), "1970-01-01T00:00:00Z");
        assert_eq!(iso8601(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(iso8601(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(iso8601(1_735_689_599), "2024-12-31T23:59:59Z");
    }

    #[test]
    fn texts_lose_the_paths_of_this_machine() {
        let said = |text: &str| {
            let (mirror, home) = (Path::new("/srv/shared/datasets"), Path::new("/home/ann"));
            relative_to(text, Path::new("/srv/repo"), Some(mirror), Some(home))
        };
        assert_eq!(said("/srv/repo/datasets/a.txt: not there"), "datasets/a.txt: not there");
        assert_eq!(said("in `/srv/repo` and (/srv/repo)."), "in `.` and (.).");
        assert_eq!(said("/srv/shared/datasets/x.json:3: bad"), "$MEDNER_MIRROR/x.json:3: bad");
        assert_eq!(said("get /srv/shared/other."), "get ../shared/other.");
        assert_eq!(said("DIR=/home/ann/.cache/x"), "DIR=~/.cache/x");
        // Other folders whose names only look alike.
        for other in ["/srv/repository/x", "/x/srv/repo/y", "/home/anna/z", "5/7"] {
            let kept = said(other);
            assert_eq!(kept, other.replace("/srv/repository", "../repository"), "{other}");
        }
        let at_the_top = relative_to("/repo/a /etc/b", Path::new("/repo"), None, Some(Path::new("/")));
        assert_eq!(at_the_top, "a /etc/b");
    }

    #[test]
    fn the_commit_is_that_of_the_build() {
        let versions = versions();
        assert!(versions["rustc"].starts_with("rustc "), "{versions:?}");
        // Whoever builds may have named it.
        let named = std::env::var("MEDNER_COMMIT").ok();
        if let Some(commit) = versions.get("commit").filter(|commit| Some(*commit) != named.as_ref()) {
            let hash = commit.strip_suffix("+changes").unwrap_or(commit);
            assert!(hash.len() >= 12 && hash.chars().all(|c| c.is_ascii_hexdigit()), "{commit}");
        }
    }

    #[test]
    fn memory_is_measured_on_linux() {
        if cfg!(target_os = "linux") {
            assert!(peak_memory_mib() > 0.5);
        }
    }
}
