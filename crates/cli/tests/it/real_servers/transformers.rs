//! transformers: text.

use plimsoll_core::record::TokenSource;
use plimsoll_core::stress::{Mode, StressVerdict};

use super::server::{Server, all_servers_wanted, model, recognised};
use crate::program::Place;
use crate::stress::stressed;

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

#[test]
fn takes_all_that_is_too_much_into_a_queue() {
    if !all_servers_wanted("transformers") {
        return;
    }
    let server = Server::start("transformers", "/health");
    let place = Place::new();
    place.line(&format!("run {} -u 4 -r 100000 --max-requests 60 -o 8 -p 16", server.url));
    let capacity = place.summary().rates.completed_rate;
    let report = stressed(&format!("{} -o 8 -p 16 --capacity {capacity:.1}", server.url));
    let last = &report.steps[1];
    assert_eq!(report.modes.first(), Some(&Mode::Queues), "{report:#?}");
    assert_eq!((report.verdict, last.shed), (StressVerdict::Collapsed, 0), "{report:#?}");
}
