//! Pages from scripted servers on loopback: framed in every way, cut, too long, late, refused.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use plimsoll_core::spec::Secret;

use super::fetch::runtime;
use super::page::{PageAddress, PageFailure, PageReader};
use super::target::Origin;
use super::tests::limits;
use crate::clock::Clock;

/// Patience with a page, but where none comes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server that answers request after request, on as many connections as are opened, each with the next of `answers`, and
/// ends the connection after one that ends with `Connection: close`. Returns what each request was.
fn serve(answers: Vec<Vec<u8>>) -> (Origin, std::thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = Origin::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let server = std::thread::spawn(move || {
        let mut requests = Vec::new();
        let mut connection: Option<TcpStream> = None;
        for answer in answers {
            let mut stream = connection.take().unwrap_or_else(|| listener.accept().unwrap().0);
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") {
                assert_eq!(stream.read(&mut byte).unwrap(), 1, "one connection is used while it is kept");
                head.push(byte[0]);
            }
            requests.push(String::from_utf8(head).unwrap());
            // A client that has seen enough may have gone.
            let _ = stream.write_all(&answer);
            let text = String::from_utf8_lossy(&answer[..answer.len().min(200)]).into_owned();
            connection = (!text.contains("close") && !text.contains("cut")).then_some(stream);
        }
        requests
    });
    (origin, server)
}

/// Reads as many pages as there are answers.
fn read(answers: &[&str]) -> Vec<Result<(String, bool), PageFailure>> {
    let answers: Vec<Vec<u8>> = answers.iter().map(|answer| answer.as_bytes().to_vec()).collect();
    let count = answers.len();
    let (origin, server) = serve(answers);
    let headers = vec![("X-Key".to_owned(), Secret::new("k"))];
    let address =
        PageAddress { origin, path: "/m?x=1".to_owned(), headers, api_key: None, accept: "text/plain" };
    let mut reader = PageReader::new(&address, &limits(), None, Clock::start()).unwrap();
    let runtime = runtime().unwrap();
    let pages = (0..count)
        .map(|_| {
            let page = runtime.block_on(reader.read(PATIENCE))?;
            Ok((String::from_utf8(page.body.to_vec()).unwrap(), page.protobuf))
        })
        .collect();
    drop(reader);
    for request in server.join().unwrap() {
        assert!(request.starts_with("GET /m?x=1 HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("Accept: text/plain\r\n") && request.contains("X-Key: k\r\n"), "{request}");
    }
    pages
}

fn ok(body: &str) -> Result<(String, bool), PageFailure> {
    Ok((body.to_owned(), false))
}

#[test]
fn a_page_is_read_however_it_is_framed_and_on_one_connection() {
    let pages = read(&[
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\na 1\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\na \r\n2\r\n2\n\r\n0\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Type: x/protobuf\r\n\r\na 3\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\na 4\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\na 5\n",
    ]);
    let expected =
        [ok("a 1\n"), ok("a 2\n"), Ok(("a 3\n".to_owned(), true)), ok(""), ok("a 4\n"), ok("a 5\n")];
    assert_eq!(pages, expected);
}

#[test]
fn other_answers_are_failures_that_say_what_to_do_and_the_next_page_is_read() {
    let pages = read(&[
        "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone",
        "HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: cut\r\nContent-Length: 40\r\n\r\na 1\n",
        "nonsense, and a cut\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\na 1\n",
    ]);
    let said: Vec<String> = pages
        .iter()
        .map(|page| page.as_ref().map_or_else(ToString::to_string, |(body, _)| body.clone()))
        .collect();
    assert_eq!(said[0], "it answers 404: there is no such page");
    assert_eq!(
        said[1],
        "it answers 401: give what it asks for with --watch-header 'Authorization: Bearer …'"
    );
    assert_eq!(said[2], "the page was cut off");
    assert!(said[3].starts_with("what came is not HTTP/1.1"), "{}", said[3]);
    assert_eq!(said[4], "a 1\n");
}

#[test]
fn a_page_of_50_megabytes_is_refused_whether_it_says_its_length_or_not() {
    let long = "a 1\n".repeat(50 << 18);
    let said =
        format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{long}", long.len());
    let unsaid = format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{long}");
    for answer in [said, unsaid] {
        assert_eq!(read(&[&answer]), [Err(PageFailure::TooLong)]);
    }
}

#[test]
fn a_page_that_does_not_come_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = Origin::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let address =
        PageAddress { origin, path: "/".to_owned(), headers: Vec::new(), api_key: None, accept: "*/*" };
    let mut reader = PageReader::new(&address, &limits(), None, Clock::start()).unwrap();
    let limit = Duration::from_millis(30);
    let page = runtime().unwrap().block_on(async { reader.read(limit).await.map(|_| ()) });
    assert_eq!(page, Err(PageFailure::Late(limit)));
    drop(listener);
    let page = runtime().unwrap().block_on(async { reader.read(PATIENCE).await.map(|_| ()) });
    assert!(matches!(page, Err(PageFailure::Unreachable(_))), "{page:?}");
}
