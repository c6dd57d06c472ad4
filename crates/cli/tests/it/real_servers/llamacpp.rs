//! llama.cpp: text, embeddings, ranks, and the times that its answers carry.

use plimsoll_core::record::TokenSource;

use super::server::{Server, assert_alike, model, recognised};

#[test]
fn is_recognised() {
    let server = Server::start("llamacpp", "/health");
    assert_eq!(recognised(&server.url), "found llama.cpp serving tiny; asking chat, streaming");
}

#[test]
fn answers_alike_by_chat_and_by_completions() {
    let server = Server::start("llamacpp", "/health");
    // Chat puts a template of three tokens around the prompt.
    let line = |api| format!("run {} {api} -p 64 -o 24 --tokenizer {}", server.url, model());
    assert_alike("llama.cpp", ["chat", "completions"], [&line("--chat"), &line("--no-chat")]);
}

#[test]
fn counts_and_times_as_we_do() {
    let server = Server::start("llamacpp", "/health");
    let model = model();
    for api in ["--chat", "--no-chat"] {
        let before = server.metric("llamacpp:tokens_predicted_total");
        let (ended, records, place) = server.ask_forty(&format!("{api} -p 64 -o 24 --tokenizer {model}"));
        let generated: u64 =
            records.iter().map(|record| u64::from(record.usage.output_tokens.unwrap())).sum();
        assert_eq!(generated, server.metric("llamacpp:tokens_predicted_total") - before, "{api}");

        for record in &records {
            assert_eq!(record.usage.source, TokenSource::Server, "{api}: {record:?}");
            assert_eq!((record.usage.input_tokens, record.prompt_tokens), (Some(64), Some(64)), "{api}");
            let timings = record.server.prompt.unwrap() + record.server.generation.unwrap();
            let latency = record.latency().unwrap();
            assert!(
                latency >= timings.as_secs_f64(),
                "{api}: {latency} s, of which the server says {timings:?}"
            );
            assert!(
                record.ttft().unwrap() >= record.server.prompt.unwrap().as_secs_f64(),
                "{api}: {record:?}"
            );
        }
        let tokens = place.summary().tokens;
        assert!(tokens.prompt_compared > 0, "{ended:?}");
        assert_eq!((tokens.prompt_deviating, tokens.prompt_deviation_max), (0, 0), "{api}: {ended:?}");
    }
}

#[test]
fn serves_responses_and_messages() {
    let server = Server::start("llamacpp", "/health");
    for api in ["responses", "messages"] {
        let (ended, records, place) = server.ask_forty(&format!("--api {api} -p 64 -o 12"));
        assert_eq!(place.summary().run.provider, "llama.cpp", "{ended:?}");
        for record in &records {
            assert_eq!(record.usage.source, TokenSource::Server, "{api}: {record:?}");
            assert!(!record.deltas.is_empty(), "{api}: {record:?}");
            assert!(
                record.usage.output_tokens.is_some_and(|tokens| (1..=12).contains(&tokens)),
                "{record:?}"
            );
        }
    }
}

#[test]
fn embeds_and_ranks() {
    let model = model();
    let embedding = Server::start_with("llamacpp", "/health", &["4", "embeddings"]);
    let (_, records, _) = embedding.ask_forty(&format!("--embeddings -p 32 --tokenizer {model}"));
    assert!(records.iter().all(|record| record.usage.input_tokens == Some(32)), "{records:?}");
    let (_, records, _) =
        embedding.ask_forty(&format!("--embeddings --embeddings-batch-size 3 -p 32 --tokenizer {model}"));
    assert!(records.iter().all(|record| record.usage.input_tokens == Some(96)), "{records:?}");
    let ranking = Server::start_with("llamacpp", "/health", &["4", "rerank"]);
    let (_, records, place) = ranking.ask_forty("--rerank --num-documents 5 --tokens-per-document 16");
    assert!(records.iter().all(|record| record.usage.source == TokenSource::NoTokens), "{records:?}");
    assert!(place.summary().metrics.contains_key("latency"));
}
