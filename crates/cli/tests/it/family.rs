//! The interfaces beside chat and completions, from the command line to the report, against small scripted servers.

use plimsoll_core::record::{Outcome, TokenSource};

use crate::program::{Ended, Place, count};
use crate::servers::{answering, answering_bodies, response};

const SIX: &str = "-u 2 -r 100000 --max-requests 6 -p 16 -o 4";

/// A server that has one path and answers there with `body`; with 404 elsewhere.
fn serving(path: &'static str, content_type: &'static str, body: &'static str) -> String {
    answering(move |head| {
        if head.starts_with(&format!("POST {path} HTTP/1.1\r\n")) {
            response("200 OK", content_type, body)
        } else {
            response("404 Not Found", "text/plain", head.lines().next().unwrap_or_default())
        }
    })
}

fn six(server: &str, more: &str) -> (Ended, Place) {
    let place = Place::new();
    let ended = place.line(&format!("run {server} --provider openai -m m {SIX} {more}"));
    let records = place.records();
    assert_eq!(count(&records, Outcome::Ok), records.len(), "{more}: {ended:?}");
    assert!(records.len() >= 6, "{more}: {ended:?}");
    (ended, place)
}

#[test]
fn answers_without_tokens_leave_out_what_means_nothing() {
    let embedding =
        r#"{"data":[{"index":0,"embedding":[0.5,1]}],"usage":{"prompt_tokens":16,"total_tokens":16}}"#;
    let ranking = r#"{"results":[{"index":1,"relevance_score":0.9},{"index":0,"relevance_score":0.1}]}"#;
    let pictures = r#"{"data":[{"b64_json":"AAAA"},{"b64_json":"AAAA"}]}"#;
    for (path, body, options, api) in [
        ("/v1/embeddings", embedding, "--embeddings", "embeddings, "),
        ("/v1/rerank", ranking, "--api rerank --num-documents 2", "rerank, 2 documents each of "),
        ("/v1/images/generations", pictures, "--api images -n 2 --image-size 64x64", "images, "),
    ] {
        let (ended, place) = six(&serving(path, "application/json", body), options);
        let summary = place.summary();
        assert!(summary.metrics.contains_key("latency"), "{summary:?}");
        for name in ["ttft", "tpot", "itl", "output_tokens", "e2e_per_token"] {
            assert!(!summary.metrics.contains_key(name), "{path}: {name}");
        }
        assert!(summary.tokens.sources.is_empty() && summary.tokens.wrong_length == 0, "{summary:?}");
        let about_tokens = summary.warnings.iter().find(|warning| warning.contains("tokens"));
        assert_eq!(about_tokens, None, "{path}");
        let records = place.records();
        let plain = |record: &&plimsoll_core::record::Record| {
            record.usage.source == TokenSource::NoTokens && record.max_tokens.is_none()
        };
        assert_eq!(records.iter().filter(plain).count(), records.len(), "{records:?}");
        let (counts, report) = (&summary.counts, &ended.stdout);
        assert!(counts.bytes_sent > 100 && counts.bytes_received > 100, "{counts:?}");
        assert!(report.contains("Bytes      sent ") && !report.contains("tokens out"), "{report}");
        assert!(report.contains(api), "{api} is not in {report}");
    }
}

#[test]
fn lists_of_texts_have_the_length_asked_for() {
    let server = answering_bodies(|_, body| {
        let body: serde_json::Value = serde_json::from_slice(body).unwrap();
        let texts = body["input"].as_array().unwrap();
        assert!(texts.windows(2).all(|pair| pair[0].as_str() != pair[1].as_str()));
        let data: Vec<_> = texts.iter().map(|_| serde_json::json!({"embedding": [1.0]})).collect();
        response("200 OK", "application/json", &serde_json::json!({"data": data}).to_string())
    });
    let (_, place) = six(&server, "--embeddings --embeddings-batch-size 3 --prompt-randomize --seed 5");
    let summary = place.summary();
    assert!(summary.run.workload.starts_with("3 input each of "), "{}", summary.run.workload);
    assert!(place.records().iter().all(|record| record.prompt_tokens == Some(48)));
}

#[test]
fn responses_and_messages_stream() {
    let responses = "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"a\"}\n\n\
        event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"b\"}\n\n\
        event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\",\
        \"usage\":{\"input_tokens\":16,\"output_tokens\":4}}}\n\n";
    let messages = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":16}}}\n\n\
        event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"a\"}}\n\n\
        event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"b\"}}\n\n\
        event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":4}}\n\n\
        event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    for (path, body, options) in
        [("/v1/responses", responses, "--api responses"), ("/v1/messages", messages, "--api messages")]
    {
        let (ended, place) = six(&serving(path, "text/event-stream", body), options);
        let summary = place.summary();
        assert!(summary.metrics.contains_key("ttft") && summary.metrics.contains_key("tpot"), "{path}");
        assert_eq!(summary.tokens.sources.keys().collect::<Vec<_>>(), [&TokenSource::Server], "{ended:?}");
        for record in place.records() {
            assert_eq!((record.deltas.len(), record.usage.output_tokens), (2, Some(4)), "{path}");
        }
    }
}

#[test]
fn anthropic_gets_its_own_header_fields() {
    let server = answering(|head| {
        let head = head.to_ascii_lowercase();
        let own = head.contains("\r\nx-api-key: secret\r\n")
            && head.contains("\r\nanthropic-version: 2023-06-01\r\n");
        assert!(own && !head.contains("authorization"), "{head}");
        let body =
            r#"{"content":[{"type":"text","text":"a"}],"usage":{"input_tokens":16,"output_tokens":4}}"#;
        response("200 OK", "application/json", body)
    });
    let place = Place::new();
    let ended = place.line(&format!("run {server} --provider anthropic -m m -k secret --no-stream {SIX}"));
    let records = place.records();
    assert_eq!((count(&records, Outcome::Ok), records.is_empty()), (records.len(), false), "{ended:?}");
    assert!(!ended.stdout.contains("secret") && !ended.stderr.contains("secret"), "{ended:?}");
}

#[test]
fn recordings_are_transcribed() {
    let server = answering_bodies(|head, body| {
        let head = head.to_ascii_lowercase();
        let form = head.contains("\r\ncontent-type: multipart/form-data; boundary=");
        let wav = body.windows(12).any(|bytes| bytes.starts_with(b"RIFF") && bytes.ends_with(b"WAVE"));
        if form && wav && body.len() > 16_000 {
            let events = "data: {\"type\":\"transcript.text.delta\",\"delta\":\"a\"}\n\n\
                data: {\"type\":\"transcript.text.done\",\"text\":\"a\",\"usage\":{\"output_tokens\":2}}\n\n";
            response("200 OK", "text/event-stream", events)
        } else {
            response("400 Bad Request", "text/plain", "no recording in a form")
        }
    });
    let (ended, place) = six(&server, "--api transcriptions --audio-seconds 0.5");
    let summary = place.summary();
    assert_eq!(summary.run.workload, "0.5 s of synthetic audio");
    assert!(
        summary.metrics.contains_key("ttft") && !summary.metrics.contains_key("input_tokens"),
        "{summary:?}"
    );
    assert!(ended.stderr.contains("--max-tokens has no effect"), "{}", ended.stderr);
    assert!(place.records().iter().all(|record| record.bytes_sent > 16_044 && record.max_tokens.is_none()));
}

#[test]
fn a_server_that_knows_less_is_asked_for_less_and_it_is_said() {
    let server = answering_bodies(|_, body| {
        let body: serde_json::Value = serde_json::from_slice(body).unwrap();
        if body.get("top_k").is_some() {
            let refusal = r#"{"detail":"Unexpected fields in the request: {'top_k'}"}"#;
            return response("422 Unprocessable Entity", "application/json", refusal);
        }
        let answer = r#"{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":4}}"#;
        response("200 OK", "application/json", answer)
    });
    let place = Place::new();
    let line = format!("run {server} --provider transformers -m m --no-stream --top-k 3 {SIX}");
    let ended = place.line(&line);
    let records = place.records();
    assert_eq!((count(&records, Outcome::Ok), records.is_empty()), (records.len(), false), "{ended:?}");
    assert_eq!(ended.stderr.matches("does not know `top_k`").count(), 1, "{}", ended.stderr);

    let refused = Place::new();
    let line = format!("{} --extra-body '{{\"top_k\":2}}'", line.replace(" --top-k 3", ""));
    let ended = refused.line(&line);
    assert!(ended.code != Some(0) && ended.stderr.contains("top_k"), "{ended:?}");
    assert_eq!(refused.results().len(), 0, "{ended:?}");
}

#[test]
fn refusals_of_one_status_are_told_apart() {
    let turn = std::sync::atomic::AtomicUsize::new(0);
    let server = answering(move |_| {
        let answers = [
            ("503 Service Unavailable", "", r#"{"error":"Exceeds maximum queue size"}"#),
            ("503 Service Unavailable", "", r#"{"error":"no available workers"}"#),
            (
                "429 Too Many Requests",
                "Retry-After: 2\r\n",
                r#"{"error":{"message":"litellm.RateLimitError: slow down","code":"429"}}"#,
            ),
        ];
        let (status, field, body) = answers[turn.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % 3];
        format!("HTTP/1.1 {status}\r\n{field}Content-Length: {}\r\n\r\n{body}", body.len())
    });
    let place = Place::new();
    let ended = place.line(&format!("run {server} --provider openai -m m --qps 30 -t 400ms -p 16 -o 4"));
    let summary = place.summary();
    let mut examples: Vec<&str> = summary.errors.iter().map(|class| class.example.as_str()).collect();
    examples.sort_unstable();
    assert_eq!(
        examples,
        [
            "HTTP 429: rate limited, retry after 2 s: litellm.RateLimitError: slow down",
            "HTTP 503: no worker: no available workers",
            "HTTP 503: queue full: Exceeds maximum queue size",
        ],
        "{ended:?}"
    );
}

#[test]
fn the_servers_own_times_stand_beside_ours() {
    let answer = r#"{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":16,"completion_tokens":4}}"#;
    let server = answering(move |_| {
        format!(
            "HTTP/1.1 200 OK\r\nfireworks-server-time-to-first-token: 0.010\r\nfireworks-server-processing-time: 0.020\r\n\
             fireworks-cached-prompt-tokens: 8\r\nfireworks-speculation-acceptance: 0.75,0.5\r\nContent-Length: {}\r\n\r\n{answer}",
            answer.len()
        )
    });
    let place = Place::new();
    let ended = place.line(&format!("run {server} --provider fireworks -m m --no-stream {SIX}"));
    let summary = place.summary();
    assert_eq!(summary.metrics["server_ttft"].mean, Some(0.010), "{ended:?}");
    assert_eq!(summary.metrics["server_total"].mean, Some(0.020), "{ended:?}");
    let means: Vec<f64> = summary.speculation.iter().map(|entry| entry.mean).collect();
    assert_eq!((means, summary.metrics["cached_tokens"].mean), (vec![0.75, 0.5], Some(8.0)), "{ended:?}");
    assert!(
        ended.stdout.contains("Speculation accepted") && ended.stdout.contains("server_ttft"),
        "{}",
        ended.stdout
    );
    for record in place.records() {
        assert_eq!(record.acceptance, [0.75, 0.5]);
        assert_eq!(record.server.total, Some(std::time::Duration::from_millis(20)));
    }
}
