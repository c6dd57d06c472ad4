//! HTTP/2 with a server on loopback: connections shared, answers understood, arrivals told, refusals tried again.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::server::{self, SendResponse};
use h2::{Reason, RecvStream, SendStream};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response};
use plimsoll_core::record::{Delta, DeltaKind, Outcome, Phase, Record, RequestId};
use plimsoll_core::spec::{ConnectionReuse, Provider, Target, TransportSpec};
use plimsoll_core::time::Offset;
use plimsoll_core::workload::Body;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::LocalOptions;
use tokio::task::spawn_local;

use super::super::dial::Dialer;
use super::super::target::Origin;
use super::super::tests::limits;
use super::super::wire::{Answers, Wire};
use super::*;
use crate::clock::Clock;
use crate::endpoint::{Endpoint as _, Station};
use crate::protocol::{Decoder, Fields, Malformed, Outgoing, Reply, Route};
use crate::runner::pulse::Pulse;
use crate::workload::GrpcServer;

/// Reads a protocol in which every byte is an event, and the trailer `end` ends the answer.
struct Letters;

impl Decoder for Letters {
    fn fields(&mut self, fields: &Fields<'_>, reply: &mut Reply) -> bool {
        reply.complete |= fields.status.is_none() && fields.get("end") == Some("yes");
        fields.status == Some(200)
    }

    fn feed(&mut self, bytes: &[u8], at: Offset, reply: &mut Reply) -> Result<(), Malformed> {
        reply.has_content = true;
        reply.events += bytes.len() as u32;
        reply.deltas.extend(bytes.iter().map(|_| Delta { at, tokens: 1, kind: DeltaKind::Text }));
        Ok(())
    }

    fn finish(&mut self, _: Offset, _: &mut Reply) -> Result<(), Malformed> {
        Ok(())
    }
}

/// A server's side of a connection, after its first words.
type Served = server::Connection<TcpStream, Bytes>;

async fn accept(listener: &TcpListener, most: u32) -> Served {
    let (stream, _) = listener.accept().await.unwrap();
    stream.set_nodelay(true).unwrap();
    server::Builder::new().max_concurrent_streams(most).handshake(stream).await.unwrap()
}

/// The next request of a connection, read whole: a server that drops an unread request resets it.
async fn next(served: &mut Served) -> (Parts, Vec<u8>, SendResponse<Bytes>) {
    let (request, respond) = served.accept().await.unwrap().unwrap();
    let (head, mut body) = request.into_parts();
    let mut bytes = Vec::new();
    let piece = |served: &mut Served, body: &mut RecvStream, cx: &mut Context<'_>| {
        let _ = served.poll_closed(cx);
        body.poll_data(cx)
    };
    while let Some(data) = poll_fn(|cx| piece(served, &mut body, cx)).await {
        let data = data.unwrap();
        body.flow_control().release_capacity(data.len()).unwrap();
        bytes.extend_from_slice(&data);
    }
    (head, bytes, respond)
}

fn answer(respond: &mut SendResponse<Bytes>, pieces: &[&'static str]) -> SendStream<Bytes> {
    let mut body = respond.send_response(Response::new(()), false).unwrap();
    for piece in pieces {
        body.send_data(Bytes::from_static(piece.as_bytes()), false).unwrap();
    }
    body
}

fn end(mut body: SendStream<Bytes>) {
    let mut trailers = HeaderMap::new();
    trailers.insert("end", "yes".parse().unwrap());
    body.send_trailers(trailers).unwrap();
}

/// Lets a connection go on until the client closes it.
fn go_on(mut served: Served) {
    spawn_local(async move { while served.accept().await.is_some() {} });
}

fn client(address: SocketAddr, limits: TransportSpec) -> Http2 {
    let clock = Clock::start();
    let origin = Origin::parse(&format!("http://{address}")).unwrap();
    let dialer = Dialer::new(origin, None, &limits, clock).unwrap();
    let station = Station::new(clock, Pulse::start(0, clock.now()));
    Http2::new(Wire::new(station, dialer, limits, Answers { streamed: true, keep_text: false }))
}

fn request(address: SocketAddr, body: &[&'static str]) -> Http2Request {
    let origin = Origin::parse(&format!("http://{address}/base")).unwrap();
    let target = Target {
        url: String::new(),
        provider: Provider::Openai,
        model: String::new(),
        headers: Vec::new(),
        api_key: None,
        endpoint: None,
    };
    let pieces = body.iter().map(|piece| Bytes::from_static(piece.as_bytes())).collect();
    let outgoing = Outgoing { fields: vec![("x-own".into(), "1".into())], ..Body { pieces }.into() };
    let message = Http2Head::new(&origin, &target, &Route::json("/letters", true)).unwrap().message(outgoing);
    Http2Request { decoder: Box::new(Letters), message, by_part: false, cancel: false }
}

fn due() -> Box<Record> {
    Box::new(Record::due(RequestId(0), Phase::Measure, 0, Offset::ZERO))
}

/// One request from its beginning to its record.
async fn ask(client: &Http2, address: SocketAddr) -> Box<Record> {
    let issue = client.begin(due(), request(address, &["a", "", "bc"]));
    client.finish(issue).await.0
}

fn on_loopback<F: Future>(test: impl FnOnce(TcpListener, SocketAddr) -> F) -> F::Output {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build_local(LocalOptions::default()).unwrap().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        test(listener, address).await
    })
}

#[test]
fn a_request_is_sent_whole_and_its_answer_is_recorded() {
    on_loopback(|listener, address| async move {
        let server = spawn_local(async move {
            let mut served = accept(&listener, 10).await;
            let (head, sent, mut respond) = next(&mut served).await;
            go_on(served);
            assert_eq!((head.method.as_str(), head.uri.path()), ("POST", "/base/letters"));
            assert_eq!(head.headers["x-own"], "1");
            assert_eq!(head.uri.authority().unwrap().as_str(), address.to_string());
            end(answer(&mut respond, &["xy", "z"]));
            sent
        });
        let client = client(address, limits());
        let record = ask(&client, address).await;
        assert_eq!(server.await.unwrap(), b"abc");
        assert_eq!((record.outcome, record.status), (Outcome::Ok, Some(200)), "{record:?}");
        assert_eq!(record.deltas.len(), 3);
        assert!(record.connect.is_some() && record.bytes_sent > 3 && record.bytes_received > 3);
        let instants = [record.sent, record.headers, record.first_byte, record.done];
        assert!(instants.iter().all(Option::is_some) && instants.is_sorted(), "{instants:?}");
    });
}

#[test]
fn requests_share_a_connection_until_it_is_full() {
    on_loopback(|listener, address| async move {
        let server = spawn_local(async move {
            // Nobody is answered before all have asked, so no place becomes free meanwhile.
            let mut connections = Vec::new();
            for requests in [3, 2] {
                let mut served = accept(&listener, 3).await;
                let mut waiting = Vec::new();
                for _ in 0..requests {
                    waiting.push(next(&mut served).await.2);
                }
                connections.push((served, waiting));
            }
            for (served, waiting) in connections {
                for mut respond in waiting {
                    end(answer(&mut respond, &["x"]));
                }
                go_on(served);
            }
        });
        let client = client(address, limits());
        let issues: Vec<_> = (0..5).map(|_| client.begin(due(), request(address, &["a"]))).collect();
        let mut records = Vec::new();
        let mut finishing: Vec<_> = issues.into_iter().map(|issue| Box::pin(client.finish(issue))).collect();
        poll_fn(|cx| {
            finishing.retain_mut(|finish| match finish.as_mut().poll(cx) {
                Poll::Ready((record, _)) => {
                    records.push(record);
                    false
                }
                Poll::Pending => true,
            });
            if finishing.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        assert!(records.iter().all(|record| record.outcome == Outcome::Ok), "{records:?}");
        server.await.unwrap();
        let again = client.begin(due(), request(address, &["a"]));
        assert!(again.answer.record.sent.is_some(), "there is a place, so it is sent at once");
    });
}

/// Sockets of this process that are connected to `address` write no more from now on: the next write fails.
fn writes_fail(address: SocketAddr) {
    for entry in std::fs::read_dir("/proc/self/fd").unwrap() {
        let fd: i32 = entry.unwrap().file_name().to_str().unwrap().parse().unwrap();
        // SAFETY: an address is plain bytes, of which zeros are one.
        let mut peer: libc::sockaddr_in = unsafe { std::mem::zeroed() };
        let mut length = size_of_val(&peer) as libc::socklen_t;
        // SAFETY: the address and its length are valid for the calls; a descriptor that is no socket is an error.
        unsafe {
            if libc::getpeername(fd, (&raw mut peer).cast(), &raw mut length) == 0
                && i32::from(peer.sin_family) == libc::AF_INET
                && u16::from_be(peer.sin_port) == address.port()
            {
                libc::shutdown(fd, libc::SHUT_WR);
            }
        }
    }
}

/// Where a connection breaks, a write may fail before a read does.
#[test]
fn a_write_that_fails_ends_the_request_that_it_was_for() {
    on_loopback(|listener, address| async move {
        let server = spawn_local(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
            tokio::io::AsyncWriteExt::write_all(&mut stream, &settings).await.unwrap();
            stream // not closed: there is nothing to be read
        });
        let client = client(address, limits());
        let seat = client.pool.opened_seat().await;
        let _stream = server.await.unwrap();
        drop(seat);
        writes_fail(address);
        let record = ask(&client, address).await;
        assert_eq!(record.outcome, Outcome::Truncated, "{record:?}");
        let text = record.error.unwrap();
        assert!(text.contains("the server closed the connection"), "{text}");
    });
}

#[test]
fn each_piece_has_the_arrival_of_the_read_that_brought_it() {
    on_loopback(|listener, address| async move {
        let (tell, mut told) = tokio::sync::mpsc::channel::<()>(1);
        spawn_local(async move {
            let mut served = accept(&listener, 10).await;
            let (.., mut respond) = next(&mut served).await;
            go_on(served);
            let mut body = answer(&mut respond, &["x"]);
            told.recv().await.unwrap();
            body.send_data(Bytes::from_static(b"y"), false).unwrap();
            end(body);
        });
        let client = client(address, limits());
        let issue = client.begin(due(), request(address, &[]));
        let between = async {
            let Station { pulse, clock, .. } = client.station();
            while pulse.close_window(clock.now()).content_events == 0 {
                tokio::task::yield_now().await;
            }
            let before = clock.now();
            tell.send(()).await.unwrap();
            before
        };
        let ((record, _), before) = tokio::join!(client.finish(issue), between);
        let at: Vec<_> = record.deltas.iter().map(|delta| delta.at).collect();
        assert!(at.len() == 2 && at[0] < before && at[1] >= before, "{at:?} {before:?}");
        assert!(record.headers.unwrap() <= at[0] && record.done.unwrap() >= at[1]);
    });
}

#[test]
fn a_request_that_the_server_has_not_looked_at_is_sent_again() {
    on_loopback(|listener, address| async move {
        let server = spawn_local(async move {
            let mut refusing = accept(&listener, 10).await;
            next(&mut refusing).await.2.send_reset(Reason::REFUSED_STREAM);
            go_on(refusing);
            let mut served = accept(&listener, 10).await;
            end(answer(&mut next(&mut served).await.2, &["x"]));
            go_on(served);
        });
        let client = client(address, limits());
        let record = ask(&client, address).await;
        assert_eq!(record.outcome, Outcome::Ok, "{record:?}");
        server.await.unwrap();
    });
}

#[test]
fn a_connection_that_says_goodbye_carries_what_it_has_and_no_more() {
    on_loopback(|listener, address| async move {
        let server = spawn_local(async move {
            let mut leaving = accept(&listener, 10).await;
            let (.., mut respond) = next(&mut leaving).await;
            leaving.graceful_shutdown();
            end(answer(&mut respond, &["x"]));
            go_on(leaving);
            let mut served = accept(&listener, 10).await;
            end(answer(&mut next(&mut served).await.2, &["x"]));
            go_on(served);
        });
        let client = client(address, limits());
        for _ in 0..2 {
            let record = ask(&client, address).await;
            assert_eq!(record.outcome, Outcome::Ok, "{record:?}");
        }
        server.await.unwrap();
    });
}

#[test]
fn how_a_stream_ends_early_is_told_apart() {
    on_loopback(|listener, address| async move {
        spawn_local(async move {
            let mut served = accept(&listener, 10).await;
            next(&mut served).await.2.send_reset(Reason::INTERNAL_ERROR);
            let (.., mut respond) = next(&mut served).await;
            let mut body = answer(&mut respond, &["x"]);
            // The piece must be on its way, because a reset drops what is not.
            poll_fn(|cx| Poll::Ready(served.poll_closed(cx).is_pending())).await;
            body.send_reset(Reason::INTERNAL_ERROR);
            go_on(served);
        });
        let client = client(address, limits());
        let record = ask(&client, address).await;
        assert_eq!((record.outcome, record.status), (Outcome::Truncated, None), "{record:?}");
        let record = ask(&client, address).await;
        assert_eq!((record.outcome, record.status), (Outcome::Truncated, Some(200)), "{record:?}");
        assert!(record.error.is_some());
    });
}

/// Asks from a thread of its own, as a caller does that has no runtime.
async fn asked<T: Send + 'static>(question: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(question).await.unwrap()
}

fn nobody(address: SocketAddr) -> (Origin, Target) {
    let origin = Origin::parse(&format!("http://{address}")).unwrap();
    let target = Target { url: String::new(), ..plimsoll_core::testing::run().target };
    (origin, target)
}

#[test]
fn one_request_has_a_time_limit_for_its_whole_answer() {
    on_loopback(|listener, address| async move {
        spawn_local(async move {
            let mut served = accept(&listener, 10).await;
            let (.., mut respond) = next(&mut served).await;
            let _unfinished = answer(&mut respond, &["x"]);
            while served.accept().await.is_some() {}
        });
        let limit = Duration::from_millis(30);
        let called = asked(move || {
            let (origin, target) = nobody(address);
            call(&origin, &target, &limits(), None, &Route::json("/x", false), Outgoing::default(), limit)
        });
        let late = called.await.unwrap_err();
        assert_eq!(late.to_string(), "no whole answer to POST /x within 30ms");
    });
}

#[test]
fn a_server_of_grpc_says_whether_it_is_ready() {
    const READY: [u8; 7] = [0, 0, 0, 0, 2, 8, 1];
    for (code, message, said) in [
        ("0", &READY[..], Ok(Some(true))),
        ("0", &[0, 0, 0, 0, 0], Ok(Some(false))),
        ("12", &[], Ok(None)),
        ("14", &[], Err("ServerReady by gRPC: gRPC UNAVAILABLE: no reason given")),
    ] {
        on_loopback(|listener, address| async move {
            spawn_local(async move {
                let mut served = accept(&listener, 10).await;
                let (head, _, mut respond) = next(&mut served).await;
                assert_eq!(head.uri.path(), "/inference.GRPCInferenceService/ServerReady");
                let mut body = answer(&mut respond, &[]);
                body.send_data(Bytes::copy_from_slice(message), false).unwrap();
                let status = ("grpc-status".parse().unwrap(), code.parse().unwrap());
                body.send_trailers(HeaderMap::<HeaderValue>::from_iter([status])).unwrap();
                go_on(served);
            });
            let told = asked(move || {
                let (origin, target) = nobody(address);
                let server = GrpcServer { origin: &origin, tls: None, target: &target, limits: &limits() };
                server.is_ready().map_err(|error| error.to_string())
            });
            assert_eq!(told.await, said.map_err(str::to_owned), "grpc-status {code}");
        });
    }
}

#[test]
fn each_phase_has_its_own_time_limit() {
    let short = Duration::from_millis(20);
    for (answered, limits, flag) in [
        (false, TransportSpec { first_byte_timeout: short, ..limits() }, "--first-byte-timeout"),
        (true, TransportSpec { idle_timeout: short, ..limits() }, "--idle-timeout"),
        (true, TransportSpec { request_timeout: Some(short), ..limits() }, "--request-timeout"),
    ] {
        on_loopback(|listener, address| async move {
            spawn_local(async move {
                let mut served = accept(&listener, 10).await;
                let (.., mut respond) = next(&mut served).await;
                let kept = answered.then(|| answer(&mut respond, &["x"]));
                while served.accept().await.is_some() {}
                drop((respond, kept));
            });
            let client = client(address, limits);
            let record = ask(&client, address).await;
            let error = record.error.unwrap();
            assert!(record.outcome == Outcome::Timeout && error.contains(flag), "{error}");
        });
    }
}

#[test]
fn a_server_without_http2_is_named_as_such() {
    on_loopback(|listener, address| async move {
        spawn_local(async move {
            use tokio::io::AsyncWriteExt as _;
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        });
        let client = client(address, limits());
        let record = ask(&client, address).await;
        let error = record.error.unwrap();
        assert!(record.outcome == Outcome::Connect && error.contains("--http 1.1"), "{error}");
        assert!(record.sent.is_none());
    });
}

#[test]
fn a_cancelled_request_leaves_the_connection_to_others() {
    on_loopback(|listener, address| async move {
        let server = spawn_local(async move {
            let mut served = accept(&listener, 1).await;
            let (.., mut respond) = next(&mut served).await;
            let mut body = answer(&mut respond, &["x"]);
            let reset = poll_fn(|cx| {
                let _ = served.poll_closed(cx);
                body.poll_reset(cx)
            });
            let reason = reset.await.unwrap();
            end(answer(&mut next(&mut served).await.2, &["x"]));
            go_on(served);
            reason
        });
        let client = client(address, limits());
        let cancelled = Http2Request { cancel: true, ..request(address, &[]) };
        let (record, _) = client.finish(client.begin(due(), cancelled)).await;
        assert_eq!(record.outcome, Outcome::Cancelled, "{record:?}");
        let issue = client.begin(due(), request(address, &[]));
        let (record, _) = client.finish(issue).await;
        assert_eq!((record.outcome, record.connect), (Outcome::Ok, None), "{record:?}");
        assert_eq!(server.await.unwrap(), Reason::CANCEL);
    });
}

#[test]
fn a_fresh_connection_for_every_request_if_wanted() {
    on_loopback(|listener, address| async move {
        let server = spawn_local(async move {
            for _ in 0..2 {
                let mut served = accept(&listener, 10).await;
                end(answer(&mut next(&mut served).await.2, &["x"]));
                // The client closes it.
                while served.accept().await.is_some() {}
            }
        });
        let client = client(address, TransportSpec { reuse: ConnectionReuse::Fresh, ..limits() });
        for _ in 0..2 {
            let record = ask(&client, address).await;
            assert!(record.outcome == Outcome::Ok && record.connect.is_some(), "{record:?}");
        }
        server.await.unwrap();
    });
}

#[test]
fn large_messages_pass_both_ways() {
    const SIZE: usize = 12 << 20;
    on_loopback(|listener, address| async move {
        spawn_local(async move {
            let mut served = accept(&listener, 10).await;
            let (_, sent, mut respond) = next(&mut served).await;
            go_on(served);
            assert_eq!(sent.len(), SIZE);
            let mut body = respond.send_response(Response::new(()), false).unwrap();
            body.send_data(Bytes::from(vec![b'x'; SIZE]), false).unwrap();
            end(body);
        });
        let client = client(address, limits());
        let mut large = request(address, &[]);
        large.message.body = vec![Bytes::from(vec![b'x'; SIZE])];
        let (record, _) = client.finish(client.begin(due(), large)).await;
        assert_eq!((record.outcome, record.deltas.len()), (Outcome::Ok, SIZE), "{:?}", record.error);
    });
}
