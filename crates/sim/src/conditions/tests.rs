//! What conditions do to a server: to one on a fixed grid, as exact times, and to a batching one.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use plimsoll_core::seed::Seed;
use plimsoll_core::time::Offset;

use super::*;
use crate::engine::{Ask, Emission, Engine, Event, Failure, JobId, Phase, Refused};
use crate::fixed::{Fixed, FixedOptions};
use crate::presets;

const MS: u64 = 1_000_000;

fn ms(millis: u64) -> Offset {
    Offset::from_nanos(millis * MS)
}

fn fixed(conditions: ConditionOptions) -> Engine {
    let options = FixedOptions {
        ttft: Duration::from_millis(50),
        itl: Duration::from_millis(10),
        slots: NonZeroU32::MIN,
        queue: None,
        jitter: 0.0,
        tokens_per_step: NonZeroU32::MIN,
        stall: Duration::ZERO,
        stall_rate: 0.0,
        seed: Seed(0),
    };
    Engine::Fixed(Fixed::under(options, Conditions::new(conditions).unwrap()))
}

fn llm(conditions: ConditionOptions) -> Engine {
    let mut options = presets::find("llama-3-8b-h100").unwrap().options();
    options.conditions = ConditionOptions { resident: 1000, ..conditions };
    Engine::Llm(crate::llm::Llm::new(options).unwrap())
}

fn ask(output_tokens: u32) -> Ask {
    Ask { prompt_tokens: 16, output_tokens, items: 1, prefix: Arc::default() }
}

/// Lets a request arrive after everything due by then; what was emitted until then.
fn arrive(engine: &mut Engine, at: Offset, id: u64, tokens: u32) -> Result<Vec<Emission>, Refused> {
    let mut out = Vec::new();
    engine.advance(at, &mut out);
    engine.arrive(at, JobId(id), &ask(tokens))?;
    Ok(out)
}

/// What is emitted until `until`, but for starts, as (ms, request, event).
fn until(engine: &mut Engine, until: Offset) -> Vec<(u64, u64, Event)> {
    let mut out = Vec::new();
    engine.advance(until, &mut out);
    let kept = out.iter().filter(|emission| emission.event != Event::Started);
    kept.map(|emission| (emission.at.as_nanos() / MS, emission.job.0, emission.event)).collect()
}

const TOKEN: Event = Event::Tokens(1);

#[test]
fn a_cold_server_refuses_until_it_is_loaded_and_is_slow_until_it_is_warm() {
    let mut engine = fixed(ConditionOptions {
        starts_cold: true,
        load: Duration::from_millis(100),
        warm_up: Some(WarmUp { time: Duration::ZERO, steps: 2, factor: 3.0 }),
        ..ConditionOptions::default()
    });
    assert_eq!(arrive(&mut engine, ms(40), 0, 1), Err(Refused::Loading(ms(100))));
    assert_eq!(engine.state(ms(40)).phase, Phase::Loading(ms(100)));
    assert_eq!(engine.next_event(), None);
    assert_eq!(arrive(&mut engine, ms(100), 1, 3), Ok(vec![]));
    assert_eq!(engine.state(ms(100)).phase, Phase::Ready);
    let expected = [(250, 1, TOKEN), (280, 1, TOKEN), (290, 1, TOKEN), (290, 1, Event::Finished)];
    assert_eq!(until(&mut engine, Offset::MAX), expected);
}

#[test]
fn a_crash_ends_every_request_and_the_restart_is_cold() {
    for mut engine in [fixed, llm].map(|make| {
        make(ConditionOptions {
            crash: Some(Crash::At(ms(1055))),
            restart_after: Some(Duration::from_millis(30)),
            load: Duration::from_millis(100),
            ..ConditionOptions::default()
        })
    }) {
        for id in [0, 1] {
            arrive(&mut engine, ms(1000), id, 500).unwrap();
        }
        let events = until(&mut engine, ms(1055));
        let failed = Event::Failed(Failure::Crashed);
        assert_eq!(events[events.len() - 2..], [(1055, 0, failed), (1055, 1, failed)]);
        assert_eq!(events[0].2, TOKEN, "it worked before");
        assert_eq!(arrive(&mut engine, ms(1060), 2, 1), Err(Refused::Down));
        assert_eq!(engine.state(ms(1060)).accelerator_bytes, 0);
        assert_eq!(arrive(&mut engine, ms(1085), 2, 1), Err(Refused::Loading(ms(1185))));
        arrive(&mut engine, ms(1185), 2, 1).unwrap();
        let events = until(&mut engine, Offset::MAX);
        assert_eq!(events.last().map(|event| (event.1, event.2)), Some((2, Event::Finished)));
        assert_eq!(engine.state(ms(5000)).kv_blocks_used, 0);
    }
}

#[test]
fn without_a_restart_it_stays_down() {
    let crash = Some(Crash::AfterRequests(2));
    let mut engine = fixed(ConditionOptions { crash, ..ConditionOptions::default() });
    for id in 0..3 {
        arrive(&mut engine, ms(0), id, 1).unwrap();
    }
    let expected = [
        (50, 0, TOKEN),
        (50, 0, Event::Finished),
        (100, 1, TOKEN),
        (100, 1, Event::Finished),
        (100, 2, Event::Failed(Failure::Crashed)),
    ];
    assert_eq!(until(&mut engine, Offset::MAX), expected);
    assert_eq!(arrive(&mut engine, Offset::MAX, 3, 1), Err(Refused::Down));
}

#[test]
fn during_a_stall_nothing_is_done() {
    let stall = Stall { at: ms(20), length: Duration::from_millis(100), every: None };
    let mut engine = fixed(ConditionOptions { stall: Some(stall), ..ConditionOptions::default() });
    arrive(&mut engine, ms(0), 0, 2).unwrap();
    assert_eq!(until(&mut engine, Offset::MAX)[..2], [(150, 0, TOKEN), (160, 0, TOKEN)]);

    let again = Stall { every: Some(Duration::from_millis(200)), ..stall };
    for (begin, work, end) in [
        (0, 20, 20),
        (0, 21, 121),
        (0, 250, 550),   // through the stalls from 20, 220 and 420
        (50, 10, 130),   // begins in one
        (120, 100, 220), // fits between two exactly
        (1_000_020, 1, 1_000_121),
    ] {
        assert_eq!(again.end_of(ms(begin), Duration::from_millis(work)), ms(end), "{begin} {work}");
    }
}

#[test]
fn a_leak_grows_with_requests_and_then_slows_or_kills() {
    let leak = |then| Leak { bytes_per_request: 500, limit: 2000, then };
    let with = |then| ConditionOptions { leak: Some(leak(then)), ..ConditionOptions::default() };
    let serve = |engine: &mut Engine, id| {
        let begin = ms(1000 * id);
        arrive(engine, begin, id, 1).map(|_| until(engine, ms(1000 * id + 999)))
    };
    let mut slow = llm(with(Exhausted::Slow(10.0)));
    let times: Vec<u64> = (1..4).map(|id| serve(&mut slow, id).unwrap()[0].0 % 1000).collect();
    assert_eq!(slow.state(ms(4000)).resident_bytes, 1000 + 3 * 500);
    assert_eq!(times, [8, 8, 84], "the limit is reached by the second");

    let mut deadly = llm(ConditionOptions { restart_after: Some(Duration::ZERO), ..with(Exhausted::Crash) });
    for id in 1..6 {
        assert_eq!(serve(&mut deadly, id).unwrap().len(), 2);
    }
    assert_eq!(deadly.state(ms(6000)).resident_bytes, 1500, "started again after 2 and after 4 requests");
}

#[test]
fn drift_makes_work_longer_by_the_hour() {
    let mut engine = fixed(ConditionOptions { drift_per_hour: 0.5, ..ConditionOptions::default() });
    for hours in [0, 1, 2] {
        let begin = hours * 3_600_000;
        arrive(&mut engine, ms(begin), hours, 1).unwrap();
        assert_eq!(until(&mut engine, ms(begin + 1000))[0].0, begin + 50 + 25 * hours);
    }
}

#[test]
fn a_request_that_takes_too_long_is_given_up_wherever_it_is() {
    let request_timeout = Some(Duration::from_millis(65));
    let mut engine = fixed(ConditionOptions { request_timeout, ..ConditionOptions::default() });
    arrive(&mut engine, ms(0), 0, 2).unwrap();
    arrive(&mut engine, ms(1), 1, 1).unwrap();
    arrive(&mut engine, ms(2), 2, 9).unwrap();
    let late = Event::Failed(Failure::TimedOut);
    let expected = [(50, 0, TOKEN), (60, 0, TOKEN), (60, 0, Event::Finished), (66, 1, late), (67, 2, late)];
    assert_eq!(until(&mut engine, Offset::MAX), expected);
    assert_eq!(engine.next_event(), None);
    assert_eq!((engine.state(ms(99)).running, engine.state(ms(99)).waiting), (0, 0));
}

#[test]
fn conditions_that_cannot_be_are_refused() {
    let base = ConditionOptions::default;
    let warm_up = Some(WarmUp { time: Duration::ZERO, steps: 1, factor: 0.5 });
    let stall = Stall { at: ms(0), length: Duration::from_secs(1), every: Some(Duration::from_secs(1)) };
    for (options, text) in [
        (ConditionOptions { warm_up, ..base() }, "must be 1 or more"),
        (ConditionOptions { stall: Some(stall), ..base() }, "at least 1 ms between"),
        (ConditionOptions { drift_per_hour: f64::NAN, ..base() }, "0 or more"),
        (ConditionOptions { crash: Some(Crash::AfterRequests(0)), ..base() }, "give 1 or more"),
    ] {
        let error = Conditions::new(options).unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
    }
}
