//! HTTP: connections that are kept, bodies of every framing and size, requests that are none.

use crate::client::{Client, chat, start};

#[test]
fn a_connection_serves_many_requests() {
    let server = start("ttft=0&itl=0");
    let mut client = Client::connect(&server);
    for tokens in 1..20 {
        let response = client.stream_chat(tokens);
        assert_eq!(response.content().len() as u32, tokens);
        assert!(response.whole);
        assert_eq!(response.header("connection"), Some("keep-alive"));
    }
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let server = start("ttft=1ms&itl=0");
    let mut client = Client::connect(&server);
    for tokens in 1..=5 {
        client.post("/v1/chat/completions", &chat(tokens));
    }
    for tokens in 1..=5 {
        assert_eq!(client.response().content().len(), tokens);
    }
}

#[test]
fn a_connection_ends_when_the_client_says_so() {
    let server = start("ttft=0&itl=0");
    let body = chat(2);
    for head in ["POST /v1/chat/completions HTTP/1.1\r\nconnection: close", "GET /health HTTP/1.0"] {
        let mut client = Client::connect(&server);
        let body = if head.starts_with("POST") { body.as_str() } else { "" };
        client.send(format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).as_bytes());
        let response = client.response();
        assert_eq!((response.status, response.header("connection")), (200, Some("close")), "{head}");
        assert!(client.is_ended());
    }
}

#[test]
fn a_large_body_is_read_whole_in_either_framing() {
    let server = start("ttft=0&itl=0");
    let image = "A".repeat(12 * 1024 * 1024);
    let body = format!(
        r#"{{"messages":[{{"role":"user","content":[{{"type":"text","text":"what is this?"}},
        {{"type":"image_url","image_url":{{"url":"data:image/jpeg;base64,{image}"}}}}]}}],"max_tokens":2}}"#
    );
    let mut client = Client::connect(&server);
    let response = client.ask("/v1/chat/completions", &body);
    assert_eq!(response.json()["usage"]["prompt_tokens"], 4);

    client.send(b"POST /v1/chat/completions HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n");
    for piece in body.as_bytes().chunks(1_000_000) {
        client.send(format!("{:x}\r\n", piece.len()).as_bytes());
        client.send(piece);
        client.send(b"\r\n");
    }
    client.send(b"0\r\n\r\n");
    assert_eq!(client.response().json()["usage"]["prompt_tokens"], 4);
    assert_eq!(client.stream_chat(3).content().len(), 3);
}

#[test]
fn permission_to_send_the_body_is_given() {
    let server = start("ttft=0&itl=0");
    let mut client = Client::connect(&server);
    let body = chat(2);
    let head = "POST /v1/chat/completions HTTP/1.1\r\nexpect: 100-continue";
    client.send(format!("{head}\r\ncontent-length: {}\r\n\r\n", body.len()).as_bytes());
    assert_eq!(client.response().status, 100);
    client.send(body.as_bytes());
    assert_eq!(client.response().content().len(), 2);
}

#[test]
fn what_is_no_request_is_refused_and_the_connection_ended() {
    let server = start("");
    for (bytes, status) in [
        (&b"hello, is anybody there?\r\n\r\n"[..], 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400), // the beginning of TLS
        (b"POST /v1/completions HTTP/1.1\r\ncontent-length: many\r\n\r\n", 400),
        (b"POST /v1/completions HTTP/1.1\r\ntransfer-encoding: gzip\r\n\r\n", 501),
        (b"POST /v1/completions HTTP/1.1\r\ncontent-length: 99999999999\r\n\r\n", 413),
    ] {
        let mut client = Client::connect(&server);
        client.send(bytes);
        let response = client.response();
        assert_eq!(response.status, status, "{}", String::from_utf8_lossy(bytes));
        assert!(!response.json()["error"]["message"].as_str().unwrap().is_empty());
        assert!(client.is_ended());
    }
}

#[test]
fn bad_bodies_and_paths_are_refused_and_the_connection_goes_on() {
    let server = start("");
    let mut client = Client::connect(&server);
    for (path, body, status, excerpt) in [
        ("/v1/chat/completions", "{\"messages\":", 400, "JSON"),
        ("/v1/chat/completions", "{}", 400, "`messages` is missing"),
        ("/v1/completions", "\"text\"", 400, "JSON"),
        ("/v1/elsewhere", "{}", 404, "/v1/elsewhere"),
        ("/v1/models", "{}", 405, "GET"),
    ] {
        let response = client.ask(path, body);
        assert_eq!(response.status, status, "{path} {body}");
        let message = response.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(excerpt), "{message}");
    }
}
