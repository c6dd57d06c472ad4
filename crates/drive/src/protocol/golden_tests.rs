//! Answers recorded from real servers (`scripts/servers/record_transcripts.py`), and what is understood of them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use plimsoll_core::spec::{Family, Interface, Provider};
use plimsoll_core::time::Offset;
use serde_json::Value;

use super::probe::{MODELS_PATH, guess_provider, parse_models};
use super::test_spec::{request, spec};
use super::{Ended, Protocol, Reply, build, error_excerpt, judge, outcome_of_status, v2_metadata};

/// One question and its answer.
struct Transcript {
    name: String,
    path: String,
    asked: Value,
    status: u16,
    answer: Vec<u8>,
}

fn transcripts(server: &str) -> Vec<Transcript> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(server);
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let read = |file: &Path| {
        let name = file.file_name()?.to_str()?.strip_suffix(".request.json")?.to_owned();
        let request: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        let answer = |extension| std::fs::read(file.with_file_name(format!("{name}.{extension}")));
        Some(Transcript {
            path: request["path"].as_str()?.to_owned(),
            asked: request["body"].clone(),
            status: request["status"].as_u64()?.try_into().ok()?,
            answer: answer("sse").or_else(|_| answer("json")).unwrap(),
            name,
        })
    };
    files.iter().filter_map(|file| read(file)).collect()
}

fn protocol(transcript: &Transcript) -> std::sync::Arc<dyn Protocol> {
    let stream = transcript.asked["stream"].as_bool().unwrap_or(false);
    let provider = match transcript.path.as_str() {
        path if path.starts_with("/predictions/") => Provider::Torchserve,
        path if path.ends_with(":predict") => Provider::KserveV1,
        path if path.contains("/tiny/infer") => Provider::Kserve,
        path if path.ends_with("/infer") => Provider::TritonInfer,
        path if path.contains("/generate") => Provider::TritonGenerate,
        _ => Provider::Openai,
    };
    let mut spec = spec(provider, transcript.path.contains("/chat/"), stream);
    let places = [
        ("/v1/responses", Interface::Responses),
        ("/v1/messages", Interface::Messages),
        ("/v1/embeddings", Interface::Embeddings),
        ("/v1/rerank", Interface::Rerank),
    ];
    if let Some((_, interface)) = places.into_iter().find(|(path, _)| *path == transcript.path) {
        spec.api.interface = interface;
        ask_of_family(&mut spec.api.family, &transcript.asked);
        return build(&spec).unwrap();
    }
    if let Some(model) = transcript.path.strip_prefix("/v2/models/").and_then(|rest| rest.split('/').next()) {
        spec.target.model = model.to_owned();
        spec.api.temperature = 1.0;
    }
    if let Some(model) = transcript.asked["model"].as_str() {
        spec.target.model = model.to_owned();
    }
    spec.api.logprobs =
        ["top_logprobs", "logprobs"].iter().find_map(|name| transcript.asked[name].as_u64()?.try_into().ok());
    spec.api.n = transcript.asked["n"].as_u64().map_or(1, |n| n.try_into().unwrap());
    build(&spec).unwrap()
}

fn ask_of_family(family: &mut Family, asked: &Value) {
    let length = |name: &str| asked[name].as_array().map(|list| list.len() as u32);
    family.inputs = length("input").unwrap_or(1);
    family.rerank.documents = length("documents").unwrap_or(1);
    family.rerank.query = asked["query"].as_str().unwrap_or_default().to_owned();
    family.rerank.top_n = asked["top_n"].as_u64().map(|n| n.try_into().unwrap());
}

/// The prompt and the tokens asked for, wherever the API has them.
fn asked(body: &Value) -> Option<(&str, u32)> {
    let places = [
        ("/messages/0/content", "/max_tokens"),
        ("/prompt", "/max_tokens"),
        ("/text_input", "/max_tokens"),
        ("/input", "/max_output_tokens"),
        ("/inputs/0/data/0/0", "/inputs/1/data/0/0"),
    ];
    places.into_iter().find_map(|(prompt, tokens)| {
        let tokens = body.pointer(tokens)?.as_u64()?.try_into().ok()?;
        Some((body.pointer(prompt)?.as_str()?, tokens))
    })
}

fn decode(transcript: &Transcript, read: usize) -> (Reply, Ended) {
    let (prompt, tokens) = asked(&transcript.asked).unwrap_or_default();
    let mut decoder = protocol(transcript).decoder(&request(prompt, tokens));
    let mut reply = Reply::default();
    let at = Offset::from_nanos(1);
    let reads = transcript.answer.chunks(read.max(1));
    let fed = reads.into_iter().try_for_each(|bytes| decoder.feed(bytes, at, &mut reply));
    match fed.and_then(|()| decoder.finish(at, &mut reply)) {
        Ok(()) => (reply, Ended::Whole),
        Err(malformed) => (reply, Ended::Malformed(malformed)),
    }
}

fn describe(transcript: &Transcript) -> String {
    if transcript.status != 200 {
        let outcome = outcome_of_status(transcript.status).name();
        return format!("{} {outcome}: {}", transcript.status, error_excerpt(&transcript.answer));
    }
    if transcript.path == MODELS_PATH {
        let models = parse_models(&transcript.answer).unwrap();
        return format!("{models:?} {:?}", guess_provider("127.0.0.1", &models));
    }
    if transcript.path == "/v2/models/tiny" {
        return format!("{:?}", v2_metadata::parse_inputs(&transcript.answer).unwrap());
    }
    let (whole, ended) = decode(transcript, transcript.answer.len());
    for read in [1, 7, 64, 1500] {
        let (mut cut, cut_ended) = decode(transcript, read);
        cut.coalesced_events = whole.coalesced_events;
        assert_eq!(
            (format!("{cut:?}"), cut_ended),
            (format!("{whole:?}"), ended.clone()),
            "reads of {read} bytes"
        );
    }
    let (outcome, error) = judge(&whole, ended);
    let tokens: Vec<u32> = whole.deltas.iter().map(|delta| delta.tokens).collect();
    let mut text = format!("{} {}", outcome.name(), error.unwrap_or_default());
    let Reply { usage, finish_reason, events, coalesced_events, chars, text: said, server, complete, .. } =
        &whole;
    let finish_reason = finish_reason.as_deref().unwrap_or("none");
    let _ = write!(
        text,
        "\n  {events} events, {coalesced_events} coalesced, complete: {complete}, finish: {finish_reason}"
    );
    let _ = write!(text, "\n  {} deltas, tokens {tokens:?}, {chars} chars {said:?}", whole.deltas.len());
    let _ = write!(text, "\n  {usage:?}\n  {server:?}");
    text
}

fn snapshot(server: &str) -> String {
    let transcripts = transcripts(server);
    assert!(transcripts.len() > 5, "the transcripts are missing");
    transcripts.iter().map(|transcript| format!("{}: {}\n", transcript.name, describe(transcript))).collect()
}

#[test]
fn answers_of_llamacpp_are_understood() {
    insta::assert_snapshot!(snapshot("llamacpp"));
}

#[test]
fn answers_of_kserve_are_understood() {
    insta::assert_snapshot!(snapshot("kserve"));
}

#[test]
fn answers_of_mlserver_are_understood() {
    insta::assert_snapshot!(snapshot("mlserver"));
}

#[test]
fn answers_of_torchserve_are_understood() {
    insta::assert_snapshot!(snapshot("torchserve"));
}

#[test]
fn answers_of_transformers_are_understood() {
    insta::assert_snapshot!(snapshot("transformers"));
}

#[test]
fn answers_of_triton_are_understood() {
    insta::assert_snapshot!(snapshot("triton"));
}

/// What the real servers accepted is what is sent.
#[test]
fn the_recorded_questions_are_ours() {
    let mut compared = 0;
    for transcript in ["llamacpp", "transformers", "triton"].into_iter().flat_map(transcripts) {
        let Some((prompt, tokens)) = asked(&transcript.asked) else {
            continue;
        };
        if ["unknown_field", "chat_stream_without_usage"].contains(&transcript.name.as_str()) {
            continue; // deliberately different
        }
        let body = protocol(&transcript).encode(&request(prompt, tokens)).body;
        let sent: Value = serde_json::from_slice(&body.concat()).unwrap();
        assert_eq!(sent, transcript.asked, "{}", transcript.name);
        assert_eq!(protocol(&transcript).route().path, transcript.path, "{}", transcript.name);
        compared += 1;
    }
    assert!(compared > 20, "only {compared} questions were compared");
}
