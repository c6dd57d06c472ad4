//! When events were due, and when they were sent.

use crate::client::{Client, Response, chat, start};

fn asking(client: &mut Client, header: &str, body: &str) -> Response {
    let length = body.len();
    let head = format!("POST /v1/chat/completions HTTP/1.1\r\n{header}content-length: {length}\r\n\r\n");
    client.send(format!("{head}{body}").as_bytes());
    client.response()
}

#[test]
fn a_request_can_ask_when_its_events_were_due() {
    let server = start("ttft=5ms&itl=1ms");
    let mut client = Client::connect(&server);
    let response = asking(&mut client, "x-plimsoll-truth: 1\r\n", &chat(5));
    let (due, sent) = (response.due(), response.stamps());
    assert!(due.windows(2).all(|pair| pair[1] - pair[0] == 1_000_000), "{due:?}");
    assert!(due.iter().zip(&sent).all(|(due, sent)| due <= sent), "{due:?} {sent:?}");

    for header in ["", "x-plimsoll-truth: 0\r\n"] {
        let response = asking(&mut client, header, &chat(1));
        let stamp = response.content()[0]["system_fingerprint"].as_str().unwrap().to_owned();
        assert!(!stamp.strip_prefix("plimsoll:").unwrap().contains(':'), "{stamp}");
    }
}

#[test]
fn the_truth_of_every_event_is_in_the_file_when_the_server_has_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("truth.csv");
    let server = start(&format!(
        "ttft=5ms&itl=1ms&tokens_per_chunk=2&truth=true&truth_file={}",
        path.to_str().unwrap()
    ));
    let mut client = Client::connect(&server);
    let streamed = client.stream_chat(5);
    client.ask("/v1/completions", r#"{"prompt":"x","max_tokens":3}"#).json();
    server.stop().unwrap();

    let text = std::fs::read_to_string(&path).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("request,token,tokens,intended_ns,sent_ns"));
    let rows: Vec<Vec<u64>> =
        lines.map(|line| line.split(',').map(|field| field.parse().unwrap()).collect()).collect();
    let events: Vec<[u64; 3]> = rows.iter().map(|row| [row[0], row[1], row[2]]).collect();
    assert_eq!(events, [[0, 0, 2], [0, 2, 2], [0, 4, 1], [1, 0, 3]]);
    let column = |place: usize| rows[..3].iter().map(|row| row[place]).collect::<Vec<_>>();
    assert_eq!((column(3), column(4)), (streamed.due(), streamed.stamps()));
}

#[test]
fn a_file_that_cannot_be_written_is_an_error_at_the_start() {
    let options = plimsoll_serve::sim::SimOptions::parse("truth_file=/nowhere/t.csv").unwrap();
    let bind = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let error = plimsoll_serve::sim::SimServer::start(options, bind).unwrap_err().to_string();
    assert!(error.contains("truth_file /nowhere/t.csv"), "{error}");
}

#[test]
fn a_server_that_stops_says_how_late_it_was() {
    let server = start("ttft=0&itl=0");
    Client::connect(&server).stream_chat(10);
    let lateness = server.stop().unwrap().lateness;
    assert_eq!(lateness.writes, 10);
    assert!(lateness.p99 <= lateness.max);
}
