//! What the newer interfaces of the OpenAI family send, and what is understood of their answers.

use plimsoll_core::record::{DeltaKind, Outcome, TokenSource};
use plimsoll_core::spec::{Interface, Provider, RunSpec};
use plimsoll_core::time::Offset;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::test_spec::{line, request, spec};
use super::{Decoder, Ended, Fields, Reply, build, judge, supports};

fn asking(provider: Provider, interface: Interface, stream: bool) -> RunSpec {
    let mut spec = spec(provider, false, stream);
    spec.api.interface = interface;
    spec
}

fn sent(spec: &RunSpec) -> (String, Value) {
    let protocol = build(spec).unwrap();
    let body = protocol.encode(&request("bako", 6)).body.concat();
    (protocol.route().path.clone(), serde_json::from_slice(&body).unwrap())
}

fn feed(decoder: &mut dyn Decoder, body: &[u8], read: usize) -> (Reply, Outcome, String) {
    let mut reply = Reply::default();
    let at = Offset::from_nanos(5);
    assert!(decoder.fields(&Fields { status: Some(200), list: &[] }, &mut reply));
    let fed = body.chunks(read.max(1)).try_for_each(|bytes| decoder.feed(bytes, at, &mut reply));
    let ended = match fed.and_then(|()| decoder.finish(at, &mut reply)) {
        Ok(()) => Ended::Whole,
        Err(malformed) => Ended::Malformed(malformed),
    };
    let (outcome, error) = judge(&reply, ended);
    reply.coalesced_events = 0;
    (reply, outcome, error.unwrap_or_default())
}

/// Decodes in one read, and checks that cutting the body byte by byte changes nothing.
fn decode(spec: &RunSpec, body: &str) -> (Reply, Outcome, String) {
    let protocol = build(spec).unwrap();
    let whole = feed(&mut *protocol.decoder(&request("bako", 6)), body.as_bytes(), body.len());
    let cut = feed(&mut *protocol.decoder(&request("bako", 6)), body.as_bytes(), 1);
    assert_eq!(format!("{cut:?}"), format!("{whole:?}"), "{body}");
    whole
}

fn events(events: &[&str]) -> String {
    events
        .iter()
        .map(|data| {
            let kind: Value = serde_json::from_str(data).unwrap();
            format!("event: {}\ndata: {data}\n\n", kind["type"].as_str().unwrap_or("x"))
        })
        .collect()
}

fn kinds(reply: &Reply) -> Vec<DeltaKind> {
    reply.deltas.iter().map(|delta| delta.kind).collect()
}

#[test]
fn embeddings_are_asked_and_counted() {
    let mut spec = asking(Provider::Vllm, Interface::Embeddings, false);
    spec.api.family.dimensions = Some(64);
    let expected = json!({"model": "tiny", "input": "bako", "dimensions": 64});
    assert_eq!(sent(&spec), ("/v1/embeddings".to_owned(), expected));
    let list = build(&spec).unwrap().encode(&line(r#"{"input":["a","b"]}"#)).body.concat();
    assert_eq!(list, br#"{"model":"tiny","dimensions":64,"input":["a","b"]}"#);

    for (body, outcome) in [
        (
            r#"{"data":[{"index":0,"embedding":[0.5,-1e-3]}],"usage":{"prompt_tokens":7,"total_tokens":7}}"#,
            Outcome::Ok,
        ),
        (r#"{"data":[{"index":0,"embedding":"AAAA"}],"usage":{"total_tokens":7}}"#, Outcome::Ok),
        (r#"{"data":[{"index":0,"embedding":[]}]}"#, Outcome::Invalid),
        (r#"{"data":[{"index":0,"embedding":[null]}]}"#, Outcome::Invalid),
        (r#"{"data":[{"index":0}]}"#, Outcome::Invalid),
        (r#"{"data":[]}"#, Outcome::Invalid),
        (r#"{"data":[{"embedding":[1]},{"embedding":[1]}]}"#, Outcome::Invalid),
        (r#"{"error":{"message":"no"}}"#, Outcome::StreamError),
        (r#"{"data":[{"embedding":[1"#, Outcome::Truncated),
        ("data: {\"data\":[]}\n\n", Outcome::Invalid),
        ("", Outcome::Empty),
    ] {
        let (reply, judged, error) = decode(&spec, body);
        assert_eq!(judged, outcome, "{body}: {error}");
        if outcome == Outcome::Ok {
            assert_eq!((reply.usage.input_tokens, reply.usage.source), (Some(7), TokenSource::NoTokens));
            assert!(reply.deltas.is_empty() && reply.chars == 0);
        }
    }
    spec.api.family.inputs = 2;
    assert_eq!(decode(&spec, r#"{"data":[{"embedding":[1]},{"embedding":[1]}]}"#).1, Outcome::Ok);
}

#[test]
fn rankings_are_asked_and_read_in_each_servers_form() {
    let mut spec = asking(Provider::Openai, Interface::Rerank, false);
    spec.api.family.rerank.query = "what?".to_owned();
    spec.api.family.rerank.documents = 2;
    spec.api.family.rerank.top_n = Some(1);
    spec.api.family.rerank.return_documents = Some(false);
    let body = build(&spec).unwrap().encode(&line(r#"{"documents":["a","b"]}"#)).body.concat();
    assert_eq!(
        body,
        br#"{"model":"tiny","query":"what?","top_n":1,"return_documents":false,"documents":["a","b"]}"#
    );
    for (body, outcome) in [
        (
            r#"{"results":[{"index":1,"relevance_score":0.9,"document":{"text":"b"}}],"usage":{"total_tokens":9}}"#,
            Outcome::Ok,
        ),
        (r#"[{"index":0,"score":-3.5},{"index":1,"score":-4}]"#, Outcome::Ok),
        (r#"{"data":[{"index":0,"relevance_score":1}]}"#, Outcome::Ok),
        (r#"{"results":[]}"#, Outcome::Empty),
        (r#"{"results":[{"index":2,"relevance_score":0.9}]}"#, Outcome::Invalid),
        (r#"{"results":[{"relevance_score":0.9}]}"#, Outcome::Invalid),
        (r#"{"results":[{"index":0}]}"#, Outcome::Invalid),
        (
            r#"{"results":[{"index":0,"score":1},{"index":0,"score":1},{"index":1,"score":1}]}"#,
            Outcome::Invalid,
        ),
        (r#"{"scores":[1]}"#, Outcome::Invalid),
        (r#"{"error":"no"}"#, Outcome::StreamError),
    ] {
        let (_, judged, error) = decode(&spec, body);
        assert_eq!(judged, outcome, "{body}: {error}");
    }
}

#[test]
fn images_are_counted_and_not_looked_at() {
    let mut spec = asking(Provider::Openai, Interface::Images, false);
    spec.api.n = 2;
    spec.api.family.image_size = Some((256, 128));
    let expected = json!({"model": "tiny", "prompt": "bako", "n": 2, "size": "256x128"});
    assert_eq!(sent(&spec), ("/v1/images/generations".to_owned(), expected));
    for (body, outcome) in [
        (r#"{"data":[{"b64_json":"AA=="},{"url":"http://x/y.png"}]}"#, Outcome::Ok),
        (r#"{"data":[{"b64_json":"AA=="}]}"#, Outcome::Invalid),
        (r#"{"data":[{"b64_json":""},{"b64_json":"AA=="}]}"#, Outcome::Invalid),
        (r#"{"data":[{"revised_prompt":"x"},{"b64_json":"AA=="}]}"#, Outcome::Invalid),
        (r#"{"created":1}"#, Outcome::Invalid),
        (r#"{"error":{"code":"content_policy_violation","message":"no"}}"#, Outcome::StreamError),
    ] {
        let (reply, judged, error) = decode(&spec, body);
        assert_eq!(judged, outcome, "{body}: {error}");
        assert_eq!(reply.usage.source, TokenSource::NoTokens);
    }
}

#[test]
fn responses_are_asked_and_stored_nowhere() {
    let mut spec = asking(Provider::Openai, Interface::Responses, true);
    spec.api.reasoning_effort = Some("low".to_owned());
    let expected = json!({"model": "tiny", "input": "bako", "max_output_tokens": 6, "stream": true, "store": false,
        "temperature": 0.0, "reasoning": {"effort": "low"}});
    assert_eq!(sent(&spec), ("/v1/responses".to_owned(), expected));
}

const CREATED: &str = r#"{"type":"response.created","response":{"status":"in_progress","error":null}}"#;
const RESPONDED: &str = r#"{"type":"response.output_text.delta","delta":"hello"}"#;
const COMPLETED: &str = r#"{"type":"response.completed","response":{"status":"completed","error":null,"output":[],"usage":
    {"input_tokens":7,"input_tokens_details":{"cached_tokens":3},"output_tokens":5,"output_tokens_details":{"reasoning_tokens":2}}}}"#;

#[test]
fn responses_end_by_a_terminal_event_only() {
    let spec = asking(Provider::Openai, Interface::Responses, true);
    let one_line = |text: &str| text.replace('\n', " ");
    let completed = one_line(COMPLETED);
    for (body, outcome) in [
        (events(&[CREATED, RESPONDED, &completed]), Outcome::Ok),
        (events(&[CREATED, RESPONDED, &completed]) + "data: [DONE]\n\n", Outcome::Ok),
        (events(&[CREATED, RESPONDED]), Outcome::Truncated),
        (events(&[CREATED, RESPONDED]) + "data: [DONE]\n\n", Outcome::Truncated),
        (events(&[CREATED, &completed]), Outcome::Empty),
        (
            events(&[
                RESPONDED,
                r#"{"type":"response.incomplete","response":{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}}}"#,
            ]),
            Outcome::Ok,
        ),
        (
            events(&[
                RESPONDED,
                r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"x","message":"broke"}}}"#,
            ]),
            Outcome::StreamError,
        ),
        (events(&[r#"{"type":"response.failed","response":{"error":null}}"#]), Outcome::StreamError),
        (
            events(&[RESPONDED, r#"{"type":"error","message":"broke","code":"x","param":null}"#]),
            Outcome::StreamError,
        ),
        (events(&[r#"{"type":"error","error":{"message":"broke"}}"#]), Outcome::StreamError),
        (events(&[r#"{"type":"response.output_text.delta","delta":7}"#]), Outcome::Invalid),
        ("data: {\"error\":{\"message\":\"broke\"}}\n\n".to_owned(), Outcome::StreamError),
    ] {
        let (reply, judged, error) = decode(&spec, &body);
        assert_eq!(judged, outcome, "{body}: {error}");
        let says_why = error == "broke" || error.contains("does not say why");
        assert!(outcome != Outcome::StreamError || says_why, "{error}");
        if body.starts_with(&events(&[CREATED, RESPONDED, &completed])) {
            let usage = reply.usage;
            assert_eq!(
                (usage.input_tokens, usage.output_tokens, usage.source),
                (Some(7), Some(5), TokenSource::Server)
            );
            assert_eq!((usage.cached_tokens, usage.reasoning_tokens), (Some(3), Some(2)));
        }
    }
}

#[test]
fn the_deltas_of_responses_have_their_kinds() {
    let spec = asking(Provider::Openai, Interface::Responses, true);
    let (reply, outcome, _) = decode(
        &spec,
        &events(&[
            r#"{"type":"response.reasoning_summary_text.delta","delta":"a"}"#,
            r#"{"type":"response.reasoning_text.delta","delta":"b"}"#,
            r#"{"type":"response.output_text.delta","delta":""}"#,
            r#"{"type":"response.output_text.delta","delta":"c"}"#,
            r#"{"type":"response.refusal.delta","delta":"d"}"#,
            r#"{"type":"response.function_call_arguments.delta","delta":"{"}"#,
            r#"{"type":"response.output_text.done","text":"cd"}"#,
            r#"{"type":"response.completed","response":{"status":"completed"}}"#,
        ]),
    );
    let (text, thought, call) = (DeltaKind::Text, DeltaKind::Reasoning, DeltaKind::ToolCall);
    assert_eq!((outcome, kinds(&reply)), (Outcome::Ok, vec![thought, thought, text, text, call]));
    assert_eq!((reply.text.as_deref(), reply.events), (Some("abcd{"), 8));
}

#[test]
fn whole_responses_are_read() {
    let spec = asking(Provider::Openai, Interface::Responses, false);
    let body = r#"{"status":"completed","error":null,"output":[{"type":"reasoning","summary":[{"type":"summary_text","text":"s"}]},
        {"type":"message","content":[{"type":"output_text","text":"hi","annotations":[]}]}],"usage":{"input_tokens":4,"output_tokens":2}}"#;
    let (reply, outcome, _) = decode(&spec, body);
    assert_eq!(
        (outcome, reply.text.as_deref(), reply.usage.output_tokens),
        (Outcome::Ok, Some("shi"), Some(2))
    );
    for (body, outcome) in [
        (r#"{"status":"failed","output":[],"error":{"message":"broke"}}"#, Outcome::StreamError),
        (r#"{"status":"failed","output":[],"error":null}"#, Outcome::StreamError),
        (r#"{"status":"completed","output":[]}"#, Outcome::Empty),
        (r#"{"output":[{"type":"function_call","arguments":"{}"}]}"#, Outcome::Ok),
        (r#"{"choices":[]}"#, Outcome::Invalid),
    ] {
        assert_eq!(decode(&spec, body).1, outcome, "{body}");
    }
}

#[test]
fn messages_are_asked() {
    let mut spec = asking(Provider::Anthropic, Interface::Messages, true);
    spec.api.top_k = Some(3);
    let expected = json!({"model": "tiny", "max_tokens": 6, "messages": [{"role": "user", "content": "bako"}], "stream": true,
        "temperature": 0.0, "top_k": 3});
    assert_eq!(sent(&spec), ("/v1/messages".to_owned(), expected));
}

const START: &str = r#"{"type":"message_start","message":{"content":[],"usage":{"input_tokens":5,"cache_read_input_tokens":3,"cache_creation_input_tokens":2,"output_tokens":1}}}"#;
const SAID: &str = r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hello"}}"#;
const DELTA: &str =
    r#"{"type":"message_delta","delta":{"stop_reason":"max_tokens"},"usage":{"output_tokens":9}}"#;
const STOP: &str = r#"{"type":"message_stop"}"#;

#[test]
fn messages_end_by_message_stop_only() {
    let spec = asking(Provider::Anthropic, Interface::Messages, true);
    for (list, outcome) in [
        (&[START, SAID, DELTA, STOP][..], Outcome::Ok),
        (&[START, SAID, DELTA], Outcome::Truncated),
        (&[START, DELTA, STOP], Outcome::Empty),
        (
            &[START, SAID, r#"{"type":"error","error":{"type":"overloaded_error","message":"broke"}}"#],
            Outcome::StreamError,
        ),
        (&[r#"{"type":"content_block_delta","index":0}"#], Outcome::Invalid),
        (&[r#"{"type":"content_block_delta","delta":{"type":"text_delta"}}"#], Outcome::Invalid),
    ] {
        let (reply, judged, error) = decode(&spec, &events(list));
        assert_eq!(judged, outcome, "{list:?}: {error}");
        assert!(outcome != Outcome::StreamError || error == "broke", "{error}");
        if outcome == Outcome::Ok {
            let usage = reply.usage;
            assert_eq!(
                (usage.input_tokens, usage.cached_tokens, usage.output_tokens),
                (Some(10), Some(3), Some(9))
            );
            assert_eq!(
                (usage.source, reply.finish_reason.as_deref()),
                (TokenSource::Server, Some("max_tokens"))
            );
        }
    }
}

#[test]
fn the_deltas_of_messages_have_their_kinds() {
    let spec = asking(Provider::Anthropic, Interface::Messages, true);
    let (reply, outcome, _) = decode(
        &spec,
        &events(&[
            START,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}}"#,
            r#"{"type":"ping"}"#,
            r#"{"type":"content_block_delta","delta":{"type":"thinking_delta","thinking":"a"}}"#,
            r#"{"type":"content_block_delta","delta":{"type":"signature_delta","signature":"zzz"}}"#,
            r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"b"}}"#,
            r#"{"type":"content_block_delta","delta":{"type":"input_json_delta","partial_json":"{"}}"#,
            r#"{"type":"something_new"}"#,
            DELTA,
            STOP,
        ]),
    );
    assert_eq!(
        (outcome, kinds(&reply)),
        (Outcome::Ok, vec![DeltaKind::Reasoning, DeltaKind::Text, DeltaKind::ToolCall])
    );
    assert_eq!((reply.text.as_deref(), reply.events), (Some("ab{"), 10));
}

#[test]
fn whole_messages_are_read() {
    let spec = asking(Provider::Anthropic, Interface::Messages, false);
    for (body, outcome) in [
        (
            r#"{"type":"message","content":[{"type":"thinking","thinking":"a"},{"type":"text","text":"b"}],"stop_reason":"end_turn","usage":{"input_tokens":5,"output_tokens":4}}"#,
            Outcome::Ok,
        ),
        (r#"{"content":[{"type":"tool_use","name":"f","input":{}}]}"#, Outcome::Ok),
        (r#"{"content":[]}"#, Outcome::Empty),
        (r#"{"type":"error","error":{"type":"x","message":"broke"}}"#, Outcome::StreamError),
        (r#"{"choices":[]}"#, Outcome::Invalid),
    ] {
        let (_, judged, error) = decode(&spec, body);
        assert_eq!(judged, outcome, "{body}: {error}");
    }
}

#[test]
fn recordings_are_sent_as_a_form() {
    let mut spec = asking(Provider::Vllm, Interface::Transcriptions, true);
    spec.api.family.audio_seconds = 0.25;
    spec.api.extra_body = json!({"language": "en", "temperature": 0.5}).as_object().cloned();
    let protocol = build(&spec).unwrap();
    let (one, other) = (protocol.encode(&request("", 0)).body, protocol.encode(&request("x", 9)).body);
    assert_eq!(one.pieces[1].as_ptr(), other.pieces[1].as_ptr(), "the recording is shared");
    assert_eq!(one.pieces[1].len(), 44 + 8_000);

    let content_type = protocol.route().content_type.clone().unwrap();
    let boundary = format!("--{}", content_type.strip_prefix("multipart/form-data; boundary=").unwrap());
    let bytes = one.concat();
    let places = memchr::memmem::find_iter(&bytes, &boundary).count();
    assert_eq!(places, 8, "seven parts and the end");
    assert!(bytes.ends_with(format!("\r\n{boundary}--\r\n").as_bytes()));
    let text = String::from_utf8_lossy(&one.pieces[0]).into_owned();
    for (name, value) in [
        ("model", "tiny"),
        ("response_format", "json"),
        ("temperature", "0.5"),
        ("stream", "true"),
        ("stream_include_usage", "true"),
        ("language", "en"),
    ] {
        let part =
            format!("{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        assert!(text.contains(&part), "{name}: {text}");
    }
    assert!(
        text.ends_with("name=\"file\"; filename=\"audio.wav\"\r\nContent-Type: audio/wav\r\n\r\n"),
        "{text}"
    );
}

#[test]
fn transcriptions_are_read_in_each_servers_form() {
    let streamed = asking(Provider::Vllm, Interface::Transcriptions, true);
    let whole = asking(Provider::Vllm, Interface::Transcriptions, false);
    let delta = r#"{"type":"transcript.text.delta","delta":"hello"}"#;
    let done = r#"{"type":"transcript.text.done","text":"hello","usage":{"type":"tokens","input_tokens":14,"output_tokens":4}}"#;
    let chunk =
        "data: {\"object\":\"transcription.chunk\",\"choices\":[{\"delta\":{\"content\":\"hello\"}}]}\n\n";
    let stop = "data: {\"choices\":[{\"delta\":{\"content\":\"\"},\"finish_reason\":\"stop\"}]}\n\n";
    for (spec, body, outcome, deltas) in [
        (&streamed, events(&[delta, delta, done]), Outcome::Ok, 2),
        (&streamed, events(&[done]), Outcome::Ok, 0),
        (&streamed, events(&[delta]), Outcome::Truncated, 1),
        (&streamed, events(&[delta]) + "data: [DONE]\n\n", Outcome::Truncated, 1),
        (&streamed, format!("{chunk}{stop}data: [DONE]\n\n"), Outcome::Ok, 1),
        (&streamed, format!("{stop}data: [DONE]\n\n"), Outcome::Ok, 0),
        (&streamed, chunk.to_owned(), Outcome::Truncated, 1),
        (&streamed, events(&[r#"{"type":"error","error":{"message":"broke"}}"#]), Outcome::StreamError, 0),
        (&streamed, r#"{"text":"hello"}"#.to_owned(), Outcome::Ok, 0),
        (&whole, r#"{"text":"hello","usage":{"type":"duration","seconds":10}}"#.to_owned(), Outcome::Ok, 0),
        (&whole, r#"{"text":""}"#.to_owned(), Outcome::Ok, 0),
        (&whole, r#"{"error":{"message":"no"}}"#.to_owned(), Outcome::StreamError, 0),
        (&whole, r#"{"words":[]}"#.to_owned(), Outcome::Invalid, 0),
        (&whole, "hello".to_owned(), Outcome::Invalid, 0),
    ] {
        let (reply, judged, error) = decode(spec, &body);
        assert_eq!((judged, reply.deltas.len()), (outcome, deltas), "{body}: {error}");
    }
    let (reply, ..) = decode(&streamed, &events(&[delta, done]));
    assert_eq!((reply.usage.output_tokens, reply.usage.source), (Some(4), TokenSource::Server));
    assert_eq!(decode(&whole, r#"{"text":"hello"}"#).0.usage.source, TokenSource::NoTokens);
}

#[test]
fn what_a_server_refused_is_not_sent() {
    let mut spec = asking(Provider::Transformers, Interface::Chat, true);
    spec.api.family.without = vec!["stream_options".to_owned(), "temperature".to_owned()];
    let (_, body) = sent(&spec);
    let keys: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert!(!keys.iter().any(|key| ["stream_options", "temperature"].contains(&key.as_str())), "{keys:?}");
}

#[test]
fn options_that_an_interface_lacks_are_refused() {
    type Change = fn(&mut RunSpec);
    let cases: [(Interface, Change, &str); 6] = [
        (Interface::Embeddings, |spec| spec.api.stream = true, "streaming"),
        (Interface::Rerank, |spec| spec.api.n = 2, "several answers"),
        (Interface::Responses, |spec| spec.api.logprobs = Some(1), "log probabilities"),
        (Interface::Images, |spec| spec.api.top_k = Some(1), "top-k"),
        (Interface::Messages, |spec| spec.api.reasoning_effort = Some("low".to_owned()), "reasoning effort"),
        (Interface::Responses, |spec| spec.workload.images = vec![(1, 1)], "images in chats only"),
    ];
    for (interface, change, expected) in cases {
        let mut spec = asking(Provider::Openai, interface, false);
        assert!(build(&spec).is_ok(), "{interface:?}");
        change(&mut spec);
        let error = build(&spec).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains(expected), "{interface:?}: {error}");
    }
}

proptest! {
    #[test]
    fn garbage_is_survived_by_every_interface(
        interface in prop::sample::select(supports(Provider::Openai).interfaces[2..].to_vec()),
        stream in any::<bool>(),
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "data: ", "event: error\n", "{", "}", "[", "]", ":", ",", "\n\n", "\"type\"", "\"delta\"", "\"usage\"",
                "\"response.completed\"", "\"message_start\"", "\"message\"", "\"data\"", "\"embedding\"", "\"results\"",
                "\"index\"", "\"output\"", "\"content\"", "\"text\"", "1e999", "-1", "null", "\"é\\ud83d\"", "[DONE]",
                RESPONDED, SAID, START, DELTA, STOP,
            ]),
            0..24,
        ),
    ) {
        let spec = asking(Provider::Openai, interface, stream && interface.streams());
        let body = pieces.concat();
        let protocol = build(&spec).unwrap();
        let whole = feed(&mut *protocol.decoder(&request("bako", 6)), body.as_bytes(), body.len());
        let cut = feed(&mut *protocol.decoder(&request("bako", 6)), body.as_bytes(), 1);
        prop_assert_eq!(whole.1, cut.1, "{}", body);
    }
}
