//! What the KV cache does: who gets blocks, who loses them, and what is found again.

use std::sync::Arc;

use plimsoll_core::time::Offset;

use super::{ask, drain, engine, options, some, state, tokens_of};
use crate::engine::{Ask, Engine, JobId};
use crate::llm::LlmOptions;
use crate::llm::kv_cache::KvCache;

/// 5 blocks of 4 tokens, for two requests that grow to 13 tokens each.
fn tight(prefix_caching: bool) -> LlmOptions {
    LlmOptions { kv_blocks: some(5), block_size: some(4), prefix_caching, ..options() }
}

#[test]
fn without_memory_the_last_one_goes_back_and_computes_again() {
    let asks = [ask(7, 6), ask(7, 6)];
    // Both run for two steps. In the third the first takes the last block and the second has to go. It returns when
    // the first is done, with 7 + 2 tokens to compute again.
    let mut forgetful = engine(tight(false), &asks);
    let events = drain(&mut forgetful);
    let firsts = [(24.0, 1), (34.0, 1), (44.0, 1), (54.0, 1), (64.0, 1), (74.0, 1)];
    assert_eq!(tokens_of(&events, 0), firsts);
    let seconds = [(24.0, 1), (34.0, 1), (93.0, 1), (103.0, 1), (113.0, 1), (123.0, 1)];
    assert_eq!(tokens_of(&events, 1), seconds);
    assert_eq!(state(&forgetful).preemptions, 1);
    assert_eq!(state(&forgetful).generated_tokens, 12);

    // Nobody needed its two full blocks in the meantime: with the prefix cache, only the ninth token is left.
    let mut mindful = engine(tight(true), &asks);
    let events = drain(&mut mindful);
    assert_eq!(tokens_of(&events, 0), firsts);
    let seconds = [(24.0, 1), (34.0, 1), (85.0, 1), (95.0, 1), (105.0, 1), (115.0, 1)];
    assert_eq!(tokens_of(&events, 1), seconds);
    // vLLM does not count what a preempted request finds either.
    assert_eq!((state(&mindful).prefix_queries, state(&mindful).prefix_hits), (14, 0));
}

#[test]
fn the_preempted_comes_before_those_that_wait() {
    // The third would fit into what the second left, but the second is first.
    let options = LlmOptions { max_num_seqs: some(2), ..tight(false) };
    let events = drain(&mut engine(options, &[ask(7, 6), ask(7, 6), ask(1, 1)]));
    assert_eq!(tokens_of(&events, 1)[2], (94.0, 1), "computes 9 tokens again, beside the third");
    assert_eq!(tokens_of(&events, 2), [(94.0, 1)]);
}

#[test]
fn a_prompt_waits_until_all_of_it_fits() {
    // The first takes 2 of 5 blocks and 7 of the 10 tokens of a step. A prompt of 12 fits into the other 3; of one of
    // 13, only the part for the first step would.
    let at = |prompt| {
        let options = LlmOptions { max_num_batched_tokens: some(10), ..tight(true) };
        let mut engine = engine(options, &[ask(7, 1), ask(prompt, 1)]);
        engine.advance(Offset::ZERO, &mut Vec::new());
        (engine.state(Offset::ZERO).running, engine.state(Offset::ZERO).kv_blocks_used)
    };
    assert_eq!(at(12), (2, 3));
    assert_eq!(at(13), (1, 2));
}

fn shared(prompt_tokens: u32, prefix: &[u64]) -> Ask {
    Ask { prompt_tokens, output_tokens: 1, items: 1, prefix: Arc::from(prefix) }
}

/// When each of `asks` has its token, ms after its arrival, if they come one second apart.
fn one_by_one(options: LlmOptions, asks: &[Ask]) -> (Vec<f64>, Engine) {
    let mut engine = engine(options, &[]);
    let arrive = |(id, ask): (u64, &Ask)| {
        let at = Offset::from_secs_f64(id as f64);
        engine.advance(at, &mut Vec::new());
        engine.arrive(at, JobId(id), ask).unwrap();
        tokens_of(&drain_until(&mut engine, id as f64 + 0.999), id)[0].0 - id as f64 * 1e3
    };
    let times = (0..).zip(asks).map(arrive).map(|time| (time * 1e3).round() / 1e3).collect();
    (times, engine)
}

fn drain_until(engine: &mut Engine, seconds: f64) -> Vec<(f64, u64, crate::engine::Event)> {
    let mut out = Vec::new();
    engine.advance(Offset::from_secs_f64(seconds), &mut out);
    out.iter().map(|done| (done.at.as_secs_f64() * 1e3, done.job.0, done.event)).collect()
}

#[test]
fn a_prompt_that_begins_like_an_earlier_one_computes_only_the_rest() {
    let asks = [
        shared(40, &[1, 2]),
        shared(40, &[1, 2]),    // 32 tokens found
        shared(32, &[1, 2]), // all blocks there, but the last token must be computed, and with it its block
        shared(60, &[1, 9, 3]), // one block found: the second differs, and the third follows another second
        shared(40, &[]),     // shares nothing
    ];
    let (times, engine) = one_by_one(options(), &asks);
    assert_eq!(times, [50.0, 18.0, 26.0, 54.0, 50.0]);
    let done = state(&engine);
    assert_eq!((done.prefix_queries, done.prefix_hits), (40 + 40 + 32 + 60 + 40, 32 + 16 + 16));

    let (times, engine) = one_by_one(LlmOptions { prefix_caching: false, ..options() }, &asks);
    assert_eq!(times, [50.0, 50.0, 42.0, 70.0, 50.0]);
    assert_eq!((state(&engine).prefix_queries, state(&engine).prefix_hits), (0, 0));
}

#[test]
fn requests_of_one_step_share_blocks_too() {
    let mut engine = engine(options(), &[shared(40, &[1, 2]), shared(40, &[1, 2])]);
    engine.advance(Offset::ZERO, &mut Vec::new());
    assert_eq!(engine.state(Offset::ZERO).kv_blocks_used, 4, "two that they share, and one for each");
    assert_eq!(tokens_of(&drain(&mut engine), 1), [(58.0, 1)]);
    assert_eq!(state(&engine).kv_blocks_used, 0);
}

#[test]
fn what_was_unused_for_longest_is_forgotten_first_from_its_end() {
    // 6 blocks of 16. After the second prompt, 2 blocks were never used; the third takes them, and one of the first.
    let options = LlmOptions { kv_blocks: some(6), ..options() };
    let asks = [
        shared(32, &[1, 2]),
        shared(32, &[3, 4]),
        shared(48, &[5, 6, 7]), // forgets 2
        shared(17, &[1]),       // finds it, and forgets 4: that was unused for longer than 3
        shared(33, &[3, 4]),    // finds 3
    ];
    let (times, _) = one_by_one(options, &asks);
    assert_eq!(times, [42.0, 42.0, 58.0, 11.0, 27.0]);
}

#[test]
fn blocks_are_given_and_taken_back_whole_or_not_at_all() {
    let mut cache = KvCache::new(4, 16);
    let (mut first, mut second) = (Vec::new(), Vec::new());
    assert!(cache.extend(&mut first, 33) && first.len() == 3);
    assert!(!cache.extend(&mut second, 17) && second.is_empty());
    assert_eq!(cache.used(), 3);
    for (block, key) in first.iter().zip(1..) {
        cache.publish(*block, key);
    }
    // Another block with the same content does not displace the first.
    assert!(cache.extend(&mut second, 16));
    cache.publish(second[0], 1);
    cache.release(&mut second);
    let mut third = Vec::new();
    assert_eq!(cache.admit([1, 2].into_iter(), &mut third, 40, 100), Some((2, 8)));
    assert_eq!((third[..2] == first[..2], third.len(), cache.used()), (true, 3, 4));
    // Blocks in use by another need no room; a third one does, and there is none.
    let mut fourth = Vec::new();
    assert_eq!(cache.admit([1, 2].into_iter(), &mut fourth, 40, 100), None);
    assert!(fourth.is_empty());
    cache.release(&mut first);
    assert_eq!(cache.used(), 3, "two are shared");
    // Found blocks that nobody uses count against the room, too: 3 is there, but it is also the last free one.
    assert_eq!(cache.admit([1, 2, 3].into_iter(), &mut fourth, 49, 100), None);
    cache.release(&mut third);
    assert_eq!(cache.used(), 0);
}
