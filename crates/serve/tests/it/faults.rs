//! Faults that the options ask for.

use serde_json::Value;

use crate::client::{Client, start};

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
