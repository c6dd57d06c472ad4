//! What holds for every server and every traffic.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use plimsoll_core::seed::Seed;
use plimsoll_core::time::Offset;
use proptest::prelude::*;

use super::{options, some};
use crate::conditions::{ConditionOptions, Crash};
use crate::engine::{Ask, Emission, Event, JobId};
use crate::llm::{Llm, LlmOptions, Speculative};

/// One request: milliseconds after the one before, what it asks, and when its client leaves, if it does.
#[derive(Clone, Debug)]
struct Visit {
    gap: u64,
    ask: Ask,
    leaves_after: Option<u64>,
}

fn visit() -> impl Strategy<Value = Visit> {
    let ask = (0_u32..120, 0_u32..60, 0_u64..3, 0_usize..8);
    (0_u64..200, ask, proptest::option::weighted(0.2, 0_u64..500)).prop_map(|(gap, ask, leaves_after)| {
        let (prompt_tokens, output_tokens, family, blocks) = ask;
        let prefix: Arc<[u64]> = (0..blocks as u64).map(|block| family << 32 | block).collect();
        Visit { gap, ask: Ask { prompt_tokens, output_tokens, items: 1, prefix }, leaves_after }
    })
}

fn server() -> impl Strategy<Value = LlmOptions> {
    let limits = (1_u32..6, 5_u32..64, 12_u32..60, 1_u32..17);
    let extras = (any::<bool>(), proptest::option::of(0_u32..8), 0_usize..4, 0.0..1.0, 0.0..0.9);
    let conditions = (proptest::option::of(200_u64..3000), proptest::option::of(500_u64..5000));
    (limits, extras, conditions).prop_map(|(limits, extras, (timeout, crash))| {
        let (seqs, tokens, blocks, block_size) = limits;
        let (prefix_caching, queue, drafts, acceptance, jitter) = extras;
        let guess = Speculative { acceptance: vec![acceptance; drafts], draft: Duration::from_millis(1) };
        LlmOptions {
            max_num_seqs: some(seqs),
            max_num_batched_tokens: some(tokens),
            kv_blocks: some(blocks),
            block_size: some(block_size),
            prefix_caching,
            queue,
            speculative: (drafts > 0).then_some(guess),
            jitter,
            conditions: ConditionOptions {
                request_timeout: timeout.map(Duration::from_millis),
                crash: crash.map(|at| Crash::At(Offset::from_nanos(at * 1_000_000))),
                restart_after: Some(Duration::from_millis(100)),
                ..ConditionOptions::default()
            },
            ..options()
        }
    })
}

/// Plays the visits; `look` sees the engine after each thing that happens. Returns all that was emitted, and for each
/// request whether it was refused or its client left.
fn run(
    options: LlmOptions,
    visits: &[Visit],
    mut look: impl FnMut(&Llm),
) -> (Vec<Emission>, HashMap<JobId, &'static str>, Llm) {
    let mut engine = Llm::new(options).unwrap();
    let (mut out, mut ends) = (Vec::new(), HashMap::new());
    // What is done to the engine, by time: arrivals (true) and departures.
    let mut calls = Vec::new();
    let mut now = 0;
    for (id, visit) in (0..).map(JobId).zip(visits) {
        now += visit.gap;
        calls.push((now, id, Some(&visit.ask)));
        calls.extend(visit.leaves_after.map(|after| (now + after, id, None)));
    }
    calls.sort_by_key(|&(at, id, ask)| (at, id, ask.is_none()));
    let mut advance = |engine: &mut Llm, until: Offset, out: &mut Vec<Emission>| {
        while let Some(at) = engine.next_event().filter(|&at| at <= until) {
            engine.advance(at, out);
            look(engine);
        }
        engine.advance(until, out); // changes of phase that nobody waits for
    };
    for (at, id, ask) in calls {
        let at = Offset::from_nanos(at * 1_000_000);
        advance(&mut engine, at, &mut out);
        match ask {
            Some(ask) => {
                if engine.arrive(at, id, ask).is_err() {
                    ends.insert(id, "refused");
                }
            }
            None => {
                let over = out.iter().any(|done| done.job == id && ends_with(done.event));
                engine.cancel(at, id);
                if !over {
                    ends.entry(id).or_insert("left");
                }
            }
        }
    }
    advance(&mut engine, Offset::MAX, &mut out);
    (out, ends, engine)
}

fn ends_with(event: Event) -> bool {
    matches!(event, Event::Finished | Event::Failed(_))
}

/// The limits of the server hold, and its books agree.
fn check_limits(engine: &Llm) {
    let options = engine.options();
    let jobs: Vec<_> = engine.running.iter().map(|&slot| &engine.jobs[slot as usize]).collect();
    assert!(jobs.len() <= options.max_num_seqs.get() as usize);
    let scheduled: u32 = jobs.iter().map(|job| job.scheduled).sum();
    assert!(scheduled <= options.max_num_batched_tokens.get());
    for job in &jobs {
        let room = job.blocks.len() as u32 * options.block_size.get();
        assert!(job.computed + job.scheduled <= room, "{job:?}");
        assert!(job.computed < job.known || job.scheduled == 0, "{job:?}");
    }
    let mut held: Vec<_> = jobs.iter().flat_map(|job| job.blocks.iter()).collect();
    held.sort_unstable();
    held.dedup();
    assert_eq!(held.len() as u32, engine.kv.used(), "blocks in use are those that requests hold");
    assert!(engine.kv.used() <= engine.kv.total());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn every_request_ends_once_and_gets_what_it_asked_for(
        options in server(),
        visits in proptest::collection::vec(visit(), 1..60),
    ) {
        let (out, ends, engine) = run(options, &visits, check_limits);
        prop_assert!(out.is_sorted_by_key(|emission| emission.at));
        for (id, visit) in (0..).map(JobId).zip(&visits) {
            let of: Vec<Event> = out.iter().filter(|done| done.job == id).map(|done| done.event).collect();
            let over = of.iter().filter(|&&event| ends_with(event)).count();
            prop_assert_eq!(over + usize::from(ends.contains_key(&id)), 1, "{:?}: {:?}", id, of);
            prop_assert!(over == 0 || ends_with(of[of.len() - 1]), "nothing comes after the end");
            prop_assert!(of.is_empty() || of[0] == Event::Started || matches!(of[0], Event::Failed(_)));
            prop_assert!(of.iter().filter(|&&event| event == Event::Started).count() <= 1);
            let tokens: u32 = of.iter().map(|event| if let Event::Tokens(count) = event { *count } else { 0 }).sum();
            prop_assert!(tokens <= visit.ask.output_tokens);
            if of.last() == Some(&Event::Finished) {
                prop_assert_eq!(tokens, visit.ask.output_tokens);
            }
        }
        prop_assert_eq!(engine.next_event(), None);
        let state = engine.state(Offset::MAX);
        prop_assert_eq!((state.kv_blocks_used, state.running, state.waiting), (0, 0, 0));
        prop_assert!(state.prefix_hits <= state.prefix_queries);
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes(
        options in server(),
        visits in proptest::collection::vec(visit(), 1..40),
        seed: u64,
    ) {
        let options = LlmOptions { seed: Seed(seed), ..options };
        let (once, ..) = run(options.clone(), &visits, |_| ());
        let (again, ..) = run(options, &visits, |_| ());
        prop_assert_eq!(once, again);
    }
}
