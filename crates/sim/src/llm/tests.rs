//! The engine's promises: conservation, limits, order, and what its parts cost.

use std::num::NonZeroU32;
use std::sync::Arc;

use plimsoll_core::seed::Seed;
use plimsoll_core::time::Offset;

use super::{Hardware, Llm, LlmOptions, StepTime};
use crate::engine::{Ask, Emission, Engine, Event, JobId};

fn some(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

/// A server whose steps take 10 ms, and 1 ms more for each token of a prompt.
fn options() -> LlmOptions {
    LlmOptions {
        step_time: StepTime { fixed: 0.010, per_prefill_token: 0.001, ..StepTime::default() },
        jitter: 0.0,
        max_num_seqs: some(4),
        max_num_batched_tokens: some(64),
        max_model_len: some(1000),
        kv_blocks: some(100),
        block_size: some(16),
        prefix_caching: true,
        queue: None,
        speculative: None,
        hardware: Hardware::default(),
        seed: Seed(0),
    }
}

fn ask(prompt_tokens: u32, output_tokens: u32) -> Ask {
    Ask { prompt_tokens, output_tokens, items: 1, prefix: Arc::default() }
}

/// What happens, as (ms, request, event), until nothing is left to do.
fn drain(engine: &mut Engine) -> Vec<(f64, u64, Event)> {
    let mut out = Vec::new();
    engine.advance(Offset::MAX, &mut out);
    out.iter().map(|Emission { at, job, event }| (at.as_secs_f64() * 1e3, job.0, *event)).collect()
}

fn engine(options: LlmOptions, asks: &[Ask]) -> Engine {
    let mut engine = Engine::Llm(Llm::new(options).unwrap());
    for (id, ask) in (0..).map(JobId).zip(asks) {
        engine.arrive(Offset::ZERO, id, ask).unwrap();
    }
    engine
}

#[test]
fn a_finished_prefill_gives_the_first_token_and_long_prompts_come_in_chunks() {
    let mut engine = engine(options(), &[ask(5, 2), ask(100, 1)]);
    assert_eq!(engine.next_event(), Some(Offset::ZERO));
    let [zero, one] = [0, 1];
    // Step 1: 5 + 59 tokens of prompt; step 2: 1 decode and 41 tokens of prompt.
    let expected = [
        (0.0, zero, Event::Started),
        (0.0, one, Event::Started),
        (74.0, zero, Event::Tokens(1)),
        (125.0, zero, Event::Tokens(1)),
        (125.0, zero, Event::Finished),
        (125.0, one, Event::Tokens(1)),
        (125.0, one, Event::Finished),
    ];
    assert_eq!(drain(&mut engine), expected);
    assert_eq!(engine.next_event(), None);
}
