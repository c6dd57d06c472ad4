//! Servers to run against: the program's own simulated one in a process of its own, and small ones that misbehave.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use crate::program::{Place, Started, wait_until};

/// `plimsoll sim` on a free port. It ends with this value.
pub(crate) struct Sim {
    /// `http://127.0.0.1:PORT`, as it printed.
    pub(crate) url: String,
    _process: Started,
    _place: Place,
}

impl Sim {
    pub(crate) fn start(options: &str) -> Self {
        Sim::start_on(options, "0")
    }

    /// The same on a port that another one had.
    pub(crate) fn start_on(options: &str, port: &str) -> Self {
        let place = Place::new();
        let process = place.start(&["sim", options, "--port", port]);
        wait_until("the address of the simulated server", || process.stdout().ends_with('\n'));
        let url = process.stdout().trim_end().to_owned();
        Sim { url, _process: process, _place: place }
    }

    /// What it says of itself.
    pub(crate) fn stats(&self) -> Value {
        let (status, body) = get(&self.url, "/__stats").unwrap();
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    pub(crate) fn stat(&self, name: &str) -> u64 {
        self.stats()[name].as_u64().unwrap()
    }

    /// Waits until one of its figures has grown so far.
    pub(crate) fn wait_for(&self, name: &str, least: u64) {
        wait_until(&format!("{name} of {least}"), || self.stat(name) >= least);
    }
}

/// Status and body of an answer to a GET.
pub(crate) fn get(url: &str, path: &str) -> std::io::Result<(u16, String)> {
    let address: SocketAddr = url.strip_prefix("http://").unwrap().parse().unwrap();
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut reader = BufReader::new(stream);
    let head = read_head(&mut reader)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| std::io::Error::other(format!("no status in `{head}`")))?;
    let mut body = Vec::new();
    match content_length(&head) {
        Some(length) => reader.take(length).read_to_end(&mut body)?,
        None if head.to_ascii_lowercase().contains("transfer-encoding: chunked") => {
            read_chunks(&mut reader, &mut body)?
        }
        None => reader.read_to_end(&mut body)?,
    };
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}

/// A server that answers every request with what `answer` makes of its head. It lasts as long as the test program.
pub(crate) fn answering(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> String {
    answering_bodies(move |head, _| answer(head))
}

/// The same with what `answer` makes of head and body.
pub(crate) fn answering_bodies(answer: impl Fn(&str, &[u8]) -> String + Send + Sync + 'static) -> String {
    answering_on(TcpListener::bind("127.0.0.1:0").unwrap(), answer)
}

/// What a server was asked: head and body of each request.
pub(crate) type Seen = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// A server that remembers what it was asked, and answers with what `answer` makes of the path.
pub(crate) fn remembering(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> (String, Seen) {
    let seen = Seen::default();
    let own = seen.clone();
    let url = answering_bodies(move |head, body| {
        own.lock().unwrap().push((head.to_owned(), body.to_vec()));
        answer(head.split(' ').nth(1).unwrap_or(""))
    });
    (url, seen)
}

/// A server that answers so on a port of the caller's choice.
pub(crate) fn answering_on(
    listener: TcpListener,
    answer: impl Fn(&str, &[u8]) -> String + Send + Sync + 'static,
) -> String {
    scripted_on(listener, move |stream| {
        let mut reader = BufReader::new(stream);
        loop {
            let (head, body) = read_request(&mut reader)?;
            reader.get_mut().write_all(answer(&head, &body).as_bytes())?;
        }
    })
}

/// A server that does this with each connection. It lasts as long as the test program.
pub(crate) fn scripted(script: impl Fn(TcpStream) -> std::io::Result<()> + Send + Sync + 'static) -> String {
    scripted_on(TcpListener::bind("127.0.0.1:0").unwrap(), script)
}

fn scripted_on(
    listener: TcpListener,
    script: impl Fn(TcpStream) -> std::io::Result<()> + Send + Sync + 'static,
) -> String {
    let url = format!("http://{}", listener.local_addr().unwrap());
    let script = Arc::new(script);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let script = script.clone();
            // A client that goes away ends its thread by an error, which is as it should be.
            std::thread::spawn(move || script(stream));
        }
    });
    url
}

/// Head and body of a request.
pub(crate) fn read_request(reader: &mut BufReader<TcpStream>) -> std::io::Result<(String, Vec<u8>)> {
    let head = read_head(reader)?;
    let mut body = Vec::new();
    reader.by_ref().take(content_length(&head).unwrap_or(0)).read_to_end(&mut body)?;
    Ok((head, body))
}

fn read_head(reader: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Err(std::io::Error::other("the connection ended"));
        }
    }
    Ok(head)
}

/// Adds all chunks of a body to `body`, and returns its length.
fn read_chunks(reader: &mut BufReader<TcpStream>, body: &mut Vec<u8>) -> std::io::Result<usize> {
    loop {
        let mut size = String::new();
        reader.read_line(&mut size)?;
        let size = u64::from_str_radix(size.trim_end(), 16).map_err(std::io::Error::other)?;
        reader.by_ref().take(size).read_to_end(body)?;
        reader.read_line(&mut String::new())?;
        if size == 0 {
            return Ok(body.len());
        }
    }
}

fn content_length(head: &str) -> Option<u64> {
    let head = head.to_ascii_lowercase();
    head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok())
}

/// A response with this body.
pub(crate) fn response(status: &str, content_type: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Two ports, one after the other, that nobody else listens on.
pub(crate) fn neighbours() -> (TcpListener, TcpListener) {
    apart(1)
}

/// Two ports that nobody else listens on, the second so far above the first.
pub(crate) fn apart(by: u16) -> (TcpListener, TcpListener) {
    let pair = || {
        let first = TcpListener::bind("127.0.0.1:0").unwrap();
        let second = first.local_addr().unwrap().port().checked_add(by)?;
        Some((first, TcpListener::bind(("127.0.0.1", second)).ok()?))
    };
    std::iter::repeat_with(pair).take(1000).flatten().next().unwrap()
}

/// A loopback URL at which nobody listens.
pub(crate) fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}
