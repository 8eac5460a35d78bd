//! One file over HTTP into a partial file: resumed where it was cut, tried again where that can help.
//!
//! Beside `.NAME.part` stands `.NAME.part.json` with the address and the server's validator (a strong `ETag`, else
//! `Last-Modified`), so that a later run can ask for the rest with `Range` and `If-Range`. A server that ignores ranges
//! answers 200 with the whole file: the partial file is then written anew.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};
use ureq::Agent;
use ureq::http::{HeaderMap, Response};

use crate::fetch::FetchError;

/// However much each attempt brings, there are no more than this many for one file.
const MOST_ATTEMPTS: u32 = 100;
/// The longest wait between two attempts, and the most that a server's `Retry-After` is heeded.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// How to download.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    agent: Agent,
    /// Attempts in a row that bring nothing before the download is given up.
    pub attempts: u32,
    /// Wait after the first failure; doubled after each further one.
    pub backoff: Duration,
    /// Show a progress bar where standard error is a terminal.
    pub progress: bool,
}

/// What the partial file is part of.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct PartFacts {
    url: String,
    validator: Option<String>,
}

/// Why an attempt ended.
enum Failure {
    /// Trying again cannot help.
    Fatal(FetchError),
    /// Trying again may help.
    Passing {
        message: String,
        /// Bytes arrived before it failed.
        progressed: bool,
        /// What the server asked to wait.
        wait: Option<Duration>,
    },
}

impl Failure {
    fn passing(message: impl Into<String>) -> Self {
        Self::Passing { message: message.into(), progressed: false, wait: None }
    }
}

impl Client {
    pub(crate) fn new(attempts: u32, backoff: Duration, stall: Duration, progress: bool) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .user_agent(concat!("medner/", env!("CARGO_PKG_VERSION")))
            .accept_encoding("identity")
            .max_redirects(5)
            .timeout_connect(Some(stall))
            .timeout_recv_response(Some(stall))
            .timeout_per_read(Some(stall))
            .build()
            .new_agent();
        Self { agent, attempts: attempts.max(1), backoff, progress }
    }

    /// Downloads `url` into `part`; `file` is its name for messages, `bytes` its size where known.
    ///
    /// Returns true when a part of an earlier attempt was kept: if the hash is then wrong, that part may be stale.
    pub(crate) fn download(
        &self,
        file: &str,
        url: &str,
        part: &Path,
        bytes: Option<u64>,
    ) -> Result<bool, FetchError> {
        let bar = self.bar(file, bytes);
        let mut resumed = false;
        let (mut in_a_row, mut total) = (0u32, 0u32);
        loop {
            total += 1;
            match self.attempt(file, url, part, bytes, &bar, &mut resumed) {
                Ok(()) => {
                    bar.finish_and_clear();
                    return Ok(resumed);
                }
                Err(Failure::Fatal(error)) => {
                    bar.finish_and_clear();
                    return Err(error);
                }
                Err(Failure::Passing { message, progressed, wait }) => {
                    in_a_row = if progressed { 1 } else { in_a_row + 1 };
                    if in_a_row >= self.attempts || total >= MOST_ATTEMPTS {
                        bar.finish_and_clear();
                        return Err(FetchError::Download {
                            file: file.to_owned(),
                            url: url.to_owned(),
                            attempts: total,
                            last: message,
                        });
                    }
                    tracing::debug!(file, attempt = total, %message, "download interrupted, trying again");
                    let wait =
                        wait.unwrap_or_else(|| self.backoff.saturating_mul(1 << (in_a_row - 1).min(10)));
                    std::thread::sleep(wait.min(LONGEST_WAIT));
                }
            }
        }
    }

    fn bar(&self, file: &str, bytes: Option<u64>) -> ProgressBar {
        if !self.progress {
            return ProgressBar::hidden();
        }
        let (bar, template) = match bytes {
            Some(n) => (ProgressBar::new(n), "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}"),
            None => (ProgressBar::new_spinner(), "{msg} {spinner} {bytes} {bytes_per_sec}"),
        };
        bar.set_style(
            ProgressStyle::with_template(template).expect("the template is a constant that parses"),
        );
        bar.set_message(file.to_owned());
        bar
    }

    /// One request, and its body as far as it comes.
    fn attempt(
        &self,
        file: &str,
        url: &str,
        part: &Path,
        bytes: Option<u64>,
        bar: &ProgressBar,
        resumed: &mut bool,
    ) -> Result<(), Failure> {
        let facts_path = facts_path(part);
        let facts = read_facts(&facts_path);
        let mut offset = match std::fs::metadata(part) {
            Ok(metadata) if facts.url == url => metadata.len(),
            _ => 0,
        };
        if bytes.is_some_and(|n| offset == n) && offset > 0 {
            *resumed = true;
            return Ok(());
        }
        if bytes.is_some_and(|n| offset > n) {
            offset = 0;
        }
        let mut request = self.agent.get(url);
        if offset > 0 {
            request = request.header("Range", format!("bytes={offset}-"));
            if let Some(validator) = &facts.validator {
                request = request.header("If-Range", validator);
            }
        }
        let response = request.call().map_err(|e| transport_failure(file, url, &e))?;
        let expected_here = judge(file, url, part, &response, bytes, &mut offset)?;
        *resumed = offset > 0;

        let io_failure =
            |path: &Path, source: io::Error| Failure::Fatal(FetchError::Io { path: path.to_owned(), source });
        let facts = PartFacts { url: url.to_owned(), validator: validator(response.headers()) };
        let text = serde_json::to_vec(&facts).expect("two strings are always JSON");
        std::fs::write(&facts_path, text).map_err(|e| io_failure(&facts_path, e))?;
        let mut out = OpenOptions::new()
            .create(true)
            .write(true)
            .append(offset > 0)
            .truncate(offset == 0)
            .open(part)
            .map_err(|e| io_failure(part, e))?;

        bar.set_position(offset);
        let mut body = response.into_body().into_reader();
        let mut buffer = vec![0u8; 1 << 16];
        let mut received = 0u64;
        let ended = loop {
            match body.read(&mut buffer) {
                Ok(0) => break "the connection was closed".to_owned(),
                Ok(n) => {
                    out.write_all(&buffer[..n]).map_err(|e| io_failure(part, e))?;
                    received += n as u64;
                    bar.inc(n as u64);
                    if let Some(expected) = bytes
                        && offset + received > expected
                    {
                        return Err(Failure::Fatal(wrong_length(
                            file,
                            url,
                            part,
                            expected,
                            &format!("more than {expected}"),
                        )));
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => break e.to_string(),
            }
        };
        out.sync_all().map_err(|e| io_failure(part, e))?;
        let have = offset + received;
        let want = bytes.or(expected_here.map(|n| offset + n));
        match want {
            Some(want) if have < want => Err(Failure::Passing {
                message: format!("{ended} after {have} of {want} bytes"),
                progressed: received > 0,
                wait: None,
            }),
            None if ended != "the connection was closed" => Err(Failure::Passing {
                message: format!("{ended} after {have} bytes"),
                progressed: received > 0,
                wait: None,
            }),
            _ => Ok(()),
        }
    }
}

/// Decides by status and headers; sets `offset` to where the body continues and returns the body's length when known.
fn judge<B>(
    file: &str,
    url: &str,
    part: &Path,
    response: &Response<B>,
    bytes: Option<u64>,
    offset: &mut u64,
) -> Result<Option<u64>, Failure> {
    let headers = response.headers();
    let length = header(headers, "content-length").and_then(|v| v.parse::<u64>().ok());
    let status = response.status().as_u16();
    match status {
        206 => {
            let range = header(headers, "content-range").and_then(content_range);
            match range {
                Some((start, total)) if start == *offset => match (total, bytes) {
                    (Some(total), Some(bytes)) if total != bytes => {
                        Err(Failure::Fatal(wrong_length(file, url, part, bytes, &total.to_string())))
                    }
                    _ => Ok(length),
                },
                _ => {
                    discard(part);
                    Err(Failure::passing("the server sent another range than the one asked for"))
                }
            }
        }
        200 => {
            *offset = 0;
            match (length, bytes) {
                (Some(length), Some(bytes)) if length != bytes => {
                    Err(Failure::Fatal(wrong_length(file, url, part, bytes, &length.to_string())))
                }
                _ => Ok(length),
            }
        }
        416 => {
            discard(part);
            Err(Failure::passing("the server has no such range"))
        }
        408 | 425 | 429 | 500 | 502 | 503 | 504 => Err(Failure::Passing {
            message: format!("the server answered {status}"),
            progressed: false,
            wait: header(headers, "retry-after").and_then(|v| v.parse().ok()).map(Duration::from_secs),
        }),
        _ => Err(Failure::Fatal(FetchError::Status { file: file.to_owned(), url: url.to_owned(), status })),
    }
}

/// Removes a partial file and its facts.
pub(crate) fn discard(part: &Path) {
    for path in [part.to_owned(), facts_path(part)] {
        if let Err(error) = std::fs::remove_file(&path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %path.display(), %error, "cannot remove a partial download");
        }
    }
}

/// Removes only the facts: the partial file has become the file.
pub(crate) fn forget(part: &Path) {
    let _ = std::fs::remove_file(facts_path(part));
}

/// Syncs the folder so that a rename in it outlives a power cut.
pub(crate) fn sync_folder(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}

fn facts_path(part: &Path) -> PathBuf {
    let mut name = part.as_os_str().to_owned();
    name.push(".json");
    PathBuf::from(name)
}

fn read_facts(path: &Path) -> PartFacts {
    std::fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|v| v.to_str().ok())
}

/// What `If-Range` may carry: a strong `ETag`, else the date of the last change.
fn validator(headers: &HeaderMap) -> Option<String> {
    header(headers, "etag")
        .filter(|tag| !tag.starts_with("W/"))
        .or_else(|| header(headers, "last-modified"))
        .map(str::to_owned)
}

/// `bytes 5-9/10` is start 5 and total 10; the total may be `*`.
fn content_range(value: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = value.strip_prefix("bytes ")?.split_once('/')?;
    let (start, _) = range.split_once('-')?;
    Some((start.trim().parse().ok()?, total.trim().parse().ok()))
}

fn wrong_length(file: &str, url: &str, part: &Path, expected: u64, found: &str) -> FetchError {
    discard(part);
    FetchError::WrongHash {
        file: file.to_owned(),
        from: url.to_owned(),
        fact: "size in bytes",
        expected: expected.to_string(),
        found: found.to_owned(),
    }
}

/// A wrong address cannot be mended by waiting; a connection may.
fn transport_failure(file: &str, url: &str, error: &ureq::Error) -> Failure {
    match error {
        ureq::Error::BadUri(_)
        | ureq::Error::Http(_)
        | ureq::Error::RequireHttpsOnly(_)
        | ureq::Error::TooManyRedirects => Failure::Fatal(FetchError::Download {
            file: file.to_owned(),
            url: url.to_owned(),
            attempts: 1,
            last: error.to_string(),
        }),
        _ => Failure::passing(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn ranges_and_validators_are_read() {
        assert_eq!(content_range("bytes 5-9/10"), Some((5, Some(10))));
        assert_eq!(content_range("bytes 5-9/*"), Some((5, None)));
        assert_eq!(content_range("lines 5-9/10"), None);

        let mut headers = HeaderMap::new();
        headers.insert("last-modified", "Mon".parse().unwrap());
        headers.insert("etag", "W/\"weak\"".parse().unwrap());
        assert_eq!(validator(&headers).as_deref(), Some("Mon"));
        headers.insert("etag", "\"strong\"".parse().unwrap());
        assert_eq!(validator(&headers).as_deref(), Some("\"strong\""));
    }
}
