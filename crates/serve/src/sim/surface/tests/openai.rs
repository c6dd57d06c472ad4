//! OpenAI: bodies into jobs, jobs into choices.

use super::*;

const CHAT: &str = "/v1/chat/completions";
const TEXT: &str = "/v1/completions";

/// Prompt tokens and output tokens of each job.
fn jobs(path: &str, body: &str) -> Vec<(u32, u32)> {
    let work = Bench::new("").work(path, body);
    work.jobs.iter().map(|ask| (ask.prompt_tokens, ask.output_tokens)).collect()
}

#[test]
fn bodies_become_jobs() {
    let parts = r#"{"messages":[{"role":"system","content":"abcd"},{"role":"user","content":
        [{"type":"text","text":"abcde"},{"type":"image_url","image_url":{"url":"data:aaaaaaaaaaaaaaaa"}}]}],
        "max_tokens":7,"max_completion_tokens":8,"stream":true,"stream_options":{"include_usage":true},"x":{}}"#;
    for (path, body, expected) in [
        (CHAT, parts, &[(3, 8)][..]),
        (CHAT, r#"{"messages":[{"role":"assistant","content":null}]}"#, &[(0, 16)]),
        (CHAT, r#"{"messages":[],"n":3,"max_tokens":2}"#, &[(0, 2), (0, 2), (0, 2)]),
        (CHAT, r#"{"messages":[],"min_tokens":40}"#, &[(0, 40)]),
        (CHAT, r#"{"messages":[],"min_tokens":4,"max_tokens":9,"ignore_eos":true}"#, &[(0, 9)]),
        (TEXT, r#"{"prompt":"abcdefgh","max_tokens":1}"#, &[(2, 1)]),
        (TEXT, r#"{"prompt":[1,2,3],"max_tokens":1}"#, &[(3, 1)]),
        (TEXT, r#"{"prompt":["abcd","efghi"],"max_tokens":1}"#, &[(1, 1), (2, 1)]),
        (
            TEXT,
            r#"{"prompt":[[1,2],[3]],"max_tokens":1,"n":2,"best_of":2}"#,
            &[(2, 1), (2, 1), (1, 1), (1, 1)],
        ),
        (TEXT, r#"{"prompt":"x","max_tokens":null,"stop":["a","b"],"user":"me","seed":1}"#, &[(1, 16)]),
        ("/a/b/v1/embeddings", r#"{"input":["abcd","abcde",""]}"#, &[(1, 0), (2, 0), (0, 0)]),
        ("/v1/rerank", r#"{"query":"abcd","documents":["e",{"text":"efghi"}]}"#, &[(2, 0), (3, 0)]),
    ] {
        assert_eq!(jobs(path, body), expected, "{body}");
    }
}

#[test]
fn bad_bodies_blame_the_field() {
    for (path, body, param, excerpt) in [
        (CHAT, "", None, "not the JSON"),
        (CHAT, "{", None, "not the JSON"),
        (CHAT, "[]", None, "not the JSON"),
        (CHAT, r#"{"messages":[]} x"#, None, "not the JSON"),
        (CHAT, r#"{"messages":[],"max_tokens":1,}"#, None, "not the JSON"),
        (CHAT, r#"{"prompt":"x"}"#, Some("messages"), "`messages` is missing"),
        (CHAT, r#"{"messages":"hi"}"#, Some("messages"), "expected a list of messages"),
        (CHAT, r#"{"messages":[],"max_tokens":-1}"#, Some("max_tokens"), "`max_tokens`"),
        (CHAT, r#"{"messages":[],"max_tokens":1.5}"#, Some("max_tokens"), "`max_tokens`"),
        (CHAT, r#"{"messages":[],"max_completion_tokens":0}"#, Some("max_completion_tokens"), "at least one"),
        (CHAT, r#"{"messages":[],"max_tokens":2000000}"#, Some("max_tokens"), "at most"),
        (
            CHAT,
            r#"{"messages":[],"max_tokens":2,"min_tokens":3}"#,
            Some("min_tokens"),
            "more than `max_tokens`",
        ),
        (CHAT, r#"{"messages":[],"temperature":"hot"}"#, Some("temperature"), "`temperature`"),
        (CHAT, r#"{"messages":[],"stop":[1]}"#, Some("stop"), "`stop`"),
        (CHAT, r#"{"messages":[],"stream":"yes"}"#, Some("stream"), "`stream`"),
        (CHAT, r#"{"messages":[],"stream_options":{}}"#, Some("stream_options"), "only for streams"),
        (CHAT, r#"{"messages":[],"n":0}"#, Some("n"), "at least 1"),
        (CHAT, r#"{"messages":[],"n":5000}"#, Some("n"), "more than 4096"),
        (CHAT, r#"{"messages":[],"top_logprobs":1}"#, Some("top_logprobs"), "needs `logprobs`"),
        (CHAT, r#"{"messages":[],"logprobs":true,"top_logprobs":21}"#, Some("top_logprobs"), "at most 20"),
        (TEXT, r#"{"messages":[]}"#, Some("prompt"), "`prompt` is missing"),
        (TEXT, r#"{"prompt":true}"#, Some("prompt"), "expected a text"),
        (TEXT, r#"{"prompt":[]}"#, Some("prompt"), "at least one prompt"),
        (TEXT, r#"{"prompt":[1,"x"]}"#, Some("prompt"), "not both"),
        (TEXT, r#"{"prompt":"x","logprobs":21}"#, Some("logprobs"), "at most 20"),
        (TEXT, r#"{"prompt":"x","best_of":2}"#, Some("best_of"), "not supported"),
        ("/v1/embeddings", r#"{"input":[]}"#, Some("input"), "from 1"),
        ("/v1/embeddings", r#"{"input":"x","dimensions":0}"#, Some("dimensions"), "from 1"),
        ("/v1/embeddings", r#"{"input":"x","encoding_format":"hex"}"#, None, "base64"),
        ("/v1/rerank", r#"{"query":"x","documents":[]}"#, Some("documents"), "from 1"),
        ("/v1/rerank", r#"{"query":"x","documents":[1]}"#, None, "expected a document"),
    ] {
        let (status, document) = Bench::new("").refusal(path, body);
        let error = &document["error"];
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(excerpt), "{body}: {message}");
        assert_eq!((status, error["param"].as_str()), (400, param), "{body}: {message}");
        assert_eq!((&error["type"], &error["code"]), (&json!("invalid_request_error"), &json!(400)));
    }
}

#[test]
fn models_are_listed_and_named() {
    let bench = Bench::new("model=a/b&owned_by=me");
    let model = json!({"id": "a/b", "object": "model", "created": 7, "owned_by": "me"});
    let list = json!({"object": "list", "data": [model]});
    assert_eq!(bench.told_json("GET", "/inference/v1/models"), (200, list));
    for path in ["/v1/models/a/b", "/v1/models/a%2Fb"] {
        assert_eq!(bench.told_json("GET", path), (200, model.clone()), "{path}");
    }
    let (status, error) = bench.told_json("GET", "/v1/models/c");
    assert_eq!((status, &error["error"]["type"]), (404, &json!("not_found_error")));
}

#[test]
fn documents_have_a_choice_for_each_job_and_add_up_their_usage() {
    let body = r#"{"prompt":["abcdefgh","\"x\""],"max_tokens":2,"n":2,"echo":true}"#;
    let document = Bench::new("").answer(TEXT, body);
    let texts: Vec<&Value> = (0..4).map(|choice| &document["choices"][choice]["text"]).collect();
    assert_eq!(texts, ["abcdefgh time work", "abcdefgh time work", "\"x\" time work", "\"x\" time work"]);
    assert_eq!(document["choices"][3]["index"], 3);
    let usage = json!({"prompt_tokens": 3, "completion_tokens": 8, "total_tokens": 11,
        "prompt_tokens_details": {"cached_tokens": 0}});
    assert_eq!(document["usage"], usage);
    let echo = Bench::new("").answer(TEXT, r#"{"prompt":[5,6],"max_tokens":1,"echo":true,"logprobs":0}"#);
    assert_eq!(echo["choices"][0]["text"], "<5><6> time");
    assert_eq!(echo["choices"][0]["logprobs"]["text_offset"], json!([6]));
}

#[test]
fn choices_are_interleaved_and_usage_runs_along_where_it_is_asked_for() {
    let body = r#"{"messages":[],"max_tokens":2,"n":2,"stream":true,
        "stream_options":{"include_usage":true,"continuous_usage_stats":true}}"#;
    let events = Bench::new("").events(CHAT, body);
    let told: Vec<(i64, u64)> = events[..events.len() - 1]
        .iter()
        .map(|event| {
            let event: Value = serde_json::from_str(event).unwrap();
            let choice = event["choices"][0]["index"].as_i64().unwrap_or(-1);
            (choice, event["usage"]["completion_tokens"].as_u64().unwrap())
        })
        .collect();
    // Who speaks, two tokens each, the two ends, and the usage of both.
    assert_eq!(told, [(0, 0), (1, 0), (0, 1), (1, 1), (0, 2), (0, 2), (1, 2), (1, 2), (-1, 4)]);
    assert_eq!(events.last().unwrap(), "[DONE]");
    let without_usage =
        r#"{"messages":[],"max_tokens":1,"stream":true,"stream_options":{"continuous_usage_stats":true}}"#;
    let events = Bench::new("").events(CHAT, without_usage);
    assert!(!events.iter().any(|event| event.contains("usage")), "{events:?}");
}

#[test]
fn usage_in_the_finish_event_comes_with_the_last_choice() {
    let body = r#"{"messages":[],"max_tokens":1,"n":2,"stream":true}"#;
    let events = Bench::new("usage=finish").events(CHAT, body);
    let with_usage: Vec<&String> = events.iter().filter(|event| event.contains("\"usage\"")).collect();
    assert_eq!(with_usage.len(), 1);
    let event: Value = serde_json::from_str(with_usage[0]).unwrap();
    assert_eq!((&event["choices"][0]["index"], &event["usage"]["completion_tokens"]), (&json!(1), &json!(2)));
}

#[test]
fn streamed_log_probabilities_and_echoes_are_those_of_the_document() {
    let body = |stream| {
        format!(r#"{{"prompt":"say \"hi\"","max_tokens":3,"logprobs":2,"echo":true,"stream":{stream}}}"#)
    };
    let whole = Bench::new("").answer(TEXT, &body(false));
    let events = Bench::new("").events(TEXT, &body(true));
    let events: Vec<Value> = events[..3].iter().map(|event| serde_json::from_str(event).unwrap()).collect();
    let text: String = events.iter().map(|event| event["choices"][0]["text"].as_str().unwrap()).collect();
    assert_eq!(Value::from(text), whole["choices"][0]["text"]);
    for name in ["tokens", "token_logprobs", "top_logprobs", "text_offset"] {
        let streamed: Vec<&Value> =
            events.iter().map(|event| &event["choices"][0]["logprobs"][name][0]).collect();
        let at_once: Vec<&Value> = whole["choices"][0]["logprobs"][name].as_array().unwrap().iter().collect();
        assert_eq!(streamed, at_once, "{name}");
    }
}

#[test]
fn embeddings_are_unit_vectors_that_equal_inputs_share_in_either_encoding() {
    use base64::Engine as _;
    let bench = Bench::new("");
    let plain = bench.answer("/v1/embeddings", r#"{"input":["a","b","a"],"dimensions":5}"#);
    let vector = |index: usize| -> Vec<f64> {
        let entries = plain["data"][index]["embedding"].as_array().unwrap();
        entries.iter().map(|entry| entry.as_f64().unwrap()).collect()
    };
    assert_eq!((vector(0), vector(0).len()), (vector(2), 5));
    assert_ne!(vector(0), vector(1));
    assert!((vector(1).iter().map(|value| value * value).sum::<f64>() - 1.0).abs() < 1e-6);
    let packed = bench.answer("/v1/embeddings", r#"{"input":"b","dimensions":5,"encoding_format":"base64"}"#);
    let text = packed["data"][0]["embedding"].as_str().unwrap();
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).unwrap();
    let values: Vec<f64> =
        bytes.as_chunks().0.iter().map(|value| f32::from_le_bytes(*value).into()).collect();
    assert_eq!(values, vector(1));
}

#[test]
fn ranks_are_sorted_cut_and_shown_as_wished() {
    let body = |more: &str| format!(r#"{{"query":"q","documents":["a","b","c","d"]{more}}}"#);
    let results =
        |more: &str| Bench::new("").answer("/rerank", &body(more))["results"].as_array().unwrap().clone();
    let all = results("");
    let scores: Vec<f64> = all.iter().map(|result| result["relevance_score"].as_f64().unwrap()).collect();
    assert!(all.len() == 4 && scores.is_sorted_by(|one, other| one >= other), "{scores:?}");
    assert_eq!(results(r#","top_n":2"#), all[..2]);
    assert!(results(r#","return_documents":false"#).iter().all(|result| result.get("document").is_none()));
}
