//! How fast the engine for language models runs on one core, in generated tokens and in requests per second.
//!
//!     cargo bench -p plimsoll-sim --bench llm
#![expect(clippy::expect_used, reason = "a bench stops at the first surprise")]

#[path = "../examples/saturation/traffic.rs"]
mod traffic;

use std::sync::Arc;

use divan::counter::ItemsCount;
use plimsoll_core::time::Offset;
use plimsoll_sim::llm::Llm;
use plimsoll_sim::play::{Seen, play};
use plimsoll_sim::{Ask, Engine, Event, presets};

fn main() {
    divan::main();
}

/// Tokens that a server of a preset generates for `arrivals`.
fn tokens(preset: &str, arrivals: impl IntoIterator<Item = (Offset, Ask)>) -> u64 {
    let options = presets::find(preset).expect("a preset").options();
    let mut engine = Engine::Llm(Llm::new(options).expect("options of a preset"));
    let mut tokens = 0;
    play(&mut engine, arrivals, |_, seen| {
        if let Seen::Did(emission) = seen
            && let Event::Tokens(count) = emission.event
        {
            tokens += u64::from(count);
        }
    });
    tokens
}

/// Requests that all arrive at the start, with so many tokens and a prefix of so many blocks that all share.
fn at_once(requests: u64, prompt_tokens: u32, output_tokens: u32, shared: u64) -> Vec<(Offset, Ask)> {
    let ask = |id: u64| {
        let own = (shared..u64::from(prompt_tokens / 16)).map(|block| (id + 1) << 32 | block);
        let prefix: Arc<[u64]> = (0..shared).chain(own).collect();
        Ask { prompt_tokens, output_tokens, items: 1, prefix }
    };
    (0..requests).map(|id| (Offset::ZERO, ask(id))).collect()
}

/// Hardly anything but decoding, in a full batch.
#[divan::bench]
fn decode(bencher: divan::Bencher) {
    let input = || at_once(1024, 16, 4096, 0);
    bencher
        .counter(ItemsCount::new(1024_u64 * 4096))
        .with_inputs(input)
        .bench_values(|arrivals| tokens("llama-3-8b-h100", arrivals));
}

/// Requests as users send them, counted as requests; divide their tokens, 256 on average, into it.
#[divan::bench]
fn requests(bencher: divan::Bencher) {
    let input = || traffic::poisson(20.0, 300.0, 1).collect::<Vec<_>>();
    bencher
        .counter(ItemsCount::new(input().len()))
        .with_inputs(input)
        .bench_values(|arrivals| tokens("llama-3-8b-h100", arrivals));
}

/// Long prompts that begin alike, so that most of each is found in the prefix cache; counted as requests.
#[divan::bench]
fn shared_prefixes(bencher: divan::Bencher) {
    let input = || at_once(10_000, 2048, 16, 120);
    bencher
        .counter(ItemsCount::new(10_000_u64))
        .with_inputs(input)
        .bench_values(|arrivals| tokens("llama-3-8b-h100", arrivals));
}

/// An hour of 100 requests per second, on five servers that get 20 each; counted as tokens.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn an_hour_of_100_requests_per_second() -> u64 {
    (0..5).map(|server| tokens("llama-3-8b-h100", traffic::poisson(20.0, 3600.0, server))).sum()
}
