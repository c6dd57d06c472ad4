//! The wire formats.

use serde_json::{Value, json};

use crate::client::{Client, start};

#[test]
fn usage_stands_where_the_options_say() {
    let unasked = r#"{"messages":[],"max_tokens":3,"stream":true}"#;
    for (usage, asked_in, unasked_in) in
        [("own", Some(0), None), ("finish", Some(1), Some(1)), ("none", None, None)]
    {
        let server = start(&format!("ttft=0&itl=0&usage={usage}"));
        let mut client = Client::connect(&server);
        // The number of choices tells an event of its own from the finish event.
        let choices = |response: crate::client::Response| {
            let events = response.documents();
            let event = events.iter().find(|event| event["usage"]["completion_tokens"] == 3)?;
            Some(event["choices"].as_array().unwrap().len())
        };
        assert_eq!(choices(client.stream_chat(3)), asked_in, "{usage}, asked");
        let response = client.ask("/v1/chat/completions", unasked);
        assert_eq!(choices(response), unasked_in, "{usage}, not asked");
        let whole = client.ask("/v1/chat/completions", r#"{"messages":[]}"#).json();
        assert_eq!(whole.get("usage").is_some(), usage != "none");
    }
}

#[test]
fn the_end_mark_is_sent_or_not() {
    for (done, last_is_mark) in [("true", true), ("false", false)] {
        let server = start(&format!("ttft=0&itl=0&done={done}"));
        let response = Client::connect(&server).stream_chat(3);
        assert_eq!(response.events().last() == Some(&"[DONE]"), last_is_mark);
        assert!(response.whole);
    }
}

#[test]
fn reasoning_comes_first_and_is_counted() {
    let server = start("ttft=0&itl=0&reasoning=4");
    let mut client = Client::connect(&server);
    let response = client.stream_chat(10);
    let kinds: Vec<bool> = response
        .documents()
        .iter()
        .filter_map(|event| event["choices"][0]["delta"].as_object().cloned())
        .filter(|delta| delta.len() == 1)
        .map(|delta| delta.contains_key("reasoning_content"))
        .collect();
    assert_eq!(kinds, [[true; 4].as_slice(), &[false; 6]].concat());
    assert_eq!(response.usage().unwrap()["completion_tokens_details"]["reasoning_tokens"], 4);
    let whole = client.ask("/v1/chat/completions", r#"{"messages":[],"max_tokens":6}"#).json();
    let message = &whole["choices"][0]["message"];
    assert_eq!(
        (&message["reasoning_content"], &message["content"]),
        (&json!(" time work word line"), &json!(" load ship"))
    );
}

#[test]
fn text_completions_stream_and_do_not() {
    let server = start("ttft=0&itl=0");
    let mut client = Client::connect(&server);
    let whole = client
        .ask("/inference/v1/completions", r#"{"model":"m/x","prompt":"abcdefgh","max_tokens":2}"#)
        .json();
    assert_eq!((&whole["object"], &whole["model"]), (&json!("text_completion"), &json!("m/x")));
    assert_eq!(whole["choices"][0]["text"], " time work");
    assert_eq!(
        whole["usage"],
        json!({"prompt_tokens": 2, "completion_tokens": 2, "total_tokens": 4, "prompt_tokens_details": {"cached_tokens": 0}})
    );
    let response = client.ask("/v1/completions", r#"{"prompt":"x","max_tokens":2,"stream":true}"#);
    let texts: Vec<Value> =
        response.documents().iter().map(|event| event["choices"][0]["text"].clone()).collect();
    assert_eq!(texts, [" time", " work", ""]);
    assert_eq!(response.events().last(), Some(&"[DONE]"));
}

#[test]
fn triton_repeats_the_prompt_unless_it_streams() {
    let server = start("ttft=0&itl=0");
    let mut client = Client::connect(&server);
    let infer = json!({"inputs": [
        {"name": "text_input", "datatype": "BYTES", "shape": [1, 1], "data": [["say \"hi\""]]},
        {"name": "max_tokens", "datatype": "UINT32", "shape": [1, 1], "data": [[2]]},
    ]});
    let document = client.ask("/v2/models/ensemble/infer", &infer.to_string()).json();
    assert_eq!(document["model_name"], "ensemble");
    let output =
        json!({"name": "text_output", "datatype": "BYTES", "shape": [1], "data": ["say \"hi\" time work"]});
    assert_eq!(document["outputs"], json!([output]));

    let generate = r#"{"text_input":"hi","max_tokens":2,"bad_words":"","stop_words":""}"#;
    let document = client.ask("/v2/models/ensemble/generate", generate).json();
    assert_eq!(document["text_output"], "hi time work");
    let response = client.ask("/v2/models/ensemble/generate_stream", generate);
    let texts: Vec<Value> = response.documents().iter().map(|event| event["text_output"].clone()).collect();
    assert_eq!(texts, [" time", " work"]);
}

#[test]
fn tgi_ends_with_the_whole_text_and_no_mark() {
    let server = start("ttft=0&itl=0");
    let mut client = Client::connect(&server);
    let body = r#"{"inputs":"hello","parameters":{"max_new_tokens":3,"details":true}}"#;
    let document = client.ask("/generate", body).json();
    assert_eq!(document["generated_text"], " time work word");
    assert_eq!(document["details"]["generated_tokens"], 3);

    let events = client.ask("/generate_stream", body).documents();
    let texts: Vec<&Value> = events.iter().map(|event| &event["token"]["text"]).collect();
    assert_eq!(texts, [" time", " work", " word"]);
    assert_eq!((&events[0]["generated_text"], &events[0]["details"]), (&Value::Null, &Value::Null));
    assert_eq!(events[2]["generated_text"], " time work word");
    let details = json!({"finish_reason": "length", "generated_tokens": 3, "seed": null, "input_length": 2});
    assert_eq!(events[2]["details"], details);
}

#[test]
fn models_health_and_statistics_are_served() {
    let server = start("model=a/b&owned_by=vllm&ttft=0&itl=0");
    let mut client = Client::connect(&server);
    let models = client.get("/inference/v1/models").json();
    assert_eq!((&models["data"][0]["id"], &models["data"][0]["owned_by"]), (&json!("a/b"), &json!("vllm")));
    assert_eq!(client.get("/health").status, 200);
    assert_eq!(client.stream_chat(4).documents()[0]["model"], "a/b");
    let stats = client.get("/__stats").json();
    assert_eq!(
        (&stats["requests"], &stats["events"], &stats["in_flight_max"]),
        (&json!(1), &json!(4), &json!(1))
    );
    assert_eq!((&stats["ttft_ms"]["n"], &stats["itl_ms"]["n"]), (&json!(1), &json!(3)));
}
