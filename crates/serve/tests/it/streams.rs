//! Streams: their grid, their number, and readers that are slow.

use std::net::SocketAddr;

use plimsoll_serve::sim::{SimOptions, SimServer};
use socket2::{Domain, Socket, Type};

use crate::client::{Client, chat, now, start, stats_when};

const MS: u64 = 1_000_000;

#[test]
fn no_token_is_earlier_than_its_place_on_the_grid() {
    let server = start("ttft=20ms&itl=5ms");
    let mut client = Client::connect(&server);
    for _ in 0..3 {
        let sent = now();
        let stamps = client.stream_chat(8).stamps();
        let read = now();
        assert_eq!(stamps.len(), 8);
        for (place, stamp) in (0..).zip(&stamps) {
            assert!(
                *stamp >= sent + 20 * MS + place * 5 * MS,
                "token {place}: {} ns early",
                sent + 20 * MS - stamp
            );
            assert!(*stamp <= read);
        }
    }
}

#[test]
fn a_document_comes_when_its_last_token_would() {
    let server = start("ttft=20ms&itl=5ms");
    let sent = now();
    let body = r#"{"messages":[],"max_tokens":5}"#;
    let response = Client::connect(&server).ask("/v1/chat/completions", body);
    assert!(now() >= sent + 40 * MS);
    let document = response.json();
    assert_eq!(document["usage"]["completion_tokens"], 5);
    assert_eq!(document["choices"][0]["message"]["content"], " time work word line load");
    assert_eq!(document["choices"][0]["finish_reason"], "length");
}

#[test]
fn a_thousand_streams_at_once_are_all_complete() {
    let server = start("ttft=50ms&itl=2ms&slots=1000");
    let mut clients: Vec<Client> = (0..1000).map(|_| Client::connect(&server)).collect();
    for (client, tokens) in clients.iter_mut().zip(1..) {
        client.post("/v1/chat/completions", &chat(tokens % 40 + 1));
    }
    let mut events = 0;
    for (client, tokens) in clients.iter_mut().zip(1..) {
        let response = client.response();
        assert!(response.whole);
        assert_eq!(response.content().len() as u32, tokens % 40 + 1);
        assert_eq!(response.usage().unwrap()["completion_tokens"], tokens % 40 + 1);
        events += tokens % 40 + 1;
    }
    let stats = stats_when(&server, |stats| stats["in_flight"] == 0);
    assert_eq!(
        (&stats["events"], &stats["completed"], &stats["cancelled"]),
        (&events.into(), &1000.into(), &0.into())
    );
    server.stop().unwrap();
}

#[test]
fn a_slow_reader_loses_nothing_and_delays_nobody_else() {
    let server = start("ttft=0&itl=0&slots=2");
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&server.address().into()).unwrap();
    let mut slow = Client::over(socket.into());
    let tokens = 40_000; // about 10 MB, more than the socket buffers take
    slow.post("/v1/chat/completions", &chat(tokens));
    let stats = stats_when(&server, |stats| stats["blocked_writes"] != 0);
    assert!(stats["events"].as_u64().unwrap() < u64::from(tokens));

    assert_eq!(Client::connect(&server).stream_chat(3).content().len(), 3);

    let response = slow.response();
    assert!(response.whole);
    let stamps = response.stamps();
    assert_eq!(stamps.len() as u32, tokens);
    assert!(stamps.is_sorted());
}

#[test]
fn several_tokens_per_event_and_events_per_write_change_the_framing_only() {
    for query in
        ["ttft=0&itl=0&tokens_per_chunk=3", "ttft=0&itl=0&events_per_write=4", "ttft=0&itl=0&jitter=1"]
    {
        let server = start(query);
        let response = Client::connect(&server).stream_chat(20);
        let text: String = response
            .content()
            .iter()
            .map(|event| event["choices"][0]["delta"]["content"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(text.split_whitespace().count(), 20, "{query}");
        assert_eq!(response.usage().unwrap()["completion_tokens"], 20, "{query}");
        let events = if query.contains("tokens_per_chunk") { 7 } else { 20 };
        assert_eq!(response.content().len(), events, "{query}");
    }
}

#[test]
fn a_server_that_was_stopped_or_dropped_is_gone() {
    let server = start("");
    let mut client = Client::connect(&server);
    assert_eq!(client.get("/health").status, 200);
    server.stop().unwrap();
    assert!(client.is_ended());

    let server = start("");
    let mut client = Client::connect(&server);
    assert_eq!(client.get("/health").status, 200);
    drop(server);
    assert!(client.is_ended());
}

#[test]
fn what_cannot_be_started_is_refused() {
    let everywhere = SocketAddr::from(([0, 0, 0, 0], 0));
    let error = SimServer::start(SimOptions::default(), everywhere).unwrap_err().to_string();
    assert!(error.contains("non_loopback=true"), "{error}");

    let options = SimOptions::parse("core=100000").unwrap();
    let error = SimServer::start(options, SocketAddr::from(([127, 0, 0, 1], 0))).unwrap_err().to_string();
    assert!(error.contains("CPU 100000"), "{error}");

    let server = start("core=0");
    assert_eq!(Client::connect(&server).get("/health").status, 200);
    assert!(SimServer::start(SimOptions::default(), server.address()).is_err(), "the port is taken");
}
