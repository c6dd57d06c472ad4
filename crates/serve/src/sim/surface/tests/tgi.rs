//! text-generation-inference: details, types of errors, its root.

use super::*;

#[test]
fn bodies_become_jobs() {
    for (body, expected) in [
        (r#"{"inputs":"abcdefghi","parameters":{"max_new_tokens":5,"details":true}}"#, &[(3, 5)][..]),
        (r#"{"inputs":"x"}"#, &[(1, 16)]),
        (
            r#"{"inputs":"x","parameters":{"best_of":2,"max_new_tokens":1,"do_sample":true}}"#,
            &[(1, 1), (1, 1)],
        ),
    ] {
        let work = Bench::new("").work("/base/generate", body);
        let jobs: Vec<_> = work.jobs.iter().map(|ask| (ask.prompt_tokens, ask.output_tokens)).collect();
        assert_eq!(jobs, expected, "{body}");
    }
}

#[test]
fn errors_have_their_type() {
    for (path, body, status) in [
        ("/generate", "{", 400),
        ("/generate", r#"{"input":"x"}"#, 422),
        ("/generate", r#"{"inputs":"x","parameters":{"max_new_tokens":0}}"#, 422),
        ("/generate", r#"{"inputs":"x","parameters":{"best_of":99}}"#, 422),
        ("/generate_stream", r#"{"inputs":"x","parameters":{"best_of":2}}"#, 422),
    ] {
        let (had, error) = Bench::new("").refusal(path, body);
        assert_eq!((had, &error["error_type"]), (status, &json!("validation")), "{body}: {error}");
        assert!(error["error"].is_string());
    }
    let full = Surface::Tgi.refuse(&Refusal::new(429, "full"), &SimOptions::default());
    assert_eq!(
        (value(&full), full.headers.as_str()),
        (json!({"error": "full", "error_type": "overloaded"}), "retry-after: 1\r\n")
    );
}

#[test]
fn details_have_the_tokens_and_the_other_sequences() {
    let body = r#"{"inputs":"hi","parameters":{"max_new_tokens":2,"details":true,"best_of":2,"seed":3,"return_full_text":true}}"#;
    let document = Bench::new("").answer("/generate", body);
    assert_eq!(document["generated_text"], "hi time work");
    let details = &document["details"];
    assert_eq!(
        (&details["finish_reason"], &details["generated_tokens"], &details["seed"]),
        (&json!("length"), &json!(2), &json!(3))
    );
    assert_eq!(details["tokens"][1], json!({"id": 1, "text": " work", "logprob": -0.5, "special": false}));
    assert_eq!(details["best_of_sequences"][0]["generated_text"], "hi time work");
}

#[test]
fn the_root_answers_a_list_or_a_stream() {
    let bench = Bench::new("");
    assert_eq!(bench.answer("/", r#"{"inputs":"x"}"#)[0]["generated_text"].as_str().map(str::len), Some(80));
    let events = bench.events("/", r#"{"inputs":"x","stream":true,"parameters":{"max_new_tokens":2}}"#);
    let last: Value = serde_json::from_str(&events[1]).unwrap();
    assert_eq!((events.len(), &last["generated_text"]), (2, &json!(" time work")));
}

#[test]
fn the_server_describes_itself_and_its_health() {
    let bench = Bench::new("flavour=tgi&model=m");
    assert_eq!(bench.told_json("GET", "/info").1["model_id"], "m");
    let health = bench.told("GET", "/health");
    assert_eq!((health.status, health.body.len()), (200, 0));
}
