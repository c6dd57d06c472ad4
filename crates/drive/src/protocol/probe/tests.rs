//! Answers recorded from real servers (`scripts/servers/record_transcripts.py probe`), and as sources tell them.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::*;

#[derive(Clone, Deserialize)]
struct Recorded {
    status: u16,
    body: String,
}

/// What a server answers, by `METHOD /path`. Elsewhere it has nothing.
type Server = BTreeMap<String, Recorded>;

fn recorded(name: &str) -> Server {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/probe").join(format!("{name}.json"));
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

fn made(answers: &[(&str, &str)]) -> Server {
    let answer = |(path, body): &(&str, &str)| {
        let question = Question::ALL.into_iter().find(|question| question.path() == *path).unwrap();
        (format!("{} {path}", question.method()), Recorded { status: 200, body: (*body).to_owned() })
    };
    answers.iter().map(answer).collect()
}

/// Plays a probe against a server: what came of it, and what was asked.
fn play(server: &Server, wanted: Option<&str>) -> (Step, Vec<&'static str>) {
    let mut probe = Probe::new("127.0.0.1", wanted);
    let mut asked = Vec::new();
    loop {
        match probe.next() {
            Step::Ask(question) => {
                asked.push(question.path());
                assert!(asked.len() <= Question::ALL.len(), "{asked:?}");
                let nothing = || Recorded { status: 404, body: r#"{"error":"Not Found"}"#.to_owned() };
                let answer = server.get(&format!("{} {}", question.method(), question.path()));
                let Recorded { status, body } = answer.cloned().unwrap_or_else(nothing);
                probe.heard(question, Ok(Answer { status, body: body.into_bytes() }));
            }
            done => return (done, asked),
        }
    }
}

fn found(server: &Server, wanted: Option<&str>) -> (Found, Vec<&'static str>) {
    match play(server, wanted) {
        (Step::Found(found), asked) => (found, asked),
        (other, asked) => panic!("{other:?} after {asked:?}"),
    }
}

/// `NAME VERSION (PROVIDER): MODELS`.
fn in_words(found: &Found) -> String {
    let version = found.version.as_deref().unwrap_or("-");
    format!("{} {version} ({}): {}", found.name, found.provider.name(), found.models.join(" "))
}

#[test]
fn real_servers_are_recognised_with_few_questions() {
    for (name, expected, questions) in [
        ("llamacpp", "llama.cpp - (llama.cpp): tiny", &["/v1/models", "/props"][..]),
        ("kserve", "KServe 0.21.0 (kserve): tiny", &["/v1/models", "/v2", "/v2/models"]),
        (
            "triton",
            "Triton 2.51.0 (triton): batched ensemble ensemble_stream refusing typed",
            &["/v1/models", "/v2", "/v2/repository/index"],
        ),
        ("mlserver", "MLServer 1.7.1 (mlserver): tiny", &["/v1/models", "/v2", "/v2/repository/index"]),
        (
            "transformers",
            "transformers - (transformers): tiny",
            &["/v1/models", "/openapi.json", "/v1/chat/completions"],
        ),
        (
            "torchserve",
            "TorchServe 0.12.0 (torchserve): ",
            &["/v1/models", "/v2", "/info", "/ping", "/api-description"],
        ),
    ] {
        let (found, asked) = found(&recorded(name), None);
        assert_eq!((in_words(&found).as_str(), asked.as_slice()), (expected, questions), "{name}");
        assert_eq!(found.note, None, "{name}");
    }
}

/// Of these there are the sources only; the table says which.
#[test]
fn servers_are_recognised_as_their_sources_have_them() {
    let list = |owner: &str| {
        format!(
            r#"{{"object":"list","data":[{{"id":"a/m","object":"model","created":0,"owned_by":"{owner}"}}]}}"#
        )
    };
    let info =
        r#"{"model_id":"a/m","max_concurrent_requests":128,"max_total_tokens":4096,"version":"3.3.4"}"#;
    let (openai, vllm, sglang, own) = (list("openai"), list("vllm"), list("sglang"), list("a/m"));
    for (answers, expected) in [
        (
            vec![("/v1/models", vllm.as_str()), ("/version", r#"{"version":"0.29.0"}"#)],
            "vLLM 0.29.0 (vllm): a/m",
        ),
        (
            vec![("/v1/models", &sglang), ("/server_info", r#"{"version":"0.5.10","tp_size":1}"#)],
            "SGLang 0.5.10 (sglang): a/m",
        ),
        (vec![("/v1/models", &sglang)], "SGLang - (sglang): a/m"),
        (vec![("/v1/models", &own), ("/info", info)], "text-generation-inference 3.3.4 (tgi): a/m"),
        (vec![("/info", info)], "text-generation-inference 3.3.4 (tgi): a/m"),
        (vec![("/v1/models", &openai), ("/health/liveliness", r#""I'm alive!""#)], "LiteLLM - (openai): a/m"),
        (vec![("/v1/models", &openai)], "a server with OpenAI's API - (openai): a/m"),
        (vec![("/v1/models", r#"{"models":["m"]}"#)], "KServe (V1) - (kserve-v1): m"),
        (
            vec![
                ("/v2", r#"{"name":"OpenVINO Model Server","version":"2026.1","extensions":[]}"#),
                ("/v2/models", r#"{"models":["m"]}"#),
            ],
            "a server of the Open Inference Protocol 2026.1 (kserve): m",
        ),
    ] {
        let (found, _) = found(&made(&answers), None);
        assert_eq!((in_words(&found).as_str(), &found.note), (expected, &None), "{answers:?}");
    }
    // Nobody knows this owner: the API is taken for OpenAI's, and the user is told.
    let (stranger, _) = found(&made(&[("/v1/models", &list("acme"))]), None);
    assert_eq!(stranger.provider, Provider::Openai);
    assert!(stranger.note.unwrap().contains("acme"));
}

#[test]
fn the_model_that_is_wanted_tells_more_than_the_first() {
    let gateway = r#"{"data":[{"id":"a","owned_by":"openai"},{"id":"b","owned_by":"vllm"}]}"#;
    let server = made(&[("/v1/models", gateway)]);
    assert_eq!(found(&server, None).0.provider, Provider::Openai);
    assert_eq!(found(&server, Some("b")).0.provider, Provider::Vllm);
    assert_eq!(found(&server, Some("c")).0.provider, Provider::Openai);
}

#[test]
fn what_nobody_knows_is_reported_with_all_that_was_asked() {
    let (step, asked) = play(&made(&[("/openapi.json", r#"{"paths":{"/predict":{}}}"#)]), None);
    assert_eq!((step, asked), (Step::Unknown, vec!["/v1/models", "/v2", "/info", "/ping"]));
    let mut probe = Probe::new("h", None);
    let refused = Answer { status: 401, body: br#"{"error":{"message":"who are you"}}"#.to_vec() };
    probe.heard(Question::Models, Ok(refused));
    probe.heard(Question::MetadataV2, Err("none within 5s".to_owned()));
    assert_eq!(probe.report(), "\n  GET /v1/models: 401 who are you\n  GET /v2: none within 5s");
    assert_eq!((probe.refuses_strangers(), probe.silences()), (true, 1));
}

#[test]
fn no_answer_at_all_is_unknown() {
    let mut probe = Probe::new("h", None);
    while let Step::Ask(question) = probe.next() {
        probe.heard(question, Err("closed".to_owned()));
    }
    assert_eq!(probe.next(), Step::Unknown);
}
