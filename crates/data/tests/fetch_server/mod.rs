//! A local HTTP server that answers its requests as scripted, one answer a connection.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// What the server does with a request.
#[derive(Clone)]
pub enum Answer {
    /// 200 with everything, whatever range was asked for.
    Whole(Vec<u8>),
    /// 200 with the right `Content-Length`, but the connection closes after so many bytes.
    Cut { content: Vec<u8>, after: usize, etag: Option<&'static str> },
    /// Honours `Range` when `If-Range` agrees with the tag, else 200; may cut the body.
    Ranged { content: Vec<u8>, etag: &'static str, cut_after: Option<usize> },
    /// 206 that starts at another byte than the one asked for.
    WrongRange(Vec<u8>),
    /// 200 without `Content-Length`; the end is the closed connection.
    NoLength(Vec<u8>),
    /// Sends a part, then nothing for a while, then closes.
    Stall { content: Vec<u8>, after: usize, silence: Duration },
    /// Sends everything in pieces with pauses.
    Slow { content: Vec<u8>, pieces: usize, pause: Duration },
    /// A status with an empty body.
    Status(u16),
}

/// What a client asked.
#[derive(Clone, Debug)]
pub struct Seen {
    pub path: String,
    pub range: Option<String>,
    pub if_range: Option<String>,
}

pub struct Server {
    port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub fn start(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (seen, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (log, stopped) = (Arc::clone(&seen), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            let mut answers = answers.into_iter();
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let mut stream = stream.unwrap();
                let request = read_request(&stream);
                log.lock().unwrap().push(request.clone());
                let answer = answers.next().unwrap_or(Answer::Status(500));
                // Own threads, so that a stalled answer does not hold up the next; early hang-ups are part of the tests.
                std::thread::spawn(move || reply(&mut stream, &request, answer));
            }
        });
        Self { port, seen, stop, thread: Some(thread) }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the accept loop.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn read_request(stream: &TcpStream) -> Seen {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let mut seen =
        Seen { path: line.split(' ').nth(1).unwrap_or_default().to_owned(), range: None, if_range: None };
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim().split_once(':') else {
            return seen;
        };
        match name.to_ascii_lowercase().as_str() {
            "range" => seen.range = Some(value.trim().to_owned()),
            "if-range" => seen.if_range = Some(value.trim().to_owned()),
            _ => {}
        }
    }
}

fn head(status: &str, fields: &[(&str, String)]) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status}\r\nConnection: close\r\n");
    for (name, value) in fields {
        text.extend([name, ": ", value.as_str(), "\r\n"]);
    }
    text.push_str("\r\n");
    text.into_bytes()
}

fn reply(stream: &mut TcpStream, request: &Seen, answer: Answer) -> std::io::Result<()> {
    let length = |content: &[u8]| ("Content-Length", content.len().to_string());
    match answer {
        Answer::Whole(content) => {
            stream.write_all(&head("200 OK", &[length(&content)]))?;
            stream.write_all(&content)
        }
        Answer::Cut { content, after, etag } => {
            let mut fields = vec![length(&content)];
            fields.extend(etag.map(|tag| ("ETag", tag.to_owned())));
            stream.write_all(&head("200 OK", &fields))?;
            stream.write_all(&content[..after])
        }
        Answer::Ranged { content, etag, cut_after } => {
            let start = request
                .range
                .as_ref()
                .filter(|_| request.if_range.as_ref().is_none_or(|tag| tag == etag))
                .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
            let tag = ("ETag", etag.to_owned());
            let body = &content[start.unwrap_or(0)..];
            let fields = match start {
                Some(start) => {
                    let range = format!("bytes {start}-{}/{}", content.len() - 1, content.len());
                    vec![length(body), tag, ("Content-Range", range)]
                }
                None => vec![length(body), tag],
            };
            let status = if start.is_some() { "206 Partial Content" } else { "200 OK" };
            stream.write_all(&head(status, &fields))?;
            stream.write_all(&body[..cut_after.unwrap_or(body.len())])
        }
        Answer::WrongRange(content) => {
            let range = format!("bytes 0-{}/{}", content.len() - 1, content.len());
            stream.write_all(&head("206 Partial Content", &[length(&content), ("Content-Range", range)]))?;
            stream.write_all(&content)
        }
        Answer::NoLength(content) => {
            stream.write_all(&head("200 OK", &[]))?;
            stream.write_all(&content)
        }
        Answer::Stall { content, after, silence } => {
            stream.write_all(&head("200 OK", &[length(&content)]))?;
            stream.write_all(&content[..after])?;
            stream.flush()?;
            std::thread::sleep(silence);
            Ok(())
        }
        Answer::Slow { content, pieces, pause } => {
            stream.write_all(&head("200 OK", &[length(&content)]))?;
            for piece in content.chunks(content.len().div_ceil(pieces)) {
                stream.write_all(piece)?;
                stream.flush()?;
                std::thread::sleep(pause);
            }
            Ok(())
        }
        Answer::Status(status) => {
            stream.write_all(&head(&format!("{status} Scripted"), &[("Content-Length", "0".into())]))
        }
    }
}
