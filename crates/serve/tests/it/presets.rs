//! Servers that are asked for by the name of a model and its hardware.

use plimsoll_sim::prefix::BLOCK_TOKENS;
use serde_json::json;

use crate::client::{Client, start};

#[test]
fn a_language_model_streams_and_counts() {
    // A step of a thousandth of a millisecond: what is tested is the way, not the time.
    let server = start("llama-3-8b-h100?step_fixed=1e-6");
    let mut client = Client::connect(&server);
    let models = client.get("/v1/models").json();
    assert_eq!(
        (&models["data"][0]["id"], &models["data"][0]["owned_by"]),
        (&json!("llama-3-8b"), &json!("vllm"))
    );
    let response = client.stream_chat(40);
    assert_eq!(response.content().len(), 40);
    assert_eq!(response.usage().unwrap()["completion_tokens"], 40);
    let whole = client.ask("/v1/completions", r#"{"prompt":"x","max_tokens":7}"#).json();
    assert_eq!(whole["usage"]["completion_tokens"], 7);
}

#[test]
fn the_steps_of_a_batch_are_the_grid_of_all_in_it() {
    let server = start("llama-3-8b-h100?truth=true");
    let mut clients: Vec<Client> = (0..4).map(|_| Client::connect(&server)).collect();
    for client in &mut clients {
        client.post("/v1/chat/completions", &crate::client::chat(30));
    }
    let due: Vec<Vec<u64>> = clients.iter_mut().map(|client| client.response().due()).collect();
    for (one, other) in due.iter().flat_map(|one| due.iter().map(move |other| (one, other))) {
        let mut within = other.iter().filter(|at| (one[0]..=one[29]).contains(at));
        assert!(within.all(|at| one.contains(at)), "{due:?}");
    }
}

#[test]
fn what_exceeds_the_memory_is_refused_with_the_limit() {
    let server = start("llama-3-8b-h100?kv_blocks=4");
    let response = Client::connect(&server).stream_chat(100);
    assert_eq!(response.status, 400);
    let message = response.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains(&format!("room for {} tokens", 4 * BLOCK_TOKENS)), "{message}");
}

#[test]
fn guesses_come_several_tokens_to_an_event() {
    let server = start("llama-3-8b-h100?step_fixed=1e-6&speculative=3&acceptance=1");
    let response = Client::connect(&server).stream_chat(41);
    // The first token comes from the prompt; then three guesses and the next token in each step.
    assert_eq!(response.content().len(), 11);
    assert_eq!(response.usage().unwrap()["completion_tokens"], 41);
    let words: usize = response
        .content()
        .iter()
        .map(|event| event["choices"][0]["delta"]["content"].as_str().unwrap().split_whitespace().count())
        .sum();
    assert_eq!(words, 41);
}

#[test]
fn a_language_model_embeds_without_generating() {
    let server = start("llama-3-8b-h100?step_fixed=1e-6");
    let document = Client::connect(&server).ask("/v1/embeddings", r#"{"input":"hello"}"#).json();
    assert_eq!(document["usage"]["prompt_tokens"], 2);
    assert_eq!(document["data"].as_array().unwrap().len(), 1);
}

#[test]
fn a_classic_model_infers_and_says_that_it_generates_nothing() {
    let server = start("resnet50-t4?inputs=INPUT0:FP32[-1,1]");
    let mut client = Client::connect(&server);
    let infer =
        json!({"inputs": [{"name": "INPUT0", "datatype": "FP32", "shape": [2, 1], "data": [0.5, 1.5]}]});
    let document = client.ask("/v2/models/resnet50/infer", &infer.to_string());
    assert_eq!(document.status, 200, "{}", document.body);
    assert_eq!(client.get("/__stats").json()["completed"], 1);

    let refused = client.stream_chat(4);
    assert_eq!(refused.status, 400);
    assert!(refused.body.contains("`resnet50` is a classic model and generates no text"), "{}", refused.body);
}

#[test]
fn a_request_of_more_items_than_a_batch_is_refused_with_the_limit() {
    let server = start("resnet50-t4?max_batch_size=2&inputs=INPUT0:FP32[-1,1]");
    let infer =
        json!({"inputs": [{"name": "INPUT0", "datatype": "FP32", "shape": [3, 1], "data": [1, 2, 3]}]});
    let response = Client::connect(&server).ask("/v2/models/resnet50/infer", &infer.to_string());
    assert_eq!(response.status, 400);
    assert!(response.body.contains("at most 2 items"), "{}", response.body);
}
