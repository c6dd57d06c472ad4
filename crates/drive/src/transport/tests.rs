//! Exchanges with a scripted server on loopback: what a response must look like to be complete, cut, late or invalid.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use plimsoll_core::record::{Delta, DeltaKind, Phase, Record, RequestId};
use plimsoll_core::spec::TransportSpec;
use plimsoll_core::testing;
use plimsoll_core::time::Offset;
use tokio::runtime::LocalOptions;
use tokio::task::yield_now;

use super::answer::{Ending, Follow};
use super::connection::Unsent;
use super::exchange::Exchange;
use super::*;
use crate::clock::Clock;
use crate::endpoint::Station;
use crate::protocol::{Decoder, Malformed, Reply};
use crate::runner::pulse::Pulse;

/// Reads a protocol in which every byte is an event with content, `.` ends the answer and `!` is an error of the protocol.
struct Letters;

impl Decoder for Letters {
    fn feed(&mut self, bytes: &[u8], at: Offset, reply: &mut Reply) -> Result<(), Malformed> {
        for &byte in bytes {
            match byte {
                b'.' => reply.complete = true,
                b'!' => {
                    return Err(Malformed { what: "expected a letter".into(), excerpt: "!".into() });
                }
                _ => reply.deltas.push(Delta { at, tokens: 1, kind: DeltaKind::Text }),
            }
        }
        Ok(())
    }

    fn finish(&mut self, _: Offset, _: &mut Reply) -> Result<(), Malformed> {
        Ok(())
    }
}

/// Time limits that no test reaches, and nothing said of TLS.
pub(super) fn limits() -> TransportSpec {
    testing::transport(Duration::from_secs(20))
}

/// What a server does with one connection once the request is read.
type Script = Box<dyn FnOnce(&mut TcpStream) + Send>;

/// A server that answers its connections one after the other, each with its script; scripts see the request read.
fn serve(scripts: Vec<Script>) -> (SocketAddr, thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        for script in scripts {
            let (mut stream, _) = listener.accept().unwrap();
            read_request(&mut stream);
            script(&mut stream);
        }
    });
    (address, server)
}

fn read_request(stream: &mut TcpStream) {
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).unwrap() == 0 {
            return;
        }
        seen.push(byte[0]);
    }
}

fn wire(address: SocketAddr, limits: TransportSpec) -> Wire {
    let clock = Clock::start();
    let origin = Origin::parse(&format!("http://{address}")).unwrap();
    let dialer = Dialer::new(origin, None, &limits, clock).unwrap();
    let station = Station::new(clock, Pulse::start(0, clock.now()));
    Wire::new(station, dialer, limits, Answers { streamed: true, keep_text: false })
}

fn request() -> Unsent {
    Unsent::new(vec![Bytes::from_static(b"GET / HTTP/1.1\r\n\r\n")])
}

fn exchange(cancel: bool) -> Exchange {
    let record = Box::new(Record::due(RequestId(0), Phase::Measure, 0, Offset::ZERO));
    Exchange::new(record, Box::new(Letters), Follow { cancel_at_first_token: cancel, ..Follow::default() })
}

/// One exchange with a server that writes `answer` in the pieces given and then closes.
fn talk(answer: &'static [&'static str], limits: TransportSpec, cancel: bool) -> (Exchange, Ending) {
    let (address, server) = serve(vec![Box::new(move |stream| {
        for piece in answer {
            stream.write_all(piece.as_bytes()).unwrap();
        }
    })]);
    let result = block_on(async {
        let wire = wire(address, limits);
        let (mut connection, times) = wire.dialer.dial().await.unwrap();
        assert!(times.tcp > Duration::ZERO);
        let (mut exchange, mut unsent) = (exchange(cancel), request());
        exchange.send_now(&wire, &mut connection, &mut unsent);
        let ending = exchange.run(&wire, &mut connection, &mut unsent).await;
        (exchange, ending)
    });
    server.join().unwrap();
    result
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(LocalOptions::default())
        .unwrap()
        .block_on(future)
}

#[test]
fn a_response_is_complete_by_length_chunks_or_close() {
    for answer in [
        &["HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab", "c."][..],
        &["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\n.\r\n0\r\n\r\n"],
        &["HTTP/1.1 200 OK\r\n\r\nabc", "."],
        &["HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc."],
        &["HTTP/1.1 2", "00 OK\r\nContent-Le", "ngth: 4\r\n\r\nabc."],
    ] {
        let (exchange, ending) = talk(answer, limits(), false);
        assert!(matches!(ending, Ending::Complete), "{answer:?}: {ending:?}");
        let record = &exchange.answer.record;
        assert_eq!((record.status, exchange.answer.reply.deltas.len()), (Some(200), 3), "{answer:?}");
        let instants = [record.sent, record.headers, record.first_byte, record.done];
        assert!(instants.iter().all(Option::is_some) && instants.is_sorted(), "{answer:?}: {instants:?}");
    }
}

#[test]
fn what_is_not_a_response_is_told_apart() {
    type Check = fn(&Ending) -> bool;
    let table: [(&'static [&'static str], Check); 7] = [
        (&[], |ending| matches!(ending, Ending::NoResponse(_))),
        (&["HTTP/1.1 200"], |ending| matches!(ending, Ending::Cut(_))),
        (&["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"], |ending| matches!(ending, Ending::Cut(_))),
        (&["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc"], |ending| {
            matches!(ending, Ending::Cut(_))
        }),
        (&["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"], |ending| {
            matches!(ending, Ending::NotHttp(_) | Ending::Malformed(_))
        }),
        (&["220 mail.example ESMTP\r\n"], |ending| {
            matches!(ending, Ending::NotHttp(_) | Ending::Malformed(_))
        }),
        (&["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na!"], |ending| {
            matches!(ending, Ending::NotHttp(_) | Ending::Malformed(_))
        }),
    ];
    for (answer, is_expected) in table {
        let (exchange, ending) = talk(answer, limits(), false);
        assert!(is_expected(&ending), "{answer:?}: {ending:?}");
        assert!(!exchange.reusable, "{answer:?}");
    }
}

#[test]
fn a_complete_answer_survives_a_connection_that_ends_out_of_order() {
    let answer = &["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabc.\r\n"];
    let (exchange, ending) = talk(answer, limits(), false);
    assert!(matches!(ending, Ending::Complete) && !exchange.reusable, "{ending:?}");
}

#[test]
fn the_body_of_a_refusal_is_kept_for_the_report() {
    let answer = &["HTTP/1.1 429 Too Many\r\nContent-Length: 9\r\n\r\nslow down"];
    let (exchange, ending) = talk(answer, limits(), false);
    assert!(matches!(ending, Ending::Complete), "{ending:?}");
    assert_eq!(
        (exchange.answer.record.status, exchange.answer.error_body.as_slice()),
        (Some(429), &b"slow down"[..])
    );
    assert!(exchange.answer.reply.deltas.is_empty());
}

#[test]
fn a_request_is_cancelled_after_its_first_token() {
    let answer = &["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab"];
    let (exchange, ending) = talk(answer, limits(), true);
    assert!(matches!(ending, Ending::Cancelled) && !exchange.reusable, "{ending:?}");
}

#[test]
fn each_phase_has_its_own_time_limit() {
    let short = Duration::from_millis(20);
    let begun = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab";
    for (answer, limits, flag) in [
        ("", TransportSpec { first_byte_timeout: short, ..limits() }, "--first-byte-timeout"),
        (begun, TransportSpec { idle_timeout: short, ..limits() }, "--idle-timeout"),
        (begun, TransportSpec { request_timeout: Some(short), ..limits() }, "--request-timeout"),
    ] {
        let (done, wait) = std::sync::mpsc::sync_channel::<()>(0);
        let (address, server) = serve(vec![Box::new(move |stream| {
            stream.write_all(answer.as_bytes()).unwrap();
            // The connection stays open until the client has given up.
            let _ = wait.recv();
        })]);
        let ending = block_on(async {
            let wire = wire(address, limits);
            let (mut connection, _) = wire.dialer.dial().await.unwrap();
            let (mut exchange, mut unsent) = (exchange(false), request());
            exchange.send_now(&wire, &mut connection, &mut unsent);
            exchange.run(&wire, &mut connection, &mut unsent).await
        });
        drop(done);
        server.join().unwrap();
        assert!(matches!(&ending, Ending::Timeout(reason) if reason.contains(flag)), "{flag}: {ending:?}");
    }
}

#[test]
fn an_idle_connection_that_the_server_has_closed_is_not_used() {
    let (address, server) = serve(vec![Box::new(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n.").unwrap();
    })]);
    block_on(async {
        let wire = wire(address, limits());
        let (mut connection, _) = wire.dialer.dial().await.unwrap();
        let (mut exchange, mut unsent) = (exchange(false), request());
        exchange.send_now(&wire, &mut connection, &mut unsent);
        let ending = exchange.run(&wire, &mut connection, &mut unsent).await;
        assert!(matches!(ending, Ending::Complete) && exchange.reusable, "{ending:?}");
        // The script is over, so the server has closed the connection.
        server.join().unwrap();
        wire.give_back(connection, wire.clock.now());
        yield_now().await; // the runtime hears of it
        assert!(wire.take_idle().is_none());
    });
}

#[test]
fn a_large_request_reaches_a_slow_reader_whole() {
    const SIZE: usize = 12 << 20;
    let (address, server) = serve(vec![Box::new(|stream| {
        let mut left = SIZE;
        let mut piece = vec![0; 100_000];
        while left > 0 {
            let read = stream.read(&mut piece).unwrap();
            assert!(read > 0 && piece[..read].iter().all(|&byte| byte == b'x'));
            left -= read;
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n.").unwrap();
    })]);
    block_on(async {
        let wire = wire(address, limits());
        let (mut connection, _) = wire.dialer.dial().await.unwrap();
        let head = Bytes::from_static(b"GET / HTTP/1.1\r\n\r\n");
        let mut unsent = Unsent::new(vec![head, Bytes::from(vec![b'x'; SIZE])]);
        let mut exchange = exchange(false);
        exchange.send_now(&wire, &mut connection, &mut unsent);
        let ending = exchange.run(&wire, &mut connection, &mut unsent).await;
        assert!(matches!(ending, Ending::Complete) && exchange.reusable, "{ending:?}");
    });
    server.join().unwrap();
}

#[test]
fn a_port_where_nobody_listens_is_a_connect_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = block_on(async { wire(address, limits()).dialer.dial().await.err() }).unwrap();
    assert_eq!(error.outcome, plimsoll_core::record::Outcome::Connect);
    assert!(error.reason.contains(&address.port().to_string()), "{}", error.reason);
}
