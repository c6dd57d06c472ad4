//! A plain blocking client, written apart from the server's own HTTP code.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use plimsoll_serve::sim::{SimOptions, SimServer};
use serde_json::Value;

pub fn start(query: &str) -> SimServer {
    let options = SimOptions::parse(query).unwrap();
    SimServer::start(options, SocketAddr::from(([127, 0, 0, 1], 0))).unwrap()
}

/// CLOCK_MONOTONIC in nanoseconds: what the server stamps with.
pub fn now() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid place for the result.
    assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) }, 0);
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

pub struct Client(BufReader<TcpStream>);

#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub head: String,
    pub body: String,
    /// Whether the body came to the end that its framing promised.
    pub whole: bool,
}

impl Client {
    pub fn connect(server: &SimServer) -> Self {
        Client::over(TcpStream::connect(server.address()).unwrap())
    }

    pub fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.set_nodelay(true).unwrap();
        Client(BufReader::new(stream))
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).unwrap();
    }

    pub fn post(&mut self, path: &str, body: &str) {
        self.send(format!("POST {path} HTTP/1.1\r\ncontent-length: {}\r\n\r\n{body}", body.len()).as_bytes());
    }

    pub fn get(&mut self, path: &str) -> Response {
        self.send(format!("GET {path} HTTP/1.1\r\n\r\n").as_bytes());
        self.response()
    }

    pub fn ask(&mut self, path: &str, body: &str) -> Response {
        self.post(path, body);
        self.response()
    }

    pub fn stream_chat(&mut self, tokens: u32) -> Response {
        self.ask("/v1/chat/completions", &chat(tokens))
    }

    /// Reads one response, as far as it comes.
    pub fn response(&mut self) -> Response {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(self.0.read_line(&mut head).unwrap() > 0, "the connection ended in the head: {head:?}");
        }
        let head = head.to_ascii_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let (body, whole) = if header(&head, "transfer-encoding") == Some("chunked") {
            self.chunked()
        } else {
            let length: usize = header(&head, "content-length").unwrap_or("0").parse().unwrap();
            let mut body = Vec::new();
            self.0.by_ref().take(length as u64).read_to_end(&mut body).unwrap();
            let whole = body.len() == length;
            (body, whole)
        };
        Response { status, head, body: String::from_utf8(body).unwrap(), whole }
    }

    fn chunked(&mut self) -> (Vec<u8>, bool) {
        let mut body = Vec::new();
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).unwrap() == 0 {
                return (body, false);
            }
            let size = usize::from_str_radix(line.strip_suffix("\r\n").unwrap(), 16).unwrap();
            let mut chunk = vec![0; size + 2];
            self.0.read_exact(&mut chunk).unwrap();
            assert_eq!(&chunk[size..], b"\r\n");
            body.extend_from_slice(&chunk[..size]);
            if size == 0 {
                return (body, true);
            }
        }
    }

    /// All that comes until the connection ends.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.0.read_to_end(&mut bytes).unwrap();
        bytes
    }

    /// Whether the server has reset the connection, instead of an orderly end.
    pub fn is_reset(&mut self) -> bool {
        matches!(self.0.fill_buf(), Err(error) if error.kind() == ErrorKind::ConnectionReset)
    }

    /// Whether the server has ended the connection.
    pub fn is_ended(&mut self) -> bool {
        self.0.fill_buf().unwrap().is_empty()
    }
}

pub fn chat(tokens: u32) -> String {
    format!(
        r#"{{"messages":[{{"role":"user","content":"hello"}}],"max_tokens":{tokens},"stream":true,
        "stream_options":{{"include_usage":true}}}}"#
    )
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The data of each event.
    pub fn events(&self) -> Vec<&str> {
        self.body
            .split_terminator("\n\n")
            .map(|event| event.strip_prefix("data:").unwrap().trim_start())
            .collect()
    }

    /// The events, but for `[DONE]`.
    pub fn documents(&self) -> Vec<Value> {
        let events = self.events().into_iter().filter(|event| *event != "[DONE]");
        events.map(|event| serde_json::from_str(event).unwrap()).collect()
    }

    /// The events of a chat that carry text.
    pub fn content(&self) -> Vec<Value> {
        let is_content = |event: &Value| {
            event["choices"][0]["delta"]["content"].as_str().is_some_and(|text| !text.is_empty())
        };
        self.documents().into_iter().filter(is_content).collect()
    }

    /// When the events with content were written (CLOCK_MONOTONIC, ns).
    pub fn stamps(&self) -> Vec<u64> {
        self.content().iter().map(|event| stamp(event).split(':').next().unwrap().parse().unwrap()).collect()
    }

    /// When they were due (CLOCK_MONOTONIC, ns), where the truth was asked for.
    pub fn due(&self) -> Vec<u64> {
        self.content().iter().map(|event| stamp(event).split_once(':').unwrap().1.parse().unwrap()).collect()
    }

    pub fn usage(&self) -> Option<Value> {
        self.documents().into_iter().find_map(|event| event.get("usage").cloned())
    }
}

fn stamp(event: &Value) -> &str {
    event["system_fingerprint"].as_str().unwrap().strip_prefix("plimsoll:").unwrap()
}

/// The server's statistics as soon as they satisfy `wanted`.
pub fn stats_when(server: &SimServer, wanted: impl Fn(&Value) -> bool) -> Value {
    let mut client = Client::connect(server);
    let give_up = now() + 60_000_000_000;
    loop {
        let stats = client.get("/__stats").json();
        if wanted(&stats) {
            return stats;
        }
        assert!(now() < give_up, "{stats}");
        std::thread::yield_now();
    }
}
