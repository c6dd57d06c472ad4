//! Servers that babble, stop anywhere or hang: every request that was due has its record with one outcome, and each class
//! of errors one readable example. Over HTTP/1.1 here, over HTTP/2 and gRPC in `misbehaving_http2`.

use std::io::{self, BufReader, Write as _};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsRawFd as _;
use std::sync::Mutex;

use crate::frames::hang;
use crate::program::Place;
use crate::redactor::Redactor;
use crate::servers::{read_request, scripted};

/// Requests of each run against a server that misbehaves.
const DUE: usize = 6;
/// Runs at the same time: most of what they do is to wait.
const AT_ONCE: usize = 4;

/// What a server does with each connection.
pub(crate) type Script = fn(TcpStream) -> io::Result<()>;
/// How a server misbehaves, what it does, and options of the run against it.
pub(crate) type Case = (&'static str, Script, &'static str);

pub(crate) const EVENT: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hello\"}}]}\n\n";
const STREAM_HEAD: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
/// Options of a run that asks for a streamed text.
pub(crate) const TEXT: &str = "--provider openai -m m -p 16 -o 4";
/// A limit for servers that say nothing at all.
pub(crate) const NOTHING: &str = "--first-byte-timeout 150ms";
/// The same for those that begin to answer: what they say must come within it, however slow this machine is at the moment.
pub(crate) const BEGINNING: &str = "--first-byte-timeout 4s";
/// A limit for servers that stop within an answer.
pub(crate) const STOPPING: &str = "--idle-timeout 150ms";

/// What a user reads of the errors of a run against such a server, and in which classes they are.
fn seen(case: &Case, asked: &str) -> String {
    let (name, script, options) = case;
    let place = Place::new();
    let url = scripted(*script);
    let ended = place.line(&format!("run {url} {asked} {options} --qps 30 -t 200ms"));
    let context = || format!("{name}: {ended:?}");
    assert_eq!(place.results().len(), 1, "{}", context());
    let (summary, records) = (place.summary(), place.records());
    assert_eq!(records.len(), DUE, "{}", context());
    assert_eq!(summary.counts.outcomes.values().sum::<u64>(), DUE as u64, "{}", context());
    assert_eq!(summary.errors.iter().map(|class| class.count).sum::<u64>(), summary.counts.failed);
    let mut text = format!("{name}\n");
    for (outcome, count) in &summary.counts.outcomes {
        let class = summary.errors.iter().find(|class| class.outcome == *outcome);
        let status =
            class.and_then(|class| class.status).map_or_else(String::new, |status| format!(" {status}"));
        let example = class.map_or("", |class| class.example.as_str());
        // Long words are broken at the end of a line, too.
        let beginning: String = words(example).chars().take(40).collect();
        assert!(words(&ended.stdout).contains(&beginning), "{}", context());
        text += &format!("  {count} {}{status}: {example}\n", outcome.name());
    }
    text
}

/// A text without its line breaks: cells of tables are wrapped.
fn words(text: &str) -> String {
    text.split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// What a user reads of all of them, in their order.
pub(crate) fn all_seen(cases: &[Case], asked: &str) -> String {
    let shown = Mutex::new(vec![String::new(); cases.len()]);
    std::thread::scope(|scope| {
        for lane in 0..AT_ONCE {
            let shown = &shown;
            scope.spawn(move || {
                for index in (lane..cases.len()).step_by(AT_ONCE) {
                    let text = seen(&cases[index], asked);
                    shown.lock().unwrap()[index] = text;
                }
            });
        }
    });
    let all = shown.into_inner().unwrap().concat();
    Redactor::default().redact(all.trim_end())
}

/// Answers every request of a connection with these bytes.
fn answer(stream: TcpStream, bytes: &[u8]) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        read_request(&mut reader)?;
        reader.get_mut().write_all(bytes)?;
    }
}

/// Answers the first request with these bytes, and ends the connection.
fn answer_and_close(stream: TcpStream, bytes: &[u8]) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    read_request(&mut reader)?;
    reader.get_mut().write_all(bytes)
}

/// Answers the first request with these bytes, and says nothing more.
fn answer_and_hang(stream: TcpStream, bytes: &[u8]) -> io::Result<()> {
    answer_and_close(stream.try_clone()?, bytes)?;
    hang(stream)
}

/// A chunk of the transfer.
fn chunk(data: &str) -> String {
    format!("{:x}\r\n{data}\r\n", data.len())
}

fn reset(stream: TcpStream) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    read_request(&mut reader)?;
    let socket = reader.into_inner();
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    let size = size_of_val(&linger) as libc::socklen_t;
    // SAFETY: a plain system call on an open socket, with a value of the size that it is told.
    let set = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_LINGER,
            (&raw const linger).cast(),
            size,
        )
    };
    assert_eq!(set, 0);
    Ok(())
}

const HTTP1: [Case; 21] = [
    ("accepts and says nothing", |stream| answer_and_hang(stream, b""), NOTHING),
    ("answers with another protocol", |stream| answer_and_close(stream, b"SSH-2.0-OpenSSH_9.2\r\n"), ""),
    ("answers with garbage", |stream| answer_and_close(stream, &[0x16, 3, 1, 0xff, 0, 0x80, b'\n']), ""),
    ("answers in HTTP/2", |stream| answer_and_close(stream, b"\0\0\0\x04\0\0\0\0\0"), ""),
    ("closes without an answer", |stream| answer_and_close(stream, b""), ""),
    ("resets without an answer", reset, ""),
    (
        "closes for writing before it has read",
        |stream| {
            stream.shutdown(Shutdown::Write)?;
            hang(stream)
        },
        "",
    ),
    ("closes within the head", |stream| answer_and_close(stream, b"HTTP/1.1 200 OK\r\nContent-Le"), ""),
    (
        "has a head without end",
        |stream| answer_and_hang(stream, &[b"HTTP/1.1 200 OK\r\nX: ".to_vec(), vec![b'a'; 70_000]].concat()),
        "",
    ),
    ("hangs after the head", |stream| answer_and_hang(stream, STREAM_HEAD.as_bytes()), BEGINNING),
    (
        "hangs in the stream",
        |stream| answer_and_hang(stream, [STREAM_HEAD, &chunk(EVENT)].concat().as_bytes()),
        STOPPING,
    ),
    (
        "closes in the stream",
        |stream| answer_and_close(stream, [STREAM_HEAD, &chunk(EVENT)].concat().as_bytes()),
        "",
    ),
    (
        "ends the stream in order but too early",
        |stream| answer(stream, [STREAM_HEAD, &chunk(EVENT), "0\r\n\r\n"].concat().as_bytes()),
        "",
    ),
    (
        "has garbage in the stream",
        |stream| {
            answer(
                stream,
                [STREAM_HEAD, &chunk(EVENT), &chunk("data: {{{\u{1b}[2J oops\n\n"), "0\r\n\r\n"]
                    .concat()
                    .as_bytes(),
            )
        },
        "",
    ),
    (
        "has chunks of no size",
        |stream| answer_and_close(stream, [STREAM_HEAD, &chunk(EVENT), "zz\r\n", EVENT].concat().as_bytes()),
        "",
    ),
    (
        "has chunks longer than they say",
        |stream| answer_and_close(stream, [STREAM_HEAD, "5\r\n", EVENT].concat().as_bytes()),
        "",
    ),
    (
        "has a body shorter than its length",
        |stream| answer_and_close(stream, b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"choices\""),
        "",
    ),
    (
        "has a body longer than its length",
        |stream| {
            answer(stream, b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{\"choices\":[{\"index\":0}]}")
        },
        "",
    ),
    (
        "has a length that is no number",
        |stream| answer_and_close(stream, b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n"),
        "",
    ),
    (
        "promises without end",
        |stream| answer_and_hang(stream, &b"HTTP/1.1 100 Continue\r\n\r\n".repeat(20_000)),
        NOTHING,
    ),
    (
        "fails with a page",
        |stream| {
            answer(stream, b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 61\r\n\r\n<html><body><h1>502 Bad Gateway</h1>nginx/1.27</body></html>\n")
        },
        "",
    ),
];

#[test]
fn misbehaviour_over_http1_is_told_apart() {
    insta::assert_snapshot!(all_seen(&HTTP1, TEXT));
}
