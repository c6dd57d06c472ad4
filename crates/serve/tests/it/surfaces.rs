//! What the surfaces have in common with the server behind them: it is loading, it is full, it takes all or nothing.

use serde_json::{Value, json};

use crate::client::{Client, start, stats_when};

const CHAT: (&str, &str) = ("/v1/chat/completions", r#"{"messages":[],"max_tokens":2}"#);
const TGI: (&str, &str) = ("/generate", r#"{"inputs":"x","parameters":{"max_new_tokens":2}}"#);
const V2: (&str, &str) = ("/v2/models/m/generate", r#"{"text_input":"x","max_tokens":2}"#);
const V1: (&str, &str) = ("/v1/models/m:predict", r#"{"instances":[1]}"#);
const TORCHSERVE: (&str, &str) = ("/predictions/m", "x");

/// Where in its refusal each says what.
fn shapes(
    message: &str,
    tgi: &str,
    openai: &str,
) -> [((&'static str, &'static str), &'static str, Value); 5] {
    [
        (CHAT, "/error/type", json!(openai)),
        (TGI, "/error_type", json!(tgi)),
        (V2, "/error", json!(message)),
        (V1, "/error", json!(message)),
        (TORCHSERVE, "/type", json!("ServiceUnavailableException")),
    ]
}

#[test]
fn who_is_loading_says_so_in_every_shape() {
    let server = start("starts_cold=true&load=1h");
    let mut client = Client::connect(&server);
    let message = "the model is loading: try again later";
    for ((path, body), pointer, expected) in shapes(message, "healthcheck", "server_error") {
        let response = client.ask(path, body);
        assert_eq!((response.status, response.header("retry-after")), (503, Some("3600")), "{path}");
        let document = response.json();
        assert_eq!(document.pointer(pointer), Some(&expected), "{path}: {document}");
    }
    assert_eq!((client.get("/health").status, client.get("/ping").status), (503, 503));
}

#[test]
fn who_is_full_says_so_in_every_shape() {
    for (full, openai) in [(503, "server_error"), (429, "rate_limit_error")] {
        let server = start(&format!("slots=1&queue=0&ttft=1h&full={full}"));
        let mut first = Client::connect(&server);
        first.post(CHAT.0, CHAT.1);
        stats_when(&server, |stats| stats["in_flight_max"] == 1);
        let mut client = Client::connect(&server);
        let message = "the queue of this server is full: try again later";
        for ((path, body), pointer, expected) in shapes(message, "overloaded", openai) {
            let response = client.ask(path, body);
            assert_eq!((response.status, response.header("retry-after")), (full, Some("1")), "{path}");
            let document = response.json();
            assert_eq!(document.pointer(pointer), Some(&expected), "{path}: {document}");
        }
    }
}

#[test]
fn a_request_gets_all_its_choices_or_none() {
    let server = start("slots=2&queue=0&ttft=1ms&itl=0");
    let mut client = Client::connect(&server);
    let choices = |n: u32| format!(r#"{{"messages":[],"max_tokens":3,"n":{n}}}"#);
    assert_eq!(client.ask(CHAT.0, &choices(3)).status, 503);
    // Had the refused request left anything behind, there would be no two places.
    let document = client.ask(CHAT.0, &choices(2)).json();
    assert_eq!(document["choices"].as_array().unwrap().len(), 2);
    assert_eq!(document["usage"]["completion_tokens"], 6);
}

#[test]
fn choices_end_one_after_the_other_and_the_answer_with_the_last() {
    let server = start("slots=1&ttft=5ms&itl=0");
    let mut client = Client::connect(&server);
    let body = r#"{"messages":[],"max_tokens":2,"n":2,"stream":true}"#;
    let response = client.ask(CHAT.0, body);
    let order: Vec<(Value, bool)> = response
        .documents()
        .iter()
        .map(|event| &event["choices"][0])
        .map(|choice| (choice["index"].clone(), choice["finish_reason"] == "length"))
        .collect();
    let said = |choice: u32, ends: bool| (json!(choice), ends);
    let both_begin = [said(0, false), said(1, false)];
    let one = |choice| [said(choice, false), said(choice, false), said(choice, true)];
    assert_eq!(order, [both_begin.as_slice(), &one(0), &one(1)].concat());
    assert_eq!(response.events().last(), Some(&"[DONE]"));
    assert!(response.whole);
}

#[test]
fn tensors_travel_over_the_wire() {
    let server = start("ttft=0&inputs=A:INT32[-1]&outputs=B:INT32[-1]");
    let mut client = Client::connect(&server);
    let head = r#"{"inputs":[{"name":"A","datatype":"INT32","shape":[1],"parameters":{"binary_data_size":4}}],"parameters":{"binary_data_output":true}}"#;
    let tensor = "abcd"; // four bytes that are text, for this client reads text
    let length = head.len();
    client.send(
        format!(
            "POST /v2/models/m/infer HTTP/1.1\r\nInference-Header-Content-Length: {length}\r\n\
             content-length: {}\r\n\r\n{head}{tensor}",
            length + 4
        )
        .as_bytes(),
    );
    let response = client.response();
    assert_eq!((response.status, response.header("content-type")), (200, Some("application/octet-stream")));
    let split: usize = response.header("inference-header-content-length").unwrap().parse().unwrap();
    let (json, behind) = response.body.split_at(split);
    let document: Value = serde_json::from_str(json).unwrap();
    assert_eq!(document["outputs"][0]["parameters"]["binary_data_size"], 4);
    assert_eq!(behind, tensor);
}
