//! Servers that nobody named: what they are found to be, and what is said where they are not known.

use std::sync::{Arc, Mutex};

use plimsoll_core::record::Outcome;

use crate::program::{Place, count};
use crate::servers::{Sim, answering, answering_on, neighbours, response};

const JSON: &str = "application/json";

#[test]
fn every_flavour_of_the_simulated_server_is_recognised() {
    for (flavour, found) in [
        ("vllm", "found vLLM serving sim; asking chat, streaming"),
        ("sglang", "found SGLang serving sim; asking chat, streaming"),
        ("tgi", "found text-generation-inference 0.1.0 serving sim; asking generate, streaming"),
        ("triton", "found Triton 0.1.0 serving sim; asking infer, not streaming"),
        ("kserve", "found KServe 0.1.0 serving sim; asking infer, not streaming"),
        ("torchserve", "found TorchServe serving sim; asking predict, not streaming"),
        ("openai", "found a server with OpenAI's API serving sim; asking chat, streaming"),
    ] {
        let sim = Sim::start(&format!("?ttft=1ms&itl=1ms&flavour={flavour}"));
        let place = Place::new();
        let ended = place.line(&format!("run -H {} -u 4 -r 100000 --max-requests 12", sim.url));
        assert_eq!(ended.stderr.lines().next(), Some(found), "{flavour}: {ended:?}");
        let records = place.records();
        assert_eq!((records.len(), count(&records, Outcome::Ok)), (12, 12), "{flavour}: {ended:?}");
    }
}

#[test]
fn the_embedded_server_needs_no_introduction() {
    let ended = Place::new().line("run sim://resnet50-t4 -u 2 --max-requests 2");
    assert!(
        !ended.stderr.contains("found") && ended.stderr.contains("(triton, model resnet50)"),
        "{ended:?}"
    );
}

/// What a server answers that knows these paths and no other.
fn answer(known: &[(&str, &str)], path: &str) -> String {
    match known.iter().find(|(own, _)| *own == path) {
        Some((_, body)) => response("200 OK", JSON, body),
        None => response("404 Not Found", JSON, r#"{"detail":"Not Found"}"#),
    }
}

/// Such a server, and the paths that it was asked for.
fn knowing(known: &'static [(&'static str, &'static str)]) -> (String, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let own = asked.clone();
    let url = answering(move |head| {
        let path = head.split(' ').nth(1).unwrap_or("");
        own.lock().unwrap().push(path.to_owned());
        answer(known, path)
    });
    (url, asked)
}

/// Such servers on two ports, one after the other; the URL of the first.
fn neighbours_knowing(known: [&'static [(&'static str, &'static str)]; 2]) -> String {
    let (first, next) = neighbours();
    let serve = |listener, known| {
        answering_on(listener, move |head, _| answer(known, head.split(' ').nth(1).unwrap_or("")))
    };
    serve(next, known[1]);
    serve(first, known[0])
}

#[test]
fn what_the_user_names_is_not_asked_for_and_not_changed() {
    let list = r#"{"data":[{"id":"a","owned_by":"vllm"},{"id":"b","owned_by":"vllm"}]}"#;
    let known: &[(&str, &str)] = Box::leak(Box::new([
        ("/v1/models", list),
        ("/v1/chat/completions", r#"{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}]}"#),
    ]));
    for (named, questions, shown) in [
        ("--provider openai -m c", &[][..], "(openai, model c)"),
        ("--provider openai", &["/v1/models"], "(openai, model a)"),
        ("-m c", &["/v1/models", "/version"], "(vllm, model c)"),
        ("", &["/v1/models", "/version"], "(vllm, model a)"),
    ] {
        let (url, asked) = knowing(known);
        let ended = Place::new().line(&format!("run {url} {named} --no-stream --max-requests 1"));
        assert!(ended.stderr.contains(shown), "{named}: {ended:?}");
        let asked = asked.lock().unwrap();
        let before: Vec<&String> = asked.iter().take_while(|path| !path.contains("chat")).collect();
        assert_eq!(before, questions, "{named}");
    }
}

#[test]
fn several_models_are_told() {
    let (url, _) =
        knowing(&[("/v1/models", r#"{"data":[{"id":"a","owned_by":"vllm"},{"id":"b"},{"id":"c"}]}"#)]);
    let ended = Place::new().line(&format!("run {url} --max-requests 1 -t 1s"));
    let found = "found vLLM serving a and 2 other models (-m names one); asking chat, streaming";
    assert_eq!(ended.stderr.lines().next(), Some(found), "{ended:?}");
}

#[test]
fn a_server_that_nobody_knows_is_refused_with_what_it_said() {
    let (url, _) = knowing(&[]);
    let ended = Place::new().line(&format!("run {url} -t 1s"));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for part in [
        &format!(
            "{url} answers like no server that is known:\n  GET /v1/models: 404 Not Found\n  GET /v2: 404"
        ),
        "\nname what it speaks like with --provider (fireworks, vllm, ",
        "and its model with --model",
    ] {
        assert!(ended.stderr.contains(part), "{part}: {ended:?}");
    }
    assert!(!ended.stderr.contains("-k"), "{ended:?}");

    let url = answering(|_| response("401 Unauthorized", JSON, r#"{"error":"who are you"}"#));
    let ended = Place::new().line(&format!("run {url} -t 1s"));
    assert!(
        ended.stderr.contains("401 who are you") && ended.stderr.contains("give it with -k"),
        "{ended:?}"
    );
}

#[test]
fn torchserve_is_asked_for_its_models_on_its_own_port_and_on_the_next() {
    const PING: (&str, &str) = ("/ping", r#"{ "status": "Healthy" }"#);
    const MODELS: (&str, &str) = ("/models", r#"{"models":[{"modelName":"m"}]}"#);
    const SILENT: (&str, &str) = ("/models/m?customized=true", r#"[{"modelName":"m"}]"#);
    const ANSWER: (&str, &str) = ("/predictions/m", "[1]");

    let url = neighbours_knowing([&[PING], &[]]);
    let ended = Place::new().line(&format!("run {url} --shape 4 -t 1s"));
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        ended.stderr.contains("management port") && ended.stderr.contains("name one with -m"),
        "{ended:?}"
    );

    for known in [[&[PING, MODELS, SILENT, ANSWER][..], &[]], [&[PING, ANSWER], &[MODELS, SILENT]]] {
        let url = neighbours_knowing(known);
        let ended = Place::new().line(&format!("run {url} -t 1s"));
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains("torchserve does not tell what its models take"), "{ended:?}");
        let place = Place::new();
        let ended = place.line(&format!("run {url} --shape 4 --max-requests 2"));
        assert!(ended.stderr.contains("found TorchServe serving m; asking predict"), "{ended:?}");
        assert_eq!(count(&place.records(), Outcome::Ok), 2, "{ended:?}");
    }
}
