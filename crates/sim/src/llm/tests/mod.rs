//! The engine's promises: conservation, limits, order, and what its parts cost.

mod memory;
mod properties;

use std::num::NonZeroU32;
use std::sync::Arc;

use plimsoll_core::seed::Seed;
use plimsoll_core::time::Offset;

use super::{BatchShape, Hardware, Llm, LlmOptions, OptionsError, Speculative, StepTime};
use crate::conditions::ConditionOptions;
use crate::engine::{Ask, Emission, Engine, Event, JobId, Refused, State};

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
        conditions: ConditionOptions::default(),
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

/// When the tokens of a request come, ms, and how many.
fn tokens_of(events: &[(f64, u64, Event)], id: u64) -> Vec<(f64, u32)> {
    let tokens = |&(at, job, event): &(f64, u64, Event)| match event {
        Event::Tokens(count) if job == id => Some((at, count)),
        _ => None,
    };
    events.iter().filter_map(tokens).collect()
}

fn state(engine: &Engine) -> State {
    engine.state(Offset::MAX)
}

#[test]
fn those_that_run_come_first_and_each_step_has_its_limits() {
    // Four places: the fifth request waits for one. A step holds 64 tokens: the third prompt is cut at 63 + 1 decode.
    let mut engine = engine(options(), &[ask(30, 3), ask(30, 1), ask(66, 1), ask(1, 1), ask(1, 1)]);
    let events = drain(&mut engine);
    // Steps: 30 + 30 + 4; 1 decode + 62 of the third + 1 of the fourth; a decode and the fifth.
    assert_eq!(tokens_of(&events, 0), [(74.0, 1), (147.0, 1), (158.0, 1)]);
    assert_eq!(tokens_of(&events, 1), [(74.0, 1)]);
    assert_eq!(tokens_of(&events, 2), [(147.0, 1)]);
    assert_eq!(tokens_of(&events, 3), [(147.0, 1)]);
    assert_eq!(tokens_of(&events, 4), [(158.0, 1)]);
    let started: Vec<f64> =
        events.iter().filter(|event| event.2 == Event::Started).map(|event| event.0).collect();
    assert_eq!(started, [0.0, 0.0, 0.0, 74.0, 147.0]);
    let done = state(&engine);
    assert_eq!((done.steps, done.prompt_tokens, done.generated_tokens), (3, 128, 7));
    assert_eq!(done.busy.as_millis(), 158);
}

#[test]
fn a_request_that_generates_nothing_ends_with_its_prompt() {
    let mut engine = engine(options(), &[ask(70, 0)]);
    let expected = [(0.0, 0, Event::Started), (90.0, 0, Event::Finished)];
    assert_eq!(drain(&mut engine), expected);
}

#[test]
fn arrivals_during_a_step_wait_for_its_end() {
    let mut engine = engine(options(), &[ask(10, 2)]);
    let mut out = Vec::new();
    engine.advance(Offset::from_secs_f64(0.005), &mut out);
    engine.arrive(Offset::from_secs_f64(0.005), JobId(1), &ask(10, 1)).unwrap();
    assert_eq!(state(&engine).waiting, 1);
    let events = drain(&mut engine);
    assert_eq!(events[1], (20.0, 1, Event::Started));
    assert_eq!(tokens_of(&events, 0), [(20.0, 1), (40.0, 1)]);
    assert_eq!(tokens_of(&events, 1), [(40.0, 1)]);
}

#[test]
fn what_there_is_no_room_for_is_refused() {
    let mut engine = engine(LlmOptions { queue: Some(1), max_num_seqs: some(2), ..options() }, &[]);
    let mut arrive = |id, ask| engine.arrive(Offset::ZERO, JobId(id), &ask);
    assert_eq!(arrive(0, ask(900, 101)), Err(Refused::TooLong(1000)));
    assert_eq!(arrive(0, ask(u32::MAX, u32::MAX)), Err(Refused::TooLong(1000)));
    for id in 0..3 {
        assert_eq!(arrive(id, ask(900, 100)), Ok(()), "two places and one in the queue");
    }
    assert_eq!(arrive(3, ask(1, 1)), Err(Refused::QueueFull));
    engine.cancel(Offset::ZERO, JobId(1));
    assert_eq!(engine.arrive(Offset::ZERO, JobId(4), &ask(1, 1)), Ok(()));
    // 20 blocks hold 320 tokens, less than the model could.
    let small = LlmOptions { kv_blocks: some(20), ..options() };
    assert_eq!(small.longest_request(), 320);
}

#[test]
fn speculation_gives_several_tokens_per_step_at_a_price() {
    let guess = |acceptance: &[f64]| Speculative {
        acceptance: acceptance.to_vec(),
        draft: std::time::Duration::from_millis(2),
    };
    let sure = LlmOptions { speculative: Some(guess(&[1.0; 3])), ..options() };
    // A step that verifies 3 drafts: 10 ms, 3 ms of computing, 3 x 2 ms of drafting.
    let events = drain(&mut engine(sure, &[ask(10, 8)]));
    assert_eq!(tokens_of(&events, 0), [(20.0, 1), (39.0, 4), (58.0, 3)]);

    // On average 1 + 0.8 + 0.8 x 0.5 tokens for each step.
    let unsure = LlmOptions { speculative: Some(guess(&[0.8, 0.5])), ..options() };
    let asks = vec![ask(1, 900); 10];
    let events = drain(&mut engine(unsure, &asks));
    let counts = events.iter().filter_map(|event| match event.2 {
        Event::Tokens(count) => Some(f64::from(count)),
        _ => None,
    });
    let (steps, tokens) = counts.fold((0.0, 0.0), |(steps, sum), count| (steps + 1.0, sum + count));
    assert_eq!(tokens, 9000.0);
    let mean: f64 = tokens / steps;
    assert!((mean - 2.2).abs() < 0.05, "{mean}");
}

#[test]
fn a_step_costs_what_is_in_it() {
    let time = StepTime {
        fixed: 1.0,
        batched: 0.0,
        per_sequence: 0.1,
        per_context_token: 0.001,
        per_prefill_token: 0.01,
        per_prefill_pair: 0.0001,
        experts: 0.0,
        expert_share: 0.0,
    };
    let mut batch = BatchShape::default();
    batch.add_decode(500, 2);
    batch.add_prefill(100, 10);
    // 100 tokens before the chunk for each of its 10, and 1 + 2 + ... + 10 in it.
    let expected = BatchShape {
        sequences: 2,
        prefill_tokens: 10,
        context_tokens: 600,
        prefill_pairs: 1055,
        drafted_tokens: 2,
    };
    assert_eq!(batch, expected);
    assert_eq!(time.step(&batch).as_secs_f64(), 1.0 + 0.2 + 0.6 + 0.12 + 0.1055);
    // A quarter of the experts for one token, 1 - (3/4)^2 for two.
    let mixture =
        StepTime { fixed: 0.0, per_sequence: 0.0, experts: 1.0, expert_share: 0.25, ..StepTime::default() };
    for (tokens, seconds) in [(1, 0.25), (2, 0.4375)] {
        let batch = BatchShape { sequences: tokens, ..BatchShape::default() };
        assert_eq!(mixture.step(&batch).as_secs_f64(), seconds);
    }
}

#[test]
fn jitter_spreads_steps_around_their_time() {
    let jitter = |seed| LlmOptions { jitter: 0.5, seed: Seed(seed), ..options() };
    let gaps = |seed| {
        let events = drain(&mut engine(jitter(seed), &[ask(1, 900)]));
        let tokens = tokens_of(&events, 0);
        tokens.windows(2).map(|pair| pair[1].0 - pair[0].0).collect::<Vec<f64>>()
    };
    let first = gaps(1);
    assert!(first.iter().all(|gap| (5.0..=15.0).contains(gap)));
    let mean = first.iter().sum::<f64>() / first.len() as f64;
    assert!((mean - 10.0).abs() < 0.3, "{mean}");
    assert_eq!(first, gaps(1));
    assert_ne!(first, gaps(2));
}

#[test]
fn power_lies_between_idle_and_tdp_by_what_is_done() {
    let hardware = Hardware { memory: 100, memory_used: 92, idle_watts: 100.0, tdp_watts: 600.0 };
    let time = StepTime { fixed: 0.010, per_prefill_token: 1.0, ..StepTime::default() };
    let mut engine = engine(LlmOptions { hardware, step_time: time, ..options() }, &[ask(1, 1)]);
    let watts = |engine: &Engine, seconds| engine.state(Offset::from_secs_f64(seconds)).power_watts;
    assert_eq!(watts(&engine, 0.0), 100.0);
    // A prefill for a second or more: nearly all of it computes.
    engine.advance(Offset::ZERO, &mut Vec::new());
    assert!((300.0..450.0).contains(&watts(&engine, 1.0)), "{}", watts(&engine, 1.0));
    // Decoding for ten seconds only reads memory: 60 % of the way from idle to TDP.
    drain(&mut engine);
    engine.arrive(Offset::from_secs_f64(2.0), JobId(1), &ask(1, 900)).unwrap();
    engine.advance(Offset::from_secs_f64(11.0), &mut Vec::new());
    assert!((watts(&engine, 11.0) - 400.0).abs() < 1.0, "{}", watts(&engine, 11.0));
    assert!(watts(&engine, 60.0) < watts(&engine, 11.0), "the step in flight is the last");
    let done = state(&engine);
    assert_eq!((done.accelerator_bytes, done.accelerator_bytes_total), (92, 100));
}

#[test]
fn options_that_make_no_server_are_refused() {
    let time = StepTime { per_sequence: -1.0, ..StepTime::default() };
    let guess = |acceptance| Some(Speculative { acceptance, draft: std::time::Duration::ZERO });
    for (options, text) in [
        (LlmOptions { step_time: time, ..options() }, "per_sequence is -1"),
        (LlmOptions { jitter: 1.5, ..options() }, "jitter is 1.5"),
        (LlmOptions { speculative: guess(vec![]), ..options() }, "drafts 0 tokens"),
        (LlmOptions { speculative: guess(vec![0.5; 64]), ..options() }, "from 1 to 63"),
        (LlmOptions { speculative: guess(vec![-0.5]), ..options() }, "acceptance is -0.5"),
        (LlmOptions { kv_blocks: some(1), block_size: some(1), ..options() }, "hold no request"),
    ] {
        let error: OptionsError = Llm::new(options).unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
    }
}
