//! transformers: text.

use plimsoll_core::record::TokenSource;

use super::server::{Server, all_servers_wanted, model, recognised};

#[test]
fn is_recognised() {
    if !all_servers_wanted("transformers") {
        return;
    }
    let server = Server::start("transformers", "/health");
    let found = format!("found transformers serving {}; asking chat, streaming", model());
    assert_eq!(recognised(&server.url), found);
}

#[test]
fn counts_as_we_do() {
    if !all_servers_wanted("transformers") {
        return;
    }
    let server = Server::start("transformers", "/health");
    let model = model();
    let (ended, ..) = server.ask_forty(&format!("--provider transformers -m {model} --top-k 4 -p 48 -o 8"));
    assert_eq!(ended.stderr.matches("does not know `top_k`").count(), 1, "{ended:?}");
    let (_, records, _) =
        server.ask_forty(&format!("--provider transformers -m {model} --api responses -p 48 -o 8"));
    assert!(records.iter().all(|record| record.usage.source == TokenSource::Server), "{records:?}");
    let named = format!("--provider openai -m {model} --tokenizer {model} -p 48 -o 8");
    for api in ["--chat", "--no-chat"] {
        let (ended, _, place) = server.ask_forty(&format!("{api} {named}"));
        let tokens = place.summary().tokens;
        assert!(tokens.prompt_compared > 0, "{ended:?}");
        assert_eq!((tokens.prompt_deviating, tokens.prompt_deviation_max), (0, 0), "{api}: {ended:?}");
    }
}
