//! Answers in the forms that servers are known to send and that no recorded transcript has.

use std::time::Duration;

use plimsoll_core::record::{DeltaKind, Outcome, TokenSource};
use plimsoll_core::spec::Provider;
use plimsoll_core::time::Offset;
use proptest::prelude::*;

use super::test_spec::{request, spec};
use super::{Ended, Reply, build, judge};

/// Decodes one read after another, read `i` at `i` ns, and judges the regular end.
fn decode_reads(provider: Provider, chat: bool, stream: bool, reads: &[&[u8]]) -> (Reply, Outcome) {
    let protocol = build(&spec(provider, chat, stream)).unwrap();
    let mut decoder = protocol.decoder(&request("bako dine", 6));
    let mut reply = Reply::default();
    let mut ended = Ended::Whole;
    for (index, read) in reads.iter().enumerate() {
        if let Err(malformed) = decoder.feed(read, Offset::from_nanos(index as u64), &mut reply) {
            ended = Ended::Malformed(malformed);
            break;
        }
    }
    if ended == Ended::Whole
        && let Err(malformed) = decoder.finish(Offset::from_nanos(reads.len() as u64), &mut reply)
    {
        ended = Ended::Malformed(malformed);
    }
    let outcome = judge(&reply, ended).0;
    (reply, outcome)
}

fn decode(provider: Provider, chat: bool, body: &str) -> (Reply, Outcome) {
    let whole = decode_reads(provider, chat, provider != Provider::TritonInfer, &[body.as_bytes()]);
    let bytes: Vec<&[u8]> = body.as_bytes().chunks(1).collect();
    let bytewise = decode_reads(provider, chat, provider != Provider::TritonInfer, &bytes);
    let told = |(reply, outcome): &(Reply, Outcome)| {
        let deltas: Vec<_> = reply.deltas.iter().map(|delta| (delta.kind, delta.tokens)).collect();
        format!(
            "{outcome:?} {deltas:?} {:?} {:?} {:?} {}",
            reply.usage, reply.text, reply.error, reply.events
        )
    };
    assert_eq!(told(&bytewise), told(&whole), "byte by byte: {body}");
    whole
}

/// A chat stream of chunks with these members of `choices[0]`, without an end.
fn chat_stream(choices: &[&str]) -> String {
    choices.iter().map(|choice| format!("data: {{\"choices\":[{{\"index\":0,{choice}}}]}}\n\n")).collect()
}

fn chat(body: &str) -> (Reply, Outcome) {
    decode(Provider::Openai, true, body)
}

const DONE: &str = "data: [DONE]\n\n";
const ROLE: &str = r#""delta":{"role":"assistant","content":""}"#;
const HELLO: &str = r#""delta":{"content":"hello"}"#;
const STOP: &str = r#""delta":{},"finish_reason":"stop""#;

fn kinds(reply: &Reply) -> Vec<DeltaKind> {
    reply.deltas.iter().map(|delta| delta.kind).collect()
}

#[test]
fn the_end_decides_between_ok_truncated_and_empty() {
    for (body, outcome) in [
        (chat_stream(&[ROLE, HELLO, STOP]) + DONE, Outcome::Ok),
        (chat_stream(&[ROLE, HELLO, STOP]), Outcome::Ok), // no [DONE]: transformers
        (chat_stream(&[ROLE, HELLO]) + DONE, Outcome::Ok),
        (chat_stream(&[ROLE, HELLO]), Outcome::Truncated),
        (chat_stream(&[ROLE]), Outcome::Truncated),
        (chat_stream(&[ROLE, HELLO]) + "data: {\"choices\":[{\"del", Outcome::Truncated),
        (chat_stream(&[ROLE, HELLO]) + "data: {\"choi\n\n", Outcome::Invalid), // a whole event that is not JSON
        (chat_stream(&[ROLE, HELLO, STOP]) + "data: [DONE]", Outcome::Ok),
        (chat_stream(&[ROLE, HELLO, STOP]).trim_end().to_owned(), Outcome::Ok),
        (chat_stream(&[ROLE, STOP]) + DONE, Outcome::Empty),
        (DONE.to_owned(), Outcome::Empty),
        (String::new(), Outcome::Empty),
        (": ping\n\n: ping\n\n".to_owned(), Outcome::Empty),
        ("<html>502</html>".to_owned(), Outcome::Invalid),
        ("Internal error".to_owned(), Outcome::Invalid),
        ("da".to_owned(), Outcome::Truncated),
        ("data: <html>\n\n".to_owned(), Outcome::Invalid),
        ("data: 17\n\n".to_owned(), Outcome::Invalid),
        (chat_stream(&[ROLE, HELLO, STOP]) + DONE + "garbage\n\ndata: {garbage\n\n\u{0}", Outcome::Ok),
    ] {
        assert_eq!(chat(&body).1, outcome, "{body}");
    }
}

#[test]
fn a_role_is_no_token_and_an_empty_string_is_one() {
    let empty = r#""delta":{"content":""}"#;
    let (reply, _) = chat(
        &(chat_stream(&[ROLE, empty, HELLO, r#""delta":{"content":"","role":null},"finish_reason":"stop""#])
            + DONE),
    );
    assert_eq!(reply.deltas.len(), 2);
    let (reply, _) = chat(&(chat_stream(&[r#""delta":{"role":"assistant","content":"hi"}"#, STOP]) + DONE));
    assert_eq!(reply.deltas.len(), 1, "a role with text is content");
    let (reply, _) = chat(
        &(chat_stream(&[r#""delta":{"role":null,"content":null,"reasoning_content":null}"#, STOP]) + DONE),
    );
    assert_eq!(reply.deltas.len(), 0);
}

#[test]
fn reasoning_tool_calls_and_refusals_are_content() {
    let body = chat_stream(&[
        ROLE,
        r#""delta":{"reasoning":"hm","reasoning_content":"hm"}"#,
        r#""delta":{"reasoning_content":"so"}"#,
        r#""delta":{"content":"x","reasoning":"y"}"#,
        r#""delta":{"refusal":"no"}"#,
        r#""delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":""}}]}"#,
        r#""delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\":1}"}}]}"#,
        r#""delta":{"content":null,"tool_calls":[]},"finish_reason":"tool_calls""#,
    ]);
    let (reply, outcome) = chat(&(body + DONE));
    use DeltaKind::{Reasoning, Text, ToolCall};
    assert_eq!(kinds(&reply), [Reasoning, Reasoning, Text, Text, ToolCall, ToolCall]);
    assert_eq!(reply.text.as_deref(), Some("hmsoxynof{\"a\":1}"));
    assert_eq!((reply.chars, outcome), (16, Outcome::Ok));
    assert_eq!(reply.finish_reason.as_deref(), Some("tool_calls"));
}

#[test]
fn an_error_under_http_200_is_an_error() {
    for event in [
        r#"data: {"error":{"message":"out of memory","code":500}}"#,
        r#"data: {"error":"out of memory"}"#,
        r#"data: {"object":"error","message":"out of memory","code":500}"#,
        "event: error\ndata: out of memory",
        "event: error\ndata: {\"message\":\"out of memory\"}",
    ] {
        for body in [format!("{event}\n\n"), format!("{}{event}\n\n{DONE}", chat_stream(&[ROLE, HELLO]))] {
            let (reply, outcome) = chat(&body);
            assert_eq!(
                (outcome, reply.error.as_deref()),
                (Outcome::StreamError, Some("out of memory")),
                "{body}"
            );
        }
    }
    let (_, outcome) = chat(r#"{"error":{"message":"a document where a stream was asked for"}}"#);
    assert_eq!(outcome, Outcome::StreamError);
    let (_, outcome) =
        chat(&(chat_stream(&[HELLO, r#""error":null,"delta":{},"finish_reason":"stop""#]) + DONE));
    assert_eq!(outcome, Outcome::Ok);
}

#[test]
fn usage_is_found_wherever_it_comes() {
    let usage = r#""usage":{"prompt_tokens":7,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":6},"completion_tokens_details":{"reasoning_tokens":1}}"#;
    let own = format!("data: {{\"choices\":[],{usage}}}\n\n");
    let in_finish = format!("data: {{\"choices\":[{{\"index\":0,{STOP}}}],{usage}}}\n\n");
    let with_nulls = chat_stream(&[ROLE, HELLO]).replace("]}\n", "],\"usage\":null}\n");
    for body in [
        chat_stream(&[ROLE, HELLO, STOP]) + &own + DONE,
        chat_stream(&[ROLE, HELLO]) + &in_finish,
        with_nulls + &in_finish + DONE,
    ] {
        let (reply, outcome) = chat(&body);
        let usage = reply.usage;
        assert_eq!((usage.input_tokens, usage.output_tokens), (Some(7), Some(3)), "{body}");
        assert_eq!((usage.cached_tokens, usage.reasoning_tokens), (Some(6), Some(1)));
        assert_eq!((usage.source, outcome), (TokenSource::Server, Outcome::Ok));
        assert_eq!(reply.deltas[0].tokens, 0, "a final total says nothing of one chunk");
    }
}

#[test]
fn a_running_total_tells_the_tokens_of_each_chunk() {
    let chunk = |choice: &str, total: u32| {
        format!(
            "data: {{\"choices\":[{{\"index\":0,{choice}}}],\"usage\":{{\"prompt_tokens\":7,\"completion_tokens\":{total}}}}}\n\n"
        )
    };
    let empty = r#""delta":{"content":""}"#;
    let body =
        [chunk(ROLE, 0), chunk(HELLO, 2), chunk(empty, 2), chunk(empty, 3), chunk(HELLO, 7), chunk(STOP, 8)]
            .concat();
    let (reply, _) = chat(&(body + DONE));
    assert_eq!(reply.deltas.iter().map(|delta| delta.tokens).collect::<Vec<_>>(), [2, 1, 4]);
    assert_eq!(reply.usage.output_tokens, Some(8));
    // The whole total in one chunk, after chunks without: it is not that chunk's.
    let (reply, _) = chat(&(chat_stream(&[ROLE, HELLO]) + &chunk(HELLO, 9) + DONE));
    assert_eq!(reply.deltas.iter().map(|delta| delta.tokens).collect::<Vec<_>>(), [0, 0]);
}

#[test]
fn totals_of_several_choices_are_kept_apart() {
    let chunk = |index: u32, total: u32| {
        format!(
            "data: {{\"choices\":[{{\"index\":{index},{HELLO}}}],\"usage\":{{\"completion_tokens\":{total}}}}}\n\n"
        )
    };
    let (reply, outcome) = chat(&[chunk(0, 1), chunk(1, 1), chunk(0, 3), chunk(1, 2)].concat());
    assert_eq!(reply.deltas.iter().map(|delta| delta.tokens).collect::<Vec<_>>(), [1, 1, 2, 1]);
    assert_eq!(outcome, Outcome::Truncated);
    let stop = |index| format!("data: {{\"choices\":[{{\"index\":{index},{STOP}}}]}}\n\n");
    let begun = [chunk(0, 1), chunk(1, 1), stop(0)].concat();
    assert_eq!(chat(&begun).1, Outcome::Truncated, "one of two choices has not ended");
    assert_eq!(chat(&(begun + &stop(1))).1, Outcome::Ok);
}

#[test]
fn log_probabilities_count_tokens_where_nothing_else_does() {
    let content =
        r#""delta":{"content":"ab"},"logprobs":{"content":[{"token":"a","top_logprobs":[]},{"token":"b"}]}"#;
    let (reply, _) = chat(&(chat_stream(&[ROLE, content, STOP]) + DONE));
    assert_eq!((reply.deltas[0].tokens, reply.usage.output_tokens), (2, Some(2)));
    assert_eq!(reply.usage.source, TokenSource::Logprobs);
    let text = r#""text":"abc","logprobs":{"tokens":["a","b","c"],"token_logprobs":[0,0,0]}"#;
    let (reply, _) = decode(Provider::Openai, false, &(chat_stream(&[text]) + DONE));
    assert_eq!((reply.deltas[0].tokens, reply.usage.output_tokens), (3, Some(3)));
}

#[test]
fn documents_have_the_same_fields() {
    let document = r#" {"choices":[{"index":0,"message":{"role":"assistant","content":"a","reasoning_content":"b","tool_calls":null},
        "finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":2},"metrics":{"time_to_first_token_ms":1.5,"generation_time_ms":20}}"#;
    let (reply, outcome) = chat(document);
    assert_eq!((outcome, reply.deltas.len(), reply.events), (Outcome::Ok, 0, 0));
    assert_eq!((reply.text.as_deref(), reply.usage.output_tokens), (Some("ab"), Some(2)));
    assert_eq!(reply.server.first_token, Some(Duration::from_micros(1500)));
    assert_eq!(reply.server.generation, Some(Duration::from_millis(20)));
    for (document, outcome) in [
        (&document[..60], Outcome::Truncated),
        (r#"{"choices":[{"message":{"content":""}}]}"#, Outcome::Empty),
        (
            r#"{"choices":[{"message":{"content":null,"tool_calls":[{"function":{"name":"f"}}]}}]}"#,
            Outcome::Ok,
        ),
        (r#"{"choices":[]}"#, Outcome::Invalid),
        (r#"{"ok":true}"#, Outcome::Invalid),
        (r#"{"choices" []}"#, Outcome::Invalid),
        ("[1]", Outcome::Invalid),
        ("\u{feff}{\"choices\":[{\"text\":\"a\"}]}", Outcome::Ok),
    ] {
        assert_eq!(chat(document).1, outcome, "{document}");
    }
}

#[test]
fn together_wraps_documents() {
    let document = r#"{"status":"finished","output":{"choices":[{"text":"hi","finish_reason":"length"}],"usage":{"completion_tokens":1}}}"#;
    let (reply, outcome) = decode(Provider::Together, false, document);
    assert_eq!(
        (outcome, reply.text.as_deref(), reply.usage.output_tokens),
        (Outcome::Ok, Some("hi"), Some(1))
    );
}

#[test]
fn tgi_ends_with_details_and_without_a_mark() {
    let token = |text: &str, special: bool, rest: &str| {
        format!(
            "data:{{\"index\":1,\"token\":{{\"id\":1,\"text\":\"{text}\",\"logprob\":-1.0,\"special\":{special}}},{rest}}}\n\n"
        )
    };
    let open = r#""generated_text":null,"details":null"#;
    let last = r#""generated_text":"ab","details":{"finish_reason":"eos_token","generated_tokens":3,"input_length":5}"#;
    let begun = token("a", false, open) + ":keep-alive\n\n" + &token("b", false, open);
    let (reply, outcome) = decode(Provider::Tgi, false, &(begun.clone() + &token("</s>", true, last)));
    assert_eq!((outcome, reply.text.as_deref(), reply.deltas.len()), (Outcome::Ok, Some("ab"), 3));
    assert_eq!((reply.usage.output_tokens, reply.usage.input_tokens), (Some(3), Some(5)));
    assert_eq!(reply.finish_reason.as_deref(), Some("eos_token"));
    let (reply, outcome) = decode(Provider::Tgi, false, &begun);
    assert_eq!((outcome, reply.usage.output_tokens), (Outcome::Truncated, Some(2)));
    let failed = begun + "data:{\"error\":\"queue full\",\"error_type\":\"overloaded\"}\n\n";
    assert_eq!(decode(Provider::Tgi, false, &failed).1, Outcome::StreamError);
    let document = r#"{"generated_text":"ab","details":{"finish_reason":"length","generated_tokens":2}}"#;
    let (reply, outcome) = decode(Provider::Tgi, false, document);
    assert_eq!((outcome, reply.usage.output_tokens, reply.chars), (Outcome::Ok, Some(2), 2));
}

#[test]
fn triton_echoes_are_cut_off() {
    let output = |text: &str, shape: &str, open: &str, close: &str| {
        format!(
            "{{\"outputs\":[{{\"name\":\"other\",\"data\":[1]}},{{\"name\":\"text_output\",\"datatype\":\"BYTES\",\"shape\":{shape},\"data\":{open}\"{text}\"{close}}}]}}"
        )
    };
    for (body, text) in [
        (output("<s> bako dine alpha", "[1]", "[", "]"), "alpha"),
        (output("<s>bako dinealpha", "[1,1]", "[[", "]]"), "alpha"),
        (output("bako dine alpha", "[1]", "[", "]"), "alpha"),
        (output("alpha", "[1]", "[", "]"), "alpha"),
        (output("<s> alpha", "[1]", "[", "]"), "<s> alpha"),
    ] {
        let (reply, outcome) = decode(Provider::TritonInfer, false, &body);
        assert_eq!((outcome, reply.text.as_deref()), (Outcome::Ok, Some(text)), "{body}");
    }
    assert_eq!(decode(Provider::TritonInfer, false, &output("bako dine", "[1]", "[", "]")).1, Outcome::Empty);
    assert_eq!(decode(Provider::TritonInfer, false, r#"{"outputs":[]}"#).1, Outcome::Invalid);
    assert_eq!(decode(Provider::TritonInfer, false, r#"{"error":"no"}"#).1, Outcome::StreamError);
}

#[test]
fn stamps_of_the_embedded_server_are_the_first_and_last_with_content() {
    let protocol = build(&spec(Provider::Openai, true, true)).unwrap();
    let mut decoder = protocol.decoder(&request("x", 6));
    let mut reply = Reply::default();
    let at = |nanos| Offset::from_nanos(nanos);
    for (nanos, choice) in [(1_000, ROLE), (2_000, HELLO), (3_000, HELLO), (4_000, STOP)] {
        let event = format!(
            "data: {{\"system_fingerprint\":\"plimsoll:{nanos}\",\"choices\":[{{\"index\":0,{choice}}}]}}\n\n"
        );
        decoder.feed(event.as_bytes(), at(0), &mut reply).unwrap();
    }
    let stamps = reply.stamps.unwrap();
    assert_eq!((stamps.first_token, stamps.last_token), (Some(at(2_000)), Some(at(3_000))));

    let (reply, _) =
        chat(&chat_stream(&[HELLO]).replace("{\"choices", "{\"system_fingerprint\":\"fp_17\",\"choices"));
    assert_eq!(reply.stamps, None);
}

#[test]
fn events_of_one_read_share_their_arrival_and_are_counted() {
    let (one, two) = (chat_stream(&[HELLO]), chat_stream(&[HELLO, HELLO]));
    let reads: Vec<&[u8]> = vec![one.as_bytes(), two.as_bytes(), DONE.as_bytes()];
    let (reply, _) = decode_reads(Provider::Openai, true, true, &reads);
    let at: Vec<u64> = reply.deltas.iter().map(|delta| delta.at.as_nanos()).collect();
    assert_eq!((at, reply.events, reply.coalesced_events), (vec![0, 1, 1], 3, 1));
}

#[test]
fn text_is_kept_only_on_demand() {
    let mut spec = spec(Provider::Openai, true, true);
    spec.api.keep_text = false;
    let mut decoder = build(&spec).unwrap().decoder(&request("x", 6));
    let mut reply = Reply::default();
    decoder
        .feed(chat_stream(&[r#""delta":{"content":"gr\u00fc\n🙂"}"#]).as_bytes(), Offset::ZERO, &mut reply)
        .unwrap();
    assert_eq!((reply.text, reply.chars), (None, 5));
}

proptest! {
    /// Whatever a server sends, reading it neither panics nor takes it for a good answer.
    #[test]
    fn garbage_is_survived(bytes in prop::collection::vec(any::<u8>(), 0..300), provider in prop::sample::select(Provider::ALL.to_vec())) {
        let (_, outcome) = decode_reads(provider, false, false, &[&bytes]);
        // TorchServe's handlers answer with whatever they like, and so does any REST API.
        let any_bytes = matches!(provider, Provider::Torchserve | Provider::Http);
        prop_assert!(outcome != Outcome::Ok || any_bytes);
    }

    /// A chunk read by the scan and by `serde_json` carries the same.
    #[test]
    fn a_chunk_is_read_as_serde_reads_it(
        content in prop::option::of(".{0,12}"),
        reasoning in prop::option::of(prop::sample::select(vec!["\"usage\":{\"completion_tokens\":99}", "\\\"}]}", "", "🙂"])),
        finish in prop::option::of("stop|length"),
        usage in prop::option::of(0..1000u32),
        role in any::<bool>(),
    ) {
        let mut chunk = serde_json::json!({"id": "\"choices\":[", "choices": [{"index": 0, "delta": {"content": content, "reasoning": reasoning}, "finish_reason": finish}], "usage": null});
        if role {
            chunk["choices"][0]["delta"]["role"] = "assistant".into();
        }
        if let Some(tokens) = usage {
            chunk["usage"] = serde_json::json!({"completion_tokens": tokens});
        }
        let (reply, _) = decode_reads(Provider::Openai, true, true, &[format!("data: {chunk}\n\n").as_bytes()]);
        let delta = &chunk["choices"][0]["delta"];
        let said = |name: &str| delta[name].as_str().unwrap_or("").to_owned();
        let chars = said("content").chars().count() + said("reasoning").chars().count();
        let blank = content.as_deref() == Some("") && !role && finish.is_none();
        let counted = usage != Some(0);
        prop_assert_eq!(reply.deltas.len(), usize::from(chars > 0 || (blank && counted)));
        prop_assert_eq!(reply.chars as usize, chars);
        prop_assert_eq!(reply.usage.output_tokens, usage);
        prop_assert_eq!(reply.finish_reason, finish);
        if let Some(first) = reply.deltas.first() {
            prop_assert_eq!(first.tokens, usage.unwrap_or(0));
            prop_assert_eq!(first.kind == DeltaKind::Reasoning, said("content").is_empty() && !said("reasoning").is_empty());
        }
    }
}

proptest! {
    /// Events alike are not read anew. Other white space in each makes them unlike, and must not change what they say.
    #[test]
    fn events_alike_say_what_they_would_say_alone(
        events in prop::collection::vec((0..9_usize, prop::sample::select(vec!["a", "two words", "", "é🙂", r"\n", r#"\"x\""#])), 1..40),
    ) {
        let stream = |gap: fn(usize) -> usize| -> String {
            let event = |(index, (form, text)): (usize, &(usize, &str))| {
                let gap = " ".repeat(gap(index));
                let choices = match form {
                    0..3 => format!(r#""index":0,"delta":{{"content":"{text}"}},"logprobs":null"#),
                    3 => format!(r#""index":1,"delta":{{"content":"{text}"}}"#),
                    4 => format!(r#""index":0,"delta":{{"reasoning_content":"{text}"}}"#),
                    5 => format!(r#""index":0,"delta":{{"role":"assistant","content":"{text}"}}"#),
                    6 => format!(r#""index":0,"delta":{{"content":"{text}"}},"finish_reason":"stop""#),
                    7 => format!(r#""index":0,"delta":{{"content":"{text}","reasoning":"{text}"}}"#),
                    _ => format!(r#""index":0,"text":"{text}""#),
                };
                let usage = if index % 11 == 10 { r#","usage":{"completion_tokens":7}"# } else { "" };
                format!("data: {{\"system_fingerprint\":\"plimsoll:{index}\",{gap}\"choices\":[{{{choices}}}]{usage}}}\n\n")
            };
            events.iter().enumerate().map(event).collect()
        };
        let read = |body: String| {
            let (mut reply, outcome) = decode_reads(Provider::Openai, true, true, &[body.as_bytes(), DONE.as_bytes()]);
            reply.text.get_or_insert_default();
            format!("{outcome:?} {reply:?}")
        };
        prop_assert_eq!(read(stream(|_| 0)), read(stream(|index| index + 1)));
    }
}
