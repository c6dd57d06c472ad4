//! Faults that the options ask for.

use serde_json::Value;
use socket2::{Domain, Socket, Type};

use crate::client::{Client, chat, start, stats_when};

#[test]
fn errors_come_instead_of_answers() {
    for (query, status, kind) in
        [("error_rate=1", 500, "server_error"), ("error_429_rate=1", 429, "rate_limit_error")]
    {
        let server = start(query);
        let mut client = Client::connect(&server);
        for _ in 0..2 {
            let response = client.stream_chat(4);
            assert_eq!(response.status, status);
            assert_eq!(response.json()["error"]["type"], kind);
            assert_eq!(response.header("retry-after").is_some(), status == 429);
        }
    }
}

#[test]
fn a_stream_error_comes_under_status_200_after_some_tokens() {
    let server = start("ttft=0&itl=0&stream_error_rate=1");
    let mut client = Client::connect(&server);
    let response = client.stream_chat(10);
    assert_eq!((response.status, response.whole), (200, true));
    assert!((1..10).contains(&response.content().len()));
    let documents = response.documents();
    assert_eq!(documents.last().unwrap()["error"]["code"], 500);
    assert_eq!(response.events().last(), Some(&"[DONE]"));
    assert_eq!(client.get("/health").status, 200);
}

#[test]
fn a_truncated_answer_ends_without_its_end() {
    let server = start("ttft=0&itl=0&truncate_rate=1");
    let mut client = Client::connect(&server);
    let response = client.stream_chat(10);
    assert_eq!((response.status, response.whole), (200, false));
    assert!((1..10).contains(&response.content().len()));
    assert!(client.is_ended());

    let mut client = Client::connect(&server);
    let response = client.ask("/v1/completions", r#"{"prompt":"x"}"#);
    assert_eq!((response.status, response.whole), (200, false));
    assert!(client.is_ended());
}

#[test]
fn an_empty_answer_is_complete_and_has_no_tokens() {
    let server = start("ttft=0&itl=0&empty_rate=1");
    let response = Client::connect(&server).stream_chat(10);
    assert!(response.whole);
    assert_eq!(response.content().len(), 0);
    assert_eq!(response.usage().unwrap()["completion_tokens"], 0);
    assert_eq!(response.events().last(), Some(&"[DONE]"));
}

#[test]
fn a_short_answer_says_stop_and_counts_what_it_sent() {
    let server = start("ttft=0&itl=0&wrong_length_rate=1");
    let response = Client::connect(&server).stream_chat(10);
    let sent = response.content().len();
    assert!((1..10).contains(&sent));
    assert_eq!(response.usage().unwrap()["completion_tokens"], sent);
    let reasons: Vec<Value> =
        response.documents().iter().map(|event| event["choices"][0]["finish_reason"].clone()).collect();
    assert!(reasons.contains(&"stop".into()) && !reasons.contains(&"length".into()));
}

#[test]
fn wrong_counts_are_told_of_right_answers() {
    let server = start("ttft=0&itl=0&wrong_usage_rate=1");
    let mut client = Client::connect(&server);
    let response = client.stream_chat(10);
    assert_eq!(response.content().len(), 10);
    assert_ne!(response.usage().unwrap()["completion_tokens"], 10);
    let whole = client.ask("/v1/completions", r#"{"prompt":"x","max_tokens":3}"#).json();
    assert_eq!(whole["choices"][0]["text"], " time work word");
    assert_ne!(whole["usage"]["completion_tokens"], 3);
}

#[test]
fn one_event_of_bad_json_spoils_no_other() {
    let server = start("ttft=0&itl=0&bad_json_rate=1");
    let mut client = Client::connect(&server);
    let response = client.stream_chat(10);
    assert_eq!((response.status, response.whole), (200, true));
    let is_bad = |event: &&str| *event != "[DONE]" && serde_json::from_str::<Value>(event).is_err();
    assert_eq!(response.events().into_iter().filter(is_bad).count(), 1);
    assert_eq!(response.events().len(), 14);
    let whole = client.ask("/v1/completions", r#"{"prompt":"x"}"#);
    assert!(whole.whole && serde_json::from_str::<Value>(&whole.body).is_err(), "{}", whole.body);
    assert_eq!(client.get("/health").status, 200);
}

#[test]
fn bad_framing_cannot_be_read_and_ends_the_connection() {
    let server = start("ttft=0&itl=0&bad_chunk_rate=1");
    for body in [chat(10), r#"{"messages":[]}"#.to_owned()] {
        let mut client = Client::connect(&server);
        client.post("/v1/chat/completions", &body);
        let bytes = client.rest();
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("transfer-encoding: chunked"), "{head}");
        assert!(!chunks_are_well_formed(body), "{body}");
    }
}

fn chunks_are_well_formed(mut body: &str) -> bool {
    while let Some((size, rest)) = body.split_once("\r\n") {
        let Ok(size) = usize::from_str_radix(size, 16) else { return false };
        if size == 0 {
            return true;
        }
        let Some(next) = rest.get(size + 2..) else { return false };
        body = next;
    }
    false
}

#[test]
fn a_request_that_takes_too_long_is_given_up() {
    let server = start("ttft=1ms&itl=1h&request_timeout=20ms");
    let mut client = Client::connect(&server);
    let response = client.stream_chat(2);
    assert_eq!((response.status, response.content().len(), response.whole), (200, 1, true));
    assert_eq!(response.documents().last().unwrap()["error"]["code"], 504);
    for stream in [true, false] {
        let server = start("ttft=1h&request_timeout=20ms");
        let mut client = Client::connect(&server);
        let response = client.ask("/v1/chat/completions", &format!(r#"{{"messages":[],"stream":{stream}}}"#));
        assert_eq!((response.status, &response.json()["error"]["code"]), (504, &504.into()));
        assert_eq!(client.get("/health").status, 200, "the connection goes on");
        assert_eq!(client.get("/__stats").json()["in_flight"], 0);
    }
}

#[test]
fn the_time_to_come_back_can_be_chosen() {
    let server = start("error_429_rate=1&retry_after=2500ms");
    let response = Client::connect(&server).stream_chat(1);
    assert_eq!((response.status, response.header("retry-after")), (429, Some("3")));
}

#[test]
fn a_client_that_does_not_read_can_be_dropped() {
    let server = start("ttft=0&itl=0&slow_client=drop&client_buffer=64KiB");
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&server.address().into()).unwrap();
    let mut slow = Client::over(socket.into());
    slow.post("/v1/chat/completions", &chat(1_000_000));
    let stats = stats_when(&server, |stats| stats["dropped"] == 1);
    assert_eq!((&stats["in_flight"], &stats["completed"]), (&0.into(), &0.into()));
    assert!(stats["events"].as_u64().unwrap() < 1_000_000);
    assert_eq!(Client::connect(&server).stream_chat(3).content().len(), 3);
}

#[test]
fn shares_are_met_and_the_seed_decides_who_suffers() {
    let outcomes = |seed: u32| -> Vec<u16> {
        let server = start(&format!("ttft=0&itl=0&error_rate=0.3&seed={seed}"));
        let mut client = Client::connect(&server);
        (0..200).map(|_| client.stream_chat(1).status).collect()
    };
    let first = outcomes(1);
    let failed = first.iter().filter(|status| **status == 500).count();
    // Five standard deviations of 200 draws with share 0.3 are 32.4.
    assert!(failed.abs_diff(60) <= 32, "{failed}");
    assert_eq!(first, outcomes(1));
    assert_ne!(first, outcomes(2));
}
