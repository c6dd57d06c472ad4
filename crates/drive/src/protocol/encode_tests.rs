//! The bodies that are sent.

use std::sync::Arc;

use bytes::Bytes;
use plimsoll_core::record::RequestId;
use plimsoll_core::spec::{Interface, Provider, RunSpec};
use plimsoll_core::workload::RequestSpec;
use serde_json::json;

use super::test_spec::{line, request, spec};
use super::{ProtocolError, build, supports};

fn body(spec: &RunSpec, request: &RequestSpec) -> String {
    let body = build(spec).unwrap().encode(request).body;
    let text = String::from_utf8(body.concat()).unwrap();
    assert_eq!(body.len(), text.len());
    serde_json::from_str::<serde_json::Value>(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    text
}

#[test]
fn chat_asks_in_the_order_of_the_api() {
    let spec = spec(Provider::Vllm, true, true);
    assert_eq!(
        body(&spec, &request("say \"hi\"\n", 6)),
        r#"{"model":"tiny","messages":[{"role":"user","content":"say \"hi\"\n"}],"max_tokens":6,"stream":true,"stream_options":{"include_usage":true},"temperature":0.0}"#
    );
}

#[test]
fn options_become_members() {
    let mut full = spec(Provider::Vllm, true, true);
    full.api.temperature = 0.5;
    full.api.n = 2;
    full.api.top_k = Some(40);
    full.api.logprobs = Some(3);
    full.api.reasoning_effort = Some("low".to_owned());
    full.api.ignore_eos = true;
    let asked = r#"{"model":"tiny","messages":[{"role":"user","content":"x"}],"max_tokens":6,"stream":true,"stream_options":{"include_usage":true},"temperature":0.5,"n":2,"top_k":40,"#;
    let rest = r#""reasoning_effort":"low","ignore_eos":true}"#;
    assert_eq!(body(&full, &request("x", 6)), format!(r#"{asked}"logprobs":true,"top_logprobs":3,{rest}"#));

    full.api.interface = Interface::Completions;
    full.api.stream = false;
    assert_eq!(
        body(&full, &request("x", 6)),
        format!(
            r#"{{"model":"tiny","prompt":"x","max_tokens":6,"stream":false,"temperature":0.5,"n":2,"top_k":40,"logprobs":3,{rest}"#
        )
    );
}

#[test]
fn ignore_eos_goes_only_where_it_is_known_and_harmless() {
    for (provider, sent) in [
        (Provider::Vllm, true),
        (Provider::Sglang, true),
        (Provider::Openai, false),
        (Provider::Fireworks, false),
    ] {
        let mut spec = spec(provider, true, true);
        spec.api.ignore_eos = true;
        let has = |spec: &RunSpec, request: &RequestSpec| body(spec, request).contains("ignore_eos");
        assert_eq!(has(&spec, &request("x", 6)), sent, "{provider:?}");
        assert_eq!(has(&spec, &line(r#"{"messages":[]}"#)), sent, "{provider:?}");
        assert!(!has(&spec, &line(r#"{"messages":[],"response_format":{"type":"json_object"}}"#)));
        spec.api.extra_body = json!({"tool_choice": "required"}).as_object().cloned();
        assert!(!has(&spec, &request("x", 6)));
    }
}

#[test]
fn fireworks_has_members_of_its_own() {
    let mut spec = spec(Provider::Fireworks, false, false);
    spec.api.logprobs = Some(2);
    spec.api.force_min_tokens = true;
    spec.api.prompt_cache_max_len = 7;
    spec.api.acceptance_probs_override = Some(vec![0.5, 0.25]);
    spec.api.forced_generation = Arc::from(["a\"".to_owned(), "b".to_owned()]);
    let asked = |id| body(&spec, &RequestSpec { id: RequestId(id), ..request("x", 6) });
    let expected = |forced: &str| {
        let start = r#"{"model":"tiny","prompt":"x","max_tokens":6,"stream":false,"temperature":0.0,"logprobs":2,"min_tokens":6,"#;
        let own = r#""perf_metrics_in_response":true,"prompt_cache_max_len":7,"acceptance_probs_override":[0.5,0.25],"#;
        format!(r#"{start}{own}"forced_generation":{forced}}}"#)
    };
    assert_eq!(
        [asked(0), asked(1), asked(2)],
        [expected(r#""a\"""#), expected(r#""b""#), expected(r#""a\"""#)]
    );
}

#[test]
fn members_of_the_data_set_take_precedence_and_are_shared() {
    let mut spec = spec(Provider::Openai, true, true);
    spec.api.extra_body = json!({"top_p": 0.9, "seed": 1, "temperature": 0.7}).as_object().cloned();
    let asked = line(r#"{"messages":[{"role":"system","content":"x"}],"seed":2,"max_completion_tokens":9}"#);
    assert_eq!(
        body(&spec, &asked),
        r#"{"model":"tiny","stream":true,"stream_options":{"include_usage":true},"top_p":0.9,"temperature":0.7,"messages":[{"role":"system","content":"x"}],"seed":2,"max_completion_tokens":9}"#
    );
    let sent = build(&spec).unwrap().encode(&asked).body;
    let plimsoll_core::workload::Prompt::Members(members) = &asked.prompt else { unreachable!() };
    assert!(sent.pieces.iter().any(|piece| piece.as_ptr() == members.json.as_ptr()), "the line was copied");
}

#[test]
fn usage_is_asked_for_when_the_line_streams() {
    for (stream, object, asked) in [
        (true, r#"{"messages":[],"stream":false}"#, false),
        (false, r#"{"messages":[],"stream":true}"#, true),
        (false, r#"{"messages":[{"content":"\"stream\": true"}]}"#, false),
        (true, r#"{}"#, true),
    ] {
        let sent = body(&spec(Provider::Openai, true, stream), &line(object));
        assert_eq!(sent.contains("include_usage"), asked, "{sent}");
    }
}

#[test]
fn a_last_answer_is_dropped_on_demand() {
    let mut spec = spec(Provider::Openai, true, false);
    spec.api.clear_assistant = true;
    let user = r#"{"role":"user","content":"[}\""}"#;
    let answer = r#"{"content":"a","role":"assistant"}"#;
    for (messages, expected) in [
        (format!("[{user},{answer}]"), format!("[{user}]")),
        (format!("[{user} , {answer} ]"), format!("[{user} ]")),
        (format!("[{answer},{user}]"), format!("[{answer},{user}]")),
        (format!("[{answer}]"), "[]".to_owned()),
        ("[]".to_owned(), "[]".to_owned()),
    ] {
        let sent = body(&spec, &line(&format!(r#"{{"top_p":1,"messages":{messages},"seed":1}}"#)));
        assert!(sent.ends_with(&format!(r#""top_p":1,"messages":{expected},"seed":1}}"#)), "{sent}");
    }
}

#[test]
fn images_are_content_parts_and_never_copied() {
    let images: Arc<[Bytes]> =
        Arc::from([Bytes::from_static(b"data:image/jpeg;base64,AA=="), Bytes::from_static(b"data:,")]);
    let asked = RequestSpec { images: images.clone(), ..request("look", 6) };
    let spec = spec(Provider::Openai, true, false);
    let part = |url: &str| format!(r#"{{"type":"image_url","image_url":{{"url":"{url}"}}}}"#);
    let content = format!(
        r#"[{{"type":"text","text":"look"}},{},{}]"#,
        part("data:image/jpeg;base64,AA=="),
        part("data:,")
    );
    assert!(body(&spec, &asked).contains(&format!(r#""content":{content}"#)), "{}", body(&spec, &asked));
    let sent = build(&spec).unwrap().encode(&asked).body;
    for image in images.iter() {
        assert!(sent.pieces.iter().any(|piece| piece.as_ptr() == image.as_ptr()), "an image was copied");
    }
}

#[test]
fn other_providers_ask_in_their_own_words() {
    for (provider, stream, path, expected) in [
        (
            Provider::TritonInfer,
            false,
            "/v2/models/ensemble/infer",
            r#"{"inputs":[{"name":"text_input","datatype":"BYTES","shape":[1,1],"data":[["x"]]},{"name":"max_tokens","datatype":"UINT32","shape":[1,1],"data":[[6]]},{"name":"bad_words","datatype":"BYTES","shape":[1,1],"data":[[""]]},{"name":"stop_words","datatype":"BYTES","shape":[1,1],"data":[[""]]},{"name":"temperature","datatype":"FP32","shape":[1,1],"data":[[0.0]]}]}"#,
        ),
        (
            Provider::TritonGenerate,
            true,
            "/v2/models/ensemble/generate_stream",
            r#"{"text_input":"x","max_tokens":6,"stream":true,"temperature":0.0,"bad_words":"","stop_words":""}"#,
        ),
        (
            Provider::Tgi,
            true,
            "/generate_stream",
            r#"{"inputs":"x","parameters":{"max_new_tokens":6,"temperature":0.0,"details":true}}"#,
        ),
        (
            Provider::Together,
            true,
            "/",
            r#"{"model":"tiny","prompt":"x","max_tokens":6,"stream_tokens":true,"temperature":0.0}"#,
        ),
    ] {
        let spec = spec(provider, false, stream);
        assert_eq!(build(&spec).unwrap().route().path, path);
        assert_eq!(body(&spec, &request("x", 6)), expected);
    }
    let mut own = spec(Provider::Openai, true, true);
    own.target.endpoint = Some("/v3/chat".to_owned());
    assert_eq!(build(&own).unwrap().route().path, "/v3/chat");
}

#[test]
fn what_a_provider_lacks_is_refused_clearly() {
    type Change = fn(&mut RunSpec);
    let cases: [(Provider, Change, &str); 10] = [
        (
            Provider::TritonInfer,
            |spec| spec.api.stream = true,
            "triton-infer does not stream: leave out --stream, or use --provider triton-generate",
        ),
        (
            Provider::TritonGenerate,
            |spec| spec.api.interface = Interface::Chat,
            "triton-generate has no interface `chat`: use --api generate, or leave it out",
        ),
        (
            Provider::Tgi,
            |spec| spec.api.interface = Interface::Completions,
            "tgi has no interface `completions`: use --api generate, or leave it out",
        ),
        (
            Provider::Together,
            |spec| spec.api.interface = Interface::Chat,
            "together has no interface `chat`: use --api completions or embeddings or rerank or transcriptions or images, or leave it out",
        ),
        (Provider::Tgi, |spec| spec.api.n = 2, "tgi generates one sequence per request: leave out -n"),
        (
            Provider::TritonInfer,
            |spec| spec.api.logprobs = Some(1),
            "triton-infer has no log probabilities: leave out --logprobs",
        ),
        (
            Provider::TritonInfer,
            |spec| spec.api.top_k = Some(1),
            "triton-infer has no top-k sampling: leave out --top-k",
        ),
        (
            Provider::Openai,
            |spec| spec.workload.images = vec![(1, 1)],
            "openai takes images in chats only: add --chat, or leave out --prompt-images-with-resolutions",
        ),
        (
            Provider::Vllm,
            |spec| spec.api.force_min_tokens = true,
            "--force-min-tokens exists at Fireworks only, and the provider is vllm: leave it out, or add --provider fireworks",
        ),
        (
            Provider::Openai,
            |spec| spec.api.forced_generation = Arc::from(["x".to_owned()]),
            "--forced-generation-file exists at Fireworks only, and the provider is openai: leave it out, or add --provider fireworks",
        ),
    ];
    for (provider, change, expected) in cases {
        let mut spec = spec(provider, false, false);
        assert!(build(&spec).is_ok());
        change(&mut spec);
        assert_eq!(
            build(&spec).err().map(|error: ProtocolError| error.to_string()).as_deref(),
            Some(expected)
        );
    }
}

#[test]
fn what_is_supported_can_be_built() {
    for provider in Provider::ALL {
        let can = supports(provider);
        for interface in Interface::ALL {
            for stream in [false, true] {
                let mut spec = spec(provider, false, stream);
                spec.api.interface = interface;
                let streams = can.stream && interface.streams();
                let expected = can.interfaces.contains(&interface) && (streams || !stream);
                assert_eq!(build(&spec).is_ok(), expected, "{provider:?} {interface:?}");
            }
        }
    }
}
